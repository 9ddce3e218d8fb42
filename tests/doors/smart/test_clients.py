"""How an app proves who it is, asked of the gate itself: each way, and each refusal."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any
from urllib.parse import quote_plus

import pytest

from sojourn.base import clock, errors
from sojourn.gate.apps import registering, registry
from sojourn.gate.apps.refusing import Refused, UnknownClient
from sojourn.gate.signinrules import guessing
from tests.doors.smart.office import ASSERTION, TOKEN, Key, Office, keys
from tests.people import A, B
from tests.web.real import ADMIN

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY, RSA = Key("one"), Key("two", "RS384")


async def who(here: Office, form: dict[str, str], authorization: str = "", *, address: str = "192.0.2.1", tenant: int = A) -> str:
    async def fetch(uri: str) -> tuple[Any, float | None]:
        raise errors.NotFound(uri)

    gate = here.clinic.gate
    return (await gate.clients.authenticated(gate.house.tenants[tenant], form, authorization, TOKEN, fetch, address)).id


async def refused(here: Office, form: dict[str, str], authorization: str = "", words: str = "", kind: type[Refused] = UnknownClient, **how: Any) -> None:
    with pytest.raises(kind) as raised:
        await who(here, form, authorization, **how)
    assert type(raised.value) is kind
    assert words in raised.value.message


def basic(client: str, secret: str, scheme: str = "Basic") -> str:
    return f"{scheme} " + base64.b64encode(f"{quote_plus(client)}:{quote_plus(secret)}".encode()).decode()


def signed(client: str, key: Key = KEY, **more: Any) -> dict[str, str]:
    return {"client_assertion_type": ASSERTION, "client_assertion": key.assertion(client, **more)}


async def test_a_public_app_says_who_it_is_and_a_confidential_one_has_to_prove_it(here: Office) -> None:
    public, _ = await here.person_app()
    confidential, secret = await here.person_app(method="client_secret_basic")
    assert await who(here, {"client_id": public.id}) == public.id
    await refused(here, {"client_id": confidential.id}, words="confidential")
    await refused(here, {"client_id": confidential.id, "client_secret": secret}, words="Authorization header")
    await refused(here, {})
    await refused(here, {"client_id": "nobody"})
    await refused(here, {"client_id": public.id}, tenant=B)
    await refused(here, {"grant_type": "refresh_token", "refresh_token": "nothing"})
    await registering.stop(await here.acting(ADMIN), public.id, "test")
    await refused(here, {"client_id": public.id})


async def test_a_secret_is_of_its_own_app_in_the_header_alone(here: Office) -> None:
    app, secret = await here.person_app(method="client_secret_basic")
    other, _ = await here.person_app(method="client_secret_basic")
    public, _ = await here.person_app()
    for scheme in ("Basic", "basic", "BASIC"):
        assert await who(here, {}, basic(app.id, secret, scheme)) == app.id
    assert await who(here, {"client_id": app.id}, basic(app.id, secret)) == app.id
    for wrong in (
        basic(app.id, secret, "Bearer"), basic(app.id, secret + "x"), basic(app.id, ""), basic(other.id, secret), basic("", secret), basic(public.id, ""), basic(public.id, secret), "Basic", "Basic !",
        "Basic " + base64.b64encode(b"\xff:\xff").decode(), "Basic " + base64.b64encode(app.id.encode()).decode(), "Basic " + base64.b64encode(f"{app.id}:{secret}".encode()).decode() + "é",
    ):  # fmt: skip
        await refused(here, {}, wrong)
    await refused(here, {"client_id": other.id}, basic(app.id, secret))
    await refused(here, signed(app.id), basic(app.id, secret), "not in two", Refused)
    spaced = replace(app, id="an app", secret=app.secret)
    await here.clinic.owner.execute("SELECT gate.put_app(1, $1, $2, 'active', NULL, 'test', '', $3)", spaced.id, registry.facts(spaced), clock.now())
    assert await who(here, {}, basic("an app", secret)) == "an app", "both are encoded as a form is (RFC 6749, 2.3.1)"


async def test_a_signature_is_of_the_app_that_it_names_and_good_once(here: Office) -> None:
    app = await here.service(jwks=keys(KEY, RSA))
    other = await here.service(Key("one"))
    public, _ = await here.person_app()
    assert await who(here, signed(app.id)) == app.id
    assert await who(here, signed(app.id, RSA)) == app.id
    assert await who(here, {**signed(app.id), "client_id": app.id}) == app.id
    once = signed(app.id)
    await who(here, once)
    await refused(here, once, words="used before")
    again = KEY.assertion(app.id, jti="the same")
    assert await who(here, {**once, "client_assertion": again}) == app.id
    await refused(here, signed(app.id, jti="the same"), words="used before")
    assert await who(here, signed(app.id, jti="x" * 256)) == app.id
    for jti in (1, "", "x" * 257):
        await refused(here, signed(app.id, jti=jti))
    await refused(here, {"client_assertion": KEY.assertion(app.id)}, "", "client_assertion_type", Refused)
    await refused(here, {"client_assertion_type": ASSERTION})
    await refused(here, {**signed(app.id), "client_id": other.id}, words="both be the client id")
    for claims in ({"iss": other.id}, {"sub": other.id}, {"sub": None}):
        await refused(here, signed(app.id, **claims), words="both be the client id")
    await refused(here, signed("nobody"))
    await refused(here, signed(public.id), words="private_key_jwt")
    await refused(here, signed(other.id), words="No key of this app")
    await refused(here, signed(app.id, Key("three")), words="No key of this app")
    await refused(here, signed(app.id, header={"kid": ""}), words="(kid)")
    await refused(here, signed(app.id, header={"jku": "https://x.example/jwks"}), words="jku")
    await refused(here, signed(app.id, RSA, algorithm="RS256"), words="RS384 or ES384")
    await refused(here, signed(app.id, aud="https://elsewhere.example"), words="aud must be")
    await refused(here, {**once, "client_assertion": "x" * 16_001}, words="too long")
    await refused(here, signed(app.id), tenant=B)


async def test_one_who_calls_names_itself_by_its_issuer_with_when_it_was_made(here: Office) -> None:
    app = await here.service(KEY)
    gate, now = here.clinic.gate, int(clock.now().timestamp())

    async def fetch(uri: str) -> tuple[Any, float | None]:
        raise errors.NotFound(uri)

    async def called(**claims: Any) -> str:
        said = KEY.assertion(app.id, **{"sub": None, "iat": now, **claims})
        return (await gate.clients.calling(gate.house.tenants[A], said, ["https://x.example/cds", TOKEN], fetch, "192.0.2.1")).id

    assert await called() == app.id
    assert await called(sub=app.id) == app.id
    for claims in ({"sub": "other"}, {"iss": None}, {"iss": "other"}, {"iat": None}, {"aud": "https://y.example"}, {"jti": None}):
        with pytest.raises(UnknownClient):
            await called(**claims)


async def test_names_secrets_and_keys_cannot_be_tried_out(here: Office) -> None:
    app = await here.service(KEY)
    secret, _ = await here.person_app(method="client_secret_basic")
    most = guessing()["login_from_address"].attempts
    for n, (form, header) in enumerate((({"client_id": "no such app"}, ""), (signed(app.id, Key("one")), ""), ({}, basic(secret.id, "x")))):
        for _ in range(most):
            await refused(here, form, header, address=f"198.51.100.{n}")
        with pytest.raises(errors.TooManyRequests):
            await who(here, form, header, address=f"198.51.100.{n}")
