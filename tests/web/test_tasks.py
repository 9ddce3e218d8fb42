"""One task over the real gate: given, delegated, put off with a reason, its day changed, spoken about; and Today leads to it with one key."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from starlette.routing import Match

from sojourn.care import tasks
from sojourn.doors.staff import waiting
from sojourn.doors.staff.lines import Line
from sojourn.doors.staff.routes import INSIDE
from sojourn.doors.staff.today import sections
from sojourn.record.database import Dsn
from tests.care.reported import as_, house, person, visitor
from tests.people import MH, Clinic, encounter, patient
from tests.web.real import Visitor, later

UNKNOWN = "There is nobody of this name to whom this can be given."


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    async with house(database) as made:
        yield made


async def made(clinic: Clinic, owner: str, *, priority: str = "routine") -> tuple[str, str]:
    """A task about a client of MH; the client's id and its own."""
    client = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(client))
    access = await as_(clinic, owner)
    change = tasks.new(access, "outreach", "Call about the missed visit", patient=client, owner=await person(clinic, owner), due=access.now + timedelta(days=3), program=MH, priority=priority)
    await access.write([change], action="task")
    return client, change.id


async def does(who: Visitor, task: str, do: str, **form: str) -> Any:
    await who.get(f"/tasks/{task}")
    return await who.post(f"/tasks/{task}", {"do": do, **form})


async def test_a_task_is_given_away_delegated_and_spoken_about(clinic: Clinic) -> None:
    _, task = await made(clinic, "mh-clinician")
    them = await visitor(clinic, "mh-clinician")
    assert "Nina Tarrow" in (await them.post(f"/tasks/{task}/people", {"find": "tarr"})).text
    for account in ("sud-clinician", "nobody-here"):
        refused = await does(them, task, "give", person=account, why="Yours")
        assert refused.status_code == 422
        assert UNKNOWN in refused.text
    assert (await does(them, task, "give", person="nurse", why="")).status_code == 422
    assert (await does(them, task, "delegate", person="nurse", why="You know his sister.")).status_code == 303
    assert "Given to others" in (await them.get("/today")).text
    nurse = await visitor(clinic, "nurse")
    assert "Call about the missed visit" in (await nurse.get("/today")).text
    page = (await nurse.get(f"/tasks/{task}")).text
    assert "Given to Nina Tarrow: You know his sister." in page
    assert (await does(nurse, task, "comment", note="Left a word with the sister.")).status_code == 303
    assert "Left a word with the sister." in (await them.get(f"/tasks/{task}")).text
    assert (await does(nurse, task, "give", person="lead", why="On leave from tomorrow.")).status_code == 303
    assert "Call about the missed visit" not in (await nurse.get("/today")).text
    lead = await visitor(clinic, "lead")
    assert "Call about the missed visit" in (await lead.get("/today")).text
    assert (await does(lead, task, "done", note="Spoke with him.")).status_code == 303
    assert (await does(lead, task, "comment", note="Late.")).status_code == 422
    stored = (await clinic.get("mh-clinician", f"Task/{task}")).json()
    assert [n["text"] for n in stored["note"]] == ["Given to Nina Tarrow: You know his sister.", "Left a word with the sister.", "Given to Sam Sable: On leave from tomorrow.", "Spoke with him."]
    lines = [r["action"] for r in await clinic.owner.fetch("SELECT action FROM record.audit WHERE account IN ('mh-clinician', 'nurse', 'lead') AND action = 'task'")]
    assert len(lines) >= 4


async def test_a_task_is_put_off_with_a_reason_and_comes_back(clinic: Clinic) -> None:
    _, task = await made(clinic, "mh-clinician")
    them = await visitor(clinic, "mh-clinician")
    for form in ({"until": "2026-03-05", "why": ""}, {"until": "2026-03-20", "why": "Away"}, {"until": "2026-03-01", "why": "Away"}, {"until": "soon", "why": "Away"}):
        assert (await does(them, task, "later", **form)).status_code == 422, form
    assert (await does(them, task, "later", until="2026-03-06", why="He is in the hospital until Friday.")).status_code == 303
    assert "Call about the missed visit" not in (await them.get("/today")).text
    page = (await them.get(f"/tasks/{task}")).text
    assert "put off until 2026-03-06" in page
    assert "He is in the hospital until Friday." in page
    later(days=2)
    them = await visitor(clinic, "mh-clinician")
    assert "Call about the missed visit" in (await them.get("/today")).text
    assert (await does(them, task, "due", due="2026-03-12", why="Discharged a week later.")).status_code == 303
    assert (await clinic.get("mh-clinician", f"Task/{task}")).json()["restriction"]["period"]["end"].startswith("2026-03-12")
    assert (await does(them, task, "due", due="2026-03-01", why="x")).status_code == 422


