"""Asks partners about clients: who they are there, which documents there are; fetches those chosen.

One step at a time, each kept: what was stopped or fell with the server goes on where it was, and asks nothing that it asked in vain for ever.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from sojourn.base import errors, log
from sojourn.base.background import Background
from sojourn.care.exchange import outside
from sojourn.doors.mhd.remote import DOCUMENT, Remote, Trouble
from sojourn.gate.exchange import asking
from sojourn.gate.exchange.asking import FAILED, FIND, MATCH, OPEN, Ask, Found

if TYPE_CHECKING:
    from sojourn.gate.caller import Tenant
    from sojourn.gate.exchange.partners import Envoys
    from sojourn.web.outbound import Outbound

_log = log.logger(__name__)
_PAUSE: Final = 0.5
_AT_ONCE: Final = 4
_TRIES: Final = 3
_PAGES: Final = 5
_WAIT: Final = 5.0  # seconds until something that did not work is tried again, twice as long each time
_STOPPED: Final = "The partner was stopped, or may not be asked any more."


@dataclass(frozen=True, slots=True)
class _Decided:
    """An ask that may go on. payload: what is asked with, of one that tells them of the client."""

    ask: Ask
    remote: Remote
    payload: bytes


class Asking(Background):
    """The task that does it, for several partners at a time. More than one process may have one: an ask is done by one of them."""

    def __init__(self, envoys: Envoys, outbound: Outbound) -> None:
        self._envoys, self._outbound = envoys, outbound
        self._busy: set[asyncio.Task[None]] = set()

    async def stop(self) -> None:
        """End, wherever it is."""
        await super().stop()
        for task in self._busy:
            task.cancel()
        await asyncio.gather(*self._busy, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            begun = 0
            for tenant in list(self._envoys.house.tenants.values()):
                try:
                    while len(self._busy) < _AT_ONCE and (ask := await asking.claim(self._envoys.house, tenant.number)) is not None:
                        task = asyncio.create_task(self.go(tenant, ask))
                        self._busy.add(task)
                        task.add_done_callback(self._busy.discard)
                        begun += 1
                except Exception as error:  # noqa: BLE001 - of any kind: it is looked again
                    _log.warning("asks wait", error=type(error).__name__)
            await asyncio.sleep(0 if begun else _PAUSE)

    async def round(self, tenant: Tenant) -> int:
        """Do what waits now, one after another; how many there were."""
        done = 0
        while (ask := await asking.claim(self._envoys.house, tenant.number)) is not None:
            await self.go(tenant, ask)
            done += 1
        return done

    async def go(self, tenant: Tenant, ask: Ask) -> None:
        """Go on with one until somebody has to decide, or it cannot go on."""
        now: Ask | None = ask
        try:
            while now is not None and now.state == asking.WAITING:
                ask = now
                decided = await self._decided(tenant, now)
                if (now := await self._kept(tenant, decided.ask)) is not None:
                    ask = now
                    now = await self._kept(tenant, replace(await self._next(tenant, replace(decided, ask=now)), tries=0))
        except Trouble as trouble:
            await self._failed(tenant, ask, trouble)
        except (errors.StaleCredential, errors.Unavailable):
            self._envoys.forget(tenant)
            await self._failed(tenant, ask, Trouble("The server was busy.", again=True))
        except Exception as error:  # noqa: BLE001 - of any kind: the others go on, and this one says so
            _log.warning("an ask failed", error=type(error).__name__)
            await self._failed(tenant, ask, Trouble("An error of ours stopped it. Tell whoever runs the server; it can be asked again."))

    async def _kept(self, tenant: Tenant, ask: Ask) -> Ask | None:
        """None where somebody stopped it meanwhile. How often it was tried stays until it goes on."""
        return await asking.step(self._envoys.house, tenant.number, ask)

    async def _failed(self, tenant: Tenant, ask: Ask, trouble: Trouble) -> None:
        again = trouble.again and ask.tries + 1 < _TRIES
        after = replace(ask, why=trouble.why) if again else replace(ask, state=FAILED, why=trouble.why)
        await asking.step(self._envoys.house, tenant.number, after, again=_WAIT * 2**ask.tries if again else None)

    async def _decided(self, tenant: Tenant, ask: Ask) -> _Decided:
        """Whether they may be asked at all, now; what tells them of the client is written down. Raises Trouble."""
        partner = next((p for p in await self._envoys.partners(tenant) if p.id == ask.partner), None)
        if partner is None or not asking.service(partner).on or not partner.organization:
            raise Trouble(_STOPPED)
        if why := await asking.unasked(self._envoys.house, tenant, partner):
            own = await asking.as_partner(self._envoys, tenant, partner, ask.account)
            await own.note(own.entry("ask-outside", "Exchange", partner.id, outcome="denied", patients=[ask.patient]))
            raise Trouble(why)
        them = await asking.as_partner(self._envoys, tenant, partner, ask.account)
        out = await asking.still(them, ask)
        if out is None:
            raise Trouble(asking.NO_CONSENT)
        payload = asking.question(out) if ask.next == MATCH else b""
        if payload:
            ask = replace(ask, sent=await asking.told(them, ask, out, payload, partner.organization))
        return _Decided(ask, Remote(self._envoys.house, tenant, self._outbound, asking.service(partner)), payload)

    async def _next(self, tenant: Tenant, decided: _Decided) -> Ask:
        """The ask after its next step. Raises Trouble."""
        ask, remote = decided.ask, decided.remote
        if ask.next == MATCH:
            return _matched(ask, outside.people(await remote.post("Patient/$match", decided.payload)))
        if ask.next == FIND:
            return await _listed(remote, ask)
        return await self._fetched(tenant, remote, ask)

    async def _fetched(self, tenant: Tenant, remote: Remote, ask: Ask) -> Ask:
        """The next of the documents that somebody chose. One that cannot be fetched says why, and the others are."""
        paper = next((p for p in ask.papers if p.state == "wanted"), None)
        if paper is None:
            return replace(ask, state=OPEN, why="")
        try:
            content = await remote.document(paper.url, paper.media)
            if not content or len(content) > DOCUMENT:
                raise Trouble("It is empty." if not content else f"It is larger than {DOCUMENT >> 20} MB. Ask them to send it in parts.")
            blob = await asking.put_aside(self._envoys.house, tenant.number, ask, paper, content)
            return asking.with_paper(ask, replace(paper, state="fetched", blob=blob, size=len(content), problem=""))
        except Trouble as trouble:
            if trouble.again and ask.tries + 1 < _TRIES:
                raise
            return asking.with_paper(ask, replace(paper, state="failed", problem=trouble.why))


def _matched(ask: Ask, people: tuple[Found, ...]) -> Ask:
    """One whom they are sure enough of is taken; of several somebody chooses."""
    ask = replace(ask, people=people, matched=True, why="")
    sure = [p for p in people if p.sure in ("certain", "probable")]
    if len(people) == 1 and sure:
        return replace(ask, person=people[0].id, next=FIND)
    return replace(ask, state=OPEN, next=FIND)


async def _listed(remote: Remote, ask: Ask) -> Ask:
    """Which documents they have of who was chosen; also a summary that they make on demand, where they offer that."""
    found: dict[str, asking.Paper] = {p.key: p for p in ask.papers}
    page, more = await remote.get("DocumentReference?" + urlencode({"patient": ask.person, "status": "current", "_count": "100"})), False
    for n in range(_PAGES):
        found = {p.key: p for p in outside.papers(page, remote.service.base)} | found
        following = outside.following(page)
        if not following:
            break
        more = n + 1 == _PAGES
        if more or not following.startswith(remote.service.base):
            break
        page = await remote.get(following)
    try:
        page = await remote.get("DocumentReference/$docref?" + urlencode({"patient": ask.person, "on-demand": "true"}))
        found = {p.key: p for p in outside.papers(page, remote.service.base)} | found
    except Trouble:
        pass  # many do not offer it
    papers = tuple(sorted(found.values(), key=lambda p: (p.day, p.key), reverse=True))
    return replace(ask, papers=papers, listed=True, more=more, state=OPEN, why="")
