"""MLLP on a socket: limits, TLS, an answer to every message; nobody waits for anybody else."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from sojourn.base import clock, crypto, ids, log
from sojourn.base.settings import BadSetting
from sojourn.care.exchange.working import Working
from sojourn.doors.hl7v2.reading import Reading
from sojourn.doors.hl7v2.receiving import Peer, Receiver
from sojourn.gate.exchange.partners import Envoys
from sojourn.gate.gate import Gate
from sojourn.wire import hl7v2
from sojourn.wire.hl7v2write import REJECTED, Trouble, acknowledgement
from sojourn.wire.mllp import Blocks, NotFramed, TooLarge, framed

_log = log.logger(__name__)
_CHUNK: Final = 64 * 1024
_IDLE: Final = 3600.0  # seconds: a connection that says nothing
_SLOW: Final = 60.0  # seconds from the first byte of a message to its last, for each megabyte or part of one
_PATIENCE: Final = 10.0  # seconds in which what is too large may run out
_MOST_PEERS: Final = 200
_EACH: Final = 20  # connections of one address


class Place(NamedTuple):
    """Where to listen. port: 0 is nowhere. certificate and key: of this server, for TLS; clients: the authorities whose client certificates are taken."""

    host: str
    port: int
    most: int
    certificate: Path | None = None
    key: Path | None = None
    clients: Path | None = None


class Listener:
    """The door: a socket, and the task that does what came."""

    def __init__(self, gate: Gate, place: Place) -> None:
        self._place = place
        self._envoys = Envoys(gate)
        self._receiver = Receiver(self._envoys)
        self._working = Working(self._envoys, Reading())
        self._server: asyncio.Server | None = None
        self._peers: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """Where it listens; 0 while it does not."""
        return int(self._server.sockets[0].getsockname()[1]) if self._server is not None and self._server.sockets else 0

    @property
    def working(self) -> Working:
        """The task that does what came."""
        return self._working

    async def start(self) -> None:
        """Begin; without a port only what came before is done. Raises BadSetting where the certificate cannot be used."""
        await self._working.start()
        if self._place.port:
            await self.open()

    async def open(self) -> None:
        """Listen. Port 0 is any free one."""
        self._server = await asyncio.start_server(self._serve, self._place.host, self._place.port, limit=_CHUNK, ssl=_tls(self._place))
        _log.info("listening for HL7 v2", port=self.port, state="encrypted" if self._place.certificate else "plain")

    async def stop(self) -> None:
        """Take no more, end connections, finish what is being kept."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._working.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a connection is served in a task
        self._tasks.add(task)
        peer = _peer(writer)
        self._peers[peer.address] = self._peers.get(peer.address, 0) + 1
        try:
            if len(self._tasks) > _MOST_PEERS or self._peers[peer.address] > _EACH or not await self._receiver.welcome(peer):
                _log.warning("a connection was refused", reason="nobody who may send connects so from there", address=peer.address)
                return
            await self._talk(reader, writer, peer)
        except (OSError, TimeoutError, asyncio.CancelledError, ssl.SSLError):
            pass
        except Exception as error:  # noqa: BLE001 - one partner's connection, whatever it was
            _log.error("a connection failed", error)
        finally:
            self._tasks.discard(task)
            self._peers[peer.address] -= 1
            if not self._peers[peer.address]:
                del self._peers[peer.address]
            writer.close()
            with suppress(Exception):
                await writer.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: Peer) -> None:
        blocks = Blocks(self._place.most)
        ends = clock.monotonic() + _IDLE
        while True:
            async with asyncio.timeout(max(0.0, ends - clock.monotonic())):
                some = await reader.read(_CHUNK)
            if not some:
                return
            begun = blocks.waiting
            try:
                whole = blocks.feed(some)
            except NotFramed:
                _log.warning("a connection was closed", reason="no MLLP", address=peer.address)
                return
            except TooLarge as error:
                _log.warning("a message was refused", reason="too large", address=peer.address)
                await self._say(writer, _too_large(error.begun, self._place.most))
                await _passed_over(reader)
                return
            for content in whole:
                answer = await self._receiver.take(content, peer)
                self._working.wake()
                if answer:
                    await self._say(writer, answer)
            if not blocks.waiting:
                ends = clock.monotonic() + _IDLE
            elif not begun or whole:
                ends = clock.monotonic() + _SLOW * (1 + self._place.most // (1 << 20))

    async def _say(self, writer: asyncio.StreamWriter, answer: bytes) -> None:
        writer.write(framed(answer))
        async with asyncio.timeout(_SLOW):
            await writer.drain()


async def _passed_over(reader: asyncio.StreamReader) -> None:
    """Read what a sender still has on its way, and forget it: a connection that is closed before that takes the answer along."""
    with suppress(TimeoutError, OSError):
        async with asyncio.timeout(_PATIENCE):
            while await reader.read(_CHUNK):
                pass


def _too_large(begun: bytes, most: int) -> bytes:
    try:
        message = hl7v2.parse(begun)
    except hl7v2.NotReadable:
        message = None
    return acknowledgement(
        message,
        REJECTED,
        clock.now(),
        ids.new_id("ack"),
        trouble=Trouble(f"The message is larger than the {most} bytes that this receiver takes.", "207"),
    ).encode()


def _peer(writer: asyncio.StreamWriter) -> Peer:
    address = str((writer.get_extra_info("peername") or ("",))[0])
    tls: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
    shown = tls.getpeercert(binary_form=True) if tls is not None else None
    try:
        near = ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        near = False
    return Peer(address, tls is not None, crypto.sha256_hex(shown) if shown else "", near)


def _tls(place: Place) -> ssl.SSLContext | None:
    """TLS 1.2 or newer. A client's certificate is asked for, of the authorities that are named, or pinned by the partner's profile."""
    if place.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(place.certificate, place.key)
        if place.clients is not None:
            context.load_verify_locations(place.clients)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError):
        raise BadSetting(
            "The certificate for HL7 v2 (SOJOURN_MLLP_CERTIFICATE, SOJOURN_MLLP_KEY, SOJOURN_MLLP_CLIENTS) cannot be read."
        ) from None
    return context
