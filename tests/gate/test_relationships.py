"""Who is related to a patient by what is written, and from when to when: one thing at a time. No database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sojourn.gate import bases, elsewhere
from sojourn.gate.consenting.validity import EVER, FOREVER
from sojourn.gate.reach import starting_days
from sojourn.gate.relationships import GUARDIANS, PARENTS, SOURCES, Source, compiled, of_order

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
DAYS = starting_days()
P, ME, OTHER, ROOM, OUT = ({"reference": r} for r in ("Patient/p", "Practitioner/a", "Practitioner/b", "Location/u", "Organization/x"))


def rows(resource: dict[str, Any], own: int = 0, origin: tuple[int, ...] = (2,), author: str | None = "Practitioner/w", *, created: bool = True) -> list[tuple[Any, ...]]:
    """(key, kind, from, to) of each, without the number of the write; all are about the patient."""
    made = compiled(resource, 7, Source(own, origin, author, NOW, DAYS, created))
    assert all(row[:2] == (7, "p") for row in made)
    return [row[2:] for row in made]


def keys(resource: dict[str, Any], *how: Any, **more: Any) -> list[str]:
    return [row[0] for row in rows(resource, *how, **more)]


def window(resource: dict[str, Any]) -> tuple[datetime, datetime]:
    (found,) = {row[2:] for row in rows(resource)}
    return found


def team(*members: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"resourceType": "CareTeam", "subject": P, "participant": [{"member": m} for m in members], **more}


def episode(**more: Any) -> dict[str, Any]:
    return {"resourceType": "EpisodeOfCare", "status": "active", "patient": P, **more}


def visit(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Encounter", "status": "in-progress", "subject": P, **more}


def booked(*actors: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"resourceType": "Appointment", "status": "booked", "participant": [{"actor": a} for a in actors or (P, ME)], **more}


def order(*performers: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"resourceType": "ServiceRequest", "id": "o", "status": "active", "subject": P, "performer": list(performers), **more}


def related(*codes: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "RelatedPerson", "id": "r", "patient": P, "relationship": [{"coding": [{"code": c}]} for c in codes], **more}


ALL = (team(ME), episode(careManager=ME), visit(participant=[{"individual": ME}]), booked(), order(ME))


@pytest.mark.parametrize("one", ALL, ids=lambda r: r["resourceType"])
def test_a_program_and_the_people_named_are_related_by_each_of_these(one: dict[str, Any]) -> None:
    assert keys(one) == ["program:2", "Practitioner/a@0"]
    assert keys(one, 0, (2, 3)) == ["program:2", "program:3", "Practitioner/a@0"]
    assert keys(one, bases.PART2, (1,)) == ["program:1", "Practitioner/a@1"], "only the people of a Part 2 program may know by it"
    assert keys(one, bases.PART2, (1, 2)) == ["program:1", "program:2", "Practitioner/a@1", "Practitioner/a@2"]
    assert keys(one, bases.PATIENT_REQUESTED) == ["program:2", "Practitioner/a@0"]


@pytest.mark.parametrize("one", [*ALL, related("MTH")], ids=lambda r: r["resourceType"])
@pytest.mark.parametrize("law", [bases.UNLABELLED, bases.SUD_COUNSELING, bases.PSYCHOTHERAPY])
def test_what_nobody_sees_by_their_role_relates_nobody(one: dict[str, Any], law: int) -> None:
    assert rows(one, law) == rows(one, law | bases.PART2) == []


def test_what_is_about_nobody_or_is_of_another_type_relates_nobody() -> None:
    for one in (team(ME, subject=None), team(ME, subject={"reference": "Group/p"}), {"resourceType": "Observation", "subject": P, "performer": [ME]}):
        assert rows(one) == []
    assert {"CareTeam", "EpisodeOfCare", "Encounter", "Appointment", "ServiceRequest", "Patient", "RelatedPerson"} == SOURCES


def test_an_organization_outside_is_related_by_what_stands_under_no_law_alone() -> None:
    for one in (team(OUT), team(managingOrganization=[OUT]), episode(managingOrganization=OUT), order(OUT)):
        assert keys(one) == ["program:2", "Organization/x"]
        assert keys(one, bases.PART2) == keys(one, bases.PATIENT_REQUESTED) == ["program:2"]
    assert keys(team(OUT, {"reference": "Organization/b"}, OTHER, ME)) == ["program:2", "Practitioner/a@0", "Practitioner/b@0", "Organization/b", "Organization/x"]
    assert keys(team(ROOM, P, {"reference": "RelatedPerson/r"}, {"display": "somebody"}, {})) == ["program:2", "Location/u@0"]


@pytest.mark.parametrize(
    ("one", "over"),
    [
        (team(ME, status="inactive"), True), (team(ME, status="entered-in-error"), True), (team(ME, status="suspended"), False), (team(ME, status="proposed"), False),
        (episode(status="cancelled"), True), (episode(status="entered-in-error"), True), (episode(status="waitlist"), False), (episode(status="onhold"), False),
        (visit(status="cancelled"), True), (visit(status="entered-in-error"), True), (visit(status="planned"), False), (visit(status="unknown"), False),
        (visit(type=[{"coding": [{"system": elsewhere.SYSTEM, "code": elsewhere.CODE}]}]), True),
        (booked(status="cancelled"), True), (booked(status="entered-in-error"), True), (booked(status="noshow"), False), (booked(status="proposed"), False),
        (booked(serviceType=[{"coding": [{"system": elsewhere.SYSTEM, "code": elsewhere.CODE}]}]), True),
        (order(ME, status="draft"), False), (order(ME, status="on-hold"), False), (order(ME, status="completed"), True), (order(ME, status="unknown"), True), (order(ME, encounter={"reference": "Encounter/e"}), True),
    ],
)  # fmt: skip
def test_what_was_a_mistake_never_came_about_or_took_place_elsewhere_relates_nobody(one: dict[str, Any], over: bool) -> None:
    assert (rows(one) == []) is over


@pytest.mark.parametrize(("one", "kind"), [(team(ME), "care-team"), (episode(), "episode"), (visit(), "visit"), (order(ME), "referral"), (booked(), "appointment")])
def test_a_relation_begins_with_its_first_day_or_now_and_ends_its_days_after_the_last(one: dict[str, Any], kind: str) -> None:
    assert {row[1] for row in rows(one)} == {kind}
    assert window(one) == (EVER, FOREVER)
    if kind in ("referral", "appointment"):
        return
    assert window({**one, "period": {"start": "2026-01-01"}}) == (datetime(2026, 1, 1, tzinfo=UTC), FOREVER)
    assert window({**one, "period": {"start": "2026-05-01"}}) == (NOW, FOREVER), "people prepare"
    assert window({**one, "period": {"end": "2026-02-01"}}) == (EVER, datetime(2026, 2, 2, tzinfo=UTC) + timedelta(days=DAYS[kind]))


def test_what_is_finished_without_a_day_is_over_now() -> None:
    for one, kind in ((episode(status="finished"), "episode"), (visit(status="finished"), "visit")):
        assert window(one) == (EVER, NOW + timedelta(days=DAYS[kind]))
        assert window({**one, "period": {"end": "2026-02-01"}})[1] == datetime(2026, 2, 2, tzinfo=UTC) + timedelta(days=DAYS[kind])


def test_an_appointment_relates_those_who_are_booked_for_its_time_where_it_is_one_persons() -> None:
    assert keys(booked(P, ME, OTHER, ROOM, OUT)) == ["program:2", "Practitioner/a@0", "Practitioner/b@0"]
    assert rows(booked(P, {"reference": "Patient/q"}, ME)) == rows(booked(ME)) == []
    when = {"start": "2026-02-01T09:00:00Z", "end": "2026-02-01T10:00:00Z"}
    assert window(booked(**when)) == (datetime(2026, 2, 1, 9, tzinfo=UTC), datetime(2026, 2, 1, 10, 0, 1, tzinfo=UTC) + timedelta(days=DAYS["appointment"]))


def test_a_unit_is_related_while_somebody_is_or_will_be_there() -> None:
    def at(place: str | None, **more: Any) -> list[str]:
        return keys(visit(location=[{"location": ROOM, **({"status": place} if place else {})}], **more))

    for place in (None, "active", "reserved", "planned"):
        assert at(place) == ["program:2", "Location/u@0"]
    assert at("completed") == ["program:2"]
    assert at("active", status="finished") == ["program:2"]


def test_who_registers_somebody_is_related_for_a_while_and_everybody_is_to_themselves() -> None:
    person = {"resourceType": "Patient", "id": "p"}
    until = NOW + timedelta(days=DAYS["registered"])
    me = ("Patient/p", "self", EVER, FOREVER)
    assert rows(person) == [("program:2", "registered", NOW, until), ("Practitioner/w@0", "registered", NOW, until), me]
    assert rows(person, bases.PART2, (1,)) == [("program:1", "registered", NOW, until), ("Practitioner/w@1", "registered", NOW, until), me]
    assert rows(person, author=None) == [("program:2", "registered", NOW, until), me]
    assert rows(person, created=False) == [], "an edit registers nobody"


def test_who_is_named_outside_by_an_order_that_was_taken_back_is_told_that_and_nothing_else() -> None:
    until = NOW + timedelta(days=7)
    for status in ("revoked", "entered-in-error"):
        assert rows(order(OUT, ME, {"reference": "Organization/b"}, OUT, status=status)) == [(of_order("o", r), "referral", NOW, until) for r in ("Organization/b", "Organization/x")]
        assert rows(order(OUT, status=status), bases.PART2) == rows(order(OUT, status=status, encounter={"reference": "Encounter/e"})) == rows(order(OUT, status=status, subject={"reference": "Group/g"})) == []
    assert of_order("o", "Organization/x") == "order:o:Organization/x"


def test_parents_and_guardians_act_for_a_patient_and_nobody_else_does() -> None:
    assert rows(related("MTH")) == [("RelatedPerson/r", "parent", EVER, FOREVER)]
    assert all(rows(related(c))[0][1] == "parent" for c in PARENTS)
    assert all(rows(related(c))[0][1] == "guardian" for c in GUARDIANS)
    assert rows(related("MTH", "GUARD"))[0][1] == "guardian"
    assert rows(related("MTH"), bases.PART2) == [("RelatedPerson/r", "parent", EVER, FOREVER)]
    for nobody in (related(), related("SIS"), related("MTH", active=False), related("MTH", patient={"reference": "Group/p"})):
        assert rows(nobody) == []
    assert rows(related("MTH", active=True, period={"start": "2026-01-01", "end": "2026-02-01"})) == [("RelatedPerson/r", "parent", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 2, tzinfo=UTC))]
    assert rows({"resourceType": "RelatedPerson", "id": "r", "patient": P, "relationship": [{"text": "mother"}, {"coding": [{}]}]}) == []
