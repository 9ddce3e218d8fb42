"""By what right somebody has an account, as far as who invites them sees it: one rule at a time. No database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sojourn.gate import minors, patientaccounts
from sojourn.gate.patientaccounts import PURPOSE, Right
from tests.people import consent

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
NY = ("NY",)


def born(years: int, month: int = 11, day: int = 2) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": "p", "birthDate": f"{2026 - years}-{month:02}-{day:02}"}


def related(*codes: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "RelatedPerson", "id": "r", "relationship": [{"coding": [{"code": code}]} for code in codes], **more}


def permission(reference: str = "RelatedPerson/r", *kinds: str, start: str = "2026-01-01", end: str = "2027-06-01", purposes: tuple[str, ...] = (PURPOSE,), **more: Any) -> dict[str, Any]:
    provision = {"period": {"start": start, "end": end}, "actor": [{"reference": {"reference": reference}}], "class": [{"code": kind} for kind in kinds], **more}
    return {**consent("p", "x", purposes=purposes, provision=provision), "id": "c"}


def acting(client: dict[str, Any], person: dict[str, Any], *forms: dict[str, Any], states: tuple[str, ...] = NY) -> Right:
    return patientaccounts._acting(client, person, forms, states, NOW)


@pytest.mark.parametrize(("years", "day", "refused"), [(15, 2, True), (16, 3, True), (16, 2, False), (40, 2, False)])
def test_who_is_old_enough_to_consent_alone_signs_in_alone(years: int, day: int, refused: bool) -> None:
    right = patientaccounts._own(born(years, day=day), NY, NOW)
    assert (right.kind, right.withheld, right.types, right.states, bool(right.refused)) == ("self", 0, None, NY, refused)
    assert right.age == (years if day == 2 else years - 1)
    assert not refused or "Under 16" in right.refused
    assert patientaccounts._own({"resourceType": "Patient"}, NY, NOW) == Right("self", states=NY)


@pytest.mark.parametrize("code", ["PRN", "MTH", "FTHFOST"])
@pytest.mark.parametrize(("years", "day", "acts"), [(0, 2, True), (17, 2, True), (18, 3, True), (18, 2, False), (40, 2, False)])
def test_a_parent_acts_for_a_child_until_the_day_it_is_of_age(code: str, years: int, day: int, acts: bool) -> None:
    right = acting(born(years, day=day), related(code))
    age = years if day == 2 else years - 1
    if acts:
        assert right == Right("parent", minors.withheld(NY, age, NOW), None, None, datetime(2026 - years + 18, 11, day, tzinfo=UTC), age, NY)
    else:
        assert (right.kind, right.age, "acts for a child" in right.refused) == ("", years, True)


def test_a_parent_is_not_appointed_for_an_adult_and_a_friend_of_one_is_told_of_consents() -> None:
    assert acting(born(40), related("PRN", period={"start": "2020-01-01"})).refused.startswith("A parent acts for a child")
    assert acting(born(40), related("FRND")).refused.startswith("Being related opens nothing")


def test_of_somebody_whose_age_is_not_known_no_parent_acts() -> None:
    assert acting({"resourceType": "Patient"}, related("PRN")).refused.startswith("A parent acts for a child")


def test_of_the_29th_of_february_the_day_after_it_is_the_birthday() -> None:
    assert acting({"birthDate": "2012-02-29"}, related("PRN")).until == datetime(2030, 3, 1, tzinfo=UTC)
    assert acting({"birthDate": "2012-02-28"}, related("PRN")).until == datetime(2030, 2, 28, tzinfo=UTC)


@pytest.mark.parametrize(
    ("person", "words"),
    [
        (related("PRN", active=False), "not act for this client any more"), (related("PRN", period={"end": "2026-11-01"}), "not act for this client any more"),
        (related("PRN", period={"start": "2026-11-03"}), "Being related opens nothing"), (related("FRND"), "Being related opens nothing"), (related(), "Being related opens nothing"),
        (related("FRND", active=False), "not act for this client any more"), (related("GUARD", period={"start": "2026-11-03"}), "Being related opens nothing"),
    ],
)  # fmt: skip
def test_who_is_only_related_or_not_any_more_does_not_act_for_a_child(person: dict[str, Any], words: str) -> None:
    right = acting(born(10), person)
    assert (right.kind, words in right.refused, right.age, right.states) == ("", True, 10, NY)


def test_the_first_and_the_last_day_of_a_parent_count() -> None:
    right = acting(born(10), related("PRN", period={"start": "2026-11-02", "end": "2026-11-02"}))
    assert (right.kind, right.since, right.until) == ("parent", datetime(2026, 11, 2, tzinfo=UTC), datetime(2026, 11, 3, tzinfo=UTC))


def test_a_guardian_of_a_child_ends_with_childhood_and_of_an_adult_with_the_order() -> None:
    assert acting(born(10), related("GUARD")).until == datetime(2034, 11, 2, tzinfo=UTC)
    both = acting(born(10), related("PRN", "GUARD"))
    assert both.kind == "guardian"
    grown = acting(born(40), related("HPOWATT", period={"start": "2020-01-01"}))
    assert grown == Right("guardian", minors.FROM_PROXIES, None, datetime(2020, 1, 1, tzinfo=UTC), None, 40, NY)
    assert acting(born(40), related("GUARD", period={"start": "2020-01-01", "end": "2027-01-01"})).until == datetime(2027, 1, 2, tzinfo=UTC)
    for person in (related("GUARD"), related("GUARD", period={"start": "2000-01-01"})):
        assert "guardian of a child" in acting(born(40), person).refused
    for known in ({}, {"birthDate": "2001"}, {"birthDate": "2001-02"}):
        assert "guardian of a child" in acting(known, related("GUARD", period={"start": "2019-02-27"})).refused, "it may be of a child"
    assert acting({"birthDate": "2001"}, related("GUARD", period={"start": "2019-12-31"})).kind == "guardian"


def test_a_consent_that_names_them_opens_what_it_names_while_it_lasts() -> None:
    right = acting(born(40), related("FRND"), permission("RelatedPerson/r", "Observation", "Condition", start="2026-01-01", end="2026-12-31"))
    assert (right.kind, right.withheld, right.types, right.age, right.states, right.refused) == ("consent", minors.FROM_PROXIES, ("Condition", "Observation"), 40, NY, "")
    assert right.since is not None
    assert right.until is not None
    assert (right.since.date().isoformat(), right.until.date().isoformat()) == ("2026-01-01", "2027-01-01")


@pytest.mark.parametrize(
    "form",
    [
        permission(end="2026-11-01"), permission("RelatedPerson/other"), permission("Patient/r"), permission(purposes=("TREAT",)), permission(start="2026-12-01"), permission(type="deny"),
        {**permission(), "status": "inactive"},
    ],
)  # fmt: skip
def test_a_consent_that_does_not_open_is_none(form: dict[str, Any]) -> None:
    assert acting(born(40), related("FRND"), form).kind == ""


def test_several_consents_add_up() -> None:
    one = permission("RelatedPerson/r", "Observation", start="2026-03-01", end="2026-12-01")
    two = permission("RelatedPerson/r", "Condition", start="2026-02-01", end="2027-02-01")
    right = acting(born(40), related("FRND"), one, permission("RelatedPerson/other", "Goal"), two)
    assert right.types == ("Condition", "Observation")
    assert right.since is not None
    assert right.until is not None
    assert (right.since.date().isoformat(), right.until.date().isoformat()) == ("2026-02-01", "2027-02-02")
    assert acting(born(40), related("FRND"), permission()).types is None
    assert acting(born(40), related("FRND"), one, permission("RelatedPerson/r")).types is None
    assert acting(born(40), related("FRND"), permission("RelatedPerson/r"), one).types is None


def test_logins_are_made_up() -> None:
    made = {patientaccounts._login() for _ in range(50)}
    assert len(made) == 50
    assert all(len(one) == 9 and one[4] == "-" and not set(one) - set("abcdefghijkmnpqrstuvwxyz23456789-") for one in made)
