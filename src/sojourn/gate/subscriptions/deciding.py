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
from sojourn.gate import searching
from sojourn.gate.found import Stored
from sojourn.gate.subscriptions.model import Facts, topics

if TYPE_CHECKING:
    from sojourn.gate.access import Access

Ref = tuple[str, str]
Event = tuple[str, str, str]
"""Kind, type, id."""
_AT_ONCE = 500
"""Resources of one search: fewer than a page holds, so that none is passed over."""
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
    """Those of the resources that the receiver may see and that fit topic and filters; one search for each type and filter.

    The trail names those that were seen, and none of the others that changed.
    """
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
            for few in (some[n : n + _AT_ONCE] for n in range(0, len(some), _AT_ONCE)):
                params = [("_id", ",".join(few)), *parse_qsl(topic.query), *parse_qsl(query, keep_blank_values=True)]
                said = "&".join(filter(None, ("subscription", topic.query, query)))
                for stored in (await searching.search(access, type_, params, count=len(few), said=said)).matches:
                    found[type_, stored.id] = stored
    return found


async def known(access: Access, facts: Facts, events: Sequence[Event]) -> Mapping[Event, Stored | None]:
    """Those of the events that the receiver may know of at this moment, each with the resource as they see it: None where it is gone and they may know that."""
    seen = await visible(access, facts, [(t, i) for kind, t, i in events if kind != "delete"])
    found: dict[Event, Stored | None] = {e: seen[e[1:]] for e in events if e[0] != "delete" and e[1:] in seen}
    return found | {e: None for e in dict.fromkeys(events) if e[0] == "delete" and await _gone(access, *e[1:])}


async def told(access: Access, facts: Facts, changes: Sequence[tuple[str, str, str]], before: set[tuple[str, str, str]], begun: datetime) -> list[Told]:
    """What of the changes (kind, type, id) is told: each resource once, in the order in which the receiver's own view of it changed; then deletions.

    The order of the changes themselves would tell of those that only others see. before: versions that were told.
    """
    last = {(t, i): kind for kind, t, i in changes}
    seen = await visible(access, facts, [ref for ref, kind in last.items() if kind != "delete"])
    already = {(t, i) for t, i, _ in before}
    gone = {(t, i) for t, i, v in before if v == DELETED}
    new = [
        Told("create" if ref not in already else "update", *ref, stored.version, stored)
        for ref, stored in sorted(seen.items(), key=lambda found: (found[1].updated, found[0]))
        if stored.updated >= begun and (*ref, stored.version) not in before
    ]
    ended = [ref for ref, kind in last.items() if kind == "delete" and ref in already and ref not in gone]
    return [*new, *[Told("delete", *ref, DELETED, None) for ref in ended if await _gone(access, *ref)]]


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
