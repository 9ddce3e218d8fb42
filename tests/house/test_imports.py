"""The contracts on imports hold, and cover everything that there is."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]


def contract(start: str) -> dict[str, list[str]]:
    return next(c for c in CONTRACTS if c["name"].startswith(start))


def floors() -> set[str]:
    """The packages and modules at the top of the code."""
    return {path.stem for path in (ROOT / "src" / "sojourn").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()} - {"__init__"}


def test_every_floor_beneath_the_wiring_is_kept_from_sql() -> None:
    forbidden = {name.removeprefix("sojourn.") for name in contract("One SQL")["source_modules"]}
    assert floors() - {"__main__", "cli", "app", "base", "listeners", "duties", "record"} == forbidden


def test_every_floor_beneath_the_doors_is_kept_from_http() -> None:
    forbidden = {name.removeprefix("sojourn.") for name in contract("HTTP")["source_modules"]}
    assert floors() - {"__main__", "cli", "app", "listeners", "duties", "doors", "web"} == forbidden


def test_the_contracts_are_kept() -> None:
    import os

    from importlinter.cli import lint_imports

    here = Path.cwd()
    os.chdir(ROOT)
    try:
        assert lint_imports(no_cache=True) == 0
    finally:
        os.chdir(here)
