"""A partner that can be reached, a hand-off for it, and a door of ours that says what it is told to say."""

from __future__ import annotations

from typing import Any

from sojourn.base import clock
from sojourn.care.handoff import referral, sending
from sojourn.care.reaching.delivering import Courier
from sojourn.care.reaching.sender import FHIR, Arrived, Outcome, Parcel
from sojourn.care.release import sending as releases
from sojourn.gate.clockwork import Clockwork
from sojourn.gate.exchange import partners, ways
from sojourn.gate.exchange.partners import Envoys, Partner
from sojourn.gate.exchange.ways import Way
from tests.care.test_handoff import at, begun, chart
from tests.people import A, Clinic

FAX = Way(ways.FAX, "+15125550142", "one", "two", "2026-02-01T08:00:00+00:00")
DIRECT = Way(ways.DIRECT, "records@direct.lakeside.example", "one")


class Door:
    """Says what is next in `answers`, then that it arrived; remembers every parcel."""

    def __init__(self, *answers: Outcome, takes: tuple[str, ...] = (FHIR,)) -> None:
        self.takes, self.answers, self.got, self.asked, self.cancelled = takes, list(answers), list[Parcel](), list[str](), list[str]()

    def _next(self) -> Outcome:
        return self.answers.pop(0) if self.answers else Arrived("They said so.")

    async def send(self, tenant: Any, parcel: Parcel) -> Outcome:
        self.got.append(parcel)
        return self._next()

    async def ask(self, tenant: Any, parcel: Parcel, reference: str) -> Outcome:
        self.asked.append(reference)
        return self._next()

    async def cancel(self, tenant: Any, parcel: Parcel, reference: str) -> bool:
        self.cancelled.append(reference)
        return True

    async def discover(self, tenant: Any, partner: Partner, way: Way) -> str:
        return ""


AGREED = {"kind": "participation", "gives": "treatment"}
"""In force, and with a basis on which they get what goes to them."""


async def partner(clinic: Clinic, organization: str, *reached: Way, id_: str = "lakeside", state: str = "active", part2: bool = False, **more: Any) -> Partner:
    """A partner of an organization (its id) with its ways, registered as an administrator would."""
    made = Partner(id_, "Lakeside Primary Care", **{"door": "none", "part2": part2, "organization": f"Organization/{organization}", "reached": ways.facts(reached), "agreed": AGREED, **more})
    since = await clinic.owner.fetchval("SELECT known_from FROM record.exchange_partner WHERE partner = $1 AND known_to = 'infinity'", id_)
    await clinic.gate.house.db.call("SELECT gate.exchange_put_partner($1, $2, $3, $6, $5, 'test', '', $4)", A, made.id, partners.facts(made), clock.now(), since, state)
    return made


async def queued(clinic: Clinic, *reached: Way) -> tuple[str, str, str, str]:
    """(patient, consent, hand-off, delivery): one that somebody looked at and sent by the receiver's doors."""
    p, receiver, agreed = await chart(clinic)
    await partner(clinic, receiver, *reached)
    handoff = await begun(clinic, p, receiver)
    access = await at(clinic)
    seen = await referral.preview(access, handoff)
    return p, agreed, handoff.id, await sending.queue(access, handoff, seen.digest)


async def brought(clinic: Clinic, senders: dict[str, Any], rounds: int = 1) -> None:
    """What is due is brought, so many times; what waits for its time is due."""
    courier = Courier(Envoys(clinic.gate), Clockwork(clinic.gate), clinic.gate.house.tenants[A], senders, {sending.ORIGIN: sending.Told(), releases.ORIGIN: releases.Told()})
    for _ in range(rounds):
        await clinic.owner.execute("UPDATE record.exchange_message SET due = '2000-01-01' WHERE state = 'received'")
        await courier.round()
        await courier.settled()


async def state(clinic: Clinic, delivery: str) -> tuple[str, str, str]:
    """(state, way, reason) of a delivery."""
    r = await clinic.owner.fetchrow("SELECT state, version, reason FROM record.exchange_message WHERE message = $1", delivery)
    assert r is not None
    return r["state"], r["version"], r["reason"]
