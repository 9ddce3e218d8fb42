"""Who may sign, by age, right and paper: one condition at a time. No database."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from sojourn.gate.consenting import signers
from sojourn.gate.consenting.signers import Signer, age
from tests.people import consent

TODAY = date(2026, 3, 1)
PART2, OTHER = consent("p", "x"), consent("p", "x", kind="hipaa_authorization")
ADULT, CHILD, NOBODY_KNOWS = {"birthDate": "1988-03-04"}, {"birthDate": "2010-03-04"}, {"birthDate": "1988"}
DEAD = {**ADULT, "deceasedDateTime": "2026-01-01"}
PAPER, NAME = "court order of 1 May 2025", "Rosa Adler"


def problems(authority: str, patient: dict[str, Any], form: dict[str, Any] = PART2, **more: str) -> list[str]:
    return [p.partition(":")[0] for p in signers.problems(form, Signer(authority, **more), patient, TODAY)]


@pytest.mark.parametrize(
    ("authority", "patient", "form", "more", "found"),
    [
        ("patient", ADULT, PART2, {}, []),
        ("", ADULT, PART2, {}, ["42 CFR 2.31(a)(8)"]),
        ("neighbour", ADULT, PART2, {}, ["42 CFR 2.31(a)(8)"]),
        ("patient", NOBODY_KNOWS, PART2, {}, ["42 CFR 2.14"]),
        ("patient", NOBODY_KNOWS, OTHER, {}, []),
        ("patient", CHILD, PART2, {}, ["42 CFR 2.14"]),
        ("patient", CHILD, OTHER, {}, []),
        ("minor", CHILD, PART2, {"evidence": PAPER}, []),
        ("minor", CHILD, PART2, {}, ["42 CFR 2.14"]),
        ("minor", CHILD, PART2, {"evidence": "law"}, ["42 CFR 2.14"]),
        ("minor", CHILD, PART2, {"evidence": "rule"}, []),
        ("minor", ADULT, PART2, {"evidence": PAPER}, ["42 CFR 2.14"]),
        ("minor", NOBODY_KNOWS, PART2, {"evidence": PAPER}, []),
        ("minor_and_parent", CHILD, PART2, {"second": NAME}, []),
        ("minor_and_parent", CHILD, PART2, {"second": "Rosa"}, ["42 CFR 2.14(c)"]),
        ("minor_and_parent", ADULT, PART2, {"second": NAME}, ["42 CFR 2.14"]),
        ("guardian", ADULT, PART2, {"evidence": PAPER, "name": NAME}, []),
        ("guardian", ADULT, PART2, {"evidence": PAPER, "reference": "RelatedPerson/r"}, []),
        ("guardian", ADULT, PART2, {"evidence": PAPER, "name": "Rosa"}, ["42 CFR 2.31(a)(8)"]),
        ("guardian", ADULT, PART2, {"name": NAME}, ["42 CFR 2.15(a)(1)"]),
        ("guardian", CHILD, PART2, {"evidence": PAPER, "name": NAME}, ["42 CFR 2.14"]),
        ("guardian", CHILD, OTHER, {"evidence": PAPER, "name": NAME}, []),
        ("representative", ADULT, PART2, {"name": NAME}, ["42 CFR 2.15; 45 CFR 164.502(g)"]),
        ("representative", ADULT, PART2, {"evidence": PAPER}, ["42 CFR 2.31(a)(8)"]),
        ("personal_representative", DEAD, PART2, {"evidence": PAPER, "name": NAME}, []),
        ("personal_representative", {**ADULT, "deceasedBoolean": True}, PART2, {"evidence": PAPER, "name": NAME}, []),
        ("personal_representative", {**ADULT, "deceasedBoolean": False}, PART2, {"evidence": PAPER, "name": NAME}, ["42 CFR 2.15(b)(2)"]),
        ("personal_representative", DEAD, PART2, {"name": NAME}, ["42 CFR 2.15(b)(2)"]),
        ("personal_representative", DEAD, PART2, {"evidence": PAPER}, ["42 CFR 2.31(a)(8)"]),
        ("patient", DEAD, PART2, {}, ["42 CFR 2.15(b)(2)"]),
        ("guardian", DEAD, PART2, {"evidence": PAPER, "name": NAME}, ["42 CFR 2.15(b)(2)"]),
    ],
)
def test_who_may_sign(authority: str, patient: dict[str, Any], form: dict[str, Any], more: dict[str, str], found: list[str]) -> None:
    assert problems(authority, patient, form, **more) == found


@pytest.mark.parametrize(
    ("born", "years"),
    [("2008-03-01", 18), ("2008-03-02", 17), ("2008-02-29", 18), ("2008-04-01", 17), ("2026-03-01", 0), ("1988", None), ("", None), (None, None), ("2008-02-30", None)],
)
def test_an_age_is_in_whole_years_from_the_birthday_on(born: str | None, years: int | None) -> None:
    assert age({"birthDate": born}, TODAY) == years
    assert age({}, TODAY) is None
