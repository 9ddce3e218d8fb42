"""Leaks that were found, each by the shortest story that shows it."""

from __future__ import annotations

import pytest

from tests.gate.test_overriding import decide
from tests.people import Clinic, consent, encounter, labelled, observation, patient

ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


async def both(clinic: Clinic) -> str:
    p = (await clinic.make("sys-sud", patient())).id
    await clinic.make("sys-mh", encounter(p))
    return p


async def test_a_patient_is_not_found_by_labels_that_have_fallen(clinic: Clinic) -> None:
    p = await both(clinic)
    assert (await clinic.get("mh-clinician", f"Patient?_security={ACT}|42CFRPart2")).ids == []
    assert (await clinic.get("mh-clinician", "Patient?_security=N")).ids == [p]


async def test_a_resource_is_not_found_by_the_labels_of_a_hidden_element(clinic: Clinic) -> None:
    p = await both(clinic)
    part = {"code": {"coding": [{"system": "http://loinc.org", "code": "8302-2"}]}, "valueString": "x"}
    o = (await clinic.make("sys-mh", observation(p, component=[labelled(part, "PSYTHPN")]))).id
    for wanted in ("R", "PSYTHPN", "PROCESSINLINELABEL"):
        assert (await clinic.get("mh-clinician", f"Observation?_security={wanted}")).ids == []
    assert (await clinic.get("mh-clinician", "Observation?component-code=8302-2")).ids == []
    assert (await clinic.get("mh-clinician", "Observation?_security=N")).ids == [o]


async def test_a_reference_to_something_hidden_stays_hidden_when_that_is_deleted(clinic: Clinic) -> None:
    p = await both(clinic)
    e = (await clinic.make("sys-sud", encounter(p))).id
    o = (await clinic.make("sys-mh", observation(p, encounter={"reference": f"Encounter/{e}"}))).id
    for _ in range(2):
        assert "encounter" not in (await clinic.get("mh-clinician", f"Observation/{o}")).json()
        assert (await clinic.get("mh-clinician", f"Observation?encounter=Encounter/{e}")).ids == []
        assert (await clinic.get("mh-clinician", "Observation?encounter:missing=false")).ids == []
        await clinic.ask("sys-sud", "DELETE", f"Encounter/{e}")


async def test_what_cannot_do_without_something_hidden_is_not_counted(clinic: Clinic) -> None:
    p = await both(clinic)
    o = (await clinic.make("sys-sud", observation(p))).id
    about = {"resourceType": "Provenance", "recorded": "2026-01-01T10:00:00Z", "agent": [{"who": {"reference": "Practitioner/x"}}], "target": [{"reference": f"Observation/{o}"}]}
    made = (await clinic.make("sys-mh", about)).id
    assert (await clinic.get("mh-clinician", f"Provenance/{made}")).status == 404
    assert (await clinic.get("mh-clinician", "Provenance?_summary=count")).json()["total"] == 0
    assert (await clinic.get("both-clinician", "Provenance?_summary=count")).json()["total"] == 1
    assert (await clinic.get("stranger", "Provenance?_summary=count")).json()["total"] == 0


async def test_a_reference_to_a_withheld_id_and_to_an_unknown_one_are_refused_alike(clinic: Clinic) -> None:
    p = await both(clinic)
    hidden = (await clinic.make("sys-sud", encounter(p))).id
    answers = set()
    for e in (hidden, "A" * 22):
        reply = await clinic.ask("mh-clinician", "POST", "Observation", observation(p, encounter={"reference": f"Encounter/{e}"}))
        answers.add((reply.status, reply.body))
    assert len(answers) == 1
    assert answers.pop()[0] == 422
    own = (await clinic.make("sys-mh", encounter(p))).id
    assert (await clinic.ask("mh-clinician", "POST", "Observation", observation(p, encounter={"reference": f"Encounter/{own}"}))).status == 201


