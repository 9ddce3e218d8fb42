"""The FHIR door of a clinic, served over HTTP on loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import uvicorn

from sojourn.record.database import Dsn
from tests.people import close_clinic, open_clinic


class Served(NamedTuple):
    """A server, and a token for it."""

    base: str
    token: str


@asynccontextmanager
async def serving(database: Dsn) -> AsyncIterator[Served]:
    """While this is open the server answers."""
    listener = socket.create_server(("127.0.0.1", 0))
    base = f"http://127.0.0.1:{listener.getsockname()[1]}/fhir"
    clinic = await open_clinic(database, base=base)

    async def mounted(scope: Any, receive: Any, send: Any) -> None:
        assert scope["path"].startswith("/fhir")
        scope["root_path"] = "/fhir"
        await clinic.door(scope, receive, send)

    server = uvicorn.Server(uvicorn.Config(mounted, log_config=None, lifespan="off"))
    running = asyncio.create_task(server.serve([listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
        await asyncio.sleep(0.01)
    yield Served(base, clinic.tokens["sys-mh"])
    server.should_exit = True
    await running
    await close_clinic(clinic)
