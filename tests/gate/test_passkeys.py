"""Passkeys with an authenticator made here, which can be told to do what no honest one does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import Aaguid, AttestationObject, AttestedCredentialData, AuthenticatorData

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.gate.passkeys import Asked, Place
from sojourn.gate.signin import Visit
from sojourn.record.database import Dsn
from tests import people
from tests.people import START, A, B, Clinic
from tests.web.real import furnish

WHO = "mh-clinician"
PLACE = Place("ehr.example", "https://ehr.example", b"this browser")
HERE = Visit("staff", "192.0.2.7", "Firefox on Linux", "request")
FLAGS = AuthenticatorData.FLAG
PRESENT = FLAGS.UP | FLAGS.UV


@dataclass
class Device:
    """One passkey. Everything it says can be changed."""

    key: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    id: bytes = b"passkey-1-of-this-device"
    counter: int = 0
    owner: bytes = b""
    host: str = PLACE.host
    origin: str = PLACE.origin
    flags: Any = PRESENT

    def _client(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}).encode()

    def create(self, asked: Asked) -> str:
        """What navigator.credentials.create gives, as JSON."""
        self.owner = asked.options["user"]["id"].encode()
        public = ES256.from_cryptography_key(self.key.public_key())
        data = AttestedCredentialData.create(Aaguid.NONE, self.id, public)
        auth = AuthenticatorData.create(sha256(self.host.encode()).digest(), self.flags | FLAGS.AT, self.counter, data)
        made = {"clientDataJSON": websafe_encode(self._client("webauthn.create", asked.options["challenge"])), "attestationObject": websafe_encode(AttestationObject.create("none", auth, {}))}
        return self._answer(made)

    def get(self, asked: Asked, kind: str = "webauthn.get") -> str:
        """What navigator.credentials.get gives, as JSON."""
        auth = AuthenticatorData.create(sha256(self.host.encode()).digest(), self.flags, self.counter)
        client = self._client(kind, asked.options["challenge"])
        signature = self.key.sign(bytes(auth) + sha256(client).digest(), ec.ECDSA(SHA256()))
        said = {"clientDataJSON": websafe_encode(client), "authenticatorData": websafe_encode(auth), "signature": websafe_encode(signature)}
        return self._answer(said | ({"userHandle": self.owner.decode()} if self.owner else {}))

    def _answer(self, response: dict[str, str]) -> str:
        name = websafe_encode(self.id)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response, "clientExtensionResults": {}})


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations, and a clock that stands still."""
    with clock.using(FakeClock(START)):
        made = await people.open_clinic(database)
        await furnish(made)
        yield made
        await people.close_clinic(made)


async def registered(clinic: Clinic, who: str = WHO, **more: Any) -> Device:
    device, tenant = Device(**more), clinic.gate.house.tenants[A]
    asked = await clinic.gate.signin.passkeys.ask_new(tenant, who, who, who, PLACE)
    assert await clinic.gate.signin.passkeys.add(tenant, who, "Laptop", PLACE, asked.state, device.create(asked))
    return device


async def who_answers(clinic: Clinic, device: Device, account: str = "") -> str | None:
    tenant = clinic.gate.house.tenants[A]
    asked = await clinic.gate.signin.passkeys.ask(tenant, PLACE, account)
    found: str | None = await clinic.gate.signin.passkeys.check(tenant, PLACE, asked.state, device.get(asked), account)
    return found


async def test_a_passkey_says_whose_it_is(clinic: Clinic) -> None:
    device = await registered(clinic)
    assert await who_answers(clinic, device) == WHO
    assert await who_answers(clinic, device, WHO) == WHO
    assert await who_answers(clinic, device, "officer") is None


async def test_an_answer_counts_once(clinic: Clinic) -> None:
    device, tenant, passkeys = await registered(clinic), clinic.gate.house.tenants[A], clinic.gate.signin.passkeys
    asked = await passkeys.ask(tenant, PLACE)
    answer = device.get(asked)
    assert [await passkeys.check(tenant, PLACE, asked.state, answer) for _ in range(2)] == [WHO, None]


async def test_an_answer_to_another_question_browser_address_organization_or_purpose_is_none(clinic: Clinic) -> None:
    device, tenants, passkeys = await registered(clinic), clinic.gate.house.tenants, clinic.gate.signin.passkeys
    one, two = await passkeys.ask(tenants[A], PLACE), await passkeys.ask(tenants[A], PLACE)
    assert await passkeys.check(tenants[A], PLACE, two.state, device.get(one)) is None
    for place in (PLACE._replace(binding=b"another browser"), PLACE._replace(origin="https://evil.example"), PLACE._replace(host="evil.example")):
        asked = await passkeys.ask(tenants[A], PLACE)
        assert await passkeys.check(tenants[A], place, asked.state, device.get(asked)) is None
    asked = await passkeys.ask(tenants[B], PLACE)
    assert await passkeys.check(tenants[B], PLACE, asked.state, device.get(asked)) is None
    asked = await passkeys.ask(tenants[A], PLACE, WHO)
    assert await passkeys.check(tenants[A], PLACE, asked.state, device.get(asked)) is None  # asked to confirm, answered to sign in
    asked = await passkeys.ask(tenants[A], PLACE)
    assert await passkeys.check(tenants[A], PLACE, asked.state, device.get(asked, "webauthn.create")) is None


