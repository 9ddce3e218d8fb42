"""Times by the clock of the site: of a chart that of the client's stay, elsewhere that of who looks; a stay that is hidden changes nothing."""

from __future__ import annotations

import re

from sojourn.care.staffing import zones
from sojourn.doors.staff.words import day_and_time
from sojourn.gate.access import Access
from tests import people
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
