"""Notes in two worlds: what an author may not see changes no list, warning, picker or draft of theirs.

The second world is the first with a Part 2 note, measure, goal, session and another client added, of which this author may know nothing.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

from sojourn.base import clock
from sojourn.care.notes import writing
from tests import people
from tests.care.test_notes import LONG, acting, client, note
from tests.leaks.drawn import same, without
from tests.people import Clinic
from tests.web.test_emergency import post
from tests.web.test_notes import clinic, fresh, ready  # noqa: F401 - a fixture


async def test_hidden_notes_measures_names_and_sessions_change_nothing_that_an_author_sees(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    browser = await fresh(clinic)
    patient, path, form = await ready(clinic, browser)
    form |= {"s-data": LONG, "s-plan": "Will meet Doverly at the library."}
    stamp = re.findall(r'name="stamp" value="([^"]+)"', (await browser.get(path)).text)[0]
    await post(browser, path, do="preview", stamp=stamp, **form)

    async def seen() -> list[str]:
        token = re.findall(r'name="csrf" value="([^"]+)"', (await browser.get("/patients")).text)[0]
        pages = [(await browser.get(p)).text for p in (f"/patients/{patient}/notes", "/notes", f"{path}/preview", path, f"/patients/{patient}/notes/apart")]
        pages.append((await post(browser, f"/patients/{patient}/notes", template="dap")).text)
        pages.append((await browser.post(f"{path}/insert", headers={"x-csrf-token": token})).text)
        return [without("how long ago", same(p)) for p in pages]

    before = await seen()
    await clinic.make("sys-sud", people.encounter(patient))
    sud = await acting(clinic, "sud-clinician")
    at = clock.now() - timedelta(hours=2)
    hidden = replace(note(patient), start=at, stop=at + timedelta(minutes=50), sections={"data": LONG, "assessment": "x", "plan": "Call the court."})
    await sud.write(await writing.changes_for(sud, hidden), action="note")
    await client(clinic, "sys-sud", family="Doverly")
    score = people.observation(patient, 9, category=[{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey"}]}])
    await clinic.make("sys-sud", score)
    await clinic.make("sys-sud", {"resourceType": "Goal", "lifecycleStatus": "active", "description": {"text": "No use for 30 days"}, "subject": {"reference": f"Patient/{patient}"}})
    assert await seen() == before
