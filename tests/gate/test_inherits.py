"""What passes from one resource to another along a reference: one condition at a time. No database; test_inheriting.py asks it."""

from __future__ import annotations

import pytest

from sojourn.gate import bases
from sojourn.gate.inheriting import Source, passed_on, reaching

ALL, NONE, BUT_NOTES = ~0, 0, ~bases.APART
HIV = 1 << 5


@pytest.mark.parametrize(
    ("param", "target", "mask"),
    [
        *((p, "Encounter/e", BUT_NOTES) for p in ("encounter", "context", "part-of", "")), ("encounter", "EpisodeOfCare/e", NONE), ("subject", "Encounter/e", NONE), ("appointment", "Encounter/e", NONE),
        ("based-on", "ServiceRequest/s", ALL), ("based-on", "CarePlan/c", NONE), ("encounter", "ServiceRequest/s", NONE),
        *(("focus", f"{t}/x", ALL) for t in ("DiagnosticReport", "Observation", "ServiceRequest")), ("focus", "Condition/x", NONE), ("for", "Observation/x", NONE),
        ("entry", "Observation/x", ALL), ("result", "Observation/x", ALL), ("medication", "Medication/x", ALL), ("has-member", "Observation/x", NONE), ("subject", "Patient/p", NONE), ("focus", "ObservationX/x", NONE),
    ],
)  # fmt: skip
def test_which_references_pass_laws_on(param: str, target: str, mask: int) -> None:
    assert passed_on(param, target) == mask


def reaches(own: int, *, mask: int = ALL, made: tuple[int, ...] = (1,), whose: str | None = "p", type_: str = "Observation", has: int = 0, origin: tuple[int, ...] = (1,), patient: str | None = "p") -> int:
    return reaching(mask, Source(own, made, whose, ()), type_, has, origin, patient)


def test_a_law_reaches_what_is_of_the_same_patient_and_only_what_the_reference_passes() -> None:
    assert reaches(HIV) == HIV
    assert reaches(HIV | 64, mask=HIV) == HIV
    assert reaches(64, mask=HIV) == reaches(0) == NONE
    assert reaches(HIV, patient="q") == NONE
    assert reaches(HIV, patient=None) == reaches(HIV, whose=None) == reaches(HIV, patient=None, whose=None) == HIV
    assert reaches(HIV, origin=(2,)) == HIV, "a law of the state follows whoever made it"


def test_part_2_reaches_what_the_same_program_made_and_nothing_of_another() -> None:
    both = bases.PART2 | HIV
    assert reaches(both) == both
    assert reaches(both, origin=(1, 2)) == both
    assert reaches(both, made=(1, 2), origin=(1, 2)) == both
    assert reaches(both, origin=(2,)) == reaches(both, made=(1, 2)) == reaches(both, made=()) == reaches(both, origin=()) == NONE
    assert reaches(both, mask=HIV, origin=(2,)) == NONE, "nor what else is on another program's record"


def test_shared_types_take_the_laws_of_a_part_2_record_only_where_they_are_such_themselves() -> None:
    for type_ in ("Patient", "AllergyIntolerance"):
        assert reaches(bases.PART2 | HIV, type_=type_) == NONE
        assert reaches(bases.PART2 | HIV, type_=type_, has=bases.PART2) == HIV
        assert reaches(HIV, type_=type_) == HIV
