"""The staff app over a small record in memory, for the tests of screens. Run it to look: `python -m tests.web.fake 8123`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from starlette.applications import Starlette

from sojourn.base import clock
from sojourn.base.errors import NotFound, TooManyRequests
from sojourn.doors.staff.routes import routes
from sojourn.gate.identity import Session
from sojourn.gate.signin import Visit
from sojourn.web.about import About, SampleLogin
from tests.web.people import RECORD

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Tenant:
    name: str = "Riverbend Behavioral Health"
    number: int = 1


TENANT = Tenant()


@dataclass(frozen=True)
class Caller:
    name: str
    role: str
    door: str = "staff"
    idle: timedelta | None = timedelta(minutes=15)
    warning: timedelta | None = timedelta(seconds=60)
    kind: str = "person"  # for whom the gate knows no emergencies
    agent: str | None = "Practitioner/dana"
    programs: tuple[int, ...] = ()
    acting: int | None = None
    scopes: None = None


@dataclass(frozen=True)
class Stored:
    resource: dict[str, Any]

    @property
    def type(self) -> str:
        return str(self.resource["resourceType"])

    @property
    def id(self) -> str:
        return str(self.resource["id"])


@dataclass(frozen=True)
class Found:
    matches: list[Stored]
    included: list[Stored]
    next: str | None = None
    total: int | None = None

    @property
    def resources(self) -> list[dict[str, Any]]:
        return [s.resource for s in self.matches]


class Database:
    """A database in which nothing is."""

    async def call(self, *_: object) -> list[Any]:
        return []


@dataclass(frozen=True)
class House:
    db: Database = field(default_factory=Database)
    base: str = "http://localhost/fhir"


@dataclass(frozen=True)
class Rules:
    programs: dict[int, Any] = field(default_factory=dict)
    zones: dict[int, str] = field(default_factory=dict)


@dataclass
class Decision:
    purpose: str = "TREAT"


@dataclass
class Access:
    """What a handler gets: the same verbs as the gate's, over a list. `asked` counts what it was asked for."""

    caller: Caller
    record: list[dict[str, Any]]
    denied: frozenset[str] = frozenset()
    asked: list[tuple[str, list[tuple[str, str]]]] = field(default_factory=list)
    tenant: Tenant = TENANT
    house: House = field(default_factory=House)
    now: datetime = field(default_factory=clock.now)
    rules: Rules = field(default_factory=Rules)
    decision: Decision = field(default_factory=Decision)
    programs: list[Any] = field(default_factory=list)
    joined: tuple[str, ...] = ()
    head: tuple[object, ...] = (1, b"", 0, clock.now())
    decided: tuple[object, ...] = (0, [], [], "TREAT", "use", False)
    records: tuple[str, ...] = ()

    def may(self, type_: str, action: str) -> bool:
        return type_ not in self.denied

    async def search(self, type_: str, params: Sequence[tuple[str, str]], *, count: int | None = None, cursor: str | None = None) -> Found:
        self.asked.append((type_, list(params)))
        rows = [r for r in self.record if r["resourceType"] == type_ and all(_fits(r, n, v) for n, v in params)]
        for name, value in params:
            if name == "_sort":
                rows.sort(key=lambda r: _sort_key(r, value.lstrip("-")), reverse=value.startswith("-"))
        if ("_summary", "count") in params:
            return Found([], [], total=len(rows))
        start, size = int(cursor or 0), count or 50
        page = rows[start : start + size]
        following = str(start + size) if len(rows) > start + size else None
        return Found([Stored(r) for r in page], self._included(page, params), following)

    def _included(self, page: list[dict[str, Any]], params: Sequence[tuple[str, str]]) -> list[Stored]:
        ids = {f"{r['resourceType']}/{r['id']}" for r in page}
        back = {v.split(":")[0] for n, v in params if n == "_revinclude"}
        found = [r for r in self.record if r["resourceType"] in back and _patient(r) in ids]
        if any(n == "_include" for n, _ in params):
            text = repr(page)
            found += [r for r in self.record if f"'{r['resourceType']}/{r['id']}'" in text and r["resourceType"] != "Patient"]
        return [Stored(r) for r in found]

    async def read(self, type_: str, id_: str) -> Stored:
        raise NotFound


