"""Incidents over the real gate: reported in a minute, opened by role, proved, signed off; never in the record, never to whom they are about."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from sojourn.base import clock
from sojourn.care.incidents import duty, reporting
from sojourn.care.staffing import changing
from sojourn.care.staffing.model import AWAY, NEVER, ON_CALL, SITE_LEAD, Entry
from sojourn.gate.clockwork import Clockwork
from sojourn.record.database import Dsn
from tests.care.reported import WHAT, as_, house, person, report, visitor
from tests.people import Clinic, encounter, patient
from tests.web.real import Visitor, later


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    async with house(database) as made:
        yield made


async def tick(clinic: Clinic) -> None:
    """The clock's part, once."""
    await duty.run(await Clockwork(clinic.gate).access(1))


async def acts(who: Visitor, id_: str, **form: Any) -> Any:
    """One act of a review, from the page as it is now."""
    page = await who.get(f"/incidents/{id_}")
    assert page.status_code == 200
    return await who.post(f"/incidents/{id_}", {"seen": who.hidden("seen"), **form})


async def test_from_a_telephone_to_the_committee(clinic: Clinic) -> None:
    client = (await clinic.make("sys-mh", patient())).id
    them = await visitor(clinic, "technician")
    colleague = await person(clinic, "mh-clinician")
    id_ = await report(clinic, them, clients=[client], staff=[colleague], about=[colleague])
    assert (await them.get(f"/incidents/{id_}")).status_code == 403
    assert "Received" in (await them.get("/incidents")).text
    assert "wet floor" not in them.last.text

    risk = await visitor(clinic, "risk")
    assert "Fall or injury" in (await risk.get("/today")).text
    page = (await risk.get(f"/incidents/{id_}")).text
    assert "wet floor" in page
    assert "Responsible physician" in page
    assert "Rivera" in page
    no = await acts(risk, id_, do="told", notice="physician", day="2026-03-04", time="09:50", whom="", how="telephone")
    assert no.status_code == 422
    assert (await acts(risk, id_, do="told", notice="physician", day="2026-03-04", time="09:50", whom="Dr. Okafor", how="telephone", reference="none")).status_code == 303
    again = await acts(risk, id_, do="told", notice="physician", day="2026-03-04", time="09:50", whom="Dr. Okafor", how="telephone")
    assert again.status_code == 422
    assert "answered already" in again.text
    assert (await acts(risk, id_, do="correct", kind="fall", harm="moderate", day="2026-03-04", time="09:25", what=WHAT + " An ice pack was given.", place="Kitchen", shown=[client, colleague], clients=[client], staff=[colleague], about=[colleague])).status_code == 303
    assert (await acts(risk, id_, do="cause", cause="The mop is kept on the other floor; the sign with it.", factors="procedure")).status_code == 303
    owner = await person(clinic, "nurse")
    assert (await acts(risk, id_, do="give", what="Keep a sign in every kitchen.", owner=owner, due="2026-03-11", once="a")).status_code == 303
    assert (await acts(risk, id_, do="give", what="Keep a sign in every kitchen.", owner=owner, due="2026-03-11", once="a")).status_code == 303
    refused = await acts(risk, id_, do="give", what="Think about it.", owner=colleague, due="2026-03-11", once="b")
    assert refused.status_code == 422
    early = await acts(risk, id_, do="sign")
    assert early.status_code == 422
    assert "findings are not written down" in early.text
    assert (await acts(risk, id_, do="committee", met="2026-03-10", members="Quinn, Sable, Shah", found="A floor that is mopped at a busy hour.", decided="Signs, and mopping after nine.")).status_code == 303
    assert (await acts(risk, id_, do="sign")).status_code == 303
    closed = (await risk.get(f"/incidents/{id_}")).text
    assert "Signed off" in closed
    assert closed.count("Keep a sign in every kitchen.") == 1
    for words in ("Corrected", "Notification made", "Cause written down", "Harm, When, Where, What happened"):
        assert words in closed, words
    assert (await acts(risk, id_, do="cause", cause="Something else")).status_code == 422
    printed = (await risk.get(f"/incidents/{id_}/print")).text
    assert "Rivera" not in printed
    assert "Whitfield" not in printed.split("<main")[1]
    printed = await risk.get(f"/incidents/{id_}/print?names=yes")
    assert "Rivera" in printed.text
    assert await clinic.named(printed) == await clinic.named(await risk.get(f"/incidents/{id_}")) != set()
    csv = (await risk.get("/incidents/trends.csv")).text
    assert csv == 'month,type,harm,near miss,program,count\r\n2026-03,Fall or injury,"Moderate: treated, or seen at a hospital",no,MH,1\r\n'

    nurse = await visitor(clinic, "nurse")
    action = re.findall(r'href="(/incidents/actions/\w+)"', (await nurse.get("/today")).text)[0]
    assert "Keep a sign" in (await nurse.get(action)).text
    assert "wet floor" not in nurse.last.text
    assert (await nurse.post(action, {"said": ""})).status_code == 422
    assert (await nurse.post(action, {"said": "Signs hang in all four."})).status_code == 303
    assert action not in (await nurse.get("/today")).text
    assert "Signs hang in all four." in (await risk.get(f"/incidents/{id_}")).text
    versions = await clinic.owner.fetch("SELECT act FROM record.incident_version WHERE incident = $1 ORDER BY n", id_)
    assert [v["act"] for v in versions] == ["sent", "told", "corrected", "cause", "committee", "signed"]
    lines = [dict(r) for r in await clinic.owner.fetch("SELECT account, action, outcome FROM record.audit WHERE type = 'Incident' AND query LIKE $1 || '%' ORDER BY n", id_)]
    assert {("risk", "incident-read", "done"), ("risk", "incident-change", "done"), ("technician", "incident-send", "done")} <= {(x["account"], x["action"], x["outcome"]) for x in lines}


