"""Advice from outside in two worlds: what is hidden from whoever has the chart open changes neither a question, nor whether there is one, nor a card."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from sojourn.base import clock
from sojourn.record import organization
from sojourn.record.database import Dsn
from tests.care.reported import house
from tests.leaks.drawn import Drawn
from tests.people import MH, SUD, A, Clinic, consent, encounter, observation, patient
from tests.web.cdsservice import Advice
from tests.web.real import HASH, Visitor
from tests.web.test_cards_beside import at, known, registered

CHANGING = Drawn("csrf", "token", "hookInstance")


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    async with house(database) as made:
        row = organization.AccountRow("ivy", "staff", "ivy", "Ivy", HASH, "Practitioner/ivy", "integration-manager", [SUD, MH, 3], MH, [])
        await organization.account(made.owner, A, row, clock.now())
        yield made


async def look(dana: Visitor, advice: Advice, p: str) -> tuple[str, list[str]]:
    """The cards as dana sees them, and what the service was asked."""
    advice.got.clear()
    page = CHANGING.out((await dana.get(f"/patients/{p}/cards")).text)
    return page, [CHANGING.out(json.dumps(body, separators=(",", ":"))) for body in advice.calls()]


async def hide(clinic: Clinic, place: str, p: str) -> None:
    """A stay in a Part 2 program, what it found, and its consent for the same partner: none of it for dana."""
    await clinic.make("sys-sud", encounter(p))
    await clinic.make("sys-sud", observation(p, 99))
    hidden = (await clinic.make("sys-sud", consent(p, place))).id
    assert (await clinic.get("mh-clinician", f"Consent/{hidden}")).status == 404


async def test_a_hidden_consent_brings_no_card_and_hidden_records_change_none(clinic: Clinic) -> None:
    async with Advice().open() as advice:
        place = await registered(clinic, advice, "patient-view-1")
        dana = await at(clinic, "mh-clinician")
        unknown = (await clinic.make("sys-mh", patient())).id
        await clinic.make("sys-mh", encounter(unknown))
        shared = await known(clinic, place)
        referred = (await clinic.make("sys-mh", patient())).id
        await clinic.make("sys-mh", encounter(referred))
        await clinic.make("sys-mh", {"resourceType": "ServiceRequest", "status": "active", "intent": "order", "subject": {"reference": f"Patient/{referred}"}, "performer": [{"reference": f"Organization/{place}"}]})
        for p, asked in ((unknown, 0), (shared, 1), (referred, 1)):
            before = await look(dana, advice, p)
            assert len(before[1]) == asked
            await hide(clinic, place, p)
            after = await look(dana, advice, p)
            assert after == before, "asked" if asked else "not asked"
