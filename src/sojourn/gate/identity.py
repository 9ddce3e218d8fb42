"""Who is behind a session or token: a secret becomes a Caller, as long as it lasts."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sojourn.base import clock, crypto, errors, ids
from sojourn.base.db import Database
from sojourn.gate.caller import Caller, Tenant
from sojourn.gate.reach import program_key
from sojourn.gate.signinrules import SignInRule

_REMEMBERED = 10_000
_TOUCH = timedelta(minutes=1)  # gate.touch grants this much more, so that nobody is signed out early for what was saved here


@dataclass(frozen=True, slots=True)
class Session:
    """A fresh sign-in. `token` is shown once: only its hash is kept."""

    token: str
    caller: Caller


@dataclass(slots=True)
class _Known:
    caller: Caller
    expires: datetime
    touched: datetime


async def denied(db: Database, caller: Caller) -> Caller:
    """A member of staff with whether a patient forbade them anything, now; anybody else as they are, also a system, which no patient knows."""
    return (await all_denied(db, [caller]))[0]


async def all_denied(db: Database, callers: Sequence[Caller]) -> list[Caller]:
    """The same for several of one organization, in one statement, which is not asked where it is about nobody."""
    named = [(n, name) for n, c in enumerate(callers) if c.kind == "staff" for name in (*c.keys, *(program_key(p) for p in c.programs))]
    if not named:
        return list(callers)
    rows = await db.call(
        "SELECT k.n, gate.is_denied($1, array_agg(k.name), $4) AS denied FROM unnest($2::int[], $3::text[]) AS k(n, name) GROUP BY k.n",
        callers[0].tenant.number, [n for n, _ in named], [name for _, name in named], clock.now(),
    )  # fmt: skip
    found = {row["n"]: row["denied"] for row in rows}
    return [replace(c, denied=found[n]) if n in found else c for n, c in enumerate(callers)]


class Identity:
    """Looks callers up by the hash of their secret.

    What is remembered here is only a shortcut: every statement checks in the database that the credential still holds and that
    its account acts as it did (`gate.alive`), so a revocation takes effect with the next statement of every process.
    """

    def __init__(self, db: Database, tenants: Mapping[int, Tenant], read: Callable[[], Awaitable[None]]) -> None:
        """read: reads the tenants again, where one is not known: another process made a test bench."""
        self._db = db
        self._tenants = tenants
        self._read = read
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    async def caller(self, secret: str) -> Caller | None:
        """Who is behind a bearer token or session secret, or None."""
        credential = crypto.sha256(secret.encode())
        known = self._known.get(credential)
        if known is None or known.expires <= clock.now():
            known = await self._look_up(credential)
        return known.caller if known else None

    async def of(self, credential: bytes) -> Caller | None:
        """Who is behind a credential that is known by its hash alone, as the database knows it now; or None."""
        known = await self._look_up(credential)
        return known.caller if known else None

    def forget(self, caller: Caller) -> None:
        """The database says this is no longer true."""
        self._known.pop(caller.credential, None)

    async def again(self, caller: Caller) -> Caller | None:
        """The same caller as the database knows it now."""
        return await self.of(caller.credential)

    async def _look_up(self, credential: bytes) -> _Known | None:
        self._known.pop(credential, None)
        rows = await self._db.call("SELECT * FROM gate.caller($1, $2)", credential, clock.now())
        if not rows:
            return None
        row = rows[0]
        if row["tenant"] not in self._tenants:
            await self._read()
        caller = Caller(
            self._tenants[row["tenant"]], row["account"], row["generation"], row["kind"], row["name"], row["agent"], row["role"],
            tuple(row["programs"]), row["acting"], tuple(row["keys"]), row["door"], row["purpose"], credential,
            row["credential_kind"] == "session", row["idle"], row["warning"], row["fresh"], row["ends"], row["proved"], tuple(row["methods"]),
            row["scopes"], row["patient"],
        )  # fmt: skip
        known = self._known[credential] = _Known(caller, row["expires"], clock.now() - _TOUCH)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return known

    async def used(self, caller: Caller) -> bool:
        """Move the idle limit of a session on, with at most one statement a minute; False when the session is over."""
        known = self._known.get(caller.credential)
        now = clock.now()
        if caller.idle is None or known is None or now - known.touched < _TOUCH:
            return True
        rows = await self._db.call("SELECT gate.touch($1, $2) AS expires", caller.credential, now)
        if rows[0]["expires"] is None:
            self.forget(caller)
            return False
        known.expires, known.touched = rows[0]["expires"], now
        return True

    async def begin(self, tenant: Tenant, account: str, rule: SignInRule, *, door: str, methods: Sequence[str], label: str = "", purpose: str = "TREAT") -> Session | None:
        """A session with a secret of its own; None when the account may not be used."""
        token = ids.new_token()
        rows = await self._db.call(
            "SELECT gate.begin_session($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) AS begun", tenant.number, crypto.sha256(token.encode()), account,
            door, purpose, rule.idle, rule.warning, rule.longest, rule.fresh, list(methods), label[:80], clock.now(),
        )  # fmt: skip
        caller = await self.caller(token) if rows[0]["begun"] else None
        return Session(token, caller) if caller else None

    async def issue(self, tenant: Tenant, account: str, *, kind: str, door: str, life: timedelta, purpose: str = "TREAT", token: str | None = None) -> str:
        """Make a secret for an account and return it; the record keeps its hash. Raises NotFound unless the account is active."""
        token = token or ids.new_token()
        now = clock.now()
        rows = await self._db.call(
            "SELECT gate.issue($1, $2, $3, $4, $5, $6, $7, $8) AS issued", tenant.number, crypto.sha256(token.encode()), account, kind, door, purpose, now, now + life
        )
        if not rows[0]["issued"]:
            raise errors.NotFound("There is no active account of that name.")
        return token

    async def revoke(self, secret: str) -> None:
        """End a session or token at once, in every process."""
        credential = crypto.sha256(secret.encode())
        await self._db.call("SELECT gate.revoke($1, $2)", credential, clock.now())
        self._known.pop(credential, None)
