"""Two servers, one story: told whole in one, and without what a viewer must not know of in the other; then the same questions to both."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256, shake_256
from random import Random
from typing import Any, NamedTuple

import httpx

from sojourn.base import clock as clocks
from sojourn.base import crypto, ids
from sojourn.base.clock import FakeClock
from sojourn.base.ids import SeededSource
from sojourn.fhir import codec
from sojourn.gate.feed import Feed
from sojourn.gate.labelfollower import follower
from sojourn.gate.labeljob import Labeller
from sojourn.record.database import Dsn
from sojourn.record.sql import body
from tests.gate.numbering import numbered
from tests.leaks import screens
from tests.leaks.questions import SCREEN, Asker, Question
from tests.leaks.rules import Viewer
from tests.leaks.story import Story, Teller
from tests.leaks.telling import Told, tell
from tests.people import BASE, BY_NAME, FAR, MH, START, SUD, A, Clinic, Reply, close_clinic, open_clinic

VIEWERS = {
    "mh-clinician": Viewer(1, frozenset({MH}), False, frozenset({"Practitioner/mh-clinician", "program:2"})),
    "technician": Viewer(1, frozenset({MH}), False, frozenset({"Practitioner/technician", "program:2"})),
    "mh-officer": Viewer(1, frozenset({MH}), False, frozenset({"Practitioner/mh-officer"}), everywhere=True),
    "both-clinician": Viewer(1, frozenset({SUD, MH, FAR}), False, frozenset({"Practitioner/both-clinician", "program:1", "program:2", "program:3"}), everywhere=True),
    "far-clinician": Viewer(1, frozenset({FAR}), False, frozenset({"Practitioner/far-clinician", "program:3"})),
    "stranger": Viewer(1, frozenset(), True, frozenset({"Organization/stranger"})),
    "tpo": Viewer(1, frozenset(), True, frozenset({"Organization/tpo"})),
    "tpo-research": Viewer(1, frozenset(), True, frozenset({"Organization/tpo"}), "HRESCH"),
    "specific": Viewer(1, frozenset(), True, frozenset({"Organization/specific"})),
    "specific-billing": Viewer(1, frozenset(), True, frozenset({"Organization/specific"}), "HPAYMT"),
    "revoked": Viewer(1, frozenset(), True, frozenset({"Organization/revoked"})),
    "expired": Viewer(1, frozenset(), True, frozenset({"Organization/expired"})),
    "other-clinician": Viewer(2, frozenset({1}), False, frozenset({"Practitioner/other-clinician", "program:1"})),
}
assert VIEWERS.keys() <= BY_NAME.keys()
OVERSEERS = frozenset({"mh-officer"})
"""Those who may read the trail: for them colleagues look around before they are asked."""
LOOKERS = ("both-clinician", "mh-clinician", "sud-clinician")
MAX_PAGES = 12


class IdealKey(crypto.ServerKey):
    """A server key that encrypts perfectly: a sealed value tells its length, and whether it is equal to an earlier one; no more. So do marks of events.

    What a real key gives differs between the worlds when what is inside differs, which nobody without the key can tell.
    """

    def __init__(self) -> None:
        super().__init__(b"k" * 64)
        self._inside: dict[str, tuple[bytes, bytes]] = {}
        self._known: dict[tuple[str, bytes, bytes], str] = {}
        self._count: dict[tuple[str, bytes], int] = {}

    def sign(self, purpose: str, data: bytes) -> bytes:
        return self.seal(purpose, sha256(data).digest()).encode() if purpose == "audit-event" else super().sign(purpose, data)

    def seal(self, purpose: str, data: bytes, context: bytes = b"") -> str:
        known = self._known.get((purpose, context, data))
        if known is None:
            n = self._count[purpose, context] = self._count.get((purpose, context), 0) + 1
            label = "\x1f".join((purpose, context.hex(), str(n), str(len(data)))).encode()
            known = base64.urlsafe_b64encode(shake_256(label).digest(len(data) + 17)).rstrip(b"=").decode()
            self._known[purpose, context, data] = known
            self._inside[known] = (context, data)
        return known

    def open(self, purpose: str, text: str, context: bytes = b"") -> bytes:
        found = self._inside.get(text)
        if found is None or found[0] != context:
            raise crypto.BadSeal
        return found[1]


class Seen(NamedTuple):
    """What one question showed, all pages of it."""

    question: Question
    replies: tuple[tuple[Any, ...], ...]


@dataclass
class World:
    """A clinic to which a story was told, with a clock and a source of ids of its own."""

    name: str
    clinic: Clinic
    clock: FakeClock
    source: SeededSource
    told: Told = field(default_factory=Told)
    browsers: dict[str, httpx.AsyncClient] = field(default_factory=dict)

    @contextmanager
    def current(self) -> Iterator[None]:
        """Ids and times are this world's."""
        with clocks.using(self.clock), ids.using(self.source):
            yield


