"""A test that is done here in a browser: the cup from Today to the chart, its confirmation, a correction; an order of a partner; the catalog."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import expect

from sojourn.care.orders import reading
from sojourn.record.database import Dsn
from tests.care.labs import follow
from tests.care.risky import DAY, ward
from tests.care.test_placed_orders import CERTIFIED, arrive, place
from tests.care.test_tests_here import done_here, held, nurse, ordered
from tests.journeys import serving
from tests.journeys.serving import Visit, pytestmark
from tests.journeys.test_results import Place, visiting

__all__ = ["pytestmark"]


@pytest.fixture
async def there(database: Dsn) -> AsyncIterator[Place]:
    """The staff app over a clinic of its own, in which drug screens and blood counts are done."""
    async with ward(database, at=DAY) as made:
        await nurse(made)
        await made.clinic.owner.execute(CERTIFIED)
        await made.clinic.gate.reload()
        await done_here(made, kit="Twelve-panel cup")
        await done_here(made, "cbc", kit="Analyzer 2")
        secrets = await serving.begun(made.clinic, "therapist", "boss", "nurse")
        async with serving.serving_clinic(made.clinic) as url:
            yield Place(url, made.client, secrets, made)


async def sound(v: Visit, name: str) -> None:
    """Nothing to complain of; a picture if wanted."""
    await serving.shoot(v, f"tests-here-{name}")


async def test_a_cup_goes_from_today_to_the_chart_is_confirmed_and_corrected(there: Place) -> None:
    await ordered(there.ward)
    async with visiting(there, "nurse") as v:
        await v.go("/today")
        await v.page.get_by_role("link", name="A test to do here").click()
        await sound(v, "order")
        await v.page.get_by_role("link", name="Enter the result").click()
        await v.page.get_by_role("group", name="Fentanyl").get_by_label("Presumptive positive").check()
        await v.page.get_by_role("button", name="Set the rest to negative").click()
        await expect(v.page.get_by_role("group", name="Cocaine").get_by_label("Negative")).to_be_checked()
        await expect(v.page.get_by_role("group", name="Fentanyl").get_by_label("Presumptive positive")).to_be_checked()
        await v.page.get_by_label("Lot").fill("L42")
        await v.page.get_by_role("button", name="Save the result").click()
        await expect(v.page.get_by_role("alert").first).to_contain_text("Say whether the control line is valid.")
        await v.page.get_by_label("Valid", exact=True).check()
        await sound(v, "entered")
        await v.page.get_by_role("button", name="Save the result").click()
        await expect(v.page.locator(".lead-in")).to_contain_text("Tested here, to be confirmed")
    await follow(there.ward)
    async with visiting(there, "therapist") as v:
        await v.go("/results")
        await expect(v.page.locator("#waiting")).to_contain_text("Fentanyl Presumptive positive")
        await v.page.locator("#waiting").get_by_role("link").first.click()
        await expect(v.page.locator("main")).to_contain_text("Tested here by Nurse")
        await sound(v, "review")
        await v.page.get_by_role("link", name="the order", exact=True).click()
        await v.page.get_by_role("button", name="Order “Urine drug confirmation").click()
        await expect(v.page.locator("#order")).to_contain_text("To confirm a presumptive result: Urine drug screen")
    (screen,) = [o for o in await reading.of_patient(await there.ward.access("nurse"), there.client) if o.title == "Urine drug screen"]
    async with visiting(there, "nurse") as v:
        await v.go(f"/patients/{there.client}/orders/{screen.id}/result")
        await expect(v.page.locator("h2").first).to_contain_text("Make the result final")
        await v.page.get_by_role("group", name="Fentanyl").get_by_label("Positive", exact=True).check()
        await sound(v, "settle")
        await v.page.get_by_role("button", name="Save it").click()
        await expect(v.page.locator(".lead-in")).to_contain_text("Answered")
        await v.page.get_by_role("link", name="Correct the result").click()
        await v.page.get_by_role("group", name="Methadone").get_by_label("Positive", exact=True).check()
        await v.page.get_by_label("Why it is corrected").fill("The strip was read too early.")
        await sound(v, "correct")
        await v.page.get_by_role("button", name="Save the correction").click()
        await expect(v.page.locator("#until-now")).to_contain_text("Corrected: The strip was read too early.")
        await v.go(f"/patients/{there.client}/results")
        await sound(v, "room")
    (report,) = await held(there.ward, "DiagnosticReport")
    assert (report["status"], sorted(o["status"] for o in await held(there.ward, "Observation"))) == ("corrected", ["corrected", *["final"] * 11])


async def test_an_order_of_a_partner_without_a_place_in_the_catalog_is_filled(there: Place) -> None:
    _, asked = await place(there.ward, code={"text": "Sickle cell screen"})
    await arrive(there.ward)
    async with visiting(there, "nurse") as v:
        await v.go("/today")
        await v.page.get_by_role("link", name="A test to do here").click()
        await expect(v.page.locator("#order")).to_contain_text("A partner, by the interface")
        await sound(v, "placed")
        await v.page.get_by_role("link", name="Enter the result").click()
        await sound(v, "free")
        await v.page.get_by_label("Name of component 1").fill("Sickling")
        await v.page.get_by_label("Value of component 1").fill("Not seen")
        await v.page.get_by_label("This test has none").check()
        await v.page.get_by_role("button", name="Save the result").click()
        await expect(v.page.locator(".lead-in")).to_contain_text("Answered")
    assert (await there.ward.clinic.get(there.ward.system, f"Task/{asked}")).json()["status"] == "completed"


@pytest.mark.parametrize(("size", "theme"), [("telephone", "light"), ("desk", "dark")])
async def test_every_page_is_sound_at_both_widths(there: Place, size: str, theme: str) -> None:
    id_ = await ordered(there.ward)
    await place(there.ward)
    await arrive(there.ward)
    (blood,) = [o.id for o in await reading.of_patient(await there.ward.access("nurse"), there.client) if o.placed]
    async with visiting(there, "nurse", size, theme) as v:
        for n, path in enumerate(("/today", f"/patients/{there.client}/orders/{id_}", f"/patients/{there.client}/orders/{id_}/result", f"/patients/{there.client}/orders/{blood}/result")):
            await v.go(path)
            await sound(v, f"{n}-{size}-{theme}")
    async with visiting(there, "boss", size, theme) as v:
        for n, path in enumerate(("/orders/catalog", "/orders/catalog/uds", "/orders/catalog/cbc")):
            await v.go(path)
            await sound(v, f"boss-{n}-{size}-{theme}")
