"""When the trail cannot be written, nothing is shown; emergency care goes on and is journaled; and no answer is ever without its line."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from sojourn.base import signing
from sojourn.base.postgres import Postgres
from sojourn.gate import emergency
from sojourn.gate.emergency import Sought
from sojourn.gate.keeping import Keeping, trail_signer
from sojourn.record import checking, roles
from sojourn.record.database import Dsn, prepare
from tests.people import A, Clinic, close_clinic, consent, observation, open_clinic, patient

EMERGENCY = "mh-clinician!"


async def emergent(clinic: Clinic) -> str:
    """A patient for whom an emergency is declared, and a token under which its author asks."""
    p = (await clinic.make("sys-sud", patient())).id
    found = await clinic.gate.access(clinic.tokens["mh-clinician"])
    assert found is not None
    declared = await emergency.declare(found, Sought("Rivera", "Ana", "1988-03-04"), reason="medical-emergency", because="Found unresponsive.", attested=True)
    assert declared.patient == p
    clinic.tokens[EMERGENCY] = await clinic.gate.token(clinic.gate.house.tenants[A], "mh-clinician", purpose="ETREAT")
    return p


async def check(owner: asyncpg.Connection[Any], clinic: Clinic) -> checking.Finding:
    key = signing.Signer(clinic.gate.house.key, "trail").public
    assert key == trail_signer(clinic.gate.house).public
    return await checking.check_trail(owner, A, "a", frozenset({key}))


async def test_a_trail_that_takes_no_lines_stops_everything_but_emergency_care_whose_line_comes_in_later(database: Dsn) -> None:
    clinic = await open_clinic(database, connections=8)
    p = await emergent(clinic)
    mine = (await clinic.make("sys-mh", patient("Quill"))).id
    blocker = await asyncpg.connect(database.owner)
    lock = blocker.transaction()
    await lock.start()
    await blocker.execute("LOCK TABLE record.audit IN EXCLUSIVE MODE")
    plain, emergent_ = await asyncio.gather(clinic.get("mh-clinician", f"Patient/{mine}"), clinic.get(EMERGENCY, f"Patient/{p}"))
    assert plain.status == 503
    assert b"Quill" not in plain.body
    assert emergent_.status == 200
    assert b"Rivera" in emergent_.body
    journal = clinic.gate.house.trail.journal
    assert journal is not None
    assert len(list(journal.waiting())) == 1
    request = emergent_.header("x-request-id")
    await lock.rollback()
    await blocker.close()
    await Keeping(clinic.gate.house).round()
    assert list(journal.waiting()) == []
    assert request in {r["request"] for r in await clinic.owner.fetch("SELECT request FROM record.audit WHERE action = 'read' AND $1 = ANY (patients)", p)}
    assert (await check(clinic.owner, clinic)).wrong == []
    await clinic.make("sys-sud", consent(p, "tpo"))
    assert await checking.check_record(clinic.owner, A) == []
    await clinic.owner.execute("UPDATE record.resource SET body = '{}' WHERE id = $1", p)
    await clinic.owner.execute("UPDATE record.consent_grant SET consent = 'nothing' WHERE recipient = 'Organization/tpo'")
    found = await checking.check_record(clinic.owner, A)
    assert found[0] == "1 current resources are not their last versions"
    assert any("grants come from no consent" in sentence for sentence in found[1:])
    await close_clinic(clinic)


@pytest.fixture
async def killable(folder: Path) -> AsyncIterator[tuple[Postgres, Dsn]]:
    """A database of the test's own, to be killed."""
    server = Postgres(folder / "data")
    await asyncio.to_thread(server.acquire)
    admin = await asyncpg.connect(server.dsn())
    await admin.execute("CREATE DATABASE t")
    await admin.close()
    await prepare(server.dsn(database="t"))
    yield server, Dsn(server.dsn(roles.APP, "t"), server.dsn(database="t"))
    await asyncio.to_thread(server.release)


async def test_the_database_is_killed_under_load_and_every_answer_that_was_given_has_its_line(killable: tuple[Postgres, Dsn]) -> None:
    server, dsn = killable
    clinic = await open_clinic(dsn, connections=8)
    p = await emergent(clinic)
    mine = (await clinic.make("sys-mh", patient("Quill"))).id
    made = (await clinic.make("sys-mh", observation(mine))).id
    keeping = Keeping(clinic.gate.house)
    await keeping.start()
    given: list[str] = []
    statuses: set[int] = set()
    stop = asyncio.Event()

    async def read(who: str, url: str) -> None:
        while not stop.is_set():
            reply = await clinic.get(who, url)
            statuses.add(reply.status)
            if reply.status == 200:
                given.append(reply.header("x-request-id"))
            await asyncio.sleep(0.005)

    readers = [asyncio.create_task(read(who, url)) for who, url in (("mh-clinician", f"Patient/{mine}"), ("both-clinician", f"Observation/{made}"), (EMERGENCY, f"Patient/{p}")) * 4]
    for _ in range(3):
        await asyncio.sleep(0.5)
        before = len(given)
        pid = server.running()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(0.5)  # its children notice, and leave
        await asyncio.to_thread(server.start)
        for _ in range(200):
            if len(given) > before + 20:
                break
            await asyncio.sleep(0.05)
        assert len(given) > before + 20, "the server did not come back to work"
    stop.set()
    await asyncio.gather(*readers)
    await keeping.stop()
    assert statuses <= {200, 503}
    assert 503 in statuses
    owner = await asyncpg.connect(dsn.owner)
    await Keeping(clinic.gate.house).round()
    kept = {r["request"] for r in await owner.fetch("SELECT DISTINCT request FROM record.audit")}
    assert [request for request in given if request not in kept] == []
    found = await check(owner, clinic)
    assert (found.wrong, found.unsealed) == ([], 0)
    await owner.close()
    await clinic.gate.close()
