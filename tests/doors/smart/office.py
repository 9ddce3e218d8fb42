"""Both organizations behind every door at once, with keys and apps to try them with."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from itertools import count
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from starlette.applications import Starlette

from sojourn.app import application
from sojourn.base import clock
from sojourn.gate.access import Access
from sojourn.gate.apps import registering, registry
from sojourn.gate.apps.registry import App
from sojourn.record.database import Dsn
from sojourn.web.about import About
from sojourn.web.outbound import Outbound
from tests import people
from tests.people import BY_NAME, A, Clinic
from tests.web.real import ADMIN, furnish

ROOT = "http://a.test"
BASE = ROOT + "/fhir"
TOKEN = ROOT + "/oauth/token"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_number = count(1)


class Key:
    """A key pair of an app."""

    def __init__(self, kid: str, algorithm: str = "ES384", curve: Any = None) -> None:
        self.kid, self.algorithm = kid, algorithm
        self.private: Any = ec.generate_private_key(curve or ec.SECP384R1()) if algorithm == "ES384" else rsa.generate_private_key(65537, 2048)
        maker: Any = jwt.algorithms.ECAlgorithm if algorithm == "ES384" else jwt.algorithms.RSAAlgorithm
        self.public = {k: v for k, v in json.loads(maker.to_jwk(self.private.public_key())).items() if k != "key_ops"} | {"kid": kid, "use": "sig", "alg": algorithm}

    def assertion(self, client: str, *, header: dict[str, Any] | None = None, algorithm: str = "", **claims: Any) -> str:
        """What proves who the app is; claims take the place of those of a good one."""
        now = clock.now().timestamp()
        said = {"iss": client, "sub": client, "aud": TOKEN, "exp": int(now + 240), "jti": f"j{next(_number)}", **claims}
        return jwt.encode({k: v for k, v in said.items() if v is not None}, self.private, algorithm or self.algorithm, headers={"kid": self.kid, **(header or {})})


def keys(*some: Key) -> str:
    """A JWKS."""
    return json.dumps({"keys": [k.public for k in some]})


def pkce() -> tuple[str, str]:
    """(verifier, challenge)."""
    verifier = f"verifier-{next(_number)}-".ljust(50, "v")
    return verifier, base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()


async def service_of(clinic: Clinic, client: str, organization: str, scopes: str = "system/*.rs", **more: Any) -> None:
    """A service of an outside organization, approved, called by its client id. more: of the app, as its keys."""
    app = App(client, client, ("service",), "outside", "private_key_jwt", scopes, organization=organization, account=f"app-{client}", role="outside", **more)
    now = clock.now()
    await clinic.owner.execute("SELECT gate.make_app_account($1, $2, $3, $4, $5, $6, $7, NULL, $8, 'test', $9)", A, app.account, "organization", client, organization, "outside", [], [organization], now)
    await clinic.owner.execute("SELECT gate.put_app($1, $2, $3, 'active', NULL, 'test', '', $4)", A, client, registry.facts(app), now)


async def was_live(clinic: Clinic, app: str) -> None:
    """What the migration does for services that were there before the test bench."""
    await clinic.owner.execute(
        "INSERT INTO record.exchange_go (tenant, partner, way, facts, reason, at) SELECT 1, $1, 'before', gate.app_profile(1, $1)::text, 'Was live already.', $2", app, clock.now()
    )


@dataclass
class Office:
    """A clinic, an application over it, and the address book of what may be fetched."""

    clinic: Clinic
    app: Starlette
    fetched: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @property
    def http(self) -> httpx.AsyncClient:
        """A program, or a browser that keeps cookies."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=ROOT)

    async def acting(self, who: str, *, methods: tuple[str, ...] = ("password",)) -> Access:
        """Somebody who has just signed in."""
        tenant = self.clinic.gate.house.tenants[BY_NAME[who].tenant if who in BY_NAME else A]
        access = await self.clinic.gate.session(await self.clinic.gate.identity.issue(tenant, who, kind="session", door="staff", life=timedelta(hours=1)))
        assert access is not None
        return access

    async def service(self, key: Key | None = None, *, whose: str = "inside", approve: bool = True, live: bool = True, **more: Any) -> App:
        """A service that is registered, and approved by somebody else. live: an outside organization's was so before there was a test bench."""
        wanted = App("", "Warehouse", ("service",), whose, "private_key_jwt", more.pop("scopes", "system/*.rs"), jwks=keys(key) if key else more.pop("jwks", ""), **more)
        made, _ = await registering.register(await self.acting(ADMIN), wanted)
        if approve:
            await registering.start(await self.acting("officer"), made.id, "checked")
        if whose == "outside" and live:
            await was_live(self.clinic, made.id)
        self.clinic.gate.house.apps.forget(self.clinic.gate.house.tenants[A])
        return made

    async def person_app(self, **more: Any) -> tuple[App, str]:
        """An app that people use, with its secret."""
        facts = {"name": "Heart Notes", "uses": ("patient", "staff"), "whose": "inside", "method": "none", "scopes": "", "redirects": ("https://app.example/back",), **more}
        made = await registering.register(await self.acting(ADMIN), App(id="", **facts))
        self.clinic.gate.house.apps.forget(self.clinic.gate.house.tenants[A])
        return made

    async def token(self, **form: str) -> httpx.Response:
        """Ask the token endpoint."""
        async with self.http as http:
            return await http.post("/oauth/token", data=form)

    async def for_service(self, app: App, key: Key, scope: str = "system/*.rs", **claims: Any) -> httpx.Response:
        """A service asks for a token."""
        return await self.token(grant_type="client_credentials", scope=scope, client_assertion_type=ASSERTION, client_assertion=key.assertion(app.id, **claims))

    async def fhir(self, token: str, path: str, **headers: str) -> httpx.Response:
        """Ask the FHIR API."""
        async with self.http as http:
            return await http.get("/fhir/" + path, headers={"authorization": f"Bearer {token}", **headers})


@asynccontextmanager
async def office(dsn: Dsn) -> AsyncIterator[Office]:
    """Everything, on one database."""
    clinic = await people.open_clinic(dsn, connections=8, base=BASE)
    await furnish(clinic)
    made: Office

    async def answer(request: httpx.Request) -> httpx.Response:
        made.asked.append(str(request.url))
        found = made.fetched.get(request.headers["host"])
        return found if isinstance(found, httpx.Response) else httpx.Response(200, json=found) if found is not None else httpx.Response(404)

    async def resolve(host: str, port: int) -> list[str]:  # noqa: ARG001 - part of the protocol
        return {"rebound.example": ["93.184.216.34", "10.0.0.1"], "inside.example": ["10.0.0.5"], "metadata.example": ["169.254.169.254"]}.get(host, ["93.184.216.34"])

    made = Office(clinic, application(clinic.gate, About(), Outbound(resolver=resolve, transport=httpx.MockTransport(answer))))
    try:
        yield made
    finally:
        await people.close_clinic(clinic)
