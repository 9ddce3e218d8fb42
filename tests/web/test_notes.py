"""The screens of notes over the real gate: beginning, keeping, checking, saving and signing; and what they must not tell."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from sojourn.base import clock
from sojourn.care.notes import drafting
from sojourn.care.staffing import zones
from sojourn.record.database import Dsn
from tests import people
from tests.care.test_notes import acting, client, staff
from tests.people import Clinic
from tests.web.test_emergency import post
from tests.web.test_gate import problem, screen


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations, and the staff as Practitioners."""
    made = await people.open_clinic(database, connections=8)
    await staff(made)
    yield made
    await people.close_clinic(made)


async def fresh(clinic: Clinic, who: str = "mh-clinician") -> httpx.AsyncClient:
    """A browser of somebody who proved a moment ago who they are."""
    browser = await screen(clinic, who)
    await clinic.owner.execute("UPDATE record.credential SET proved = $2 WHERE account = $1", who, clock.now())
    return browser


async def begun(browser: httpx.AsyncClient, patient: str, template: str = "dap") -> str:
    """The address of a new draft."""
    page = (await browser.get(f"/patients/{patient}/notes/new")).text
    key = re.findall(r'name="key" value="([^"]+)"', page)[0]
    first, second = [await post(browser, f"/patients/{patient}/notes/new", template=template, key=key) for _ in range(2)]
    assert first.status_code == 303, first.text
    assert first.headers["location"] == second.headers["location"]
    return str(first.headers["location"])


def filled(problem_id: str, **more: str) -> dict[str, Any]:
    """What somebody types into a whole note of a session an hour ago, by the clock of the sites."""
    start = clock.now().astimezone(zones.named(zones.DEFAULT)) - timedelta(hours=2)
    if (start + timedelta(minutes=50)).date() != start.date():  # a session does not go past midnight
        start -= timedelta(hours=1)
    return {
        "service": "individual", "date": start.date().isoformat(), "start": f"{start:%H:%M}", "stop": f"{start + timedelta(minutes=50):%H:%M}", "location": "", "modality": "in-person",
        "participants": "client", "diagnoses": problem_id, "no_objective": "First visit, no plan yet.", "risk": "none", "s-data": "Slept better.", "s-assessment": "Lifting.",
        "s-plan": "Same time next week.", **more,
    }  # fmt: skip


async def ready(clinic: Clinic, browser: httpx.AsyncClient) -> tuple[str, str, dict[str, Any]]:
    """A client with a problem and a place; a draft; and a whole note to send."""
    patient = await client(clinic)
    diagnosis = (await clinic.make("sys-mh", problem(patient, "Insomnia"))).id
    site = (await clinic.make("sys-mh", {"resourceType": "Location", "name": "Mill Street", "status": "active"})).id
    return patient, await begun(browser, patient), filled(diagnosis, location=site)


async def test_a_note_from_the_choice_of_a_format_to_the_signature_and_a_second_click(clinic: Clinic) -> None:
    browser = await fresh(clinic)
    patient, path, form = await ready(clinic, browser)
    stamp = re.findall(r'name="stamp" value="([^"]+)"', (await browser.get(path)).text)[0]
    sent = await post(browser, path, do="preview", stamp=stamp, **form)
    assert sent.headers["location"] == f"{path}/preview"
    seen = await browser.get(f"{path}/preview")
    page = seen.text
    assert "Slept better." in page
    assert [patient in await clinic.named(each) for each in (seen, await browser.get(path), await browser.get(f"{path}/keep"))] == [True, True, True]
    assert "Before it can be signed" not in page
    assert "90834" in page
    digest = re.findall(r'name="digest" value="([^"]+)"', page)[0]
    first, second = [await post(browser, f"{path}/preview", do="sign", digest=digest) for _ in range(2)]
    assert first.status_code == second.status_code == 303, first.text
    assert first.headers["location"] == second.headers["location"]
    shown = (await browser.get(first.headers["location"])).text
    assert "signed over exactly this text" in shown
    assert "Go on writing" not in shown
    found = await clinic.get("sys-mh", f"DocumentReference?patient={patient}")
    assert len(found.entries) == 1
    assert len((await clinic.get("sys-mh", f"Provenance?target=DocumentReference/{found.ids[0]}")).entries) == 1
    back = await browser.get(path)
    assert back.headers["location"] == first.headers["location"]


