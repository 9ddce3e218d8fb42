"""Whom the organization let go while they were signed in: every screen and every form answers as it answers a stranger, to the byte, and nothing is written.

Asked twice: after an administrator did it on the page, and in a process that still remembers them, because another one was told. What is not asked
of the database would answer there from memory.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from bench.walking import Answer, walk
from sojourn.app import application
from sojourn.base import clock, ids
from sojourn.base.clock import FakeClock
from sojourn.cli import riverbend
from sojourn.gate.roles import starting_rules
from sojourn.gate.signinrules import starting_rule
from sojourn.record import organization
from sojourn.web.about import About
from sojourn.web.outbound import Outbound
from sojourn.web.session import csrf_token
from tests.alike import Alike
from tests.conftest import Cluster
from tests.filled import AFTERNOON, Filled, filled
from tests.web.test_url_table import ROWS

WHO, ADMIN = "okafor", "robin"
"""A psychiatrist of all programs, for a while with every right that a role has; an administrator."""
VISIT = "a-browser-that-was-here-before"
STRANGERS = {"throttle", "audit", "audit_key"}
"""Where it is written what strangers do at the sign-in, and that a session ended."""


@pytest.fixture(scope="module")
async def house(cluster: Cluster, template: str) -> AsyncIterator[Filled]:
    """The sample organization, with a role that may do everything."""
    async with filled(cluster, template) as made:
        rules = [(role, list(types), list(actions)) for role, types, actions in starting_rules()]
        rules += [("clinician", [type_], [action]) for type_, action in sorted({need for row in ROWS for need in row.needs or ()} | {("*", "reach:organization")})]
        await organization.role_rules(made.owner, riverbend.TENANT, rules, AFTERNOON)
        await made.gate.reload()
        with ids.using(Alike()):
            yield made


class Leaver:
    """Somebody who can be let go, and taken back to be let go again."""

    def __init__(self, house: Filled) -> None:
        self.house, self.tenant = house, house.gate.house.tenants[riverbend.TENANT]
        self.app = application(house.gate, About(), Outbound([]))
        self.stranger = self.browser()

    def browser(self, token: str = "") -> httpx.AsyncClient:
        """One that was here before; with a session, or with none."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://127.0.0.1", cookies={"visit": VISIT} | ({"sojourn": token} if token else {}))

    async def signed_in(self, who: str = WHO) -> httpx.AsyncClient:
        """At a browser of theirs, a moment ago; nothing was asked since."""
        begun = await self.house.gate.identity.begin(self.tenant, who, starting_rule("staff", AFTERNOON.date()), door="staff", methods=("password",))
        assert begun is not None
        return self.browser(begun.token)

    async def become(self, state: str) -> None:
        """By another process: this one is not told."""
        now = clock._clock
        assert isinstance(now, FakeClock)
        now.advance(timedelta(milliseconds=10))
        await self.house.owner.execute("SELECT gate.set_account_state($1, $2, $3, 'robin', 'left', $4)", self.tenant.number, WHO, state, clock.now())

    async def addresses(self) -> dict[str, str]:
        """An address of every screen that they can open: path of the route -> address."""
        browser = await self.signed_in()

        async def get(address: str) -> Answer:
            answer = await browser.get(address)
            return Answer(answer.status_code, answer.text if "html" in answer.headers.get("content-type", "") else "")

        return {found.route: found.address for found in await walk(get, each=1)}


async def sent(browser: httpx.AsyncClient, method: str, address: str, secret: str) -> tuple[Any, ...]:
    """What comes back: the status, where it leads, and every byte. secret: of the cookie from which the token of a form follows."""
    if "flash" in browser.cookies:  # that a session ended is said once, to whoever brings an old cookie
        browser.cookies.delete("flash")
    answer = await (browser.get(address) if method == "GET" else browser.post(address, data={"csrf": csrf_token(secret)}))
    challenge = answer.status_code == 200 and address.endswith("/passkey/options")  # drawn for whoever asks
    return answer.status_code, answer.headers.get("location", ""), sorted(answer.json()) if challenge else answer.text


def asks(known: dict[str, str], *, open_: bool) -> list[tuple[str, str]]:
    """(method, address) of everything that can be asked for: what they could open, and for the rest what is not there."""
    rows = [row for row in ROWS if (row.needs is None) == open_]
    return [(method, known.get(row.path) or re.sub(r"\{\w+\}", "nobody", row.path)) for row in rows for method in row.methods]


async def rows(house: Filled) -> dict[str, int]:
    """How many there are in every table."""
    tables = await house.owner.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'record' ORDER BY 1")
    return {t["tablename"]: await house.owner.fetchval(f"SELECT count(*) FROM record.{t['tablename']}") for t in tables}  # noqa: S608


async def test_whoever_was_let_go_is_a_stranger_on_every_screen(house: Filled) -> None:
    leaver = Leaver(house)
    with clock.using(FakeClock(AFTERNOON)):
        known = await leaver.addresses()
        assert len(known) > 150, "hardly anything was open before"
        theirs, admin = await leaver.signed_in(), await leaver.signed_in(ADMIN)
        assert (await theirs.get("/today")).status_code == 200
        done = await admin.post(f"/accounts/{WHO}/deactivate", data={"csrf": csrf_token(admin.cookies["sojourn"]), "reason": "left"})
        assert (done.status_code, done.headers["location"]) == (303, f"/accounts/{WHO}")
        before, odd = await rows(house), []
        inside, outside = asks(known, open_=False), asks(known, open_=True)
        got = [await sent(theirs, method, address, VISIT) for method, address in inside]
        assert await rows(house) == before, "something was written"
        got += [await sent(theirs, method, address, VISIT) for method, address in outside]
        await leaver.become("active")
        for (method, address), left in zip(inside + outside, got, strict=True):
            none = await sent(leaver.stranger, method, address, VISIT)
            if left != none:
                odd.append(f"{method} {address} {left[:2]} {none[:2]}")
        assert odd == []


async def test_a_process_that_remembers_who_was_let_go_answers_them_as_a_stranger(house: Filled) -> None:
    leaver = Leaver(house)
    with clock.using(FakeClock(AFTERNOON + timedelta(hours=1))):
        known = await leaver.addresses()
        wanted = asks(known, open_=False) + asks(known, open_=True)
        browsers = [await leaver.signed_in() for _ in wanted]  # each session is remembered by itself, and forgotten once it was asked for
        for browser in browsers[::2]:  # half of them were used a moment ago, so that the next use asks nothing of the database by itself
            assert await house.gate.session(browser.cookies["sojourn"]) is not None
        await leaver.become("deactivated")
        before, odd = await rows(house), []
        for (method, address), browser in zip(wanted, browsers, strict=True):
            secret = browser.cookies["sojourn"]
            left = await sent(browser, method, address, secret)
            # The very same as a stranger who sends it; or, where the form counted as theirs for a moment more, as one who sends a form of their own.
            none = [await sent(leaver.stranger, method, address, each) for each in (secret, VISIT)]
            if left not in none:
                odd.append(f"{method} {address} {left[:2]} {none[0][:2]} {none[1][:2]}")
        assert odd == []
        assert {table: n for table, n in (await rows(house)).items() if n != before[table] and table not in STRANGERS} == {}
