"""Signing in as people do it: passkeys, second steps, invitations, the screen that locks itself; in chromium over the real gate."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.async_api import CDPSession, expect
from starlette.applications import Starlette

from sojourn.base import crypto
from sojourn.doors.staff.routes import routes
from sojourn.gate.gate import Gate
from sojourn.record.database import Dsn
from sojourn.web.about import About
from tests import people
from tests.conftest import run_apart
from tests.gate.test_signin import code
from tests.journeys.serving import AXE, RULES, Visit, pytestmark, visit
from tests.web.real import ADMIN, PASSWORD, furnish

__all__ = ["pytestmark"]
WHO = "mh-clinician"
NEW = "seven quiet lanterns over water"
SHOTS = os.environ.get("SOJOURN_TEST_SHOTS")


def prepared(dsn: Dsn, **rule: Any) -> None:
    """Both organizations, with the cast's passwords and these changes to the rule of sessions."""

    async def make() -> None:
        clinic = await people.open_clinic(dsn)
        await furnish(clinic, second=rule.pop("second", False))
        for name, value in rule.items():
            await clinic.owner.execute(f"UPDATE record.sign_in_rule SET {name} = $1", value)
        await clinic.owner.execute("UPDATE record.tenant SET host = 'localhost', name = 'Riverbend Behavioral Health' WHERE tenant = 1")
        await people.close_clinic(clinic)

    run_apart(make())


@pytest.fixture
def place(database: Dsn, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of the staff app over the real gate. Passkeys need a name, so it is `localhost`."""
    prepared(database, **getattr(request, "param", {}))
    gate = Gate(database.app, crypto.ServerKey(b"k" * 64), Path(tempfile.mkdtemp(prefix="sj-")), base=people.BASE, connections=4)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await gate.open()
        yield
        await gate.close()

    app = Starlette(routes=routes(), lifespan=lifespan)
    app.state.gate, app.state.about = gate, About()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.02)
    yield f"http://localhost:{port}"
    server.should_exit = True
    thread.join(10)


async def sign_in(v: Visit, login: str, password: str = PASSWORD) -> None:
    await v.page.locator("#login").fill(login)
    await v.page.locator("#password").fill(password)
    await v.page.get_by_role("button", name="Sign in", exact=True).click()


async def is_sound(v: Visit, name: str, session: CDPSession | None = None) -> None:
    """axe finds nothing; with SOJOURN_TEST_SHOTS, a picture. `session`: the authenticator's, which would go with a second one that ends."""
    if SHOTS:
        size = v.page.viewport_size
        assert size is not None
        await v.page.screenshot(path=f"{SHOTS}/{name}-{size['width']}.png", full_page=True)
    if session is None:
        await v.is_sound()
        return
    await session.send("Runtime.evaluate", {"expression": AXE.read_text("utf-8")})
    run = f"axe.run(document, {{runOnly: {RULES}}}).then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html).join(' ')))"
    answer = await session.send("Runtime.evaluate", {"expression": run, "awaitPromise": True, "returnByValue": True})
    assert answer["result"]["value"] == []
    assert await v.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert v.complaints == []


async def authenticator(v: Visit) -> CDPSession:
    """A platform authenticator with user verification, as a laptop or phone has one (https://chromedevtools.github.io/devtools-protocol/tot/WebAuthn/)."""
    session = await v.page.context.new_cdp_session(v.page)
    await session.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True}
    await session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return session


async def leave(v: Visit) -> None:
    await v.page.locator("header .menu:not(.elsewhere) summary").click()
    await v.page.get_by_role("button", name="Sign out").click()
    await expect(v.page.locator("#toasts")).to_contain_text("You are signed out.")


