"""What validation tells: each problem, where it is, and what was expected, never the value."""

from typing import Any

import pytest

from sojourn.fhir.codec import loads
from sojourn.fhir.definitions import DEFINITIONS, RESOURCE_TYPES, element, elements, is_reference_allowed
from sojourn.fhir.outcome import Issue, is_error
from sojourn.fhir.validate import validate

US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"


def errors(resource: Any, *profiles: str) -> list[tuple[str, str]]:
    """Expression and code of each error."""
    return [(i.expression, i.code) for i in validate(resource, profiles) if is_error(i)]


def patient(**parts: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", **parts}


def observation(**parts: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, **parts}


def test_a_valid_resource_has_no_issues() -> None:
    assert validate(patient(id="a", gender="female", birthDate="1990-02-28", name=[{"family": "Doe"}])) == []


def test_every_problem_is_listed_with_its_path_and_what_was_expected() -> None:
    issues = validate(patient(gender="?", name=[{"use": "usual"}, {"given": [""]}], birthDate="1990-02-30", foo=1))
    assert issues == [
        Issue("error", "code-invalid", "Patient.gender", "expected a code of the value set http://hl7.org/fhir/ValueSet/administrative-gender"),
        Issue("error", "value", "Patient.name[1].given[0]", "expected a string that is not empty"),
        Issue("error", "value", "Patient.birthDate", "expected a day that the month has"),
        Issue("error", "structure", "Patient.foo", "expected no property of this name"),
    ]


def test_diagnostics_never_repeat_a_value() -> None:
    secret = "Zyx-987"
    broken = patient(
        id=secret + "!", gender=secret, birthDate=secret, active=secret, name=secret, link=[{"other": {"reference": secret}, "type": secret}],
        extension=[{"url": secret, "valueCode": " " + secret}], **{secret + " x": 1},
    )
    issues = validate(broken)
    assert len(issues) >= 9
    assert not any(secret in part for issue in issues for part in issue)


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (patient(name=[]), [("Patient.name", "structure")]),
        (patient(name={"family": "x"}), [("Patient.name", "structure")]),
        (patient(name=[{}]), [("Patient.name[0]", "structure")]),
        (patient(name=[{"id": "1"}]), [("Patient.name[0]", "structure")]),
        (patient(name=[{"family": ["x"]}]), [("Patient.name[0].family", "value")]),
        (patient(active="true"), [("Patient.active", "value")]),
        (patient(active=None), [("Patient.active", "value")]),
        (patient(multipleBirthInteger=1, multipleBirthBoolean=True), [("Patient.multipleBirth", "structure")]),
        (patient(multipleBirthString="1"), [("Patient.multipleBirthString", "structure")]),
        (patient(multipleBirthInteger=2**31), [("Patient.multipleBirth.ofType(integer)", "value")]),
        (patient(id="a" * 65), [("Patient.id", "value")]),
        (patient(managingOrganization={"reference": "Patient/1"}), [("Patient.managingOrganization.reference", "value")]),
        (patient(managingOrganization={"reference": "#a"}), [("Patient.managingOrganization.reference", "invariant")]),
        (patient(contact=[{"gender": "male"}]), [("Patient.contact[0]", "invariant")]),
        (patient(name=[{"period": {"start": "2024", "end": "2023"}}]), [("Patient.name[0].period", "invariant")]),
        (patient(link=[{}]), [("Patient.link[0]", "structure"), ("Patient.link[0].other", "required"), ("Patient.link[0].type", "required")]),
        (patient(text={"status": "generated", "div": "<div>x</div>"}), [("Patient.text.div", "value")]),
        (patient(extension=[{"url": "http://x.org/e"}]), [("Patient.extension[0]", "invariant")]),
        (patient(extension=[{"url": "e", "valueString": "x"}]), [("Patient.extension[0].url", "value")]),
        (patient(contained=[patient(id="c")]), [("Patient.contained[0]", "invariant")]),
        (observation(valueQuantity={"value": "1.0"}), [("Observation.value.ofType(Quantity).value", "value")]),
        (observation(valueString="x", dataAbsentReason={"text": "y"}), [("Observation", "invariant")]),
        (observation(effectiveDateTime="2024-01-01T10:00"), [("Observation.effective.ofType(dateTime)", "value")]),
        ({"resourceType": "Observation"}, [("Observation.status", "required"), ("Observation.code", "required")]),
        ({"resourceType": "Nothing"}, [("resourceType", "structure")]),
        ({}, [("resourceType", "structure")]),
        ([], [("", "structure")]),
        (None, [("", "structure")]),
    ],
)
def test_one_fault_is_found_where_it_is(resource: Any, expected: list[tuple[str, str]]) -> None:
    assert errors(resource) == expected


