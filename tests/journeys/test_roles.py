"""The page of roles in a browser, with axe at two widths."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.journeys.serving import SIZES, pytestmark  # noqa: F401 - the mark is pytest's
from tests.journeys.test_desk import Place, place, shoot, visit  # noqa: F401 - a fixture


@pytest.mark.parametrize("size", list(SIZES))
async def test_a_role_is_read_and_its_reach_changed(place: Place, size: str) -> None:  # noqa: F811 - the fixture
    async with visit(place, "officer", size) as v:
        await v.page.goto(f"{place.url}/roles")
        await expect(v.page.get_by_role("heading", name="Roles")).to_be_visible()
        await shoot(v, "roles")
        await v.is_sound()
        await v.page.get_by_role("link", name="Technician").click()
        await shoot(v, "role")
        await v.page.get_by_label("Every patient of the organization").check()
        await v.page.locator("#why-reach").fill("One float pool for all sites")
        await v.page.get_by_role("button", name="Save the reach").click()
        await expect(v.page.get_by_text("Saved.")).to_be_visible()
        await expect(v.page.get_by_text("One float pool for all sites")).to_be_visible()
        await v.is_sound()
