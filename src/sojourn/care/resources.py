"""Small pieces of FHIR resources, as every room writes them."""

from __future__ import annotations

from typing import Any

from sojourn.gate.access import Access
from sojourn.gate.preparing import instant

CARE = "https://sojourn.example/fhir/CodeSystem/care"
"""Our own codes for what FHIR and its code systems have no word for."""


def concept(code: str, text: str, system: str = CARE) -> dict[str, Any]:
    """A CodeableConcept of one coding and the words for it."""
    return {"coding": [{"system": system, "code": code}], "text": text}


def ref(type_: str, id_: str) -> dict[str, str]:
    """A literal reference."""
    return {"reference": f"{type_}/{id_}"}


def moment(access: Access) -> str:
    """The time of the request as a FHIR instant."""
    return instant(access.now)


def author(access: Access) -> dict[str, str] | None:
    """A reference to the person who acts; None for an account that stands for nobody."""
    agent = access.caller.agent
    return {"reference": agent} if agent else None


def code_of(resource_part: Any, system: str = CARE) -> str:
    """The code of a CodeableConcept in one system, or ''."""
    codings = resource_part.get("coding", ()) if isinstance(resource_part, dict) else ()
    return next((str(c.get("code", "")) for c in codings if c.get("system") == system), "")


def id_of(reference: Any, type_: str = "") -> str:
    """The logical id in a reference, of a type if one is named; or ''."""
    text = str(reference.get("reference", "")) if isinstance(reference, dict) else ""
    kind, _, id_ = text.partition("/")
    return id_ if not type_ or kind == type_ else ""


def laboratory(resource: Any) -> bool:
    """Whether a DiagnosticReport or an Observation comes from a laboratory, by its category."""
    codes = {str(c.get("code", "")) for category in resource.get("category") or () for c in category.get("coding") or ()}
    return bool(codes & {"laboratory", "LAB"})
