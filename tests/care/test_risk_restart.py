"""Two at night, nobody signed in: a risky answer arrives, the server is killed, and when another starts it goes on where it was."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import httpx

from sojourn.care.measures import forms
from sojourn.care.measures.model import instruments
from sojourn.record.database import Dsn
from tests.care.risky import NIGHT, Ward, cssrs, ward
from tests.care.test_calls import NUMBERS, reach
from tests.doors.calling.counterpart import Texts

ROOT = Path(__file__).parents[2]


class Server:
    """One process after another, on one port, at the time that a file says."""

    def __init__(self, dsn: str, folder: Path, gateway: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.hands = folder / "time"
        self._args = [sys.executable, "-m", "tests.care.night_server", dsn, str(folder), str(self.port), str(self.hands), gateway]
        self.process: subprocess.Popen[bytes] | None = None

    def at(self, moment: datetime) -> None:
        """Set its clock, also while it is down."""
        new = self.hands.with_suffix(".new")
        new.write_text(moment.isoformat(), "utf-8")
        new.replace(self.hands)

    async def start(self) -> None:
        self.process = await asyncio.to_thread(subprocess.Popen, self._args, cwd=ROOT)
        async with httpx.AsyncClient() as client:
            for _ in range(600):
                try:
                    if (await client.get(f"http://127.0.0.1:{self.port}/fhir/metadata")).status_code == 200:
                        return
                except httpx.TransportError:
                    assert self.process.poll() is None, "the server did not start"
                await asyncio.sleep(0.05)
        raise AssertionError("the server does not answer")

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()


async def until(of: Ward, kinds: list[tuple[str, str, str]]) -> None:
    """Wait until the chain has done exactly this."""
    for _ in range(300):
        if of.told(await of.episode()) == kinds:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(of.told(await of.episode()))


async def until_(done: Callable[[], bool]) -> None:
    for _ in range(300):
        if done():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it did not happen")


async def test_the_chain_survives_that_the_server_is_killed_and_nobody_is_told_twice(database: Dsn, folder: Path) -> None:
    texts = Texts()
    async with ward(database, at=NIGHT) as night, texts.open() as gateway:
        for who in ("night", "lead"):
            await reach(night, who)
        assert await night.clinic.owner.fetchval("SELECT count(*) FROM record.credential WHERE kind = 'session'") == 0
        server = Server(database.app, folder, gateway)
        server.at(NIGHT)
        try:
            await server.start()
            made = forms.response(instruments()["c-ssrs-screener"], cssrs(q2=1, q4=1), f"http://127.0.0.1:{server.port}/fhir", patient=f"Patient/{night.client}", authored="2026-03-04T07:00:00Z")
            async with httpx.AsyncClient() as client:
                sent = await client.post(f"http://127.0.0.1:{server.port}/fhir/QuestionnaireResponse", json=made, headers={"authorization": f"Bearer {night.clinic.tokens['sys-mh']}"})
            assert sent.status_code == 201
            texts.down = 503
            server.at(NIGHT + timedelta(minutes=1))
            await until_(lambda: texts.asked > 0)
            server.kill()
            first = [("skipped", "responsible", "therapist"), ("notified", "on-call", "night")]
            assert night.told(await night.episode()) == first
            texts.down = 0
            server.at(NIGHT + timedelta(minutes=3))
            await server.start()
            await until_(lambda: texts.to(NUMBERS["night"]) != [])
            await asyncio.sleep(2.5)
            assert night.told(await night.episode()) == first
            server.kill()
            # Down while somebody was due: told as soon as there is a server again, once.
            server.at(NIGHT + timedelta(minutes=9))
            await server.start()
            then = [*first, ("skipped", "supervisor", "boss"), ("skipped", "site-lead", "lead"), ("all-hands", "", ""), ("notified", "site-lead", "lead")]
            await until(night, then)
            await asyncio.sleep(2)
            assert night.told(await night.episode()) == then
            assert len(await night.notices("lead")) == 1
            await until_(lambda: texts.to(NUMBERS["lead"]) != [])
            assert {who: texts.to(NUMBERS[who]) for who in ("night", "lead")} == {who: ["Sojourn: somebody needs you now. Sign in to see it."] for who in ("night", "lead")}
        finally:
            server.kill()
