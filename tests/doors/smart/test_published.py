"""What the published list of requirements asks for and no other test of apps shows (tests/conformance/smart.toml). SMART App Launch 2.2."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import httpx
import jwt
import pytest

from sojourn.base import clock
from sojourn.doors.smart.wellknown import CAPABILITIES
from sojourn.gate.apps import allowing, asking, tokens
from sojourn.gate.apps.refusing import Refused
from sojourn.record import organization
from sojourn.web.outbound import Outbound
from tests.doors.smart.office import ASSERTION, BASE, ROOT, Key, Office, pkce
from tests.doors.smart.people import REDIRECT, Person, own, through, wish
from tests.people import A, encounter, observation, patient
from tests.web.real import HASH

pytestmark = pytest.mark.asyncio(loop_scope="module")
KEY, RSA = Key("one"), Key("one", "RS384")
TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""What stands after Bearer (RFC 6750, 2.1)."""


async def test_discovery_is_json_for_everybody_with_whole_addresses(here: Office) -> None:
    async with here.http as http:
        for accept in ("application/json", "application/fhir+xml", "text/html", "*/*", "nonsense"):
            answer = await http.get("/fhir/.well-known/smart-configuration", headers={"accept": accept})
            assert answer.status_code == 200
            assert answer.headers["content-type"].split(";")[0] == "application/json"
            said = answer.json()
    assert said["issuer"] == BASE
    assert said["jwks_uri"] == f"{ROOT}/oauth/jwks"
    assert said["authorization_endpoint"] == f"{ROOT}/oauth/authorize"
    assert said["management_endpoint"] == f"{ROOT}/oauth/apps"
    assert all(value.startswith("http://a.test/") for name, value in said.items() if name.endswith(("_endpoint", "_uri")) or name == "issuer")
    assert {"introspection_endpoint", "revocation_endpoint", "registration_endpoint"} <= said.keys()
    assert {"authorization_code", "client_credentials"} <= set(said["grant_types_supported"])
    assert "private_key_jwt" in said["token_endpoint_auth_methods_supported"]
    assert set(said["token_endpoint_auth_signing_alg_values_supported"]) == {"RS384", "ES384"}
    assert {"openid", "fhirUser", "launch", "launch/patient", "offline_access", "patient/*.rs", "system/*.rs"} <= set(said["scopes_supported"])
    assert said["response_types_supported"] == ["code"]
    assert said["code_challenge_methods_supported"] == ["S256"]
    assert said["capabilities"] == list(CAPABILITIES)


async def test_the_capability_sets_of_patients_and_clinicians_are_whole() -> None:
    both = {"client-public", "client-confidential-symmetric", "permission-patient"}
    for needed in (
        {"launch-standalone", "context-standalone-patient"}, {"launch-ehr", "context-ehr-patient"}, {"launch-standalone", "permission-user"},
        {"launch-ehr", "context-ehr-patient", "context-ehr-encounter", "permission-user"},
    ):  # fmt: skip
        assert both | needed <= set(CAPABILITIES)


async def test_scripts_of_any_origin_read_what_is_public_and_registered_ones_the_rest(here: Office) -> None:
    app, _ = await here.person_app(uses=("patient",), whose="chosen", redirects=("https://heart.example/back",))
    _, ana = await own(here)
    given = await through(ana, app)
    async with here.http as http:
        for path in ("/fhir/metadata", "/fhir/.well-known/smart-configuration"):
            for origin in ("https://anybody.example", "https://heart.example", "null"):
                answer = await http.get(path, headers={"origin": origin})
                assert answer.status_code == 200
                assert answer.headers["access-control-allow-origin"] == "*"
            before = await http.options(path, headers={"origin": "https://anybody.example", "access-control-request-method": "GET"})
            assert (before.status_code, before.headers["access-control-allow-origin"]) == (204, "*")
        bearer = {"authorization": f"Bearer {given['access_token']}"}
        for origin, allowed in (("https://heart.example", "https://heart.example"), ("https://anybody.example", None)):
            for answer in (await http.get("/fhir/Patient", headers={**bearer, "origin": origin}), await http.post("/oauth/token", data={"grant_type": "x"}, headers={"origin": origin})):
                assert answer.headers.get("access-control-allow-origin") == allowed


