"""A day's first minutes, by keyboard only, with axe on every page."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.async_api import Page, async_playwright, expect

from tests.web import fake

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SIZES = {"desk": (1440, 900), "telephone": (390, 844)}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="No chromium on this machine: `apt-get install chromium`, then run again."),
    pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: run `npm ci`."),
]


@pytest.fixture(scope="module")
def place() -> Iterator[str]:
    """The address of the staff app over a small record, served from a thread."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(fake.app(), host="127.0.0.1", port=port, log_level="error", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(5)


class Visit:
    """One page in one browser, and everything it complained about."""

    def __init__(self, page: Page, place: str) -> None:
        self.page, self.place = page, place
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self.complaints.append(message.text) if "Content Security Policy" in message.text or "htmx:" in message.text else None)

    async def go(self, path: str, status: int = 200) -> None:
        answer = await self.page.goto(self.place + path)
        assert answer is not None
        assert answer.status == status, path

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.page.keyboard.press(key)

    async def type(self, words: str) -> None:
        await self.page.keyboard.type(words)

    async def sign_in(self) -> None:
        """With the keyboard, from wherever a stranger is sent."""
        await self.page.locator("#login").focus()
        await self.type("dana")
        await self.press("Tab")
        await self.type(fake.PASSWORD)
        await self.press("Enter")

    async def is_sound(self) -> None:
        """No violation, nothing wider than the screen, no error in the console. axe enters past the page's own policy."""
        session = await self.page.context.new_cdp_session(self.page)
        await session.send("Runtime.evaluate", {"expression": AXE.read_text("utf-8")})
        run = f"axe.run(document, {{runOnly: {RULES}}}).then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html).join(' ')))"
        answer = await session.send("Runtime.evaluate", {"expression": run, "awaitPromise": True, "returnByValue": True})
        await session.detach()
        assert answer["result"]["value"] == []
        assert await self.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert self.complaints == []


