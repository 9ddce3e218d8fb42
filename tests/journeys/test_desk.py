"""Emergency access, a release and the privacy officer's desk in a browser over the real gate, with axe on every page at two widths."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import uvicorn
from playwright.async_api import async_playwright, expect
from starlette.applications import Starlette

from sojourn.base import clock
from sojourn.doors.staff.routes import routes
from sojourn.record.database import Dsn
from sojourn.web.about import About
from tests import people
from tests.journeys.test_staff import CHROMIUM, FLAGS, SIZES, Visit, pytestmark  # noqa: F401 - the mark is pytest's
from tests.people import A, Clinic
from tests.web.test_gate import problem

HOST = "a.test"


@dataclass
class Place:
    """The staff app over a record of its own."""

    clinic: Clinic
    url: str


@pytest.fixture
async def place(database: Dsn) -> AsyncIterator[Place]:
    """Served from this loop, because the gate's connections belong to it."""
    clinic = await people.open_clinic(database, connections=8)
    app = Starlette(routes=routes())
    app.state.gate, app.state.about = clinic.gate, About()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", lifespan="off", ws="none"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.wait({serving}, timeout=0.02)
    yield Place(clinic, f"http://{HOST}:{port}")
    server.should_exit = True
    await serving
    await people.close_clinic(clinic)


@asynccontextmanager
async def visit(place: Place, who: str, size: str) -> AsyncIterator[Visit]:
    """A browser in which this person signed in a moment ago."""
    token = await place.clinic.gate.identity.issue(place.clinic.gate.house.tenants[A], who, kind="session", door="staff", life=timedelta(hours=1))
    await place.clinic.owner.execute("UPDATE record.credential SET proved = $2 WHERE account = $1", who, clock.now())
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS.split(), f"--host-resolver-rules=MAP {HOST} 127.0.0.1"])
        context = await browser.new_context(viewport={"width": SIZES[size][0], "height": SIZES[size][1]})
        await context.add_cookies([{"name": "sojourn", "value": token, "url": place.url}])
        yield Visit(await context.new_page(), place.url)
        await browser.close()


async def shoot(v: Visit, name: str) -> None:
    """Look at the page: sound, and kept as a picture where somebody asked for one."""
    await v.is_sound()
    folder = Path(__file__).with_name("pictures")
    if folder.is_dir():
        await v.page.screenshot(path=folder / f"{name}-{v.page.viewport_size['width']}.png", full_page=True)  # type: ignore[index]


@pytest.mark.parametrize("size", list(SIZES))
async def test_an_emergency_from_the_search_to_the_review(place: Place, size: str) -> None:
    person = await place.clinic.make("sys-sud", people.patient())
    await place.clinic.make("sys-sud", problem(person.id, "Opioid use disorder"))
    async with visit(place, "mh-clinician", size) as v:
        page = v.page
        await v.go("/patients")
        await page.get_by_role("link", name="Emergency access").focus()
        await v.press("Enter")
        await expect(page.locator("h1")).to_have_text("Emergency access")
        await shoot(v, "emergency")
        await page.locator("main button.danger").click()
        await expect(page.locator(".summary")).to_be_focused()
        await shoot(v, "emergency-problems")
        for label, words in (("Family name", "Rivera"), ("Given name", "Ana"), ("Birth date", "1988-03-04"), ("What is happening", "Found unresponsive in the lobby.")):
            await page.get_by_label(label).fill(words)
        await page.get_by_label("Reason").select_option("medical-emergency")
        await page.get_by_label(re.compile("I need this record now")).check()
        await page.locator("main button.danger").click()
        await expect(page.get_by_text("Opioid use disorder")).to_be_visible()
        await expect(page.locator(".standing")).to_contain_text("Emergency access is in force.")
        await shoot(v, "emergency-chart")
        await v.go("/patients")
        await shoot(v, "emergency-list")
        await page.get_by_role("button", name="End it now").click()
        await expect(page.locator(".standing")).to_have_count(0)
        await v.go(f"/patients/{person.id}", status=404)
    async with visit(place, "officer", size) as v:
        page = v.page
        await v.go("/desk")
        await shoot(v, "desk")
        await page.get_by_role("main").get_by_role("link", name="Emergency access").click()
        await expect(page.get_by_text("Not reviewed")).to_be_visible()
        await shoot(v, "emergencies")
        await page.locator("[data-row]").click()
        await expect(page.locator("h1")).to_have_text("Rivera, Ana")
        await shoot(v, "emergency-review")
        await page.get_by_label("What you found").select_option("appropriate")
        await page.get_by_label("Note").fill("Called the ward.")
        await page.get_by_role("button", name="Save the review").click()
        await expect(page.locator("[data-row]")).to_contain_text("Appropriate")


@pytest.mark.parametrize("size", list(SIZES))
async def test_a_release_and_the_log(place: Place, size: str) -> None:
    clinic = place.clinic
    recipient = (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Harbor Primary Care"})).id
    person = (await clinic.make("sys-mh", people.patient())).id
    await clinic.make("sys-sud", problem(person, "Opioid use disorder"))
    await clinic.make("sys-mh", problem(person, "Insomnia"))
    await clinic.make("sys-sud", people.consent(person, recipient))
    async with visit(place, "both-clinician", size) as v:
        page = v.page
        await v.go(f"/patients/{person}/release")
        await page.get_by_label("Who gets it").select_option(label="Harbor Primary Care")
        await page.get_by_label("What for").select_option("TREAT")
        await shoot(v, "release")
        await page.get_by_role("button", name="Show what would leave").click()
        await expect(page.locator("#would-leave")).to_contain_text("Opioid use disorder")
        await shoot(v, "release-preview")
        await page.get_by_role("button", name="Release it").click()
        await expect(page.locator("h1")).to_have_text("Released")
        await shoot(v, "released")
        await page.get_by_role("link", name="Open the document to print").click()
        await expect(page.locator(".federal-notice")).to_contain_text("42 CFR part 2")
        await shoot(v, "release-document")
    async with visit(place, "officer", size) as v:
        page = v.page
        await v.go("/desk/disclosures")
        await shoot(v, "disclosures")
        await page.locator("[data-row]").click()
        await expect(page.locator(".payload")).to_contain_text("Opioid use disorder")
        await shoot(v, "disclosure")
        await v.go(f"/patients/{person}/requests")
        await page.get_by_label("What they ask for").select_option("amendment")
        await page.get_by_label("In their words").fill("I never smoked. Please take it out.")
        await shoot(v, "request-new")
        await page.get_by_role("button", name="Write the request down").click()
        await expect(page.get_by_text("60 days left")).to_be_visible()
        await shoot(v, "request")
        await v.go("/desk/requests")
        await shoot(v, "requests")
        await v.go("/desk")
        await shoot(v, "desk-busy")
