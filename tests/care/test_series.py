"""Series: every occurrence at its wall-clock time, on the two nights on which the clocks are changed too."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sojourn.care.scheduling import series, zones
from sojourn.care.scheduling.series import CANCELLED, MOVED, Differs, Series

ZONES = ("America/New_York", "America/Phoenix", "America/St_Johns", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia")
NY = zones.zone("America/New_York")
clocks = st.builds(time, st.integers(0, 23), st.sampled_from((0, 15, 30, 45)))
days = st.dates(date(2025, 1, 1), date(2027, 12, 31))
weekdays = st.frozensets(st.integers(0, 6), min_size=1)


@st.composite
def rules(draw: st.DrawFn) -> Series:
    first = draw(days)
    last = draw(st.none() | st.integers(0, 400).map(lambda n: first + timedelta(days=n)))
    return Series(draw(weekdays), draw(clocks), draw(st.integers(10, 360)), draw(st.sampled_from(ZONES)), first, last, draw(st.integers(1, 4)))


@given(rules(), st.integers(0, 200))
def test_every_occurrence_stands_at_its_time_on_the_wall_and_lasts_as_long_as_it_should(rule: Series, shift: int) -> None:
    low, high = zones.day_bounds(rule.first + timedelta(days=shift), rule.where, 21)
    for found in rule.between(low, high):
        wall = found.start.astimezone(rule.where)
        if wall.replace(tzinfo=None) != datetime.combine(found.day, rule.at):
            # Only a time that does not exist may be shown as another: as far from midnight as on other nights.
            assert not _exists(found.day, rule)
            assert wall.replace(tzinfo=None) > datetime.combine(found.day, rule.at)
        assert found.end - found.start == timedelta(minutes=rule.minutes)
        assert found.day.weekday() in rule.days
        assert low <= found.start < high


def _exists(day: date, rule: Series) -> bool:
    wall = datetime.combine(day, rule.at, rule.where)
    return wall.astimezone(UTC).astimezone(rule.where).replace(tzinfo=None) == wall.replace(tzinfo=None)


@given(rules(), st.integers(1, 40), st.integers(1, 40))
def test_two_spans_side_by_side_hold_what_the_whole_holds_nothing_twice(rule: Series, first: int, second: int) -> None:
    low, middle = zones.day_bounds(rule.first, rule.where, first)
    high = zones.day_bounds(rule.first, rule.where, first + second)[1]
    assert [*rule.between(low, middle), *rule.between(middle, high)] == rule.between(low, high)


@given(rules(), st.data())
def test_an_occurrence_that_is_moved_is_once_where_it_went_and_nowhere_else(rule: Series, data: st.DataObject) -> None:
    low, high = zones.day_bounds(rule.first, rule.where, 60)
    all_ = rule.between(low, high)
    if not all_:
        return
    chosen = data.draw(st.sampled_from(all_))
    away = data.draw(st.integers(-20, 20))
    moved = Differs(MOVED, "room painted", chosen.day + timedelta(days=away), time(12), 30)
    changed = Series(rule.days, rule.at, rule.minutes, rule.zone, rule.first, rule.last, rule.every, {chosen.day: moved})
    wide = zones.day_bounds(rule.first - timedelta(days=40), rule.where, 140)
    found = [o for o in changed.between(*wide) if o.day == chosen.day]
    assert [(o.status, o.start.astimezone(rule.where).time(), (o.end - o.start)) for o in found] == [(MOVED, time(12), timedelta(minutes=30))]
    assert len(changed.between(*wide)) == len(rule.between(*wide))


@given(rules())
def test_the_rule_as_it_is_kept_reads_back(rule: Series) -> None:
    assert series.parts(series.rule(rule)) == (rule.days, rule.every, rule.last)


def test_the_night_in_spring_and_the_night_in_autumn() -> None:
    """2026 in New York: 8 March has no 02:30, 1 November has two 01:30."""
    nightly = Series(frozenset(range(7)), time(2, 30), 60, "America/New_York", date(2026, 3, 7), date(2026, 3, 9))
    starts = [o.start.astimezone(NY).strftime("%d %H:%M") for o in nightly.between(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 20, tzinfo=UTC))]
    assert starts == ["07 02:30", "08 03:30", "09 02:30"]
    autumn = Series(frozenset(range(7)), time(1, 30), 60, "America/New_York", date(2026, 10, 31), date(2026, 11, 2))
    moments = [o.start for o in autumn.between(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))]
    assert moments == [datetime(2026, 10, 31, 5, 30, tzinfo=UTC), datetime(2026, 11, 1, 5, 30, tzinfo=UTC), datetime(2026, 11, 2, 6, 30, tzinfo=UTC)]
    assert [b - a for a, b in [zones.day_bounds(date(2026, 3, 8), NY), zones.day_bounds(date(2026, 11, 1), NY)]] == [timedelta(hours=23), timedelta(hours=25)]


def test_holidays_and_cancelled_days_stay_with_their_reason() -> None:
    rule = Series(frozenset({3}), time(9), 180, "America/New_York", date(2026, 11, 1), None, 1, {date(2026, 12, 3): Differs(CANCELLED, "Facilitator away")})
    low, high = zones.day_bounds(date(2026, 11, 23), NY, 14)
    assert [(o.day, o.status, o.reason) for o in rule.between(low, high, {date(2026, 11, 26): "Thanksgiving Day"})] == [
        (date(2026, 11, 26), CANCELLED, "Thanksgiving Day"), (date(2026, 12, 3), CANCELLED, "Facilitator away")
    ]  # fmt: skip
