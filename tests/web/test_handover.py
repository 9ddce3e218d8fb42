"""A device in a client's hands: one page answers, every other address shows it, and only its owner gets out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.care import signing
from sojourn.care.signing import documents
from sojourn.doors.staff.routes import SCREENS
from sojourn.record.database import Dsn
from tests import people
from tests.care.signers import TEXT, at_the_screen, note, practitioner
from tests.people import START, Clinic
from tests.web.real import PASSWORD, Visitor, furnish, later
from tests.web.test_forms import small

WHO = "mh-clinician"


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations, a clock that stands still, and a signed note."""
    with clock.using(FakeClock(START)):
        made = await people.open_clinic(database)
        await furnish(made)
        await practitioner(made, WHO)
        access = await at_the_screen(made, WHO)
        change = await note(access)
        await access.write((await documents.signing(access, [change], "note1", TEXT)).changes, action="sign")
        yield made
        await people.close_clinic(made)


async def patient_of(clinic: Clinic) -> str:
    found: str = await clinic.owner.fetchval("SELECT id FROM record.resource WHERE type = 'Patient'")
    return found


async def handed(clinic: Clinic, **facts: str) -> tuple[Visitor, str, str]:
    """A device that was handed over with the note on it; the page of the document, and the one on the device."""
    staff = Visitor(clinic)
    await staff.sign_in(WHO)
    page = f"/patients/{await patient_of(clinic)}/documents/note1"
    assert "Let the client" in (await staff.get(page)).text
    given = {"relation": "self", "identity": "known", **facts}
    answer = await staff.post("/handover", {"path": f"{page}/client", "back": page, **{f"with-{k}": v for k, v in given.items()}})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{page}/client")
    return staff, page, f"{page}/client"


async def test_every_address_answers_with_the_one_page_and_nothing_that_is_sent_elsewhere_does_anything(clinic: Clinic) -> None:
    before = Visitor(clinic)
    await before.sign_in(WHO)
    old = before.client.cookies["sojourn"]
    device, page, only = await handed(clinic)
    shown = (await device.get(only)).text
    assert "Seen for 50 minutes" in shown
    assert 'href="/patients' not in shown
    assert "palette" not in shown
    for each in SCREENS:
        path = each.path.replace("{id}", page.split("/")[2]).replace("{document}", "note1").replace("{secret}", "x")
        if path.startswith("/handover"):
            continue
        if "GET" in each.methods:
            answer = await device.get(path)
            assert (answer.status_code, "Read it, then sign" in answer.text) == (200, True), path
        if "POST" in each.methods and not each.hand:
            answer = await device.post(path, token=device.hidden("csrf"), form={"do": "lock", "password": "x"})
            assert (answer.status_code, answer.headers.get("location")) == (303, only), path
            await device.get(only)
    fragment = await device.client.get("/patients", headers={"hx-request": "true"})
    assert fragment.headers.get("hx-redirect") == only
    assert (await device.get("/nowhere/at/all")).status_code == 200
    bearer = await clinic.ask(device.client.cookies["sojourn"], "GET", "Patient")
    assert bearer.status == 401, "the secret of the device opens no other door"
    assert (await before.get("/today")).status_code == 200, "another session of the same person is another device"
    assert old != device.client.cookies["sojourn"]


async def test_where_nothing_was_handed_over_nobody_signs_for_the_client(clinic: Clinic) -> None:
    staff = Visitor(clinic)
    await staff.sign_in(WHO)
    path = f"/patients/{await patient_of(clinic)}/documents/note1/client"
    assert (await staff.get(path)).status_code == 200
    answer = await staff.post(path, {"name": "Ana Rivera", "agree": "yes"})
    assert (answer.status_code, "was not handed over" in answer.text) == (422, True)


