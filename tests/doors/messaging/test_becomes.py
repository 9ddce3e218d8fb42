"""What FHIR messages become: visits elsewhere, people, results and appointments, by the rules of HL7 v2; nothing under the sender's ids, in our words, or merged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sojourn.care.orders.ordering import NUMBER
from sojourn.gate import elsewhere
from tests.doors.hl7v2.lab import MRN
from tests.doors.messaging.sender import (
    ACT,
    BASE,
    DOCTOR,
    ICU,
    LOINC,
    MERCY,
    NUMBERS,
    came,
    known,
    message,
    person,
    result,
    sends,
    states,
    stay,
    value,
)
from tests.people import MH, SUD, Clinic, encounter, patient

LATER = "2026-03-01T09:30:00-05:00"
TERMS = "http://terminology.hl7.org/CodeSystem/"


async def of(clinic: Clinic, type_: str, p: str, who: str = "sys-mh") -> list[dict[str, Any]]:
    return (await clinic.get(who, f"{type_}?patient={p}")).entries


async def test_a_visit_is_information_moves_ends_and_what_is_older_changes_nothing(clinic: Clinic) -> None:
    await sends(clinic)
    p = await known(clinic)
    await came(clinic, message("A01", stay(), person(), DOCTOR, ICU))
    (visit,) = await of(clinic, "Encounter", p)
    assert elsewhere.told(visit)
    assert visit["id"] != "e1"
    assert (visit["status"], visit["class"]["code"], visit["serviceProvider"]["display"]) == ("in-progress", "IMP", "Mercy Hospital")
    assert visit["participant"][0]["individual"] == {"display": "Ngozi Okafor"}
    assert visit["location"][0]["location"] == {"display": "ICU 12"}
    ended = stay("finished", period={"start": "2026-03-01T08:00:00-05:00", "end": LATER}, participant=[])
    await came(clinic, message("A03", ended, person(), id_="m2", sent=LATER), message("A08", stay(), person(), id_="m3"))
    (after,) = await of(clinic, "Encounter", p)
    assert (after["id"], after["status"], "participant" in after) == (visit["id"], "finished", False)
    assert [s for s, _ in await states(clinic)] == ["mapped"] * 3
    (source,) = (await clinic.get("sys-mh", f"Provenance?target=Encounter/{visit['id']}")).entries[:1]
    assert source["agent"][0]["who"]["display"] == "Mercy Hospital"
    assert source["activity"]["text"].startswith("Received by FHIR message (ADT^A0")
    assert (await clinic.get("sys-mh", "Encounter/e1")).status == 404
    assert (await clinic.get("sys-mh", "Patient/p1")).status == 404


async def test_what_stands_beside_a_visit_is_filed_as_what_others_say(clinic: Clinic) -> None:
    await sends(clinic)
    p = await known(clinic)
    about: dict[str, Any] = {"subject": {"reference": "Patient/p1"}, "encounter": {"reference": "Encounter/e1"}}
    sick = {"resourceType": "Condition", "id": "c1", "clinicalStatus": {"coding": [{"system": f"{TERMS}condition-clinical", "code": "active"}]}, "category": [{"coding": [{"system": f"{TERMS}condition-category", "code": "problem-list-item"}]}], "code": {"text": "Pneumonia"}, **about}
    allergy = {"resourceType": "AllergyIntolerance", "id": "a1", "clinicalStatus": {"coding": [{"system": f"{TERMS}allergyintolerance-clinical", "code": "active"}]}, "verificationStatus": {"coding": [{"system": f"{TERMS}allergyintolerance-verification", "code": "confirmed"}]}, "code": {"text": "Penicillin"}, "patient": {"reference": "Patient/p1"}}
    pressure = {"resourceType": "Observation", "id": "o1", "status": "final", "category": [{"coding": [{"system": f"{TERMS}observation-category", "code": "vital-signs"}]}], "code": {"coding": [{"system": LOINC, "code": "9279-1"}]}, "valueQuantity": {"value": 16, "unit": "/min"}, **about}
    cover = {"resourceType": "Coverage", "id": "v1", "status": "active", "beneficiary": {"reference": "Patient/p1"}, "payor": [{"display": "Blue Payer"}], "subscriberId": "POL1"}
    other = {**sick, "id": "c2", "subject": {"reference": "Patient/p9"}, "code": {"text": "Somebody else's"}}
    await came(clinic, message("A01", stay(), person(), sick, allergy, pressure, cover, other))
    assert await states(clinic) == [("mapped", "")]
    (visit,), (found,) = await of(clinic, "Encounter", p), await of(clinic, "Condition", p)
    assert (found["code"]["text"], found["category"][0]["coding"][0]["code"], found["encounter"]["reference"]) == ("Pneumonia", "encounter-diagnosis", f"Encounter/{visit['id']}"), "no problem of ours"
    (one,) = await of(clinic, "AllergyIntolerance", p)
    assert one["verificationStatus"]["coding"][0]["code"] == "unconfirmed"
    (seen,) = await of(clinic, "Observation", p)
    assert seen["category"][0]["coding"][0]["code"] == "exam"
    (paid,) = await of(clinic, "Coverage", p)
    assert (paid["status"], paid["subscriberId"]) == ("draft", "POL1")
    taken_back = {**allergy, "verificationStatus": {"coding": [{"system": f"{TERMS}allergyintolerance-verification", "code": "entered-in-error"}]}}
    del taken_back["clinicalStatus"]
    await came(clinic, message("A31", person(), taken_back, id_="m2", sent=LATER))
    (one,) = await of(clinic, "AllergyIntolerance", p)
    assert one["verificationStatus"]["coding"][0]["code"] == "entered-in-error"


async def test_whose_it_is_follows_from_agreed_numbers_and_nothing_else(clinic: Clinic) -> None:
    await sends(clinic)
    p = await known(clinic)
    await came(
        clinic,
        message("A01", stay(), person(id_=p)), message("A01", stay(number="V2", patient="p1"), {**person(), "identifier": [{"system": "https://elsewhere.example/mrn", "value": "R1"}]}, id_="m2"),
        message("A01", stay(number="V3"), person("R1", "Quill", "1950-01-01"), id_="m3"), message("A01", stay(number="V4"), {**person(), "identifier": []}, id_="m4"),
    )  # fmt: skip
    assert [s for s, _ in await states(clinic)] == ["failed", "review", "review", "review"], "an id of ours as an id of theirs names nobody whom the visit is about"
    assert await of(clinic, "Encounter", p) == []


async def test_people_are_written_down_as_our_own_registration_system_says_and_by_no_other(clinic: Clinic) -> None:
    contact = {"name": {"family": "Rivera", "given": ["Rosa"]}, "relationship": [{"coding": [{"system": f"{TERMS}v2-0131", "code": "C"}, {"system": f"{TERMS}v3-RoleCode", "code": "MTH", "display": "mother"}]}], "telecom": [{"system": "phone", "value": "555-0100"}]}
    said = person("R5", "Solano", telecom=[{"system": "phone", "value": "518 555 0123", "use": "mobile"}], contact=[contact], managingOrganization={"display": "Mercy"})
    await sends(clinic, program=MH, registers=True)
    await came(clinic, message("A28", said))
    assert await states(clinic) == [("mapped", "")]
    (made,) = (await clinic.get("sys-mh", "Patient?family=Solano")).entries
    assert made["identifier"] == [{"system": MRN, "value": "R5"}]
    assert "managingOrganization" not in made
    (mother,) = await of(clinic, "RelatedPerson", made["id"])
    assert mother["relationship"] == [{"text": "mother"}, {"coding": [{"system": f"{TERMS}v2-0131", "code": "C"}]}], "no code that would let her act"
    await came(clinic, message("A31", {**said, "name": [{"use": "official", "family": "Solano-Reyes", "given": ["Ana"]}], "contact": []}, id_="m2", sent=LATER))
    assert (await clinic.get("sys-mh", f"Patient/{made['id']}")).json()["name"][0]["family"] == "Solano-Reyes"
    await sends(clinic, replace(MERCY, id="harbor", name="Harbor", client="harbor-app"), program=MH)
    await came(clinic, message("A31", {**said, "name": [{"use": "official", "family": "Solano", "given": ["Eve"]}]}, id_="m3", sent="2026-03-01T10:30:00-05:00"))
    assert (await clinic.get("sys-mh", f"Patient/{made['id']}")).json()["name"][0]["family"] == "Solano-Reyes"


async def test_two_numbers_are_one_person_and_nobody_is_merged(clinic: Clinic) -> None:
    await sends(clinic)
    one, other = await known(clinic, "R1"), await known(clinic, "R2")
    left = {**person("R1"), "identifier": [{"system": NUMBERS, "value": "R1"}, {"system": NUMBERS, "value": "R2", "use": "old"}], "link": [{"type": "replaces", "other": {"reference": f"{BASE}/Patient/p2"}}]}
    gone = person("R2", id_="p2", active=False, link=[{"type": "replaced-by", "other": {"reference": "Patient/p1"}}])
    await came(clinic, message("A40", left, gone))
    assert await states(clinic) == [("mapped", "")]
    for p in (one, other):
        found = (await clinic.get("sys-mh", f"Patient/{p}")).json()
        assert (found.get("active", True), found.get("link")) == (True, None)
    await came(clinic, message("A40", person("R1"), id_="m2"))
    assert (await states(clinic))[1][0] == "failed", "it does not say which numbers are one person"


async def test_a_result_answers_its_order_and_is_corrected(clinic: Clinic) -> None:
    await sends(clinic)
    p = await known(clinic)
    order = await clinic.make("sys-mh", {"resourceType": "ServiceRequest", "status": "active", "intent": "order", "code": {"text": "Panel"}, "identifier": [{"system": NUMBER, "value": "Q7"}], "subject": {"reference": f"Patient/{p}"}})
    asked = {"resourceType": "ServiceRequest", "id": "s1", "status": "active", "intent": "order", "identifier": [{"system": NUMBER, "value": "Q7"}], "subject": {"reference": "Patient/p1"}}
    part = value(13, "o2", code={"coding": [{"system": LOINC, "code": "718-7"}]})
    panel = value(id_="o3", code={"coding": [{"system": LOINC, "code": "58410-2"}]}, hasMember=[{"reference": "Observation/o2"}])
    del panel["valueQuantity"]
    based = [{"reference": f"{BASE}/ServiceRequest/s1"}]
    await came(clinic, message("R01", result(value(), panel, basedOn=based), value(), panel, part, asked, {**person(), "identifier": []}))
    assert await states(clinic) == [("mapped", "")], "by the number of the order alone"
    (report,) = await of(clinic, "DiagnosticReport", p)
    assert report["basedOn"] == [{"reference": f"ServiceRequest/{order.id}"}]
    assert len(report["result"]) == 3
    assert report["category"][0]["coding"][0]["code"] == "LAB"
    found = {o["code"]["coding"][0]["code"]: o for o in await of(clinic, "Observation", p)}
    assert (found["2823-3"]["valueQuantity"]["value"], found["718-7"]["valueQuantity"]["value"], "dataAbsentReason" in found["58410-2"]) == (4.1, 13, True)
    await came(clinic, message("R01", result(value(4.9), status="corrected", issued=LATER, basedOn=based), value(4.9), asked, person(), id_="m2", sent=LATER))
    (after,) = await of(clinic, "DiagnosticReport", p)
    assert (after["id"], after["status"]) == (report["id"], "corrected")
    assert {o["code"]["coding"][0]["code"]: o for o in await of(clinic, "Observation", p)}["2823-3"]["valueQuantity"]["value"] == 4.9
    assert [s for s, _ in await states(clinic)] == ["mapped", "mapped"]


async def test_a_number_that_is_not_said_to_be_ours_is_no_order_of_ours(clinic: Clinic) -> None:
    await sends(clinic)
    p = await known(clinic, "R9")
    await clinic.make("sys-mh", {"resourceType": "ServiceRequest", "status": "active", "intent": "order", "code": {"text": "Panel"}, "identifier": [{"system": NUMBER, "value": "Q7"}], "subject": {"reference": f"Patient/{p}"}})
    theirs = {"resourceType": "ServiceRequest", "id": "s1", "status": "active", "intent": "order", "identifier": [{"system": "https://mercy.example/orders", "value": "Q7"}], "subject": {"reference": "Patient/p1"}}
    await came(clinic, message("R01", result(value(), basedOn=[{"reference": "ServiceRequest/s1"}]), value(), theirs, {**person(), "identifier": []}))
    assert [s for s, _ in await states(clinic)] == ["review"]


async def test_an_appointment_elsewhere_is_made_and_cancelled(clinic: Clinic) -> None:
    await sends(clinic)
    p = await known(clinic)
    made = {
        "resourceType": "Appointment", "id": "a1", "identifier": [{"system": "https://mercy.example/appointments", "value": "A1"}], "status": "booked", "start": "2026-03-05T10:00:00-05:00", "end": "2026-03-05T10:30:00-05:00",
        "participant": [{"actor": {"reference": "Patient/p1"}, "status": "accepted"}, {"actor": {"reference": "Practitioner/d1"}, "status": "accepted"}],
    }  # fmt: skip
    await came(clinic, message("S12", made, person(), DOCTOR))
    (found,) = await of(clinic, "Appointment", p)
    assert elsewhere.told(found)
    assert found["participant"][1]["actor"] == {"display": "Ngozi Okafor"}
    await came(clinic, message("S15", made, person(), DOCTOR, id_="m2", sent=LATER))
    (after,) = await of(clinic, "Appointment", p)
    assert (after["id"], after["status"]) == (found["id"], "cancelled")
    assert [s for s, _ in await states(clinic)] == ["mapped", "mapped"]


LABELS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "of a resource": ({"meta": {"security": [{"system": ACT, "code": "HIV"}]}}, {"R", "HIV"}), "of substance use": ({"meta": {"security": [{"system": ACT, "code": "ETHUD"}]}}, {"R", "42CFRPart2"}),
    "very restricted": ({"meta": {"security": [{"system": f"{TERMS}v3-Confidentiality", "code": "V"}]}}, {"V"}), "one that nobody knows": ({"meta": {"security": [{"system": ACT, "code": "NOAUTH"}]}}, {"R"}),
    "a notice in words": ({"text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">42 CFR part 2 prohibits unauthorized use.</div>'}}, {"R", "42CFRPart2"}), "none": ({}, set()),
}  # fmt: skip


@pytest.mark.parametrize("label", LABELS)
async def test_labels_of_anything_in_it_are_labels_of_all_that_it_becomes(clinic: Clinic, label: str) -> None:
    more, expected = LABELS[label]
    await sends(clinic)
    p = await known(clinic)
    await came(clinic, message("A01", stay(), person(), {**DOCTOR, **more}))
    assert await states(clinic) == [("mapped", "")]
    (visit,) = await of(clinic, "Encounter", p)
    assert {c["code"] for c in visit.get("meta", {}).get("security", ())} >= expected
    if not expected:
        assert not {"R", "V", "42CFRPart2"} & {c["code"] for c in visit.get("meta", {}).get("security", ())}


async def test_a_part_2_program_sends_part_2_records_into_the_program_in_which_the_person_is(clinic: Clinic) -> None:
    await sends(clinic, part2=True)
    p = (await clinic.make("sys-sud", patient(identifier=[{"system": MRN, "value": "R1"}]))).id
    await clinic.make("sys-sud", encounter(p))
    await clinic.make("sys-sud", {"resourceType": "EpisodeOfCare", "status": "active", "patient": {"reference": f"Patient/{p}"}, "managingOrganization": {"reference": "Organization/sud"}})
    await came(clinic, message("A01", stay(), person()))
    assert await states(clinic) == [("mapped", "")]
    (visit,) = [e for e in await of(clinic, "Encounter", p, "sys-sud") if elsewhere.told(e)]
    assert {"R", "42CFRPart2"} <= {c["code"] for c in visit["meta"]["security"]}
    assert await clinic.owner.fetchval("SELECT origin FROM record.resource WHERE type = 'Encounter' AND id = $1", visit["id"]) == [SUD]


async def test_nothing_of_theirs_speaks_in_our_words(clinic: Clinic) -> None:
    await sends(clinic)
    p = await known(clinic)
    ours = "https://sojourn.example/fhir/CodeSystem/care"
    claims = stay(
        serviceType={"coding": [{"system": ours, "code": "anything"}], "text": "Ward"}, identifier=[{"system": NUMBER, "value": "Q7"}], extension=[{"url": "https://sojourn.example/fhir/StructureDefinition/exchange-as-of", "valueInstant": "2099-01-01T00:00:00Z"}],
        reasonCode=[{"coding": [{"system": ours, "code": "anything"}]}],
    )  # fmt: skip
    await came(clinic, message("A01", claims, person()))
    assert await states(clinic) == [("mapped", "")]
    (visit,) = await of(clinic, "Encounter", p)
    assert visit["serviceType"] == {"text": "Ward"}
    assert "reasonCode" not in visit
    assert NUMBER not in str(visit["identifier"])
    assert "2099" not in str(visit)


async def test_what_changes_the_meaning_is_read_by_people(clinic: Clinic) -> None:
    await sends(clinic)
    p = await known(clinic)
    not_so = stay(modifierExtension=[{"url": "https://mercy.example/not", "valueBoolean": True}])
    await came(clinic, message("A01", not_so, person()))
    assert [s for s, _ in await states(clinic)] == ["failed"]
    assert await of(clinic, "Encounter", p) == []
