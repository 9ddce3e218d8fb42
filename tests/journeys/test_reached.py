"""Where you are reached, by keyboard and on a telephone: a number, its code, the roster that says so; axe on every page."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from sojourn.gate.channels import EMAIL, SMS
from sojourn.record.database import Dsn
from tests.care.risky import DAY, ON_CALL, cssrs, ward
from tests.doors.calling.counterpart import Texts
from tests.journeys import serving
from tests.journeys.serving import pytestmark

__all__ = ["pytestmark"]


@pytest.mark.parametrize("size", ["desk", "telephone"])
async def test_a_number_is_confirmed_and_stands_on_the_roster_as_a_word(database: Dsn, size: str) -> None:
    texts = Texts()
    async with ward(database, at=DAY) as made:
        await made.put(ON_CALL, "therapist", 8)
        await made.clinic.make("sys-mh", {"resourceType": "Location", "name": "Northgate Clinic"})
        await made.answer("c-ssrs-screener", cssrs(q2=1, q4=1))
        made.clinic.gate.house.channels = {SMS: texts.channel(), EMAIL: texts.channel("wrong")}
        await made.clinic.gate.house.channels[EMAIL].look()
        secrets = await serving.begun(made.clinic, "night", "therapist")
        async with serving.serving_clinic(made.clinic) as url, serving.visit(url, size, sojourn=secrets["night"]) as v:
            await v.go("/security")
            await serving.shoot(v, f"reached-none-{size}")
            await v.page.get_by_role("link", name="Add a number or address").focus()
            await v.press("Enter")
            await v.page.get_by_label("Mobile number or address").fill("911")
            await v.press("Enter")
            await expect(v.page.get_by_role("alert").first).to_contain_text("mobile number")
            await serving.shoot(v, f"reached-wrong-{size}")
            await v.page.get_by_label("How").select_option("sms")
            await v.page.get_by_label("Mobile number or address").fill("518 555 0142")
            await v.press("Enter")
            await expect(v.page.get_by_text("…0142")).to_be_visible()
            await serving.shoot(v, f"reached-code-{size}")
            assert "0142" not in v.page.url
            await v.page.get_by_label("The code that was sent to you").fill(re.findall(r"\d{6}", texts.to("+15185550142")[0])[0])
            await v.press("Enter")
            await expect(v.page.get_by_text("By text, …0142")).to_be_visible()
            await serving.shoot(v, f"reached-done-{size}")
            await v.go("/on-call")
            await expect(v.page.get_by_text("by text", exact=True).first).to_be_visible()
            await serving.shoot(v, f"reached-roster-{size}")
            await v.go(f"/patients/{made.client}/risk")
            await serving.shoot(v, f"reached-risk-{size}")
