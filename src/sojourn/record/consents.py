"""Statements about consents: what one would open, which rows one has, and all of them compiled anew."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import asyncpg

from sojourn.base.db import Database
from sojourn.record.sql import body
from sojourn.record.store import Decided, Head

GRANT = ("effect", "basis", "recipient", "purposes", "action", "programs", "types", "codes", "data_from", "data_to", "resources", "valid_from", "valid_to")
RELATION = ("actor", "kind", "valid_from", "valid_to")

_PREVIEW = f"SELECT * FROM gate.consent_preview({', '.join(f'${n}' for n in range(1, 20))})"
_ROWS = "SELECT * FROM gate.consent_rows($1, $2, $3, $4, $5)"


async def preview(
    db: Database, head: Head, decided: Decided, patient: str, *, counted: Sequence[str], shared: Sequence[str], keys: Sequence[str], purpose: str,
    without: str | None, mask: int, grants: Sequence[Mapping[str, Any]], relations: Sequence[Mapping[str, Any]],
) -> list[asyncpg.Record]:  # fmt: skip
    """By type: what the one who asks sees of a patient, and what a recipient (mask: what passes to them as such) would see of that before and after."""
    return await db.call(_PREVIEW, *head, *decided, patient, list(counted), list(shared), list(keys), purpose, mask, without, _json(grants), _json(relations))


async def rows(db: Database, head: Head, consent: str) -> list[asyncpg.Record]:
    """The grants and relations of a Consent that are in force. For one that the caller has read."""
    return await db.call(_ROWS, *head, consent)


async def known_by(db: Database, head: Head, patient: str, keys: Sequence[str]) -> list[asyncpg.Record]:
    """By what recipients may know something of a patient now: source (`Type/id`), relates; for a consent that permits and relates there are two rows."""
    return await db.call("SELECT * FROM gate.known_by($1, $2, $3, $4, $5, $6)", *head, patient, list(keys))


async def known_only(db: Database, head: Head, patient: str, keys: Sequence[str], names: Sequence[str]) -> None:
    """For a transaction that is taken back (Database.taken_back): let nothing but these sources relate or permit; what is forbidden stays."""
    await db.call("SELECT gate.known_only($1, $2, $3, $4, $5, $6, $7)", *head, patient, list(keys), list(names))


async def known_seen(db: Database, head: Head, patient: str, keys: Sequence[str], looking: tuple[Head, Decided], types: Sequence[str]) -> None:
    """The same with what `known_by` names, as far as somebody who looks and who reads these types may see it: all of it in one statement."""
    (mine, decided), names = looking, iter(range(1, 100))
    who, what, sees, how, may = (", ".join(f"${next(names)}" for _ in range(n)) for n in (4, 2, 4, len(decided), 1))
    sources = f"ARRAY(SELECT k.source FROM gate.known_by({who}, {what}) k WHERE split_part(k.source, '/', 1) = ANY ({may}::text[]))"
    await db.call(f"SELECT gate.known_only({who}, {what}, ARRAY(SELECT * FROM gate.known({sees}, {how}, {sources})))", *head, patient, list(keys), *mine, *decided, list(types))


def _json(rows: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps(rows, default=_plain)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return "infinity" if value.year >= 9999 else "-infinity" if value.year <= 1 else value.isoformat()
    raise TypeError(type(value).__name__)


# --- compiled anew by the server itself, by function --------------------------------------------------------------------------


async def job(db: Database, head: Head, edition: int, rules: str) -> asyncpg.Record | None:
    """The job for these rules, begun if need be; None where there is nothing to do."""
    rows = await db.call("SELECT * FROM gate.grants_job($1, $2, $3, $4, $5, $6)", *head, edition, rules)
    return rows[0] if rows else None


async def page(db: Database, head: Head, after: str, most: int) -> list[asyncpg.Record]:
    """The next Consents after an id: id, seq, blobs, body."""
    return await db.call("SELECT * FROM gate.grants_page($1, $2, $3, $4, $5, $6)", *head, after, most)


async def put(db: Database, head: Head, consent: str, seq: int, grants: Sequence[tuple[Any, ...]], relations: Sequence[tuple[Any, ...]]) -> tuple[int, int] | None:
    """As `replace`; None where it was changed since it was read."""
    wanted = _json([dict(zip(("patient", *GRANT), g, strict=True)) for g in grants]), _json([dict(zip(("patient", *RELATION), r, strict=True)) for r in relations])
    rows = await db.call("SELECT gate.grants_put($1, $2, $3, $4, $5, $6, $7, $8) AS done", *head, consent, seq, *wanted)
    done = rows[0]["done"]
    return None if done is None else (done[0], done[1])


async def moved(db: Database, head: Head, number: int, place: str, following: str, looked: int, closed: int, added: int) -> bool:
    """Note how far a job is; False where another process is further. following: '' for the end."""
    rows = await db.call("SELECT gate.grants_moved($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS done", *head, number, place, following, looked, closed, added)
    return bool(rows[0]["done"])


# --- compiled anew, as the owner of the record ------------------------------------------------------------------------------


async def sources(owner: asyncpg.Connection[Any], tenant: int) -> AsyncIterator[asyncpg.Record]:
    """Every current Consent: id, seq, body, blobs."""
    async with owner.transaction():
        async for row in owner.cursor(f"SELECT r.id, r.seq, {body('r')} AS body, r.blobs FROM record.resource r WHERE r.tenant = $1 AND r.type = 'Consent' ORDER BY r.id", tenant):
            yield row


async def replace(
    owner: asyncpg.Connection[Any], tenant: int, consent: str, seq: int, grants: Sequence[tuple[Any, ...]], relations: Sequence[tuple[Any, ...]], now: datetime
) -> tuple[int, int]:
    """Make the open rows of a Consent these: (patient, *GRANT) and (patient, *RELATION). Returns how many were closed and added.

    Rows that are the same stay as they are, so that when they became known stays true; what was closed stays, closed.
    """
    closed = added = 0
    async with owner.transaction():
        # What was changed since it was read was compiled by whoever changed it: a revocation stays one.
        if await owner.fetchval("SELECT 1 FROM record.resource WHERE tenant = $1 AND type = 'Consent' AND id = $2 AND seq = $3 FOR UPDATE", tenant, consent, seq) is None:
            return 0, 0
        have = await owner.fetch(
            f"SELECT ctid::text AS place, patient, {', '.join(GRANT)} FROM record.ground WHERE tenant = $1 AND consent = $2 AND effect <> 'relation' AND known_to = 'infinity' FOR UPDATE",
            tenant, consent,
        )  # fmt: skip
        gone, new = _difference(have, grants)
        await owner.executemany("UPDATE record.ground SET known_to = $2 WHERE tenant = $3 AND ctid = $1::text::tid", [(place, now, tenant) for place in gone])
        places = ", ".join(f"${n}" for n in range(5, 5 + len(GRANT) + 1))
        await owner.executemany(
            f"INSERT INTO record.consent_grant (tenant, consent, consent_seq, known_from, patient, {', '.join(GRANT)}) VALUES ($1, $2, $3, $4, {places})",
            [(tenant, consent, seq, now, *row) for row in new],
        )
        closed, added = len(gone), len(new)
        source = f"Consent/{consent}"
        have = await owner.fetch(
            "SELECT ctid::text AS place, patient, recipient AS actor, kind, valid_from, valid_to FROM record.ground "
            "WHERE tenant = $1 AND source = $2 AND effect = 'relation' AND known_to = 'infinity' FOR UPDATE",
            tenant, source,
        )  # fmt: skip
        gone, new = _difference(have, relations)
        await owner.executemany("UPDATE record.ground SET known_to = $2 WHERE tenant = $3 AND ctid = $1::text::tid", [(place, now, tenant) for place in gone])
        await owner.executemany(
            f"INSERT INTO record.relation (tenant, source, known_from, patient, {', '.join(RELATION)}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            [(tenant, source, now, *row) for row in new],
        )
    return closed + len(gone), added + len(new)


def _difference(have: Sequence[asyncpg.Record], want: Sequence[tuple[Any, ...]]) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Places of rows that are there and should not be, and rows that should be and are not."""
    wanted: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for row in want:
        wanted.setdefault(_key(row), []).append(row)
    gone = []
    for row in have:
        rest = wanted.get(_key(tuple(row)[1:]))
        if rest:
            rest.pop()
        else:
            gone.append(str(row["place"]))
    return gone, [row for rest in wanted.values() for row in rest]


def _key(row: Sequence[Any]) -> tuple[Any, ...]:
    """To compare rows by. The driver reads infinity without a zone."""
    return tuple(tuple(v) if isinstance(v, list) else v.replace(tzinfo=UTC) if isinstance(v, datetime) and v.tzinfo is None else v for v in row)
