"""Messages between colleagues: rows beside the record, by function."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

from sojourn.base.db import Database
from sojourn.record.beside import Call
from sojourn.record.store import Head


def _marks(n: int) -> str:
    return ", ".join(f"${i}" for i in range(1, n + 1))


async def begin(db: Database, head: Head, *row: Any) -> bool:
    """Whether it is new. row: thread, program, patient, urgent, author, body, stamp, message, words, members."""
    return bool((await db.call(f"SELECT gate.thread_begin({_marks(14)}) AS new", *head, *row))[0]["new"])


def threads(account: str, *, unread: bool) -> Call:
    """Threads of a reader, those with something new first."""
    columns = ("thread", "program", "patient", "urgent", "author", "body", "stamp", "started", "last", "unread", "name", "by")
    return Call("threads", columns, ((account, "text"), (unread, "boolean")))


async def thread(db: Database, head: Head, account: str, thread_: str) -> asyncpg.Record | None:
    """One thread of a reader, or None."""
    rows = await db.call(f"SELECT * FROM gate.thread({_marks(6)})", *head, account, thread_)
    return rows[0] if rows else None


async def messages(db: Database, head: Head, account: str, thread_: str | None) -> list[asyncpg.Record]:
    """Messages of a thread; without one of all that a reader has."""
    return await db.call(f"SELECT * FROM gate.messages({_marks(6)})", *head, account, thread_)


async def members(db: Database, head: Head, account: str, thread_: str) -> list[asyncpg.Record]:
    """Who reads a thread."""
    return await db.call(f"SELECT * FROM gate.thread_members({_marks(6)})", *head, account, thread_)


async def add(db: Database, head: Head, account: str, thread_: str, message: str, words: str) -> bool:
    """Whether the account is a reader."""
    return bool((await db.call(f"SELECT gate.message_add({_marks(8)}) AS done", *head, account, thread_, message, words))[0]["done"])


async def mark_read(db: Database, head: Head, account: str, thread_: str) -> None:
    """It was read, up to now."""
    await db.call(f"SELECT gate.thread_read({_marks(6)})", *head, account, thread_)


async def grow(db: Database, head: Head, *row: Any) -> str | None:
    """The stamp that is there. row: account or None, thread, members, via, body, seen, stamp."""
    kept = (await db.call(f"SELECT gate.thread_grow({_marks(11)}) AS kept", *head, *row))[0]["kept"]
    return None if kept is None else str(kept)


async def waiting(db: Database, head: Head) -> list[asyncpg.Record]:
    """Urgent threads that nobody has read."""
    return await db.call(f"SELECT * FROM gate.threads_waiting({_marks(4)})", *head)


async def forget(db: Database, head: Head, before: datetime) -> int:
    """How many threads were forgotten."""
    return int((await db.call(f"SELECT gate.threads_forget({_marks(5)}) AS n", *head, before))[0]["n"])
