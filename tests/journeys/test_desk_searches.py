"""What the privacy desk looks for, by keyboard alone, on a laptop and on a telephone: the trail, unusual looking, reports of a patient, disclosures; and what it exports."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Locator, expect

from sojourn.gate.changes import Change
from tests import people
from tests.journeys import test_desk
from tests.journeys.serving import Visit, pytestmark, shoot  # noqa: F401 - the mark is pytest's
from tests.journeys.test_desk import Place, place  # noqa: F401 - a fixture
from tests.web.test_gate import problem

WIDTHS = {"laptop": (1280, 800), "telephone": (390, 844)}
MOST_STEPS = 120
ANA, OTHER = "Rivera, Ana", "Rivas, Ana"


@asynccontextmanager
async def officer(place: Place, width: str) -> AsyncIterator[Visit]:  # noqa: F811 - as above
    """The privacy officer at a screen of that width."""
    async with test_desk.visit(place, "officer", "desk") as v:
        wide, high = WIDTHS[width]
        await v.page.set_viewport_size({"width": wide, "height": high})
        yield v


async def reach(v: Visit, target: Locator) -> None:
    """Step with the tabulator until the focus is there: whoever has no mouse gets no nearer."""
    for _ in range(MOST_STEPS):
        if await target.evaluate("e => e === document.activeElement"):
            return
        await v.press("Tab")
    raise AssertionError(f"the tabulator does not lead to {target}")


async def exported(v: Visit, button: str) -> tuple[str, str]:
    """The name of the file that a button gives, and what is in it."""
    await reach(v, v.page.get_by_role("button", name=button, exact=True))
    async with v.page.expect_download() as waiting:
        await v.press("Enter")
    download = await waiting.value
    return download.suggested_filename, (await download.path()).read_bytes().decode()


async def looked_for(v: Visit, words: str, whom: str) -> None:
    """Type a part of a name that two clients have, and choose one."""
    field = v.page.get_by_role("textbox", name="Patient", exact=True)
    await reach(v, field)
    await v.type(words)
    await v.press("Enter")
    await expect(v.page.get_by_role("group", name="Which patient?")).to_be_visible()
    await shoot(v, "which-patient")
    await reach(v, v.page.get_by_role("button", name=whom))
    await v.press("Enter")
    await expect(v.page.get_by_role("group", name="Which patient?")).to_have_count(0)
    assert "Riv" not in v.page.url + await v.page.title(), "names stand on the page alone"


async def two_clients(place: Place) -> str:  # noqa: F811 - as above
    """Two whose names begin alike; an outside organization read of the first, and colleagues opened both. The id of the first."""
    clinic = place.clinic
    access = await clinic.gate.access(clinic.tokens["sys-mh"])
    assert access is not None
    await access.write([Change("update", "Organization", "tpo", {"resourceType": "Organization", "id": "tpo", "name": "Harbor Primary Care"}, upsert=True)])
    ids = []
    for family, name in (("Rivera", "Insomnia"), ("Rivas", "Panic disorder")):
        id_ = (await clinic.make("sys-mh", people.patient(family))).id
        await clinic.make("sys-mh", people.encounter(id_))
        await clinic.make("sys-mh", problem(id_, name))
        await clinic.get("mh-clinician", f"Condition?patient={id_}")
        ids.append(id_)
    await clinic.make("sys-sud", problem(ids[0], "Opioid use disorder"))
    await clinic.make("sys-sud", people.consent(ids[0], "tpo"))
    assert (await clinic.get("tpo", f"Condition?patient={ids[0]}")).entries, "something left"
    return ids[0]


@pytest.mark.parametrize("width", list(WIDTHS))
async def test_disclosures_are_searched_and_exported_by_keyboard(place: Place, width: str) -> None:  # noqa: F811 - the fixture
    await two_clients(place)
    async with officer(place, width) as v:
        page = v.page
        await v.go("/desk/disclosures")
        rows = page.get_by_role("list", name="Disclosures").locator("[data-row]")
        await expect(rows).to_have_count(1)
        await shoot(v, "disclosures")
        await reach(v, page.get_by_text("Search and export"))
        await v.press("Enter")
        await looked_for(v, "Riv", ANA)
        await expect(rows).to_have_count(1)
        await expect(rows).to_contain_text("Harbor Primary Care")
        await shoot(v, "disclosures-found")
        name, text = await exported(v, "CSV")
        lines = list(csv.reader(io.StringIO(text)))
        assert name == "disclosures.csv"
        assert len(lines) == 2
        assert ANA in lines[1]
        assert "Harbor Primary Care" in lines[1]
        await reach(v, rows)
        await v.press("Enter")
        await expect(page.locator(".payload")).to_contain_text("Opioid use disorder")
        await v.go("/desk/disclosures")
        await v.press("/")  # opens what is folded
        await expect(page.get_by_role("textbox", name="Patient", exact=True)).to_be_focused()
        await looked_for(v, "Riv", OTHER)
        await expect(page.get_by_text("Nothing that left fits.")).to_be_visible()
        await shoot(v, "disclosures-nothing")
        name, text = await exported(v, "CSV")
        assert len(list(csv.reader(io.StringIO(text)))) == 1, "the names of the columns alone"


@pytest.mark.parametrize("width", list(WIDTHS))
async def test_the_trail_is_searched_and_exported_by_keyboard(place: Place, width: str) -> None:  # noqa: F811 - the fixture
    await two_clients(place)
    async with officer(place, width) as v:
        page = v.page
        await v.go("/desk/trail")
        await expect(page.get_by_text("Nothing is shown until you ask.")).to_be_visible()
        await looked_for(v, "Riv", ANA)
        table = page.get_by_role("group", name="Lines of the trail")
        await expect(table).to_contain_text("mh-clinician")
        await expect(table.get_by_role("row").filter(has_not_text=ANA)).to_have_count(1)  # the head: each line is about her
        await shoot(v, "trail-found")
        name, text = await exported(v, "CSV")
        assert name.endswith(".csv")
        lines = list(csv.reader(io.StringIO(text)))
        assert len(lines) > 2
        assert any("mh-clinician" in cell for line in lines for cell in line)
        name, text = await exported(v, "AuditEvents")
        assert name.endswith(".ndjson")
        assert all('"resourceType":"AuditEvent"' in line for line in text.splitlines())


@pytest.mark.parametrize("width", list(WIDTHS))
async def test_unusual_looking_and_the_reports_of_a_patient_by_keyboard(place: Place, width: str) -> None:  # noqa: F811 - the fixture
    one = await two_clients(place)
    async with officer(place, width) as v:
        page = v.page
        await v.go("/desk/unusual")
        await reach(v, page.get_by_role("button", name="Show", exact=True))
        await v.press("Enter")
        await expect(page.locator("h1")).to_have_text("Unusual looking")
        await expect(page.get_by_text("Numbers in force since")).to_be_visible()
        await shoot(v, "unusual")
        await v.go("/desk/reports")
        await looked_for(v, "Riv", ANA)
        await expect(page).to_have_url(f"{place.url}/desk/reports/{one}")
        await expect(page.locator("h1")).to_have_text("Who looked at the record")
        await expect(page.locator("main")).to_contain_text("mh-clinician")
        await shoot(v, "report-looked")
        tabs = page.get_by_role("navigation", name="Reports")
        for n in range(1, await tabs.get_by_role("link").count()):
            await reach(v, tabs.get_by_role("link").nth(n))
            await v.press("Enter")
            await expect(tabs.get_by_role("link").nth(n)).to_have_attribute("aria-current", "page")
            await shoot(v, f"report-{n}")
