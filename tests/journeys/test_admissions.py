"""From the first call to the admission in a browser over the real gate, at two widths; a bed that somebody else took meanwhile."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, expect

from sojourn.base import clock
from sojourn.record import organization
from sojourn.record.database import Dsn
from tests.journeys.serving import SIZES, pytestmark  # noqa: F401 - the mark is pytest's
from tests.journeys.test_desk import Place, place, shoot, visit  # noqa: F401 - a fixture
from tests.people import MH, SUD, Clinic


@pytest.fixture
async def desk(place: Place, database: Dsn) -> AsyncIterator[Place]:  # noqa: F811 - the fixture
    """With admissions staff, the organizations of the programs, and a unit with two beds."""
    clinic = place.clinic
    for number, name in ((SUD, "Riverbend House"), (MH, "Counseling")):
        runs = (await clinic.make("sys-none", {"resourceType": "Organization", "name": name})).id
        await clinic.owner.execute("UPDATE record.program SET organization = $1, name = $3 WHERE tenant = 1 AND program = $2", runs, number, name)
    await clinic.gate.reload()
    for who in ("adam", "karin"):
        them = (await clinic.make("sys-none", {"resourceType": "Practitioner", "name": [{"family": "Brooks", "given": [who.title()]}]})).id
        row = organization.AccountRow(who, "staff", who, f"{who.title()} Brooks", None, f"Practitioner/{them}", "admissions", [SUD, MH], MH, [])
        await organization.account(clinic.owner, 1, row, clock.now())
    await _unit(clinic)
    return place


async def _unit(clinic: Clinic) -> None:
    def location(name: str, kind: str, above: str = "") -> dict[str, object]:
        return {"resourceType": "Location", "name": name, "status": "active", "physicalType": {"coding": [{"code": kind}]}, **({"partOf": {"reference": f"Location/{above}"}} if above else {})}

    unit = (await clinic.make("sys-none", location("Withdrawal management", "wa"))).id
    room = (await clinic.make("sys-none", location("Room 1", "ro", unit))).id
    for n in (1, 2):
        await clinic.make("sys-none", location(f"Bed {n}", "bd", room))


async def choose(page: Page, question: str, answer: str) -> None:
    """One answer of the sheet."""
    await page.get_by_role("group", name=re.compile("^" + re.escape(question))).get_by_label(answer, exact=True).check()


async def _call(page: Page, family: str) -> None:
    for label, words in (("Family name", family), ("Given name", "Kofi"), ("Birth date", "1990-01-01")):
        await page.get_by_label(label, exact=True).fill(words)
    await choose(page, "Is anybody in danger now", "No")
    await choose(page, "Relation to the person", "Is the person")
    await choose(page, "May a message be left there", "Yes")
    await choose(page, "Is an interpreter needed", "No")
    await page.get_by_label(re.compile("^Presenting concern")).fill("Drinks every day since spring.")
    await choose(page, "What they look for", "Mental health care")
    await choose(page, "Medical red flags", "None")
    await choose(page, "Pregnant", "Does not apply")
    await page.get_by_label(re.compile("^How they heard of us")).select_option(label="Found us")
    await choose(page, "Insurance", "Yes")
    await page.get_by_label("Taken for").select_option(label="Riverbend House")
    await page.get_by_label("Level of care, if one can say").select_option("3.5")
    await page.get_by_label("Outcome").select_option("benefits")


@pytest.mark.parametrize("size", list(SIZES))
async def test_from_the_call_to_the_admission(desk: Place, size: str) -> None:
    async with visit(desk, "adam", size) as v:
        page = v.page
        await v.go("/admissions")
        await shoot(v, "admissions-empty")
        await page.get_by_role("link", name="Take a call").click()
        await expect(page.locator(".safety-strip")).to_contain_text("Ask whether anybody is in danger now")
        await shoot(v, "call-empty")
        await page.get_by_role("button", name="Close the call").click()
        await expect(page.locator(".summary")).to_contain_text("danger")
        await shoot(v, "call-problems")
        await _call(page, "Osei")
        await expect(page.locator(".safety-strip")).to_contain_text("nobody is in danger")
        await shoot(v, "call")
        await page.get_by_role("button", name="Close the call").click()
        await expect(page.locator("h1")).to_have_text("Osei, Kofi")
        await shoot(v, "case")
        case = page.url
        await page.get_by_role("link", name="Open benefits").click()
        await page.get_by_label("Deductible, met and remaining: We rely on").fill("400 of 1,000 met")
        await page.get_by_label("Reference number of the call").fill("A-1")
        await shoot(v, "benefits")
        await page.get_by_role("button", name="Save").click()
        await page.get_by_role("link", name="Choose bed").click()
        await shoot(v, "bed")
        await page.get_by_label(re.compile("^Bed 1")).check()
        async with visit(desk, "karin", size) as other:
            await other.go("/admissions/new")
            await _call(other.page, "Abara")
            await other.page.get_by_role("button", name="Close the call").click()
            await expect(other.page.locator("h1")).to_have_text("Abara, Kofi")
            await other.page.get_by_role("link", name="Choose bed").click()
            await other.page.get_by_label(re.compile("^Bed 1")).check()
            await other.page.get_by_role("button", name="Hold this bed").click()
            await expect(other.page.locator("h1")).to_have_text("Abara, Kofi")
        await page.get_by_role("button", name="Hold this bed").click()
        await expect(page.get_by_text("This bed was taken a moment ago.")).to_be_visible()
        await shoot(v, "bed-taken")
        await page.get_by_label(re.compile("^Bed 2")).check()
        await page.get_by_role("button", name="Hold this bed").click()
        await expect(page.locator("#steps")).to_contain_text("Bed 2, held")
        await page.get_by_role("button", name=re.compile(r"^Admit")).click()
        await expect(page.get_by_text("Before the admission is missing")).to_be_visible()
        while await page.locator("#checklist").get_by_role("button", name=re.compile("^Done")).count():
            await page.locator("#checklist").get_by_role("button", name=re.compile("^Done")).first.click()
            await expect(page.locator(".toast")).to_be_visible()
        await shoot(v, "case-ready")
        await page.get_by_role("button", name=re.compile(r"^Admit")).click()
        await expect(page.locator(".toast").first).to_contain_text("Admitted")
        await v.go("/census")
        await expect(page.locator(".bed.in")).to_contain_text("Osei, Kofi")
        await shoot(v, "census")
        await v.go("/admissions")
        await expect(page.get_by_role("main")).to_contain_text("Abara, Kofi")
        await shoot(v, "admissions")
        assert case
    stays = (await desk.clinic.get("sys-sud", "EpisodeOfCare?status=active")).entries
    assert len(stays) == 1
    lines = await desk.clinic.owner.fetch("SELECT action FROM record.audit WHERE account = 'adam'")
    assert {"call", "bed", "benefits", "admission-checklist", "admit"} <= {line["action"] for line in lines}
