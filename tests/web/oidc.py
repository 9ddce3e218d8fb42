"""A small OpenID Connect provider that really runs: HTTP, RSA keys, PKCE; honest unless a test tells it how to lie."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from sojourn.base import clock

SECRET = "s3cret+with/odd:signs"
CLIENT = "sojourn"


@cache
def key_named(name: str) -> rsa.RSAPrivateKey:
    """A key for tests, made once: finding primes takes longer than most tests."""
    return rsa.generate_private_key(65537, 2048)


class Idp:
    """`person`: claims of whoever signs in there. `lies`: what to change in the next ID token, or by name how to misbehave."""

    def __init__(self, port: int) -> None:
        self.issuer = f"http://localhost:{port}"
        self.person: dict[str, Any] = {"sub": "subject-1", "preferred_username": "mh-clinician"}
        self.lies: dict[str, Any] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []
        self.last: dict[str, str] = {}
        self.rotate("key-1")

    def rotate(self, name: str) -> None:
        """Sign with a new key from now on; the one before is no longer published."""
        self.name, self.key = name, key_named(name)

    def app(self) -> Starlette:
        return Starlette(routes=[
            Route("/.well-known/openid-configuration", self.about), Route("/authorize", self.authorize), Route("/token", self.token, methods=["POST"]), Route("/keys", self.keys),
        ])  # fmt: skip

    async def about(self, request: Request) -> Response:
        self.asked.append("about")
        made = {"issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize", "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/keys"}
        return JSONResponse(made | self.lies.get("about", {}))

    async def authorize(self, request: Request) -> Response:
        """Whoever comes is signed in already, as `person`."""
        asked = dict(request.query_params)
        assert asked["code_challenge_method"] == "S256"
        assert asked["client_id"] == CLIENT
        self.last = asked
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state'], 'iss': self.issuer})}", 303)

    async def token(self, request: Request) -> Response:
        form = dict(await request.form())
        asked = self.codes.pop(str(form["code"]), None)
        given = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        proof = base64.urlsafe_b64encode(sha256(str(form["code_verifier"]).encode()).digest()).rstrip(b"=").decode()
        if asked is None or given != f"{CLIENT}:s3cret%2Bwith%2Fodd%3Asigns" or proof != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(clock.now().timestamp())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"], **self.person, **self.lies.get("claims", {})}
        claims = {k: v for k, v in claims.items() if v is not None}
        return JSONResponse({"access_token": "x", "token_type": "Bearer", "id_token": self.signed(claims)})

    def signed(self, claims: dict[str, Any]) -> str:
        how = self.lies.get("sign")
        if how == "none":
            return jwt.encode(claims, None, algorithm="none", headers={"kid": self.name})
        if how == "hs256":  # with the client's secret, which we share
            return jwt.encode(claims, SECRET.ljust(32, "x"), algorithm="HS256", headers={"kid": self.name})
        key = key_named("nobody's") if how == "other key" else self.key
        return jwt.encode(claims, key, algorithm="RS256", headers={} if how == "nameless" else {"kid": self.name})

    async def keys(self, request: Request) -> Response:
        self.asked.append("keys")
        return JSONResponse({"keys": [json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key())) | {"kid": self.name, "use": "sig", "alg": "RS256"}]})


@contextmanager
def running() -> Iterator[Idp]:
    """The provider on a port of its own, in a thread."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    idp = Idp(port)
    server = uvicorn.Server(uvicorn.Config(idp.app(), host="127.0.0.1", port=port, log_level="error", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.02)
    try:
        yield idp
    finally:
        server.should_exit = True
        thread.join(10)
