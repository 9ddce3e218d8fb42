"""References that a caller adds lead to what they may see, or the write is refused; what was there before stays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sojourn.base.errors import Invalid
from sojourn.gate import leading
from sojourn.gate.changes import Change
from tests.people import BASE, Clinic, encounter, observation, patient

ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
REFUSED = "The reference leads to nothing that is there."


def about(p: str, *targets: str, **more: Any) -> dict[str, Any]:
    return {**observation(p, 70), "derivedFrom": [{"reference": t} for t in targets], **more}


async def chart(clinic: Clinic) -> dict[str, str]:
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-sud", encounter(p))
    other = (await clinic.make("sys-sud", patient("Okafor"))).id
    note = observation(p, 64, meta={"security": [{"system": ACT, "code": "PSYTHPN"}]})
    return {
        "p": p, "other": other, "plain": (await clinic.make("sys-mh", observation(p, 60))).id, "hidden": (await clinic.make("sys-sud", observation(p, 61))).id,
        "note": (await clinic.make("sys-mh", note)).id, "team": (await clinic.make("sys-mh", {"resourceType": "CareTeam", "status": "active", "subject": {"reference": f"Patient/{p}"}})).id,
    }  # fmt: skip


async def test_what_is_withheld_and_what_is_not_there_are_refused_in_the_same_words(clinic: Clinic) -> None:
    at = await chart(clinic)
    for who, target, refused in (
        ("mh-clinician", f"Observation/{at['plain']}", False), ("mh-clinician", f"Observation/{at['hidden']}", True), ("mh-clinician", "Observation/nowhere", True),
        ("mh-clinician", f"{BASE}/Observation/{at['hidden']}", True), ("mh-clinician", f"Observation/{at['hidden']}/_history/1", True), ("mh-clinician", "Observation/nowhere/_history/1", True),
        ("mh-clinician", "https://elsewhere.example/fhir/Observation/x", False), ("mh-clinician", "urn:uuid:6b1d2f60-0000-4000-8000-000000000000", False),
        ("mh-clinician", f"Observation/{at['note']}", True), ("sud-clinician", f"Observation/{at['hidden']}", False),
        ("both-clinician", f"Observation/{at['hidden']}", False), ("both-clinician", f"Observation/{at['note']}", True), ("both-clinician", "Observation/nowhere", True),
        ("sys-mh", "Observation/nowhere", False),
    ):  # fmt: skip
        reply = await clinic.ask(who, "POST", "Observation", about(at["p"], target))
        assert reply.status == (422 if refused else 201), (who, target, reply.body)
        if refused:
            (issue,) = reply.json()["issue"]
            assert (issue["code"], issue["expression"]) == ("not-found", ["Observation.derivedFrom.reference"])
            assert REFUSED in str(issue)
            assert target not in str(issue)


async def test_a_reference_that_was_there_before_is_no_matter_and_a_new_one_is(clinic: Clinic) -> None:
    at = await chart(clinic)
    made = await clinic.make("sys-sud", about(at["p"], f"Observation/{at['plain']}"))
    await clinic.make("sys-sud", encounter(at["p"]))
    mine = await clinic.make("mh-clinician", about(at["p"], f"Observation/{at['plain']}"))
    kept = {**mine.json(), "valueQuantity": {"value": 71, "unit": "/min"}}
    assert (await clinic.put("mh-clinician", kept)).status == 200
    brought = (await clinic.make("sys-mh", about(at["p"], "Observation/yet-to-come"))).json()
    assert (await clinic.put("mh-clinician", {**brought, "valueQuantity": {"value": 72, "unit": "/min"}})).status == 200, "what a system refers to may come later"
    for added, status in ((f"Observation/{at['hidden']}", 422), (f"Observation/{made.id}", 422), ("Observation/nowhere", 422), (f"CareTeam/{at['team']}", 200)):
        element = "derivedFrom" if added.startswith("Obs") else "performer"
        reply = await clinic.put("mh-clinician", {**kept, element: [*kept.get(element, []), {"reference": added}]})
        assert reply.status == status, (added, reply.body)


async def test_who_is_subject_to_redaction_is_asked_of_places_and_people_too(clinic: Clinic) -> None:
    at = await chart(clinic)
    for who, status in (("mh-clinician", 422), ("both-clinician", 201)):
        assert (await clinic.ask(who, "POST", "Observation", observation(at["p"], performer=[{"reference": "Organization/nowhere"}]))).status == status, who


@pytest.mark.parametrize("changed", [{"redacted": True}, {"related": True}])
async def test_a_system_that_does_not_reach_everything_is_asked_as_others_are(clinic: Clinic, changed: dict[str, bool]) -> None:
    found = await clinic.gate.access(clinic.tokens["sys-mh"])
    assert found is not None
    change = Change("create", "Encounter", "x", sent={"resourceType": "Encounter", "subject": {"reference": "Patient/nowhere"}})
    await leading.check(found, [change])
    found.decision = replace(found.decision, **changed)
    with pytest.raises(Invalid):
        await leading.check(found, [change])


async def test_what_is_made_in_the_same_write_is_there_and_an_error_names_its_entry(clinic: Clinic) -> None:
    at = await chart(clinic)
    uuid = "urn:uuid:6b1d2f60-0000-4000-8000-000000000001"
    first = {"fullUrl": uuid, "resource": observation(at["p"]), "request": {"method": "POST", "url": "Observation"}}
    good = {"resource": about(at["p"], uuid), "request": {"method": "POST", "url": "Observation"}}
    bad = {"resource": about(at["p"], "Observation/nowhere"), "request": {"method": "POST", "url": "Observation"}}
    send = lambda *entry: clinic.ask("mh-clinician", "POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": list(entry)})  # noqa: E731
    assert (await send(first, good)).status == 200
    refused = await send(first, good, bad)
    assert refused.status == 422
    assert "entry[2]" in str(refused.json()["issue"][0]["expression"]), refused.body


@pytest.mark.parametrize(("related", "refused"), [(True, True), (False, False)])
async def test_nobody_makes_themselves_related_to_somebody_of_whom_they_may_not_know(clinic: Clinic, related: bool, refused: bool) -> None:
    """Staff who need a relation are asked of all that is in somebody's chart; who reaches the organization only of what may be a note."""
    await chart(clinic)
    found = await clinic.gate.access(clinic.tokens["both-clinician"])
    assert found is not None
    found.decision = replace(found.decision, related=related, redacted=False)
    for target, only_related in (("Patient/nowhere", True), ("RelatedPerson/nowhere", True), ("Observation/nowhere", False), ("Location/nowhere", None), ("Practitioner/nowhere", None)):
        change = Change("create", "Encounter", "x", sent={"resourceType": "Encounter", "subject": {"reference": target}})
        if only_related is False or (only_related and refused):
            with pytest.raises(Invalid) as error:
                await leading.check(found, [Change("create", "Basic", "y"), change])
            assert error.value.place == 1
        else:
            await leading.check(found, [change])