def _patient(resource: dict[str, Any]) -> str:
    for name in ("patient", "subject", "beneficiary"):
        if name in resource:
            return str(resource[name]["reference"])
    return ""


def _fits(resource: dict[str, Any], name: str, value: str) -> bool:
    if name == "patient":
        return _patient(resource) == f"Patient/{value}"
    if name == "_id":
        return resource["id"] == value
    if name == "name":
        names = [w for n in resource["name"] for w in [n.get("family", ""), *n.get("given", [])]]
        return any(part.casefold().startswith(value.casefold()) for w in names for part in [w, *w.split()])
    if name == "birthdate":
        return str(resource.get("birthDate", "")).startswith(value)
    if name == "identifier":
        return any(i.get("value") == value for i in resource.get("identifier", ()))
    if name in ("status", "clinical-status", "category", "code"):
        codes = {part.rpartition("|")[2] for part in value.split(",")}
        text = repr(resource.get("clinicalStatus" if name == "clinical-status" else name, ""))
        return any(f"'{code}'" in text for code in codes)
    return True


def _sort_key(resource: dict[str, Any], key: str) -> str:
    if key.startswith("family"):
        return str(resource["name"][0].get("family", "")).casefold()
    return str(resource.get("effectiveDateTime") or resource.get("authoredOn") or (resource.get("period") or {}).get("start") or "")


@dataclass
class SignIn:
    """The first step of signing in: the password, and nothing more."""

    gate: Gate

    async def password(self, tenant: Tenant, login: str, password: str, visit: Visit) -> Session | None:
        if login == "locked":
            raise TooManyRequests
        person = PEOPLE.get(login)
        if person is None or password != PASSWORD:
            return None
        token = f"token-of-{login}-{len(self.gate.sessions)}"
        denied = frozenset({"Condition", "MedicationRequest", "Observation", "AllergyIntolerance", "Flag", "CareTeam"}) if login == "bill" else frozenset()
        self.gate.sessions[token] = Access(person, self.gate.record, denied)
        return Session(token, person)  # type: ignore[arg-type]


@dataclass
class Gate:
    """Three people may sign in; `nobody@home` is asked to wait."""

    record: list[dict[str, Any]] = field(default_factory=lambda: RECORD)
    sessions: dict[str, Access] = field(default_factory=dict)

    def tenant_of(self, host: str) -> Tenant:
        return TENANT

    @property
    def signin(self) -> SignIn:
        return SignIn(self)

    def access_of(self, caller: Caller) -> Access:
        return next(access for access in self.sessions.values() if access.caller is caller)

    async def session(self, token: str, request: str | None = None, *, used: bool = True) -> Access | None:
        return self.sessions.get(token)

    async def sign_out(self, token: str) -> None:
        self.sessions.pop(token, None)


PEOPLE = {
    "dana": Caller("Dana Whitfield, LCSW", "therapist"),
    "bill": Caller("Bill Lindqvist, CPC", "biller"),
    "ivy": Caller("Ivy Nakamura", "integration-manager"),
}


def app(record: list[dict[str, Any]] | None = None, *, demo: bool = True) -> Starlette:
    """The staff app over this record."""
    made = Starlette(routes=routes())
    made.state.gate = Gate(RECORD if record is None else record)
    logins = tuple(SampleLogin(login, PASSWORD, c.name, c.role) for login, c in PEOPLE.items())
    made.state.about = About(postgres="18.6", demo=logins if demo else ())
    return made


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(app(), port=int(sys.argv[1]), log_level="warning")
