"""Two worlds with a clock: the same facts told in both, hidden ones in A alone; every duty and every follower run in each, and looked at.

Ids that the clock draws are ranked: they say in which order they were drawn, so that what both worlds have sorts alike in both, and they
are renamed by the order in which an answer names them. Nothing else is normalised.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sojourn import duties, listeners
from sojourn.base import clock as clocks
from sojourn.base import ids
from sojourn.base.clock import FakeClock
from sojourn.base.ids import SeededSource
from sojourn.care import consequences
from sojourn.care.scheduling import tracks
from sojourn.care.scheduling.series import Series
from sojourn.care.staffing import changing
from sojourn.care.staffing.model import AWAY, ON_CALL, SUPERVISOR, Entry
from sojourn.gate.channels import GIVEN, SMS, Message
from sojourn.gate.clockwork import Clockwork
from sojourn.gate.consequences import Consequence
from sojourn.gate.feed import Feed
from sojourn.gate.importing import Arrival, bring_in
from sojourn.record import organization
from sojourn.record.database import Dsn
from tests.care.test_calls import reached_at
from tests.doors.hl7v2.counterpart import agreed
from tests.effort import THOROUGH
from tests.leaks.clockfacts import FACTS, PHONE, Side, as_
from tests.leaks.questions import SCREEN, Question
from tests.leaks.screens import LOOKED_AT
from tests.leaks.two import IdealKey, World, asked
from tests.people import MH, SUD, A, encounter, open_clinic, patient
from tests.record.settling import settled

BEGIN = datetime(2026, 3, 4, 15, tzinfo=UTC)
"""Wednesday, ten in the morning in New York."""
MOMENTS = (
    timedelta(0),
    timedelta(minutes=11),
    timedelta(hours=3),
    timedelta(days=1),
    timedelta(days=6),
    timedelta(days=9),
    timedelta(days=760),
)
"""When the clock looks. The last is after everything that is forgotten."""
FOREVER = 5000
STAFF = {
    "mh-clinician": ("clinician", MH), "technician": ("technician", MH), "mh-officer": ("privacy-officer", MH), "mh-nurse": ("nurse", MH), "mh-lead": ("supervisor", MH), "mh-night": ("on-call", MH),
    "mh-admissions": ("admissions", MH), "mh-ur": ("utilization-reviewer", MH), "mh-director": ("director", MH),
    "sud-clinician": ("clinician", SUD), "sud-nurse": ("nurse", SUD), "sud-lead": ("supervisor", SUD), "sud-night": ("on-call", SUD), "sud-admissions": ("admissions", SUD), "sud-ur": ("utilization-reviewer", SUD),
    "sud-exchange": ("integration-manager", SUD),
}  # fmt: skip
VIEWERS = tuple(who for who, (_, program) in STAFF.items() if program == MH)
"""Everybody of the open program. No risk manager: that role is for the reports of every program (docs/incidents.md)."""
SIDES = (Side("beside", SUD, True), Side("alone", SUD, True), Side("apart", MH, True), Side("open", MH, False))
"""Hidden first, so that whoever gives way to what was there gives way to what is hidden."""
_UNTOLD = re.compile(
    r"audit|credential|checkpoint|seal|feed|follower|ticket|throttle|label_(job|sent|since)|change$|number|token|date|string|edge|factor|account|reach_time"
)
"""Tables that say that somebody looked, or how far; or follow from others."""
RANKED = re.compile(rb"zz\d{8}z{12}")


class Ranked:
    """A source whose ids rise; for what a duty draws, where one world draws more than the other."""

    def __init__(self) -> None:
        self._count = 0

    def draw(self, purpose: str, size: int) -> bytes:  # noqa: ARG002 - part of the protocol
        self._count += 1
        return (b"\x3d\x3d" + bytes(int(d) for d in f"{self._count:08}") + b"\x3d" * size)[:size]


def renamed(data: bytes) -> bytes:
    """Ranked ids by the order in which they are named."""
    names: dict[bytes, bytes] = {}
    return RANKED.sub(lambda m: names.setdefault(m[0], b"id-%d" % len(names)), data)


class Did(NamedTuple):
    """What a duty or follower did in one world: by table, how many rows it wrote, and how many more there are."""

    rows: tuple[tuple[str, int, int], ...]


class Clocked:
    """One world with its clock's accounts and followers; it remembers what each did."""

    def __init__(self, world: World, *, hidden: bool) -> None:
        self.world, self.hidden = world, hidden
        self.sides = [Side(s.name, s.program, s.hidden) for s in SIDES if hidden or not s.hidden]
        self.did: dict[tuple[int, str], Did] = {}
        self._ranked = Ranked()
        self._following = listeners.Following(world.clinic.gate)
        self._clockwork = Clockwork(world.clinic.gate)
        self._round = 0
        for n, rule in enumerate(world.clinic.gate.house.consequences):
            world.clinic.gate.house.consequences = (
                *world.clinic.gate.house.consequences[:n],
                self._watched(rule),
                *world.clinic.gate.house.consequences[n + 1 :],
            )

    def _watched(self, rule: Consequence) -> Consequence:
        async def follow(access: Any, wrote: Any) -> Any:
            made = await rule.follow(access, wrote)
            before = self.did.get((self._round, rule.name), Did(()))
            self.did[self._round, rule.name] = Did((*before.rows, ("consequence", len(made), 0))) if made else before
            return made

        return rule._replace(follow=follow)

    @contextmanager
    def ranked(self) -> Iterator[None]:
        """Ids are drawn as the clock's."""
        with clocks.using(self.world.clock), ids.using(self._ranked):
            yield

    def names(self) -> set[str]:
        """Every duty, follower and rule that there is."""
        return {*(d.name for d in (*duties.DUTIES, *duties.OUTWARD)), *(c.name for c in consequences.CONSEQUENCES), *self._following._followers}

    async def round(self, number: int) -> None:
        """What is told at a moment, and what the server does by itself then."""
        self.world.browsers.clear()
        await self.tell(number)
        await self.follow(number)
        await self.duties(number)
        await self.follow(number)

    async def tell(self, number: int) -> None:
        """The facts of a moment, hidden ones first."""
        self._round = number
        with self.world.current():
            if number == 0:
                for side in self.sides:
                    self.world.source.step(f"client {side.name}")
                    await self._client(side)
            for at, tell, apart in dict.fromkeys((f.at, f.tell, f.apart) for f in FACTS):
                if at == number:
                    for side in self.sides:
                        if side.name == "apart" and not apart:
                            continue
                        self.world.source.step(f"{number} {tell.__name__} {side.name}")
                        await tell(self.world, side)

    async def _client(self, side: Side) -> None:
        clinic = self.world.clinic
        shared = self.world.told.ids["client"]
        if side.name == "alone":
            side.made["family"] = "Quill"
            side.made["client"] = (await clinic.make(side.system, patient("Quill", telecom=PHONE))).id
        else:
            side.made["client"] = shared
        if side.name != "apart":
            await clinic.make(side.system, encounter(str(side.made["client"])))

    async def follow(self, number: int) -> None:
        """Every follower of the feed, to the end."""
        feed = Feed(self.world.clinic.gate.house.db, A)
        for _ in range(6):
            await settled(self.world.clinic.gate.house.db)
            with self.ranked():
                await feed.number()
            busy = False
            for name, handle in self._following._followers.items():
                async with self.measured(number, name):
                    while await feed.follow(name, handle):
                        busy = True
            if not busy:
                break
        with self.ranked():
            while await self._following._labels.tick(A):
                pass

    async def duties(self, number: int) -> None:
        """Every duty, in its order; the fax folder is looked at twice, as it takes what has come to rest."""
        for duty in (*duties.DUTIES, *duties.OUTWARD):
            async with self.measured(number, duty.name):
                for _ in range(2 if duty.name == "faxes" else 1):
                    await duty.run(await self._clockwork.access(A))

    def measured(self, number: int, name: str) -> Any:
        """Within: what is written is counted for this name."""
        return _Measured(self, number, name)

    async def counts(self, since: int) -> dict[str, tuple[int, int]]:
        """By table: rows written since a transaction, and rows that there are."""
        tables = [
            r["t"]
            for r in await self.world.clinic.owner.fetch("SELECT tablename AS t FROM pg_tables WHERE schemaname = 'record' ORDER BY 1")
            if not _UNTOLD.search(r["t"])
        ]
        union = " UNION ALL ".join(
            f"SELECT '{t}' AS t, count(*) FILTER (WHERE xmin::text::bigint >= {since}) AS new, count(*) AS n FROM record.{t}"
            for t in tables
        )  # noqa: S608
        return {r["t"]: (r["new"], r["n"]) for r in await self.world.clinic.owner.fetch(union)}


