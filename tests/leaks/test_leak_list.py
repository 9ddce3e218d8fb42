"""One test for each way in which systems have leaked in public, as far as we have that door yet.

The world: a client of the mental health program who is also in the Part 2 program, of which mental health staff may not know. Asked
is a clinician of the mental health program, and where it matters an outside organization to which nobody consented.
"""

from __future__ import annotations

import ast
import json
import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sojourn.base import clock
from sojourn.record import labelling
from sojourn.record.database import Dsn
from tests.people import A, Clinic, Reply, close_clinic, consent, encounter, labelled, observation, open_clinic, patient

SNOMED, ICD, RXNORM, LOINC = "http://snomed.info/sct", "http://hl7.org/fhir/sid/icd-10-cm", "http://www.nlm.nih.gov/research/umls/rxnorm", "http://loinc.org"
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
WHO = "mh-clinician"
SECRET = "detox-unit-secret"

NOT_YET = {
    "portal documents": "no portal yet",
    "statements and explanations of benefits": "no billing yet",
    "AI prompts and summaries": "no AI yet",
    "backups": "made by the operator's tools, encrypted by theirs",
}
"""Items of the list whose door does not exist. Whoever builds the door takes its line out and writes the test."""

ELSEWHERE = {
    "bulk export": "leaks/test_bulk_worlds.py::test_what_an_export_tells_does_not_depend_on_what_is_hidden",
    "C-CDA text": "leaks/test_summary_worlds.py::test_what_is_hidden_matches_nothing_and_stands_in_nobodys_way",
    "PDF text": "care/test_release_requests.py::test_pages_of_a_packet_are_decided_anew_and_say_what_holds_now",
    "names and reasons in calendars": "leaks/test_schedule_worlds.py::test_what_is_hidden_changes_no_page_no_free_time_and_no_calendar",
    "views of minors and of those who act for them": "gate/test_proxies.py::test_a_parent_sees_a_childs_record_but_not_what_the_child_consented_to_alone_in_any_count_either",
    "the viewer of the trail": "leaks/test_trail_worlds.py::test_the_pages_say_the_same_whether_or_not_there_is_something_hidden",
    "words of reminders": "web/test_reminders.py::test_what_is_sent_to_a_client_of_a_hidden_program_has_no_word_of_it_by_any_channel",
    "messages": "leaks/test_message_worlds.py::test_hidden_stays_clients_and_threads_change_nothing",
    "small cells of reports": "leaks/test_report_worlds.py::test_what_is_hidden_changes_no_report_of_anybody_who_may_not_see_it",
    "kinds of ADT events": "leaks/test_exchange_out_worlds.py::test_what_is_hidden_from_a_partner_changes_nothing_that_leaves_and_no_page_of_the_exchange",
    "reactions by the clock": "leaks/test_clock_worlds.py::test_what_the_clock_does_about_what_is_hidden_shows_nowhere",
}
"""Items of the list that are tested beside their door."""


def test_what_is_said_to_be_tested_elsewhere_is() -> None:
    for item, place in ELSEWHERE.items():
        file, _, name = place.partition("::")
        text = (Path(__file__).parents[1] / file).read_text("utf-8")
        assert name in {f.name for f in ast.parse(text).body if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef) and f.name.startswith("test_")}, item


class World(NamedTuple):
    """Ids of the client, of what is open, and of what is hidden from mental health staff."""

    clinic: Clinic
    p: str
    open: dict[str, str]
    hidden: dict[str, str]

    async def ask(self, url: str, who: str = WHO) -> Reply:
        return await self.clinic.get(who, url)

    def tells(self, reply: Reply) -> list[str]:
        """What of the hidden is in an answer."""
        text = reply.body.decode() + json.dumps(reply.headers)
        return [key for key, id_ in self.hidden.items() if id_ in text] + ([SECRET] if SECRET in text else [])


