"""Reports in two worlds: what is hidden changes no tile, figure, row, file or past day.

The second world is the first one with what is hidden added, on a clock that stands still. Nothing is taken out before comparing but the
the token of the session.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from random import Random

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.care.reports.registry import REPORTS
from sojourn.record.database import Dsn
from tests import people
from tests.care.courses import NOW, Courses
from tests.effort import THOROUGH
from tests.leaks.drawn import Drawn
from tests.people import FAR, MH, SUD, Clinic, open_clinic
from tests.web.real import Visitor, furnish

SESSION = Drawn("csrf", "tab")
DAYS = ("", "2026-11-08") if not THOROUGH else ("", "2026-11-24", "2026-11-08", "2026-10-31")
BLIND = ("mh-clinician", "technician", "biller")


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations, with people who can sign in."""
    with clock.using(FakeClock(NOW)):
        made = await open_clinic(database, connections=8)
        await furnish(made)
        yield made
        await people.close_clinic(made)


async def look(clinic: Clinic, who: str) -> dict[str, tuple[int, str]]:
    """Every report, tile and file, for today and past days, and the rows behind some of its figures and groups (all of them, where it is thorough)."""
    visitor = Visitor(clinic)
    await visitor.sign_in(who)
    found: dict[str, tuple[int, str]] = {}

    async def see(path: str) -> str:
        answer = await visitor.get(path)
        found[path] = (answer.status_code, SESSION.out(answer.text))
        return str(answer.text)

    for day in DAYS:
        asked = f"?day={day}" if day else ""
        await see(f"/reports{asked}")
        for report in REPORTS:
            await see(f"/reports/{report.key}/tile{asked}")
            page = await see(f"/reports/{report.key}{asked}")
            paths = sorted(set(re.findall(rf'href="(/reports/{report.key}\?[^"]*)"', page)))
            for path in paths if THOROUGH else Random(f"{report.key} {day}").sample(paths, min(3, len(paths))):
                await see(path.replace("&amp;", "&"))
            answer = await visitor.post(f"/reports/{report.key}/file", {"day": day} if day else {})
            found[f"{report.key} {day} file"] = (answer.status_code, SESSION.out(answer.text))
    return found


async def test_what_is_hidden_changes_no_report_of_anybody_who_may_not_see_it(clinic: Clinic) -> None:
    first = Courses(21, homes=(MH, MH, FAR))
    await first.write(clinic, only=lambda m: m.program != SUD)
    seeing = {who: await look(clinic, who) for who in (*BLIND, "sud-clinician")}
    before = {who: seeing[who] for who in BLIND}
    await first.write(clinic, only=lambda m: m.program == SUD)
    await Courses(22, clients=8, homes=(SUD,), beside=first).write(clinic, only=lambda m: m.program == SUD)
    for who in BLIND:
        after = await look(clinic, who)
        assert after.keys() == before[who].keys(), who
        for path, shown in after.items():
            assert shown == before[who][path], (who, path)
    entitled = await look(clinic, "sud-clinician")
    changed = {path for path, shown in entitled.items() if shown != seeing["sud-clinician"].get(path)}
    assert len([path for path in changed if path.endswith("file")]) > 8, "to whoever may see it, it shows: so this test can fail"


async def test_a_report_that_is_not_offered_is_one_that_does_not_exist(clinic: Clinic) -> None:
    visitor = Visitor(clinic)
    await visitor.sign_in("technician")
    for end in ("", "/tile"):
        none, other = await visitor.get(f"/reports/plans{end}"), await visitor.get(f"/reports/nothing{end}")
        assert none.status_code == other.status_code == 404
        assert SESSION.out(none.text).replace("/plans", "") == SESSION.out(other.text).replace("/nothing", "")
    page = (await visitor.get("/reports")).text
    assert "Census and length of stay" in page
    assert "Plans and reviews due" not in page
