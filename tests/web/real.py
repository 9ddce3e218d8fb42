"""A browser without a screen over the real gate: it keeps cookies, finds the token in forms, and knows the people of the clinic."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import httpx
from starlette.applications import Starlette

from sojourn.base import clock, crypto
from sojourn.base.clock import FakeClock
from sojourn.doors.staff.routes import routes
from sojourn.record import organization
from sojourn.web.about import About
from tests.people import A, Clinic

PASSWORD = "correct horse battery staple"
HASH = crypto.hash_password(PASSWORD)
ADMIN = "administrator"


class Visitor:
    """One person at one browser."""

    def __init__(self, clinic: Clinic, host: str = "a.test", agent: str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0") -> None:
        self.app = app = Starlette(routes=routes())
        app.state.gate, app.state.about = clinic.gate, About()
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://{host}", headers={"user-agent": agent})
        self.last: Any = None

    async def get(self, path: str) -> Any:
        self.last = await self.client.get(path)
        return self.last

    async def post(self, path: str, form: dict[str, str] | None = None, *, token: str | None = None, **more: Any) -> Any:
        """Send a form with the token of the page that is open, else of one that anybody may open."""
        found = re.findall(r'name="csrf" value="([^"]+)"', self.last.text if self.last is not None else "")
        if token is None and not found:
            found = re.findall(r'name="csrf" value="([^"]+)"', (await self.client.get("/-/patterns")).text)
        self.last = await self.client.post(path, data={"csrf": token or found[0], **(form or {})}, **more)
        return self.last

    async def sign_in(self, login: str, password: str = PASSWORD, **more: str) -> Any:
        await self.get("/sign-in")
        return await self.post("/sign-in", {"login": login, "password": password, **more})

    def put(self, name: str, value: str) -> None:
        """Plant a cookie, as somebody at the same machine could."""
        self.client.cookies.set(name, value, domain=self.client.base_url.host, path="/")

    def hidden(self, name: str) -> str:
        """A hidden field of the page that is open."""
        return re.findall(rf'name="{name}" value="([^"]*)"', self.last.text)[0].replace("&#34;", '"')


def later(**step: float) -> None:
    """Let the standing clock go on."""
    now = clock._clock
    assert isinstance(now, FakeClock)
    now.advance(timedelta(**step))


async def furnish(clinic: Clinic, *, second: bool = False) -> None:
    """Everybody of the first organization has the same password; an administrator is there; a second factor is asked of all, or of nobody."""
    owner = clinic.owner
    row = organization.AccountRow(ADMIN, "staff", ADMIN, "Robin Castellanos", None, None, "administrator", [], None, [])
    await organization.account(owner, A, row, clock.now())
    await owner.execute("UPDATE record.account SET password = $1 WHERE tenant = 1 AND kind = 'staff'", HASH)
    await owner.execute(
        "INSERT INTO record.sign_in_rule (tenant, door, idle, warning, longest, fresh, second) VALUES (1, 'staff', '15 minutes', '1 minute', '12 hours', '5 minutes', $1)", second
    )