def _coded(system: str, code: str, text: str = SECRET) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}], "text": text}


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations, everybody signed in."""
    made = await open_clinic(database)
    yield made
    await close_clinic(made)


@pytest.fixture
async def world(clinic: Clinic) -> World:
    """Everything by the Part 2 program carries a word that must not be seen."""
    p = (await clinic.make("sys-sud", patient())).id
    subject = {"subject": {"reference": f"Patient/{p}"}}
    open_ = {"visit": (await clinic.make("sys-mh", encounter(p))).id, "pulse": (await clinic.make("sys-mh", observation(p, 61))).id}
    made: dict[str, dict[str, Any]] = {
        "visit": encounter(p, serviceType={"text": SECRET}),
        "diagnosis": {"resourceType": "Condition", "code": _coded(ICD, "F11.20"), **subject},
        "medication": {"resourceType": "MedicationRequest", "status": "active", "intent": "order", "medicationCodeableConcept": _coded(RXNORM, "1010600"), **subject},
        "screen": observation(p, code=_coded(LOINC, "3427-3"), note=[{"text": SECRET}]),
        "letter": {"resourceType": "DocumentReference", "status": "current", "content": [{"attachment": {"contentType": "text/plain", "title": SECRET + ".txt", "data": "c2VjcmV0"}}], **subject},
        "task": {"resourceType": "Task", "status": "requested", "intent": "order", "description": SECRET, "for": {"reference": f"Patient/{p}"}},
        "referral": {"resourceType": "ServiceRequest", "status": "active", "intent": "order", "code": {"text": "Referral"}, "reasonCode": [{"text": SECRET}], **subject},
        "episode": {"resourceType": "EpisodeOfCare", "status": "active", "patient": {"reference": f"Patient/{p}"}, "type": [{"text": SECRET}]},
        "appointment": {
            "resourceType": "Appointment", "status": "booked", "description": SECRET, "start": "2026-03-02T10:00:00Z", "end": "2026-03-02T11:00:00Z",
            "participant": [{"actor": {"reference": f"Patient/{p}"}, "status": "accepted"}],
        },
    }  # fmt: skip
    hidden = {name: (await clinic.make("sys-sud", resource)).id for name, resource in made.items()}
    return World(clinic, p, open_, hidden)


def _kinds(world: World) -> list[str]:
    return ["Encounter", "Condition", "MedicationRequest", "Observation", "DocumentReference", "Task", "ServiceRequest", "EpisodeOfCare", "Appointment"]


async def test_result_counts_and_totals(world: World) -> None:
    for kind in _kinds(world):
        for query in (f"{kind}?_summary=count", f"{kind}?_total=accurate&_count=1"):
            reply = await world.ask(query)
            assert reply.json()["total"] == {"Encounter": 1, "Observation": 1}.get(kind, 0), query


async def test_empty_or_short_pages(world: World) -> None:
    for n in range(6):
        await world.clinic.make("sys-sud", observation(world.p, 200 + n))
        await world.clinic.make("sys-mh", observation(world.p, 80 + n))
    seen: list[int] = []
    url: str | None = "Observation?_count=2"
    while url:
        page = (await world.ask(url)).json()
        entries = [e["resource"]["valueQuantity"]["value"] for e in page.get("entry", ())]
        url = next((link["url"].partition("/fhir/")[2] for link in page["link"] if link["relation"] == "next"), None)
        assert len(entries) == 2 or url is None  # a page is short only at the end
        seen += entries
    assert sorted(seen) == [61, 80, 81, 82, 83, 84, 85]


async def test_reverse_chains(world: World) -> None:
    for condition in ("_has:Condition:patient:code=F11.20", "_has:Encounter:patient:status=finished&_has:Task:patient:status=requested", "_has:MedicationRequest:patient:status=active"):
        assert (await world.ask(f"Patient?{condition}")).ids == [], condition
    assert (await world.ask("Patient?_has:Observation:patient:code=8867-4")).ids == [world.p]


async def test_chains(world: World) -> None:
    o = (await world.clinic.make("sys-mh", observation(world.p, 70, encounter={"reference": f"Encounter/{world.hidden['visit']}"}))).id
    assert o not in (await world.ask("Observation?encounter.status=finished")).ids
    assert o not in (await world.ask(f"Observation?encounter=Encounter/{world.hidden['visit']}")).ids
    assert o in (await world.ask("Observation?encounter:missing=true")).ids


async def test_sort_order(world: World) -> None:
    """What changed last for others did not change for who cannot see what changed."""
    a = (await world.clinic.make("sys-mh", observation(world.p, 10))).id
    b = (await world.clinic.make("sys-mh", observation(world.p, 11))).id
    await world.clinic.put("sys-mh", {**observation(world.p, 10, component=[labelled({"code": {"text": "x"}, "valueString": SECRET}, "PSYTHPN")]), "id": a})
    assert [i for i in (await world.ask("Observation?_sort=-_lastUpdated")).ids if i in (a, b)] == [b, a]


async def test_includes(world: World) -> None:
    await world.clinic.make("sys-mh", observation(world.p, 71, encounter={"reference": f"Encounter/{world.hidden['visit']}"}))
    for query in ("Observation?_include=Observation:encounter", "Observation?_include=*", "Observation?_include=Observation:encounter&_include:iterate=Encounter:episode-of-care"):
        assert world.tells(await world.ask(query)) == [], query


async def test_reverse_includes(world: World) -> None:
    for kind, param in (("Condition", "patient"), ("MedicationRequest", "patient"), ("Encounter", "patient"), ("Task", "patient"), ("EpisodeOfCare", "patient"), ("Appointment", "patient")):
        assert world.tells(await world.ask(f"Patient?_id={world.p}&_revinclude={kind}:{param}")) == [], kind


async def test_history_and_versions(world: World) -> None:
    assert (await world.ask(f"Condition/{world.hidden['diagnosis']}/_history")).status == 404
    assert world.tells(await world.ask("Condition/_history")) == []
    assert world.tells(await world.ask("Observation/_history")) == []
    # A patient who was Part 2 only before: what was written then stays hidden, and so does that there was a version before.
    versions = (await world.ask(f"Patient/{world.p}/_history")).entries
    assert SECRET not in json.dumps(versions)


async def test_everything(world: World) -> None:
    assert world.tells(await world.ask(f"Patient/{world.p}/$everything")) == []


async def test_narrative(world: World) -> None:
    text = {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{SECRET}</div>'}
    visible = (await world.clinic.make("sys-mh", observation(world.p, 72, text=text, component=[labelled({"code": {"text": "x"}, "valueString": SECRET}, "PSYTHPN")]))).id
    for url in (f"Observation/{visible}", f"Observation?_id={visible}", f"Patient/{world.p}/$everything", f"Observation/{visible}/_history"):
        assert world.tells(await world.ask(url)) == [], url


async def test_file_names_of_attachments(world: World) -> None:
    assert world.tells(await world.ask(f"DocumentReference?patient={world.p}")) == []
    assert world.tells(await world.ask(f"DocumentReference/$docref?patient={world.p}")) == []
    for who in (WHO, "stranger"):
        unknown = await world.ask("DocumentReference/" + "A" * 22, who)
        withheld = await world.ask(f"DocumentReference/{world.hidden['letter']}", who)
        assert (withheld.status, withheld.body) == (unknown.status, unknown.body)


async def test_group_encounters(world: World) -> None:
    """A group's visit names several clients: who sees one of them sees nothing of the others."""
    other = (await world.clinic.make("sys-sud", patient("Othersson"))).id
    group = {"resourceType": "Group", "type": "person", "actual": True, "name": SECRET, "member": [{"entity": {"reference": f"Patient/{x}"}} for x in (world.p, other)]}
    made = (await world.clinic.make("sys-sud", group)).id
    about = (await world.clinic.make("sys-sud", {**encounter(world.p), "subject": {"reference": f"Group/{made}"}})).id
    for url in ("Group", f"Group?member=Patient/{world.p}", "Encounter", f"Encounter?subject=Group/{made}", f"Patient?_has:Group:member:_id={made}"):
        told = json.dumps((await world.ask(url)).entries)  # the link to itself repeats what was asked
        assert not [x for x in (made, about, other) if x in told], url


