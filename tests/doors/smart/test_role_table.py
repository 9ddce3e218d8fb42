"""Every address of the door of apps with everybody who may come: what each is answered stands in a table. An address without a row fails."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from starlette.routing import Route

from sojourn.base import clock
from sojourn.doors.smart.routes import SCREENS, routes
from sojourn.gate.apps import asking
from sojourn.gate.apps.asking import Wish
from sojourn.record.database import Dsn
from tests.conftest import Cluster
from tests.doors.smart.callers import Caller, client, everybody, let_go, sending
from tests.doors.smart.office import Key, Office, office, pkce
from tests.doors.smart.people import wish
from tests.people import A, observation, patient

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Row(NamedTuple):
    """What an address answers. sent: which request (EXAMPLES). staff: where it depends on the role, (type, action, what those get who have it, what the others get)."""

    method: str
    path: str
    sent: str
    stranger: str
    staff: str | tuple[str, str, str, str]
    patient: str
    proxy: str
    service: str
    app: str


def same(method: str, path: str, sent: str, answer: str) -> Row:
    """One that answers everybody alike, whoever they are."""
    return Row(method, path, sent, *(6 * (answer,)))


SIGN_IN, WHOSE, ALLOW, AWAY, NONE, AGAIN = "200 Sign in", "200 Whose record?", "200 Allow Heart Notes?", "303 app.example/back", "404 Not found", "303 a.test/oauth/authorize"
BAD = "400 This app cannot be opened"
MINE = "303 a.test/oauth/apps"
TABLE = (
    same("GET", "/fhir/.well-known/smart-configuration", "", "200"),
    same("GET", "/fhir/.well-known/openid-configuration", "", "200"),
    same("GET", "/oauth/jwks", "", "200"),
    same("GET", "/oauth/style.json", "", "200"),
    # Programs prove who they are with what they were registered with: no session, and no token of another's, counts here.
    same("POST", "/oauth/token", "", "400 invalid_request"),
    same("POST", "/oauth/token", "a service", "401 invalid_client"),
    same("POST", "/oauth/revoke", "a token", "401 invalid_client"),
    same("POST", "/oauth/register", "", "400 invalid_client_metadata"),
    Row("POST", "/oauth/introspect", "a token", "401 invalid_client", "401 invalid_client", "401 invalid_client", "401 invalid_client", "200 not active", "200 not active"),
    Row("GET", "/oauth/permissions", "", "401 invalid_token", "401 invalid_token", "401 invalid_token", "401 invalid_token", "200 0 apps", "200 1 apps"),
    Row("GET", "/oauth/permissions", "session", "401 invalid_token", "401 invalid_token", "401 invalid_token", "401 invalid_token", "200 0 apps", "200 1 apps"),  # as a bearer: it opens no other door
    Row("GET", "/oauth/permissions", "own token", "401 invalid_token", "200 0 apps", "200 1 apps", "200 0 apps", "200 0 apps", "200 1 apps"),
    Row("DELETE", "/oauth/permissions", "", "401 invalid_token", "401 invalid_token", "401 invalid_token", "401 invalid_token", "403 insufficient_scope", "403 insufficient_scope"),
    Row("DELETE", "/oauth/permissions", "own token", "401 invalid_token", "404 not_found", "404 not_found", "404 not_found", "403 insufficient_scope", "403 insufficient_scope"),
    # An app asks for somebody. Who is signed in otherwise than it is for is asked to sign in; a program with a token is nobody here.
    same("POST", "/oauth/authorize", "", AGAIN),
    same("GET", "/oauth/authorize", "", BAD),
    Row("GET", "/oauth/authorize", "for patients", SIGN_IN, SIGN_IN, ALLOW, WHOSE, SIGN_IN, SIGN_IN),
    Row("GET", "/oauth/authorize", "for staff", "303 a.test/sign-in", WHOSE, SIGN_IN, SIGN_IN, "303 a.test/sign-in", "303 a.test/sign-in"),
    same("POST", "/oauth/patient", "", BAD),
    Row("POST", "/oauth/patient", "for staff", AGAIN, ("Patient", "search", WHOSE, "403 Not allowed"), AGAIN, AGAIN, AGAIN, AGAIN),
    Row("POST", "/oauth/patient", "somebody hidden", AGAIN, "422 Whose record?", AGAIN, AGAIN, AGAIN, AGAIN),
    Row("POST", "/oauth/patient", "for patients", AGAIN, AGAIN, WHOSE, WHOSE, AGAIN, AGAIN),
    same("POST", "/oauth/decide", "", BAD),
    Row("POST", "/oauth/decide", "for staff", AGAIN, AWAY, AGAIN, AGAIN, AGAIN, AGAIN),
    Row("POST", "/oauth/decide", "for patients", AGAIN, AGAIN, AWAY, AWAY, AGAIN, AGAIN),
    same("POST", "/oauth/sign-in", "wrong", "401 Sign in"),
    same("GET", "/oauth/second", "", MINE),
    same("POST", "/oauth/second", "", MINE),
    same("POST", "/oauth/sign-out", "", MINE),
    Row("GET", "/oauth/apps", "", SIGN_IN, "200 My apps", "200 My apps", "200 My apps", SIGN_IN, SIGN_IN),
    Row("POST", "/oauth/apps/stop", "", SIGN_IN, NONE, NONE, NONE, SIGN_IN, SIGN_IN),
    same("GET", "/sandbox/app", "", NONE),
    same("GET", "/sandbox/app.js", "", NONE),
    same("GET", "/sandbox/app.css", "", NONE),
)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here(cluster: Cluster, template: str) -> AsyncIterator[Office]:
    """An office of its own: nobody else's apps are in it."""
    name = f"test_{uuid4().hex}"
    cluster.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    async with office(Dsn(app=cluster.app(name), owner=cluster.owner(name))) as made:
        yield made
    cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def everyone(here: Office) -> list[Caller]:
    """Who comes."""
    return await everybody(here, Key("walking"))


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def examples(here: Office, everyone: list[Caller]) -> dict[str, dict[str, dict[str, str]]]:
    """What is sent, by the word in the table and the path: parameters of the address or the form."""
    both = {"scope": "launch/patient patient/*.rs"}
    patients, _ = await here.person_app(uses=("patient",), whose="chosen")
    staff, _ = await here.person_app(uses=("staff",))
    hidden = (await here.clinic.make("other-sys", patient())).id
    some = (await here.clinic.make("sys-mh", patient("Stroud"))).id
    asks = {name: dict(httpx.QueryParams(urlsplit(wish(app, pkce()[1], **both)).query)) for name, app in (("for patients", patients), ("for staff", staff))}

    def sealed(app: Any, **more: str) -> str:
        made = Wish(app.id, app.redirects[0], ("launch/patient", "patient/*.rs"), "s1", "c" * 43, when=clock.now().timestamp())
        return asking.seal(here.clinic.gate.house, here.clinic.gate.house.tenants[A], replace(made, **more))  # type: ignore[arg-type]

    forms = {
        "/oauth/token": {"a service": {"grant_type": "client_credentials"}},
        "/oauth/revoke": {"a token": {"token": everyone[-1].bearer}},
        "/oauth/introspect": {"a token": {"token": here.clinic.tokens["sys-mh"]}},
        "/oauth/authorize": asks,
        "/oauth/patient": {
            "for staff": {"request": sealed(staff), "q": "riv"}, "somebody hidden": {"request": sealed(staff), "patient": hidden}, "for patients": {"request": sealed(patients), "q": "riv"},
        },
        "/oauth/decide": {name: {"request": sealed(app, patient=some), "answer": "refuse"} for name, app in (("for patients", patients), ("for staff", staff))},
        "/oauth/sign-in": {"wrong": {"login": "nobody-at-all", "password": "wrong"}},
        "/oauth/apps/stop": {"": {"app": "nobody"}},
    }  # fmt: skip
    return forms