@pytest.mark.parametrize("size", ["desk", "telephone"])
async def test_a_passkey_is_made_and_signs_in_and_confirms_without_a_password(place: str, size: str) -> None:
    async with visit(place, size) as v:
        session = await authenticator(v)
        await v.go("/sign-in")
        await is_sound(v, "sign-in", session)
        await sign_in(v, WHO)
        await expect(v.page).to_have_url(f"{place}/today")
        await v.go("/security")
        await is_sound(v, "security-empty", session)
        await v.page.get_by_role("link", name="Add a passkey").click()
        await v.page.locator("#name").fill("Work laptop")
        await is_sound(v, "passkey-new", session)
        await v.page.get_by_role("button", name="Make a passkey").click()
        await expect(v.page.locator("h1")).to_have_text("Your recovery codes")
        await expect(v.page.locator(".codes li")).to_have_count(10)
        await is_sound(v, "recovery-codes", session)
        await v.page.get_by_role("link", name="I have kept them").click()
        await expect(v.page.get_by_text("Work laptop")).to_be_visible()
        await is_sound(v, "security", session)
        await leave(v)
        await v.go("/sign-in?next=/security")
        await v.page.get_by_role("button", name="Sign in with a passkey").click()
        await expect(v.page).to_have_url(f"{place}/security")
        await expect(v.page.get_by_text("Signed in just now with passkey")).to_be_visible()
        await leave(v)
        await v.go("/sign-in?next=/security")
        await sign_in(v, WHO)
        await expect(v.page.locator("h1")).to_have_text("Second step")
        await is_sound(v, "second-step-passkey", session)
        await v.page.get_by_role("button", name="Use a passkey").click()
        await expect(v.page).to_have_url(f"{place}/security")


@pytest.mark.parametrize("place", [{"fresh": timedelta(milliseconds=1)}], indirect=True)
async def test_a_sensitive_act_is_confirmed_with_the_password(place: str) -> None:
    async with visit(place) as v:
        await v.go("/sign-in?next=/security/password")
        await sign_in(v, WHO)
        await expect(v.page.locator("h1")).to_have_text("Confirm that it is you")
        await is_sound(v, "confirm")
        await v.page.locator("#password").fill("wrong")
        await v.page.get_by_role("button", name="Confirm", exact=True).click()
        await expect(v.page.locator(".summary")).to_contain_text("That is not right")
        await is_sound(v, "confirm-wrong")


async def test_a_passkey_of_somebody_else_does_not_confirm(place: str) -> None:
    async with visit(place) as v:
        await authenticator(v)
        for who in (WHO, ADMIN):
            await v.go("/sign-in")
            await sign_in(v, who)
            await expect(v.page.locator("header .menu:not(.elsewhere)")).to_be_visible()
            if who == WHO:
                await v.go("/security/passkeys/new")
                await v.page.get_by_role("button", name="Make a passkey").click()
                await expect(v.page.locator("h1")).to_have_text("Your recovery codes")
                await leave(v)
        await v.go("/security")
        await expect(v.page.get_by_text("None yet")).to_be_visible()


async def code_of_the_second_person(u: Visit) -> str:
    """The privacy officer sets up a second step of their own, confirms, and reads the code."""
    await u.go("/sign-in?next=/accounts/confirm")
    await sign_in(u, "officer")
    await u.page.get_by_text("It cannot be scanned").click()
    await u.page.locator("#code").fill(code(re.sub(r"\s", "", await u.page.locator("code.key").inner_text())))
    await u.page.get_by_role("button", name="Go on").click()
    await u.page.get_by_role("link", name="I have kept them").click()
    await u.go("/accounts/confirm")
    await is_sound(u, "second-person")
    await u.page.get_by_role("button", name="Confirm, and give out the code").click()
    await is_sound(u, "second-person-code")
    return await u.page.locator("#code").input_value()


