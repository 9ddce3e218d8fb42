"""An outside identity provider: the OpenID Connect code flow with PKCE, state and nonce."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote_plus, urlencode, urlsplit

import httpx
import jwt

from sojourn.base import clock, crypto, ids
from sojourn.base.errors import SojournError
from sojourn.web import bounded
from sojourn.web.outbound import authorities

if TYPE_CHECKING:
    from starlette.requests import Request

_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Asymmetric ones only: with a shared secret, whoever reads our configuration could sign (RFC 8725, 2.1 and 3.2)."""
_REMEMBERED = 3600.0
_AGAIN = 60.0  # keys are not fetched more often for names that we do not know
_LARGEST = 1 << 20
_ANEW = 120  # seconds within which somebody showed anew who they are
_LEEWAY = 60  # seconds that two clocks may differ


class OutsideFailed(SojournError):
    """The identity provider did not say who this is. Try again, or sign in another way."""

    status = 401
    code = "login"


class Begun(NamedTuple):
    """Where to send the browser, and what has to be kept in it meanwhile."""

    address: str
    state: str
    nonce: str
    verifier: str


class Vouched(NamedTuple):
    """What the provider said. login: the value of the claim that names the account; strong: it asked for a second factor itself."""

    subject: str
    login: str
    strong: bool


