"""Signing in: a first proof, then a second factor where one is needed, then a session."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base import clock, crypto, errors, ids
from sojourn.gate.caller import Caller, Tenant
from sojourn.gate.factors import Factors, NewApp
from sojourn.gate.guessing import CODES, NAMED, NAMELESS, Guessing
from sojourn.gate.identity import Identity, Session
from sojourn.gate.passkeys import Passkeys, Place
from sojourn.gate.signinrules import SignInRule, kinds, starting_rule
from sojourn.record.trail import Entry

if TYPE_CHECKING:
    from sojourn.gate.gate import House

HALF_DONE = timedelta(minutes=10)
STRONG = "mfa"
"""Said by an outside identity provider that asked for more than a password itself (RFC 8176)."""


class Visit(NamedTuple):
    """Who knocks: through which door, from where (only ever hashed), with which browser, in which request."""

    door: str
    address: str
    label: str
    request: str


@dataclass(frozen=True, slots=True)
class Pending:
    """Half signed in. `token` is the browser's; kinds: what it may be completed with; none = a second factor has to be set up first."""

    token: str
    account: str
    login: str
    methods: tuple[str, ...]
    kinds: tuple[str, ...]


class SignIn:
    """Every way in. Each attempt leaves a line of the trail that is durable before its answer; wrong ones cannot be told apart."""

    def __init__(self, house: House, identity: Identity) -> None:
        self._house = house
        self._identity = identity
        self._guessing = Guessing(house.db, house.key)
        self.factors = Factors(house.db, house.key)
        self.passkeys = Passkeys(house.db, house.key)

    # --- first ----------------------------------------------------------------------------------------------------------------

    async def password(self, tenant: Tenant, login: str, password: str, visit: Visit) -> Session | Pending | None:
        """No such account, one that may not be used and a wrong password take as long and look alike: None. Raises TooManyRequests."""
        await self._attempt(tenant, login, visit, NAMED)
        rows = await self._house.db.call("SELECT * FROM gate.password($1, $2, $3)", tenant.number, login, clock.now())
        account, stored = (rows[0]["account"], rows[0]["password"]) if rows else ("", None)
        if not await asyncio.to_thread(crypto.verify_password, password, stored):
            await self._tell(tenant, visit, "sign-in", "denied", about=account, how="password")
            return None
        await self._guessing.forgive(tenant.number, login, visit.address)
        return await self.proved(tenant, account, ("password",), visit)

    async def passkey(self, tenant: Tenant, place: Place, state: str, answer: str, visit: Visit) -> Session | None:
        """Something one has and something one knows or is, in one: no second factor is asked for. Raises TooManyRequests."""
        await self._attempt(tenant, "", visit, NAMELESS)
        account = await self.passkeys.check(tenant, place, state, answer)
        if account is None:
            await self._tell(tenant, visit, "sign-in", "denied", how="passkey")
            return None
        await self._guessing.forgive(tenant.number, "", visit.address)
        begun = await self.proved(tenant, account, ("passkey",), visit)
        return begun if isinstance(begun, Session) else None

    async def outside(self, tenant: Tenant, issuer: str, subject: str, login: str, strong: bool, visit: Visit) -> Session | Pending | None:
        """An outside identity provider vouches for a login. Nobody gets an account by this; a subject stays with its first account."""
        rows = await self._house.db.call("SELECT gate.outside($1, $2, $3, $4, $5) AS account", tenant.number, issuer, subject, login, clock.now())
        if rows[0]["account"] is None:
            await self._tell(tenant, visit, "sign-in", "denied", how="outside")
            return None
        return await self.proved(tenant, rows[0]["account"], ("outside", STRONG) if strong else ("outside",), visit)

    async def outside_again(self, caller: Caller, issuer: str, subject: str, login: str, visit: Visit) -> bool:
        """The provider vouches anew for somebody signed in: whether it is the same person, whose proof is fresh from now on."""
        rows = await self._house.db.call("SELECT gate.outside($1, $2, $3, $4, $5) AS account", caller.tenant.number, issuer, subject, login, clock.now())
        same = rows[0]["account"] == caller.account
        if same:
            rows = await self._house.db.call("SELECT gate.prove($1, 'outside', $2) AS done", caller.credential, clock.now())
        await self._tell(caller.tenant, visit, "confirm", "done" if same and rows[0]["done"] else "denied", who=caller, how="outside")
        return bool(same and rows[0]["done"])

    async def first_time(self, tenant: Tenant, name: bytes) -> bool:
        """Whether an answer of this name comes for the first time; it counts as come from now on."""
        now = clock.now()
        rows = await self._house.db.call("SELECT gate.make_ticket($1, $2, 'outside', '', '', '', $3, $3) AS made", tenant.number, name, now)
        return bool(rows[0]["made"])

    async def refused(self, tenant: Tenant, visit: Visit, how: str) -> None:
        """Write down an attempt that failed before anybody was named."""
        await self._tell(tenant, visit, "sign-in", "denied", how=how)

    # --- then ---------------------------------------------------------------------------------------------------------------

    async def proved(self, tenant: Tenant, account: str, methods: tuple[str, ...], visit: Visit) -> Session | Pending | None:
        """Go on from a first proof: a session, or what is still missing. Who has a second factor is always asked for it."""
        person = await self._person(tenant, account, visit.door)
        if person is None:
            await self._tell(tenant, visit, "sign-in", "denied", about=account, how=",".join(methods))
            return None
        rule = self._rule(person, visit.door)
        strong = "passkey" in methods or STRONG in methods
        if strong or not (rule.second or person["totp"] or person["passkeys"]):
            return await self._begin(tenant, person, methods, visit)
        token, now = ids.new_token(), clock.now()
        await self._house.db.call(
            "SELECT gate.make_ticket($1, $2, 'sign-in', $3, '', $4, $5, $6)", tenant.number, crypto.sha256(token.encode()), account, json.dumps(methods).encode(), now, now + HALF_DONE
        )
        await self._tell(tenant, visit, "sign-in", "half", about=account, how=",".join(methods))
        return _pending(token, person, methods)

    async def _person(self, tenant: Tenant, account: str, door: str) -> Any:
        rows = await self._house.db.call("SELECT * FROM gate.signing_in($1, $2, $3, $4)", tenant.number, account, door, clock.now())
        return rows[0] if rows and rows[0]["kind"] in kinds(door) else None

    def _rule(self, person: Any, door: str) -> SignInRule:
        if person["idle"] is None:
            return starting_rule(door, clock.now().date())
        return SignInRule(person["idle"], person["warning"], person["longest"], person["fresh"], person["second"])

    async def _begin(self, tenant: Tenant, person: Any, methods: Sequence[str], visit: Visit) -> Session | None:
        purpose = self._house.rules[tenant.number].purpose(person["role"])
        session = await self._identity.begin(tenant, person["account"], self._rule(person, visit.door), door=visit.door, methods=methods, label=visit.label, purpose=purpose)
        if session:
            await self._tell(tenant, visit, "sign-in", "done", who=session.caller, how=",".join(methods))
        return session

    # --- second -------------------------------------------------------------------------------------------------------------

    async def pending(self, tenant: Tenant, token: str, door: str) -> Pending | None:
        """The half-done sign-in behind a browser's token, while it lasts."""
        if not token:
            return None
        rows = await self._house.db.call("SELECT * FROM gate.ticket($1, $2, $3)", tenant.number, crypto.sha256(token.encode()), clock.now())
        person = await self._person(tenant, rows[0]["account"], door) if rows and rows[0]["kind"] == "sign-in" else None
        return _pending(token, person, tuple(json.loads(rows[0]["content"]))) if person else None

    async def second(self, tenant: Tenant, pending: Pending, kind: str, answer: str, visit: Visit, *, place: Place | None = None, state: str = "") -> Session | None:
        """Complete a half-done sign-in with a code, a recovery code or a passkey. Raises TooManyRequests."""
        key = f"second\0{pending.account}"
        await self._attempt(tenant, key, visit, CODES)
        if not (kind in pending.kinds and await self._right(tenant, pending.account, kind, answer, place, state)):
            await self._tell(tenant, visit, "sign-in", "denied", about=pending.account, how=kind)
            return None
        await self._guessing.forgive(tenant.number, key, visit.address)
        return await self._complete(tenant, pending, kind, visit)

    async def set_up_app(self, tenant: Tenant, pending: Pending) -> NewApp | None:
        """The authenticator app that somebody sets up who has no second factor yet and needs one."""
        return None if pending.kinds else await self.factors.begun_app(tenant, pending.account, pending.login)

    async def second_set_up(self, tenant: Tenant, pending: Pending, code: str, visit: Visit) -> tuple[Session, list[str]] | None:
        """A code of the app just set up: the app counts from now on, the sign-in is complete, and recovery codes are given out."""
        if pending.kinds:
            return None
        key = f"second\0{pending.account}"
        await self._attempt(tenant, key, visit, CODES)
        if not await self.factors.check_app(tenant, pending.account, code, begun=True):
            await self._tell(tenant, visit, "factor-add", "failed", about=pending.account, how="totp")
            return None
        await self._guessing.forgive(tenant.number, key, visit.address)
        session = await self._complete(tenant, pending, "totp", visit)
        if session is None:
            return None
        await self._tell(tenant, visit, "factor-add", "done", who=session.caller, how="totp,recovery")
        return session, await self.factors.new_recovery(tenant, pending.account)

    async def _complete(self, tenant: Tenant, pending: Pending, kind: str, visit: Visit) -> Session | None:
        used = await self._house.db.call("SELECT * FROM gate.use_ticket($1, $2, '{sign-in}', $3)", tenant.number, crypto.sha256(pending.token.encode()), clock.now())
        person = await self._person(tenant, pending.account, visit.door) if used else None
        return await self._begin(tenant, person, (*pending.methods, kind), visit) if person else None

    async def _right(self, tenant: Tenant, account: str, kind: str, answer: str, place: Place | None, state: str) -> bool:
        if kind == "totp":
            return await self.factors.check_app(tenant, account, answer)
        if kind == "recovery":
            return await self.factors.use_recovery(tenant, account, answer)
        return kind == "passkey" and place is not None and await self.passkeys.check(tenant, place, state, answer, account) == account

    # --- again ----------------------------------------------------------------------------------------------------------------

    async def ways_to_confirm(self, caller: Caller) -> tuple[str, ...]:
        """How somebody signed in may prove again that it is them."""
        person = await self._person(caller.tenant, caller.account, caller.door)
        rows = await self._house.db.call("SELECT gate.password_of($1, $2, $3) AS password", caller.tenant.number, caller.account, clock.now())
        has = {"password": bool(rows[0]["password"]), "totp": bool(person and person["totp"]), "passkey": bool(person and person["passkeys"])}
        return tuple(kind for kind, there in has.items() if there)

    async def confirm(self, caller: Caller, kind: str, answer: str, visit: Visit, *, place: Place | None = None, state: str = "") -> Caller | None:
        """Somebody signed in proves again who they are: the caller with the new time. None if the proof is wrong. Raises TooManyRequests."""
        tenant = caller.tenant
        key = f"confirm\0{caller.account}"
        await self._attempt(tenant, key, visit, CODES)
        if kind == "password":
            rows = await self._house.db.call("SELECT gate.password_of($1, $2, $3) AS password", tenant.number, caller.account, clock.now())
            right = await asyncio.to_thread(crypto.verify_password, answer, rows[0]["password"])
        else:
            right = kind in ("totp", "passkey") and await self._right(tenant, caller.account, kind, answer, place, state)
        if right:
            await self._guessing.forgive(tenant.number, key, visit.address)
            rows = await self._house.db.call("SELECT gate.prove($1, $2, $3) AS done", caller.credential, kind, clock.now())
            right = rows[0]["done"]
        await self._tell(tenant, visit, "confirm", "done" if right else "denied", who=caller, how=kind)
        return await self._identity.again(caller) if right else None

    async def take_back(self, caller: Caller, kind: str, answer: str, visit: Visit, *, place: Place | None = None, state: str = "") -> Session | None:
        """The owner of a device that was handed over proves who they are: a new session of theirs, and what was handed over ends.

        None if the proof is wrong. Raises TooManyRequests.
        """
        tenant, key = caller.tenant, f"confirm\0{caller.account}"
        await self._attempt(tenant, key, visit, CODES)
        if kind == "password":
            rows = await self._house.db.call("SELECT gate.password_of($1, $2, $3) AS password", tenant.number, caller.account, clock.now())
            right = await asyncio.to_thread(crypto.verify_password, answer, rows[0]["password"])
        else:
            right = kind in ("totp", "passkey") and await self._right(tenant, caller.account, kind, answer, place, state)
        person = await self._person(tenant, caller.account, visit.door) if right else None
        if person is None:
            await self._tell(tenant, visit, "take-back", "denied", who=caller, how=kind)
            return None
        await self._guessing.forgive(tenant.number, key, visit.address)
        await self._house.db.call("SELECT gate.revoke($1, $2)", caller.credential, clock.now())
        self._identity.forget(caller)
        return await self._begin(tenant, person, (*(m for m in caller.methods if m != kind), kind), visit)

    async def _attempt(self, tenant: Tenant, who: str, visit: Visit, counts: Sequence[str]) -> None:
        """Count an attempt. One too many is in the trail, too; whom it was about is not looked up."""
        try:
            await self._guessing.attempt(tenant.number, who, visit.address, counts)
        except errors.TooManyRequests:
            await self._tell(tenant, visit, "sign-in", "denied", how="too-many")
            raise

    async def _tell(self, tenant: Tenant, visit: Visit, action: str, outcome: str, *, who: Caller | None = None, about: str = "", how: str = "") -> None:
        """A line of the trail. Whom a failed attempt was about is in what was asked: nobody acted yet."""
        account, role = (who.account, who.role) if who else ("", "")
        query = "&".join(f"{k}={v}" for k, v in (("about", about), ("how", how)) if v)
        await self._house.trail.record(tenant.number, Entry(clock.now(), visit.request, account, role, visit.door, "", action, outcome, "Login", query))


def _pending(token: str, person: Any, methods: tuple[str, ...]) -> Pending:
    kinds = tuple(kind for kind, count in (("totp", person["totp"]), ("passkey", person["passkeys"]), ("recovery", person["recovery"])) if count)
    # Recovery codes alone are what is left of factors that were removed: they do not stand in for setting one up.
    return Pending(token, person["account"], person["login"], methods, kinds if set(kinds) & {"totp", "passkey"} else ())
