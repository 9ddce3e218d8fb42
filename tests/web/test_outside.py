"""Signing in with an outside identity provider, over real HTTP; and every way in which its answer may be wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from sojourn.base import clock
from sojourn.doors.staff.signin.outside import WRONG
from sojourn.record.database import Dsn
from sojourn.web import oidc
from sojourn.web.oidc import OutsideFailed, Provider
from sojourn.web.outbound import authorities
from tests import people
from tests.people import Clinic
from tests.web.oidc import CLIENT, SECRET, Idp, running
from tests.web.real import Visitor, furnish

WHO = "mh-clinician"
NEW = "seven quiet lanterns over water"


@pytest.fixture
def idp() -> Iterator[Idp]:
    """A provider that runs."""
    with running() as made:
        yield made


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations."""
    made = await people.open_clinic(database)
    await furnish(made)
    yield made
    await people.close_clinic(made)


def provider(idp: Idp, **changes: Any) -> Provider:
    return Provider(**({"issuer": idp.issuer, "client_id": CLIENT, "client_secret": SECRET, "organization": "a"} | changes))


def visitor(clinic: Clinic, idp: Idp, **changes: Any) -> Visitor:
    made = Visitor(clinic, host=changes.pop("host", "a.test"))
    made.app.state.outside = provider(idp, **changes)
    return made


async def there_and_back(v: Visitor, path: str = "/sign-in/outside") -> Any:
    """To the provider and back, as a browser follows it; what came back."""
    out = await v.get(path)
    assert out.status_code == 303
    async with httpx.AsyncClient(verify=authorities()) as client:
        back = await client.get(out.headers["location"])
    return await v.get(back.headers["location"].removeprefix("http://a.test"))


async def test_the_provider_vouches_and_one_is_in(clinic: Clinic, idp: Idp) -> None:
    v = visitor(clinic, idp)
    assert "Sign in with your organization" in (await v.get("/sign-in")).text
    answer = await there_and_back(v, "/sign-in/outside?next=/security")
    assert (answer.status_code, answer.headers["location"]) == (303, "/security")
    page = await v.get("/security")
    assert "identity provider" in page.text
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE action = 'sign-in' AND outcome = 'done' AND account = $1", WHO) == 1


async def test_nobody_gets_an_account_by_signing_in_and_all_failures_look_alike(clinic: Clinic, idp: Idp) -> None:
    before = await clinic.owner.fetchval("SELECT count(*) FROM record.account")
    await clinic.owner.fetchval("SELECT gate.set_account_state(1, 'biller', 'deactivated', '', '', $1)", clock.now())
    pages = set()
    for name in ("nobody", "biller", "tpo", "sys-mh", "", 7, None):
        idp.person = {"sub": f"subject-of-{name}", "preferred_username": name}
        answer = await there_and_back(visitor(clinic, idp))
        assert answer.status_code == 401
        assert WRONG in answer.text
        pages.add(len(answer.text))
    assert len(pages) == 1
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.account") == before


LIES: dict[str, dict[str, Any]] = {
    "another audience": {"claims": {"aud": "somebody-else"}},
    "several audiences and another party": {"claims": {"aud": [CLIENT, "other"], "azp": "other"}},
    "another issuer": {"claims": {"iss": "http://localhost:1"}},
    "another nonce": {"claims": {"nonce": "replayed"}},
    "no nonce": {"claims": {"nonce": None}},
    "no subject": {"claims": {"sub": None}},
    "too old": {"claims": {"exp": 1}},
    "no end": {"claims": {"exp": None}},
    "not signed": {"sign": "none"},
    "signed with a shared secret": {"sign": "hs256"},
    "signed with a key that is not published": {"sign": "other key"},
}


async def test_an_answer_that_is_not_sound_opens_nothing(clinic: Clinic, idp: Idp) -> None:
    for name, lies in LIES.items():
        idp.lies = lies
        answer = await there_and_back(visitor(clinic, idp))
        assert answer.status_code == 401, name
        assert WRONG in answer.text, name
    idp.lies = {}
    assert (await there_and_back(visitor(clinic, idp))).status_code == 303


