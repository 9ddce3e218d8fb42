"""Stored resources indexed for a search parameter that came after them: gate functions, by name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

from sojourn.base.db import Database
from sojourn.record.index import IndexRows
from sojourn.record.store import Head


class Rows(NamedTuple):
    """What a resource can be found by under one parameter of dates, in columns, each by the version that it is of."""

    date_seqs: list[int]
    low: list[datetime]
    high: list[datetime]
    masks: list[int]
    shown: list[int]
    present_seqs: list[int]
    present_masks: list[int]


def of(key: int, found: Sequence[tuple[int, IndexRows]]) -> Rows:
    """The rows under a key, of (version, all of its rows)."""
    out = Rows([], [], [], [], [], [], [])
    for seq, rows in found:
        for k, low, high, mask in zip(rows.date_key, rows.date_low, rows.date_high, rows.date_mask, strict=True):
            if k == key:
                out.date_seqs.append(seq)
                out.low.append(low)
                out.high.append(high)
                out.masks.append(mask)
        if key in rows.tokens:
            out.shown.append(seq)
        for hash_, mask in zip(rows.token_hash, rows.token_mask, strict=True):
            if hash_ == key and mask:
                out.present_seqs.append(seq)
                out.present_masks.append(mask)
    return out


async def behind(db: Database, tenant: int) -> list[tuple[str, str]]:
    """(type, parameter) for which not all is indexed that was stored."""
    return [(row["type"], row["name"]) for row in await db.call("SELECT * FROM gate.index_behind($1)", tenant)]


async def following(db: Database, head: Head, limit: int) -> asyncpg.Record | None:
    """The next versions of one of them: type, name, place, next, seqs. For the account that labels."""
    rows = await db.call("SELECT * FROM gate.index_next($1, $2, $3, $4, $5)", *head, limit)
    return rows[0] if rows else None


async def put(db: Database, head: Head, job: asyncpg.Record, key: int, rows: Rows) -> bool:
    """Index them and move on; False when another process was there first."""
    found = await db.call(
        f"SELECT gate.index_again({', '.join(f'${n}' for n in range(1, 17))}) AS done", *head, job["type"], job["name"], job["place"], job["next"], key, *rows,
    )  # fmt: skip
    return bool(found[0]["done"])
