"""Operations: Patient/$everything and $validate."""

from __future__ import annotations

from typing import Any

from sojourn.base import errors
from sojourn.doors.api import forms
from sojourn.doors.api.answer import Answer, of_json
from sojourn.doors.api.ask import Ask
from sojourn.doors.api.write import resource_of
from sojourn.fhir import validate as validation
from sojourn.fhir.outcome import Issue, outcome
from sojourn.gate import everything as whole


async def everything(ask: Ask, type_: str, id_: str) -> Answer:
    """The patient and all in their compartment that may be seen, a page at a time (https://hl7.org/fhir/R4/operation-patient-everything.html)."""
    if type_ != "Patient":
        raise errors.NotSupported("$everything is offered for Patient.")
    ask.check_format()
    allowed = {"_count", "_type", "_since", "page"}
    for name, _ in ask.search_params():
        if name not in allowed:
            raise errors.NotSupported("$everything takes _type, _since and _count.")
    found = await whole.everything(ask.access, id_, ask.search_params(), cursor=ask.param("page") or None)
    return forms.searchset(ask, f"Patient/{id_}/$everything", found)


async def validate(ask: Ask, type_: str | None = None, id_: str | None = None) -> Answer:
    """What is wrong with a resource, without saving it (https://hl7.org/fhir/R4/resource-operation-validate.html)."""
    body = await ask.json()
    resource, profile = _validated(body)
    if type_:
        resource = resource_of(resource, type_)
    profiles = [p for p in (profile, ask.param("profile")) if p]
    issues = validation.validate(resource, profiles)
    return of_json(outcome(issues or [Issue("information", "informational", "", "No problem was found.")]))


def _validated(body: Any) -> tuple[Any, str | None]:
    """The resource to check and the profile named beside it: the body itself, or a Parameters of the operation."""
    if isinstance(body, dict) and body.get("resourceType") == "Parameters" and isinstance(body.get("parameter"), list):
        parts = {p.get("name"): p for p in body["parameter"] if isinstance(p, dict)}
        if "resource" in parts:
            return parts["resource"].get("resource"), parts.get("profile", {}).get("valueUri") or parts.get("profile", {}).get("valueCanonical")
    return body, None
