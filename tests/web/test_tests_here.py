"""The page of a test that is done here, over the real gate: what is refused keeps what was typed, one click saves once, every page asks little."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sojourn.care.orders import ordering, reading
from sojourn.care.orders.ordering import Wish
from sojourn.care.results import entering
from sojourn.record.database import Dsn
from tests.care.labs import follow
from tests.care.risky import DAY, Ward, ward
from tests.care.test_tests_here import done_here, held, nurse, ordered
from tests.web.real import furnish
from tests.web.test_risk import visitor

AT = {"at": "2026-03-04T09:50", "tested": "2026-03-04T09:58"}


@pytest.fixture
async def day(database: Dsn) -> AsyncIterator[Ward]:
    async with ward(database, at=DAY) as made:
        await nurse(made)
        await done_here(made)
        await furnish(made.clinic)
        yield made


async def test_from_today_to_a_result_that_waits_for_who_ordered_it(day: Ward) -> None:
    id_ = await ordered(day)
    chart = f"/patients/{day.client}"
    seen = await visitor(day, "nurse")
    assert "A test to do here" in (await seen.get("/today")).text
    assert f'href="{chart}/orders/{id_}/result"' in (await seen.get(f"{chart}/orders/{id_}")).text
    page = await seen.get(f"{chart}/orders/{id_}/result")
    assert page.text.count("Presumptive positive") == 12
    assert day.client in await day.clinic.named(page)
    form = {
        **AT,
        "version": seen.hidden("version"),
        "key": seen.hidden("key"),
        "control": "yes",
        "lot": "L42",
        "expiry": "2026-09-30",
        "note": "36 C, observed",
        "c.cocaine": "positive",
    }
    rest = await seen.post(f"{chart}/orders/{id_}/result", {**form, "do": "negative"})
    assert rest.status_code == 200
    assert (rest.text.count('value="negative" checked'), rest.text.count('value="positive" checked'), "36 C, observed" in rest.text) == (
        11,
        1,
        True,
    )
    lacking = await seen.post(f"{chart}/orders/{id_}/result", {**form, "control": "", "comment": "Slow to develop", "do": "save"})
    assert (lacking.status_code, "Slow to develop" in lacking.text, 'value="positive" checked' in lacking.text) == (422, True, True)
    old = await seen.post(f"{chart}/orders/{id_}/result", {**form, "version": "another", "do": "save"})
    assert (old.status_code, 'value="L42"' in old.text) == (412, True)
    for _ in range(2):
        saved = await seen.post(f"{chart}/orders/{id_}/result", {**form, "do": "save"})
        assert (saved.status_code, saved.headers["location"]) == (303, f"{chart}/orders/{id_}")
    assert [r["status"] for r in await held(day, "DiagnosticReport")] == ["final"]
    assert "Correct the result" in (await seen.get(f"{chart}/orders/{id_}")).text
    await follow(day)
    them = await visitor(day, "therapist")
    assert "Cocaine Positive" in (await them.get("/results")).text
    correcting = await them.get(f"{chart}/orders/{id_}/result")
    assert "Nobody has looked at this result yet." in correcting.text


async def test_a_failed_test_says_so_and_the_order_goes_on_waiting(day: Ward) -> None:
    id_ = await ordered(day)
    page = f"/patients/{day.client}/orders/{id_}/result"
    seen = await visitor(day, "nurse")
    await seen.get(page)
    form = {**AT, "version": seen.hidden("version"), "key": seen.hidden("key"), "lot": "L42", "control": "no", "do": "save"}
    assert (await seen.post(page, {**form, "c.cocaine": "negative"})).status_code == 422, (
        "a test without a valid control line has no result"
    )
    assert (await seen.post(page, form)).status_code == 303
    assert "The control line was not valid (lot L42)" in (await seen.get(f"/patients/{day.client}/orders/{id_}")).text
    assert (await seen.get(page)).status_code == 200


async def test_a_presumptive_finding_offers_its_confirmation_to_who_may_order(day: Ward) -> None:
    id_ = await ordered(day)
    page, order = f"/patients/{day.client}/orders/{id_}/result", f"/patients/{day.client}/orders/{id_}"
    seen = await visitor(day, "nurse")
    await seen.get(page)
    form = {**AT, "version": seen.hidden("version"), "key": seen.hidden("key"), "control": "yes", "c.fentanyl": "presumptive", "do": "save"}
    assert (await seen.post(page, form)).status_code == 303
    assert "Whoever ordered it can order" in (await seen.get(order)).text
    them = await visitor(day, "therapist")
    assert "Order “Urine drug confirmation" in (await them.get(order)).text
    version = them.hidden("version")
    first, second = [await them.post(order, {"do": "confirm", "version": version}) for _ in range(2)]
    assert first.status_code == second.status_code == 303
    assert first.headers["location"] == second.headers["location"] != order
    titles = sorted(o.title for o in await reading.of_patient(await day.access("therapist"), day.client))
    assert titles == ["Urine drug confirmation by mass spectrometry", "Urine drug screen"]
    nobody = await visitor(day, "boss")
    assert (await nobody.get(page)).status_code == 403, "a supervisor orders and does not enter results"


async def test_the_catalog_is_edited_row_by_row(day: Ward) -> None:
    boss = await visitor(day, "boss")
    assert 'href="/orders/catalog/glucose"' in (await boss.get("/orders/catalog")).text
    page = "/orders/catalog/glucose"
    assert "41653-7" in (await boss.get(page)).text
    form = {
        "title": "Glucose by meter",
        "specimen": "Capillary blood",
        "here": "yes",
        "kit": "Meter 3",
        "c0.key": "glucose",
        "c0.title": "Glucose",
        "c0.kind": "number",
        "c0.unit": "mg/dL",
        "c0.low": "x",
        "c0.high": "99",
    }
    wrong = await boss.post(page, form)
    assert (wrong.status_code, "Meter 3" in wrong.text) == (422, True)
    assert (await boss.post(page, {**form, "c0.low": "70", "c1.title": "Ketones", "c1.kind": "sign"})).status_code == 303
    text = (await boss.get(page)).text
    assert all(f'value="{said}"' in text for said in ("70", "99", "Ketones", "Meter 3", "Glucose by meter"))
    assert (await boss.get("/orders/catalog/nothing")).status_code == 404
    assert (await (await visitor(day, "nurse")).get(page)).status_code == 403


async def test_every_page_asks_little(day: Ward) -> None:
    id_ = await ordered(day)
    open_ = await ordering.order(await day.access("therapist"), day.client, Wish("uds", DAY.date(), why="Again", key="k2"))
    chart = f"/patients/{day.client}"
    seen = await visitor(day, "nurse")
    page = f"{chart}/orders/{id_}/result"
    await seen.get(page)
    await seen.post(
        page, {**AT, "version": seen.hidden("version"), "key": seen.hidden("key"), "control": "yes", "c.fentanyl": "positive", "do": "save"}
    )
    await follow(day)
    assert await entering.entered(await day.access("nurse"), await reading.one(await day.access("nurse"), day.client, id_)) is not None
    boss = await visitor(day, "boss")
    for who, path in (
        (seen, page),
        (seen, f"{chart}/orders/{open_}/result"),
        (seen, f"{chart}/orders/{id_}"),
        (seen, f"{chart}/orders/{open_}"),
        (boss, "/orders/catalog/uds"),
    ):
        await who.get(path)
        before = await day.clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE tenant = 1")
        assert (await who.get(path)).status_code == 200, path
        assert await day.clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE tenant = 1") - before <= 12, path
