"""Codes and tokens of apps: good once, taken in turns, known to their app alone, and ended by whoever may. RFC 6749, 7009, 7662, 9700."""

from __future__ import annotations

from typing import Any

import pytest

from sojourn.base import clock, errors
from sojourn.gate import accounts, secondperson
from sojourn.gate.apps import ending, registering
from tests.doors.smart.office import ASSERTION, BASE, Key, Office, keys, pkce
from tests.doors.smart.people import REDIRECT, Person, own, through, wish
from tests.web.real import ADMIN

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_code_is_good_once_for_its_app_with_its_verifier_and_address(here: Office) -> None:
    _, ana = await own(here)
    app, _ = await here.person_app(uses=("patient",), whose="chosen", redirects=(REDIRECT, "https://app.example/other"))
    other, _ = await here.person_app(uses=("patient",), whose="chosen")

    async def code() -> tuple[str, str]:
        verifier, challenge = pkce()
        await ana.go(wish(app, challenge))
        await ana.sign_in()
        await ana.decide()
        return ana.answer["code"], verifier

    async def redeem(code: str, verifier: str, **more: str) -> Any:
        return await here.token(**{"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": verifier, "client_id": app.id, **more})

    for more in ({"code_verifier": pkce()[0]}, {"code_verifier": ""}, {"redirect_uri": "https://app.example/other"}, {"redirect_uri": ""}, {"client_id": other.id}):
        given = await code()
        assert (await redeem(*given, **more)).json()["error"] == "invalid_grant", more
        if "client_id" not in more:
            assert (await redeem(*given)).json()["error"] == "invalid_grant", "what was tried is used up"
    first = await code()
    token = (await redeem(*first)).json()["access_token"]
    assert (await here.fhir(token, "Patient")).status_code == 200
    assert (await redeem(*first)).json()["error"] == "invalid_grant"
    assert (await here.fhir(token, "Patient")).status_code == 401, "a code that comes twice was copied: what it gave ends"
    late = await code()
    await here.clinic.owner.execute("UPDATE record.app_grant SET code_expires = now() - interval '1 second' WHERE app = $1 AND code_used IS NULL", app.id)
    assert (await redeem(*late)).json()["error"] == "invalid_grant"


async def test_refresh_tokens_take_turns_and_one_that_comes_twice_ends_them_all(here: Office) -> None:
    _, ana = await own(here)
    app, secret = await here.person_app(uses=("patient",), whose="chosen", method="client_secret_basic")
    given = await through(ana, app, secret=secret)

    async def again(token: str, **more: str) -> Any:
        async with here.http as http:
            return await http.post("/oauth/token", data={"grant_type": "refresh_token", "refresh_token": token, **more}, auth=(app.id, secret))

    second = (await again(given["refresh_token"])).json()
    assert second["refresh_token"] != given["refresh_token"]
    assert second["patient"] == given["patient"]
    fewer = (await again(second["refresh_token"], scope="patient/*.rs")).json()
    assert "openid" not in fewer["scope"].split()
    wider = await again(fewer["refresh_token"], scope="patient/*.cruds")
    assert wider.json()["error"] == "invalid_scope"
    stolen = await again(given["refresh_token"])
    assert stolen.json()["error"] == "invalid_grant"
    assert (await here.fhir(fewer["access_token"], "Patient")).status_code == 401
    kept = await here.clinic.owner.fetchrow("SELECT revoked_how FROM record.app_grant WHERE app = $1", app.id)
    assert kept["revoked_how"] == "reuse"
    stored = await here.clinic.owner.fetch("SELECT token FROM record.app_refresh")
    assert all(given["refresh_token"].encode() not in bytes(row["token"]) for row in stored)


