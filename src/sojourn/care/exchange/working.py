"""Does the messages that wait: some at a time, in their order, each wholly or not at all."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from sojourn.base import errors, log
from sojourn.base.background import Background
from sojourn.base.db import Changed
from sojourn.care.exchange import inbound, translating, twice
from sojourn.care.exchange.composing import Composer
from sojourn.care.papers.reading import CCDA
from sojourn.fhir.outcome import Issue
from sojourn.gate import papers
from sojourn.gate.exchange import doing
from sojourn.gate.exchange.doing import Done, Round, Taken
from sojourn.gate.exchange.keeping import FAILED, RECEIVED
from sojourn.gate.exchange.messages import Result

if TYPE_CHECKING:
    from sojourn.care.exchange.facts import Reader
    from sojourn.care.exchange.inbound import Work
    from sojourn.gate.access import Access
    from sojourn.gate.caller import Tenant
    from sojourn.gate.exchange.partners import Envoys, Partner

_log = log.logger(__name__)
_PAUSE: Final = 0.5  # seconds between looks
_MOST: Final = 24  # messages in one transaction
_MOST_BYTES: Final = 4 << 20
_TRIES: Final = 8
_WAIT: Final = 15.0  # seconds until something that did not work is tried again, times how often it was tried


class Working(Background):
    """The task that does those of one door. More than one process may have one: a message is done by one of them."""

    def __init__(self, envoys: Envoys, reader: Reader) -> None:
        self._envoys, self._reader = envoys, reader
        self._wanted = asyncio.Event()
        self._composer = Composer(self.wake)

    def wake(self) -> None:
        """Something came."""
        self._wanted.set()

    async def stop(self) -> None:
        """End, wherever it is."""
        await super().stop()
        await self._composer.stop()

    async def composed(self) -> bool:
        """Wait for the documents that are being made; whether there were any since this was asked last."""
        return await self._composer.finished()

    async def _run(self) -> None:
        while True:
            self._wanted.clear()
            busy = False
            for tenant in list(self._envoys.house.tenants.values()):
                try:
                    busy = await self.round(tenant) > 0 or busy
                except errors.SojournError as error:
                    _log.warning("messages wait", error=type(error).__name__)
                except Exception as error:  # noqa: BLE001 - of any kind: those of others must be done, and these are tried again
                    _log.error("messages wait", error)
            if not busy:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_PAUSE):
                        await self._wanted.wait()

    async def round(self, tenant: Tenant) -> int:
        """Do the next messages; how many were settled: not those whose document is being made (composing.py). Raises Unavailable."""
        partners = {p.id: p for p in await self._envoys.partners(tenant)}  # messages of this door also come in files of others
        if not partners:
            return 0
        taken: list[Taken] = []
        try:
            async with doing.begun(self._envoys.house, tenant.number) as here:
                taken = await here.take(self._reader.door, list(partners), _MOST, _MOST_BYTES, self._composer.busy)
                done = await self._do(here, tenant, partners, taken) if taken else []
            return self._settled(done)
        except errors.Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - what went wrong with many is found out one by one
            if isinstance(error, errors.StaleCredential):
                self._envoys.forget(tenant)
            if not taken:
                raise
        settled = 0
        for _ in range(len(taken)):
            some = await self._one(tenant, partners)
            if some is None:
                break
            settled += some
        return settled

    def _settled(self, done: list[str]) -> int:
        for message in done:
            self._composer.forget(message)
        return len(done)

    async def _one(self, tenant: Tenant, partners: dict[str, Partner]) -> int | None:
        """The next message by itself: how many were settled, None where there is none. What fails is said, and the others go on."""
        taken: list[Taken] = []
        try:
            async with doing.begun(self._envoys.house, tenant.number) as here:
                taken = await here.take(self._reader.door, list(partners), 1, 1, self._composer.busy)
                done = await self._do(here, tenant, partners, taken) if taken else []
            return self._settled(done) if taken else None
        except errors.Unavailable:
            raise
        except errors.StaleCredential:
            self._envoys.forget(tenant)
            return None
        except Exception as error:  # noqa: BLE001 - of any kind: it must not stop the others
            if not taken:
                raise
            _log.warning("a message could not be done", error=type(error).__name__, attempt=taken[0].tries + 1)
            await self._failed(tenant, partners, taken[0], error)
            return self._settled([taken[0].id])

    async def _failed(self, tenant: Tenant, partners: dict[str, Partner], one: Taken, error: Exception) -> None:
        passing = isinstance(error, errors.Conflict | Changed | errors.VersionConflict) and one.tries < _TRIES
        why = (
            f"What it became was refused: {error.message}"
            if isinstance(error, errors.SojournError)
            else f"An error of ours stopped it ({type(error).__name__}). Tell whoever runs the server; it can be done again."
        )
        async with doing.begun(self._envoys.house, tenant.number) as here:
            access = await self._envoys.access(tenant, partners[one.partner])
            await here.settle(
                access,
                [
                    Done(
                        one.id,
                        RECEIVED if passing else FAILED,
                        "It is tried again." if passing else _plain(error, why),
                        None if passing else Result(unmapped=_unused(self._reader, one, partners[one.partner])),
                        again=_WAIT * (one.tries + 1),
                    )
                ],
            )

    async def _do(self, here: Round, tenant: Tenant, partners: dict[str, Partner], taken: list[Taken]) -> list[str]:
        """The messages that were settled."""
        settled: list[str] = []
        by_partner: dict[str, list[Taken]] = {}
        for one in taken:
            by_partner.setdefault(one.partner, []).append(one)
        for id_, some in by_partner.items():
            access = await self._envoys.access(tenant, partners[id_])
            works = await inbound.mapped(access, partners[id_], some, self._reader, self._composer)
            inside = here.inside(access)
            changes = [c for w in works for c in w.changes]
            await translating.translate(access, id_, changes)
            if changes:
                await inside.write(changes, action="exchange")
            await here.answer(id_, sorted({str(b["reference"]).partition("/")[2] for c in changes if c.type == "DiagnosticReport" for b in (c.resource or {}).get("basedOn", ())}))
            await here.learn(access, [k for w in works for k in w.known])
            for pair in (p for w in works for p in w.alike):
                await twice.found(access, *pair)
            for work in works:
                await _tray(access, partners[id_], work, self._reader)
                await _answered(here, id_, work)
            done = [w.done for w in works if w.done is not None]
            await here.settle(access, done)
            settled += [d.id for d in done]
        return settled


async def _tray(access: Access, partner: Partner, work: Work, reader: Reader) -> None:
    """A clinical document goes to the tray of papers, once however often its message is done."""
    if paper := work.paper:
        there = await papers.receive(access, paper, media=CCDA, pages=1, door=reader.brings, source=f"{reader.door}:{work.taken.id}", program=partner.program or 0, sender=partner.name, marks=work.marks, basis=partner.basis)
        if work.done is not None:
            result = work.done.result or Result()
            work.done = work.done._replace(result=result._replace(became=(f"Paper/{there}",)))


async def _answered(here: Round, partner: str, work: Work) -> None:
    """An acknowledgement: what they refused is somebody's to look at; one of no message of ours too."""
    if work.said.answers is not None and not await here.acknowledged(partner, *work.said.answers):
        work.fail(FAILED, "It answers no message that went to them. Ask them what it is about, and set it aside.")


def _unused(reader: Reader, one: Taken, partner: Partner) -> tuple[str, ...]:
    """All that a message says, of which nothing was used. What stopped it may be that it cannot be read."""
    try:
        return reader.read(one.content, partner).kept(None)
    except Exception:  # noqa: BLE001 - that it failed is said already
        return ()


def _plain(error: Exception, why: str) -> str:
    """The reason without anything that a message said: of a resource that is not valid only where it is wrong."""
    if isinstance(error, errors.Invalid):
        places = sorted({i.expression for i in error.issues if isinstance(i, Issue) and i.expression})[:5]
        return "What it became is not valid FHIR" + (f" at {', '.join(places)}" if places else "") + ". Open it and look at these fields."
    return why
