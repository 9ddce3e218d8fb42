"""The trail on the privacy officer's desk, over the real gate: search, export, reports, unusual looking; and whom the pages tell what."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import AsyncIterator

import httpx
import pytest

from sojourn.doors.staff.desk.trail import reports
from sojourn.doors.staff.desk.trail.exporting import harmless
from sojourn.record.database import Dsn
from tests import people
from tests.gate.test_trail_read import story
from tests.people import Clinic
from tests.web.test_gate import screen

PAGES = ("/desk/trail", "/desk/reports", "/desk/unusual")


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations on a database of the test's own."""
    made = await people.open_clinic(database, connections=8)
    yield made
    await people.close_clinic(made)


async def post(browser: httpx.AsyncClient, path: str, page: str = "/desk/trail", **form: str) -> httpx.Response:
    """Send a form with the token of a page that was open."""
    token = re.findall(r'name="csrf" value="([^"]+)"', (await browser.get(page)).text)[0]
    return await browser.post(path, data={"csrf": token, **form})


def rows(page: str) -> list[list[str]]:
    """The cells of the table."""
    found = re.findall(r'<tr role="row"><th role="rowheader".*?</tr>', page, re.S)
    return [[re.sub(r"<[^>]+>|\s+", " ", cell).strip() for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S)] for row in found]


async def test_the_officer_searches_by_patient_person_act_and_day(clinic: Clinic) -> None:
    await story(clinic)
    browser = await screen(clinic, "officer")
    for page in PAGES:
        assert (await browser.get(page)).status_code == 200, page
    found = rows((await post(browser, "/desk/trail", patient="rivera")).text)
    assert found
    assert all("Rivera, Ana" in row[3] for row in found)
    mine = rows((await post(browser, "/desk/trail", patient="rivera", person="both-clinician", did="looked at")).text)
    assert {row[1].split()[0] for row in mine} == {"both-clinician"}
    assert len(mine) == 3
    nobody = (await post(browser, "/desk/trail", person="Nobody At All")).text
    assert "Nobody has this name." in nobody
    assert "Nothing in the trail fits." in (await post(browser, "/desk/trail", since="2020-01-01", until="2020-01-02")).text
    assert "A day must be written" in (await post(browser, "/desk/trail", since="x")).text


async def test_of_several_patients_one_is_chosen_and_stays_chosen(clinic: Clinic) -> None:
    await story(clinic)
    other = (await clinic.make("sys-mh", people.patient(birthDate="1999-09-09"))).id
    browser = await screen(clinic, "officer")
    page = (await post(browser, "/desk/trail", patient="rivera")).text
    assert "Which patient?" in page
    assert other in page
    chosen = (await post(browser, "/desk/trail", patient="rivera", pick=other)).text
    assert [row[2] for row in rows(chosen)][-1].startswith("added to")
    assert f'name="patient_id" value="{other}"' in chosen
    again = rows((await post(browser, "/desk/trail", patient="Rivera, Ana", patient_said="Rivera, Ana", patient_id=other)).text)
    assert again


async def test_more_lines_come_by_a_cursor_in_the_body(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", people.patient())).id
    for _ in range(60):
        await clinic.get("mh-clinician", f"Patient/{p}")
    browser = await screen(clinic, "officer")
    page = (await post(browser, "/desk/trail", patient="rivera", person="mh-clinician")).text
    assert len(rows(page)) == 50
    cursor = re.findall(r'name="cursor" value="([^"]+)"', page)[0]
    token = re.findall(r'name="csrf" value="([^"]+)"', page)[0]
    kept = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page[page.index('name="cursor"') :]))
    more = await browser.post("/desk/trail", data={"csrf": token, "cursor": cursor, **kept}, headers={"hx-request": "true"})
    assert len(rows(more.text)) == 10
    assert "<html" not in more.text