async def test_what_cannot_wait_is_not_put_off(clinic: Clinic) -> None:
    _, task = await made(clinic, "mh-clinician", priority="stat")
    them = await visitor(clinic, "mh-clinician")
    assert "Put it off" not in (await them.get(f"/tasks/{task}")).text
    assert (await does(them, task, "later", until="2026-03-05", why="Later")).status_code == 422


async def test_two_people_at_one_task_do_not_overwrite_each_other(clinic: Clinic) -> None:
    client, task = await made(clinic, "mh-clinician")
    them = await visitor(clinic, "mh-clinician")
    await them.get(f"/tasks/{task}")
    assert (await clinic.get("sys-mh", f"Task?patient={client}")).ids == [task]
    for n in range(3):
        assert (await does(them, task, "comment", note=f"Word {n}")).status_code == 303
    assert [x["text"] for x in (await clinic.get("mh-clinician", f"Task/{task}")).json()["note"]] == ["Word 0", "Word 1", "Word 2"]


def test_every_kind_of_task_leads_to_a_page_that_is_there() -> None:
    for kind, pattern in waiting.PLACES.items():
        path = pattern.format(patient="a", id="b", focus="c", why="d")
        assert reached(path), (kind, path)


def reached(path: str) -> bool:
    """Whether a page answers at this address."""
    scope = {"type": "http", "method": "GET", "path": path.partition("?")[0].partition("#")[0], "headers": []}
    return any(route.matches(scope)[0] is Match.FULL for route in INSIDE.routes)


@pytest.mark.parametrize("name", [s.name for s in sections.SECTIONS])
async def test_every_section_answers_and_leads_to_pages_that_open(clinic: Clinic, name: str) -> None:
    """Whatever stands in a section, its line leads to a page of whoever sees it; and the page of Today gives each line a key."""
    section = next(s for s in sections.SECTIONS if s.name == name)
    await made(clinic, "mh-clinician")
    for who in ("mh-clinician", "nurse", "lead", "risk"):
        access = await as_(clinic, who)
        if not all(access.may(t, a) for t, a in section.needs):
            continue
        browser = await visitor(clinic, who)
        for line in await section.fetch(access):
            assert reached(line.path), (name, line.path)
            assert (await browser.get(line.path)).status_code == 200, (name, line.path)


async def test_each_line_of_today_has_a_key_of_its_own(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    async def many(_: Any) -> list[Line]:
        return [Line(f"Line {n}", f"/tasks/{n}") for n in range(40)]

    monkeypatch.setattr("sojourn.doors.staff.today.today.SECTIONS", (sections.Section("tasks", "Tasks", (), many),))
    them = await visitor(clinic, "mh-clinician")
    page = (await them.get("/today")).text
    keys = re.findall(r'href="/tasks/\d+" data-key="(\w)"', page)
    assert len(keys) == len(set(keys)) == 34
    assert "g" not in keys


async def test_what_is_late_stands_first_on_today_and_what_is_empty_last(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    def of(*lines: Line) -> Any:
        async def fetch(_: Any) -> list[Line]:
            return list(lines)

        return fetch

    made = (sections.Section("a", "Empty", (), of(), "Nothing."), sections.Section("b", "Soon", (), of(Line("x", "/tasks/1", tone="amber"))), sections.Section("c", "Late", (), of(Line("y", "/tasks/2", tone="red"))))
    monkeypatch.setattr("sojourn.doors.staff.today.today.SECTIONS", made)
    page = (await (await visitor(clinic, "mh-clinician")).get("/today")).text
    assert page.index(">Late<") < page.index(">Soon<") < page.index(">Empty<")
