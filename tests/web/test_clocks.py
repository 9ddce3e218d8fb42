"""Times by the clock of the site: of a chart that of the client's stay, elsewhere that of who looks; a stay that is hidden changes nothing."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.care.plan import due
from sojourn.care.risk import precautions
from sojourn.care.staffing import zones
from sojourn.doors.staff.words import age, day_and_time
from sojourn.gate import patientrequests
from sojourn.gate.access import Access
from tests import people
from tests.care.signers import practitioner
from tests.people import FAR, MH, SUD, Clinic, encounter, patient
from tests.web.test_emergency import post
from tests.web.test_gate import clinic, screen  # noqa: F401 - the fixture is pytest's

NOON = "2026-03-02T12:00:00Z"


def at(zone: str, **more: object) -> dict[str, object]:
    return {"resourceType": "Location", "name": zone, "extension": [{"url": zones.TIMEZONE, "valueCode": zone}], **more}


async def two_sites(clinic: Clinic) -> None:  # noqa: F811
    """Mental health works in a room of a house in Chicago, the far program in Los Angeles; of the third nobody says it."""
    chicago, angeles = [(await clinic.make("sys-none", at(zone))).id for zone in ("America/Chicago", "America/Los_Angeles")]
    room = (await clinic.make("sys-none", {"resourceType": "Location", "name": "Room", "partOf": {"reference": f"Location/{chicago}"}})).id
    for number, place in ((MH, room), (FAR, angeles)):
        await clinic.make("sys-none", {"resourceType": "HealthcareService", "providedBy": {"reference": organization(clinic, number)}, "location": [{"reference": f"Location/{place}"}]})
    await clinic.gate.reload()


def organization(clinic: Clinic, number: int) -> str:  # noqa: F811
    return str(clinic.gate.house.rules[people.A].programs[number].organization)


async def access(clinic: Clinic, who: str) -> Access:  # noqa: F811
    found = await clinic.gate.access(clinic.tokens[who])
    assert found is not None
    return found


async def test_each_program_works_by_the_clock_of_its_place_and_the_house_by_its_own_rule(clinic: Clinic) -> None:  # noqa: F811
    assert (await access(clinic, "mh-clinician")).rules.zones == {}
    await two_sites(clinic)
    mine = await access(clinic, "mh-clinician")
    assert mine.rules.zones == {MH: "America/Chicago", FAR: "America/Los_Angeles", 0: "America/Chicago"}
    zones.enter(mine)
    assert (str(zones.here()), zones.of_a_site(), zones.several(mine)) == ("America/Chicago", True, True)
    assert day_and_time(NOON) == "2 Mar 2026, 06:00"
    assert day_and_time("2026-03-02T12:00:00-05:00") == "2 Mar 2026, 12:00", "what says its own clock stays"
    zones.enter(await access(clinic, "sud-clinician"))
    assert (str(zones.here()), zones.of_a_site()) == ("America/Chicago", False)
    assert str(zones.of_program(mine, FAR)) == "America/Los_Angeles"
    officer = await screen(clinic, "officer")
    assert (await post(officer, "/policies", "/policies", key="schedule.time-zone", value="America/Denver", reason="Ours")).status_code == 303
    await clinic.gate.reload()
    assert str(zones.of_program(await access(clinic, "mh-clinician"), SUD)) == "America/Denver"


async def test_a_chart_goes_by_the_clock_of_the_stay_and_a_hidden_stay_changes_nothing(clinic: Clinic) -> None:  # noqa: F811
    await two_sites(clinic)
    pages = {}
    for name in ("nothing", "hidden", "shown"):
        ana = (await clinic.make("sys-mh", patient(name.title()))).id
        await clinic.make("sys-mh", encounter(ana, period={"start": NOON, "end": NOON}))
        if name != "nothing":
            who, number = ("sys-sud", SUD) if name == "hidden" else ("sys-far", FAR)
            await clinic.make(who, {"resourceType": "EpisodeOfCare", "status": "active", "patient": {"reference": f"Patient/{ana}"}, "managingOrganization": {"reference": organization(clinic, number)}, "period": {"start": "2026-02-01"}})
        pages[name] = (await (await screen(clinic, "mh-clinician")).get(f"/patients/{ana}/encounters")).text
        pages[f"{name} to the director"] = (await (await screen(clinic, "both-clinician")).get(f"/patients/{ana}/encounters")).text
    said = {name: re.findall(r"2 Mar 2026, (\d\d:\d\d)", text)[:1] + re.findall(r"<dt>Times</dt>\s*<dd[^>]*>([^<]*)", text) for name, text in pages.items()}
    assert said["nothing"] == said["hidden"] == ["06:00", "Chicago"], said
    assert said["shown to the director"] == ["04:00", "Los Angeles"], said


async def test_half_an_hour_before_midnight_the_day_is_still_that_of_the_site_for_what_is_over_and_what_is_to_come(clinic: Clinic) -> None:  # noqa: F811
    """Los Angeles, 2 March 2026, 23:30; in UTC it is the third."""
    second, third = date(2026, 3, 2), date(2026, 3, 3)
    with clock.using(FakeClock(datetime(2026, 3, 3, 7, 30, tzinfo=UTC))) as standing:
        assert isinstance(standing, FakeClock)
        await two_sites(clinic)
        ana = (await clinic.make("sys-far", patient("Far"))).id
        await clinic.make("sys-far", {"resourceType": "EpisodeOfCare", "status": "active", "patient": {"reference": f"Patient/{ana}"}, "managingOrganization": {"reference": organization(clinic, FAR)}, "period": {"start": "2026-02-01"}})
        officer, room = await screen(clinic, "officer"), f"/patients/{ana}/requests"
        said = {"kind": "amendment", "what": "I never smoked."}
        assert (await post(officer, room, room, **said, received=third.isoformat())).status_code == 422, "tomorrow has not come"
        assert (await post(officer, room, room, **said, received=second.isoformat())).status_code == 303
        await practitioner(clinic, "far-clinician")
        mine = await access(clinic, "far-clinician")
        zones.enter(mine)
        assert (mine.today, (await access(clinic, "mh-clinician")).now.date()) == (second, third)
        await precautions.put(mine, ana, "in-sight", second)
        standing.advance(timedelta(minutes=20))
        assert [p.until for p in await precautions.of_patient(await access(clinic, "far-clinician"), ana)] == [second.isoformat()]
        whole = {"status": "active", "period": {"start": "2026-03-01", "end": second.isoformat()}}
        assert precautions.in_force(whole, clock.now())
        assert not precautions.in_force({"status": "active", "period": {"start": third.isoformat()}}, clock.now()), "it begins tomorrow"
        assert (due.days_left(due.end_of(second), mine), due.days_left(due.end_of(third), mine), due.end_of(second) > clock.now()) == ("today", "tomorrow", True)
        (asked,) = await patientrequests.queue(await access(clinic, "officer"))
        assert patientrequests.days_left(asked, clock.now()) == 60
        assert (age("2000-03-03"), age("2000-03-02")) == ("25", "26")
        standing.advance(timedelta(minutes=15))
        assert not precautions.in_force(whole, clock.now())
        assert await precautions.of_patient(await access(clinic, "far-clinician"), ana) == []
        assert (patientrequests.days_left(asked, clock.now()), due.end_of(second) < clock.now()) == (59, True)
