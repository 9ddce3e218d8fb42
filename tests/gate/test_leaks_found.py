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
    refused = await clinic.ask("mh-clinician", "POST", "Consent", form)
    assert refused.status == 403
    assert hidden not in refused.body.decode()
    assert (await clinic.get("stranger", f"Condition/{hidden}")).status in (401, 404)
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.consent_grant") == 0
    assert (await clinic.ask("sud-clinician", "POST", "Consent", form)).status == 201
