"""Your security: what each person can change about their own sign-in, and what they cannot."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.record.database import Dsn
from tests import people
from tests.gate.test_signin import code
from tests.people import START, Clinic
from tests.web.real import Visitor, furnish, later

WHO = "mh-clinician"


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations, and a clock that stands still."""
    with clock.using(FakeClock(START)):
        made = await people.open_clinic(database)
        await furnish(made)
        yield made
        await people.close_clinic(made)


def key_on(page: str) -> str:
    """The key of a new authenticator app, as a person would type it."""
    return re.sub(r"\s", "", re.findall(r'class="key">([^<]+)<', page)[0])


async def person(clinic: Clinic, who: str = WHO) -> Visitor:
    visitor = Visitor(clinic)
    await visitor.sign_in(who)
    await visitor.get("/security")
    return visitor


async def with_app(clinic: Clinic) -> tuple[Visitor, str, list[str]]:
    """Somebody who has just set an authenticator app up: their browser, its key, the recovery codes."""
    visitor = await person(clinic)
    secret = key_on((await visitor.post("/security/app")).text)
    answer = await visitor.post("/security/app/code", {"code": code(secret)})
    codes = re.findall(r"<li><code>([^<]+)</code></li>", answer.text)
    assert len(codes) == 10
    later(minutes=1)
    return visitor, secret, codes


