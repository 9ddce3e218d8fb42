"""What every journey needs: the staff app served over a clinic, one Chromium for the worker, visits to it, pictures where wanted."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.async_api import Browser, BrowserContext, Error, Page, Playwright, async_playwright, expect
from starlette.applications import Starlette

from sojourn.base import clock
from sojourn.doors.staff.routes import routes
from sojourn.gate.signinrules import starting_rule
from sojourn.web.about import About
from tests.people import A, Clinic

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
HOST = "a.test"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", f"--host-resolver-rules=MAP {HOST} 127.0.0.1"]  # fmt: skip
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SIZES = {"desk": (1440, 900), "telephone": (390, 844)}
TABLET = (820, 1180)
PICTURES = os.environ.get("SOJOURN_PICTURES", "")
"""A folder to keep pictures of every page in, to look at; none are kept otherwise."""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="No chromium on this machine: `apt-get install chromium`, then run again."),
    pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: run `npm ci`."),
]


expect.set_options(timeout=30_000)  # ms; a page that comes late on a busy machine is no fault, one that never comes is


class Visit:
    """One page in one browser, and everything it complained about."""

    def __init__(self, page: Page, place: str) -> None:
        self.page, self.place = page, place
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self.complaints.append(message.text) if "Content Security Policy" in message.text or "htmx:" in message.text else None)

    async def go(self, path: str, status: int = 200) -> None:
        """Open a page of the place, which must answer so."""
        answer = await self.page.goto(self.place + path)
        assert answer is not None
        assert answer.status == status, path

    async def press(self, *keys: str) -> None:
        """Keys, one after the other."""
        for key in keys:
            await self.page.keyboard.press(key)

    async def type(self, words: str) -> None:
        """Words, wherever the focus is."""
        await self.page.keyboard.type(words)

    async def is_sound(self) -> None:
        """No violation, nothing wider than the screen, no error in the console. axe enters past the page's own policy."""
        found = await self._violations()
        for _ in range(20):
            if isinstance(found, list):
                break
            await self.page.wait_for_load_state()  # the page gave way to the next one while it was looked at: look at that one
            found = await self._violations()
        assert found == [], found
        assert await self.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert self.complaints == []

    async def _violations(self) -> Any:
        """What axe finds on the page, or nothing that is a list where the page went away meanwhile."""
        session = await self.page.context.new_cdp_session(self.page)
        try:
            await session.send("Runtime.evaluate", {"expression": AXE.read_text("utf-8")})
            run = f"axe.run(document, {{runOnly: {RULES}}}).then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html).join(' ')))"
            answer = await session.send("Runtime.evaluate", {"expression": run, "awaitPromise": True, "returnByValue": True})
            await session.detach()
        except Error:
            return None
        return answer["result"].get("value")


class _One:
    """The browser of this worker: started at the first visit, closed at the end of the session (see conftest.py)."""

    playwright: Playwright | None = None
    browser: Browser | None = None


async def chromium() -> Browser:
    """The one browser of this worker. What a visit keeps (cookies, storage, cache) is in a context of its own, which goes with it."""
    if _One.browser is None or not _One.browser.is_connected():
        _One.playwright = _One.playwright or await async_playwright().start()
        _One.browser = await _One.playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    return _One.browser


async def close_chromium() -> None:
    """At the end of the session."""
    if _One.browser is not None:
        await _One.browser.close()
    if _One.playwright is not None:
        await _One.playwright.stop()
    _One.browser = _One.playwright = None


@asynccontextmanager
async def context(url: str, size: str = "desk", *, base_url: str | None = None, **cookies: str) -> AsyncIterator[BrowserContext]:
    """A browser as good as fresh, with these cookies for this address."""
    width, height = SIZES.get(size, TABLET)
    made = await (await chromium()).new_context(viewport={"width": width, "height": height}, base_url=base_url)
    if cookies:
        await made.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])
    try:
        yield made
    finally:
        await made.close()


@asynccontextmanager
async def visit(url: str, size: str = "desk", **cookies: str) -> AsyncIterator[Visit]:
    """One page in a browser as good as fresh, with these cookies."""
    async with context(url, size, **cookies) as made:
        yield Visit(await made.new_page(), url)


@asynccontextmanager
async def serving(app: Any, host: str = HOST) -> AsyncIterator[str]:
    """The address of an application, served from this loop, because the gate's connections belong to it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", lifespan="off", ws="none"))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.wait({task}, timeout=0.02)
    try:
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def serving_clinic(clinic: Clinic, host: str = HOST) -> AsyncIterator[str]:
    """The address of the staff app over a clinic."""
    app = Starlette(routes=routes())
    app.state.gate, app.state.about = clinic.gate, About()
    async with serving(app, host) as url:
        yield url


async def begun(clinic: Clinic, *accounts: str) -> dict[str, str]:
    """The cookie of each of these, who signed in with a password just now and under the rule of the organization."""
    secrets = {}
    for who in accounts:
        session = await clinic.gate.identity.begin(clinic.gate.house.tenants[A], who, starting_rule("staff", clock.now().date()), door="staff", methods=["password"])
        assert session is not None
        secrets[who] = session.token
    return secrets


async def issued(clinic: Clinic, who: str) -> str:
    """The cookie of somebody whose session lasts an hour, whatever the rule, and who proved a moment ago who they are."""
    token = await clinic.gate.identity.issue(clinic.gate.house.tenants[A], who, kind="session", door="staff", life=timedelta(hours=1))
    await clinic.owner.execute("UPDATE record.credential SET proved = $2 WHERE account = $1", who, clock.now())
    return token


async def shoot(v: Visit, name: str) -> None:
    """Look at the page: sound, and kept as a picture where somebody asked for one."""
    if PICTURES:
        size = v.page.viewport_size
        await v.page.screenshot(path=Path(PICTURES) / f"{name}-{size['width'] if size else ''}.png", full_page=True)
    await v.is_sound()
