"""Apps that people use: standalone and from the chart, public and confidential, and every way in which they are refused. SMART App Launch 2.2."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from sojourn.base import errors
from sojourn.gate.apps import asking
from tests.doors.smart.office import BASE, Office, pkce
from tests.doors.smart.people import REDIRECT, Person, be, own, through, wish
from tests.gate.test_scopes import LAB
from tests.people import encounter, observation, patient
from tests.web.real import PASSWORD

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_patient_allows_an_app_and_it_sees_the_patients_own_record(here: Office) -> None:
    p, ana = await own(here)
    other = (await here.clinic.make("sys-mh", patient("Okafor"))).id
    mine, part2 = (await here.clinic.make("sys-mh", observation(p))).id, (await here.clinic.make("sys-sud", observation(p))).id
    theirs = (await here.clinic.make("sys-mh", observation(other))).id
    app, _ = await here.person_app(uses=("patient",), whose="chosen", policy="https://app.example/privacy")
    given = await through(ana, app)
    assert given["patient"] == p
    assert given["token_type"] == "Bearer"
    assert given["need_patient_banner"] is True
    assert set(given["scope"].split()) == {"openid", "fhirUser", "launch/patient", "offline_access", "patient/*.rs"}
    for one, status in ((mine, 200), (part2, 200), (theirs, 404)):
        assert (await here.fhir(given["access_token"], f"Observation/{one}")).status_code == status
    found = (await here.fhir(given["access_token"], "Observation")).json()
    assert {e["resource"]["id"] for e in found["entry"]} == {mine, part2}
    async with here.http as http:
        listed = (await http.get("/oauth/jwks")).json()
    claims = jwt.decode(given["id_token"], jwt.PyJWKSet.from_dict(listed)[jwt.get_unverified_header(given["id_token"])["kid"]].key, algorithms=["RS256"], audience=app.id, issuer=BASE)
    assert claims["fhirUser"] == f"{BASE}/Patient/{p}"
    assert claims["nonce"] == "n1"
    assert "ana" not in json.dumps(claims)
    lines = await here.clinic.owner.fetch("SELECT * FROM record.audit WHERE door = $1 AND type = 'Observation'", f"app:{app.id}")
    assert {line["account"] for line in lines} == {"ana"}
    assert {line["purpose"] for line in lines} == {"PATRQT"}
    assert "sojourn" not in ana.http.cookies, "signed out where it was allowed: it may be somebody else's computer"


async def test_the_page_says_what_the_app_gets_and_what_not(here: Office) -> None:
    _, ana = await own(here)
    app, _ = await here.person_app(uses=("patient",), whose="chosen", publisher="Example Health", description="Shows your heart rate.")
    _, challenge = pkce()
    await ana.go(wish(app, challenge, scope="openid patient/Observation.rs patient/Condition.read launch/patient"))
    assert "Heart Notes</b> asks for your record" in ana.last.text
    await ana.sign_in()
    text = ana.last.text
    for said in ("Measurements, results and scores", "Diagnoses and problems", "Example Health", "Shows your heart rate.", "laboratory results", "Prescriptions", "Psychotherapy notes", "cannot take back", "Refuse", REDIRECT):
        assert said in text, said
    policy = ana.last.headers["content-security-policy"]
    assert "form-action 'self' https://app.example;" in policy
    assert "frame-ancestors 'none'" in policy
    assert ana.last.headers["cache-control"] == "no-store"


async def test_what_is_switched_off_is_not_given(here: Office) -> None:
    p, ana = await own(here)
    vital = (await here.clinic.make("sys-mh", observation(p))).id
    lab = (await here.clinic.make("sys-mh", observation(p, 99, **LAB))).id
    app, _ = await here.person_app(uses=("patient",), whose="chosen")
    off = (*(f"give-0.{kind}" for kind in (1, 2, 3, 4, "rest")), "give-1", "give-offline_access")  # of the observations only laboratory results stay
    given = await through(ana, app, without=off, scope="openid launch/patient offline_access patient/Observation.rs patient/Condition.rs")
    assert given["scope"] == "openid launch/patient patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory"
    assert "refresh_token" not in given
    assert (await here.fhir(given["access_token"], f"Observation/{lab}")).status_code == 200
    assert (await here.fhir(given["access_token"], f"Observation/{vital}")).status_code == 404
    assert (await here.fhir(given["access_token"], "Condition")).status_code == 403


async def test_of_everything_one_kind_can_be_left_out(here: Office) -> None:
    p, ana = await own(here)
    app, _ = await here.person_app(uses=("patient",), whose="chosen")
    given = await through(ana, app, without=("give-0.MedicationRequest",))
    scopes = given["scope"].split()
    assert "patient/*.rs" not in scopes
    assert "patient/Observation.rs" in scopes
    assert not any("MedicationRequest" in one for one in scopes)
    assert (await here.fhir(given["access_token"], f"MedicationRequest?patient={p}")).status_code == 403
    assert (await here.fhir(given["access_token"], f"Patient/{p}")).status_code == 200


async def test_version_1_and_granular_scopes_are_given_as_they_were_asked_for(here: Office) -> None:
    _, ana = await own(here)
    app, _ = await here.person_app(uses=("patient",), whose="chosen", scopes="openid launch/patient patient/*.read patient/*.rs")
    granular = "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|vital-signs"
    given = await through(ana, app, scope=f"launch/patient patient/Condition.read {granular} patient/Observation.cruds system/*.rs user/Patient.rs nonsense patient/Nothing.rs")
    assert given["scope"].split() == ["launch/patient", "patient/Condition.read", granular]


async def test_refusing_sends_the_app_away_with_nothing(here: Office) -> None:
    _, ana = await own(here)
    app, _ = await here.person_app(uses=("patient",), whose="chosen")
    await ana.go(wish(app, pkce()[1]))
    await ana.sign_in()
    await ana.decide("refuse")
    assert ana.answer["error"] == "access_denied"
    assert ana.answer["state"] == "s1"
    assert ana.answer["iss"] == BASE
    assert await here.clinic.owner.fetchval("SELECT count(*) FROM record.app_grant WHERE app = $1", app.id) == 0


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"), ({"state": None}, "invalid_request"), ({"aud": "https://elsewhere.example/fhir"}, "invalid_request"),
        ({"aud": None}, "invalid_request"), ({"code_challenge": None}, "invalid_request"), ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"), ({"code_challenge": "short"}, "invalid_request"), ({"scope": "system/*.rs"}, "invalid_scope"), ({"scope": None}, "invalid_scope"),
        ({"launch": "nothing", "scope": "launch patient/*.rs"}, "invalid_request"), ({"prompt": "none"}, "login_required"), ({"request": "x.y.z"}, "request_not_supported"),
    ],
)  # fmt: skip
async def test_a_faulty_request_is_answered_to_the_app(here: Office, more: dict[str, Any], error: str) -> None:
    app, _ = await here.person_app(scopes="openid launch launch/patient patient/*.rs user/*.rs offline_access")
    ana = Person(here, "ana")
    await ana.go(wish(app, pkce()[1], **more))
    assert ana.answer["error"] == error
    assert ana.last.headers["location"].startswith(REDIRECT + "?")


@pytest.mark.parametrize("more", [{"redirect_uri": "https://app.example/back/"}, {"redirect_uri": "https://app.example/back?x=1"}, {"redirect_uri": "https://evil.example/"}, {"redirect_uri": None}, {"client_id": "nobody"}])
async def test_nobody_is_sent_to_an_address_that_is_not_the_registered_one(here: Office, more: dict[str, Any]) -> None:
    app, _ = await here.person_app()
    ana = Person(here, "ana")
    await ana.go(wish(app, pkce()[1], **more))
    assert ana.last.status_code == 400
    assert "location" not in ana.last.headers
    assert "cannot be opened" in ana.last.text
    twice = wish(app, pkce()[1]) + "&state=other"
    assert (await ana.go(twice)).status_code == 400


async def test_a_clinician_picks_a_patient_and_the_app_sees_that_one(here: Office) -> None:
    p, q = (await here.clinic.make("sys-mh", patient("Quillfeather"))).id, (await here.clinic.make("sys-mh", patient("Okonjo"))).id
    hidden = (await here.clinic.make("sys-sud", patient("Quillhidden"))).id
    seen, unseen = (await here.clinic.make("sys-mh", observation(p))).id, (await here.clinic.make("sys-mh", observation(q))).id
    app, _ = await here.person_app(uses=("staff",))
    dana = Person(here, "mh-clinician", "staff")
    verifier, challenge = pkce()
    await dana.go(wish(app, challenge))
    await dana.sign_in()
    assert "Whose record?" in dana.last.text
    await dana.send("/oauth/patient", q="quill")
    assert "Quillfeather" in dana.last.text
    assert "Quillhidden" not in dana.last.text
    await dana.send("/oauth/patient", patient=hidden)
    assert dana.last.status_code == 422
    there = dana.last.text
    await dana.send("/oauth/patient", patient="nobody")
    assert "There is no such patient" in there
    assert "There is no such patient" in dana.last.text
    await dana.send("/oauth/patient", patient=p)
    assert "Quillfeather" in dana.last.text
    await dana.decide()
    given = (await here.token(grant_type="authorization_code", code=dana.answer["code"], redirect_uri=REDIRECT, code_verifier=verifier, client_id=app.id)).json()
    assert given["patient"] == p
    assert (await here.fhir(given["access_token"], f"Observation/{seen}")).status_code == 200
    assert (await here.fhir(given["access_token"], f"Observation/{unseen}")).status_code == 404
    assert (await here.fhir(given["access_token"], f"Patient/{q}")).status_code == 404


async def test_an_app_opened_from_a_chart_knows_patient_and_visit_once(here: Office) -> None:
    p = (await here.clinic.make("sys-mh", patient())).id
    e = (await here.clinic.make("sys-mh", encounter(p))).id
    hidden = (await here.clinic.make("sys-sud", observation(p))).id
    app, _ = await here.person_app(uses=("staff",), launch="https://app.example/launch")
    access = await here.acting("mh-clinician")
    secret = await asking.launch(access, app, p, e)
    scope = "launch openid fhirUser patient/*.rs user/Observation.rs launch/encounter"
    dana = Person(here, "mh-clinician", "staff")
    verifier, challenge = pkce()
    await dana.go(wish(app, challenge, scope=scope, launch=secret))
    await dana.sign_in()
    assert "From the record of Ana Rivera" in dana.last.text
    await dana.decide()
    given = (await here.token(grant_type="authorization_code", code=dana.answer["code"], redirect_uri=REDIRECT, code_verifier=verifier, client_id=app.id)).json()
    assert (given["patient"], given["encounter"]) == (p, e)
    assert (await here.fhir(given["access_token"], f"Observation/{hidden}")).status_code == 404, "an app shows no more than its person may see"
    await dana.go(wish(app, challenge, scope=scope, launch=secret))
    assert dana.answer["error"] == "invalid_request", "a launch is good once"
    with pytest.raises(errors.NotFound):
        await asking.launch(access, app, (await here.clinic.make("sys-sud", patient())).id)
    with pytest.raises(errors.NotFound):
        await asking.launch(access, app, (await here.clinic.make("sys-mh", patient())).id, e)


async def test_a_launch_is_for_whoever_opened_it_and_for_that_app(here: Office) -> None:
    p = (await here.clinic.make("sys-mh", patient())).id
    app, _ = await here.person_app(uses=("staff",), launch="https://app.example/launch")
    other, _ = await here.person_app(uses=("staff",), launch="https://app.example/launch")
    secret = await asking.launch(await here.acting("mh-clinician"), app, p)
    colleague = Person(here, "far-clinician", "staff")
    await colleague.go(wish(app, pkce()[1], scope="launch patient/*.rs", launch=secret))
    await colleague.sign_in()
    assert "/oauth/decide" not in colleague.last.text
    assert "cannot go on with that" in colleague.last.text
    secret = await asking.launch(await here.acting("mh-clinician"), app, p)
    await colleague.go(wish(other, pkce()[1], scope="launch patient/*.rs", launch=secret))
    assert colleague.answer["error"] == "invalid_request"


async def test_people_who_work_here_are_asked_once_and_patients_each_time(here: Office) -> None:
    app, _ = await here.person_app()
    dana = Person(here, "mh-clinician", "staff")
    await through(dana, app, scope="openid user/Observation.rs")
    await dana.go(wish(app, pkce()[1], scope="openid user/Observation.rs"))
    assert "code" in dana.answer
    await dana.go(wish(app, pkce()[1], scope="openid user/Observation.rs user/Condition.rs"))
    assert "/oauth/decide" in dana.last.text, "it asks for more"
    await dana.go(wish(app, pkce()[1], scope="openid user/Observation.rs", prompt="consent"))
    assert "/oauth/decide" in dana.last.text
    await dana.go("/oauth/apps")
    await dana.send("/oauth/apps/stop", app=app.id)
    await dana.go(wish(app, pkce()[1], scope="openid user/Observation.rs"))
    assert "/oauth/decide" in dana.last.text, "stopped: it has to ask"
    _, ana = await own(here)
    await through(ana, app)
    await ana.go(wish(app, pkce()[1]))
    await ana.sign_in()
    assert "/oauth/decide" in ana.last.text


async def longer_ago(here: Office) -> None:
    """Everybody's last proof is ten minutes older than it was."""
    await here.clinic.owner.execute("UPDATE record.credential SET proved = proved - interval '10 minutes' WHERE kind = 'session'")
    here.clinic.gate.identity._known.clear()


