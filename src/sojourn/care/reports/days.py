"""Days and spans of a report: what a FHIR date or period covers, by the clock of the organization."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sojourn.care.scheduling import zones

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sojourn.care.reports.model import When


def moment(text: Any, where: ZoneInfo, *, end: bool = False) -> datetime | None:
    """A FHIR date or dateTime as a moment. A day alone begins where it begins there, and `end`s where the next one does. None for neither."""
    said = str(text or "")
    try:
        if len(said) == 10:
            return zones.day_bounds(date.fromisoformat(said), where)[1 if end else 0]
        found = datetime.fromisoformat(said) if len(said) > 10 else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


def covers(period: Any, at: datetime, where: ZoneInfo) -> bool:
    """Whether a Period goes on at a moment. One without a beginning does not say so, and does not."""
    said = period if isinstance(period, dict) else {}
    start, stop = moment(said.get("start"), where), moment(said.get("end"), where, end=True)
    return start is not None and start <= at and (stop is None or at < stop)


def day(text: Any, where: ZoneInfo) -> str:
    """The day of a FHIR date or dateTime there, as ISO 8601; '' for none."""
    said = str(text or "")
    if len(said) <= 10:
        return said
    found = moment(said, where)
    return found.astimezone(where).date().isoformat() if found else ""


def between(start: datetime | None, stop: datetime | None) -> int | None:
    """Whole days from one moment to another; None where one is missing."""
    return None if start is None or stop is None else max(0, int((stop - start).total_seconds() // 86400))


def since(when: When, days: int) -> datetime:
    """Where the span of so many days begins that ends with the day that is asked for."""
    return zones.day_bounds(when.day - timedelta(days=days - 1), when.where)[0]