async def test_an_app_is_set_up_and_asked_for_from_then_on(clinic: Clinic) -> None:
    _, secret, codes = await with_app(clinic)
    other = Visitor(clinic)
    answer = await other.sign_in(WHO, next="/security")
    assert answer.headers["location"] == "/sign-in/second?next=/security"
    assert (await other.get("/patients")).headers["location"].startswith("/sign-in")
    await other.get("/sign-in/second?next=/security")
    assert (await other.post("/sign-in/second", {"code": "000000", "next": "/security"})).status_code == 401
    answer = await other.post("/sign-in/second", {"code": code(secret), "next": "/security"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/security")
    third = Visitor(clinic)
    await third.sign_in(WHO)
    await third.get("/sign-in/second")
    assert (await third.post("/sign-in/second", {"recovery": codes[3]})).status_code == 303
    assert "9 left" in (await third.get("/security")).text


async def test_a_wrong_first_code_shows_the_same_square_again(clinic: Clinic) -> None:
    visitor = await person(clinic)
    first = key_on((await visitor.post("/security/app")).text)
    answer = await visitor.post("/security/app/code", {"code": "000000"})
    assert answer.status_code == 422
    assert key_on(answer.text) == first
    assert "viewBox" in answer.text


async def test_recovery_codes_are_shown_once(clinic: Clinic) -> None:
    visitor, _, codes = await with_app(clinic)
    for path in ("/security", "/security/app", "/sign-in/second"):
        assert codes[0] not in (await visitor.get(path)).text


async def test_another_persons_factor_and_session_are_not_there(clinic: Clinic) -> None:
    await with_app(clinic)
    factor = await clinic.owner.fetchval("SELECT factor FROM record.factor WHERE kind = 'totp'")
    handle = await clinic.owner.fetchval("SELECT handle FROM gate.sessions(1, $1, $2)", WHO, clock.now())
    curious = await person(clinic, "biller")
    assert (await curious.post(f"/security/factors/{factor}/end")).status_code == 404
    assert (await curious.post(f"/security/factors/{'z' * 22}/end")).status_code == 404
    await curious.get("/security")
    await curious.post("/security/sessions", {"handle": handle})
    assert await clinic.owner.fetchval("SELECT count(*) FROM gate.sessions(1, $1, $2)", WHO, clock.now()) == 1
    assert await clinic.owner.fetchval("SELECT count(*) FROM gate.factors(1, $1, $2) WHERE kind = 'totp'", WHO, clock.now()) == 1


async def test_signing_out_everywhere_ends_the_others_and_not_this_one(clinic: Clinic) -> None:
    here, there = await person(clinic), await person(clinic)
    assert (await here.post("/security/sessions")).headers["location"] == "/security"
    assert (await here.get("/security")).status_code == 200
    for _ in range(2):
        answer = await there.get("/security")
    assert answer.headers["location"].startswith("/sign-in")


async def test_the_only_second_step_stays_where_one_is_needed(clinic: Clinic) -> None:
    visitor, _, _ = await with_app(clinic)
    factor = await clinic.owner.fetchval("SELECT factor FROM record.factor WHERE kind = 'totp'")
    await clinic.owner.execute("UPDATE record.sign_in_rule SET second = true")
    await visitor.get("/security")
    assert (await visitor.post(f"/security/factors/{factor}/end")).status_code == 409
    await clinic.owner.execute("UPDATE record.sign_in_rule SET second = false")
    await visitor.get("/security")
    assert (await visitor.post(f"/security/factors/{factor}/end")).status_code == 303
    assert (await Visitor(clinic).sign_in(WHO)).headers["location"] == "/today"


async def test_every_change_asks_for_a_recent_proof(clinic: Clinic) -> None:
    visitor, _, _ = await with_app(clinic)
    factor = await clinic.owner.fetchval("SELECT factor FROM record.factor WHERE kind = 'totp'")
    later(minutes=6)
    for path in ("/security/app", "/security/recovery", f"/security/factors/{factor}/end", "/security/password", "/security/passkeys"):
        await visitor.get("/security")
        answer = await visitor.post(path, {"new": "seven quiet lanterns over water", "again": "seven quiet lanterns over water", "code": "1"})
        assert (answer.status_code, "Confirm that it is you" in answer.text) == (401, True), path


async def test_changes_are_in_the_trail_without_any_secret(clinic: Clinic) -> None:
    visitor, secret, codes = await with_app(clinic)
    await visitor.get("/security")
    await visitor.post("/security/recovery")
    lines = await clinic.owner.fetch("SELECT action, outcome, query FROM record.audit WHERE account = $1 AND action LIKE 'factor%' ORDER BY n", WHO)
    assert [(r["action"], r["query"]) for r in lines] == [("factor-add", "kind=totp"), ("factor-add", "kind=recovery"), ("factor-add", "kind=recovery")]
    kept = str([dict(r) for r in await clinic.owner.fetch("SELECT * FROM record.audit")])
    assert secret not in kept
    assert not any(c in kept for c in codes)


async def test_a_visitors_cookie_is_no_session_and_a_new_sign_in_takes_a_new_one(clinic: Clinic) -> None:
    """Session fixation: whatever was in the browser before, signing in puts a secret of the server's making there."""
    visitor = Visitor(clinic)
    visitor.put("sojourn", "planted" * 6)
    visitor.put("half", "planted" * 6)
    await visitor.sign_in(WHO)
    first = visitor.client.cookies["sojourn"]
    assert "planted" not in first
    await visitor.client.get("/security")
    await visitor.post("/sign-out")
    await visitor.sign_in(WHO)
    assert visitor.client.cookies["sojourn"] != first
    visitor.put("sojourn", first)
    assert (await visitor.get("/security")).status_code == 303


async def test_a_half_done_sign_in_opens_nothing_else(clinic: Clinic) -> None:
    await with_app(clinic)
    visitor = Visitor(clinic)
    await visitor.sign_in(WHO)
    half = visitor.client.cookies["half"]
    visitor.put("sojourn", half)
    for path in ("/security", "/patients", "/accounts"):
        assert (await visitor.get(path)).headers["location"].startswith("/sign-in")
    assert (await clinic.ask(half, "GET", "Patient")).status == 401


@pytest.mark.parametrize("path", ["https://evil.example/", "//evil.example", "/\\evil.example", "/%5cevil.example/..//x\n"])
async def test_no_way_in_leads_to_another_site(clinic: Clinic, path: str) -> None:
    await with_app(clinic)
    visitor = Visitor(clinic)
    first = await visitor.sign_in(WHO, next=path)
    assert first.headers["location"] == "/sign-in/second"
    await visitor.get("/sign-in/second")
    locked = await visitor.post("/lock", {"next": path})
    assert locked.headers["location"] == "/sign-in"
