"""Templates that were compiled once are read at the next start, and never when they are not what was written."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from jinja2 import Environment

from sojourn.doors.staff.pages import PAGES
from sojourn.web.page import Pages


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    (tmp_path / "one.html").write_text("{{ 1 + 1 }} of it")
    return tmp_path


def said(folder: Path) -> str:
    """What a new process says."""
    return Pages(folder).environment.get_template("one.html").render()


def test_a_new_process_reads_what_another_compiled(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(folder) == "2 of it"
    with monkeypatch.context() as patched:
        patched.setattr(Environment, "_parse", lambda *_: pytest.fail("it was compiled again"))
        assert said(folder) == "2 of it"
    (folder / "one.html").write_text("another")
    assert said(folder) == "another"


@pytest.mark.parametrize("harm", [lambda b: b[: len(b) // 2], lambda _: b"", lambda b: b[:30] + b"?" * 30 + b[60:]])
def test_what_is_damaged_is_compiled_again(folder: Path, harm: object) -> None:
    assert callable(harm)
    said(folder)
    (kept,) = (folder / "__pycache__").iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(harm(whole))
    assert said(folder) == "2 of it"
    assert kept.read_bytes() == whole


def test_where_nothing_can_or_may_be_kept_a_process_compiles_for_itself(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "__pycache__").write_text("a file where a folder would be")
    assert said(folder) == "2 of it"
    (folder / "__pycache__").unlink()
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert said(folder) == "2 of it"
    assert [p.name for p in folder.iterdir()] == ["one.html"]


def test_every_template_can_be_read_before_the_first_page_is_asked_for() -> None:
    PAGES.load()
    assert PAGES.environment.cache is not None
    assert {name for _, name in PAGES.environment.cache} >= {"base.html", "today/today.html", "results/inbox.html"}
