"""How what an app holds ends: by app, person or administrator; and what it may know of its tokens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sojourn.base import clock, crypto, errors
from sojourn.gate.apps import registry, scopewords, tokens
from sojourn.gate.caller import APP_DOOR
from sojourn.gate.security import alive, told
from sojourn.record.trail import Entry

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.apps.registry import App
    from sojourn.gate.caller import Tenant
    from sojourn.gate.gate import House


@dataclass(frozen=True, slots=True)
class Allowed:
    """What one person allowed one app, while it lasts. used: when the app last got a token."""

    id: str
    app: App | None
    client: str
    account: str
    name: str
    scopes: str
    patient: str
    created: datetime
    expires: datetime
    used: datetime | None


async def introspected(house: House, tenant: Tenant, app: App, token: str) -> dict[str, Any]:
    """What an app may know about a token of its own (RFC 7662). Of any other only that it is not active."""
    rows = await house.db.call("SELECT * FROM gate.app_token($1, $2, $3, $4)", tenant.number, crypto.sha256(token.encode()), app.id, clock.now())
    if not rows:
        return {"active": False}
    row = rows[0]
    answer: dict[str, Any] = {
        "active": True, "client_id": app.id, "scope": row["scopes"] or "", "iss": house.base, "sub": tokens.subject(house, tenant, row["account"]),
        "iat": int(row["created"].timestamp()), "exp": int(row["expires"].timestamp()),
    }  # fmt: skip
    if row["kind"] == "access":
        answer["token_type"] = "Bearer"  # noqa: S105 - a kind of token, no secret
    rows = await house.db.call("SELECT gate.app_token_encounter($1, $2, $3) AS encounter", tenant.number, crypto.sha256(token.encode()), app.id)
    answer |= tokens.beside(house, row["patient"], rows[0]["encounter"])
    if row["agent"] and row["account_kind"] in ("staff", "patient", "proxy") and "fhirUser" in answer["scope"].split():
        answer["fhirUser"] = f"{house.base}/{row['agent']}"
    return answer


async def given_back(house: House, tenant: Tenant, app: App, token: str, request: str) -> None:
    """An app ends a token of its own (RFC 7009); another's stays, and nothing tells which it was."""
    rows = await house.db.call("SELECT gate.end_app_token($1, $2, $3, $4) AS done", tenant.number, crypto.sha256(token.encode()), app.id, clock.now())
    await house.trail.record(tenant.number, Entry(clock.now(), request, "", "", APP_DOOR + app.id, "", "app-revoke", "done" if rows[0]["done"] else "failed", "App", "by=app"))


async def mine(access: Access) -> list[Allowed]:
    """What whoever asks allowed, newest first."""
    await alive(access)
    return await _listed(access, access.caller.account, None)


async def of_app(access: Access, app: str) -> list[Allowed]:
    """What people allowed an app, for those who administer apps."""
    await access.check("administer", "App")
    await alive(access)
    return await _listed(access, None, app)


async def _listed(access: Access, account: str | None, app: str | None) -> list[Allowed]:
    rows = await access.house.db.call("SELECT * FROM gate.app_grants($1, $2, $3, $4)", access.tenant.number, account, app, clock.now())
    known = {a.id: a for a in await registry.every(access.house.db, access.tenant)}
    return [
        Allowed(r["grant_id"], known.get(r["app"]), r["app"], r["account"], r["name"], r["scopes"], r["patient"] or "", r["created"], r["expires"], r["used"])
        for r in rows
    ]  # fmt: skip


def by_app(found: list[Allowed]) -> list[dict[str, Any]]:
    """What was allowed, app by app, for a list: client, name, publisher, scopes in words, first, used, expires, offline."""
    out: dict[str, dict[str, Any]] = {}
    for each in found:
        name, publisher = (each.app.name, each.app.publisher) if each.app else ("An app that is no longer there", "")
        row = out.setdefault(each.client, {"client": each.client, "name": name, "publisher": publisher, "scopes": [], "first": each.created, "used": None, "expires": each.expires, "offline": False})
        row["scopes"] = list(dict.fromkeys([*row["scopes"], *scopewords.listed(each.scopes)]))
        row["offline"] = row["offline"] or "offline_access" in each.scopes.split()
        row["first"], row["expires"] = min(row["first"], each.created), max(row["expires"], each.expires)
        row["used"] = max((moment for moment in (row["used"], each.used) if moment), default=None)
    return list(out.values())


async def stop_mine(access: Access, app: str) -> None:
    """Stop an app that one allowed oneself: its tokens end at once, and it has to ask anew. Raises NotFound."""
    await alive(access)
    if not await told(access, "app-revoke", f"by=person&app={app}", "gate.end_grant($1, NULL, $2, $3, 'person', $4)", access.tenant.number, access.caller.account, app, clock.now(), type_="App"):
        raise errors.NotFound("You have not allowed this app anything. You may have stopped it in another window.")


async def stop_for(access: Access, app: str, account: str) -> None:
    """An administrator ends what one person allowed an app. Raises NotFound, Forbidden, ProofNeeded."""
    await access.check("administer", "App")
    await access.require_fresh()
    query = f"by=administrator&app={app}&account={account}"
    if not await told(access, "app-revoke", query, "gate.end_grant($1, NULL, $2, $3, 'administrator', $4)", access.tenant.number, account, app, clock.now(), type_="App"):
        raise errors.NotFound("There is no such permission.")
