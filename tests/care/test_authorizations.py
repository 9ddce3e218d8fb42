"""Authorizations: what signed services take of them, once each; what is unlocked or in error gives back; and who is told in time."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.base import errors
from sojourn.care import tasks
from sojourn.care.authorizations import counting, keeping, watching
from sojourn.care.authorizations.counting import Service, allocate, gaps
from sojourn.care.authorizations.model import Authorization
from sojourn.care.levels import Stay
from sojourn.care.notes import writing
from sojourn.care.notes.model import NewNote
from sojourn.care.signing import acting, documents
from sojourn.gate.access import Access
from sojourn.gate.clockwork import Clockwork
from sojourn.gate.feed import Feed
from sojourn.record import organization
from sojourn.record.database import Dsn
from tests.care.risky import DAY, Ward, ward
from tests.care.signers import at_the_screen
from tests.people import MH, SUD, A
from tests.record.settling import settled

TODAY = DAY.date()
FORM = {"payer": "Example Health Plan", "number": "A-4711", "of": "service.individual", "unit": "visits", "approved": "3", "start": "2026-03-01", "end": "2026-03-31", "obtained": "phone", "review": "2026-03-20", "contact": "Ms. Lane, 518-555-0142"}


@pytest.fixture
async def day(database: Dsn) -> AsyncIterator[Ward]:
    async with ward(database, at=DAY) as made:
        await reviewer(made)
        yield made


async def reviewer(made: Ward) -> None:
    them = (await made.clinic.make("sys-mh", {"resourceType": "Practitioner", "name": [{"family": "Reviewer"}]})).id
    row = organization.AccountRow("reviewer", "staff", "reviewer", "Reviewer", None, f"Practitioner/{them}", "utilization-reviewer", [SUD, MH], made.program, [])
    await organization.account(made.clinic.owner, A, row, made.clock.now())
    made.clinic.tokens["reviewer"] = await made.clinic.gate.token(made.clinic.gate.house.tenants[A], "reviewer", purpose="HPAYMT")


async def follow(made: Ward) -> None:
    feed = Feed(made.clinic.gate.house.db, A)
    await settled(made.clinic.gate.house.db)
    await feed.number()
    while await feed.follow("authorizations", watching.follower(Clockwork(made.clinic.gate))):
        pass


async def signed(made: Ward, days_ago: int = 0, *, who: str = "therapist", service: str = "individual", minutes: int = 50) -> str:
    """A note of a session, signed. Its id."""
    access = await at_the_screen(made.clinic, who)
    start = made.clock.now() - timedelta(days=days_ago, hours=2)
    note = NewNote(
        patient=made.client, template="dap", sections={"data": "Talked.", "assessment": "Steady.", "plan": "Again."}, start=start, stop=start + timedelta(minutes=minutes), service=service,
        modality="in-person", no_objective="The plan is being written.", risk="none", final=True,
    )  # fmt: skip
    ready = await writing.ready(access, note)
    outcome = await documents.signing(access, ready.changes, ready.document, ready.shown, service=service)
    await access.write(outcome.changes, action="sign")
    return ready.document


async def entered(made: Ward, who: str = "reviewer", **more: str) -> str:
    return await keeping.enter(await made.access(who), keeping.typed(made.client, {**FORM, **more}))


async def watch(made: Ward, who: str = "reviewer") -> watching.Watch:
    (found,) = await watching.watched(await made.access(who))
    return found


async def test_a_signed_service_takes_one_and_what_is_unlocked_gives_it_back(day: Ward) -> None:
    await entered(day)
    first, _ = await signed(day), await signed(day, 1)
    await signed(day, 2, service="group")
    await follow(day)
    found = await watch(day)
    assert (found.used, found.left, found.over, found.uncovered) == (2, 1, 0, 0)
    assert found.days(TODAY) == 28
    boss: Access = await at_the_screen(day.clinic, "boss")
    document = await documents.read(boss, first)
    if document.state != "locked":
        await acting.lock(boss, document, version=document.version)
    await follow(day)
    assert (await watch(day)).used == 2, "locking takes nothing more"
    boss = await at_the_screen(day.clinic, "boss")
    document = await documents.read(boss, first)
    await acting.unlock(boss, document, "The time is wrong.", version=document.version)
    await follow(day)
    assert (await watch(day)).used == 1
    await signed(day, 3)
    await signed(day, 4)
    await follow(day)
    last = await watch(day)
    assert (last.used, last.over, last.uncovered) == (2, 0, 0), "one was before its first day"
    for days in (0, 1, 2):
        await signed(day, days)
    await follow(day)
    beyond = await watch(day)
    assert (beyond.used, beyond.left, beyond.over) == (3, 0, 2)


async def test_who_watches_is_told_in_time_and_a_review_is_asked_for_once(day: Ward) -> None:
    id_ = await entered(day, approved="30")
    await follow(day)
    policy_ = await _rules(day)
    assert not (await watch(day)).low(policy_, TODAY)
    assert [w.authorization.id for w in await watching.watched(await day.access("therapist"))] == [id_], "the client's clinician sees it, too"
    day.clock.set(datetime(2026, 3, 18, 15, tzinfo=UTC))
    for _ in range(2):
        await watching.run(await Clockwork(day.clinic.gate).access(A))
    (asked,) = await tasks.mine(await day.access("reviewer"), kinds=[keeping.REVIEW])
    assert asked.focus == f"ClaimResponse/{id_}"
    access = await day.access("reviewer")
    a = await keeping.one(access, day.client, id_)
    await keeping.change(access, keeping.typed(day.client, {**FORM, "approved": "30", "review": "2026-04-10", "end": "2026-04-14"}, a), a)
    assert await tasks.mine(await day.access("reviewer"), kinds=[keeping.REVIEW]) == []
    await follow(day)
    day.clock.set(datetime(2026, 4, 10, 15, tzinfo=UTC))
    assert (await watch(day)).low(policy_, day.clock.now().date())
    day.clock.set(datetime(2026, 5, 20, 15, tzinfo=UTC))
    await watching.run(await Clockwork(day.clinic.gate).access(A))
    assert await watching.watched(await day.access("reviewer")) == [], "what ended long ago is off the board"


async def _rules(made: Ward) -> object:
    from sojourn.care import policies

    return await policies.of(await made.access("reviewer"))


async def test_what_is_typed_is_checked_and_one_that_does_not_hold_covers_nothing(day: Ward) -> None:
    for lacking in ({"payer": ""}, {"number": " "}, {"of": "level."}, {"of": "service.magic"}, {"approved": "some"}, {"end": "2026-02-01"}, {"obtained": "guess"}, {"start": "soon"}):
        with pytest.raises(errors.Malformed):
            keeping.typed(day.client, {**FORM, **lacking})
    with pytest.raises(errors.Forbidden):
        await entered(day, "therapist")
    key = keeping.typed(day.client, FORM)
    access = await day.access("reviewer")
    assert await keeping.enter(access, key, "k") == await keeping.enter(access, key, "k"), "a second click enters one"
    await signed(day)
    (a,) = await keeping.of_patient(access, day.client)
    assert a.payer == "Example Health Plan"
    await keeping.cancel(access, a, "Entered for somebody else")
    await follow(day)
    assert await watching.watched(await day.access("reviewer")) == []


async def test_another_programs_services_and_authorizations_are_not_there(database: Dsn) -> None:
    async with ward(database, at=DAY, program=SUD) as made:
        await reviewer(made)
        await entered(made)
        await signed(made)
        await follow(made)
        assert (await watch(made)).used == 1
        away = await made.access("mh-clinician")
        assert await watching.watched(away, mine=False) == []
        assert await keeping.of_patient(away, made.client) == []
        assert (await made.clinic.get("mh-clinician", f"Task?patient={made.client}")).entries == []


# --- pure ----------------------------------------------------------------------------------------------------------------------


def authorization(id_: str = "a", first: int = 0, last: int = 30, approved: float = 5, unit: str = "visits", of: str = "service.individual", **more: object) -> Authorization:
    scope, _, code = of.partition(".")
    base = {"id": id_, "version": "", "patient": "p", "payer": "P", "coverage": "", "number": id_, "scope": scope, "of": code, "unit": unit, "approved": approved, "start": TODAY + timedelta(days=first), "end": TODAY + timedelta(days=last), "review": None, "contact": "", "obtained": "phone", "stay": "", "note": "", "status": "active", "created": "", "labels": frozenset()}
    return Authorization(**{**base, **more})  # type: ignore[arg-type]


def service(n: int, day: int, minutes: int = 50, codes: frozenset[str] = frozenset({"service-individual"}), **more: object) -> Service:
    at = datetime(TODAY.year, TODAY.month, TODAY.day, 15, tzinfo=UTC) + timedelta(days=day)
    base = {"id": f"s{n}", "patient": "p", "day": at.date(), "at": at, "minutes": minutes, "title": "", "codes": codes, "stays": frozenset(), "levels": frozenset(), "document": f"d{n}", "labels": frozenset()}
    return Service(**{**base, **more})  # type: ignore[arg-type]


@given(st.lists(st.tuples(st.integers(-5, 40), st.integers(0, 30), st.integers(0, 6), st.sampled_from(["visits", "hours", "quarters", "days"])), max_size=4), st.lists(st.tuples(st.integers(-10, 60), st.integers(1, 120)), max_size=20), st.integers(0, 9))
def test_each_service_is_counted_once_or_listed_and_never_more_than_was_approved(kinds: list[tuple[int, int, int, str]], visits: list[tuple[int, int]], seed: int) -> None:
    held = [authorization(f"a{n}", first, first + length, approved, unit) for n, (first, length, approved, unit) in enumerate(kinds)]
    done = [service(n, day, minutes) for n, (day, minutes) in enumerate(visits)]
    counts = allocate(held, done)
    given_ = [s.id for c in counts.by.values() for s in c.covered] + [s.id for s in counts.uncovered]
    assert len(given_) == len(set(given_))
    for a in held:
        count = counts.by[a.id]
        assert 0 <= count.used <= a.approved
        assert all(a.covers(s.day) for s in count.covered)
        if a.unit == "visits":
            assert count.used + count.over == len(count.covered)
        if a.unit == "days":
            assert count.used + count.over == len({s.day for s in count.covered})
    first = min((a.start for a in held), default=date.max)
    assert {s.id for s in done} - set(given_) == {s.id for s in done if s.day < first}, "what is not counted came before everything"
    mixed = done[:]
    random.Random(seed).shuffle(mixed)
    assert allocate(held[::-1], mixed) == counts


def test_a_service_under_a_label_of_its_own_a_level_and_a_code_are_told_apart() -> None:
    assert not counting.fits(authorization(), service(1, 0, labels=frozenset({"x|PSY"})))
    assert counting.fits(authorization(), service(1, 0, codes=frozenset({"90834"})))
    assert not counting.fits(authorization(), service(1, 0, codes=frozenset({"90853"})))
    assert counting.fits(authorization(of="level.2.1"), service(1, 0, levels=frozenset({"2.1"})))
    assert not counting.fits(authorization(stay="e1"), service(1, 0, stays=frozenset({"e2"})))
    assert [counting.units(authorization(unit="quarters"), service(1, 0, m), set()) for m in (7, 8, 22, 23, 60)] == [1, 1, 1, 2, 4]


def test_days_between_two_authorizations_and_after_the_last_are_gaps_of_the_stay() -> None:
    stay = Stay("e1", "p", "2.1", "IOP", "", "", "active", "2026-01-01", "", ())
    held = [authorization("a", -20, -11, stay="e1"), authorization("b", -8, -4, stay="e1")]
    assert [((a - TODAY).days, (b - TODAY).days) for _, a, b in gaps(held, [stay], TODAY)] == [(-10, -9), (-3, 0)]
    assert gaps(held, [stay._replace(status="finished", ended="2026-02-28")], TODAY) == [("Individual therapy", TODAY - timedelta(days=10), TODAY - timedelta(days=9))]
    assert gaps([], [stay], TODAY) == []
