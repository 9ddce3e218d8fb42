"""What goes out to partners: what may have to be told, decided and written down when it leaves.

Nobody but the privacy officer learns that something was held back: what may have to be told is no message until the gate lets it leave, and its place in
any order is no number that anybody sees. What a partner was told last is kept as they were shown it; from that, and from what they are shown
now, follows what comes next. A change of something hidden from them so leads to no message.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sojourn.base import clock, errors, ids
from sojourn.gate import disclosing, relationships
from sojourn.gate.access import Access
from sojourn.gate.consenting.membership import answers_to
from sojourn.gate.exchange import partners, profile
from sojourn.gate.exchange.keeping import MAPPED, PURPOSE, RECEIVED, context
from sojourn.gate.exchange.messages import Result
from sojourn.gate.feed import Turn
from sojourn.record import exchange, exchangeout, exchangeowed

if TYPE_CHECKING:
    from sojourn.base.db import Database, Transaction
    from sojourn.gate.disclosing import Outgoing
    from sojourn.gate.exchange.partners import Envoys, Partner
    from sojourn.gate.exchange.profile import Profile
    from sojourn.gate.gate import House

ROLE: Final = "recipient"
DOOR: Final = "hl7v2"
MEDIA: Final = "x-application/hl7-v2+er7"
_LEASE: Final = timedelta(seconds=20)
"""For how long, beside waiting for the answer, something is one process's to do; after a fall another does it then."""


class Subject(NamedTuple):
    """What may have to be told: which resource, and whose. patient: its id, '' for an acknowledgement."""

    type: str
    id: str
    patient: str


class Intent(NamedTuple):
    """A subject that is to be decided now."""

    id: str
    about: bytes
    lane: bytes
    subject: Subject
    tries: int


class Leaving(NamedTuple):
    """A message that is to leave now. job: what it is made from, as its maker keeps it. sent: whether it may have left before."""

    id: str
    control: str
    kind: str
    tries: int
    body: bytes
    job: dict[str, Any]
    about: bytes
    lane: bytes
    sent: bool


def _lane(house: House, tenant: int, partner: str, patient: str) -> bytes:
    return house.key.sign("exchange out lane", f"{tenant}\0{partner}\0{patient}".encode())


def _about(house: House, tenant: int, partner: str, type_: str, id_: str) -> bytes:
    return house.key.sign("exchange out about", f"{tenant}\0{partner}\0{type_}/{id_}".encode())


def _sealed(house: House, tenant: int, what: str, value: Any) -> bytes:
    return house.key.encrypt(PURPOSE, json.dumps(value).encode(), context(tenant, what))


def _opened(house: House, tenant: int, what: str, sealed: bytes) -> Any:
    return json.loads(house.key.decrypt(PURPOSE, bytes(sealed), context(tenant, what)))


async def answered(turn: Database, house: House, tenant: int, partner: str, orders: Iterable[str]) -> None:
    """Something of theirs about these orders (ids of ServiceRequests) is filed, in the transaction in which it is."""
    if abouts := [_about(house, tenant, partner, "ServiceRequest", o) for o in orders]:
        await exchangeowed.close(turn, tenant, clock.now(), abouts)


async def intend(house: House, tenant: int, wanted: Sequence[tuple[str, Subject]], turn: Turn | None = None) -> None:
    """Remember that partners (by id) may have to be told of these. turn: of the follower that found them."""
    rows = []
    for partner, s in wanted:
        id_ = ids.new_id()
        rows.append((id_, partner, _lane(house, tenant, partner, s.patient), _about(house, tenant, partner, s.type, s.id), _sealed(house, tenant, id_, s)))
    if rows:
        await exchangeout.intend(turn.db if turn else house.db, tenant, clock.now(), rows)


async def sending(house: House, tenant: int) -> list[tuple[Partner, Profile]]:
    """The active partners that get messages, each with what was agreed."""
    found = [partners.of_row(r) for r in await exchange.partners(house.db, tenant)]
    return [(p, out) for p in found if p.active and (out := profile.of(p.sending)).on]


async def recipient(envoys: Envoys, tenant: Any, partner: Partner, purpose: str, subject: Subject | None = None) -> Access:
    """The partner, asking for the record themselves for that purpose: what they may be shown is what may leave to them. Raises StaleCredential, Unavailable.

    subject: what they are told of; the end of an order they are told without having to do with the patient any more.
    """
    own = await envoys.access(tenant, partner)
    types = []
    if partner.organization.startswith("Organization/"):
        found = (await own.search("Organization", [("_id", partner.organization.removeprefix("Organization/"))], count=1)).resources
        types = [c["code"] for r in found for concept in r.get("type", ()) for c in concept.get("coding", ()) if c.get("code")]
    keys = (partner.organization, *answers_to(partner.organization, types)) if partner.organization else ()
    if partner.organization and subject is not None and subject.type == "ServiceRequest":
        keys = (*keys, relationships.of_order(subject.id, partner.organization))
    made = Access(own.house, replace(own.caller, kind="organization", agent=partner.organization or None, role=ROLE, programs=(), keys=keys, purpose=purpose, door=DOOR), own.request)
    made.now = own.now
    return made


