"""Whether what somebody wants to register is sound: addresses, keys, scopes, proofs (RFC 7591)."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import jwt

from sojourn.base import addresses
from sojourn.gate.apps import scopewords
from sojourn.gate.apps.refusing import Refused
from sojourn.gate.apps.registry import METHODS, USES, WHOSE

if TYPE_CHECKING:
    from sojourn.gate.apps.registry import App

ALGORITHMS: Final = ("RS384", "ES384")
"""How an app signs (SMART App Launch 2.2, asymmetric authentication)."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_MOST_KEYS = 10
_LONGEST = {"name": 80, "description": 400, "publisher": 120, "contact": 200, "home": 300, "policy": 300, "launch": 300, "jwks_uri": 300, "jwks": 20_000, "scopes": 4000}
_USUAL = {
    "patient": "openid fhirUser launch/patient offline_access patient/*.rs",
    "staff": "openid fhirUser launch launch/patient launch/encounter offline_access patient/*.rs user/*.rs",
    "service": "system/*.rs",
}
SMALLEST_RSA: Final = 2048


def _wrong(text: str, error: str = "invalid_client_metadata") -> Refused:
    return Refused(error, text)


def checked(app: App) -> App:
    """The app as it may be registered: scopes filled in where none are named, web origins worked out. Raises Refused."""
    for name, most in _LONGEST.items():
        if len(getattr(app, name)) > most:
            raise _wrong(f"{name} may have {most} characters.")
    if not app.name.strip() or not app.name.isprintable():
        raise _wrong("An app needs a name that people recognize.")
    if not app.uses or not set(app.uses) <= USES.keys() or app.whose not in WHOSE or app.method not in METHODS:
        raise _wrong("Say who uses the app, whose it is and how it proves who it is.")
    _fitting(app)
    redirects = tuple(_redirect(one) for one in app.redirects)
    if not redirects and set(app.uses) != {"service"}:
        raise _wrong("An app that people use needs at least one redirect URI.", "invalid_redirect_uri")
    for address in (app.home, app.policy):
        if address and addresses.parts(address) is None:
            raise _wrong("Home page and privacy policy are web addresses.")
    if app.launch:
        _web(app.launch, "The launch address")
    if not 0 < app.pace <= 100_000:
        raise _wrong("The pace is from 1 to 100,000 requests a minute.")
    scopes = app.scopes.strip() or " ".join(dict.fromkeys(s for use in app.uses for s in _USUAL[use].split()))
    kept = scopewords.registrable(scopes, service="service" in app.uses, people=bool({"patient", "staff"} & set(app.uses)))
    if not kept:
        raise _wrong("None of these scopes is offered here.")
    web = {_origin(one) for one in redirects} | {_origin(one) for one in app.origins}
    return replace(app, redirects=redirects, scopes=kept, jwks=_keys(app.jwks) if app.jwks else "", jwks_uri=_jwks_uri(app), origins=tuple(sorted(web - {""})))


def _fitting(app: App) -> None:
    """Whether the parts fit together."""
    if "service" in app.uses and (len(app.uses) > 1 or app.method != "private_key_jwt"):
        raise _wrong("A service is registered by itself, and proves who it is with a key of its own (private_key_jwt).")
    if app.whose == "outside" and (app.uses != ("service",) or not app.organization):
        raise _wrong("An outside organization's app is a service of that organization, so that consents decide what it sees. For people who work here, register it as ours or under contract.")
    if app.whose == "chosen" and app.uses != ("patient",):
        raise _wrong("An app that patients choose is for patients and those who act for them.")
    if app.method == "private_key_jwt" and not (app.jwks or app.jwks_uri):
        raise _wrong("private_key_jwt needs jwks_uri or jwks.")


def _redirect(address: str) -> str:
    """One redirect URI: https; http only to the same machine; or a scheme of the app's own with a dot in it (RFC 8252)."""
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        raise _wrong("A redirect URI is an address.", "invalid_redirect_uri") from None
    native = "." in parts.scheme and re.fullmatch(r"[a-z][a-z0-9+.-]*", parts.scheme)
    web = (parts.scheme == "https" and parts.hostname) or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not (native or web) or parts.fragment or "#" in address or "*" in address or len(address) > 500 or not address.isascii() or not address.isprintable() or " " in address or parts.username:
        raise _wrong("A redirect URI is https://… without a fragment, http:// only to the same machine, or a scheme of the app's own such as org.example.app:/back.", "invalid_redirect_uri")
    return address


def _web(address: str, what: str) -> None:
    parts = addresses.parts(address)
    if parts is None or (parts.scheme == "http" and parts.hostname not in _LOOPBACK):
        raise _wrong(f"{what} is https://….")


def _origin(address: str) -> str:
    """The web origin of an address; empty for what is no web address."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("https", "http") and parts.netloc else ""


def _jwks_uri(app: App) -> str:
    if app.jwks_uri and addresses.parts(app.jwks_uri) is None:
        raise _wrong("jwks_uri is https://….")
    return app.jwks_uri


def _keys(text: str) -> str:
    """The public keys of a JWKS, and nothing private."""
    try:
        listed = json.loads(text)["keys"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise _wrong('jwks is a JSON Web Key Set: {"keys": [...]}.') from None
    if not isinstance(listed, list) or not usable(listed):
        raise _wrong("jwks needs a public key for RS384 (RSA, at least 2048 bits) or ES384 (EC, P-384).")
    if any(isinstance(k, dict) and k.keys() & {"d", "p", "q", "k"} for k in listed):
        raise _wrong("This set has a private key in it. Make a new pair, and send only the public half.")
    return json.dumps({"keys": listed})


def usable(listed: list[Any]) -> list[tuple[str, str, Any]]:
    """(kid, algorithm, key) of those that an app may sign with; whatever else is in the set is passed over."""
    found = []
    for one in listed[:_MOST_KEYS]:
        if not isinstance(one, dict) or one.get("use", "sig") != "sig":
            continue
        algorithm = {"RSA": "RS384", "EC": "ES384"}.get(str(one.get("kty")), "")
        if not algorithm or one.get("alg", algorithm) != algorithm or (algorithm == "ES384" and one.get("crv") != "P-384"):
            continue
        try:
            key = jwt.PyJWK({k: v for k, v in one.items() if k not in ("d", "p", "q", "dp", "dq", "qi")}, algorithm).key
        except (jwt.PyJWTError, ValueError, TypeError, KeyError):
            continue
        if algorithm == "RS384" and key.key_size < SMALLEST_RSA:
            continue
        found.append((str(one.get("kid", "")), algorithm, key))
    return found
