"""Who follows the change feed: every reaction in the system, and the task that keeps it moving."""

from __future__ import annotations

import asyncio

from sojourn.base import log
from sojourn.base.background import Background
from sojourn.base.errors import SojournError
from sojourn.care.authorizations import watching as authorizations
from sojourn.care.exchange import following as exchange
from sojourn.care.orders import placed
from sojourn.care.results import following as results
from sojourn.care.signing import late
from sojourn.doors.hl7v2.out import following as hl7v2
from sojourn.gate import labelfollower
from sojourn.gate.clockwork import Clockwork
from sojourn.gate.feed import Feed, Handler
from sojourn.gate.gate import Gate
from sojourn.gate.labeljob import Labeller, Watch
from sojourn.gate.screening import asking
from sojourn.gate.subscriptions import following as subscriptions

_log = log.logger(__name__)

# name -> what it does with a page of changes. A follower keeps its place under its name, in the transaction of what it does. Pages are short work: as long as a follower's transaction writes, what others commit waits for its number.
LISTENERS: dict[str, Handler] = {"subscriptions": subscriptions.follow}

_PAUSE = 0.5  # seconds between looks; a change is numbered at most this long after it was committed


class Following(Background):
    """Numbers changes and hands them to the listeners, for as long as the server runs."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        labeller = Labeller(gate)
        self._labels = Watch(labeller)
        clockwork = Clockwork(gate)
        self._followers = {
            **LISTENERS, "labels": labelfollower.follower(labeller), "screening": asking.follower(labeller), "late": late.follower(clockwork),
            "results": results.follower(clockwork), "orders": placed.follower(clockwork), "authorizations": authorizations.follower(clockwork), "exchange": exchange.follower(clockwork), "hl7v2": hl7v2.follower(clockwork),
        }  # fmt: skip

    async def _run(self) -> None:
        while True:
            try:
                busy = await self._round()
            except SojournError as error:
                _log.warning("feed waits", error=type(error).__name__)
                busy = False
            await asyncio.sleep(0.02 if busy else _PAUSE)

    async def _round(self) -> bool:
        busy = False
        for tenant in list(self._gate.house.tenants):
            feed = Feed(self._gate.house.db, tenant)
            busy = await feed.number() >= 5000 or busy
            for name, handle in self._followers.items():
                busy = await _turn(feed, name, handle) or busy
            busy = await self._labels.tick(tenant) or busy
        for tenant in list(self._gate.house.benches):  # who is tested may be told of made-up people; nothing else follows from them
            feed = Feed(self._gate.house.db, tenant)
            await feed.number()
            for name, handle in LISTENERS.items():
                busy = await _turn(feed, name, handle) or busy
        return busy


async def _turn(feed: Feed, name: str, handle: Handler) -> bool:
    """One page for one follower. One that fails gets it again; the others go on."""
    try:
        return bool(await feed.follow(name, handle))
    except Exception as error:  # noqa: BLE001 - of any kind: what it did is undone, and it says so
        _log.warning("a follower of the feed failed", follower=name, error=type(error).__name__)
        return False