def said(answer: httpx.Response) -> str:
    """What came back, in a few words: the status, and where it leads, which error it is or what the page is called."""
    if answer.status_code == 303:
        at = urlsplit(str(answer.request.url.join(answer.headers["location"])))
        return f"303 {at.netloc}{at.path}"
    if "json" in answer.headers.get("content-type", ""):
        body = answer.json()
        if "permissions" in body:
            return f"{answer.status_code} {len(body['permissions'])} apps"
        return f"{answer.status_code} {body['error']}" if "error" in body else f"{answer.status_code} not active" if body == {"active": False} else str(answer.status_code)
    title = re.search(r"<h1>(.*?)</h1>", answer.text)
    return f"{answer.status_code} {title[1]}" if title else str(answer.status_code)


async def walked(here: Office, row: Row, who: Caller, fields: dict[str, str], *, csrf: bool = True, gone: str = "") -> httpx.Response:
    """The answer to one of them. Their session is new: some addresses end it. gone: the account, to be let go by another process after they signed in."""
    await here.clinic.owner.execute("DELETE FROM record.throttle")  # nobody's tries count against the next
    sent = await sending(here, who)
    token = sent.token if row.sent == "session" and who.session else ""
    if row.sent == "own token" and who.session:
        token = await here.clinic.gate.token(here.clinic.gate.house.tenants[A], who.session)
    more = {"authorization": f"Bearer {token}"} if token else {}
    async with client(here, sent, **more) as http, let_go(here, gone, sent.token, token):
        if row.method != "POST":
            return await http.request(row.method, row.path, params=fields)
        screen = any(isinstance(s, Route) and s.path == row.path and "POST" in (s.methods or ()) for s in SCREENS)
        return await http.post(row.path, data={**fields, "csrf": sent.csrf if csrf else "x"} if screen else fields)


