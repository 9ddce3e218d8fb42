"""Validation against published and our own corpora: every fault found, no false alarm.

Names in the lists below are those of the files; the reason says why we differ from what the file is
meant to show.
"""

import gzip
import json
import tarfile
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from sojourn.fhir.codec import BadJson, loads
from sojourn.fhir.outcome import Issue, is_error
from sojourn.fhir.validate import validate
from tests.shared import SHARED, needs_shared

pytestmark = needs_shared

DEFECTIVE_EXAMPLES = {
    "ActivityDefinition/blood-tubes-supply": "its narrative is empty (txt-2)",
    "ActivityDefinition/heart-valve-replacement": "its narrative is empty (txt-2)",
    "EventDefinition/example": "its narrative is empty (txt-2)",
    "Questionnaire/zika-virus-exposure-assessment": "its narrative is empty (txt-2)",
    "Questionnaire/qs1": "its items have no linkId, which is required",
    "Bundle/hla-1": "an extension has a part 'uri' where its definition has 'url'",
    "Bundle/types": "puts structuredefinition-standards-status on elements, its context is StructureDefinition",
    "DeviceMetric/example": "parent refers to a DeviceDefinition, only Device is allowed",
    "DeviceUseStatement/example": "reasonReference refers to a Procedure, which is not allowed",
    "Library/zika-virus-intervention-logic": "urn:oid:X.Y.Z is no OID",
    "MedicationRequest/medrx0301": "dispenseRequest.performer refers to a Practitioner, only Organization is allowed",
    "Observation/clinical-gender": "performer refers to an Encounter, which is not allowed",
    "Observation/example-genetics-brcapat": "us-core-ethnicity with a value instead of its parts, and on an Observation",
}

_TERMINOLOGY = "needs SNOMED CT, LOINC or CVX content: codes or display names"
_OPTION = "run with an option of the reference validator that makes more, or less, an error"
_UNKNOWN_EXTENSION = "an extension whose definition is unknown; we accept these, as a server must"
_DEFINITIONS = "about the inner logic of a definition, not the instance's rules"
_SIGNATURE = "needs the verification of a digital signature"
_VITALS = "the reference validator applies vital signs profiles by code though they are not claimed"

DIFFERENT_CASES = {
    "allergy": "a required code that is absent with a data-absent-reason; R4 allows that",
    "encounter-period": "per-1 on dates of different precision yields nothing; we take that as met",
    "bundle-with-contained": "hyperlinks within narrative, and display names",
    "contained-resource-bad-id-ignore": _OPTION,
    "json-comments-1-yes": "comments in JSON, allowed by an option",
    "json-comments-2-yes": "comments in JSON, allowed by an option",
    "dr-example-org": _OPTION,
    "pat-security-bad-string": _OPTION,
    "parameters-reference-bad": _OPTION,
    "bad-markdown-no-html": _OPTION,
    "cs-narrative-status-pub": _OPTION,
    "vs-bad-code": _TERMINOLOGY,
    "sdoh-type-slice": _TERMINOLOGY,
    "cvx": _TERMINOLOGY,
    "shc-cvx": _TERMINOLOGY,
    "bundle-id-5": _TERMINOLOGY,
    "uk-msg": _TERMINOLOGY,
    "PulseOxBundle_25Oct2022": _TERMINOLOGY,
    "ips-nz-pj": _TERMINOLOGY,
    "obs-temp-code2": _TERMINOLOGY,
    "vs-bad-ecl": _TERMINOLOGY,
    "vs-bad-ecl-us": _TERMINOLOGY,
    "vs-bad-props": _TERMINOLOGY,
    "obs-temp-bad": _VITALS,
    "obs-vs-1": _VITALS,
    "pat-dob-ext": _UNKNOWN_EXTENSION,
    "pat-example-extensions": _UNKNOWN_EXTENSION,
    "nested-questionnaire-nested-valueset": _UNKNOWN_EXTENSION,
    "patient-with-turvakielto": _UNKNOWN_EXTENSION,
    "capstmt": _DEFINITIONS,
    "sp-diff-type": _DEFINITIONS,
    "sp-diff-base": _DEFINITIONS,
    "obs-mz": _DEFINITIONS,
    "cs-bad-props": _DEFINITIONS,
    "vs-params-2": _DEFINITIONS,
    "vs-params-3": _DEFINITIONS,
    "vs-params-4": _DEFINITIONS,
    "signatures-example-2": _SIGNATURE,
}

_NEEDS_MORE = frozenset({"packages", "profiles", "supporting", "supporting5", "package-map", "fetcher", "matchetype", "logical"})


def _errors(resource: Any, profiles: tuple[str, ...] = ()) -> list[Issue]:
    return [issue for issue in validate(resource, profiles) if is_error(issue)]


