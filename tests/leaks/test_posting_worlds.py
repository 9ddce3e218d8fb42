"""Whatever somebody posts about what is hidden from them is answered as if there were nothing: every form of the staff app, from the routes.

Each form is sent once with a hidden id and before and after it with one that nothing has; the form of a page is sent empty, too. Status,
headers and body are the same, byte for byte but for the id that was asked for; and nothing is written.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import date
from random import Random
from typing import Any, NamedTuple
from urllib.parse import urlencode

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
from tests.conftest import Cluster
from tests.effort import SEED, THOROUGH
from tests.filled import AFTERNOON, Filled, filled
from tests.leaks.drawn import Drawn, without
from tests.leaks.posting import MADE_UP, POSTS, Known, Offer, Pairs, Row, Thing, absent, forms, known, rows, standing, stock

ROWS = rows()
TODAY = SEED or date.today().isoformat()  # noqa: DTZ011 - of the run, not of the clinic
FEW = 2
"""In CI so many people post, other ones each day; in `make test-slow` all. SOJOURN_TEST_SEED names another day."""
MOST_FORMS = 2
NAMED = {"Patient", "Encounter", "Practitioner", "Location", "Group"}
"""Kinds that stand in forms and in no path."""
NOBODY = {
    "/patients/{id}/proxies/{person}": "who may invite sees every client and who is related to them",
}
"""Where nobody who may post has anything hidden, and why."""
DRIFT = {
    "/desk/trail": "lists what was asked a moment ago; tests/leaks/test_trail_worlds.py",
    "/handover": "where it came from, sealed anew each time",
}
"""Where the same form is answered otherwise each time."""
DRIFTS = Drawn("csrf", "patient", "back", "next", "key", "tab", "refresh")
"""What differs each time a page is made."""


class Role(NamedTuple):
    """Somebody who posts. account: one of the sample's, or of our own with that role in these programs."""

    account: str
    role: str = ""
    programs: tuple[str, ...] = ()


PEOPLE = (
    Role("dana"), Role("nina"), Role("sam"), Role("front-desk", "admissions", ("mhop",)), Role("officer", "privacy-officer", ("mhop",)), Role("risk-mhop", "risk-manager", ("mhop",)),
    Role("lead", "supervisor", ("mhop",)), Role("reviewer", "utilization-reviewer", ("mhop",)), Role("ivy"),
)  # fmt: skip
"""A therapist outside the Part 2 programs, a nurse and a supervisor of two of these, and people of single roles in one program."""
WIDE = ("okafor", "priya", "adam")
"""Who sees most: pages of theirs give the forms that nobody else's do."""


class Told(NamedTuple):
    """What came of posting. drifting: what cannot be compared, on routes of DRIFT alone. written: what of the hidden was changed."""

    differ: list[str]
    drifting: list[str]
    reached: set[str]
    written: list[str]


class Asked(NamedTuple):
    """A form to send: the address and fields with something hidden, and the same with what is not there, each time another."""

    route: str
    what: str
    hidden: tuple[str, Pairs]
    ids: tuple[str, ...]
    absent: tuple[tuple[str, Pairs, tuple[str, ...]], ...]


@pytest.fixture(scope="module")
async def house(cluster: Cluster, template: str) -> AsyncIterator[Filled]:
    """The sample organization, with people of single roles in one program."""
    async with filled(cluster, template) as made:
        numbers = riverbend.program_numbers()
        for person in PEOPLE:
            if person.role:
                mine = [numbers[p] for p in person.programs]
                row = organization.AccountRow(person.account, "staff", person.account, person.account, None, f"Practitioner/{person.account}", person.role, mine, mine[0], [])
                await organization.account(made.owner, riverbend.TENANT, row, AFTERNOON)
        await stock(made.owner, numbers["sudop"], "stroud")
        yield made


async def browser(house: Filled, who: str) -> httpx.AsyncClient:
    """A browser in which this person has signed in."""
    begun = await house.gate.identity.begin(house.gate.house.tenants[riverbend.TENANT], who, starting_rule("staff", AFTERNOON.date()), door="staff", methods=("password",))
    assert begun is not None, who
    app = application(house.gate, About(), Outbound([]))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1", cookies={"sojourn": begun.token})


