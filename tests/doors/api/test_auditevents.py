"""AuditEvents are made from the trail: by IHE BALP, searchable by those who oversee it and by patients about themselves."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from sojourn.fhir.validate import validate
from tests.gate.test_trail_read import story
from tests.people import BASE, Clinic, encounter, observation, patient

DCM = "http://dicom.nema.org/resources/ontology/DCM"
BALP = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."


def codes(value: dict[str, Any]) -> set[str]:
    return {c["code"] for c in value["coding"]}


def agents(event: dict[str, Any], code: str) -> list[dict[str, Any]]:
    return [a for a in event["agent"] if code in codes(a["type"])]


def entities(event: dict[str, Any], code: str) -> list[dict[str, Any]]:
    return [e for e in event["entity"] if e["type"]["code"] == code]


def faults(event: dict[str, Any]) -> list[str]:
    """What breaks R4; that BALP is not installed is no fault."""
    return [f"{i.expression}: {i.diagnostics}" for i in validate(event) if i.severity in ("error", "warning")]


def check_balp(event: dict[str, Any]) -> None:
    """What BALP 1.1.3 fixes for the profile that the event claims (https://profiles.ihe.net/ITI/BALP/artifacts.html)."""
    (url,) = event["meta"]["profile"]
    profile = url.removeprefix(BALP)
    kind = profile.removeprefix("Patient")
    assert event["outcome"] == "0"
    subtypes = {c["code"] for c in event["subtype"]}
    if profile == "PrivacyDisclosure.Source":
        assert (event["type"]["code"], event["action"]) == ("110106", "R")
        assert "disclose" in subtypes
        (source,), (target,) = agents(event, "110153"), agents(event, "110152")
        assert source["who"] == event["source"]["observer"]
        assert source["network"]
        assert target["network"]
        assert len(event["entity"]) >= 2
        assert len(entities(event, "1")) == 1
        return
    assert event["type"]["code"] == "rest"
    fixed = {"Read": ("R", {"read", "vread"}), "Create": ("C", {"create"}), "Update": ("U", {"update", "patch"}), "Delete": ("D", {"delete"}), "Query": ("E", {"search-type"})}
    action, allowed = fixed[kind]
    assert event["action"] == action
    assert subtypes <= allowed
    client, server = {"Read": ("110152", "110153"), "Delete": ("110150", "custodian")}.get(kind, ("110153", "110152"))
    for code in (client, server):
        (agent,) = agents(event, code)
        assert agent["who"]
        assert agent["network"]
    (user,) = agents(event, "AUT" if kind in ("Create", "Update", "Delete") else "IRCP")
    assert user["who"]
    assert user["requestor"] is True
    (thing,) = entities(event, "2")
    if kind == "Query":
        assert thing["role"]["code"] == "24"
        assert base64.b64decode(thing["query"])
    else:
        assert thing["what"]["reference"]
        assert thing["role"]["code"] == "4"
    if profile != kind:
        (who,) = entities(event, "1")
        assert who["what"]["reference"].startswith("Patient/")
    assert len(entities(event, "XrequestId")) == 1


async def test_every_kind_of_act_becomes_an_event_of_its_profile(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    made = await clinic.make("sys-mh", observation(p))
    await clinic.put("sys-mh", {**observation(p, 80), "id": made.id})
    await clinic.get("mh-clinician", f"Observation/{made.id}")
    await clinic.get("mh-clinician", f"Observation/{made.id}/_history/{made.version}")
    await clinic.get("mh-clinician", f"Observation?patient={p}&code=8867-4")
    await clinic.get("mh-clinician", "Observation/nothing")
    await clinic.ask("sys-mh", "DELETE", f"Observation/{made.id}")
    reply = await clinic.get("officer", f"AuditEvent?patient={p}")
    assert reply.status == 200, reply.body
    seen = set()
    for event in reply.entries:
        assert faults(event) == []
        if "profile" in event["meta"]:
            check_balp(event)
            seen.add(event["meta"]["profile"][0].removeprefix(BALP))
    assert seen == {"PatientCreate", "PatientRead", "PatientUpdate", "PatientDelete", "PatientQuery"}
    (absent,) = (await clinic.get("officer", "AuditEvent?outcome=4&altid=mh-clinician")).entries
    assert (absent["outcome"], absent["meta"].get("profile")) == ("4", None)
    assert faults(absent) == []


async def test_what_an_outside_organization_was_shown_is_a_disclosure(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(p))
    team = {"resourceType": "CareTeam", "status": "active", "subject": {"reference": f"Patient/{p}"}, "participant": [{"member": {"reference": "Organization/tpo"}}]}
    await clinic.make("sys-mh", team)
    assert (await clinic.get("tpo", f"Patient/{p}")).status == 200
    (event,) = (await clinic.get("officer", f"AuditEvent?patient={p}&agent=Organization/tpo")).entries
    assert event["meta"]["profile"] == [BALP + "PrivacyDisclosure.Source"]
    check_balp(event)
    assert faults(event) == []
    assert [e["id"] for e in (await clinic.get("officer", f"AuditEvent?patient={p}&subtype=disclose")).entries] == [event["id"]]


async def test_events_are_found_by_patient_agent_date_action_entity_and_id_and_paged(clinic: Clinic) -> None:
    p, hidden = await story(clinic)
    found = await clinic.get("officer", f"AuditEvent?patient={p}&action=R&altid=both-clinician")
    assert len(found.entries) == 2
    assert {e["subtype"][0]["code"] for e in found.entries} == {"read"}
    (one,) = (await clinic.get("officer", f"AuditEvent?entity=Observation/{hidden}&altid=sud-clinician")).entries
    assert (await clinic.get("officer", f"AuditEvent/{one['id']}")).json() == {**one, "entity": one["entity"]}
    assert (await clinic.get("officer", f"AuditEvent?_id={one['id']}")).entries == [one]
    assert (await clinic.get("officer", f"Patient/{p}/AuditEvent?altid=sud-clinician")).ids
    for date, some in (("ge2020-01-01", True), ("lt2020-01-01", False)):
        assert bool((await clinic.get("officer", f"AuditEvent?date={date}&patient={p}")).entries) is some
    everything, url = [], f"AuditEvent?patient={p}&_count=2&date=lt2100-01-01"
    first = (await clinic.get("officer", f"AuditEvent?patient={p}&_count=200")).ids
    while url:
        reply = await clinic.get("officer", url)
        everything += reply.ids
        url = next((link["url"].removeprefix(BASE + "/") for link in reply.json()["link"] if link["relation"] == "next"), "")
    assert [i for i in everything if i in first] == first
    assert len(set(everything)) == len(everything)


async def test_what_is_not_offered_is_named_and_the_statement_says_what_is(clinic: Clinic) -> None:
    lenient = await clinic.get("officer", "AuditEvent?site=x")
    assert b"site is not known here" in lenient.body
    strict = await clinic.get("officer", "AuditEvent?site=x", ("prefer", "handling=strict"))
    assert strict.status == 400
    assert (await clinic.get("officer", "AuditEvent?_count=0")).status == 400
    (entry,) = [r for r in (await clinic.get("officer", "metadata")).json()["rest"][0]["resource"] if r["type"] == "AuditEvent"]
    assert "made from the audit trail" in entry["documentation"]


async def test_others_neither_find_nor_read_events_of_the_trail(clinic: Clinic) -> None:
    p, _ = await story(clinic)
    one = (await clinic.get("officer", f"AuditEvent?patient={p}")).entries[0]
    for who in ("mh-clinician", "both-clinician", "sys-mh"):
        assert (await clinic.get(who, f"AuditEvent?patient={p}")).entries == []
        assert (await clinic.get(who, f"AuditEvent/{one['id']}")).status == 404
    assert (await clinic.get("other-clinician", f"AuditEvent/{one['id']}")).status == 404


@pytest.mark.parametrize("id_", ["x", "a.b.c", "AAAA.ffffffffffffffff.00000000", "A" * 22 + ".1.12345678", "AAAA.384440ccc735fff.00000000", "AAAA.384440ccc736000.00000000"])
async def test_an_id_that_is_none_is_not_found(clinic: Clinic, id_: str) -> None:
    assert (await clinic.get("officer", f"AuditEvent/{id_}")).status == 404
    assert (await clinic.get("officer", f"AuditEvent?_id={id_}")).entries == []


async def test_a_report_to_the_end_of_the_calendar_or_to_its_beginning_is_a_report(clinic: Clinic) -> None:
    p, _ = await story(clinic)
    for asked, some in (("since=2020&until=9999", True), ("since=2020&until=9999-12-31", True), ("until=9999", False), ("until=0001-06-01", False), ("since=9999", False), ("", True)):
        answer = await clinic.get("officer", f"Patient/{p}/$access-report?{asked}")
        assert answer.status == 200, (asked, answer.body)
        assert any(part["name"] == "visit" for part in answer.json()["parameter"]) is some, asked
