"""The lists of codes: each dated, with its source, and without a mistyped number."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from sojourn.gate import bases, labelrules
from sojourn.gate.labelrules import OwnCode, ValueSet, made_of, shipped, value_sets
from sojourn.gate.labels import label

ICD, RXNORM, LOINC, SNOMED = (
    "http://hl7.org/fhir/sid/icd-10-cm",
    "http://www.nlm.nih.gov/research/umls/rxnorm",
    "http://loinc.org",
    "http://snomed.info/sct",
)
CPT, HCPCS = "http://www.ama-assn.org/go/cpt", "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
SETS = [pytest.param(s, id=f"{s.file} {s.title}") for s in value_sets()]


class Clinic:
    part2 = False


@pytest.mark.parametrize("listed", SETS)
def test_every_list_says_where_it_is_from_since_when_and_whether_it_was_checked(listed: ValueSet) -> None:
    assert listed.source
    assert date(2026, 1, 1) <= listed.since <= date(2026, 11, 30)
    assert isinstance(listed.sure, bool)
    assert listed.codes or listed.prefixes
    assert len(set(listed.codes)) == len(listed.codes)


@cache
def titles() -> dict[str, str]:
    """Every category and subcategory of ICD-10-CM with its title, from the tabular list of CMS that the package carries; its own code is not run."""
    found = find_spec("simple_icd_10_cm")
    assert found is not None
    assert found.submodule_search_locations
    (listed,) = Path(found.submodule_search_locations[0]).glob("data/icd10c-tabular-April-1-2026.xml")
    return {str(d.findtext("name")): str(d.findtext("desc")) for d in ET.parse(listed).iter("diag")}  # noqa: S314 - a file of a pinned package


@pytest.mark.parametrize("listed", [pytest.param(s, id=f"{s.file} {s.title}") for s in value_sets() if ICD in s.systems])
def test_every_code_of_a_diagnosis_is_one(listed: ValueSet) -> None:
    """Held against the tabular list of ICD-10-CM as a package brings it (decision 68); no other code system is at hand."""
    assert listed.checked
    assert [c for c in listed.codes if c not in titles()] == []
    assert [p for p in listed.prefixes if not any(c.startswith(p) for c in titles())] == []


def test_only_what_is_held_against_something_says_so() -> None:
    assert {s.title for s in value_sets() if s.checked} == {s.title for s in value_sets() if ICD in s.systems}


ABOUT_OTHERS = {"Z81.1", "Z81.3", "Z63.72", "Z83.0"}
"""Of somebody in the family."""
NOT_IT = {
    "F55", "Z79.891", "Z88.5",  # what docs/labels.md leaves out on purpose, and an allergy
    "T39", "T50.7", "T51", "K75.81",  # not opioids, their antagonists, alcohols (T51.0 is in), no alcohol at all
    "Z71.4", "Z71.5",  # the headings of a code that is in and of one about somebody else
    "Z29.81",  # who takes something against HIV does not have it
    "A65", "A70", "A74", "J16.0", "P23.1",  # what has the name of one, and is none
}  # fmt: skip


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("SUD", r"alcohol|opioid|opiate|heroin|cocaine|cannabis|amphetamine|hallucinogen|drug (abuse|dependence|use|addict)|psychoactive|narcotic|ecstasy|drugs of addiction"),
        ("HIV", r"human immunodeficiency virus|\bHIV\b"), ("STD", r"syphil|gonoc|chlamyd|sexually transmitted|sexual mode|trichomon"),
    ],
)  # fmt: skip
def test_no_diagnosis_whose_title_says_it_is_left_out(tag: str, words: str) -> None:
    says, codes = re.compile(words, re.IGNORECASE).search, labelrules.shipped().systems[ICD]
    left = [f"{code} {title}" for code, title in titles().items() if says(title) and tag not in codes.tags(code)]
    assert [c for c in left if not any(c.startswith(known) for known in ABOUT_OTHERS | NOT_IT)] == []


def loinc_digit(body: str) -> int:
    """https://loinc.org/kb/users-guide/: Luhn's algorithm."""
    total = 0
    for place, digit in enumerate(int(x) for x in reversed(body)):
        doubled = digit * 2 if place % 2 == 0 else digit
        total += doubled // 10 + doubled % 10
    return -total % 10


