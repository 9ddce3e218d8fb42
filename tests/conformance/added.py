"""Resources that the sample organization does not have and US Core's searches need: an infant's measures, and a problem named at a visit."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

Resource = dict[str, Any]
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"
_CHILDREN = {
    "pediatric-bmi-for-age": ("59576-9", "Body mass index (BMI) [Percentile] Per age and sex", "%"),
    "pediatric-weight-for-height": ("77606-2", "Weight-for-length Per age and sex", "%"),
    "head-occipital-frontal-circumference-percentile": ("8289-1", "Head Occipital-frontal circumference Percentile", "%"),
    "us-core-head-circumference": ("9843-4", "Head Occipital-frontal circumference", "cm"),
}


def resources(record: list[tuple[list[int], Resource]]) -> Iterator[tuple[int | None, Resource]]:
    """The resources with the number of their program. `record`: everything there is, with its programs."""
    first: dict[str, tuple[int, Resource]] = {}
    one: dict[str, Resource] = {}
    for origin, resource in record:
        one.setdefault(resource["resourceType"], resource)
        for profile in resource["meta"].get("profile", ()):
            if origin and resource["resourceType"] != "Provenance":
                first.setdefault(profile, (origin[0], resource))
    for name, change in _CHANGES.items():
        origin, resource = first[US_CORE + name]
        made = {**copy.deepcopy(resource), "id": f"more-{resource['id']}"[:64]}
        change(made, one)
        yield origin, made
    origin, weight = first[US_CORE + "us-core-body-weight"]
    for name, (code, display, unit) in _CHILDREN.items():
        value = {"value": 60, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}
        coded = {"coding": [{"system": "http://loinc.org", "code": code, "display": display}]}
        child = {**copy.deepcopy(weight), "id": f"{name}-1", "code": coded, "valueQuantity": value}
        child["meta"] = {"profile": [US_CORE + name]}
        yield origin, child
        yield origin, _provenance(child, one["Practitioner"])


def _provenance(of: Resource, by: Resource) -> Resource:
    """Somebody signs it."""
    target = [{"reference": f"{of['resourceType']}/{of['id']}"}]
    agent = [{"who": {"reference": f"Practitioner/{by['id']}"}}]
    return {"resourceType": "Provenance", "id": f"signed-{of['id']}"[:64], "target": target, "recorded": "2026-01-01T00:00:00Z", "agent": agent}


def _at_a_visit(made: Resource, one: dict[str, Resource]) -> None:
    made["encounter"] = {"reference": f"Encounter/{one['Encounter']['id']}"}


_CHANGES = {"us-core-condition-problems-health-concerns": _at_a_visit}
