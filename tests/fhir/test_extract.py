"""What resources can be found by: values, precision, references, composites."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from sojourn.fhir.compartment import fixed_by, patient_of
from sojourn.fhir.dates import FUTURE, PAST, bounds
from sojourn.fhir.extract import extract, extractor
from sojourn.fhir.fold import fold
from sojourn.fhir.quantities import implied
from sojourn.fhir.searchparams import CLINICAL_DATES, PARAMS, clinical_date

HEART_RATE: dict[str, Any] = {
    "resourceType": "Observation",
    "status": "final",
    "category": [{"coding": [{"system": "urn:cat", "code": "vital-signs", "display": "Vital Signs"}]}],
    "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}], "text": "Heart rate"},
    "subject": {"reference": "Patient/p1"},
    "effectiveDateTime": "2024-03-05",
    "valueQuantity": {"value": Decimal("72.0"), "system": "http://unitsofmeasure.org", "code": "/min", "unit": "beats/minute"},
    "note": [{"authorReference": {"reference": "Practitioner/dr"}, "text": "at rest"}],
}


def day(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


def test_every_r4_type_has_an_extractor_that_compiles() -> None:
    assert len(PARAMS) == 146
    for resource_type in PARAMS:
        extractor(resource_type)


def test_an_observation_is_found_by_its_codes_and_value() -> None:
    terms = extract(HEART_RATE)
    assert ("status", None, "final") in terms.tokens
    assert ("code", "http://loinc.org", "8867-4") in terms.tokens
    assert ("value-quantity", 72.0, 72.0, "http://unitsofmeasure.org", "/min") in terms.numbers
    assert ("date", day(2024, 3, 5), day(2024, 3, 6)) in terms.dates
    assert ("code:text", "Heart rate") in terms.texts


def test_a_composite_is_a_second_value_under_each_spelling_of_the_first() -> None:
    names = {name for name, *_ in extract(HEART_RATE).numbers}
    assert names == {"value-quantity", "code-value-quantity$8867-4", "code-value-quantity$http://loinc.org|8867-4"}


def test_a_composite_of_components_never_pairs_values_of_two_components() -> None:
    panel = {
        "resourceType": "Observation",
        "component": [
            {"code": {"coding": [{"code": "a"}]}, "valueQuantity": {"value": 1}},
            {"code": {"coding": [{"code": "b"}]}, "valueQuantity": {"value": 2}},
        ],
    }
    pairs = {(name, low) for name, low, *_ in extract(panel).numbers if "$" in name and "|" not in name}
    assert pairs == {("component-code-value-quantity$a", 1.0), ("component-code-value-quantity$b", 2.0)}


def test_references_that_no_parameter_covers_are_edges_without_a_name() -> None:
    assert extract(HEART_RATE).references == [("subject", "Patient/p1"), ("", "Practitioner/dr")]


def test_patient_is_present_only_when_the_subject_is_a_patient() -> None:
    assert "patient" in extract(HEART_RATE).parameters()
    assert "patient" not in extract(HEART_RATE | {"subject": {"reference": "Group/g"}}).parameters()


@pytest.mark.parametrize(
    ("literal", "target"),
    [
        ("Patient/p1", "Patient/p1"),
        ("Patient/p1/_history/3", "Patient/p1"),
        ("https://ours.example/fhir/Patient/p1", "Patient/p1"),
        ("https://theirs.example/fhir/Patient/p1", "https://theirs.example/fhir/Patient/p1"),
        ("urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0", "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"),
        ("#contained", None),
        ("Patient?identifier=x", None),
    ],
)
def test_absolute_references_to_our_own_base_are_local(literal: str, target: str | None) -> None:
    found = extract(HEART_RATE | {"subject": {"reference": literal}}, "https://ours.example/fhir").references
    assert [t for name, t in found if name == "subject"] == ([target] if target else [])


def test_a_patient_is_found_by_every_part_of_the_name_and_by_identifier_type() -> None:
    patient = {
        "resourceType": "Patient",
        "id": "p1",
        "name": [{"family": "Núñez", "given": ["Ana", None, "María"], "text": "Ana María Núñez"}],
        "identifier": [{"system": "urn:mrn", "value": "12", "type": {"coding": [{"system": "urn:t", "code": "MR"}]}}],
        "telecom": [{"system": "phone", "value": "+1 (555) 010-9999", "use": "home"}],
        "deceasedDateTime": "2024-01",
    }
    terms = extract(patient)
    assert {text for name, text in terms.strings if name == "name"} == {"Núñez", "Ana", "María", "Ana María Núñez"}
    assert ("identifier:of-type", "urn:t", "MR|12") in terms.exact
    assert ("phone", "phone", "5550109999") in terms.tokens
    assert ("deceased", "", "true") in terms.tokens
    assert patient_of(patient) == "p1"


def test_us_core_parameters_read_extensions() -> None:
    race = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"
    coding = {"system": "urn:oid:2.16.840.1.113883.6.238", "code": "2106-3"}
    patient = {"resourceType": "Patient", "extension": [{"url": race, "extension": [{"url": "ombCategory", "valueCoding": coding}]}]}
    assert ("race", coding["system"], "2106-3") in extract(patient).tokens


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("2024", day(2024, 1, 1), day(2025, 1, 1)),
        ("2024-12", day(2024, 12, 1), day(2025, 1, 1)),
        ("2024-02-29", day(2024, 2, 29), day(2024, 3, 1)),
        ("2024-03-05T10:00", day(2024, 3, 5, 10), day(2024, 3, 5, 10, 1)),
        ("2024-03-05T10:00:00Z", day(2024, 3, 5, 10), day(2024, 3, 5, 10, 0, 1)),
        ("2024-03-05T10:00:00+02:00", day(2024, 3, 5, 8), day(2024, 3, 5, 8, 0, 1)),
        ("2024-03-05T10:00:00.25Z", day(2024, 3, 5, 10, 0, 0, 250000), day(2024, 3, 5, 10, 0, 0, 260000)),
        ("2016-12-31T23:59:60Z", day(2017, 1, 1), day(2017, 1, 1, 0, 0, 1)),
        ("9999-12-31", day(9999, 12, 31), FUTURE),
        ("0001-01-01T00:00:00+14:00", PAST, day(1, 1, 1, 0, 0, 1)),
    ],
)
def test_a_date_covers_as_much_time_as_it_is_precise(text: str, low: datetime, high: datetime) -> None:
    assert bounds(text) == (low, high)


@pytest.mark.parametrize("text", ["", "2024-02-30", "2023-02-29", "24", "2024-13", "0000", "2024-01-01T25:00Z", "２０２４", "2024-01-01\n"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        bounds(text)


def test_a_searched_number_stands_for_all_that_round_to_it() -> None:
    assert implied(Decimal("5.4")) == (5.35, 5.45)
    assert implied(Decimal(100)) == (99.5, 100.5)
    assert implied(Decimal("1E2")) == (50.0, 150.0)


def test_folding_ignores_case_accents_and_space() -> None:
    assert fold("  Núñez   GARCÍA ") == fold("Nunez garcia") == "nunez garcia"
    assert fold("Straße") == "strasse"


def test_the_clinical_date_of_every_listed_type_is_one_of_its_date_parameters() -> None:
    for resource_type, code in CLINICAL_DATES.items():
        assert PARAMS[resource_type][code].kind == "date", resource_type
    assert clinical_date("Observation") == "date"


def test_the_chart_is_the_subjects_alone() -> None:
    about_two = HEART_RATE | {"performer": [{"reference": "Patient/p2"}]}
    assert patient_of(about_two) == "p1"
    assert patient_of({"resourceType": "Organization", "id": "o"}) is None


def test_the_chart_column_answers_patient_and_subject_but_not_performer() -> None:
    assert fixed_by("Observation", "patient")
    assert fixed_by("Observation", "subject")
    assert not fixed_by("Observation", "performer")
    assert not fixed_by("Appointment", "actor")
