"""Sends what waits: a task for each partner, in order for each person, decided at that moment.

A partner who is slow, down or answers nonsense keeps nobody else waiting. What was sent and not answered is sent again with the same number; the same bytes, as
long as they may leave and still hold.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sojourn.base import clock, errors, ids, log
from sojourn.base.background import Background
from sojourn.doors.hl7v2.out import answering, client, compose, look
from sojourn.doors.hl7v2.out.client import Identity, Line, NotAnswered, NotReached
from sojourn.doors.hl7v2.out.compose import Envelope
from sojourn.doors.hl7v2.out.events import Step
from sojourn.doors.hl7v2.out.segments import Writer
from sojourn.gate.exchange import profile, telling
from sojourn.gate.exchange.keeping import ASIDE, FAILED, MAPPED, RECEIVED
from sojourn.gate.exchange.messages import Result
from sojourn.gate.exchange.telling import DOOR, Intent, Leaving, Outbox, Subject

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.caller import Tenant
    from sojourn.gate.disclosing import Outgoing
    from sojourn.gate.exchange.partners import Envoys, Partner
    from sojourn.gate.exchange.profile import Profile

_log = log.logger(__name__)
_PAUSE: Final = 0.5  # seconds between looks
_FIRST, _LONGEST = 5.0, 900.0
"""Seconds until something is sent again, doubled each time, and at most."""
_TRIES: Final = 10
_CONTROL: Final = 20
"""Letters of MSH-10: as many as every version keeps."""
NOT_NEEDED: Final = "Whether it may leave was decided anew before it was sent, and it was not sent: it says nothing that is to be told now. What it is about may have changed, or been told since, or may not go to this partner."


def backoff(tries: int) -> float:
    """Seconds until the next try."""
    return float(min(_FIRST * 2 ** min(tries, 20), _LONGEST))


class Post:
    """What goes to one partner of one organization."""

    def __init__(self, envoys: Envoys, tenant: Tenant, partner: Partner, identity: Identity) -> None:
        self._envoys, self._tenant, self.partner = envoys, tenant, partner
        self.profile: Profile = profile.of(partner.sending)
        self._line = Line(self.profile, identity)
        self._box = Outbox(envoys.house, tenant.number, partner, self.profile.timeout)
        self._writer = Writer(partner, self.profile)
        self._not_before, self._failed = 0.0, 0

    async def close(self) -> None:
        """Hang up."""
        await self._line.close()

    async def round(self) -> int:
        """Do what is due; how much there was. Raises Unavailable, StaleCredential."""
        done = await answering.round(self._box, self.partner, self.profile) if self.profile.answers else 0
        for one in await self._box.next():
            done += 1
            await self._decide(one)
        while clock.monotonic() >= self._not_before and (leaving := await self._box.leave()) is not None:
            done += 1
            await self._send(leaving)
        return done

    # --- what may have to be told -------------------------------------------------------------------------------------------

    async def _decide(self, one: Intent) -> None:
        """It becomes a message, or nothing that anybody sees."""
        try:
            await self._told(one)
        except (errors.Unavailable, errors.StaleCredential):
            raise
        except Exception as error:  # noqa: BLE001 - of any kind: the others go on, and it is tried again
            _log.warning("what goes out could not be decided", error=type(error).__name__, attempt=one.tries)
            await self._box.later(one, backoff(one.tries))

    async def _told(self, one: Intent) -> None:
        view = await look.at(await self._recipient(one.subject), one.subject)
        if view is None:
            await self._box.withhold(one)
            return
        told, _ = await self._box.told(one.about)
        while (following := compose.step(view, told, self._writer)) is not None:
            if kind := compose.kind_of(following, self.profile):
                break
            await self._box.tell(one.about, following.facts)
            if following.last:
                following = None
                break
            told = following.facts
        if following is None:
            await self._box.drop(one)
            return
        envelope = Envelope(ids.new_id().replace("-", "")[:_CONTROL].upper(), clock.now().replace(microsecond=0))
        body = compose.written(view, following, kind, self.partner, self.profile, envelope)
        if body is None:
            await self._box.drop(one)
            return
        job = {"subject": one.subject, "kind": kind, "control": following.control, "at": envelope.at.isoformat(), "facts": following.facts, "last": following.last}
        await self._box.make(one, envelope.control, kind, self.profile.version, body, job, _result(one.subject))

    async def _recipient(self, subject: Subject) -> Access:
        return await telling.recipient(self._envoys, self._tenant, self.partner, self.profile.purpose, subject)

    # --- what leaves --------------------------------------------------------------------------------------------------------

    async def _send(self, one: Leaving) -> None:
        try:
            await self._line.open()
        except NotReached as error:
            await self._unreached(one, error.why)
            return
        access, body, job, out = await self._anew(one)
        if body is None:
            await self._box.settle(one, ASIDE, NOT_NEEDED)
            if job is not None:  # what holds now may be another message
                await telling.intend(self._envoys.house, self._tenant.number, [(self.partner.id, Subject(*job["subject"]))])
            return
        if not await self._box.left(access, one, body, job or {}, out):
            return
        try:
            said = await self._line.say(body, one.control)
        except NotAnswered as error:
            await self._unreached(one, error.why)
            return
        self._failed, self._not_before = 0, 0.0
        await self._answered(one, job or {}, said)

    async def _anew(self, one: Leaving) -> tuple[Access | None, bytes | None, dict[str, Any] | None, Outgoing | None]:
        """As whom it is shown, its bytes as they may leave now (None: it may not, or does not hold any more), its job, and what that discloses."""
        job = one.job
        if "subject" not in job:  # an acknowledgement: about nobody
            return None, one.body, job, None
        subject = Subject(*job["subject"])
        access = await self._recipient(subject)
        view = await look.at(access, subject)
        if view is None:
            return access, None, job, None
        told, by = await self._box.told(one.about)
        following = compose.step(view, told, self._writer)
        if by == one.id:  # it arrived before: sent again because somebody wants it, as long as it holds
            following = None if following is not None else Step((one.kind,), job["facts"], job["last"], job["control"])
        if following is None or one.kind not in following.kinds or following.control != job["control"]:
            return access, None, job, None
        body = compose.written(view, following, one.kind, self.partner, self.profile, Envelope(one.control, datetime.fromisoformat(job["at"])))
        if body is None or (one.sent and body != one.body):
            return access, None, job, None
        return access, body, {**job, "facts": following.facts, "last": following.last}, view.out

    async def _answered(self, one: Leaving, job: dict[str, Any], said: client.Answer) -> None:
        result = replace_findings(_result(Subject(*job["subject"])) if "subject" in job else Result(), said)
        code = f"{said.code}{f', {said.where}' if said.where else ''}"
        if said.verdict == client.ACCEPTED:
            await self._box.settle(one, MAPPED, "", facts=job.get("facts"), result=result)
            if job.get("control") == "CA":
                await self._box.close(one.about)
            if job.get("last") is False:
                await telling.intend(self._envoys.house, self._tenant.number, [(self.partner.id, Subject(*job["subject"]))])
        elif said.verdict == client.REFUSED:
            await self._box.settle(one, FAILED, f"They refused it ({code}). Open it and read what they wrote, put right what they name, and send it again; or ask them.", result=result)
        elif one.tries + 1 >= _TRIES:
            await self._box.settle(one, FAILED, f"They could not take it {one.tries + 1} times ({code}). Ask them what is wrong, and send it again.", result=result)
        else:
            await self._box.settle(one, RECEIVED, f"They could not take it ({code}). It is sent again by itself.", again=backoff(one.tries), result=result)

    async def _unreached(self, one: Leaving, why: str) -> None:
        """Nobody was there: the message waits, and so does whatever else goes there."""
        pause = backoff(self._failed)
        self._failed += 1
        self._not_before = clock.monotonic() + pause
        await self._box.settle(one, RECEIVED, why, again=pause)


def replace_findings(result: Result, said: client.Answer) -> Result:
    """The result with what the partner wrote, for who opens the message."""
    return result._replace(findings=(f"They answered {said.code}: {said.words}",)) if said.words else result


def _result(subject: Subject) -> Result:
    return Result(subject.patient, () if subject.type == "Patient" else (f"{subject.type}/{subject.id}",))


class Sending(Background):
    """The task that does it, with one of its own for each partner. More than one process may have one: a message is sent by one of them."""

    def __init__(self, envoys: Envoys, identity: Identity) -> None:
        self._envoys, self._identity = envoys, identity
        self._tasks: dict[tuple[int, str], tuple[Partner, asyncio.Task[None]]] = {}

    async def stop(self) -> None:
        """End, wherever it is."""
        await super().stop()
        for _, task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*(t for _, t in self._tasks.values()), return_exceptions=True)
        self._tasks.clear()

    async def _run(self) -> None:
        while True:
            try:
                await self._look()
            except errors.SojournError as error:
                _log.warning("messages wait", error=type(error).__name__)
            except Exception as error:  # noqa: BLE001 - it is looked again
                _log.error("messages wait", error)
            await asyncio.sleep(_PAUSE)

    async def _look(self) -> None:
        """A task for each partner that gets something, with their profile as it is now."""
        wanted = {(t.number, p.id): (t, p) for t in list(self._envoys.house.tenants.values()) for p in await self._envoys.partners(t) if p.door == DOOR and profile.of(p.sending).on}
        for key, (partner, task) in list(self._tasks.items()):
            if key not in wanted or wanted[key][1] != partner or task.done():
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await task
                del self._tasks[key]
        for key, (tenant, partner) in wanted.items():
            if key not in self._tasks:
                self._tasks[key] = (partner, asyncio.create_task(self._serve(tenant, partner)))

    async def _serve(self, tenant: Tenant, partner: Partner) -> None:
        post = Post(self._envoys, tenant, partner, self._identity)
        try:
            while True:
                try:
                    if await post.round():
                        continue
                except errors.StaleCredential:
                    self._envoys.forget(tenant)
                except errors.SojournError as error:
                    _log.warning("messages wait", error=type(error).__name__)
                except Exception as error:  # noqa: BLE001 - those of this partner are tried again
                    _log.error("messages wait", error)
                await asyncio.sleep(_PAUSE)
        finally:
            await post.close()


