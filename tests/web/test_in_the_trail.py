"""Whoever opens a page, a document, a print or a file that shows a client leaves a line about that client, under the number that the answer has (`X-Request-Id`).

Every page that people find by links in a filled clinic, and what these show and offer as files.
"""

from __future__ import annotations

import html
import re
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from urllib.parse import urlencode, urljoin, urlsplit

import asyncpg
import httpx
import pytest

from bench.walking import LEAVES, Answer, pages, route_of, walk
from sojourn.app import application
from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.cli import riverbend
from sojourn.doors.staff.words import full_name
from sojourn.fhir import codec
from sojourn.gate.signinrules import starting_rule
from sojourn.record.sql import body
from sojourn.web.about import About
from sojourn.web.outbound import Outbound
from tests.conftest import Cluster
from tests.filled import AFTERNOON, Filled, filled
from tests.leaks.posting import forms
from tests.web.test_queries import PEOPLE
from tests.web.test_url_table import ROWS

FILES = {r.path for r in ROWS if "POST" in r.methods and r.path.endswith(("/export", "/file"))}
"""What is posted and comes back as a file."""
UNOPENED: dict[str, str] = {}
"""Pages of a chart, prints and files to which no link leads in this clinic, and which test opens each."""
_SHOWN = re.compile(r'(?:src|formaction|href)="(/[^"#]+)"')


@pytest.fixture(scope="module")
async def house(cluster: Cluster, template: str) -> AsyncIterator[Filled]:
    """The sample organization, smaller, with all that its people did."""
    async with filled(cluster, template) as made:
        yield made


async def clients(house: Filled) -> dict[str, set[str]]:
    """Of each client how a page may name them: by id, and by the name that nobody else has."""
    rows = await house.owner.fetch(f"SELECT v.id, {body('v')} AS body FROM record.resource r JOIN record.version v USING (tenant, seq) WHERE r.tenant = 1 AND r.type = 'Patient'")  # noqa: S608
    named = {row["id"]: html.escape(full_name(codec.loads(house.gate.house.blobs.opened(1, row["body"])))) for row in rows}
    often = Counter(named.values())
    return {id_: {id_, *([name] if often[name] == 1 and ", " in name else [])} for id_, name in named.items()}


class Looking:
    """Somebody who opens things, and what each left in the trail."""

    def __init__(self, who: str, client: httpx.AsyncClient, owner: asyncpg.Connection[asyncpg.Record], known: dict[str, set[str]]) -> None:
        self.who, self.client, self.owner = who, client, owner
        self.words = {word: id_ for id_, words in known.items() for word in words}
        self.any = re.compile("|".join(map(re.escape, sorted(self.words, key=len, reverse=True))))
        self.silent: dict[str, set[str]] = defaultdict(set)
        self.opened: set[str] = set()
        self.pictures: set[str] = set()
        self.offers: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {}
        self.shown = 0

    async def get(self, address: str) -> Answer:
        """Open an address."""
        answer = await self.client.get(address)
        page = answer.text if "html" in answer.headers.get("content-type", "") else ""
        if answer.status_code == 200:
            await self._noted(address, answer)
            self.pictures |= {a for a in map(html.unescape, _SHOWN.findall(page)) if (route := route_of(a)) and "{" in route and not a.startswith(LEAVES)}
            for route, offer in forms(address, page):
                if route in FILES:
                    self.offers.setdefault(route, (urlsplit(urljoin(address, offer.address)).path, offer.fields))
        return Answer(answer.status_code, page)

    async def post(self, address: str, fields: tuple[tuple[str, str], ...], token: str) -> httpx.Response:
        """Ask for a file."""
        answer = await self.client.post(address, content=urlencode([("csrf", token), *fields]), headers={"content-type": "application/x-www-form-urlencoded"})
        if answer.status_code == 200:
            await self._noted(address, answer)
        return answer

    async def _noted(self, address: str, answer: httpx.Response) -> None:
        route = route_of(address) or address
        self.opened.add(route)
        rows = await self.owner.fetch("SELECT patients FROM record.audit WHERE request = $1 AND account = $2", answer.headers["x-request-id"], self.who)
        lines = {p for row in rows for p in row["patients"]}
        text = answer.content.decode("utf-8", "replace")
        told = {self.words[m] for m in self.any.findall(text)} | {p for p in address.split("/") if p in self.words}
        self.shown += len(told)
        self.silent[route] |= told - lines
        if "html" not in answer.headers.get("content-type", "") and "{" in route and not lines:
            self.silent[route].add("whoever it is about")


async def test_whatever_shows_a_client_leaves_a_line_about_that_client(house: Filled) -> None:
    app, known = application(house.gate, About(), Outbound([])), await clients(house)
    silent: dict[str, set[str]] = defaultdict(set)
    opened, shown = set[str](), 0
    with clock.using(FakeClock(AFTERNOON)):
        for who in PEOPLE:
            begun = await house.gate.identity.begin(house.gate.house.tenants[riverbend.TENANT], who, starting_rule("staff", AFTERNOON.date()), door="staff", methods=("password",))
            assert begun is not None
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1", cookies={"sojourn": begun.token}) as client:
                looking = Looking(who, client, house.owner, known)
                await walk(looking.get, each=1)
                for address in sorted(looking.pictures):
                    if route_of(address) not in looking.opened:
                        await looking.get(address)
                token = re.findall(r'name="csrf" value="([^"]+)"', (await client.get("/today")).text)[0]
                for address, fields in looking.offers.values():
                    await looking.post(address, fields, token)
                opened, shown = opened | looking.opened | looking.offers.keys(), shown + looking.shown
                for route, some in looking.silent.items():
                    silent[route] |= {f"{who}: {one}" for one in some}
    assert {route: sorted(some)[:5] for route, some in silent.items() if some} == {}
    assert shown > 500, "hardly anybody was shown"
    needed = {p for p in pages() if p.startswith("/patients/{id}") or p.endswith(("/print", "/copy", "/content", "/bundle", "/packet", "/pages/{page}", "/files/{n}"))} | FILES
    assert needed - opened == set(UNOPENED), sorted((needed - opened) ^ set(UNOPENED))