async def test_a_code_comes_with_the_state_of_the_request_and_ends_soon(here: Office) -> None:
    _, ana = await own(here)
    app, _ = await here.person_app(uses=("patient",), whose="chosen")
    verifier, challenge = pkce()
    await ana.go(wish(app, challenge, state="a b&c=ü"))
    await ana.sign_in()
    await ana.decide()
    assert ana.last.headers["location"].startswith(REDIRECT + "?")
    assert ana.answer["state"] == "a b&c=ü"
    row = await here.clinic.owner.fetchrow("SELECT created, code_expires FROM record.app_grant WHERE app = $1", app.id)
    assert row["code_expires"] - row["created"] == allowing.CODE <= timedelta(minutes=10)
    form = {"grant_type": "authorization_code", "code": ana.answer["code"], "redirect_uri": REDIRECT, "client_id": app.id}
    assert (await here.token(**form)).json()["error"] == "invalid_grant", "a verifier has to be there"
    assert (await here.token(**form, code_verifier=verifier)).json()["error"] == "invalid_grant", "and the code was tried"


async def test_what_the_token_endpoint_answers_for_a_code_and_for_a_refresh(here: Office) -> None:
    p, ana = await own(here)
    app, _ = await here.person_app(uses=("patient",), whose="chosen")
    verifier, challenge = pkce()
    await ana.go(wish(app, challenge))
    await ana.sign_in()
    await ana.decide()
    first = await here.token(grant_type="authorization_code", code=ana.answer["code"], redirect_uri=REDIRECT, code_verifier=verifier, client_id=app.id)
    second = await here.token(grant_type="refresh_token", refresh_token=first.json()["refresh_token"], client_id=app.id)
    for answer in (first, second):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("application/json")
        assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
        given = answer.json()
        assert TOKEN.fullmatch(given["access_token"])
        assert given["token_type"] == "Bearer"
        assert given["expires_in"] == 3600
        assert given["patient"] == p
        assert given["need_patient_banner"] is True
        assert given["smart_style_url"] == f"{ROOT}/oauth/style.json"
        assert "id_token" in given
        assert (await here.fhir(given["access_token"], f"Patient/{p}")).status_code == 200
    one, two = first.json(), second.json()
    assert two["access_token"] != one["access_token"]
    assert two["scope"] == one["scope"], "who names no scope gets those of before"
    fewer = (await here.token(grant_type="refresh_token", refresh_token=two["refresh_token"], client_id=app.id, scope="patient/*.rs")).json()
    assert set(fewer["scope"].split()) == {"patient/*.rs", "offline_access"}, "what was asked for, and what the refresh token rests on"
    refused = await here.token(grant_type="refresh_token", refresh_token="nothing", client_id=app.id)
    assert (refused.status_code, refused.headers["cache-control"], refused.json()["error"]) == (400, "no-store", "invalid_grant")


