"""Passkeys (WebAuthn level 2): options for the browser, and what it answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from sojourn.base import clock, crypto, ids
from sojourn.base.crypto import BadSeal, ServerKey
from sojourn.base.db import Database
from sojourn.gate.caller import Tenant

_LIFE = 300.0  # seconds between question and answer


class Place(NamedTuple):
    """Where a passkey is good: the host name, and the origin that the browser reports. binding: what ties the question to one browser."""

    host: str
    origin: str
    binding: bytes


class Asked(NamedTuple):
    """A question for the browser, and what must come back with its answer."""

    options: dict[str, Any]
    state: str


class Passkeys:
    """Asks for passkeys and checks answers. A question is answered once, by the browser that asked, within minutes."""

    def __init__(self, db: Database, key: ServerKey) -> None:
        self._db = db
        self._key = key

    def _server(self, tenant: Tenant, place: Place) -> Fido2Server:
        return Fido2Server(PublicKeyCredentialRpEntity(name=tenant.name, id=place.host), verify_origin=lambda origin: origin == place.origin)

    # --- a new one ------------------------------------------------------------------------------------------------------------

    async def ask_new(self, tenant: Tenant, account: str, login: str, name: str, place: Place) -> Asked:
        """Options for navigator.credentials.create. The passkey will be found without a login, and asks its owner for PIN, face or finger."""
        user = PublicKeyCredentialUserEntity(id=self._handle(tenant, account), name=login, display_name=name)
        options, state = self._server(tenant, place).register_begin(
            user, await self._known(tenant, account), ResidentKeyRequirement.REQUIRED, UserVerificationRequirement.REQUIRED, challenge=ids.random_bytes("passkey", 32)
        )
        return Asked(_plain(options.public_key), self._seal(tenant, place, account, "create", state))

    async def add(self, tenant: Tenant, account: str, name: str, place: Place, state: str, answer: str) -> bool:
        """Keep a new passkey; False if the answer does not belong to the question."""
        try:
            asked = await self._open(tenant, place, account, "create", state)
            made = self._server(tenant, place).register_complete(asked, json.loads(answer))
            data = made.credential_data
        except Exception:  # noqa: BLE001 - whatever a browser sends that is not an answer is refused alike
            return False
        if data is None:
            return False
        rows = await self._db.call(
            "SELECT gate.add_factor($1, $2, $3, 'passkey', $4, $5, $6, $7, true, $8) AS made", tenant.number, ids.new_id("factor"), account, name[:60] or "Passkey",
            bytes(data), data.credential_id, made.counter, clock.now(),
        )  # fmt: skip
        return bool(rows[0]["made"])

    # --- proving --------------------------------------------------------------------------------------------------------------

    async def ask(self, tenant: Tenant, place: Place, account: str = "") -> Asked:
        """Options for navigator.credentials.get: one of the account's passkeys, or (without an account) whichever the person chooses."""
        allowed = await self._known(tenant, account) if account else None
        options, state = self._server(tenant, place).authenticate_begin(allowed, UserVerificationRequirement.REQUIRED, challenge=ids.random_bytes("passkey", 32))
        return Asked(_plain(options.public_key), self._seal(tenant, place, account, "get", state))

    async def check(self, tenant: Tenant, place: Place, state: str, answer: str, account: str = "") -> str | None:
        """The account whose passkey answered, else None. With `account`, it must be that one's."""
        try:
            asked = await self._open(tenant, place, account, "get", state)
            said = AuthenticationResponse.from_dict(json.loads(answer))
            rows = await self._db.call("SELECT * FROM gate.passkey($1, $2, $3)", tenant.number, said.raw_id, clock.now())
            if not rows or (account and rows[0]["account"] != account):
                return None
            found: str = rows[0]["account"]
            if said.response.user_handle is not None and said.response.user_handle != self._handle(tenant, found):
                return None
            self._server(tenant, place).authenticate_complete(asked, [AttestedCredentialData(rows[0]["secret"])], said)
        except Exception:  # noqa: BLE001 - as above
            return None
        used = await self._db.call("SELECT gate.use_passkey($1, $2, $3, $4) AS done", tenant.number, rows[0]["factor"], said.response.authenticator_data.counter, clock.now())
        return found if used[0]["done"] else None

    # --- what travels through the browser ---------------------------------------------------------------------------------------

    async def _known(self, tenant: Tenant, account: str) -> Sequence[AttestedCredentialData]:
        rows = await self._db.call("SELECT * FROM gate.factors($1, $2, $3)", tenant.number, account, clock.now())
        return [AttestedCredentialData(r["secret"]) for r in rows if r["kind"] == "passkey"]

    def _handle(self, tenant: Tenant, account: str) -> bytes:
        """How a passkey names its owner: nothing that tells who it is (WebAuthn 2, 14.6.1)."""
        return self._key.sign("passkey-owner", f"{tenant.number}\0{account}".encode())

    def _seal(self, tenant: Tenant, place: Place, account: str, purpose: str, state: Any) -> str:
        content = json.dumps({"challenge": state["challenge"], "at": clock.now().timestamp()}).encode()
        return self._key.seal("passkey", content, self._context(tenant, place, account, purpose))

    def _context(self, tenant: Tenant, place: Place, account: str, purpose: str) -> bytes:
        return b"\0".join((str(tenant.number).encode(), place.origin.encode(), place.binding, account.encode(), purpose.encode()))

    async def _open(self, tenant: Tenant, place: Place, account: str, purpose: str, sealed: str) -> dict[str, Any]:
        """The state of the question, used up with this. Raises BadSeal."""
        content = json.loads(self._key.open("passkey", sealed, self._context(tenant, place, account, purpose)))
        now = clock.now()
        if now.timestamp() - content["at"] > _LIFE:
            raise BadSeal
        ticket = crypto.sha256(b"passkey\0" + content["challenge"].encode())
        rows = await self._db.call("SELECT gate.make_ticket($1, $2, 'passkey', $3, '', '', $4, $4) AS made", tenant.number, ticket, account, now)
        if not rows[0]["made"]:
            raise BadSeal
        return {"challenge": content["challenge"], "user_verification": UserVerificationRequirement.REQUIRED}


def _plain(options: Any) -> dict[str, Any]:
    """As JSON for PublicKeyCredential.parseRequestOptionsFromJSON."""
    plain: dict[str, Any] = json.loads(json.dumps(dict(options)))
    return plain
