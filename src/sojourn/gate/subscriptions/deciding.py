"""Decide what of the changes that wait may be told: what the receiver sees at this moment.

An event is what is new in the receiver's own view. What they may not see, what changed only for others, and a deletion of what they were never told
of make none: neither a number nor a count nor a pause shows that it was there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl

from sojourn.base import errors
from sojourn.gate.found import Stored
from sojourn.gate.subscriptions.model import Facts, topics

if TYPE_CHECKING:
    from sojourn.gate.access import Access

Ref = tuple[str, str]
DELETED = "deleted"
"""In place of a version."""


class Told(NamedTuple):
    """What may be told. stored: the resource as the receiver sees it; None for a deletion."""

    kind: str
    type: str
    id: str
    version: str
    stored: Stored | None


async def visible(access: Access, facts: Facts, wanted: Iterable[Ref]) -> Mapping[Ref, Stored]:
    """Those of the resources that the receiver may see and that fit topic and filters; one search for each type and filter."""
    topic = topics()[facts.topic]
    by_type: dict[str, list[str]] = {}
    for type_, id_ in wanted:
        if id_ not in by_type.setdefault(type_, []):
            by_type[type_].append(id_)
    found: dict[Ref, Stored] = {}
    for type_, some in by_type.items():
        if type_ not in facts.types or not access.may(type_, "search"):
            continue
        for query in [q for t, q in facts.filters if t == type_] or [""]:
            params = [("_id", ",".join(some)), *parse_qsl(topic.query), *parse_qsl(query, keep_blank_values=True)]
            for stored in (await access.search(type_, params, count=len(some))).matches:
                found[type_, stored.id] = stored
    return found


async def told(access: Access, facts: Facts, changes: Sequence[tuple[str, str, str]], before: set[tuple[str, str, str]], begun: datetime) -> list[Told]:
    """What of the changes (kind, type, id) is told, in their order, each resource once. before: versions that were told."""
    seen = await visible(access, facts, [(t, i) for kind, t, i in changes if kind != "delete"])
    out: dict[Ref, Told] = {}
    known = {(t, i) for t, i, _ in before}
    gone = {(t, i) for t, i, v in before if v == DELETED}
    for kind, type_, id_ in changes:
        ref = (type_, id_)
        if kind == "delete":
            out.pop(ref, None)
            if ref in known and ref not in gone and await _gone(access, type_, id_):
                out[ref] = Told("delete", type_, id_, DELETED, None)
            continue
        stored = seen.get(ref)
        if stored is not None and stored.updated >= begun and (type_, id_, stored.version) not in before:
            out.pop(ref, None)
            out[ref] = Told("create" if ref not in known else "update", type_, id_, stored.version, stored)
    return list(out.values())


async def _gone(access: Access, type_: str, id_: str) -> bool:
    """Whether the receiver may know that it was deleted."""
    if not access.may(type_, "read"):
        return False
    try:
        await access.read(type_, id_)
    except errors.Gone:
        return True
    except errors.NotFound:
        return False
    return False
