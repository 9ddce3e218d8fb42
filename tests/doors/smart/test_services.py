"""Backend services: a program proves who it is with its key and gets a token in its own name. SMART App Launch 2.2, RFC 7523."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from sojourn.base import clock, errors
from sojourn.gate import accounts
from sojourn.gate.apps import keys as signing
from sojourn.gate.apps import registering
from sojourn.gate.apps.refusing import Refused
from sojourn.gate.apps.registry import App
from sojourn.web.outbound import NotReached, Outbound, public
from tests.doors.smart.office import ASSERTION, ROOT, TOKEN, Key, Office, keys
from tests.doors.smart.people import be
from tests.people import MH, SUD, A, consent, encounter, observation, patient
from tests.web.real import ADMIN

pytestmark = pytest.mark.asyncio(loop_scope="module")
KEY, RSA = Key("one"), Key("rsa", "RS384")


async def test_what_a_client_needs_to_know_is_published(here: Office) -> None:
    async with here.http as http:
        smart = (await http.get("/fhir/.well-known/smart-configuration")).json()
        openid = (await http.get("/fhir/.well-known/openid-configuration")).json()
        jwks = (await http.get("/oauth/jwks")).json()
    assert smart["token_endpoint"] == TOKEN
    assert smart["code_challenge_methods_supported"] == ["S256"]
    assert {"launch-ehr", "launch-standalone", "client-confidential-asymmetric", "permission-v2", "sso-openid-connect"} <= set(smart["capabilities"])
    assert openid["issuer"] == smart["issuer"] == f"{ROOT}/fhir"
    assert jwks["keys"][0]["kty"] == "RSA"
    assert not {"d", "p", "q"} & jwks["keys"][0].keys()


@pytest.mark.parametrize("key", [KEY, RSA], ids=["ES384", "RS384"])
async def test_a_service_reads_what_its_account_and_its_scopes_let_it(here: Office, key: Key) -> None:
    p = (await here.clinic.make("sys-mh", patient())).id
    vital = (await here.clinic.make("sys-mh", observation(p))).id
    hidden = (await here.clinic.make("sys-sud", observation(p))).id
    app = await here.service(key, programs=(MH,), scopes="system/Observation.rs system/Patient.rs")
    answer = await here.for_service(app, key, "system/Observation.rs system/Condition.rs")
    given = answer.json()
    assert answer.status_code == 200, given
    assert given["scope"] == "system/Observation.rs", "what is not registered is not given"
    assert given["expires_in"] == 300
    assert answer.headers["cache-control"] == "no-store"
    assert (await here.fhir(given["access_token"], f"Observation/{vital}")).status_code == 200
    assert (await here.fhir(given["access_token"], f"Observation/{hidden}")).status_code == 404, "a Part 2 program that its account does not work in"
    assert (await here.fhir(given["access_token"], f"Patient/{p}")).status_code == 403
    line = await here.clinic.owner.fetchrow("SELECT * FROM record.audit WHERE door = $1 AND type = 'Observation' ORDER BY n LIMIT 1", f"app:{app.id}")
    assert line["account"] == app.account


async def test_an_outside_organizations_service_sees_what_consents_permit_to_it(here: Office) -> None:
    p = (await here.clinic.make("sys-mh", patient())).id
    await here.clinic.make("sys-sud", encounter(p))
    record = (await here.clinic.make("sys-sud", observation(p))).id
    app = await here.service(KEY, whose="outside", organization="Organization/lakeside")
    token = (await here.for_service(app, KEY)).json()["access_token"]
    assert (await here.fhir(token, f"Observation/{record}")).status_code == 404
    agreed = await here.clinic.make("sys-sud", consent(p, "lakeside"))
    answer = await here.fhir(token, f"Observation/{record}")
    assert answer.status_code == 200
    assert b"42 CFR part 2" in answer.content, "the notice goes with it"
    await here.clinic.put("sys-sud", {**agreed.json(), "status": "inactive"})
    assert (await here.fhir(token, f"Observation/{record}")).status_code == 404


BAD: dict[str, dict[str, Any]] = {
    "another audience": {"aud": f"{ROOT}/fhir"},
    "too old": {"exp": -90},
    "good for too long": {"exp": 600},
    "not yet good": {"nbf": 300},
    "no jti": {"jti": None},
    "an empty jti": {"jti": ""},
    "no end": {"exp": None},
    "an end that is a text": {"exp": "soon"},
    "of somebody else": {"iss": "somebody"},
    "an issuer that is a list": {"sub": ["x"]},
}


@pytest.mark.parametrize("what", list(BAD))
async def test_a_faulty_assertion_is_refused(here: Office, what: str) -> None:
    app = await here.service(KEY)
    claims = {k: int(clock.now().timestamp()) + v if isinstance(v, int) else v for k, v in BAD[what].items()}
    try:
        answer = await here.for_service(app, KEY, **claims)
    except TypeError:  # the library does not even sign this
        pytest.skip("cannot be signed")
    assert answer.status_code == 401, answer.json()
    assert answer.json()["error"] == "invalid_client"
    assert "access_token" not in answer.json()


async def test_clocks_may_differ_by_a_minute(here: Office) -> None:
    app = await here.service(KEY)
    now = int(clock.now().timestamp())
    assert (await here.for_service(app, KEY, exp=now - 50)).status_code == 200
    assert (await here.for_service(app, KEY, exp=now + 350, iat=now + 50)).status_code == 200


async def test_an_assertion_counts_once(here: Office) -> None:
    app = await here.service(KEY)
    form = {"grant_type": "client_credentials", "scope": "system/*.rs", "client_assertion_type": ASSERTION, "client_assertion": KEY.assertion(app.id)}
    assert (await here.token(**form)).status_code == 200
    again = await here.token(**form)
    assert (again.status_code, again.json()["error"]) == (401, "invalid_client")


async def test_only_its_own_key_and_the_two_algorithms_count(here: Office) -> None:
    app = await here.service(KEY)
    assert (await here.for_service(app, Key("one"))).status_code == 401, "another key of the same name"
    assert (await here.for_service(app, Key("other"))).status_code == 401
    weak = Key("one", "ES384")
    weak.private = ec.generate_private_key(ec.SECP256R1())
    form = {"grant_type": "client_credentials", "scope": "system/*.rs", "client_assertion_type": ASSERTION}
    for assertion in (
        weak.assertion(app.id, algorithm="ES256"), RSA.assertion(app.id, algorithm="RS256", header={"kid": "one"}),
        KEY.assertion(app.id, header={"kid": ""}), KEY.assertion(app.id, header={"jku": "https://elsewhere.example/jwks"}), "e30.e30.", "no", "",
        KEY.assertion(app.id).rpartition(".")[0] + ".", "eyJhbGciOiJub25lIiwia2lkIjoib25lIn0." + KEY.assertion(app.id).split(".")[1] + ".",
    ):  # fmt: skip
        answer = await here.token(**form, client_assertion=assertion)
        assert answer.status_code == 401, assertion
        assert answer.json()["error"] == "invalid_client"


async def test_other_ways_to_ask_are_refused_with_the_codes_of_the_standard(here: Office) -> None:
    app = await here.service(KEY)
    good = {"client_assertion_type": ASSERTION, "client_assertion": KEY.assertion(app.id)}
    assert (await here.token(grant_type="password", username="dana", password="x")).json()["error"] == "unsupported_grant_type"
    assert (await here.token(**good)).json()["error"] == "invalid_request"
    assert (await here.token(grant_type="client_credentials", client_id=app.id)).json()["error"] == "invalid_client"
    assert (await here.token(grant_type="client_credentials", client_assertion_type="other", client_assertion="x")).json()["error"] == "invalid_request"
    assert (await here.for_service(app, KEY, scope="patient/*.rs user/*.rs openid")).json()["error"] == "invalid_scope"
    assert (await here.for_service(app, KEY, scope="system/*.cruds")).json()["error"] == "invalid_scope", "wider than what is registered"
    assert (await here.for_service(app, KEY, scope="")).json()["error"] == "invalid_scope"
    async with here.http as http:
        twice = await http.post("/oauth/token", content=b"grant_type=client_credentials&grant_type=refresh_token", headers={"content-type": "application/x-www-form-urlencoded"})
        assert twice.json()["error"] == "invalid_request"
        assert (await http.post("/oauth/token", content=b"x" * 70_000)).json()["error"] == "invalid_request"
        assert (await http.get("/oauth/token")).status_code == 404


async def test_stopping_acts_on_the_next_request_and_what_was_ended_stays_ended(here: Office) -> None:
    app = await here.service(KEY)
    token = (await here.for_service(app, KEY)).json()["access_token"]
    assert (await here.fhir(token, "Patient?_count=1")).status_code == 200
    await registering.stop(await here.acting(ADMIN), app.id, "a leak")
    assert (await here.fhir(token, "Patient?_count=1")).status_code == 401
    assert (await here.for_service(app, KEY)).json()["error"] == "invalid_client"
    await registering.start(await here.acting("officer"), app.id, "mended")
    assert (await here.fhir(token, "Patient?_count=1")).status_code == 401
    assert (await here.for_service(app, KEY)).status_code == 200


async def test_a_service_is_approved_by_somebody_else(here: Office) -> None:
    app = await here.service(KEY, approve=False)
    assert (await here.for_service(app, KEY)).status_code == 401
    with pytest.raises(errors.Forbidden):
        await registering.start(await here.acting(ADMIN), app.id, "myself")
    with pytest.raises(errors.Forbidden):
        await registering.start(await here.acting("mh-clinician"), app.id, "no right")
    await registering.start(await here.acting("officer"), app.id, "looked at")
    assert (await here.for_service(app, KEY)).status_code == 200


async def test_nobody_gives_a_service_more_programs_where_accounts_of_people_are_kept(here: Office) -> None:
    app = await here.service(KEY, programs=(MH,), role="clinician")
    await be(here, "rosa", "Patient/nobody")
    for account in (app.account, "rosa", "tpo", "sys-mh"):
        with pytest.raises(errors.Forbidden, match="registered"):
            await accounts.assign(await here.acting(ADMIN), account, role="director", programs=[SUD, MH], acting=SUD)
    assert await here.clinic.owner.fetchval("SELECT programs FROM record.assignment WHERE account = $1 AND known_to = 'infinity'", app.account) == [MH]


async def test_keys_at_an_address_are_fetched_once_and_again_for_a_new_name(here: Office) -> None:
    here.fetched["keys.example"] = {"keys": [KEY.public]}
    here.asked.clear()
    app = await here.service(jwks_uri="https://keys.example/jwks")
    assert [(await here.for_service(app, KEY)).status_code for _ in range(3)] == [200] * 3
    assert len(here.asked) == 1, "kept"
    assert here.asked[0].startswith("https://93.184.216.34"), "asked at the address that was looked at"
    new = Key("two")
    here.fetched["keys.example"] = {"keys": [KEY.public, new.public]}
    assert (await here.for_service(app, new)).status_code == 401, "not more often than once a minute"
    for when, life, _ in [here.clinic.gate.clients._keys["https://keys.example/jwks"]]:
        here.clinic.gate.clients._keys["https://keys.example/jwks"] = (when - 61, life, [])
    assert (await here.for_service(app, new)).status_code == 200
    here.fetched.pop("keys.example")
    assert (await here.for_service(app, KEY)).status_code == 200, "what was fetched is good while the address is down"


@pytest.mark.parametrize("address", ["http://keys2.example/jwks", "https://inside.example/jwks", "https://rebound.example/jwks", "https://metadata.example/latest"])
async def test_keys_are_not_fetched_from_our_own_network(here: Office, address: str) -> None:
    here.asked.clear()
    here.fetched |= {h: {"keys": [KEY.public]} for h in ("keys2.example", "inside.example", "rebound.example", "metadata.example")}
    app = await here.service(jwks_uri=address)
    assert (await here.for_service(app, KEY)).json()["error"] == "invalid_client"
    assert here.asked == []


async def test_addresses_that_lead_elsewhere_or_too_far_are_refused() -> None:
    large = b"[" + b" " * (1 << 19) + b"]"

    def answering(response: httpx.Response) -> Outbound:
        async def there(host: str, port: int) -> list[str]:  # noqa: ARG001 - part of the protocol
            return ["93.184.216.34"]

        return Outbound(resolver=there, transport=httpx.MockTransport(lambda _: response))

    for response in (httpx.Response(302, headers={"location": "https://10.0.0.1/"}), httpx.Response(200, content=large), httpx.Response(200, content=b"<html>"), httpx.Response(500)):
        with pytest.raises(NotReached):
            await answering(response).get("https://keys.example/jwks")
    for address in ("ftp://keys.example/", "https://user:word@keys.example/", "file:///etc/passwd", "https://", "nothing"):
        with pytest.raises(NotReached):
            await answering(httpx.Response(200, json={})).get(address)
    assert await answering(httpx.Response(200, json={"keys": []})).get("https://keys.example/jwks?x=1") == {"keys": []}


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fd00::1",
                "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "ff02::1", "not-an-address"],
)  # fmt: skip
async def test_what_is_not_of_the_public_internet_is_known_as_such(address: str) -> None:
    assert not public(address)


async def test_registration_refuses_what_is_not_sound(here: Office) -> None:
    async def wrong(**more: Any) -> str:
        facts = {"name": "X", "uses": ("patient",), "whose": "chosen", "method": "none", "scopes": "", "redirects": ("https://x.example/back",), **more}
        with pytest.raises(Refused) as raised:
            await registering.register(await here.acting(ADMIN), App(id="", **facts))
        return raised.value.error

    for redirect in ("http://x.example/back", "https://x.example/#back", "https://*.example/", "javascript:alert(1)", "data:text/html,x", "https:///x", "//x.example", "https://a@x.example/", "custom:/back", ""):
        assert await wrong(redirects=(redirect,)) == "invalid_redirect_uri", redirect
    assert await wrong(redirects=()) == "invalid_redirect_uri"
    assert await wrong(name="") == "invalid_client_metadata"
    assert await wrong(scopes="system/*.rs") == "invalid_client_metadata"
    assert await wrong(method="private_key_jwt") == "invalid_client_metadata"
    assert await wrong(uses=("service",), method="none", redirects=()) == "invalid_client_metadata"
    assert await wrong(uses=("staff",), whose="outside") == "invalid_client_metadata"
    assert await wrong(uses=("staff",), whose="chosen") == "invalid_client_metadata"
    private = json.dumps({"keys": [KEY.public | {"d": "secret"}]})
    for jwks in ("{}", "[]", "no", private, json.dumps({"keys": [Key("k", "ES384", ec.SECP256R1()).public]})):
        assert await wrong(method="private_key_jwt", jwks=jwks) == "invalid_client_metadata", jwks
    with pytest.raises(errors.Forbidden):
        await registering.register(await here.acting("mh-clinician"), App("", "X", ("patient",), "chosen", "none", "", redirects=("https://x.example/back",)))
    with pytest.raises(Refused):
        await here.service(KEY, role="outside")
    with pytest.raises(Refused):
        await here.service(KEY, programs=(99,))


async def test_native_apps_and_local_ones_have_addresses_of_their_own(here: Office) -> None:
    app, secret = await here.person_app(redirects=("org.example.app:/back", "http://127.0.0.1:7000/back", "http://localhost/back"))
    assert app.redirects[0] == "org.example.app:/back"
    assert app.origins == ("http://127.0.0.1:7000", "http://localhost")
    assert secret == ""


async def test_an_app_registers_itself_and_waits_unless_it_is_a_sandbox(here: Office) -> None:
    asked = {"client_name": "Pulse", "redirect_uris": ["https://pulse.example/back"], "scope": "openid patient/Observation.rs launch/patient", "token_endpoint_auth_method": "client_secret_basic"}
    async with here.http as http:
        answer = await http.post("/oauth/register", json=asked)
        made = answer.json()
        assert answer.status_code == 201, made
        assert made["sojourn_state"] == "requested"
        assert made["client_secret"]
        assert (await http.post("/oauth/token", data={"grant_type": "authorization_code", "code": "x"}, auth=(made["client_id"], made["client_secret"]))).status_code == 401
        assert (await http.post("/oauth/register", json={**asked, "redirect_uris": "https://x"})).json()["error"] == "invalid_redirect_uri"
        assert (await http.post("/oauth/register", json=[])).json()["error"] == "invalid_client_metadata"
        assert (await http.post("/oauth/register", content=b"{", headers={"content-type": "application/json"})).json()["error"] == "invalid_client_metadata"
        service = {"client_name": "Sly", "grant_types": ["client_credentials"], "jwks": {"keys": [KEY.public]}}
        assert (await http.post("/oauth/register", json=service)).json()["error"] == "invalid_client_metadata", "nobody brings a service in by the back door"
    kept = await here.clinic.owner.fetchval("SELECT facts FROM record.app WHERE app = $1", made["client_id"])
    assert made["client_secret"] not in kept
    await registering.start(await here.acting(ADMIN), made["client_id"], "known to us")


async def test_the_key_of_identity_tokens_changes_in_time_and_at_once_when_it_has_to(here: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    house, tenant = here.clinic.gate.house, here.clinic.gate.house.tenants[A]
    first = [k["kid"] for k in await signing.published(house, tenant)]
    assert len(first) == 1
    now = clock.now()
    monkeypatch.setattr("sojourn.gate.apps.keys.clock.now", lambda: now + signing.USED - timedelta(days=2))
    ahead = [k["kid"] for k in await signing.published(house, tenant)]
    assert ahead[0] == first[0]
    assert len(ahead) == 2, "the next one is published before it signs"
    monkeypatch.setattr("sojourn.gate.apps.keys.clock.now", lambda: now + signing.USED + timedelta(hours=2))
    assert [k["kid"] for k in await signing.published(house, tenant)] == ahead, "the old one is still published while its tokens last"
    monkeypatch.setattr("sojourn.gate.apps.keys.clock.now", lambda: now + signing.USED + timedelta(days=2))
    assert [k["kid"] for k in await signing.published(house, tenant)] == ahead[1:]
    monkeypatch.undo()
    await signing.renew(await here.acting(ADMIN))
    fresh = [k["kid"] for k in await signing.published(house, tenant)]
    assert not set(fresh) & set(ahead)


async def test_an_app_that_asks_too_often_is_told_when_to_come_again(here: Office) -> None:
    app = await here.service(KEY, pace=12)
    token = (await here.for_service(app, KEY)).json()["access_token"]
    answers = [await here.fhir(token, "Patient?_count=1") for _ in range(12)]
    slowed = [a for a in answers if a.status_code == 429]
    assert slowed
    assert 1 <= int(slowed[0].headers["retry-after"]) <= 6
    assert slowed[0].json()["issue"][0]["code"] == "throttled"
    other = await here.service(KEY)
    assert (await here.fhir((await here.for_service(other, KEY)).json()["access_token"], "Patient?_count=1")).status_code == 200


async def test_guessing_secrets_is_slowed_down(here: Office) -> None:
    app, secret = await here.person_app(method="client_secret_basic")
    async with here.http as http:
        tries = [(await http.post("/oauth/token", data={"grant_type": "refresh_token", "refresh_token": "x"}, auth=(app.id, f"guess{n}"))).status_code for n in range(12)]
        assert tries[0] == 401
        assert tries[-1] == 429
        right = await http.post("/oauth/token", data={"grant_type": "refresh_token", "refresh_token": "x"}, auth=(app.id, secret))
        assert right.json()["error"] == "invalid_grant", "who knows the secret is not shut out by who guesses"


async def test_scripts_of_registered_origins_may_ask_and_others_learn_nothing(here: Office) -> None:
    await here.person_app(redirects=("https://spa.example/back",))
    asks = {"access-control-request-method": "GET", "access-control-request-headers": "authorization"}
    async with here.http as http:
        good = await http.options("/fhir/Patient", headers={"origin": "https://spa.example", **asks})
        assert good.headers["access-control-allow-origin"] == "https://spa.example"
        assert "access-control-allow-credentials" not in good.headers
        bad = await http.options("/fhir/Patient", headers={"origin": "https://evil.example", **asks})
        assert bad.status_code == 403
        assert "access-control-allow-origin" not in bad.headers
        assert (await http.post("/oauth/token", headers={"origin": "https://spa.example"})).headers["access-control-allow-origin"] == "https://spa.example"
        assert "access-control-allow-origin" not in (await http.get("/fhir/Patient", headers={"origin": "null"})).headers
        assert (await http.get("/fhir/.well-known/smart-configuration", headers={"origin": "https://evil.example"})).headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-origin" not in (await http.get("/sign-in", headers={"origin": "https://spa.example"})).headers


async def test_what_one_organization_registered_is_nothing_at_another(here: Office) -> None:
    app = await here.service(KEY)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(here.app), base_url="http://b.test") as http:
        form = {"grant_type": "client_credentials", "scope": "system/*.rs", "client_assertion_type": ASSERTION, "client_assertion": KEY.assertion(app.id)}
        assert (await http.post("/oauth/token", data=form)).json()["error"] == "invalid_client"


async def test_a_service_may_not_read_everywhere_just_because_it_has_the_word(here: Office) -> None:
    """An account outside the Part 2 program, a scope for everything: the program's records are not there."""
    p = (await here.clinic.make("sys-sud", patient())).id
    await here.clinic.make("sys-sud", encounter(p))
    app = await here.service(KEY, role="clinician", programs=(MH,), acting=MH)
    token = (await here.for_service(app, KEY)).json()["access_token"]
    assert (await here.fhir(token, f"Patient/{p}")).status_code == 404
    inside = await here.service(KEY, role="clinician", programs=(SUD,), acting=SUD)
    token = (await here.for_service(inside, KEY)).json()["access_token"]
    assert (await here.fhir(token, f"Patient/{p}")).status_code == 200


async def test_keys_helper_lists_public_halves() -> None:
    assert "d" not in json.loads(keys(KEY))["keys"][0]
