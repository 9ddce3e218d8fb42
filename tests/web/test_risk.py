"""Danger on the screens, over the real gate: the acts in their order, nothing typed is lost, and nobody learns of what they may not see."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from sojourn.care.risk import precautions
from sojourn.gate.channels import SMS
from sojourn.record.database import Dsn
from tests.care.risky import AWAY, DAY, ON_CALL, Ward, cssrs, phq9, ward
from tests.care.test_calls import reached_at
from tests.doors.calling.counterpart import Texts
from tests.people import SUD, encounter, patient
from tests.web.real import Visitor, furnish

FORMULATION = "Wishes to be dead since the argument on Sunday, no plan; two children and the job hold him. Sees us on Friday."


async def visitor(clinic_of: Ward, who: str) -> Visitor:
    found = Visitor(clinic_of.clinic)
    await found.sign_in(who)
    return found


@pytest.fixture
async def day(database: Dsn) -> AsyncIterator[Ward]:
    async with ward(database, at=DAY) as made:
        await furnish(made.clinic)
        yield made


async def test_from_the_notice_on_today_to_a_closed_episode_with_its_day(day: Ward) -> None:
    await day.answer("phq-9", phq9())
    them = await visitor(day, "therapist")
    today = await them.get("/today")
    assert "Somebody needs you now" in today.text
    assert "<title>Today" in today.text
    room = f"/patients/{day.client}/risk"
    assert f'href="{room}"' in today.text
    page = await them.get(room)
    assert "Nobody has it yet." in page.text
    assert re.search(r"<title>Risk ·", page.text)
    id_ = (await day.episode()).id
    assert (await them.post(f"{room}/{id_}/acknowledge")).status_code == 303
    refused = await them.post(f"{room}/{id_}/action", {"code": "not-reached", "text": ""})
    assert refused.status_code == 422
    assert "say in a few words" in refused.text
    await them.get(room)
    assert (await them.post(f"{room}/{id_}/action", {"code": "spoke"})).status_code == 303
    page = await them.get(room)
    version = re.findall(r'name="version" value="([^"]+)"', page.text)[0]
    empty = await them.post(f"{room}/{id_}/close", {"version": version, "formulation": "x"})
    assert empty.status_code == 422
    assert all(f'href="#{name}"' in empty.text for name in ("without", "formulation", "disposition", "again"))
    whole = {"version": version, "without": "He left before it could be asked.", "formulation": FORMULATION, "disposition": "more-contact", "again": (DAY + timedelta(days=1)).date().isoformat()}
    await day.answer("phq-9", phq9(3), who="therapist")
    await them.get(room)
    late = await them.post(f"{room}/{id_}/close", whole)
    assert late.status_code == 409
    assert FORMULATION in late.text
    version = re.findall(r'name="version" value="([^"]+)"', late.text)[0]
    assert (await them.post(f"{room}/{id_}/close", {**whole, "version": version})).status_code == 303
    page = await them.get(room)
    assert "No open episode" in page.text
    assert "Screen again by 5 Mar 2026." in page.text
    assert FORMULATION in page.text
    assert "Somebody needs you now" not in (await them.get("/today")).text


async def test_a_precaution_stands_in_the_banner_until_it_ends_for_a_reason(day: Ward) -> None:
    them, room = await visitor(day, "therapist"), f"/patients/{day.client}/risk"
    await them.get(room)
    await them.post(f"{room}/precautions", {"code": "in-sight", "until": "2026-03-05"})
    assert "In sight at all times" in (await (await visitor(day, "boss")).get(f"/patients/{day.client}")).text
    (held,) = await precautions.of_patient(await day.access("therapist"), day.client)
    assert held.until == "2026-03-05"
    await them.get(room)
    assert (await them.post(f"{room}/precautions/{held.id}", {"why": " "})).status_code == 422
    assert (await them.post(f"{room}/precautions/{held.id}", {"why": "Seen by Dr. Okafor; sleeps again."})).status_code == 303
    assert "In sight at all times" not in (await them.get(f"/patients/{day.client}")).text
    flag = (await day.clinic.get("sys-mh", f"Flag?patient={day.client}")).entries[0]
    assert (flag["status"], flag["extension"][0]["valueString"]) == ("inactive", "Seen by Dr. Okafor; sleeps again.")
    await them.get(room)
    await them.post(f"{room}/precautions", {"code": "every-15", "until": "2026-03-04"})
    day.later(hours=30)
    assert "Looked in on every 15 minutes" not in (await (await visitor(day, "boss")).get(f"/patients/{day.client}")).text


async def test_a_safety_plan_is_drafted_signed_replaced_printed_and_its_copy_given(day: Ward) -> None:
    them, room = await visitor(day, "therapist"), f"/patients/{day.client}/risk/plan"
    await them.get(f"{room}/edit")
    assert (await them.post(f"{room}/edit", {"signs": "  "})).status_code == 422
    await them.post(f"{room}/edit", {"signs": "Sundays\nI stop answering", "ask": "Jo 518-555-0188"})
    page = await them.get(room)
    sent = await them.post(f"{room}/sign", {name: them.hidden(name) for name in ("plan", "version")} | {"shown": re.findall(r"<textarea name=\"shown\" hidden>(.*?)</textarea>", page.text, re.DOTALL)[0]})
    assert sent.status_code == 303, sent.text
    assert sent.headers["location"].startswith(f"/patients/{day.client}/documents/")
    kept = (await day.clinic.get("sys-mh", f"CarePlan?patient={day.client}")).entries[0]
    assert (kept["status"], kept["activity"][0]["detail"]["description"]) == ("active", "Sundays")
    signed = (await day.clinic.get("sys-mh", f"Provenance?target=DocumentReference/{sent.headers['location'].rpartition('/')[2]}")).entries
    assert len(signed) == 1
    for size in ("", "?size=wallet"):
        printed = (await them.get(f"{room}/print{size}")).text
        assert "Jo 518-555-0188" in printed
        assert "988" in printed
    assert "Rivera" not in re.sub(r"<title>.*?</title>", "", (await them.get(f"{room}/print?size=wallet")).text)
    await them.get(room)
    await them.post(f"{room}/copy", {"plan": kept["id"], "how": "as a card"})
    assert "Copy given: as a card" in (await them.get(room)).text
    page = await them.get(f"{room}/edit")
    assert "I stop answering" in page.text
    await them.post(f"{room}/edit", {"signs": "Mondays"})
    page = await them.get(room)
    await them.post(f"{room}/sign", {name: them.hidden(name) for name in ("plan", "version")} | {"shown": re.findall(r"<textarea name=\"shown\" hidden>(.*?)</textarea>", page.text, re.DOTALL)[0]})
    plans = {p["status"]: p for p in (await day.clinic.get("sys-mh", f"CarePlan?patient={day.client}")).entries}
    assert plans["active"]["replaces"] == [{"reference": f"CarePlan/{plans['revoked']['id']}"}]


async def test_whoever_is_paged_sees_no_name_hands_on_or_declares_an_emergency(database: Dsn) -> None:
    async with ward(database, at=DAY, program=SUD) as sud:
        await furnish(sud.clinic)
        await sud.put(ON_CALL, "blind", 8)
        await sud.put(AWAY, "therapist", 8)
        await sud.answer("c-ssrs-screener", cssrs(q2=1, q4=1))
        await sud.tick()
        them = await visitor(sud, "blind")
        today = await them.get("/today")
        assert "whom you cannot see" in today.text
        place = re.findall(r'href="(/notices/[^"]+)"', today.text)[0]
        page = await them.get(place)
        assert "Rivera" not in page.text + today.text
        assert sud.client not in page.text + today.text
        other = await visitor(sud, "boss")
        assert (await other.get(place)).status_code == 404
        opened = await them.post(f"{place}/emergency", {"reason": "medical-emergency", "because": "Nobody else answers.", "attest": "yes"})
        assert opened.headers["location"] == f"/patients/{sud.client}/risk"
        assert "High risk" in (await them.get(opened.headers["location"])).text
        assert (await sud.clinic.owner.fetchval("SELECT count(*) FROM record.emergency")) == 1


async def test_an_episode_is_reached_by_its_own_chart_only(day: Ward) -> None:
    await day.answer("phq-9", phq9())
    other = (await day.clinic.make("sys-mh", patient("Other"))).id
    await day.clinic.make("sys-mh", encounter(other))
    them = await visitor(day, "therapist")
    await them.get(f"/patients/{other}/risk")
    assert (await them.post(f"/patients/{other}/risk/{(await day.episode()).id}/acknowledge")).status_code == 404
    assert (await day.episode()).state.acknowledged is None


async def test_a_page_of_the_room_asks_at_most_eight_questions(day: Ward) -> None:
    await day.answer("c-ssrs-screener", cssrs(q2=1, q4=1))
    them = await visitor(day, "therapist")
    await them.get(f"/patients/{day.client}/risk")
    before = await day.clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE tenant = 1")
    await them.get(f"/patients/{day.client}/risk")
    assert await day.clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE tenant = 1") - before <= 8


async def test_a_form_with_a_dangerous_answer_leads_to_the_room(day: Ward) -> None:
    item = {"linkId": "44260-8", "text": "Question nine", "type": "integer"}
    form = {"resourceType": "Questionnaire", "url": "http://sojourn.test/fhir/Questionnaire/nine", "version": "1", "title": "Nine", "status": "active", "subjectType": ["Patient"], "item": [item]}
    id_ = (await day.clinic.make("sys-mh", form)).id
    them = await visitor(day, "therapist")
    for answer, place in (("0", f"/patients/{day.client}/forms/answers/"), ("2", f"/patients/{day.client}/risk")):
        await them.get(f"/patients/{day.client}/forms/{id_}")
        sent = await them.post(f"/patients/{day.client}/forms/{id_}", {"do": "submit", "a.44260-8": answer, "seen": ""})
        assert sent.headers["location"].startswith(place), sent.text
    assert (await day.episode()).state.level == "untriaged"


async def test_the_room_says_by_what_those_who_were_told_are_reached(day: Ward) -> None:
    await day.put(AWAY, "therapist", 3)
    await reached_at(day.clinic, "night", "+15185550102")
    day.clinic.gate.house.channels = {SMS: Texts().channel()}
    await day.answer("c-ssrs-screener", cssrs(q2=1, q4=1))
    them = await visitor(day, "boss")
    text = (await them.get(f"/patients/{day.client}/risk")).text
    assert "is reached by text, too" in text
    assert "0102" not in text
    assert "is reached only in the app" not in text
    day.later(minutes=6)
    await day.tick()
    them = await visitor(day, "boss")
    assert "is reached only in the app" in (await them.get(f"/patients/{day.client}/risk")).text
