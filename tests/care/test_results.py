"""Results find somebody who looks at them, once, by whichever door they come, and stand until that person writes what was done."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sojourn.base import errors
from sojourn.care import tasks
from sojourn.care.results import acting, duty, reading, review
from sojourn.gate.clockwork import Clockwork
from sojourn.record.database import Dsn
from tests.care.labs import follow, found, report, reviews, value
from tests.care.risky import AWAY, DAY, NIGHT, Ward, ward
from tests.people import SUD, A


@pytest.fixture
async def day(database: Dsn) -> AsyncIterator[Ward]:
    async with ward(database, at=DAY) as made:
        yield made


async def tick(made: Ward) -> None:
    access = await Clockwork(made.clinic.gate).access(A)
    await duty.escalate(access)
    await duty.delegate(await Clockwork(made.clinic.gate).access(A))


async def test_a_result_finds_who_ordered_it_else_who_answers_for_the_client_once(day: Ward) -> None:
    order = {"resourceType": "ServiceRequest", "status": "active", "intent": "order", "code": {"text": "Potassium"}, "subject": {"reference": f"Patient/{day.client}"}, "requester": {"reference": day.refs["boss"]}}
    ordered = (await day.clinic.make(day.system, order)).id
    await report(day, value(day.client), basedOn=[{"reference": f"ServiceRequest/{ordered}"}])
    await report(day, value(day.client, 5.9, "H"))
    await follow(day)
    await follow(day)
    found_ = await reviews(day)
    assert [(r.owner, r.priority) for r in found_] == [(day.refs["boss"], "routine"), (day.refs["therapist"], "urgent")]
    assert "otassium" not in str(found_[0].resource["description"])
    mine = await reading.waiting(await day.access("therapist"), count=25)
    assert [(w.result.title, [v.said for v in w.result.values]) for w in mine.found] == [("Metabolic panel", ["5.9 mmol/L"])]
    assert (mine.total, mine.whole, mine.next) == (1, True, None)


async def test_a_value_alone_is_asked_about_and_gives_way_to_the_report_that_holds_it(day: Ward) -> None:
    await report(day, value(day.client), hours=24 * 30)
    await day.clinic.make(day.system, {**value(day.client), "category": [{"coding": [{"code": "vital-signs"}]}]})
    await follow(day)
    assert await reviews(day) == [], "neither what came with an old chart nor what is not of a laboratory"
    alone = (await day.clinic.make(day.system, value(day.client, 6.0, "H"))).id
    await follow(day)
    assert [r.focus for r in await reviews(day)] == [f"Observation/{alone}"]
    whole, _ = await report(day, result=[{"reference": f"Observation/{alone}"}])
    await follow(day)
    assert [r.focus for r in await reviews(day)] == [f"DiagnosticReport/{whole}"]


async def test_what_was_done_is_written_once_and_not_empty_and_what_follows_is_on_the_list(day: Ward) -> None:
    await report(day, value(day.client, 5.9, "H"))
    await follow(day)
    (one,) = await reviews(day, who="therapist")
    access = await day.access("therapist")
    for outcome, text in (("reviewed", ""), ("", "Looked at."), ("call", " ")):
        with pytest.raises(errors.Malformed):
            await acting.acknowledge(access, one, outcome, text)
    await acting.acknowledge(access, one, "call", "She should come tomorrow for another draw.")
    with pytest.raises((errors.Conflict, errors.VersionConflict)):
        await acting.acknowledge(await day.access("boss"), one, "reviewed", "Me too.")
    (done,) = await reviews(day, all_=True)
    assert (done.status, done.outcome, done.by, done.said) == ("completed", "call", day.refs["therapist"], "She should come tomorrow for another draw.")
    assert [w.kind for w in await tasks.mine(await day.access("therapist"))] == [review.CALL]
    await follow(day)
    assert await reviews(day) == []


async def test_a_correction_opens_it_again_and_shows_what_changed_and_nothing_else_does(day: Ward) -> None:
    whole, (part,) = await report(day, value(day.client, 5.9, "H"))
    await follow(day)
    (one,) = await reviews(day)
    await acting.acknowledge(await day.access("therapist"), one, "reviewed", "Expected.")
    current = (await day.clinic.get(day.system, f"DiagnosticReport/{whole}")).json()
    assert (await day.clinic.put(day.system, {**current, "issued": "2026-03-04T14:59:00Z"})).status == 200
    await follow(day)
    assert await reviews(day) == [], "it says the same"
    old = (await day.clinic.get(day.system, f"Observation/{part}")).json()
    assert (await day.clinic.put(day.system, {**old, "status": "corrected", "valueQuantity": {**old["valueQuantity"], "value": 6.9}, "interpretation": [{"coding": [{"code": "HH"}]}]})).status == 200
    await follow(day)
    await follow(day)
    (again,) = await reviews(day)
    assert (again.corrected, again.priority, again.focus) == (True, "stat", f"DiagnosticReport/{whole}")
    shown = await reading.one(await day.access("therapist"), day.client, again.id)
    assert ([v.said for v in shown.before[part]], [v.said for v in shown.result.values]) == (["5.9 mmol/L"], ["6.9 mmol/L"])
    await acting.acknowledge(await day.access("therapist"), again, "changed", "Sent to the emergency department.")
    put_back = (await day.clinic.get(day.system, f"Observation/{part}")).json()
    assert (await day.clinic.put(day.system, {**put_back, "valueQuantity": old["valueQuantity"], "interpretation": old["interpretation"]})).status == 200
    await follow(day)
    (third,) = await reviews(day)
    assert third.corrected, "back to what it was first is a change again"


async def test_a_critical_result_goes_from_one_to_the_next_until_somebody_acts(database: Dsn) -> None:
    async with ward(database, at=NIGHT) as made:
        await report(made, value(made.client, 7.1, "HH"))
        await follow(made)
        await tick(made)
        (one,) = await reviews(made)
        assert [(e.kind, e.step, e.who) for e in one.events[1:]] == [("skipped", "responsible", made.refs["therapist"]), ("notified", "on-call", made.refs["night"])]
        assert [w.kind for w in await tasks.mine(await made.access("night"))] == [review.NOTICE]
        made.later(minutes=10)
        await tick(made)
        assert len((await reviews(made))[0].events) == len(one.events), "not before their time is over"
        made.later(minutes=6)
        await tick(made)
        (later,) = await reviews(made)
        assert any(e.kind == "notified" and e.who == made.refs["lead"] for e in later.events) or any(e.step == "supervisor" for e in later.events)
        await acting.acknowledge(await made.access("night"), later, "called", "Reached her; on the way to the hospital.")
        made.later(minutes=90)
        await tick(made)
        for who in ("night", "boss", "lead"):
            assert await tasks.mine(await made.access(who)) == []


async def test_a_critical_result_is_on_every_list_however_many_wait_before_it(day: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (4.0, 4.1, 4.2):
        await report(day, value(day.client, number))
        await follow(day)
    for number in (7.2, 7.4, 7.6):
        await report(day, value(day.client, number, "HH"))
    await follow(day)
    who = await day.access("therapist")
    monkeypatch.setattr(reading, "_AT_ONCE", 1)  # as where more wait than are read at once
    parts = [await reading.waiting(who, count=1, everybody=everybody) for everybody in (True, False)]
    assert [([w.review.critical for w in part.found], part.total, part.whole) for part in parts] == [([True, True, True], 4, False)] * 2
    assert [len(w.result.parts) for w in parts[0].found] == [1, 1, 1]
    (last,) = (await reading.waiting(who, count=1, everybody=True, cursor=parts[0].next)).found
    assert (last.review.critical, [v.said for v in last.result.values]) == (False, ["4.0 mmol/L"])
    assert [w.review.critical for w in await reading.mine(who, count=1)] == [True, True, True]
    monkeypatch.setattr(tasks, "_AT_ONCE", 1)  # as where more work of any kind waits than a page reads at once
    assert [w.review.critical for w in await reading.mine(await day.access("therapist"), count=1)] == [True, True, True, False]


async def test_what_waits_comes_in_parts_each_once_though_somebody_looks_meanwhile(day: Ward) -> None:
    for number, flag in ((4.0, ""), (5.9, "H"), (4.2, ""), (5.6, "H")):
        await report(day, value(day.client, number, flag))
        await follow(day)
        day.later(minutes=1)
    seen, cursor = list[str](), None
    for n in range(3):
        part = await reading.waiting(await day.access("therapist"), count=1, cursor=cursor)
        seen += [v.said for w in part.found for v in w.result.values]
        assert (part.total, part.whole) == (4 - min(n, 1), True)
        if n == 0:
            await acting.acknowledge(await day.access("therapist"), part.found[0].review, "reviewed", "Expected.")
        cursor = part.next
    (rest,) = (last := await reading.waiting(await day.access("therapist"), count=1, cursor=cursor)).found
    assert [*seen, *(v.said for v in rest.result.values)] == ["5.9 mmol/L", "5.6 mmol/L", "4.0 mmol/L", "4.2 mmol/L"]
    assert last.next is None
    for who, everybody in (("boss", False), ("therapist", True)):
        with pytest.raises(errors.Malformed):
            await reading.waiting(await day.access(who), count=1, everybody=everybody, cursor=cursor)


async def test_what_waits_for_somebody_who_is_away_is_handed_on(day: Ward) -> None:
    await report(day, value(day.client, 5.9, "H"))
    await follow(day)
    await day.put(AWAY, "therapist", 48)
    await tick(day)
    (one,) = await reviews(day)
    assert one.owner == day.refs["boss"]
    assert "away" in one.resource["note"][-1]["text"]
    await report(day, value(day.client, 5.8, "H"))
    await follow(day)
    assert [r.owner for r in await reviews(day)] == [day.refs["boss"]] * 2


async def test_what_nobody_has_is_given_to_whoever_can_have_it_some_at_a_time_and_critical_ones_at_once(day: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duty, "_SOME", 1)
    for who in ("therapist", "boss", "lead", "night"):
        await day.put(AWAY, who, 2)
    for number, flag in ((5.6, "H"), (5.7, "H"), (5.8, "H"), (7.2, "HH")):
        await report(day, value(day.client, number, flag))
        await follow(day)
        day.later(minutes=1)
    assert [r.owner for r in await reviews(day)] == [""] * 4
    day.later(hours=3)
    owned = []
    for _ in range(4):
        await duty.delegate(await Clockwork(day.clinic.gate).access(A))
        owned.append([bool(r.owner) for r in await reviews(day)])
        day.later(minutes=1)
    assert owned[0][3], "a critical one does not wait for its turn"
    assert sum(owned[0][:3]) <= 1
    assert all(owned[-1])


async def test_all_that_waits_for_somebody_who_is_away_is_handed_on_however_much_it_is(day: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duty, "_MANY", 2)
    for number in (5.9, 5.8, 5.7, 5.6, 5.5):
        await report(day, value(day.client, number, "H"))
    await follow(day)
    await day.put(AWAY, "therapist", 48)
    await tick(day)
    assert [r.owner for r in await reviews(day)] == [day.refs["boss"]] * 5


async def test_a_result_of_another_program_is_asked_about_within_it_and_nowhere_else(database: Dsn) -> None:
    async with ward(database, at=DAY, program=SUD) as made:
        before: list[Any] = await reviews(made, who="mh-clinician")
        await report(made, found(made.client, "Opiates", "Positive", "A"), title="Urine drug screen")
        await follow(made)
        (one,) = await reviews(made, who="therapist")
        assert (one.owner, one.priority) == (made.refs["therapist"], "urgent")
        assert before == await reviews(made, who="mh-clinician") == []
        away = await made.access("mh-clinician")
        assert await reading.waiting(away, count=25, everybody=True) == ([], 0, True, None)
        with pytest.raises(errors.NotFound):
            await reading.one(away, made.client, one.id)


async def test_a_result_is_as_sensitive_as_its_order_and_work_about_it_as_the_result(day: Ward) -> None:
    hiv = [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSYTHPN"}]
    order = {"resourceType": "ServiceRequest", "meta": {"security": hiv}, "status": "active", "intent": "order", "code": {"text": "A test"}, "subject": {"reference": f"Patient/{day.client}"}}
    ordered = (await day.clinic.make(day.system, order)).id
    part = (await day.clinic.make(day.system, value(day.client, basedOn=[{"reference": f"ServiceRequest/{ordered}"}]))).id
    assert (await day.clinic.get("therapist", f"Observation/{part}")).status == 404
    task = {"resourceType": "Task", "status": "requested", "intent": "order", "code": {"text": "Look"}, "for": {"reference": f"Patient/{day.client}"}, "focus": {"reference": f"Observation/{part}"}, "owner": {"reference": day.refs["therapist"]}}
    made = (await day.clinic.make(day.system, task)).id
    assert (await day.clinic.get("therapist", f"Task/{made}")).status == 404