class _Measured:
    def __init__(self, at: Clocked, number: int, name: str) -> None:
        self._at, self._key = at, (number, name)

    async def __aenter__(self) -> None:
        self._since = int(await self._at.world.clinic.owner.fetchval("SELECT pg_current_xact_id()::text::bigint"))
        self._before = await self._at.counts(self._since)
        self._ranked = self._at.ranked()
        self._ranked.__enter__()

    async def __aexit__(self, *error: object) -> None:
        self._ranked.__exit__(*error)
        after = await self._at.counts(self._since)
        rows = tuple((t, new, n - self._before[t][1]) for t, (new, n) in after.items() if new or n != self._before[t][1])
        before = self._at.did.get(self._key, Did(()))
        self._at.did[self._key] = Did((*before.rows, *rows))


async def opened(name: str, dsn: Dsn) -> Clocked:
    """A clinic with staff of both programs, who is on call where, beds, and a client whom everybody here may know."""
    clock, source = FakeClock(BEGIN), SeededSource("clock")
    source.step("set up")
    with clocks.using(clock), ids.using(source):
        world = World(name, await open_clinic(dsn, key=IdealKey(), connections=4), clock, source)
        if name == "A":
            await world.clinic.owner.execute("SELECT setval('record.seq', 99990)")
        await _staffed(world)
        source.step("places")
        await _furnished(world)
        source.step("shared client")
        world.told.ids["client"] = (await world.clinic.make("sys-mh", patient(telecom=PHONE))).id
        source.step("where people are reached")
        for n, who in enumerate(STAFF):
            await reached_at(world.clinic, who, f"+151855501{n:02}")
        world.clinic.gate.house.channels = {SMS: Heard()}
        source.step("those outside who are told")
        await _told_outside(world)
    return Clocked(world, hidden=name == "A")


