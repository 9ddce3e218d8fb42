"""The FHIR server of a partner, as we ask it: a backend service with a key of ours, within bounds.

https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html. Addresses are those of web/outbound.py: public ones, or named by the setting.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit

from sojourn.base import clock, ids
from sojourn.gate.apps import keys
from sojourn.web.outbound import NotReached, Reply

if TYPE_CHECKING:
    from sojourn.gate.caller import Tenant
    from sojourn.gate.exchange.asking import Service
    from sojourn.gate.gate import House
    from sojourn.web.outbound import Outbound

FHIR: Final = "application/fhir+json"
ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SECONDS: Final = 20.0
MOST: Final = 4 << 20
"""Bytes of an answer that is no document."""
DOCUMENT: Final = 10 << 20
"""Bytes of a document, as the tray of papers takes."""


class Trouble(Exception):  # noqa: N818 - it is told to people
    """It did not go as it should; the message names nobody and says what to do. again: whether trying again may help."""

    def __init__(self, why: str, *, again: bool = False) -> None:
        super().__init__(why)
        self.why, self.again = why, again


class Remote:
    """One partner's server, for one piece of work: the token is asked for once."""

    def __init__(self, house: House, tenant: Tenant, outbound: Outbound, service: Service) -> None:
        self._house, self._tenant, self._outbound, self.service = house, tenant, outbound, service
        self._token: str | None = None

    async def get(self, address: str) -> Any:
        """The JSON at an address of theirs, or under their base. Raises Trouble."""
        return _json(await self._asked("GET", self._under(address), FHIR))

    async def open(self, path: str) -> Any:
        """What they tell anybody, as their CapabilityStatement. Raises Trouble."""
        return _json(await self._fetch("GET", self._under(path), b"", {"accept": FHIR}, MOST))

    async def post(self, path: str, body: bytes) -> Any:
        """What they answer to a body sent to a path under their base. Raises Trouble."""
        return _json(await self._asked("POST", self._under(path), FHIR, body))

    async def document(self, address: str, media: str) -> bytes:
        """The bytes of a document, also where they come as a Binary. Raises Trouble."""
        reply = await self._asked("GET", address, f"{media or '*/*'}, */*;q=0.5", most=DOCUMENT + (DOCUMENT >> 1))
        if reply.headers.get("content-type", "").partition(";")[0].strip().lower() in (FHIR, "application/json+fhir"):
            found = _json(reply)
            if isinstance(found, dict) and found.get("resourceType") == "Binary":
                try:
                    return base64.b64decode(str(found.get("data") or ""), validate=True)
                except (binascii.Error, ValueError):
                    raise Trouble("What they sent cannot be read.") from None
        return reply.body

    def _under(self, address: str) -> str:
        return address if "://" in address else f"{self.service.base}/{address}".rstrip("/")

    async def _asked(self, method: str, address: str, accept: str, body: bytes = b"", most: int = MOST) -> Reply:
        headers = {"accept": accept, **({"content-type": FHIR} if body else {})}
        if self.service.client and _origin(address) == _origin(self.service.base):  # nobody else gets what we are known by there
            headers["authorization"] = f"Bearer {await self._bearer()}"
        reply = await self._fetch(method, address, body, headers, most)
        if reply.status in (401, 403):
            raise Trouble("They do not let us in, or not to this. Whoever looks after partners asks them about our client and its scopes.")
        if reply.status == 404:  # noqa: PLR2004 - not there
            raise Trouble("They do not have it, or do not offer this.")
        if reply.status in (408, 429) or reply.status >= 500:  # noqa: PLR2004 - HTTP
            raise Trouble("Their server is busy or has a problem of its own.", again=True)
        if not 200 <= reply.status < 300:  # noqa: PLR2004 - HTTP
            raise Trouble(f"Their server refused it (HTTP {reply.status}).")
        return reply

    async def _fetch(self, method: str, address: str, body: bytes, headers: dict[str, str], most: int) -> Reply:
        try:
            return await self._outbound.fetch(method, address, body=body, headers=headers, seconds=SECONDS, most=most)
        except NotReached:
            raise Trouble("Their server cannot be reached, does not answer in time, or sends more than it may.", again=True) from None

    async def _bearer(self) -> str:
        """A token of theirs, by our signature. Raises Trouble."""
        if self._token is None:
            known = _json(await self._fetch("GET", f"{self.service.base}/.well-known/smart-configuration", b"", {"accept": "application/json"}, MOST))
            endpoint = str(known.get("token_endpoint") or "") if isinstance(known, dict) else ""
            now, client = int(clock.now().timestamp()), self.service.client
            claims = {"iss": client, "sub": client, "aud": endpoint, "exp": now + 240, "iat": now, "jti": ids.new_id("jti")}
            assertion = await keys.signed(self._house, self._tenant, claims, service=True)
            form = urlencode({"grant_type": "client_credentials", "scope": self.service.scope, "client_assertion_type": ASSERTION, "client_assertion": assertion}).encode()
            reply = await self._fetch("POST", endpoint, form, {"accept": "application/json", "content-type": "application/x-www-form-urlencoded"}, MOST)
            given = _json(reply) if reply.status == 200 else {}  # noqa: PLR2004 - HTTP
            token = given.get("access_token") if isinstance(given, dict) else None
            if not isinstance(token, str) or not token.isascii() or not token.isprintable() or " " in token:
                raise Trouble("They do not let us in: no token for our client. Whoever looks after partners asks them whether it is registered with the keys of this server.")
            self._token = token
        return self._token


def _json(reply: Reply) -> Any:
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError):
        raise Trouble("What they sent cannot be read as FHIR.") from None


def _origin(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    return parts.scheme, parts.netloc
