"""Somebody at a browser who comes from an app: signs in, reads what it asks for, decides, and is sent back."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from sojourn.base import clock
from sojourn.gate.apps.registry import App
from sojourn.record import organization
from tests.doors.smart.office import BASE, Office, pkce
from tests.people import A, encounter, patient
from tests.web.real import HASH, PASSWORD

REDIRECT = "https://app.example/back"


@dataclass
class Person:
    """A browser. login: whoever sits at it."""

    office: Office
    login: str
    door: str = "portal"
    http: httpx.AsyncClient = field(init=False)
    last: httpx.Response = field(init=False)

    def __post_init__(self) -> None:
        self.http = self.office.http

    async def go(self, address: str) -> httpx.Response:
        """Open an address and follow ours."""
        self.last = await self.http.get(address)
        return await self._follow()

    async def _follow(self) -> httpx.Response:
        while self.last.status_code == 303 and self.last.headers["location"].startswith("/"):
            self.last = await self.http.get(self.last.headers["location"])
        return self.last

    def hidden(self, name: str) -> str:
        """A field of the page that is open."""
        return unescape(re.findall(rf'name="{name}" value="([^"]*)"', self.last.text)[0])

    @property
    def boxes(self) -> list[str]:
        """What can be ticked."""
        return re.findall(r'name="(give-[^"]+)" value="yes"', self.last.text)

    async def send(self, path: str, **form: str) -> httpx.Response:
        """Press a button of the page that is open."""
        said = {"csrf": self.hidden("csrf"), **form}
        if 'name="request"' in self.last.text and "request" not in form:
            said["request"] = self.hidden("request")
        self.last = await self.http.post(path, data=said)
        return await self._follow()

    async def sign_in(self, password: str = PASSWORD) -> httpx.Response:
        """By the door that is theirs."""
        if self.door == "portal":
            return await self.send("/oauth/sign-in", login=self.login, password=password)
        link = re.findall(r'href="(/sign-in\?next=[^"]+)"', self.last.text)
        if link:
            await self.go(unescape(link[0]))
        return await self.send("/sign-in", login=self.login, password=password, next=self.hidden("next"))

    async def decide(self, answer: str = "allow", without: tuple[str, ...] = ()) -> httpx.Response:
        """Allow with all ticks but some, or refuse."""
        return await self.send("/oauth/decide", answer=answer, **{box: "yes" for box in self.boxes if box not in without})

    @property
    def answer(self) -> dict[str, str]:
        """What the app was sent."""
        assert self.last.status_code == 303, self.last.text[-1500:]
        return {k: v[0] for k, v in parse_qs(urlsplit(self.last.headers["location"]).query).items()}


def wish(app: App, challenge: str, **more: str | None) -> str:
    """The address with which an app asks."""
    said: dict[str, Any] = {
        "response_type": "code", "client_id": app.id, "redirect_uri": app.redirects[0], "scope": "openid fhirUser launch/patient offline_access patient/*.rs", "state": "s1", "aud": BASE,
        "code_challenge": challenge, "code_challenge_method": "S256", "nonce": "n1", **more,
    }  # fmt: skip
    return "/oauth/authorize?" + urlencode({k: v for k, v in said.items() if v is not None})


async def be(office: Office, account: str, agent: str) -> None:
    """Let an account of the cast stand for a Patient or RelatedPerson, with a password."""
    kind = "patient" if agent.startswith("Patient/") else "proxy"
    await organization.account(office.clinic.owner, A, organization.AccountRow(account, kind, account, account, HASH, agent, kind, [], None, []), clock.now())


async def through(person: Person, app: App, *, secret: str = "", without: tuple[str, ...] = (), **more: str | None) -> dict[str, Any]:
    """The whole way: asked, signed in, allowed, and the token."""
    verifier, challenge = pkce()
    await person.go(wish(app, challenge, **more))
    if "Sign in" in person.last.text and "/oauth/decide" not in person.last.text:
        await person.sign_in()
    if "/oauth/decide" in person.last.text:
        await person.decide(without=without)
    code = person.answer["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": more.get("redirect_uri") or app.redirects[0], "code_verifier": verifier}
    async with person.office.http as http:
        reply = await http.post("/oauth/token", data=form if secret else {**form, "client_id": app.id}, auth=(app.id, secret) if secret else None)
    assert reply.status_code == 200, reply.json()
    found: dict[str, Any] = reply.json()
    return found


async def own(here: Office, login: str = "ana") -> tuple[str, Person]:
    """A patient of both programs, at their own browser."""
    p = (await here.clinic.make("sys-mh", patient())).id
    await here.clinic.make("sys-sud", encounter(p))
    await be(here, login, f"Patient/{p}")
    return p, Person(here, login)
