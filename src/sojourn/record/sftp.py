"""Boxes of partners, beside the record: accounts, keys, files and their pieces; by function."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import asyncpg

from sojourn.base.db import Database
from sojourn.record.store import Head


def _marks(n: int) -> str:
    return ", ".join(f"${i}" for i in range(1, n + 1))


class Who(NamedTuple):
    """Under which key of which partner something is done, and when; every function looks whether that key is still good."""

    tenant: int
    partner: str
    key: str
    now: datetime


async def accounts(db: Database, tenant: int) -> list[asyncpg.Record]:
    """How each partner connects, as it is now."""
    return await db.call("SELECT * FROM gate.sftp_accounts($1)", tenant)


async def keys(db: Database, tenant: int, partner: str) -> list[asyncpg.Record]:
    """Keys of a partner, those that are revoked last."""
    return await db.call("SELECT * FROM gate.sftp_keys($1, $2)", tenant, partner)


async def login(db: Database, name: str, fingerprint: str, now: datetime) -> asyncpg.Record | None:
    """Who a login and a key are, or None."""
    rows = await db.call("SELECT * FROM gate.sftp_login($1, $2, $3)", name, fingerprint, now)
    return rows[0] if rows else None


async def good(db: Database, who: Who) -> bool:
    """Whether a session may go on."""
    return bool((await db.call("SELECT gate.sftp_good($1, $2, $3, $4) AS good", *who))[0]["good"])


async def used(db: Database, who: Who) -> None:
    """Somebody came in with a key."""
    await db.call("SELECT gate.sftp_used($1, $2, $3, $4)", *who)


async def box(db: Database, who: Who, since: datetime, most: int) -> list[asyncpg.Record]:
    """What is in a partner's boxes; of what was picked up only what was since a moment."""
    return await db.call(f"SELECT * FROM gate.sftp_box({_marks(6)})", *who, since, most)


async def begin(db: Database, who: Who, *row: Any) -> asyncpg.Record | None:
    """Begin to write. row: file, path, name, whether to go on, files that there may be."""
    rows = await db.call(f"SELECT * FROM gate.sftp_begin({_marks(9)})", *who, *row)
    return rows[0] if rows else None


async def part(db: Database, who: Who, *row: Any) -> str:
    """One more piece: written, full or gone. row: file, n, size, body, bytes that the box may hold."""
    return str((await db.call(f"SELECT gate.sftp_part({_marks(9)}) AS what", *who, *row))[0]["what"])


async def parts(db: Database, tenant: int, file: str, begin_at: int, most: int) -> list[asyncpg.Record]:
    """Pieces of a file in their order."""
    return await db.call("SELECT * FROM gate.sftp_parts($1, $2, $3, $4)", tenant, file, begin_at, most)


async def whole(db: Database, who: Who, file: str) -> bool:
    """A file was closed under a name that says that it is not finished."""
    return bool((await db.call(f"SELECT gate.sftp_whole({_marks(5)}) AS done", *who, file))[0]["done"])


async def rename(db: Database, who: Who, *row: Any) -> bool:
    """Another name. row: file, path, name, whether over one that is there."""
    return bool((await db.call(f"SELECT gate.sftp_rename({_marks(8)}) AS done", *who, *row))[0]["done"])


async def keep(db: Database, who: Who, *row: Any) -> tuple[str, bool] | None:
    """Pick a file up: (message, whether it is new), or None where it is not there any more. row: file, control, digest, kind, lane, size, body, path, name, test."""
    rows = await db.call(f"SELECT * FROM gate.sftp_keep({_marks(14)})", *who, *row)
    return (str(rows[0]["message"]), bool(rows[0]["fresh"])) if rows else None


async def remove(db: Database, who: Who, file: str, receipt: bool) -> bool:  # noqa: FBT001 - as the function of the database takes it
    """Take away a file that was not picked up, or a receipt."""
    return bool((await db.call(f"SELECT gate.sftp_remove({_marks(6)}) AS done", *who, file, receipt))[0]["done"])


async def say(db: Database, tenant: int, message: str, verdict: str, said: bytes) -> None:
    """What the receipt of a file says."""
    await db.call("SELECT gate.sftp_say($1, $2, $3, $4)", tenant, message, verdict, said)


async def sweep(db: Database, before: datetime) -> None:
    """Drop what was begun and left."""
    await db.call("SELECT gate.sftp_sweep($1)", before)


async def files(db: Database, head: Head, partner: str, most: int) -> list[asyncpg.Record]:
    """Files of a partner with what became of them, the last first."""
    return await db.call(f"SELECT * FROM gate.sftp_files({_marks(6)})", *head, partner, most)


async def drops(db: Database, tenant: int, partner: str, now: datetime, *, every: bool = False) -> list[asyncpg.Record]:
    """What is out for a partner, the last first; every: also what is over."""
    return await db.call("SELECT * FROM gate.sftp_drops($1, $2, $3, $4)", tenant, partner, now, every)


async def took(db: Database, who: Who, drop: str, name: str, size: int, *, hide: bool = False) -> None:
    """A partner took a file to its end, or removed it."""
    await db.call(f"SELECT gate.sftp_took({_marks(8)})", *who, drop, name, size, hide)


async def documents(db: Database, who: Who) -> list[asyncpg.Record]:
    """Documents that are out for a partner, sealed, the first first."""
    return await db.call("SELECT * FROM gate.sftp_documents($1, $2, $3, $4)", *who)


async def document_took(db: Database, who: Who, message: str, size: int, *, hide: bool = False) -> None:
    """A partner took a document to its end, or removed it."""
    await db.call(f"SELECT gate.sftp_document_took({_marks(7)})", *who, message, size, hide)


async def document(db: Database, tenant: int, message: str) -> tuple[datetime | None, bool]:
    """When one was taken, if it was, and whether it was removed."""
    rows = await db.call("SELECT * FROM gate.sftp_document($1, $2)", tenant, message)
    return (rows[0]["taken"], bool(rows[0]["hidden"])) if rows else (None, False)
