"""How many queries each page asks: every page of the route table that somebody can open in a filled clinic, found by following links."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator

import httpx
import pytest

from bench.walking import Answer, counted, pages, walk
from sojourn.app import application
from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.cli import riverbend
from sojourn.gate.gate import Gate
from sojourn.gate.signinrules import starting_rule
from sojourn.web.about import About
from sojourn.web.outbound import Outbound
from tests.conftest import Cluster
from tests.filled import AFTERNOON, filled

PEOPLE = ("dana", "okafor", "sam", "priya", "robin", "ivy", "tess")
"""A therapist and a psychiatrist, whose answers are redacted; a supervisor; a privacy officer; an administrator; integration; a technician."""
MOST = 12
MORE: dict[str, int] = {}
"""Pages that ask more, how many at most, and why. There are none; a new page gets no line."""
TRIES = 3
"""How often a page that asks too much is opened again, if what a process asks once is asked late. The least counts."""
REACHED = 0.75
"""The share of all pages that these people must reach by links; what the others show is made by an act (a draft, a paper, a page of it)."""


@pytest.fixture(scope="module")
async def gate(cluster: Cluster, template: str) -> AsyncIterator[Gate]:
    """The sample organization, smaller, with all that its people did."""
    async with filled(cluster, template) as made:
        yield made.gate


async def test_no_page_asks_more_than_twelve_queries(gate: Gate) -> None:
    app, most = application(gate, About(), Outbound([])), defaultdict[str, int](int)
    with clock.using(FakeClock(AFTERNOON)):
        for who in PEOPLE:
            begun = await gate.identity.begin(gate.house.tenants[riverbend.TENANT], who, starting_rule("staff", AFTERNOON.date()), door="staff", methods=("password",))
            assert begun is not None
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1", cookies={"sojourn": begun.token}) as client:

                async def get(address: str, client: httpx.AsyncClient = client) -> Answer:
                    answer = await client.get(address)
                    return Answer(answer.status_code, answer.text if "html" in answer.headers.get("content-type", "") else "")

                for page in await walk(get, each=1):
                    least = MOST * 10
                    for _ in range(TRIES):  # after it was opened once: what a process asks once is known
                        with counted() as asked:
                            await client.get(page.address)
                        least = min(least, len(asked))
                        if least <= MORE.get(page.route, MOST):
                            break
                    most[page.route] = max(most[page.route], least)
    over = {route: asked for route, asked in sorted(most.items()) if asked > MORE.get(route, MOST)}
    assert not over, f"more queries than said: {over}"
    unknown = sorted(set(pages()) - most.keys())
    assert len(unknown) <= len(pages()) * (1 - REACHED), f"no link leads to {unknown}"
