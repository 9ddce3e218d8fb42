"""The server is killed (kill -9) while it cuts an export, while one is downloaded, and while an import comes in: each is done exactly once."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from sojourn.record.database import Dsn
from tests.people import close_clinic, open_clinic, patient
from tests.record.test_crash import TOKEN, Ledger, Server, check

MANY = 300
FAR = 100
"""A line whose stretch is made when the first ones have left: not more than a few are made ahead."""
NDJSON = {"content-type": "application/fhir+ndjson"}
STOP = """
    CREATE OR REPLACE FUNCTION house.stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(42); RETURN NULL; END $$;
    CREATE TRIGGER stop AFTER INSERT ON record.{table} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION house.stop();
"""
"""Where the server comes to stand until the test lets it go on: in the middle, whatever else the machine does."""
WAITS = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 42 AND NOT granted)"


def lines(begin: int, end: int) -> bytes:
    """Patients, a line each."""
    return b"".join(json.dumps({**patient(f"Rivera{n}"), "id": f"x{n}"}).encode() + b"\n" for n in range(begin, end))


@asynccontextmanager
async def stopped(owner: asyncpg.Connection[Any], server: Server, table: str, when: str) -> AsyncIterator[None]:
    """What is asked in it is asked of a server that is killed where it stands still; then it is up again, and nothing of the dead one is left."""
    await owner.execute(STOP.format(table=table, when=when))
    await owner.execute("SELECT pg_advisory_lock(42)")
    yield
    while not await owner.fetchval(WAITS):
        pass
    server.kill()
    await owner.execute("SELECT pg_advisory_unlock(42)")
    while await owner.fetchval(WAITS) or await owner.fetchval("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'sojourn_app'"):
        pass  # its connections end when they find that nobody is there
    await owner.execute(f"DROP TRIGGER stop ON record.{table}; UPDATE record.export SET lease = '-infinity'")  # as if the lease were over
    await server.start()


async def ready(client: httpx.AsyncClient, place: str) -> dict[str, Any]:
    """The manifest, once there is one."""
    while (reply := await client.get(place)).status_code == 202:
        pass
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


async def test_exports_and_imports_are_done_exactly_once_whenever_the_server_is_killed(database: Dsn, tmp_path: Path) -> None:
    await close_clinic(await open_clinic(database))
    owner = await asyncpg.connect(database.owner)
    server = Server(database.app, tmp_path, "bulk")
    await server.start()
    try:
        async with httpx.AsyncClient(base_url=server.base, headers={"authorization": f"Bearer {TOKEN}"}, timeout=30) as client:
            # An import: what was written when it fell stays, and the same sent again adds what was not.
            async with stopped(owner, server, "version", f"NEW.id = 'x{MANY - 20}'"):
                sending = asyncio.create_task(client.post("/$import?program=mh", content=lines(0, MANY), headers=NDJSON))
            with pytest.raises(httpx.TransportError):
                await sending
            again = (await client.post("/$import?program=mh", content=lines(0, MANY), headers=NDJSON)).json()
            told = {p["name"]: p["valueInteger"] for p in again["parameter"] if "valueInteger" in p}
            assert told["written"] + told["unchanged"] == MANY, again
            assert told["refused"] == 0
            kept = await owner.fetch("SELECT id, count(*) AS n FROM record.version WHERE type = 'Patient' AND tenant = 1 GROUP BY 1")
            assert Counter({row["id"]: row["n"] for row in kept}) == Counter(f"x{n}" for n in range(MANY))
            await check(owner, Ledger())

            # Cutting: what was cut stays, the rest is cut once.
            async with stopped(owner, server, "export_part", "NEW.n = 3"):
                place = (await client.get("/$export?_type=Patient", headers={"prefer": "respond-async"})).headers["content-location"]
            manifest = await ready(client, place)
            parts = await owner.fetch("SELECT n, file, count, after_patient, to_patient FROM record.export_part ORDER BY n")
            assert [part["n"] for part in parts] == list(range(len(parts)))
            assert [part["after_patient"] for part in parts[1:]] == [part["to_patient"] for part in parts[:-1]]
            assert [file["count"] for file in manifest["output"]] == [150, 150]

            # Downloading: it goes on where it stopped, and every line is in the trail before it left.
            url = manifest["output"][0]["url"]
            far = await owner.fetchval("SELECT seq FROM record.resource WHERE id = $1", sorted(f"x{n}" for n in range(MANY))[FAR])
            async with stopped(owner, server, "audit", f"NEW.action = 'export' AND {far} = ANY (NEW.shown)"):
                tag, reading = await _begun(client, url)
            had = await reading
            shown = await owner.fetchval("SELECT count(DISTINCT s) FROM record.audit a, unnest(a.shown) s WHERE a.action = 'export'")
            assert 0 < had.count(b"\n") <= shown < 150
            rest = await client.get(url, headers={"range": f"bytes={len(had)}-", "if-range": tag})
            assert rest.status_code == 206
            whole = (await client.get(url)).content
            assert had + rest.content == whole
            everything = whole + (await client.get(manifest["output"][1]["url"])).content
            assert Counter(json.loads(line)["id"] for line in everything.splitlines()) == Counter(f"x{n}" for n in range(MANY))
            await check(owner, Ledger())
    finally:
        server.kill()
        await owner.close()


async def _begun(client: httpx.AsyncClient, url: str) -> tuple[str, asyncio.Task[bytes]]:
    """A download that is under way: its ETag, and a task that ends with what came until the connection did."""
    headers: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def read() -> bytes:
        got = b""
        try:
            async with client.stream("GET", url, headers={"accept-encoding": "identity"}) as reply:
                headers.set_result(reply.headers["etag"])
                async for piece in reply.aiter_raw():
                    got += piece
        except httpx.TransportError:
            return got
        raise AssertionError("it came to its end")

    task = asyncio.create_task(read())
    return await headers, task
