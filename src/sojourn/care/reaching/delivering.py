"""Brings what is queued to partners by the first way that works, decided anew each time.

In the end a person prints it. One document of a partner at a time, so that a partner who is slow or down keeps nobody else waiting. A process that is killed leaves a document with its lease; the
next one takes it up after that, and a door recognizes what it was given before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

from sojourn.base import clock, errors, log
from sojourn.base.background import Background
from sojourn.care import policies
from sojourn.care.reaching.sender import Arrived, Failed, Outcome, Parcel, Sender, Senders, Taken, Unreachable
from sojourn.gate.exchange import ways
from sojourn.gate.exchange.keeping import ASIDE, FAILED, MAPPED, RECEIVED, REVIEW
from sojourn.gate.exchange.posting import CHANGED, NOT_TAKEN_BACK, Post, Queued
from sojourn.gate.exchange.ways import DOORS, PRINT, Way

if TYPE_CHECKING:
    from sojourn.care.policies import Policies
    from sojourn.gate.access import Access
    from sojourn.gate.caller import Tenant
    from sojourn.gate.clockwork import Clockwork
    from sojourn.gate.disclosing import Outgoing
    from sojourn.gate.exchange.partners import Envoys, Partner
    from sojourn.gate.exchange.posting import Content

_log = log.logger(__name__)
_PAUSE: Final = 1.0  # seconds between looks
LONGEST: Final = 120.0
"""Seconds that an attempt may last."""
_LATER: Final = 60.0
TO_PRINT: Final = "It waits for somebody who prints it and gives it away. Who sent it has it on their list."


class Origin(Protocol):
    """What a document belongs to, and learns what became of it. Each call may come twice. The access is that of the clock."""

    async def left(self, access: Access, id_: str, words: str, disclosure: str) -> None:
        """It arrived. words: by which way, and how that is known."""

    async def by_hand(self, access: Access, id_: str, owner: str, delivery: str) -> None:
        """Somebody has to print it. owner: a reference to who sent it, or ''."""

    async def stopped(self, access: Access, id_: str, owner: str, why: str) -> None:
        """It may not leave any more as it was looked at."""

    async def lost(self, access: Access, id_: str, owner: str, delivery: str, why: str) -> None:
        """It counted as arrived, and did not after all."""


class Courier:
    """Brings one organization's documents."""

    def __init__(self, envoys: Envoys, clockwork: Clockwork, tenant: Tenant, senders: Senders, origins: Mapping[str, Origin]) -> None:
        self._envoys, self._clockwork, self._tenant, self._senders, self._origins = envoys, clockwork, tenant, senders, origins
        self._post = Post(envoys, tenant.number)
        self._under_way: dict[str, asyncio.Task[None]] = {}

    async def round(self) -> int:
        """Begin with what is due; how much there was."""
        self._under_way = {k: t for k, t in self._under_way.items() if not t.done()}
        for one, why in await self._post.lost():
            await self._origin(one).lost(await self._clock(), one.job["origin"]["id"], one.job["owner"], one.id, why)
            await self._post.lost_told(one)
        found = await self._post.take(list(self._under_way), LONGEST)
        for one in found:
            self._under_way[one.partner] = asyncio.create_task(self._bring(one))
        return len(found)

    async def settled(self) -> None:
        """Wait until what is under way is done."""
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    async def stop(self) -> None:
        """End, wherever it is."""
        for task in self._under_way.values():
            task.cancel()
        await self.settled()

    async def _bring(self, one: Queued) -> None:
        try:
            await self._one(one)
        except (errors.StaleCredential, errors.Unavailable):
            self._envoys.forget(self._tenant)
            self._clockwork.forget(self._tenant.number)
            await self._post.settle(one, RECEIVED, "It waits: the partner was stopped, or the server was busy.", again=_LATER)
        except Exception as error:  # noqa: BLE001 - of any kind: the others go on, and it is tried again
            _log.warning("a document could not be brought", error=type(error).__name__, attempt=one.tries)
            await self._post.settle(one, RECEIVED, "Something went wrong here. It is tried again by itself; whoever runs the server finds more in its log.", again=_LATER * 2 ** min(one.tries, 6))

    async def _one(self, one: Queued) -> None:
        partner = next((p for p in await self._envoys.partners(self._tenant) if p.id == one.partner), None)
        if partner is None:
            await self._post.settle(one, RECEIVED, "The partner was stopped. It waits until whoever looks after partners lets them go on, or is set aside.", again=_LATER * 5)
            return
        if not one.job["reference"] and (lacks := await self._post.lacks(one)):  # what a door has of it left already: it is asked what became of that
            await self._post.wait(partner, one, lacks, _LATER * 5)
            return
        one = one._replace(job={k: v for k, v in one.job.items() if k != "lacks"})
        them, out = await self._post.decide(partner, one)
        way = next_way(partner, one.job)
        if out is None:
            await self._stop(partner, one, way)
            return
        rules = await policies.of(await self._clock())
        if way.door == PRINT or way.door not in self._senders:
            if way.door != PRINT:
                await self._go_on(partner, one, way, Failed(f"This server has no {DOORS[way.door].title.lower()} yet.", again=False), rules)
                return
            await self._origin(one).by_hand(await self._clock(), one.job["origin"]["id"], one.job["owner"], one.id)
            await self._post.settle(one, REVIEW, TO_PRINT, job={**one.job, "failed": []})  # put into the queue again, every way is tried once more
            return
        await self._by(partner, one, way, them, out, rules)

    async def _by(self, partner: Partner, one: Queued, way: Way, them: Access, out: Outgoing, rules: Policies) -> None:
        sender = self._senders[way.door]
        content = next((c for media in sender.takes for c in one.contents if c.media == media), None)
        if content is None:
            await self._go_on(partner, one, way, Failed("This way takes none of the forms in which the document is there.", again=False), rules)
            return
        parcel = _parcel(partner, one, way, content)
        if one.job["reference"] and one.job["way"] == way.door:
            outcome = await self._tried(sender.ask(self._tenant, parcel, one.job["reference"]))
        else:
            dressed = await self._dressed(sender, parcel)
            if isinstance(dressed, Failed):
                await self._go_on(partner, one, way, dressed, rules)
                return
            parcel, content = parcel._replace(content=dressed), dressed
            job = await self._post.left(them, one, out, way.door, content)
            if job is None:
                return  # somebody held it, or set it aside
            one = one._replace(job={**job, "reference": "", "since": clock.now().isoformat()})
            outcome = await self._tried(sender.send(self._tenant, parcel))
        if isinstance(outcome, Arrived):
            await self._arrived(partner, one, way, outcome)
        elif isinstance(outcome, Taken):
            await self._taken(partner, one, way, outcome, rules)
        else:
            await self._go_on(partner, one, way, outcome, rules)

    async def _dressed(self, sender: Sender, parcel: Parcel) -> Content | Failed:
        if not (dress := getattr(sender, "dress", None)):
            return parcel.content
        try:
            async with asyncio.timeout(LONGEST):
                found: Content = await dress(self._tenant, parcel)
                return found
        except Unreachable as error:
            return Failed(error.why, again=False)

    async def _tried(self, doing: Any) -> Outcome:
        try:
            async with asyncio.timeout(LONGEST):
                found: Outcome = await doing
                return found
        except TimeoutError:
            return Failed("There was no answer in time.", sure=False)
        except Unreachable as error:
            return Failed(error.why)
        except errors.SojournError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a door does, the next way is there
            _log.warning("a door failed", error=type(error).__name__)
            return Failed("The door failed here. Whoever runs the server finds more in its log.", sure=False)

    async def _arrived(self, partner: Partner, one: Queued, way: Way, outcome: Arrived) -> None:
        said = f"{DOORS[way.door].title}: {outcome.said}"
        await self._origin(one).left(await self._clock(), one.job["origin"]["id"], said, one.job["disclosures"].get(way.door, ""))
        # Sent again, because somebody wants it, it is another attempt and another line in the log.
        again = {"keys": {**one.job["keys"], way.door: int(one.job["keys"].get(way.door, 0)) + 1}, "tried": {}, "failed": [], "disclosures": {k: v for k, v in one.job["disclosures"].items() if k != way.door}}
        await self._post.settle(one, MAPPED, "", job={**one.job, **again, "reference": ""}, said=said)
        await self._post.find(partner.id, way.door, "arrived", outcome.said)

    async def _taken(self, partner: Partner, one: Queued, way: Way, outcome: Taken, rules: Policies) -> None:
        job = {**one.job, "reference": outcome.reference}
        since = datetime.fromisoformat(job.get("since") or clock.now().isoformat())
        if clock.now() - since > timedelta(hours=rules.number("reaching.answer-hours")):
            await self._senders[way.door].cancel(self._tenant, _parcel(partner, one, way, one.contents[0]), outcome.reference)
            await self._go_on(partner, one, way, Failed("Nobody said in time that it arrived.", again=False), rules)
            return
        first = job["reference"] != one.job["reference"]
        await self._post.settle(one, RECEIVED, outcome.said, job=job, again=outcome.again, said=f"{DOORS[way.door].title}: {outcome.said}" if first else "")

    async def _go_on(self, partner: Partner, one: Queued, way: Way, outcome: Failed, rules: Policies) -> None:
        """The same way again, or the next one."""
        tried = int(one.job["tried"].get(way.door, 0)) + 1
        job = {**one.job, "tried": {**one.job["tried"], way.door: tried}, "reference": ""}
        if outcome.sure:
            job["keys"] = {**job["keys"], way.door: int(job["keys"].get(way.door, 0)) + 1}
        most = rules.number("reaching.tries-fax" if way.door == ways.FAX else "reaching.tries")
        again = outcome.again and tried < most
        if not again:
            job["failed"] = [*job["failed"], way.door]
        title = DOORS[way.door].title
        following = DOORS[next_way(partner, job).door].title.lower()
        why = f"{title}: {outcome.why} " + (f"It is tried again by itself ({tried} of {most:.0f})." if again else f"It goes on by the next way: {following}.")
        pause = rules.number("reaching.pause-minutes") * 60 * 2 ** (tried - 1) if again else 0.0
        await self._post.settle(one, RECEIVED, why, job=job, again=pause, said=why)
        await self._post.find(partner.id, way.door, "failed", outcome.why)

    async def _stop(self, partner: Partner, one: Queued, way: Way) -> None:
        """It may not leave any more: what a door took is taken back, as far as that goes."""
        back = True
        if one.job["reference"] and (sender := self._senders.get(one.job["way"])) is not None:
            parcel = _parcel(partner, one, way if way.door == one.job["way"] else Way(one.job["way"]), one.contents[0])
            try:
                async with asyncio.timeout(LONGEST):
                    back = await sender.cancel(self._tenant, parcel, one.job["reference"])
            except Exception:  # noqa: BLE001 - it is not known, then
                back = False
        why = CHANGED if back else NOT_TAKEN_BACK
        await self._origin(one).stopped(await self._clock(), one.job["origin"]["id"], one.job["owner"], why)
        await self._post.settle(one, ASIDE if back else FAILED, why)

    def _origin(self, one: Queued) -> Origin:
        return self._origins[one.job["origin"]["kind"]]

    async def _clock(self) -> Access:
        return await self._clockwork.access(self._tenant.number)


