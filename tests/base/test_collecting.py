"""Garbage is looked for when nobody waits."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from sojourn.base import collecting
from sojourn.base.collecting import Collecting


class Node:
    """Something that refers to itself."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture
def manual() -> Iterator[None]:
    """The collector does nothing of its own accord, and has nothing to do yet."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def litter() -> weakref.ref[Node]:
    """Garbage, much of it; one piece of it to watch."""
    made = [Node() for _ in range(25_000)]
    return weakref.ref(made[-1])


def test_garbage_goes_when_there_is_much_and_nobody_waits(manual: None) -> None:
    waiting = True
    task = Collecting(lambda: waiting)
    assert task.look() is None, "there is little"
    gone = litter()
    assert task.look() is None, "somebody waits"
    assert gone() is not None
    waiting = False
    assert task.look() == 1
    assert gone() is None
    assert task.look() is None


def test_garbage_goes_also_when_somebody_waits_for_very_long(manual: None) -> None:
    gone = litter()
    task = Collecting(lambda: True)
    assert {task.look() for _ in range(collecting._PATIENT)} == {None}
    assert task.look() == 1
    assert gone() is None


def test_now_and_then_everything_is_looked_through(manual: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "_WHOLE", 3)
    task, found = Collecting(lambda: False), []
    for _ in range(4):
        litter()
        found.append(task.look())
    assert found == [1, 1, 2, 1]