async def test_an_element_under_part_2_of_ones_own_program_is_seen_whatever_else_is_hidden(clinic: Clinic) -> None:
    p = await both(clinic)
    hidden = (await clinic.make("sys-sud", encounter(p))).id
    part = labelled({"code": {"text": "x"}, "valueString": "x"}, "SUD")
    for more in ({}, {"encounter": {"reference": f"Encounter/{hidden}"}}):
        o = (await clinic.make("sys-mh", observation(p, component=[part], **more))).id
        assert "component" in (await clinic.get("mh-clinician", f"Observation/{o}")).json()


async def test_past_versions_of_what_was_raised_and_then_deleted_stay_withheld(clinic: Clinic) -> None:
    p = await both(clinic)
    await clinic.make("sys-sud", consent(p, "tpo"))
    first = await clinic.make("sys-mh", observation(p))
    assert (await clinic.get("tpo", f"Observation/{first.id}")).status == 200
    raised = {**first.json(), "meta": {"security": [{"system": ACT, "code": "42CFRPart2"}]}}
    assert (await clinic.put("sys-mh", raised)).status == 200
    assert (await clinic.get("tpo", f"Observation/{first.id}/_history")).status == 404
    assert (await clinic.ask("sys-mh", "DELETE", f"Observation/{first.id}")).status == 204
    assert (await clinic.get("tpo", f"Observation/{first.id}/_history")).status == 404
    assert (await clinic.get("tpo", f"Observation/{first.id}/_history/{first.version}")).status == 404
    assert first.id not in (await clinic.get("tpo", "Observation/_history")).body.decode()


async def test_what_two_laws_share_is_found_by_those_who_may_see_either(clinic: Clinic) -> None:
    p = await both(clinic)
    code = {"coding": [{"system": "http://loinc.org", "code": "8302-2"}]}
    seen, hidden = labelled({"code": code, "valueString": "x"}, "HIV"), labelled({"code": code, "valueString": "y"}, "PSYTHPN")
    one = (await clinic.make("sys-mh", observation(p, component=[seen]))).id
    two = (await clinic.make("sys-mh", observation(p, component=[seen, hidden]))).id
    assert (await clinic.get("mh-clinician", "Observation?component-code=8302-2")).ids == [one, two]


async def test_what_several_laws_share_is_found_once(clinic: Clinic) -> None:
    p = await both(clinic)
    who = {"reference": "Practitioner/someone"}
    code = {"coding": [{"system": "http://loinc.org", "code": "8302-2"}]}
    made = observation(p, performer=[labelled(who, "HIV"), labelled(who, "SDV")], component=[labelled({"code": code, "valueString": law}, law) for law in ("HIV", "SDV")])
    o = (await clinic.make("sys-mh", made)).id
    for account in ("mh-clinician", "both-clinician"):
        for asked in ("performer=Practitioner/someone", "component-code=8302-2", "component-code=8302-2&performer=Practitioner/someone"):
            assert (await clinic.get(account, f"Observation?{asked}")).ids == [o]
            assert (await clinic.get(account, f"Observation?{asked}&_summary=count")).json()["total"] == 1
            assert (await clinic.get(account, f"Observation?patient=Patient/{p}&{asked}")).ids == [o]


async def test_nobody_opens_the_records_of_a_program_in_which_they_do_not_work_by_writing_a_consent(clinic: Clinic) -> None:
    p = await both(clinic)
    sud, friend = [(await clinic.make("sys-none", {"resourceType": "Organization", "name": name})).id for name in ("Recovery", "Friend")]
    await clinic.owner.execute("UPDATE record.program SET organization = $1 WHERE tenant = 1 AND program = 1", f"Organization/{sud}")
    await clinic.owner.execute("UPDATE record.account SET agent = $1, generation = generation + 1 WHERE tenant = 1 AND account = 'stranger'", f"Organization/{friend}")
    await clinic.gate.reload()
    hidden = (await clinic.make("sys-sud", {"resourceType": "Condition", "code": {"text": "x"}, "subject": {"reference": f"Patient/{p}"}})).id
    form = {**consent(p, friend), "organization": [{"reference": f"Organization/{sud}"}]}
    await clinic.owner.execute("UPDATE record.account SET kind = 'system', generation = generation + 1 WHERE tenant = 1 AND account IN ('mh-clinician', 'sud-clinician')")
    refused = await clinic.ask("mh-clinician", "POST", "Consent", form)
    assert refused.status == 403
    assert hidden not in refused.body.decode()
    assert (await clinic.get("stranger", f"Condition/{hidden}")).status in (401, 404)
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.consent_grant") == 0
    assert (await clinic.ask("sud-clinician", "POST", "Consent", form)).status == 201