class Heard:
    """A channel that keeps what it is given: (when, words) by number."""

    problem = ""

    def __init__(self) -> None:
        self.said: dict[str, list[tuple[datetime, str, str]]] = {}

    async def send(self, message: Message) -> str:
        self.said.setdefault(message.to, []).append((clocks.now(), message.subject, message.text))
        return GIVEN

    async def look(self) -> None:
        """It works."""


def heard(at: Clocked, who: str) -> list[tuple[datetime, str, str]]:
    """What somebody was called with."""
    channel = at.world.clinic.gate.house.channels[SMS]
    assert isinstance(channel, Heard)
    return channel.said.get(f"+151855501{list(STAFF).index(who):02}", [])


async def _told_outside(world: World) -> None:
    """A partner who gets messages about visits, and an application that is told of changes: what happens waits for both, and is decided later."""
    await agreed(world.clinic, None, "Organization/receiver", "ADT^A01", "ADT^A03", "ADT^A04", "ADT^A08", "ADT^A31", "SIU^S12")
    hook = {"type": "rest-hook", "endpoint": "https://receiver.example/hook", "payload": "application/fhir+json"}
    topic = "https://sojourn.example/fhir/SubscriptionTopic/patient-data"
    await world.clinic.make("sys-mh", {"resourceType": "Subscription", "status": "requested", "reason": "A test.", "criteria": topic, "channel": hook})
    await world.clinic.owner.execute("UPDATE record.subscription SET state = 'active'")


async def _staffed(world: World) -> None:
    clinic = world.clinic
    for who, (role, program) in STAFF.items():
        row = organization.AccountRow(who, "staff", who, who.title(), None, f"Practitioner/{who}", role, [program], program, [])
        await organization.account(clinic.owner, A, row, clocks.now())
    for who in (*STAFF, "sys-mh", "sys-sud", "sys-none"):
        purpose = "HPAYMT" if who.endswith("-ur") else "TREAT"
        clinic.tokens[who] = await clinic.gate.token(clinic.gate.house.tenants[A], who, days=FOREVER, purpose=purpose)

    arrivals = [
        Arrival(
            f"t:{who}",
            None,
            {"resourceType": "Practitioner", "id": who, "active": True, "name": [{"family": who.title(), "given": ["Pat"]}]},
        )
        for who in STAFF
    ]
    arrivals += [Arrival("t:receiver", None, {"resourceType": "Organization", "id": "receiver", "name": "Lakeside Primary Care"})]
    async for _ in bring_in(await as_(world, "sys-none"), arrivals):
        pass
    entries = []
    for key in ("mh", "sud"):
        for kind, who in ((ON_CALL, "night"), (SUPERVISOR, "lead")):
            entries.append(
                Entry(
                    "",
                    "",
                    kind,
                    f"Practitioner/{key}-{who}",
                    f"Organization/{key}",
                    (),
                    BEGIN - timedelta(days=1),
                    BEGIN + timedelta(days=FOREVER),
                )
            )
        entries.append(
            Entry("", "", AWAY, f"Practitioner/{key}-clinician", None, (), BEGIN + timedelta(hours=30), BEGIN + timedelta(days=20))
        )
    await changing.add(await as_(world, "sys-none"), entries)


