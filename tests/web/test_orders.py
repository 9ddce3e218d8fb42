"""The pages of laboratory orders and of authorizations: what is refused keeps what was typed, and every page asks little."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sojourn.care.orders import reading
from sojourn.record.database import Dsn
from tests.care import test_authorizations as authorizing
from tests.care.risky import DAY, Ward, ward
from tests.web.real import furnish
from tests.web.test_risk import visitor


@pytest.fixture
async def day(database: Dsn) -> AsyncIterator[Ward]:
    async with ward(database, at=DAY) as made:
        await furnish(made.clinic)
        await authorizing.reviewer(made)
        await furnish_password(made)
        yield made


async def furnish_password(made: Ward) -> None:
    """The reviewer came after the others."""
    await made.clinic.owner.execute("UPDATE record.account SET password = (SELECT password FROM record.account WHERE tenant = 1 AND account = 'therapist') WHERE tenant = 1 AND account = 'reviewer'")


async def test_an_order_that_lacks_something_is_not_ordered_and_nothing_typed_is_lost(day: Ward) -> None:
    seen = await visitor(day, "therapist")
    sheet = f"/patients/{day.client}/orders/new"
    await seen.get(sheet)
    key = seen.hidden("key")
    refused = await seen.post(sheet, {"panel": "cbc", "day": "2026-03-04", "priority": "urgent", "collector": "staff", "note": "Left arm only", "key": key})
    assert (refused.status_code, "Left arm only" in refused.text) == (422, True)
    form = {"panel": "cbc", "day": "2026-03-04", "priority": "urgent", "collector": "staff", "why": "Fatigue", "key": key}
    first, second = await seen.post(sheet, form), await seen.post(sheet, form, token=None)
    assert first.headers["location"] == second.headers["location"], "a double click orders once"
    (order,) = await reading.of_patient(await day.access("therapist"), day.client)
    page = f"/patients/{day.client}/orders/{order.id}"
    stale = await seen.post(page, {"do": "collect", "at": "2026-03-04T09:30", "version": "another", "note": ""})
    assert stale.status_code == 412
    assert (await seen.post(page, {"do": "cancel", "version": order.task_version, "note": ""})).status_code == 422
    assert (await seen.post(page, {"do": "collect", "at": "2026-03-04T09:30", "version": order.task_version, "note": "36 C"})).status_code == 303
    assert "36 C" in (await seen.get(page)).text
    assert order.number in (await seen.get(f"{page}/print")).text


async def test_every_page_asks_little(day: Ward) -> None:
    seen = await visitor(day, "therapist")
    sheet = f"/patients/{day.client}/orders/new"
    await seen.get(sheet)
    await seen.post(sheet, {"panel": "cbc", "day": "2026-03-04", "priority": "routine", "collector": "staff", "why": "Fatigue", "key": "k"})
    (order,) = await reading.of_patient(await day.access("therapist"), day.client)
    id_ = await authorizing.entered(day)
    for n in range(3):
        await authorizing.signed(day, n)
    await authorizing.follow(day)
    chart = f"/patients/{day.client}"
    watcher = await visitor(day, "reviewer")
    for who, path in (
        (seen, sheet), (seen, f"{chart}/orders/{order.id}"), (seen, f"{chart}/orders/{order.id}/print"), (seen, "/orders/catalog"), (seen, f"{chart}/authorizations"), (seen, "/authorizations"),
        (watcher, "/authorizations?all=1"), (watcher, f"{chart}/authorizations"), (watcher, f"{chart}/authorizations/{id_}"),
    ):  # fmt: skip
        await who.get(path)
        before = await day.clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE tenant = 1")
        assert (await who.get(path)).status_code == 200, path
        assert await day.clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE tenant = 1") - before <= 12, path
