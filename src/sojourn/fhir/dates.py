"""FHIR dates as half-open intervals of UTC time: what a partial date, an instant or a Period covers.

https://hl7.org/fhir/R4/search.html#date: `2024-03` covers all of March, `2024-03-05T10:00Z` one minute. A date without a
time zone is read as UTC, so that the same text always finds the same rows, whatever machine wrote it.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

Interval = tuple[datetime, datetime]

PAST = datetime.min.replace(tzinfo=UTC)
"""Stands for minus infinity."""

FUTURE = datetime.max.replace(tzinfo=UTC)
"""Stands for plus infinity."""

SHAPE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII)
DAY, MINUTE, SECOND = timedelta(days=1), timedelta(minutes=1), timedelta(seconds=1)


def bounds(text: str) -> Interval:
    """The interval [low, high) that a date, dateTime or instant covers.

    Raises ValueError when the text is no date or names a day that does not exist.
    """
    length = len(text)
    if length == 10:
        low = datetime.fromisoformat(text + "T00:00:00+00:00")
        return low, _later(low, DAY)
    if length == 20 and text[-1] == "Z" and text[17] != "6":
        low = datetime.fromisoformat(text)
        return low, _later(low, SECOND)
    if length == 25 and text[10] == "T" and text[13] == text[16] == text[22] == ":" and text[19] in "+-" and text[17] != "6":
        return _zoned(text)
    return _slowly(text)


def _zoned(text: str) -> Interval:
    """`bounds` of the commonest shape, a whole second with an offset."""
    if text[20:22] > "14" or not text.isascii():
        return _slowly(text)
    try:
        low = datetime.fromisoformat(text).astimezone(UTC)
    except OverflowError:
        return _slowly(text)
    return low, _later(low, SECOND)


def _slowly(text: str) -> Interval:
    """`bounds` for every shape there is."""
    match = SHAPE.fullmatch(text)
    if match is None:
        raise ValueError("not a date")
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    if day is None:
        return _month_or_year(int(year), int(month) if month else None)
    leap = second == "60"
    clock = f"{hour or '00'}:{minute or '00'}:{'59' if leap else second or '00'}"
    if fraction:
        clock += "." + fraction.ljust(6, "0")[:6]
    moment = datetime.fromisoformat(f"{year}-{month}-{day}T{clock}")
    low = _later(moment.replace(tzinfo=UTC), (SECOND if leap else timedelta(0)) - _offset(zone))
    return low, _later(low, _step(hour, second, fraction))


def _step(hour: str | None, second: str | None, fraction: str | None) -> timedelta:
    """How long the last unit that is written lasts; a microsecond is the shortest."""
    if hour is None:
        return DAY
    if second is None:
        return MINUTE
    return timedelta(microseconds=10 ** max(0, 6 - len(fraction))) if fraction else SECOND


def _offset(zone: str | None) -> timedelta:
    """The zone's distance from UTC."""
    if zone is None or zone == "Z":
        return timedelta(0)
    hours, minutes = int(zone[1:3]), int(zone[4:6])
    if hours > 14 or minutes > 59:
        raise ValueError("not a time zone")
    return timedelta(hours=hours, minutes=minutes) * (-1 if zone[0] == "-" else 1)


def _month_or_year(year: int, month: int | None) -> Interval:
    """A whole month or year."""
    low = datetime(year, month or 1, 1, tzinfo=UTC)
    if month is None or month == 12:
        return low, datetime(year + 1, 1, 1, tzinfo=UTC) if year < 9999 else FUTURE
    return low, datetime(year, month + 1, 1, tzinfo=UTC)


def _later(moment: datetime, step: timedelta) -> datetime:
    """The sum, or an infinity where it leaves the calendar."""
    try:
        return moment + step
    except OverflowError:
        return FUTURE if step > timedelta(0) else PAST


def period(value: dict[str, Any]) -> Interval | None:
    """The interval of a FHIR Period; an end that is absent is open. None when both are."""
    start, end = value.get("start"), value.get("end")
    if start is None and end is None:
        return None
    return (bounds(start)[0] if start else PAST), (bounds(end)[1] if end else FUTURE)


def timing(value: dict[str, Any]) -> Interval | None:
    """From the first to the last moment that a FHIR Timing names; None when it names none."""
    found = [bounds(event) for event in value.get("event", ()) if event]
    limits = value.get("repeat", {}).get("boundsPeriod")
    limited = period(limits) if limits else None
    if limited:
        found.append(limited)
    if not found:
        return None
    return min(low for low, _ in found), max(high for _, high in found)
