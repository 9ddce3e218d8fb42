"""A whole server on loopback with a small clinic, in a sandbox, for the recipes: HTTP, MLLP, and all that goes on beside requests."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import uvicorn

from sojourn.app import create_app
from sojourn.base import clock, crypto
from sojourn.base.settings import Settings
from sojourn.gate.exchange import partners, profile
from sojourn.gate.exchange.partners import Partner
from sojourn.record.database import Dsn
from sojourn.web.about import About, SampleLogin
from tests.doors.hl7v2.counterpart import SENDS
from tests.doors.hl7v2.lab import MRN
from tests.people import A, Clinic, close_clinic, open_clinic

SANDBOX = About("18", (SampleLogin("dana", "x", "Dana", "clinician", ""),))
"""Who registers an app is served at once."""


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

    async def partner(self, id_: str, name: str, application: str, port: int, *kinds: str) -> str:
        """Somebody who gets these messages, registered as an administrator would; the id of their Organization."""
        organization = (await self.clinic.make("sys-mh", {"resourceType": "Organization", "name": name})).id
        place, now = f"Organization/{organization}", clock.now()
        sends = profile.checked(replace(SENDS, kinds=kinds, port=port, theirs=application, begun="2020-01-01T00:00:00+00:00"), place, now)
        made = Partner(id_, name, organization=place, applications=(application,), authorities={"RIVER": MRN}, sending=profile.facts(sends))
        await self.clinic.gate.house.db.call("SELECT gate.exchange_put_partner($1, $2, $3, 'active', NULL, 'test', '', $4)", A, made.id, partners.facts(made), now)
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
