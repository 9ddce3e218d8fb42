"""Danger, by keyboard and on a telephone: from the line on Today to the closed episode, the safety plan and the roster; axe on every page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest
from playwright.async_api import expect

from sojourn.record.database import Dsn
from tests.care.risky import DAY, ON_CALL, cssrs, phq9, ward
from tests.journeys import serving
from tests.journeys.serving import Visit, pytestmark

__all__ = ["pytestmark"]


class Place(NamedTuple):
    """A served clinic with one client in danger. secrets: of sessions by account."""

    url: str
    client: str
    secrets: dict[str, str]


@pytest.fixture
async def place(database: Dsn) -> AsyncIterator[Place]:
    """The staff app over a clinic of its own, at three in the afternoon."""
    async with ward(database, at=DAY) as made:
        await made.put(ON_CALL, "blind", 8)
        await made.clinic.make("sys-mh", {"resourceType": "Location", "name": "Northgate Clinic"})
        await made.answer("phq-9", phq9(2))
        await made.answer("c-ssrs-screener", cssrs(q2=1, q4=1))
        await made.minutes(6)
        await made.tick()
        secrets = await serving.begun(made.clinic, "therapist", "boss", "blind")
        async with serving.serving_clinic(made.clinic) as url:
            yield Place(url, made.client, secrets)


@asynccontextmanager
async def visiting(place: Place, who: str, size: str, theme: str = "light") -> AsyncIterator[Visit]:
    """A browser in which somebody has signed in."""
    async with serving.visit(place.url, size, sojourn=place.secrets[who], theme=theme) as v:
        yield v


async def sound(v: Visit, name: str) -> None:
    """Nothing to complain of; a picture if wanted."""
    await serving.shoot(v, f"risk-{name}")


async def test_a_clinician_takes_it_acts_and_closes_it_by_keyboard(place: Place) -> None:
    async with visiting(place, "therapist", "desk") as v:
        room = f"{place.url}/patients/{place.client}/risk"
        await v.go("/today")
        await sound(v, "today")
        await v.page.get_by_role("link", name="Somebody needs you now").first.focus()
        await v.press("Enter")
        await expect(v.page).to_have_url(room)
        await expect(v.page.locator(".stand")).to_contain_text("Nobody has it yet.")
        await sound(v, "open")
        await v.press("i")
        await expect(v.page.locator(".stand")).to_contain_text("Therapist has it")
        await v.page.get_by_label("Spoke with the client").focus()
        await v.press("Space")
        await v.page.get_by_role("button", name="Save what was done").focus()
        await v.press("Enter")
        await expect(v.page.locator(".stand")).to_contain_text("acted")
        await sound(v, "acted")
        await v.page.get_by_role("button", name="Close it").focus()
        await v.press("Enter")
        await expect(v.page.get_by_role("alert").first).to_contain_text("Not closed yet")
        await expect(v.page.locator("[data-focus]")).to_be_focused()
        await sound(v, "not-yet")
        await v.page.locator("#formulation").focus()
        await v.type("Wishes to be dead since the argument on Sunday; a plan, no means; his children hold him. Stays with his brother tonight.")
        await v.page.locator("#disposition").select_option("more-contact")
        await v.page.locator("#again").fill("2026-03-05")
        await v.press("Enter")
        await expect(v.page.locator(".stand")).to_contain_text("No open episode")
        await expect(v.page.locator(".stand")).to_contain_text("Screen again by 5 Mar 2026")
        await sound(v, "closed")


@pytest.mark.parametrize(("size", "theme"), [("telephone", "light"), ("desk", "dark")])
async def test_every_page_of_the_risk_path_is_sound_at_both_widths(place: Place, size: str, theme: str) -> None:
    async with visiting(place, "therapist", size, theme) as v:
        room = f"/patients/{place.client}/risk"
        await v.go(room)
        await v.page.locator("#code").select_option("in-sight")
        await v.page.get_by_role("button", name="Put it up").click()
        await expect(v.page.locator(".banner")).to_contain_text("In sight at all times")
        await sound(v, f"room-{size}-{theme}")
        await v.go(f"{room}/plan/edit")
        await sound(v, f"writing-{size}-{theme}")
        await v.page.locator("#signs").fill("Sundays\nI stop answering my phone")
        await v.page.locator("#ask").fill("Jo, my sister, 518-555-0188")
        await v.page.get_by_role("button", name="Save the draft").click()
        await expect(v.page).to_have_url(f"{place.url}{room}/plan")
        await sound(v, f"plan-{size}-{theme}")
        for path in (f"{room}/plan/print", f"{room}/plan/print?size=wallet", "/risk", "/on-call", "/today"):
            await v.go(path)
            await sound(v, f"{path.rpartition('/')[2].replace('?', '-')}-{size}-{theme}")
    async with visiting(place, "blind", size, theme) as v:
        await v.go("/today")
        await v.page.get_by_role("link", name="whom you cannot see").click()
        await expect(v.page.locator("h1")).to_have_text("Somebody needs you now")
        await v.page.get_by_text("Nobody else can: open the chart").click()
        await sound(v, f"notice-{size}-{theme}")
    async with visiting(place, "boss", size, theme) as v:
        await v.go("/on-call")
        await sound(v, f"roster-{size}-{theme}")
