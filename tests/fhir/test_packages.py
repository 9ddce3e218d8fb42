"""Packages that an organization brings are compiled, kept, and used."""

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sojourn.fhir import definitions
from sojourn.fhir.codes import in_value_set
from sojourn.fhir.definitions import DEFINITIONS
from sojourn.fhir.expansion import Expander
from sojourn.fhir.installed import install, register_installed
from sojourn.fhir.outcome import is_error
from sojourn.fhir.packages import BadPackage, read_package
from sojourn.fhir.validate import validate

PROFILE = "https://clinic.example/StructureDefinition/short-patient"


def package(*resources: dict[str, Any], about: dict[str, Any] | None = None) -> bytes:
    """A package in bytes."""
    files = {"package.json": about or {"name": "clinic.example", "version": "1.0.0", "license": "CC0-1.0", "fhirVersions": ["4.0.1"]}}
    files |= {f"{r['resourceType']}-{n}.json": r for n, r in enumerate(resources)}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, value in files.items():
            text = json.dumps(value).encode()
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    return out.getvalue()


def short_patient() -> dict[str, Any]:
    """A profile with a differential only, as many guides ship them."""
    return {
        "resourceType": "StructureDefinition",
        "url": PROFILE,
        "kind": "resource",
        "type": "Patient",
        "derivation": "constraint",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",
        "differential": {
            "element": [
                {"id": "Patient", "path": "Patient"},
                {
                    "id": "Patient.name",
                    "path": "Patient.name",
                    "min": 1,
                    "max": "1",
                    "constraint": [{"key": "cl-1", "severity": "error", "expression": "family.length() < 5"}],
                },
                {
                    "id": "Patient.maritalStatus",
                    "path": "Patient.maritalStatus",
                    "binding": {"strength": "required", "valueSet": "https://clinic.example/ValueSet/marital"},
                },
            ]
        },
    }


def marital() -> dict[str, Any]:
    """A value set of some codes of a system of its own and all of one of R4."""
    return {
        "resourceType": "ValueSet",
        "url": "https://clinic.example/ValueSet/marital",
        "compose": {
            "include": [
                {"system": "https://clinic.example/cs", "concept": [{"code": "here"}]},
                {"system": "http://hl7.org/fhir/administrative-gender"},
            ]
        },
    }


@pytest.fixture
def restored() -> Iterator[None]:
    """Registering changes the process; put it back."""
    kept = (dict(DEFINITIONS.profiles), dict(DEFINITIONS.value_sets), list(DEFINITIONS.sources))
    yield
    DEFINITIONS.profiles, DEFINITIONS.value_sets, DEFINITIONS.sources = kept
    for forget in definitions._listeners:
        forget()


@pytest.mark.usefixtures("restored")
def test_a_package_is_compiled_kept_and_enforced(tmp_path: Path) -> None:
    patient = {"resourceType": "Patient", "meta": {"profile": [PROFILE]}, "name": [{"family": "Toolong"}, {"family": "x"}]}
    assert [i.severity for i in validate(patient)] == ["information"]

    install(tmp_path / "packages", package(short_patient(), marital()))
    assert register_installed(tmp_path / "packages") == 1

    told = [(i.expression, i.code) for i in validate(patient) if is_error(i)]
    assert told == [("Patient.name", "structure"), ("Patient.name[0]", "invariant")]
    wed = {**patient, "name": [{"family": "x"}], "maritalStatus": {"coding": [{"system": "https://clinic.example/cs", "code": "gone"}]}}
    assert [(i.expression, i.code) for i in validate(wed)] == [("Patient.maritalStatus", "code-invalid")]
    assert in_value_set("https://clinic.example/ValueSet/marital", "http://hl7.org/fhir/administrative-gender", "male") is True


def test_no_folder_of_packages_is_no_fault(tmp_path: Path) -> None:
    assert register_installed(tmp_path / "none") == 0


@pytest.mark.parametrize("data", [b"", b"x", b"\x1f\x8b\x08\x00", package(about={})[:50]], ids=["nothing", "a letter", "a beginning", "a part"])
def test_what_is_no_package_is_refused(data: bytes) -> None:
    with pytest.raises(BadPackage):
        read_package(data)


def test_a_package_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    install(tmp_path / "in", package(about={"name": "../../evil", "version": "/1"}))
    assert [path.parent for path in tmp_path.rglob("*.gz")] == [tmp_path / "in"]


def _colours() -> dict[str, Any]:
    red = {"code": "red", "concept": [{"code": "crimson", "property": [{"code": "shade", "valueString": "dark"}]}, {"code": "pink"}]}
    return {"url": "urn:c", "content": "complete", "concept": [red, {"code": "blue", "property": [{"code": "parent", "valueCode": "cold"}]}, {"code": "cold"}]}


@pytest.mark.parametrize(
    ("compose", "codes"),
    [
        ({"include": [{"system": "urn:c"}]}, {"red", "crimson", "pink", "blue", "cold"}),
        ({"include": [{"system": "urn:c", "filter": [{"property": "concept", "op": "is-a", "value": "red"}]}]}, {"red", "crimson", "pink"}),
        ({"include": [{"system": "urn:c", "filter": [{"property": "concept", "op": "descendent-of", "value": "cold"}]}]}, {"blue"}),
        ({"include": [{"system": "urn:c", "filter": [{"property": "concept", "op": "is-not-a", "value": "red"}]}]}, {"blue", "cold"}),
        ({"include": [{"system": "urn:c", "filter": [{"property": "shade", "op": "=", "value": "dark"}]}]}, {"crimson"}),
        ({"include": [{"system": "urn:c", "filter": [{"property": "code", "op": "regex", "value": "c.*"}]}]}, {"crimson", "cold"}),
        ({"include": [{"system": "urn:c"}], "exclude": [{"system": "urn:c", "concept": [{"code": "red"}]}]}, {"crimson", "pink", "blue", "cold"}),
        ({"include": [{"system": "urn:c", "filter": [{"property": "x", "op": "odd", "value": ""}]}]}, None),
        ({"include": [{"system": "urn:unknown"}]}, "other"),
    ],
)
def test_value_sets_are_expanded_as_far_as_can_be_told(compose: dict[str, Any], codes: Any) -> None:
    expansion = Expander({"urn:v": {"compose": compose}}, {"urn:c": _colours()}, {}).expand("urn:v")
    assert expansion == ({"urn:unknown": None} if codes == "other" else {"urn:c": codes})


def test_a_value_set_of_an_unknown_one_cannot_be_told() -> None:
    sets = {"urn:v": {"compose": {"include": [{"valueSet": ["urn:w"]}]}}, "urn:self": {"compose": {"include": [{"valueSet": ["urn:self"]}]}}}
    expander = Expander(sets, {}, {})
    assert expander.expand("urn:v") is None
    assert expander.expand("urn:self") is None
