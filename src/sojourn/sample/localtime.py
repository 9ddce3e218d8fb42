"""Wall-clock times of the sample organization: America/New_York, as FHIR dateTimes."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta


def _sunday(year: int, month: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (nth - 1))


def offset(moment: datetime) -> str:
    """Return the UTC offset of a New York wall-clock time.

    Written out (second Sunday of March to first Sunday of November, 02:00) so that the sample is
    the same on machines without a time zone database.
    """
    starts = datetime.combine(_sunday(moment.year, 3, 2), time(2))
    ends = datetime.combine(_sunday(moment.year, 11, 1), time(2))
    return "-04:00" if starts <= moment < ends else "-05:00"


def iso(moment: datetime) -> str:
    """Return a wall-clock time as a FHIR dateTime or instant, to the second, with its offset."""
    return moment.isoformat(timespec="seconds") + offset(moment)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """Return a wall-clock time on a day."""
    return datetime.combine(day, time(hour, minute))
