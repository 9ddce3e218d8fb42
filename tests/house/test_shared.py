"""Where CI runs nothing that is missing may pass for something that held; elsewhere tests without it skip."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shared import NotHere, needs, needs_command

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize(("ci", "over"), [("true", 2), ("", 0)])
def test_the_scenarios_skip_without_the_shared_material_and_under_ci_the_run_fails(tmp_path: Path, ci: str, over: int) -> None:
    (tmp_path / "tests").mkdir()
    for name in ("__init__.py", "shared.py"):
        (tmp_path / "tests" / name).write_text((TESTS / name).read_text("utf-8") if (TESTS / name).exists() else "")
    (tmp_path / "tests" / "test_one.py").write_text("from tests.shared import needs_shared\n\n\n@needs_shared\ndef test_one() -> None:\n    raise AssertionError\n\n\ndef test_two() -> None:\n    pass\n")
    environment = {k: v for k, v in os.environ.items() if k not in ("SOJOURN_SHARED", "CI", "PYTEST_ADDOPTS")} | {"CI": ci, "PYTHONPATH": str(tmp_path)}
    run = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert run.returncode == over, run.stdout
    assert ("shared material" in run.stdout) == (ci == "true")


def test_a_command_that_is_missing_skips_or_ends_the_run() -> None:
    assert needs_command("no-such-command", everything=False).args == (True,)
    assert needs_command("sh", everything=True).args == (False,)
    with pytest.raises(NotHere, match="no-such-command"):
        needs_command("no-such-command", everything=True)
    with pytest.raises(NotHere):
        needs("it", there=False, everything=True)


@pytest.mark.parametrize("name", ["openssl", "sftp", "gpg"])
def test_nobody_skips_on_their_own_without_these(name: str) -> None:
    """By a condition on the command that is not the one helper's."""
    own = [
        f"{file.relative_to(TESTS)}:{call.lineno}" for file in TESTS.rglob("test_*.py") for call in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "skipif" and f"which({name!r})" in ast.unparse(call)
    ]  # fmt: skip
    assert own == []
