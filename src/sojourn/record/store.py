"""Read a version, append a version: the gate's SQL functions, called by name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg

from sojourn.base.db import Database

# tenant, credential, generation, now: who asks and when. Then the decision: mask, programs, keys, purpose, action, related.
Head = tuple[int, bytes, int, datetime]
Decided = tuple[int, list[int], list[str], str, str, bool]
Columns = tuple[list[Any], ...]

LAST = 2**63 - 1


def _call(name: str, count: int) -> str:
    return f"SELECT * FROM gate.{name}({', '.join(f'${n}' for n in range(1, count + 1))})"  # noqa: S608 - our own names


_READ = _call("read", 12)
_HISTORY = _call("history", 16)
_HISTORY_OF = _call("history_of", 15)
_VERSIONS = _call("versions", 14)
_CHART = _call("chart", 17)
_CHART_REDACTED = _call("chart_redacted", 18)
_FIND = _call("find", 21)
_INCLUDED = _call("included", 21)
_SIGHT = _call("sight", 13)
_KNOWN = _call("known", 11)
_FOR_UPDATE = _call("for_update", 12)
_WRITE = f"SELECT gate.write({', '.join(f'${n}' for n in range(1, 41))}) AS seqs"


async def read(db: Database, head: Head, decided: Decided, type_: str, id_: str) -> asyncpg.Record | None:
    """The current row, or its deletion (`kind` = delete), or None: there is none, or it may not be seen."""
    rows = await db.call(_READ, *head, *decided, type_, id_)
    return rows[0] if rows else None


async def history(
    db: Database, head: Head, decided: Decided, type_: str, id_: str, *, version: str | None = None, since: datetime | None = None, before: int = LAST, limit: int = 100
) -> list[asyncpg.Record]:
    """Versions of one resource that may be seen, newest first."""
    return await db.call(_HISTORY, *head, *decided, type_, id_, version, since, before, limit)


async def history_of(
    db: Database, head: Head, decided: Decided, types: Sequence[str], *, since: datetime | None = None, before: int = LAST, limit: int = 100, plain: bool = False
) -> list[asyncpg.Record]:
    """Versions of some types that may be seen, newest first; `plain`: only those in which the unlabelled part changed."""
    return await db.call(_HISTORY_OF, *head, *decided, list(types), since, before, limit, plain)


async def versions(db: Database, head: Head, decided: Decided, types: list[str], ids: list[str], *, limit: int, several: bool = False) -> list[asyncpg.Record]:
    """Versions of several resources that may be seen; by resource, newest first. several: only of those that have more than one."""
    return await db.call(_VERSIONS, *head, *decided, types, ids, limit, several)


async def labelled(db: Database, tenant: int, targets: list[str], bases: int = -1) -> set[str]:
    """Which of these `Type/id` are, or were until they were deleted, under one of the bases."""
    return {row["labelled"] for row in await db.call("SELECT gate.labelled($1, $2, $3)", tenant, targets, bases)}


async def chart(
    db: Database, head: Head, decided: Decided, type_: str, patient: str, tokens: list[int], *, newest: bool, at: datetime | None, rid: int, limit: int
) -> list[asyncpg.Record]:
    """One patient's resources of one type that carry every token, newest first or in the order of their making."""
    return await db.call(_CHART, *head, *decided, type_, patient, tokens, newest, at, rid, limit)


async def chart_redacted(
    db: Database, head: Head, decided: Decided, type_: str, patient: str, params: list[str], tokens: list[int], *, at: datetime, rid: int, limit: int, deep: int
) -> list[asyncpg.Record]:
    """The same, newest first, for callers subject to redaction, who may not know of every row that it is in this chart.

    After the page come versions (`past`) of those of its resources that have more than one. params: how resources of the type refer
    to the patient.
    """
    return await db.call(_CHART_REDACTED, *head, *decided, type_, patient, params, tokens, at, rid, limit, deep)


async def find(
    db: Database, head: Head, decided: Decided, type_: str, drive: str, tokens: list[int], strings: list[tuple[int, str, str]],
    dates: list[tuple[int, datetime, datetime]], *, rid: int, limit: int,
) -> list[asyncpg.Record]:  # fmt: skip
    """Resources of one type that meet every condition: all tokens, (key, from, below) of texts, (key, low, high) of dates."""
    return await db.call(_FIND, *head, *decided, type_, drive, tokens, *_columns(strings), *_columns(dates), rid, limit)


async def included(
    db: Database, head: Head, decided: Decided, searched: list[str] | None, page: list[tuple[int, str, str]], forward: list[tuple[str, str, str]],
    backward: list[tuple[str, str, str]], limit: int,
) -> list[asyncpg.Record]:  # fmt: skip
    """What the page, as (rid, type, id), refers to and is referred to by; links as (source type, parameter, target type or '')."""
    return await db.call(_INCLUDED, *head, *decided, searched, *_columns(page), *_columns(forward), *_columns(backward), limit)


