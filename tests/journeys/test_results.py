"""Results, orders and authorizations in a browser: a critical one from Today by keyboard, an order to its result, one that runs out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest
from playwright.async_api import expect

from sojourn.base import clock
from sojourn.record import organization
from sojourn.record.database import Dsn
from tests.care import labs, test_authorizations
from tests.care.labs import found, report, value
from tests.care.risky import DAY, Ward, ward
from tests.journeys import serving
from tests.journeys.serving import Visit, pytestmark
from tests.people import MH, SUD, A

__all__ = ["pytestmark"]


class Place(NamedTuple):
    """A served clinic with one client. secrets: of sessions by account."""

    url: str
    client: str
    secrets: dict[str, str]
    ward: Ward


@pytest.fixture
async def place(database: Dsn) -> AsyncIterator[Place]:
    """The staff app over a clinic of its own, at three in the afternoon."""
    async with ward(database, at=DAY) as made:
        nurse = (await made.clinic.make("sys-mh", {"resourceType": "Practitioner", "name": [{"family": "Nurse"}]})).id
        await organization.account(made.clinic.owner, A, organization.AccountRow("nurse", "staff", "nurse", "Nurse", None, f"Practitioner/{nurse}", "nurse", [SUD, MH], MH, []), clock.now())
        await test_authorizations.reviewer(made)
        secrets = await serving.begun(made.clinic, "therapist", "boss", "nurse", "reviewer")
        async with serving.serving_clinic(made.clinic) as url:
            yield Place(url, made.client, secrets, made)


@asynccontextmanager
async def visiting(place: Place, who: str, size: str = "desk", theme: str = "light") -> AsyncIterator[Visit]:
    """A browser in which somebody has signed in."""
    async with serving.visit(place.url, size, sojourn=place.secrets[who], theme=theme) as v:
        yield v


async def sound(v: Visit, name: str) -> None:
    """Nothing to complain of; a picture if wanted."""
    await serving.shoot(v, f"results-{name}")


async def critical(made: Ward) -> None:
    """A potassium of last week, and one that is critical."""
    await report(made, value(made.client, 4.2, hours=150), value(made.client, 0.9, name="Creatinine", code="2160-0", hours=150), hours=150)
    await report(made, value(made.client, 7.1, "HH"), value(made.client, 1.0, name="Creatinine", code="2160-0"))
    for hours in (3, 80):
        await report(made, *(found(made.client, n, s, f, hours=hours) for n, s, f in (("Opiates", "Negative", ""), ("Cocaine", "Positive", "A"))), title="Urine drug screen", hours=hours)
    await labs.follow(made)


async def test_a_critical_result_is_taken_from_today_by_keyboard(place: Place) -> None:
    await critical(place.ward)
    async with visiting(place, "therapist") as v:
        await v.go("/today")
        await sound(v, "today")
        await v.page.get_by_role("link", name="A result to look at now").first.focus()
        await v.press("Enter")
        await expect(v.page.locator("#values")).to_contain_text("7.1 mmol/L")
        await expect(v.page.locator("#values")).to_contain_text("critically high")
        await sound(v, "one")
        await v.page.get_by_role("button", name="Save and go on").focus()
        await v.press("Enter")
        await expect(v.page.get_by_role("alert").first).to_contain_text("Choose what was done")
        await v.page.get_by_label("Client told").focus()
        await v.press("Space")
        await v.page.get_by_label("In your own words").focus()
        await v.type("Reached her at 15:10. Goes to the emergency department with her sister.")
        await v.page.get_by_role("button", name="Save and go on").focus()
        await v.press("Enter")
        await expect(v.page).to_have_url(f"{place.url}/results")
        await expect(v.page.locator("#waiting")).not_to_contain_text("7.1")
        await sound(v, "inbox")
        await v.go(f"/patients/{place.client}/results")
        await expect(v.page.locator("#reports")).to_contain_text("Client told")
        await sound(v, "room")
    written = [(r.outcome, r.said) for r in await labs.reviews(place.ward, all_=True) if r.outcome]
    assert written == [("called", "Reached her at 15:10. Goes to the emergency department with her sister.")]
    assert await place.ward.clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE tenant = 1 AND action = 'result-review'") == 1


async def test_an_order_goes_to_its_result(place: Place) -> None:
    async with visiting(place, "therapist") as v:
        await v.go(f"/patients/{place.client}/results")
        await v.press("j")
        await expect(v.page.locator("h2").first).to_have_text("Order from the laboratory")
        await sound(v, "sheet")
        await v.page.get_by_label("What", exact=True).select_option("cbc")
        await v.page.get_by_role("button", name="Order").click()
        await expect(v.page.get_by_role("alert").first).to_contain_text("write the reason")
        await v.page.get_by_label("Or the reason").fill("Fatigue for two weeks")
        await v.page.get_by_role("button", name="Order").click()
        await expect(v.page.locator("#order")).to_contain_text("Fatigue for two weeks")
        await sound(v, "order")
    async with visiting(place, "nurse") as v:
        await v.go("/today")
        await v.page.get_by_role("link", name="A specimen to collect").click()
        await v.page.get_by_role("button", name="It is collected").click()
        await expect(v.page.locator("#until-now")).to_contain_text("Collected")
        await v.page.get_by_role("link", name="Requisition").click()
        await expect(v.page.locator("article")).to_contain_text("Complete blood count")
        await sound(v, "requisition")
        await v.page.get_by_role("link", name="Back").click()
        await v.page.get_by_role("button", name="It is sent").click()
        await expect(v.page.locator(".lead-in")).to_contain_text("waiting for the result")
    await report(place.ward, value(place.client), title="Complete blood count")
    await labs.follow(place.ward)
    async with visiting(place, "therapist") as v:
        await v.go(f"/patients/{place.client}/results")
        await expect(v.page.locator("#waiting")).to_contain_text("Complete blood count")
        await expect(v.page.locator("#orders")).to_have_count(0)
    (task,) = (await place.ward.clinic.get("sys-mh", f"Task?patient={place.client}&code=lab-order")).entries
    assert (task["status"], task["output"][0]["valueReference"]["reference"].partition("/")[0]) == ("completed", "DiagnosticReport")
    assert len((await place.ward.clinic.get("sys-mh", f"Specimen?patient={place.client}")).entries) == 1


async def test_an_authorization_runs_out(place: Place) -> None:
    async with visiting(place, "reviewer") as v:
        await v.go(f"/patients/{place.client}/coverage")
        await v.page.get_by_role("link", name="Authorizations").click()
        for label, text in (("Payer, or who authorizes for it", "Example Health Plan"), ("Number", "A-4711"), ("Approved", "3"), ("First day", "2026-03-01"), ("Last day", "2026-03-31"), ("Next review", "2026-03-20"), ("Contact at the payer", "Ms. Lane")):
            await v.page.get_by_label(label, exact=True).fill(text)
        await v.page.get_by_role("button", name="Save it").click()
        await expect(v.page.get_by_role("alert").first).to_contain_text("Choose the level of care or the service.")
        await v.page.get_by_label("Level of care or service").select_option("service.individual")
        await v.page.get_by_label("Of what").select_option("visits")
        await v.page.get_by_label("How it was obtained").select_option("phone")
        await v.page.get_by_role("button", name="Save it").click()
        await expect(v.page.locator("#authorizations")).to_contain_text("A-4711")
        await sound(v, "authorizations")
        await test_authorizations.signed(place.ward)
        await test_authorizations.signed(place.ward, 1)
        await test_authorizations.follow(place.ward)
        await v.go("/today")
        await v.page.get_by_role("link", name="An authorization runs out").click()
        await expect(v.page.locator("#authorizations")).to_contain_text("2 of 3 visits used")
        await expect(v.page.locator("#services")).to_contain_text("A-4711")
        await sound(v, "authorizations-used")
        await v.go("/authorizations")
        await expect(v.page.locator("#board")).to_contain_text("1 · 28 days")
        await sound(v, "board")


@pytest.mark.parametrize(("size", "theme"), [("telephone", "light"), ("desk", "dark")])
async def test_every_page_is_sound_at_both_widths(place: Place, size: str, theme: str) -> None:
    await critical(place.ward)
    authorization = await test_authorizations.entered(place.ward)
    await test_authorizations.signed(place.ward)
    await test_authorizations.follow(place.ward)
    one = next(r.id for r in await labs.reviews(place.ward) if r.critical)
    chart = f"/patients/{place.client}"
    async with visiting(place, "therapist", size, theme) as v:
        for n, path in enumerate(("/results", "/results?all=1", f"{chart}/results", f"{chart}/results/{one}", f"{chart}/orders/new", "/orders/catalog", f"{chart}/authorizations", "/authorizations")):
            await v.go(path)
            await sound(v, f"{n}-{size}-{theme}")
    async with visiting(place, "reviewer", size, theme) as v:
        for n, path in enumerate((f"{chart}/authorizations", f"{chart}/authorizations/{authorization}", "/authorizations")):
            await v.go(path)
            await sound(v, f"reviewer-{n}-{size}-{theme}")
