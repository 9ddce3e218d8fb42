"""What an app asks a person for: read from its request, checked, and sealed while the person decides."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from sojourn.base import clock, crypto, errors, ids
from sojourn.gate.apps import registry, scopewords
from sojourn.gate.security import alive

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.apps.registry import App
    from sojourn.gate.caller import Tenant
    from sojourn.gate.gate import House

LASTS: Final = timedelta(minutes=30)
"""How long somebody may take to sign in and decide."""
LAUNCH: Final = timedelta(minutes=5)
"""How long a launch from a chart is good; once."""
LEVELS: Final = ("patient", "user")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}").fullmatch
_LONGEST = 2000


class BadApp(errors.SojournError):
    """This link to an app is not right: the app is not known here, was stopped, or its address is not the registered one. Tell the app's maker."""

    status = 400
    code = "security"


class SentBack(errors.SojournError):
    """The app is told why it gets nothing (RFC 6749, 4.1.2.1). address: where the browser goes."""

    status = 400
    code = "security"

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address


@dataclass(frozen=True, slots=True)
class Wish:
    """One request of an app. patient, encounter: what it is about, once known; account: who launched it from a chart, and nobody else may go on."""

    app: str
    redirect: str
    scopes: tuple[str, ...]
    state: str
    challenge: str
    nonce: str = ""
    prompt: str = ""
    patient: str = ""
    encounter: str = ""
    account: str = ""
    when: float = 0.0

    @property
    def needs_patient(self) -> bool:
        """Whether somebody has to say whose record it is about."""
        return not self.patient and ("launch/patient" in self.scopes or any(one.startswith("patient/") for one in self.scopes))

    def back(self, issuer: str, **said: str) -> str:
        """Where the browser goes with an answer."""
        return self.redirect + ("&" if "?" in self.redirect else "?") + urlencode({**said, **({"state": self.state} if self.state else {}), "iss": issuer})

    def refused(self, issuer: str, error: str, description: str) -> SentBack:
        """The answer that says no."""
        return SentBack(self.back(issuer, error=error, error_description=description))


async def read(house: House, tenant: Tenant, said: Mapping[str, str]) -> tuple[App, Wish]:
    """The request of an app. Raises BadApp, where nobody may be sent anywhere, or SentBack."""
    app = await registry.one(house.db, tenant, said.get("client_id", ""))
    redirect = said.get("redirect_uri", "")
    if app is None or not app.active or "service" in app.uses or redirect not in app.redirects:
        raise BadApp
    wish = Wish(app.id, redirect, (), said.get("state", ""), said.get("code_challenge", ""), said.get("nonce", ""), said.get("prompt", ""), when=clock.now().timestamp())
    if any(len(value) > _LONGEST for value in said.values()):
        raise wish.refused(house.base, "invalid_request", "A parameter is too long.")
    if said.get("response_type") != "code":
        raise wish.refused(house.base, "unsupported_response_type", "response_type is code.")
    if not wish.state:
        raise wish.refused(house.base, "invalid_request", "state is missing.")
    if said.get("code_challenge_method") != "S256" or not _CHALLENGE(wish.challenge):
        raise wish.refused(house.base, "invalid_request", "PKCE is needed, with S256: code_challenge and code_challenge_method.")
    if said.get("aud", "").rstrip("/") != house.base:
        raise wish.refused(house.base, "invalid_request", f"aud must be {house.base}.")
    if "request" in said or "request_uri" in said:
        raise wish.refused(house.base, "request_not_supported", "Send the parameters as they are.")
    wish = replace(wish, scopes=tuple(scopewords.within(said.get("scope", ""), app.scopes, LEVELS)))
    if not wish.scopes:
        raise wish.refused(house.base, "invalid_scope", "None of these scopes is registered for this app.")
    return app, await _launched(house, tenant, app, wish, said.get("launch", ""))


async def _launched(house: House, tenant: Tenant, app: App, wish: Wish, launch: str) -> Wish:
    """The wish with what it was launched beside. A launch is used up by the first who comes with it."""
    if not launch:
        if "launch" in wish.scopes:
            wish = replace(wish, scopes=tuple(one for one in wish.scopes if one != "launch"))
        return wish
    rows = await house.db.call("SELECT * FROM gate.use_ticket($1, $2, '{launch}', $3)", tenant.number, crypto.sha256(launch.encode()), clock.now())
    try:
        beside = json.loads(house.key.open("launch", bytes(rows[0]["content"]).decode(), str(tenant.number).encode())) if rows else {}
    except (crypto.BadSeal, ValueError):
        beside = {}
    if beside.get("app") != app.id or "launch" not in wish.scopes:
        raise wish.refused(house.base, "invalid_request", "The launch is not good: it was used, is too old, or is for another app. Open the app from the chart again.")
    return replace(wish, patient=beside["patient"], encounter=beside["encounter"], account=rows[0]["account"])


async def launch(access: Access, app: App, patient: str, encounter: str = "") -> str:
    """A launch of an app beside a chart, for whoever has it open: its secret. Raises NotFound for what may not be seen, or an app that is not for them."""
    if not (app.active and app.launch and app.usable_by(access.caller.kind)):
        raise errors.NotFound("There is no such app.")
    await access.read("Patient", patient)
    if encounter:
        stored = await access.read("Encounter", encounter)
        if (stored.resource.get("subject") or {}).get("reference") != f"Patient/{patient}":
            raise errors.NotFound
    secret, now = ids.new_token("launch"), clock.now()
    sealed = access.house.key.seal("launch", json.dumps({"app": app.id, "patient": patient, "encounter": encounter}).encode(), str(access.tenant.number).encode())
    await access.house.db.call(
        "SELECT gate.make_ticket($1, $2, 'launch', $3, '', $4, $5, $6)", access.tenant.number, crypto.sha256(secret.encode()), access.caller.account, sealed.encode(), now, now + LAUNCH
    )
    await access.note(access.entry("app-launch", "App", f"app={app.id}", patients=[patient]))
    return secret


def seal(house: House, tenant: Tenant, wish: Wish) -> str:
    """The wish as it travels through the pages: only this server can read it."""
    return house.key.seal("app-wish", json.dumps(asdict(wish)).encode(), str(tenant.number).encode())


async def opened(house: House, tenant: Tenant, sealed: str) -> tuple[App, Wish]:
    """The wish again. Raises BadApp when it was not sealed here or is too old, or its app was stopped meanwhile."""
    try:
        said: dict[str, Any] = json.loads(house.key.open("app-wish", sealed, str(tenant.number).encode()))
    except (crypto.BadSeal, ValueError):
        raise BadApp from None
    wish = Wish(**{**said, "scopes": tuple(said["scopes"])})
    if clock.now().timestamp() - wish.when > LASTS.total_seconds():
        raise BadApp("This took too long. Begin again in the app.")
    app = await registry.one(house.db, tenant, wish.app)
    if app is None or not app.active or wish.redirect not in app.redirects:
        raise BadApp
    return app, wish


async def refuse(access: Access, wish: Wish) -> None:
    """A person said no: it is written down."""
    await alive(access)
    await access.note(access.entry("app-allow", "App", f"app={wish.app}", outcome="denied"))
