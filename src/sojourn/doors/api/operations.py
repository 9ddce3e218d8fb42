"""Operations: Patient/$everything and $validate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sojourn.base import errors
from sojourn.doors.api import forms, summaries
from sojourn.doors.api.answer import Answer, of_json
from sojourn.doors.api.ask import Ask
from sojourn.doors.api.mhd import documents
from sojourn.doors.api.write import resource_of
from sojourn.fhir import codec
from sojourn.fhir import validate as validation
from sojourn.fhir.outcome import Issue, outcome
from sojourn.gate import everything as whole
from sojourn.gate import security
from sojourn.gate.found import Stored


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


async def docref(ask: Ask) -> Answer:
    """A patient's documents (https://hl7.org/fhir/us/core/STU6.1/OperationDefinition-docref.html).

    With a start or end the documents of that time, newest first; without either the newest of each type. on-demand: a CCD that is made when its content is asked for, first.
    """
    if ask.method == "POST" and await ask.body():
        ask.read_also(_given(await ask.json()))
    ask.check_format()
    given = dict(ask.search_params())
    unknown = given.keys() - {"patient", "start", "end", "type", "on-demand", "page", "_count"}
    if unknown or not given.get("patient"):
        raise errors.NotSupported("$docref takes patient (required), start, end, type, on-demand and _count.")
    times = [("date", prefix + given[name]) for name, prefix in (("start", "ge"), ("end", "le")) if given.get(name)]
    kinds = [("type", given["type"])] if given.get("type") else []
    counted = [("_count", given.get("_count", "100") if times else "1000")]
    params = [("patient", given["patient"]), *times, *kinds, ("_sort", "-date"), *counted]
    found = await ask.access.search("DocumentReference", params, cursor=ask.param("page") or None)
    if not times:
        found.matches, found.next = _newest(found.matches), None
    if given.get("on-demand") == "true" and not ask.param("page") and given.get("type", _CCD) in _CCDS and (person := await _seen(ask, given["patient"])):
        found.matches.insert(0, summaries.on_demand(ask, person))
        ask.spoken.append(person.resource)
    documents.listed(ask, found)
    return forms.searchset(ask, "DocumentReference/$docref", found)


_CCD = "34133-9"
_CCDS = (_CCD, f"http://loinc.org|{_CCD}")


async def _seen(ask: Ask, patient: str) -> Stored | None:
    """The patient, if the caller may see them."""
    try:
        return await ask.access.read("Patient", patient.removeprefix("Patient/"))
    except (errors.NotFound, errors.Gone, errors.Forbidden):
        return None


async def docref_of(ask: Ask, type_: str) -> Answer:
    """Only DocumentReference has it."""
    if type_ != "DocumentReference":
        raise errors.NotSupported("$docref is offered for DocumentReference.")
    return await docref(ask)


def _newest(documents: list[Stored]) -> list[Stored]:
    """The first of each type; they come newest first."""
    seen: dict[bytes, Stored] = {}
    for stored in documents:
        seen.setdefault(codec.dumps(stored.resource.get("type", {}).get("coding", [])), stored)
    return list(seen.values())


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
    ask.spoken.append(stored.resource)
    return answer


def _judged(issues: list[Issue], asked: Sequence[str] = ()) -> Answer:
    """The outcome. That a profile which was asked for is not known is no mere remark."""
    if asked:
        issues = [i._replace(severity="warning") if i.code == "not-found" and i.expression.endswith("meta.profile") else i for i in issues]
    return of_json(outcome(issues or [Issue("information", "informational", "", "No problem was found.")]))


async def validate(ask: Ask, type_: str | None = None, id_: str | None = None) -> Answer:
    """What is wrong with a resource, without saving it (https://hl7.org/fhir/R4/resource-operation-validate.html)."""
    ask.check_format()
    await security.alive(ask.access)  # nothing is asked of the record, which would look
    body = await ask.json()
    resource, profile = _validated(body)
    if type_:
        resource = resource_of(resource, type_)
    profiles = [p for p in (profile, ask.param("profile")) if p and isinstance(p, str)]
    return _judged(validation.validate(resource, profiles), profiles)


def _validated(body: Any) -> tuple[Any, str | None]:
    """The resource to check and the profile named beside it: the body itself, or a Parameters of the operation."""
    if isinstance(body, dict) and body.get("resourceType") == "Parameters" and isinstance(body.get("parameter"), list):
        parts = {p["name"]: p for p in body["parameter"] if isinstance(p, dict) and isinstance(p.get("name"), str)}
        if "resource" in parts:
            return parts["resource"].get("resource"), parts.get("profile", {}).get("valueUri") or parts.get("profile", {}).get("valueCanonical")
    return body, None
