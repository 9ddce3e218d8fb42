"""Runs of the test bench, their signatures, whether a partner exchanges for real, and how long."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

from sojourn.base.db import Database


async def runs(db: Database, tenant: int, partner: str = "", run: str = "") -> list[asyncpg.Record]:
    """Runs of a partner, one, or those that are running."""
    return await db.call("SELECT * FROM gate.exchange_runs($1, $2, $3)", tenant, partner, run)


async def put(db: Database, tenant: int, run: str, revision: int, steps: str, state: str, digest: str, now: datetime) -> bool:
    """What became of the steps of a run; False where somebody was faster."""
    rows = await db.call("SELECT gate.exchange_run_put($1, $2, $3, $4, $5, $6, $7) AS done", tenant, run, revision, steps, state, digest, now)
    return bool(rows[0]["done"])


async def tested(db: Database, tenant: int, partner: str, since: datetime) -> list[asyncpg.Record]:
    """Test messages that came since."""
    return await db.call("SELECT * FROM gate.exchange_tested($1, $2, $3)", tenant, partner, since)


async def signatures(db: Database, tenant: int, run: str) -> list[asyncpg.Record]:
    """Of a run."""
    return await db.call("SELECT * FROM gate.exchange_signatures($1, $2)", tenant, run)


async def signing(db: Database, tenant: int, secret: bytes, now: datetime) -> str | None:
    """The run that a link is for."""
    rows = await db.call("SELECT * FROM gate.exchange_signing($1, $2, $3)", tenant, secret, now)
    return str(rows[0]["run"]) if rows else None


async def clearances(db: Database, tenant: int, now: datetime) -> list[asyncpg.Record]:
    """Of each partner whether they exchange for real, and what keeps documents from going and coming."""
    return await db.call("SELECT c.*, d.goes, d.letters, d.asks FROM gate.exchange_clearances($1, $2) c JOIN gate.exchange_documents_all($1, $2) d ON d.partner = c.partner", tenant, now)


async def unblock(db: Database, tenant: int, now: datetime) -> int:
    """Messages that were held until their partner exchanges for real go on, where they do."""
    rows = await db.call("SELECT gate.exchange_unblock($1, $2) AS n", tenant, now)
    return int(rows[0]["n"])


async def before(db: Database, tenant: int, partner: str, reason: str, now: datetime) -> bool:
    """Write down that a partner exchanged already."""
    rows: list[Any] = await db.call("SELECT gate.exchange_go($1, $2, 'before', '', '', $3, $4) AS done", tenant, partner, reason, now)
    return bool(rows[0]["done"])


async def old(db: Database, tenant: int, rules: list[str], before: list[datetime]) -> bool:
    """Whether there is a message that was done or set aside before the moment of its rule."""
    return bool(await db.call("SELECT * FROM gate.exchange_old($1, $2, $3, 1)", tenant, rules, before))
