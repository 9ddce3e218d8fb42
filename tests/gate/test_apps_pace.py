"""How many requests an app may make: a burst passes, a flood waits as long as it is told. No database: what is registered is remembered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from sojourn.base import clock, errors
from sojourn.base.clock import FakeClock
from sojourn.gate.apps.pace import Pace
from sojourn.gate.apps.registry import App, Registry, facts, moved, of_row
from sojourn.gate.caller import APP_DOOR, Caller, Tenant
from tests.people import START

HOUSE, OTHER = Tenant(1, "one", "One", None, b""), Tenant(2, "two", "Two", None, b"")
APP = App("a", "Diary", ("patient",), "chosen", "none", "patient/*.rs", pace=60, origins=("https://app.example",))


@pytest.fixture
def time() -> Iterator[FakeClock]:
    """A clock that stands still."""
    with clock.using(FakeClock(START)) as made:
        yield cast("FakeClock", made)


def registered(*apps: App) -> Registry:
    """What a process remembers of both organizations."""
    registry = Registry(cast("Any", None))
    for tenant in (HOUSE, OTHER):
        registry._read[tenant.number] = (clock.monotonic() + 1_000_000, {app.id: app for app in apps})
    return registry


def by(app: str, tenant: Tenant = HOUSE, door: str = "") -> Caller:
    """Somebody who asks through an app."""
    return Caller(tenant, "ana", 1, "patient", "Ana", None, "patient", (), None, (), door or APP_DOOR + app, "PATRQT", b"", session=False)


async def burst(pace: Pace, caller: Caller) -> tuple[int, int]:
    """How many requests pass at once, and how many seconds the next has to wait."""
    for n in range(1000):
        try:
            await pace.keep(caller)
        except errors.TooManyRequests as told:
            return n, told.after or 0
    return 1000, 0


@pytest.mark.parametrize(("pace", "most", "wait"), [(60, 10, 1), (6, 10, 10), (7, 10, 9), (600, 100, 1), (12, 10, 5), (90, 15, 1), (1, 10, 60)])
async def test_a_burst_passes_and_then_it_waits(time: FakeClock, pace: int, most: int, wait: int) -> None:
    keeper = Pace(registered(replace(APP, pace=pace)))
    assert await burst(keeper, by("a")) == (most, wait)
    time.advance(timedelta(seconds=wait))
    passed, again = await burst(keeper, by("a"))
    assert passed == int(wait * pace / 60)
    assert again >= 1
    time.advance(timedelta(hours=1))
    assert await burst(keeper, by("a")) == (most, wait), "it holds no more than a burst"


async def test_what_is_refused_takes_nothing_from_what_fills(time: FakeClock) -> None:
    keeper = Pace(registered(replace(APP, pace=6)))
    await burst(keeper, by("a"))
    for _ in range(9):
        time.advance(timedelta(seconds=1))
        with pytest.raises(errors.TooManyRequests):
            await keeper.keep(by("a"))
    time.advance(timedelta(seconds=1.01))
    await keeper.keep(by("a"))
    time.advance(timedelta(seconds=4))
    assert await burst(keeper, by("a")) == (0, 6), "what is there already is not waited for"


async def test_each_app_of_each_organization_has_its_own_and_nobody_else_is_counted(time: FakeClock) -> None:  # noqa: ARG001 - it stands still
    keeper = Pace(registered(APP, replace(APP, id="b"), replace(APP, id="free", pace=0)))
    assert (await burst(keeper, by("a")))[0] == 10
    assert (await burst(keeper, by("b")))[0] == 10
    assert (await burst(keeper, by("a", OTHER)))[0] == 10
    for free in (by("free"), by("unknown"), by("", door="staff"), by("", door="api")):
        assert await burst(keeper, free) == (1000, 0)


async def test_scripts_of_an_origin_may_ask_while_an_app_of_it_is_active() -> None:
    registry = registered(APP, moved(replace(APP, id="b", origins=("https://gone.example",)), "stopped"))
    assert await registry.allows_origin(HOUSE, "https://app.example")
    assert not await registry.allows_origin(HOUSE, "https://gone.example")
    assert not await registry.allows_origin(HOUSE, "https://app.example.org")


@pytest.mark.parametrize(
    ("uses", "kinds"),
    [(("patient",), ("patient", "proxy")), (("staff",), ("staff",)), (("service",), ("app", "organization", "system")), (("patient", "staff"), ("patient", "proxy", "staff"))],
)
def test_an_app_is_for_who_was_said(uses: tuple[str, ...], kinds: tuple[str, ...]) -> None:
    assert {kind for kind in ("patient", "proxy", "staff", "app", "organization", "system") if replace(APP, uses=uses).usable_by(kind)} == set(kinds)


def test_what_is_kept_of_an_app_comes_back_and_what_a_newer_version_wrote_is_left_out() -> None:
    app = replace(APP, programs=(1, 2), redirects=("https://app.example/back",), secret="s", state="requested", author="dana", reason="new", since=START)
    row = {"app": "a", "state": "requested", "author": "dana", "reason": "new", "since": START, "facts": facts(app)}
    assert of_row(row) == app
    assert of_row({**row, "facts": facts(app)[:-1] + ', "colour": "red", "state": "active", "id": "b"}'}) == app
    assert '"state"' not in facts(app)
    assert '"reason"' not in facts(app)
    assert moved(app, "stopped") == replace(app, state="stopped")
    assert [moved(app, state).active for state in ("active", "stopped", "requested")] == [True, False, False]
    assert "secret" not in repr(replace(app, secret="secret"))


@pytest.mark.parametrize(("door", "app", "brings"), [(APP_DOOR + "a", "a", True), ("api", None, True), ("import", None, True), ("staff", None, False), ("clock", None, False), ("my-app:a", None, False)])
def test_by_the_door_it_is_known_through_which_app_it_came_and_whether_it_was_written_elsewhere(door: str, app: str | None, brings: bool) -> None:
    caller = by("", door=door)
    assert (caller.app, caller.brings, caller.outside) == (app, brings, False)
    assert [replace(caller, kind=kind).outside for kind in ("organization", "staff", "app", "system", "patient")] == [True, False, False, False, False]
