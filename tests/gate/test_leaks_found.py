"""Leaks that were found, each by the shortest story that shows it."""

from __future__ import annotations

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
