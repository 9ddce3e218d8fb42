"""Files that carry their hash: a module names another one by the name that it is served under."""

from __future__ import annotations

import re
from pathlib import Path

from sojourn.web.static import FOLDER, Files


def test_a_module_imports_another_by_its_hashed_name_and_changes_its_own_with_it(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.js").write_text('import { two } from "./two.js";\nimport * as three from "./three.js";\nconst text = "./two.js";\n')
    (tmp_path / "a" / "two.js").write_text('import "./three.js";\nexport const two = 2;\n')
    (tmp_path / "a" / "three.js").write_text("export const x = 3;\n")
    first = Files(tmp_path)
    served = first._files[first.name("a/one.js")].content.decode()
    assert re.findall(r'"\./([^"]+)"', served) == [first.name("a/two.js").removeprefix("a/"), first.name("a/three.js").removeprefix("a/"), "two.js"]
    (tmp_path / "a" / "three.js").write_text("export const x = 4;\n")
    second = Files(tmp_path)
    assert {name for name in ("a/one.js", "a/two.js", "a/three.js") if first.name(name) != second.name(name)} == {"a/one.js", "a/two.js", "a/three.js"}


def test_no_module_of_ours_is_longer_than_300_lines() -> None:
    assert {p.name: n for p in FOLDER.rglob("*.js") if "vendor" not in p.parts and (n := len(p.read_text("utf-8").splitlines())) > 300} == {}