def expected(here: Office, row: Row, who: Caller) -> str:
    """What the table says of them."""
    found: str | tuple[str, str, str, str] = getattr(row, who.kind)
    if isinstance(found, str):
        return found
    type_, action, yes, no = found
    return yes if here.clinic.gate.house.rules[A].allows(who.role, action, type_) else no


@pytest.mark.parametrize("row", TABLE, ids=[f"{r.method} {r.path} {r.sent}" for r in TABLE])
async def test_everybody_is_answered_as_the_table_says(here: Office, everyone: list[Caller], examples: dict[str, dict[str, dict[str, str]]], row: Row) -> None:
    fields = examples.get(row.path, {}).get(row.sent, {})
    got = {who.name: said(await walked(here, row, who, fields)) for who in everyone}
    assert got == {who.name: expected(here, row, who) for who in everyone}


async def test_no_form_is_taken_from_anybody_without_the_token_of_our_page(here: Office, everyone: list[Caller], examples: dict[str, dict[str, dict[str, str]]]) -> None:
    posts = {(s.path, m) for s in SCREENS if isinstance(s, Route) for m in s.methods or () if m == "POST"}
    for row in TABLE:
        if (row.path, row.method) in posts:
            for who in everyone:
                answer = await walked(here, row, who, examples.get(row.path, {}).get(row.sent, {}), csrf=False)
                assert answer.status_code == 403, (row.path, who.name)


async def test_nobody_reads_the_record_by_what_these_addresses_give(here: Office, everyone: list[Caller]) -> None:
    """A session opens no FHIR, and an app's token no page of the staff app."""
    one = (await here.clinic.make("sys-mh", observation((await here.clinic.make("sys-mh", patient())).id))).id
    for who in everyone:
        sent = await sending(here, who)
        async with client(here, sent) as http:
            if who.session:
                assert (await http.get(f"/fhir/Observation/{one}")).status_code == 401, who.name
            if who.bearer:
                assert (await http.get("/patients")).status_code == 303, who.name


async def test_every_address_has_its_row() -> None:
    there = {(m, r.path) for r in routes() if isinstance(r, Route) for m in (r.methods or set()) - {"HEAD"}}
    assert {(r.method, r.path) for r in TABLE} == there