async def world(name: str, dsn: Dsn, story: Story, viewer: Viewer | None) -> World:
    """Open a clinic and tell it the story. In A much has happened elsewhere: numbers that count it have more digits."""
    clock, source = FakeClock(START), SeededSource(story.seed)
    source.step("set up")
    with clocks.using(clock), ids.using(source):
        clinic = await open_clinic(dsn, key=IdealKey())
        made = World(name, clinic, clock, source)
        if name == "A":
            await clinic.owner.execute("SELECT setval('record.seq', 9990)")
        feed = Random(f"{story.seed} feed").choice(("behind", "after", "along"))
        made.told = await tell(story, clinic, viewer, clock, source, (lambda: labels_followed(clinic)) if feed == "along" else None)
        if feed != "behind":
            source.step("labels follow")
            await labels_followed(clinic)
    return made


async def labels_followed(clinic: Clinic) -> None:
    """Labels that came or fell with something else are in the bytes, too. Some stories end before."""
    labeller, feed = Labeller(clinic.gate), Feed(clinic.gate.house.db, A)
    for _ in range(50):
        await numbered(clinic)
        if not await feed.follow("labels", follower(labeller)):
            return
    raise AssertionError("the follower of labels does not come to rest")


async def asked(at: World, who: str, number: int, question: Question) -> Seen:
    """Put one question, follow its pages, and keep everything that came over the wire."""
    with at.current():
        at.source.step(f"question {number}")
        replies = []
        url, body, method = question.url, question.body, question.method
        if method == SCREEN:
            if who not in at.browsers:
                at.browsers[who] = await screens.browser(at.clinic.gate, who)
            replies.append(observable(await screens.shown(at.browsers[who], url)))
        for _ in range(MAX_PAGES if question.pages else method != SCREEN):
            reply = await at.clinic.ask(who, method, url, body, question.headers)
            replies.append(observable(reply))
            following = next_page(reply)
            if following is None:
                break
            url, method, body = following, "GET", None
        at.clock.advance(timedelta(seconds=1))
        return Seen(question, tuple(replies))


def observable(reply: Reply) -> tuple[Any, ...]:
    """Everything that a caller sees of an answer but the Date header, which this door does not send."""
    return (reply.status, reply.headers, reply.body)


def next_page(reply: Reply) -> str | None:
    """Where the next page is."""
    if reply.status != 200 or b'"relation":"next"' not in reply.body:
        return None
    links = codec.loads(reply.body).get("link", ())
    return next((str(link["url"]).removeprefix(BASE + "/") for link in links if link["relation"] == "next"), None)


@dataclass
class Result:
    """What came of comparing."""

    questions: int = 0
    shown: int = 0
    arrived: int = 0
    """How many things the viewer may see, and got when they asked for them by id."""
    differences: list[tuple[Seen, Seen]] = field(default_factory=list)
    withheld: list[str] = field(default_factory=list)
    """What the viewer may see and did not get."""

    @property
    def fine(self) -> bool:
        """Nothing leaked, and what is permitted arrived."""
        return not self.differences and not self.withheld


async def stored(a: World) -> list[dict[str, Any]]:
    """Every resource in world A as it is kept, current or past."""
    rows = await a.clinic.owner.fetch(f"SELECT {body('v')} AS body FROM record.version v WHERE v.tenant = 1 AND v.body IS NOT NULL ORDER BY v.seq")  # noqa: S608
    return [codec.loads(a.clinic.gate.house.blobs.opened(1, row["body"])) for row in rows]


