"""Goes to partners' servers, if they are the ones that are known: fetches and brings each file once."""

from __future__ import annotations

import asyncio
import fnmatch
import hashlib
import posixpath
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

import asyncssh

from sojourn.base import clock, errors, ids, log
from sojourn.base.background import Background
from sojourn.base.gnupg import NotGood
from sojourn.doors.sftp import paths
from sojourn.gate.bulk.leaving import Changed
from sojourn.gate.clockwork import Clockwork
from sojourn.gate.exchange import errands, hostkeys, pgp
from sojourn.gate.exchange.boxes import PIECE, Full, Gone
from sojourn.gate.exchange.outbox import MANIFEST, SEALED, by_rhythm
from sojourn.web.outbound import public, resolve
from sojourn.wire import filekind

if TYPE_CHECKING:
    from sojourn.gate.caller import Tenant
    from sojourn.gate.exchange.boxes import Box
    from sojourn.gate.exchange.errands import Doing
    from sojourn.gate.exchange.outbox import Maker, Out, Outbox, Stream
    from sojourn.gate.gate import Gate

_log = log.logger(__name__)
_PAUSE: Final = 2.0  # seconds between looks
_RHYTHM: Final = 60.0  # seconds between looks at what is put out by itself
_AT_ONCE: Final = 4
_LONGEST: Final = 3600.0  # seconds that one errand may take; what is left is done at the next
_WAITS: Final = 30.0  # seconds for their server to answer when we come
_MANY: Final = 10_000
"""Files of one folder that are looked at."""
_ANOTHER_KEY: Final = "Their server showed another key than the one that was agreed. Nothing was exchanged. Ask them whether they changed it, by another way than this one, and write the new one down."
_NOT_LET_IN: Final = "Their server did not let us in under this login. They need the public key of ours that stands on this page."
_NOT_REACHED: Final = "Their server could not be reached, or the connection ended. It is tried again."

asyncssh.set_log_level("CRITICAL")  # its lines would name files and logins
asyncssh.set_sftp_log_level("CRITICAL")


class _Problem(Exception):
    """It cannot go on; the message says why, without names."""


