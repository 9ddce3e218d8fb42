"""Two installs of Sojourn on one machine: ours, and a network of health information that ours asks over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sojourn.app import application
from sojourn.base import clock
from sojourn.doors.mhd.asking import Asking
from sojourn.gate.exchange import partners
from sojourn.gate.exchange.partners import Envoys, Partner
from sojourn.record.database import Dsn
from sojourn.web.about import About
from sojourn.web.outbound import Outbound
from tests import people
from tests.care.reach import AGREED
from tests.doors.smart.office import service_of, was_live
from tests.journeys.serving import serving
from tests.people import A, Clinic
from tests.web.real import furnish

NEAR = ("127.0.0.1",)
HIE = "hie"


@dataclass
class Two:
    """We, the network, and where each answers. here: the Organization that stands for the network at ours; client: our client id there; doors: what answers HTTP, `us` and `network`, for a test that stands between."""

    us: Clinic
    network: Clinic
    ours: str
    theirs: str
    here: str
    client: str
    doors: dict[str, Any]

    @property
    def asking(self) -> Asking:
        """What asks, with nothing under way."""
        return Asking(Envoys(self.us.gate), Outbound(NEAR))

    async def done(self) -> int:
        """Do what waits."""
        await self.us.owner.execute("UPDATE record.outside_ask SET due = '2000-01-01', lease = '-infinity' WHERE state = 'waiting'")
        return await self.asking.round(self.us.gate.house.tenants[A])


async def registered(clinic: Clinic, client: str, organization: str, jwks_uri: str, scopes: str = "system/*.rs") -> None:
    """An outside organization's service, approved."""
    await service_of(clinic, client, organization, scopes, jwks_uri=jwks_uri)
    await was_live(clinic, client)


async def partner(clinic: Clinic, base: str, organization: str, client: str = "", **more: Any) -> Partner:
    """The network as a partner of ours that may be asked."""
    made = Partner(HIE, "Valley Health Network", door="none", organization=organization, fhir={"base": base, "client": client, "on": True}, **{"agreed": AGREED, **more})
    since = await clinic.owner.fetchval("SELECT known_from FROM record.exchange_partner WHERE partner = $1 AND known_to = 'infinity'", made.id)
    await clinic.gate.house.db.call("SELECT gate.exchange_put_partner($1, $2, $3, 'active', $5, 'test', '', $4)", A, made.id, partners.facts(made), clock.now(), since)
    return made


@asynccontextmanager
async def network(ours: Dsn, theirs: Dsn) -> AsyncIterator[Two]:
    """Both, served over HTTP on this machine, and registered with each other."""
    doors: dict[str, Any] = {}

    async def we(scope: Any, receive: Any, send: Any) -> None:
        await doors["us"](scope, receive, send)

    async def they(scope: Any, receive: Any, send: Any) -> None:
        await doors["network"](scope, receive, send)

    async with serving(we, "127.0.0.1") as here, serving(they, "127.0.0.1") as there:
        clinics = {}
        for name, dsn, url in (("us", ours, here), ("network", theirs, there)):
            clinics[name] = clinic = await people.open_clinic(dsn, connections=6, base=f"{url}/fhir")
            await clinic.owner.execute("UPDATE record.tenant SET host = '127.0.0.1' WHERE tenant = 1")
            await clinic.gate.reload()
            await furnish(clinic)
            doors[name] = application(clinic.gate, About(), Outbound(NEAR))
        us, far = clinics["us"], clinics["network"]
        organization = (await us.make("sys-none", {"resourceType": "Organization", "name": "Valley Health Network"})).id
        await registered(far, "riverbend", "Organization/tpo", f"{here}/oauth/jwks")
        await partner(us, f"{there}/fhir", f"Organization/{organization}", "riverbend")
        try:
            yield Two(us, far, here, there, organization, "riverbend", doors)
        finally:
            for clinic in clinics.values():
                await people.close_clinic(clinic)
