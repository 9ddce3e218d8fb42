"""Labels, as truth tables a compliance officer can read."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.gate import bases
from sojourn.gate.bases import ACT_CODE, CONFIDENTIALITY, INLINE, LOCAL, PART2, US_PRIVACY_LAW
from sojourn.gate.labels import Facts, decided, inherited, label, labelled_elements
from tests.effort import trying
from tests.gate.test_redact import RANDOMS
from tests.gate.worlds import Worlds

BIT = {basis.name: basis.bit for basis in bases.BASES}


class Program(NamedTuple):
    id: str
    part2: bool


DETOX, CLINIC = Program("detox", True), Program("clinic", False)


def test_the_bits_are_as_stored_rows_have_them() -> None:
    assert BIT == {
        "unlabelled": 1, "part2": 2, "sud_counseling": 4, "psychotherapy": 8, "mental_health": 16, "hiv": 32,
        "reproductive": 64, "violence": 128, "genetic": 256, "minor": 512, "patient_requested": 1024,
    }  # fmt: skip
    assert (bases.UNLABELLED, bases.PART2, bases.SUD_COUNSELING, bases.PSYCHOTHERAPY) == (1, 2, 4, 8)


@pytest.mark.parametrize(
    ("type_", "programs", "own"),
    [
        ("Observation", [DETOX], PART2),
        ("Observation", [CLINIC], 0),
        ("Observation", [DETOX, CLINIC], PART2),  # has one origin by rule; were there two, the stricter holds
        ("Encounter", [DETOX], PART2),
        ("Patient", [DETOX], PART2),
        ("Patient", [DETOX, DETOX], PART2),
        ("Patient", [DETOX, CLINIC], 0),
        ("Patient", [CLINIC], 0),
        ("Patient", [], 0),
        ("AllergyIntolerance", [DETOX, CLINIC], 0),
        ("Coverage", [DETOX], PART2),
        ("Organization", [], 0),
    ],
)
def test_part_2_follows_the_origin(type_: str, programs: list[Program], own: int) -> None:
    made = label({"resourceType": type_}, programs)
    assert made.own == own
    assert ({"system": ACT_CODE, "code": "42CFRPart2"} in made.security) is bool(own)
    assert made.security[0] == {"system": CONFIDENTIALITY, "code": "R" if own else "N"}


ICD, RXNORM, LOINC = "http://hl7.org/fhir/sid/icd-10-cm", "http://www.nlm.nih.gov/research/umls/rxnorm", "http://loinc.org"


@pytest.mark.parametrize(
    ("system", "code", "tags"),
    [
        (ICD, "F11.20", ("OPIOIDUD", "SUD")),
        (ICD, "F11.21", ("OPIOIDUD", "SUD")),  # in remission still tells
        (ICD, "F10.11", ("ETHUD", "SUD")),
        (ICD, "F13.20", ("SUD",)),
        (ICD, "F19.10", ("SUD",)),
        (ICD, "F17.210", ()),  # tobacco
        (ICD, "F55.0", ("MH",)),
        (ICD, "F32.A", ("MH",)),
        (ICD, "F43.10", ("MH",)),
        (ICD, "B20", ("HIV",)),
        (ICD, "Z21", ("HIV",)),
        (ICD, "T74.11XA", ("SDV",)),
        (ICD, "E11.9", ()),
        (ICD, "Z79.899", ()),
        (RXNORM, "1010600", ("OPIOIDUD", "SUD")),  # buprenorphine and naloxone film
        (RXNORM, "904870", ()),  # buprenorphine patch, for pain
        (RXNORM, "1819", ()),  # buprenorphine as such: the dose form decides
        (RXNORM, "7243", ("SUD",)),
        (LOINC, "44249-1", ("MH",)),
        (LOINC, "75622-1", ("HIV",)),
        (LOINC, "19295-5", ()),  # a drug screen: by origin, not by code
        ("http://example.org", "F11.20", ()),
        ("urn:oid:2.16.840.1.113883.6.90", "F11.20", ("OPIOIDUD", "SUD")),
    ],
)
def test_a_code_gives_a_tag_and_no_basis(system: str, code: str, tags: tuple[str, ...]) -> None:
    made = label({"resourceType": "Condition", "code": {"coding": [{"system": system, "code": code}]}}, [CLINIC])
    assert (made.tags, made.own, made.parts) == (tags, 0, 0)
    assert [c["code"] for c in made.security] == ["N", *tags]


def security(*codings: tuple[str, str]) -> dict[str, Any]:
    return {"security": [{"system": system, "code": code} for system, code in codings]}


@pytest.mark.parametrize(
    ("system", "code", "basis"),
    [
        (ACT_CODE, "42CFRPart2", "part2"),
        (US_PRIVACY_LAW, "42CFRPart2", "part2"),
        (ACT_CODE, "PSYTHPN", "psychotherapy"),
        (ACT_CODE, "HIPAAPsyNotes", "psychotherapy"),
        (LOCAL, "SUDCN", "sud_counseling"),
        (ACT_CODE, "HIV", "hiv"),
        (ACT_CODE, "SDV", "violence"),
        (ACT_CODE, "SEX", "reproductive"),
        (ACT_CODE, "GDIS", "genetic"),
        (ACT_CODE, "MH", "mental_health"),
        (ACT_CODE, "PRS", "patient_requested"),
        (CONFIDENTIALITY, "R", "patient_requested"),  # restricted, and nobody says why
        (CONFIDENTIALITY, "V", "patient_requested"),
        (CONFIDENTIALITY, "N", None),
        (ACT_CODE, "SUD", None),
        (ACT_CODE, "NORDSCLCD", None),
        ("http://example.org", "HIV", None),
    ],
)
def test_a_label_sent_by_the_writer_raises(system: str, code: str, basis: str | None) -> None:
    made = label({"resourceType": "Observation", "meta": security((system, code))}, [CLINIC])
    assert made.own == (BIT[basis] if basis else 0)
    assert made.security[0]["code"] == ("V" if code == "V" else "R" if basis else "N")
    if system != CONFIDENTIALITY:
        assert (system, code) in [(c["system"], c["code"]) for c in made.security]
    laws = [c for c in made.security if "extension" in c]
    assert [c["extension"][0]["valueCoding"]["code"] for c in laws] == ([basis] if code in ("HIV", "SDV", "SEX", "GDIS", "MH") and basis else [])


def test_a_writer_cannot_lower_what_we_find() -> None:
    resource = {"resourceType": "Observation", "meta": security((CONFIDENTIALITY, "N"), (ACT_CODE, "SUD"))}
    made = label(resource, [DETOX])
    assert made.own == PART2
    assert made.security[0]["code"] == "R"


def inline(code: str, system: str = ACT_CODE) -> dict[str, Any]:
    return {"url": INLINE, "valueCoding": {"system": system, "code": code}}


@pytest.mark.parametrize(
    ("coding", "parts"),
    [
        ((ACT_CODE, "HIV"), BIT["hiv"]),
        ((ACT_CODE, "SUD"), PART2),  # on one element a subject is a wish to keep it apart
        ((ACT_CODE, "OPIOIDUD"), PART2),
        ((CONFIDENTIALITY, "V"), BIT["patient_requested"]),
        ((CONFIDENTIALITY, "N"), 0),
        ((ACT_CODE, "SOMETHINGNEW"), bases.UNLABELLED),
        (("http://example.org", "HIV"), bases.UNLABELLED),
    ],
)
def test_a_label_on_an_element_counts_for_that_part(coding: tuple[str, str], parts: int) -> None:
    extension = {"url": INLINE, "valueCoding": {"system": coding[0], "code": coding[1]}}
    made = label({"resourceType": "Patient", "address": [{"city": "x", "extension": [extension]}]}, [CLINIC])
    assert (made.own, made.parts) == (0, parts)
    assert made.security[-1] == {"system": ACT_CODE, "code": "PROCESSINLINELABEL"}
    assert made.security[0]["code"] == ("R" if parts else "N")


def test_a_label_on_the_whole_that_repeats_an_element_is_about_the_element() -> None:
    address = [{"city": "x", "extension": [inline("SDV")]}]
    both = security((CONFIDENTIALITY, "V"), (ACT_CODE, "SDV"), (ACT_CODE, "PROCESSINLINELABEL"))
    assert label({"resourceType": "Patient", "meta": both, "address": address}, [CLINIC])[:2] == (0, BIT["violence"])
    whole = security((CONFIDENTIALITY, "V"), (ACT_CODE, "SDV"))
    assert label({"resourceType": "Patient", "meta": whole, "address": address}, [CLINIC])[:2] == (BIT["violence"], BIT["violence"])


def test_labelled_elements_are_named_by_their_place_in_the_json() -> None:
    resource = {
        "resourceType": "Patient",
        "birthDate": "1990",
        "_birthDate": {"extension": [inline("HIV")]},
        "name": [{"given": ["A", "B"], "_given": [None, {"extension": [inline("GDIS")]}]}],
        "contact": [{"address": {"extension": [inline("SDV"), inline("HIV")]}}],
        "extension": [{"url": "x", "extension": [inline("MH")]}],
    }
    assert dict(labelled_elements(resource)) == {
        ("birthDate",): BIT["hiv"],
        ("name", 0, "given", 1): BIT["genetic"],
        ("contact", 0, "address"): BIT["violence"] | BIT["hiv"],
        ("extension", 0): BIT["mental_health"],
    }


@trying(100)
@given(RANDOMS, st.sampled_from([[CLINIC], [DETOX]]), st.booleans())
def test_sending_back_the_labels_that_were_served_changes_none(random: Any, programs: list[Program], coded: bool) -> None:
    resource = Worlds(random).resource()[0]
    if coded:
        resource["extension"] = [{"url": "x", "valueCoding": {"system": LOINC, "code": "44249-1"}}]
    first = label(resource, programs)
    assert label({**resource, "meta": {"security": first.security}}, programs) == first


PLAIN = {"resourceType": "Observation"}


def test_what_people_decided_and_what_a_thing_hangs_on_count_beside_its_own_labels() -> None:
    by_staff = label(PLAIN, [CLINIC], facts=Facts(raised=frozenset({"HIV", "SUD"})))
    assert (by_staff.own, "SUD" in by_staff.tags, decided("SUD") in by_staff.security) == (BIT["hiv"], True, True)
    taken = label(PLAIN, [CLINIC], facts=Facts(inherited=BIT["hiv"], inherited_tags=frozenset({"SUD"})))
    assert (taken.own, taken.tags, inherited("SUD") in taken.security) == (BIT["hiv"], ("SUD",), True)


def test_the_officer_takes_off_a_label_and_never_that_of_a_program() -> None:
    sent = {**PLAIN, "meta": security((ACT_CODE, "HIV"))}
    assert label(sent, [CLINIC]).own == BIT["hiv"]
    off = label(sent, [CLINIC], facts=Facts(lowered=frozenset({"HIV"})))
    assert (off.own, off.security[0]["code"], "HIV" in [c["code"] for c in off.security]) == (0, "N", False)
    assert label(PLAIN, [DETOX], facts=Facts(lowered=frozenset({"42CFRPart2"}))).own == PART2


def test_what_is_held_and_labelled_inside_labels_the_whole() -> None:
    inside = {**PLAIN, "id": "o", "meta": security((ACT_CODE, "HIV"))}
    assert label({"resourceType": "Bundle", "entry": [{"resource": inside}]}, [CLINIC]).own == BIT["hiv"]


def test_a_consent_that_a_minor_signed_alone_is_kept_from_parents() -> None:
    signed = {"resourceType": "Consent", "extension": [{"url": "https://sojourn.example/fhir/StructureDefinition/consent-signer-authority", "valueCode": "minor"}]}
    assert label(signed, [CLINIC]).own == bases.MINOR
    other = {"resourceType": "Consent", "extension": [{"url": "https://sojourn.example/fhir/StructureDefinition/something-else", "valueCode": "minor"}]}
    assert label(other, [CLINIC]).own == 0
