"""Emergency access, a release and the privacy officer's desk in a browser over the real gate, with axe on every page at two widths."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from playwright.async_api import expect

from sojourn.record.database import Dsn
from tests import people
from tests.journeys import serving
from tests.journeys.serving import SIZES, Visit, pytestmark, shoot
from tests.people import Clinic
from tests.web.test_gate import problem

__all__ = ["Place", "place", "pytestmark", "shoot", "visit"]


@dataclass
class Place:
    """The staff app over a record of its own."""

    clinic: Clinic
    url: str


@pytest.fixture
async def place(database: Dsn) -> AsyncIterator[Place]:
    """Served over a clinic of its own."""
    clinic = await people.open_clinic(database, connections=8)
    async with serving.serving_clinic(clinic) as url:
        yield Place(clinic, url)
    await people.close_clinic(clinic)


@asynccontextmanager
async def visit(place: Place, who: str, size: str) -> AsyncIterator[Visit]:
    """A browser in which this person signed in a moment ago."""
    async with serving.visit(place.url, size, sojourn=await serving.issued(place.clinic, who)) as v:
        yield v


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
