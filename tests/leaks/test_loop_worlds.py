"""Open loops in two worlds: a hand-off of somebody hidden is in no list, no count and no alarm of whoever may not know of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.care.handoff import referral
from sojourn.record import organization
from sojourn.record.database import Dsn
from tests.care.reported import as_, house, visitor
from tests.doors.hl7v2.lab import registered
from tests.leaks.drawn import Drawn
from tests.people import MH, A, Clinic, encounter, patient
from tests.web.real import HASH

CHANGING = Drawn("csrf", "tab", "key")
LOOKERS = ("mh-clinician", "ivo", "lead")


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    async with house(database) as made:
        row = organization.AccountRow("ivo", "staff", "ivo", "Ivo", HASH, "Practitioner/ivo", "integration-manager", [MH], MH, [])
        await organization.account(made.owner, A, row, clock.now())
        yield made


async def loop(clinic: Clinic, who: str, system: str, receiver: str) -> tuple[str, str]:
    """A client and a hand-off of theirs that was sent: (patient, task)."""
    p = (await clinic.make(system, patient())).id
    await clinic.make(system, encounter(p))
    access = await as_(clinic, who)
    id_ = await referral.prepare(access, p, receiver, asks="Follow-up within 7 days", why="")
    prepared = await referral.one(access, id_)
    sent = referral._step(access, prepared, "sent", "Sent.", due=access.now)  # as send() leaves it; what leaves is another test's
    await access.write([sent], action="handoff")
    return p, id_


async def look(clinic: Clinic, p: str, id_: str) -> list[tuple[str, str, int, str]]:
    """Every page of loops as each of them reads it."""
    found = []
    for who in LOOKERS:
        browser = await visitor(clinic, who)
        for path in ("/handoffs", "/today", "/exchange", f"/patients/{p}/handoff", f"/patients/{p}/handoff/{id_}"):
            answer = await browser.get(path)
            found.append((who, path, answer.status_code, CHANGING.out(answer.text)))
    return found


async def test_hidden_loops_are_nowhere(clinic: Clinic) -> None:
    receiver = (await clinic.make("sys-none", {"resourceType": "Organization", "name": "Lakeside Primary Care"})).id
    await registered(clinic.gate, organization=f"Organization/{receiver}")
    p, id_ = await loop(clinic, "mh-clinician", "sys-mh", receiver)
    now = clock._clock
    assert isinstance(now, FakeClock)
    now.advance(timedelta(minutes=10))
    before = await look(clinic, p, id_)
    hidden, theirs = await loop(clinic, "sud-clinician", "sys-sud", receiver)
    after = await look(clinic, p, id_)
    for one, two in zip(before, after, strict=True):
        assert one == two
    pages = {(who, path): text for who, path, status, text in before if status == 200}
    assert "Lakeside Primary Care: Follow-up within 7 days" in pages["mh-clinician", "/handoffs"]
    assert "1 open, 1 silent" in pages["ivo", "/handoffs"]
    dana = await visitor(clinic, "mh-clinician")
    assert [(await dana.get(path)).status_code for path in (f"/patients/{hidden}/handoff", f"/patients/{p}/handoff/{theirs}", "/patients/nobody/handoff")] == [404, 404, 404]
    own = await visitor(clinic, "sud-clinician")
    assert "Follow-up within 7 days" in (await own.get("/handoffs")).text

