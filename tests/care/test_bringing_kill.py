"""kill -9 when the other end has it and we do not know that yet: by fax, Direct, IHE MHD and on errands, each is there once afterwards."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncssh
import httpx
import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.doors.direct.sending import Direct
from sojourn.doors.fax.gateways import Http
from sojourn.doors.fax.sending import Faxing
from sojourn.doors.mhd.providing import Providing
from sojourn.gate import papers
from sojourn.gate.exchange import hostkeys, partners, ways
from sojourn.gate.exchange.keeping import MAPPED, RECEIVED
from sojourn.gate.exchange.partners import Envoys
from sojourn.gate.exchange.ways import Way
from sojourn.record.database import Dsn
from sojourn.web.outbound import Outbound
from tests import people
from tests.care import reach
from tests.care.bringing_server import NEAR
from tests.care.test_handoff import at, clinic  # noqa: F401 - a fixture
from tests.conftest import Cluster
from tests.doors.direct.hisp import HOST
from tests.doors.direct.partner import THEM, read, ready
from tests.doors.fax.counterpart import TOKEN, Counterpart
from tests.doors.hl7v2.lab import oru
from tests.doors.mhd.network import network, registered
from tests.doors.sftp import test_errands as errands
from tests.doors.sftp.partner import opened
from tests.doors.sftp.test_out import a_client, put_out
from tests.doors.sftp.test_routes import service
from tests.journeys.serving import serving
from tests.people import A, Clinic, consent

ROOT = Path(__file__).parents[2]


class Doomed:
    """A process that is killed by who talks with it."""

    def __init__(self) -> None:
        self.process: Process | None = None

    def kill(self) -> None:
        """Now; a second time does nothing."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGKILL)

    async def run(self, database: Dsn, folder: Path, base: str, door: str, place: str = "") -> None:
        """Begin it, and wait until it is dead."""
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.care.bringing_server", database.app, str(folder), base, clock.now().isoformat(), door, place, cwd=ROOT
        )
        try:
            async with asyncio.timeout(120):
                assert await self.process.wait() == -signal.SIGKILL
        finally:
            self.kill()
            self.process = None


def unanswered(app: Any, doomed: Doomed, whom: Callable[[Any], bool]) -> Any:
    """An application that takes what it gets; whoever sends what is meant is killed before the answer."""

    async def between(scope: Any, receive: Any, send: Any) -> None:
        async def answer(message: Any) -> None:
            if whom(scope) and doomed.process is not None:
                doomed.kill()
            else:
                await send(message)

        await app(scope, receive, answer)

    return between


