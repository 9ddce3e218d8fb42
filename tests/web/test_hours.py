"""Working hours of one's own by site and time, and absences: kept by whoever they are of or who plans, and respected where visits are booked."""

from __future__ import annotations

import re
from datetime import date, time, timedelta

import pytest

from sojourn.base import errors
from sojourn.care.scheduling import availability
from sojourn.care.scheduling.availability import Hours
from sojourn.gate.access import Access
from tests.people import Clinic, encounter, patient
from tests.web.test_emergency import post
from tests.web.test_gate import screen
from tests.web.test_schedule import NY, booked, clinic  # noqa: F401 - a fixture

MINE = "/schedule/availability/mh-clinician"
WEEK = {"do": "hours", "day1": "yes", "day3": "yes", "start": "13:00", "end": "15:00"}


async def at(clinic: Clinic, who: str) -> Access:  # noqa: F811 - the fixture
    found = await clinic.gate.access(clinic.tokens[who])
    assert found is not None
    return found


async def site(clinic: Clinic, name: str, zone: str) -> tuple[str, str]:  # noqa: F811 - the fixture
    """A site by its clock with a room to meet in."""
    here = (await clinic.make("sys-none", {"resourceType": "Location", "status": "active", "name": name, "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/timezone", "valueCode": zone}]})).id
    room = {"resourceType": "Location", "status": "active", "name": f"{name}, room 1", "partOf": {"reference": f"Location/{here}"}, "type": [{"coding": [{"system": "https://sojourn.example/fhir/CodeSystem/care", "code": "meeting-room"}]}]}
    return here, (await clinic.make("sys-none", room)).id


def offered(page: str) -> list[str]:
    return re.findall(r"(\w+ \d+ \w+, \d\d:\d\d) <kbd", page)


async def times(clinic: Clinic, ana: str, **chosen: str) -> list[str]:  # noqa: F811 - the fixture
    browser = await screen(clinic, "mh-clinician")
    path = f"/patients/{ana}/appointments"
    await browser.get(path)
    return offered((await post(browser, f"{path}/times", path, kind="individual", was="individual", who="mh-clinician", minutes="50", **chosen)).text)