async def compare(dsns: tuple[Dsn, Dsn], seed: str, who: str, *, size: int, count: int, stop: bool = True, apart: bool = True) -> Result:
    """Tell a story in both worlds and put the questions of one viewer to both."""
    story = Teller(seed, size, apart=apart).tell()
    a, b = await world("A", dsns[0], story, None), None
    try:
        b = await world("B", dsns[1], story, VIEWERS[who])
        if who in OVERSEERS:
            for each in (a, b):
                await looked_around(each, a, story)
        withheld, arrived = await fetched(a, who, story)
        asker = Asker(f"{seed}/{who}", story, a.told, await stored(a), VIEWERS[who])
        asker.overseer = who in OVERSEERS
        asker.staff = not VIEWERS[who].outside
        if asker.overseer:
            await fetched(b, who, story)  # what was asked in A alone would stand in the trail of A alone
        result = Result(arrived=arrived, withheld=withheld)
        for n, question in enumerate(asker.questions(count)):
            one, two = await asked(a, who, n, question), await asked(b, who, n, question)
            result.questions += 1
            result.shown += sum(reply[2].count(b'"resourceType"') for reply in one.replies if reply[0] == 200)
            if one != two or any(reply[0] >= 500 for reply in one.replies):
                result.differences.append((one, two))
                if stop:
                    break
        return result
    finally:
        await close_clinic(a.clinic)
        if b is not None:
            await close_clinic(b.clinic)


async def looked_around(at: World, a: World, story: Story) -> None:
    """Colleagues read each thing that there is in this world, and search each chart: what the trail of both worlds tells."""
    with at.current():
        for looker in LOOKERS:
            for key in a.told.ids:
                at.source.step(f"{looker} looks at {key}")
                at.clock.advance(timedelta(seconds=1))
                type_, id_ = story.things[key].fact.type, at.told.ids.get(key)
                if id_ is not None:
                    await at.clinic.get(looker, f"{type_}/{id_}")
                    if type_ == "Patient":
                        for url in (f"Condition?patient={id_}", f"Encounter?patient={id_}&_include=*", f"Patient/{id_}/_history"):
                            await at.clinic.get(looker, url)


async def fetched(a: World, who: str, story: Story) -> tuple[list[str], int]:
    """What there is in world A and may be seen by the rules said simply, asked for by its id: the keys of what is not given, and how many are."""
    gone = {step.key for step in story.steps if step.kind == "delete"}
    out, given = [], 0
    with a.current():
        for key, id_ in a.told.ids.items():
            if key not in gone and story.sees(VIEWERS[who], key):
                a.source.step(f"permit {key}")
                reply = await a.clinic.get(who, f"{story.things[key].fact.type}/{id_}")
                if reply.status not in (200, 403):  # 403: the role does not include the type
                    out.append(key)
                if reply.status == 200:
                    given += 1
                    out += lacking(codec.loads(reply.body), story, key, VIEWERS[who])
    return out, given


def lacking(shown: dict[str, Any], story: Story, key: str, viewer: Viewer) -> list[str]:
    """Which items of its lists the viewer may see by the rules said simply, and is not shown."""
    parts = story.things[key].parts
    return [f"{key}.{name}" for name, items in parts.items() for p in items if story.sees(viewer, key, p.law) and p.value not in shown.get(name, ())]


def explained(seed: str, who: str, result: Result) -> str:
    """The first difference, for a person."""
    if not result.differences:
        return f"seed {seed!r}: {who} may see and does not get {result.withheld}"
    one, two = result.differences[0]
    lines = [f"seed {seed!r}, {who} can tell the worlds apart after {result.questions} questions:", f"  {one.question}"]
    for page, (x, y) in enumerate(zip(one.replies, two.replies, strict=False)):
        if x != y:
            at = next((n for n, (p, q) in enumerate(zip(x[2], y[2], strict=False)) if p != q), min(len(x[2]), len(y[2])))
            lines += [f"  page {page}", f"    A {x[0]} {x[1]}", f"    B {y[0]} {y[1]}", f"    A …{x[2][max(0, at - 300) : at + 300]!r}", f"    B …{y[2][max(0, at - 300) : at + 300]!r}"]
            break
        if x[0] >= 500:
            lines.append(f"  page {page}: the server failed in both")
    else:
        lines.append(f"  pages: {len(one.replies)} and {len(two.replies)}")
    return "\n".join(lines)