@asynccontextmanager
async def visit(place: str, size: str = "desk", **cookies: str) -> AsyncIterator[Visit]:
    """A fresh browser."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        context = await browser.new_context(viewport={"width": SIZES[size][0], "height": SIZES[size][1]})
        await context.add_cookies([{"name": name, "value": value, "url": place} for name, value in cookies.items()])  # type: ignore[list-item]
        yield Visit(await context.new_page(), place)
        await browser.close()


async def test_from_signing_in_to_signing_out_by_keyboard_only(place: str) -> None:
    async with visit(place) as v:
        page = v.page
        await v.go("/patients")
        await expect(page).to_have_url(f"{place}/sign-in?next=/patients")
        await v.is_sound()
        await v.sign_in()
        await expect(page).to_have_url(f"{place}/patients")
        await expect(page.locator("#q")).to_be_focused()
        await v.type("riv ana")
        await expect(page.locator("[data-row]")).to_have_count(1)
        await expect(page.locator("#live")).to_have_text("1 patient")
        await v.is_sound()
        await v.press("ArrowDown", "Enter")
        await expect(page).to_have_url(f"{place}/patients/ana")
        await expect(page.locator("h1")).to_have_text("Rivera, Ana Lucía")
        await v.is_sound()
        await v.press("Control+k")
        await expect(page.locator("[role=option]").first).to_have_attribute("aria-selected", "true")
        await v.type("meas")
        await expect(page.locator("[role=option]")).to_have_count(1)
        await v.is_sound()
        await v.press("Enter")
        await expect(page).to_have_url(f"{place}/patients/ana/measures")
        await v.is_sound()
        await v.press("m")
        await expect(page).to_have_url(f"{place}/patients/ana/medications")
        await v.press("g", "p")
        await expect(page).to_have_url(f"{place}/patients")
        await page.locator("header .menu summary").focus()
        await v.press("Enter")
        await page.get_by_role("button", name="Sign out").focus()
        await v.press("Enter")
        await expect(page).to_have_url(f"{place}/")
        await expect(page.locator("#toasts")).to_contain_text("You are signed out.")
        await v.is_sound()


async def test_a_palette_finds_a_patient_from_anywhere(place: str) -> None:
    async with visit(place) as v:
        await v.go("/sign-in?next=/patients/bare")
        await v.sign_in()
        await expect(v.page.locator("h1")).to_have_text("Quill, Jo")
        await v.press("/")
        await expect(v.page.locator("#palette-input")).to_be_focused()
        await v.type("riv ana")
        await expect(v.page.locator("[role=option][aria-selected=true]")).to_contain_text("Rivera, Ana")
        await v.press("Enter")
        await expect(v.page).to_have_url(f"{place}/patients/ana")


async def test_single_keys_can_be_turned_off(place: str) -> None:
    async with visit(place, keys="off") as v:
        await v.go("/sign-in?next=/patients/ana")
        await v.sign_in()
        await expect(v.page).to_have_url(f"{place}/patients/ana")
        await v.press("m", "?", "/")
        await expect(v.page).to_have_url(f"{place}/patients/ana")
        await expect(v.page.locator("dialog[open]")).to_have_count(0)
        await v.press("Control+k")
        await expect(v.page.locator("#palette")).to_be_visible()


async def test_theme_and_density_change_at_once_and_stay(place: str) -> None:
    async with visit(place) as v:
        await v.go("/")
        await v.page.locator("header .menu summary").click()
        await v.page.get_by_role("button", name="Dark").click()
        await v.page.get_by_role("button", name="Comfortable").click()
        await expect(v.page.locator("html")).to_have_attribute("data-theme", "dark")
        await v.go("/-/patterns")
        await expect(v.page.locator("html")).to_have_attribute("data-theme", "dark")
        await expect(v.page.locator("html")).to_have_attribute("data-density", "comfortable")


async def test_a_list_goes_on_with_show_more(place: str) -> None:
    async with visit(place) as v:
        await v.go("/sign-in?next=/patients")
        await v.sign_in()
        await expect(v.page.locator("[data-row]")).to_have_count(40)
        await v.page.get_by_role("button", name="Show more").click()
        await expect(v.page.locator("[data-row]")).to_have_count(80)
        await v.is_sound()


async def test_a_server_that_cannot_be_reached_is_said_so(place: str) -> None:
    async with visit(place) as v:
        await v.go("/sign-in?next=/patients")
        await v.sign_in()
        await expect(v.page.locator("[data-row]")).to_have_count(40)
        await v.page.context.set_offline(True)
        await v.type("x")
        await expect(v.page.locator("#toasts")).to_contain_text("The server cannot be reached.")


STYLES: list[dict[str, Any]] = [
    {"size": "desk", "theme": "light", "density": "compact"},
    {"size": "desk", "theme": "dark", "density": "comfortable"},
    {"size": "telephone", "theme": "dark", "density": "compact"},
    {"size": "telephone", "theme": "light", "density": "comfortable"},
]


@pytest.mark.parametrize("style", STYLES, ids=lambda s: "-".join(s.values()))
async def test_every_page_is_sound_in_every_style(place: str, style: dict[str, str]) -> None:
    async with visit(place, **style) as v:
        for path in ("/", "/sign-in", "/developers", "/-/patterns"):
            await v.go(path)
            await v.is_sound()
        await v.go("/sign-in?next=/patients")
        await v.press("Tab")
        await v.page.locator("main button.primary").click()
        await expect(v.page.locator(".summary")).to_be_focused()
        await v.is_sound()
        await v.sign_in()
        await expect(v.page).to_have_url(f"{place}/patients")
        parts = ("problems", "medications", "measures", "encounters", "allergies", "care-team", "coverage")
        charts = [f"/patients/{id_}" for id_ in ("ana", "long", "bare")]
        for path in ("/", "/patients", *charts, *(f"/patients/ana/{part}" for part in parts), "/patients/long/allergies"):
            await v.go(path)
            await v.is_sound()
        await v.go("/patients/nobody", status=404)
        await v.is_sound()
        await v.go("/patients/long")
        for open_it in (v.page.locator("header .menu summary"), v.page.locator(".why summary")):
            await open_it.click()
            await v.is_sound()
            await v.press("Escape")
        await v.press("?")
        await v.is_sound()
