"""Whose way to a note kept apart a write makes: its author's, who is staff, and nobody else's."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sojourn.gate import apart, bases


def caller(kind: str = "staff") -> Any:
    """As much of a handle as is asked."""
    return SimpleNamespace(caller=SimpleNamespace(kind=kind, account="dana"))


@pytest.mark.parametrize(
    ("kind", "patient", "own", "granted"),
    [
        ("staff", "ana", bases.PSYCHOTHERAPY, [bases.PSYCHOTHERAPY]),
        ("staff", "ana", bases.SUD_COUNSELING | bases.PART2, [bases.SUD_COUNSELING]),
        ("staff", "ana", bases.SUD_COUNSELING | bases.PSYCHOTHERAPY, [bases.SUD_COUNSELING, bases.PSYCHOTHERAPY]),
        ("staff", "ana", bases.PART2 | bases.MINOR, []),
        ("staff", "ana", 0, []),
        ("staff", None, bases.PSYCHOTHERAPY, []),
        *((kind, "ana", bases.PSYCHOTHERAPY, []) for kind in ("system", "app", "organization", "patient", "proxy")),
    ],
)
def test_who_wrote_a_note_kept_apart_is_granted_that_note_for_treatment(kind: str, patient: str | None, own: int, granted: list[int]) -> None:
    rows = list(apart.grants(caller(kind), "DocumentReference", "n1", patient, own, 7))
    assert sorted(row[3] for row in rows) == sorted(granted)
    for row in rows:
        assert (row[:3], row[4:7], row[12]) == ((7, "ana", "permit"), ("originator:dana", ["TREAT"], "use"), ["DocumentReference/n1"])


@pytest.mark.parametrize("kind", ["system", "app", "organization", "patient", "proxy"])
def test_nobody_but_staff_asks_for_their_own_notes(kind: str) -> None:
    access = caller(kind)
    assert apart.opened(access) is access