async def test_what_another_program_made_is_still_its_own_when_somebody_deletes_it_and_brings_it_back(clinic: Clinic) -> None:
    p = (await clinic.make("sys-far", patient())).id
    await clinic.make("sys-mh", encounter(p))
    note = labelled({"text": "overdose"}, "SUD")
    made = await clinic.make("sys-far", {"resourceType": "Task", "status": "requested", "intent": "order", "for": {"reference": f"Patient/{p}"}, "note": [note]})
    first = f"Task/{made.id}/_history/{made.version}"
    seen = (await clinic.get("mh-clinician", f"Task/{made.id}")).json()
    assert "note" not in seen
    assert (await clinic.ask("mh-clinician", "DELETE", f"Task/{made.id}")).status == 204
    assert (await clinic.put("mh-clinician", {k: v for k, v in seen.items() if k != "meta"})).status in (200, 201)
    assert b"overdose" not in (await clinic.get("mh-clinician", first)).body
    assert b"overdose" in (await clinic.get("far-clinician", first)).body
    assert await clinic.owner.fetchval("SELECT origin FROM record.resource WHERE id = $1", made.id) == [3]


def directive(p: str, actor: str, **rule: object) -> dict[str, object]:
    """What a patient forbids one person or organization (45 CFR 164.522)."""
    form = consent(p, "x", kind="patient_directive_deny")
    form["provision"] = {"type": "deny", "period": {"start": "2026-01-01"}, "actor": [{"role": {"coding": [{"code": "IRCP"}]}, "reference": {"reference": actor}}], **rule}
    return form


HIV = [{"system": ACT, "code": "HIV"}]
OBSERVATIONS = [{"system": "http://hl7.org/fhir/resource-types", "code": "Observation"}]


async def test_a_denial_by_label_reaches_labelled_elements_too(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(p))
    part = {"code": {"coding": [{"system": "http://loinc.org", "code": "8302-2"}]}, "valueString": "x"}
    o = (await clinic.make("sys-mh", observation(p, component=[labelled(part, "HIV")]))).id
    assert "component" in (await clinic.get("mh-clinician", f"Observation/{o}")).json()
    await clinic.make("sys-mh", directive(p, "Practitioner/mh-clinician", securityLabel=HIV))
    await clinic.make("sys-mh", directive(p, "Practitioner/both-clinician", securityLabel=HIV))
    for who in ("mh-clinician", "both-clinician"):
        assert "component" not in (await clinic.get(who, f"Observation/{o}")).json(), who
        assert "component" not in (await clinic.get(who, f"Observation?patient={p}")).entries[0], who
        assert (await clinic.get(who, "Observation?component-code=8302-2")).ids == [], who
        assert b"8302-2" not in (await clinic.get(who, f"Observation/{o}/_history")).body, who
    assert "component" in (await clinic.get("technician", f"Observation/{o}")).json(), "nobody else"


