"""A text gateway and a mail server of our own: they deliver to nobody, and keep what they were given."""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from email import message_from_bytes
from email.message import Message as Mail

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sojourn.doors.calling.texting import Texting
from tests.doors.direct.hisp import HOST, _context

TOKEN = "text-token"  # noqa: S105 - of the counterpart


class Texts:
    """The protocol of docs/calling.md. given: (number, words) by key; no: numbers that are none; down: what it answers instead."""

    def __init__(self) -> None:
        self.given: dict[str, tuple[str, str]] = {}
        self.asked = 0
        self.no: set[str] = set()
        self.down = 0
        self.app = Starlette(routes=[Route("/api/messages", self._send, methods=["POST"]), Route("/api/status", self._status)])

    def channel(self, token: str = TOKEN) -> Texting:
        """Ours, that asks it."""
        return Texting("https://text.example/api", token, httpx.ASGITransport(self.app))

    def to(self, number: str) -> list[str]:
        """What came there."""
        return [text for to, text in self.given.values() if to == number]

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        """Listen on this machine; the address."""
        with socket.socket() as free:
            free.bind((HOST, 0))
            port = int(free.getsockname()[1])
        server = uvicorn.Server(uvicorn.Config(self.app, host=HOST, port=port, access_log=False, log_level="error", lifespan="off"))
        task = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        yield f"http://{HOST}:{port}/api"
        server.should_exit = True
        await task

    def _refused(self, request: Request) -> Response | None:
        if self.down:
            return Response(status_code=self.down, headers={"location": "https://elsewhere.example/"})
        return None if request.headers.get("authorization") == f"Bearer {TOKEN}" else Response(status_code=401)

    async def _send(self, request: Request) -> Response:
        self.asked += 1
        if refused := self._refused(request):
            return refused
        said = await request.json()
        assert set(said) == {"to", "text"}
        if said["to"] in self.no:
            return JSONResponse({"reason": "invalid-number"}, 422)
        self.given.setdefault(request.headers["idempotency-key"], (said["to"], said["text"]))
        return JSONResponse({}, 202)

    async def _status(self, request: Request) -> Response:
        return self._refused(request) or JSONResponse({"ready": True})


class Mails:
    """SMTP (RFC 5321) on loopback. tls: STARTTLS is offered; login: what is asked for, '' nothing; no: addresses that are none."""

    def __init__(self, *, tls: bool = False, login: str = "") -> None:
        self.tls, self.login = tls, login
        self.port = 0
        self.raw: list[tuple[str, bytes]] = []
        self.no: set[str] = set()
        self.down = False

    def mails(self) -> list[Mail]:
        """What came."""
        return [message_from_bytes(raw) for _, raw in self.raw]

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        async def say(line: str) -> None:
            writer.write(line.encode() + b"\r\n")
            await writer.drain()

        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            await say("421 later" if self.down else "220 mail.test")
            secret, let_in, to = False, not self.login, ""
            while not self.down and (line := (await reader.readline()).decode().strip()):
                verb = line.partition(" ")[0].upper()
                if verb in ("EHLO", "HELO"):
                    await say("\r\n".join(["250-mail.test", *(["250-STARTTLS"] if self.tls and not secret else []), *(["250-AUTH PLAIN"] if self.login else []), "250 8BITMIME"]))
                elif verb == "STARTTLS" and self.tls:
                    await say("220 go on")
                    await writer.start_tls(_context())
                    secret = True
                elif verb == "AUTH":
                    let_in = base64.b64decode(line.split()[2]).decode().split("\0")[1:] == self.login.split(":")
                    await say("235 welcome" if let_in else "535 no")
                elif verb == "MAIL" and let_in:
                    await say("250 ok")
                elif verb == "RCPT" and let_in:
                    to = line.partition("<")[2].partition(">")[0]
                    await say("550 nobody of that name" if to in self.no else "250 ok")
                elif verb == "DATA" and to:
                    await say("354 go on")
                    lines = []
                    while (text := await reader.readline()) != b".\r\n":
                        lines.append(text)
                    self.raw.append((to, b"".join(lines)))
                    await say("250 kept")
                elif verb == "QUIT":
                    await say("221 bye")
                    break
                else:
                    await say("250 ok" if verb in ("RSET", "NOOP") else "503 not now")
        writer.close()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Listen."""
        server = await asyncio.start_server(self.talk, HOST, 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield
