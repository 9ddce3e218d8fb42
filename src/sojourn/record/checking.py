"""Verifies the trail and other invariants of a live database, with none of the gate's functions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import asyncpg

from sojourn.base import signing
from sojourn.record import seals

Connection: TypeAlias = "asyncpg.Connection[Any]"


@dataclass(slots=True)
class Finding:
    """What was found about one organization. wrong: sentences, the first broken place first; empty means that all held."""

    tenant: str
    wrong: list[str] = field(default_factory=list)
    seals: int = 0
    lines: int = 0
    unsealed: int = 0
    unsigned: int = 0
    checkpoints: int = 0


async def tenants(connection: Connection) -> list[tuple[int, str]]:
    """(number, key) of every organization."""
    return [(r["tenant"], r["key"]) for r in await connection.fetch("SELECT tenant, key FROM record.tenant ORDER BY tenant")]


async def check_trail(
    connection: Connection, tenant: int, key: str, trusted: frozenset[bytes], outside: Mapping[int, str] | None = None, progress: Callable[[int], None] = lambda done: None
) -> Finding:
    """Recompute every line, seal and signature of one organization's trail. `outside`: checkpoints kept elsewhere, by number of seal.

    Stops at the first line or seal that does not hold: what follows it proves nothing. Everything is read in one snapshot.
    """
    found = Finding(key)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await _chain(connection, tenant, found, outside or {}, progress)
        await _signatures(connection, tenant, key, found, trusted)
        for number in sorted(set(outside or {})):
            if number > found.seals and not found.wrong:
                found.wrong.append(f"seal {number} was sent outside and is no longer there: the end of the trail was cut off")
        if not found.wrong:
            await _keys(connection, tenant, found)
        last = await connection.fetchrow("SELECT stamp, n FROM record.seal WHERE tenant = $1 ORDER BY number DESC LIMIT 1", tenant)
        found.unsealed = await connection.fetchval(
            "SELECT count(*) FROM record.audit WHERE tenant = $1 AND (stamp, n) > ($2, $3)", tenant, *(last or (-1, -1))
        )
    return found


async def _chain(connection: Connection, tenant: int, found: Finding, outside: Mapping[int, str], progress: Callable[[int], None]) -> None:
    lines = _lines(connection, tenant)
    before: Mapping[str, Any] = {"number": 0, "stamp": -1, "n": -1, "total": 0, "hash": seals.NOTHING}
    ahead: Mapping[str, Any] | None = await anext(lines, None)
    async for seal in connection.cursor("SELECT * FROM record.seal WHERE tenant = $1 ORDER BY number", tenant, prefetch=500):
        tree, count, last = seals.Tree(), 0, (-1, -1)
        while ahead is not None and (ahead["stamp"], ahead["n"]) <= (seal["stamp"], seal["n"]):
            tree.add(seals.leaf(ahead))
            last, count = (ahead["stamp"], ahead["n"]), count + 1
            found.lines += 1
            if not found.lines % 1000:
                progress(found.lines)
            ahead = await anext(lines, None)
        problem = _broken(seal, before, tree.root, count, last)
        sent = outside.get(seal["number"])
        if not problem and sent is not None and f"\nhash {seal['hash'].hex()}\n" not in sent:
            problem = "is not the one that was sent outside: the trail was rewritten up to here or before"
        if problem:
            place = f"between line {before['n']} of {_day(before)} and line {seal['n']} of {_day(seal)}" if before["number"] else f"up to line {seal['n']} of {_day(seal)}"
            found.wrong.append(f"seal {seal['number']} ({place}) {problem}")
            return
        before = seal
        found.seals = seal["number"]
    progress(found.lines)


def _day(seal: Mapping[str, Any]) -> str:
    return f"{seal['sealed']:%Y-%m-%d %H:%M:%S} UTC"


def _broken(seal: Mapping[str, Any], before: Mapping[str, Any], root: bytes, count: int, last: tuple[int, int]) -> str:
    """What is wrong with a seal, given the one before and the lines that are there; empty if nothing is."""
    if seal["number"] != before["number"] + 1:
        return f"follows seal {before['number']}: those between are missing"
    if seal["previous"] != before["hash"]:
        return "does not continue the seal before it"
    if seals.seal(seal) != seal["hash"]:
        return "says something else than when it was made"
    if count < seal["lines"]:
        return f"covers {seal['lines']} lines and {count} are there: lines were removed"
    if count > seal["lines"]:
        return f"covers {seal['lines']} lines and {count} are there: lines were put in later"
    if last != (seal["stamp"], seal["n"]) or seal["total"] != before["total"] + count:
        return "does not end where its lines end"
    if root != seal["root"]:
        return "covers lines of which at least one was changed or moved"
    return ""


async def _lines(connection: Connection, tenant: int) -> AsyncIterator[Mapping[str, Any]]:
    async for line in connection.cursor("SELECT * FROM record.audit WHERE tenant = $1 ORDER BY stamp, n", tenant, prefetch=1000):
        yield line


async def _signatures(connection: Connection, tenant: int, key: str, found: Finding, trusted: frozenset[bytes]) -> None:
    signed = 0
    query = """SELECT c.number, c.text, c.key, c.signature, s.total, s.sealed, s.hash FROM record.checkpoint c
               LEFT JOIN record.seal s ON s.tenant = c.tenant AND s.number = c.number WHERE c.tenant = $1 ORDER BY c.number"""
    async for row in connection.cursor(query, tenant, prefetch=1000):
        name = f"the checkpoint of seal {row['number']}"
        if row["hash"] is None:
            found.wrong.append(f"{name} is about a seal that is not there")
        elif row["text"] != seals.checkpoint(key, row["number"], row["total"], row["sealed"], row["hash"]):
            found.wrong.append(f"{name} says something else than the seal")
        elif not signing.genuine(row["key"], row["text"].encode(), row["signature"]):
            found.wrong.append(f"{name} has a signature that is not right")
        elif row["key"] not in trusted:
            found.wrong.append(f"{name} was signed with a key that is not this installation's ({row['key'].hex()[:16]}); name older keys with --key")
        else:
            signed, found.checkpoints = row["number"], found.checkpoints + 1
            continue
        return
    found.unsigned = max(0, found.seals - signed)


async def _keys(connection: Connection, tenant: int, found: Finding) -> None:
    """What reports find lines by is not sealed itself, so that it is counted: it can be built again from the lines."""
    wanted = await connection.fetchval("SELECT keys FROM record.seal WHERE tenant = $1 ORDER BY number DESC LIMIT 1", tenant)
    there = await connection.fetchval("SELECT count(*) FROM record.audit_key WHERE tenant = $1", tenant)
    if there != (wanted or 0):
        found.wrong.append(f"the index of sealed lines has {there} rows and should have {wanted or 0}: reports by patient or person are not whole")


# Each must find nothing: (what it means when it does, the question).
_OTHERS = (
    ("current resources are not their last versions", """
        SELECT count(*) FROM record.resource r LEFT JOIN record.version v ON v.tenant = r.tenant AND v.seq = r.seq
        WHERE r.tenant = $1 AND (v.seq IS NULL OR v.kind = 'delete' OR (v.type, v.id, v.version, v.own, v.parts) <> (r.type, r.id, r.version, r.own, r.parts)
              OR v.body IS DISTINCT FROM r.body)"""),
    ("resources have a later version than the one that is served", """
        SELECT count(*) FROM record.version v WHERE v.tenant = $1 AND v.kind <> 'delete'
          AND NOT EXISTS (SELECT FROM record.version w WHERE w.tenant = v.tenant AND w.type = v.type AND w.id = v.id AND w.seq > v.seq)
          AND NOT EXISTS (SELECT FROM record.resource r WHERE r.tenant = v.tenant AND r.seq = v.seq)"""),
    ("current resources have no labels yet and are withheld from everyone", "SELECT count(*) FROM record.resource WHERE tenant = $1 AND (own & 1) <> 0"),
    ("numbers of the feed are missing or beyond its head", """
        SELECT CASE WHEN f.rows = coalesce(h.n, 0) AND f.last = coalesce(h.n, 0) THEN 0 ELSE greatest(1, abs(coalesce(h.n, 0) - f.rows)) END
        FROM (SELECT count(*) AS rows, coalesce(max(n), 0) AS last FROM record.feed WHERE tenant = $1) f
        LEFT JOIN record.feed_head h ON h.tenant = $1"""),
    ("versions are neither in the feed nor waiting for it", """
        SELECT count(*) FROM record.version v WHERE v.tenant = $1
          AND NOT EXISTS (SELECT FROM record.feed f WHERE f.tenant = $1 AND f.seq = v.seq)
          AND NOT EXISTS (SELECT FROM record.change c WHERE c.tenant = $1 AND c.seq = v.seq)"""),
    ("notes kept apart have no body in the table of these", """
        SELECT count(*) FROM record.version v WHERE v.tenant = $1 AND v.body = ''
          AND NOT EXISTS (SELECT FROM record.kept_apart k WHERE k.tenant = $1 AND k.seq = v.seq)"""),
    ("bodies kept apart belong to nothing, or to what stands in the open too", """
        SELECT count(*) FROM record.kept_apart k LEFT JOIN record.version v ON v.tenant = k.tenant AND v.seq = k.seq
        WHERE k.tenant = $1 AND v.body IS DISTINCT FROM ''"""),
    ("grants come from no consent that is there, from no emergency, and from no note of their own", """
        SELECT count(*) FROM record.consent_grant g WHERE g.tenant = $1 AND g.known_to = 'infinity'
          AND NOT EXISTS (SELECT FROM record.resource r WHERE r.tenant = $1 AND r.type = 'Consent' AND r.id = g.consent AND r.seq = g.consent_seq)
          AND NOT EXISTS (SELECT FROM record.emergency e WHERE e.tenant = $1 AND 'emergency/' || e.emergency = g.consent)
          -- what the writing of a note kept apart grants to its author (gate/apart.py)
          AND NOT (g.recipient LIKE 'originator:%' AND EXISTS (SELECT FROM record.version v WHERE v.tenant = $1 AND v.seq = g.consent_seq AND v.id = g.consent))"""),
)  # fmt: skip


async def check_record(connection: Connection, tenant: int) -> list[str]:
    """Sentences about invariants of the record that do not hold for one organization."""
    wrong = []
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        for meaning, query in _OTHERS:
            if number := await connection.fetchval(query, tenant):
                wrong.append(f"{number} {meaning}")
    return wrong


async def exported(connection: Connection, tenant: int) -> AsyncIterator[Mapping[str, Any]]:
    """Every checkpoint, to be kept outside."""
    async with connection.transaction(readonly=True):
        async for row in connection.cursor("SELECT number, text, key, signature FROM record.checkpoint WHERE tenant = $1 ORDER BY number", tenant, prefetch=1000):
            yield row