async def test_a_note_that_is_saved_waits_for_its_author_and_can_be_written_on(clinic: Clinic) -> None:
    browser = await fresh(clinic)
    patient, path, form = await ready(clinic, browser)
    stamp = re.findall(r'name="stamp" value="([^"]+)"', (await browser.get(path)).text)[0]
    await post(browser, path, do="preview", stamp=stamp, **{**form, "diagnoses": ""})
    page = (await browser.get(f"{path}/preview")).text
    assert "Choose the diagnosis" in page
    assert 'value="sign"' not in page
    digest = re.findall(r'name="digest" value="([^"]+)"', page)[0]
    saved = await post(browser, f"{path}/preview", do="save", digest=digest)
    assert "A note waits for your signature" in (await browser.get("/notes")).text
    one = saved.headers["location"]
    assert "not signed" in (await browser.get(f"/patients/{patient}/notes")).text
    assert "Go on writing" in (await browser.get(one)).text
    assert (await post(browser, f"{one}/edit")).headers["location"] == path
    editor = (await browser.get(path)).text
    assert "Slept better." in editor
    stamp = re.findall(r'name="stamp" value="([^"]+)"', editor)[0]
    await post(browser, path, do="preview", stamp=stamp, **form)
    digest = re.findall(r'name="digest" value="([^"]+)"', (await browser.get(f"{path}/preview")).text)[0]
    assert (await post(browser, f"{path}/preview", do="sign", digest=digest)).headers["location"] == one
    assert "A note waits for your signature" not in (await browser.get("/notes")).text


async def test_what_was_not_shown_is_not_signed(clinic: Clinic) -> None:
    browser = await fresh(clinic)
    _, path, form = await ready(clinic, browser)
    stamp = re.findall(r'name="stamp" value="([^"]+)"', (await browser.get(path)).text)[0]
    await post(browser, path, do="preview", stamp=stamp, **form)
    answer = await post(browser, f"{path}/preview", do="sign", digest="0" * 64)
    assert answer.status_code == 409
    assert "The text changed since it was shown" in answer.text


async def keep(browser: httpx.AsyncClient, path: str, stamp: str, words: str, tab: str = "one") -> httpx.Response:
    token = re.findall(r'name="csrf" value="([^"]+)"', (await browser.get("/patients")).text)[0]
    body = {"stamp": stamp, "tab": tab, "values": {"s-data": [words]}}
    return await browser.post(f"{path}/keep", content=json.dumps(body), headers={"x-csrf-token": token, "content-type": "application/json"})


async def test_what_is_typed_is_kept_and_another_window_is_shown_both(clinic: Clinic) -> None:
    browser = await fresh(clinic)
    _, path, _ = await ready(clinic, browser)
    stamp = re.findall(r'name="stamp" value="([^"]+)"', (await browser.get(path)).text)[0]
    first = await keep(browser, path, stamp, "Slept b")
    again = await keep(browser, path, stamp, "Slept better", tab="one")  # the answer to the first was lost on its way
    assert (first.status_code, again.status_code) == (200, 200)
    other = await keep(browser, path, stamp, "From the other window", tab="two")
    assert other.status_code == 409
    assert other.json()["values"] == {"s-data": ["Slept better"]}
    without_scripts = await post(browser, path, do="preview", stamp=stamp, tab="two", **{"s-data": "From the other window"})
    assert without_scripts.status_code == 409
    assert "Slept better" in without_scripts.text
    assert "From the other window" in without_scripts.text
    assert (await browser.get("/notes/key")).json()["key"] != (await (await fresh(clinic, "both-clinician")).get("/notes/key")).json()["key"]


async def test_a_draft_is_its_authors_alone(clinic: Clinic) -> None:
    browser = await fresh(clinic)
    patient, path, _ = await ready(clinic, browser)
    other = await fresh(clinic, "both-clinician")
    for answer in (await other.get(path), await other.get(f"{path}/keep"), await keep(other, path, "", "x"), await other.get(f"{path}/preview")):
        assert answer.status_code == 404
    assert "Rivera" in (await browser.get("/notes")).text
    assert "Rivera" not in (await other.get("/notes")).text
    assert (await browser.get(f"/patients/nobody/notes/write/{path.rpartition('/')[2]}")).status_code == 404
    assert (await post(browser, path, do="discard")).status_code == 303
    assert await drafting.listed(await acting(clinic)) == []
    assert (await browser.get(path)).status_code == 404
    assert (await browser.get(f"/patients/{patient}/notes")).status_code == 200


