"""Create, update, patch, delete, also conditionally (https://hl7.org/fhir/R4/http.html#create)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sojourn.base import errors
from sojourn.doors.api import binary, persons
from sojourn.doors.api.answer import Answer, of_stored, version_headers
from sojourn.doors.api.ask import Ask, decode_form
from sojourn.fhir.outcome import Issue, outcome
from sojourn.fhir.patch import json_patch
from sojourn.fhir.pathpatch import fhirpath_patch
from sojourn.fhir.subset import SUBSETTED
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, Written
from sojourn.gate.found import Stored


async def create(ask: Ask, type_: str) -> Answer:
    """A new resource with an id of our choosing; with If-None-Exist only if nothing visible matches."""
    if ask.query and ask.search_params():
        raise errors.NotSupported("A create takes no search parameters in its URL; a condition belongs into If-None-Exist.")
    resource = await _sent(ask, type_)
    condition = ask.header("if-none-exist")
    if condition:
        existing = await match(ask.access, type_, condition)
        if existing:
            return _answer(ask, 200, existing)
    (written,) = await ask.access.write([Change("create", type_, resource=resource)], action="create")
    return _written(ask, written)


async def update(ask: Ask, type_: str, id_: str) -> Answer:
    """The next version of a resource."""
    resource = await _sent(ask, type_, id_)
    if resource.get("id") != id_:
        raise errors.Malformed("The resource's id must be the id in the URL.", expression=f"{type_}.id")
    resource = await persons.untold(ask.access, resource)
    (written,) = await ask.access.write([Change("update", type_, id_, resource, if_match=ask.if_match())], action="update")
    return _written(ask, written)


async def _sent(ask: Ask, type_: str, id_: str = "") -> dict[str, Any]:
    """The resource in the body; a Binary may be sent as its bare content (https://hl7.org/fhir/R4/binary.html#rest)."""
    raw = await binary.sent(ask) if type_ == "Binary" else None
    if raw is not None:
        return {**raw, "id": id_} if id_ else raw
    ask.check_format()
    return resource_of(await ask.json(), type_)


async def update_if(ask: Ask, type_: str) -> Answer:
    """Update the one visible match of the query; create when there is none."""
    ask.check_format()
    resource = resource_of(await ask.json(), type_)
    (written,) = await ask.access.write([await conditional_update(ask.access, type_, ask.query, resource, ask.if_match())], action="update")
    return _written(ask, written)


async def conditional_update(access: Access, type_: str, query: str, resource: dict[str, Any], if_match: str | None) -> Change:
    """The change that a conditional update means now."""
    existing = await match(access, type_, query)
    if existing is None:
        if "id" in resource:
            raise errors.NotAllowed("Nothing matches, and this server chooses the ids: leave the id out to create one.")
        return Change("create", type_, resource=resource)
    if resource.get("id", existing.id) != existing.id:
        raise errors.Malformed("The resource's id is not that of the match.", expression=f"{type_}.id")
    return Change("update", type_, existing.id, await persons.untold(access, {**resource, "id": existing.id}), if_match=if_match)


async def patch(ask: Ask, type_: str, id_: str) -> Answer:
    """JSON Patch or FHIRPath Patch of what the caller sees."""
    ask.check_format()
    change = Change("patch", type_, id_, patch=patcher(ask.header("content-type"), await ask.json()), if_match=ask.if_match())
    (written,) = await ask.access.write([change], action="patch")
    return _written(ask, written)


async def patch_if(ask: Ask, type_: str) -> Answer:
    """Patch the one visible match of the query."""
    ask.check_format()
    change = await conditional_patch(ask.access, type_, ask.query, patcher(ask.header("content-type"), await ask.json()), ask.if_match())
    (written,) = await ask.access.write([change], action="patch")
    return _written(ask, written)


async def conditional_patch(access: Access, type_: str, query: str, how: Callable[[dict[str, Any]], dict[str, Any]], if_match: str | None) -> Change:
    """The change that a conditional patch means now. Raises NotFound when nothing matches."""
    existing = await match(access, type_, query)
    if existing is None:
        raise errors.NotFound("Nothing matches the condition.")
    return Change("patch", type_, existing.id, patch=how, if_match=if_match)


def patcher(content_type: str, document: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """How to apply a patch document: JSON Patch by media type or shape, else FHIRPath Patch."""
    if content_type.startswith("application/json-patch+json") or isinstance(document, list):
        return lambda view: json_patch(view, document)
    if isinstance(document, Mapping) and document.get("resourceType") == "Parameters":
        return lambda view: fhirpath_patch(view, document)
    raise errors.UnsupportedMedia("Send application/json-patch+json, or Parameters as application/fhir+json.")


async def delete(ask: Ask, type_: str, id_: str) -> Answer:
    """A deletion is a version too; deleting what is deleted already is no error, and neither tells whether it was there."""
    try:
        (written,) = await ask.access.write([Change("delete", type_, id_, if_match=ask.if_match())], action="delete")
    except (errors.Gone, errors.NotFound):
        return Answer(204)
    return Answer(204, b"", version_headers(written.version, written.updated))


async def delete_if(ask: Ask, type_: str) -> Answer:
    """Delete the one visible match of the query."""
    existing = await match(ask.access, type_, ask.query)
    if existing is not None:
        await ask.access.write([Change("delete", type_, existing.id, if_match=ask.if_match())], action="delete")
    return Answer(204)


async def match(access: Access, type_: str, query: str) -> Stored | None:
    """The one visible match of a condition, or None. Raises MultipleMatches, or Malformed for an empty condition."""
    params = [(k, v) for k, v in decode_form(query.lstrip("?")) if k not in ("_format", "_pretty")]
    if not params:
        raise errors.Malformed("A condition needs search parameters.")
    found = await access.search(type_, params, count=2)
    if len(found.matches) > 1:
        raise errors.MultipleMatches()
    return found.matches[0] if found.matches else None


def resource_of(value: Any, type_: str) -> dict[str, Any]:
    """The body as a resource of the type in the URL."""
    if not isinstance(value, dict):
        raise errors.Malformed("A resource is a JSON object.")
    if value.get("resourceType") != type_:
        raise errors.Malformed(f"The body must be a {type_}, as the URL says.", expression="resourceType")
    return whole(value)


def whole(resource: dict[str, Any]) -> dict[str, Any]:
    """The resource, unless it is a part of one, as _summary and _elements give: writing it back would lose the rest."""
    meta = resource.get("meta")
    tags = meta.get("tag") if isinstance(meta, dict) else None
    if isinstance(tags, list) and SUBSETTED in tags:
        raise errors.Invalid("This is only part of a resource (it is tagged SUBSETTED); read the whole, change that, and send it.", expression=f"{resource.get('resourceType')}.meta.tag")
    return resource


def _written(ask: Ask, written: Written) -> Answer:
    if written.stored is not None:
        return _answer(ask, 201 if written.created else 200, written.stored)
    # Its author may not see what they wrote (a note kept apart, which no API reads back): that it was written, and where.
    return Answer(201 if written.created else 200, b"", [*version_headers(written.version, written.updated), *_location(ask, written)])


def _location(ask: Ask, made: Written | Stored) -> list[tuple[bytes, bytes]]:
    return [(b"location", f"{ask.base}{made.type}/{made.id}/_history/{made.version}".encode())]


def _answer(ask: Ask, status: int, stored: Stored) -> Answer:
    answer = of_stored(stored, status)
    if status == 201:
        answer.headers += _location(ask, stored)
    wanted = ask.prefer("return")
    if wanted == "minimal":
        answer.body = b""
    elif wanted == "operationoutcome":
        from sojourn.fhir import codec

        answer.body = codec.dumps(outcome([Issue("information", "informational", "", "Saved.")]))
    return answer
