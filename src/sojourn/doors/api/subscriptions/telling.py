"""Tells subscribers: handshake, events, heartbeats; signed, tried again with growing pauses.

After a day without an answer a subscription is in error; it keeps what waits, and goes on where it was when its owner sends it again.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from sojourn.base import clock, ids, log
from sojourn.base.background import Background
from sojourn.base.errors import SojournError, StaleCredential
from sojourn.doors.api.subscriptions import notifications
from sojourn.gate.apps import keys
from sojourn.gate.changes import Change
from sojourn.gate.clockwork import Clockwork
from sojourn.gate.subscriptions.model import ACTIVE, EMPTY, ERROR, OFF, REQUESTED, Facts
from sojourn.gate.subscriptions.working import Turn, Working
from sojourn.web.outbound import TAKEN

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.gate import Gate
    from sojourn.web.outbound import Outbound

_log = log.logger(__name__)
_FIRST: Final = timedelta(seconds=5)
_LONGEST: Final = timedelta(hours=1)
_TRIES: Final = 32
"""5 s, doubled up to an hour: a day in all."""
_SHAKES: Final = 5
_PAUSE: Final = 0.5
"""Seconds between looks while nothing is to be told."""
_AT_ONCE: Final = 32
"""Receivers that one process waits for at a time; of one account few of them (gate/subscriptions/working.py)."""
_SWEEP: Final = timedelta(hours=1)
SIGNATURE: Final = "Sojourn-Signature"
"""A JWT under the keys of /oauth/jwks: who (iss), to whom (aud), of which subscription (sub), when (iat), and the SHA-256 of the body."""


class Telling(Background):
    """One task a process, and one for each receiver that it waits for. Any number of processes may run it."""

    def __init__(self, gate: Gate, outbound: Outbound) -> None:
        self._gate, self._outbound, self._working = gate, outbound, Working(gate)
        self._clockwork = Clockwork(gate)

    async def _run(self) -> None:
        # A receiver may take half a minute to answer: that is waited for beside, so that it keeps nobody else waiting.
        places, sweeps = asyncio.Semaphore(_AT_ONCE), clock.now()
        async with asyncio.TaskGroup() as under_way:
            while True:
                turn = None
                await places.acquire()
                try:
                    if clock.now() >= sweeps:
                        sweeps = clock.now() + _SWEEP
                        await self._working.sweep()
                    turn = await self._working.take()
                except Exception as error:  # noqa: BLE001 - of any kind: the next look may find it mended
                    _log.warning("subscriptions wait", error=type(error).__name__)
                if turn is None:
                    places.release()
                    await asyncio.sleep(_PAUSE)
                else:
                    under_way.create_task(self._beside(turn, places))

    async def _beside(self, turn: Turn, places: asyncio.Semaphore) -> None:
        try:
            await self._turn(turn)
        except Exception as error:  # noqa: BLE001 - of any kind: the other subscribers are told; this one again when its lease ends
            _log.warning("a subscriber waits", error=type(error).__name__)
        finally:
            places.release()

    async def round(self) -> bool:
        """Tell one subscriber what there is; False when there is nothing to tell."""
        turn = await self._working.take()
        if turn is None:
            return False
        await self._turn(turn)
        return True

    async def _turn(self, turn: Turn) -> None:
        try:
            access = await self._working.access(turn)
            if access is None or turn.expires <= clock.now():
                await self._working.end(turn, "It has run out, or the account or app was stopped.")
                await self._say(turn, OFF)
            elif turn.state == REQUESTED:
                await self._shake(turn)
            else:
                await self._tell(turn, access)
        except StaleCredential:  # rules changed, or it was begun anew: the next turn goes by those of then
            await self._working.settle(turn, state=turn.state, refused=turn.refused, tries=turn.tries, due=clock.now(), beat=turn.beat)

    async def _shake(self, turn: Turn) -> None:
        """Ask the endpoint whether it is there. Only then is it told anything."""
        said = notifications.status(self._base, turn.id, turn.facts.topic, REQUESTED, "handshake", turn.number)
        answer, now = await self._send(turn, notifications.bundle(self._base, said, turn.id, [], EMPTY, clock.now())), clock.now()
        if answer == TAKEN:
            await self._working.settle(turn, refused=turn.refused, due=now, beat=_beat(turn.facts, now))
            await self._say(turn, ACTIVE)
        elif turn.tries + 1 >= _SHAKES:
            await self._working.settle(turn, state=ERROR, refused=turn.refused, due=now, reason="The endpoint did not answer the handshake with success.")
            await self._say(turn, ERROR)
        else:
            await self._working.settle(turn, state=REQUESTED, refused=turn.refused, tries=turn.tries + 1, due=now + _wait(turn.tries))

    async def _tell(self, turn: Turn, access: Access) -> None:
        lines = await self._working.lines(turn, access)
        now = clock.now()
        if not lines and (turn.beat is None or turn.beat > now):
            await self._working.settle(turn, due=now, beat=turn.beat)
            return
        kind, number = ("event-notification", lines[-1].number) if lines else ("heartbeat", await self._working.number(turn))
        said = notifications.status(self._base, turn.id, turn.facts.topic, ACTIVE, kind, number, lines, turn.facts.content)
        body = notifications.bundle(self._base, said, turn.id, lines, turn.facts.content if lines else EMPTY, now)
        if lines:
            leaving = await self._working.sending(turn, access, lines, body)
            if leaving is None:
                return
            body = leaving
        answer, now = await self._send(turn, body), clock.now()
        if answer == TAKEN or not lines:
            await self._working.settle(turn, told=bool(lines), due=now, beat=_beat(turn.facts, now))
        elif turn.tries + 1 >= _TRIES:
            await self._working.settle(turn, state=ERROR, refused=answer == "refused", due=now, reason="The endpoint has not taken notifications for a day.")
            await self._say(turn, ERROR)
        else:
            await self._working.settle(turn, refused=answer == "refused", tries=turn.tries + 1, due=now + _wait(turn.tries), beat=_beat(turn.facts, now))

    async def _send(self, turn: Turn, body: bytes) -> str:
        """taken, refused (they certainly do not have it) or unsure."""
        now = int(clock.now().timestamp())
        parts = urlsplit(turn.facts.endpoint)
        claims = {
            "iss": self._base.removesuffix("/fhir/"), "aud": f"{parts.scheme}://{parts.netloc}", "sub": turn.id, "iat": now, "exp": now + 300, "jti": ids.new_id("jti"),
            "body_sha256": base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode(),
        }  # fmt: skip
        headers = dict(h.split(":", 1) for h in turn.facts.headers) | {"content-type": "application/fhir+json", SIGNATURE: await keys.signed(self._gate.house, self._gate.house.signer(turn.tenant), claims)}
        return await self._outbound.post(turn.facts.endpoint, body, {k: v.strip() for k, v in headers.items()}, seconds=turn.facts.timeout)

    async def _say(self, turn: Turn, state: str) -> None:
        """In the Subscription itself, where somebody may read it."""
        access = await self._clockwork.access(turn.tenant.number)
        try:
            stored = await access.read("Subscription", turn.id)
            if stored.resource.get("status") != state:
                kept = {k: v for k, v in stored.resource.items() if k != "error" or state == ERROR}
                await access.write([Change("update", "Subscription", stored.id, {**kept, "status": state}, if_match=stored.version)], action="update")
        except SojournError as error:  # deleted or changed meanwhile: $status tells
            _log.warning("a subscription's status was not written", error=type(error).__name__)

    @property
    def _base(self) -> str:
        return self._gate.house.base + "/"


def _wait(tries: int) -> timedelta:
    return min(_LONGEST, _FIRST * int(2 ** min(tries, 12)))


def _beat(facts: Facts, now: datetime) -> datetime | None:
    return now + timedelta(seconds=facts.heartbeat) if facts.heartbeat else None
