"""A clinic served over HTTP on loopback: its FHIR door, or every door."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import uvicorn

from sojourn.app import application
from sojourn.record.database import Dsn
from sojourn.web.about import About, SampleLogin
from sojourn.web.outbound import Outbound
from tests.doors.smart.office import Office
from tests.journeys import serving as journeys
from tests.people import close_clinic, open_clinic
from tests.web.real import furnish


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


@asynccontextmanager
async def everything(database: Dsn) -> AsyncIterator[tuple[Office, str]]:
    """Every door, and where it answers. A sandbox: an app that registers is active at once."""
    ours: dict[str, Any] = {}

    async def late(scope: Any, receive: Any, send: Any) -> None:
        await ours["app"](scope, receive, send)

    async with journeys.serving(late, "127.0.0.1") as url:
        clinic = await open_clinic(database, connections=8, base=f"{url}/fhir")
        try:
            await clinic.owner.execute("UPDATE record.tenant SET host = '127.0.0.1' WHERE tenant = 1")
            await clinic.gate.reload()
            await furnish(clinic)
            ours["app"] = application(clinic.gate, About("18", (SampleLogin("dana", "x", "Dana", "clinician", ""),)), Outbound())
            yield Office(clinic, ours["app"]), url
        finally:
            await close_clinic(clinic)