async def test_a_token_that_is_over_opens_nothing(here: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    p, ana = await own(here)
    app, secret = await here.person_app(uses=("patient",), whose="chosen", method="client_secret_basic")
    given = await through(ana, app, secret=secret)
    service = await here.service(KEY)
    own_token = (await here.for_service(service, KEY)).json()["access_token"]
    now = clock.now()

    async def active() -> Any:
        async with here.http as http:
            return (await http.post("/oauth/introspect", data={"token": given["access_token"]}, auth=(app.id, secret))).json()["active"]

    for token, life in ((own_token, tokens.SERVICE), (given["access_token"], tokens.LIFE)):
        assert (await here.fhir(token, f"Patient/{p}")).status_code == 200
        for step, status in ((timedelta(seconds=-5), 200), (timedelta(seconds=1), 401)):
            monkeypatch.setattr("sojourn.base.clock.now", lambda then=now + life + step: then)
            assert (await here.fhir(token, f"Patient/{p}")).status_code == status, (life, step)
            assert await active() is (token == own_token or status == 200)
        monkeypatch.undo()


async def test_a_refresh_token_is_its_own_apps_alone(here: Office) -> None:
    _, ana = await own(here)
    app, _ = await here.person_app(uses=("patient",), whose="chosen")
    other, secret = await here.person_app(uses=("patient",), whose="chosen", method="client_secret_basic")
    given = await through(ana, app)
    form = {"grant_type": "refresh_token", "refresh_token": given["refresh_token"]}
    async with here.http as http:
        assert (await http.post("/oauth/token", data=form, auth=(other.id, secret))).json()["error"] == "invalid_grant"
    assert (await here.token(**form, client_id=app.id)).status_code == 200, "and it is not used up by that"


async def test_a_service_gets_a_short_token_and_no_other(here: Office) -> None:
    service = await here.service(KEY, scopes="system/Observation.rs system/Patient.rs")
    answer = await here.for_service(service, KEY, "system/Observation.rs")
    given = answer.json()
    assert given.keys() == {"access_token", "token_type", "expires_in", "scope"}
    assert TOKEN.fullmatch(given["access_token"])
    assert (given["token_type"].lower(), given["expires_in"], given["scope"]) == ("bearer", 300, "system/Observation.rs"), "no more than was asked for"
    refused = await here.for_service(service, KEY, "system/Condition.rs")
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_scope")
    assert refused.json()["error_description"]
    async with here.http as http:
        for form in ({"client_assertion_type": ASSERTION, "client_assertion": "x.y.z"}, {"client_id": service.id}):
            answer = await http.post("/oauth/token", data={"grant_type": "client_credentials", "scope": "system/*.rs", **form})
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    with pytest.raises(Refused):
        await here.person_app(uses=("service",), method="client_secret_basic", redirects=())


async def test_scopes_about_a_patient_bring_one_also_without_being_asked(here: Office) -> None:
    p, ana = await own(here)
    app, _ = await here.person_app()
    assert (await through(ana, app, scope="patient/Observation.rs"))["patient"] == p
    dana = Person(here, "mh-clinician", "staff")
    await dana.go(wish(app, pkce()[1], scope="patient/Observation.rs"))
    await dana.sign_in()
    assert "Whose record?" in dana.last.text


async def test_each_question_in_a_batch_is_weighed_by_its_own_scopes(here: Office) -> None:
    p, ana = await own(here)
    o = (await here.clinic.make("sys-mh", observation(p))).id
    app, _ = await here.person_app(uses=("patient",), whose="chosen")
    token = (await through(ana, app, scope="patient/Observation.rs"))["access_token"]
    asked = {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": url}} for url in (f"Observation/{o}", f"Patient/{p}", "Condition")]}
    async with here.http as http:
        answer = await http.post("/fhir", json=asked, headers={"authorization": f"Bearer {token}", "content-type": "application/fhir+json"})
    assert [entry["response"]["status"][:3] for entry in answer.json()["entry"]] == ["200", "403", "403"]


async def test_an_app_in_a_patients_context_does_not_follow_a_link_to_another_record(here: Office) -> None:
    other = (await here.clinic.make("sys-mh", patient("Riviera"))).id
    theirs = (await here.clinic.make("sys-mh", observation(other))).id
    p = (await here.clinic.make("sys-mh", {**patient(), "link": [{"other": {"reference": f"Patient/{other}"}, "type": "seealso"}]})).id
    mine = (await here.clinic.make("sys-mh", observation(p))).id
    app, _ = await here.person_app(uses=("staff",), launch="https://app.example/launch")
    secret = await asking.launch(await here.acting("mh-clinician"), app, p)
    given = await through(Person(here, "mh-clinician", "staff"), app, scope="launch patient/*.rs", launch=secret)
    found = (await here.fhir(given["access_token"], "Observation")).json()
    assert {entry["resource"]["id"] for entry in found["entry"]} == {mine}
    for path in (f"Patient/{other}", f"Observation/{theirs}"):
        assert (await here.fhir(given["access_token"], path)).status_code == 404
        assert (await here.fhir(here.clinic.tokens["mh-clinician"], path)).status_code == 200, "its person may see it"


async def test_introspection_repeats_what_the_token_answer_said(here: Office) -> None:
    p = (await here.clinic.make("sys-mh", patient())).id
    e = (await here.clinic.make("sys-mh", encounter(p))).id
    app, secret = await here.person_app(uses=("staff",), launch="https://app.example/launch", method="client_secret_basic")
    scope = "launch openid fhirUser patient/*.rs launch/encounter"
    beside = await asking.launch(await here.acting("mh-clinician"), app, p, e)
    given = await through(Person(here, "mh-clinician", "staff"), app, secret=secret, scope=scope, launch=beside)
    claims = jwt.decode(given["id_token"], options={"verify_signature": False})
    async with here.http as http:
        said = (await http.post("/oauth/introspect", data={"token": given["access_token"]}, auth=(app.id, secret))).json()
    assert said["active"] is True
    assert (said["scope"], said["client_id"]) == (given["scope"], app.id)
    assert isinstance(said["exp"], int)
    assert abs(said["exp"] - clock.now().timestamp() - given["expires_in"]) < 60
    assert (given["patient"], given["encounter"]) == (p, e)
    context = ("patient", "encounter", "need_patient_banner", "smart_style_url")
    assert {name: said[name] for name in context} == {name: given[name] for name in context}
    assert {name: said[name] for name in ("iss", "sub", "fhirUser")} == {name: claims[name] for name in ("iss", "sub", "fhirUser")}
    assert claims["fhirUser"].startswith(f"{BASE}/Practitioner/")


async def test_an_app_may_introspect_with_a_token_of_its_own(here: Office) -> None:
    _, ana = await own(here)
    app, _ = await here.person_app(uses=("patient",), whose="chosen")
    other, _ = await here.person_app(uses=("patient",), whose="chosen")
    mine, theirs = await through(ana, app), await through(ana, other)

    async def about(token: str, bearer: str) -> httpx.Response:
        async with here.http as http:
            return await http.post("/oauth/introspect", data={"token": token}, headers={"authorization": f"Bearer {bearer}"})

    assert (await about(mine["access_token"], mine["access_token"])).json()["active"] is True
    assert (await about(mine["refresh_token"], mine["access_token"])).json()["active"] is True
    assert (await about(theirs["access_token"], mine["access_token"])).json() == {"active": False}, "another app's is nothing to it"
    for bearer in ("nothing", mine["refresh_token"], here.clinic.tokens["ana"], ""):
        answer = await about(mine["access_token"], bearer)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), bearer
    async with here.http as http:
        assert (await http.post("/oauth/revoke", data={"token": mine["access_token"]}, headers={"authorization": f"Bearer {mine['access_token']}"})).status_code == 401, "only this"


@pytest.mark.parametrize(
    ("said", "fetches"), [("max-age=60", 1), ("public, max-age=60", 1), ("", 1), ("no-store", 3), ("no-cache", 3), ("max-age=0", 3), ("max-age=30", 2), ("max-age=3600, s-maxage=30", 2), ("max-age=soon", 3)]
)
async def test_keys_are_kept_no_longer_than_their_owner_says(here: Office, monkeypatch: pytest.MonkeyPatch, said: str, fetches: int) -> None:
    address = f"https://kept{abs(hash(said))}.example/jwks"
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        return httpx.Response(200, json={"keys": [KEY.public]}, headers={"cache-control": said} if said else {})

    async def resolve(host: str, port: int) -> list[str]:  # noqa: ARG001 - part of the protocol
        return ["93.184.216.34"]

    app = await here.service(jwks_uri=address)
    start, usual = clock.monotonic(), here.app.state.outbound
    here.app.state.outbound = Outbound(resolver=resolve, transport=httpx.MockTransport(answer))
    try:
        for later in (0, 20, 40):
            monkeypatch.setattr("sojourn.base.clock.monotonic", lambda later=later: start + later)
            assert (await here.for_service(app, KEY)).status_code == 200
    finally:
        here.app.state.outbound = usual
    assert asked == ["GET"] * fetches


async def test_two_keys_of_one_name_prove_nothing(here: Office) -> None:
    app = await here.service(jwks_uri="https://twins.example/jwks")
    here.fetched["twins.example"] = {"keys": [KEY.public, Key("one").public]}
    assert (await here.for_service(app, KEY)).json()["error"] == "invalid_client"
    one = await here.service(jwks_uri="https://same.example/jwks")
    here.fetched["same.example"] = {"keys": [KEY.public, KEY.public, RSA.public]}
    assert (await here.for_service(one, KEY)).status_code == 200, "the same key twice is one, and of another type another"


async def test_for_whom_no_resource_stands_there_is_no_fhir_user(here: Office) -> None:
    row = organization.AccountRow("front-desk", "staff", "front-desk", "front-desk", HASH, None, "administrator", [], None, [])
    await organization.account(here.clinic.owner, A, row, clock.now())
    app, _ = await here.person_app(uses=("staff",), scopes="openid fhirUser user/*.rs")
    given = await through(Person(here, "front-desk", "staff"), app, scope="openid fhirUser user/*.rs")
    assert "fhirUser" not in given["scope"].split()
    assert "fhirUser" not in jwt.decode(given["id_token"], options={"verify_signature": False})
