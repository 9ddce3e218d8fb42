"""What goes to one partner: in order for each person, decided at that moment, sent and answered.

A partner who is slow, down or answers nonsense keeps nobody else waiting. What was sent and not answered is sent again with the same number; the same bytes, as
long as they may leave and still hold.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sojourn.base import clock, errors, ids, log
from sojourn.doors.hl7v2.out import answering, client, compose, look
from sojourn.doors.hl7v2.out.client import Identity, Line, NotAnswered, NotReached
from sojourn.doors.hl7v2.out.compose import Envelope
from sojourn.doors.hl7v2.out.events import Step
from sojourn.doors.hl7v2.out.segments import Writer
from sojourn.gate.exchange import profile, telling
from sojourn.gate.exchange.keeping import ASIDE, FAILED, MAPPED, RECEIVED
from sojourn.gate.exchange.messages import Result
from sojourn.gate.exchange.telling import Intent, Leaving, Outbox, Subject

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.caller import Tenant
    from sojourn.gate.disclosing import Outgoing
    from sojourn.gate.exchange.partners import Envoys, Partner
    from sojourn.gate.exchange.profile import Profile

_log = log.logger(__name__)
_FIRST, _LONGEST = 5.0, 900.0
"""Seconds until something is sent again, doubled each time, and at most."""
_TRIES: Final = 10
_CONTROL: Final = 20
"""Letters of MSH-10: as many as every version keeps."""
NOT_NEEDED: Final = "Whether it may leave was decided anew before it was sent, and it was not sent: it says nothing that is to be told now. What it is about may have changed, or been told since, or may not go to this partner."


def backoff(tries: int) -> float:
    """Seconds until the next try."""
    return float(min(_FIRST * 2 ** min(tries, 20), _LONGEST))


class Decided(NamedTuple):
    """As whom something is shown, its bytes as they may leave now (None: it may not, or does not hold any more), its job, and what that discloses."""

    access: Access | None
    body: bytes | None
    job: dict[str, Any] | None
    out: Outgoing | None


class Post:
    """What goes to one partner of one organization."""

    def __init__(self, envoys: Envoys, tenant: Tenant, partner: Partner, identity: Identity) -> None:
        self._envoys, self._tenant, self.partner = envoys, tenant, partner
        self.profile: Profile = profile.of(partner.sending)
        self._line = Line(self.profile, identity)
        self.box = Outbox(envoys.house, tenant.number, partner, self.profile.timeout)
        self._writer = Writer(partner, self.profile)
        self._not_before, self._failed = 0.0, 0

    async def close(self) -> None:
        """Hang up."""
        await self._line.close()

    async def round(self) -> int:
        """Do what is due; how much there was. Raises Unavailable, StaleCredential."""
        done = await answering.round(self.box, self.partner, self.profile) if self.profile.answers else 0
        for one in await self.box.next():
            done += 1
            await self._decide(one)
        while not self.profile.batch and clock.monotonic() >= self._not_before and (leaving := await self.box.leave()) is not None:
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
            await self.box.later(one, backoff(one.tries))

    async def _told(self, one: Intent) -> None:
        view = await look.at(await self._recipient(one.subject), one.subject)
        if view is None:
            await self.box.withhold(one)
            return
        told, _ = await self.box.told(one.about)
        while (following := compose.step(view, told, self._writer)) is not None:
            if kind := compose.kind_of(following, self.profile):
                break
            await self.box.tell(one.about, following.facts)
            if following.last:
                following = None
                break
            told = following.facts
        if following is None:
            await self.box.drop(one)
            return
        envelope = Envelope(ids.new_id().replace("-", "")[:_CONTROL].upper(), clock.now().replace(microsecond=0))
        body = compose.written(view, following, kind, self.partner, self.profile, envelope)
        if body is None:
            await self.box.drop(one)
            return
        job = {"subject": one.subject, "kind": kind, "control": following.control, "at": envelope.at.isoformat(), "facts": following.facts, "last": following.last}
        await self.box.make(one, envelope.control, kind, self.profile.version, body, job, _result(one.subject))

    async def _recipient(self, subject: Subject) -> Access:
        return await telling.recipient(self._envoys, self._tenant, self.partner, self.profile.purpose, subject)

    # --- what leaves --------------------------------------------------------------------------------------------------------

    async def _send(self, one: Leaving) -> None:
        try:
            await self._line.open()
        except NotReached as error:
            await self._unreached(one, error.why)
            return
        decided = await self.anew(one)
        access, body, job, out = decided
        if body is None:
            await self.aside(one, decided)
            return
        if not await self.box.left(access, one, body, job or {}, out):
            return
        try:
            said = await self._line.say(body, one.control)
        except NotAnswered as error:
            await self._unreached(one, error.why)
            return
        self._failed, self._not_before = 0, 0.0
        await self._answered(one, job or {}, said)

    async def aside(self, one: Leaving, decided: Decided) -> None:
        """It does not leave."""
        await self.box.settle(one, ASIDE, NOT_NEEDED)
        if decided.job is not None:  # what holds now may be another message
            await telling.intend(self._envoys.house, self._tenant.number, [(self.partner.id, Subject(*decided.job["subject"]))])

    async def anew(self, one: Leaving) -> Decided:
        """Whether it may leave now, and how."""
        job = one.job
        if "subject" not in job:  # an acknowledgement: about nobody
            return Decided(None, one.body, job, None)
        subject = Subject(*job["subject"])
        access = await self._recipient(subject)
        view = await look.at(access, subject)
        if view is None:
            return Decided(access, None, job, None)
        told, by = await self.box.told(one.about)
        following = compose.step(view, told, self._writer)
        if by == one.id:  # it arrived before: sent again because somebody wants it, as long as it holds
            following = None if following is not None else Step((one.kind,), job["facts"], job["last"], job["control"])
        if following is None or one.kind not in following.kinds or following.control != job["control"]:
            return Decided(access, None, job, None)
        body = compose.written(view, following, one.kind, self.partner, self.profile, Envelope(one.control, datetime.fromisoformat(job["at"])))
        if body is None or (one.sent and body != one.body):
            return Decided(access, None, job, None)
        return Decided(access, body, {**job, "facts": following.facts, "last": following.last}, view.out)

    async def _answered(self, one: Leaving, job: dict[str, Any], said: client.Answer) -> None:
        result = replace_findings(_result(Subject(*job["subject"])) if "subject" in job else Result(), said)
        code = f"{said.code}{f', {said.where}' if said.where else ''}"
        if said.verdict == client.ACCEPTED:
            await self.arrived(one, job, result)
            await self.following(one, job)
        elif said.verdict == client.REFUSED:
            await self.box.settle(one, FAILED, f"They refused it ({code}). Open it and read what they wrote, put right what they name, and send it again; or ask them.", result=result)
        elif one.tries + 1 >= _TRIES:
            await self.box.settle(one, FAILED, f"They could not take it {one.tries + 1} times ({code}). Ask them what is wrong, and send it again.", result=result)
        else:
            await self.box.settle(one, RECEIVED, f"They could not take it ({code}). It is sent again by itself.", again=backoff(one.tries), result=result)

    async def arrived(self, one: Leaving, job: dict[str, Any], result: Result | None = None, box: Outbox | None = None) -> None:
        """They have it. box: of a transaction."""
        await (box or self.box).settle(one, MAPPED, "", facts=job.get("facts"), result=result)

    async def following(self, one: Leaving, job: dict[str, Any]) -> None:
        """What follows from that they have it."""
        if job.get("control") == "CA":
            await self.box.close(one.about)
        if job.get("last") is False:
            await telling.intend(self._envoys.house, self._tenant.number, [(self.partner.id, Subject(*job["subject"]))])

    async def _unreached(self, one: Leaving, why: str) -> None:
        """Nobody was there: the message waits, and so does whatever else goes there."""
        pause = backoff(self._failed)
        self._failed += 1
        self._not_before = clock.monotonic() + pause
        await self.box.settle(one, RECEIVED, why, again=pause)


def replace_findings(result: Result, said: client.Answer) -> Result:
    """The result with what the partner wrote, for who opens the message."""
    return result._replace(findings=(f"They answered {said.code}: {said.words}",)) if said.words else result


def _result(subject: Subject) -> Result:
    return Result(subject.patient, () if subject.type == "Patient" else (f"{subject.type}/{subject.id}",))
