"""Whom the organization let go: their token is as good as one that never was, and what they subscribed to and asked to have exported ends, though processes remember them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.doors.api import routes
from tests.doors.api.test_subscriptions import Receiver, begun, followed, seen_by
from tests.doors.api.test_url_table import ROUTES, asked, in_bulk
from tests.exports import make_exports
from tests.people import START, A, Clinic, consent, encounter, observation, patient

WHO = "sys-mh"
"""Who may do everything."""


async def became(clinic: Clinic, state: str, who: str = WHO) -> None:
    """By another process: this one is not told."""
    now = clock._clock
    if isinstance(now, FakeClock):
        now.advance(timedelta(milliseconds=10))
    await clinic.owner.execute("SELECT gate.set_account_state($1, $2, $3, 'test', 'left', $4)", A, who, state, clock.now())


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Whom somebody had it told to."""
    async with Receiver().open() as made:
        yield made


@pytest.fixture
def standing() -> Iterator[None]:
    """A clock that stands still, from before the clinic is opened."""
    with clock.using(FakeClock(START)):
        yield


async def test_no_route_answers_a_token_of_somebody_who_was_let_go(standing: None, clinic: Clinic) -> None:
    p = (await clinic.make(WHO, patient(identifier=[{"system": "urn:us", "value": "1"}]))).id
    await clinic.make(WHO, encounter(p))
    made = await clinic.make(WHO, observation(p))
    form = await clinic.make(WHO, consent(p, "nobody", status="draft"))
    chart = {"p": p, "o": made.id, "v": made.version, "c": form.id, **await in_bulk(clinic, p)}
    before = await clinic.owner.fetchval("SELECT count(*) FROM record.version")
    odd = []
    for route in ROUTES:
        if route[1] in routes.OPEN or route[1] == "$process-message":  # anybody's; and a sender's, who is a program of an outside organization
            continue
        token = await clinic.gate.token(clinic.gate.house.tenants[A], WHO)
        assert await clinic.gate.access(token) is not None
        await became(clinic, "deactivated")
        clinic.tokens[WHO] = token
        left, never = await asked(clinic, WHO, route, chart), await asked(clinic, "x" * 43, route, chart)
        if (left.status, _plain(left)) != (never.status, _plain(never)):
            odd.append((route, left.status, left.body[:120]))
        await became(clinic, "active")
    assert odd == []
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.version") == before


def _plain(reply: Any) -> tuple[Any, ...]:
    """Everything but the number of the request."""
    return (reply.body, [(k, v) for k, v in reply.headers if k not in ("x-request-id", "date")])


async def test_who_was_let_go_is_told_nothing_more_and_taken_back_has_to_ask_anew(clinic: Clinic, receiver: Receiver) -> None:
    id_, telling = await begun(clinic, receiver, heartbeat=600)
    p = await seen_by(clinic)
    await followed(clinic, telling)
    before = len(receiver.got)
    assert before > 1, "it told"
    await clinic.make("sys-mh", observation(p, 71))  # waits
    await became(clinic, "deactivated", "mh-service")
    await clinic.make("sys-mh", observation(p, 72))
    await followed(clinic, telling)
    assert len(receiver.got) == before
    with clock.using(FakeClock(clock.now() + timedelta(hours=1))):  # nor that all is well
        await followed(clinic, telling)
    assert len(receiver.got) == before
    assert await clinic.owner.fetchval("SELECT state FROM record.subscription WHERE subscription = $1", id_) == "off"
    await became(clinic, "active", "mh-service")
    await clinic.make("sys-mh", observation(p, 73))
    await followed(clinic, telling)
    assert len(receiver.got) == before


async def test_an_export_of_somebody_who_was_let_go_is_not_made_and_not_sent_to_its_end(standing: None, clinic: Clinic) -> None:
    p = (await clinic.make(WHO, patient())).id
    for n in range(40):
        await clinic.make(WHO, observation(p, n, note=[{"text": "x" * 8000}]))
    kicked = await clinic.ask(WHO, "GET", "$export?_type=Observation", None, (("prefer", "respond-async"),))
    await make_exports(clinic)
    place = kicked.header("content-location").partition("/fhir/")[2]
    (file,) = (await clinic.get(WHO, place)).json()["output"]
    under_way = await clinic.ask(WHO, "GET", "$export?_type=Patient", None, (("prefer", "respond-async"),))
    assert (await clinic.get(WHO, file["url"].partition("/fhir/")[2])).body.count(b"\n") == 40
    await became(clinic, "deactivated")
    await make_exports(clinic)
    states = {r["export"]: r["state"] for r in await clinic.owner.fetch("SELECT export, state FROM record.export")}
    assert states[under_way.header("content-location").rpartition("/")[2]] == "failed"
    assert (await clinic.get(WHO, file["url"].partition("/fhir/")[2])).status == 401
