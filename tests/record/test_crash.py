"""Server and database are killed in the middle of work, again and again: what was acknowledged is there, and nothing is half there."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import httpx
import pytest

from sojourn.base import errors
from sojourn.base.db import Database
from sojourn.base.postgres import Postgres
from sojourn.gate.feed import Feed
from sojourn.record import roles
from sojourn.record.database import Dsn, prepare
from tests.conftest import run_apart
from tests.people import A, close_clinic, encounter, observation, open_clinic, patient
from tests.record.crashing_server import take

TOKEN = "token-sys-mh".ljust(43, "x")
ROUNDS = 3
TOGETHER = 5


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


class Server:
    """One server process after another, on one port."""

    def __init__(self, dsn: str, data: Path, *how: str) -> None:
        self.port = free_port()
        self._args = [sys.executable, "-m", "tests.record.crashing_server", dsn, str(data), str(self.port), *how]
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}/fhir"

    async def start(self) -> None:
        """Until it answers."""
        self.process = await asyncio.to_thread(subprocess.Popen, self._args, cwd=Path(__file__).parents[2])
        async with httpx.AsyncClient() as client:
            for _ in range(600):
                try:
                    if (await client.get(f"{self.base}/metadata")).status_code == 200:
                        return
                except httpx.TransportError:
                    assert self.process.poll() is None, "the server did not start"
                await asyncio.sleep(0.05)
        raise AssertionError("the server does not answer")

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()


@dataclass
class Ledger:
    """What the clients were told. state: the last acknowledged version of each Observation, None when deleted."""

    state: dict[str, str | None] = field(default_factory=dict)
    unsure: set[str] = field(default_factory=set)
    """Ids whose last change was not answered: it may have happened or not."""
    versions: set[str] = field(default_factory=set)
    groups: dict[int, bool] = field(default_factory=dict)
    """Transactions by their mark, and whether they were acknowledged."""


async def work(server: Server, ledger: Ledger, patient_id: str, until: asyncio.Event, seed: int) -> None:
    """One client: creates, updates, deletes, transactions; writes down what it is told."""
    random = Random(seed)
    headers = {"authorization": f"Bearer {TOKEN}"}
    mine: list[str] = []
    async with httpx.AsyncClient(base_url=server.base, headers=headers, timeout=20) as client:
        while not until.is_set():
            roll, id_, mark = random.random(), "", random.randrange(10**8, 10**9)
            alive = [i for i in mine if ledger.state[i] is not None and i not in ledger.unsure]
            try:
                if roll < 0.2:
                    ledger.groups[mark] = False
                    entry = {"request": {"method": "POST", "url": "Observation"}, "resource": observation(patient_id, mark)}
                    reply = await client.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": [entry] * TOGETHER})
                    if reply.status_code == 200:
                        ledger.groups[mark] = True
                elif roll < 0.55 or not alive:
                    reply = await client.post("/Observation", json=observation(patient_id, mark))
                    if reply.status_code == 201:
                        told = reply.json()
                        mine.append(told["id"])
                        ledger.state[told["id"]] = told["meta"]["versionId"]
                        ledger.versions.add(told["meta"]["versionId"])
                else:
                    id_ = random.choice(alive)
                    ledger.unsure.add(id_)
                    if roll < 0.9:
                        reply = await client.put(f"/Observation/{id_}", json={**observation(patient_id, mark), "id": id_})
                        told = reply.json() if reply.status_code == 200 else None
                    else:
                        reply = await client.delete(f"/Observation/{id_}")
                        told = None
                    if reply.status_code in (200, 204):
                        ledger.state[id_] = told["meta"]["versionId"] if told else None
                        ledger.versions.add(told["meta"]["versionId"] if told else reply.headers["etag"][3:-1])
                        ledger.unsure.discard(id_)
                assert reply.status_code in (200, 201, 204, 503), reply.text
            except httpx.HTTPError:
                await asyncio.sleep(0.05)


TAKEN = """
    CREATE TABLE house.taken (tenant int, n bigint, version text);
    CREATE FUNCTION gate.taken(p_tenant int, p_n bigint[], p_versions text[]) RETURNS void LANGUAGE sql SECURITY DEFINER AS
    $$ INSERT INTO house.taken SELECT p_tenant, x.* FROM unnest(p_n, p_versions) x $$;
    GRANT EXECUTE ON FUNCTION gate.taken(int, bigint[], text[]) TO sojourn_app;
