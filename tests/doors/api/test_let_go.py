"""A token of somebody who was let go: every route of the FHIR door answers as to one that never was, though the process remembers it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.doors.api import routes
from tests.doors.api.test_url_table import ROUTES, asked, in_bulk
from tests.people import START, A, Clinic, consent, encounter, observation, patient

WHO = "sys-mh"
"""Who may do everything."""


async def became(clinic: Clinic, state: str) -> None:
    """By another process: this one is not told."""
    now = clock._clock
    assert isinstance(now, FakeClock)
    now.advance(timedelta(milliseconds=10))
    await clinic.owner.execute("SELECT gate.set_account_state($1, $2, $3, 'test', 'left', $4)", A, WHO, state, clock.now())


@pytest.fixture
def standing() -> Any:
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
