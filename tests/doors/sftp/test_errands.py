"""Errands at a partner's server, one of asyncssh's own over a folder: fetched and brought once, only where the key is the one that was agreed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from sojourn.base import clock, crypto, errors
from sojourn.base.clock import FakeClock
from sojourn.doors.sftp.errands import Errands
from sojourn.gate.exchange import errands, hostkeys
from sojourn.gate.exchange.errands import Errand
from sojourn.record.database import Dsn
from tests import people
from tests.doors.hl7v2.lab import oru
from tests.doors.sftp.partner import opened, public
from tests.doors.sftp.test_out import a_client, put_out
from tests.doors.sftp.test_routes import service
from tests.people import START, A, Clinic, consent

THEIRS, ANOTHER = asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-ed25519")


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """On a clock that stands still."""
    with clock.using(FakeClock(START)):
        made = await people.open_clinic(database)
        await service(made, "county-app", whose="outside", organization="Organization/tpo", role="", programs=())
        await opened(made.gate, gets="county-app")
        yield made
        await people.close_clinic(made)


def tick(minutes: float = 90) -> None:
    now = clock._clock
    assert isinstance(now, FakeClock)
    now.advance(timedelta(minutes=minutes))


class _Theirs(asyncssh.SSHServer):
    """Lets us in by our key."""

    def __init__(self, key: str) -> None:
        self._key = key

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == "riverbend" and public(key).text == self._key


@asynccontextmanager
async def their_server(clinic: Clinic, folder: Path, *, key: asyncssh.SSHKey = THEIRS, port: int = 0) -> AsyncIterator[int]:
    """A server over a folder; its port."""
    hostkeys.private(clinic.gate.house, hostkeys.CLIENT)
    ours = hostkeys.public(clinic.gate.house, hostkeys.CLIENT)
    assert ours is not None
    text = ours.text
    server = await asyncssh.create_server(
        lambda: _Theirs(text), "127.0.0.1", port, server_host_keys=[key], sftp_factory=lambda chan: asyncssh.SFTPServer(chan, chroot=str(folder).encode()), reuse_address=True
    )
    try:
        yield server.get_port()
    finally:
        server.close()
        await server.wait_closed()


async def an_errand(clinic: Clinic, port: int, **more: Any) -> Errand:
    """Write one down as an administrator would."""
    made = errands.checked(Errand("e1", "county", host="127.0.0.1", port=port, login="riverbend", folder="/out", known_by=public(THEIRS).text, **more))
    since = await clinic.owner.fetchval("SELECT known_from FROM record.sftp_errand WHERE known_to = 'infinity'")
    await clinic.gate.house.db.call("SELECT gate.sftp_put_errand($1, 'e1', 'county', $2, 'active', $3, 'test', '', $4)", A, errands.facts(made), since, clock.now())
    return made


async def done(clinic: Clinic, **more: Any) -> str:
    """Do what is due; the problem that is left."""
    tick()
    doer = Errands(clinic.gate, lambda: None, **({"hosts": ("127.0.0.1",)} | more))
    assert await doer.round(clinic.gate.house.tenants[A]) == 1
    return str(await clinic.owner.fetchval("SELECT problem FROM record.sftp_errand_run"))


async def came(clinic: Clinic) -> list[str]:
    """Kinds of the files that were fetched."""
    return [r["kind"] for r in await clinic.owner.fetch("SELECT kind FROM record.exchange_message WHERE door = 'sftp' ORDER BY seq")]


async def test_each_file_is_fetched_once_when_it_is_whole(clinic: Clinic, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.hl7").write_bytes(oru("M1"))
    (out / "b.hl7.part").write_bytes(b"half")
    (out / "c.txt").write_bytes(b"not for us")
    (out / "sub").mkdir()
    async with their_server(clinic, tmp_path) as port:
        await an_errand(clinic, port, pattern="*.hl7*")
        assert await done(clinic) == ""
        assert await came(clinic) == ["HL7 v2"]
        (out / "b.hl7.part").rename(out / "b.hl7")
        assert await done(clinic) == ""
        assert await came(clinic) == ["HL7 v2", "Text"]
        assert await done(clinic) == ""
        assert len(await came(clinic)) == 2
        await an_errand(clinic, port, pattern="*.hl7", renamed=False, afterwards="remove")
        (out / "d.hl7").write_bytes(oru("M2"))
        assert await done(clinic) == ""
        assert len(await came(clinic)) == 2, "seen once"
        with (out / "d.hl7").open("ab") as file:
            file.write(b"NTE|1||more\r")
        assert await done(clinic) == ""
        assert len(await came(clinic)) == 2, "it changed between two looks"
        assert await done(clinic) == ""
        assert len(await came(clinic)) == 3
        assert sorted(p.name for p in out.iterdir()) == ["c.txt", "sub"]
        (out / "huge.hl7").write_bytes(b"MSH|" + b"x" * 3000)
        await clinic.owner.execute("UPDATE record.sftp_account SET facts = replace(facts, '100000000', '2000')")
        await done(clinic)
        assert "passed over" in await done(clinic)
        assert len(await came(clinic)) == 3
    assert await clinic.owner.fetchval("SELECT files FROM record.sftp_errand_run") == 3


async def test_another_key_another_network_and_a_dead_server_are_refused_and_told(clinic: Clinic, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.hl7").write_bytes(oru("M1"))
    async with their_server(clinic, tmp_path, key=ANOTHER) as port:
        await an_errand(clinic, port)
        assert "another key" in await done(clinic)
        assert "our own network" in await done(clinic, hosts=())
    assert "could not be reached" in await done(clinic)
    due, tries = await clinic.owner.fetchrow("SELECT due - began AS wait, tries FROM record.sftp_errand_run")
    assert (due, tries) == (timedelta(minutes=4), 3), "later each time"
    async with their_server(clinic, tmp_path, port=port):
        await clinic.owner.execute("UPDATE record.sftp_errand SET facts = replace(facts, '\"login\": \"riverbend\"', '\"login\": \"someone\"')")
        assert "did not let us in" in await done(clinic)
        await clinic.owner.execute("UPDATE record.sftp_errand SET facts = replace(facts, 'someone', 'riverbend')")
        assert await came(clinic) == []
        assert await done(clinic) == ""
        assert await came(clinic) == ["HL7 v2"]
        await clinic.owner.execute("UPDATE record.exchange_partner SET state = 'stopped'")
        tick()
        assert await Errands(clinic.gate, lambda: None, ("127.0.0.1",)).round(clinic.gate.house.tenants[A]) == 0


async def test_what_is_out_is_brought_once_under_its_name_when_it_is_whole(clinic: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").mkdir()
    one = await a_client(clinic)
    await clinic.make("sys-sud", consent(one, "tpo"))
    await a_client(clinic, "Hidden")
    tick(1)
    label = await put_out(clinic, ("Patient", "Observation"))
    async with their_server(clinic, tmp_path) as port:
        await an_errand(clinic, port, way="bring")

        class Killed(BaseException):
            pass

        with monkeypatch.context() as patched:

            async def dies(*_: object) -> None:
                raise Killed

            patched.setattr("sojourn.gate.exchange.outbox.Stream.over", dies)
            patched.setattr("sojourn.gate.exchange.errands.Doing.mark", _until_done(errands.Doing.mark, Killed))
            with pytest.raises(Killed):
                await done(clinic)
        await clinic.owner.execute("UPDATE record.sftp_errand_run SET lease = '-infinity'")
        disclosed = await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure")
        assert await done(clinic) == ""
        there = {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()}
        assert sorted(there) == [f"{label}.Observation.1.ndjson", f"{label}.Patient.1.ndjson", "manifest.json"]
        for name in (f"{label}.Observation.1.ndjson", f"{label}.Patient.1.ndjson"):
            assert crypto.sha256_hex(there[name]).encode() in there["manifest.json"]
        assert b"Hidden" not in b"".join(there.values())
        assert await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure") == disclosed + 1, "what had its name already was not brought again"
        for path in (tmp_path / "out").iterdir():
            path.unlink()
        assert await done(clinic) == ""
        assert list((tmp_path / "out").iterdir()) == [], "once"


def _until_done(mark: Any, dead: type[BaseException]) -> Any:
    async def marked(self: errands.Doing, name: str, stamp: str, state: str) -> None:
        if state == "done":
            raise dead
        await mark(self, name, stamp, state)

    return marked


async def test_an_errand_is_one_process_s_until_its_lease_is_over_and_waits_longer_each_time(clinic: Clinic) -> None:
    tenant, gate = clinic.gate.house.tenants[A], clinic.gate
    await an_errand(clinic, 22, every=30)
    tick()
    doing = await errands.claim(gate, tenant, "one")
    assert doing is not None
    assert await errands.claim(gate, tenant, "two") is None
    await doing.went_on()

    async def due() -> float:
        return float(await clinic.owner.fetchval("SELECT extract(epoch FROM due - $1) / 60 FROM record.sftp_errand_run", clock.now()))

    waits = []
    for tries in (0, 1, 3, 20):
        await errands.Doing(gate, tenant, doing.errand, "one", tries).failed("No.")
        waits.append(await due())
        await clinic.owner.execute("UPDATE record.sftp_errand_run SET due = $1", clock.now())
        assert await errands.claim(gate, tenant, "one") is not None
    assert waits == [1, 2, 8, 360]
    await doing.over()
    assert await due() == 30
    await clinic.owner.execute("UPDATE record.sftp_errand_run SET due = $1", clock.now())
    assert await errands.claim(gate, tenant, "two") is not None
    with pytest.raises(errors.StaleCredential):
        await doing.went_on()


async def test_no_errand_goes_on_with_boxes_that_were_shut(clinic: Clinic) -> None:
    tenant, gate = clinic.gate.house.tenants[A], clinic.gate
    await an_errand(clinic, 22)
    tick()
    doing = await errands.claim(gate, tenant, "one")
    assert doing is not None
    await doing.boxes()
    for what in ("UPDATE record.sftp_account SET state = 'stopped'", "DELETE FROM record.sftp_account"):
        await clinic.owner.execute(what)
        with pytest.raises(errors.StaleCredential):
            await doing.boxes()
