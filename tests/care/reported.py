"""A clinic in which incidents are reported: a risk manager, a supervisor, a nurse, and colleagues with names."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.gate.access import Access
from sojourn.record import organization
from sojourn.record.database import Dsn
from tests import people
from tests.people import MH, SUD, A, Clinic
from tests.web.real import HASH, Visitor, furnish

MORNING = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)
"""A Wednesday, ten in the morning in New York."""
WHAT = "The client slipped on the wet floor beside the sink and sat down hard. Nobody had put up the sign."
STAFF = (("risk", "risk-manager", (SUD, MH)), ("lead", "supervisor", (MH,)), ("sud-lead", "supervisor", (SUD,)), ("nurse", "nurse", (MH,)), ("night", "on-call", (MH,)))
NAMES = {"risk": ("Quinn", "Morgan"), "lead": ("Sable", "Sam"), "sud-lead": ("Voss", "Uma"), "nurse": ("Tarrow", "Nina"), "night": ("Okoro", "Ike"), "mh-clinician": ("Whitfield", "Dana"), "sud-clinician": ("Ames", "Lee"), "technician": ("Reed", "Tess"), "officer": ("Shah", "Priya")}


async def staffed(clinic: Clinic) -> None:
    """Accounts with passwords, each with a person who has a name."""
    now = clock.now()
    for account, role, programs in STAFF:
        row = organization.AccountRow(account, "staff", account, account.title(), HASH, f"Practitioner/{account}", role, list(programs), programs[-1], [])
        await organization.account(clinic.owner, A, row, now)
    await furnish(clinic)
    for account, (family, given) in NAMES.items():
        made = (await clinic.make("sys-none", {"resourceType": "Practitioner", "active": True, "name": [{"family": family, "given": [given]}]})).id
        await clinic.owner.execute("UPDATE record.account SET agent = $1, name = $3, generation = generation + 1 WHERE tenant = 1 AND account = $2", f"Practitioner/{made}", account, f"{given} {family}")
    clinic.gate.identity._known.clear()


@asynccontextmanager
async def house(database: Dsn) -> AsyncIterator[Clinic]:
    """The clinic on a clock that stands still."""
    before = clock.set_clock(FakeClock(MORNING))
    clinic = await people.open_clinic(database, connections=8)
    await staffed(clinic)
    yield clinic
    await people.close_clinic(clinic)
    clock.set_clock(before)


async def person(clinic: Clinic, account: str) -> str:
    """The reference of who is behind an account."""
    return str(await clinic.owner.fetchval("SELECT agent FROM record.account WHERE tenant = 1 AND account = $1", account))


async def visitor(clinic: Clinic, who: str) -> Visitor:
    """Somebody at a browser."""
    found = Visitor(clinic)
    assert (await found.sign_in(who)).status_code == 303, who
    return found


async def as_(clinic: Clinic, who: str) -> Access:
    """Somebody without a browser."""
    secret = await clinic.gate.token(clinic.gate.house.tenants[A], who, days=1)
    found = await clinic.gate.access(secret)
    assert found is not None
    return found


async def report(clinic: Clinic, who: Visitor, **more: str | list[str]) -> str:
    """Report an incident as somebody does at a form; its id."""
    await who.get("/incidents/new")
    key = re.findall(r'action="/incidents/draft/(\w+)"', who.last.text)[0]
    form = {"kind": "fall", "harm": "mild", "what": WHAT, "day": "2026-03-04", "time": "09:30", "do": "send", **more}
    token = re.findall(r'name="csrf" value="([^"]+)"', who.last.text)[0]
    who.last = await who.client.post(f"/incidents/draft/{key}", data={"csrf": token, **form})
    assert who.last.status_code == 200, who.last.text
    assert "<h1>Sent</h1>" in who.last.text
    return str(await clinic.owner.fetchval("SELECT incident FROM record.incident WHERE tenant = 1 ORDER BY xmin::text::bigint DESC LIMIT 1"))
