"""Which laws a subpoena and a court order satisfy, each asked alone, and why what stays stays. No database."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from sojourn.gate import bases, compelled
from sojourn.gate.compelled import Instrument

ACCESS: Any = SimpleNamespace(now=datetime(2026, 3, 1, 12, tzinfo=UTC))
BY_STATE = {"mental_health", "hiv", "reproductive", "violence", "genetic", "minor"}
ORDER = {"ordinary", *BY_STATE}


def passes(words: str, **more: Any) -> set[str]:
    found = compelled.mask(ACCESS, Instrument(words, **more))
    return {b.name for b in bases.BASES if b.bit & found and b.code} | ({"ordinary"} if found & bases.ORDINARY else set())


@pytest.mark.parametrize(
    ("words", "assured", "lets"),
    [
        ("", False, set()), ("", True, set()),
        ("subpoena", False, set()), ("subpoena", True, {"ordinary"}),
        ("court_order", False, ORDER), ("court_order", True, ORDER),
        ("court_order_2_64", True, ORDER),
        ("court_order_2_64+subpoena", False, {*ORDER, "part2"}), ("court_order_2_65+subpoena", False, {*ORDER, "part2"}),
    ],
)  # fmt: skip
def test_a_subpoena_needs_assurances_a_law_of_the_state_an_order_and_part_2_an_order_of_its_own_with_a_subpoena(words: str, assured: bool, lets: set[str]) -> None:
    assert passes(words, assured=assured) == lets


def test_nothing_that_is_served_lets_notes_kept_apart_pass_or_what_the_patient_asked_to_keep() -> None:
    for words in ("subpoena", "court_order", "court_order_2_64+subpoena", "court_order_2_65+subpoena"):
        assert not passes(words, assured=True) & {"sud_counseling", "psychotherapy", "patient_requested"}


@pytest.mark.parametrize(
    ("code", "words", "said"),
    [
        ("42CFRPart2", "subpoena", "42 CFR 2.61"), ("42CFRPart2", "court_order_2_64+subpoena", "within what the order names"), ("PSYTHPN", "court_order_2_64+subpoena", "45 CFR 164.508(a)(2)"),
        ("HIV", "subpoena", "45 CFR 160.203(b)"), ("HIV", "court_order", "within what the order names"), ("", "subpoena", "within what the order names"),
    ],
)  # fmt: skip
def test_what_stays_says_by_which_section(code: str, words: str, said: str) -> None:
    resource = {"meta": {"security": [{"system": bases.ACT_CODE, "code": code}]}} if code else {"resourceType": "Condition"}
    assert said in compelled.why(ACCESS, Instrument(words, assured=True), resource)
