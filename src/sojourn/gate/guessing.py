"""Slow down guessing, the same for every process and whether or not what is tried exists."""

from __future__ import annotations

from collections.abc import Sequence

from sojourn.base import clock, errors
from sojourn.base.crypto import ServerKey
from sojourn.base.db import Database
from sojourn.gate.signinrules import guessing

NAMED = ("login_from_address", "login", "address")
"""What an attempt on somebody's login counts under."""
CODES = (*NAMED, "code")
"""What is guessed is short."""
NAMELESS = ("address",)
"""Nobody was named: counting under anything that all share would let one stranger shut everybody out."""


class Guessing:
    """Counts attempts in the database, by keyed hashes: no login and no address is kept."""

    def __init__(self, db: Database, key: ServerKey) -> None:
        self._db = db
        self._key = key

    def _keys(self, tenant: int, who: str, address: str) -> dict[str, bytes]:
        who = who.casefold()
        named = {"login_from_address": f"{who}\0{address}", "login": who, "address": address, "code": who, "calling": who, "called": address, "reminder": who}
        return {name: self._key.sign("guessing", f"{tenant}\0{name}\0{text}".encode()) for name, text in named.items()}

    async def attempt(self, tenant: int, who: str, address: str, counts: Sequence[str] = NAMED) -> None:
        """Count one, under the limits named. Raises TooManyRequests when there were too many lately."""
        keys, limits = self._keys(tenant, who, address), guessing()
        names = list(counts)
        rows = await self._db.call(
            "SELECT gate.attempt($1, $2, $3, $4, $5) AS within",
            tenant, [keys[n] for n in names], [limits[n].attempts for n in names], [limits[n].period for n in names], clock.now(),
        )  # fmt: skip
        if not rows[0]["within"]:
            raise errors.TooManyRequests()

    async def forgive(self, tenant: int, who: str, address: str) -> None:
        """It was the right person: their own count begins anew, and the others lose this attempt."""
        keys = self._keys(tenant, who, address)
        await self._db.call("SELECT gate.forgive($1, $2, $3)", tenant, [keys["login_from_address"]], [keys["login"], keys["address"], keys["code"]])
