"""Authenticator apps (TOTP) and recovery codes: given out, checked, used up."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from sojourn.base import clock, crypto, ids
from sojourn.base.crypto import ServerKey
from sojourn.base.db import Database
from sojourn.gate.caller import Tenant

STEP = 30
_DIGITS = 6
_RECOVERY = 10
_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"  # none that are taken for another when copied by hand


@dataclass(frozen=True, slots=True)
class Factor:
    """One thing that an account proves itself with. kind: totp, passkey, recovery."""

    id: str
    kind: str
    name: str
    created: datetime
    confirmed: datetime | None
    used: datetime | None


@dataclass(frozen=True, slots=True)
class NewApp:
    """An authenticator app about to be set up. `uri` is what its camera reads, `secret` the same to type (RFC 6238, RFC 4226)."""

    factor: str
    secret: str
    uri: str


class Factors:
    """What accounts prove themselves with beside a password. Secrets lie encrypted with the server key, codes as keyed hashes."""

    def __init__(self, db: Database, key: ServerKey) -> None:
        self._db = db
        self._key = key

    async def of(self, tenant: Tenant, account: str) -> list[Factor]:
        """Those that count, and those begun."""
        return [Factor(r["factor"], r["kind"], r["name"], r["created"], r["confirmed"], r["used"]) for r in await self._rows(tenant, account)]

    async def _rows(self, tenant: Tenant, account: str) -> list[Any]:
        return await self._db.call("SELECT * FROM gate.factors($1, $2, $3)", tenant.number, account, clock.now())

    # --- authenticator apps -------------------------------------------------------------------------------------------------

    async def begin_app(self, tenant: Tenant, account: str, login: str) -> NewApp:
        """A new secret; it counts only once a code made from it was shown. One begun earlier and never shown makes way."""
        factor, secret = ids.new_id("factor"), ids.random_bytes("totp", 20)
        sealed = self._key.seal("totp", secret, _context(tenant, account)).encode()
        await self._db.call("SELECT gate.add_factor($1, $2, $3, 'totp', 'Authenticator app', $4, NULL, 0, false, $5)", tenant.number, factor, account, sealed, clock.now())
        return self._new_app(tenant, login, factor, secret)

    async def begun_app(self, tenant: Tenant, account: str, login: str) -> NewApp:
        """The one that was begun, to show again after a wrong code; a new one if there is none."""
        for row in await self._rows(tenant, account):
            if row["kind"] == "totp" and row["confirmed"] is None:
                return self._new_app(tenant, login, row["factor"], self._opened(tenant, account, row))
        return await self.begin_app(tenant, account, login)

    def _new_app(self, tenant: Tenant, login: str, factor: str, secret: bytes) -> NewApp:
        text = base64.b32encode(secret).decode().rstrip("=")
        label = quote(f"{tenant.name}:{login}")
        return NewApp(factor, text, f"otpauth://totp/{label}?secret={text}&issuer={quote(tenant.name)}&digits={_DIGITS}&period={STEP}")

    def _opened(self, tenant: Tenant, account: str, row: Any) -> bytes:
        return self._key.open("totp", bytes(row["secret"]).decode(), _context(tenant, account))

    async def check_app(self, tenant: Tenant, account: str, code: str, *, begun: bool = False) -> bool:
        """Whether this is a code of now, of half a minute ago or of half a minute ahead, that was not used before.

        `begun`: of an app being set up, which counts from then on.
        """
        code = "".join(code.split())
        now = int(clock.now().timestamp()) // STEP
        for row in await self._rows(tenant, account):
            if row["kind"] != "totp" or (row["confirmed"] is None) != begun:
                continue
            made = TOTP(self._opened(tenant, account, row), _DIGITS, SHA1(), STEP, enforce_key_length=False)  # noqa: S303 - HMAC-SHA-1 is what RFC 6238 says
            steps = [step for step in (now, now - 1, now + 1) if crypto.same(made.generate(step * STEP), code.encode())]
            if steps and await self._used(tenant, account, row["factor"], steps[0]):
                return True
        return False

    async def _used(self, tenant: Tenant, account: str, factor: str, step: int) -> bool:
        rows = await self._db.call("SELECT gate.use_totp($1, $2, $3, $4, $5) AS done", tenant.number, account, factor, step, clock.now())
        return bool(rows[0]["done"])

    # --- recovery codes -----------------------------------------------------------------------------------------------------

    async def new_recovery(self, tenant: Tenant, account: str) -> list[str]:
        """Ten codes, each good once, to be shown now and never again. Those given out before are worth nothing from now on."""
        codes = ["-".join("".join(_LETTERS[b % len(_LETTERS)] for b in ids.random_bytes("recovery", 5)) for _ in range(2)) for _ in range(_RECOVERY)]
        await self._db.call(
            "SELECT gate.new_recovery($1, $2, $3, $4, $5)", tenant.number, account, [ids.new_id("factor") for _ in codes],
            [self._hash(tenant, account, c) for c in codes], clock.now(),
        )  # fmt: skip
        return codes

    async def use_recovery(self, tenant: Tenant, account: str, code: str) -> bool:
        """Whether it was one of the codes; it is none any more."""
        rows = await self._db.call("SELECT gate.use_recovery($1, $2, $3, $4) AS done", tenant.number, account, self._hash(tenant, account, code), clock.now())
        return bool(rows[0]["done"])

    def _hash(self, tenant: Tenant, account: str, code: str) -> bytes:
        """Keyed: 49 random bits would be too few for a plain hash that anybody could try."""
        letters = "".join(c for c in code.casefold() if c in _LETTERS)
        return self._key.sign("recovery", _context(tenant, account) + b"\0" + letters.encode())


def _context(tenant: Tenant, account: str) -> bytes:
    return f"{tenant.number}\0{account}".encode()
