"""A command that acts on behalf of somebody: an Access of their account for as long as it takes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sojourn.base import crypto
from sojourn.base.errors import SojournError
from sojourn.base.settings import Settings
from sojourn.gate import operating
from sojourn.gate.access import Access
from sojourn.gate.gate import Gate


class NoSuchAccount(SojournError):
    """There is no such account that may load this; name one with --as whose role administers it."""


@asynccontextmanager
async def acting(settings: Settings, app: str, tenant_key: str | None, login: str | None, what: str) -> AsyncIterator[Access]:
    """Of the person with this login, whose role administers `what`. Raises NoSuchAccount."""
    gate = Gate(app, crypto.load_server_key(settings.key_file), settings.data, base=f"http://{settings.host}:{settings.port}/fhir", connections=1)
    await gate.open()
    try:
        tenants = {t.key: t for t in gate.house.tenants.values()}
        tenant = tenants.get(tenant_key) if tenant_key else next(iter(tenants.values())) if len(tenants) == 1 else None
        if tenant is None:
            raise NoSuchAccount(f"Choose the organization with --tenant: {', '.join(sorted(tenants))}.")
        account = next((str(row["account"]) for row in await operating.listed(gate.house, tenant) if row["login"] == login and row["kind"] == "staff"), "")
        secret = await gate.token(tenant, account, days=1) if account else ""
        access = await gate.access(secret) if secret else None
        try:
            if access is None or not access.may(what, "administer"):
                raise NoSuchAccount
            yield access
        finally:
            if secret:
                await gate.identity.revoke(secret)
    finally:
        await gate.close()
