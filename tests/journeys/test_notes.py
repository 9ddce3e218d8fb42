"""An individual note in a browser: by keyboard, through a lost line, an ended session, a second window and somebody else at the machine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, expect

from sojourn.base import clock
from sojourn.care.notes import drafting
from sojourn.care.staffing import zones
from sojourn.record.database import Dsn
from tests import people
from tests.care.test_notes import acting, client, staff
from tests.journeys import serving
from tests.journeys.serving import SIZES, Visit, pytestmark, shoot
from tests.people import Clinic
from tests.web.real import PASSWORD, furnish
from tests.web.test_gate import problem

__all__ = ["pytestmark"]
FIRST, OTHER = "mh-clinician", "both-clinician"
WHOLE = "Meadowlark after the end. And on. Once more."


@dataclass
class Place:
    """The staff app, with a client who has a problem, a site, a measure and a medication."""

    clinic: Clinic
    url: str
    patient: str


@pytest.fixture
async def place(database: Dsn) -> AsyncIterator[Place]:
    """Sealing needs a secure context: `localhost` is one."""
    clinic = await people.open_clinic(database, connections=8)
    await furnish(clinic)
    await staff(clinic)
    await clinic.owner.execute("UPDATE record.tenant SET host = 'localhost', name = 'Riverbend Behavioral Health' WHERE tenant = 1")
    patient = await client(clinic)
    await clinic.make("sys-mh", problem(patient, "Insomnia"))
    await clinic.make("sys-mh", {"resourceType": "Location", "name": "Mill Street", "status": "active"})
    await clinic.make("sys-mh", {"resourceType": "Goal", "lifecycleStatus": "active", "description": {"text": "Sleep six hours on five nights a week"}, "subject": {"reference": f"Patient/{patient}"}})
    await clinic.make("sys-mh", {
        "resourceType": "MedicationRequest", "status": "active", "intent": "order", "subject": {"reference": f"Patient/{patient}"},
        "medicationCodeableConcept": {"text": "Trazodone 50 mg tablet"}, "dosageInstruction": [{"text": "1 at bedtime"}], "authoredOn": "2026-01-05",
    })  # fmt: skip
    await clinic.gate.close()
    clinic = await people.open_clinic(database, connections=8)
    async with serving.serving_clinic(clinic, "localhost") as url:
        yield Place(clinic, url, patient)
    await people.close_clinic(clinic)


@asynccontextmanager
async def browser(place: Place, size: str = "desk") -> AsyncIterator[BrowserContext]:
    """One browser, which keeps what it keeps."""
    async with serving.context(place.url, size, base_url=place.url) as made:
        yield made


async def sign_in(page: Page, who: str, to: str) -> None:
    await page.goto(f"/sign-in?next={to}")
    await page.locator("#login").fill(who)
    await page.locator("#password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await page.wait_for_url(f"**{to}*")


async def begin(place: Place, page: Page) -> str:
    """A draft of a DAP note; its address."""
    await page.goto(f"/patients/{place.patient}/notes/new")
    await page.keyboard.press("1")
    await page.wait_for_url("**/notes/write/*")
    await expect(page.locator("[data-pick]")).to_be_visible()
    return page.url.removeprefix(place.url)


def said(page: Page) -> Any:
    return expect(page.locator("#save-state"))


async def kept(place: Place, path: str) -> str:
    """What the server has in the first section."""
    draft = await drafting.kept(await acting(place.clinic, FIRST), path.rpartition("/")[2])
    return draft.one("s-data") if draft else ""


async def boxes(page: Page) -> list[tuple[str, int, str]]:
    """Every record that this browser keeps: name, size, and its bytes as text, for a search through them."""
    found: list[tuple[str, int, str]] = await page.evaluate("""async () => {
        const db = await new Promise((resolve) => { const r = indexedDB.open("sojourn", 1); r.onsuccess = () => resolve(r.result); });
        const store = db.transaction("kept").objectStore("kept");
        const all = (request) => new Promise((resolve) => { request.onsuccess = () => resolve(request.result); });
        const [names, values] = [await all(store.getAllKeys()), await all(store.getAll())];
        return names.map((name, n) => [name, values[n].length, new TextDecoder("latin1").decode(values[n])]);
    }""")
    return found


@pytest.mark.parametrize("size", list(SIZES))
async def test_an_individual_note_by_keyboard_from_the_chart_to_the_signature(place: Place, size: str) -> None:
    async with browser(place, size) as context:
        v = Visit(await context.new_page(), place.url)
        page = v.page
        await sign_in(page, FIRST, "/notes/snippets")
        await page.get_by_label("Abbreviation").fill("mse")
        await page.get_by_label("Text", exact=True).fill("Alert, oriented, mood euthymic.")
        await page.get_by_role("button", name="Keep it").click()
        await expect(page.locator("code")).to_have_text(".mse")
        await shoot(v, "snippets")
        await page.goto(f"/patients/{place.patient}")
        await v.press("o")
        await expect(page.get_by_text("No notes to show.")).to_be_visible()
        await shoot(v, "notes-empty")
        await v.press("w")
        await expect(page.locator(".format").first).to_be_focused()
        await shoot(v, "notes-new")
        await v.press("1")
        await page.wait_for_url("**/notes/write/*")
        await shoot(v, "note-write-empty")
        start = clock.now().astimezone(zones.named(zones.DEFAULT)) - timedelta(hours=2)
        if (start + timedelta(minutes=50)).date() != start.date():  # a session does not go past midnight
            start -= timedelta(hours=1)
        await page.locator("#date").fill(start.date().isoformat())
        await page.locator("#start").fill(f"{start:%H:%M}")
        await page.locator("#stop").fill(f"{start + timedelta(minutes=50):%H:%M}")
        await expect(page.locator("#minutes")).to_have_text("50 minutes: 90834")
        await page.locator("#location").select_option(label="Mill Street")
        for label in ("In person", "Client", "Insomnia", "Sleep six hours on five nights a week", "Asked: no danger to self or others"):
            await page.get_by_label(label, exact=True).focus()
            await v.press("Space")
        await page.locator("#s-data").focus()
        await v.type("Slept better this week. .mse")
        await v.press("Tab")
        await expect(page.locator("#s-data")).to_have_value("Slept better this week. Alert, oriented, mood euthymic.")
        await v.press("Tab")
        await v.type("Lifting. Takes ")
        await v.press("Control+i")
        await expect(page.locator("#picker-list [role=option]")).not_to_have_count(0)
        await v.type("traz")
        await shoot(v, "note-picker")
        await v.press("Enter")
        await expect(page.locator("#s-assessment")).to_have_value("Lifting. Takes Trazodone 50 mg tablet, 1 at bedtime")
        await v.press("Tab")
        await v.type("Same time next week.")
        await shoot(v, "note-write")
        await v.press("Control+Enter")
        await expect(page.get_by_text("Nothing is missing, and nothing looks odd.")).to_be_visible()
        await shoot(v, "note-preview")
        await page.keyboard.press("i")
        await expect(page.get_by_text("signed over exactly this text")).to_be_visible()
        await shoot(v, "note-signed")
        await page.go_back()
        await expect(page.get_by_text("signed over exactly this text")).to_be_visible()
        await page.goto(f"/patients/{place.patient}/notes")
        await expect(page.locator(".note-list [data-row]")).to_have_count(1)
        await shoot(v, "notes")
    found = await place.clinic.get("sys-mh", f"DocumentReference?patient={place.patient}")
    assert [d["docStatus"] for d in found.entries] == ["final"]
    assert [e["resourceType"] for e in (await place.clinic.get("sys-mh", f"Encounter?patient={place.patient}")).entries] == ["Encounter"]
    signed = await place.clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE action = 'sign' AND account = $1", FIRST)
    assert signed == 1


async def test_a_lost_line_of_ten_minutes_loses_no_keystroke_and_leaves_nothing_readable(place: Place) -> None:
    async with browser(place) as context:
        page = await context.new_page()
        await page.clock.install()
        await sign_in(page, FIRST, "/notes")
        path = await begin(place, page)
        await page.clock.resume()
        await page.locator("#s-data").focus()
        await page.keyboard.type("Before the line broke.")
        await said(page).to_have_attribute("data-state", "kept")
        await context.set_offline(True)
        await page.keyboard.type(" Meadowlark while it was gone.")
        await said(page).to_contain_text("The server cannot be reached")
        await page.clock.fast_forward("10:00")
        await page.keyboard.type(" And after ten minutes.")
        await said(page).to_contain_text("Kept on this device")
        assert await kept(place, path) == "Before the line broke."
        await page.get_by_role("button", name="Check and preview").click()
        await expect(page.locator("#s-data")).to_have_value("Before the line broke. Meadowlark while it was gone. And after ten minutes.")
        ((name, size, raw),) = await boxes(page)
        assert "Meadowlark" not in raw
        assert FIRST not in name
        assert size == 12 + 131072 + 16
        await context.set_offline(False)
        await page.evaluate("dispatchEvent(new Event('online'))")
        await said(page).to_have_attribute("data-state", "kept")
        assert await kept(place, path) == "Before the line broke. Meadowlark while it was gone. And after ten minutes."
        await page.goto("/notes")
        await expect(page.locator("#drafts [data-row]")).to_have_count(1)
        await expect(page.locator("#unsent")).to_be_hidden()


async def test_a_session_that_ends_while_one_types_keeps_the_text_for_that_person_alone(place: Place) -> None:
    async with browser(place) as context:
        page = await context.new_page()
        await sign_in(page, FIRST, "/notes")
        path = await begin(place, page)
        await place.clinic.owner.execute("UPDATE record.credential SET revoked = now() WHERE account = $1 AND kind = 'session'", FIRST)
        await page.locator("#s-data").focus()
        await page.keyboard.type("Meadowlark after the end.")
        await said(page).to_contain_text("You are signed out")
        assert await kept(place, path) == ""
        # Signed in again in another window, the page goes on with the new session.
        again = await context.new_page()
        await sign_in(again, FIRST, "/notes")
        await page.bring_to_front()
        await page.locator("#s-data").focus()
        await page.keyboard.type(" And on.")
        await said(page).to_have_attribute("data-state", "kept")
        assert await kept(place, path) == "Meadowlark after the end. And on."
        await place.clinic.owner.execute("UPDATE record.credential SET revoked = now() WHERE account = $1 AND kind = 'session'", FIRST)
        await page.keyboard.type(" Once more.")
        await said(page).to_contain_text("You are signed out")
        await again.close()
        # Somebody else at this machine: their own box is there at once, and looks like the other one.
        other = await context.new_page()
        await page.close()
        await sign_in(other, OTHER, "/notes")
        await expect(other.locator("#drafts .empty").first).to_be_visible()
        await expect(other.locator("#unsent")).to_be_hidden()
        await other.wait_for_function("async () => (await indexedDB.databases()).length > 0")
        while len(found := await boxes(other)) < 2:
            await other.wait_for_timeout(50)
        assert len({(len(name), size) for name, size, _ in found}) == 1
        assert len(found) == 2
        assert not [raw for _, _, raw in found if "Meadowlark" in raw or "values" in raw]
        answer = await other.goto(path)
        assert answer is not None
        assert answer.status == 404
        await other.locator("header .menu:not(.elsewhere) summary").click()
        await other.get_by_role("button", name="Sign out").click()
        # The same person again: it is there, goes to the server, and is taken out of the browser.
        await sign_in(other, FIRST, path)
        await expect(other.locator("#s-data")).to_have_value(WHOLE)
        await said(other).to_have_attribute("data-state", "kept")
        assert await kept(place, path) == WHOLE
        await other.reload()
        await expect(other.locator("#s-data")).to_have_value(WHOLE)
        await expect(other.locator("#conflict")).to_be_hidden()


async def test_the_later_of_two_windows_is_shown_both_texts_and_none_is_dropped(place: Place) -> None:
    mine, other = "Osprey in the second.", "Heron in the first window."
    async with browser(place) as context:
        one, two = await context.new_page(), await context.new_page()
        await sign_in(one, FIRST, "/notes")
        for choice, wanted in (("Keep both", f"{mine}\n\n{other}"), ("Take the other", other), ("Keep mine", mine)):
            path = await begin(place, one)
            await two.goto(path)
            await one.bring_to_front()
            await one.locator("#s-data").focus()
            await one.keyboard.type(other)
            await said(one).to_have_attribute("data-state", "kept")
            await two.locator("#s-data").evaluate("(area, words) => { area.value = words; area.dispatchEvent(new Event('input', { bubbles: true })); }", mine)
            await expect(two.locator("#theirs")).to_contain_text(other)
            if choice == "Keep both":
                await shoot(Visit(two, place.url), "note-conflict")
            await two.get_by_role("button", name=choice).click()
            await expect(two.locator("#s-data")).to_have_value(wanted)
            await said(two).to_have_attribute("data-state", "kept")
            assert await kept(place, path) == wanted
        # Gone in the other window: what is typed here then is kept as a draft of its own.
        gone = await begin(place, one)
        await two.goto(gone)
        await one.get_by_role("button", name="Discard the draft").click()
        await one.wait_for_url("**/notes")
        await two.bring_to_front()
        await two.locator("#s-data").focus()
        await two.keyboard.type("Curlew after it was gone.")
        await said(two).to_contain_text("saved or discarded in another window")
        await two.get_by_role("button", name="Keep as a draft of its own").click()
        await two.wait_for_url(lambda url: url != place.url + gone)
        await expect(two.locator("#s-data")).to_have_value("Curlew after it was gone.")
        path = two.url.removeprefix(place.url)
        await one.goto(path)
        await one.locator("#s-data").fill(other)
        await said(one).to_have_attribute("data-state", "kept")
        await two.locator("#s-data").fill(mine)
        await expect(two.locator("#theirs")).to_contain_text(other)
        await two.get_by_role("button", name="Keep mine").click()
        await said(two).to_have_attribute("data-state", "kept")
        access = await acting(place.clinic, FIRST)
        texts = [d.one("s-data") for k in await drafting.listed(access) if (d := await drafting.kept(access, k.key))]
        assert texts.count(mine) == 3  # kept twice, and as a draft of its own where the other was taken
        await one.bring_to_front()
        await one.evaluate("dispatchEvent(new Event('focus'))")  # the first window still has its own text, and is told
        await expect(one.locator("#theirs")).to_contain_text(mine)
        await expect(one.locator("#s-data")).to_have_value(other)