async def test_the_client_signs_and_then_only_the_owner_gets_out_with_a_proof(clinic: Clinic) -> None:
    device, page, only = await handed(clinic)
    staff_cookie = (await clinic.owner.fetch("SELECT 1 FROM record.credential WHERE door = 'staff' AND revoked = 'infinity'"))
    await device.get(only)
    assert (await device.post(only, {"name": "Ana", "agree": "yes"})).status_code == 422
    assert (await device.post(only, {"name": "Ana Rivera"})).status_code == 422
    answer = await device.post(only, {"name": "Ana Rivera", "agree": "yes"})
    assert answer.headers["location"] == "/handover/back"
    assert "Thank you. You are done." in (await device.get(only)).text, "what has served does not answer again"
    assert "Thank you. You are done." in (await device.get(page)).text
    again = await device.post(only, {"name": "Somebody Else", "agree": "yes"})
    assert again.headers["location"] == "/handover/back"
    wrong = await device.post("/handover/back", {"password": "guess"})
    assert wrong.status_code == 401
    assert "Thank you" in (await device.get("/patients")).text
    right = await device.post("/handover/back", {"password": PASSWORD})
    assert right.headers["location"] == page
    shown = (await device.get(page)).text
    assert "Ana Rivera" in shown
    assert "Unchanged since it was signed" in shown
    access = await at_the_screen(clinic, WHO)
    client = (await signing.signatures(access, "DocumentReference/note1"))[-1]
    assert (client.name, client.meaning, client.identity, client.method) == ("Ana Rivera", "client", "known", "typed")
    lines: list[Any] = await clinic.owner.fetch("SELECT action, outcome, door FROM record.audit WHERE action IN ('hand-over', 'take-back', 'sign-in') OR door = 'handover' ORDER BY recorded")
    assert {("hand-over", "done"), ("take-back", "denied"), ("sign-in", "done")} <= {(row["action"], row["outcome"]) for row in lines}
    assert staff_cookie == [] or len(staff_cookie) == 1


async def test_a_device_that_is_never_given_back_shows_the_sign_in_page_and_a_page_that_was_not_made_for_it_is_not_handed_over(clinic: Clinic) -> None:
    device, page, only = await handed(clinic)
    later(hours=3)
    answer = await device.get(only)
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/sign-in")
    staff = Visitor(clinic)
    await staff.sign_in(WHO)
    await staff.get(page)
    for path in ("/patients", page, f"{only}?x=1", "/accounts", "https://elsewhere.example/"):
        assert (await staff.post("/handover", {"path": path, "back": "/"})).status_code == 404, path
    assert (await staff.get("/patients")).status_code == 200


async def test_a_client_answers_a_form_on_the_device_and_reaches_nothing_else(clinic: Clinic) -> None:
    form = (await clinic.make("sys-mh", small())).id
    who = await patient_of(clinic)
    staff = Visitor(clinic)
    await staff.sign_in(WHO)
    assert "Let the client answer on this device" in (await staff.get(f"/patients/{who}/forms/{form}")).text
    only = f"/patients/{who}/forms/{form}/client"
    assert (await staff.post("/handover", {"path": only, "back": f"/patients/{who}/forms"})).headers["location"] == only
    assert "Are you well?" in (await staff.get("/patients")).text, "the page itself, at every address"
    kept = await staff.post(only, {"do": "keep", "a.ok": "true", "seen": ""}, headers={"hx-request": "true"})
    assert kept.status_code == 200
    await staff.get(only)
    answer = await staff.post(only, {"do": "submit", "a.ok": "true", "seen": staff.hidden("seen")})
    assert answer.headers["location"] == "/handover/back"
    assert "Thank you. You are done." in (await staff.get(f"/patients/{who}")).text
    assert (await staff.post("/handover/back", {"password": PASSWORD})).headers["location"] == f"/patients/{who}/forms"
    assert len((await clinic.get("sys-mh", f"QuestionnaireResponse?patient={who}")).entries) == 1


async def test_a_client_who_does_not_want_to_sign_is_written_down_by_staff_with_the_reason_inside_the_signature(clinic: Clinic) -> None:
    device, page, only = await handed(clinic)
    await device.get(only)
    assert (await device.post(only, {"do": "no"})).headers["location"] == "/handover/back"
    await device.post("/handover/back", {"password": PASSWORD})
    access = await at_the_screen(clinic, WHO)
    assert [s.meaning for s in await signing.signatures(access, "DocumentReference/note1")] == ["author"]
    await device.get(page)
    assert (await device.post(page, {"do": "refused", "why": ""})).status_code == 422
    for _ in range(2):
        await device.get(page)
        assert (await device.post(page, {"do": "refused", "why": "I want my sister to read it first."})).status_code == 303
    refused = (await signing.signatures(access, "DocumentReference/note1"))[1:]
    assert [(s.meaning, s.reason) for s in refused] == [("refused", "I want my sister to read it first.")]
    assert "I want my sister to read it first." in (await device.get(page)).text