def _parcel(partner: Partner, one: Queued, way: Way, content: Content) -> Parcel:
    return Parcel(one.id, partner, way, one.kind, one.job["patient"], content, one.contents, int(one.job["keys"].get(way.door, 0)), one.job["notice"], one.job["day"])


def next_way(partner: Partner, job: Mapping[str, Any]) -> Way:
    """The first way that has not failed for good; printing where all have. What a door took stays with it while the partner has that way."""
    left = [w for w in ways.in_order(partner.reached) if w.door not in job["failed"]]
    if job["reference"] and (now := next((w for w in left if w.door == job["way"]), None)) is not None:
        return now
    return left[0] if left else Way(PRINT)


class Delivering(Background):
    """The task that does it, in every organization. More than one process may have one: a document is brought by one of them."""

    def __init__(self, envoys: Envoys, clockwork: Clockwork, senders: Senders, origins: Mapping[str, Origin]) -> None:
        self._envoys, self._clockwork, self._senders, self._origins = envoys, clockwork, senders, origins
        self._couriers: dict[int, Courier] = {}

    async def stop(self) -> None:
        """End, wherever it is."""
        await super().stop()
        await asyncio.gather(*(c.stop() for c in self._couriers.values()))

    async def _run(self) -> None:
        while True:
            for tenant in list(self._envoys.house.tenants.values()):
                try:
                    courier = self._couriers.setdefault(tenant.number, Courier(self._envoys, self._clockwork, tenant, self._senders, self._origins))
                    await courier.round()
                except Exception as error:  # noqa: BLE001 - it is looked again
                    _log.warning("documents wait", error=type(error).__name__)
            await asyncio.sleep(_PAUSE)
