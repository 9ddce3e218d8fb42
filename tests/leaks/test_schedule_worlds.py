"""Schedule and group sessions in two worlds: hidden visits, members, waiters, groups and reminders change no page, calendar or answer.

The second world is the first one with what is hidden added, on a clock that stands still. Nothing is taken out before comparing but the
the token of the session.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.care import policies
from sojourn.care.scheduling import appointments, duties, feeds, members, reminders, tracks, waitlist
from sojourn.care.scheduling.appointments import Wish
from sojourn.gate.access import Access
from sojourn.record.database import Dsn
from tests import people
from tests.leaks.drawn import Drawn
from tests.people import MH, SUD, Clinic, encounter, open_clinic, patient
from tests.web.real import Visitor, furnish
from tests.web.test_schedule import MONDAY, NY, clock_access, group, practitioners

SESSION = Drawn("csrf", "tab")
PHONE = [{"system": "phone", "value": "518-555-0199"}]


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """A Monday morning; the director of the tests may plan groups."""
    before = clock.set_clock(FakeClock(MONDAY))
    made = await open_clinic(database, connections=8)
    await practitioners(made)
    await furnish(made)
    for action in ("create", "update"):
        made.gate.house.rules[1]._allowed["director", action, "Schedule"] = None
    yield made
    await people.close_clinic(made)
    clock.set_clock(before)


async def as_(clinic: Clinic, who: str) -> Access:
    found = await clinic.gate.access(clinic.tokens[who])
    assert found is not None
    return found


async def books(clinic: Clinic, who: str, patient_: str, hour: int, program: int, day: int = 0, person: str = "mh-clinician") -> str:
    start = (MONDAY + timedelta(days=day)).replace(hour=hour)
    (id_,) = await appointments.book(await as_(clinic, who), [Wish(patient_, "individual", start, start + timedelta(minutes=50), (f"Practitioner/{person}",), "", NY, program)])
    return id_


async def look(visitor: Visitor, ana: str, track: str, session: str) -> list[tuple[str, int, str]]:
    """Every page of the schedule and of groups, Today, the palette, free times, and the calendar that another program reads."""
    found = []
    pages = ["/schedule", "/schedule?view=day&date=2026-11-30", "/schedule?view=rooms&date=2026-12-01", "/schedule?view=week&date=2026-12-01&who=mh-clinician", "/schedule/arrivals?date=2026-11-30",
             "/schedule/groups", f"/schedule/groups/{track}", "/schedule/waitlist", "/schedule/reminders", "/schedule/hours", f"/patients/{ana}/appointments", f"/patients/{ana}", "/groups",
             f"{session}?part=review", f"{session}?part=shared", "/today"]  # fmt: skip
    for path in pages:
        answer = await visitor.get(path)
        found.append((path, answer.status_code, SESSION.out(answer.text)))
    answer = await visitor.post(f"/patients/{ana}/appointments/times", {"kind": "individual", "was": "individual", "who": "mh-clinician", "minutes": "50"}, headers={"hx-request": "true"})
    found.append(("times", answer.status_code, SESSION.out(answer.text)))
    answer = await visitor.post("/palette", {"q": "quill"})
    found.append(("palette", answer.status_code, SESSION.out(answer.text)))
    return found


async def test_what_is_hidden_changes_no_page_no_free_time_and_no_calendar(clinic: Clinic) -> None:
    ana = (await clinic.make("sys-mh", patient(telecom=PHONE))).id
    track_id = await group(clinic, program="2")
    mine = await as_(clinic, "mh-clinician")
    rules = await policies.of(mine)
    await members.join(mine, await tracks.one(mine, track_id), ana, MONDAY.date(), MONDAY.date() + timedelta(days=10), rules)
    await books(clinic, "mh-clinician", ana, 10, MH)
    await reminders.agree(mine, ana, "phone", 0)
    await duties.remind(await clock_access(clinic))
    visitor = Visitor(clinic)
    await visitor.sign_in("mh-clinician")
    clock.set_clock(FakeClock(MONDAY + timedelta(days=1, hours=5)))
    visitor = Visitor(clinic)
    await visitor.sign_in("mh-clinician")
    session = (await visitor.post("/groups/begin", {"group": track_id, "day": "2026-12-01"})).headers["location"]
    reader = await as_(clinic, "mh-clinician")
    secret = await feeds.begin(reader, clinic.gate)
    await look(visitor, ana, track_id, session)
    before, calendar = await look(visitor, ana, track_id, session), await feeds.busy(clinic.gate, secret)

    await clinic.make("sys-sud", encounter(ana, period={"start": "2026-11-30T09:00:00-05:00", "end": "2026-11-30T12:00:00-05:00"}))
    quill = (await clinic.make("sys-sud", patient("Quill", telecom=PHONE))).id
    sud = await as_(clinic, "sud-clinician")
    track = await tracks.one(sud, track_id)
    for hour, day in ((10, 0), (15, 1), (9, 2)):
        await books(clinic, "sud-clinician", ana, hour, SUD, day)
        await books(clinic, "sud-clinician", quill, hour, SUD, day)
    await appointments.book(sud, [Wish(quill, "group", o.start, o.end, track.leaders, "", NY, SUD, "", track.id) for o in track.series.between(MONDAY, MONDAY + timedelta(days=9))])
    await waitlist.ask(sud, quill, "group", track=track_id, priority=1, program=SUD)
    (missed,) = [await books(clinic, "sud-clinician", ana, 13, SUD, 0)]
    await appointments.no_show(await as_(clinic, "sud-clinician"), missed, rules, "Practitioner/mh-clinician")
    await reminders.agree(await as_(clinic, "sud-clinician"), quill, "phone", 0)
    clerk = await clock_access(clinic)
    await duties.remind(clerk)
    await duties.follow(clerk)
    await clinic.make("sys-sud", {k: v for k, v in tracks.resource(track._replace(name="Quill house")).items() if k != "id"})

    after = await look(visitor, ana, track_id, session)
    for (path, *one), (_, *other) in zip(before, after, strict=True):
        assert one == other, path
    assert await feeds.busy(clinic.gate, secret) == calendar
    assert "Quill" not in str(after)


async def test_an_appointment_that_is_hidden_answers_as_one_that_is_not_there(clinic: Clinic) -> None:
    quill = (await clinic.make("sys-sud", patient("Quill"))).id
    hidden = await books(clinic, "sud-clinician", quill, 10, SUD)
    visitor = Visitor(clinic)
    await visitor.sign_in("mh-clinician")
    absent = "A" * len(hidden)
    answers: list[Any] = []
    for id_ in (hidden, absent):
        shown = await visitor.get(f"/schedule/appointments/{id_}")
        done = [(await visitor.post(f"/schedule/appointments/{id_}", {"act": act, "reason": "x", "day": "2026-12-01", "time": "10:00", "minutes": "50"})) for act in ("here", "missed", "cancel", "move")]
        listed = await visitor.post("/schedule/arrivals", {"act": "here", "id": id_})
        waits = await visitor.post("/schedule/waitlist", {"entry": id_})
        answers.append([(a.status_code, SESSION.out(a.text).replace(id_, "")) for a in (shown, *done, listed, waits)])
    assert answers[0] == answers[1]
    assert {status for status, _ in answers[0]} == {404}
