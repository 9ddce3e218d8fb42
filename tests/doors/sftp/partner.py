"""A partner at the other end, for the tests of the SFTP door: its account, its key, and a client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import asyncssh

from sojourn.base import clock
from sojourn.doors.sftp.serve import Listener, Place
from sojourn.gate.exchange import partners, sftp
from sojourn.gate.exchange.outbox import Maker
from sojourn.gate.exchange.partners import Partner
from sojourn.gate.exchange.sftp import Account
from sojourn.gate.gate import Gate
from sojourn.record import exchangebench
from sojourn.wire import sshkeys
from tests.care.reach import AGREED
from tests.people import A

COUNTY = Partner("county", "Cedar County", door="sftp", timezone="America/New_York", agreed=AGREED)
KEY = asyncssh.generate_private_key("ssh-ed25519")
OTHER = asyncssh.generate_private_key("ssh-ed25519")


def public(key: asyncssh.SSHKey) -> sshkeys.Public:
    """The public half of a key."""
    return sshkeys.public(key.export_public_key().decode())


async def opened(gate: Gate, partner: Partner = COUNTY, *, login: str = "cedar-county", key: asyncssh.SSHKey = KEY, tenant: int = A, as_: dict[str, Any] | None = None, **more: Any) -> Account:
    """Write a partner, its boxes and its key down as an administrator would."""
    made = replace(partner, **(as_ or {}))
    account = Account(made.id, login, **more)
    call, now = gate.house.db.call, clock.now()
    await call("SELECT gate.exchange_put_partner($1, $2, $3, 'active', NULL, 'test', '', $4)", tenant, made.id, partners.facts(made), now)
    await exchangebench.before(gate.house.db, tenant, made.id, "In a test.", now)
    await call("SELECT gate.sftp_put_account($1, $2, $3, $4, 'active', NULL, 'test', '', $5)", tenant, made.id, login, sftp.facts(account), now)
    await call("SELECT gate.sftp_add_key($1, $2, $3, $4, $5, '', $6, NULL, 'test', $6)", tenant, f"key-{login}", made.id, public(key).fingerprint, public(key).text, now)
    return account


async def revoked(gate: Gate, login: str = "cedar-county", partner: str = "county", tenant: int = A) -> None:
    """Revoke their key."""
    await gate.house.db.call("SELECT gate.sftp_revoke_key($1, $2, $3, 'test', '', $4)", tenant, partner, f"key-{login}", clock.now())


@asynccontextmanager
async def door(gate: Gate, maker: Maker | None = None) -> AsyncIterator[Listener]:
    """The door, listening; what comes is looked at when the test says so."""
    made = Listener(gate, Place("127.0.0.1", 0), (), maker)
    await made.open()
    try:
        yield made
    finally:
        await made.stop()


@asynccontextmanager
async def connected(listener: Listener, *, login: str = "cedar-county", key: asyncssh.SSHKey = KEY) -> AsyncIterator[asyncssh.SFTPClient]:
    """A session."""
    async with asyncssh.connect("127.0.0.1", listener.port, username=login, client_keys=[key], known_hosts=None, config=None, agent_path=None) as conn, conn.start_sftp_client() as client:
        yield client


async def brought(client: asyncssh.SFTPClient, name: str, content: bytes) -> None:
    """Bring a file as most programs do."""
    async with client.open(f"/in/{name}", "wb") as file:
        await file.write(content)


async def looked(listener: Listener, gate: Gate, tenant: int = A) -> None:
    """Look at all that waits."""
    while await listener.working.round(gate.house.tenants[tenant]):
        pass


async def receipts(client: asyncssh.SFTPClient) -> dict[str, dict[str, Any]]:
    """What a partner is told, by the names of its files."""
    import json

    found = {}
    for name in sorted(n for n in await client.listdir("/receipts") if n not in (".", "..")):
        async with client.open(f"/receipts/{name}", "rb") as file:
            said = json.loads(await file.read())
        found[said["file"]] = said
    return found
