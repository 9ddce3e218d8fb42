"""Messages over the real gate: they reach only who may see whom they are about, go on when nobody reads them, and are no part of the record."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from sojourn.base import clock
from sojourn.care import tasks
from sojourn.care.messages import duty
from sojourn.care.staffing import changing
from sojourn.care.staffing.model import AWAY, NEVER, ON_CALL, SITE_LEAD, SUPERVISOR, Entry
from sojourn.gate.clockwork import Clockwork
from sojourn.record.database import Dsn
from tests.care.reported import as_, house, person, report, visitor
from tests.people import MH, Clinic, encounter, patient
from tests.web.real import Visitor, later

TEXT = "She asks for her evening dose at six instead of nine. Can you look before the round?"
UNKNOWN = "There is nobody of this name to whom this can be sent."


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    async with house(database) as made:
        yield made


async def client_of(clinic: Clinic, who: str = "sys-mh", name: str = "Rivera") -> str:
    made = (await clinic.make(who, patient(name))).id
    await clinic.make(who, encounter(made))
    return str(made)


async def writes(who: Visitor, client: str, to: str | list[str], **more: str) -> Any:
    """Write a message at the form; the answer."""
    page = await who.get(f"/patients/{client}/message" if client else "/messages/new")
    assert page.status_code == 200
    form = {"client": client, "to": to, "subject": "Evening dose", "text": TEXT, "key": who.hidden("key"), "do": "send", **more}
    token = re.findall(r'name="csrf" value="([^"]+)"', page.text)[0]
    who.last = await who.client.post("/messages/new", data={"csrf": token, **form})
    return who.last


async def tick(clinic: Clinic) -> None:
    await duty.run(await Clockwork(clinic.gate).access(1))


async def on_roster(clinic: Clinic) -> dict[str, str]:
    """night is on call, sam supervises, the nurse leads the site."""
    people = {who: await person(clinic, who) for who in ("lead", "nurse", "night", "mh-clinician")}
    now = clock.now()
    await changing.add(await as_(clinic, "lead"), [
        Entry("", "", ON_CALL, people["night"], None, (), now, now + timedelta(days=2)), Entry("", "", SUPERVISOR, people["lead"], None, (), now, NEVER), Entry("", "", SITE_LEAD, people["nurse"], None, (), now, NEVER),
    ])  # fmt: skip
    return people


async def test_a_message_about_a_client_is_read_answered_and_becomes_a_task(clinic: Clinic) -> None:
    client = await client_of(clinic)
    nurse = await visitor(clinic, "nurse")
    sent = await writes(nurse, client, "person:mh-clinician")
    assert sent.status_code == 303
    path = sent.headers["location"]
    assert "has not read it yet" in (await nurse.get(path)).text
    them = await visitor(clinic, "mh-clinician")
    today = (await them.get("/today")).text
    assert "Message from Nina Tarrow" in today
    assert "evening dose at six" not in today
    page = await them.get(path)
    assert TEXT in page.text
    assert "Rivera" in page.text
    assert "Rivera" not in re.findall(r"<title>(.*?)</title>", page.text)[0]
    assert "Message from" not in (await them.get("/today")).text
    assert "has read it" in (await nurse.get(path)).text
    page = await them.get(path)
    once = them.hidden("once")
    later(seconds=5)
    for _ in range(2):
        assert (await them.post(path, {"do": "answer", "text": "Yes, at half past five.", "once": once})).status_code == 303
        await them.get(path)
    assert them.last.text.count("Yes, at half past five.") == 1
    assert "Message from Dana Whitfield" in (await nurse.get("/today")).text
    once = (await them.get(path), them.hidden("once"))[1]
    for _ in range(2):
        await them.get(path)
        assert (await them.post(path, {"do": "task", "what": "Look at the evening dose", "owner": await person(clinic, "mh-clinician"), "due": "2026-03-05", "once": once})).status_code == 303
    (task,) = (await clinic.get("mh-clinician", f"Task?patient={client}")).entries
    assert (task["description"], task["owner"]["reference"]) == ("Look at the evening dose", await person(clinic, "mh-clinician"))
    found = await them.post("/messages", {"q": "evening dose"})
    assert path in found.text
    assert path not in (await them.post("/messages", {"q": "morning dose"})).text
    lines = {(r["account"], r["action"]) for r in await clinic.owner.fetch("SELECT account, action FROM record.audit WHERE type = 'Message' AND patients = $1", [client])}
    assert {("nurse", "message"), ("mh-clinician", "message-read"), ("mh-clinician", "message")} <= lines


async def test_who_may_not_see_the_client_is_answered_for_as_somebody_who_is_not_there(clinic: Clinic) -> None:
    client = await client_of(clinic)
    nurse = await visitor(clinic, "nurse")
    answers = []
    for account in ("sud-clinician", "far-clinician", "biller-who-is-not-there"):
        refused = await writes(nurse, client, f"person:{account}")
        answers.append((refused.status_code, re.sub(r'(name="(?:csrf|key|tab)" value="|nonce="|"X-CSRF-Token": ")[^"]+', "", refused.text).replace(account, "")))
        assert UNKNOWN in refused.text.replace("&#39;", "'")
        assert TEXT in refused.text
    # What was ticked stands ticked again for somebody who works here; that is the directory, and says nothing of the client.
    bare = [(status, re.sub(r'<fieldset class="chosen">.*?</fieldset>', "", text, flags=re.DOTALL)) for status, text in answers]
    assert bare[0] == bare[1] == bare[2]
    for words in ("ames lee", "nobody here"):
        found = await nurse.post("/messages/find", {"client": client, "find": words})
        assert "Lee Ames" not in found.text
        assert UNKNOWN in found.text
    assert "Dana Whitfield" in (await nurse.post("/messages/find", {"client": client, "find": "whit dana"})).text
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.thread") == 0
    hidden = await client_of(clinic, "sys-sud", "Quillfeather")
    for id_ in (hidden, "A" * len(hidden)):
        assert (await nurse.get(f"/patients/{id_}/message")).status_code == 404
        assert (await nurse.post("/messages/new", {"client": id_, "to": "person:lead", "text": TEXT, "key": "x", "do": "send"})).status_code == 422


async def test_a_stay_that_the_sender_may_not_know_of_opens_no_way_to_its_people(clinic: Clinic) -> None:
    client = await client_of(clinic)
    nurse = await visitor(clinic, "nurse")
    strip = re.compile(r'(name="(?:csrf|key|tab)" value="|nonce="|"X-CSRF-Token": ")[^"]+')

    async def look() -> list[str]:
        found = [await nurse.post("/messages/find", {"client": client, "find": words}) for words in ("ames lee", "whit dana", "")]
        found += [await writes(nurse, client, to) for to in ("person:sud-clinician", "team", "role:clinician")]
        return [strip.sub("", f"{f.status_code} {f.text}") for f in found]

    before = await look()
    await clinic.make("sys-sud", encounter(client))
    assert await look() == before
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.thread_member WHERE account = 'sud-clinician'") == 0


async def test_a_thread_goes_with_the_sight_of_its_client_and_a_link_opens_nothing(clinic: Clinic) -> None:
    client = await client_of(clinic)
    await clinic.make("sys-sud", encounter(client))
    note = {"resourceType": "DocumentReference", "status": "current", "subject": {"reference": f"Patient/{client}"}, "type": {"text": "Recovery note"}, "content": [{"attachment": {"contentType": "text/plain", "data": "aGVsbG8="}}]}
    hidden = (await clinic.make("sys-sud", note)).id
    shown = (await clinic.make("sys-mh", {**note, "type": {"text": "Counseling note"}})).id
    both = await visitor(clinic, "both-clinician")
    paths = [(await writes(both, client, "person:mh-clinician", link=f"DocumentReference/{id_}")).headers["location"] for id_ in (hidden, shown)]
    them = await visitor(clinic, "mh-clinician")
    first, second = [(await them.get(p)).text for p in paths]
    assert "Recovery note" not in first
    assert hidden not in first
    assert "Counseling note" in second
    assert f"/patients/{client}/notes/{shown}" in second
    other = await client_of(clinic, "sys-mh", "Castellane")
    assert (await writes(both, other, "person:mh-clinician", link=f"DocumentReference/{shown}")).status_code == 422
    stranger = await visitor(clinic, "lead")
    gone = [await stranger.get(p) for p in (paths[0], "/messages/" + "a" * 32)]
    assert [g.status_code for g in gone] == [404, 404]
    await clinic.owner.execute("UPDATE record.assignment SET programs = '{3}', acting = 3 WHERE account = 'mh-clinician'")
    await clinic.owner.execute("UPDATE record.account SET generation = generation + 1 WHERE account = 'mh-clinician'")
    clinic.gate.identity._known.clear()
    away = await visitor(clinic, "mh-clinician")
    assert (await away.get(paths[0])).status_code == 404
    assert "Evening dose" not in (await away.get("/messages")).text
    assert "Message from" not in (await away.get("/today")).text
    assert "Evening dose" not in (await away.post("/messages", {"q": "evening"})).text
    assert (await away.post(paths[0], {"do": "answer", "text": "Hello", "once": "x"})).status_code == 404


async def test_a_program_under_part_2_keeps_its_messages_to_its_people(clinic: Clinic) -> None:
    client = await client_of(clinic)
    await clinic.make("sys-sud", encounter(client))
    sud = await visitor(clinic, "sud-clinician")
    assert (await writes(sud, client, "person:mh-clinician")).status_code == 422
    assert (await writes(sud, client, "person:night")).status_code == 422
    assert (await writes(sud, client, "person:both-clinician")).status_code == 303


async def test_an_urgent_message_that_nobody_reads_goes_on_by_the_roster(clinic: Clinic) -> None:
    client = await client_of(clinic)
    await on_roster(clinic)
    tech = await visitor(clinic, "technician")
    path = (await writes(tech, client, "person:mh-clinician", urgent="yes")).headers["location"]
    them = await visitor(clinic, "mh-clinician")
    assert "Urgent message from Tess Reed" in (await them.get("/today")).text
    await tick(clinic)
    night = await visitor(clinic, "night")
    assert "Urgent message" not in (await night.get("/today")).text
    later(minutes=11)
    await tick(clinic)
    await tick(clinic)
    night = await visitor(clinic, "night")
    assert "Urgent message from Tess Reed" in (await night.get("/today")).text
    lead = await visitor(clinic, "lead")
    assert "Urgent message" not in (await lead.get("/today")).text
    later(minutes=10)
    await tick(clinic)
    lead = await visitor(clinic, "lead")
    assert "Urgent message" in (await lead.get("/today")).text
    night = await visitor(clinic, "night")
    page = (await night.get(path)).text
    assert "to whoever is on call (Ike Okoro)" in page
    later(minutes=60)
    await tick(clinic)
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.thread_member WHERE via = 'escalated'") == 2


async def test_an_urgent_message_to_somebody_away_goes_on_at_once(clinic: Clinic) -> None:
    client = await client_of(clinic)
    people = await on_roster(clinic)
    now = clock.now()
    await changing.add(await as_(clinic, "lead"), [Entry("", "", AWAY, people["mh-clinician"], None, (), now, now + timedelta(days=1))])
    nurse = await visitor(clinic, "nurse")
    assert "away now" in (await nurse.post("/messages/find", {"client": client, "find": "whit dana"})).text
    await writes(nurse, client, "person:mh-clinician", urgent="yes")
    await tick(clinic)
    assert "Urgent message" in (await (await visitor(clinic, "night")).get("/today")).text


async def test_to_a_role_and_to_whoever_is_on_call_and_handed_on(clinic: Clinic) -> None:
    client = await client_of(clinic)
    await on_roster(clinic)
    tech = await visitor(clinic, "technician")
    path = (await writes(tech, client, ["on-call", "role:nurse"])).headers["location"]
    readers = {r["account"] for r in await clinic.owner.fetch("SELECT account FROM record.thread_member")}
    assert readers == {"technician", "night", "nurse"}
    await tech.get(path)
    assert (await tech.post(path, {"do": "on", "to": "role:supervisor"})).status_code == 303
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.thread_member WHERE account = 'lead'") == 1
    await tech.get(path)
    assert (await tech.post(path, {"do": "on", "to": "person:sud-clinician"})).status_code == 422


async def test_messages_are_sealed_kept_as_policy_says_and_no_part_of_the_record(clinic: Clinic) -> None:
    client = await client_of(clinic)
    nurse = await visitor(clinic, "nurse")
    page = await nurse.get(f"/patients/{client}/message")
    await nurse.post("/messages/keep", {"client": client, "subject": "Half", "text": "Half a sentence", "tab": "t"})
    assert "Half a sentence" in (await nurse.get(f"/patients/{client}/message")).text
    key = nurse.hidden("key")
    for _ in range(2):
        assert (await nurse.post("/messages/new", {"client": client, "to": "person:mh-clinician", "subject": "Evening dose", "text": TEXT, "key": key, "do": "send"})).status_code == 303
        await nurse.get("/messages")
    assert page.status_code == 200
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.message") == 1
    assert "Half a sentence" not in (await nurse.get(f"/patients/{client}/message")).text
    for table in ("thread", "message", "thread_member"):
        rows = str([dict(r) for r in await clinic.owner.fetch(f"SELECT * FROM record.{table}")])
        assert "Evening" not in rows
        assert "evening dose" not in rows
    everything = await clinic.get("sys-none", f"Patient/{client}/$everything")
    assert b"evening dose" not in everything.body
    assert (await clinic.get("sys-none", "Communication")).entries == []
    later(days=731)
    await duty.forget(await Clockwork(clinic.gate).access(1))
    assert [await clinic.owner.fetchval(f"SELECT count(*) FROM record.{t}") for t in ("thread", "message", "thread_member")] == [0, 0, 0]


async def test_about_nobody_and_the_hand_over(clinic: Clinic) -> None:
    lead = await visitor(clinic, "lead")
    path = (await writes(lead, "", "role:nurse", subject="", text="The drug round begins at seven from Monday on.")).headers["location"]
    nurse = await visitor(clinic, "nurse")
    assert "The drug round begins at seven" in (await nurse.get(path)).text
    assert (await nurse.get("/shift")).status_code == 200
    sent = await nurse.post("/shift", {"to": "role:supervisor", "text": "Quiet night; door 3 sticks.", "key": nurse.hidden("key"), "unit": ""})
    assert sent.status_code == 303
    assert "door 3 sticks" in (await (await visitor(clinic, "lead")).get(sent.headers["location"])).text
    empty = await nurse.post("/shift", {"to": "role:supervisor", "text": " ", "key": "k", "unit": ""})
    assert empty.status_code == 422


async def test_no_page_of_messages_incidents_or_tasks_asks_more_than_twelve_questions(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await client_of(clinic)
    note = {"resourceType": "DocumentReference", "status": "current", "subject": {"reference": f"Patient/{client}"}, "type": {"text": "Note"}, "content": [{"attachment": {"contentType": "text/plain", "data": "aGVsbG8="}}]}
    shown = (await clinic.make("sys-mh", note)).id
    both = await visitor(clinic, "both-clinician")
    thread = (await writes(both, client, ["person:mh-clinician", "person:nurse"], link=f"DocumentReference/{shown}")).headers["location"]
    access = await as_(clinic, "mh-clinician")
    task = tasks.new(access, "outreach", "Call", patient=client, owner=access.caller.agent, program=MH)
    await access.write([task], action="task")
    incident = await report(clinic, both, clients=[client], staff=[await person(clinic, "nurse")])
    db, asked = clinic.gate.house.db, list[str]()
    inner = db.call

    def counted(statement: str, *args: Any) -> Any:
        asked.append(statement)
        return inner(statement, *args)

    monkeypatch.setattr(db, "call", counted)
    them, risk = await visitor(clinic, "mh-clinician"), await visitor(clinic, "risk")
    pages = [(them, p) for p in ("/messages", "/messages/new", f"/patients/{client}/message", thread, "/shift", f"/tasks/{task.id}", "/incidents", "/incidents/new")]
    pages += [(risk, p) for p in ("/incidents", f"/incidents/{incident}", f"/incidents/{incident}/print", "/incidents/trends", "/incidents/closed")]
    found: dict[str, tuple[int, int]] = {}
    for who, path in pages:
        before = await clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE tenant = 1")
        asked.clear()
        assert (await who.get(path)).status_code == 200, path
        found[path] = (len([a for a in asked if "gate.audit_rows" not in a]), await clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE tenant = 1") - before)
    assert {p: n for p, n in found.items() if n[1] > 12} == {}, found
    assert {p: n for p, n in found.items() if n[0] > 12 and not p.endswith("/message")} == {}, found  # choosing among a chart's papers asks eight questions in more statements
