"""What was agreed with a partner: the register, the alarm when one falls silent, the agreement that ends; told to who answers for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bench.walking import counted
from sojourn.base import clock, errors
from sojourn.base.clock import FakeClock
from sojourn.care.exchange import watching
from sojourn.duties import DUTIES, Doing
from sojourn.gate.clockwork import Clockwork
from sojourn.gate.exchange import agreed
from sojourn.gate.exchange.agreed import Agreed
from sojourn.record import organization
from sojourn.record.database import Dsn
from tests.care.reported import house, visitor
from tests.doors.hl7v2.lab import LAB, code, done, listener, oru, registered, sent
from tests.people import MH, SUD, A, Clinic, patient
from tests.web.real import HASH

STAFF = (("ivy", "integration-manager", (SUD, MH, 3)), ("ivo", "integration-manager", (MH,)), ("adam", "administrator", (MH,)))
NY = ZoneInfo("America/New_York")
FRIDAY = datetime(2026, 3, 6, 20, tzinfo=UTC)  # three in the afternoon in New York
AGREED = {
    "data": "Results of orders", "purpose": "TREAT", "gives": "treatment", "answers": "ivy", "kind": "qsoa", "where": "Folder 7", "begins": "2026-01-01", "ends": "2026-12-31", "tested": "2026-02-03",
    "result": "Both ways", "every": "2", "unit": "hours", "weekdays": "",
}  # fmt: skip


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    async with house(database) as made:
        for account, role, programs in STAFF:
            row = organization.AccountRow(account, "staff", account, account.title(), HASH, f"Practitioner/{account}", role, list(programs), programs[-1], [])
            await organization.account(made.owner, A, row, clock.now())
        yield made


async def rounds(clinic: Clinic) -> int:
    """What the clock does about partners, by a process that was started just now."""
    return await watching.run(await Clockwork(clinic.gate).access(A))


async def test_the_register_keeps_what_was_agreed_and_shows_it(clinic: Clinic) -> None:
    await registered(clinic.gate)
    ivy = await visitor(clinic, "ivy")
    path = "/exchange/partners/cedar/agreed"
    assert "Adam" in (await ivy.get(path)).text, "whoever looks after messages may answer"
    for wrong in ({"ends": "2025-12-31"}, {"answers": "nurse"}, {"every": "x"}, {"every": "91", "unit": "days"}, {"tested": "2199-01-01"}, {"kind": ""}, {"begins": "soon"}):
        assert (await ivy.post(path, {**AGREED, **wrong})).status_code == 422, wrong
    assert (await ivy.post(path, AGREED)).status_code == 303
    page = (await ivy.get("/exchange/partners/cedar")).text
    for words in ("Results of orders", "Treatment, under HIPAA", "Ivy", "Qualified service organization agreement", "Folder 7", "3 Feb 2026: Both ways", "every 2 hours"):
        assert words in page, words
    for page in (path, "/exchange", "/exchange/partners/cedar", "/today"):
        with counted() as asked:
            await ivy.get(page)
        assert len(asked) <= 12, page
    nurse = await visitor(clinic, "nurse")
    assert [(await nurse.get(p)).status_code for p in (path, "/exchange/partners/nobody/agreed")] == [403, 403]


async def test_a_partner_who_falls_silent_is_told_once_to_who_answers_until_something_comes(clinic: Clinic) -> None:
    await clinic.make("sys-mh", patient())
    await registered(clinic.gate, program=MH, agreed=agreed.facts(Agreed(answers="ivy", every=2, counted=clock.now())))
    begin = clock.now()
    now = FakeClock(begin)
    with clock.using(now):
        assert await rounds(clinic) == 0
        now.set(begin + timedelta(hours=2, seconds=1))
        assert await rounds(clinic) == 1
        assert await rounds(clinic) == 0, "once for each silence, whoever looks"
        ivy, ivo, adam = [await visitor(clinic, who) for who in ("ivy", "ivo", "adam")]
        assert "Nothing comes from a partner" in (await ivy.get("/today")).text
        for other in (ivo, adam, await visitor(clinic, "nurse")):
            assert "Nothing comes from" not in (await other.get("/today")).text
        desk = (await ivo.get("/exchange")).text
        assert "Cedar Ridge Laboratory is silent. Nothing came for 2 hours; something is expected every 2 hours. Ivy answers for it." in desk
        door = listener(clinic.gate)
        assert code(await sent(door, oru())) == "AA"
        await done(door, clinic.gate)
        assert "is silent" not in (await ivo.get("/exchange")).text
        assert await rounds(clinic) == 1
        assert "Nothing comes from" not in (await ivy.get("/today")).text
        now.set(begin + timedelta(hours=5))
        await Doing(clinic.gate, tuple(d for d in DUTIES if d.name == "partners")).round()
        rows = await clinic.owner.fetch("SELECT kind, closed = 'infinity' AS open FROM record.exchange_alarm ORDER BY began")
        assert [tuple(r) for r in rows] == [("silent", False), ("silent", True)], "a new silence is a new alarm"
        ivy = await visitor(clinic, "ivy")
        await ivy.get("/exchange/partners/cedar")
        assert (await ivy.post("/exchange/partners/cedar/state", {"state": "stopped", "why": "Their server moves."})).status_code == 303
        assert await rounds(clinic) == 1, "who was stopped is not silent"
        assert (await ivy.post("/exchange/partners/cedar/state", {"state": "active", "why": "It has moved."})).status_code == 303
        assert await rounds(clinic) == 0


async def test_messages_that_nothing_does_are_told_once_to_who_answers_until_they_are_done(clinic: Clinic) -> None:
    await clinic.make("sys-mh", patient())
    await registered(clinic.gate, program=MH, agreed=agreed.facts(Agreed(answers="ivy")))
    begin = clock.now()
    now = FakeClock(begin)
    with clock.using(now):
        door = listener(clinic.gate)
        assert code(await sent(door, oru("M1"))) == "AA"
        assert await rounds(clinic) == 0, "it has just come"
        now.set(begin + timedelta(minutes=15, seconds=1))
        assert await rounds(clinic) == 1
        assert code(await sent(door, oru("M2"))) == "AA"
        now.set(begin + timedelta(minutes=40))
        assert await rounds(clinic) == 0, "once, however many come meanwhile"
        ivy, ivo = await visitor(clinic, "ivy"), await visitor(clinic, "ivo")
        assert "Messages wait to be done and nothing does them" in (await ivy.get("/today")).text
        assert "Messages wait to be done" not in (await ivo.get("/today")).text
        assert "the oldest for 40 minutes: late" in (await ivo.get("/exchange")).text
        await done(door, clinic.gate)
        assert await rounds(clinic) == 1
        assert "Messages wait to be done" not in (await (await visitor(clinic, "ivy")).get("/today")).text


async def test_an_agreement_is_told_thirty_days_before_it_ends(clinic: Clinic) -> None:
    begin = clock.now()
    ends = begin.astimezone(NY).date() + timedelta(days=40)
    await registered(clinic.gate, agreed=agreed.facts(Agreed(kind="qsoa", ends=ends)))
    now = FakeClock(begin)
    with clock.using(now):
        assert await rounds(clinic) == 0
        now.set(begin + timedelta(days=10))
        assert await rounds(clinic) == 1
        ivo = await visitor(clinic, "ivo")
        assert "An agreement with a partner ends" in (await ivo.get("/today")).text, "nobody answers for it, so everybody who looks after messages is told"
        assert "ends " in (await ivo.get("/exchange")).text
        now.set(begin + timedelta(days=41))
        assert await rounds(clinic) == 0
        ivo = await visitor(clinic, "ivo")
        assert "An agreement with a partner is over" in (await ivo.get("/today")).text


def test_hours_of_a_weekend_do_not_count_where_that_was_agreed() -> None:
    day = Agreed(every=24, counted=FRIDAY)
    assert agreed.expected(day, None, NY) == (FRIDAY, FRIDAY + timedelta(hours=24))
    on_weekdays = Agreed(every=24, weekdays=True, counted=FRIDAY)
    assert agreed.expected(on_weekdays, None, NY) == (FRIDAY, datetime(2026, 3, 9, 19, tzinfo=UTC)), "Monday at three in the afternoon, an hour earlier by UTC: the clocks went forward on Sunday"
    saturday = FRIDAY + timedelta(days=1)
    assert agreed.expected(on_weekdays, saturday, NY) == (saturday, datetime(2026, 3, 10, 4, tzinfo=UTC)), "what came on Saturday counts from Monday on"
    assert agreed.expected(Agreed(), FRIDAY, NY) is None


def test_a_rhythm_is_counted_since_it_was_agreed_and_anew_for_who_goes_on() -> None:
    before = Agreed(every=4, counted=FRIDAY)
    later = FRIDAY + timedelta(days=3)
    same = agreed.checked(Agreed(every=4), before, (), later.date(), later)
    assert same.counted == FRIDAY
    assert agreed.checked(Agreed(every=3), before, (), later.date(), later).counted == later
    assert agreed.of(agreed.begun_again(agreed.facts(before), later)).counted == later
    assert agreed.begun_again({}, later) == {}
    assert agreed.of(agreed.facts(Agreed(ends=date(2026, 5, 1)))).ends == date(2026, 5, 1)
    with pytest.raises(errors.Malformed, match="ends before it begins"):
        agreed.checked(Agreed(kind="baa", begins=date(2026, 2, 1), ends=date(2026, 1, 1)), before, (), later.date(), later)
    assert LAB.agreed == {}