async def test_a_public_app_need_not_say_who_it_is_when_it_refreshes_but_a_confidential_one_must(here: Office) -> None:
    _, ana = await own(here)
    public, _ = await here.person_app(uses=("patient",), whose="chosen")
    given = await through(ana, public)
    again = await here.token(grant_type="refresh_token", refresh_token=given["refresh_token"])
    assert again.status_code == 200
    assert (await here.token(grant_type="refresh_token", refresh_token=given["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await here.fhir(again.json()["access_token"], "Patient")).status_code == 401, "it came twice"
    assert (await here.token(grant_type="refresh_token", refresh_token="nothing")).json()["error"] == "invalid_client"
    closed, secret = await here.person_app(uses=("patient",), whose="chosen", method="client_secret_basic")
    given = await through(ana, closed, secret=secret)
    assert (await here.token(grant_type="refresh_token", refresh_token=given["refresh_token"])).json()["error"] == "invalid_client"
    assert (await here.fhir(given["access_token"], "Patient")).status_code == 200, "nobody else's try ends it"


async def test_an_app_with_a_key_and_one_with_a_secret_have_to_prove_it(here: Office) -> None:
    _, ana = await own(here)
    key = Key("browser")
    signed, _ = await here.person_app(uses=("patient",), whose="chosen", method="private_key_jwt", jwks=keys(key))
    verifier, challenge = pkce()
    await ana.go(wish(signed, challenge))
    await ana.sign_in()
    await ana.decide()
    form = {"grant_type": "authorization_code", "code": ana.answer["code"], "redirect_uri": REDIRECT, "code_verifier": verifier}
    assert (await here.token(**form, client_id=signed.id)).json()["error"] == "invalid_client"
    assert (await here.token(**form, client_assertion_type=ASSERTION, client_assertion=key.assertion(signed.id))).status_code == 200
    secret_one, secret = await here.person_app(uses=("patient",), whose="chosen", method="client_secret_basic")
    assert (await here.token(**form, client_id=secret_one.id, client_secret=secret)).json()["error"] == "invalid_client"
    async with here.http as http:
        wrong = await http.post("/oauth/token", data=form, auth=(secret_one.id, secret + "x"))
    assert wrong.status_code == 401
    assert wrong.headers["www-authenticate"].startswith("Basic")


async def test_an_app_learns_of_its_own_tokens_and_gives_them_back(here: Office) -> None:
    p, ana = await own(here)
    app, secret = await here.person_app(uses=("patient",), whose="chosen", method="client_secret_basic")
    other, other_secret = await here.person_app(uses=("patient",), whose="chosen", method="client_secret_basic")
    given = await through(ana, app, secret=secret)

    async def about(token: str, who: tuple[str, str] = (app.id, secret), path: str = "introspect") -> Any:
        async with here.http as http:
            return await http.post(f"/oauth/{path}", data={"token": token}, auth=who)

    said = (await about(given["access_token"])).json()
    assert said["active"] is True
    assert said["patient"] == p
    assert said["fhirUser"] == f"{BASE}/Patient/{p}"
    assert said["client_id"] == app.id
    assert said["exp"] > clock.now().timestamp()
    assert (await about(given["refresh_token"])).json()["active"] is True
    assert (await about(given["access_token"], (other.id, other_secret))).json() == {"active": False}
    assert (await about("nothing")).json() == {"active": False}
    assert (await about(given["access_token"], (app.id, "no"))).status_code == 401
    assert (await about(given["access_token"], (other.id, other_secret), "revoke")).status_code == 200
    assert (await here.fhir(given["access_token"], "Patient")).status_code == 200, "another app cannot end it"
    assert (await about(given["access_token"], path="revoke")).status_code == 200
    assert (await here.fhir(given["access_token"], "Patient")).status_code == 401
    assert (await about(given["access_token"])).json() == {"active": False}
    assert (await about(given["refresh_token"], path="revoke")).status_code == 200
    async with here.http as http:
        gone = await http.post("/oauth/token", data={"grant_type": "refresh_token", "refresh_token": given["refresh_token"]}, auth=(app.id, secret))
    assert gone.json()["error"] == "invalid_grant"


async def test_a_person_stops_an_app_and_a_program_of_theirs_can_too(here: Office) -> None:
    _, ana = await own(here)
    app, _ = await here.person_app(uses=("patient",), whose="chosen", name="Stopwatch")
    given = await through(ana, app)
    await ana.go("/oauth/apps")
    await ana.sign_in()
    assert "Stopwatch" in ana.last.text
    await ana.send("/oauth/apps/stop", app=app.id)
    assert "Stopped." in ana.last.text
    assert "Stopwatch" not in ana.last.text
    assert (await here.fhir(given["access_token"], "Patient")).status_code == 401
    assert (await here.token(grant_type="refresh_token", refresh_token=given["refresh_token"], client_id=app.id)).json()["error"] == "invalid_grant"
    given = await through(ana, app)
    async with here.http as http:
        mine = {"authorization": f"Bearer {here.clinic.tokens['ana']}"}
        listed = (await http.get("/oauth/permissions", headers=mine)).json()["permissions"]
        assert [one["client_name"] for one in listed if one["client_id"] == app.id] == ["Stopwatch"]
        assert (await http.get("/oauth/permissions", headers={"authorization": "Bearer nothing"})).status_code == 401
        seen_by_app = (await http.get("/oauth/permissions", headers={"authorization": f"Bearer {given['access_token']}"})).json()["permissions"]
        assert [one["client_id"] for one in seen_by_app] == [app.id]
        assert (await http.delete("/oauth/permissions?client_id=other", headers={"authorization": f"Bearer {given['access_token']}"})).status_code == 403
        assert (await http.delete(f"/oauth/permissions?client_id={app.id}", headers=mine)).status_code == 204
        assert (await http.delete(f"/oauth/permissions?client_id={app.id}", headers=mine)).status_code == 404
    assert (await here.fhir(given["access_token"], "Patient")).status_code == 401


async def test_what_ends_an_account_or_an_app_ends_what_was_allowed(here: Office) -> None:
    _, rosa = await own(here, "rosa")
    app, _ = await here.person_app(uses=("patient",), whose="chosen")
    given = await through(rosa, app)
    tenant = here.clinic.gate.house.tenants[1]
    await here.clinic.gate.house.db.call("SELECT gate.set_account_state($1, 'rosa', 'deactivated', '', '', $2)", tenant.number, clock.now())
    assert (await here.fhir(given["access_token"], "Patient")).status_code == 401
    await here.clinic.gate.house.db.call("SELECT gate.set_account_state($1, 'rosa', 'active', '', '', $2)", tenant.number, clock.now())
    assert (await here.token(grant_type="refresh_token", refresh_token=given["refresh_token"], client_id=app.id)).json()["error"] == "invalid_grant"
    given = await through(rosa, app)
    await registering.stop(await here.acting(ADMIN), app.id, "test")
    assert (await here.fhir(given["access_token"], "Patient")).status_code == 401
    await rosa.go(wish(app, pkce()[1]))
    assert rosa.last.status_code == 400
    with pytest.raises(errors.Forbidden):
        await ending.stop_for(await here.acting("mh-clinician"), app.id, "rosa")


async def test_an_app_asks_for_the_purpose_that_its_person_works_for_now(here: Office) -> None:
    app, _ = await here.person_app(uses=("staff",))
    given = await through(Person(here, "far-clinician", "staff"), app, scope="openid offline_access user/*.rs")
    purposes = []
    for role in ("", "biller"):
        if role:
            assert not await accounts.assign(await here.acting(ADMIN), "far-clinician", role=role, programs=[3], acting=3)
            officer = await here.acting("officer")
            (asked,) = await secondperson.asked(officer, "far-clinician")
            await secondperson.decide(officer, "far-clinician", asked.at.isoformat(), granted=True)
            given = (await here.token(grant_type="refresh_token", refresh_token=given["refresh_token"], client_id=app.id)).json()
        await here.fhir(given["access_token"], "Patient")
        purposes.append(await here.clinic.owner.fetchval("SELECT purpose FROM record.audit WHERE door = $1 AND type = 'Patient' ORDER BY recorded DESC LIMIT 1", f"app:{app.id}"))
    assert purposes == ["TREAT", "HPAYMT"]


async def test_the_report_of_who_looked_says_that_it_was_through_an_app(here: Office) -> None:
    p, ana = await own(here)
    app, _ = await here.person_app(uses=("patient",), whose="chosen")
    given = await through(ana, app)
    assert (await here.fhir(given["access_token"], f"Patient/{p}")).status_code == 200
    # Another test may have looked ana up as somebody else: a read of the record finds that this has changed, a refusal of a role does not.
    assert (await here.fhir(here.clinic.tokens["ana"], f"Patient/{p}")).status_code == 200
    report = (await here.fhir(here.clinic.tokens["ana"], f"Patient/{p}/$access-report")).text
    assert "ana, through an app" in report
