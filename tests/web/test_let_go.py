"""Whom the organization let go while they were signed in: no screen opens any more and no form does anything, though the process remembers them.

Each screen is asked with a session of its own that was good a moment before and was never asked for anything since: what is not asked of the
database would answer from memory.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from bench.walking import Answer, walk
from sojourn.app import application
from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.cli import riverbend
from sojourn.gate.signinrules import starting_rule
from sojourn.record import organization
from sojourn.web.about import About
from sojourn.web.outbound import Outbound
from sojourn.web.session import csrf_token
from tests.conftest import Cluster
from tests.filled import AFTERNOON, Filled, filled
from tests.web.test_url_table import ROWS

WHO = "okafor"
"""A psychiatrist of all programs; for a while with every right that a role has."""


@pytest.fixture(scope="module")
async def house(cluster: Cluster, template: str) -> AsyncIterator[Filled]:
    """The sample organization, with a role that may do everything."""
    async with filled(cluster, template) as made:
        every = {(type_, action) for _, action, type_ in made.gate.house.rules[riverbend.TENANT]._allowed if ":" not in action}  # noqa: SLF001
        rules = [("clinician", [type_], [action]) for type_, action in sorted({*every, ("*", "reach:organization")})]
        await organization.role_rules(made.owner, riverbend.TENANT, rules, AFTERNOON)
        await made.gate.reload()
        yield made


class Leaver:
    """Somebody who can be let go, and taken back to be let go again."""

    def __init__(self, house: Filled) -> None:
        self.house, self.tenant = house, house.gate.house.tenants[riverbend.TENANT]
        self.app = application(house.gate, About(), Outbound([]))

    async def signed_in(self) -> httpx.AsyncClient:
        """At a browser of theirs, a moment ago; nothing was asked since."""
        begun = await self.house.gate.identity.begin(self.tenant, WHO, starting_rule("staff", AFTERNOON.date()), door="staff", methods=("password",))
        assert begun is not None
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://127.0.0.1", cookies={"sojourn": begun.token})

    async def become(self, state: str) -> None:
        """By another process: this one is not told."""
        now = clock._clock  # noqa: SLF001 - one that stands still
        assert isinstance(now, FakeClock)
        now.advance(timedelta(milliseconds=10))
        await self.house.owner.execute("SELECT gate.set_account_state($1, $2, $3, 'robin', 'left', $4)", self.tenant.number, WHO, state, clock.now())

    async def after(self, method: str, address: str) -> httpx.Response:
        """What a screen answers somebody who was let go a moment ago."""
        browser = await self.signed_in()
        await self.become("deactivated")
        try:
            form = {"csrf": csrf_token(browser.cookies["sojourn"])}
            return await (browser.get(address) if method == "GET" else browser.post(address, data=form))
        finally:
            await self.become("active")


async def addresses(leaver: Leaver) -> dict[str, str]:
    """An address of every screen that they could open: path of the route -> address."""
    browser = await leaver.signed_in()

    async def get(address: str) -> Answer:
        answer = await browser.get(address)
        return Answer(answer.status_code, answer.text if "html" in answer.headers.get("content-type", "") else "")

    return {found.route: found.address for found in await walk(get, each=1)}


def is_the_way_out(answer: httpx.Response) -> bool:
    """Whether an answer leads to the sign-in (or back to where it came from, which does), says that it was not done, and nothing else."""
    where = answer.headers.get("location", "")
    return answer.status_code == 303 and (where.startswith("/sign-in") or not answer.content)


async def test_no_screen_opens_and_no_form_acts_for_somebody_who_was_let_go(house: Filled) -> None:
    leaver = Leaver(house)
    with clock.using(FakeClock(AFTERNOON)):
        known = await addresses(leaver)
        assert len(known) > 150, "hardly anything was open before"
        before = await house.owner.fetchval("SELECT count(*) FROM record.version")
        odd = []
        for row in ROWS:
            if row.needs is None:
                continue
            for method in row.methods:
                address = known.get(row.path) or re.sub(r"\{\w+\}", "nobody", row.path)
                answer = await leaver.after(method, address)
                if not is_the_way_out(answer) and not (method == "POST" and answer.status_code == 409):
                    odd.append(f"{method} {address} {answer.status_code} {answer.headers.get('location', '')}")
        assert odd == []
        assert await house.owner.fetchval("SELECT count(*) FROM record.version") == before
