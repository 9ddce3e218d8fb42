"""Two records of one person in a browser over the real gate: found by the desk, held against each other, merged, read as one chart, taken apart."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.journeys.serving import SIZES, pytestmark  # noqa: F401 - the mark is pytest's
from tests.journeys.test_admissions import desk  # noqa: F401 - a fixture
from tests.journeys.test_desk import Place, place, shoot, visit  # noqa: F401 - a fixture
from tests.people import encounter, patient
from tests.web.test_gate import problem

PHONE = [{"system": "phone", "value": "518-555-0142"}]


@pytest.mark.parametrize("size", list(SIZES))
async def test_merge_look_and_take_apart(desk: Place, size: str) -> None:  # noqa: F811 - the fixture
    clinic = desk.clinic
    numbers = ("MH-1001", "SUD-2002")
    ours, theirs = [
        (await clinic.make(who, patient(identifier=[{"use": "usual", "value": number}], telecom=PHONE, address=[{"line": [f"{n} Mill Street"], "city": "Albany"}]))).id
        for n, (who, number) in enumerate(zip(("sys-mh", "sys-sud"), numbers, strict=True), 1)
    ]
    for who, p, text in (("sys-mh", ours, "Insomnia"), ("sys-sud", theirs, "Opioid use disorder")):
        await clinic.make(who, encounter(p))
        await clinic.make(who, problem(p, text))
    async with visit(desk, "adam", size) as v:
        page = v.page
        await v.go(f"/patients/{ours}/records")
        await shoot(v, "records-alone")
        await page.get_by_label("Name, birth date or record number").fill("rivera")
        await page.get_by_role("button", name="Find", exact=True).click()
        await page.get_by_role("link", name=re.compile("^Compare")).click()
        await expect(page.get_by_role("heading", name="Are they one person?")).to_be_visible()
        await expect(page.locator("tr.differs")).to_contain_text("Mill Street")
        await shoot(v, "records-compare")
        await page.get_by_label("How you know that they are one person").fill("Same identity card and telephone.")
        await page.get_by_role("button", name="Merge", exact=True).click()
        await expect(page.locator(".toast").first).to_contain_text("Merged.")
        await expect(page.locator(".one-person")).to_contain_text("One person, 2 records.")
        await shoot(v, "records-merged")
        await v.go(f"/patients/{theirs}/problems")
        await expect(page).to_have_url(re.compile(f"/patients/{ours}/problems"))
        await expect(page.locator("main")).to_contain_text("Insomnia")
        await expect(page.locator("main")).to_contain_text("Opioid use disorder")
        await shoot(v, "records-one-chart")
        await v.go("/patients")
        await expect(page.locator("[data-row]")).to_have_count(1)
        await page.get_by_label("Name, birth date or record number").fill("SUD-2002")
        await expect(page.locator("[data-row]")).to_contain_text("also SUD-2002")
        await shoot(v, "records-found-once")
        await v.go(f"/patients/{theirs}/records")
        await expect(page.locator(".one-person")).to_contain_text("goes on as MH-1001")
        await shoot(v, "records-that-ended")
        await v.go(f"/patients/{ours}/records")
        await page.get_by_text("Take apart again").click()
        await page.get_by_label("Why they are taken apart").fill("Twins with one address.")
        await shoot(v, "records-apart")
        await page.get_by_role("button", name="Take apart", exact=True).click()
        await expect(page.locator(".toast").first).to_contain_text("Taken apart.")
        await expect(page.locator(".one-person")).to_have_count(0)
        await v.go("/patients")
        await expect(page.locator("[data-row]")).to_have_count(2)
