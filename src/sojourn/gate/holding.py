"""What a document holds beyond what search parameters say: nested sections, attachments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sojourn.gate.visible import target_of

CONTENT: Final = "@"
"""The name of an edge to what a document holds where no search parameter covers it; no search parameter is called so."""
HOLDERS: Final = frozenset({"Composition", "DocumentReference", "Binary"})
"""Types that `contents` knows."""


def contents(resource: Mapping[str, Any]) -> list[str]:
    """`Type/id` of what a document holds beyond its search parameters: nested sections, attachments; and a Binary's context."""
    type_ = resource["resourceType"]
    found: list[str] = []
    if type_ == "Composition":
        found = [_local(entry.get("reference")) for entry in _entries(resource.get("section"), deep=False)]
    elif type_ == "DocumentReference":
        found = [_local(_dict(_dict(content).get("attachment")).get("url")) for content in resource.get("content", ())]
    elif type_ == "Binary":
        found = [_local(_dict(resource.get("securityContext")).get("reference"))]
    return list(dict.fromkeys(target for target in found if target))


def _entries(sections: Any, *, deep: bool) -> Iterator[dict[str, Any]]:
    for section in sections if isinstance(sections, list) else ():
        if isinstance(section, dict):
            if deep:
                yield from (entry for entry in section.get("entry", ()) if isinstance(entry, dict))
            yield from _entries(section.get("section"), deep=True)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _local(link: Any) -> str:
    return target_of(link) if isinstance(link, str) else ""
