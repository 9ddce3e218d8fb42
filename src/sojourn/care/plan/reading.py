"""Find the plans of a client with all their parts: one search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sojourn.base.errors import NotFound
from sojourn.care.plan import fhir
from sojourn.care.plan.model import ENDED, Plan, Review
from sojourn.care.resources import id_of
from sojourn.gate.access import Access
from sojourn.gate.found import Found

PARTS = (
    ("_include", "CarePlan:condition"), ("_include", "CarePlan:goal"), ("_include", "CarePlan:activity-reference"), ("_revinclude", "ClinicalImpression:supporting-info"),
)  # fmt: skip
"""What is fetched along with a plan."""


async def of_patient(access: Access, patient: str) -> list[Plan]:
    """The plans of a client, those in use first, then the newest first; as far as the caller may see them, and each as far."""
    return plans(await access.search("CarePlan", [("patient", patient), ("category", "assess-plan"), ("_sort", "-date"), *PARTS], count=50))


async def one(access: Access, patient: str, plan: str) -> Plan:
    """One plan of a client. Raises NotFound, alike for one that is not there, one that may not be seen and one of somebody else."""
    found = plans(await access.search("CarePlan", [("patient", patient), ("_id", plan), *PARTS], count=1))
    if not found:
        raise NotFound
    return found[0]


async def of_patients(access: Access, patients: Sequence[str]) -> tuple[dict[str, dict[str, Any]], list[Plan]]:
    """Clients by id, with their open plans without parts. One search: by id it costs a tenth of what a search for several charts does."""
    ids = ",".join(dict.fromkeys(patients))
    if not ids:
        return {}, []
    found = await access.search("Patient", [("_id", ids), ("_revinclude", "CarePlan:patient")], count=len(patients))
    care = [s for s in found.included if s.type == "CarePlan" and any(coded(c, "assess-plan") for c in s.resource.get("category", ()))]
    made = [fhir.plan(s.resource, s.version, {}) for s in care if s.resource.get("status") in ("draft", "active")]
    return {s.id: s.resource for s in found.matches}, made


def coded(part: Any, code: str) -> bool:
    """Whether a CodeableConcept names a code, in whatever system."""
    return isinstance(part, dict) and any(c.get("code") == code for c in part.get("coding", ()))


def plans(found: Found) -> list[Plan]:
    """The plans of an answer, with what was found around them."""
    around: dict[str, tuple[dict[str, Any], str]] = {f"{s.type}/{s.id}": (s.resource, s.version) for s in found.included}
    reviews: dict[str, list[Review]] = {}
    for stored in found.included:
        if stored.type == "ClinicalImpression":
            for about in stored.resource.get("supportingInfo", ()):
                reviews.setdefault(id_of(about, "CarePlan"), []).append(fhir.review(stored.resource, stored.version))
    made = [fhir.plan(s.resource, s.version, around, reviews.get(s.id, ())) for s in found.matches if s.resource.get("status") != "entered-in-error"]
    return sorted(made, key=lambda p: p.stage == ENDED)