async def test_titles_of_tasks_and_notices(world: World) -> None:
    assert world.tells(await world.ask(f"Task?patient={world.p}")) == []
    assert world.tells(await world.ask("Task?status=requested")) == []


async def test_names_of_appointments(world: World) -> None:
    assert world.tells(await world.ask(f"Appointment?patient={world.p}")) == []
    assert world.tells(await world.ask("Appointment?status=booked")) == []


async def test_the_trail_tells_no_more_than_the_record(world: World) -> None:
    """What was looked at is in the trail; that is the record said again, so who may not see the one may not see the other."""
    await world.clinic.get("sud-clinician", f"Condition/{world.hidden['diagnosis']}")
    for who in (WHO, "stranger"):
        assert world.tells(await world.ask(f"AuditEvent?patient=Patient/{world.p}", who)) == []


async def test_suggestions_while_typing(world: World) -> None:
    """Searches by the beginning of a word, as boxes that suggest do."""
    for query in (f"Condition?code:text={SECRET[:4]}", f"Task?code:text={SECRET[:4]}", f"Location?name={SECRET[:4]}", f"Group?code:text={SECRET[:4]}"):
        reply = await world.ask(query)
        assert reply.status in (200, 400, 403)
        assert reply.status != 200 or reply.ids == [], query


