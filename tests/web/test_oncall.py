"""The week of who is on call, over the real gate: seen by all who work here, changed by supervisors."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.gate.channels import SMS
from sojourn.record.database import Dsn
from tests.care.test_calls import reached_at
from tests.doors.calling.counterpart import Texts
from tests.people import START, Clinic, close_clinic, open_clinic
from tests.web.real import Visitor, furnish


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    with clock.using(FakeClock(START)):
        made = await open_clinic(database)
        await furnish(made)
        await made.owner.execute("UPDATE record.assignment SET role = 'supervisor' WHERE tenant = 1 AND account = 'far-clinician'")
        yield made
        await close_clinic(made)


async def people(clinic: Clinic) -> tuple[str, str]:
    zone = [{"url": "http://hl7.org/fhir/StructureDefinition/timezone", "valueCode": "America/Chicago"}]
    await clinic.make("sys-mh", {"resourceType": "Location", "name": "Prairie House", "extension": zone})
    return tuple([f"Practitioner/{(await clinic.make('sys-mh', {'resourceType': 'Practitioner', 'active': True, 'name': [{'family': name}]})).id}" for name in ("Nightingale", "Daylong")])  # type: ignore[return-value]


async def test_a_supervisor_puts_people_on_call_in_the_time_of_the_site_and_the_gaps_are_named(clinic: Clinic) -> None:
    night, _ = await people(clinic)
    visitor = Visitor(clinic)
    await visitor.sign_in("far-clinician")
    page = await visitor.get("/on-call?week=2026-03-02")
    assert "America/Chicago" in page.text
    assert "Nobody is on call for Every program:" in page.text
    sent = await visitor.post("/on-call", {"who": night, "kind": "on-call", "day": "2026-03-07", "at": "20:00", "until": "2026-03-08", "until_at": "08:00", "site": re.findall(r'name="site" value="([^"]+)"', page.text)[0]})
    assert sent.status_code == 303
    kept = (await clinic.get("sys-mh", "PractitionerRole?role=on-call")).entries[0]
    assert kept["period"] == {"start": "2026-03-08T02:00:00Z", "end": "2026-03-08T13:00:00Z"}  # 11 hours: the clock changes that night
    page = await visitor.get(sent.headers["location"])
    assert page.text.count('Nightingale</b> <span class="quiet">20:00 to 24:00') == 1
    assert "Sun 8 Mar 08:00 to Mon 9 Mar 00:00" in page.text
    assert "23 hours: the clock changes" in page.text
    ended = await visitor.post(f"/on-call/{kept['id']}/end", {"week": "2026-03-02"})
    assert ended.status_code == 303
    assert "Nightingale</b>" not in (await visitor.get("/on-call?week=2026-03-02")).text


async def test_what_cannot_be_is_said_beside_the_form_and_nothing_typed_is_lost(clinic: Clinic) -> None:
    night, _ = await people(clinic)
    visitor = Visitor(clinic)
    await visitor.sign_in("far-clinician")
    await visitor.get("/on-call")
    for form in ({"until": ""}, {"until": "2026-03-01", "until_at": "01:00"}, {"day": "soon", "until": "2026-03-02"}):
        sent = await visitor.post("/on-call", {"who": night, "kind": "on-call", "day": "2026-03-02", "at": "08:00", **form})
        assert (sent.status_code, "There is a problem" in sent.text) == (422, True)
        assert f'value="{night}" selected' in sent.text
    assert (await clinic.get("sys-mh", "PractitionerRole?role=on-call")).entries == []


async def test_a_clinician_reads_the_roster_and_cannot_change_it(clinic: Clinic) -> None:
    night, _ = await people(clinic)
    visitor = Visitor(clinic)
    await visitor.sign_in("mh-clinician")
    page = await visitor.get("/on-call")
    assert page.status_code == 200
    assert "Put somebody on the roster" not in page.text
    assert (await visitor.post("/on-call", {"who": night, "kind": "away", "day": "2026-03-02", "until": "2026-03-03"})).status_code == 403


async def test_the_roster_says_who_is_reached_outside_the_app_and_never_where(clinic: Clinic) -> None:
    night, long = await people(clinic)
    visitor = Visitor(clinic)
    await visitor.sign_in("far-clinician")
    page = await visitor.get("/on-call?week=2026-03-02")
    assert "This server calls nobody outside the app" in page.text
    for who, kind in ((night, "on-call"), (long, "supervisor")):
        assert (await visitor.post("/on-call", {"who": who, "kind": kind, "day": "2026-03-07", "at": "20:00", "until": "2026-03-08", "until_at": "08:00"})).status_code == 303
        await visitor.get("/on-call?week=2026-03-02")
    await clinic.owner.execute("UPDATE record.account SET agent = $1 WHERE tenant = 1 AND account = 'mh-clinician'", night)
    await reached_at(clinic, "mh-clinician", "+15185550102")
    texts = Texts()
    clinic.gate.house.channels = {SMS: texts.channel()}
    text = (await visitor.get("/on-call?week=2026-03-02")).text
    assert re.search(r'Nightingale</b> <span class="quiet">[^<]+</span> <span class="quiet small">by text</span>', text)
    assert re.search(r"Daylong</b>(?:(?!</li>).)*only in the app", text, re.S)
    assert "0102" not in text
    assert "Nobody is reached by text now" not in text
    texts.down = 503
    await clinic.gate.house.channels[SMS].look()
    assert "Nobody is reached by text now" in (await visitor.get("/on-call?week=2026-03-02")).text
