"""A browser without a screen, for tests: it keeps cookies and finds the token in forms."""

from __future__ import annotations

import re
import warnings
from typing import Any

from starlette.applications import Starlette

from tests.web import fake

with warnings.catch_warnings():  # its next version wants another HTTP client; this one still does
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient


class Browser:
    """Speaks to an app as a person's browser would."""

    def __init__(self, app: Starlette | None = None) -> None:
        self.app = app or fake.app()
        self.client = TestClient(self.app, follow_redirects=False, raise_server_exceptions=False)

    def get(self, path: str, **more: Any) -> Any:
        return self.client.get(path, **more)

    def post(self, path: str, form: dict[str, str] | None = None, *, page: str = "/", **more: Any) -> Any:
        """Send a form with the token of a page that was open."""
        return self.client.post(path, data={"csrf": self.token(page), **(form or {})}, **more)

    def token(self, page: str = "/") -> str:
        return re.findall(r'name="csrf" value="([^"]+)"', self.get(page).text)[0]

    def sign_in(self, login: str = "dana", password: str = fake.PASSWORD, **more: str) -> Any:
        return self.post("/sign-in", {"login": login, "password": password, **more}, page="/sign-in")

    @property
    def access(self) -> fake.Access:
        """What the gate gave to the person signed in last."""
        return list(self.app.state.gate.sessions.values())[-1]


def signed_in(login: str = "dana", record: list[dict[str, Any]] | None = None) -> Browser:
    """A browser in which somebody has signed in."""
    browser = Browser(fake.app(record))
    browser.sign_in(login)
    return browser


FRAGMENT = {"hx-request": "true", "hx-request-type": "partial"}
