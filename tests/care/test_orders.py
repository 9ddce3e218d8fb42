"""Laboratory orders: from the order sheet to the result, once; and orders that come again on days that nobody knows before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.base import errors
from sojourn.care.orders import catalog, components, ordering, reading, standing
from sojourn.care.orders.ordering import Order, Wish
from sojourn.gate.clockwork import Clockwork
from sojourn.record import organization
from sojourn.record.database import Dsn
from tests.care.labs import follow, report, reviews, value
from tests.care.risky import DAY, Ward, ward
from tests.people import MH, SUD, A

TODAY = DAY.date()


@pytest.fixture
async def day(database: Dsn) -> AsyncIterator[Ward]:
    async with ward(database, at=DAY) as made:
        nurse = (await made.clinic.make("sys-mh", {"resourceType": "Practitioner", "name": [{"family": "Nurse"}]})).id
        await organization.account(made.clinic.owner, A, organization.AccountRow("nurse", "staff", "nurse", "Nurse", None, f"Practitioner/{nurse}", "nurse", [SUD, MH], MH, []), made.clock.now())
        made.clinic.tokens["nurse"] = await made.clinic.gate.token(made.clinic.gate.house.tenants[A], "nurse")
        yield made


def wish(**more: object) -> Wish:
    return Wish(**{"panel": "cbc", "day": TODAY, "why": "Fatigue", "key": "k1", **more})  # type: ignore[arg-type]


async def one(made: Ward, id_: str, who: str = "therapist") -> Order:
    return await reading.one(await made.access(who), made.client, id_)


async def test_an_order_goes_from_the_sheet_to_its_result(day: Ward) -> None:
    access = await day.access("therapist")
    id_ = await ordering.order(access, day.client, wish())
    assert await ordering.order(await day.access("therapist"), day.client, wish()) == id_, "a double click orders once"
    ordered = await one(day, id_)
    assert (ordered.step, ordered.title, ordered.why, ordered.requester) == ("ordered", "Complete blood count", "Fatigue", day.refs["therapist"])
    assert {"system": catalog.LOINC, "code": "58410-2"} in ordered.resource["code"]["coding"]
    assert [o.id for o in await reading.mine(await day.access("nurse"))] == [id_]
    assert await reading.mine(await day.access("therapist")) == []
    with pytest.raises(errors.Conflict):
        await ordering.send(await day.access("nurse"), ordered)
    await ordering.collect(await day.access("nurse"), await one(day, id_, "nurse"), day.clock.now(), "Observed, 36 C")
    await ordering.send(await day.access("nurse"), await one(day, id_, "nurse"))
    sent = await one(day, id_)
    assert (sent.step, sent.owner) == ("sent", day.refs["therapist"])
    specimens = (await day.clinic.get(day.system, f"Specimen?patient={day.client}")).entries
    assert [s["request"][0]["reference"] for s in specimens] == [f"ServiceRequest/{id_}"]
    assert await reading.mine(await day.access("therapist")) == [], "it is not late yet"
    day.later(days=5)
    assert [o.id for o in await reading.mine(await day.access("therapist"))] == [id_]
    whole, _ = await report(day, value(day.client), title="Complete blood count", status="preliminary")
    await follow(day)
    assert (await one(day, id_)).step == "sent", "what is not all there does not answer"
    current = (await day.clinic.get(day.system, f"DiagnosticReport/{whole}")).json()
    assert (await day.clinic.put(day.system, {**current, "status": "final", "conclusion": "All there."})).status == 200
    await follow(day)
    done = await one(day, id_)
    assert (done.step, done.report) == ("answered", f"DiagnosticReport/{whole}")
    assert [r.owner for r in await reviews(day)] == [day.refs["therapist"]]


async def test_a_result_that_names_no_order_answers_none_where_two_fit(day: Ward) -> None:
    ids = [await ordering.order(await day.access("therapist"), day.client, wish(key=k, collector="lab")) for k in ("a", "b")]
    await report(day, value(day.client), title="Complete blood count")
    await follow(day)
    assert [(await one(day, i)).step for i in ids] == ["sent", "sent"]
    number = (await one(day, ids[1])).number
    await report(day, value(day.client), title="CBC", identifier=[{"value": number}])
    await follow(day)
    assert [(await one(day, i)).step for i in ids] == ["sent", "answered"]


async def test_who_may_not_order_does_not_and_nothing_is_ordered_without_a_reason(day: Ward) -> None:
    with pytest.raises(errors.Forbidden):
        await ordering.order(await day.access("nurse"), day.client, wish())
    for lacking in ({"why": ""}, {"panel": "nothing"}, {"day": TODAY - timedelta(days=1)}, {"rhythm": "hourly"}):
        with pytest.raises(errors.Malformed):
            await ordering.order(await day.access("therapist"), day.client, wish(**lacking))
    id_ = await ordering.order(await day.access("therapist"), day.client, wish())
    with pytest.raises(errors.Malformed):
        await ordering.cancel(await day.access("therapist"), await one(day, id_), " ")
    await ordering.cancel(await day.access("therapist"), await one(day, id_), "Done elsewhere")
    assert (await one(day, id_)).step == "cancelled"
    assert await reading.mine(await day.access("nurse")) == []


async def test_a_standing_order_makes_an_order_on_its_days_once_and_ends(day: Ward) -> None:
    id_ = await ordering.order(await day.access("therapist"), day.client, wish(panel="uds", rhythm="weekly"))
    made = []
    for _ in range(15):
        for _again in range(2):
            await standing.run(await Clockwork(day.clinic.gate).access(A))
        orders = await reading.of_patient(await day.access("nurse"), day.client)
        made.append(sum(o.standing == id_ for o in orders))
        day.later(days=1)
    assert made == [1] * 7 + [2] * 7 + [3]
    day.later(days=90)
    await standing.run(await Clockwork(day.clinic.gate).access(A))
    assert (await one(day, id_)).status == "completed"


@given(st.binary(min_size=4, max_size=8), st.integers(0, 400), st.sampled_from(sorted(catalog.rhythms())))
def test_the_days_of_a_rhythm_are_as_many_as_it_says_and_the_same_however_one_looks(key: bytes, length: int, name: str) -> None:
    rhythm = catalog.rhythms()[name]
    begins = date(2026, 1, 1)
    until = begins + timedelta(days=length)
    whole = standing.days(rhythm, begins, date.max, begins, until, key)
    assert whole == [d for n in range(length + 1) for d in standing.days(rhythm, begins, date.max, begins + timedelta(days=n), begins + timedelta(days=n), key)]
    rounds = (length + 1) // rhythm.days
    assert sum((d - begins).days < rounds * rhythm.days for d in whole) == rounds * rhythm.times


def test_random_days_differ_from_one_order_to_the_next() -> None:
    rhythm = catalog.rhythms()["random-weekly"]
    drawn = {tuple(standing.days(rhythm, date(2026, 1, 1), date.max, date(2026, 1, 1), date(2026, 3, 1), bytes([n]))) for n in range(20)}
    assert len(drawn) == 20


def test_a_number_is_taken_only_with_the_check_digit_that_fits() -> None:
    assert all(components.fits(c) for c in ("58410-2", "4548-4", "24357-6", "2823-3", "718-7"))
    assert not any(components.fits(c) for c in ("58410-3", "4548", "x-1", "59284-6", "1-22"))


async def test_the_organization_adds_to_the_list_and_takes_off_it(day: Ward) -> None:
    boss = await day.access("boss")
    with pytest.raises(errors.Malformed):
        await catalog.add(boss, "Vitamin D", "Serum", fasting=False, code="58410-3", source="Lab list 2026")
    with pytest.raises(errors.Malformed):
        await catalog.add(boss, "Vitamin D", "Serum", fasting=False, code="4548-4", source="")
    await catalog.add(boss, "Vitamin D", "Serum", fasting=False, code="", source="")
    listed = {p.title: p for p in await catalog.panels(await day.access("boss"))}
    await catalog.end(boss, listed["Vitamin D"])
    await catalog.end(boss, listed["Lipid panel"])
    titles = {p.title for p in await catalog.panels(await day.access("boss"))}
    assert not titles & {"Vitamin D", "Lipid panel"}
    assert "Urinalysis" in titles
    assert all(p.code == "" or p.source for p in listed.values()), "no number without a source"
