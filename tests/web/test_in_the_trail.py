"""Whoever opens a page, a document, a print or a file about a client leaves a line about that client, under the number that the answer has (`X-Request-Id`).

From the table of routes: each that takes an id is opened by somebody who may, as people find it by links in a filled clinic, and a line of theirs names
whom it showed; or it stands here with the reason why it is about nobody, or with the test that opens it. A new route does neither and fails.
"""

from __future__ import annotations

import html
import re
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode, urljoin, urlsplit

import asyncpg
import httpx
import pytest

from bench.walking import LEAVES, Answer, route_of, walk
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
from tests.web.test_url_table import ROWS

PEOPLE = ("dana", "okafor", "priya", "robin", "tess")
"""A therapist and a psychiatrist, a privacy officer, an administrator, a technician."""
FILES = {r.path for r in ROWS if "POST" in r.methods and r.path.endswith(("/export", "/file"))}
"""What is posted and comes back as a file."""
OUR_OWN = "how the organization works: no page of it is about a client"
OUTSIDE_THE_CHART = "names in it whom it shows by name (tests/web/test_incidents.py), and stands in no chart"
ABOUT_NOBODY = {
    "/accounts/{account}": OUR_OWN, "/roles/{role}": OUR_OWN, "/apps/{app}": OUR_OWN, "/credentials/{practitioner}": OUR_OWN, "/schedule/availability/{who}": OUR_OWN, "/orders/catalog/{panel}": OUR_OWN,
    "/forms/{form}": OUR_OWN, "/forms/{form}/edit": OUR_OWN, "/forms/{form}/export": OUR_OWN, "/measures/{instrument}": OUR_OWN, "/notes/templates/{template}": OUR_OWN, "/exchange/partners/{partner}": OUR_OWN,
    "/exchange/partners/{partner}/agreed": OUR_OWN, "/exchange/partners/{partner}/bench": OUR_OWN, "/exchange/partners/{partner}/cds": OUR_OWN, "/exchange/partners/{partner}/contracts": OUR_OWN,
    "/exchange/partners/{partner}/direct": OUR_OWN, "/exchange/partners/{partner}/errands/{errand}": OUR_OWN, "/exchange/partners/{partner}/fhir": OUR_OWN, "/exchange/partners/{partner}/sending": OUR_OWN,
    "/exchange/partners/{partner}/sftp": OUR_OWN, "/exchange/partners/{partner}/ways": OUR_OWN,
    "/exchange/partners/{partner}/files": "names no file and nobody (tests/web/test_sftp.py)", "/exchange/messages/{message}": "an envelope, which names nobody (tests/web/test_exchange.py)",
    "/exchange/messages/{message}/content": "here of a message that matched nobody; of others tests/web/test_sftp.py and test_direct.py", "/exchange/messages/{message}/file": "the same",
    "/tray/{paper}": "nobody knows yet whose it is", "/tray/{paper}/pages/{page}": "the same", "/reports/{report}/tile": "counts, and names nobody (decision 48)",
    "/notes/{note}": "leads on to the note in its chart", "/desk/emergencies/{emergency}": "here of one that found nobody; of others tests/web/test_emergency.py",
    "/incidents/{incident}": OUTSIDE_THE_CHART, "/incidents/{incident}/print": OUTSIDE_THE_CHART, "/incidents/draft/{key}": OUTSIDE_THE_CHART, "/incidents/actions/{action}": OUTSIDE_THE_CHART,
    "/incidents/notices/{name}": "says that a report waits, not about whom", "/notices/{name}": "says that something waits, not about whom",
}  # fmt: skip
"""Where no line names a client, and why."""
ELSEWHERE = {
    "/exchange/messages/{message}/files/{n}": "web/test_direct.py", "/patients/{id}/consents/{consent}/form": "web/test_consents.py", "/patients/{id}/consents/{consent}/sign": "web/test_consents.py",
    "/patients/{id}/notes/write/{key}": "web/test_notes.py", "/patients/{id}/notes/write/{key}/keep": "web/test_notes.py", "/patients/{id}/notes/write/{key}/preview": "web/test_notes.py",
    "/patients/{id}/papers/{document}/move": "web/test_papers.py", "/patients/{id}/papers/{document}/reconcile": "web/test_summaries.py",
    "/patients/{id}/orders/{order}/result": "web/test_tests_here.py", "/patients/{id}/outside/{ask}": "doors/mhd/test_pages.py", "/releases/{disclosure}": "web/test_release.py", "/releases/{disclosure}/print": "web/test_release.py",
    "/requests/release/{task}/documents/{document}/pages/{page}": "web/test_releasing.py", "/requests/release/{task}/packet": "web/test_releasing.py", "/requests/release/{task}/packet/pages/{page}": "web/test_releasing.py",
}  # fmt: skip
"""What there is only after an act, and the test that opens it and asks for the line."""
BESIDE = {
    "/patients/{id}/cards": ("/patients/{id}", "{}/cards"), "/patients/{id}/incident": ("/patients/{id}", "{}/incident"), "/patients/{id}/message": ("/patients/{id}", "{}/message"),
    "/patients/{id}/risk/plan/print": ("/patients/{id}/risk/plan", "{}/print"), "/patients/{id}/orders/{order}/print": ("/patients/{id}/orders/{order}", "{}/print"),
    "/patients/{id}/documents/{document}/client": ("/patients/{id}/documents/{document}", "{}/client"), "/patients/{id}/forms/{form}/client": ("/patients/{id}/forms/{form}", "{}/client"),
    "/desk/reports/{id}": ("/desk/why/{id}", "/desk/reports/{last}"), "/desk/reports/{id}/{rule}": ("/desk/why/{id}", "/desk/reports/{last}/hipaa"), "/desk/labels/{type}/{id}": ("/desk/why/{id}", "/desk/labels/Patient/{last}"),
}  # fmt: skip
"""What no link of these people leads to (a form, a fragment, a key does): of which page its address follows, and how."""
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
        self.named: set[str] = set()
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
            for path in FILES.intersection(re.findall(r'formaction="([^"]+)"', page)):
                self.offers.setdefault(path, (path, (("format", "csv"),)))
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
        if lines:
            self.named.add(route)


