"""Accounts, passwords, sessions and tokens: a secret becomes a Caller."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta

from sojourn.base import clock, crypto, ids
from sojourn.base.db import Database
from sojourn.gate.caller import Caller, Tenant
from sojourn.gate.throttle import Throttle

SESSION_LIFE = timedelta(hours=12)
_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Session:
    """A fresh sign-in. `token` is shown once: only its hash is kept."""

    token: str
    caller: Caller


class Identity:
    """Looks callers up by the hash of their secret.

    What is remembered here is only a shortcut: every statement checks in the database that the credential still holds and that
    its account acts as it did (`gate.alive`), so a revocation takes effect with the next statement of every process.
    """

    def __init__(self, db: Database, tenants: dict[int, Tenant]) -> None:
        self._db = db
        self._tenants = tenants
        self._known: OrderedDict[bytes, Caller] = OrderedDict()
        self._throttle = Throttle(limit=8, window=timedelta(minutes=10))

    async def caller(self, secret: str) -> Caller | None:
        """Who is behind a bearer token or session secret, or None."""
        credential = crypto.sha256(secret.encode())
        known = self._known.get(credential)
        return known if known is not None else await self._look_up(credential)

    def forget(self, caller: Caller) -> None:
        """The database says this is no longer true."""
        self._known.pop(caller.credential, None)

    async def _look_up(self, credential: bytes) -> Caller | None:
        rows = await self._db.call("SELECT * FROM gate.caller($1, $2)", credential, clock.now())
        if not rows:
            return None
        row = rows[0]
        caller = Caller(
            self._tenants[row["tenant"]], row["account"], row["generation"], row["kind"], row["name"], row["agent"], row["role"],
            tuple(row["programs"]), row["acting"], tuple(row["keys"]), row["door"], row["purpose"], credential,
            row["credential_kind"] == "session",
        )  # fmt: skip
        self._known[credential] = caller
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return caller

    async def sign_in(self, tenant: Tenant, login: str, password: str, *, door: str = "staff") -> Session | None:
        """A session for a right password, else None: no such account and a wrong password cannot be told apart.

        Raises TooManyRequests after too many attempts on one login, whether or not it exists.
        """
        self._throttle.attempt(f"{tenant.number}:{login.casefold()}")
        rows = await self._db.call("SELECT * FROM gate.password($1, $2)", tenant.number, login)
        stored = rows[0]["password"] if rows else None
        if not await asyncio.to_thread(crypto.verify_password, password, stored):
            return None
        token = await self.issue(tenant, rows[0]["account"], kind="session", door=door, life=SESSION_LIFE)
        caller = await self.caller(token)
        if caller is None:
            return None
        self._throttle.forgive(f"{tenant.number}:{login.casefold()}")
        return Session(token, caller)

    async def issue(self, tenant: Tenant, account: str, *, kind: str, door: str, life: timedelta, purpose: str = "TREAT", token: str | None = None) -> str:
        """Make a secret for an account and return it; the record keeps its hash."""
        token = token or ids.new_token()
        now = clock.now()
        await self._db.call("SELECT gate.issue($1, $2, $3, $4, $5, $6, $7, $8)", tenant.number, crypto.sha256(token.encode()), account, kind, door, purpose, now, now + life)
        return token

    async def revoke(self, secret: str) -> None:
        """End a session or token at once, in every process."""
        credential = crypto.sha256(secret.encode())
        await self._db.call("SELECT gate.revoke($1, $2)", credential, clock.now())
        self._known.pop(credential, None)