def _errors_in(text: str | bytes, profiles: tuple[str, ...] = ()) -> list[Issue]:
    try:
        return _errors(loads(text), profiles)
    except BadJson as error:
        return [Issue("fatal", "structure", "", str(error))]


@cache
def _own(name: str) -> dict[str, Any]:
    assert SHARED
    raw = (SHARED / "samples/fhir/single-error-corpus" / name).read_bytes()
    found: dict[str, Any] = json.loads(gzip.decompress(raw) if name.endswith(".gz") else raw)
    return found


def _lines(name: str) -> Iterator[dict[str, Any]]:
    assert SHARED
    with gzip.open(SHARED / "samples/fhir" / name) as lines:
        for line in lines:
            yield loads(line)


def test_no_valid_resource_of_our_corpus_has_an_error() -> None:
    told = {name: _errors_in(item) for name, item in _own("r4.json")["valid"].items()}
    assert {name: issues for name, issues in told.items() if issues} == {}


def test_every_fault_of_our_corpus_is_found() -> None:
    missed = [name for name, (_, text) in _own("r4.json")["invalid"].items() if not _errors_in(text)]
    assert missed == []


def test_no_valid_us_core_resource_of_our_corpus_has_an_error() -> None:
    valid = _own("us-core-6.1.0.json.gz")["valid"]
    told = {name: _errors_in(_text(item), (profile,)) for name, (profile, item) in valid.items()}
    assert {name: issues for name, issues in told.items() if issues} == {}


def test_every_us_core_fault_of_our_corpus_is_found() -> None:
    invalid = _own("us-core-6.1.0.json.gz")["invalid"]
    assert [name for name, (profile, item) in invalid.items() if not _errors_in(_text(item), (profile,))] == []


def _text(item: Any) -> str:
    return item if isinstance(item, str) else json.dumps(item)


@pytest.mark.parametrize("name", ["r4-examples/r4-examples-4.0.1.ndjson.gz", "us-core-examples/us-core-6.1.0-examples.ndjson.gz"])
def test_only_defective_official_examples_have_errors(name: str) -> None:
    told = {f"{r['resourceType']}/{r.get('id')}" for r in _lines(name) if _errors(r)}
    assert told == (set(DEFECTIVE_EXAMPLES) if name.startswith("r4") else set())


@pytest.mark.parametrize("version", ["6.1.0", "7.0.0"])
def test_the_examples_of_a_guide_meet_its_profiles_of_that_version(version: str) -> None:
    assert SHARED
    count, told = 0, {}
    with tarfile.open(SHARED / f"samples/fhir/packages/hl7.fhir.us.core-{version}.tgz") as archive:
        for member in archive:
            resource = loads(archive.extractfile(member).read()) if "/example/" in member.name else None  # type: ignore[union-attr]
            claimed = resource.get("meta", {}).get("profile") if isinstance(resource, dict) else None
            if claimed:
                count += 1
                resource["meta"]["profile"] = [f"{url.partition('|')[0]}|{version}" for url in claimed]
                if issues := _errors(resource):
                    told[member.name] = issues
    assert count > 170
    assert told == {}


def test_synthea_has_no_errors() -> None:
    assert SHARED
    files = sorted((SHARED / "samples/fhir/synthea/transaction-bundles").glob("*.json.gz"))
    assert files
    assert {file.name: issues for file in files if (issues := _errors(loads(gzip.decompress(file.read_bytes()))))} == {}


@cache
def _cases() -> dict[str, bytes]:
    assert SHARED
    with tarfile.open(SHARED / "samples/fhir/validator-cases/hl7-fhir-test-cases-r4-json.tar.gz") as archive:
        return {m.name.removeprefix("validator/"): archive.extractfile(m).read() for m in archive if m.isfile()}  # type: ignore[union-attr]


def _applicable() -> Iterator[tuple[str, str, bool]]:
    """Name, file and whether the reference validator finds an error, of cases that need nothing further."""
    files = _cases()
    for case in json.loads(files["manifest-r4-json.json"])["test-cases"]:
        outcome = files.get(f"outcomes/{case.get('java')}")
        plain = case["file"].endswith(".json") and case["version"] in ("4.0", "4.0.1") and not _NEEDS_MORE & case.keys()
        if plain and outcome and case.get("use-test") is not False:
            issues = json.loads(outcome).get("issue", [])
            yield case["name"], case["file"], any(issue["severity"] in ("error", "fatal") for issue in issues)


def test_we_agree_with_the_reference_validator() -> None:
    differ, count = [], 0
    for name, file, is_wrong in _applicable():
        count += 1
        if bool(_errors_in(_cases()[file])) != is_wrong:
            differ.append(name)
    assert count > 170
    assert sorted(differ) == sorted(DIFFERENT_CASES)