async def test_nothing_of_it_is_readable_in_the_database_or_reaches_the_record(clinic: Clinic) -> None:
    client = (await clinic.make("sys-mh", patient())).id
    them = await visitor(clinic, "nurse")
    id_ = await report(clinic, them, clients=[client])
    risk = await visitor(clinic, "risk")
    await acts(risk, id_, do="give", what="Keep a sign in every kitchen.", owner=await person(clinic, "nurse"), due="2026-03-11", once="a")
    for table in ("incident", "incident_version", "incident_action"):
        rows = str([dict(r) for r in await clinic.owner.fetch(f"SELECT * FROM record.{table}")])
        for secret in (client, "wet floor", "Keep a sign", "mild"):
            assert secret not in rows, (table, secret)
    everything = await clinic.get("sys-none", f"Patient/{client}/$everything")
    for text in (everything.body, (await clinic.get("sys-none", f"Patient/{client}/_history")).body, (await clinic.get("sys-none", "Task")).body, (await clinic.get("officer", "AuditEvent?type=rest")).body):
        assert b"wet floor" not in text
    assert {r["resourceType"] for r in everything.entries} <= {"Patient", "Organization"}
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.resource WHERE convert_from(body, 'UTF8') LIKE '%wet floor%'") == 0
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.draft") == 0