def _columns(rows: Sequence[tuple[Any, Any, Any]]) -> tuple[list[Any], list[Any], list[Any]]:
    """Rows of three as three columns."""
    return [r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows]


async def sight(db: Database, head: Head, decided: Decided, targets: list[str], parts: dict[str, int]) -> tuple[set[str], dict[str, int]]:
    """Which of the targets (`Type/id`) exist and may not be seen; and of the bases of its labelled elements, for each of the resources
    in `parts`, those that may be seen in it."""
    rows = await db.call(_SIGHT, *head, *decided, targets, list(parts), list(parts.values()))
    return {row["hidden"] for row in rows if row["hidden"]}, {row["name"]: row["permitted"] for row in rows if row["name"]}


async def known(db: Database, head: Head, decided: Decided, targets: list[str]) -> set[str]:
    """Which of these `Type/id` exist and may be seen."""
    return {row["known"] for row in await db.call(_KNOWN, *head, *decided, targets)}


async def for_update(db: Database, head: Head, decided: Decided, types: list[str], ids: list[str]) -> list[asyncpg.Record]:
    """What changes are made from, in the order asked; `kind` is null where there is nothing that may be seen."""
    return await db.call(_FOR_UPDATE, *head, *decided, types, ids)


async def brought(db: Database, tenant: int, account: str, types: list[str], ids: list[str]) -> set[int]:
    """Which of these, by their place, nobody but one account ever wrote."""
    return {row["brought"] for row in await db.call("SELECT gate.brought($1, $2, $3, $4)", tenant, account, types, ids)}


class Batch:
    """What gate.write takes after who and when: rows of record.op, grants and relations, and the search rows as columns.

    The first column of each table is the number of the op from 1. Columns cost both sides a third of what rows would.
    """

    __slots__ = ("dates", "edges", "grants", "judged", "labelled", "numbers", "ops", "relations", "sent", "strings", "telling")

    def __init__(self) -> None:
        self.ops: list[tuple[Any, ...]] = []
        self.labelled: Columns = ([], [], [])  # op, hash, mask
        self.strings: Columns = ([], [], [], [], [])  # op, key, folded, exact, mask
        self.dates: Columns = ([], [], [], [], [])  # op, key, low, high, mask
        self.numbers: Columns = ([], [], [], [], [], [])  # op, key, low, high, unit, mask
        self.edges: Columns = ([], [], [], [])  # op, param, target, mask
        self.judged: Columns = ([], [], [])  # op, target, whether it is a note kept apart
        self.telling: Columns = ([], [], [])  # op, group, target (record.telling)
        self.grants: list[tuple[Any, ...]] = []
        self.relations: list[tuple[Any, ...]] = []
        self.sent: list[tuple[Any, ...]] = []  # op, the labels that senders wrote, as JSON

    @property
    def tables(self) -> tuple[Columns, ...]:
        """The search rows, and what was judged by; in the order of gate.write."""
        return (self.labelled, self.strings, self.dates, self.numbers, self.edges, self.judged, self.telling)

    def add(self, more: Batch) -> None:
        """Append another batch, its ops numbered on."""
        before = len(self.ops)
        self.ops.extend(more.ops)
        for mine, others in zip(self.tables, more.tables, strict=True):
            mine[0].extend([op + before for op in others[0]])
            for column, other in zip(mine[1:], others[1:], strict=True):
                column.extend(other)
        self.grants.extend((row[0] + before, *row[1:]) for row in more.grants)
        self.relations.extend((row[0] + before, *row[1:]) for row in more.relations)
        self.sent.extend((row[0] + before, *row[1:]) for row in more.sent)


class Part(NamedTuple):
    """What one request writes. audit: its line of the trail, in the order of record.audit_row."""

    head: Head
    author: str
    batch: Batch
    audit: tuple[Any, ...]


async def measure(db: Database, times: float) -> None:
    """Let the planner count anew if there is `times` as much as it knows of."""
    await db.call("SELECT gate.measure($1)", times)


async def write(db: Database, parts: Sequence[Part]) -> list[list[int]]:
    """Apply what requests of one tenant write, all of it or nothing, each with its audit row; the new versions' seqs by part.

    No two parts may change the same resource. Raises Changed when something moved since it was read, StaleCredential when one
    of the credentials no longer holds.
    """
    whole, lasts = parts[0].batch, [len(parts[0].batch.ops)]
    if len(parts) > 1:
        whole, lasts = Batch(), []
        for part in parts:
            whole.add(part.batch)
            lasts.append(len(whole.ops))
    authors = [part.author for part in parts for _ in part.batch.ops]
    heads = {(part.head[1], part.head[2]) for part in parts}
    rows = await db.call(
        _WRITE, parts[0].head[0], [h[0] for h in heads], [h[1] for h in heads], max(part.head[3] for part in parts), authors, lasts,
        whole.ops, *(column for table in whole.tables for column in table), whole.grants, whole.relations, whole.sent, [part.audit for part in parts],
    )  # fmt: skip
    seqs = rows[0]["seqs"]
    return [seqs[first:last] for first, last in zip([0, *lasts], lasts, strict=False)]