@pytest.mark.parametrize(
    "resource",
    [
        patient(_birthDate={"extension": [{"url": "http://x.org/e", "valueString": "x"}]}),
        patient(gender="male", _gender={"id": "g"}),
        patient(name=[{"given": ["A", None], "_given": [None, {"extension": [{"url": "http://x.org/e", "valueCode": "y"}]}]}]),
        patient(managingOrganization={"reference": "#o"}, contained=[{"resourceType": "Organization", "id": "o", "name": "x"}]),
        patient(managingOrganization={"reference": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"}),
        patient(managingOrganization={"reference": "Organization?identifier=http://x.org|1"}),
        patient(managingOrganization={"identifier": {"value": "1"}, "type": "Organization"}),
        observation(effectiveDateTime="2016-12-31T23:59:60Z"),
        loads('{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.00}}'),
    ],
)
def test_what_is_unusual_but_allowed_is_not_reported(resource: dict[str, Any]) -> None:
    assert errors(resource) == []


@pytest.mark.parametrize(
    "resource",
    [
        patient(_birthDate={"id": "x"}),
        patient(_birthDate={}),
        patient(name=[{"given": [None]}]),
        patient(name=[{"given": ["A", "B"], "_given": [{"id": "x"}]}]),
        patient(name=[{"_given": [None]}]),
        patient(_name=[{"id": "x"}]),
    ],
)
def test_extensions_beside_primitives_follow_the_rules(resource: dict[str, Any]) -> None:
    assert errors(resource)


def test_a_profile_that_is_claimed_is_enforced() -> None:
    claimed = patient(meta={"profile": [US_CORE + "us-core-patient"]}, gender="male", name=[{"text": "x"}])
    assert errors(claimed) == [("Patient.identifier", "required"), ("Patient.name[0]", "invariant")]


def test_a_profile_can_be_asked_for() -> None:
    assert ("Patient.identifier", "required") in errors(patient(), US_CORE + "us-core-patient")


def test_an_unknown_profile_is_information_and_a_profile_of_another_type_an_error() -> None:
    issues = validate(patient(meta={"profile": ["http://x.org/p", US_CORE + "us-core-location"]}))
    assert [(i.severity, i.expression) for i in issues] == [("information", "Patient.meta.profile"), ("error", "Patient.meta.profile")]


def test_a_version_chooses_between_the_versions_of_a_guide() -> None:
    named = patient(identifier=[{"system": "urn:x", "value": "1"}], name=[{"family": "x"}], gender="male", telecom=[{"value": "1"}])
    base = [("Patient.telecom[0]", "invariant"), ("Patient.telecom[0].system", "required")]
    assert errors(named, US_CORE + "us-core-patient") == base
    assert errors(named, US_CORE + "us-core-patient|6.1.0") == base
    assert errors(named, US_CORE + "us-core-patient|7.0.0") == base
    interpreter = {"url": US_CORE + "us-core-interpreter-needed", "valueCoding": {"system": "http://snomed.info/sct", "code": "373066001"}}
    assert errors({**named, "telecom": [], "extension": [interpreter]})[-1] == ("Patient.telecom", "structure")


def test_slices_are_told_apart_by_their_discriminators() -> None:
    part = {"valueQuantity": {"value": 1, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}}
    systolic = {"code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]}, **part}
    diastolic = {"code": {"coding": [{"system": "http://loinc.org", "code": "8462-4"}]}, **part}
    pressure = observation(
        category=[{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}]}],
        code={"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
        subject={"reference": "Patient/1"},
        effectiveDateTime="2024-01-01",
    )
    profile = US_CORE + "us-core-blood-pressure"
    assert errors({**pressure, "component": [systolic, diastolic]}, profile) == []
    assert errors({**pressure, "component": [systolic, systolic]}, profile) == [("Observation.component", "structure"), ("Observation.component", "required")]


def test_known_extensions_are_enforced_wherever_they_are() -> None:
    race = {"url": US_CORE + "us-core-race", "extension": [{"url": "ombCategory", "valueCoding": {"system": "urn:oid:2.16.840.1.113883.6.238", "code": "9"}}]}
    assert set(errors(patient(extension=[race]))) == {
        ("Patient.extension[0].extension", "required"),
        ("Patient.extension[0].extension[0].value.ofType(Coding)", "code-invalid"),
    }
    told = errors({"resourceType": "Location", "extension": [race]})
    assert ("Location.extension[0]", "extension") in told


def test_references_by_urn_in_a_transaction_must_lead_to_an_entry() -> None:
    def transaction(reference: str) -> dict[str, Any]:
        request = {"method": "POST", "url": "Patient"}
        held = patient(managingOrganization={"reference": reference})
        organization = {"resourceType": "Organization", "name": "x"}
        return {
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [
                {"fullUrl": "urn:uuid:00000000-0000-4000-8000-000000000001", "resource": held, "request": request},
                {"fullUrl": "urn:uuid:00000000-0000-4000-8000-000000000002", "resource": organization, "request": {**request, "url": "Organization"}},
            ],
        }

    assert errors(transaction("urn:uuid:00000000-0000-4000-8000-000000000002")) == []
    assert errors(transaction("urn:uuid:00000000-0000-4000-8000-000000000003")) == [
        ("Bundle.entry[0].resource.managingOrganization.reference", "not-found")
    ]


def test_contained_references_resolve_within_their_own_entry() -> None:
    held = patient(managingOrganization={"reference": "#o"}, contained=[{"resourceType": "Organization", "id": "o", "name": "x"}])
    other = patient(managingOrganization={"reference": "#o"})
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": held}, {"resource": other}]}
    assert errors(bundle) == [("Bundle.entry[1].resource.managingOrganization.reference", "invariant")]


def test_definitions_tell_types_elements_and_reference_targets() -> None:
    assert len(RESOURCE_TYPES) == 146
    assert {"DomainResource", "Resource"}.isdisjoint(RESOURCE_TYPES)
    gender = element("Patient", "gender")
    assert gender is not None
    assert gender.binding == ("required", "http://hl7.org/fhir/ValueSet/administrative-gender")
    assert [name for name, _ in next(e for e in elements("Patient") if e.name == "deceased").properties()] == ["deceasedBoolean", "deceasedDateTime"]
    assert is_reference_allowed("Observation", "subject", "Patient")
    assert not is_reference_allowed("Observation", "subject", "Organization")
    assert is_reference_allowed("Provenance", "target", "Basic")
    assert DEFINITIONS.type("Patient.contact") is not None
