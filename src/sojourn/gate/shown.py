"""Rows of the record become what this caller is shown: bytes as they are, or redacted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.fhir import codec
from sojourn.gate import redact
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

    A caller that is subject to redaction gets everything redacted, one more statement for the references of the whole page;
    what is done depends on the caller, never on whether something was hidden.
    """
    if access.decision.redacted or not all(row.clean for row in rows):
        bodies = await _redacted(access, rows)
    else:
        bodies = [row.body for row in rows]
    return [
        None
        if row.body is not None and body is None
        else Stored(row.type, row.id, row.version, row.updated, row.kind, access.house.blobs.whole(access.tenant.number, body, row.blobs) if row.blobs and body else body, receipt, row.mode)
        for row, body in zip(rows, bodies, strict=True)
    ]


async def sight(access: Access, keys: Sequence[tuple[str, str]], resources: Iterable[dict[str, Any]]) -> tuple[set[str], dict[tuple[str, str], int]]:
    """Which targets of the resources may not be known, and for each (type, id) the bases whose labelled elements may be seen.

    That is a question of its own: whether the row is clean depends on what else is hidden in it.
    """
    targets = sorted({target for resource in resources for target in redact.targets(resource)})
    rows = sorted({f"{type_}/{id_}" for type_, id_ in keys})
    hidden, found = await store.sight(access.house.db, access.head, access.decided, targets, rows)
    mask = access.decision.mask
    return hidden, {(type_, id_): mask | found.get(f"{type_}/{id_}", 0) for type_, id_ in keys}


async def _redacted(access: Access, rows: list[Row]) -> list[bytes | None]:
    """Every row decoded, stripped, and encoded again."""
    decoded = [codec.loads(row.body) if row.body is not None else None for row in rows]
    hidden, permitted = await sight(access, [(row.type, row.id) for row in rows], [r for r in decoded if r])
    out: list[bytes | None] = []
    for row, resource in zip(rows, decoded, strict=True):
        if resource is None or (row.clean and not access.decision.redacted):
            out.append(row.body)
            continue
        view = redact.redact(resource, permitted=permitted[row.type, row.id], hidden=hidden, strip=True)
        out.append(None if view is None else codec.dumps(view))
    return out