async def test_a_denial_of_some_records_reaches_what_refers_to_them(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(p))
    o = (await clinic.make("sys-mh", observation(p))).id
    to = {"reference": f"Observation/{o}"}
    about = (await clinic.make("sys-mh", {"resourceType": "Provenance", "recorded": "2026-01-01T10:00:00Z", "agent": [{"who": {"reference": "Practitioner/x"}}], "target": [to]})).id
    c = (await clinic.make("sys-mh", {"resourceType": "Condition", "subject": {"reference": f"Patient/{p}"}, "evidence": [{"detail": [to]}]})).id
    for who in ("mh-clinician", "both-clinician"):
        await clinic.make("sys-mh", directive(p, f"Practitioner/{who}", **{"class": OBSERVATIONS}))
        assert (await clinic.get(who, f"Observation/{o}")).status == 404, who
        assert o.encode() not in (await clinic.get(who, f"Condition/{c}")).body, who
        assert o.encode() not in (await clinic.get(who, f"Condition/{c}/_history")).body, who
        assert o.encode() not in (await clinic.get(who, f"Condition?patient={p}")).body, who
        assert (await clinic.get(who, f"Condition?evidence-detail=Observation/{o}")).ids == [], who
        assert (await clinic.get(who, f"Provenance/{about}")).status == 404, who
        assert (await clinic.get(who, "Provenance?_summary=count")).json()["total"] == 0, who
        assert (await clinic.get(who, "Provenance")).ids == [], who
    assert (await clinic.get("technician", f"Observation/{o}")).status == 200, "nobody else"


