"""A partner at the other end of Direct, and our mailbox, for the tests of the door."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sojourn.base import clock
from sojourn.doors.direct.fetching import Fetching
from sojourn.doors.direct.working import Working
from sojourn.gate.exchange import direct, directtrust, partners
from sojourn.gate.exchange.direct import Correspondent, Mailbox
from sojourn.gate.exchange.partners import Envoys, Partner
from sojourn.gate.gate import Gate
from sojourn.record import exchangebench
from sojourn.wire import cms, trust
from sojourn.wire import direct as wire
from sojourn.wire.cms import Holder
from sojourn.wire.direct import Letter
from tests.care.reach import AGREED
from tests.doors.direct.hisp import HOST, PASSWORD, Hisp, authority, hisp
from tests.people import A
from tests.wire import authorities as ca

US, THEM = "records@direct.riverbend.test", "clinic@direct.cedar.test"
CEDAR = Partner("cedar", "Cedar Clinic", door="sftp", timezone="America/New_York", agreed=AGREED)


def secret(gate: Gate, holder: Holder, tenant: int = A) -> bytes:
    """What is sealed of our mailbox."""
    key = holder.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    said = direct.Secret(PASSWORD, ((trust.pem(holder.certificate), key),))
    return gate.house.key.encrypt("direct mailbox", json.dumps(said._asdict()).encode(), str(tenant).encode())


async def opened(gate: Gate, there: Hisp, *, tenant: int = A, as_: dict[str, Any] | None = None, **more: Any) -> Mailbox:
    """Write our mailbox, a partner, its addresses and its certificates down as an administrator would."""
    partner, call, now = replace(CEDAR, **(as_ or {})), gate.house.db.call, clock.now()
    box = Mailbox(US, HOST, there.smtp_port, HOST, there.imap_port, US, trust.pem(ca.address(US).certificate), authority())
    await call("SELECT gate.direct_put_mailbox($1, $2, $3, 'active', NULL, 'test', '', $4)", tenant, direct.facts(box), secret(gate, ca.address(US), tenant), now)
    await call("SELECT gate.exchange_put_partner($1, $2, $3, 'active', NULL, 'test', '', $4)", tenant, partner.id, partners.facts(partner), now)
    await exchangebench.before(gate.house.db, tenant, partner.id, "In a test.", now)
    them = Correspondent(partner.id, (THEM,), **more)
    await call("SELECT gate.direct_put_partner($1, $2, $3, 'active', NULL, 'test', '', $4)", tenant, partner.id, direct.facts(them), now)
    for kind, holder in ((directtrust.ANCHOR, ca.root()), (directtrust.ADDRESS, ca.address(THEM))):
        await call(
            "SELECT gate.direct_add_certificate($1, $2, $3, $4, $5, $6, '', $7, 'test', $8)",
            tenant, f"c-{kind}", partner.id, kind, trust.fingerprint(holder.certificate), trust.pem(holder.certificate), holder.certificate.not_valid_after_utc, now,
        )  # fmt: skip
    return box


class Door:
    """The door, whose tasks do a round when the test says so."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self.working = Working(gate, Envoys(gate), [HOST])
        self.fetching = Fetching(gate, self.working.wake, [HOST])

    async def look(self, tenant: int = A) -> None:
        """Look into the mailbox now, and do all that waits."""
        at = self._gate.house.tenants[tenant]
        await direct.looked(self._gate.house, at, clock.now(), None, "")
        await self.fetching.round(at)
        while await self.working.round(at):
            pass


@asynccontextmanager
async def ready(gate: Gate, **more: Any) -> AsyncIterator[tuple[Hisp, Door]]:
    """A HISP with our mailbox and theirs, all written down."""
    async with hisp(US, THEM) as there:
        await opened(gate, there, **more)
        yield there, Door(gate)


def sealed(letter: Letter, unique: str = "u", holder: Holder | None = None) -> bytes:
    """A letter as the partner seals it, to us."""
    return wire.sealed(letter, clock.now(), holder or ca.address(THEM), [ca.address(US).certificate], unique)


def read(raw: bytes) -> Letter:
    """A letter of ours as the partner reads it; it is signed by us."""
    out = wire.outside(raw)
    found = wire.opened(cms.decrypted(out.sealed, [ca.address(THEM)]))
    assert found.signer == ca.address(US).certificate
    return wire.letter(found.content, out)
