"""What rooms keep beside the record, by function: drafts, own policies, the account of the clock."""

from __future__ import annotations

from datetime import datetime

import asyncpg

from sojourn.base.db import Database
from sojourn.record.beside import Call
from sojourn.record.store import Head


async def keep_draft(db: Database, head: Head, account: str, key: str, patient: str, body: str, seen: str, stamp: str) -> str:
    """Keep a draft unless one is there that was not seen. The stamp that is kept now: `stamp` if it was."""
    rows = await db.call("SELECT gate.keep_draft($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS kept", *head, account, key, patient, body, seen, stamp)
    return str(rows[0]["kept"])


async def draft(db: Database, head: Head, account: str, key: str) -> asyncpg.Record | None:
    """One draft with its sealed body, or None."""
    rows = await db.call("SELECT * FROM gate.draft($1, $2, $3, $4, $5, $6)", *head, account, key)
    return rows[0] if rows else None


def drafts(account: str, prefix: str) -> Call:
    """The drafts of an account whose key begins so, the newest first, without their bodies."""
    return Call("drafts", ("key", "patient", "stamp", "updated"), ((account, "text"), (prefix, "text")))


async def drop_draft(db: Database, head: Head, account: str, key: str) -> None:
    """Forget a draft."""
    await db.call("SELECT gate.drop_draft($1, $2, $3, $4, $5, $6)", *head, account, key)


async def policies(db: Database, tenant: int, now: datetime, *, everything: bool = False) -> list[asyncpg.Record]:
    """The organization's own values in force; or all that ever were."""
    return await db.call("SELECT * FROM gate.policies($1, $2, $3)", tenant, now, everything)


async def set_policy(db: Database, head: Head, account: str, key: str, level: str, value: str | None, reason: str) -> None:
    """Set a value from now on; None: go back to the shipped one."""
    await db.call("SELECT gate.set_policy($1, $2, $3, $4, $5, $6, $7, $8, $9)", *head, account, key, level, value, reason)


async def clockwork(db: Database, tenant: int, credential: bytes, now: datetime, expires: datetime) -> None:
    """A credential of the account that acts by the clock."""
    await db.call("SELECT gate.clockwork($1, $2, $3, $4)", tenant, credential, now, expires)


async def care_table(db: Database, tenant: int, now: datetime, name: str, known: int) -> asyncpg.Record | None:
    """The loaded table in force: n and content, the content None where `known` is that one; None where none was loaded."""
    rows = await db.call("SELECT * FROM gate.care_table($1, $2, $3, $4)", tenant, now, name, known)
    return rows[0] if rows else None


async def care_tables(db: Database, tenant: int, name: str) -> list[asyncpg.Record]:
    """Every version of a table that was loaded, the newest first, without contents."""
    return await db.call("SELECT * FROM gate.care_tables($1, $2)", tenant, name)


async def set_care_table(db: Database, head: Head, account: str, name: str, title: str, version: str, content: str | None, reason: str) -> None:
    """Put a version in force; None: end the one that is."""
    await db.call("SELECT gate.set_care_table($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)", *head, account, name, title, version, content, reason)
