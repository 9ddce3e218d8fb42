"""Supervision, units, sites, days and limits of signing in: kept on a page by those who edit roles, acting at once, with history."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.record.database import Dsn
from tests import people
from tests.people import START, Clinic
from tests.web.real import ADMIN, Visitor, furnish, later


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations, and a clock that stands still."""
    with clock.using(FakeClock(START)):
        made = await people.open_clinic(database)
        await furnish(made)
        yield made
        await people.close_clinic(made)


async def administrator(clinic: Clinic) -> Visitor:
    visitor = Visitor(clinic)
    await visitor.sign_in(ADMIN)
    await visitor.get("/places")
    return visitor


async def looked(visitor: Visitor) -> None:
    """What comes after a change: the page once more, for whoever they are now."""
    for _ in range(2):
        await visitor.get("/places")


async def seen(clinic: Clinic, who: str, p: str) -> int:
    return (await clinic.get(who, f"Patient/{p}")).status


async def test_supervision_opens_and_closes_the_charts_of_whom_somebody_supervises(clinic: Clinic) -> None:
    p = (await clinic.make("sys-far", people.patient())).id
    visit = people.encounter(p, status="in-progress", participant=[{"individual": {"reference": "Practitioner/far-clinician"}}])
    await clinic.make("sys-far", visit)
    await clinic.owner.execute("UPDATE record.assignment SET role = 'supervisor' WHERE account = 'mh-clinician'")
    await clinic.owner.execute("UPDATE record.account SET generation = generation + 1")
    assert await seen(clinic, "mh-clinician", p) == 404
    visitor = await administrator(clinic)
    whom = {"subject": "mh-clinician", "value": "Practitioner/far-clinician"}
    assert (await visitor.post("/places/supervises", whom)).status_code == 422, "not without a reason"
    later(seconds=1)
    assert (await visitor.post("/places/supervises", {**whom, "reason": "New supervisor of the far site"})).status_code == 303
    assert await seen(clinic, "mh-clinician", p) == 200
    assert (await visitor.post("/places/supervises", {**whom, "reason": "again"})).status_code == 422, "it is so already"
    later(seconds=1)
    assert (await visitor.post("/places/supervises", {**whom, "do": "end", "reason": "Moved on"})).status_code == 303
    assert await seen(clinic, "mh-clinician", p) == 404
    page = (await visitor.get("/places")).text
    assert "New supervisor of the far site" in page
    assert "until" in page


async def test_days_after_care_and_sites_act_with_the_next_step(clinic: Clinic) -> None:
    await clinic.make("sys-none", {"resourceType": "Location", "name": "River house"})
    visitor = await administrator(clinic)
    rules = clinic.gate.house.rules
    assert (await visitor.post("/places/days", {"subject": "visit", "value": "9999", "reason": "x"})).status_code == 422
    assert (await visitor.post("/places/days", {"subject": "visit", "value": "60", "reason": "Shorter for visits"})).status_code == 303
    await looked(visitor)
    assert (await visitor.post("/places/site", {"subject": "2", "value": "Location/river", "reason": "Moved in"})).status_code == 303
    later(seconds=1)
    await clinic.get("mh-clinician", "Patient?_summary=count")
    assert (rules[1].days["visit"], rules[1].sites[2]) == (60, frozenset({"Location/river"}))
    await looked(visitor)
    assert (await visitor.post("/places/site", {"subject": "2", "value": "Location/river", "do": "end", "reason": "Moved out"})).status_code == 303
    await clinic.get("mh-clinician", "Patient?_summary=count")
    assert rules[1].sites == {}


async def test_limits_of_signing_in_are_kept_within_what_is_sound(clinic: Clinic) -> None:
    visitor = await administrator(clinic)
    limits = {"subject": "nurse", "idle": "10", "warning": "30", "longest": "8", "fresh": "3", "second": "yes", "reason": "Shared stations"}
    for wrong in ({"idle": "0"}, {"idle": "61"}, {"longest": "25"}, {"warning": "x"}, {"warning": "600"}, {"subject": ""}):
        assert (await visitor.post("/places/sign-in", {**limits, **wrong})).status_code == 422
    assert (await visitor.post("/places/sign-in", limits)).status_code == 303
    row = await clinic.owner.fetchrow("SELECT extract(epoch FROM idle)::int AS idle, second, author FROM record.sign_in_rule WHERE role = 'nurse' AND known_to = 'infinity'")
    assert row is not None
    assert tuple(row) == (600, True, ADMIN)
    assert "Nurse: 10 minutes unused" in (await visitor.get("/places")).text


@pytest.mark.parametrize(("who", "status"), [("mh-clinician", 403), ("biller", 403), ("officer", 200), (ADMIN, 200)])
async def test_places_are_for_those_who_edit_roles_and_nobody_changes_their_own(clinic: Clinic, who: str, status: int) -> None:
    visitor = Visitor(clinic)
    await visitor.sign_in(who)
    assert (await visitor.get("/places")).status_code == status
    if status == 200:
        own = {"subject": who, "value": "Practitioner/far-clinician", "reason": "for me"}
        assert (await visitor.post("/places/supervises", own)).status_code == 403
