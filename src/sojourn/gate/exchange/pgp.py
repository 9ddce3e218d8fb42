"""OpenPGP with partners: this server's key, sealed, and what is encrypted or signed by theirs."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sojourn.base import errors, gnupg, ids
from sojourn.base.gnupg import NotGood, NotInstalled, Opened, Secret

if TYPE_CHECKING:
    from sojourn.gate.exchange.sftp import Account
    from sojourn.gate.gate import House

MOST: Final = 200_000_000
"""Bytes of one file that is encrypted or decrypted: it is in memory as a whole."""
_PURPOSE: Final = "openpgp key"
_MISSING: Final = "GnuPG (the program gpg) is not installed on this server."


def _file(house: House) -> Path:
    return house.inbox.parent / "sftp" / "openpgp.key"


def _read(house: House) -> Secret | None:
    with suppress(FileNotFoundError):
        return Secret(**json.loads(house.key.decrypt(_PURPOSE, _file(house).read_bytes(), b"")))
    return None


def _write(house: House, secret: Secret) -> None:
    path = _file(house)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{ids.new_id()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(house.key.encrypt(_PURPOSE, json.dumps(secret._asdict()).encode(), b""))
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):  # another process was first: its key counts
        os.link(draft, path)
    draft.unlink()


async def ours(house: House) -> Secret:
    """The key of this server; made at the first call. Raises Unavailable without GnuPG."""
    found = await asyncio.to_thread(_read, house)
    if found is None:
        try:
            await asyncio.to_thread(_write, house, await gnupg.make("Sojourn", ids.new_token()))
        except (NotInstalled, NotGood):
            raise errors.Unavailable(_MISSING) from None
        found = await asyncio.to_thread(_read, house)
        assert found is not None  # noqa: S101 - it was just written
    return found


async def checked(public: str) -> str:
    """A partner's key, as it is kept. Raises Malformed for one to which nothing can be encrypted."""
    text = public.strip()
    if not text:
        return ""
    if len(text) > 20_000:  # noqa: PLR2004 - no key of one is so long
        raise errors.Malformed("This is not one OpenPGP key.")
    try:
        await gnupg.fingerprint(text)
    except NotGood as error:
        raise errors.Malformed(str(error)) from None
    except NotInstalled:
        raise errors.Malformed(_MISSING) from None
    return text


async def sealed(house: House, account: Account, content: bytes) -> bytes:
    """Content encrypted to a partner and signed by us. Raises NotGood, Unavailable."""
    try:
        return await gnupg.encrypted(content, account.pgp, await ours(house))
    except NotInstalled:
        raise errors.Unavailable(_MISSING) from None


async def unsealed(house: House, account: Account, content: bytes) -> Opened:
    """What a partner encrypted to us; signer is '' unless it is theirs. Raises NotGood, Unavailable."""
    try:
        return await gnupg.opened(content, await ours(house), account.pgp, MOST)
    except NotInstalled:
        raise errors.Unavailable(_MISSING) from None