@pytest.mark.parametrize("place", [{"second": True}], indirect=True)
@pytest.mark.parametrize("size", ["desk", "telephone"])
async def test_somebody_is_invited_sets_a_password_and_a_second_step_and_is_in(place: str, size: str) -> None:
    async with visit(place, size) as v, visit(place, size) as w, visit(place, size) as u:
        await v.go("/sign-in")
        await sign_in(v, ADMIN)
        await expect(v.page.locator("h1")).to_have_text("Set up a second step")
        await is_sound(v, "set-up-app")
        await v.page.get_by_text("It cannot be scanned").click()
        secret = re.sub(r"\s", "", await v.page.locator("code.key").inner_text())
        await is_sound(v, "set-up-app-key")
        await v.page.locator("#code").fill("000000")
        await v.page.get_by_role("button", name="Go on").click()
        await expect(v.page.locator(".summary")).to_contain_text("That code is not right")
        await v.page.locator("#code").fill(code(secret))
        await v.page.get_by_role("button", name="Go on").click()
        await v.page.get_by_role("link", name="I have kept them").click()
        await expect(v.page.locator("h1")).to_have_text("Accounts")
        await is_sound(v, "accounts")
        await v.page.get_by_role("link", name="Invite somebody").click()
        await v.page.get_by_role("button", name="Make the invitation").click()
        await expect(v.page.locator(".summary")).to_be_focused()
        await is_sound(v, "invite-wrong")
        await v.page.locator("#name").fill("Nia Thornton")
        await v.page.locator("#login").fill("nia")
        await v.page.locator("#role").select_option("nurse")
        await v.page.get_by_label("MH").first.check()
        await v.page.locator("#acting").select_option("2")
        await is_sound(v, "invite")
        await v.page.get_by_role("button", name="Make the invitation").click()
        link = await v.page.locator("#link").input_value()
        await expect(v.page.locator("main")).to_contain_text("It waits for a second person.")
        await is_sound(v, "invitation-link")
        second = await code_of_the_second_person(u)
        await w.page.goto(link)
        await is_sound(w, "welcome")
        await w.page.locator("#code").fill(second)
        await w.page.locator("#new").fill("short")
        await w.page.locator("#again").fill("short")
        await w.page.get_by_role("button", name="Go on").click()
        await expect(w.page.locator(".summary")).to_contain_text("at least 10 characters")
        await w.page.locator("#code").fill(second)
        await w.page.locator("#new").fill(NEW)
        await w.page.locator("#again").fill(NEW)
        await w.page.get_by_role("button", name="Go on").click()
        await expect(w.page.locator("h1")).to_have_text("Set up a second step")
        await w.page.get_by_text("It cannot be scanned").click()
        theirs = re.sub(r"\s", "", await w.page.locator("code.key").inner_text())
        await w.page.locator("#code").fill(code(theirs))
        await w.page.get_by_role("button", name="Go on").click()
        await w.page.get_by_role("link", name="I have kept them").click()
        await expect(w.page).to_have_url(f"{place}/today")
        await w.go(link.removeprefix(place), status=404)
        await is_sound(w, "link-used")
        await v.page.get_by_role("link", name="Done").click()
        await expect(v.page.locator("h1")).to_have_text("Nia Thornton")
        await is_sound(v, "account")
        await v.page.locator("#reason").fill("left")
        await v.page.get_by_role("button", name="Deactivate").click()
        await expect(v.page.locator("#toasts")).to_contain_text("deactivated")
        await is_sound(v, "account-deactivated")
        await w.page.goto(f"{place}/patients")
        await w.page.goto(f"{place}/patients")
        await expect(w.page).to_have_url(f"{place}/sign-in?next=/patients")


@pytest.mark.parametrize("place", [{"idle": timedelta(seconds=7), "warning": timedelta(seconds=5)}], indirect=True)
async def test_a_screen_left_alone_warns_locks_itself_and_returns_to_the_same_place(place: str) -> None:
    async with visit(place) as v:
        await v.go("/sign-in?next=/security")
        await sign_in(v, WHO)
        await expect(v.page.locator("#leaving")).to_be_visible()
        await is_sound(v, "leaving")
        await v.page.get_by_role("button", name="Stay signed in").click()
        await expect(v.page.locator("#leaving")).to_be_hidden()
        await expect(v.page).to_have_url(f"{place}/security")
        await expect(v.page.locator("#leaving")).to_be_visible()
        await expect(v.page).to_have_url(f"{place}/sign-in?next=/security", timeout=15000)
        await expect(v.page.locator("#toasts")).to_contain_text("The screen was locked.")
        await is_sound(v, "locked")
        await v.page.go_back()
        await expect(v.page.locator("h1")).not_to_have_text("Your security")
        await v.go("/sign-in?next=/security")
        await sign_in(v, WHO)
        await expect(v.page).to_have_url(f"{place}/security")


async def test_the_screen_can_be_locked_by_hand(place: str) -> None:
    async with visit(place) as v:
        await v.go("/sign-in?next=/security")
        await sign_in(v, WHO)
        await v.page.locator("header .menu:not(.elsewhere) summary").click()
        await v.page.get_by_role("button", name="Lock the screen").click()
        await expect(v.page).to_have_url(f"{place}/sign-in?next=/security")
        await asyncio.sleep(0)
