"""Apps are registered, changed, approved and stopped, each with its line; stopping acts at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sojourn.base import clock, crypto, errors, ids
from sojourn.gate.apps import registry, sound
from sojourn.gate.apps.refusing import Refused
from sojourn.gate.apps.registry import App
from sojourn.gate.caller import APP_DOOR
from sojourn.gate.consenting.membership import answers_to
from sojourn.gate.guessing import NAMELESS, Guessing
from sojourn.gate.security import alive, told, written
from sojourn.record.trail import Entry

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.caller import Tenant
    from sojourn.gate.gate import House

SANDBOX = "sandbox"
"""The author of an app that registered itself in a sandbox."""
_OUTSIDE = "outside"
_PUT = "gate.put_app($1, $2, $3, $4, $5, $6, $7, $8)"
_HISTORY = timedelta(days=30)


def _may(app: App) -> str:
    return f"app={app.id}&state={app.state}"


async def check(access: Access) -> None:
    """Raise Forbidden unless whoever asks administers apps."""
    await access.check("administer", "App")
    await alive(access)


async def every(access: Access) -> list[App]:
    """All apps, for those who administer them."""
    await check(access)
    return await registry.every(access.house.db, access.tenant)


async def one(access: Access, app: str) -> App:
    """One app. Raises NotFound."""
    await check(access)
    found = await registry.one(access.house.db, access.tenant, app)
    if found is None:
        raise errors.NotFound("There is no such app.")
    return found


async def gallery(access: Access) -> list[App]:
    """The apps that whoever asks can use, by name."""
    await alive(access)
    found = await registry.every(access.house.db, access.tenant)
    return sorted((a for a in found if a.active and a.usable_by(access.caller.kind)), key=lambda a: a.name.casefold())


async def register(access: Access, app: App, *, types: Iterable[str] = ()) -> tuple[App, str]:
    """Register an app: (as it is now, its secret if it has one, shown this once). types: of its outside organization, for what consents call it.

    What people use is active at once. A service waits until somebody else who administers apps approves it: it opens records for a program,
    and nobody opens them alone. Raises Refused, Forbidden, ProofNeeded.
    """
    await check(access)
    await access.require_fresh()
    good = sound.checked(replace(app, id=ids.new_id("app"), state="requested" if "service" in app.uses else "active", author=access.caller.account))
    good, secret = _with_secret(good)
    if "service" in good.uses:
        good = await _with_account(access, good, types)
    await _put(access, good, None, "app-register")
    return good, secret


def _with_secret(app: App) -> tuple[App, str]:
    if app.method != "client_secret_basic":
        return replace(app, secret=""), ""
    secret = ids.new_token("app-secret")
    return replace(app, secret=crypto.sha256_hex(secret.encode())), secret


async def _with_account(access: Access, app: App, types: Iterable[str]) -> App:
    """The account that a service acts as. Raises Refused for a role or program that there is not."""
    rules = access.rules
    kind, role, programs, acting = "app", app.role or "system", app.programs, app.acting
    agent: str | None = None
    keys: list[str] = []
    if app.whose == _OUTSIDE:
        kind, role, programs, acting, agent, keys = "organization", _OUTSIDE, (), None, app.organization, answers_to(app.organization, types)
    else:
        known = {r["role"] for r in await access.house.db.call("SELECT DISTINCT role FROM gate.rules($1, $2)", access.tenant.number, clock.now())}
        if role not in known - {_OUTSIDE, "patient", "proxy"} or not set(programs) <= set(rules.programs) or (acting is not None and acting not in programs):
            raise Refused("invalid_client_metadata", "Choose a role and programs of this organization.")
    account = f"app-{app.id}"
    await told(
        access, "account-invite", f"account={account}&kind={kind}&role={role}", "gate.make_app_account($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        access.tenant.number, account, kind, app.name, agent, role, sorted(programs), acting, keys, access.caller.account, clock.now(),
    )  # fmt: skip
    return replace(app, account=account, role=role, programs=tuple(sorted(programs)), acting=acting)


async def _put(access: Access, app: App, before: App | None, action: str) -> None:
    done = await told(
        access, action, _may(app), _PUT, access.tenant.number, app.id, registry.facts(app), app.state, before.since if before else None, access.caller.account, app.reason, clock.now(), type_="App"
    )
    access.house.apps.forget(access.tenant)
    if not done:
        raise errors.Conflict("Somebody else changed this app meanwhile. Look at it again.")


async def change(access: Access, app: str, **what: Any) -> App:
    """Change what is registered: names, addresses, scopes, keys, pace. Raises Refused, NotFound, ProofNeeded.

    Fewer scopes hold from the next token on; to end those that are out, stop the app. A service whose keys or scopes changed waits for an
    approval again.
    """
    before = await one(access, app)
    await access.require_fresh()
    allowed = {"name", "description", "publisher", "contact", "home", "policy", "redirects", "launch", "scopes", "jwks", "jwks_uri", "pace", "origins"}
    after = sound.checked(replace(before, **{k: v for k, v in what.items() if k in allowed}, reason=""))
    if "service" in after.uses and after.active and (after.jwks, after.jwks_uri, after.scopes) != (before.jwks, before.jwks_uri, before.scopes):
        after = replace(after, state="requested", reason="keys or scopes changed")  # whoever holds the key is the service
    await _put(access, after, before, "app-change")
    return after


async def new_secret(access: Access, app: str) -> str:
    """A new secret in place of the old one, shown this once. Raises Conflict for an app that has none."""
    before = await one(access, app)
    await access.require_fresh()
    if before.method != "client_secret_basic":
        raise errors.Conflict("This app has no secret.")
    after, secret = _with_secret(replace(before, reason="new secret"))
    await _put(access, after, before, "app-change")
    return secret


async def stop(access: Access, app: str, reason: str) -> None:
    """The kill switch: its tokens and everything that people allowed it end in this transaction; it gets no new ones."""
    before = await one(access, app)
    await access.require_fresh()
    if before.state == "stopped":
        raise errors.Conflict("This app is stopped already.")
    await _put(access, replace(before, state="stopped", reason=reason[:200]), before, "app-stop")


async def start(access: Access, app: str, reason: str) -> None:
    """Let an app ask again, or approve one that was requested. What was ended stays ended: people have to allow it anew.

    A service is approved by somebody who had no part in what it became since it was last active. Raises Forbidden, Conflict, ProofNeeded.
    """
    before = await one(access, app)
    await access.require_fresh()
    if before.active:
        raise errors.Conflict("This app is active already.")
    if "service" in before.uses and access.caller.account in await had_a_part(access, app):
        raise errors.Forbidden("Somebody else who administers apps has to approve this service: it opens records without a person, and nobody opens them alone.")
    await _put(access, replace(before, state="active", reason=reason[:200]), before, "app-start")


async def had_a_part(access: Access, app: str) -> set[str]:
    """Who registered or changed an app since it was last active."""
    return part_in(await history(access, app))


def part_in(states: Iterable[Mapping[str, Any]]) -> set[str]:
    """The same, of its states, newest first."""
    found = set()
    for row in states:
        if row["state"] == "active":
            break
        found.add(str(row["author"]))
    return found


async def use(access: Access, app: str) -> list[Any]:
    """How an app was used in the last thirty days: day, person, action, type, outcome, times. No patient is named."""
    await check(access)
    rows: list[Any] = await access.house.db.call("SELECT * FROM gate.app_use($1, $2, $3)", access.tenant.number, APP_DOOR + app, clock.now() - _HISTORY)
    await access.note(access.entry("app-use", "App", f"app={app}"))
    return rows


async def history(access: Access, app: str) -> list[Any]:
    """The states of an app, newest first."""
    await check(access)
    return list(await access.house.db.call("SELECT * FROM gate.app_history($1, $2)", access.tenant.number, app))


# --- without a sign-in: RFC 7591 ---------------------------------------------------------------------------------------------------


async def requested(house: House, tenant: Tenant, metadata: Mapping[str, Any], *, sandbox: bool, address: str, request: str) -> tuple[App, str]:
    """An app registers itself. In a sandbox it is active at once; elsewhere it waits until somebody approves it. Raises Refused, TooManyRequests."""
    await Guessing(house.db, house.key).attempt(tenant.number, "app-register", address, NAMELESS)
    wanted = of_metadata(metadata)
    if "service" in wanted.uses and not sandbox:
        raise Refused("invalid_client_metadata", "A service is registered by whoever administers apps here, on the page of apps.")
    good = sound.checked(replace(wanted, id=ids.new_id("app"), state="active" if sandbox else "requested", author=SANDBOX if sandbox else ""))
    good, secret = _with_secret(good)
    line = Entry(clock.now(), request, "", "", "apps", "", "app-register", "done", "App", _may(good))
    now = clock.now()
    if sandbox and "service" in good.uses:
        good = replace(good, account=f"app-{good.id}", role="system", programs=tuple(sorted(house.rules[tenant.number].programs)))
        await written(
            house, tenant, line._replace(action="account-invite", type="Login"), "gate.make_app_account($1, $2, 'app', $3, NULL, 'system', $4, NULL, '{}', '', $5)",
            tenant.number, good.account, good.name, list(good.programs), now,
        )  # fmt: skip
    await written(house, tenant, line, _PUT, tenant.number, good.id, registry.facts(good), good.state, None, "", "registered itself", now)
    house.apps.forget(tenant)
    return good, secret


def of_metadata(said: Mapping[str, Any]) -> App:
    """An app from client metadata (RFC 7591, 2). Raises Refused for what cannot be read."""

    def text(name: str) -> str:
        value = said.get(name, "")
        if not isinstance(value, str):
            raise Refused("invalid_client_metadata", f"{name} is a text.")
        return value.strip()

    def texts(name: str) -> tuple[str, ...]:
        value = said.get(name, [])
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value) or len(value) > 20:  # noqa: PLR2004 - enough for anybody
            raise Refused("invalid_redirect_uri" if name == "redirect_uris" else "invalid_client_metadata", f"{name} is a list of texts.")
        return tuple(value)

    grants = texts("grant_types") or ("authorization_code",)
    service = "client_credentials" in grants
    jwks = said.get("jwks")
    audience = tuple(dict.fromkeys(texts("sojourn_uses"))) or (("service",) if service else ("patient",))
    return App(
        id="", name=text("client_name"), uses=audience, whose="chosen" if audience == ("patient",) else "inside",
        method=text("token_endpoint_auth_method") or ("private_key_jwt" if service else "client_secret_basic"), scopes=text("scope"),
        description=text("sojourn_description"), publisher=text("sojourn_publisher"), contact=", ".join(texts("contacts")), home=text("client_uri"), policy=text("policy_uri"),
        redirects=texts("redirect_uris"), launch=text("initiate_login_uri"), jwks=json.dumps(jwks) if jwks else "", jwks_uri=text("jwks_uri"),
    )  # fmt: skip


def as_metadata(app: App, secret: str) -> dict[str, Any]:
    """The answer to a registration (RFC 7591, 3.2.1). state: `requested` while it waits for an approval."""
    grants = ["client_credentials"] if "service" in app.uses else ["authorization_code", "refresh_token"]
    answer: dict[str, Any] = {
        "client_id": app.id, "client_name": app.name, "token_endpoint_auth_method": app.method, "grant_types": grants, "scope": app.scopes,
        "redirect_uris": list(app.redirects), "sojourn_uses": list(app.uses), "sojourn_state": app.state,
    }  # fmt: skip
    if secret:
        answer |= {"client_secret": secret, "client_secret_expires_at": 0}
    if app.jwks_uri:
        answer["jwks_uri"] = app.jwks_uri
    if app.jwks:
        answer["jwks"] = json.loads(app.jwks)
    return answer
