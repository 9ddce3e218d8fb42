"""Keys that identity tokens are signed with: made ahead, published around their use, ended at once."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sojourn.base import clock, ids
from sojourn.gate.security import told

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.caller import Tenant
    from sojourn.gate.gate import House

ALGORITHM: Final = "RS256"
"""OpenID Connect Core 1.0, 15.1: every client understands it."""
USED: Final = timedelta(days=90)
AHEAD: Final = timedelta(days=7)
"""So long before its use a key is published, so that clients that keep our keys know it in time."""
AFTER: Final = timedelta(days=1)
"""So long after its use a key is published: identity tokens last for an hour."""


SERVICES: Final = "RS384"
"""How this server proves to others who it is, as a backend service (SMART App Launch 2.2, asymmetric authentication)."""
_AS_SERVICE: Final = "-service"


async def published(house: House, tenant: Tenant) -> list[dict[str, Any]]:
    """The public keys (RFC 7517), made where they are missing."""
    return [json.loads(row["public"]) for row in await _current(house, tenant)]


async def offered(house: House, tenant: Tenant) -> list[dict[str, Any]]:
    """The same, each once more as the key of what we sign as a service elsewhere."""
    found = await published(house, tenant)
    return [*found, *({**key, "kid": key["kid"] + _AS_SERVICE, "alg": SERVICES} for key in found)]


async def signed(house: House, tenant: Tenant, claims: dict[str, Any], *, service: bool = False) -> str:
    """The claims as a JWT under the key of now. service: as a backend service elsewhere."""
    rows = await _current(house, tenant)
    now = clock.now()  # after it: a key that was just made is good from the moment it was made
    row = next(r for r in rows if r["use_from"] <= now < r["use_to"])
    private = house.key.open("app-key", row["sealed"], f"{tenant.number}\0{row['kid']}".encode())
    return jwt.encode(claims, private, algorithm=SERVICES if service else ALGORITHM, headers={"kid": row["kid"] + (_AS_SERVICE if service else "")})


async def renew(access: Access) -> None:
    """Stop every key at once, because one may have become known; the next identity token has a new one. Raises Forbidden, ProofNeeded."""
    await access.check("administer", "App")
    await access.require_fresh()
    await told(access, "app-keys-renew", "", "gate.end_app_keys($1, $2)", access.tenant.number, clock.now(), type_="App")
    await _current(access.house, access.tenant)


async def _current(house: House, tenant: Tenant) -> list[Any]:
    """The keys to publish. There is always one for now, and in time one for afterwards; of processes that make one at once the first wins."""
    for _ in range(4):
        now = clock.now()
        rows = await house.db.call("SELECT * FROM gate.app_keys($1, $2)", tenant.number, now)
        if not any(r["use_from"] <= now < r["use_to"] for r in rows):
            await _make(house, tenant, now)
        elif (last := max(r["use_to"] for r in rows)) - now < AHEAD:
            await _make(house, tenant, last)
        else:
            return rows
    return rows


async def _make(house: House, tenant: Tenant, use_from: datetime) -> None:
    private = await asyncio.to_thread(rsa.generate_private_key, 65537, 2048)
    kid = ids.new_id("app-key")
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(private.public_key())) | {"kid": kid, "use": "sig", "alg": ALGORITHM}
    sealed = house.key.seal("app-key", private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), f"{tenant.number}\0{kid}".encode())
    use_to = use_from + USED
    await house.db.call(
        "SELECT gate.add_app_key($1, $2, $3, $4, $5, $6, $7)", tenant.number, kid, sealed, json.dumps({k: v for k, v in public.items() if k != "key_ops"}), use_from, use_to, use_to + AFTER
    )
