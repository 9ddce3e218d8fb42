"""kill -9 while a partner sends FHIR messages: what was answered is there, and after the next start each was done exactly once."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import httpx

from sojourn.record.database import Dsn
from tests.doors.house import house
from tests.doors.messaging.sender import done, known, message, person, result, sends, value
from tests.people import Clinic

MANY, ENOUGH = 60, 20


async def laid_out(clinic: Clinic) -> None:
    """The hospital, and ten people whom both know."""
    await sends(clinic)
    for n in range(10):
        await known(clinic, f"R{n}")


async def test_nothing_answered_is_lost_and_nothing_is_done_twice(database: Dsn, tmp_path: Path) -> None:
    answered: list[str] = []
    async with house(database, tmp_path, laid_out) as there, there.as_("mercy") as mercy:
        for n in range(MANY):
            sent = message("R01", result(value(), number=f"F{n}"), value(), person(f"R{n % 10}"), id_=f"m{n}")
            try:
                asked = asyncio.create_task(mercy.post("$process-message", json=sent))
                if n == ENOUGH:
                    there.process.send_signal(signal.SIGKILL)  # it may be anywhere between reading and answering, and does earlier ones meanwhile
                reply = await asked
            except httpx.HTTPError:
                break
            assert reply.json()["entry"][0]["resource"]["response"]["code"] == "ok", reply.text
            answered.append(f"m{n}")
        await there.process.wait()
        clinic = there.clinic
        kept = {r["control"]: r["state"] for r in await clinic.owner.fetch("SELECT control, state FROM record.exchange_message")}
        assert ENOUGH <= len(answered) < MANY
        assert set(answered) <= kept.keys(), "what was answered is kept"
        assert set(kept.values()) <= {"received", "mapped"}, "what is not done waits, and can be seen"
        again = await clinic.ask("mercy", "POST", "$process-message", message("R01", result(value(), number="F0"), value(), person("R0"), id_="m0"))
        assert again.status == 200, "who was not answered sends it again"
        async with asyncio.timeout(60):
            while await clinic.owner.fetchval("SELECT count(*) FROM record.exchange_message WHERE state = 'received'"):
                await done(clinic)
                await asyncio.sleep(0.05)  # the database does not know at once that the server is gone
        states = await clinic.owner.fetch("SELECT control, state, reason FROM record.exchange_message")
        assert {(r["state"], r["reason"]) for r in states} == {("mapped", "")}
        assert {r["control"] for r in states} == kept.keys()
        versions = await clinic.owner.fetch("SELECT count(*) AS n FROM record.version WHERE type = 'DiagnosticReport' GROUP BY id")
        assert [r["n"] for r in versions] == [1] * len(kept), "each once, whether it was done before or after"