class Errands(Background):
    """The task that does them, some at a time. More than one process may have one: an errand is done by one of them."""

    def __init__(self, gate: Gate, arrived: Callable[[], None], hosts: Iterable[str] = (), maker: Maker | None = None) -> None:
        """hosts: of our own network, to which errands may go; others must be public. maker: of files beside exports and documents."""
        self._gate, self._arrived, self._maker = gate, arrived, maker
        self._hosts = frozenset(h.strip().lower() for h in hosts if h.strip())
        self._runner = ids.new_id("runner")
        self._busy: set[asyncio.Task[None]] = set()
        self._clockwork, self._looked = Clockwork(gate), -_RHYTHM

    async def stop(self) -> None:
        """End, wherever it is."""
        await super().stop()
        for task in list(self._busy):
            task.cancel()
        await asyncio.gather(*self._busy, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            for tenant in list(self._gate.house.tenants.values()):
                try:
                    while len(self._busy) < _AT_ONCE and (doing := await errands.claim(self._gate, tenant, self._runner)) is not None:
                        task = asyncio.create_task(self._do(doing))
                        self._busy.add(task)
                        task.add_done_callback(self._busy.discard)
                except Exception as error:  # noqa: BLE001 - of any kind: it looks again
                    _log.warning("errands wait", error=type(error).__name__)
            if clock.monotonic() - self._looked >= _RHYTHM:
                self._looked = clock.monotonic()
                await self._put_out()
            await asyncio.sleep(_PAUSE)

    async def _put_out(self) -> None:
        for tenant in list(self._gate.house.tenants.values()):
            try:
                await by_rhythm(self._gate, tenant, self._clockwork)
            except Exception as error:  # noqa: BLE001 - of any kind: it looks again
                self._clockwork.forget(tenant.number)
                _log.warning("exports wait", error=type(error).__name__)

    async def round(self, tenant: Tenant) -> int:
        """Do those that are due, one after another; how many."""
        n = 0
        while (doing := await errands.claim(self._gate, tenant, self._runner)) is not None:
            await self._do(doing)
            n += 1
        return n

    async def _do(self, doing: Doing) -> None:
        try:
            async with asyncio.timeout(_LONGEST):
                box, outbox = await doing.boxes(self._maker)
                async with self._connected(doing) as client:
                    await (self._fetch(doing, client, box) if doing.errand.way == "fetch" else self._bring(doing, client, outbox))
            await doing.over()
            return
        except errors.StaleCredential:
            _log.info("an errand was ended", reason="it was stopped")
            return
        except _Problem as error:
            problem = str(error)
        except asyncssh.HostKeyNotVerifiable:
            problem = _ANOTHER_KEY
        except asyncssh.PermissionDenied:
            problem = _NOT_LET_IN
        except asyncssh.SFTPError:
            problem = "Their server refused something: the folder may not be there, or we may not do there what was agreed."
        except (OSError, TimeoutError, asyncssh.Error):
            problem = _NOT_REACHED
        except Exception as error:  # noqa: BLE001 - of any kind: the others must go on
            _log.error("an errand failed", error)
            problem = f"An error of ours stopped it ({type(error).__name__}). It is tried again."
        with suppress(errors.SojournError):
            await doing.failed(problem)

    @asynccontextmanager
    async def _connected(self, doing: Doing) -> AsyncIterator[asyncssh.SFTPClient]:
        """A session at their server, if it is the one that is known."""
        errand = doing.errand
        found = await resolve(errand.host, errand.port)
        if not found or (errand.host.lower() not in self._hosts and not all(public(one) for one in found)):
            raise _Problem("This address is one of our own network. Whoever runs the server may permit it (SOJOURN_OUTBOUND_HOSTS).")
        ours = asyncssh.import_private_key(await asyncio.to_thread(hostkeys.private, doing.house, hostkeys.CLIENT))
        theirs = asyncssh.import_public_key(errand.known_by)
        async with (
            asyncssh.connect(
                found[0], errand.port, username=errand.login, client_keys=[ours], known_hosts=([theirs], [], []), config=None, agent_path=None, password=None, preferred_auth="publickey",
                keepalive_interval=15, connect_timeout=_WAITS, login_timeout=_WAITS, client_version="Sojourn", compression_algs=None,
            ) as conn,
            conn.start_sftp_client() as client,
        ):  # fmt: skip
            yield client

    async def _fetch(self, doing: Doing, client: asyncssh.SFTPClient, box: Box) -> None:
        errand = doing.errand
        there = []
        async for n in client.scandir(errand.folder):  # their list may have no end
            there.append(n)
            if len(there) >= _MANY:
                break
        files = {
            str(n.filename): f"{n.attrs.size}:{n.attrs.mtime}"
            for n in there
            if n.attrs.type == asyncssh.FILEXFER_TYPE_REGULAR and fnmatch.fnmatchcase(str(n.filename), errand.pattern) and not paths.unfinished(str(n.filename))
        }
        known = await doing.known(list(files))
        passed_over = 0
        for name, stamp in sorted(files.items()):
            if known.get(name) == (stamp, "done"):
                if errand.afterwards == "remove":
                    await client.remove(posixpath.join(errand.folder, name))
                continue
            if not errand.renamed and known.get(name) != (stamp, "seen"):
                await doing.mark(name, stamp, "seen")
                continue
            passed_over += not await self._one(doing, client, box, name, stamp)
        if passed_over:
            raise _Problem(f"{passed_over} {'file was' if passed_over == 1 else 'files were'} passed over: larger than was agreed, changed while it was read, or of a name that cannot be kept. The others were fetched.")

    async def _one(self, doing: Doing, client: asyncssh.SFTPClient, box: Box, name: str, stamp: str) -> bool:
        """Fetch one; False where it cannot be now."""
        path = posixpath.join(doing.errand.folder, name)
        try:
            upload = await box.begin(paths.name(name))
            async with client.open(path, "rb") as file:
                while data := await file.read(PIECE):
                    await upload.write(data if isinstance(data, bytes) else data.encode())
            now = await client.stat(path)
            if f"{now.size}:{now.mtime}" != stamp or upload.size != now.size:
                return False
            await upload.keep(filekind.of(upload.begins))
        except (paths.NotHere, Full, Gone):
            return False
        self._arrived()
        await doing.mark(name, stamp, "done")
        if doing.errand.afterwards == "remove":
            await client.remove(path)
        await doing.went_on()
        return True

    async def _bring(self, doing: Doing, client: asyncssh.SFTPClient, outbox: Outbox) -> None:
        out = await outbox.files()
        known = await doing.known([o.name for o in out])
        brought = 0
        for one in out:
            if known.get(one.name, ("", ""))[1] != "done":
                brought += await self._brought(doing, client, outbox, one, known.get(one.name, ("", ""))[0])
        if brought:
            await _written(client, posixpath.join(doing.errand.folder, MANIFEST), _at_once(await outbox.manifest(sealed=outbox.account.seals)))

    async def _brought(self, doing: Doing, client: asyncssh.SFTPClient, outbox: Outbox, out: Out, begun: str) -> bool:
        """Bring one. begun: the digest of what an earlier try brought and may have named already."""
        stream = await outbox.open(out)
        if stream is None:
            return False
        seals = outbox.account.seals
        if seals and stream.size > pgp.MOST:
            raise _Problem("A file is larger than what is encrypted as a whole. Put it out in parts: fewer kinds, or what changed since a day.")
        path = posixpath.join(doing.errand.folder, out.name + SEALED if seals else out.name)
        if begun == stream.sha256 and await client.exists(path) and (seals or await client.getsize(path) == stream.size):
            await doing.mark(out.name, stream.sha256, "done")
            return True
        await doing.mark(out.name, stream.sha256, "seen")
        try:
            if seals:
                await _written(client, path, _at_once(await pgp.sealed(doing.house, outbox.account, await _whole(stream))))
            else:
                await _written(client, path, stream.lines(), stream.sha256)
        except (NotGood, errors.Unavailable) as error:
            raise _Problem(error.message if isinstance(error, errors.Unavailable) else str(error)) from None
        except Changed:
            raise _Problem("What is out changed while it was brought. It is brought again.") from None
        await doing.mark(out.name, stream.sha256, "done")
        await stream.over()
        await doing.went_on()
        return True


async def _whole(stream: Stream) -> bytes:
    content = b"".join([piece async for piece in stream.lines()])
    if hashlib.sha256(content).hexdigest() != stream.sha256:
        raise Changed
    return content


async def _written(client: asyncssh.SFTPClient, path: str, content: AsyncIterator[bytes], sha256: str = "") -> None:
    """Write a file there under a name that says that it is not finished, then give it its own. Raises Changed where it is not what was announced."""
    digest, part = hashlib.sha256(), f"{path}.part"
    async with client.open(part, "wb") as file:
        async for piece in content:
            digest.update(piece)
            await file.write(piece)
    if sha256 and digest.hexdigest() != sha256:
        await client.remove(part)
        raise Changed
    if await client.exists(path):
        await client.remove(path)
    await client.rename(part, path)


async def _at_once(content: bytes) -> AsyncIterator[bytes]:
    yield content
