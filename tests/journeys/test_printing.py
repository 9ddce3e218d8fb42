"""On paper: what is in the record and nothing that is there to be pressed or filled in, dark on white, whatever the screen's colors."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from sojourn.record.database import Dsn
from tests.care.risky import DAY, cssrs, phq9, ward
from tests.journeys import serving
from tests.journeys.serving import pytestmark

__all__ = ["pytestmark"]

TO_FILL_IN = "input:not([type=hidden]), select, textarea, button, .button, nav, dialog"


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_rooms_print_without_what_is_for_the_screen(database: Dsn, theme: str) -> None:
    async with ward(database, at=DAY) as made:
        await made.answer("phq-9", phq9(2))
        await made.answer("c-ssrs-screener", cssrs(q2=1, q4=1))
        secrets = await serving.begun(made.clinic, "therapist")
        async with serving.serving_clinic(made.clinic) as url, serving.visit(url, "desk", sojourn=secrets["therapist"], theme=theme) as v:
            chart = f"/patients/{made.client}"
            for path in (chart, f"{chart}/risk", f"{chart}/notes", f"{chart}/appointments", f"{chart}/medications", f"{chart}/all", "/today", "/schedule"):
                await v.page.emulate_media(media="screen")
                await v.go(path)
                asked = v.page.locator(TO_FILL_IN).filter(visible=True)
                await expect(asked.first).to_be_visible()
                await v.page.emulate_media(media="print")
                assert await asked.count() == 0, (path, await asked.first.evaluate("e => e.outerHTML"))
                ink, paper = await v.page.evaluate("[getComputedStyle(document.querySelector('main')).color, getComputedStyle(document.body).backgroundColor]")
                assert sum(map(int, ink[4:-1].split(","))) < 200, (path, ink)
                assert paper in {"rgb(255, 255, 255)", "rgba(0, 0, 0, 0)"} or sum(map(int, paper[4:-1].split(","))) > 740, (path, paper)