async def test_whom_it_is_about_sees_no_report_no_number_and_no_trend(clinic: Clinic) -> None:
    lead = await visitor(clinic, "lead")
    pages = ("/incidents", "/incidents/closed", "/incidents/trends", "/incidents/trends.csv", "/today")
    before = [(await lead.get(p)).text.count("Fall or injury") for p in pages]
    them = await visitor(clinic, "nurse")
    whom = await person(clinic, "lead")
    hidden = await report(clinic, them, staff=[whom], about=[whom])
    assert [(await lead.get(p)).text.count("Fall or injury") for p in pages] == before
    for path in (f"/incidents/{hidden}", f"/incidents/{hidden}/print"):
        one, other = await lead.get(path), await lead.get(path.replace(hidden, "a" * len(hidden)))
        assert (one.status_code, other.status_code) == (404, 404)
    act = [await lead.post(f"/incidents/{x}", {"do": "cause", "cause": "Nothing", "seen": ""}) for x in (hidden, "a" * len(hidden))]
    assert [a.status_code for a in act] == [404, 404]
    shown = await report(clinic, them)
    assert (await lead.get(f"/incidents/{shown}")).status_code == 200
    away = await visitor(clinic, "sud-lead")
    assert (await away.get(f"/incidents/{shown}")).status_code == 404
    officer = await visitor(clinic, "officer")
    assert (await officer.get(f"/incidents/{shown}")).status_code == 404
    breach = await report(clinic, them, kind="privacy", harm="none", what="A list of clients was faxed to a wrong number.", people="12")
    page = await officer.get(f"/incidents/{breach}")
    assert page.status_code == 200
    assert "Office for Civil Rights, with the log of the year" in page.text
    assert "60 days after the end of the calendar year" in page.text


async def test_an_anonymous_report_names_nobody_anywhere(clinic: Clinic) -> None:
    them = await visitor(clinic, "nurse")
    id_ = await report(clinic, them, anonymous="yes")
    row = await clinic.owner.fetchrow("SELECT author, reported FROM record.incident WHERE incident = $1", id_)
    assert (row["author"], row["reported"].hour) == ("", 0)
    (line,) = await clinic.owner.fetch("SELECT account, role, request FROM record.audit WHERE action = 'incident-send'")
    assert (line["account"], line["role"], line["request"]) == ("", "", "")
    assert "Received" not in (await them.get("/incidents")).text
    risk = await visitor(clinic, "risk")
    page = (await risk.get(f"/incidents/{id_}")).text
    assert "somebody who stays unnamed" in page
    assert "Tarrow" not in page.split('id="facts"')[1].split('id="notices"')[0].split("<details")[0]


async def test_a_client_s_name_in_the_text_is_said_and_a_name_of_somebody_hidden_is_not(clinic: Clinic) -> None:
    await clinic.make("sys-mh", patient("Castellane"))
    await clinic.make("sys-sud", patient("Quillfeather"))
    them = await visitor(clinic, "nurse")
    await them.get("/incidents/new")
    key = re.findall(r'action="/incidents/draft/(\w+)"', them.last.text)[0]
    form = {"kind": "fall", "harm": "mild", "what": "At ten Castellane slipped beside the sink.", "day": "2026-03-04", "time": "09:30", "tab": "t1"}
    kept = await them.post(f"/incidents/draft/{key}/keep", form)
    assert "is the name of a client" in kept.text
    quiet = await them.post(f"/incidents/draft/{key}/keep", {**form, "what": "At ten Quillfeather slipped beside the sink."})
    assert "is the name of a client" not in quiet.text
    await them.get(f"/incidents/draft/{key}")
    asked = await them.post(f"/incidents/draft/{key}", {**form, "do": "send"})
    assert asked.status_code == 422
    assert "A client&#39;s name stands in the text" in asked.text or "A client's name stands in the text" in asked.text
    assert "At ten Castellane slipped" in asked.text
    assert (await them.post(f"/incidents/draft/{key}", {**form, "do": "send", "as_is": "yes"})).status_code == 200
    other = await visitor(clinic, "lead")
    assert (await other.get(f"/incidents/draft/{key}")).status_code == 404


async def test_a_draft_is_its_author_s_and_a_second_press_sends_nothing_twice(clinic: Clinic) -> None:
    them = await visitor(clinic, "nurse")
    await them.get("/incidents/new")
    key = re.findall(r'action="/incidents/draft/(\w+)"', them.last.text)[0]
    form = {"kind": "fall", "harm": "mild", "what": WHAT, "day": "2026-03-04", "time": "09:30"}
    await them.post(f"/incidents/draft/{key}/keep", {**form, "tab": "one"})
    assert "Go on with it" in (await them.get("/incidents")).text
    assert "slipped on the wet floor" in (await them.get(f"/incidents/draft/{key}")).text
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.incident") == 0
    risk = await visitor(clinic, "risk")
    assert (await risk.get(f"/incidents/draft/{key}")).status_code == 404
    await them.get(f"/incidents/draft/{key}")
    for _ in range(2):
        assert (await them.post(f"/incidents/draft/{key}", {**form, "do": "send"})).status_code == 200
        await them.get("/incidents")
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.incident") == 1
    empty = await report_refused(them)
    assert all(f'href="#{name}"' in empty for name in ("kind", "what"))


