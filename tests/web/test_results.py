"""The pages of results: the inbox, one result with what is written about it, and the room of a chart."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from sojourn.doors.staff.results import inbox
from sojourn.record.database import Dsn
from tests.care.labs import follow, found, report, reviews, value
from tests.care.risky import DAY, Ward, ward
from tests.web.real import furnish
from tests.web.test_risk import visitor

SAID = re.compile(r"Potassium (\d\.\d) mmol/L")


@pytest.fixture
async def day(database: Dsn) -> AsyncIterator[Ward]:
    async with ward(database, at=DAY) as made:
        await furnish(made.clinic)
        yield made


async def test_from_today_to_what_was_done(day: Ward) -> None:
    await report(day, value(day.client, 4.0), value(day.client, 4.4, name="Another", code="another"), hours=50)
    await report(day, value(day.client, 7.2, "HH"), value(day.client, 4.4, name="Another", code="another"))
    await follow(day)
    seen = await visitor(day, "therapist")
    today = (await seen.get("/today")).text
    assert "A result to look at now" in today
    assert "Metabolic panel" in today
    assert "otassium" not in today, "Today says that somebody is needed, and not why"
    inbox = (await seen.get("/results")).text
    assert inbox.index("Potassium 7.2 mmol/L (critically high)") < inbox.index("2 values, none outside")
    one = next(r for r in await reviews(day) if r.critical)
    path = f"/patients/{day.client}/results/{one.id}"
    page = (await seen.get(path)).text
    assert "critically high" in page
    assert "4.0 mmol/L" in page, "the value before it"
    assert "over time" in page
    refused = await seen.post(path, {"version": one.version, "outcome": "reviewed", "text": ""})
    assert refused.status_code == 422
    assert "in your own words" in refused.text
    stale = await seen.post(path, {"version": "another", "outcome": "called", "text": "Spoke with her."})
    assert (stale.status_code, "Spoke with her." in stale.text) == (412, True)
    saved = await seen.post(path, {"version": one.version, "outcome": "called", "text": "Spoke with her; on the way to the hospital."})
    assert (saved.status_code, saved.headers["location"]) == (303, "/results")
    twice = await seen.post(path, {"version": one.version, "outcome": "called", "text": "Spoke with her again."})
    assert twice.status_code == 409
    assert "Spoke with her; on the way" in (await seen.get(path)).text
    room = (await seen.get(f"/patients/{day.client}/results")).text
    assert "Client told" in room
    assert "over time" in room
    lines = await day.clinic.owner.fetch("SELECT action FROM record.audit WHERE tenant = 1 AND action = 'result-review'")
    assert len(lines) == 1


async def test_screens_are_read_as_a_panel_by_day(day: Ward) -> None:
    for hours in (3, 80):
        await report(day, *(found(day.client, name, said, flag, hours=hours) for name, said, flag in (("Opiates", "Negative", ""), ("Cocaine", "Positive", "A"))), title="Urine drug screen", hours=hours)
    room = (await (await visitor(day, "therapist")).get(f"/patients/{day.client}/results")).text
    panel = room[room.index('id="screens"') : room.index('id="reports"')]
    assert panel.count("Positive") == panel.count("Negative") == 2
    assert panel.index("Cocaine") < panel.index("Opiates")


async def test_the_list_says_how_many_wait_and_shows_the_next_when_asked(day: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "PART", 2)
    for number in (5.4, 5.5, 5.6, 5.7, 5.8):
        await report(day, value(day.client, number, "H"))
        await follow(day)
        day.later(minutes=1)
    for path, form in (("/results", {}), ("/results?all=1", {"all": "1"})):
        seen = await visitor(day, "therapist")
        first = (await seen.get(path)).text
        assert ">5<" in first
        shown = SAID.findall(first)
        second = (await seen.post("/results", {**form, "cursor": seen.hidden("cursor")}, headers={"hx-request": "true"})).text
        assert "<h1" not in second
        shown += SAID.findall(second)
        third = (await seen.post("/results", {**form, "cursor": seen.hidden("cursor")})).text
        assert "<h1" in third, "without a script it is a page"
        shown += SAID.findall(third)
        assert shown == ["5.4", "5.5", "5.6", "5.7", "5.8"]
        assert 'name="cursor"' not in third
    assert (await seen.post("/results", {"cursor": "of somebody else"})).status_code == 400


async def test_every_page_asks_little(day: Ward) -> None:
    for n in range(6):
        await report(day, value(day.client, 4 + n / 2, "H" if n > 2 else ""), found(day.client, "Opiates", "Negative"))
    await follow(day)
    seen = await visitor(day, "therapist")
    one = (await reviews(day))[0]
    for path in ("/results", "/results?all=1", f"/patients/{day.client}/results", f"/patients/{day.client}/results/{one.id}"):
        await seen.get(path)
        before = await day.clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE tenant = 1")
        assert (await seen.get(path)).status_code == 200
        assert await day.clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE tenant = 1") - before <= 12, path