async def test_a_part_2_record_of_no_program_is_not_told_by_what_refers_to_it(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    drug = (await clinic.make("sys-none", {"resourceType": "Medication", "status": "active", "meta": {"security": [{"system": ACT, "code": "42CFRPart2"}]}})).id
    assert (await clinic.get("both-clinician", f"Medication/{drug}")).status == 404
    listed = (await clinic.make("sys-mh", {"resourceType": "List", "status": "current", "mode": "working", "subject": {"reference": f"Patient/{p}"}, "entry": [{"item": {"reference": f"Medication/{drug}"}}]})).id
    for url in (f"List/{listed}", f"List/{listed}/_history", f"List?patient={p}"):
        assert drug.encode() not in (await clinic.get("both-clinician", url)).body, url
    assert (await clinic.get("both-clinician", f"List?item=Medication/{drug}")).ids == []


async def test_a_narrative_does_not_tell_that_something_is_forbidden(clinic: Clinic) -> None:
    """Of two plans one refers to a problem that the patient forbade the reader: both come without their narrative from then on, and every other one too."""
    p, q = await both(clinic), await both(clinic)
    text = {"text": {"status": "additional", "div": '<div xmlns="http://www.w3.org/1999/xhtml">a plan</div>'}}
    plan = {"resourceType": "CarePlan", "status": "active", "intent": "plan", **text}
    problem = (await clinic.make("sys-mh", {"resourceType": "Condition", "subject": {"reference": f"Patient/{p}"}, "code": {"text": "x"}})).id
    plans = [
        (await clinic.make("sys-mh", {**plan, "subject": {"reference": f"Patient/{of}"}, **more})).id
        for of, more in ((p, {"addresses": [{"reference": f"Condition/{problem}"}]}), (p, {}), (q, {}))
    ]
    before = [(await clinic.get("both-clinician", f"CarePlan/{each}")).json() for each in plans]
    assert all("text" in each for each in before)
    rule = {"type": "deny", "period": {"start": "2026-01-01"}, "class": [{"system": "http://hl7.org/fhir/resource-types", "code": "Condition"}],
            "actor": [{"role": {"coding": [{"code": "IRCP"}]}, "reference": {"reference": "Practitioner/both-clinician"}}]}  # fmt: skip
    await clinic.make("sys-mh", {**consent(p, "x", kind="patient_directive_deny"), "provision": rule})
    after = [(await clinic.get("both-clinician", f"CarePlan/{each}")).json() for each in plans]
    assert not any("text" in each or "addresses" in each for each in after)
    assert (await clinic.get("both-clinician", f"Condition/{problem}")).status == 404


async def test_what_is_about_somebody_elses_record_stays_hidden_when_either_is_deleted(clinic: Clinic) -> None:
    """A Provenance is in nobody's chart. Whom it is about is said by its references, also when it, or what it refers to, is gone."""
    p = (await clinic.make("sys-mh", patient())).id
    o = (await clinic.make("sys-mh", observation(p))).id
    about = {"resourceType": "Provenance", "recorded": "2026-01-01T10:00:00Z", "agent": [{"who": {"reference": "Practitioner/x"}}], "target": [{"reference": f"Observation/{o}"}]}
    first, second = [(await clinic.make("sys-mh", about)).id for _ in range(2)]
    await clinic.ask("sys-mh", "DELETE", f"Provenance/{first}")
    for _ in range(2):  # before and after what they refer to is deleted
        for gone in (first, second):
            for url in (f"Provenance/{gone}", f"Provenance/{gone}/_history"):
                assert (await clinic.get("stranger", url)).status == 404
        assert (await clinic.get("stranger", "Provenance/_history")).ids == []
        assert (await clinic.get("stranger", "Provenance?_summary=count")).json()["total"] == 0
        assert (await clinic.get("both-clinician", f"Provenance/{first}")).status == 410
        await clinic.ask("sys-mh", "DELETE", f"Observation/{o}")


async def test_what_came_back_has_its_new_references_alone(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    one, two = [(await clinic.make("sys-mh", encounter(p))).id for _ in range(2)]
    o = (await clinic.make("sys-mh", observation(p, encounter={"reference": f"Encounter/{one}"}))).id
    await clinic.ask("sys-mh", "DELETE", f"Observation/{o}")
    assert (await clinic.get("both-clinician", f"Observation?encounter=Encounter/{one}")).ids == []
    assert (await clinic.get("both-clinician", f"Encounter?_id={one}&_revinclude=Observation:encounter")).ids == [one]
    await clinic.ask("sys-mh", "PUT", f"Observation/{o}", {**observation(p, encounter={"reference": f"Encounter/{two}"}), "id": o})
    assert (await clinic.get("both-clinician", f"Observation?encounter=Encounter/{one}")).ids == []
    assert (await clinic.get("both-clinician", f"Observation?encounter=Encounter/{two}")).ids == [o]


NOTE = labelled({"text": "her aunt"}, "PSYTHPN")


def problem(p: str, *notes: dict[str, object], of: str = "", **more: object) -> dict[str, object]:
    """A problem, perhaps with remarks and a reference to another one."""
    about: dict[str, object] = {"note": list(notes)} if notes else {}
    if of:
        about["evidence"] = [{"detail": [{"reference": f"Condition/{of}"}]}]
    return {"resourceType": "Condition", "subject": {"reference": f"Patient/{p}"}, "code": {"text": "x"}, **about, **more}


async def told(clinic: Clinic, id_: str, since: str, who: str = "both-clinician") -> tuple[list[str], bool, bool]:
    """The versions of a problem that somebody is told of, newest first; whether it is found by its time, and listed, since another time."""
    entries = (await clinic.get(who, f"Condition/{id_}/_history")).entries
    found = await clinic.get(who, f"Condition?_lastUpdated=ge{since}")
    listed = await clinic.get(who, f"Condition/_history?_since={since}")
    current = await clinic.get(who, f"Condition/{id_}")
    if current.status == 200:
        assert current.json()["meta"] == entries[0]["meta"]
    return [e["meta"]["versionId"] for e in entries], id_ in found.ids, id_ in listed.ids


async def turned(clinic: Clinic, way: str, other: str) -> None:
    """A problem becomes a note kept apart."""
    stored = (await clinic.get("sys-mh", f"Condition/{other}")).json()
    apart = {**stored, "meta": {"security": [{"system": ACT, "code": "PSYTHPN"}]}}
    if way == "decision":
        return await decide(clinic, "mh-clinician", "raise", "Condition", other, "PSYTHPN")
    if way == "restore":
        assert (await clinic.ask("sys-mh", "DELETE", f"Condition/{other}")).status == 204
    assert (await clinic.put("sys-mh", apart)).status in (200, 201)
    return None


@pytest.mark.parametrize("way", ["update", "decision", "restore"])
async def test_what_becomes_a_note_later_leaves_no_version_that_differs_by_notes_alone(clinic: Clinic, way: str) -> None:
    """One note was taken out for another. The first was an ordinary problem then; now that it is a note, that there was a change tells of it."""
    p = await both(clinic)
    other = (await clinic.make("mh-clinician", problem(p))).id
    first = [await clinic.make("sys-mh", problem(p, of=other)) for _ in range(4)]
    after = [problem(p, NOTE, language="en") if n == 1 else problem(p, NOTE) for n in range(4)]
    second = [await clinic.put("sys-mh", {**content, "id": made.id}) for made, content in zip(first, after, strict=True)]
    times = [each.json()["meta"]["lastUpdated"] for each in second]
    swapped, changed, later, gone = [made.id for made in first]
    third = await clinic.put("sys-mh", {**after[2], "language": "en", "id": later})
    assert (await clinic.ask("sys-mh", "DELETE", f"Condition/{gone}")).status == 204
    for id_, since, count in ((swapped, times[0], 2), (changed, times[1], 2), (later, times[2], 3)):
        versions, found, listed = await told(clinic, id_, since)
        assert (len(versions), found, listed) == (count, True, True), "before it is a note everybody is told"
    await turned(clinic, way, other)
    for who in ("both-clinician", "mh-clinician"):
        assert await told(clinic, swapped, times[0], who) == ([first[0].version], False, False), who
        assert await told(clinic, changed, times[1], who) == ([second[1].version, first[1].version], True, True), who
        assert await told(clinic, later, third.json()["meta"]["lastUpdated"], who) == ([third.version, first[2].version], True, True), who
        assert (await clinic.get(who, f"Condition/{later}/_history/{second[2].version}")).status == 404, who
        assert (await clinic.get(who, f"Condition/{gone}/_history")).body.count(b'"resourceType":"Condition"') == 1, who
        assert b"her aunt" not in (await clinic.get(who, f"Condition/{later}/_history")).body
        assert other.encode() not in (await clinic.get(who, f"Condition/{swapped}/_history")).body
    assert (await clinic.put("both-clinician", {**(await clinic.get("both-clinician", f"Condition/{swapped}")).json(), "language": "en"}, ("if-match", f'W/"{first[0].version}"'))).status == 200


async def test_what_is_no_note_any_more_is_told_of_again(clinic: Clinic) -> None:
    p = await both(clinic)
    other = (await clinic.make("mh-clinician", problem(p))).id
    first = await clinic.make("sys-mh", problem(p, of=other))
    second = await clinic.put("sys-mh", {**problem(p, NOTE), "id": first.id})
    since = second.json()["meta"]["lastUpdated"]
    await decide(clinic, "mh-clinician", "raise", "Condition", other, "PSYTHPN")
    assert await told(clinic, first.id, since) == ([first.version], False, False)
    await decide(clinic, "officer", "lower", "Condition", other, "PSYTHPN")
    assert await told(clinic, first.id, since) == ([second.version, first.version], True, True)
    assert "evidence" not in (await clinic.get("both-clinician", f"Condition/{first.id}")).json()


async def test_what_becomes_a_note_with_another_is_taken_out_of_the_past_at_once(clinic: Clinic) -> None:
    """A report is a note with the result that it holds. What referred to it says so no more, in no version."""
    p = await both(clinic)
    result = (await clinic.make("mh-clinician", observation(p))).id
    held = {"resourceType": "DiagnosticReport", "status": "final", "code": {"text": "x"}, "subject": {"reference": f"Patient/{p}"}, "result": [{"reference": f"Observation/{result}"}]}
    report = (await clinic.make("sys-mh", held)).id
    refers = problem(p, evidence=[{"detail": [{"reference": f"DiagnosticReport/{report}"}]}])
    kept, swapped = [await clinic.make("sys-mh", refers) for _ in range(2)]
    await clinic.put("sys-mh", {**refers, "id": kept.id, "language": "en"})
    second = await clinic.put("sys-mh", {**problem(p, NOTE), "id": swapped.id})
    await decide(clinic, "mh-clinician", "raise", "Observation", result, "PSYTHPN")
    assert report.encode() not in (await clinic.get("both-clinician", f"Condition/{kept.id}/_history")).body
    assert await told(clinic, swapped.id, second.json()["meta"]["lastUpdated"]) == ([swapped.version], False, False)
