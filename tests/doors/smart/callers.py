"""Everybody who may come to the doors of apps: nobody, staff of every role, a patient, a proxy, a service, and an app that a patient allowed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import NamedTuple

import httpx

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.gate.roles import starting_rules
from sojourn.record import organization
from sojourn.web.session import csrf_token
from tests import people
from tests.doors.smart.office import ROOT, Key, Office
from tests.doors.smart.people import be, own, through
from tests.people import A
from tests.web.test_url_table import NOT_STAFF

ROLES = sorted({role for role, _, _ in starting_rules()} - NOT_STAFF)
VISIT = "a-browser-that-was-here-before"


class Caller(NamedTuple):
    """Somebody who comes. kind: the column of a table; role: of staff; session: the account that signs in anew for each request; bearer: an app's token."""

    name: str
    kind: str
    role: str = ""
    session: str = ""
    bearer: str = ""


class Sent(NamedTuple):
    """How a caller sends one request: cookies and headers, and the token that a form of their page would have."""

    cookies: dict[str, str]
    headers: dict[str, str]
    csrf: str
    token: str


async def everybody(here: Office, key: Key) -> list[Caller]:
    """One of each kind, and staff of each role in every program."""
    for role in ROLES:
        row = organization.AccountRow(f"of-{role}", "staff", f"of-{role}", f"of-{role}", None, f"Practitioner/of-{role}", role, [people.SUD, people.MH, people.FAR], people.MH, [])
        await organization.account(here.clinic.owner, A, row, clock.now())
    patient, ana = await own(here, "ana")
    await be(here, "parent", "RelatedPerson/nobody")
    app, _ = await here.person_app(uses=("patient",), whose="chosen")
    allowed = await through(ana, app)
    assert allowed["patient"] == patient
    service = (await here.for_service(await here.service(key, programs=(people.MH,)), key)).json()["access_token"]
    return [
        Caller("nobody", "stranger"), *(Caller(role, "staff", role, f"of-{role}") for role in ROLES), Caller("a patient", "patient", session="ana"), Caller("a proxy", "proxy", session="parent"),
        Caller("a service", "service", bearer=service), Caller("an app of a patient", "app", bearer=allowed["access_token"]),
    ]  # fmt: skip


async def sending(here: Office, who: Caller) -> Sent:
    """A browser that has just signed in, or a program with its token."""
    if not who.session:
        return Sent({"visit": VISIT}, {"authorization": f"Bearer {who.bearer}"} if who.bearer else {}, csrf_token(VISIT), who.bearer)
    door = "staff" if who.kind == "staff" else "portal"
    token = await here.clinic.gate.identity.issue(here.clinic.gate.house.tenants[A], who.session, kind="session", door=door, life=timedelta(hours=1))
    return Sent({"sojourn": token}, {}, csrf_token(token), token)


def client(here: Office, sent: Sent, **more: str) -> httpx.AsyncClient:
    """A client that sends so. more: headers."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(here.app), base_url=ROOT, cookies=sent.cookies, headers={**sent.headers, **more})


@asynccontextmanager
async def let_go(here: Office, account: str, *secrets: str) -> AsyncIterator[None]:
    """Within it an account is deactivated: by another process, while this one remembers who these secrets are. account: '' for nobody."""
    for secret in filter(None, secrets if account else ()):
        await here.clinic.gate.identity.caller(secret)
    await _became(here, account, "deactivated")
    try:
        yield
    finally:
        await _became(here, account, "active")


async def _became(here: Office, account: str, state: str) -> None:
    if account:
        if isinstance(now := clock._clock, FakeClock):
            now.advance(timedelta(milliseconds=10))
        await here.clinic.owner.execute("SELECT gate.set_account_state($1, $2, $3, 'test', 'left', $4)", A, account, state, clock.now())
