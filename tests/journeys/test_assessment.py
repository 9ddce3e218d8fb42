"""Assessment in a browser over the real gate, by keyboard: a form made, an assessment kept and finished, a level rated; axe at two widths."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests import people
from tests.journeys.serving import SIZES, pytestmark
from tests.journeys.test_desk import Place, place, shoot, visit

__all__ = ["place", "pytestmark"]


async def chart(place: Place) -> str:
    """A client of the clinician, and the clinician as a practitioner who may also make forms."""
    p = (await place.clinic.make("sys-mh", people.patient())).id
    await place.clinic.make("sys-mh", people.encounter(p))
    them = (await place.clinic.make("sys-mh", {"resourceType": "Practitioner", "name": [{"family": "Whitfield", "given": ["Dana"]}]})).id
    await place.clinic.owner.execute("UPDATE record.account SET agent = $1 WHERE tenant = 1 AND account = 'mh-clinician'", f"Practitioner/{them}")
    return p


@pytest.mark.parametrize("size", list(SIZES))
async def test_an_assessment_from_the_first_key_to_the_chart(place: Place, size: str) -> None:
    p = await chart(place)
    async with visit(place, "mh-clinician", size) as v:
        page = v.page
        await v.go(f"/patients/{p}")
        await v.press("f")
        await expect(page.get_by_role("heading", name="Assessments")).to_be_visible()
        await shoot(v, "forms-room")
        await page.get_by_role("link", name="Biopsychosocial assessment").first.focus()
        await v.press("Enter")
        await expect(page.locator("h2.page-title")).to_have_text("Biopsychosocial assessment")
        await page.locator('[id="a.presenting"]').focus()
        await page.keyboard.type("I want to sleep again.")
        await page.locator('[id="a.uses-true"]').focus()
        await v.press("Space")
        await expect(page.locator(".kept")).to_contain_text("Draft kept")
        await expect(page.get_by_role("button", name=re.compile("Add one"))).to_have_count(3)
        await page.get_by_role("button", name=re.compile("Add one.*Substance")).focus()
        await v.press("Enter")
        await expect(page.locator(".form-row")).to_have_count(1)
        await page.get_by_label("Substance", exact=False).first.focus()
        await shoot(v, "forms-filling")
        await page.get_by_role("button", name="Finish and save to the chart").focus()
        await v.press("Enter")
        await expect(page.locator(".summary")).to_be_focused()
        await expect(page.locator('[id="a.presenting"]')).to_have_value("I want to sleep again.")
        await shoot(v, "forms-problems")
        await v.go(f"/patients/{p}/forms/level-of-care.1")
        await page.locator('[id="a.edition-0"]').check()
        await page.locator('[id="a.occasion-0"]').check()
        for n in range(1, 7):
            await page.locator(f'[id="a.d{n}-risk-2"]').check()
            await page.locator(f'[id="a.d{n}-why"]').fill("As seen today.")
            if n < 6:
                await page.locator(f'[id="a.d{n}-level"]').select_option("4" if n < 5 else "7")
        await page.locator('[id="a.recommended"]').select_option("7")
        await page.locator('[id="a.recommended-why"]').fill("Home is not safe.")
        await page.locator('[id="a.actual"]').select_option("4")
        await expect(page.locator('[id="a.highest"]')).to_have_text("3.5")
        await expect(page.get_by_text("Why the levels differ")).to_be_visible()
        await page.locator('[id="a.difference-4"]').check()
        await page.locator('[id="a.difference-why"]').fill("Nothing free before Monday.")
        await shoot(v, "forms-level")
        await page.get_by_role("button", name="Finish and save to the chart").focus()
        await v.press("Enter")
        await expect(page.locator(".answered-page")).to_contain_text("Nothing free before Monday.")
        await shoot(v, "forms-answered")
        response = (await place.clinic.get("sys-mh", f"QuestionnaireResponse?patient={p}")).entries[0]
        assert response["questionnaire"].endswith("/Questionnaire/level-of-care|1")
        codes = {o["code"]["coding"][0]["code"]: o["valueCodeableConcept"]["coding"][0]["code"] for o in (await place.clinic.get("sys-mh", f"Observation?patient={p}")).entries}
        assert codes == {"recommended-level": "3.5", "actual-level": "2.5"}
        await v.go(f"/patients/{p}/forms")
        await expect(page.get_by_text("Begun, not finished")).to_be_visible()
        await shoot(v, "forms-room-after")


@pytest.mark.parametrize("size", list(SIZES))
async def test_a_form_is_made_and_published_by_keyboard(place: Place, size: str) -> None:
    await chart(place)
    await place.clinic.owner.execute("UPDATE record.assignment SET role = 'supervisor' WHERE tenant = 1 AND account = 'mh-clinician'")
    async with visit(place, "mh-clinician", size) as v:
        page = v.page
        await v.go("/forms")
        await shoot(v, "library")
        await page.get_by_label("Title").focus()
        await page.keyboard.type("House rules")
        await v.press("Enter")
        await expect(page.get_by_role("heading", name=re.compile("House rules"))).to_be_visible()
        await v.press("a")
        await expect(page.locator("#text")).to_be_focused()
        await page.locator("#text").fill("Have you read the house rules?")
        await page.locator("#type").select_option("choice")
        await expect(page.locator("#options")).to_be_visible()
        await page.locator("#options").fill("Yes, and I agree\nYes, with a question\nNot yet")
        await page.locator("#help").focus()
        await expect(page.get_by_text("Give it at least one answer")).to_have_count(0)
        await page.get_by_role("button", name="Add a question").focus()
        await v.press("Enter")
        await expect(page.locator("#text")).to_have_value("New question")
        await page.locator("#text").fill("What is the question?")
        await page.locator('[name="when-question"]').first.select_option("q1")
        await page.locator('[name="when-value"]').first.fill("Yes, with a question")
        await page.locator("#help").focus()
        await expect(page.locator(".outline")).to_contain_text("if …")
        await shoot(v, "editor")
        await page.locator(".back a").focus()
        await v.press("Enter")
        await expect(page.get_by_role("button", name="Publish version 1")).to_be_visible()
        await shoot(v, "form-one")
        await page.get_by_role("button", name="Publish version 1").focus()
        await v.press("Enter")
        await expect(page.get_by_text("It is asked from now on")).to_be_visible()
