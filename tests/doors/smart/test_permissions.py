"""What an app asks for, is allowed, gets and loses, asked of the gate itself: one rule at a time, and what is in the trail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from sojourn.base import clock, errors
from sojourn.gate.access import Access
from sojourn.gate.apps import allowing, asking, ending, keys, registering, registry, tokens
from sojourn.gate.apps.asking import BadApp, SentBack, Wish
from sojourn.gate.apps.refusing import Refused
from sojourn.gate.apps.registry import App
from tests.doors.smart.office import BASE, Key, Office, pkce
from tests.doors.smart.people import REDIRECT, be
from tests.people import A, encounter, patient
from tests.web.real import ADMIN

pytestmark = pytest.mark.asyncio(loop_scope="module")

VERIFIER, CHALLENGE = pkce()


@contextmanager
def moved(monkeypatch: pytest.MonkeyPatch, **step: float) -> Iterator[None]:
    """Everything happens so much later."""
    now = clock.now() + timedelta(**step)
    with monkeypatch.context() as m:
        m.setattr(clock, "now", lambda: now)
        yield


def request(app: App, **more: str) -> dict[str, str]:
    """What an app sends."""
    said = {"response_type": "code", "client_id": app.id, "redirect_uri": REDIRECT, "scope": "openid offline_access user/Observation.rs", "state": "s1", "aud": BASE}
    return {k: v for k, v in {**said, "code_challenge": CHALLENGE, "code_challenge_method": "S256", "nonce": "n1", **more}.items() if v != "none"}


async def wanted(here: Office, app: App, **more: str) -> Wish:
    return (await asking.read(here.clinic.gate.house, here.clinic.gate.house.tenants[A], request(app, **more)))[1]


async def trail(here: Office, app: App) -> list[tuple[str, ...]]:
    """Action, outcome, account, door, purpose and what was asked, of each line about an app."""
    rows = await here.clinic.owner.fetch(
        "SELECT action, outcome, account, door, purpose, query FROM record.audit WHERE type = 'App' AND (door = 'app:' || $1 OR query LIKE '%app=' || $1 || '%') ORDER BY n", app.id
    )
    return [tuple(row) for row in rows]


async def redeemed(here: Office, app: App, code: str, **more: str) -> dict[str, Any]:
    house = here.clinic.gate.house
    form = {"code": code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER, **more}
    return (await tokens.for_code(house, house.tenants[A], app, form, "request")).answer


async def test_what_an_app_asks_is_refused_to_itself_or_to_nobody(here: Office) -> None:
    house = here.clinic.gate.house
    app, _ = await here.person_app(redirects=(REDIRECT, "https://app.example/back?x=1"))
    stopped, _ = await here.person_app()
    await registering.stop(await here.acting(ADMIN), stopped.id, "test")
    service = await here.service(Key("one"))
    for bad in ({"client_id": "nobody"}, {"client_id": "none"}, {"client_id": stopped.id}, {"client_id": service.id}, {"redirect_uri": REDIRECT + "/"}, {"redirect_uri": "none"}):
        with pytest.raises(BadApp):
            await wanted(here, app, **bad)
    with pytest.raises(BadApp):
        await asking.read(house, house.tenants[2], request(app))
    for bad, error, words in (
        ({"nonce": "n" * 2001}, "invalid_request", "too long"), ({"response_type": "token"}, "unsupported_response_type", "code"), ({"response_type": "none"}, "unsupported_response_type", "code"),
        ({"state": "none"}, "invalid_request", "state"), ({"code_challenge_method": "plain"}, "invalid_request", "PKCE"), ({"code_challenge_method": "none"}, "invalid_request", "PKCE"),
        ({"code_challenge": CHALLENGE + "A"}, "invalid_request", "PKCE"), ({"code_challenge": "none"}, "invalid_request", "PKCE"), ({"aud": "https://elsewhere.example"}, "invalid_request", "aud"),
        ({"aud": "none"}, "invalid_request", "aud"), ({"request": "x"}, "request_not_supported", "as they are"), ({"request_uri": "x"}, "request_not_supported", "as they are"),
        ({"scope": "system/*.rs"}, "invalid_scope", "registered"), ({"scope": "none"}, "invalid_scope", "registered"), ({"launch": "nothing"}, "invalid_request", "launch"),
    ):  # fmt: skip
        with pytest.raises(SentBack) as raised:
            await wanted(here, app, **bad)
        said = {k: v[0] for k, v in parse_qs(urlsplit(raised.value.address).query).items()}
        assert said.pop("error_description").find(words) >= 0, said
        assert said == {"error": error, **({} if bad.get("state") else {"state": "s1"}), "iss": BASE}
        assert raised.value.address.startswith(REDIRECT + "?")
    found = await wanted(here, app, aud=BASE + "/", scope="launch openid user/Observation.rs", nonce="n" * 2000, prompt="consent")
    assert (found.scopes, found.state, found.prompt, len(found.nonce)) == (("openid", "user/Observation.rs"), "s1", "consent", 2000), "no launch without one"
    assert replace(found, redirect=REDIRECT + "?x=1").back(BASE, code="c") == REDIRECT + "?x=1&code=c&state=s1&iss=" + BASE.replace(":", "%3A").replace("/", "%2F")


async def test_a_wish_is_opened_by_its_organization_within_half_an_hour_while_the_app_is_as_it_was(here: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    house, tenant = here.clinic.gate.house, here.clinic.gate.house.tenants[A]
    app, _ = await here.person_app()
    wish = await wanted(here, app)
    sealed = asking.seal(house, tenant, wish)
    assert await asking.opened(house, tenant, sealed) == (await registry.one(house.db, tenant, app.id), wish)
    for text in (sealed[:-3], "", "x"):
        with pytest.raises(BadApp):
            await asking.opened(house, tenant, text)
    with pytest.raises(BadApp):
        await asking.opened(house, house.tenants[2], sealed)
    with pytest.raises(BadApp):
        await asking.opened(house, tenant, asking.seal(house, tenant, replace(wish, redirect="https://elsewhere.example")))
    with moved(monkeypatch, minutes=29):
        assert (await asking.opened(house, tenant, sealed))[1] == wish
    with moved(monkeypatch, minutes=30, seconds=30), pytest.raises(BadApp) as raised:
        await asking.opened(house, tenant, sealed)
    assert "took too long" in raised.value.message
    await registering.stop(await here.acting(ADMIN), app.id, "test")
    with pytest.raises(BadApp):
        await asking.opened(house, tenant, sealed)


async def test_a_launch_is_of_an_app_for_them_beside_a_chart_and_a_visit_of_it(here: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    p = (await here.clinic.make("sys-mh", patient())).id
    visit = (await here.clinic.make("sys-mh", encounter(p))).id
    theirs = (await here.clinic.make("sys-mh", encounter((await here.clinic.make("sys-mh", patient())).id))).id
    app, _ = await here.person_app(uses=("staff",), launch="https://app.example/launch")
    access = await here.acting("mh-clinician")
    for other in (replace(app, launch=""), replace(app, uses=("patient",)), registry.moved(app, "stopped")):
        with pytest.raises(errors.NotFound):
            await asking.launch(access, other, p)
    for no in (theirs, "nothing"):
        with pytest.raises(errors.NotFound):
            await asking.launch(access, app, p, no)
    scope = "launch user/Observation.rs"
    found = await wanted(here, app, scope=scope, launch=await asking.launch(access, app, p, visit))
    assert (found.patient, found.encounter, found.account, found.needs_patient) == (p, visit, "mh-clinician", False)
    assert (await trail(here, app))[-1][:2] == ("app-launch", "done")
    secret = await asking.launch(access, app, p)
    with pytest.raises(SentBack):
        await wanted(here, app, scope="user/Observation.rs", launch=secret)
    with pytest.raises(SentBack):
        await wanted(here, app, scope=scope, launch=secret)
    late = await asking.launch(access, app, p)
    with moved(monkeypatch, minutes=6), pytest.raises(SentBack):
        await wanted(here, app, scope=scope, launch=late)
    assert not replace(found, scopes=("patient/*.rs",)).needs_patient, "it is known"
    assert [replace(found, patient="", scopes=s).needs_patient for s in (("launch/patient",), ("patient/*.rs",), ("user/*.rs", "openid"))] == [True, True, False]


async def test_what_is_registered_is_remembered_for_half_a_minute(here: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant, apps = here.clinic.gate.house.tenants[A], here.clinic.gate.house.apps
    app, _ = await here.person_app(origins=("https://one.example",))
    assert (await apps.apps(tenant))[app.id].name == "Heart Notes"
    await here.clinic.owner.execute("UPDATE record.app SET facts = $2 WHERE app = $1", app.id, registry.facts(replace(app, name="Other")))
    now = clock.monotonic()
    for later, name in ((29, "Heart Notes"), (31, "Other"), (60, "Other")):
        with monkeypatch.context() as m:
            m.setattr(clock, "monotonic", lambda later=later: now + later)
            assert (await apps.apps(tenant))[app.id].name == name
    asked = here.clinic.gate.house.db.call
    monkeypatch.setattr(here.clinic.gate.house.db, "call", None)
    assert app.id in await apps.apps(tenant)
    monkeypatch.setattr(here.clinic.gate.house.db, "call", asked)


async def staff(here: Office) -> Access:
    return await here.acting("mh-clinician")


async def test_staff_are_not_asked_again_for_the_same_and_patients_are(here: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    app, _ = await here.person_app(redirects=(REDIRECT, "https://app.example/other"))
    access, wish = await staff(here), await wanted(here, app)
    assert await allowing.before(access, app, wish) is None
    code = await allowing.allow(access, app, wish, ["openid", "user/Observation.rs"])
    assert await allowing.before(access, app, wish) is None, "the app never took it up"
    await redeemed(here, app, code)
    assert await allowing.before(access, app, wish) == ["openid", "user/Observation.rs"]
    assert await allowing.before(access, app, replace(wish, scopes=wish.scopes[::-1])) == ["openid", "user/Observation.rs"]
    await redeemed(here, app, await allowing.allow(access, app, wish, ["openid", "user/Observation.r"]))
    assert await allowing.before(access, app, wish) == ["openid", "user/Observation.r"], "what was left on lately"
    for other in (replace(wish, prompt="consent"), replace(wish, redirect="https://app.example/other"), replace(wish, scopes=wish.scopes[1:]), replace(wish, scopes=(*wish.scopes, "fhirUser"))):
        assert await allowing.before(access, app, other) is None
    with moved(monkeypatch, days=89):
        assert await allowing.before(access, app, wish)
    with moved(monkeypatch, days=91):
        assert await allowing.before(access, app, wish) is None
    await be(here, "ana", "Patient/" + (await here.clinic.make("sys-mh", patient())).id)
    mine = await here.acting("ana")
    await redeemed(here, app, await allowing.allow(mine, app, replace(wish, scopes=("patient/*.rs",), patient="p"), ["patient/*.rs"]))
    assert await allowing.before(mine, app, replace(wish, scopes=("patient/*.rs",))) is None


async def test_what_lasts_wants_a_fresh_proof_of_staff_and_an_app_that_was_not_stopped(here: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    app, _ = await here.person_app()
    wish, access, mine = await wanted(here, app), await staff(here), await here.acting("parent")
    assert not await allowing.unproved(access, wish.scopes)
    old = replace(access.caller, proved=clock.now() - timedelta(hours=1), session=False)
    access.caller = old
    assert await allowing.unproved(access, wish.scopes)
    assert not await allowing.unproved(access, ("openid",))
    mine.caller = replace(mine.caller, proved=None, session=False)
    assert not await allowing.unproved(mine, wish.scopes)
    with pytest.raises(errors.ProofNeeded):
        await allowing.allow(access, app, wish, wish.scopes)
    assert await allowing.allow(access, app, wish, ("openid",))
    await asking.refuse(access, wish)
    await registering.stop(await here.acting(ADMIN), app.id, "test")
    with pytest.raises(BadApp):
        await allowing.allow(access, app, wish, ("openid",))
    assert [line[:2] for line in await trail(here, app) if line[0] == "app-allow"] == [("app-allow", "done"), ("app-allow", "denied"), ("app-allow", "failed")]


async def test_a_code_gives_what_was_allowed_to_who_knows_its_verifier_and_each_try_is_in_the_trail(here: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    house, tenant = here.clinic.gate.house, here.clinic.gate.house.tenants[A]
    app, _ = await here.person_app()
    access, wish = await staff(here), await wanted(here, app, scope="openid fhirUser offline_access user/Observation.rs user/Condition.rs")
    given = await redeemed(here, app, await allowing.allow(access, app, wish, wish.scopes))
    claims = jwt.decode(given["id_token"], options={"verify_signature": False})
    at = claims.pop("iat")
    assert claims == {
        "iss": BASE, "sub": tokens.subject(house, tenant, "mh-clinician"), "aud": app.id, "exp": at + 3600, "auth_time": int(access.caller.proved.timestamp()) if access.caller.proved else None,
        "nonce": "n1", "fhirUser": f"{BASE}/Practitioner/mh-clinician",
    }  # fmt: skip
    assert {k: v for k, v in given.items() if k not in ("access_token", "refresh_token", "id_token")} == {"token_type": "Bearer", "expires_in": 3600, "scope": " ".join(wish.scopes)}
    lines = [("app-token", "done", "mh-clinician", f"app:{app.id}", "TREAT", "how=code")]
    assert [line for line in await trail(here, app) if line[0] == "app-token"] == lines
    form = {"refresh_token": given["refresh_token"], "scope": "openid user/Observation.rs"}
    fewer = (await tokens.for_refresh(house, tenant, app, form, "request")).answer
    assert fewer["scope"] == "openid offline_access user/Observation.rs"
    assert "nonce" not in jwt.decode(fewer["id_token"], options={"verify_signature": False})
    whole = (await tokens.for_refresh(house, tenant, app, {"refresh_token": fewer["refresh_token"]}, "request")).answer
    assert whole["scope"] == " ".join(wish.scopes)
    with pytest.raises(Refused) as raised:
        await tokens.for_refresh(house, tenant, app, {"refresh_token": whole["refresh_token"], "scope": "openid user/Patient.rs"}, "request")
    assert raised.value.error == "invalid_scope"
    for form in ({"refresh_token": "nothing"}, {}):
        with pytest.raises(Refused):
            await tokens.for_refresh(house, tenant, app, form, "request")
    with pytest.raises(Refused):
        await redeemed(here, app, "nothing")
    lines += [(*line[:5], "how=refresh") for line in lines * 2]
    lines += [("app-token", "denied", "", f"app:{app.id}", "", f"how={how}") for how in ("refresh", "refresh", "code")]
    assert [line for line in await trail(here, app) if line[0] == "app-token"] == lines
    assert [tokens.purpose_of(kind, role, house, tenant) for kind, role in (("patient", "patient"), ("proxy", "proxy"), ("staff", "clinician"), ("staff", "biller"))] == ["PATRQT", "FAMRQT", "TREAT", "HPAYMT"]
    plain = await redeemed(here, app, await allowing.allow(access, app, wish, ("user/Observation.rs",)))
    assert not {"refresh_token", "id_token", "patient", "encounter"} & plain.keys()
    code = await allowing.allow(access, app, wish, ("openid", "user/Observation.rs"))
    claims = jwt.decode((await redeemed(here, app, code))["id_token"], options={"verify_signature": False})
    assert "fhirUser" not in claims, "it was not asked for"
    assert {**tokens.beside(house, "p", "e")}.items() >= {"patient": "p", "encounter": "e", "need_patient_banner": True}.items()
    assert tokens.beside(house, None, "") == {}
    for wrong in ({"redirect_uri": "https://app.example/other"}, {"redirect_uri": ""}, {"code_verifier": VERIFIER + "x"}, {"code_verifier": ""}):
        code = await allowing.allow(access, app, wish, ("user/Observation.rs",))
        for more in (wrong, {}):
            with pytest.raises(Refused) as raised:
                await redeemed(here, app, code, **more)
            assert raised.value.error == "invalid_grant"
    code = await allowing.allow(access, app, wish, ("user/Observation.rs",))
    with moved(monkeypatch, minutes=3), pytest.raises(Refused):
        await redeemed(here, app, code)


async def test_a_service_gets_a_token_while_it_is_one_and_the_trail_says_so(here: Office) -> None:
    house, tenant = here.clinic.gate.house, here.clinic.gate.house.tenants[A]
    app = await here.service(Key("one"), scopes="system/Observation.rs system/Condition.rs")
    given = (await tokens.for_service(house, tenant, app, "system/Observation.rs system/Patient.rs", "request")).answer
    assert {k: v for k, v in given.items() if k != "access_token"} == {"token_type": "bearer", "expires_in": 300, "scope": "system/Observation.rs"}
    for other in (replace(app, uses=("staff",)), replace(app, account="")):
        with pytest.raises(Refused) as raised:
            await tokens.for_service(house, tenant, other, "system/Observation.rs", "request")
        assert raised.value.error == "unauthorized_client"
    for scope in ("", "user/Observation.rs", "system/Patient.rs"):
        with pytest.raises(Refused) as raised:
            await tokens.for_service(house, tenant, app, scope, "request")
        assert raised.value.error == "invalid_scope"
    await registering.stop(await here.acting(ADMIN), app.id, "test")
    with pytest.raises(Refused) as raised:
        await tokens.for_service(house, tenant, app, "system/Observation.rs", "request")
    assert (raised.value.error, "stopped" in raised.value.message) == ("unauthorized_client", True)
    lines = [line for line in await trail(here, app) if line[0] == "app-token"]
    assert lines == [("app-token", outcome, app.account, f"app:{app.id}", "", "how=service") for outcome in ("done", "denied")]
    untested = await here.service(Key("two"), whose="outside", organization="Organization/lakeside", live=False)
    with pytest.raises(Refused) as raised:
        await tokens.for_service(house, tenant, untested, "system/Observation.rs", "request")
    assert (raised.value.error, "not tested" in raised.value.message) == ("unauthorized_client", True)


async def test_what_an_app_knows_of_its_tokens_and_how_they_end(here: Office) -> None:
    house, tenant = here.clinic.gate.house, here.clinic.gate.house.tenants[A]
    p = (await here.clinic.make("sys-mh", patient())).id
    app, _ = await here.person_app(name="Ledger")
    other, _ = await here.person_app()
    access, wish = await staff(here), replace(await wanted(here, app, scope="openid fhirUser offline_access patient/*.rs"), patient=p)
    given = await redeemed(here, app, await allowing.allow(access, app, wish, wish.scopes))
    said = await ending.introspected(house, tenant, app, given["access_token"])
    assert said.pop("exp") - said.pop("iat") == 3600
    about = {"active": True, "client_id": app.id, "scope": " ".join(wish.scopes), "iss": BASE, "sub": tokens.subject(house, tenant, "mh-clinician")}
    beside = {"patient": p, "need_patient_banner": True, "smart_style_url": BASE.removesuffix("/fhir") + "/oauth/style.json", "fhirUser": f"{BASE}/Practitioner/mh-clinician"}
    assert said == {**about, "token_type": "Bearer", **beside}
    said = await ending.introspected(house, tenant, app, given["refresh_token"])
    assert said["exp"] - said["iat"] == 92 * 24 * 3600
    assert {k: v for k, v in said.items() if k not in ("exp", "iat")} == {**about, **beside}, "of what kind it is, is not said"
    assert await ending.introspected(house, tenant, other, given["access_token"]) == {"active": False}
    await ending.given_back(house, tenant, other, given["access_token"], "request")
    assert (await ending.introspected(house, tenant, app, given["access_token"]))["active"]
    await ending.given_back(house, tenant, app, given["access_token"], "request")
    assert await ending.introspected(house, tenant, app, given["access_token"]) == {"active": False}
    assert [line for line in await trail(here, other) if line[0] == "app-revoke"] == [("app-revoke", "failed", "", f"app:{other.id}", "", "by=app")]
    assert [line for line in await trail(here, app) if line[0] == "app-revoke"] == [("app-revoke", "done", "", f"app:{app.id}", "", "by=app")]
    bare = await redeemed(here, app, await allowing.allow(access, app, wish, ("patient/*.rs",)))
    assert "fhirUser" not in await ending.introspected(house, tenant, app, bare["access_token"])
    mine = [one for one in await ending.mine(access) if one.client == app.id]
    assert [(one.app.name if one.app else "", one.account, one.patient, one.scopes) for one in mine] == [("Ledger", "mh-clinician", p, "patient/*.rs"), ("Ledger", "mh-clinician", p, " ".join(wish.scopes))]
    assert [one for one in await ending.mine(await here.acting("far-clinician")) if one.client == app.id] == []
    with pytest.raises(errors.Forbidden):
        await ending.of_app(access, app.id)
    officer = await here.acting(ADMIN)
    assert [one.account for one in await ending.of_app(officer, app.id)] == ["mh-clinician"] * 2
    for who in ("far-clinician", "nobody"):
        with pytest.raises(errors.NotFound):
            await ending.stop_for(officer, app.id, who)
    await ending.stop_for(officer, app.id, "mh-clinician")
    assert await ending.introspected(house, tenant, app, bare["access_token"]) == {"active": False}
    with pytest.raises(errors.NotFound):
        await ending.stop_mine(access, app.id)
    await allowing.allow(access, app, wish, ("openid",))
    await ending.stop_mine(access, app.id)
    assert [line[-1].split("&")[0] for line in await trail(here, app) if line[:2] == ("app-revoke", "done")] == ["by=app", "by=administrator", "by=person"]
    officer.caller = replace(officer.caller, proved=None, session=False)
    with pytest.raises(errors.ProofNeeded):
        await ending.stop_for(officer, app.id, "mh-clinician")


async def test_what_was_allowed_is_listed_app_by_app() -> None:
    at = clock.now()
    app = App("a", "Diary", ("patient",), "chosen", "none", "", publisher="Quill")
    one = ending.Allowed("1", app, "a", "ana", "Ana", "patient/Observation.rs", "p", at, at + timedelta(days=2), None)
    two = replace(one, id="2", scopes="offline_access patient/Condition.rs patient/Observation.rs", created=at - timedelta(days=1), expires=at + timedelta(days=1), used=at)
    three = replace(one, id="3", app=None, client="gone")
    first, second = ending.by_app([one, two, three])
    assert (first["client"], first["name"], first["publisher"], first["first"], first["used"], first["expires"], first["offline"]) == ("a", "Diary", "Quill", two.created, at, one.expires, True)
    assert len(first["scopes"]) == len(set(first["scopes"])) > 1
    assert ending.by_app([two, one])[0]["used"] == at
    assert (second["client"], second["name"], second["used"], second["offline"]) == ("gone", "An app that is no longer there", None, False)


async def test_what_we_sign_is_proved_by_the_keys_that_are_published_and_a_key_that_may_be_known_is_ended_by_who_may(here: Office) -> None:
    house, tenant = here.clinic.gate.house, here.clinic.gate.house.tenants[A]
    offered = await keys.offered(house, tenant)
    assert [(k["alg"], k["use"], k["kty"]) for k in offered] == [("RS256", "sig", "RSA"), ("RS384", "sig", "RSA")]
    assert offered[1]["kid"] == offered[0]["kid"] + "-service"
    assert not {"d", "p", "q", "key_ops"} & offered[0].keys()
    for service, key in zip((False, True), offered, strict=True):
        signed = await keys.signed(house, tenant, {"iss": "us"}, service=service)
        assert jwt.get_unverified_header(signed)["kid"] == key["kid"]
        assert jwt.decode(signed, jwt.PyJWK(json.loads(json.dumps(key))).key, algorithms=[key["alg"]]) == {"iss": "us"}
    with pytest.raises(errors.Forbidden):
        await keys.renew(await staff(here))
    admin = await here.acting(ADMIN)
    await keys.renew(admin)
    assert not {k["kid"] for k in offered} & {k["kid"] for k in await keys.offered(house, tenant)}
    admin.caller = replace(admin.caller, proved=None, session=False)
    with pytest.raises(errors.ProofNeeded):
        await keys.renew(admin)
    assert await here.clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE action = 'app-keys-renew' AND outcome = 'done'") == 1
