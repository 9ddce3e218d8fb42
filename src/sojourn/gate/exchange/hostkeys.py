"""The keys by which partners know this server: sealed in the data folder, each followed by a next."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key

from sojourn.base import errors, ids
from sojourn.wire import sshkeys

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.gate import House

_PURPOSE: Final = "sftp host key"
CURRENT, NEXT = "host.key", "host-next.key"
CLIENT: Final = "client.key"
"""With which this server proves who it is to partners' servers."""


def _file(house: House, name: str) -> Path:
    return house.inbox.parent / "sftp" / name


def private(house: House, name: str = CURRENT) -> bytes:
    """A key as OpenSSH keeps it; made at the first call. The file appears whole or not at all; another process that was first counts."""
    path = _file(house, name)
    with suppress(FileNotFoundError):
        return house.key.decrypt(_PURPOSE, path.read_bytes(), name.encode())
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{name}.{ids.new_id()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(house.key.encrypt(_PURPOSE, sshkeys.new_private(), name.encode()))
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
    return house.key.decrypt(_PURPOSE, path.read_bytes(), name.encode())


def public(house: House, name: str = CURRENT) -> sshkeys.Public | None:
    """The public half of a key, or None where there is none yet."""
    if not _file(house, name).exists():
        return None
    key = load_ssh_private_key(private(house, name), None)
    return sshkeys.public(key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode())


async def prepare(access: Access) -> sshkeys.Public:
    """Make the next key, so that partners can be told of it before it is used. Raises Forbidden, ProofNeeded, Conflict where there is one."""
    await access.check("administer", "Exchange")
    await access.require_fresh()
    if _file(access.house, NEXT).exists():
        raise errors.Conflict("There is a next key already.")
    private(access.house, NEXT)
    await access.note(access.entry("sftp-host-key", "Exchange", "next"))
    made = public(access.house, NEXT)
    assert made is not None  # noqa: S101 - it was just made
    return made


async def follow(access: Access) -> None:
    """Use the next key from now on; the one before is destroyed. Raises Forbidden, ProofNeeded, Conflict where there is none."""
    await access.check("administer", "Exchange")
    await access.require_fresh()
    house, path = access.house, _file(access.house, NEXT)
    if not path.exists():
        raise errors.Conflict("There is no next key.")
    draft = path.with_name(f".{CURRENT}.{ids.new_id()}")
    draft.write_bytes(house.key.encrypt(_PURPOSE, private(house, NEXT), CURRENT.encode()))
    draft.chmod(0o600)
    draft.replace(_file(house, CURRENT))
    path.unlink()
    await access.note(access.entry("sftp-host-key", "Exchange", "used"))


def stamp(house: House) -> int:
    """Changes when the key does."""
    with suppress(FileNotFoundError):
        return _file(house, CURRENT).stat().st_mtime_ns
    return 0
