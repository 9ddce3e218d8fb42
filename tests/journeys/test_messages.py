"""An urgent message from a chart to whoever is on call, in a browser over the real gate, with axe on every page at two widths."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from playwright.async_api import expect

from sojourn.base import clock
from sojourn.care.messages import duty
from sojourn.care.staffing import changing
from sojourn.care.staffing.model import ON_CALL, Entry
from sojourn.gate.clockwork import Clockwork
from sojourn.record.database import Dsn
from tests.care.reported import as_, person, staffed
from tests.journeys.serving import SIZES, pytestmark  # noqa: F401 - the mark is pytest's
from tests.journeys.test_desk import Place, place, shoot, visit  # noqa: F401 - a fixture
from tests.people import encounter, patient


@pytest.fixture
async def ward(place: Place, database: Dsn) -> AsyncIterator[Place]:  # noqa: F811 - the fixture
    """People with names, one of them on call."""
    await staffed(place.clinic)
    now = clock.now()
    await changing.add(await as_(place.clinic, "lead"), [Entry("", "", ON_CALL, await person(place.clinic, "night"), None, (), now - timedelta(hours=1), now + timedelta(days=1))])
    return place


@pytest.mark.parametrize("size", list(SIZES))
async def test_an_urgent_message_reaches_whoever_is_on_call(ward: Place, size: str) -> None:
    clinic = ward.clinic
    client = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(client))
    async with visit(ward, "nurse", size) as v:
        page = v.page
        await v.go(f"/patients/{client}")
        await v.press("Control+k")
        await v.type("message about")
        await expect(page.locator("[role=option]")).to_have_count(1)
        await v.press("Enter")
        await expect(page.locator("h1")).to_have_text("Write a message")
        await shoot(v, "message-new")
        await page.get_by_label("To", exact=True).press_sequentially("ames")
        await expect(page.locator("#people")).to_contain_text("There is nobody of this name")
        await page.get_by_label("To", exact=True).fill("")
        await page.get_by_label("To", exact=True).press_sequentially("whitf")
        await page.locator("#people").get_by_label(re.compile("Dana Whitfield")).check()
        await page.get_by_label("Subject").fill("Evening dose")
        await page.get_by_label("Message", exact=True).fill("She asks for it at six.")
        await page.get_by_label(re.compile("^Urgent")).check()
        await shoot(v, "message-written")
        await page.locator("main button.primary").click()
        await expect(page.locator("#readers")).to_contain_text("has not read it yet")
        await shoot(v, "message-sent")
    await clinic.owner.execute("UPDATE record.thread SET started = started - interval '11 minutes'")
    await duty.run(await Clockwork(clinic.gate).access(1))
    async with visit(ward, "night", size) as v:
        page = v.page
        await v.go("/today")
        await expect(page.locator("#today-messages")).to_contain_text("Urgent message from Nina Tarrow")
        await shoot(v, "message-today")
        key = await page.locator("#today-messages [data-row]").first.get_attribute("data-key")
        await v.press(str(key))
        await expect(page.locator("h1")).to_have_text("Evening dose")
        await page.get_by_label("Answer").fill("I am on my way.")
        await page.locator("main button.primary").first.click()
        await expect(page.locator(".said-list")).to_contain_text("I am on my way.")
        await page.get_by_text("Make a task of it").click()
        await page.get_by_label("What has to be done").fill("Look at the evening dose")
        await page.get_by_role("button", name="Make the task").click()
        await expect(page.locator("h1")).to_have_text("Evening dose")
        await shoot(v, "message-thread")
        await v.press("g", "m")
        await expect(page.locator("h1")).to_have_text("Messages")
        await page.locator("#q").fill("dose")
        await expect(page.locator("#results [data-row]")).to_have_count(1)
        await shoot(v, "message-list")
        await v.go("/shift")
        await shoot(v, "message-shift")
        (task,) = (await clinic.get("mh-clinician", f"Task?patient={client}")).ids
        await v.go(f"/tasks/{task}")
        await page.get_by_text("Give it to somebody").click()
        await page.get_by_label("To whom").press_sequentially("whitf")
        await expect(page.locator("#people")).to_contain_text("Dana Whitfield")
        await page.get_by_label("What they have to know").fill("You see her at nine.")
        await shoot(v, "task-give")
        await page.get_by_role("button", name="Give it, and I ask after it").click()
        await expect(page.locator("#today-given")).to_contain_text("Look at the evening dose")
    assert await clinic.owner.fetchval("SELECT via FROM record.thread_member WHERE account = 'night'") == "escalated"
    lines = {(r["account"], r["action"]) for r in await clinic.owner.fetch("SELECT account, action FROM record.audit WHERE type = 'Message'")}
    assert {("nurse", "message"), ("night", "message-read"), ("night", "message"), ("system-clock", "message")} <= lines
