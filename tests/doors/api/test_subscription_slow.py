"""Receivers that take their time keep nobody else waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sojourn.doors.api.subscriptions.telling import Telling
from sojourn.gate.subscriptions import following
from sojourn.gate.subscriptions.working import OF_ONE
from sojourn.web.outbound import Outbound
from tests.doors.api.test_subscriptions import Receiver, followed, seen_by, subscription
from tests.gate.numbering import numbered
from tests.people import Clinic, observation

MANY = 6


class Holding(Receiver):
    """Takes a notification and says nothing until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.held, self.most = 0, 0
        self.go = asyncio.Event()
        self.slow = False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.slow:
            self.held += 1
            self.most = max(self.most, self.held)
            await self.go.wait()
            self.held -= 1
        await super()._serve(reader, writer)


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not done():  # noqa: ASYNC110 - what is waited for is at the other end of a connection
            await asyncio.sleep(0.05)


async def test_an_account_whose_receivers_all_take_their_time_keeps_nobody_waiting(clinic: Clinic) -> None:
    async with Holding().open() as slow, Receiver().open() as quick:
        assert isinstance(slow, Holding)
        for _ in range(MANY):
            await clinic.make("mh-service", subscription(slow))
        await clinic.make("sys-mh", subscription(quick))
        telling = Telling(clinic.gate, Outbound(["127.0.0.1"]))
        await followed(clinic, telling)
        assert (len(slow.got), len(quick.got)) == (MANY, 1), "every endpoint answered its handshake"
        slow.slow = True
        p = await seen_by(clinic)
        made = (await clinic.make("sys-mh", observation(p))).id
        feed = await numbered(clinic)
        while await feed.follow("subscriptions", following.follow):
            pass
        await telling.start()
        try:
            await until(lambda: f"Observation/{made}" in [ref for t in quick.told() for _, ref in t["events"]])
            await until(lambda: slow.held == OF_ONE)
            assert slow.most == OF_ONE, "few of one account at a time"
            slow.go.set()
            await until(lambda: len(slow.got) == 2 * MANY)
        finally:
            slow.go.set()
            await telling.stop()