async def report_refused(them: Visitor) -> str:
    await them.get("/incidents/new")
    key = re.findall(r'action="/incidents/draft/(\w+)"', them.last.text)[0]
    answer = await them.post(f"/incidents/draft/{key}", {"do": "send", "day": "2026-03-04"})
    assert answer.status_code == 422
    return str(answer.text)


async def test_the_chart_gets_facts_in_the_author_s_name_and_no_word_of_a_report(clinic: Clinic) -> None:
    client = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(client))
    them = await visitor(clinic, "mh-clinician")
    await them.get("/incidents/new")
    key = re.findall(r'action="/incidents/draft/(\w+)"', them.last.text)[0]
    form = {"kind": "fall", "harm": "mild", "what": WHAT, "day": "2026-03-04", "time": "09:30", "do": "send", "clients": client}
    bad = await them.post(f"/incidents/draft/{key}", {**form, "chart": "Client slipped; incident report filed."})
    assert bad.status_code == 422
    assert "nothing of a report" in bad.text
    sent = await them.post(f"/incidents/draft/{key}", {**form, "chart": "Client slipped in the kitchen at 9:30. No bruise seen. Walked away unaided."})
    path = re.findall(rf'href="(/patients/{client}/notes/write/[^"]+)"', sent.text)[0]
    note = (await them.get(path)).text
    assert "No bruise seen" in note
    main = note.split("<main")[1].split("</main>")[0]
    assert "incident" not in main.lower()
    assert (await (await visitor(clinic, "risk")).get(path)).status_code in (403, 404)


async def test_a_missed_deadline_climbs_the_chain_and_passes_over_the_away_and_whom_it_is_about(clinic: Clinic) -> None:
    now, end = clock.now(), clock.now() + timedelta(days=2)
    lead = await as_(clinic, "lead")
    people = {who: await person(clinic, who) for who in ("lead", "nurse", "night", "risk", "mh-clinician")}
    await changing.add(lead, [
        Entry("", "", ON_CALL, people["night"], None, (), now, end), Entry("", "", ON_CALL, people["mh-clinician"], None, (), now, end), Entry("", "", SITE_LEAD, people["nurse"], None, (), now, NEVER),
        Entry("", "", AWAY, people["lead"], None, (), now, end),
    ])  # fmt: skip
    them = await visitor(clinic, "technician")
    id_ = await report(clinic, them, staff=[people["mh-clinician"]], about=[people["mh-clinician"]])
    await tick(clinic)
    night = await visitor(clinic, "night")
    late = "A notification about an incident is late"
    assert late not in (await night.get("/today")).text
    later(minutes=45)
    await tick(clinic)
    risk = await visitor(clinic, "risk")
    assert late in (await risk.get("/today")).text
    assert late not in (await (await visitor(clinic, "lead")).get("/today")).text  # away
    night = await visitor(clinic, "night")
    assert late not in (await night.get("/today")).text
    later(minutes=61)
    await tick(clinic)
    await tick(clinic)
    night = await visitor(clinic, "night")
    page = re.findall(r'href="(/incidents/notices/[^"]+)"', (await night.get("/today")).text)
    assert len(page) == 1
    shown = (await night.get(page[0])).text
    assert "You cannot open the report" in shown
    assert "wet floor" not in shown
    about = await visitor(clinic, "mh-clinician")
    assert late not in (await about.get("/today")).text
    later(minutes=125)
    await tick(clinic)
    nurse = await visitor(clinic, "nurse")
    assert late in (await nurse.get("/today")).text
    told = await clinic.owner.fetchval("SELECT count(*) FROM record.incident_version WHERE act = 'escalated' AND incident = $1", id_)
    risk = await visitor(clinic, "risk")
    await acts(risk, id_, do="told", notice="physician", day="2026-03-04", time="09:40", whom="Dr. Okafor", how="telephone")
    await tick(clinic)
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.incident_version WHERE act = 'escalated' AND incident = $1", id_) == told
    night = await visitor(clinic, "night")
    await night.get(page[0])
    assert (await night.post(page[0])).status_code == 303
    assert late not in (await night.get("/today")).text


