"""What is registered of an app, how it is kept, and what is asked about at every request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sojourn.base import clock

if TYPE_CHECKING:
    from sojourn.base.db import Database
    from sojourn.gate.caller import Tenant

USES: Final[Mapping[str, str]] = {
    "patient": "Patients and those who act for them",
    "staff": "People who work here",
    "service": "A program without a person",
}
"""Who uses an app."""
WHOSE: Final[Mapping[str, str]] = {
    "inside": "Ours, or of somebody who works for us under contract (business associate; qualified service organization)",
    "chosen": "An app that patients choose for themselves",
    "outside": "Of an outside organization: it sees what patients' consents permit to that organization",
}
METHODS: Final[Mapping[str, str]] = {
    "none": "Public: it runs where secrets cannot be kept (a browser, a telephone)",
    "client_secret_basic": "A secret that we give it",
    "private_key_jwt": "A key of its own, whose public half it shows us",
}
PACE: Final = 600
"""Requests that an app may make in a minute where nothing else is registered."""
_REMEMBERED = 30.0  # seconds; what an app may do is asked of the database at every statement, this is only about its pace and origins


@dataclass(frozen=True, slots=True)
class App:
    """One app as it is registered.

    id: its client id. uses: keys of USES; whose: one of WHOSE; method: one of METHODS, how it proves who it is. redirects: where people are
    sent back to, exactly. scopes: the most that it may ask for. secret: sha256 of it, in hex. origins: web origins whose scripts may ask.
    account: what a service acts as; purpose: for what. pace: requests in a minute. since: when this was registered, for changes.
    """

    id: str
    name: str
    uses: tuple[str, ...]
    whose: str
    method: str
    scopes: str
    description: str = ""
    publisher: str = ""
    contact: str = ""
    home: str = ""
    policy: str = ""
    redirects: tuple[str, ...] = ()
    launch: str = ""
    origins: tuple[str, ...] = ()
    jwks: str = ""
    jwks_uri: str = ""
    secret: str = field(default="", repr=False)
    organization: str = ""
    account: str = ""
    role: str = ""
    programs: tuple[int, ...] = ()
    acting: int | None = None
    purpose: str = "TREAT"
    pace: int = PACE
    state: str = "active"
    author: str = ""
    reason: str = ""
    since: datetime | None = None

    @property
    def active(self) -> bool:
        """Whether it may ask for anything."""
        return self.state == "active"

    def usable_by(self, kind: str) -> bool:
        """Whether it is for accounts of this kind."""
        return ("staff" if kind == "staff" else "patient" if kind in ("patient", "proxy") else "service") in self.uses


_NOT_FACTS = frozenset({"id", "state", "author", "reason", "since"})
_LISTS = frozenset({"uses", "redirects", "origins", "programs"})


def facts(app: App) -> str:
    """What is kept of it beside its state."""
    return json.dumps({k: v for k, v in asdict(app).items() if k not in _NOT_FACTS}, sort_keys=True)


def of_row(row: Mapping[str, Any]) -> App:
    """The app of a row of gate.apps. What a newer version wrote beside is left out."""
    known = {f.name for f in fields(App)} - _NOT_FACTS
    said: dict[str, Any] = {k: tuple(v) if k in _LISTS else v for k, v in json.loads(row["facts"]).items() if k in known}
    return App(id=row["app"], state=row["state"], author=row["author"], reason=row["reason"], since=row["since"], **said)


async def every(db: Database, tenant: Tenant) -> list[App]:
    """All apps of an organization, the oldest first; of a test bench those of its organization."""
    return [of_row(row) for row in await db.call("SELECT * FROM gate.apps($1, NULL)", tenant.bench_of or tenant.number)]


async def one(db: Database, tenant: Tenant, app: str) -> App | None:
    """The app of a client id, whatever its state."""
    rows = await db.call("SELECT * FROM gate.apps($1, $2)", tenant.number, app)
    return of_row(rows[0]) if rows else None


def moved(app: App, state: str) -> App:
    """The same in another state."""
    return replace(app, state=state)


class Registry:
    """Apps of all organizations as a process remembers them for half a minute: for paces and web origins, never for what they may see."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._read: dict[int, tuple[float, dict[str, App]]] = {}

    async def apps(self, tenant: Tenant) -> dict[str, App]:
        """By client id."""
        when, found = self._read.get(tenant.number, (-_REMEMBERED, {}))
        if clock.monotonic() - when >= _REMEMBERED:
            found = {app.id: app for app in await every(self._db, tenant)}
            self._read[tenant.number] = (clock.monotonic(), found)
        return found

    def forget(self, tenant: Tenant) -> None:
        """Something was registered or changed in this process."""
        self._read.pop(tenant.number, None)

    async def allows_origin(self, tenant: Tenant, origin: str) -> bool:
        """Whether scripts of a web origin may ask: one of an active app."""
        return any(app.active and origin in app.origins for app in (await self.apps(tenant)).values())
