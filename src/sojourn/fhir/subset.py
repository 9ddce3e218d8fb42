"""Part of a resource, as _summary and _elements ask for it.

http://hl7.org/fhir/R4/search.html#summary
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sojourn.fhir.shapes import Member, shape

SUBSETTED: Final = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
_ALWAYS: Final = frozenset({"resourceType", "id", "meta", "implicitRules", "modifierExtension"})


def summary(resource: dict[str, Any], mode: str) -> dict[str, Any]:
    """The resource as `_summary` = true, text or data asks; unchanged for false. `count` concerns a search as a whole.

    Required and modifier elements are always kept, so that what is sent can be understood. A Bundle is not reduced.
    """
    if mode == "false" or resource.get("resourceType") == "Bundle":
        return resource
    if mode == "data":
        return _marked({key: value for key, value in resource.items() if key != "text"})
    if mode == "text":
        return elements(resource, ("text",))
    return _marked(_summarized(resource, str(resource.get("resourceType", ""))))


def elements(resource: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The resource with the elements named, those required, and those that change the meaning of others."""
    wanted = {name.removesuffix("[x]") for name in names}
    members = shape(str(resource.get("resourceType", ""))).members
    kept = {}
    for key, value in resource.items():
        name = key.removeprefix("_")
        member = members.get(name)
        if name in wanted or (member and (member.element in wanted or member.required or member.modifier)) or name in _ALWAYS:
            kept[key] = value
    return _marked(kept)


def _summarized(value: dict[str, Any], kind: str) -> dict[str, Any]:
    """The summary's elements of a resource or backbone element; data types stay whole."""
    members = shape(kind).members
    kept = {}
    for key, child in value.items():
        member = members.get(key.removeprefix("_"))
        if key in _ALWAYS or (member and (member.summary or member.required or member.modifier)):
            kept[key] = _below(child, member)
    return kept


def _below(child: Any, member: Member | None) -> Any:
    if member is None or "." not in member.type:
        return child
    if isinstance(child, list):
        return [_summarized(item, member.type) if isinstance(item, dict) else item for item in child]
    return _summarized(child, member.type) if isinstance(child, dict) else child


def _marked(resource: dict[str, Any]) -> dict[str, Any]:
    """With the tag that says it is not the whole, so that nobody writes it back."""
    meta = resource.get("meta", {})
    tags = [tag for tag in meta.get("tag", ()) if tag != SUBSETTED]
    marked = {**resource, "meta": {**meta, "tag": [*tags, SUBSETTED]}}
    order = ("resourceType", "id", "meta")
    return {key: marked[key] for key in (*(k for k in order if k in marked), *(k for k in marked if k not in order))}
