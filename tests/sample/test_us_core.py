"""The sample is valid FHIR R4 and US Core, and shows the data that US Core 6.1.0 and 7.0.0 and USCDI want supported."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from sojourn.fhir.validate import validate
from sojourn.sample import Item, organization
from tests.conformance import derived
from tests.conformance.left_out import NOT_SHOWN, why_not

Json = dict[str, Any]
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"

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
    assert without <= {"Endpoint", "Group", "HealthcareService", "EpisodeOfCare", "Consent", "Appointment", "Flag", "Questionnaire", "Media"}


@pytest.mark.parametrize("version", derived.VERSIONS)
def test_what_must_be_supported_is_shown_by_some_resource(items: list[Item], version: str) -> None:
    by_profile: dict[str, list[Json]] = defaultdict(list)
    for item in items:
        for profile in item.resource.get("meta", {}).get("profile", []):
            by_profile[profile.partition("|")[0]].append(item.resource)
    missing, excused = [], set()
    for name, facts in derived.groups(version).items():
        url = facts["profile_url"].partition("|")[0]
        for path in derived.supported(version, url):
            if not any(derived.shows(version, url, resource, path) for resource in by_profile[url]):
                if why_not(name, path):
                    excused.add((name, path))
                else:
                    missing.append(f"{name} {path}")
    assert not missing
    used = {key for key in NOT_SHOWN if any(key in (name, f"{name} {path}", f"* {path}") for name, path in excused)}
    assert used == NOT_SHOWN.keys() - ({"* meta.lastUpdated"} if version == "6.1.0" else set())
