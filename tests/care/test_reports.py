"""Every figure of every report equals a slow recount from history, for every role and day."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.care.reports import registry, source
from sojourn.care.reports.model import chosen, shares
from sojourn.gate.access import Access
from sojourn.record.database import Dsn
from tests import people
from tests.care.courses import NOW, Courses
from tests.care.recount import TYPES, Recount
from tests.effort import THOROUGH
from tests.people import Clinic, open_clinic

DAYS = (None, date(2026, 11, 29), date(2026, 11, 27), date(2026, 11, 8), date(2026, 10, 31), date(2026, 9, 15))
"""Today, a Sunday, a Friday, days after which much was corrected, and one before the clocks changed."""
WHO = ("both-clinician", "mh-clinician", "sud-clinician", "far-clinician", "technician", "biller", "officer", "mh-officer")


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations on a Monday morning."""
    with clock.using(FakeClock(NOW)):
        made = await open_clinic(database, connections=6)
        yield made
        await people.close_clinic(made)


async def as_(clinic: Clinic, who: str) -> Access:
    found = await clinic.gate.access(clinic.tokens[who])
    assert found is not None
    return found


async def versions(clinic: Clinic) -> list[Any]:
    """The whole history of what reports are counted from, as it was written."""
    return list(await clinic.owner.fetch("SELECT kind, type, id, body FROM record.version WHERE tenant = 1 AND type = ANY ($1) ORDER BY seq", list(TYPES)))


@pytest.mark.parametrize("seed", range(40) if THOROUGH else (11, 12))
async def test_every_figure_of_every_report_equals_a_recount_from_history_for_every_role_and_day(clinic: Clinic, seed: int) -> None:
    await Courses(seed).write(clinic)
    history = await versions(clinic)
    counted = 0
    for who in WHO:
        access = await as_(clinic, who)
        known = Recount(NOW.date(), NOW)
        await known.learn(history, access)
        for day in DAYS:
            again = Recount(day or NOW.date(), NOW)
            again.of = known.of
            again.all()
            for report in registry.offered(access):
                found = await source.of(access, day)
                rows = await report.rows(found)
                said = {f.title: f.value(rows) for f in report.figures}
                assert said == again.figures[report.key], (who, day, report.key)
                for column in report.by:
                    assert {s.label: s.many for s in shares(report, rows, column)} == again.groups[report.key][column], (who, day, report.key, column)
                    assert all(len(chosen(rows, s.so)) == s.many for s in shares(report, rows, column))
                for figure in report.figures:
                    assert figure.how != "count" or len(chosen(rows, figure.so)) == figure.value(rows)
                counted += sum(v is not None and v > 0 for v in said.values())
    assert counted > 300
    assert {len(registry.offered(await as_(clinic, who))) for who in WHO} > {10}


async def test_a_report_asks_at_most_nine_times_whatever_there_is(clinic: Clinic) -> None:
    await Courses(11).write(clinic)
    for day in (None, NOW.date() - timedelta(days=9)):
        for report in registry.offered(await as_(clinic, "both-clinician")):
            access = await as_(clinic, "both-clinician")
            found = await source.of(access, day)
            await report.rows(found)
            assert found.asked <= 9, (report.key, day)
