"""The pages of reports: figures lead to as many rows as they say; files are harmless and in the trail."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator
from html import unescape

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.care.reports.registry import REPORTS
from sojourn.doors.staff.sheets import cell, harmless
from sojourn.record.database import Dsn
from sojourn.web.charts import Bar, bars
from tests import people
from tests.care.courses import NOW, Courses
from tests.people import Clinic, open_clinic
from tests.web.real import Visitor, furnish


@pytest.fixture
async def at(database: Dsn) -> AsyncIterator[tuple[Clinic, Visitor]]:
    """Courses of care, and somebody who sees all of them."""
    with clock.using(FakeClock(NOW)):
        made = await open_clinic(database, connections=8)
        await furnish(made)
        await Courses(31).write(made)
        visitor = Visitor(made)
        await visitor.sign_in("both-clinician")
        yield made, visitor
        await people.close_clinic(made)


def table(text: str) -> tuple[dict[str, str], list[list[str]]]:
    """What a file says first, and its rows without their head."""
    rows = list(csv.reader(io.StringIO(text)))
    empty = rows.index([])
    return {r[0]: r[1] for r in rows[:empty]}, rows[empty + 2 :]


async def test_every_figure_leads_to_its_rows_and_its_file_has_them(at: tuple[Clinic, Visitor]) -> None:
    _clinic, visitor = at
    checked = 0
    for report in REPORTS:
        for day in ("", "2026-11-20"):
            page = (await visitor.get(f"/reports/{report.key}" + (f"?day={day}" if day else ""))).text
            assert report.words.split(":")[0] in unescape(page)
            for path, value, title in re.findall(r'<li[^>]*><a href="([^"]+)"><b class="[^"]+">([^<]*)</b> <span>([^<]*)</span>', page):
                figure = next(f for f in report.figures if f.title == unescape(title))
                path = unescape(path)
                rows = (await visitor.get(path)).text
                number = int(re.findall(r'<span class="quiet">(\d+) rows?', rows)[0])
                if figure.how == "count":
                    assert number == int(value), (report.key, title)
                fields = dict(re.findall(r'<input type="hidden" name="(by\.[^"]+|day)" value="([^"]*)"', rows))
                if len(figure.so) == len([k for k in fields if k != "day"]) and all(len(v) == 1 for v in figure.so.values()):
                    answer = await visitor.post(f"/reports/{report.key}/file", {k: unescape(v) for k, v in fields.items()})
                    head, lines = table(answer.text)
                    assert (len(lines), head["Number of rows"]) == (number, str(number)), (report.key, title)
                    checked += 1
            for path, n in re.findall(r'<li><a href="([^"]+)"><span>[^<]*</span> <b>(\d+)</b>', page):
                assert f'<span class="quiet">{n} row' in (await visitor.get(unescape(path))).text
    assert checked > 30


async def test_a_file_says_what_was_counted_and_is_in_the_trail_before_it_leaves(at: tuple[Clinic, Visitor]) -> None:
    clinic, visitor = at
    answer = await visitor.post("/reports/census/file", {"day": "2026-11-20"})
    assert answer.headers["content-disposition"] == 'attachment; filename="census-2026-11-20.csv"'
    assert answer.headers["content-type"].startswith("text/csv")
    head, rows = table(answer.text)
    assert (head["Report"], head["For"], head["Time zone"]) == ("Census and length of stay", "2026-11-20", "America/New_York")
    assert head["Counted at"] == "2026-11-21T00:00-05:00"
    assert "prohibits unauthorized use or disclosure" in head["Notice"]
    assert head["What is counted"] == REPORTS[0].words
    assert len(rows) > 10
    lines = await clinic.owner.fetch("SELECT * FROM record.audit WHERE action = 'export' ORDER BY n")
    assert [(line["type"], line["outcome"], line["purpose"], line["query"]) for line in lines] == [("Report", outcome, "HOPERAT", "reports/census?day=2026-11-20") for outcome in ("started", "done")]
    assert set(lines[1]["patients"]) == {r[1] for r in rows}


async def test_what_a_spreadsheet_would_run_is_only_text() -> None:
    for value in ("=1+1", "+1", "-1", "@x", "\tx", "\r=x", " =x", "＝x", "\n=x"):
        assert harmless(value) == f"'{value}"
    assert [cell(v) for v in (-3, -2.5, None, "plain", "=x", True)] == ["-3", "-2.5", "", "plain", "'=x", "True"]


async def test_a_name_that_is_a_formula_leaves_as_text(at: tuple[Clinic, Visitor]) -> None:
    clinic, visitor = at
    p = (await clinic.make("sys-mh", people.patient("=HYPERLINK(1)", name=[{"text": "=HYPERLINK(1)", "family": "=HYPERLINK(1)"}]))).id
    await clinic.make("sys-mh", {"resourceType": "EpisodeOfCare", "status": "active", "patient": {"reference": f"Patient/{p}"}, "managingOrganization": {"reference": "Organization/mh"}, "period": {"start": "2026-11-01"}})
    rows = table((await visitor.post("/reports/census/file", {})).text)[1]
    (mine,) = [r for r in rows if r[1] == p]
    assert mine[0].startswith("'=")


async def test_a_day_to_come_is_today_and_nonsense_is_no_filter(at: tuple[Clinic, Visitor]) -> None:
    _, visitor = at
    today = (await visitor.get("/reports/census/tile")).text
    for asked in ("?day=2031-01-01", "?day=2026-11-30", "?day=nonsense", "?by.days=3&by.nothing=1"):
        assert (await visitor.get(f"/reports/census/tile{asked}")).text == today
    for asked in ("?day=0001-01-01", "?day=1200-05-05", "?from=-3", "?from=x", "?from=99999", "?by.state=%00"):
        assert (await visitor.get(f"/reports/census{asked}")).status_code == 200


async def test_the_page_of_tiles_works_without_scripts_and_each_says_what_it_counts(at: tuple[Clinic, Visitor]) -> None:
    _, visitor = at
    page = (await visitor.get("/reports?day=2026-11-20")).text
    for report in REPORTS:
        assert f'href="/reports/{report.key}?day=2026-11-20"' in page
        assert report.source in unescape(page)
    assert page.count("hx-get=") == len(REPORTS)


def test_bars_say_in_words_what_they_draw() -> None:
    svg = bars([Bar("<b>", 4), Bar("none", 0)], "By & by", "x")
    assert '<desc id="x-desc">&lt;b&gt;: 4; none: 0.</desc>' in svg
    assert '<title id="x-title">By &amp; by</title>' in svg
    assert "Nothing to count" in bars([], "Empty", "y")


async def test_the_trail_names_whoever_is_shown_and_nobody_who_is_only_counted(at: tuple[Clinic, Visitor]) -> None:
    clinic, visitor = at
    await visitor.get("/reports/census/tile")
    counted = await clinic.owner.fetch("SELECT type, query, patients FROM record.audit WHERE action = 'count' ORDER BY n")
    assert all(line["patients"] == [] for line in counted)
    (said,) = [line["query"] for line in counted if line["type"] == "Report"]
    assert re.fullmatch(r"reports/census at 2026-\d\d-\d\dT\d\d:\d\d \(\d+ rows\)", said)
    assert any(re.search(r"\(\d+ of \d+ clients\)", line["query"]) for line in counted if line["type"] == "EpisodeOfCare")
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE action = 'report-rows'") == 0
    page = (await visitor.get("/reports/census")).text
    (line,) = await clinic.owner.fetch("SELECT type, purpose, patients FROM record.audit WHERE action = 'report-rows'")
    assert (line["type"], line["purpose"]) == ("Report", "HOPERAT")
    assert set(re.findall(r'href="/patients/([^"/]+)', page)) <= set(line["patients"])
    assert len(line["patients"]) > 10
