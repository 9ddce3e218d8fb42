"""Rows of the record become what this caller is shown: bytes as they are, or redacted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.fhir import codec
from sojourn.gate import labels, quick, redact, together
from sojourn.gate.bases import APART
from sojourn.gate.found import Stored
from sojourn.record import store

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.record.trail import Receipt


class Row(NamedTuple):
    """What showing needs of a row. clean: nothing in or behind it needs redaction for this caller."""

    type: str
    id: str
    version: str
    updated: datetime
    kind: str
    clean: bool
    blobs: list[str] | None
    body: bytes | None
    mode: str = "match"

    @classmethod
    def of(cls, row: Any, type_: str, id_: str, mode: str = "match") -> Row:
        """From a record of the gate's functions."""
        return cls(type_, id_, row["version"], row["updated"], row["kind"] if "kind" in row else "current", row["clean"], row["blobs"], row["body"], mode)  # noqa: SIM401


async def show(access: Access, rows: list[Row], receipt: Receipt) -> list[Stored | None]:
    """One Stored a row, in order; None where redaction leaves nothing that is still a resource.

    A caller that is subject to redaction gets everything redacted, one more statement for the references of the whole page; any other
    gets rows that are not clean without what is hidden in them, and nothing else is taken out: what is stripped depends on the caller,
    never on whether something was hidden.
    """
    rows = [_opened(access, row) if row.blobs and row.body else row for row in rows]
    views: list[dict[str, Any] | None] = [None] * len(rows)
    if access.decision.redacted or not all(row.clean for row in rows):
        bodies = await _redacted(access, rows, views)
    else:
        bodies = [row.body for row in rows]
    return [
        None if row.body is not None and body is None else Stored(row.type, row.id, row.version, row.updated, row.kind, *_whole(access, row, body, view, receipt))
        for row, body, view in zip(rows, bodies, views, strict=True)
    ]


def _opened(access: Access, row: Row) -> Row:
    """The row with its body opened, if it is that of a note kept apart, in which what is to be hidden has to be found."""
    return row._replace(body=access.house.blobs.opened(access.tenant.number, row.body or b""))


def _whole(access: Access, row: Row, body: bytes | None, view: dict[str, Any] | None, receipt: Receipt) -> tuple[bytes | None, Receipt, str, dict[str, Any] | None]:
    """The rest of a Stored; large attachments back in their places."""
    if row.blobs and body:
        return access.house.blobs.whole(access.tenant.number, body, row.blobs), receipt, row.mode, None
    return body, receipt, row.mode, view


async def sight(access: Access, resources: Iterable[tuple[str, dict[str, Any]]]) -> tuple[set[str], dict[str, int]]:
    """Which targets of the resources may not be known, and for each (given with its `Type/id`) the bases whose labelled elements may be
    seen in it. One statement, whatever there is."""
    targets: set[str] = set()
    parts: dict[str, int] = {}
    for name, resource in resources:
        targets |= redact.targets(resource)
        parts[name] = parts.get(name, 0) | labels.read(resource)[1]
    return await _sight(access, targets, parts)


async def _sight(access: Access, targets: set[str], parts: dict[str, int]) -> tuple[set[str], dict[str, int]]:
    mask = access.decision.mask
    hidden, found = await together.sight(access, targets, {name: bits for name, bits in parts.items() if bits})
    # Of labels in the resource the record says what passes, also of those that a role lets pass: the patient may have forbidden them.
    return hidden, {name: mask & ~bits | found[name] & bits if name in found else mask for name, bits in parts.items()}


async def more_than_notes(access: Access, hidden: set[str]) -> set[str]:
    """Of what is hidden from a caller not subject to redaction what is no note kept apart: none, where programs share no labels."""
    if access.decision.redacted or not hidden:
        return set()
    return hidden - await store.labelled(access.house.db, access.tenant.number, sorted(hidden), APART)


def strips_more(parts: int, permitted: int, targets: set[str], more: set[str]) -> bool:
    """Whether a resource hides more than notes from such a caller (an element under Part 2 of a program that is none): then its
    narrative may tell of it, and goes. That it goes tells that something is hidden; docs/decisions/0005-redaction.md, what is left."""
    return bool(parts & ~permitted & ~APART) or not more.isdisjoint(targets)


async def _redacted(access: Access, rows: list[Row], views: list[dict[str, Any] | None]) -> list[bytes | None]:
    """Every row decoded, redacted, and encoded again; what is encoded is left in `views`. What is clean stays as it is for a caller who is not
    subject to redaction, and is not looked at."""
    strip = access.decision.redacted
    looked = [quick.facts(row.body) if row.body is not None and (strip or not row.clean) else None for row in rows]
    parts: dict[str, int] = {}
    targets: set[str] = set()
    for row, look in zip(rows, looked, strict=True):
        if look is not None:
            name = f"{row.type}/{row.id}"
            parts[name] = parts.get(name, 0) | look[0].parts
            targets.update(look[0].targets)
    hidden, permitted = await _sight(access, targets, parts)
    more = await more_than_notes(access, hidden)
    out: list[bytes | None] = []
    for n, (row, look) in enumerate(zip(rows, looked, strict=True)):
        if look is None or row.body is None:
            out.append(row.body)
            continue
        facts, resource = look
        if (not strip and facts.is_untouched(hidden)) or facts.stands(hidden):
            views[n] = resource
            out.append(row.body)
            continue
        name = f"{row.type}/{row.id}"
        strips = strip or strips_more(parts[name], permitted[name], set(facts.targets), more)
        view = views[n] = redact.redact(resource or codec.again(row.body), permitted=permitted[name], hidden=hidden, strip=strips)
        out.append(None if view is None else codec.dumps(view))
    return out
