"""The sample is valid FHIR R4 and US Core 6.1.0, and shows the data that US Core wants supported."""

from __future__ import annotations

import json
import tarfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from sojourn.fhir.validate import validate
from sojourn.sample import Item, organization
from tests.shared import SHARED

Json = dict[str, Any]
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"

# What the sample leaves out of US Core 6.1.0, and why.
NOT_SHOWN = {
    "us-core-head-circumference": "measured in infants; the youngest client is thirteen",
    "head-occipital-frontal-circumference-percentile": "measured in infants",
    "pediatric-weight-for-height": "measured in infants",
    "us-core-diagnosticreport-note DiagnosticReport.media": "no images in the sample",
    "us-core-diagnosticreport-note DiagnosticReport.media.link": "no images in the sample",
    "us-core-blood-pressure Observation.value[x]": "a blood pressure has its values in components",
    "us-core-documentreference DocumentReference.content.attachment.url": "notes carry their text; data or url satisfies",
}
# The vital signs profiles repeat a component that only blood pressure and pulse oximetry have.
WITH_COMPONENTS = {"us-core-blood-pressure", "us-core-pulse-oximetry", "us-core-observation-occupation"}


@pytest.fixture(scope="module")
def items() -> list[Item]:
    return list(organization(1, date(2026, 11, 22)))


def kind_of(resource: Json) -> tuple[str, str, str]:
    profile = resource.get("meta", {}).get("profile", [""])[0]
    code = resource.get("code")
    return resource["resourceType"], profile, code["text"] if isinstance(code, dict) and "text" in code else ""


def faults(resources: Iterator[Json]) -> Counter[tuple[str, str, str]]:
    return Counter((r["resourceType"], issue.expression, issue.diagnostics) for r in resources for issue in validate(r))


def test_some_of_every_kind_are_valid(items: list[Item]) -> None:
    some: dict[tuple[str, str, str], list[Json]] = defaultdict(list)
    for item in items:
        if len(some[kind_of(item.resource)]) < 5:
            some[kind_of(item.resource)].append(item.resource)
    assert not faults(resource for group in some.values() for resource in group)


@pytest.mark.parametrize(("seed", "today"), [(1, date(2026, 11, 22)), pytest.param(7, date(2027, 3, 15), marks=pytest.mark.slow)])
def test_every_resource_is_valid(seed: int, today: date) -> None:
    assert not faults(item.resource for item in organization(seed, today))


def test_a_profile_is_named_wherever_us_core_has_one(items: list[Item]) -> None:
    without = {item.resource["resourceType"] for item in items if "meta" not in item.resource}
    assert without <= {"Endpoint", "Group", "HealthcareService", "EpisodeOfCare", "Consent", "Appointment", "Flag", "Questionnaire"}


def us_core() -> dict[str, Json]:
    assert SHARED is not None
    archive = SHARED / "samples" / "fhir" / "packages" / "hl7.fhir.us.core-6.1.0.tgz"
    found = {}
    with tarfile.open(archive) as package:
        for member in package:
            if member.name.startswith("package/StructureDefinition-"):
                body = package.extractfile(member)
                assert body is not None
                definition = json.loads(body.read())
                if definition["type"] != "Extension":
                    found[definition["id"]] = definition
    return found


def values(node: Any, path: list[str]) -> bool:
    """Whether anything stands at a path, for choice elements under any of their names."""
    if not path:
        return True
    if isinstance(node, list):
        return any(values(inner, path) for inner in node)
    if not isinstance(node, dict):
        return False
    head, rest = path[0], path[1:]
    if head.endswith("[x]"):
        return any(values(inner, rest) for name, inner in node.items() if name.startswith(head[:-3]))
    return head in node and values(node[head], rest)


def unused(profile: str, path: str) -> bool:
    """Whether the element stands in the profile for others: absent values, components of plain vital signs."""
    return path.endswith("dataAbsentReason") or (".component" in path and profile not in WITH_COMPONENTS)


@pytest.mark.skipif(SHARED is None, reason="the shared material is not here")
def test_every_must_support_element_is_shown_by_some_resource(items: list[Item]) -> None:
    by_profile: dict[str, list[Json]] = defaultdict(list)
    for item in items:
        for profile in item.resource.get("meta", {}).get("profile", []):
            by_profile[profile.removeprefix(US_CORE)].append(item.resource)
    missing = []
    for name, definition in us_core().items():
        if name in NOT_SHOWN or name == "us-core-vital-signs":
            continue
        for element in definition["snapshot"]["element"]:
            path = element["id"]
            if not element.get("mustSupport") or ":" in path or f"{name} {path}" in NOT_SHOWN or unused(name, path):
                continue
            if not any(values(resource, path.split(".")[1:]) for resource in by_profile[name]):
                missing.append(f"{name} {path}")
    assert not missing