async def test_a_clinician_keeps_hours_and_absences_of_their_own_and_bookings_keep_to_them(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    ana = (await clinic.make("sys-mh", patient())).id
    browser = await screen(clinic, "mh-clinician")
    assert (await browser.get("/schedule/availability/mine")).headers["location"] == MINE
    assert "As the organization" in (await browser.get(MINE)).text
    assert (await post(browser, MINE, MINE, **WEEK, until="2026-12-08")).status_code == 303
    page = (await browser.get(MINE)).text
    assert "Tue, Thu 13:00–15:00" in page
    assert "from 30 Nov 2026 to 8 Dec 2026" in page
    # Their own hours hold until their last day; then the organization's do again.
    assert await times(clinic, ana) == ["Tue 1 Dec, 13:00", "Tue 1 Dec, 14:00", "Thu 3 Dec, 13:00", "Thu 3 Dec, 14:00", "Tue 8 Dec, 13:00", "Tue 8 Dec, 14:00"]
    refused = await booked(clinic, "mh-clinician", ana, "2026-12-02", "10:00")
    assert refused.status_code == 409
    assert "Mh-Clinician does not work on Wed 2 Dec from 10:00 to 10:50." in refused.text
    assert (await booked(clinic, "mh-clinician", ana, "2026-12-09", "10:00")).status_code == 303
    assert (await booked(clinic, "mh-clinician", ana, "2026-12-01", "13:00")).status_code == 303
    # An absence: neither offered nor booked unnoticed, and what is booked already is named to move.
    assert (await post(browser, MINE, MINE, do="away", **{"from": "2026-12-01", "to": "2026-12-03"})).status_code == 303
    page = (await browser.get(MINE)).text
    assert "Tue 1 Dec to Thu 3 Dec" in page
    assert "Booked while away" in page
    assert "Tue 1 Dec, 13:00" in page
    assert (await times(clinic, ana))[0] == "Tue 8 Dec, 13:00"
    assert "is away on" in (await booked(clinic, "mh-clinician", ana, "2026-12-03", "13:00")).text
    entry = re.findall(r'name="entry" value="([^"]+)"', page)
    assert (await post(browser, MINE, MINE, do="back", entry=entry[1])).status_code == 303
    assert "No absence is planned." in (await browser.get(MINE)).text
    assert (await post(browser, MINE, MINE, do="end", entry=entry[0], last="2026-12-02")).status_code == 303
    assert "from 30 Nov 2026 to 2 Dec 2026" in (await browser.get(MINE)).text


async def test_hours_at_one_site_hold_by_its_clock_and_for_its_rooms(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    ana = (await clinic.make("sys-mh", patient())).id
    (east, desk), (_, far) = await site(clinic, "East", "America/Chicago"), await site(clinic, "West", "America/New_York")
    access = await at(clinic, "mh-clinician")
    await availability.add(access, "Practitioner/mh-clinician", [Hours(1, time(9), time(10))], site=east, first=date(2026, 11, 30), until=None)
    assert (await times(clinic, ana))[0] == "Tue 1 Dec, 10:00", "nine in the morning in Chicago, by the clock of this house"
    assert (await times(clinic, ana, room=desk))[0] == "Tue 1 Dec, 10:00"
    assert await times(clinic, ana, room=far) == [], "they are not at that site"
    assert (await booked(clinic, "mh-clinician", ana, "2026-12-01", "10:00", room=far)).status_code == 409
    assert (await booked(clinic, "mh-clinician", ana, "2026-12-01", "10:00", room=desk)).status_code == 303


async def test_hours_of_others_are_for_who_plans(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    theirs = "/schedule/availability/sud-clinician"
    browser = await screen(clinic, "mh-clinician")
    page = await browser.get(theirs)
    assert page.status_code == 200
    assert "Add working hours" not in page.text
    for form in (WEEK, {"do": "away", "from": "2026-12-01"}):
        assert (await post(browser, theirs, MINE, **form)).status_code == 403
    await availability.add(await at(clinic, "sud-clinician"), "Practitioner/sud-clinician", [Hours(0, time(8), time(9))], site="", first=date(2026, 11, 30), until=None)
    ((entry,),) = [[w.id for w in (await availability.of_person(await at(clinic, "mh-clinician"), "Practitioner/sud-clinician"))[1]]]
    with pytest.raises(errors.Forbidden):
        await availability.finish(await at(clinic, "mh-clinician"), entry, date(2026, 12, 1))
    for action in ("create", "update"):
        clinic.gate.house.rules[1]._allowed["director", action, "PractitionerRole"] = None
    planner = await screen(clinic, "both-clinician")
    assert (await post(planner, theirs, theirs, **WEEK)).status_code == 303
    assert "Tue, Thu 13:00–15:00" in (await planner.get(theirs)).text
    assert (await planner.get("/schedule/availability/nobody")).status_code == 404


async def test_hours_that_say_nothing_are_refused(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    browser = await screen(clinic, "mh-clinician")
    for wrong in ({**WEEK, "end": "12:00"}, {"do": "hours", "start": "09:00", "end": "10:00"}, {**WEEK, "first": "2026-12-08", "until": "2026-12-01"}, {"do": "away"}, {"do": "away", "from": "2026-12-03", "to": "2026-12-01"}, {"do": "x"}):
        assert (await post(browser, MINE, MINE, **wrong)).status_code == 422, wrong


async def test_a_hidden_booking_stays_hidden_beside_ones_own_hours(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    """Somebody booked with this clinician by a program that the reader may not see takes no offered time and is named on no page."""
    ana, bea = (await clinic.make("sys-mh", patient())).id, (await clinic.make("sys-sud", patient("Hidden"))).id
    await clinic.make("sys-sud", encounter(bea))
    await availability.add(await at(clinic, "mh-clinician"), "Practitioner/mh-clinician", [Hours(1, time(13), time(15))], site="", first=date(2026, 11, 30), until=None)
    start = (await at(clinic, "mh-clinician")).now.astimezone(NY).replace(hour=13, minute=0) + timedelta(days=1)
    await availability.be_away(await at(clinic, "mh-clinician"), "Practitioner/mh-clinician", start + timedelta(days=7), start + timedelta(days=8))
    browser = await screen(clinic, "mh-clinician")

    async def seen() -> tuple[list[str], str]:
        return await times(clinic, ana), re.sub(r'value="[^"]{20,}"|nonce="[^"]+"|"X-CSRF-Token": "[^"]+"', "", (await browser.get(MINE)).text)

    before = await seen()
    for day in ("2026-12-01", "2026-12-08"):
        assert (await booked(clinic, "sud-clinician", bea, day, "13:00", who="mh-clinician", anyway="yes")).status_code == 303
    assert await seen() == before
