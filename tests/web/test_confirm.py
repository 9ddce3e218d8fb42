"""A sensitive act asks who it is, and then goes on with what was sent: nothing typed is lost, nothing is done twice."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.record.database import Dsn
from tests import people
from tests.people import START, Clinic
from tests.web.real import ADMIN, PASSWORD, Visitor, furnish, later

NEW = "seven quiet lanterns over water"
WHO = "mh-clinician"


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations, and a clock that stands still."""
    with clock.using(FakeClock(START)):
        made = await people.open_clinic(database)
        await furnish(made)
        yield made
        await people.close_clinic(made)


async def invited(clinic: Clinic) -> int:
    count: int = await clinic.owner.fetchval("SELECT count(*) FROM record.account WHERE login = 'new.person'")
    return count


INVITATION = {"name": "New Person", "login": "new.person", "role": "nurse", "program-2": "yes", "acting": "2"}


async def waiting(clinic: Clinic) -> Visitor:
    """An administrator who sent an invitation too long after signing in, and is asked who it is."""
    visitor = Visitor(clinic)
    await visitor.sign_in(ADMIN)
    later(minutes=6)
    await visitor.get("/accounts/new")
    answer = await visitor.post("/accounts/new", INVITATION)
    assert answer.status_code == 401
    assert "Confirm that it is you" in answer.text
    assert await invited(clinic) == 0
    return visitor


async def test_what_was_sent_goes_on_after_the_password(clinic: Clinic) -> None:
    visitor = await waiting(clinic)
    answer = await visitor.post("/confirm", {"held": visitor.hidden("held"), "password": PASSWORD})
    assert answer.status_code == 200
    assert "The invitation is ready" in answer.text
    assert await clinic.owner.fetchval("SELECT programs FROM record.assignment s JOIN record.account a USING (tenant, account) WHERE a.login = 'new.person'") == [2]


async def test_a_wrong_password_asks_again_and_keeps_what_was_sent(clinic: Clinic) -> None:
    visitor = await waiting(clinic)
    answer = await visitor.post("/confirm", {"held": visitor.hidden("held"), "password": "wrong"})
    assert answer.status_code == 401
    assert "That is not right" in answer.text
    assert await invited(clinic) == 0
    answer = await visitor.post("/confirm", {"held": visitor.hidden("held"), "password": PASSWORD})
    assert "The invitation is ready" in answer.text


async def test_going_back_and_confirming_again_does_it_once(clinic: Clinic) -> None:
    visitor = await waiting(clinic)
    held = visitor.hidden("held")
    await visitor.post("/confirm", {"held": held, "password": PASSWORD})
    answer = await visitor.post("/confirm", {"held": held, "password": PASSWORD}, token=None)
    assert answer.status_code == 409
    assert "already" in answer.text
    assert await invited(clinic) == 1


async def test_what_one_session_held_no_other_can_send(clinic: Clinic) -> None:
    held = (await waiting(clinic)).hidden("held")
    other = Visitor(clinic)
    await other.sign_in(WHO)
    await other.get("/security")
    assert (await other.post("/confirm", {"held": held, "password": PASSWORD})).status_code == 409
    assert await invited(clinic) == 0


async def test_what_was_held_too_long_or_changed_does_nothing(clinic: Clinic) -> None:
    visitor = await waiting(clinic)
    held = visitor.hidden("held")
    assert (await visitor.post("/confirm", {"held": held[:-4] + "AAAA", "password": PASSWORD})).status_code == 409
    for _ in range(5):
        later(minutes=13)
        await visitor.get("/accounts/new")
    assert (await visitor.post("/confirm", {"held": held, "password": PASSWORD})).status_code == 409
    assert await invited(clinic) == 0


async def test_a_fragment_that_needs_a_proof_is_answered_with_the_page_that_asks(clinic: Clinic) -> None:
    visitor = Visitor(clinic)
    await visitor.sign_in(ADMIN)
    later(minutes=6)
    await visitor.get("/accounts/new")
    answer = await visitor.post("/accounts/new", INVITATION, headers={"hx-request": "true", "hx-request-type": "partial", "hx-target": "results"})
    assert answer.headers["hx-retarget"] == "#main"
    assert "<html" not in answer.text
    answer = await visitor.post("/confirm", {"held": visitor.hidden("held"), "password": PASSWORD})
    assert "<html" in answer.text
    assert "The invitation is ready" in answer.text


async def test_what_was_typed_travels_unreadable(clinic: Clinic) -> None:
    visitor = await waiting(clinic)
    assert "new.person" not in visitor.last.text


async def test_confirming_is_no_way_to_what_the_role_does_not_allow(clinic: Clinic) -> None:
    visitor = await waiting(clinic)
    held = visitor.hidden("held")
    await clinic.owner.execute("UPDATE record.assignment SET role = 'nurse' WHERE account = $1", ADMIN)
    await clinic.owner.execute("UPDATE record.account SET generation = generation + 1 WHERE account = $1", ADMIN)
    answer = await visitor.post("/confirm", {"held": held, "password": PASSWORD})
    assert answer.status_code == 403
    assert await invited(clinic) == 0


async def test_a_page_that_only_shows_goes_on_as_a_page(clinic: Clinic) -> None:
    visitor = Visitor(clinic)
    await visitor.sign_in(WHO)
    later(minutes=6)
    assert (await visitor.get("/security/password")).status_code == 401
    answer = await visitor.post("/confirm", {"held": visitor.hidden("held"), "password": PASSWORD})
    assert (answer.status_code, answer.headers["location"]) == (303, "/security/password")
    await visitor.get("/security/password")
    assert (await visitor.post("/security/password", {"new": NEW, "again": NEW})).headers["location"] == "/security"
    assert (await Visitor(clinic).sign_in(WHO, NEW)).status_code == 303
    assert (await Visitor(clinic).sign_in(WHO)).status_code == 401


async def test_guessing_at_the_confirmation_is_stopped(clinic: Clinic) -> None:
    visitor = await waiting(clinic)
    codes = []
    for n in range(10):
        codes.append((await visitor.post("/confirm", {"held": visitor.hidden("held"), "password": f"guess {n}"})).status_code)
    assert codes == [401] * 8 + [429] * 2
    assert (await visitor.post("/confirm", {"held": visitor.hidden("held"), "password": PASSWORD})).status_code == 429
    assert await invited(clinic) == 0


async def test_a_confirmation_is_in_the_trail_right_or_wrong(clinic: Clinic) -> None:
    visitor = await waiting(clinic)
    await visitor.post("/confirm", {"held": visitor.hidden("held"), "password": "wrong"})
    await visitor.post("/confirm", {"held": visitor.hidden("held"), "password": PASSWORD})
    lines = await clinic.owner.fetch("SELECT outcome FROM record.audit WHERE action = 'confirm' AND account = $1 ORDER BY n", ADMIN)
    assert [line["outcome"] for line in lines] == ["denied", "done"]
