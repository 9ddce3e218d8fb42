"""Trends of incidents: counts by month, type, harm and program; nothing of people."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sojourn.care.incidents.model import HARM, NEAR_MISS, TYPES
from sojourn.care.incidents.reviewing import Case


class Count(NamedTuple):
    """How many of one type and harm a program had in a month, `2026-03`."""

    month: str
    kind: str
    harm: str
    program: int
    number: int


def counted(cases: Iterable[Case], zone: ZoneInfo) -> list[Count]:
    """Those whom the caller may see, counted by the month in which they happened."""
    found = Counter((datetime.fromisoformat(c.incident.happened).astimezone(zone).strftime("%Y-%m"), c.incident.kind, c.incident.harm, c.incident.program) for c in cases)
    return [Count(*key, n) for key, n in sorted(found.items())]


def as_csv(counts: Iterable[Count], programs: dict[int, str]) -> str:
    """The counts as a file: month, type, harm, near miss, program, count."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["month", "type", "harm", "near miss", "program", "count"])
    for c in counts:
        writer.writerow([c.month, TYPES.get(c.kind, c.kind), HARM.get(c.harm, c.harm), "yes" if c.harm == NEAR_MISS else "no", programs.get(c.program, ""), c.number])
    return out.getvalue()