async def disclosed(clinic: Clinic) -> int:  # noqa: F811
    """Lines in the log."""
    return int(await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure"))


async def test_a_fax_is_dialled_once(clinic: Clinic, database: Dsn, tmp_path: Path) -> None:  # noqa: F811
    _, _, _, delivery = await reach.queued(clinic, reach.FAX)
    there, doomed = Counterpart(), Doomed()
    async with serving(unanswered(there.app, doomed, lambda scope: scope["method"] == "POST"), "127.0.0.1") as url:
        await doomed.run(database, tmp_path, people.BASE, ways.FAX, f"{url}/api")
        assert (await reach.state(clinic, delivery))[0] == RECEIVED, "it waits, and that can be seen"
        senders = {ways.FAX: Faxing(Http(f"{url}/api", TOKEN))}
        await reach.brought(clinic, senders)
        there.said = {k: {"status": "delivered"} for k in there.said}
        await reach.brought(clinic, senders)
    assert list(there.faxes) == [f"{delivery}-0"]
    assert (await reach.state(clinic, delivery))[0] == MAPPED
    assert await disclosed(clinic) == 1


@pytest.fixture
async def today(database: Dsn) -> AsyncIterator[Clinic]:
    """At the time that it is: certificates are of today."""
    made = await people.open_clinic(database)
    yield made
    await people.close_clinic(made)


async def test_a_letter_by_direct_has_one_number_however_often_it_comes(today: Clinic, database: Dsn, tmp_path: Path) -> None:
    clinic, doomed = today, Doomed()  # noqa: F811 - by its usual name
    async with ready(clinic.gate, as_={"id": "lakeside"}) as (there, _):
        await clinic.owner.execute("DELETE FROM record.exchange_partner")
        _, _, _, delivery = await reach.queued(clinic, Way(ways.DIRECT, THEM, "one"))
        keep = there.put

        def put(address: str, raw: bytes) -> None:
            keep(address, raw)
            doomed.kill()

        there.put = put  # type: ignore[method-assign]
        await doomed.run(database, tmp_path, people.BASE, ways.DIRECT)
        assert (await reach.state(clinic, delivery))[0] == RECEIVED
        await reach.brought(clinic, {ways.DIRECT: Direct(clinic.gate, [HOST])}, 2)
        letters = [read(raw) for raw in there.inbox(THEM)]
        assert 1 <= len(letters) <= 2
        assert len({letter.id for letter in letters}) == 1, "their system knows the second for the first"
        assert (await reach.state(clinic, delivery))[:2] == (RECEIVED, ways.DIRECT), "it waits for their notice"
        assert await disclosed(clinic) == 1


async def test_what_was_brought_by_mhd_is_in_their_tray_once(cluster: Cluster, template: str, database: Dsn, tmp_path: Path) -> None:
    name, doomed = f"far_{tmp_path.name.replace('-', '_')[-40:]}_{id(tmp_path)}", Doomed()
    cluster.copy(name, template)
    try:
        async with network(database, Dsn(app=cluster.app(name), owner=cluster.owner(name))) as two:
            await registered(two.network, "bringer", "Organization/tpo", f"{two.ours}/oauth/jwks", "system/DocumentReference.c")

            async def through(scope: Any, receive: Any, send: Any) -> None:
                body = b""
                while (message := await receive()).get("more_body") or message.get("body"):
                    body += message.get("body", b"")
                    if not message.get("more_body"):
                        break
                async with httpx.AsyncClient() as http:
                    url = two.theirs + scope["path"] + (f"?{scope['query_string'].decode()}" if scope["query_string"] else "")
                    headers = {k.decode(): v.decode() for k, v in scope["headers"] if k in (b"authorization", b"content-type", b"accept", b"prefer")}
                    found = await http.request(scope["method"], url, content=body, headers=headers)
                await send({"type": "http.response.start", "status": found.status_code, "headers": [(b"content-type", found.headers.get("content-type", "").encode())]})
                await send({"type": "http.response.body", "body": found.content})

            async with serving(unanswered(through, doomed, lambda scope: scope["method"] == "POST"), "127.0.0.1") as url:
                way = Way(ways.MHD, f"{url}/fhir")
                _, _, _, delivery = await reach.queued(two.us, way)
                (made,) = [p for p in await Envoys(two.us.gate).partners(two.us.gate.house.tenants[A]) if p.id == "lakeside"]
                since = await two.us.owner.fetchval("SELECT known_from FROM record.exchange_partner WHERE partner = 'lakeside' AND known_to = 'infinity'")
                facts = partners.facts(replace(made, fhir={"client": "bringer"}))
                await two.us.gate.house.db.call("SELECT gate.exchange_put_partner($1, 'lakeside', $2, 'active', $4, 'test', '', $3)", A, facts, clock.now(), since)
                await doomed.run(database, tmp_path, f"{two.ours}/fhir", ways.MHD)
                assert (await reach.state(two.us, delivery))[0] == RECEIVED
                assert len(await papers.waiting(await at(two.network, "officer"))) == 1, "they have it"
                await reach.brought(two.us, {ways.MHD: Providing(two.us.gate.house, Outbound(NEAR))}, 2)
            assert (await reach.state(two.us, delivery))[:2] == (MAPPED, ways.MHD)
            assert len(await papers.waiting(await at(two.network, "officer"))) == 1, "once, however often it was brought"
            assert await disclosed(two.us) == 1
    finally:
        cluster.drop(name)


@pytest.fixture
async def county(database: Dsn) -> AsyncIterator[Clinic]:
    """A partner whose server we look into, on a clock that stands still."""
    with clock.using(FakeClock(people.START)):
        made = await people.open_clinic(database)
        await service(made, "county-app", whose="outside", organization="Organization/tpo", role="", programs=())
        await opened(made.gate, gets="county-app")
        yield made
        await people.close_clinic(made)


@asynccontextmanager
async def their_server(clinic: Clinic, folder: Path, doomed: Doomed, monkeypatch: pytest.MonkeyPatch, verb: str) -> AsyncIterator[int]:  # noqa: F811
    """Over a folder; who reads from it or writes into it is killed when a part has gone over."""

    base: Any = asyncssh.SFTPServer

    def deadly(self: Any, *args: Any) -> Any:
        found = getattr(base, verb)(self, *args)
        doomed.kill()
        return found

    monkeypatch.setattr(asyncssh, "SFTPServer", type("Deadly", (base,), {verb: deadly}))
    async with errands.their_server(clinic, folder) as port:
        yield port


def data(clinic: Clinic, folder: Path) -> Path:  # noqa: F811
    """A data folder for another process of the same server: our key for errands is in it."""
    hostkeys.private(clinic.gate.house, hostkeys.CLIENT)
    shutil.copytree(clinic.gate.house.inbox.parent / "sftp", folder / "data" / "sftp")
    return folder / "data"


async def test_a_file_is_fetched_once(county: Clinic, database: Dsn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.hl7").write_bytes(oru("M1"))
    doomed = Doomed()
    async with their_server(county, tmp_path, doomed, monkeypatch, "read") as port:
        await errands.an_errand(county, port)
        errands.tick()
        await doomed.run(database, data(county, tmp_path), people.BASE, "errand")
        assert await errands.came(county) == []
        await county.owner.execute("UPDATE record.sftp_errand_run SET lease = '-infinity'")
        assert await errands.done(county) == ""
        assert await errands.done(county) == ""
    assert await errands.came(county) == ["HL7 v2"]


async def test_what_is_out_is_brought_once_and_whole(county: Clinic, database: Dsn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").mkdir()
    doomed = Doomed()
    await county.make("sys-sud", consent(await a_client(county), "tpo"))
    errands.tick(1)
    label = await put_out(county, ("Patient", "Observation"))
    async with their_server(county, tmp_path, doomed, monkeypatch, "write") as port:
        await errands.an_errand(county, port, way="bring")
        errands.tick()
        await doomed.run(database, data(county, tmp_path), people.BASE, "errand")
        names = {p.name for p in (tmp_path / "out").iterdir()}
        assert not names & {f"{label}.Observation.1.ndjson", f"{label}.Patient.1.ndjson", "manifest.json"}, "nothing has its name before it is whole"
        await county.owner.execute("UPDATE record.sftp_errand_run SET lease = '-infinity'")
        assert await errands.done(county) == ""
    there = {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()}
    assert {f"{label}.Observation.1.ndjson", f"{label}.Patient.1.ndjson", "manifest.json"} <= there.keys()
    assert all(there[f"{label}.{t}.1.ndjson"].endswith(b"\n") for t in ("Observation", "Patient"))
