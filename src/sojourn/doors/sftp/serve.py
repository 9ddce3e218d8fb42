"""SFTP on a socket: keys and nothing else let anybody in; a revoked key ends its sessions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import asyncssh
from asyncssh.sftp import SFTPServerHandler
from asyncssh.stream import SSHReader, SSHServerStreamSession, SSHWriter

from sojourn.base import clock, errors, log
from sojourn.base.background import Background
from sojourn.doors.sftp.errands import Errands
from sojourn.doors.sftp.files import Files
from sojourn.doors.sftp.working import Working
from sojourn.gate.exchange import boxes, hostkeys
from sojourn.gate.exchange.boxes import Box
from sojourn.gate.exchange.entering import Entering, Guest
from sojourn.gate.exchange.outbox import Maker, Outbox
from sojourn.gate.exchange.partners import Envoys
from sojourn.gate.gate import Gate

_log = log.logger(__name__)
_MOST: Final = 100
"""Connections at once."""
_EACH: Final = 20
"""Of one address, and of one partner."""
_TRIES: Final = 10
"""Keys that one connection may show."""
_FAILURES: Final = 20
"""Connections of one address that came to nothing within _MEMORY, after which it is not listened to."""
_MEMORY: Final = 600.0  # seconds
_LOOK: Final = 1.0  # seconds between looks at whether sessions may go on
_SWEEP: Final = 600  # looks between those that drop what was left
_SIGNATURES: Final = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "rsa-sha2-256", "rsa-sha2-512", "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com")


class Place(NamedTuple):
    """Where to listen. port: 0 is nowhere."""

    host: str
    port: int


class _Handler(SFTPServerHandler):
    """Requests of one session. When the connection ends, what is still open was not closed by its partner, and so is not whole."""

    _extensions = ((b"posix-rename@openssh.com", b"1"), (b"fsync@openssh.com", b"1"), (b"lsetstat@openssh.com", b"1"), (b"limits@openssh.com", b"1"))  # type: ignore[assignment]
    _packet_handlers = {  # noqa: RUF012 - as in asyncssh, never changed
        k: v
        for k, v in SFTPServerHandler._packet_handlers.items()
        if isinstance(k, int) or k in (b"posix-rename@openssh.com", b"fsync@openssh.com", b"lsetstat@openssh.com", b"limits@openssh.com")
    }

    async def _cleanup(self, exc: Exception | None) -> None:
        if isinstance(self._server, Files):
            self._server.lost = True
        await super()._cleanup(exc)


class _Session(SSHServerStreamSession[bytes]):
    """One channel: the SFTP subsystem, and no shell, no commands."""

    def __init__(self, door: Listener, guest: Guest) -> None:
        super().__init__(None, sftp_factory=lambda _: None)  # type: ignore[arg-type, return-value]
        self._door, self._guest = door, guest

    def session_started(self) -> None:
        """Begin to answer."""
        assert self._chan is not None  # noqa: S101 - it was just opened
        assert self._conn is not None  # noqa: S101 - as above
        self._chan.set_encoding(None)
        self._encoding = None
        self._conn.create_task(self._talk(SSHReader[bytes](self, self._chan), SSHWriter[bytes](self, self._chan)))

    async def _talk(self, reader: SSHReader[bytes], writer: SSHWriter[bytes]) -> None:
        conn = self._conn
        assert conn is not None  # noqa: S101 - as above
        box = await self._door.box(self._guest)
        if box is None:
            conn.abort()
            return
        await _Handler(Files(self._chan, box, self._door.outbox(box, self._guest), self._door.arrived, conn.abort), reader, writer, 3).run()


class _Visit(asyncssh.SSHServer):
    """One connection, from the knock to the end."""

    def __init__(self, door: Listener) -> None:
        self._door, self._login, self._shown = door, "", 0
        self.conn: asyncssh.SSHServerConnection | None = None
        self.address = ""
        self.guest: Guest | None = None
        self._entered = False

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """Somebody knocks."""
        self.conn, self.address = conn, str((conn.get_extra_info("peername") or ("",))[0])
        if not self._door.welcome(self):
            conn.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """They are gone."""
        self._door.gone(self, failed=not self._entered)

    def begin_auth(self, username: str) -> bool:
        """Everybody has to prove who they are."""
        self._login = username
        return True

    def public_key_auth_supported(self) -> bool:
        """By a key."""
        return True

    def password_auth_supported(self) -> bool:
        """Not by a password."""
        return False

    def kbdint_auth_supported(self) -> bool:
        """Nor by questions."""
        return False

    async def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Whether it is a key of theirs. A login that there is not is answered as a key that is not theirs."""
        self._shown += 1
        if self._shown > _TRIES:
            raise asyncssh.DisconnectError(asyncssh.DISC_NO_MORE_AUTH_METHODS_AVAILABLE, "Too many keys.")
        self.guest = await self._door.entering.guest(username[:100], key.get_fingerprint())
        return self.guest is not None

    def auth_completed(self) -> None:
        """They proved it."""
        self._entered = True
        if self.guest is None or not self._door.entered(self):
            assert self.conn is not None  # noqa: S101 - who proved something is connected
            self.conn.abort()

    def session_requested(self) -> Any:  # noqa: ANN401 - as asyncssh has it
        """A channel."""
        return _Session(self._door, self.guest) if self.guest is not None and self._entered else False


