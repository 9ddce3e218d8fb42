"""Seals the trail of one tenant and signs the head of its chain (docs/decisions/0017-sealing.md)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import NamedTuple

from sojourn.base.db import Database
from sojourn.base.signing import Signer
from sojourn.record import seals

BATCH = 5000
"""Lines in one seal at most."""


class Checkpoint(NamedTuple):
    """The head of the chain as it stood, signed. `text` is what was signed."""

    number: int
    text: str
    key: bytes
    signature: bytes


class Sealer:
    """Any number of processes may seal; for each tenant one at a time does."""

    def __init__(self, database: Database, signer: Signer) -> None:
        self._database = database
        self._signer = signer

    async def seal(self, tenant: int, name: str, now: datetime) -> int:
        """Seal what is committed, sign the new head, and say how many lines it took in. 0: nothing was left, or another seals."""
        rows = await self._database.call("SELECT * FROM gate.seal($1, $2, $3)", tenant, BATCH, now)
        made = rows[0]["lines"] if rows else 0
        if not rows:  # whoever sealed last may have fallen before it signed
            rows = await self._database.call("SELECT * FROM gate.unsigned_head($1)", tenant)
        for row in rows:
            text = seals.checkpoint(name, row["number"], row["total"], row["sealed"], row["hash"])
            await self._database.call(
                "SELECT gate.checkpoint($1, $2, $3, $4, $5, $6)", tenant, row["number"], row["hash"], text, self._signer.public, self._signer.sign(text.encode())
            )
        return int(made)

    async def count(self, tenant: int, batches: int) -> int:
        """Count the openings of charts among what was sealed, so many batches at most (11_outliers.sql). How many lines were looked at; 0: nothing was left, or another counts."""
        looked = 0
        for _ in range(batches):
            rows = await self._database.call("SELECT gate.count_openings($1, $2) AS looked", tenant, BATCH)
            looked += rows[0]["looked"]
            if rows[0]["looked"] < BATCH:
                break
        return looked


async def checkpoints(database: Database, tenant: int, after: int = 0, page: int = 1000) -> AsyncIterator[Checkpoint]:
    """Every signed checkpoint after a seal, oldest first."""
    while True:
        rows = await database.call("SELECT * FROM gate.checkpoints($1, $2, $3)", tenant, after, page)
        for row in rows:
            yield Checkpoint(row["number"], row["text"], row["key"], row["signature"])
            after = row["number"]
        if len(rows) < page:
            return
