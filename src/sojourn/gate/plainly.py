"""Whether an edit changed what everybody may see; and where it did by references alone, by which.

Whoever is shown everything redacted finds a version by its time only where what needs no permission changed in it: what is left without labelled
elements, narrative, and references to what has a label. Whether what is referred to has one turns later, too. So of a version that differs by
references alone it is kept by which it does (record.telling), and the database asks again whenever a label comes or goes (gate.tells_again).
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from sojourn.gate import redact
from sojourn.record import store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sojourn.gate.access import Access

_ASIDE = frozenset({"text", "contained", "meta", "id", "resourceType"})
_MANY = 64  # references of one edit that are looked at one by one
_TRIES = 300

_ENCODER = msgspec.json.Encoder(order="sorted", decimal_format="number")

Groups = tuple[frozenset[str], ...]


class Told(NamedTuple):
    """Whether an edit changed what everybody may see. by: where it hangs on references alone, the groups of targets: it did where of one group none is labelled."""

    plain: bool
    by: Groups = ()


async def touched(access: Access, before: dict[str, Any], after: dict[str, Any]) -> Told:
    """The same of an edit that is about to be written, by the labels as they are. One statement where it hangs on references, else none."""
    told = differs(before, after)
    if not told.by:
        return told
    labelled = await store.labelled(access.house.db, access.tenant.number, sorted(frozenset().union(*told.by)))
    return told._replace(plain=any(group.isdisjoint(labelled) for group in told.by))


def differs(before: dict[str, Any], after: dict[str, Any]) -> Told:
    """Of two versions; `plain` as if nothing that they refer to were labelled."""
    keys = {k for k in before.keys() | after.keys() if before.get(k) != after.get(k)}
    if any(not _delicate(before.get(k)) and not _delicate(after.get(k)) for k in keys - _ASIDE):
        return Told(plain=True)

    def differ(hidden: AbstractSet[str]) -> bool:
        return _left(before, hidden) != _left(after, hidden)

    if not differ(frozenset()):
        return Told(plain=False)
    targets = frozenset().union(*(redact.targets({k: side}) for k in keys for side in _sides(before.get(k), after.get(k))))
    if differ(targets):
        return Told(plain=True)
    return Told(True, tuple(groups(differ, targets)))


def groups(differ: Callable[[AbstractSet[str]], bool], targets: frozenset[str]) -> Iterator[frozenset[str]]:
    """The least groups of these targets by which two versions differ when everything else is hidden: most often one reference each.

    Hiding more never makes a difference, so a search by what hits every group so far finds them all (Reiter 1987). With more than can be looked at each
    is taken for a group of its own.
    """
    if len(targets) > _MANY:
        yield from (frozenset({one}) for one in sorted(targets))
        return
    alone = [one for one in sorted(targets) if differ(targets - {one})]
    yield from (frozenset({one}) for one in alone)
    found: list[frozenset[str]] = []
    waiting, looked = [frozenset(alone)], 0
    while waiting and looked < _TRIES:
        hidden = waiting.pop()
        group = next((g for g in found if g.isdisjoint(hidden)), None)
        if group is None:
            looked += 1
            if not differ(hidden):
                continue
            group = _least(differ, targets, targets - hidden)
            looked += len(targets)
            found.append(group)
            yield group
        waiting.extend(h for one in sorted(group) if (h := hidden | {one}) not in waiting)


def _least(differ: Callable[[AbstractSet[str]], bool], targets: frozenset[str], group: frozenset[str]) -> frozenset[str]:
    for one in sorted(group):
        if differ(targets - (group - {one})):
            group -= {one}
    return group


def _sides(before: Any, after: Any) -> Iterable[Any]:
    """What differs of two values: of two lists not what begins or ends both."""
    if not isinstance(before, list) or not isinstance(after, list):
        return before, after
    first = 0
    while first < min(len(before), len(after)) and before[first] == after[first]:
        first += 1
    last = 0
    while last < min(len(before), len(after)) - first and before[-1 - last] == after[-1 - last]:
        last += 1
    return before[first : len(before) - last], after[first : len(after) - last]


def _left(resource: dict[str, Any], hidden: AbstractSet[str]) -> bytes | None:
    view = redact.redact(resource, permitted=0, hidden=hidden, strip=True)
    if view is None:
        return None
    meta = {k: v for k, v in view.get("meta", {}).items() if k not in ("versionId", "lastUpdated", "security")}
    return _ENCODER.encode({**view, "id": "", "meta": meta})


def _delicate(value: Any) -> bool:
    """Whether a value holds a reference or an extension, which redaction may take out."""
    return any(key in ("reference", "extension", "modifierExtension", "identifier", "display") or key.startswith("_") for key in _keys(value))


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from _keys(item)
