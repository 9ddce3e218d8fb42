"""The boxes of a partner with real clients: keys, what is there and what is not, files that are whole and files that are not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sojourn.base import crypto, errors
from sojourn.doors.sftp import paths
from sojourn.doors.sftp.files import Files
from sojourn.gate.exchange import hostkeys
from sojourn.gate.exchange.entering import Entering
from sojourn.record.database import Dsn
from tests import people
from tests.doors.hl7v2.lab import oru
from tests.doors.sftp.partner import KEY, OTHER, brought, connected, door, looked, opened, public, receipts, revoked
from tests.people import Clinic
from tests.shared import needs_command


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    made = await people.open_clinic(database)
    yield made
    await people.close_clinic(made)


async def states(clinic: Clinic) -> list[tuple[str, str]]:
    """(kind, state) of every message, in the order in which they came."""
    return [(r["kind"], r["state"]) for r in await clinic.owner.fetch("SELECT kind, state FROM record.exchange_message ORDER BY seq")]


async def test_a_file_is_picked_up_once_and_answered(clinic: Clinic) -> None:
    await opened(clinic.gate)
    content = b"a,b,c\n1,2,3\n" * 60_000
    async with door(clinic.gate) as listener, connected(listener) as client:
        assert sorted(await client.listdir("/")) == [".", "..", "in", "out", "receipts"]
        await brought(client, "list.csv", content)
        assert (await client.stat("/in/list.csv")).size == len(content), "who looks at its size sees that it arrived"
        assert (await receipts(client))["list.csv"]["state"] == "received"
        await brought(client, "again.csv", content)
        await looked(listener, clinic.gate)
        told = await receipts(client)
        assert (told["list.csv"]["state"], told["list.csv"]["kind"], told["list.csv"]["sha256"]) == ("waits", "CSV", crypto.sha256_hex(content))
        assert (told["again.csv"]["state"], told["again.csv"]["number"]) == ("duplicate", told["list.csv"]["number"])
        await brought(client, "empty.csv", b"")
        await looked(listener, clinic.gate)
        assert (await receipts(client))["empty.csv"]["reason"] == "The file is empty."
        for name in [n for n in await client.listdir("/receipts") if n not in (".", "..")]:
            await client.remove(f"/receipts/{name}")
        assert await receipts(client) == {}
    assert await states(clinic) == [("CSV", "failed"), ("Empty", "failed")]
    for row in await clinic.owner.fetch("SELECT name, body FROM record.sftp_file f LEFT JOIN record.sftp_part p USING (tenant, file)"):
        assert b"list" not in row["name"]
        assert row["body"] is None or b"1,2,3" not in row["body"]


async def test_what_is_not_finished_is_not_picked_up(clinic: Clinic) -> None:
    await opened(clinic.gate)
    message = oru("M1")
    async with door(clinic.gate) as listener:
        async with connected(listener) as client:
            await brought(client, "a.hl7.filepart", message)
            assert await states(clinic) == []
            await client.rename("/in/a.hl7.filepart", "/in/a.hl7")
            assert await states(clinic) == [("HL7 v2", "received")]
        content = b"x,y,z\n" * 100_000
        conn = await asyncssh.connect("127.0.0.1", listener.port, username="cedar-county", client_keys=[KEY], known_hosts=None, config=None, agent_path=None)
        half = await (await conn.start_sftp_client()).open("/in/half.csv", "wb")
        await half.write(content[:400_000])
        await half.fsync()
        conn.abort()
        await conn.wait_closed()
        assert len(await states(clinic)) == 1, "the connection ended before it was closed"
        async with connected(listener) as client:
            there = (await client.stat("/in/half.csv")).size or 0
            assert 0 < there <= 400_000
            with pytest.raises(asyncssh.SFTPError):
                await client.rename("/in/half.csv", "/in/whole.csv")
            async with client.open("/in/half.csv", "ab") as file:
                await file.write(content[there:])
            assert (await receipts(client))["half.csv"]["sha256"] == crypto.sha256_hex(content)
            async with client.open("/in/gone.csv.part", "wb") as file:
                await file.write(b"1")
            await client.remove("/in/gone.csv.part")
            assert "gone.csv.part" not in await client.listdir("/in")


async def test_nobody_comes_in_but_by_a_key_of_theirs_and_nobody_learns_who_is_known(clinic: Clinic) -> None:
    await opened(clinic.gate)
    async with door(clinic.gate) as listener:
        said = []
        for login, key in (("cedar-county", OTHER), ("nobody-there", OTHER), ("nobody-there", KEY)):
            with pytest.raises(asyncssh.PermissionDenied) as refused:
                async with connected(listener, login=login, key=key):
                    pass
            said.append(str(refused.value).replace(login, "LOGIN"))
        assert len(set(said)) == 1
        with pytest.raises(asyncssh.PermissionDenied):
            await asyncssh.connect("127.0.0.1", listener.port, username="cedar-county", password="riverbend", client_keys=None, known_hosts=None, config=None, agent_path=None)
        async with asyncssh.connect("127.0.0.1", listener.port, username="cedar-county", client_keys=[KEY], known_hosts=None, config=None, agent_path=None) as conn:
            with pytest.raises(asyncssh.ChannelOpenError):
                await conn.run("id", check=True)
            with pytest.raises(asyncssh.ChannelOpenError):
                await conn.open_connection("127.0.0.1", 5432)
        async with connected(listener) as client:
            await brought(client, "a.csv", b"1,2,3\n")
            await revoked(clinic.gate)
            with pytest.raises(asyncssh.Error):
                await client.listdir("/in")
        with pytest.raises(asyncssh.PermissionDenied):
            async with connected(listener):
                pass


async def test_a_session_that_does_nothing_ends_with_its_key(clinic: Clinic) -> None:
    await opened(clinic.gate)
    async with door(clinic.gate) as listener:
        conn = await asyncssh.connect("127.0.0.1", listener.port, username="cedar-county", client_keys=[KEY], known_hosts=None, config=None, agent_path=None)
        await clinic.owner.execute("UPDATE record.exchange_partner SET state = 'stopped'")
        await listener.look()
        await asyncio.wait_for(conn.wait_closed(), 20)


async def test_who_knocks_too_often_is_not_listened_to(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    from sojourn.doors.sftp import serve

    monkeypatch.setattr(serve, "_FAILURES", 3)
    await opened(clinic.gate)
    async with door(clinic.gate) as listener:
        for login in ("cedar-county", "nobody", "somebody"):
            with pytest.raises(asyncssh.PermissionDenied):
                async with connected(listener, login=login, key=OTHER):
                    pass
        while len(listener._failed.get("127.0.0.1", ())) < 3:  # noqa: ASYNC110 - there is nothing else to wait for
            await asyncio.sleep(0.01)  # until the server has noticed that they are gone
        with pytest.raises((asyncssh.Error, OSError)):
            async with connected(listener):
                pass


async def test_a_partner_sees_its_own_boxes_and_no_more_than_it_may_leave(clinic: Clinic) -> None:
    await opened(clinic.gate, most=1000, quota=1500)
    await opened(clinic.gate, login="river-lab", key=OTHER, as_={"id": "lab", "name": "Lab"})
    async with door(clinic.gate) as listener, connected(listener) as client, connected(listener, login="river-lab", key=OTHER) as other:
        await brought(client, "mine.part", b"x" * 900)
        assert "mine.part" not in await other.listdir("/in")
        for name in ("in/mine.part", "in/../in/mine.part", "receipts/mine.part"):
            with pytest.raises(asyncssh.SFTPError):
                await other.stat(f"/{name}")
        for name, size in (("large.csv", 1001), ("second.part", 700)):
            with pytest.raises(asyncssh.SFTPError):
                await brought(client, name, b"x" * size)
        for do in (
            lambda: client.open("/in/mine.part", "rb"), lambda: client.open("/out/x", "wb"), lambda: client.mkdir("/in/a"), lambda: client.symlink("/etc/passwd", "/in/link"), lambda: client.rmdir("/in"),
            lambda: client.link("/in/mine.part", "/in/other"), lambda: client.readlink("/in/mine.part"), lambda: client.rename("/in/mine.part", "/out/mine"), lambda: client.stat("/etc/passwd"),
            lambda: client.open("/in/a/b.csv", "wb"), lambda: client.truncate("/in/mine.part", 3), lambda: client.statvfs("/in"),
        ):  # fmt: skip
            with pytest.raises(asyncssh.SFTPError):
                await do()
        assert await client.realpath("/in/../../../etc") == "/etc"
        assert await client.realpath(".") == "/"


def test_no_request_of_a_client_reaches_a_file_of_this_machine() -> None:
    """Whatever asyncssh would do by itself is answered here or refused."""
    local = {n for n in vars(asyncssh.SFTPServer) if not n.startswith("_")} - {"channel", "connection", "env", "logger", "convert_attrs"}
    assert local <= set(vars(Files)), local - set(vars(Files))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(st.binary(max_size=60), st.lists(st.sampled_from(["..", ".", "", "in", "out", "receipts", "etc", "a", "\\..", "~", "in\0", "ｉn", "%2e%2e", "\u202e"]), max_size=9).map(lambda p: "/".join(p).encode())))
def test_no_path_leads_anywhere_else(raw: bytes) -> None:
    try:
        found = paths.place(raw)
    except paths.NotHere:
        return
    assert found.box in ("", *paths.BOXES)
    assert found.name not in (".", "..")
    assert not set(found.name) & set("/\\\0")
    assert bool(found.box) or not found.name
    assert paths.place(f"/{found.box}/{found.name}".encode()) == found


@needs_command("sftp")
async def test_openssh_brings_and_takes(clinic: Clinic, tmp_path: Path) -> None:
    await opened(clinic.gate)
    key, hosts, batch = tmp_path / "key", tmp_path / "hosts", tmp_path / "batch"
    KEY.write_private_key(key)
    key.chmod(0o600)
    (tmp_path / "lab.hl7").write_bytes(oru("M1"))
    async with door(clinic.gate) as listener:
        now = hostkeys.public(clinic.gate.house)
        assert now is not None
        hosts.write_text(f"[127.0.0.1]:{listener.port} {now.text}\n")
        batch.write_text(f"put -p {tmp_path}/lab.hl7 /in/lab.hl7.tmp\nrename /in/lab.hl7.tmp /in/lab.hl7\nls -l /receipts\nget /receipts/lab.hl7*.json {tmp_path}/receipt.json\n")
        running = await asyncio.create_subprocess_exec(
            "sftp", "-F", "none", "-b", str(batch), "-P", str(listener.port), "-o", f"UserKnownHostsFile={hosts}", "-o", f"IdentityFile={key}", "-o", "IdentitiesOnly=yes", "-o", "UpdateHostKeys=no",
            "-o", "StrictHostKeyChecking=yes", "cedar-county@127.0.0.1", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        out, _ = await asyncio.wait_for(running.communicate(), 60)
        assert running.returncode == 0, out.decode()
        assert b'"state": "received"' in (tmp_path / "receipt.json").read_bytes()
        await looked(listener, clinic.gate)
    assert await states(clinic) == [("HL7 v2", "mapped"), ("ORU^R01", "received")]


async def test_programs_that_ask_are_told_of_the_next_host_key_before_it_is_used(clinic: Clinic) -> None:
    await opened(clinic.gate)
    house = clinic.gate.house
    hostkeys.private(house, hostkeys.NEXT)
    following = hostkeys.public(house, hostkeys.NEXT)
    assert following is not None
    async with door(clinic.gate) as listener:
        now = asyncssh.import_private_key(hostkeys.private(house)).convert_to_public()
        told: asyncio.Future[set[str]] = asyncio.get_running_loop().create_future()

        def hear(added: list[asyncssh.SSHKey], *_: object) -> None:
            if not told.done():
                told.set_result({public(k).fingerprint for k in added})

        async with asyncssh.connect(
            "127.0.0.1", listener.port, username="cedar-county", client_keys=[KEY], known_hosts=([now], [], []), server_host_keys_handler=hear, config=None, agent_path=None
        ):
            assert following.fingerprint in await asyncio.wait_for(told, 60)
        assert b"OPENSSH" not in (house.inbox.parent / "sftp" / "host.key").read_bytes(), "sealed"


async def test_that_a_partner_came_is_in_the_trail_before_they_see_anything(clinic: Clinic) -> None:
    await opened(clinic.gate)
    entering = Entering(clinic.gate)
    guest = await entering.guest("cedar-county", public(KEY).fingerprint)
    assert guest is not None
    assert await clinic.owner.fetchval("SELECT used FROM record.sftp_key") is None
    await entering.enter(guest)
    lines = await clinic.owner.fetch("SELECT account, role, door, outcome, query FROM record.audit WHERE action = 'sftp-enter'")
    assert [tuple(r) for r in lines] == [("partner-county", "interface", "exchange", "done", f"key={guest.key}")]
    assert await clinic.owner.fetchval("SELECT used FROM record.sftp_key") is not None
    assert await entering.guest("cedar-county", public(OTHER).fingerprint) is None
    assert await entering.guest("nobody", public(KEY).fingerprint) is None
    for gone in (guest._replace(partner="no-such"), guest._replace(tenant=99)):
        with pytest.raises(errors.StaleCredential):
            await entering.enter(gone)