@dataclass(slots=True)
class Provider:
    """One provider as it is configured. It is asked over the network at its own host, and at `hosts`; nowhere else."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    claim: str = "preferred_username"
    label: str = "Sign in with your organization"
    organization: str = ""
    hosts: tuple[str, ...] = ()
    _metadata: dict[str, Any] = field(default_factory=dict, init=False)
    _keys: dict[str, Any] = field(default_factory=dict, init=False)
    _read: dict[str, float] = field(default_factory=dict, init=False)

    async def begin(self, back: str, *, again: bool = False) -> Begun:
        """A sign-in begins; `again`: the person must show anew who they are. Raises OutsideFailed when the provider does not answer."""
        metadata = await self._about()
        state, nonce, verifier = ids.new_token("state"), ids.new_token("nonce"), ids.new_token("verifier")
        challenge = base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code", "client_id": self.client_id, "redirect_uri": back, "scope": "openid profile email", "state": state, "nonce": nonce,
            "code_challenge": challenge, "code_challenge_method": "S256",
        }  # fmt: skip
        if again:
            asked |= {"prompt": "login", "max_age": "0"}
        address = self._own(metadata["authorization_endpoint"], asked_by_us=False)
        return Begun(address + ("&" if "?" in address else "?") + urlencode(asked), state, nonce, verifier)

    async def finish(self, answer: Mapping[str, str], kept: Begun, back: str, *, again: bool = False) -> Vouched:
        """The browser came back. Raises OutsideFailed for everything that is not a whole, fresh answer to our own question.

        `again`: the provider must say that the person showed who they are within the last minutes (`auth_time`).
        """
        if not crypto.same(answer.get("state", "").encode(), kept.state.encode()) or not answer.get("code"):
            raise OutsideFailed
        if answer.get("iss", self.issuer) != self.issuer:  # RFC 9207
            raise OutsideFailed
        metadata = await self._about()
        form = {"grant_type": "authorization_code", "code": answer["code"], "redirect_uri": back, "code_verifier": kept.verifier}
        methods = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        headers = {}
        if "client_secret_basic" in methods:
            pair = f"{quote_plus(self.client_id)}:{quote_plus(self.client_secret)}"
            headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        else:
            form |= {"client_id": self.client_id, "client_secret": self.client_secret}
        token = (await self._ask("POST", metadata["token_endpoint"], form=form, headers=headers)).get("id_token")
        claims = await self._claims(str(token), kept.nonce)
        if again and not (isinstance(claims.get("auth_time"), int) and abs(clock.now().timestamp() - claims["auth_time"]) <= _ANEW):
            raise OutsideFailed
        login = claims.get(self.claim)
        if not isinstance(login, str) or not login or (self.claim == "email" and claims.get("email_verified") is not True):
            raise OutsideFailed
        return Vouched(str(claims["sub"]), login, "mfa" in (claims.get("amr") or ()))

    async def _claims(self, token: str, nonce: str) -> dict[str, Any]:
        """The ID token's claims, checked (OpenID Connect Core 1.0, 3.1.3.7)."""
        try:
            head = jwt.get_unverified_header(token)
            key = await self._key(str(head.get("kid", "")), str(head.get("alg", "")))
            claims: dict[str, Any] = jwt.decode(
                token, key, algorithms=[head["alg"]], audience=self.client_id, issuer=self.issuer, leeway=_LEEWAY, options={"require": ["exp", "iat", "sub", "aud", "iss", "nonce"]}
            )
        except (jwt.PyJWTError, KeyError, TypeError, ValueError):
            raise OutsideFailed from None
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if (several or "azp" in claims) and claims.get("azp") != self.client_id:
            raise OutsideFailed
        if not crypto.same(str(claims["nonce"]).encode(), nonce.encode()):
            raise OutsideFailed
        return claims

    async def _key(self, name: str, algorithm: str) -> Any:
        """The public key of this name. A name that is new makes the provider's keys be read again: they change.

        A token may leave the name out where there is only one key (OpenID Connect Core 1.0, 10.1).
        """
        allowed = set(_ALGORITHMS) & set((await self._about()).get("id_token_signing_alg_values_supported", _ALGORITHMS))
        if algorithm not in allowed:
            raise OutsideFailed
        if name not in self._keys and clock.monotonic() - self._read.get("keys", -_AGAIN) >= _AGAIN:
            listed = (await self._ask("GET", self._metadata["jwks_uri"])).get("keys", [])
            self._keys = {str(k.get("kid", "")): k for k in listed if k.get("use", "sig") == "sig" and k.get("kty") in ("RSA", "EC", "OKP")}
            self._read["keys"] = clock.monotonic()
        if not name and len(self._keys) == 1:
            name = next(iter(self._keys))
        if name not in self._keys:
            raise OutsideFailed
        return jwt.PyJWK(self._keys[name], algorithm).key

    async def _about(self) -> dict[str, Any]:
        """The provider's metadata, read again after an hour (OpenID Connect Discovery 1.0, 4)."""
        if not self._metadata or clock.monotonic() - self._read.get("about", 0.0) > _REMEMBERED:
            found = await self._ask("GET", self.issuer.rstrip("/") + "/.well-known/openid-configuration")
            if found.get("issuer") != self.issuer or not all(isinstance(found.get(k), str) for k in ("authorization_endpoint", "token_endpoint", "jwks_uri")):
                raise OutsideFailed
            self._metadata, self._read["about"] = found, clock.monotonic()
        return self._metadata

    def _own(self, address: str, *, asked_by_us: bool = True) -> str:
        """The address, if it is one of the provider's. Only to its own host may we ourselves go."""
        theirs, issuer = urlsplit(address), urlsplit(self.issuer)
        here = issuer.hostname in ("localhost", "127.0.0.1", "::1")
        if theirs.scheme != "https" and not (here and theirs.scheme == "http" and theirs.hostname == issuer.hostname):
            raise OutsideFailed
        if asked_by_us and theirs.netloc != issuer.netloc and theirs.hostname not in self.hosts:
            raise OutsideFailed
        return address

    async def _ask(self, method: str, address: str, *, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """One request to the provider; its JSON. Follows no redirect."""
        try:
            sent = {"accept": "application/json", "accept-encoding": "identity", **(headers or {})}
            async with httpx.AsyncClient(timeout=10, follow_redirects=False, verify=authorities()) as client, client.stream(method, self._own(address), data=dict(form) if form else None, headers=sent) as answer:
                if answer.status_code != 200:
                    raise OutsideFailed
                found = json.loads(await bounded.body(answer, _LARGEST))
        except (httpx.HTTPError, ValueError, RecursionError):
            raise OutsideFailed from None
        if not isinstance(found, dict):
            raise OutsideFailed
        return found


def provider_of(request: Request) -> Provider | None:
    """The provider of the organization at this address, if it has one. With several organizations, the one that is named has it."""
    found: Provider | None = getattr(request.app.state, "outside", None)
    if found is None:
        return None
    gate = request.app.state.gate
    tenant = gate.tenant_of(request.url.hostname or "")
    alone = not found.organization and len(gate.house.tenants) == 1
    return found if tenant and (alone or tenant.key == found.organization) else None
