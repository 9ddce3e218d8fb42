"""Faults that comparing every piece of data once found: each would now be seen by test_ccda_carries.py too."""

from __future__ import annotations

from typing import Any

import pytest

from sojourn.care.summaries import mapping, mappingcare
from sojourn.wire.ccda.facts import Document, Fact
from sojourn.wire.ccda.reader import read
from sojourn.wire.ccda.values import Coded, Quantity, Span
from sojourn.wire.ccda.writer import write
from tests.wire.test_ccda_carries import HEADING, PERSON

Json = dict[str, Any]
ME: Json = {"subject": {"reference": "Patient/p"}}


def document(resource: Json) -> Document:
    return read(write("ccd", [PERSON, {"id": "1", **resource}], HEADING))


def fact(resource: Json) -> Fact:
    (found,) = document(resource).facts()
    return found


def told(found: Fact) -> str:
    return "; ".join(str(v) for k, v in found.details if k == "comment")


@pytest.mark.parametrize(("status", "state", "words"), [("final", "completed", ""), ("amended", "completed", "amended"), ("preliminary", "active", "preliminary"), ("cancelled", "cancelled", "cancelled")])
def test_a_report_has_its_state_and_all_of_its_time(status: str, state: str, words: str) -> None:
    found = fact({"resourceType": "DiagnosticReport", **ME, "status": status, "code": {"text": "Panel"}, "effectivePeriod": {"start": "2026-02-01", "end": "2026-02-03"}})
    assert (found.status, found.time, told(found)) == (state, Span("2026-02-01", "2026-02-03"), words)


@pytest.mark.parametrize(("status", "state", "words", "back"), [("planned", "new", "", "planned"), ("finished", "completed", "", "finished"), ("arrived", "active", "status: arrived", "in-progress"), ("unknown", "", "status: unknown", "unknown")])
def test_a_visit_that_is_planned_did_not_take_place(status: str, state: str, words: str, back: str) -> None:
    found = fact({"resourceType": "Encounter", **ME, "status": status, "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}, "period": {"start": "2026-04-01"}})
    assert (found.status, told(found), mappingcare.visit(found)["status"]) == (state, words, back)


def test_a_draft_of_an_order_is_no_medicine_that_was_taken() -> None:
    found = fact({"resourceType": "MedicationRequest", **ME, "status": "draft", "intent": "order", "medicationCodeableConcept": {"text": "Sertraline"}})
    assert (found.status, told(found)) == ("new", "status: draft")
    assert mapping._medication(found)["status"] == "intended"


def dosed(dose: Json) -> Fact:
    return fact({"resourceType": "MedicationRequest", **ME, "status": "active", "intent": "order", "medicationCodeableConcept": {"text": "Sertraline"}, "dosageInstruction": [dose]})


@pytest.mark.parametrize(("dose", "words"), [
    ({"text": "one daily", "patientInstruction": "with food"}, "dose patient instruction: with food"), ({"timing": {"code": {"text": "BID"}}}, "dose timing code: BID"), ({"timing": {"repeat": {"when": ["HS"]}}}, "dose timing repeat when: HS"),
    ({"doseAndRate": [{"doseRange": {"low": {"value": 1, "unit": "mg"}, "high": {"value": 2, "unit": "mg"}}}]}, "dose dose and rate dose range low: 1 mg; dose dose and rate dose range high: 2 mg"),
    ({"timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d", "count": 3}}}, "dose timing repeat count: 3"),
    ({"text": "one daily", "route": {"text": "by mouth"}, "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}, "doseAndRate": [{"doseQuantity": {"value": 5, "unit": "mg"}}]}, ""),
])  # fmt: skip
def test_what_a_dose_has_no_element_for_is_told_in_words(dose: Json, words: str) -> None:
    assert told(dosed(dose)) == words


def test_what_a_reaction_has_no_element_for_is_told_in_words() -> None:
    found = fact({"resourceType": "AllergyIntolerance", "patient": ME["subject"], "code": {"text": "Penicillin"}, "reaction": [{"manifestation": [{"text": "Rash"}], "substance": {"text": "Amoxicillin"}, "note": [{"text": "in hospital"}]}]})
    assert told(found) == "reactions substance: Amoxicillin; reactions note: in hospital"


def test_everybody_who_gave_a_vaccine_is_named() -> None:
    found = fact({"resourceType": "Immunization", "patient": ME["subject"], "status": "completed", "vaccineCode": {"text": "Influenza"}, "occurrenceDateTime": "2026-01-01", "performer": [{"actor": {"display": "Sam Lee"}}, {"actor": {"display": "Ada Obi"}}]})
    assert [v for k, v in found.details if k == "performer"] == ["Sam Lee", "Ada Obi"]


def measured(**more: Any) -> Json:
    return {"resourceType": "Observation", **ME, "status": "final", "code": {"text": "Titer"}, "effectiveDateTime": "2026-02-01", **more}


def test_values_of_two_parts_are_told_with_the_names_of_the_parts() -> None:
    assert fact(measured(valueRatio={"numerator": {"value": 1}, "denominator": {"value": 128}})).value == "numerator: 1; denominator: 128"
    assert fact(measured(valuePeriod={"start": "2026-02-01", "end": "2026-02-03"})).value == "start: Feb 1, 2026; end: Feb 3, 2026"


def test_a_range_in_words_is_a_value_too() -> None:
    assert fact(measured(valueString="x", referenceRange=[{"text": "none seen"}])).detail("range") == "none seen"


def test_smoking_over_a_time_keeps_its_parts() -> None:
    smoking = measured(category=[{"coding": [{"code": "social-history"}]}], code={"coding": [{"system": "http://loinc.org", "code": "72166-2"}]}, valueCodeableConcept={"text": "Smoker"}, component=[{"code": {"text": "Packs"}, "valueInteger": 2}])
    del smoking["effectiveDateTime"]
    found = document({**smoking, "effectivePeriod": {"start": "2020"}}).facts()
    assert [(f.what.text, f.value.text if isinstance(f.value, Coded) else f.value) for f in found] == [("72166-2", "Smoker"), ("Packs", Quantity("2"))]


def test_as_what_somebody_took_part_is_told_where_no_name_is() -> None:
    found = fact({"resourceType": "Encounter", **ME, "status": "finished", "class": {"code": "AMB"}, "participant": [{"type": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "ATND"}]}]}]})
    assert [v.code for k, v in found.details if k == "as" and isinstance(v, Coded)] == ["ATND"]


def test_the_time_of_a_member_of_a_team_has_an_end() -> None:
    found = fact({"resourceType": "CareTeam", **ME, "status": "proposed", "participant": [{"member": {"display": "Sam Lee"}, "period": {"start": "2026-01-01", "end": "2026-02-01"}}]})
    assert mappingcare.team(found)["participant"] == [{"member": {"display": "Sam Lee"}, "period": {"start": "2026-01-01", "end": "2026-02-01"}}]


def test_nothing_to_be_handed_out_is_no_order_of_a_supply() -> None:
    ordered = {"resourceType": "MedicationRequest", "id": "1", **ME, "status": "active", "intent": "order", "medicationCodeableConcept": {"text": "Sertraline"}, "dispenseRequest": {"expectedSupplyDuration": {"value": 30, "unit": "days"}}}
    assert b"<supply" not in write("ccd", [PERSON, ordered], HEADING)
