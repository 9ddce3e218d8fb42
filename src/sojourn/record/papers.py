"""Papers that are in no chart yet: rows beside the record, by function."""

from __future__ import annotations

from typing import Any

import asyncpg

from sojourn.base.db import Database
from sojourn.record.beside import Call
from sojourn.record.store import Head


def _marks(n: int) -> str:
    return ", ".join(f"${i}" for i in range(1, n + 1))


async def receive(db: Database, head: Head, *row: Any) -> str:
    """Take one in, once; its id. row: paper, program, door, source, arrived, blob, body, stamp, message."""
    return str((await db.call(f"SELECT gate.paper_receive({_marks(13)}) AS id", *head, *row))[0]["id"])


async def of_message(db: Database, head: Head, message: str) -> str:
    """The state of the paper that a message became, '' where it became none."""
    rows = await db.call(f"SELECT * FROM gate.paper_of_message({_marks(5)})", *head, message)
    return str(rows[0]["state"]) if rows else ""


async def filed(db: Database, head: Head, messages: list[str], papers: list[str]) -> list[str]:
    """Papers that are in a chart by now: those that these messages became, these, and what was split off from any of them."""
    return [str(row["paper"]) for row in await db.call(f"SELECT * FROM gate.papers_filed({_marks(6)})", *head, messages, papers)]


async def unkeyed(db: Database, head: Head, limit: int) -> list[asyncpg.Record]:
    """Papers from before sources were keyed, some at a time, each with its source."""
    return await db.call(f"SELECT * FROM gate.papers_unkeyed({_marks(5)})", *head, limit)


async def rekey(db: Database, head: Head, *row: Any) -> bool:
    """Give one its keyed source and file; False where it changed meanwhile. row: paper, seen, source, blob, body."""
    return bool((await db.call(f"SELECT gate.paper_rekey({_marks(9)}) AS done", *head, *row))[0]["done"])


def waiting(programs: list[int], every: bool) -> Call:  # noqa: FBT001 - as the function of the database takes it
    """Those that wait, the first to come first."""
    columns = ("paper", "program", "door", "state", "arrived", "blob", "body", "stamp", "updated")
    return Call("papers", columns, ((programs, "int[]"), (every, "boolean")))


async def aside(db: Database, head: Head, programs: list[int], every: bool) -> list[asyncpg.Record]:  # noqa: FBT001 - as above
    """Those that were set aside, the last first."""
    return await db.call(f"SELECT * FROM gate.papers_aside({_marks(6)})", *head, programs, every)


async def one(db: Database, head: Head, paper: str, programs: list[int], every: bool) -> asyncpg.Record | None:  # noqa: FBT001 - as above
    """One of them, or None."""
    rows = await db.call(f"SELECT * FROM gate.paper({_marks(7)})", *head, paper, programs, every)
    return rows[0] if rows else None


async def keep(db: Database, head: Head, *row: Any) -> str | None:
    """Keep what was done; the stamp that is there. row: paper, programs, every, state, program, body, seen, stamp, part, body of the part."""
    kept = (await db.call(f"SELECT gate.paper_keep({_marks(14)}) AS kept", *head, *row))[0]["kept"]
    return None if kept is None else str(kept)