async def test_an_answer_counts_once_and_only_for_the_browser_that_asked(clinic: Clinic, idp: Idp) -> None:
    mine, theirs = visitor(clinic, idp), visitor(clinic, idp)
    out = await mine.get("/sign-in/outside")
    async with httpx.AsyncClient(verify=authorities()) as client:
        back = (await client.get(out.headers["location"])).headers["location"].removeprefix("http://a.test")
    await theirs.get("/sign-in/outside")
    assert (await theirs.get(back)).status_code == 401  # somebody else's answer, put upon them
    cookie = mine.client.cookies["outside"]
    assert (await mine.get(back)).status_code == 303
    again = visitor(clinic, idp)
    again.put("outside", cookie)
    assert (await again.get(back)).status_code == 401


async def test_keys_change_and_are_read_again_but_not_for_every_unknown_name(clinic: Clinic, idp: Idp, monkeypatch: pytest.MonkeyPatch) -> None:
    v = visitor(clinic, idp)
    assert (await there_and_back(v)).status_code == 303
    idp.rotate("key-2")
    known = v.app.state.outside
    v = visitor(clinic, idp)
    v.app.state.outside = known
    assert (await there_and_back(v)).status_code == 401  # within the minute in which keys are not read again
    monkeypatch.setattr(oidc, "_AGAIN", 0.0)
    assert (await there_and_back(v)).status_code == 303
    assert idp.asked.count("keys") == 2
    assert idp.asked.count("about") == 1


async def test_a_provider_with_one_key_need_not_name_it(clinic: Clinic, idp: Idp) -> None:
    idp.lies = {"sign": "nameless"}
    assert (await there_and_back(visitor(clinic, idp))).status_code == 303


async def test_a_name_given_to_somebody_else_opens_nothing(clinic: Clinic, idp: Idp) -> None:
    assert (await there_and_back(visitor(clinic, idp))).status_code == 303
    idp.person = {"sub": "subject-2", "preferred_username": WHO}
    assert (await there_and_back(visitor(clinic, idp))).status_code == 401
    idp.person = {"sub": "subject-1", "preferred_username": "officer"}
    assert (await there_and_back(visitor(clinic, idp))).status_code == 401
    idp.person = {"sub": "subject-1", "preferred_username": WHO}
    assert (await there_and_back(visitor(clinic, idp))).status_code == 303


async def test_a_second_step_is_asked_for_unless_the_provider_did(clinic: Clinic, idp: Idp) -> None:
    await clinic.owner.execute("UPDATE record.sign_in_rule SET second = true")
    assert (await there_and_back(visitor(clinic, idp))).headers["location"] == "/sign-in/second"
    idp.person["amr"] = ["pwd", "mfa"]
    assert (await there_and_back(visitor(clinic, idp))).headers["location"] == "/today"


async def test_an_address_as_the_name_must_have_been_verified(clinic: Clinic, idp: Idp) -> None:
    idp.person = {"sub": "subject-1", "email": WHO, "email_verified": False}
    assert (await there_and_back(visitor(clinic, idp, claim="email"))).status_code == 401
    idp.person["email_verified"] = True
    assert (await there_and_back(visitor(clinic, idp, claim="email"))).status_code == 303


async def test_the_network_is_touched_at_the_providers_own_host_only(idp: Idp) -> None:
    for endpoint in ("token_endpoint", "jwks_uri"):
        idp.lies = {"about": {endpoint: "http://127.0.0.1:9/elsewhere"}}
        made = provider(idp)
        begun = await made.begin("http://a.test/back")
        async with httpx.AsyncClient(verify=authorities()) as client:
            back = httpx.URL((await client.get(begun.address)).headers["location"])
        with pytest.raises(OutsideFailed):
            await made.finish(dict(back.params), begun, "http://a.test/back")
    idp.lies = {"about": {"authorization_endpoint": "http://elsewhere.example/"}}
    with pytest.raises(OutsideFailed):
        await provider(idp).begin("http://a.test/back")
    idp.lies = {"about": {"issuer": "http://localhost:1"}}
    with pytest.raises(OutsideFailed):
        await provider(idp).begin("http://a.test/back")


