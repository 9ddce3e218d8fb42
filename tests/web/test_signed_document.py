"""The page of a signed document: what it shows, what it offers to whom, and what it says when something cannot be done."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.care.credentials.held import Credential
from sojourn.care.signing import acting, documents, late
from sojourn.gate.clockwork import Clockwork
from sojourn.record.database import Dsn
from tests import people
from tests.care.signers import TEXT, at_the_screen, note, practitioner
from tests.gate.numbering import numbered
from tests.people import START, Clinic, observation
from tests.web.real import Visitor, furnish, later

WHO = "mh-clinician"


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations, a clock that stands still, a signed note of somebody whose credential ends in two days."""
    with clock.using(FakeClock(START)):
        made = await people.open_clinic(database)
        await furnish(made)
        await practitioner(made, WHO, Credential("LCSW", "4711", "NY", end=date(2026, 3, 3)))
        access = await at_the_screen(made, WHO)
        await access.write((await documents.signing(access, [await note(access)], "note1", TEXT)).changes, action="sign")
        yield made
        await people.close_clinic(made)


async def test_what_came_after_the_lock_stands_on_the_page_and_leads_there_from_today(clinic: Clinic) -> None:
    access = await at_the_screen(clinic, WHO)
    document = await documents.read(access, "note1")
    await acting.lock(access, document, version=document.version)
    later(minutes=2)
    await clinic.make("sys-mh", observation(document.patient, 99, encounter={"reference": "Encounter/visit-note1"}))
    feed = await numbered(clinic)
    await feed.follow("late", late.follower(Clockwork(clinic.gate)))
    author = Visitor(clinic)
    await author.sign_in(WHO)
    page = f"/patients/{document.patient}/documents/note1"
    today = (await author.get("/today")).text
    assert "Something joined a visit whose note is locked" in today
    assert f'href="{page}"' in today
    shown = (await author.get(page)).text
    assert "Came after the lock" in shown
    assert "99 /min" in shown
    for _ in range(2):
        await author.get(page)
        assert (await author.post(page, {"do": "seen", "why": ""})).status_code == 303
    assert "Something joined" not in (await author.get("/today")).text
    assert "Unlock" not in (await author.get(page)).text, "not of a clinician"
    refused = await author.post(page, {"do": "unlock", "why": "I want to change it.", "version": ""})
    assert (refused.status_code, "Your role does not include" in refused.text, "I want to change it." in refused.text) == (403, True, False)


async def test_when_a_credential_has_ended_the_page_says_which_and_nothing_typed_is_lost(clinic: Clinic) -> None:
    later(days=3)
    author = Visitor(clinic)
    await author.sign_in(WHO)
    access = await at_the_screen(clinic, WHO)
    page = f"/patients/{(await documents.read(access, 'note1')).patient}/documents/note1"
    await author.get(page)
    answer = await author.post(page, {"do": "addendum", "why": "The mother called.", "key": "k1", "version": ""})
    assert answer.status_code == 403
    assert "Your credential LCSW NY 4711 ended on March 3, 2026" in answer.text
    assert "The mother called." in answer.text
    assert "ended 1 day ago" in (await author.get("/today")).text
    assert "LCSW NY 4711" in (await author.get("/credentials/mine")).text


async def test_a_document_from_elsewhere_whose_kind_is_only_a_code_has_a_page(clinic: Clinic) -> None:
    access = await at_the_screen(clinic, WHO)
    document = await documents.read(access, "note1")
    sent = {"resourceType": "DocumentReference", "status": "current", "type": {"coding": [{"system": "http://loinc.org", "code": "34133-9"}]}, "subject": {"reference": f"Patient/{document.patient}"},
            "content": [{"attachment": {"contentType": "text/plain", "data": "aGVsbG8="}}]}  # fmt: skip
    made = await clinic.make("sys-mh", sent)
    author = Visitor(clinic)
    await author.sign_in(WHO)
    page = await author.get(f"/patients/{document.patient}/documents/{made.id}")
    assert (page.status_code, "34133-9" in page.text) == (200, True)