async def test_two_reviewers_do_not_overwrite_each_other(clinic: Clinic) -> None:
    them = await visitor(clinic, "nurse")
    id_ = await report(clinic, them)
    risk, lead = await visitor(clinic, "risk"), await visitor(clinic, "lead")
    await risk.get(f"/incidents/{id_}")
    await lead.get(f"/incidents/{id_}")
    seen = risk.hidden("seen")
    assert (await lead.post(f"/incidents/{id_}", {"do": "cause", "cause": "The floor.", "seen": lead.hidden("seen")})).status_code == 303
    late = await risk.post(f"/incidents/{id_}", {"do": "cause", "cause": "The sink, I think.", "seen": seen})
    assert late.status_code == 422
    assert "Somebody else changed this report" in late.text
    assert "The sink, I think." in late.text
    assert (await lead.post(f"/incidents/{id_}", {"do": "committee", "met": "x", "members": "x", "found": "x", "decided": "x"})).status_code == 422


async def test_who_may_not_see_a_client_reads_the_report_without_them(clinic: Clinic) -> None:
    hidden = (await clinic.make("sys-sud", patient("Quillfeather"))).id
    them = await visitor(clinic, "both-clinician")
    id_ = await report(clinic, them, clients=[hidden])
    lead = await visitor(clinic, "lead")
    page = (await lead.get(f"/incidents/{id_}")).text
    assert "Quillfeather" not in page
    assert hidden not in page
    assert "None that you may see" in page
    assert (await acts(lead, id_, do="correct", kind="fall", harm="severe", day="2026-03-04", time="09:30", what=WHAT)).status_code == 303
    risk = await visitor(clinic, "risk")
    assert "Quillfeather" in (await risk.get(f"/incidents/{id_}")).text
    assert "Severe" in risk.last.text


def test_a_report_speaks_and_a_chart_does_not() -> None:
    for text in ("Incident report filed", "Reported to risk", "see peer review", "Root cause unknown", "incident was reported"):
        assert reporting.unspoken(text), text
    for text in ("Client slipped.", "Reported pain in the left knee.", "She reported that it hurts.", json.dumps({"a": 1})):
        assert not reporting.unspoken(text), text


async def test_from_a_chart_the_client_is_chosen_already_and_a_hidden_one_is_not_there(clinic: Clinic) -> None:
    client = (await clinic.make("sys-mh", patient())).id
    hidden = (await clinic.make("sys-sud", patient("Quillfeather"))).id
    them = await visitor(clinic, "nurse")
    assert f'name="clients" value="{client}" checked' in (await them.get(f"/patients/{client}/incident")).text
    assert [(await them.get(f"/patients/{x}/incident")).status_code for x in (hidden, "A" * len(hidden))] == [404, 404]


async def test_a_report_that_somebody_else_sends_under_the_address_of_a_draft_does_not_take_its_place(clinic: Clinic) -> None:
    author, other = await visitor(clinic, "nurse"), await visitor(clinic, "technician")
    await author.get("/incidents/new")
    key = re.findall(r'action="/incidents/draft/(\w+)"', author.last.text)[0]
    form = {"kind": "fall", "harm": "mild", "what": WHAT, "day": "2026-03-04", "time": "09:30", "do": "send"}
    await other.get("/incidents")
    for who in (other, author, author):
        assert (await who.post(f"/incidents/draft/{key}", form)).status_code == 200
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.incident") == 2, "one of each, however often it is sent"
