"""kill -9 in the middle: what was acknowledged is there, and after the next start each message was done exactly once."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from sojourn.record.database import Dsn
from tests import people
from tests.doors.hl7v2.lab import MRN, Client, code, done, listener, oru, registered
from tests.people import MH, patient

MANY, ENOUGH = 60, 25


async def test_nothing_acknowledged_is_lost_and_nothing_is_done_twice(database: Dsn, tmp_path: Path) -> None:
    clinic = await people.open_clinic(database)
    for n in range(10):
        await clinic.make("sys-mh", patient(identifier=[{"system": MRN, "value": f"R{n}"}]))
    await registered(clinic.gate, program=MH)
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.doors.hl7v2.listening_server", database.app, str(tmp_path), cwd=Path(__file__).parents[3], stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout is not None
    client = await Client(int(await server.stdout.readline())).open()
    kept: list[str] = []
    for n in range(MANY):
        if n == ENOUGH:
            server.send_signal(signal.SIGKILL)
        try:
            answer = await client.say(oru(f"M{n}", mrn=f"R{n % 10}", filler=f"F{n}"))
        except OSError:
            answer = None
        if answer is None:
            break
        assert code(answer) == "AA"
        kept.append(f"M{n}")
    await server.wait()
    there = {r["control"]: r["state"] for r in await clinic.owner.fetch("SELECT control, state FROM record.exchange_message")}
    assert len(kept) >= ENOUGH
    assert set(kept) <= there.keys()
    assert set(there.values()) <= {"received", "mapped"}
    door = listener(clinic.gate)
    async with asyncio.timeout(60):
        await done(door, clinic.gate)
        while await clinic.owner.fetchval("SELECT count(*) FROM record.exchange_message WHERE state = 'received'"):
            await asyncio.sleep(0.05)  # the database does not know at once that the server is gone, and holds what it had taken
            await done(door, clinic.gate)
    assert set(await clinic.owner.fetchval("SELECT array_agg(DISTINCT state) FROM record.exchange_message")) == {"mapped"}
    versions = await clinic.owner.fetch("SELECT count(*) AS n FROM record.version WHERE type = 'DiagnosticReport' GROUP BY id")
    assert [r["n"] for r in versions] == [1] * len(there), "each once, whether it was done before or after"
    await people.close_clinic(clinic)
