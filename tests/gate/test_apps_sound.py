"""What may be registered of an app, one rule at a time; and the times, keys and proofs by which one is known. No database."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.gate.apps import clients, registering, sound, tokens
from sojourn.gate.apps.asking import Wish
from sojourn.gate.apps.refusing import Refused
from sojourn.gate.apps.registry import App

BACK = "https://app.example.org/back"


def _public(key: Any, **more: Any) -> dict[str, Any]:
    algorithm = jwt.algorithms.ECAlgorithm if isinstance(key, ec.EllipticCurvePrivateKey) else jwt.algorithms.RSAAlgorithm
    return {**json.loads(algorithm.to_jwk(key.public_key())), "kid": "one", **more}


P384, P256 = ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP256R1())
BIG, SMALL = rsa.generate_private_key(65537, 2048), rsa.generate_private_key(65537, 1024)
EC, RSA = _public(P384), _public(BIG)
KEYS = json.dumps({"keys": [EC]})
PATIENTS = App("a", "Diary", ("patient",), "chosen", "none", "patient/Observation.rs", redirects=(BACK,))
OURS = replace(PATIENTS, whose="inside", uses=("staff",), scopes="user/Observation.rs")
SERVICE = App("s", "Bridge", ("service",), "inside", "private_key_jwt", "system/Observation.rs", jwks=KEYS)
THEIRS = replace(SERVICE, whose="outside", organization="Organization/x")


@pytest.mark.parametrize("app", [PATIENTS, OURS, SERVICE, THEIRS, replace(PATIENTS, uses=("patient", "staff"), whose="inside"), replace(SERVICE, jwks="", jwks_uri="https://x.example/jwks")])
def test_these_are_sound(app: App) -> None:
    sound.checked(app)


@pytest.mark.parametrize(
    ("app", "said"),
    [
        (replace(PATIENTS, name=" "), "needs a name"), (replace(PATIENTS, name="Dia\u200bry"), "needs a name"), (replace(PATIENTS, name="x" * 81), "name may have 80"),
        (replace(PATIENTS, uses=()), "who uses the app"), (replace(PATIENTS, uses=("patient", "robot")), "who uses the app"), (replace(PATIENTS, whose="mine"), "who uses the app"),
        (replace(PATIENTS, method="password"), "who uses the app"),
        (replace(SERVICE, uses=("service", "staff")), "registered by itself"), (replace(SERVICE, method="client_secret_basic"), "registered by itself"),
        (replace(THEIRS, organization=""), "service of that organization"), (replace(OURS, whose="outside", organization="Organization/x"), "service of that organization"),
        (replace(OURS, whose="chosen"), "is for patients"), (replace(PATIENTS, uses=("patient", "staff")), "is for patients"),
        (replace(SERVICE, jwks=""), "needs jwks_uri or jwks"), (replace(OURS, method="private_key_jwt"), "needs jwks_uri or jwks"),
        (replace(PATIENTS, redirects=()), "at least one redirect"), (replace(PATIENTS, home="javascript:alert(1)"), "web addresses"), (replace(PATIENTS, policy="ftp://x.example"), "web addresses"),
        (replace(PATIENTS, launch="http://app.example.org"), "launch address"), (replace(PATIENTS, pace=0), "pace"), (replace(PATIENTS, pace=100_001), "pace"),
        (replace(PATIENTS, scopes="system/Observation.rs"), "None of these scopes"), (replace(SERVICE, scopes="patient/Observation.rs"), "None of these scopes"),
        (replace(SERVICE, jwks_uri="ftp://x.example/jwks"), "jwks_uri"), (replace(SERVICE, jwks_uri="https:///jwks"), "jwks_uri"), (replace(SERVICE, jwks_uri="https://me@x.example/jwks"), "jwks_uri"),
        (replace(SERVICE, jwks="[]"), "JSON Web Key Set"), (replace(SERVICE, jwks="{}"), "JSON Web Key Set"), (replace(SERVICE, jwks='{"keys": {}}'), "needs a public key"),
        (replace(SERVICE, jwks='{"keys": []}'), "needs a public key"),
        *((replace(SERVICE, jwks=json.dumps({"keys": [EC, {**RSA, part: "AQAB"}]})), "private key in it") for part in ("d", "p", "q", "k")),
    ],
)  # fmt: skip
def test_what_is_not_sound_is_refused_and_says_why(app: App, said: str) -> None:
    with pytest.raises(Refused) as refused:
        sound.checked(app)
    assert said in str(refused.value)


@pytest.mark.parametrize("address", [BACK, "http://localhost:8080/x", "http://127.0.0.1/x", "http://[::1]:9/x", "org.example.app:/back", "https://app.example.org/back?x=1"])
def test_people_are_sent_back_by_https_or_on_the_same_machine_or_to_the_apps_own_scheme(address: str) -> None:
    assert sound.checked(replace(PATIENTS, redirects=(address,))).redirects == (address,)


@pytest.mark.parametrize(
    "address",
    [
        "http://app.example.org/back", "http://localhost.example.org/back", "https:///back", "javascript:alert(1)", "app:/back", "data:text/html,x", f"{BACK}#x", f"{BACK}#", "https://*.example.org/back",
        "https://user@app.example.org/back", "https://äpp.example.org/back", "https://app.example.org/a b", "https://app.example.org/\nback", BACK + "x" * 500, "Org.example.a_pp:/x", "",
    ],
)  # fmt: skip
def test_they_are_sent_nowhere_else(address: str) -> None:
    with pytest.raises(Refused):
        sound.checked(replace(PATIENTS, redirects=(BACK, address)))


def test_scripts_of_its_web_addresses_may_ask_and_no_others() -> None:
    app = sound.checked(replace(PATIENTS, redirects=(BACK, "org.example.app:/back"), origins=("https://other.example.org/page", "nonsense")))
    assert app.origins == ("https://app.example.org", "https://other.example.org")


def test_an_app_that_names_no_scopes_gets_what_is_usual_for_its_kind_and_no_more() -> None:
    usual = {kind: set(sound.checked(replace(app, scopes="")).scopes.split()) for kind, app in (("patient", PATIENTS), ("staff", OURS), ("service", SERVICE))}
    assert not any(s.startswith(("user/", "system/")) for s in usual["patient"])
    assert any(s.startswith("user/") for s in usual["staff"])
    assert not any(s.startswith("system/") for s in usual["staff"])
    assert all(s.startswith("system/") for s in usual["service"])
    assert not any(set(s.partition(".")[2]) & set("cud") for kind in usual.values() for s in kind)


# --- keys ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (EC, "ES384"), (RSA, "RS384"), ({**EC, "use": "sig"}, "ES384"), ({**EC, "alg": "ES384"}, "ES384"), ({**EC, "use": "enc"}, ""), ({**EC, "alg": "ES256"}, ""), ({**RSA, "alg": "RS256"}, ""),
        ({**EC, "alg": "none"}, ""), (_public(P256), ""), ({**_public(P256), "crv": "P-384"}, ""), (_public(SMALL), ""), ({"kty": "oct", "k": "c2VjcmV0", "kid": "one"}, ""), ({"kty": "EC", "crv": "P-384"}, ""), ("EC", ""), (None, ""),
    ],
)  # fmt: skip
def test_only_keys_of_the_two_algorithms_that_are_large_enough_count(key: Any, algorithm: str) -> None:
    assert [(kid, alg) for kid, alg, _ in sound.usable([key])] == ([("one", algorithm)] if algorithm else [])


def test_what_is_not_usable_in_a_set_is_passed_over_and_no_more_than_ten_are_looked_at() -> None:
    listed = [{"kty": "oct"}, RSA, EC]
    assert [alg for _, alg, _ in sound.usable(listed)] == ["RS384", "ES384"]
    assert len(sound.usable([EC] * 20)) == 10
    assert sound.usable([{k: v for k, v in EC.items() if k != "kid"}])[0][0] == ""


def test_of_a_key_that_was_sent_whole_only_the_public_half_is_used() -> None:
    whole = {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(BIG)), "kid": "one"}
    curve = {**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(P384)), "kid": "one"}
    assert "d" in whole.keys() & curve.keys()
    assert not any(hasattr(key, "private_numbers") for _, _, key in sound.usable([whole, curve]))
    assert len(sound.usable([whole, curve])) == 2


def test_where_an_app_lies_is_kept_as_it_was_sent() -> None:
    app = sound.checked(replace(SERVICE, jwks_uri="https://x.example/jwks", home="https://x.example", policy="http://x.example/policy", launch="http://localhost:1/launch", pace=100_000))
    assert (app.jwks_uri, app.home, app.policy, app.launch) == ("https://x.example/jwks", "https://x.example", "http://x.example/policy", "http://localhost:1/launch")
    assert sound.checked(replace(PATIENTS, launch="https://x.example/launch", pace=1, name="x" * 80)).launch
    for launch in ("https:///launch", "ftp://localhost/launch"):
        with pytest.raises(Refused):
            sound.checked(replace(PATIENTS, launch=launch))


def test_both_ways_to_sign_are_offered_and_no_other() -> None:
    assert sound.ALGORITHMS == ("RS384", "ES384")


def test_a_set_is_kept_as_it_was_sent() -> None:
    assert json.loads(sound.checked(SERVICE).jwks) == {"keys": [EC]}


# --- assertions ----------------------------------------------------------------------------------------------------------------------

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AT = NOW.timestamp()


@pytest.mark.parametrize(
    ("claims", "good"),
    [
        ({"exp": AT + 300}, True), ({"exp": AT + 360}, True), ({"exp": AT + 361}, False), ({"exp": AT - 60}, True), ({"exp": AT - 61}, False), ({"exp": int(AT) + 5}, True),
        ({"exp": AT + 5, "iat": AT + 60, "nbf": AT + 60}, True), ({"exp": AT + 5, "iat": AT + 61}, False), ({"exp": AT + 5, "nbf": AT + 61}, False), ({"exp": AT + 5, "iat": AT - 9999}, True),
        ({"exp": str(AT)}, False), ({"exp": True}, False), ({"exp": None}, False), ({"exp": AT + 5, "iat": "now"}, False), ({"exp": AT + 5, "nbf": False}, False),
        ({"exp": float("nan")}, False), ({"exp": AT + 5, "nbf": float("nan")}, False), ({"exp": float("-inf")}, False),
    ],
)  # fmt: skip
def test_an_assertion_is_good_for_five_minutes_by_clocks_that_differ_by_one(claims: dict[str, Any], good: bool) -> None:
    with clock.using(FakeClock(NOW)):
        try:
            clients._in_time(claims)
        except clients.UnknownClient:
            assert not good
        else:
            assert good


def test_what_is_no_signed_jwt_or_too_long_is_refused_before_anything_is_looked_up() -> None:
    for text in ("", "a.b.c", "x" * 16_001, jwt.encode({"sub": "x"}, P384, algorithm="ES384") + "x" * 16_000):
        with pytest.raises(clients.UnknownClient):
            clients._taken_apart(text)
    head, said = clients._taken_apart(jwt.encode({"sub": "x"}, P384, algorithm="ES384", headers={"kid": "one"}))
    assert (head["kid"], said["sub"]) == ("one", "x")


# --- codes, launches, approvals ----------------------------------------------------------------------------------------------------------

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.mark.parametrize(
    ("challenge", "verifier", "fits"),
    [(CHALLENGE, VERIFIER, True), (CHALLENGE, VERIFIER + "x", False), (CHALLENGE, VERIFIER[:-1], False), (VERIFIER, VERIFIER, False), (CHALLENGE, "", False), ("", "", False), (CHALLENGE, "ä" * 43, False)],
)
def test_a_verifier_belongs_to_the_challenge_of_the_rfc(challenge: str, verifier: str, fits: bool) -> None:
    assert tokens.fitting(challenge, verifier) is fits  # RFC 7636, appendix B


@pytest.mark.parametrize("length", [42, 43, 128, 129])
def test_a_verifier_is_as_long_as_the_rfc_says(length: int) -> None:
    import base64
    from hashlib import sha256

    verifier = "v" * length
    challenge = base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    assert tokens.fitting(challenge, verifier) is (43 <= length <= 128)


WISH = Wish("a", BACK, ("openid",), "s t", "c")


@pytest.mark.parametrize(
    ("scopes", "patient", "needs"),
    [(("openid",), "", False), (("launch/patient",), "", True), (("patient/Observation.rs",), "", True), (("user/Observation.rs",), "", False), (("patient/Observation.rs",), "p", False)],
)
def test_somebody_says_whose_record_it_is_where_the_app_asks_for_one(scopes: tuple[str, ...], patient: str, needs: bool) -> None:
    assert replace(WISH, scopes=scopes, patient=patient).needs_patient is needs


def test_the_way_back_keeps_what_the_app_put_into_its_address() -> None:
    assert WISH.back("https://here", code="x") == f"{BACK}?code=x&state=s+t&iss=https%3A%2F%2Fhere"
    assert replace(WISH, redirect=BACK + "?a=1", state="").back("i", code="x") == f"{BACK}?a=1&code=x&iss=i"
    assert WISH.refused("i", "access_denied", "No").address == f"{BACK}?error=access_denied&error_description=No&state=s+t&iss=i"


def test_who_had_a_part_in_a_service_since_it_was_active_does_not_approve_it() -> None:
    def state(author: str, state: str = "requested") -> dict[str, str]:
        return {"author": author, "state": state}

    assert registering.part_in([state("ana"), state("bo")]) == {"ana", "bo"}
    assert registering.part_in([state("ana", "stopped"), state("cy", "active"), state("bo")]) == {"ana"}
    assert registering.part_in([state("cy", "active")]) == set()


# --- RFC 7591 ----------------------------------------------------------------------------------------------------------------------------


def test_an_app_that_registers_itself_is_one_for_patients_unless_it_says_otherwise() -> None:
    app = registering.of_metadata({"client_name": " Diary ", "redirect_uris": [BACK]})
    assert (app.name, app.uses, app.whose, app.method, app.redirects) == ("Diary", ("patient",), "chosen", "client_secret_basic", (BACK,))
    staff = registering.of_metadata({"client_name": "x", "sojourn_uses": ["staff", "patient"], "token_endpoint_auth_method": "none"})
    assert (staff.uses, staff.whose, staff.method) == (("staff", "patient"), "inside", "none")
    service = registering.of_metadata({"client_name": "x", "grant_types": ["client_credentials"], "jwks": {"keys": [EC]}})
    assert (service.uses, service.whose, service.method, json.loads(service.jwks)) == (("service",), "inside", "private_key_jwt", {"keys": [EC]})
    assert (app.role, app.account, app.organization, app.programs, app.secret, app.state) == ("", "", "", (), "", "active")


@pytest.mark.parametrize("said", [{"client_name": 1}, {"redirect_uris": BACK}, {"redirect_uris": [1]}, {"redirect_uris": [BACK] * 21}, {"contacts": {}}, {"grant_types": "x"}, {"sojourn_uses": "staff"}])
def test_metadata_of_another_shape_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        registering.of_metadata({"client_name": "x", **said})


def test_the_answer_says_what_was_registered_and_the_secret_only_where_there_is_one() -> None:
    said = registering.as_metadata(replace(PATIENTS, state="requested"), "")
    assert said == {
        "client_id": "a", "client_name": "Diary", "token_endpoint_auth_method": "none", "grant_types": ["authorization_code", "refresh_token"], "scope": "patient/Observation.rs",
        "redirect_uris": [BACK], "sojourn_uses": ["patient"], "sojourn_state": "requested",
    }  # fmt: skip
    assert {k: v for k, v in registering.as_metadata(PATIENTS, "s").items() if "secret" in k} == {"client_secret": "s", "client_secret_expires_at": 0}
    service = registering.as_metadata(replace(SERVICE, jwks_uri="https://x.example/jwks", secret="hash"), "")
    assert (service["grant_types"], service["jwks"], service["jwks_uri"]) == (["client_credentials"], {"keys": [EC]}, "https://x.example/jwks")
    assert "hash" not in json.dumps(service)