async def test_the_words_of_a_draft_are_shown_only_while_its_author_sees_the_client(clinic: Clinic) -> None:
    browser = await fresh(clinic)
    _, path, _ = await ready(clinic, browser)
    stamp = re.findall(r'name="stamp" value="([^"]+)"', (await browser.get(path)).text)[0]
    assert (await keep(browser, path, stamp, "Slept better.")).status_code == 200
    assert "Slept better." in (await browser.get(f"{path}/keep")).text
    await clinic.owner.execute("UPDATE record.assignment SET programs = '{3}', acting = 3 WHERE account = 'mh-clinician'")
    await clinic.owner.execute("UPDATE record.account SET generation = generation + 1 WHERE account = 'mh-clinician'")
    for answer in (await browser.get(path), await browser.get(f"{path}/keep"), await keep(browser, path, stamp, "More.", tab="two")):
        assert (answer.status_code, "Slept" in answer.text) == (404, False)


async def test_a_note_kept_apart_has_its_own_place_and_no_other(clinic: Clinic) -> None:
    browser = await fresh(clinic)
    patient = await client(clinic)
    path = await begun(browser, patient, "psychotherapy")
    stamp = re.findall(r'name="stamp" value="([^"]+)"', (await browser.get(path)).text)[0]
    times = {name: filled("x")[name] for name in ("date", "start", "stop")}
    await post(browser, path, do="preview", stamp=stamp, **times, **{"s-note": "She reminds me of my aunt."})
    digest = re.findall(r'name="digest" value="([^"]+)"', (await browser.get(f"{path}/preview")).text)[0]
    done = await post(browser, f"{path}/preview", do="sign", digest=digest)
    assert "/notes/apart/" in done.headers["location"], done.text
    assert "my aunt" in (await browser.get(done.headers["location"])).text
    assert "No notes to show" in (await browser.get(f"/patients/{patient}/notes")).text
    assert (await browser.get(done.headers["location"].replace("/apart/", "/"))).status_code == 404
    for who in ("both-clinician", "officer"):
        other = await fresh(clinic, who)
        assert (await other.get(done.headers["location"])).status_code in (403, 404)


async def test_snippets_are_ones_own_or_the_organizations(clinic: Clinic) -> None:
    browser, other = await fresh(clinic), await fresh(clinic, "both-clinician")
    assert (await post(browser, "/notes/snippets", abbr="Bad one", text="x")).status_code == 422
    assert (await post(browser, "/notes/snippets", abbr="mse", title="Mental status", text="Alert and oriented.")).status_code == 303
    assert "Alert and oriented." in (await browser.get("/notes/snippets")).text
    assert "Alert and oriented." not in (await other.get("/notes/snippets")).text
    assert (await post(browser, "/notes/snippets", abbr="mse", text="y", shared="yes")).status_code == 403
    await post(browser, "/notes/snippets", away="mse")
    assert "Alert and oriented." not in (await browser.get("/notes/snippets")).text


async def test_a_supervisor_changes_a_format_in_the_app(clinic: Clinic) -> None:
    await clinic.owner.execute("UPDATE record.assignment SET role = 'supervisor' WHERE tenant = 1 AND account = 'both-clinician'")
    browser = await fresh(clinic, "both-clinician")
    page = (await browser.get("/notes/templates/dap")).text
    assert "What was seen, said and done." in page
    form: dict[str, Any] = {
        "title": "Our DAP", "key": ["data", ""], "section": ["What happened", "Homework"], "hint": ["", ""], "needed": ["0"], "header": ["times", "service"], "required": ["times"],
        "services": ["individual"], "active": "yes",
    }  # fmt: skip
    answer = await post(browser, "/notes/templates/dap", **form)
    assert answer.status_code == 303, re.findall(r"notice red.*?</div>", answer.text, re.S)
    listed = (await browser.get("/notes/templates")).text
    assert "Our DAP" in listed
    assert "version 1" in listed
    assert (await post(browser, "/notes/templates/dap", **{**form, "section": ["", ""]})).status_code == 422


async def test_no_page_of_notes_asks_the_gate_more_than_twelve_questions(clinic: Clinic) -> None:
    browser = await fresh(clinic)
    patient, path, form = await ready(clinic, browser)
    stamp = re.findall(r'name="stamp" value="([^"]+)"', (await browser.get(path)).text)[0]
    await post(browser, path, do="preview", stamp=stamp, **form)
    asked = {}
    for page in (f"/patients/{patient}/notes", f"/patients/{patient}/notes/new", path, f"{path}/preview", "/notes", "/notes/snippets", f"/patients/{patient}/notes/apart"):
        before = await clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE tenant = 1")
        assert (await browser.get(page)).status_code == 200
        asked[page] = await clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE tenant = 1") - before
    assert max(asked.values()) <= 12, asked
