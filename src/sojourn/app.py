"""The composition root: settings in, ASGI app out; the one file that may import everything."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from sojourn.base import crypto, metering
from sojourn.base.collecting import Collecting
from sojourn.base.settings import BadSetting, Settings
from sojourn.care.consequences import CONSEQUENCES
from sojourn.care.exchange.working import Working
from sojourn.care.handoff import sending as handoffs
from sojourn.care.reaching.delivering import Delivering, Origin
from sojourn.care.reaching.sender import Sender
from sojourn.care.release import sending as releases
from sojourn.doors.api.app import FhirDoor
from sojourn.doors.api.subscriptions.telling import Telling
from sojourn.doors.calling import channels
from sojourn.doors.calling.looking import Looking
from sojourn.doors.cds import routes as cds
from sojourn.doors.direct.door import Mailboxes
from sojourn.doors.direct.sending import Direct
from sojourn.doors.fax import gateways
from sojourn.doors.fax.collecting import Collecting as Faxes
from sojourn.doors.fax.collecting import lines_of
from sojourn.doors.fax.sending import Faxing
from sojourn.doors.hl7v2.bench import Bench
from sojourn.doors.hl7v2.listen import Listener, Place
from sojourn.doors.hl7v2.out.batching import Batching
from sojourn.doors.hl7v2.out.client import Identity
from sojourn.doors.hl7v2.out.sending import Sending
from sojourn.doors.messaging.reading import Reading
from sojourn.doors.mhd.asking import Asking
from sojourn.doors.mhd.providing import Providing
from sojourn.doors.mhd.taking import Taking
from sojourn.doors.sftp import serve as sftp
from sojourn.doors.sftp.dropping import Dropping
from sojourn.doors.smart import routes as smart
from sojourn.doors.smart.pages import PAGES as smart_pages  # noqa: N811
from sojourn.doors.staff import routes as staff
from sojourn.doors.staff.cards import bench as cardsbench
from sojourn.doors.staff.pages import PAGES as staff_pages  # noqa: N811
from sojourn.duties import OUTWARD, Doing
from sojourn.fhir.installed import FOLDER, register_installed
from sojourn.fhir.shapes import link_names
from sojourn.gate.bulk.running import Exporting
from sojourn.gate.clockwork import Clockwork
from sojourn.gate.exchange import appbench, ways
from sojourn.gate.exchange.partners import Envoys
from sojourn.gate.gate import Gate
from sojourn.gate.grantjob import Anew
from sojourn.gate.keeping import Keeping
from sojourn.gate.vocabulary.packaged import Packaged
from sojourn.listeners import Following
from sojourn.record.database import Dsn
from sojourn.web import operating
from sojourn.web.about import About
from sojourn.web.cors import Cors
from sojourn.web.oidc import Provider
from sojourn.web.outbound import Outbound

ORIGINS: dict[str, Origin] = {handoffs.ORIGIN: handoffs.Told(), releases.ORIGIN: releases.Told()}
"""What documents for partners belong to, by kind."""


class Beside(Protocol):
    """What goes on beside requests for as long as the server runs."""

    async def start(self) -> None:
        """Begin."""

    async def stop(self) -> None:
        """End."""


def create_app(settings: Settings, dsn: Dsn, *, base: str = "", about: About | None = None) -> Starlette:
    """The web application. `base`: the FHIR base URL that answers name; default: where this server listens."""
    key = crypto.load_server_key(settings.key_file)
    register_installed(settings.data / FOLDER)
    gate = Gate(dsn.app, key, settings.data, base=base or f"http://{settings.host}:{settings.port}/fhir", connections=settings.database_connections, consequences=CONSEQUENCES)
    gate.house.channels, gate.house.address = channels.of(settings), settings.address.rstrip("/")
    following = Following(gate)
    keeping, doing, exporting, packaged = Keeping(gate.house), Doing(gate), Exporting(gate), Packaged(gate)
    hl7 = Listener(gate, Place(settings.mllp_host, settings.mllp_port, settings.mllp_most, settings.mllp_certificate, settings.mllp_key, settings.mllp_clients))
    boxes = sftp.Listener(gate, sftp.Place(settings.sftp_host, settings.sftp_port), settings.outbound_hosts.split(","), Batching(Envoys(gate)).made)
    identity = Identity(settings.mllp_certificate, settings.mllp_key)
    sending, testing = Sending(Envoys(gate), identity), Bench(gate.house, identity)

    outbound, requests = Outbound(settings.outbound_hosts.split(",")), metering.Requests()
    by = senders(settings, outbound, gate)
    delivering = Delivering(Envoys(gate), Clockwork(gate), by, ORIGINS)
    # In the order in which they begin; the trail is kept from the first of them to the last.
    beside: tuple[Beside, ...] = (keeping, following, doing, exporting, hl7, packaged, Telling(gate, outbound), boxes, sending, Mailboxes(gate, settings.outbound_hosts.split(",")), delivering, testing, appbench.Looking(gate), cardsbench.Bench(gate.house, outbound), Anew(gate), Asking(Envoys(gate), outbound), Taking(Envoys(gate)), Working(Envoys(gate), Reading()),
                                  *_faxes(gate, settings), *(Doing(gate, (duty,)) for duty in OUTWARD), Looking(gate.house.channels), Collecting(lambda: requests.running > 0))  # fmt: skip

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await gate.open()
        await asyncio.to_thread(_read_once)
        for each in beside:
            await each.start()
        # What has been made by now stays until the end: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        try:
            yield
        finally:
            for each in reversed(beside):
                await each.stop()
            await gate.close()

    app = application(gate, about or About(), outbound, lifespan, operating.token(settings.metrics_token_file), requests)
    app.state.outside, app.state.senders = outside_provider(settings), by
    return app


def _read_once() -> None:
    """What a process reads once, a tenth of a second and more for each: before it answers, so that nobody waits for it."""
    for pages in (staff_pages, smart_pages):
        pages.load()
    link_names()


def senders(settings: Settings, outbound: Outbound, gate: Gate) -> dict[str, Sender]:
    """The doors by which documents go to partners, by their name in gate/exchange/ways.py; what is not here goes on to the next way."""
    found: dict[str, Sender] = {ways.DIRECT: Direct(gate, settings.outbound_hosts.split(",")), ways.MHD: Providing(gate.house, outbound), ways.SFTP: Dropping(gate)}
    if (gateway := gateways.of(settings.fax_gateway, settings.fax_token_file)) is not None:
        found[ways.FAX] = Faxing(gateway, settings.fax_number)
    return found


def _faxes(gate: Gate, settings: Settings) -> tuple[Beside, ...]:
    """What takes faxes from the gateway, where one is named. Raises BadSetting."""
    gateway = gateways.of(settings.fax_gateway, settings.fax_token_file)
    return (Faxes(gate.house, gateway, lines_of(settings.fax_lines)),) if gateway is not None else ()


def application(gate: Gate, about: About, outbound: Outbound, lifespan: Callable[[Starlette], AbstractAsyncContextManager[None]] | None = None, metrics: str = "",
                requests: metering.Requests | None = None) -> Starlette:  # fmt: skip
    """Every door over a gate, without what follows the feed and the clock. metrics: the token that opens /metrics. requests: where answers are counted."""

    async def allowed(host: str, origin: str) -> bool:
        tenant = gate.tenant_of(host)
        return tenant is not None and await gate.house.apps.allows_origin(tenant, origin)

    requests, others = requests or metering.Requests(), [*smart.routes(), *cds.routes()]
    paths = [*(s.path for s in staff.SCREENS), *(r.path for r in others if isinstance(r, Route | Mount))]
    middleware = [Middleware(operating.Metered, requests=requests, paths=paths), Middleware(Cors, allowed=allowed), Middleware(_Fhir, door=FhirDoor(gate))]
    app = Starlette(routes=[*operating.routes(gate.house, requests, metrics), *others, *staff.routes()], middleware=middleware, lifespan=lifespan)
    app.state.gate, app.state.about, app.state.outbound = gate, about, outbound
    return app


def outside_provider(settings: Settings) -> Provider | None:
    """The identity provider that the settings describe, if any. Raises BadSetting for half of one."""
    if not settings.oidc_issuer:
        return None
    if not settings.oidc_client_id or settings.oidc_client_secret_file is None:
        raise BadSetting("SOJOURN_OIDC_ISSUER needs SOJOURN_OIDC_CLIENT_ID and SOJOURN_OIDC_CLIENT_SECRET_FILE beside it.")
    try:
        secret = settings.oidc_client_secret_file.read_text("utf-8").strip()
    except OSError:
        raise BadSetting("The file that SOJOURN_OIDC_CLIENT_SECRET_FILE names cannot be read.") from None
    hosts = tuple(host.strip() for host in settings.oidc_hosts.split(",") if host.strip())
    return Provider(settings.oidc_issuer, settings.oidc_client_id, secret, settings.oidc_claim, settings.oidc_label, settings.oidc_organization, hosts)


class _Fhir:
    """Everything at and under /fhir goes to its door before any routing: it is asked most, and it may be asked without a slash."""

    def __init__(self, app: ASGIApp, door: FhirDoor) -> None:
        self._app, self._door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        if scope["type"] == "http" and (path.startswith("/fhir/") or path == "/fhir") and not path.startswith("/fhir/.well-known/"):
            scope["root_path"] = scope.get("root_path", "") + "/fhir"
            await self._door(scope, receive, send)
        else:
            await self._app(scope, receive, send)