class Listener(Background):
    """The door: a socket, the task that ends sessions that may not go on, and the one that does what came."""

    def __init__(self, gate: Gate, place: Place, hosts: Iterable[str] = (), maker: Maker | None = None) -> None:
        """hosts: of our own network, to which errands may go; maker: of files that other doors put out for partners."""
        self._place, self._gate, self._house = place, gate, gate.house
        self.entering = Entering(gate)
        self.working = Working(gate, Envoys(gate))
        self.errands, self._maker = Errands(gate, self.arrived, hosts, maker), maker
        self._server: asyncssh.SSHAcceptor | None = None
        self._visits: set[_Visit] = set()
        self._failed: dict[str, list[float]] = {}
        self._stamp = 0

    @property
    def port(self) -> int:
        """Where it listens; 0 while it does not."""
        return self._server.get_port() if self._server is not None else 0

    async def start(self) -> None:
        """Begin; without a port only what came before is done."""
        await self.working.start()
        await self.errands.start()
        if self._place.port:
            await self.open()

    async def open(self) -> None:
        """Listen. Port 0 is any free one."""
        self._server = await asyncssh.create_server(
            lambda: _Visit(self), self._place.host, self._place.port, reuse_address=True, server_version="Sojourn", login_timeout=30, keepalive_interval=60, keepalive_count_max=3,
            allow_scp=False, agent_forwarding=False, x11_forwarding=False, compression_algs=None, signature_algs=_SIGNATURES, tcp_keepalive=True, send_server_host_keys=True,
            server_host_keys=self._keys(), gss_host=None, trust_client_host=False,
        )  # fmt: skip
        await super().start()
        _log.info("listening for SFTP", port=self.port)

    def _keys(self) -> list[asyncssh.SSHKey]:
        """The key of this server, and the next one, which programs that ask are told of."""
        self._stamp = hostkeys.stamp(self._house)
        found = [asyncssh.import_private_key(hostkeys.private(self._house))]
        self._stamp = hostkeys.stamp(self._house)
        if hostkeys.public(self._house, hostkeys.NEXT) is not None:
            found.append(asyncssh.import_private_key(hostkeys.private(self._house, hostkeys.NEXT)))
        return found

    async def stop(self) -> None:
        """Take no more, end sessions."""
        await super().stop()
        if self._server is not None:
            self._server.close()
        for visit in list(self._visits):
            if visit.conn is not None:
                visit.conn.abort()
        if self._server is not None:
            await self._server.wait_closed()
        await self.errands.stop()
        await self.working.stop()

    async def _run(self) -> None:
        looks = 0
        while True:
            await asyncio.sleep(_LOOK)
            try:
                await self.look()
                if looks % _SWEEP == 0:
                    await boxes.sweep(self._house)
            except Exception as error:  # noqa: BLE001 - of any kind: it looks again
                _log.warning("sessions could not be looked at", error=type(error).__name__)
            looks += 1

    async def look(self) -> None:
        """End sessions whose key, account or partner is not good any more; use another host key once there is one."""
        for visit in list(self._visits):
            if visit.guest is not None and visit.conn is not None and not await self.entering.good(visit.guest):
                _log.info("a session was ended", reason="its key is not good any more")
                visit.conn.abort()
        if self._server is not None and hostkeys.stamp(self._house) != self._stamp:
            self._server.update(server_host_keys=self._keys())

    def welcome(self, visit: _Visit) -> bool:
        """Whether anybody from there is listened to now. It does not depend on whom they name."""
        now = clock.monotonic()
        self._failed = {a: kept for a, times in self._failed.items() if (kept := [t for t in times if now - t < _MEMORY])}
        here = sum(v.address == visit.address for v in self._visits)
        if len(self._visits) >= _MOST or here >= _EACH or len(self._failed.get(visit.address, ())) >= _FAILURES:
            _log.warning("a connection was refused", reason="too many from there", address=visit.address)
            return False
        self._visits.add(visit)
        return True

    def entered(self, visit: _Visit) -> bool:
        """Somebody proved who they are; False where they are here too often."""
        return sum(v.guest is not None and v.guest.partner == visit.guest.partner and v.guest.tenant == visit.guest.tenant for v in self._visits if visit.guest is not None) <= _EACH

    def gone(self, visit: _Visit, *, failed: bool) -> None:
        """A connection ended."""
        if visit in self._visits and failed:
            self._failed.setdefault(visit.address, []).append(clock.monotonic())
            _log.info("nobody came in", address=visit.address)
        self._visits.discard(visit)

    async def box(self, guest: Guest) -> Box | None:
        """The boxes of somebody who came in; it is written down. None where they may not any more."""
        try:
            return await self.entering.enter(guest)
        except errors.StaleCredential:
            return None

    def outbox(self, box: Box, guest: Guest) -> Outbox:
        """What is out for them."""
        return Outbox(self._gate, box.tenant, box.account, guest.key, self._maker)

    def arrived(self) -> None:
        """A file was picked up."""
        self.working.wake()