class Outbox:
    """What waits for one partner of one organization."""

    def __init__(self, house: House, tenant: int, partner: Partner, wait: float) -> None:
        """wait: seconds that an answer is waited for."""
        self._house, self._tenant, self._partner, self._wait = house, tenant, partner, timedelta(seconds=wait)

    # --- what may have to be told -------------------------------------------------------------------------------------------

    async def next(self, most: int = 20) -> list[Intent]:
        """Take the next subjects."""
        now = clock.now()
        rows = await exchangeout.intents(self._house.db, self._tenant, self._partner.id, now, now + _LEASE, most)
        return [Intent(r["intent"], bytes(r["about"]), bytes(r["lane"]), Subject(*_opened(self._house, self._tenant, r["intent"], r["subject"])), r["tries"]) for r in rows]

    async def drop(self, one: Intent) -> None:
        """There is nothing to tell."""
        await exchangeout.untold(self._house.db, self._tenant, clock.now(), one.id, "", clock.now())

    async def withhold(self, one: Intent) -> None:
        """It may not leave."""
        await exchangeout.untold(self._house.db, self._tenant, clock.now(), one.id, "withheld", clock.now())

    async def later(self, one: Intent, seconds: float) -> None:
        """It could not be decided now."""
        await exchangeout.untold(self._house.db, self._tenant, clock.now(), one.id, "waiting", clock.now() + timedelta(seconds=seconds))

    async def told(self, about: bytes) -> tuple[dict[str, Any] | None, str]:
        """What the partner was last told, and by which message."""
        row = await exchangeout.told(self._house.db, self._tenant, about)
        return (_opened(self._house, self._tenant, about.hex(), row["facts"]), str(row["message"])) if row is not None else (None, "")

    async def close(self, about: bytes) -> None:
        """What was asked about this is no longer to be answered: the order was cancelled."""
        await exchangeowed.close(self._house.db, self._tenant, clock.now(), [about])

    async def tell(self, about: bytes, facts: Mapping[str, Any]) -> None:
        """Count something as told for which no message was agreed."""
        await exchangeout.tell(self._house.db, self._tenant, clock.now(), self._partner.id, about, _sealed(self._house, self._tenant, about.hex(), dict(facts)))

    async def make(self, one: Intent | None, control: str, kind: str, version: str, body: bytes, job: Mapping[str, Any], result: Result) -> str | None:
        """Keep a message that is to leave; its id, or None where it was made already. one: what it tells; None for an acknowledgement."""
        id_, house, tenant = ids.new_id(), self._house, self._tenant
        lane = one.lane if one is not None else house.key.sign("exchange out lane", id_.encode())
        sealed = house.key.encrypt(PURPOSE, json.dumps(result._asdict()).encode(), context(tenant, id_))
        done = await exchangeout.made(
            house.db, tenant, clock.now(), one.id if one else "", id_, self._partner.id, DOOR, control, house.key.sign("exchange digest", body), kind, version, lane, len(body),
            house.key.encrypt(PURPOSE, body, context(tenant, id_)), _sealed(house, tenant, id_, dict(job)), one.about if one else None, sealed,
        )  # fmt: skip
        return id_ if done else None

    # --- what leaves --------------------------------------------------------------------------------------------------------

    async def leave(self) -> Leaving | None:
        """Take the next message that is to leave."""
        now = clock.now()
        r = await exchangeout.leave(self._house.db, self._tenant, self._partner.id, now, now + _LEASE + self._wait)
        if r is None:
            return None
        return self.read(r)

    def read(self, r: Mapping[str, Any]) -> Leaving:
        """A message of a row."""
        body = self._house.key.decrypt(PURPOSE, bytes(r["body"]), context(self._tenant, r["message"]))
        job = _opened(self._house, self._tenant, r["message"], r["job"]) if r["job"] is not None else {}
        return Leaving(r["message"], r["control"], r["kind"], r["tries"], body, job, bytes(r["about"] or b""), bytes(r["lane"]), r["sent"] is not None)

    def within(self, transaction: Transaction) -> Outbox:
        """The same, in a transaction."""
        return Outbox(replace(self._house, db=transaction), self._tenant, self._partner, self._wait.total_seconds())

    async def left(self, access: Access | None, one: Leaving, body: bytes, job: Mapping[str, Any], out: Outgoing | None) -> bool:
        """Write down what leaves, with the bytes as they leave, before they do; False where it may not leave any more. access: the recipient's.

        The same bytes sent again are the same disclosure.
        """
        house, tenant = self._house, self._tenant
        again = one.sent and body == one.body and bool(one.job.get("disclosure"))
        async with house.db.together() as transaction:
            said = dict(job)
            if out is not None and access is not None and out.shows:
                said["disclosure"] = one.job["disclosure"] if again else await disclosing.record(Turn(tenant, transaction).inside(access), out, body, recipient=self._partner.organization, channel=DOOR, media=MEDIA)
            sealed = house.key.encrypt(PURPOSE, body, context(tenant, one.id))
            return await exchangeout.leaving(transaction, tenant, clock.now(), one.id, sealed, len(body), house.key.sign("exchange digest", body), _sealed(house, tenant, one.id, said))

    async def settle(self, one: Leaving, state: str, reason: str = "", *, again: float = 0.0, facts: Mapping[str, Any] | None = None, result: Result | None = None) -> None:
        """Say what became of it. again: seconds until it is sent again, for one that stays received. facts: what the partner knows now."""
        house, tenant, now = self._house, self._tenant, clock.now()
        known = _sealed(house, tenant, one.about.hex(), dict(facts)) if facts is not None and state == MAPPED and one.about else None
        sealed = house.key.encrypt(PURPOSE, json.dumps(result._asdict()).encode(), context(tenant, one.id)) if result is not None else None
        await exchangeout.sent(house.db, tenant, now, one.id, state, reason[:500], now + timedelta(seconds=again if state == RECEIVED else 0), known, sealed)

    # --- application acknowledgements ---------------------------------------------------------------------------------------

    async def unanswered(self, since: datetime, most: int = 50) -> list[tuple[str, bytes, str]]:
        """(id, bytes, state) of messages that came and were looked at, and may want an application acknowledgement."""
        rows = await exchangeout.unanswered(self._house.db, self._tenant, self._partner.id, since, most)
        return [(r["message"], self._house.key.decrypt(PURPOSE, bytes(r["body"]), context(self._tenant, r["message"])), r["state"]) for r in rows]

    async def answer(self, message: str, control: str, kind: str, version: str, body: bytes | None) -> None:
        """Keep the acknowledgement of a message that came, once; None where it wants none."""
        async with self._house.db.together() as transaction:
            if await exchangeout.answered(transaction, self._tenant, clock.now(), message) and body is not None:
                await self.within(transaction).make(None, control, kind, version, body, {"answers": message}, Result())


