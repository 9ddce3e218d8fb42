"""Every address of the door of CDS Hooks with everybody who may come: what each is answered stands in a table. An address without a row fails."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import NamedTuple
from uuid import uuid4

import pytest
import pytest_asyncio
from starlette.routing import Route

from sojourn.base import clock
from sojourn.doors.cds.answering import SERVICES
from sojourn.doors.cds.routes import routes
from sojourn.record.database import Dsn
from tests.conftest import Cluster
from tests.doors.cds.test_services import asked
from tests.doors.smart.callers import Caller, client, everybody, sending
from tests.doors.smart.office import ROOT, Key, Office, office
from tests.people import MH, encounter, patient

pytestmark = pytest.mark.asyncio(loop_scope="module")
KEY = Key("one")


class Row(NamedTuple):
    """What an address answers, by who comes: nobody's token, the token of a session, an access token of an app; a call signed by a service of ours, and one of an outside organization."""

    method: str
    path: str
    nobody: int
    session: int
    token: int
    ours: int
    outside: int


TABLE = (
    Row("GET", "/cds-services", 200, 200, 200, 200, 200),
    Row("POST", "/cds-services/{service}", 401, 401, 401, 200, 403),
    Row("POST", "/cds-services/{service}/feedback", 401, 401, 401, 200, 403),
)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here(cluster: Cluster, template: str) -> AsyncIterator[Office]:
    """An office of its own."""
    name = f"test_{uuid4().hex}"
    cluster.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    async with office(Dsn(app=cluster.app(name), owner=cluster.owner(name))) as made:
        yield made
    cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def everyone(here: Office) -> list[Caller]:
    """Who comes, but for those who sign their calls."""
    return await everybody(here, Key("walking"))


async def calls(here: Office, row: Row) -> list[tuple[str, object]]:
    """(address, body) of a good call of each service."""
    if "{service}" not in row.path:
        return [(row.path, None)]
    p = (await here.clinic.make("sys-mh", patient())).id
    await here.clinic.make("sys-mh", encounter(p))
    told = {"feedback": [{"card": str(uuid4()), "outcome": "accepted", "acceptedSuggestions": []}]}
    return [(row.path.replace("{service}", hook), told if row.path.endswith("/feedback") else asked(p, hook)) for hook in SERVICES]


@pytest.mark.parametrize("row", TABLE, ids=[f"{r.method} {r.path}" for r in TABLE])
async def test_no_session_and_no_token_takes_the_place_of_a_signed_call(here: Office, everyone: list[Caller], row: Row) -> None:
    for address, body in await calls(here, row):
        for who in everyone:
            sent = await sending(here, who)
            more = {"authorization": f"Bearer {sent.token}"} if sent.token else {}
            async with client(here, sent, **more) as http:
                answer = await http.request(row.method, address, json=body)
            assert answer.status_code == (row.session if who.session else row.token if who.bearer else row.nobody), (who.name, address)
            assert "cards" not in answer.text


@pytest.mark.parametrize("row", TABLE, ids=[f"{r.method} {r.path}" for r in TABLE])
async def test_a_signed_call_of_a_service_of_ours_is_answered_and_one_from_outside_is_not(here: Office, row: Row) -> None:
    ours = await here.service(KEY, programs=(MH,), acting=MH)
    outside = await here.service(KEY, whose="outside", organization="Organization/lakeside")
    for address, body in await calls(here, row):
        for app, status in ((ours, row.ours), (outside, row.outside)):
            signed = KEY.assertion(app.id, sub=None, aud=ROOT + address, iat=int(clock.now().timestamp()))
            async with here.http as http:
                answer = await http.request(row.method, address, json=body, headers={"authorization": f"Bearer {signed}"})
            assert answer.status_code == status, (app.whose, address, answer.text)


async def test_every_address_has_its_row() -> None:
    there = {(m, r.path) for r in routes() if isinstance(r, Route) for m in (r.methods or set()) - {"HEAD"}}
    assert {(r.method, r.path) for r in TABLE} == there
