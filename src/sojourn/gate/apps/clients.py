"""An app proves who it is: with its secret, with its key, or, if it is public, not at all."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_plus

import jwt

from sojourn.base import clock, crypto
from sojourn.gate.apps import registry
from sojourn.gate.apps.refusing import Refused, UnknownClient
from sojourn.gate.apps.sound import ALGORITHMS, usable
from sojourn.gate.guessing import Guessing

if TYPE_CHECKING:
    from sojourn.gate.apps.registry import App
    from sojourn.gate.caller import Tenant
    from sojourn.gate.gate import House

ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST: Final = timedelta(minutes=5)
"""How far ahead the end of an assertion may lie (SMART App Launch 2.2)."""
LEEWAY: Final = timedelta(seconds=60)
"""How far two clocks may differ."""
_KEPT = 3600.0  # seconds that fetched keys are good for, unless their owner says fewer
_AGAIN = 60.0  # seconds before they are fetched again for a key that is not among them
_MOST = 1000
_LARGEST = 16_000

Fetch = Callable[[str], Awaitable[tuple[Any, float | None]]]
"""Gets the JSON at an address that somebody else chose, and for how many seconds they let it be kept. Raises SojournError when it must not or cannot."""


class Clients:
    """Who asks at the token endpoint. Every refusal is the same to the app; why, is in the description where that helps its author."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._guessing = Guessing(house.db, house.key)
        self._keys: OrderedDict[str, tuple[float, float, list[tuple[str, str, Any]]]] = OrderedDict()
        self._fetching: dict[str, asyncio.Lock] = {}

    async def authenticated(self, tenant: Tenant, form: Mapping[str, str], authorization: str, endpoint: str, fetch: Fetch, address: str) -> App:
        """The app that asks. endpoint: the address that its assertion is for. Raises UnknownClient, TooManyRequests."""
        if form.get("client_assertion") or form.get("client_assertion_type"):
            if authorization:
                raise Refused("invalid_request", "Prove who you are in one way, not in two.")
            return await self._by_key(tenant, form, endpoint, fetch, address)
        if authorization:
            return await self._by_secret(tenant, authorization, form.get("client_id", ""), address)
        if "client_secret" in form:
            raise UnknownClient("Send the secret in the Authorization header (client_secret_basic).")
        app = await self._known(tenant, form.get("client_id") or await self._named_by(tenant, form), address)
        if app.method != "none":
            raise UnknownClient("This app is registered as confidential: it has to prove who it is.")
        return app

    async def _known(self, tenant: Tenant, client: str, address: str) -> App:
        app = await registry.one(self._house.db, tenant, client) if client else None
        if app is None or not app.active:
            await self._guessing.attempt(tenant.number, f"app\0{client[:64]}", address)
            raise UnknownClient
        return app

    async def _named_by(self, tenant: Tenant, form: Mapping[str, str]) -> str:
        """Whose refresh token it is, where a public client does not say who it is: some do not (RFC 6749, 6)."""
        if form.get("grant_type") != "refresh_token":
            return ""
        rows = await self._house.db.call("SELECT gate.app_of_refresh($1, $2) AS app", tenant.number, crypto.sha256(form.get("refresh_token", "").encode()))
        return str(rows[0]["app"] or "")

    async def _by_secret(self, tenant: Tenant, authorization: str, named: str, address: str) -> App:
        scheme, _, coded = authorization.partition(" ")
        try:
            client, _, secret = base64.b64decode(coded.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError, ValueError):
            raise UnknownClient from None
        client, secret = unquote_plus(client), unquote_plus(secret)
        if scheme.lower() != "basic" or (named and named != client):
            raise UnknownClient
        app = await self._known(tenant, client, address)
        if app.method != "client_secret_basic" or not crypto.same(crypto.sha256_hex(secret.encode()).encode(), app.secret.encode()):
            await self._guessing.attempt(tenant.number, f"app\0{client[:64]}", address)
            raise UnknownClient
        return app

    async def _by_key(self, tenant: Tenant, form: Mapping[str, str], endpoint: str, fetch: Fetch, address: str) -> App:
        assertion = form.get("client_assertion", "")
        if form.get("client_assertion_type") != ASSERTION:
            raise Refused("invalid_request", f"client_assertion_type must be {ASSERTION}.")
        head, said = _taken_apart(assertion)
        client = said.get("sub")
        if not isinstance(client, str) or said.get("iss") != client or (form.get("client_id") or client) != client:
            raise UnknownClient("iss and sub of the assertion must both be the client id.")
        return await self._proved(tenant, client, assertion, head, said, endpoint, fetch, address, ("exp", "aud", "iss", "sub", "jti"))

    async def calling(self, tenant: Tenant, signed: str, endpoint: Sequence[str], fetch: Fetch, address: str) -> App:
        """The app that calls a CDS service. signed: the JWT of its Authorization header; endpoint: addresses of which it is for one.

        https://cds-hooks.hl7.org/2.0/#trusting-cds-clients. Raises UnknownClient, TooManyRequests.
        """
        head, said = _taken_apart(signed)
        client = said.get("iss")
        if not isinstance(client, str) or said.get("sub", client) != client:
            raise UnknownClient("iss must be the client id.")
        return await self._proved(tenant, client, signed, head, said, endpoint, fetch, address, ("exp", "iat", "aud", "iss", "jti"))

    async def _proved(
        self, tenant: Tenant, client: str, assertion: str, head: Mapping[str, Any], said: Mapping[str, Any], endpoint: str | Sequence[str], fetch: Fetch, address: str, needed: tuple[str, ...]
    ) -> App:
        """The app that signed, once its signature, its times and its jti are good."""
        app = await self._known(tenant, client, address)
        if app.method != "private_key_jwt":
            raise UnknownClient("This app is not registered for private_key_jwt.")
        await self._verified(app, assertion, head, endpoint, fetch, address, tenant, needed)
        await self._once(tenant, app, said)
        return app

    async def _verified(self, app: App, assertion: str, head: Mapping[str, Any], endpoint: str | Sequence[str], fetch: Fetch, address: str, tenant: Tenant, needed: tuple[str, ...]) -> None:
        algorithm, name = head.get("alg"), head.get("kid")
        if algorithm not in ALGORITHMS:
            raise UnknownClient("Sign with RS384 or ES384.")
        if not isinstance(name, str) or not name:
            raise UnknownClient("The header of the assertion must name its key (kid).")
        if "jku" in head and head["jku"] != app.jwks_uri:
            raise UnknownClient("jku is not the address that is registered.")
        named = await self._named(app, name, str(algorithm), fetch)
        if len(named) > 1:
            raise UnknownClient("Two keys of this app have that name; give each key a name of its own.")
        for key in named:
            try:
                claims = jwt.decode(
                    assertion, key, algorithms=[str(algorithm)], audience=endpoint, options={"require": list(needed), "verify_exp": False, "verify_iat": False, "verify_nbf": False}
                )
            except jwt.InvalidSignatureError:
                continue
            except jwt.PyJWTError:
                raise UnknownClient(f"The assertion needs {', '.join(sorted(needed))}; aud must be {endpoint if isinstance(endpoint, str) else endpoint[0]}.") from None
            _in_time(claims)
            return
        await self._guessing.attempt(tenant.number, f"app\0{app.id}", address)
        raise UnknownClient("No key of this app has signed the assertion.")

    async def _once(self, tenant: Tenant, app: App, claims: Mapping[str, Any]) -> None:
        """Refuse an assertion that came before. Its name is kept until it would be too old anyhow."""
        jti, ends = claims.get("jti"), datetime.fromtimestamp(float(claims["exp"]), UTC) + LEEWAY
        if not isinstance(jti, str) or not 0 < len(jti) <= 256:
            raise UnknownClient("jti must be a text that is used once.")
        rows = await self._house.db.call(
            "SELECT gate.make_ticket($1, $2, 'assertion', '', '', '', $3, $4) AS made", tenant.number, crypto.sha256(f"assertion\0{tenant.number}\0{app.id}\0{jti}".encode()), clock.now(), ends
        )
        if not rows[0]["made"]:
            raise UnknownClient("This assertion was used before; sign a new one each time.")

    async def _named(self, app: App, name: str, algorithm: str, fetch: Fetch) -> list[Any]:
        """The keys of this name. Those at an address are kept for an hour, or as long as their owner says, if that is less; a name that is new makes them be fetched again, at most once a minute."""
        listed = usable(json.loads(app.jwks)["keys"]) if app.jwks else []
        if app.jwks_uri:
            listed = [*listed, *await self._fetched(app.jwks_uri, name, fetch)]
        return list({key.public_numbers(): key for kid, alg, key in listed if kid == name and alg == algorithm}.values())

    async def _fetched(self, uri: str, name: str, fetch: Fetch) -> list[tuple[str, str, Any]]:
        async with self._fetching.setdefault(uri, asyncio.Lock()):
            when, life, listed = self._keys.get(uri, (-_KEPT, _KEPT, []))
            age = clock.monotonic() - when
            if age < life and (any(kid == name for kid, _, _ in listed) or age < _AGAIN):
                return listed
            try:
                found, lasting = await fetch(uri)
            except Refused:
                raise
            except Exception:  # noqa: BLE001 - whatever it is, the keys are not there; those of before are good for their time
                if age < life:
                    return listed
                raise UnknownClient("The keys of this app could not be fetched from its jwks_uri.") from None
            keys = found.get("keys") if isinstance(found, dict) else None
            listed = usable(keys) if isinstance(keys, list) else []
            self._keys[uri] = (clock.monotonic(), _KEPT if lasting is None else min(_KEPT, lasting), listed)
            self._keys.move_to_end(uri)
            if len(self._keys) > _MOST:
                gone, _ = self._keys.popitem(last=False)
                self._fetching.pop(gone, None)
            return listed


def _taken_apart(assertion: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Head and claims of a signed JWT, nothing of which is believed yet. Raises UnknownClient."""
    if len(assertion) > _LARGEST:
        raise UnknownClient("The assertion is too long.")
    try:
        return jwt.get_unverified_header(assertion), jwt.decode(assertion, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise UnknownClient("The assertion is no signed JWT.") from None


def _in_time(claims: Mapping[str, Any]) -> None:
    """Whether the times of an assertion are good, by our clock and with the leeway."""
    now = clock.now().timestamp()
    for name in ("exp", "nbf", "iat"):
        if name in claims and (isinstance(claims[name], bool) or not isinstance(claims[name], int | float) or not isfinite(claims[name])):
            raise UnknownClient(f"{name} is a number of seconds since 1970.")
    if claims["exp"] < now - LEEWAY.total_seconds():
        raise UnknownClient("The assertion is too old; is the clock of the app right?")
    if claims["exp"] > now + (LONGEST + LEEWAY).total_seconds():
        raise UnknownClient("The assertion may be good for five minutes at most.")
    if any(claims.get(name, now) > now + LEEWAY.total_seconds() for name in ("nbf", "iat")):
        raise UnknownClient("The assertion is from the future; is the clock of the app right?")
