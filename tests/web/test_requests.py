"""Patients' requests at the desk, over the real gate."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sojourn.record.database import Dsn
from tests import people
from tests.people import Clinic
from tests.web.test_emergency import post
from tests.web.test_gate import screen


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations on a database of the test's own."""
    made = await people.open_clinic(database, connections=8)
    yield made
    await people.close_clinic(made)


async def test_a_request_from_the_chart_to_the_denial_and_the_disagreement(clinic: Clinic) -> None:
    person = await clinic.make("sys-mh", people.patient())
    officer, page = await screen(clinic, "officer"), f"/patients/{person.id}/requests"
    today = (await officer.get(page)).text.partition('type="date" value="')[2][:10]
    assert (await post(officer, page, page, kind="amendment", what="", received=today)).status_code == 422
    assert (await post(officer, page, page, kind="amendment", what="x", received="2999-01-01")).status_code == 422
    answer = await post(officer, page, page, kind="amendment", what="I never smoked.", received=today)
    path = answer.headers["location"]
    listed = (await officer.get("/desk/requests")).text
    assert "Rivera, Ana" in listed
    assert "60 days left" in listed
    assert (await post(officer, path, path, act="extend", text="Archive.")).status_code == 303
    assert "90 days left" in (await officer.get(path)).text
    assert (await post(officer, path, path, act="refuse", text="No.", reason="")).status_code == 422
    assert (await post(officer, path, path, act="refuse", text="It says so.", reason="accurate")).status_code == 303
    assert (await post(officer, path, path, act="disagree", text="I still say never.")).status_code == 303
    done = (await officer.get(path)).text
    assert "accurate and complete" in done
    assert "statement of disagreement is put with the record" in done
    assert "No request is open." in (await officer.get("/desk/requests")).text


async def test_the_pages_are_the_officers_alone(clinic: Clinic) -> None:
    person = await clinic.make("sys-mh", people.patient())
    browser = await screen(clinic, "both-clinician")
    for path in ("/desk/requests", "/desk/requests/x", f"/patients/{person.id}/requests"):
        assert (await browser.get(path)).status_code == 403
    assert (await (await screen(clinic, "officer")).get("/desk/requests/x")).status_code == 404