async def test_staff_prove_anew_who_they_are_before_an_app_may_go_on_while_they_are_away(here: Office) -> None:
    app, _ = await here.person_app(scopes="openid offline_access user/*.rs")
    lasting = "openid offline_access user/Observation.rs"
    dana = Person(here, "mh-clinician", "staff")
    await through(dana, app, scope="openid user/Observation.rs")
    await longer_ago(here)
    await dana.go(wish(app, pkce()[1], scope="openid user/Observation.rs"))
    assert "code" in dana.answer, "what ends with the session needs no proof"
    await dana.go(wish(app, pkce()[1], scope=lasting, prompt="none"))
    assert dana.answer["error"] == "login_required"
    await dana.go(wish(app, pkce()[1], scope=lasting))
    assert "/oauth/decide" not in dana.last.text, "a browser that was left open gives nothing that lasts"
    assert 'name="held"' in dana.last.text
    await dana.send("/confirm", held=dana.hidden("held"), password="a guess")
    assert 'name="held"' in dana.last.text
    await dana.send("/confirm", held=dana.hidden("held"), password=PASSWORD)
    assert "/oauth/decide" in dana.last.text
    await longer_ago(here)
    await dana.decide()  # the page lay open
    assert 'name="held"' in dana.last.text
    assert await here.clinic.owner.fetchval("SELECT count(*) FROM record.app_grant WHERE app = $1 AND scopes LIKE '%offline%'", app.id) == 0
    await dana.send("/confirm", held=dana.hidden("held"), password=PASSWORD)
    await dana.decide()
    assert "code" in dana.answer
    await longer_ago(here)
    await dana.go(wish(app, pkce()[1], scope=lasting))
    assert 'name="held"' in dana.last.text, "also where it was allowed before"