async def stepped_out(clinic: Clinic, idp: Idp) -> Visitor:
    """Somebody who came through the provider, changes a password too late, and is at the provider again to confirm it."""
    v = visitor(clinic, idp)
    await there_and_back(v)
    await clinic.owner.execute("UPDATE record.credential SET proved = now() - interval '1 hour' WHERE kind = 'session'")
    v.app.state.gate.identity._known.clear()
    await v.get("/security")
    answer = await v.post("/security/password", {"new": NEW, "again": NEW})
    assert "Confirm with your organization" in answer.text
    answer = await v.post("/confirm", {"held": v.hidden("held"), "way": "outside"})
    assert 'href="/confirm/outside"' in answer.text
    return v


async def test_who_came_through_the_provider_confirms_there_and_nothing_typed_is_lost(clinic: Clinic, idp: Idp) -> None:
    v = await stepped_out(clinic, idp)
    idp.person["auth_time"] = int(clock.now().timestamp())
    answer = await there_and_back(v, "/confirm/outside")
    assert idp.last["prompt"] == "login"
    assert answer.headers["location"] == "/confirm/outside/done"
    await v.get("/confirm/outside/done")
    held = v.hidden("held")
    answer = await v.post("/confirm", {"held": held, "way": "proved"})
    assert answer.headers["location"] == "/security"
    assert (await Visitor(clinic).sign_in(WHO, NEW)).status_code == 303
    assert (await v.get("/confirm/outside/done")).status_code == 409


async def test_a_provider_that_did_not_ask_anew_or_somebody_else_there_confirms_nothing(clinic: Clinic, idp: Idp) -> None:
    v = await stepped_out(clinic, idp)
    persons: list[dict[str, Any]] = [
        {"sub": "subject-1", "preferred_username": WHO},
        {"sub": "subject-1", "preferred_username": WHO, "auth_time": int(clock.now().timestamp()) - 600},
        {"sub": "subject-2", "preferred_username": "officer", "auth_time": int(clock.now().timestamp())},
    ]
    for person in persons:
        idp.person = person
        answer = await there_and_back(v, "/confirm/outside")
        assert answer.status_code in (401, 403), person
    await v.get("/confirm/outside/done")
    answer = await v.post("/confirm", {"held": v.hidden("held"), "way": "proved"})
    assert answer.status_code == 401
    assert (await Visitor(clinic).sign_in(WHO, NEW)).status_code == 401


async def test_an_organization_without_a_provider_has_no_such_door(clinic: Clinic, idp: Idp) -> None:
    v = visitor(clinic, idp, host="b.test")
    assert "Sign in with your organization" not in (await v.get("/sign-in")).text
    assert (await v.get("/sign-in/outside")).status_code == 404
    assert (await v.get("/sign-in/outside/return?code=x&state=y")).status_code == 404


async def test_nobody_is_sent_to_another_site_on_the_way_back(clinic: Clinic, idp: Idp) -> None:
    answer = await there_and_back(visitor(clinic, idp), "/sign-in/outside?next=//evil.example")
    assert answer.headers["location"] == "/today"


async def test_a_provider_that_does_not_answer_is_said_so(clinic: Clinic, idp: Idp) -> None:
    v = visitor(clinic, idp, issuer="http://localhost:9")
    answer = await v.get("/sign-in/outside")
    assert answer.status_code == 503
    assert "does not answer" in answer.text


async def test_what_was_begun_too_long_ago_is_over(clinic: Clinic, idp: Idp) -> None:
    v = visitor(clinic, idp)
    out = await v.get("/sign-in/outside")
    async with httpx.AsyncClient(verify=authorities()) as client:
        back = (await client.get(out.headers["location"])).headers["location"].removeprefix("http://a.test")
    with clock.using(clock.FakeClock(clock.now() + timedelta(minutes=11))):
        assert (await v.get(back)).status_code == 401
