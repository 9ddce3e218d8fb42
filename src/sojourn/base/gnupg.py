"""GnuPG as a program: OpenPGP (RFC 4880) through pipes, in a home that is gone afterwards.

Each call has a home of its own with nothing in it but the keys that it needs, the secret one under a passphrase; no content is ever in a file.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

PROGRAM: Final = "gpg"
_SECONDS: Final = 120.0
_FLAGS: Final = (
    "--batch", "--no-tty", "--quiet", "--status-fd", "2", "--pinentry-mode", "loopback", "--trust-model", "always", "--no-auto-key-locate", "--no-auto-key-retrieve", "--disable-dirmngr", "--no-options",
)  # fmt: skip


class NotInstalled(Exception):
    """There is no GnuPG on this machine."""


class NotGood(Exception):
    """It could not be done with these keys or this content. The message says why and repeats nothing of it."""


class Secret(NamedTuple):
    """A secret key, armored and under a passphrase; with its public half."""

    secret: str
    passphrase: str
    public: str
    fingerprint: str


class Opened(NamedTuple):
    """What was in a message. signer: fingerprint of the key whose good signature it carries, or ''."""

    content: bytes
    signer: str


def installed() -> bool:
    """Whether there is a GnuPG."""
    return shutil.which(PROGRAM) is not None


@asynccontextmanager
async def _home() -> AsyncIterator[Path]:
    if not installed():
        raise NotInstalled
    home = Path(tempfile.mkdtemp(prefix="sj-gpg-"))
    (home / "gpg-agent.conf").write_text("disable-scdaemon\ns2k-count 65536\n")  # passphrases here are random: guessing them is no matter of how long one guess takes
    try:
        yield home
    finally:
        await _ended(home)


async def _ended(home: Path) -> None:
    """End the agent of a home, and remove it."""
    ending = await asyncio.create_subprocess_exec("gpgconf", "--homedir", str(home), "--kill", "all", stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL)
    await ending.wait()
    await asyncio.to_thread(shutil.rmtree, home, ignore_errors=True)


async def _run(home: Path, *args: str, given: bytes = b"", passphrase: str = "") -> tuple[int, bytes, list[str]]:
    """(exit status, output, status lines)."""
    read, write = os.pipe()
    try:
        os.write(write, passphrase.encode() + b"\n")
        os.close(write)
        process = await asyncio.create_subprocess_exec(
            PROGRAM, "--homedir", str(home), *_FLAGS, "--passphrase-fd", str(read), *args,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, pass_fds=(read,), env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
    finally:
        os.close(read)
    try:
        out, said = await asyncio.wait_for(process.communicate(given), _SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise NotGood("It took too long.") from None
    lines = [line.removeprefix("[GNUPG:] ") for line in said.decode("utf-8", "replace").splitlines() if line.startswith("[GNUPG:] ")]
    return process.returncode or 0, out, lines


async def _imported(home: Path, key: str, passphrase: str = "") -> str:
    """Import a key; its fingerprint. Raises NotGood unless it is exactly one."""
    _, _, lines = await _run(home, "--import", given=key.encode(), passphrase=passphrase)
    found = {line.split()[2] for line in lines if line.startswith("IMPORT_OK ")}
    if len(found) != 1:
        raise NotGood("This is not one OpenPGP key.")
    return found.pop()


async def make(name: str, passphrase: str) -> Secret:
    """A new key that signs and is encrypted to. Raises NotInstalled, NotGood."""
    async with _home() as home:
        status, _, lines = await _run(home, "--quick-generate-key", name, "future-default", "default", "never", passphrase=passphrase)
        fingerprint = next((line.split()[2] for line in lines if line.startswith("KEY_CREATED ")), "")
        if status or not fingerprint:
            raise NotGood("No key could be made.")
        _, public, _ = await _run(home, "--armor", "--export", fingerprint)
        _, secret, _ = await _run(home, "--armor", "--export-secret-keys", fingerprint, passphrase=passphrase)
        return Secret(secret.decode(), passphrase, public.decode(), fingerprint)


async def fingerprint(public: str) -> str:
    """Of a public key that can be encrypted to. Raises NotInstalled, NotGood."""
    if "PRIVATE" in public:
        raise NotGood("This is a private key. It must never leave its owner: ask for a new one, and for its public half.")
    async with _home() as home:
        found = await _imported(home, public)
        status, _, _ = await _run(home, "--encrypt", "--recipient", found, given=b"?")
        if status:
            raise NotGood("Nothing can be encrypted to this key: it has expired, was revoked, or is only for signing.")
        return found


async def encrypted(content: bytes, to: str, by: Secret) -> bytes:
    """Encrypt to a public key, signed. Raises NotInstalled, NotGood."""
    async with _home() as home:
        theirs = await _imported(home, to)
        await _imported(home, by.secret, by.passphrase)
        status, out, _ = await _run(home, "--encrypt", "--sign", "--local-user", by.fingerprint, "--recipient", theirs, given=content, passphrase=by.passphrase)
        if status or not out:
            raise NotGood("It could not be encrypted to their key: it may have expired or been revoked.")
        return out


async def opened(content: bytes, by: Secret, signer: str = "", most: int = 0) -> Opened:
    """Decrypt. signer: a public key whose signature is looked for. most: bytes that may come of it, whatever it unpacks to. Raises NotInstalled, NotGood."""
    async with _home() as home:
        theirs = await _imported(home, signer) if signer else ""
        await _imported(home, by.secret, by.passphrase)
        limit = ("--max-output", str(most)) if most else ()
        good = False
        if theirs:
            status, out, lines = await _run(home, *limit, "--decrypt", given=content, passphrase=by.passphrase)
            words = {line.split()[0] for line in lines}
            good = not status and "GOODSIG" in words and theirs in {line.split()[-1] for line in lines if line.startswith("VALIDSIG ")}
        if not good:  # by somebody else, or nobody: what it says counts, its signature does not
            status, out, lines = await _run(home, *limit, "--skip-verify", "--decrypt", given=content, passphrase=by.passphrase)
            words = {line.split()[0] for line in lines}
        if status or "DECRYPTION_OKAY" not in words:
            raise NotGood("It is not encrypted to our key, was changed on its way, or unpacks to more than was agreed.")
        return Opened(out, theirs if good else "")
