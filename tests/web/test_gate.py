"""The screens over the real gate and record: what the gate withholds, no screen tells."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from sojourn.doors.staff.routes import routes
from sojourn.record.database import Dsn
from sojourn.web.about import About
from tests import people
from tests.people import BY_NAME, Clinic
from tests.web.test_frame import normal

PROBLEM = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-category", "code": "problem-list-item"}]}
ACTIVE = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]}


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations on a database of the test's own."""
    made = await people.open_clinic(database, connections=8)
    yield made
    await people.close_clinic(made)


async def screen(clinic: Clinic, who: str, host: str = "a.test") -> httpx.AsyncClient:
    """A browser in which this person has signed in."""
    tenant = BY_NAME[who].tenant if who in BY_NAME else people.A
    token = await clinic.gate.identity.issue(clinic.gate.house.tenants[tenant], who, kind="session", door="staff", life=timedelta(hours=1))
    app = Starlette(routes=routes())
    app.state.gate, app.state.about = clinic.gate, About()
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://{host}", cookies={"sojourn": token})


def problem(patient_id: str, text: str) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "category": [PROBLEM],
        "clinicalStatus": ACTIVE,
        "code": {"text": text},
        "subject": {"reference": f"Patient/{patient_id}"},
    }


async def test_a_chart_shows_each_program_what_is_its_own_and_the_same_notice(clinic: Clinic) -> None:
    shared = await clinic.make("sys-mh", people.patient())
    await clinic.make("sys-mh", problem(shared.id, "Insomnia"))
    await clinic.make("sys-sud", problem(shared.id, "Opioid use disorder"))
    both = (await (await screen(clinic, "both-clinician")).get(f"/patients/{shared.id}")).text
    mental = (await (await screen(clinic, "mh-clinician")).get(f"/patients/{shared.id}")).text
    assert "Insomnia" in both
    assert "Opioid use disorder" in both
    assert "Insomnia" in mental
    assert "Opioid" not in mental
    notices = {re.search(r'<details class="why".*?</details>', page, re.DOTALL)[0] for page in (both, mental)}  # type: ignore[index]
    assert len(notices) == 1


async def test_a_withheld_patient_and_an_unknown_one_get_the_same_page(clinic: Clinic) -> None:
    withheld = await clinic.make("sys-sud", people.patient("Quill"))
    browser = await screen(clinic, "mh-clinician")
    answers = [await browser.get(f"/patients/{id_}{part}") for id_ in (withheld.id, "z" * len(withheld.id)) for part in ("", "/problems")]
    assert {a.status_code for a in answers} == {404}
    assert len({normal(a.text) for a in answers}) == 1
    assert (await (await screen(clinic, "sud-clinician")).get(f"/patients/{withheld.id}")).status_code == 200


async def test_the_list_and_the_palette_find_only_who_may_be_seen(clinic: Clinic) -> None:
    await clinic.make("sys-mh", people.patient("Rivera"))
    await clinic.make("sys-sud", people.patient("Rivas"))
    browser = await screen(clinic, "mh-clinician")
    page = (await browser.get("/patients")).text
    csrf = re.findall(r'name="csrf" value="([^"]+)"', page)[0]
    for path in ("/patients", "/palette"):
        found = (await browser.post(path, data={"csrf": csrf, "q": "riv ana 1988"})).text
        assert "Rivera" in found
        assert "Rivas" not in found


async def test_a_session_of_one_organization_opens_nothing_at_another(clinic: Clinic) -> None:
    answer = await (await screen(clinic, "mh-clinician", host="b.test")).get("/patients")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")


async def test_every_look_at_a_chart_is_in_the_trail(clinic: Clinic) -> None:
    shared = await clinic.make("sys-mh", people.patient())
    before = await clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE account = 'mh-clinician' AND $1 = ANY(patients)", shared.id)
    await (await screen(clinic, "mh-clinician")).get(f"/patients/{shared.id}")
    after = await clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE account = 'mh-clinician' AND $1 = ANY(patients)", shared.id)
    assert after > before


async def test_a_session_ended_elsewhere_is_over_with_the_next_page(clinic: Clinic) -> None:
    browser = await screen(clinic, "mh-clinician")
    assert (await browser.get("/patients")).status_code == 200
    await clinic.gate.sign_out(browser.cookies["sojourn"])
    answer = await browser.get("/patients")
    assert answer.status_code == 303
    assert "session-ended" in answer.headers["set-cookie"]


async def test_a_changed_assignment_costs_no_sign_in(clinic: Clinic) -> None:
    browser = await screen(clinic, "mh-clinician")
    assert (await browser.get("/patients")).status_code == 200
    await clinic.owner.execute("UPDATE record.account SET generation = generation + 1 WHERE account = 'mh-clinician'")
    assert (await browser.get("/patients")).status_code == 200


async def test_a_revoked_session_leads_to_the_sign_in_also_where_it_is_remembered(clinic: Clinic) -> None:
    browser = await screen(clinic, "mh-clinician")
    assert (await browser.get("/patients")).status_code == 200
    await clinic.owner.execute("UPDATE record.credential SET revoked = now() - interval '1 second' WHERE account = 'mh-clinician'")
    assert "/sign-in" in (await browser.get("/patients")).headers["location"]
