"""One subscriber's turn: what may be told is found and numbered, and what came of it is kept.

A number is used up when the receiver has, or may have, what it stands for. What was certainly not taken is decided anew before the next attempt, and
numbers close up over what may no longer be told.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from sojourn.base import clock, crypto, ids
from sojourn.base.errors import StaleCredential
from sojourn.fhir import codec
from sojourn.gate import disclosing, feed
from sojourn.gate.subscriptions import asking, deciding
from sojourn.gate.subscriptions.model import ACTIVE, Facts
from sojourn.record import subscriptions

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.caller import Tenant
    from sojourn.gate.gate import Gate

LEASE: Final = timedelta(seconds=90)
OF_ONE: Final = 2
"""Subscriptions of one account that are told at a time, in all processes."""
_KEPT: Final = timedelta(days=30)
_IN_ERROR: Final = timedelta(days=7)
_BIGGEST: Final = 2**62
_MOST: Final = 1000
_WAITING: Final = 5000
"""Changes that are looked at in one turn."""


class Line(NamedTuple):
    """One event as it is told. body: the resource in its JSON, None for a deletion."""

    number: int
    kind: str
    type: str
    id: str
    at: datetime
    body: bytes | None


class Turn(NamedTuple):
    """A subscription that has something to tell. number: of the last event; refused: the receiver certainly does not have what is being told; beat: when it is told that all is well."""

    tenant: Tenant
    id: str
    facts: Facts
    state: str
    number: int
    refused: bool
    tries: int
    beat: datetime | None
    expires: datetime
    credential: bytes


class Working:
    """Takes turns for one process."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._runner = ids.new_id("runner")

    async def take(self) -> Turn | None:
        """The next subscription that has something to tell; nobody else has it until the lease ends."""
        now = clock.now()
        row = await subscriptions.claim(self._gate.house.db, now, self._runner, now + LEASE, OF_ONE)
        if row is None:
            return None
        tenant = self._gate.house.known[row["tenant"]]
        facts = asking.opened(self._gate.house, tenant.number, row["subscription"], row["facts"])
        return Turn(tenant, row["subscription"], facts, row["state"], row["number"], row["refused"], row["tries"], None if row["heartbeat"].year > 9000 else row["heartbeat"], row["expires"], row["credential"])

    async def access(self, turn: Turn) -> Access | None:
        """As whom it is decided: the caller as they stand now; None where they were stopped. Raises StaleCredential where rules changed in between."""
        caller = await self._gate.identity.of(turn.credential)
        return None if caller is None else self._gate.access_of(await self._gate.current(caller), ids.new_id("request"))

    async def lines(self, turn: Turn, access: Access) -> list[Line]:
        """What is told now: what was being told and was not taken, else the next of what waits; each decided at this moment."""
        return await self._again(turn, access) or await self._next(turn, access)

    async def _again(self, turn: Turn, access: Access) -> list[Line]:
        db, tenant = self._gate.house.db, turn.tenant.number
        open_ = await subscriptions.events(db, tenant, turn.id, 0, _BIGGEST, sent=False, most=_MOST)
        if not open_:
            return []
        seen = await deciding.known(access, turn.facts, [(e["kind"], e["type"], e["id"]) for e in open_])
        lost = [e["number"] for e in open_ if (e["kind"], e["type"], e["id"]) not in seen]
        if lost and turn.refused:
            await subscriptions.withdraw(db, tenant, turn.id, self._runner, lost)
            open_ = await subscriptions.events(db, tenant, turn.id, 0, _BIGGEST, sent=False, most=_MOST)
        told = [(e, seen[event]) for e in open_ if (event := (e["kind"], e["type"], e["id"])) in seen]
        if open_ and not told:  # all of it may have been taken, and none may be told again
            await subscriptions.told_all(db, tenant, turn.id, self._runner)
        return [Line(e["number"], e["kind"], e["type"], e["id"], e["at"], stored.body if stored is not None else None) for e, stored in told]

    async def _next(self, turn: Turn, access: Access) -> list[Line]:
        db, tenant, now = self._gate.house.db, turn.tenant.number, clock.now()
        # All that waits is looked at, and as many as fit are told: where a notification ends must not show what lay between.
        waiting = await subscriptions.take(db, tenant, turn.id, _WAITING)
        if not waiting:
            return []
        changes = [(w["kind"], w["type"], w["id"]) for w in waiting]
        before = await subscriptions.told(db, tenant, turn.id, list(dict.fromkeys((t, i) for _, t, i in changes)))
        stands = (await subscriptions.some(db, tenant, [turn.id]))[0]
        found = await deciding.told(access, turn.facts, changes, before, stands["begun"])
        some = found[: turn.facts.most]
        later = {(t.type, t.id) for t in found[turn.facts.most :]}
        done = [w["n"] for w in waiting if (w["type"], w["id"]) not in later]
        last = await subscriptions.decided(db, tenant, turn.id, self._runner, now, done, [(t.kind, t.type, t.id, t.version) for t in some])
        if last is None:
            raise StaleCredential  # ended or begun anew meanwhile: another turn
        return [Line(last + n, t.kind, t.type, t.id, now, t.stored.body if t.stored is not None else None) for n, t in enumerate(some, 1)]

    async def number(self, turn: Turn) -> int:
        """Of the last event, now."""
        return int((await subscriptions.some(self._gate.house.db, turn.tenant.number, [turn.id]))[0]["number"])

    async def sending(self, turn: Turn, access: Access, lines: Sequence[Line], body: bytes) -> bytes | None:
        """What is sent; from here on the receiver may have it, whatever becomes of us. None where it is no longer this turn's.

        To somebody outside it is a disclosure, written down before it leaves, once for what it says: while that stays the same, the very bytes that were
        written down are sent again.
        """
        house, tenant = self._gate.house, turn.tenant.number
        lease, kept = clock.now() + LEASE, ""
        out = await disclosing.prepare(access, body, spoken=[codec.loads(line.body) for line in lines if line.body is not None]) if access.caller.outside and lines else None
        if out is not None:
            body = out.body
        if out is not None and out.shows:
            digest = disclosing.digest_of(out.notice, out.scope, *out.consents, *(f"{n.number} {n.kind} {n.type}/{n.id} {crypto.sha256_hex(n.body or b'')}" for n in lines))
            before, _, disclosure = (await subscriptions.some(house.db, tenant, [turn.id]))[0]["leaving"].partition(" ")
            if before == digest and (same := await disclosing.again(access, disclosure)) is not None:
                body, kept = same, f"{digest} {disclosure}"
            else:
                async with house.db.together() as transaction:  # both or none: what is written down once is not written down again
                    disclosure = await disclosing.record(feed.Turn(tenant, transaction).inside(access), out, body)
                    mine = await subscriptions.sending(transaction, tenant, turn.id, self._runner, lease, f"{digest} {disclosure}")
                return body if mine else None
        return body if await subscriptions.sending(house.db, tenant, turn.id, self._runner, lease, kept) else None

    async def settle(self, turn: Turn, *, state: str = ACTIVE, refused: bool = True, told: bool = False, reason: str = "", tries: int = 0, due: datetime, beat: datetime | None = None) -> None:
        """What came of it; the turn is over."""
        await subscriptions.settle(
            self._gate.house.db, turn.tenant.number, turn.id, self._runner, told_=told, refused=refused, state=state, reason=reason, tries=tries, due=due, heartbeat=beat
        )

    async def end(self, turn: Turn, reason: str) -> None:
        """Nothing more is told."""
        await subscriptions.end(self._gate.house.db, turn.tenant.number, turn.id, reason)

    async def sweep(self) -> None:
        """Forget what was told long ago; end what has been in error for a week."""
        await subscriptions.sweep(self._gate.house.db, clock.now() - _KEPT, clock.now() - _IN_ERROR)