async def _furnished(world: World) -> None:
    make, told = world.clinic.make, world.told.ids

    async def place(name: str, code: str, within: str = "") -> str:
        part = {"partOf": {"reference": f"Location/{within}"}} if within else {}
        return (
            await make(
                "sys-none",
                {"resourceType": "Location", "name": name, "status": "active", "physicalType": {"coding": [{"code": code}]}, **part},
            )
        ).id

    room = await place("Room 1", "ro", await place("House", "wa"))
    for name in ("shared-mh", "shared-sud", *(s.name for s in SIDES)):
        told[f"bed-{name}"] = await place(f"Bed {name}", "bd", room)
    series = Series(frozenset({4}), BEGIN.time().replace(hour=9), 60, "America/New_York", BEGIN.date())
    told["group"] = await tracks.create(
        await as_(world, "sys-mh"),
        tracks.Track("", "", "Friday group", "group", series, 8, "2.1", "Organization/mh", ("Practitioner/mh-clinician",), "", True),
    )


# --- what is asked --------------------------------------------------------------------------------------------------------------

_FHIR = (
    "Task?_sort=-_lastUpdated&_count=100", "Task?status=requested,accepted,in-progress&_summary=count", "Communication", "Flag", "ClinicalImpression", "Appointment?_sort=date", "ServiceRequest", "Encounter",
    "Linkage", "DocumentReference", "Observation?_sort=-_lastUpdated", "EpisodeOfCare", "Patient", "Consent", "RiskAssessment", "ClaimResponse",
)  # fmt: skip
_OF_CLIENT = (
    "Task?patient={client}&_revinclude=Provenance:target",
    "Patient/{client}/$everything",
    "Patient/{client}/_history",
    "Task?patient={client}&_include=*",
)
EVERYWHERE = tuple(p for p in LOOKED_AT if "{" not in p)
CHART = tuple(p for p in LOOKED_AT if "{" in p and set(re.findall(r"{(\w+)", p)) == {"id"} and p.startswith("/patients/"))
INBOXES = tuple(p for p in EVERYWHERE if p in {"/today", "/tasks", "/risk", "/results", "/messages", "/authorizations", "/plans", "/admissions", "/admissions/double", "/census", "/tray", "/incidents",
                                               "/schedule/double", "/schedule/reminders", "/schedule/arrivals", "/questions", "/shift", "/emergency", "/patients"})  # fmt: skip


READERS = ("mh-clinician", "mh-director", "mh-officer")
"""Whose roles read much: they ask at the FHIR door, too. The others look at what waits for them."""


def questions(client: str, who: str, *, whole: bool) -> list[Question]:
    """What somebody looks at after the clock: what waits and what is listed each time; every page that there is, once (whole)."""
    asks = [q.format(client=client) for q in ((*_FHIR, *_OF_CLIENT) if who in READERS or THOROUGH else _FHIR[:3])]
    pages = (
        [*EVERYWHERE, *(p.replace("{id}", client) for p in CHART)]
        if whole and (who in READERS[:2] or THOROUGH)
        else [*INBOXES, f"/patients/{client}", f"/patients/{client}/plan", f"/patients/{client}/results"]
    )
    return [*(Question("GET", q) for q in asks), *(Question(SCREEN, p) for p in pages)]


async def answers(at: Clocked, who: str, asks: Sequence[Question], label: str) -> list[tuple[str, Any]]:
    """Everything that came over the wire, ranked ids renamed."""
    out = []
    for n, question in enumerate(asks):
        seen = await asked(at.world, who, f"{label} {who} {n}", question)  # type: ignore[arg-type]
        out.append(
            (
                question.url,
                [(status, tuple((k, renamed(v.encode())) for k, v in headers), renamed(data)) for status, headers, data in seen.replies],
            )
        )
    return out


def acted(a: Clocked, b: Clocked) -> set[str]:
    """The names of those that did more, or something else, where something hidden is there."""
    return {name for (number, name), did in a.did.items() if did.rows != b.did.get((number, name), Did(())).rows}
