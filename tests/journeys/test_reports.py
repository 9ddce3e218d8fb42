"""Reports in a browser over the real gate: from a tile to its rows to the client, a past day, and the table as a file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import expect

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.record import organization
from sojourn.record.database import Dsn
from tests import people
from tests.care.courses import NOW, Courses
from tests.journeys import serving
from tests.journeys.serving import SIZES, Visit, pytestmark, shoot  # noqa: F401 - the mark is pytest's
from tests.journeys.test_desk import Place, visit
from tests.people import MH, SUD


@pytest.fixture
async def house(database: Dsn) -> AsyncIterator[Place]:
    """Courses of care, the supervisor of a site and a clinical supervisor; a clock that stands still."""
    with clock.using(FakeClock(NOW)):
        clinic = await people.open_clinic(database, connections=8)
        for who, program in (("site-supervisor", MH), ("clinical-supervisor", SUD)):
            row = organization.AccountRow(who, "staff", who, who, None, "Practitioner/mh-clinician", "supervisor", [program], program, [])
            await organization.account(clinic.owner, people.A, row, clock.now())
        await Courses(31).write(clinic)
        async with serving.serving_clinic(clinic) as url:
            yield Place(clinic, url)
        await people.close_clinic(clinic)


async def tiles(v: Visit) -> None:
    """Until every tile has its figures."""
    await expect(v.page.locator(".counting")).to_have_count(0)


@pytest.mark.parametrize("size", list(SIZES))
async def test_the_supervisor_of_a_site_goes_from_the_census_to_a_client_and_takes_a_past_day_with_them(house: Place, size: str) -> None:
    async with visit(house, "site-supervisor", size) as v:
        page = v.page
        await v.go("/today")
        await v.press("g")
        await v.press("o")
        await expect(page.locator("h1")).to_contain_text("Reports")
        await tiles(v)
        await shoot(v, "reports")
        tile = page.locator(".tile", has=page.get_by_role("heading", name="Census and length of stay"))
        figure = tile.locator(".report-figures li.first a")
        number = await figure.locator("b").inner_text()
        await tile.get_by_text("What is counted").click()
        await expect(tile).to_contain_text("Stays that were going on")
        await figure.click()
        await expect(page.locator("h1")).to_contain_text("Census and length of stay")
        await expect(page.locator("section header .quiet").last).to_contain_text(f"{number} row")
        await expect(page.locator("tbody tr")).to_have_count(int(number))
        await shoot(v, "report-rows")
        await page.get_by_role("link", name="All rows").click()
        await page.get_by_label("Day", exact=True).fill("2026-11-10")
        await page.get_by_role("button", name="Show").click()
        await expect(page.locator("h1")).to_contain_text("at the end of 10 Nov 2026")
        await shoot(v, "report-past")
        rows = await page.locator("tbody tr").count()
        async with page.expect_download() as waiting:
            await page.get_by_role("button", name="Save as CSV").click()
        download = await waiting.value
        assert download.suggested_filename == "census-2026-11-10.csv"
        lines = list(csv.reader(io.StringIO((await download.path()).read_bytes().decode())))
        assert len(lines) - lines.index([]) - 2 == rows
        await page.locator("tbody [data-row]").first.click()
        await expect(page).to_have_url(re.compile(r"/patients/[^/]+$"))
    exported = await house.clinic.owner.fetch("SELECT account, query, outcome FROM record.audit WHERE action = 'export' AND type = 'Report' ORDER BY n")
    assert [(line["account"], line["query"], line["outcome"]) for line in exported] == [("site-supervisor", "reports/census?day=2026-11-10", outcome) for outcome in ("started", "done")]


@pytest.mark.parametrize("size", list(SIZES))
async def test_a_clinical_supervisor_finds_late_notes_overdue_plans_and_a_caseload(house: Place, size: str) -> None:
    async with visit(house, "clinical-supervisor", size) as v:
        page = v.page
        await v.go("/reports")
        await tiles(v)
        notes = page.locator(".tile", has=page.get_by_role("heading", name="Unsigned and late notes"))
        await notes.get_by_role("link", name=re.compile("Late$")).click()
        await expect(page.locator("#rows")).to_have_text("Late: late")
        await shoot(v, "report-late-notes")
        await page.get_by_role("link", name=re.compile("^All reports")).click()
        await page.get_by_role("link", name="Caseload").click()
        await shoot(v, "report-caseload")
        await page.get_by_text("Rows by clinician").click()
        chosen = page.locator(".report-counts a").first
        many = await chosen.locator("b").inner_text()
        await chosen.click()
        await expect(page.locator("tbody tr")).to_have_count(int(many))
        await page.locator("tbody [data-row]").first.click()
        await expect(page).to_have_url(re.compile(r"/patients/[^/]+$"))