_TIMES = (
    "0123456789",
    "1234067895",
    "2340178956",
    "3401289567",
    "4012395678",
    "5987604321",
    "6598710432",
    "7659821043",
    "8765932104",
    "9876543210",
)
_TURNS = ("0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258")


def snomed_holds(number: str) -> bool:
    """https://docs.snomed.org: the check digit is Verhoeff's."""
    check = 0
    for place, digit in enumerate(reversed(number)):
        check = int(_TIMES[check][int(_TURNS[place % 8][int(digit)])])
    return check == 0


@pytest.mark.parametrize("listed", SETS)
def test_check_digits_hold(listed: ValueSet) -> None:
    for code in listed.codes:
        if LOINC in listed.systems:
            body, digit = code.split("-")
            assert loinc_digit(body) == int(digit), code
        if SNOMED in listed.systems:
            assert snomed_holds(code), code


@pytest.mark.parametrize(
    ("system", "code", "tags"),
    [
        (ICD, "O80", {"SEX"}), (ICD, "Z33.2", {"SEX"}), (ICD, "O98.71", {"HIV", "SEX"}), (ICD, "O99.320", {"SEX", "SUD"}), (ICD, "A54.9", {"STD"}),
        (ICD, "F64.0", {"MH", "SEX"}), (ICD, "D57.1", {"GDIS", "SCA"}), (ICD, "E88.14", {"HIV"}), (ICD, "T43.651A", {"SUD"}), (ICD, "X80.XXXA", {"MH"}), (ICD, "Z15.01", {"GDIS"}), (ICD, "T76.21XA", {"SDV"}), (ICD, "Z31.43", {"GDIS", "SEX"}),
        (CPT, "59841", {"SEX"}), (CPT, "81162", {"GDIS"}), (CPT, "81002", set()), (CPT, "99408", {"SUD"}), (CPT, "99213", set()), (HCPCS, "H0020", {"SUD"}), (HCPCS, "S0190", {"SEX"}),
        (RXNORM, "1999667", {"HIV"}), (RXNORM, "276237", set()), (RXNORM, "6813", set()), (LOINC, "95614-4", {"SDV"}), (SNOMED, "75544000", {"SUD"}),
    ],
)  # fmt: skip
def test_what_a_code_is_about(system: str, code: str, tags: set[str]) -> None:
    made = label({"resourceType": "Condition", "code": {"coding": [{"system": system, "code": code}]}}, [Clinic()])
    assert set(made.tags) == tags
    assert made.own == 0


def test_what_may_mean_either_is_only_asked() -> None:
    tags, question = shipped().questions[RXNORM, "6813"]
    assert tags == ("SUD", "OPIOIDUD")
    assert "pain" in question


def test_an_organization_adds_codes_of_its_own_and_puts_subjects_under_the_law_of_its_state() -> None:
    rules = made_of([OwnCode("http://example.org/local", "HARM-", True, ("SUD",))], [("HIV", "hiv"), ("SUD", "no-such-law")])
    own = {"resourceType": "Condition", "code": {"coding": [{"system": "http://example.org/local", "code": "HARM-7"}]}}
    assert label(own, [Clinic()]).tags == ()
    assert label(own, [Clinic()], rules).tags == ("SUD",)
    assert label(own, [Clinic()], rules).own == bases.UNLABELLED  # a law that we do not know withholds
    hiv = {"resourceType": "Condition", "code": {"coding": [{"system": ICD, "code": "B20"}]}}
    assert label(hiv, [Clinic()], rules).own == bases.bit_of("HIV")
    assert label(hiv, [Clinic()], rules).security[0]["code"] == "R"


def test_the_digest_changes_with_the_rules_and_only_with_them() -> None:
    one = OwnCode("http://example.org/local", "A", False, ("MH",))
    two = OwnCode("http://example.org/local", "B", False, ("MH",))
    assert made_of([one, two]).digest == made_of([two, one]).digest
    assert len({made_of().digest, made_of([one]).digest, made_of([], [("MH", "mental_health")]).digest}) == 3
    assert made_of().digest == labelrules.shipped().digest