async def test_what_an_honest_device_would_not_say_is_refused(clinic: Clinic) -> None:
    device = await registered(clinic)
    changes: list[dict[str, Any]] = [
        {"origin": "https://evil.example"}, {"origin": "https://ehr.example:8443"}, {"origin": "http://ehr.example"}, {"host": "evil.example"},
        {"flags": FLAGS.UP}, {"flags": FLAGS.UV}, {"key": ec.generate_private_key(ec.SECP256R1())}, {"id": b"somebody else's passkey"}, {"owner": b"x" * 43},
    ]  # fmt: skip
    for change in changes:
        lying = Device(**{"key": device.key, "id": device.id, "owner": device.owner} | change)
        assert await who_answers(clinic, lying) is None, change
    assert await who_answers(clinic, device) == WHO


async def test_a_counter_that_goes_back_tells_of_a_copy(clinic: Clinic) -> None:
    device = await registered(clinic, counter=5)
    for counter, whose in ((6, WHO), (6, None), (4, None), (0, None), (7, WHO)):
        device.counter = counter
        assert await who_answers(clinic, device) == whose, counter


async def test_a_passkey_without_person_or_with_another_question_is_not_kept(clinic: Clinic) -> None:
    tenant, passkeys = clinic.gate.house.tenants[A], clinic.gate.signin.passkeys
    changes: list[dict[str, Any]] = [{"flags": FLAGS.UP}, {"origin": "https://evil.example"}, {"host": "evil.example"}]
    for change in changes:
        asked = await passkeys.ask_new(tenant, WHO, WHO, WHO, PLACE)
        assert not await passkeys.add(tenant, WHO, "x", PLACE, asked.state, Device(**change).create(asked)), change
    asked = await passkeys.ask_new(tenant, WHO, WHO, WHO, PLACE)
    assert not await passkeys.add(tenant, "officer", "x", PLACE, asked.state, Device().create(asked))  # asked by one, kept by another
    for garbage in ("", "{}", "[]", "null", '{"id": 1}', "x" * 10_000, '{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"AA","attestationObject":"AA"}}'):
        asked = await passkeys.ask_new(tenant, WHO, WHO, WHO, PLACE)
        assert not await passkeys.add(tenant, WHO, "x", PLACE, asked.state, garbage)
        asked = await passkeys.ask(tenant, PLACE)
        assert await passkeys.check(tenant, PLACE, asked.state, garbage) is None
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.factor") == 0


async def test_one_passkey_is_one_accounts(clinic: Clinic) -> None:
    device, tenant, passkeys = await registered(clinic), clinic.gate.house.tenants[A], clinic.gate.signin.passkeys
    asked = await passkeys.ask_new(tenant, "officer", "officer", "officer", PLACE)
    assert not await passkeys.add(tenant, "officer", "x", PLACE, asked.state, device.create(asked))


async def test_a_question_lasts_minutes(clinic: Clinic) -> None:
    device, tenant, passkeys = await registered(clinic), clinic.gate.house.tenants[A], clinic.gate.signin.passkeys
    asked = await passkeys.ask(tenant, PLACE)
    now = clock._clock
    assert isinstance(now, FakeClock)
    now.advance(timedelta(minutes=6))
    assert await passkeys.check(tenant, PLACE, asked.state, device.get(asked)) is None


async def test_a_deactivated_accounts_passkey_and_a_removed_one_open_nothing(clinic: Clinic) -> None:
    device, tenant, signin = await registered(clinic), clinic.gate.house.tenants[A], clinic.gate.signin

    async def sign_in() -> object:
        asked = await signin.passkeys.ask(tenant, PLACE)
        return await signin.passkey(tenant, PLACE, asked.state, device.get(asked), HERE)

    assert await sign_in()
    await clinic.owner.fetchval("SELECT gate.set_account_state(1, $1, 'deactivated', '', '', $2)", WHO, clock.now())
    assert await sign_in() is None
    now = clock._clock
    assert isinstance(now, FakeClock)
    now.advance(timedelta(seconds=1))
    await clinic.owner.fetchval("SELECT gate.set_account_state(1, $1, 'active', '', '', $2)", WHO, clock.now())
    assert await sign_in()
    await clinic.owner.execute("UPDATE record.factor SET ended = $1", clock.now())
    assert await sign_in() is None


async def test_the_name_of_the_owner_on_the_device_tells_nothing(clinic: Clinic) -> None:
    device = await registered(clinic)
    assert WHO.encode() not in device.owner
    assert sha256(WHO.encode()).digest() != device.owner