async def test_an_export_is_what_was_searched_for_and_is_itself_in_the_trail(clinic: Clinic) -> None:
    await story(clinic)
    browser = await screen(clinic, "officer")
    answer = await post(browser, "/desk/trail/export", patient="rivera", person="both-clinician", format="csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="audit-trail.csv"'
    table = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(table) == 3
    assert {row["account"] for row in table} == {"both-clinician"}
    answer = await post(browser, "/desk/trail/export", patient="rivera", person="both-clinician", format="ndjson")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["resourceType"] for line in lines] == ["AuditEvent"] * 3
    kept = await clinic.owner.fetch("SELECT outcome, patients FROM record.audit WHERE action = 'export' ORDER BY n")
    assert [(r["outcome"], len(r["patients"])) for r in kept] == [("started", 0), ("done", 1)] * 2
    assert (await post(browser, "/desk/trail/export", since="x")).status_code == 400


def test_no_cell_of_the_export_is_a_formula() -> None:
    for text in ("=1+1", "+1", "-1", "@x", "\tx"):
        assert harmless(text) == "'" + text
    assert harmless("read") == "read"


async def test_a_report_for_the_patient_reads_in_plain_words(clinic: Clinic) -> None:
    p, _ = await story(clinic)
    browser = await screen(clinic, "officer")
    gone = await post(browser, "/desk/reports", patient="rivera", page="/desk/reports")
    assert (gone.status_code, gone.headers["location"]) == (303, f"/desk/reports/{p}")
    page = (await browser.get(f"/desk/reports/{p}")).text
    assert "Who looked at the record" in page
    assert re.search(r"<b>both-clinician</b>.*?Looked at: .*?measurements and results.*?For treatment", page, re.S)
    for rule, words in (("hipaa", "45 CFR 164.528"), ("part2", "may still change"), ("intermediary", "42 CFR 2.24")):
        shown = await browser.get(f"/desk/reports/{p}/{rule}")
        assert shown.status_code == 200
        assert words in shown.text
    assert (await browser.get(f"/desk/reports/{p}/nothing")).status_code == 404


async def test_a_much_read_chart_shows_what_happened_lately_and_the_whole_year_when_asked(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    p, _ = await story(clinic)
    for _ in range(3):
        await clinic.get("technician", f"Patient/{p}")
    monkeypatch.setattr(reports, "LATEST", 2)
    browser = await screen(clinic, "officer")
    lately = (await browser.get(f"/desk/reports/{p}")).text
    assert "<b>technician</b>" in lately
    assert "<b>both-clinician</b>" not in lately
    assert 'href="?all"' in lately
    year = (await browser.get(f"/desk/reports/{p}?all")).text
    assert "<b>both-clinician</b>" in year
    assert "Show the whole year" not in year


async def test_unusual_looking_names_who_and_says_what_may_explain_it(clinic: Clinic) -> None:
    for n in range(6):
        p = (await clinic.make("sys-mh", people.patient(f"Family{n}"))).id
        await clinic.get("technician", f"Patient/{p}")
    page = (await (await screen(clinic, "officer")).get("/desk/unusual")).text
    assert "with whom no care team, episode or program connects them" in page
    assert "Family3, Ana" in page
    assert "Cover, intake and supervision" in page


async def test_the_pages_are_for_those_who_oversee_the_trail(clinic: Clinic) -> None:
    p, _ = await story(clinic)
    for who in ("mh-clinician", "biller", "technician"):
        browser = await screen(clinic, who)
        for page in (*PAGES, f"/desk/reports/{p}", f"/desk/reports/{p}/hipaa"):
            assert (await browser.get(page)).status_code == 403, (who, page)


async def test_a_patient_who_may_not_be_seen_has_the_same_report_as_nobody(clinic: Clinic) -> None:
    hidden = (await clinic.make("sys-sud", people.patient())).id
    await clinic.owner.execute("UPDATE record.assignment SET programs = '{2}' WHERE account = 'officer'")
    browser = await screen(clinic, "officer")
    for page in ("", "/hipaa"):
        one, other = await browser.get(f"/desk/reports/{hidden}{page}"), await browser.get(f"/desk/reports/nobody{page}")
        assert one.status_code == other.status_code == 404
    assert "No patient that you can see fits" in (await post(browser, "/desk/trail", patient="rivera")).text
    assert (await browser.get("/desk/unusual")).status_code == 403