async def test_error_messages_do_not_tell_withheld_from_absent(world: World) -> None:
    absent = "A" * 22
    for kind, id_ in (("Condition", world.hidden["diagnosis"]), ("Encounter", world.hidden["visit"]), ("Task", world.hidden["task"])):
        for method, body, headers in (
            ("GET", None, ()), ("DELETE", None, ()),
            ("PATCH", [{"op": "add", "path": "/language", "value": "en"}], (("content-type", "application/json-patch+json"),)),
        ):  # fmt: skip
            replies = [await world.clinic.ask(WHO, method, f"{kind}/{one}", body, headers) for one in (id_, absent)]
            bodies = [reply.body.decode().replace(one, "ID") for reply, one in zip(replies, (id_, absent), strict=True)]
            assert (replies[0].status, bodies[0]) == (replies[1].status, bodies[1]), (kind, method)


async def test_duplicate_checks_do_not_say_that_somebody_exists(world: World) -> None:
    secret = (await world.clinic.make("sys-sud", patient("Hidden", identifier=[{"system": "urn:mrn", "value": "7"}]))).id
    reply = await world.clinic.ask(WHO, "POST", "Patient", patient("Hidden", identifier=[{"system": "urn:mrn", "value": "7"}]), (("if-none-exist", "identifier=urn:mrn|7"),))
    assert reply.status == 201
    assert reply.id != secret
    assert (await world.clinic.ask(WHO, "PUT", f"Patient/{secret}", {**patient(), "id": secret})).status == (await world.clinic.ask(WHO, "PUT", "Patient/" + "A" * 22, {**patient(), "id": "A" * 22})).status


async def test_medications_that_imply_a_condition(world: World) -> None:
    for query in (f"MedicationRequest?patient={world.p}", "MedicationRequest?code=1010600", "MedicationRequest?status=active"):
        assert world.tells(await world.ask(query)) == [], query
    assert (await world.ask(f"MedicationRequest?patient={world.p}", "stranger")).ids == []


async def test_laboratory_results_that_imply_a_condition(world: World) -> None:
    for query in (f"Observation?patient={world.p}", "Observation?code=3427-3", f"Observation?patient={world.p}&_sort=-date"):
        assert world.tells(await world.ask(query)) == [], query