"""
"""What a follower of the feed does here: it counts, without anything that would hide a change counted twice."""


async def follow(dsn: str, until: asyncio.Event) -> None:
    """A second process of the follower that the server has; it comes back after every fall of the database."""
    while not until.is_set():
        db = Database(dsn, connections=2)
        try:
            await db.open()
            feed = Feed(db, A)
            while not until.is_set():
                await feed.number()
                await asyncio.sleep(0 if await feed.follow("taken", take, limit=50) else 0.02)
        except (errors.Unavailable, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await asyncio.sleep(0.1)
        finally:
            await db.close()


async def rest(dsn: str) -> None:
    """Hand over what is left, once the database is up for good."""
    db = Database(dsn, connections=2)
    for _ in range(300):
        try:
            await db.open()
            break
        except errors.Unavailable:
            await asyncio.sleep(0.1)
    feed = Feed(db, A)
    while await feed.number() or await feed.follow("taken", take):
        pass
    await db.close()


async def check(owner: asyncpg.Connection[Any], ledger: Ledger) -> None:
    """Everything acknowledged is there, and every table tells the same story."""
    current = {r["id"]: r["version"] for r in await owner.fetch("SELECT id, version FROM record.resource WHERE type = 'Observation'")}
    for id_, version in ledger.state.items():
        if id_ not in ledger.unsure:
            assert current.get(id_) == version, "an acknowledged write is not there"
    kept = {r["version"] for r in await owner.fetch("SELECT version FROM record.version")}
    assert ledger.versions <= kept
    rows = await owner.fetch("SELECT (n.low)::bigint AS mark, count(DISTINCT n.rid) AS n FROM record.number n WHERE n.unit = 0 AND n.low > 99999999 GROUP BY 1")
    found = {round(r["mark"] + 0.5): r["n"] for r in rows}
    for mark, acknowledged in ledger.groups.items():
        n = sum(count for m, count in found.items() if abs(m - mark) <= 1)
        assert n in ((TOGETHER,) if acknowledged else (0, TOGETHER)), "a transaction is half there"
    broken = await owner.fetch(
        """
        SELECT 'a current row is not the last version' AS what FROM record.resource r WHERE r.seq IS DISTINCT FROM
            (SELECT max(v.seq) FROM record.version v WHERE v.tenant = r.tenant AND v.type = r.type AND v.id = r.id)
        UNION ALL SELECT 'a deleted resource has a current row' FROM record.resource r JOIN record.version v USING (tenant, seq) WHERE v.kind = 'delete'
        UNION ALL SELECT 'a last version has no current row' FROM (SELECT DISTINCT ON (tenant, type, id) * FROM record.version ORDER BY tenant, type, id, seq DESC) v
            WHERE v.kind <> 'delete' AND NOT EXISTS (SELECT FROM record.resource r WHERE r.tenant = v.tenant AND r.type = v.type AND r.id = v.id)
        UNION ALL SELECT 'a token is missing' FROM record.resource r JOIN record.version v USING (tenant, seq) CROSS JOIN LATERAL unnest(v.tokens) h(hash)
            WHERE NOT EXISTS (SELECT FROM record.token k WHERE k.tenant = r.tenant AND k.rid = r.rid AND k.hash = h.hash)
        UNION ALL SELECT 'a token of a row that is gone' FROM record.token k WHERE NOT EXISTS (SELECT FROM record.resource r WHERE r.tenant = k.tenant AND r.rid = k.rid)
        UNION ALL SELECT 'an edge is missing' FROM record.resource r WHERE r.type = 'Observation'
            AND NOT EXISTS (SELECT FROM record.edge e WHERE e.tenant = r.tenant AND e.rid = r.rid AND e.target = 'Patient/' || r.patient)
        UNION ALL SELECT 'a write without its line in the trail' FROM record.version v
            WHERE NOT EXISTS (SELECT FROM record.audit a WHERE a.tenant = v.tenant AND v.seq = ANY (a.shown) AND a.account <> '')
        UNION ALL SELECT 'a change is not in the feed exactly once' FROM record.version v
            WHERE (SELECT count(*) FROM record.feed f WHERE f.tenant = v.tenant AND f.seq = v.seq AND f.kind <> 'label')
                + (SELECT count(*) FROM record.change c WHERE c.tenant = v.tenant AND c.seq = v.seq AND c.kind <> 'label') <> 1
        """
    )
    assert [row["what"] for row in broken] == []


async def once_and_in_order(owner: asyncpg.Connection[Any]) -> None:
    """The follower did its work for each change exactly once, and the changes of one resource are in the order in which they were made."""
    feed = await owner.fetch("SELECT f.n, f.kind, v.id, v.version, v.seq FROM record.feed f JOIN record.version v USING (tenant, seq) WHERE tenant = 1 ORDER BY n")
    assert [row["n"] for row in feed] == list(range(1, len(feed) + 1))
    taken = await owner.fetch("SELECT n, version FROM house.taken WHERE tenant = 1 ORDER BY n")
    assert [(row["n"], row["version"]) for row in taken] == [(row["n"], row["version"]) for row in feed], "not exactly once"
    last: dict[str, int] = {}
    for row in feed:
        if row["kind"] != "label":
            assert row["seq"] > last.get(row["id"], -1)
            last[row["id"]] = row["seq"]


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["server", "backend", "postmaster"])
async def test_nothing_acknowledged_is_lost_and_nothing_is_half_done(folder: Path, victim: str) -> None:
    random = Random(victim)
    postgres = Postgres(folder / "data", durable=True)
    await asyncio.to_thread(postgres.acquire)
    run_apart(prepare(postgres.dsn(), app_password="for-tests-only"))
    dsn = Dsn(app=postgres.dsn(roles.APP), owner=postgres.dsn())
    clinic = await open_clinic(dsn)
    patient_id = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(patient_id))
    await clinic.owner.execute(TAKEN)
    await close_clinic(clinic)
    server = Server(dsn.app, folder)
    ledger, until = Ledger(), asyncio.Event()
    await server.start()
    tasks = [asyncio.create_task(work(server, ledger, patient_id, until, n)) for n in range(4)]
    tasks.append(asyncio.create_task(follow(dsn.app, until)))
    try:
        for _ in range(ROUNDS):
            before = len(ledger.versions)
            await asyncio.sleep(0.7 + random.random())
            await asyncio.to_thread(kill, victim, server, postgres)
            if victim == "server":
                await server.start()
            await asyncio.sleep(0.3)
            before = max(before, len(ledger.versions))
            deadline = time.monotonic() + 30
            while len(ledger.versions) < before + 5:  # it works again
                assert time.monotonic() < deadline, "nothing is written after the fall"
                assert not [t for t in tasks if t.done()], [t.exception() for t in tasks if t.done()]
                await asyncio.sleep(0.1)
        until.set()
        await asyncio.gather(*tasks)
        server.kill()
        await rest(dsn.app)
        owner = await asyncpg.connect(dsn.owner)
        await check(owner, ledger)
        await once_and_in_order(owner)
        await owner.close()
    finally:
        until.set()
        for task in tasks:
            task.cancel()
        server.kill()
        await asyncio.to_thread(postgres.stop)


def kill(victim: str, server: Server, postgres: Postgres) -> None:
    """kill -9 of the server, of a connection's process (all others fall with it), or of the whole database; then up again."""
    if victim == "server":
        server.kill()
        return
    postmaster = postgres.running()
    assert postmaster
    if victim == "backend":
        children = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(postmaster)], capture_output=True, text=True, check=True).stdout
        backends = [int(line.split()[0]) for line in children.splitlines() if roles.APP in line]
        if backends:
            os.kill(backends[0], signal.SIGKILL)
        return
    os.kill(postmaster, signal.SIGKILL)
    while postgres.running() == postmaster:
        time.sleep(0.02)
    for _ in range(100):
        try:
            postgres.acquire()
            return
        except Exception:  # noqa: BLE001 - orphans of the dead server still hold its memory for a moment
            time.sleep(0.1)
    raise AssertionError("the database does not start again")
