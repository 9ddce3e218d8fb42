"""Compile every Consent anew and make the rows what they say: rows are only ever a copy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.fhir import codec
from sojourn.gate.caller import Program, Tenant
from sojourn.gate.consenting import compiling
from sojourn.record import consents as statements
from sojourn.record.blobs import Blobs
from sojourn.record.index import Keys

if TYPE_CHECKING:
    import asyncpg


class Rebuilt(NamedTuple):
    """What came of it: Consents read, rows closed because no Consent says so, rows added because one does."""

    consents: int
    closed: int
    added: int


async def rebuild(
    owner: asyncpg.Connection[Any], tenant: Tenant, programs: Mapping[int, Program], blobs: Blobs, now: datetime, *, told: Callable[[int], None] = lambda n: None
) -> Rebuilt:
    """Rebuild one organization's rows, as the owner of the record. What is right already is left alone, so it can be run at any time."""
    keys = Keys(tenant.secret)
    counted = closed = added = 0
    listed = [row async for row in statements.sources(owner, tenant.number)]
    for row in listed:
        body = blobs.whole(tenant.number, row["body"], row["blobs"] or [])
        grants, relations = compiling.compiled(codec.loads(body), tenant, programs, keys, 1)
        was, became = await statements.replace(owner, tenant.number, row["id"], row["seq"], [g[1:] for g in grants], [r[1:] for r in relations], now)
        counted, closed, added = counted + 1, closed + was, added + became
        told(counted)
    return Rebuilt(counted, closed, added)