async def test_whatever_is_about_a_client_leaves_a_line_about_that_client(house: Filled) -> None:
    app, known = application(house.gate, About(), Outbound([])), await clients(house)
    silent: dict[str, set[str]] = defaultdict(set)
    opened, named, shown = set[str](), set[str](), 0
    with clock.using(FakeClock(AFTERNOON)):
        for who in PEOPLE:
            begun = await house.gate.identity.begin(house.gate.house.tenants[riverbend.TENANT], who, starting_rule("staff", AFTERNOON.date()), door="staff", methods=("password",))
            assert begun is not None
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1", cookies={"sojourn": begun.token}) as client:
                looking = Looking(who, client, house.owner, known)
                found = {page.route: page.address for page in await walk(looking.get, each=1)}
                beside = [how.format(found[at], last=found[at].rpartition("/")[2]) for at, how in BESIDE.values() if at in found]
                for address in [*sorted(looking.pictures), *beside]:
                    if route_of(address) not in looking.opened:
                        await looking.get(address)
                token = re.findall(r'name="csrf" value="([^"]+)"', (await client.get("/today")).text)[0]
                for address, fields in looking.offers.values():
                    await looking.post(address, fields, token)
                opened, named, shown = opened | looking.offers.keys(), named | looking.named, shown + looking.shown
                for route, some in looking.silent.items():
                    silent[route] |= {f"{who}: {one}" for one in some}
    assert {route: sorted(some)[:5] for route, some in silent.items() if some} == {}
    assert shown > 500, "hardly anybody was shown"
    wanted = {r.path for r in ROWS if "GET" in r.methods and "{" in r.path and r.needs is not None}
    assert FILES - opened == set()
    assert wanted - named - ABOUT_NOBODY.keys() <= ELSEWHERE.keys(), "opened by nobody here, or without a line that names a client"
    either = {route for route, why in ABOUT_NOBODY.items() if why.startswith("here of") or why == "the same"}  # which of them the walk comes to hangs on the day of the sample
    assert (named & ABOUT_NOBODY.keys()) - either == set(), "about somebody after all"
    assert (ABOUT_NOBODY.keys() | ELSEWHERE.keys()) - wanted == set(), "not there any more"


def test_what_is_opened_elsewhere_is_asked_for_its_line_there() -> None:
    tests = Path(__file__).parents[1]
    assert [name for name in set(ELSEWHERE.values()) if "named(" not in (tests / name).read_text("utf-8") and "SELECT patients FROM record.audit" not in (tests / name).read_text("utf-8")] == []