async def test_who_may_not_use_an_app_cannot_allow_it(here: Office) -> None:
    _, ana = await own(here)
    staff_only, _ = await here.person_app(uses=("staff",))
    patients_only, _ = await here.person_app(uses=("patient",), whose="chosen")
    await ana.go("/oauth/apps")
    await ana.sign_in()
    await ana.go(wish(staff_only, pkce()[1]))
    assert "cannot go on with that" in ana.last.text
    assert "/oauth/decide" not in ana.last.text
    dana = Person(here, "mh-clinician", "staff")
    await dana.go("/oauth/apps")
    await dana.sign_in()
    await dana.go(wish(patients_only, pkce()[1]))
    assert "/oauth/decide" not in dana.last.text


async def test_a_proxy_of_two_chooses_one(here: Office) -> None:
    coding = {"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "GUARD"}
    p = (await here.clinic.make("sys-mh", patient("Firstchild"))).id
    related = (await here.clinic.make("sys-mh", {"resourceType": "RelatedPerson", "patient": {"reference": f"Patient/{p}"}, "relationship": [{"coding": [coding]}], "active": True, "period": {"start": "2020-01-01"}})).id
    await be(here, "parent", f"RelatedPerson/{related}")
    one = (await here.clinic.make("sys-mh", observation(p))).id
    part2 = (await here.clinic.make("sys-sud", observation(p))).id
    app, _ = await here.person_app(uses=("patient",), whose="chosen")
    parent = Person(here, "parent")
    verifier, challenge = pkce()
    await parent.go(wish(app, challenge))
    await parent.sign_in()
    assert "Firstchild" in parent.last.text
    await parent.send("/oauth/patient", patient=p)
    await parent.decide()
    given = (await here.token(grant_type="authorization_code", code=parent.answer["code"], redirect_uri=REDIRECT, code_verifier=verifier, client_id=app.id)).json()
    assert (await here.fhir(given["access_token"], f"Observation/{one}")).status_code == 200
    assert (await here.fhir(given["access_token"], f"Observation/{part2}")).status_code == 404


async def test_a_form_of_another_site_allows_nothing(here: Office) -> None:
    _, ana = await own(here)
    app, _ = await here.person_app(uses=("patient",), whose="chosen")
    await ana.go(wish(app, pkce()[1]))
    await ana.sign_in()
    sealed = ana.hidden("request")
    for headers, form in (({"sec-fetch-site": "cross-site"}, {"csrf": ana.hidden("csrf")}), ({}, {"csrf": "forged"}), ({}, {})):
        answer = await ana.http.post("/oauth/decide", data={"request": sealed, "answer": "allow", "give-0": "yes", **form}, headers=headers)
        assert answer.status_code == 403
    assert await here.clinic.owner.fetchval("SELECT count(*) FROM record.app_grant WHERE app = $1", app.id) == 0
    for broken in ("", "x", sealed[:-2] + "aa"):
        assert (await ana.http.get("/oauth/authorize", params={"request": broken})).status_code == 400


async def test_an_app_may_send_its_request_as_a_form(here: Office) -> None:
    app, _ = await here.person_app()
    async with here.http as http:
        answer = await http.post("/oauth/authorize", data={k: v[0] for k, v in parse_qs(urlsplit(wish(app, pkce()[1])).query).items()}, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 303
    ana = Person(here, "ana")
    await ana.go(answer.headers["location"])
    assert "Heart Notes</b> asks" in ana.last.text


async def test_wrong_passwords_look_alike_and_are_slowed_down(here: Office) -> None:
    _, ana = await own(here)
    app, _ = await here.person_app(uses=("patient",), whose="chosen")
    await ana.go(wish(app, pkce()[1]))
    first = await ana.sign_in("wrong")
    assert first.status_code == 401
    ana.login = "nobody-of-this-name"
    second = await ana.sign_in("wrong")
    assert second.status_code == 401
    assert "The login or the password is not right" in second.text
    for _ in range(8):
        last = await ana.sign_in("wrong")
    assert last.status_code == 429
    assert last.headers["retry-after"]
    dana = Person(here, "mh-clinician", "portal")
    await dana.go(wish(app, pkce()[1]))
    assert (await dana.sign_in()).status_code == 401, "people who work here do not come in by the door of patients"
