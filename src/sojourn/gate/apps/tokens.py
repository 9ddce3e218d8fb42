"""Tokens for apps: for a code, for a refresh token, or for a service in its own name."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from sojourn.base import clock, crypto, ids
from sojourn.gate.apps import keys, scopewords
from sojourn.gate.apps.refusing import Refused
from sojourn.gate.caller import APP_DOOR
from sojourn.record.trail import Entry

if TYPE_CHECKING:
    from sojourn.gate.apps.registry import App
    from sojourn.gate.caller import Tenant
    from sojourn.gate.gate import House

LIFE: Final = timedelta(hours=1)
"""Of the access token of an app that a person uses."""
SERVICE: Final = timedelta(minutes=5)
"""Of a service's (SMART App Launch 2.2, backend services: at most 5 minutes are recommended)."""
REFRESH: Final = timedelta(days=92)
"""Of a refresh token that is not used (45 CFR 170.315(g)(10): at least three months)."""
_GIVEN: Final = ("real", "test")
"""A token for what is real, or for the test bench (gate.issue_to_service)."""
_UNTESTED: Final = "This service was not tested with this organization yet. Ask whoever registered it to begin a run on the test bench; its token is for made-up people until both sides signed."
_PURPOSES = {"patient": "PATRQT", "proxy": "FAMRQT"}


@dataclass(frozen=True, slots=True)
class Given:
    """What an app gets. answer: the members of the token response."""

    answer: dict[str, Any]


def fitting(challenge: str, verifier: str) -> bool:
    """Whether a verifier belongs to a challenge (RFC 7636, S256)."""
    digest = base64.urlsafe_b64encode(sha256(verifier.encode("ascii", "replace")).digest()).rstrip(b"=")
    return 43 <= len(verifier) <= 128 and crypto.same(digest, challenge.encode("ascii", "replace"))


async def for_code(house: House, tenant: Tenant, app: App, form: Mapping[str, str], request: str) -> Given:
    """A token for an authorization code. The code is used up whatever comes of it. Raises Refused."""
    rows = await house.db.call("SELECT * FROM gate.redeem_code($1, $2, $3, $4)", tenant.number, crypto.sha256(form.get("code", "").encode()), app.id, clock.now())
    if not rows:
        await _tell(house, tenant, app, request, "app-token", "denied", "how=code")
        raise Refused("invalid_grant", "The code is not good: it was used, is too old, or was given to another app.")
    grant, said = rows[0], json.loads(rows[0]["facts"])
    if form.get("redirect_uri") != said["redirect"]:
        raise Refused("invalid_grant", "redirect_uri is not the one that the code was sent to.")
    if not fitting(said["challenge"], form.get("code_verifier", "")):
        raise Refused("invalid_grant", "code_verifier does not belong to the code_challenge.")
    return await _issue(house, tenant, app, grant, said, grant["scopes"], request, how="code", first=True)


async def for_refresh(house: House, tenant: Tenant, app: App, form: Mapping[str, str], request: str) -> Given:
    """A token for a refresh token, which is used up and followed by a new one; fewer scopes if the app asks for fewer. Raises Refused."""
    rows = await house.db.call("SELECT * FROM gate.redeem_refresh($1, $2, $3, $4)", tenant.number, crypto.sha256(form.get("refresh_token", "").encode()), app.id, clock.now())
    if not rows:
        await _tell(house, tenant, app, request, "app-token", "denied", "how=refresh")
        raise Refused("invalid_grant", "The refresh token is not good: it was used, is too old, or was ended.")
    grant = rows[0]
    scopes = grant["scopes"]
    if wanted := form.get("scope", "").split():
        scopes = " ".join(one for one in scopes.split() if one in wanted or (one == "offline_access"))
        if not set(wanted) <= set(grant["scopes"].split()):
            raise Refused("invalid_scope", "A refresh gives no more than was allowed.")
    return await _issue(house, tenant, app, grant, json.loads(grant["facts"]), scopes, request, how="refresh")


