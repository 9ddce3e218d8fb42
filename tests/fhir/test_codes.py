"""Membership in value sets is yes, no, or not to be told."""

import pytest

from sojourn.fhir.codes import in_value_set

VALUE_SET = "http://hl7.org/fhir/ValueSet/"
GENDER = "http://hl7.org/fhir/administrative-gender"


@pytest.mark.parametrize(
    ("url", "system", "code", "member"),
    [
        ("administrative-gender", GENDER, "male", True),
        ("administrative-gender|4.0.1", GENDER, "male", True),
        ("administrative-gender", None, "male", True),
        ("administrative-gender", GENDER, "m", False),
        ("administrative-gender", "http://loinc.org", "male", False),
        ("administrative-gender", GENDER, None, False),
        ("observation-codes", "http://loinc.org", "8480-6", None),
        ("observation-codes", "http://example.org", "8480-6", False),
        ("observation-codes", None, "8480-6", None),
        ("no-such-set", GENDER, "male", None),
        ("currencies", "urn:iso:std:iso:4217", "USD", True),
        ("currencies", "urn:iso:std:iso:4217", "USX", False),
        ("mimetypes", "urn:ietf:bcp:13", "text/plain; charset=utf-8", True),
        ("mimetypes", "urn:ietf:bcp:13", "text plain", False),
    ],
)
def test_membership(url: str, system: str | None, code: str | None, member: bool | None) -> None:
    assert in_value_set(VALUE_SET + url, system, code) is member


def test_filters_by_hierarchy_are_expanded() -> None:
    act_class = "http://terminology.hl7.org/ValueSet/v3-ActEncounterCode"
    system = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
    assert in_value_set(act_class, system, "AMB") is True
    assert in_value_set(act_class, system, "GRANT") is False