@pytest.mark.parametrize("state", [False, True])
async def test_what_a_code_alone_implies_is_kept_with_what_the_client_forbade(world: World, *, state: bool) -> None:
    """No row of a Part 2 program: what the mental health program gives and finds is known by its code alone (docs/labels.md). The client forbids
    what is about substance use and HIV to one of its staff and to somebody outside who may see the rest. state: a law protects HIV, too.
    """
    if state:
        await labelling.add_law(world.clinic.gate.house.db, A, "HIV", "hiv", source="a law of the state", account="officer", now=clock.now())
        await world.clinic.gate.reload()
    subject = {"subject": {"reference": f"Patient/{world.p}"}}
    order = {"resourceType": "MedicationRequest", "status": "active", "intent": "order", **subject}
    made = {
        "film": {**order, "medicationCodeableConcept": _coded(RXNORM, "1010600", "Film")}, "capsule": {**order, "medicationCodeableConcept": _coded(RXNORM, "308182", "Capsule")},
        "count": observation(world.p, 40, code=_coded(LOINC, "25836-8", "Count")), "questions": observation(world.p, 7, code=_coded(LOINC, "75626-2", "Questions")),
        "urine": observation(world.p, 1, code=_coded(LOINC, "3427-3", "Urine")), "sugar": observation(world.p, 90, code=_coded(LOINC, "2345-7", "Sugar")),
    }  # fmt: skip
    ids = {name: (await world.clinic.make("sys-mh", one)).id for name, one in made.items()}
    said = {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": {"security": [{"system": ACT, "code": "SUD"}]}}, {"name": "reason", "valueString": "A screen for opioids."}]}
    assert (await world.clinic.ask(WHO, "POST", f"Observation/{ids['urine']}/$meta-add", said)).status == 200  # a drug screen may be for a job: no list knows it, a person does
    await world.clinic.make("sys-sud", consent(world.p, "tpo"))

    async def seen(who: str) -> set[str]:
        one_by_one = {name for name in ids if (await world.ask(f"{made[name]['resourceType']}/{ids[name]}", who)).status == 200}
        found = [i for type_ in ("MedicationRequest", "Observation") for i in (await world.ask(f"{type_}?patient={world.p}", who)).ids]
        assert one_by_one == {name for name in ids if ids[name] in found}
        return one_by_one

    assert (await seen("tpo"), await seen(WHO)) == (set(ids) - ({"count"} if state else set()), set(ids))
    form = consent(world.p, "tpo", kind="patient_directive_deny")
    actor = form["provision"]["actor"][0]
    form["provision"] = {"type": "deny", "actor": [actor, {**actor, "reference": {"reference": "Practitioner/mh-clinician"}}], "securityLabel": [{"system": ACT, "code": c} for c in ("SUD", "HIV")]}
    await world.clinic.make("sys-mh", form)
    assert (await seen("tpo"), await seen(WHO)) == ({"capsule", "sugar"}, {"capsule", "sugar"})
    for query in ("MedicationRequest?code=1010600", "Observation?code=25836-8", "Observation?code=3427-3", "Observation?_security=SUD", "Observation?_security=HIV"):
        for who in ("tpo", WHO):
            found = (await world.ask(f"{query}&patient={world.p}", who)).ids
            assert not [i for i in found if i in ids.values()], (query, who)


async def test_diagnoses_on_what_is_billed(world: World) -> None:
    """A claim of the mental health program that names the hidden diagnosis: the reference is not there for who may not follow it."""
    claim = {
        "resourceType": "Claim", "status": "active", "type": {"text": "professional"}, "use": "claim", "created": "2026-02-02", "priority": {"text": "normal"},
        "patient": {"reference": f"Patient/{world.p}"}, "provider": {"reference": "Organization/mh"}, "insurance": [{"sequence": 1, "focal": True, "coverage": {"reference": "Coverage/none"}}],
        "diagnosis": [{"sequence": 1, "diagnosisReference": {"reference": f"Condition/{world.hidden['diagnosis']}"}}],
    }  # fmt: skip
    made = (await world.clinic.make("sys-mh", claim)).id
    for who in ("biller", WHO):
        found = await world.ask(f"Claim?patient={world.p}", who)
        assert found.ids == [made], who
        assert world.hidden["diagnosis"] not in found.body.decode(), who


async def test_reasons_of_referrals(world: World) -> None:
    assert world.tells(await world.ask(f"ServiceRequest?patient={world.p}")) == []


async def test_the_name_of_a_program_or_site(world: World) -> None:
    """That somebody is at the detox unit is said by its name alone: no place, service or organization of the hidden care is told of this client."""
    unit = (await world.clinic.make("sys-sud", {"resourceType": "Location", "status": "active", "name": "Detox Unit"})).id
    visit = (await world.clinic.make("sys-sud", encounter(world.p, location=[{"location": {"reference": f"Location/{unit}", "display": "Detox Unit"}}]))).id
    for url in (f"Patient/{world.p}/$everything", f"Encounter?location=Location/{unit}", f"Encounter?patient={world.p}&_include=Encounter:location", f"Patient?_has:Encounter:patient:location=Location/{unit}"):
        text = (await world.ask(url)).body.decode()
        assert visit not in text, url
        assert "Detox" not in text, url


async def test_logs(world: World, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    with caplog.at_level(logging.DEBUG):
        for url in (f"Condition/{world.hidden['diagnosis']}", "Condition?code=F11.20", "Patient?name=Rivera", "Observation?code=bad|bad|bad", "Nothing/1"):
            await world.ask(url)
        await world.clinic.ask(WHO, "POST", "Observation", b'{"resourceType": "Observation", "note": "Rivera ' + SECRET.encode() + b'"')
    out = capsys.readouterr()
    text = caplog.text + out.out + out.err
    assert not re.search(rf"Rivera|{SECRET}|F11\.20|{world.hidden['diagnosis']}", text)


async def test_etags_and_conditional_reads(world: World) -> None:
    """A version that only adds something hidden is no version for who may not see it, and "modified since" does not tell of it."""
    made = await world.clinic.make("sys-mh", observation(world.p, 65))
    secret = labelled({"code": {"text": "x"}, "valueString": SECRET}, "PSYTHPN")
    before = await world.ask(f"Observation/{made.id}")
    await world.clinic.put("sys-mh", {**observation(world.p, 65, component=[secret]), "id": made.id})
    after = await world.ask(f"Observation/{made.id}")
    assert (after.header("etag"), after.header("last-modified"), after.body) == (before.header("etag"), before.header("last-modified"), before.body)
    assert (await world.clinic.get(WHO, f"Observation/{made.id}", ("if-none-match", before.header("etag")))).status == 304


async def test_the_same_questions_are_put_to_the_database_for_withheld_and_absent(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = world.clinic.gate.house.db.call

    async def watched(sql: str, *args: Any) -> Any:
        asked.append(sql)
        return await real(sql, *args)

    monkeypatch.setattr(world.clinic.gate.house.db, "call", watched)
    runs = []
    await world.ask("Condition/" + "B" * 22)  # whose token this is, is looked up once
    for one in (world.hidden["diagnosis"], "A" * 22):
        asked.clear()
        await world.ask(f"Condition/{one}")
        runs.append(list(asked))
    assert runs[0] == runs[1]


async def test_an_outside_organization_without_consent_learns_of_nobody(world: World) -> None:
    for query in ("Patient?name=Rivera", "Patient?birthdate=1988-03-04", f"Patient?_id={world.p}", "Patient?_summary=count"):
        reply = await world.ask(query, "stranger")
        assert reply.entries == [], query
        assert reply.json().get("total", 0) == 0
    assert (await world.ask(f"Patient/{world.p}", "stranger")).body == (await world.ask("Patient/" + "A" * 22, "stranger")).body


async def test_what_is_permitted_arrives(world: World) -> None:
    """The other side of the promise: with a complete consent the recipient gets what it covers, without asking twice."""
    await world.clinic.make("sys-sud", consent(world.p, "tpo"))
    ids = (await world.ask(f"Condition?patient={world.p}", "tpo")).ids
    assert ids == [world.hidden["diagnosis"]]
    assert (await world.ask(f"Condition?patient={world.p}", "tpo-research")).ids == []
