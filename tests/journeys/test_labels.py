"""The privacy officer's page on labels in a browser, with axe at two widths."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from sojourn.base import clock
from sojourn.record import labelling
from tests import people
from tests.gate.test_screening import followed, note
from tests.journeys.serving import SIZES, pytestmark  # noqa: F401 - the mark is pytest's
from tests.journeys.test_desk import Place, place, shoot, visit  # noqa: F401 - a fixture
from tests.people import A


@pytest.mark.parametrize("size", list(SIZES))
async def test_questions_decisions_and_rules(place: Place, size: str) -> None:  # noqa: F811 - the fixture
    clinic = place.clinic
    p = (await clinic.make("sys-mh", people.patient("Vandermeer-Castellanos"))).id
    for words in ("Relapsed on heroin after six months sober.", "HIV positive since 2019.", "She was sexually assaulted in March."):
        await clinic.make("mh-clinician", note(p, words))
    await followed(clinic)
    db = clinic.gate.house.db
    await labelling.add_law(db, A, "HIV", "hiv", source="New York Public Health Law, section 2782", account="officer", now=clock.now())
    await labelling.add_code(db, A, "http://riverbend.example.org/codes", "HARM-", prefix=True, tags=["SUD"], source="Privacy committee, 4 May 2026", account="officer", now=clock.now())
    async with visit(place, "officer", size) as v:
        await v.page.goto(f"{place.url}/desk/labels")
        await expect(v.page.get_by_text("The text may speak of HIV.")).to_be_visible()
        await shoot(v, "labels")
        await v.page.get_by_role("button", name=re.compile("Label it.*HIV")).click()
        await expect(v.page.get_by_text("Saved.")).to_be_visible()
        await v.page.get_by_role("link", name="Put on: HIV").click()
        await shoot(v, "label-of-an-entry")
        await v.page.get_by_label("What you decide").select_option("lower")
        await v.page.get_by_label("Label", exact=True).select_option("HIV")
        await v.page.get_by_label("Why").fill("The test was another patient's.")
        await v.page.get_by_role("button", name="Keep the decision").click()
        await expect(v.page.get_by_text("Taken off: HIV")).to_be_visible()
        await v.is_sound()