async def for_service(house: House, tenant: Tenant, app: App, scope: str, request: str) -> Given:
    """A token in the app's own name (backend services); of the test bench, where its partner exchanges nothing for real yet. Raises Refused."""
    if "service" not in app.uses or not app.account:
        raise Refused("unauthorized_client", "This app is not registered as a service.")
    kept = scopewords.within(scope, app.scopes, ("system",))
    if not kept:
        raise Refused("invalid_scope", "None of these scopes is registered for this app; services ask for system/… scopes.")
    token, now = ids.new_token(), clock.now()
    rows = await house.db.call(
        "SELECT gate.issue_to_service($1, $2, $3, $4, $5, $6, $7, $8, $9) AS given",
        tenant.number, crypto.sha256(token.encode()), app.id, app.account, APP_DOOR + app.id, app.purpose, " ".join(kept), now, now + SERVICE,
    )  # fmt: skip
    given = rows[0]["given"]
    await _tell(house, tenant, app, request, "app-token", "done" if given in _GIVEN else "denied", "how=service" + ("&data=test" if given == "test" else ""), account=app.account)
    if given not in _GIVEN:
        raise Refused("unauthorized_client", _UNTESTED if given == "untested" else "This app was stopped.")
    return Given({"access_token": token, "token_type": "bearer", "expires_in": int(SERVICE.total_seconds()), "scope": " ".join(kept)})


async def _issue(house: House, tenant: Tenant, app: App, grant: Mapping[str, Any], said: Mapping[str, Any], scopes: str, request: str, *, how: str, first: bool = False) -> Given:
    token, now = ids.new_token(), clock.now()
    offline = "offline_access" in grant["scopes"].split()
    again = ids.new_token("refresh") if offline else None
    rows = await house.db.call(
        "SELECT gate.issue_to_app($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) AS done",
        tenant.number, crypto.sha256(token.encode()), app.id, grant["grant_id"], grant["account"], APP_DOOR + app.id, said["purpose"], scopes, grant["patient"],
        now, now + LIFE, crypto.sha256(again.encode()) if again else None, min(now + REFRESH, grant["expires"]) if again else None,
    )  # fmt: skip
    done = bool(rows[0]["done"])
    await _tell(house, tenant, app, request, "app-token", "done" if done else "denied", f"how={how}", account=grant["account"], purpose=said["purpose"])
    if not done:
        raise Refused("invalid_grant", "What this rested on was ended.")
    answer: dict[str, Any] = {"access_token": token, "token_type": "Bearer", "expires_in": int(LIFE.total_seconds()), "scope": scopes}
    if again:
        answer["refresh_token"] = again
    answer |= beside(house, grant["patient"], grant["encounter"])
    if "openid" in scopes.split():
        answer["id_token"] = await identity_token(house, tenant, app, grant["account"], said, scopes, now, nonce=first)
    return Given(answer)


def beside(house: House, patient: str | None, encounter: str | None) -> dict[str, Any]:
    """The launch context, as it stands in the token response and in what introspection says of the token."""
    found = {name: value for name, value in (("patient", patient), ("encounter", encounter)) if value}
    return {**found, "need_patient_banner": True, "smart_style_url": house.base.removesuffix("/fhir") + "/oauth/style.json"} if found else {}


async def identity_token(house: House, tenant: Tenant, app: App, account: str, said: Mapping[str, Any], scopes: str, now: datetime, *, nonce: bool) -> str:
    """Who the person is, signed (OpenID Connect Core 1.0, 2). The subject tells nothing by itself."""
    at = int(now.timestamp())
    claims: dict[str, Any] = {"iss": house.base, "sub": subject(house, tenant, account), "aud": app.id, "iat": at, "exp": at + int(LIFE.total_seconds())}
    if said.get("proved"):
        claims["auth_time"] = int(said["proved"])
    if nonce and said.get("nonce"):
        claims["nonce"] = said["nonce"]
    if said.get("agent") and {"fhirUser", "profile"} & set(scopes.split()):
        claims["fhirUser"] = f"{house.base}/{said['agent']}"
    return await keys.signed(house, tenant, claims)


def subject(house: House, tenant: Tenant, account: str) -> str:
    """What an account is called outside."""
    return house.key.sign("app-subject", f"{tenant.number}\0{account}".encode()).hex()[:32]


def purpose_of(kind: str, role: str, house: House, tenant: Tenant) -> str:
    """For what the token of somebody's app asks."""
    return _PURPOSES.get(kind) or house.rules[tenant.number].purpose(role)


async def _tell(house: House, tenant: Tenant, app: App, request: str, action: str, outcome: str, query: str, *, account: str = "", purpose: str = "") -> None:
    await house.trail.record(tenant.number, Entry(clock.now(), request, account, "", APP_DOOR + app.id, purpose, action, outcome, "App", query))