# --- what was held back, for the privacy officer --------------------------------------------------------------------------------

WITHHELD: Final = (("Exchange", "operate"), ("Exchange", "withheld"), ("Patient", "search"))
PAGE: Final = 60
_SOME: Final = 60


class HeldBack(NamedTuple):
    """Something that was not told to a partner because it may not be. resource: what it is about, as the caller sees it."""

    id: str
    n: int
    partner: str
    subject: Subject
    made: datetime
    resource: Mapping[str, Any] = {}


async def held_back(access: Access) -> list[HeldBack]:
    """What was held back from partners, the last first, of what the caller may see; at most PAGE."""
    await access.check("withheld", "Exchange")
    found: list[HeldBack] = []
    before = 0
    while len(found) < PAGE:
        some = await _page(access, "", before, _SOME)
        found += await _seen(access, some)
        if len(some) < _SOME:
            break
        before = some[-1].n
    return found[:PAGE]


async def _page(access: Access, one: str, before: int, most: int) -> list[HeldBack]:
    rows = await exchangeout.withheld(access.house.db, access.head, one, before, most)
    return [HeldBack(r["intent"], int(r["n"]), r["partner"], Subject(*_opened(access.house, access.tenant.number, r["intent"], r["subject"])), r["made"]) for r in rows]


async def _seen(access: Access, found: list[HeldBack]) -> list[HeldBack]:
    """Those of them whose resource the caller may see themselves."""
    there: dict[tuple[str, str], Mapping[str, Any]] = {}
    for type_ in sorted({h.subject.type for h in found}):
        if access.may(type_, "search"):
            wanted = sorted({h.subject.id for h in found if h.subject.type == type_})
            there |= {(s.type, s.id): s.resource for s in (await access.search(type_, [("_id", ",".join(wanted))], count=len(wanted))).matches}
    return [h._replace(resource=r) for h in found if (r := there.get((h.subject.type, h.subject.id))) is not None]


async def anew(access: Access, id_: str) -> None:
    """Have it decided anew whether something may leave. Raises NotFound alike for what is not there and what the caller may not see."""
    await access.check("withheld", "Exchange")
    seen = await _seen(access, await _page(access, id_, 0, 1)) if id_ else []
    if not seen or not await exchangeout.anew(access.house.db, access.head, id_):
        raise errors.NotFound("There is no such message.")
    await access.note(access.entry("exchange-anew", "Exchange", id_, patients=[seen[0].subject.patient]))


async def laboratories(access: Access) -> list[tuple[str, str]]:
    """(organization, name) of the partners that orders go to, for whoever orders."""
    access.require("order", "LabOrder")
    return [(p.organization, p.name) for p, out in await sending(access.house, access.tenant.number) if p.organization and {"ORM^O01", "OML^O21"} & set(out.kinds)]


