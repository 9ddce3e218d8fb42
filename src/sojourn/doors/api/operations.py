"""Operations: Patient/$everything and $validate."""

from __future__ import annotations

from collections.abc import Sequence
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
    if ask.method == "POST" and await ask.body():
        ask.read_also(_given(await ask.json()))
    ask.check_format()
    allowed = {"_count", "_type", "_since", "page"}
    for name, _ in ask.search_params():
        if name not in allowed:
            raise errors.NotSupported("$everything takes _type, _since and _count.")
    found = await whole.everything(ask.access, id_, ask.search_params(), cursor=ask.param("page") or None)
    return forms.searchset(ask, f"Patient/{id_}/$everything", found)


def _given(body: Any) -> list[tuple[str, str]]:
    """The simple parameters of an operation's Parameters."""
    if not isinstance(body, dict) or body.get("resourceType") != "Parameters":
        raise errors.Malformed("Send a Parameters resource.", expression="resourceType")
    parts = [p for p in body.get("parameter", ()) if isinstance(p, dict) and isinstance(p.get("name"), str)]
    return [(p["name"], str(v)) for p in parts for k, v in p.items() if k.startswith("value") and isinstance(v, str | int)]


async def validate_stored(ask: Ask, type_: str, id_: str) -> Answer:
    """What is wrong with what is stored."""
    ask.check_format()
    stored = await ask.access.read(type_, id_)
    profiles = [v for k, v in ask.params if k == "profile"]
    answer = _judged(validation.validate(stored.resource, profiles), profiles)
    answer.receipt = stored.receipt
    return answer


def _judged(issues: list[Issue], asked: Sequence[str] = ()) -> Answer:
    """The outcome. That a profile which was asked for is not known is no mere remark."""
    if asked:
        issues = [i._replace(severity="warning") if i.code == "not-found" and i.expression.endswith("meta.profile") else i for i in issues]
    return of_json(outcome(issues or [Issue("information", "informational", "", "No problem was found.")]))


async def validate(ask: Ask, type_: str | None = None, id_: str | None = None) -> Answer:
    """What is wrong with a resource, without saving it (https://hl7.org/fhir/R4/resource-operation-validate.html)."""
    ask.check_format()
    body = await ask.json()
    resource, profile = _validated(body)
    if type_:
        resource = resource_of(resource, type_)
    profiles = [p for p in (profile, ask.param("profile")) if p]
    return _judged(validation.validate(resource, profiles), profiles)


def _validated(body: Any) -> tuple[Any, str | None]:
    """The resource to check and the profile named beside it: the body itself, or a Parameters of the operation."""
    if isinstance(body, dict) and body.get("resourceType") == "Parameters" and isinstance(body.get("parameter"), list):
        parts = {p.get("name"): p for p in body["parameter"] if isinstance(p, dict)}
        if "resource" in parts:
            return parts["resource"].get("resource"), parts.get("profile", {}).get("valueUri") or parts.get("profile", {}).get("valueCanonical")
    return body, None
