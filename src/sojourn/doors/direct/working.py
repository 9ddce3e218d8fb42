"""Does what was taken: each file of a letter goes by its kind, and a notice goes to its sender."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import nullcontext, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sojourn.base import clock, errors, ids, log
from sojourn.base.background import Background
from sojourn.care.exchange.filing import Arrived, Outcome, routed, together
from sojourn.doors.direct import taking
from sojourn.doors.direct.believing import Believing
from sojourn.doors.direct.post import NotPosted, Post
from sojourn.gate import papers
from sojourn.gate.exchange import direct, doing
from sojourn.gate.exchange.boxes import Head
from sojourn.gate.exchange.doing import Done, Taken
from sojourn.gate.exchange.keeping import FAILED, RECEIVED, Keeper
from sojourn.wire import direct as wire
from sojourn.wire import filekind
from sojourn.wire.direct import Letter, Notice
from sojourn.wire.trust import Untrusted

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.caller import Tenant
    from sojourn.gate.exchange.partners import Envoys, Partner
    from sojourn.gate.gate import Gate

_log = log.logger(__name__)
_PAUSE: Final = 1.0  # seconds between looks
_LEASE: Final = 120.0
"""Seconds for which nobody else does a letter that one process does; doing it twice does nothing twice."""
_TRIES: Final = 12
_AT_ONCE: Final = 4
"""Letters that are done at a time, each of another partner."""
_LARGE: Final = 8 << 20
"""Bytes of a letter from which on they are done one after another, whosever they are."""
_WAIT: Final = 15.0
_WORDS: Final = {wire.PROCESSED: "The message was received and can be read.", wire.DISPATCHED: "The message was delivered."}


class Working(Background):
    """The task that does it, one letter of each partner after the other. More than one process may have one."""

    def __init__(self, gate: Gate, envoys: Envoys, hosts: Iterable[str] = ()) -> None:
        self._gate, self._envoys = gate, envoys
        named = tuple(hosts)
        self._keeper, self._post, self._believing = Keeper(gate.house), Post(named), Believing(gate, named)
        self._wanted, self._alone = asyncio.Event(), asyncio.Lock()
        self._busy: dict[tuple[int, str], asyncio.Task[None]] = {}

    async def stop(self) -> None:
        """End, wherever it is."""
        await super().stop()
        for task in list(self._busy.values()):
            task.cancel()
        await asyncio.gather(*self._busy.values(), return_exceptions=True)

    def wake(self) -> None:
        """Something came."""
        self._wanted.set()

    async def _run(self) -> None:
        while True:
            self._wanted.clear()
            done = 0
            for tenant in list(self._gate.house.tenants.values()):
                try:
                    done += await self._begin(tenant)
                except Exception as error:  # noqa: BLE001 - of any kind: those of others must be done
                    _log.warning("letters wait", error=type(error).__name__)
            if not done:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_PAUSE):
                        await self._wanted.wait()

    async def round(self, tenant: Tenant) -> int:
        """Do the next letter of each partner and wait until that is done; how many there were. Raises Unavailable."""
        begun = await self._begin(tenant)
        await asyncio.gather(*(t for (number, _), t in self._busy.items() if number == tenant.number))
        return begun

    async def _begin(self, tenant: Tenant) -> int:
        """Begin with the next letter of each partner of whom none is being done: one that takes long holds up nobody else."""
        begun = 0
        for partner in await self._envoys.partners(tenant):
            place = (tenant.number, partner.id)
            if place not in self._busy and len(self._busy) < _AT_ONCE and (taken := await self._claim(tenant, partner)) is not None:
                task = self._busy[place] = asyncio.create_task(self._one(tenant, partner, taken))
                task.add_done_callback(lambda _, place=place: self._over(place))  # type: ignore[misc]
                begun += 1
        return begun

    def _over(self, place: tuple[int, str]) -> None:
        self._busy.pop(place, None)
        self.wake()

    async def _claim(self, tenant: Tenant, partner: Partner) -> Taken | None:
        async with doing.begun(self._gate.house, tenant.number) as here:
            taken = await here.take(direct.DOOR, [partner.id], 1, 1 << 20)
            if not taken:
                return None
            await here.settle(await self._envoys.access(tenant, partner), [Done(taken[0].id, RECEIVED, "It is being looked at.", again=_LEASE)])
            return taken[0]

    async def _one(self, tenant: Tenant, partner: Partner, taken: Taken) -> None:
        try:
            access = await self._envoys.access(tenant, partner)
            async with self._alone if len(taken.content) >= _LARGE else nullcontext():
                outcome = await self._outcome(tenant, partner, taken, access)
            async with doing.begun(self._gate.house, tenant.number) as here:
                await here.settle(access, [Done(taken.id, outcome.state, outcome.reason, outcome.result(), again=_WAIT * (taken.tries + 1))])
        except errors.StaleCredential:
            self._envoys.forget(tenant)
        except Exception as error:  # noqa: BLE001 - of any kind: it is done again after the lease
            _log.error("a letter waits", error)

    async def _outcome(self, tenant: Tenant, partner: Partner, taken: Taken, access: Access) -> Outcome:
        outcome = Outcome(RECEIVED)
        try:
            letter = await asyncio.to_thread(wire.again, taken.content)
            outcome = await self._filed(tenant, partner, taken, letter, access)
            await self._told(tenant, partner, taken, letter)
        except errors.StaleCredential:
            raise
        except (NotPosted, Untrusted) as error:
            # What came is done by now, and doing it again does nothing twice: only its sender does not know.
            why = error.why if isinstance(error, NotPosted) else str(error)
            if isinstance(error, NotPosted) and error.again and taken.tries < _TRIES:
                return replace(outcome, state=RECEIVED, reason=f"Its sender is still to be told that it came: {why} It is tried again.")
            outcome.findings.append(f"Its sender could not be told that it came: {why}")
            return Outcome(outcome.state if outcome.state == FAILED else FAILED, outcome.reason or f"It is done, but its sender could not be told that it came: {why} Tell them, and set it aside.", findings=outcome.findings, became=outcome.became)
        except Exception as error:  # noqa: BLE001 - of any kind: it is tried again for a while
            _log.warning("a letter could not be done", error=type(error).__name__, attempt=taken.tries + 1)
            if taken.tries < _TRIES:
                return replace(outcome, state=RECEIVED, reason="It is tried again.")  # what it became already stays said: by that it is decided who may open it
            return replace(outcome, state=FAILED, reason=f"An error of ours stopped it ({type(error).__name__}). Tell whoever runs the server; it can be done again.")
        return outcome

    async def _filed(self, tenant: Tenant, partner: Partner, taken: Taken, letter: Letter, access: Access) -> Outcome:
        """Each file goes its way; a letter without files waits for somebody who reads it."""
        brings = (await direct.every(self._gate.house, tenant))[partner.id].brings
        done, kinds = [], []
        for n, file in enumerate(letter.files):
            kind = filekind.of(file.content[:16_384])

            async def stream(content: bytes = file.content) -> AsyncIterator[bytes]:
                yield content

            head = Head(file.name, len(file.content), "", 0, kind)
            done.append(await routed(Arrived(self._gate, tenant, partner, access, self._keeper, head, papers.DIRECT, f"direct:{taken.id}/{n}", stream, brings=brings)))
            kinds.append(kind)
        if not done:
            return Outcome(FAILED, "It holds words and no file. Open it, do what it asks, and set it aside.", "waits")
        return together(done, kinds)

    async def _told(self, tenant: Tenant, partner: Partner, taken: Taken, letter: Letter) -> None:
        """Notices to its sender: that we have it, and that it was delivered where they asked for that. They say nothing of what became of it. Raises NotPosted, Untrusted."""
        found = await direct.opened(self._gate.house, tenant)
        if found is None:
            raise NotPosted("This organization has no mailbox any more.", again=False)
        box, secret, _ = found
        known = await self._believing.known(tenant, partner.id)
        signer = await asyncio.to_thread(taking.signer, taken.content)
        recipient = known.answering(signer, letter.sender, clock.now())
        for what in (wire.PROCESSED, *([wire.DISPATCHED] if letter.asks else [])):
            # The same number each time: one that is sent twice is one.
            number = self._gate.house.key.sign("direct notice", f"{tenant.number}\0{taken.id}\0{what}".encode()).hex()[:32]
            notice = Letter(wire.new_id(number, box.address), box.address, letter.sender, "Notice", _WORDS[what], notice=Notice(letter.id, what, final=what == wire.DISPATCHED))
            holder = direct.holders(secret)[0]
            raw = await asyncio.to_thread(wire.sealed, notice, clock.now(), holder, [recipient], ids.new_token()[:24], direct.chain(box))
            await self._post.send(box, secret.password, letter.sender, raw)
