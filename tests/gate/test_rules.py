"""Who may see what: for every sentence of the rules one case that is allowed and its twin that is not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.record import organization
from tests.people import BY_NAME, MH, A, Clinic, consent, encounter, labelled, observation, patient


async def shared(clinic: Clinic) -> tuple[str, str, str]:
    """A patient of both programs; an Observation of each."""
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(p))
    await clinic.make("sys-sud", encounter(p))
    return p, (await clinic.make("sys-sud", observation(p, 61))).id, (await clinic.make("sys-mh", observation(p, 62))).id


async def status(clinic: Clinic, who: str, url: str) -> int:
    return (await clinic.get(who, url)).status


async def test_staff_see_what_their_own_program_made_and_not_the_part_2_records_of_another(clinic: Clinic) -> None:
    p, sud, mh = await shared(clinic)
    assert await status(clinic, "sud-clinician", f"Observation/{sud}") == 200
    assert await status(clinic, "mh-clinician", f"Observation/{mh}") == 200
    assert await status(clinic, "mh-clinician", f"Observation/{sud}") == 404
    assert (await clinic.get("mh-clinician", f"Observation?patient={p}")).ids == [mh]
    assert (await clinic.get("both-clinician", f"Observation?patient={p}")).ids == [sud, mh]


async def test_staff_of_a_part_2_program_see_what_is_under_no_special_law(clinic: Clinic) -> None:
    _, _, mh = await shared(clinic)
    assert await status(clinic, "sud-clinician", f"Observation/{mh}") == 200


async def test_a_patient_of_a_part_2_program_alone_is_known_to_it_alone(clinic: Clinic) -> None:
    p = (await clinic.make("sys-sud", patient())).id
    assert await status(clinic, "sud-clinician", f"Patient/{p}") == 200
    assert await status(clinic, "mh-clinician", f"Patient/{p}") == 404
    await clinic.make("sys-mh", encounter(p))
    assert await status(clinic, "mh-clinician", f"Patient/{p}") == 200


async def test_an_outside_organization_sees_part_2_records_under_a_consent_that_names_it_and_else_nothing(clinic: Clinic) -> None:
    p, sud, mh = await shared(clinic)
    assert await status(clinic, "tpo", f"Observation/{sud}") == 404
    assert await status(clinic, "tpo", f"Observation/{mh}") == 404  # no relation
    await clinic.make("sys-sud", consent(p, "tpo"))
    assert await status(clinic, "tpo", f"Observation/{sud}") == 200
    assert await status(clinic, "tpo", f"Patient/{p}") == 200
    assert await status(clinic, "stranger", f"Observation/{sud}") == 404
    assert await status(clinic, "stranger", f"Observation/{mh}") == 404
    assert (await clinic.get("stranger", "Observation")).ids == []


async def test_a_revocation_acts_at_the_next_request(clinic: Clinic) -> None:
    p, sud, _ = await shared(clinic)
    signed = await clinic.make("sys-sud", consent(p, "revoked"))
    assert await status(clinic, "revoked", f"Observation/{sud}") == 200
    changed = await clinic.put("sys-sud", {**signed.json(), "status": "inactive"})
    assert changed.status == 200
    assert await status(clinic, "revoked", f"Observation/{sud}") == 404
    assert (await clinic.get("revoked", f"Observation?patient={p}")).ids == []


async def test_deleting_a_consent_revokes_it(clinic: Clinic) -> None:
    p, sud, _ = await shared(clinic)
    signed = await clinic.make("sys-sud", consent(p, "revoked"))
    assert await status(clinic, "revoked", f"Observation/{sud}") == 200
    await clinic.ask("sys-sud", "DELETE", f"Consent/{signed.id}")
    assert await status(clinic, "revoked", f"Observation/{sud}") == 404


async def test_a_consent_expires_by_the_clock_alone(clinic: Clinic) -> None:
    p, sud, _ = await shared(clinic)
    end = clock.now() + timedelta(days=2)
    await clinic.make("sys-sud", consent(p, "expired", provision={"period": {"start": "2020-01-01", "end": end.strftime("%Y-%m-%dT%H:%M:%SZ")}}))
    assert await status(clinic, "expired", f"Observation/{sud}") == 200
    with clock.using(FakeClock(end + timedelta(hours=1))):
        assert await status(clinic, "expired", f"Observation/{sud}") == 404
    with clock.using(FakeClock(end - timedelta(hours=1))):
        assert await status(clinic, "expired", f"Observation/{sud}") == 200


async def test_the_purpose_must_be_exactly_one_that_was_permitted(clinic: Clinic) -> None:
    p, sud, _ = await shared(clinic)
    await clinic.make("sys-sud", consent(p, "tpo", kind="part2_specific", purposes=["TREAT"]))
    assert await status(clinic, "tpo", f"Observation/{sud}") == 200
    assert await status(clinic, "tpo-billing", f"Observation/{sud}") == 404
    await clinic.make("sys-sud", consent(p, "tpo"))
    assert await status(clinic, "tpo-billing", f"Observation/{sud}") == 200
    assert await status(clinic, "tpo-research", f"Observation/{sud}") == 404


async def test_a_consent_that_lacks_an_element_of_the_form_permits_nothing(clinic: Clinic) -> None:
    p, sud, _ = await shared(clinic)
    form = consent(p, "tpo")
    form["extension"] = [e for e in form["extension"] if not e["url"].endswith("part2-stmt-refusal")]
    await clinic.make("sys-sud", form)
    assert await status(clinic, "tpo", f"Observation/{sud}") == 404


async def test_a_specific_consent_lets_through_its_types_and_time_and_no_more(clinic: Clinic) -> None:
    p, sud, _ = await shared(clinic)
    old = (await clinic.make("sys-sud", observation(p, effectiveDateTime="2025-01-01T10:00:00Z"))).id
    visit = (await clinic.make("sys-sud", encounter(p))).id
    limits = {"class": [{"system": "http://hl7.org/fhir/resource-types", "code": "Observation"}], "dataPeriod": {"start": "2026-01-01"}}
    await clinic.make("sys-sud", consent(p, "specific", kind="part2_specific", purposes=["TREAT"], provision=limits))
    assert await status(clinic, "specific", f"Observation/{sud}") == 200
    assert await status(clinic, "specific", f"Observation/{old}") == 404
    assert await status(clinic, "specific", f"Encounter/{visit}") == 404


async def test_a_consent_for_some_codes_lets_nothing_else_through(clinic: Clinic) -> None:
    p, sud, _ = await shared(clinic)
    code = (await clinic.get("sys-sud", f"Observation/{sud}")).json()["code"]
    other = (await clinic.make("sys-sud", observation(p, code={"coding": [{"system": "http://loinc.org", "code": "8310-5"}]}))).id
    await clinic.make("sys-sud", consent(p, "specific", kind="part2_specific", purposes=["TREAT"], provision={"code": [code]}))
    assert await status(clinic, "specific", f"Observation/{sud}") == 200
    assert await status(clinic, "specific", f"Observation/{other}") == 404


async def test_a_consent_for_what_is_only_described_in_words_lets_nothing_through(clinic: Clinic) -> None:
    p, sud, _ = await shared(clinic)
    await clinic.make("sys-sud", consent(p, "specific", kind="part2_specific", purposes=["TREAT"], provision={"code": [{"text": "everything"}]}))
    assert await status(clinic, "specific", f"Observation/{sud}") == 404


async def test_a_consent_that_lets_another_organization_disclose_opens_none_of_our_records(clinic: Clinic) -> None:
    p, sud, _ = await shared(clinic)
    await clinic.make("sys-sud", consent(p, "tpo", organization=[{"reference": "Organization/elsewhere"}]))
    assert await status(clinic, "tpo", f"Observation/{sud}") == 404


async def test_a_consent_that_does_not_say_permit_permits_nothing(clinic: Clinic) -> None:
    p, sud, _ = await shared(clinic)
    form = consent(p, "tpo")
    del form["provision"]["type"]
    await clinic.make("sys-sud", form)
    assert await status(clinic, "tpo", f"Observation/{sud}") == 404


async def test_deny_wins_over_permit(clinic: Clinic) -> None:
    p, sud, mh = await shared(clinic)
    await clinic.make("sys-sud", consent(p, "denied"))
    assert await status(clinic, "denied", f"Observation/{sud}") == 200
    restriction = consent(p, "denied", kind="restriction")
    restriction["provision"] = {
        "type": "deny",
        "actor": restriction["provision"]["actor"],
        "data": [{"meaning": "instance", "reference": {"reference": f"Observation/{mh}"}}],
    }
    await clinic.make("sys-sud", restriction)
    assert await status(clinic, "denied", f"Observation/{mh}") == 404
    assert await status(clinic, "denied", f"Observation/{sud}") == 200
    assert (await clinic.get("denied", f"Observation?patient={p}&_total=accurate")).json()["total"] == 1


async def test_a_denied_purpose_inside_a_permit_narrows_it(clinic: Clinic) -> None:
    p, sud, _ = await shared(clinic)
    reason = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HPAYMT"}
    await clinic.make("sys-sud", consent(p, "tpo", provision={"provision": [{"type": "deny", "purpose": [reason]}]}))
    assert await status(clinic, "tpo", f"Observation/{sud}") == 200
    assert await status(clinic, "tpo-billing", f"Observation/{sud}") == 404


async def test_outside_organizations_need_a_relation_also_for_what_no_special_law_covers(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    o = (await clinic.make("sys-mh", observation(p))).id
    assert await status(clinic, "tpo", f"Observation/{o}") == 404
    team = {"resourceType": "CareTeam", "status": "active", "subject": {"reference": f"Patient/{p}"}, "participant": [{"member": {"reference": "Organization/tpo"}}]}
    made = await clinic.make("sys-mh", team)
    assert await status(clinic, "tpo", f"Observation/{o}") == 200
    await clinic.put("sys-mh", {**made.json(), "status": "inactive"})
    assert await status(clinic, "tpo", f"Observation/{o}") == 404


async def test_a_care_team_that_an_outside_organization_may_not_know_of_lets_it_see_nothing(clinic: Clinic) -> None:
    p, _, mh = await shared(clinic)
    team = {"resourceType": "CareTeam", "status": "active", "subject": {"reference": f"Patient/{p}"}, "participant": [{"member": {"reference": "Organization/stranger"}}]}
    await clinic.make("sys-sud", team)
    assert await status(clinic, "stranger", f"Observation/{mh}") == 404
    assert await status(clinic, "stranger", f"Patient/{p}") == 404


async def test_what_is_not_labelled_yet_is_withheld_from_everyone(clinic: Clinic) -> None:
    p, sud, mh = await shared(clinic)
    await clinic.owner.execute("UPDATE record.resource SET own = DEFAULT WHERE id = ANY ($1)", [sud, mh])
    for who in ("sys-sud", "both-clinician", "officer", "mh-clinician"):
        assert await status(clinic, who, f"Observation/{sud}") == 404
        assert (await clinic.get(who, f"Observation?patient={p}")).ids == []


async def test_notes_kept_apart_are_not_seen_by_role_alone(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    note = observation(p, meta={"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSYTHPN"}]})
    made = (await clinic.make("sys-mh", note)).id
    for who in ("mh-clinician", "both-clinician", "officer", "biller"):
        assert await status(clinic, who, f"Observation/{made}") in (403, 404)


async def test_another_organization_sees_nothing(clinic: Clinic) -> None:
    p, sud, mh = await shared(clinic)
    for who in ("other-sys", "other-clinician"):
        for url in (f"Patient/{p}", f"Observation/{sud}", f"Observation/{mh}", f"Observation/{mh}/_history"):
            assert await status(clinic, who, url) == 404
        assert (await clinic.get(who, "Observation")).ids == []
        assert (await clinic.get(who, f"Observation?patient={p}&_summary=count")).json()["total"] == 0
        assert (await clinic.get(who, "_history")).entries == []
    own = (await clinic.make("other-sys", patient("Okafor"))).id
    assert await status(clinic, "other-clinician", f"Patient/{own}") == 200
    assert await status(clinic, "sys-sud", f"Patient/{own}") == 404


async def test_a_revoked_credential_is_refused_by_the_next_statement(clinic: Clinic) -> None:
    _, _, mh = await shared(clinic)
    assert await status(clinic, "mh-clinician", f"Observation/{mh}") == 200
    await clinic.owner.execute("UPDATE record.credential SET revoked = $1 WHERE account = 'mh-clinician'", clock.now())
    for url in (f"Observation/{mh}", "Observation", f"Observation/{mh}/_history"):
        assert await status(clinic, "mh-clinician", url) == 401
    reply = await clinic.ask("mh-clinician", "POST", "Observation", observation("x"))
    assert reply.status == 401


async def test_a_changed_assignment_acts_at_the_next_statement(clinic: Clinic) -> None:
    p, sud, mh = await shared(clinic)
    assert (await clinic.get("sud-clinician", f"Observation?patient={p}")).ids == [sud, mh]
    who = BY_NAME["sud-clinician"]
    row = organization.AccountRow(who.account, who.kind, who.account, who.account, None, who.agent, who.role, [], None, [])
    await organization.account(clinic.owner, A, row, clock.now())
    assert (await clinic.get("sud-clinician", f"Observation?patient={p}")).ids == []
    assert await status(clinic, "sud-clinician", f"Observation/{sud}") == 404
    mine = organization.AccountRow(who.account, who.kind, who.account, who.account, None, who.agent, who.role, [MH], MH, [])
    await organization.account(clinic.owner, A, mine, clock.now() + timedelta(seconds=1))
    with clock.using(FakeClock(clock.now() + timedelta(seconds=2))):
        assert (await clinic.get("sud-clinician", f"Observation?patient={p}")).ids == [mh]


async def chart(clinic: Clinic) -> tuple[str, str, str]:
    """A patient with a visit, a procedure in it and an observation."""
    p = (await clinic.make("sys-mh", patient())).id
    e = (await clinic.make("sys-mh", encounter(p))).id
    await clinic.make("sys-mh", observation(p, encounter={"reference": f"Encounter/{e}"}))
    await clinic.make(
        "sys-mh",
        {"resourceType": "Procedure", "status": "completed", "subject": {"reference": f"Patient/{p}"}, "encounter": {"reference": f"Encounter/{e}"}, "code": {"text": "x"}},
    )
    return p, e, ""


async def types_of(clinic: Clinic, who: str, url: str) -> set[str]:
    reply = await clinic.get(who, url)
    assert reply.status == 200, reply.body
    return {r["resourceType"] for r in reply.entries}


async def test_a_role_sees_only_its_types_also_through_includes_chains_and_everything(clinic: Clinic) -> None:
    p, e, _ = await chart(clinic)
    assert await status(clinic, "technician", "Procedure") == 403
    assert await types_of(clinic, "technician", f"Encounter?_id={e}&_revinclude=Procedure:encounter") == {"Encounter"}
    assert await types_of(clinic, "technician", f"Encounter?_id={e}&_revinclude=Observation:encounter") == {"Encounter", "Observation"}
    assert await types_of(clinic, "technician", f"Encounter?_id={e}&_revinclude=*") == {"Encounter", "Observation"}
    assert await types_of(clinic, "mh-clinician", f"Encounter?_id={e}&_revinclude=Procedure:encounter") == {"Encounter", "Procedure"}
    assert (await clinic.get("technician", "Encounter?_has:Procedure:encounter:status=completed")).ids == []
    assert (await clinic.get("mh-clinician", "Encounter?_has:Procedure:encounter:status=completed")).ids == [e]
    assert await types_of(clinic, "technician", f"Patient/{p}/$everything") == {"Patient", "Encounter", "Observation"}
    assert await types_of(clinic, "mh-clinician", f"Patient/{p}/$everything") == {"Patient", "Encounter", "Observation", "Procedure"}
    assert (await clinic.get("biller", "Procedure?subject:Patient.name=Rivera")).entries != []
    assert await status(clinic, "biller", "Observation?encounter.status=finished") == 403
    assert await types_of(clinic, "technician", f"?_type=Encounter,Procedure&_id={e}") == {"Encounter"}
    assert await types_of(clinic, "technician", "?_type=Procedure") == set()


async def test_writing_needs_the_role_too(clinic: Clinic) -> None:
    p, _, _ = await chart(clinic)
    assert (await clinic.ask("technician", "POST", "Observation", observation(p))).status == 201
    assert (await clinic.ask("technician", "POST", "Encounter", encounter(p))).status == 403
    assert (await clinic.ask("tpo", "POST", "Observation", observation(p))).status == 403
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "transaction", "entry": [{"request": {"method": "POST", "url": "Encounter"}, "resource": encounter(p)}]}
    before = await clinic.owner.fetchval("SELECT count(*) FROM record.resource")
    assert (await clinic.ask("technician", "POST", "", bundle)).status == 403
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.resource") == before


async def test_a_labelled_element_is_seen_by_those_who_may_and_missing_for_others(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-sud", encounter(p))
    code = {"coding": [{"system": "http://loinc.org", "code": "8302-2"}]}
    body = observation(p, component=[labelled({"code": code, "valueString": "secret"}, "SUD"), {"code": code, "valueString": "tall"}])
    made = (await clinic.make("sys-mh", body)).id
    assert len((await clinic.get("mh-clinician", f"Observation/{made}")).json()["component"]) == 2  # its own program's
    seen = (await clinic.get("sud-clinician", f"Observation/{made}")).json()
    assert [c["valueString"] for c in seen["component"]] == ["tall"]