async def offered(client: httpx.AsyncClient) -> dict[str, list[Offer]]:
    """The forms of every page that somebody can open, one or two of each route."""
    found, shapes = defaultdict[str, list[Offer]](list), set[tuple[str, frozenset[str]]]()

    async def get(address: str) -> Answer:
        answer = await client.get(address)
        text = answer.text if "html" in answer.headers.get("content-type", "") else ""
        for route, offer in forms(address, text):
            shape = (route, frozenset(n for n, _ in offer.fields))
            if shape not in shapes and len(found[route]) < MOST_FORMS:
                shapes.add(shape)
                found[route].append(offer)
        return Answer(answer.status_code, text)

    await walk(get, each=1)
    return found


def filled_in(path: str, values: list[str]) -> str:
    """The address of a route."""
    given = iter(values)
    return re.sub(r"\{\w+\}", lambda _: next(given), path)


def paths(names: tuple[str, ...], there: Known, random: Random) -> list[tuple[str, list[Thing | str]]]:
    """What stands in the parts of a path: something hidden in the last of them or in all, with what it is called. A word stands for itself."""
    kinds = [n for n in names if not n.startswith("=")]
    if not kinds or not there.hidden.get(kinds[-1]):
        return []
    some = there.hidden[kinds[-1]]
    last = some.pop(random.randrange(len(some))) if "draft" in kinds[-1] else random.choice(some)
    out: list[tuple[str, list[Thing | str]]] = []
    first: list[tuple[str, Thing | str]] = [("alone", last)]
    if len(kinds) > 1:
        own = Thing(last.patient or last.id, "") if kinds[0] == "Patient" else random.choice(there.hidden.get(kinds[0]) or [last])
        first = [("in a hidden chart", own)]
        seen = [t.id for t in there.seen.get(kinds[0], [])]
        beside = [t for t in there.hidden[kinds[-1]] if t.patient in seen]
        if beside:
            first.append(("in a chart that they see", beside[0].patient))
        elif seen:
            first.append(("in another chart", random.choice(seen)))
    for what, at in first:
        one = beside[0] if what == "in a chart that they see" else last
        rest = iter([at, one] if len(kinds) > 1 else [one])
        out.append((what, [n[1:] if n.startswith("=") else next(rest) for n in names]))
    return out


def asked(row: Row, offers: list[Offer], there: Known, random: Random) -> list[Asked]:
    """Every form to send for one route."""
    out = []
    for n, fields in enumerate([(), *([o.fields for o in offers] or [MADE_UP])]):
        for what, parts in paths(row.names, there, random):
            ids = tuple(p.id for p in parts if isinstance(p, Thing))
            address = filled_in(row.path, [p.id if isinstance(p, Thing) else p for p in parts])
            others = []
            for _ in range(2):
                new = {id_: absent(id_, random) for id_ in ids}
                others.append((swapped(address, new), tuple((k, swapped(v, new)) for k, v in fields), tuple(new.values())))
            out.append(Asked(row.path, f"{what}, {'empty' if not n else f'form {n}'}", (address, fields), ids, tuple(others)))
    return out + [a for offer in offers for a in named(row, offer, there, random)]


def named(row: Row, offer: Offer, there: Known, random: Random) -> list[Asked]:
    """A form of a page in which an id of something stands, with something hidden of its kind in its place. The rest of the path is what they see."""
    parts = [random.choice(there.seen[n]).id if there.seen.get(n) else n[1:] if n.startswith("=") else "" for n in row.names]
    if not all(parts):
        return []
    address, fields, out = filled_in(row.path, parts) if parts else offer.address, offer.fields, []
    for at, (name, value) in enumerate(fields):
        word = next((w for w in re.findall(r"[\w.-]+", value) if w in there.types), "")
        kind = there.types.get(word, "Patient" if name in ("patient", "client") else "")
        if not kind or not there.hidden.get(kind):
            continue
        one = random.choice(there.hidden[kind]).id

        def put(id_: str, at: int = at, word: str = word) -> Pairs:
            return tuple((k, v.replace(word, id_) if word else id_) if n == at else (k, v) for n, (k, v) in enumerate(fields))

        new = [absent(one, random) for _ in range(2)]
        out.append(Asked(row.path, f"named as {name}", (address, put(one)), (one,), tuple((address, put(n), (n,)) for n in new)))
    return out[:3]


def swapped(text: str, new: dict[str, str]) -> str:
    """A text with other ids."""
    for old, other in new.items():
        text = text.replace(old, other)
    return text


def plain(answer: httpx.Response, ids: tuple[str, ...]) -> tuple[Any, ...]:
    """An answer without the ids that were asked for, and what is new with every page."""
    out = []
    for text in (*(f"{k}: {v}" for k, v in sorted(answer.headers.items()) if k not in ("date", "x-request-id", "content-length")), answer.text):
        for n, id_ in enumerate(ids):
            text = text.replace(id_, f"ID{n}")
        out.append(without("an incident's number", DRIFTS.out(text)))
    return (answer.status_code, *out)


