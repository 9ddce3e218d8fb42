"""Errands at partners' servers, beside the record: what, how far, and which files; by function."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg

from sojourn.base.db import Database


async def errands(db: Database, tenant: int, partner: str = "") -> list[asyncpg.Record]:
    """Errands with how far they are; of one partner, or of all."""
    return await db.call("SELECT * FROM gate.sftp_errands($1, $2)", tenant, partner)


async def claim(db: Database, tenant: int, now: datetime, runner: str, lease: datetime) -> asyncpg.Record | None:
    """The next that is due, now ours until the lease is over."""
    rows = await db.call("SELECT * FROM gate.sftp_errand_claim($1, $2, $3, $4)", tenant, now, runner, lease)
    return rows[0] if rows else None


async def step(db: Database, tenant: int, *row: Any) -> bool:
    """How far it is, in the order of gate.sftp_errand_step; False when it is not ours any more."""
    return bool((await db.call("SELECT gate.sftp_errand_step($1, $2, $3, $4, $5, $6, $7, $8, $9) AS ours", tenant, *row))[0]["ours"])


async def known(db: Database, tenant: int, errand: str, paths: Sequence[bytes]) -> dict[bytes, tuple[str, str]]:
    """Of files what is known: (stamp, state), by keyed path."""
    rows = await db.call("SELECT * FROM gate.sftp_errand_files($1, $2, $3)", tenant, errand, list(paths))
    return {bytes(r["path"]): (str(r["stamp"]), str(r["state"])) for r in rows}


async def mark(db: Database, tenant: int, *row: Any) -> None:
    """A file was seen or done. row: errand, path, stamp, state, now."""
    await db.call("SELECT gate.sftp_errand_file($1, $2, $3, $4, $5, $6)", tenant, *row)
