"""A day's first minutes, by keyboard only, with axe on every page."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from playwright.async_api import expect

from tests.journeys.serving import SIZES, Visit, pytestmark, visit
from tests.web import fake

__all__ = ["SIZES", "Visit", "pytestmark", "visit"]


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


async def sign_in(v: Visit) -> None:
    """With the keyboard, from wherever a stranger is sent."""
    await v.page.locator("#login").focus()
    await v.type("dana")
    await v.press("Tab")
    await v.type(fake.PASSWORD)
    await v.press("Enter")


async def test_from_signing_in_to_signing_out_by_keyboard_only(place: str) -> None:
    async with visit(place) as v:
        page = v.page
        await v.go("/patients")
        await expect(page).to_have_url(f"{place}/sign-in?next=/patients")
        await v.is_sound()
        await sign_in(v)
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
        await page.locator("header .menu:not(.elsewhere) summary").focus()
        await v.press("Enter")
        await page.get_by_role("button", name="Sign out").focus()
        await v.press("Enter")
        await expect(page).to_have_url(f"{place}/")
        await expect(page.locator("#toasts")).to_contain_text("You are signed out.")
        await v.is_sound()


async def test_a_palette_finds_a_patient_from_anywhere(place: str) -> None:
    async with visit(place) as v:
        await v.go("/sign-in?next=/patients/bare")
        await sign_in(v)
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
        await sign_in(v)
        await expect(v.page).to_have_url(f"{place}/patients/ana")
        await v.press("m", "?", "/")
        await expect(v.page).to_have_url(f"{place}/patients/ana")
        await expect(v.page.locator("dialog[open]")).to_have_count(0)
        await v.press("Control+k")
        await expect(v.page.locator("#palette")).to_be_visible()


async def test_theme_and_density_change_at_once_and_stay(place: str) -> None:
    async with visit(place) as v:
        await v.go("/")
        await v.page.locator("header .menu:not(.elsewhere) summary").click()
        await v.page.get_by_role("button", name="Dark").click()
        await v.page.get_by_role("button", name="Comfortable").click()
        await expect(v.page.locator("html")).to_have_attribute("data-theme", "dark")
        await v.go("/-/patterns")
        await expect(v.page.locator("html")).to_have_attribute("data-theme", "dark")
        await expect(v.page.locator("html")).to_have_attribute("data-density", "comfortable")


async def test_a_list_goes_on_with_show_more(place: str) -> None:
    async with visit(place) as v:
        await v.go("/sign-in?next=/patients")
        await sign_in(v)
        await expect(v.page.locator("[data-row]")).to_have_count(40)
        await v.page.get_by_role("button", name="Show more").click()
        await expect(v.page.locator("[data-row]")).to_have_count(80)
        await v.is_sound()


async def test_a_server_that_cannot_be_reached_is_said_so(place: str) -> None:
    async with visit(place) as v:
        await v.go("/sign-in?next=/patients")
        await sign_in(v)
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
        for path in ("/", "/sign-in", "/developers", "/developers/laboratory", "/-/patterns"):
            await v.go(path)
            await v.is_sound()
        await v.go("/sign-in?next=/patients")
        await v.press("Tab")
        await v.page.locator("main button.primary").click()
        await expect(v.page.locator(".summary")).to_be_focused()
        await v.is_sound()
        await sign_in(v)
        await expect(v.page).to_have_url(f"{place}/patients")
        parts = ("problems", "medications", "measures", "encounters", "allergies", "care-team", "coverage")
        charts = [f"/patients/{id_}" for id_ in ("ana", "long", "bare")]
        for path in ("/", "/patients", *charts, *(f"/patients/ana/{part}" for part in parts), "/patients/long/allergies"):
            await v.go(path)
            await v.is_sound()
        await v.go("/patients/nobody", status=404)
        await v.is_sound()
        await v.go("/patients/long")
        for open_it in (v.page.locator("header .menu:not(.elsewhere) summary"), v.page.locator(".why summary")):
            await open_it.click()
            await v.is_sound()
            await v.press("Escape")
        await v.press("?")
        await v.is_sound()