async def send(client: httpx.AsyncClient, token: str, address: str, fields: Pairs) -> httpx.Response:
    """Post a form, as a browser does."""
    return await client.post(address, content=urlencode([("csrf", token), *fields]), headers={"content-type": "application/x-www-form-urlencoded"})


def todays() -> tuple[list[str], list[Row]]:
    """Who posts today, and where: some of both, other ones each day; everybody everywhere when there is time."""
    people, routes = [p.account for p in PEOPLE], sorted(ROWS)
    if THOROUGH:
        return people, routes
    return Random(TODAY).sample(people, FEW), routes


async def posted(house: Filled, who: str, routes: list[Row], common: dict[str, list[Offer]]) -> Told:
    """Everything that somebody may post on these routes, sent three times: about what is not there, what is hidden, and what is not there."""
    told, random = Told([], [], set(), []), Random(f"{TODAY} {who}")
    async with await browser(house, who) as client:
        own = await offered(client)
        token = re.findall(r'name="csrf" value="([^"]+)"', (await client.get("/today")).text)[0]
        access = await house.gate.session(client.cookies["sojourn"])
        assert access is not None
        there = await known(access, house.owner, {n for row in ROWS for n in row.names if not n.startswith("=")} | NAMED, random)
        watched = there._replace(hidden={kind: list(some) for kind, some in there.hidden.items()})
        before = await standing(house.owner, watched, who)
        for row in routes:
            if POSTS[row.path].open or not all(access.may(type_, action) for type_, action in POSTS[row.path].needs):
                continue
            for each in asked(row, own.get(row.path) or common.get(row.path, []), there, random):
                one, hidden, two = [plain(await send(client, token, a, f), i) for a, f, i in (each.absent[0], (*each.hidden, each.ids), each.absent[1])]
                told.reached.add(row.path)
                if hidden[0] >= 500 or hidden not in (one, two):
                    (told.differ if one == two or row.path not in DRIFT else told.drifting).append(f"{who}: {row.path}, {each.what}: {one[0]} {hidden[0]} {two[0]}\n{_first(one, hidden)}")
        after = await standing(house.owner, watched, who)
        return told._replace(written=sorted(set(after) ^ set(before)))


def _first(one: tuple[Any, ...], other: tuple[Any, ...]) -> str:
    """Where two answers begin to differ."""
    for x, y in zip(map(str, one), map(str, other), strict=False):
        if x != y:
            at = next((n for n, (p, q) in enumerate(zip(x, y, strict=False)) if p != q), min(len(x), len(y)))
            return f"  absent …{x[max(0, at - 80) : at + 160]!r}\n  hidden …{y[max(0, at - 80) : at + 160]!r}"
    return ""


async def test_what_is_posted_about_something_hidden_is_answered_as_if_there_were_nothing(house: Filled) -> None:
    people, routes = todays()
    common, reached = dict[str, list[Offer]](), set[str]()
    with clock.using(FakeClock(AFTERNOON)):
        for who in WIDE if THOROUGH else WIDE[:1]:
            async with await browser(house, who) as client:
                for route, some in (await offered(client)).items():
                    common.setdefault(route, some)
        for who in people:
            told = await posted(house, who, routes, common)
            assert not told.differ, f"SOJOURN_TEST_SEED={TODAY}\n" + "\n".join(told.differ)
            assert not told.written, f"SOJOURN_TEST_SEED={TODAY}: {who} changed something hidden: {told.written}"
            reached |= told.reached
    assert len(reached) > len(people) * 5, "hardly anything was asked"
    if THOROUGH:
        assert {r.path for r in routes if r.names} - reached == set(NOBODY)


def test_every_route_that_takes_a_form_is_written_down() -> None:
    """Whoever makes one says in posts.tsv what its path names; without names it says why none of it can be hidden."""
    written = [row.path for row in ROWS]
    assert len(written) == len(set(written)), "twice"
    assert set(POSTS) - set(written) == set(), "not written down"
    assert set(written) - set(POSTS) == set(), "not there any more"
    assert [r.path for r in ROWS if not r.names and not r.why] == []
    assert [r.path for r in ROWS if r.names and len(r.names) != len(re.findall(r"\{\w+\}", r.path))] == []
    assert [r.path for r in ROWS if POSTS[r.path].open and r.names] == []
