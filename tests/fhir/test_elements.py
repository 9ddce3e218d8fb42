"""Reading elements: what is there as people read it, what is not there as empty."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.fhir import elements as read

ICD = "http://hl7.org/fhir/sid/icd-10-cm"
CONCEPT = {"coding": [{"system": "http://snomed.info/sct", "code": "1"}, {"system": ICD, "code": "F32.A", "display": "Depression"}]}


def test_codes_are_found_by_system() -> None:
    assert read.code_of(CONCEPT, ICD) == "F32.A"
    assert read.code_of([{"text": "x"}, CONCEPT], ICD) == "F32.A"
    assert read.code_of({"system": ICD, "code": "x"}, ICD) == "x"
    assert read.code_of(CONCEPT, "http://loinc.org") == ""
    assert read.has_code(CONCEPT, ICD, "F31", "F32.A")
    assert not read.has_code(CONCEPT, "http://loinc.org", "F32.A")


@pytest.mark.parametrize(
    ("concept", "shown"),
    [
        ({**CONCEPT, "text": "Low mood"}, "Low mood"),
        (CONCEPT, "Depression"),
        ({"coding": [{"code": "1"}]}, "1"),
        ([CONCEPT], "Depression"),
        ({}, ""),
        (None, ""),
    ],
)
def test_a_concept_reads_as_its_text_display_or_code(concept: Any, shown: str) -> None:
    assert read.words(concept) == shown


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ([{"family": "Reyes", "given": ["Ana", "María"]}], "Ana María Reyes"),
        ([{"use": "old", "family": "Ruiz"}, {"use": "official", "family": "Reyes", "given": [None, "Ana"]}], "Ana Reyes"),
        ([{"use": "usual", "text": "Annie R."}, {"use": "official", "family": "Reyes"}], "Annie R."),
        ([{"use": "official"}, {"use": "nickname", "given": ["Ana"]}], "Ana"),
        ({"family": "Reyes", "suffix": ["Jr."]}, "Reyes Jr."),
        ([], ""),
    ],
)
def test_a_person_is_shown_by_the_name_in_use(names: Any, shown: str) -> None:
    assert read.name_text(names) == shown


def test_a_list_sorts_by_family_name() -> None:
    assert read.sort_name([{"use": "old", "family": "Ruiz"}, {"family": "Reyes", "given": ["Ana", "María"]}]) == "Reyes, Ana María"


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ({"reference": "Patient/ana", "display": "Ana"}, ("Patient", "ana", "Ana")),
        ({"reference": "https://ehr.example/fhir/Patient/ana/_history/3"}, ("Patient", "ana", "")),
        ({"reference": "#contained"}, ("", "", "")),
        ({"reference": "urn:uuid:1", "type": "Patient"}, ("Patient", "", "")),
        ({"display": "Dr. Kim"}, ("", "", "Dr. Kim")),
        (None, ("", "", "")),
    ],
)
def test_a_reference_tells_its_target(reference: Any, found: tuple[str, str, str]) -> None:
    assert read.target(reference) == found
    assert read.id_of(reference, "Patient") == (found[1] if found[0] == "Patient" else "")


def test_times_of_every_kind_read_as_a_period() -> None:
    assert read.when({"effectivePeriod": {"start": "2026"}}, "effective") == ("2026", "")
    assert read.when({"effectiveDateTime": "2026-01-01"}, "effective") == ("2026-01-01", "2026-01-01")
    assert read.when({}, "effective") == ("", "")


def test_contacts_identifiers_and_extensions_are_found() -> None:
    points = [
        {"system": "phone", "value": "1", "use": "old"},
        {"system": "phone", "value": "2", "rank": 2},
        {"system": "phone", "value": "3", "rank": 1},
    ]
    assert read.contact(points, "phone") == "3"
    assert read.contact(points, "email") == ""
    assert read.identifier({"identifier": [{"system": "a", "value": "1"}, {"system": "b", "value": "2"}]}, "b") == "2"
    assert read.extension({"extension": [{"url": "u", "valueCode": "x"}]}, "u") == "x"
    assert read.extension({}, "u") is None
    assert read.at({"name": [{"given": ["A", None]}, {"given": ["B"]}]}, "name", "given") == ["A", "B"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["coding", "system", "code", "text", "given", "family", "use", "reference", "value", "rank", "url", "extension"]
            ),
            inner,
        )
    ),
    max_leaves=10,
)
READERS: list[Callable[[Any], Any]] = [
    read.codings,
    read.words,
    read.name_text,
    read.sort_name,
    read.period,
    read.target,
    lambda value: read.contact(value, "phone"),
    lambda value: read.extension(value, "u"),
    lambda value: read.identifier({"identifier": value}, "s"),
    lambda value: read.at(value, "given", "family"),
    lambda value: read.when({"onsetPeriod": value}, "onset"),
]


@given(JSON, st.sampled_from(READERS))
def test_nothing_in_a_resource_makes_reading_fail(value: Any, reader: Callable[[Any], Any]) -> None:
    reader(value)
