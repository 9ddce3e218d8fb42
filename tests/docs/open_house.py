"""A whole server on loopback with a small clinic, in a sandbox, for the recipes: HTTP, MLLP, and all that goes on beside requests."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import uvicorn

from sojourn.app import create_app
from sojourn.base import clock, crypto
from sojourn.base.settings import Settings
from sojourn.record import exchangebench, organization
from sojourn.record.database import Dsn
from sojourn.web.about import About, SampleLogin
from tests.doors.hl7v2.lab import MRN
from tests.people import FAR, MH, SUD, A, Clinic, close_clinic, open_clinic
from tests.web.test_emergency import post

SANDBOX = About("18", (SampleLogin("dana", "x", "Dana", "clinician", ""),))
"""Who registers an app is served at once."""
MANAGER = "ivy"
"""Whoever looks after partners."""


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


class House(NamedTuple):
    """`url` answers HTTP, `mllp` is the port for HL7 v2."""

    url: str
    mllp: int
    clinic: Clinic

    async def partner(self, name: str, application: str, port: int, *kinds: str) -> str:
        """Somebody who gets these messages, registered at the pages that the recipes name; the id of their Organization."""
        organization = (await self.clinic.make("sys-mh", {"resourceType": "Organization", "name": name})).id
        tenant = self.clinic.gate.house.tenants[A]
        session = await self.clinic.gate.identity.issue(tenant, MANAGER, kind="session", door="staff", life=timedelta(hours=1))
        async with httpx.AsyncClient(base_url=self.url, cookies={"sojourn": session}) as browser:
            theirs = {"name": name, "organization": f"Organization/{organization}", "basis": "treatment", "applications": application, "authorities": f"RIVER = {MRN}", "timezone": "America/New_York", "acknowledgement": "auto"}
            made = await post(browser, "/exchange/partners/new", "/exchange/partners/new", **theirs)
            assert made.status_code == 303, made.text
            page = made.headers["location"].split("?")[0] + "/sending"
            sends: dict[str, Any] = {"kinds": list(kinds), "host": "127.0.0.1", "port": str(port), "timeout": "20", "ours": "SOJOURN", "our_place": "RIVER", "theirs": application, "version": "2.5.1", "charset": "UNICODE UTF-8", "processing": "P", "acknowledgement": "original", "purpose": "TREAT"}
            kept = await post(browser, page, page, **sends)
            assert kept.status_code == 303, kept.text
        await exchangebench.before(self.clinic.gate.house.db, A, page.split("/")[-2], "The test bench has tests of its own.", clock.now())
        return organization


@asynccontextmanager
async def open_house(dsn: Dsn, folder: Path) -> AsyncIterator[House]:
    """While this is open the server answers."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = int(listener.getsockname()[1])
    settings = Settings(data=folder, port=port, mllp_port=free_port(), database_connections=6)
    url = f"http://127.0.0.1:{port}"
    clinic = await open_clinic(dsn, key=crypto.load_server_key(settings.key_file), base=f"{url}/fhir")
    await clinic.owner.execute("UPDATE record.tenant SET host = '127.0.0.1' WHERE tenant = $1", A)
    ivy = organization.AccountRow(MANAGER, "staff", MANAGER, "Ivy", None, "Practitioner/ivy", "integration-manager", [SUD, MH, FAR], MH, [])
    await organization.account(clinic.owner, A, ivy, clock.now())
    server = uvicorn.Server(uvicorn.Config(create_app(settings, dsn, base=f"{url}/fhir", about=SANDBOX), log_config=None, lifespan="on"))
    running = asyncio.create_task(server.serve([listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
        assert not running.done(), "the server did not start"
        await asyncio.sleep(0.01)
    try:
        yield House(url, settings.mllp_port, clinic)
    finally:
        server.should_exit = True
        await running
        await close_clinic(clinic)
