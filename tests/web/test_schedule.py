"""The schedule over the real gate: booking, groups and arrivals, and that what is hidden never stands in anybody's way."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.care import policies
from sojourn.care.scheduling import collisions, duties, reminders
from sojourn.care.staffing import changing
from sojourn.care.staffing.model import AWAY, Entry
from sojourn.gate.access import Access
from sojourn.gate.clockwork import Clockwork
from sojourn.record.database import Dsn
from tests import people
from tests.people import Clinic, encounter, open_clinic, patient
from tests.web.test_emergency import post
from tests.web.test_frame import normal
from tests.web.test_gate import screen

NY = ZoneInfo("America/New_York")
MONDAY = datetime(2026, 11, 30, 8, 0, tzinfo=NY)


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations on a Monday morning, with the people who work there in the directory."""
    before = clock.set_clock(FakeClock(MONDAY))
    made = await open_clinic(database, connections=8)
    await practitioners(made)
    yield made
    await people.close_clinic(made)
    clock.set_clock(before)


async def practitioners(clinic: Clinic) -> None:
    """Staff of the directory under the ids of their accounts, as an import brings them."""
    from sojourn.gate.importing import Arrival, bring_in

    async def arrivals() -> Any:
        for id_ in ("mh-clinician", "sud-clinician", "both-clinician"):
            yield Arrival(f"t:{id_}", None, {"resourceType": "Practitioner", "id": id_, "active": True, "name": [{"family": id_.title(), "given": ["Pat"]}]})

    access = await clinic.gate.access(clinic.tokens["sys-none"])
    assert access is not None
    async for _ in bring_in(access, [a async for a in arrivals()]):
        pass


async def clock_access(clinic: Clinic) -> Access:
    return await Clockwork(clinic.gate).access(1)


async def booked(clinic: Clinic, by: str, patient_id: str, day: str, at: str, **more: str) -> httpx.Response:
    """Book from the chart, as a form does."""
    browser, path = await screen(clinic, by), f"/patients/{patient_id}/appointments"
    form = {"do": "book", "kind": "individual", "who": by, "minutes": "50", "day": day, "time": at, "times": "1", **more}
    return await post(browser, path, path, **form)


async def known(clinic: Clinic, who: str, query: str) -> list[Any]:
    return (await clinic.get(who, query)).entries


async def booking_from_a_chart_moving_cancelling_and_missing(clinic: Clinic) -> None:
    ana = (await clinic.make("sys-mh", patient())).id
    answer = await booked(clinic, "mh-clinician", ana, "2026-12-01", "10:00", times="3")
    assert answer.status_code == 303, answer.text
    found = sorted(await known(clinic, "mh-clinician", f"Appointment?patient={ana}"), key=lambda a: a["start"])
    assert [a["start"] for a in found] == ["2026-12-01T10:00:00-05:00", "2026-12-08T10:00:00-05:00", "2026-12-15T10:00:00-05:00"]
    browser = await screen(clinic, "mh-clinician")
    page = (await browser.get(f"/patients/{ana}/appointments")).text
    assert "Tue 1 Dec, 10:00" in page
    one = f"/schedule/appointments/{found[0]['id']}"
    assert (await post(browser, one, one, act="move", day="2026-12-01", time="11:30", minutes="25")).status_code == 303
    assert (await post(browser, one, one, act="cancel", reason="")).status_code == 422
    later = f"/schedule/appointments/{found[1]['id']}"
    assert (await post(browser, later, later, act="cancel", reason="The client asked for it", which="later")).status_code == 303
    assert [a["status"] for a in sorted(await known(clinic, "mh-clinician", f"Appointment?patient={ana}"), key=lambda a: a["start"])] == ["booked", "cancelled", "cancelled"]
    assert (await post(browser, one, one, act="missed")).status_code == 303
    tasks = await known(clinic, "mh-clinician", f"Task?patient={ana}")
    assert [(t["code"]["coding"][0]["code"], t["owner"]["reference"]) for t in tasks] == [("outreach", "Practitioner/mh-clinician")]
    assert "Rivera" not in tasks[0]["description"]
    assert (await post(browser, one, one, act="missed")).status_code == 303
    assert len(await known(clinic, "mh-clinician", f"Task?patient={ana}")) == 1


async def what_may_be_seen_in_the_way_is_said_and_can_be_overruled(clinic: Clinic) -> None:
    ana, bo = (await clinic.make("sys-mh", patient())).id, (await clinic.make("sys-mh", patient("Boone"))).id
    assert (await booked(clinic, "mh-clinician", ana, "2026-12-01", "10:00")).status_code == 303
    answer = await booked(clinic, "mh-clinician", bo, "2026-12-01", "10:30")
    assert answer.status_code == 409
    assert "Mh-Clinician is booked on Tue 1 Dec from 10:00 to 10:50." in answer.text
    assert "Rivera" not in answer.text
    assert (await booked(clinic, "mh-clinician", bo, "2026-12-01", "10:30", anyway="yes")).status_code == 303


async def whoever_is_away_is_neither_offered_nor_booked_unnoticed(clinic: Clinic) -> None:
    ana = (await clinic.make("sys-mh", patient())).id
    director = await clinic.gate.access(clinic.tokens["sys-mh"])
    assert director is not None
    day = MONDAY.replace(hour=0)
    await changing.add(director, [Entry("", "", AWAY, "Practitioner/mh-clinician", None, (), day, day + timedelta(days=1))])
    page = (await (await screen(clinic, "mh-clinician")).get(f"/patients/{ana}/appointments")).text
    assert "Tue 1 Dec, 08:00" in page
    assert "Mon 30 Nov" not in page
    assert (await booked(clinic, "mh-clinician", ana, "2026-11-30", "10:00")).status_code == 409


async def free_times_are_within_the_week_that_somebody_works(clinic: Clinic) -> None:
    ana = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", {"resourceType": "PractitionerRole", "active": True, "practitioner": {"reference": "Practitioner/mh-clinician"}, "organization": {"reference": "Organization/mh"}})
    clinic.gate.house.rules[1]._allowed["director", "update", "PractitionerRole"] = None
    browser, path = await screen(clinic, "both-clinician"), "/schedule/availability"
    assert "As the organization" in (await browser.get(path)).text
    assert (await post(browser, path, path, who="Practitioner/mh-clinician", start3="19:00", end3="17:00")).status_code == 422
    assert (await post(browser, path, path, who="Practitioner/mh-clinician", start3="18:00", end3="20:00")).status_code == 303
    assert "Thu 18:00–20:00" in (await browser.get(path)).text
    page = (await (await screen(clinic, "mh-clinician")).get(f"/patients/{ana}/appointments")).text
    assert re.findall(r"(\w+ \d+ \w+, \d\d:\d\d) <kbd", page)[:3] == ["Thu 3 Dec, 18:00", "Thu 3 Dec, 19:00", "Thu 10 Dec, 18:00"]


async def test_a_collision_with_something_hidden_changes_nothing_and_goes_to_who_may_see_both(clinic: Clinic) -> None:
    """World A: the client is already in the Part 2 program at that time. World B: they are not. The answers are alike."""
    ana = (await clinic.make("sys-mh", patient())).id
    bea = (await clinic.make("sys-mh", patient("Rivers"))).id
    await clinic.make("sys-sud", encounter(ana))
    assert (await booked(clinic, "sud-clinician", ana, "2026-12-01", "10:00")).status_code == 303
    hidden, free = [await booked(clinic, "mh-clinician", p, "2026-12-01", "10:15", who="") for p in (ana, bea)]
    assert (hidden.status_code, hidden.headers["location"].replace(ana, "P")) == (free.status_code, free.headers["location"].replace(bea, "P")) == (303, "/patients/P/appointments")
    assert await collisions.look(await clock_access(clinic), await policies.of(await clock_access(clinic))) == 1
    assert await collisions.look(await clock_access(clinic), await policies.of(await clock_access(clinic))) == 0
    both = await screen(clinic, "officer")
    page = (await both.get("/schedule/double")).text
    assert "One client at two places" in page
    assert page.count("Rivera") == 2
    one_side = (await (await screen(clinic, "mh-officer")).get("/schedule/double")).text
    assert "Nothing collides that you can see." in one_side
    assert await known(clinic, "mh-clinician", f"Task?patient={ana}") == []
    mine = re.sub(r"P|" + ana + "|" + bea, "P", (await (await screen(clinic, "mh-clinician")).get(f"/patients/{ana}/appointments")).text)
    assert "10:00" not in mine.replace("10:00–", "").split("Book a visit")[0]


async def group(clinic: Clinic, who: str = "both-clinician", **more: str) -> str:
    """A group on Tuesdays and Thursdays at nine, as whoever plans the schedule makes it."""
    browser = await screen(clinic, who)
    form = {"name": "Tuesday track A", "day1": "1", "day3": "1", "at": "09:00", "minutes": "180", "every": "1", "zone": "America/New_York", "first": "2026-11-24", "capacity": "2", "level": "2.1",
            "program": "2", "leader": "mh-clinician", **more}  # fmt: skip
    answer = await post(browser, "/schedule/groups/new", "/schedule/groups/new", **form)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].rpartition("/")[2]


@pytest.fixture
def planner(clinic: Clinic) -> Clinic:
    """The director of the tests may plan groups, too."""
    rules = clinic.gate.house.rules[1]
    for action in ("create", "update"):
        rules._allowed["director", action, "Schedule"] = None
    return clinic


async def test_a_group_its_members_days_that_differ_and_seats(planner: Clinic) -> None:
    clinic = planner
    track = await group(clinic)
    ana, bo = (await clinic.make("sys-mh", patient())).id, (await clinic.make("sys-mh", patient("Boone"))).id
    browser = await screen(clinic, "both-clinician")
    for p in (ana, bo):
        path = f"/patients/{p}/appointments"
        assert (await post(browser, path, path, do="join", track=track, first="2026-12-01", until="2026-12-10")).status_code == 303
    starts = sorted(a["start"] for a in await known(clinic, "mh-clinician", f"Appointment?patient={ana}"))
    assert starts == [f"2026-12-{d}T09:00:00-05:00" for d in ("01", "03", "08", "10")]
    late, path = (await clinic.make("sys-mh", patient("Cruz"))).id, f"/schedule/groups/{track}"
    chart = f"/patients/{late}/appointments"
    answer = await post(browser, chart, chart, do="join", track=track, first="2026-12-01", until="2026-12-01")
    assert (answer.status_code, "no seat left" in answer.text) == (422, True)
    page = (await browser.get(path)).text
    assert "2 booked, 0 seats left" in page
    assert (await post(browser, path, path, act="cancel-day", day="2026-12-03", reason="Facilitator away")).status_code == 303
    assert (await post(browser, path, path, act="move-day", day="2026-12-08", to="2026-12-09", at="13:00", minutes="120")).status_code == 303
    rows = sorted((a["start"], a["status"]) for a in await known(clinic, "mh-clinician", f"Appointment?patient={bo}"))
    assert rows == [("2026-12-01T09:00:00-05:00", "booked"), ("2026-12-03T09:00:00-05:00", "cancelled"), ("2026-12-09T13:00:00-05:00", "booked"), ("2026-12-10T09:00:00-05:00", "booked")]
    assert (await post(browser, path, path, act="restore-day", day="2026-12-03")).status_code == 303
    assert [a["status"] for a in await known(clinic, "mh-clinician", f"Appointment?patient={bo}&date=2026-12-03")] == ["booked"]
    assert (await post(browser, path, path, act="leave", patient=bo)).status_code == 303
    assert {a["status"] for a in await known(clinic, "mh-clinician", f"Appointment?patient={bo}")} == {"cancelled"}
    week = (await browser.get("/schedule?view=week&date=2026-12-01&who=mh-clinician")).text
    assert "1 booked of 2" in week


async def test_seats_and_the_waitlist_are_counted_over_what_may_be_seen(planner: Clinic) -> None:
    """One seat is taken by somebody whom mental health staff may not see: they count two seats, and their client is first in line."""
    clinic = planner
    track = await group(clinic, program="")
    hidden, ana = (await clinic.make("sys-sud", patient("Quill"))).id, (await clinic.make("sys-mh", patient())).id
    for who, p in (("sud-clinician", hidden), ("mh-clinician", ana)):
        browser, path = await screen(clinic, who), f"/patients/{p}/appointments"
        assert (await post(browser, path, path, do="wait", track=track, priority="1" if p == hidden else "5")).status_code == 303
        assert (await post(browser, path, path, do="join", track=track, first="2026-12-01", until="2026-12-01")).status_code == 303
    page = (await (await screen(clinic, "mh-clinician")).get(f"/schedule/groups/{track}")).text
    assert "1 booked, 1 seat left" in page
    assert "1. Rivera, Ana" in page
    assert "Quill" not in page
    assert hidden not in page
    assert "2 booked, 0 seats left" in (await (await screen(clinic, "both-clinician")).get(f"/schedule/groups/{track}")).text
    third = (await clinic.make("sys-mh", patient("Boone"))).id
    browser, path = await screen(clinic, "mh-clinician"), f"/patients/{third}/appointments"
    assert (await post(browser, path, path, do="join", track=track, first="2026-12-01", until="2026-12-01")).status_code == 303
    await duties.follow(await clock_access(clinic))
    assert "More members than seats" in (await (await screen(clinic, "officer")).get("/schedule/double")).text
    assert "Nothing collides" in (await (await screen(clinic, "mh-officer")).get("/schedule/double")).text


async def test_the_clock_lets_hidden_members_follow_a_day_that_moved(planner: Clinic) -> None:
    clinic = planner
    track = await group(clinic, program="")
    hidden = (await clinic.make("sys-sud", patient("Quill"))).id
    path = f"/patients/{hidden}/appointments"
    assert (await post(await screen(clinic, "sud-clinician"), path, path, do="join", track=track, first="2026-12-01", until="2026-12-03")).status_code == 303
    supervisor = clinic.gate.house.rules[1]._allowed
    supervisor["clinician", "update", "Schedule"] = None
    group_path = f"/schedule/groups/{track}"
    assert (await post(await screen(clinic, "mh-clinician"), group_path, group_path, act="cancel-day", day="2026-12-03", reason="Away")).status_code == 303
    assert sorted(a["status"] for a in await known(clinic, "sud-clinician", f"Appointment?patient={hidden}")) == ["booked", "booked"]
    await duties.follow(await clock_access(clinic))
    assert sorted(a["status"] for a in await known(clinic, "sud-clinician", f"Appointment?patient={hidden}")) == ["booked", "cancelled"]


async def arrivals_are_checked_in_and_taken_back(clinic: Clinic) -> None:
    ana = (await clinic.make("sys-mh", patient())).id
    await booked(clinic, "mh-clinician", ana, "2026-11-30", "10:00")
    (one,) = await known(clinic, "mh-clinician", f"Appointment?patient={ana}")
    browser, path = await screen(clinic, "mh-clinician"), "/schedule/arrivals"
    assert "1 expected" in (await browser.get(path)).text
    assert (await post(browser, path, path, act="here", id=one["id"])).status_code == 303
    assert "1 here" in (await browser.get(path)).text
    assert (await post(browser, path, path, act="undo", id=one["id"])).status_code == 303
    assert "1 expected" in (await browser.get(path)).text


async def the_feed_says_busy_and_nothing_else_and_ends_when_it_is_taken_back(clinic: Clinic) -> None:
    ana, quill = (await clinic.make("sys-mh", patient())).id, (await clinic.make("sys-sud", patient("Quill"))).id
    await booked(clinic, "mh-clinician", ana, "2026-12-01", "10:00")
    await booked(clinic, "sud-clinician", quill, "2026-12-02", "10:00", who="mh-clinician")
    browser = await screen(clinic, "mh-clinician")
    token = browser.cookies["sojourn"]
    await clinic.owner.execute("UPDATE record.credential SET proved = $1, fresh = '1 hour' WHERE account = 'mh-clinician' AND kind = 'session'", clock.now())
    clinic.gate.identity._known.clear()
    assert (await post(browser, "/schedule/feed", "/schedule/feed", act="begin")).status_code == 303, token
    address = re.findall(r"/calendar/\w+", (await browser.get("/schedule/feed")).text)[0]
    stranger = httpx.AsyncClient(transport=browser._transport, base_url="http://a.test")
    feed = await stranger.get(address)
    assert feed.headers["content-type"].startswith("text/calendar")
    lines = feed.text.split("\r\n")
    assert [line for line in lines if line.startswith(("DTSTART", "DTEND", "SUMMARY"))] == ["DTSTART:20261201T150000Z", "DTEND:20261201T155000Z", "SUMMARY:Busy"]
    secret = address.rpartition("/")[2]
    for word in ("Rivera", "Quill", ana, quill, "session", "Individual"):
        assert word not in feed.text
    assert (await clinic.ask(secret, "GET", "Patient")).status == 401
    assert (await post(browser, "/schedule/feed", "/schedule/feed", act="end")).status_code == 303
    gone, never = await stranger.get(address), await stranger.get("/calendar/" + "x" * 43)
    assert (gone.status_code, never.status_code) == (404, 404)


async def test_the_feed_of_somebody_who_was_let_go_is_an_address_that_never_was(clinic: Clinic) -> None:
    """By another process, while this one remembers them; and a feed goes on when only what they may do was changed."""
    ana = (await clinic.make("sys-mh", patient())).id
    await booked(clinic, "mh-clinician", ana, "2026-12-01", "10:00")
    browser = await screen(clinic, "mh-clinician")
    await clinic.owner.execute("UPDATE record.credential SET proved = $1, fresh = '1 hour' WHERE account = 'mh-clinician' AND kind = 'session'", clock.now())
    clinic.gate.identity._known.clear()
    assert (await post(browser, "/schedule/feed", "/schedule/feed", act="begin")).status_code == 303
    address = re.findall(r"/calendar/\w+", (await browser.get("/schedule/feed")).text)[0]
    stranger = httpx.AsyncClient(transport=browser._transport, base_url="http://a.test")
    before = (await stranger.get(address)).text
    await clinic.owner.execute("UPDATE record.account SET generation = generation + 1 WHERE account = 'mh-clinician'")
    assert "DTSTART:20261201T150000Z" in before
    assert (await stranger.get(address)).text == before
    await clinic.owner.execute("SELECT gate.set_account_state(1, 'mh-clinician', 'deactivated', '', 'left', $1)", clock.now())
    gone, never = await stranger.get(address), await stranger.get("/calendar/" + "x" * 43)
    assert (gone.status_code, gone.headers.get("location"), normal(gone.text)) == (never.status_code, None, normal(never.text))


async def reminders_are_for_who_agreed_and_tell_nothing(clinic: Clinic) -> None:
    phone = [{"system": "phone", "value": "518-555-0199"}]
    ana, bo = (await clinic.make("sys-mh", patient(telecom=phone))).id, (await clinic.make("sys-mh", patient("Boone", telecom=phone))).id
    for p, at in ((ana, "15:00"), (bo, "16:00")):
        await booked(clinic, "mh-clinician", p, "2026-11-30", at)
    path = f"/patients/{ana}/appointments"
    assert (await post(await screen(clinic, "mh-clinician"), path, path, do="agree", agreed="phone:0")).status_code == 303
    await duties.remind(await clock_access(clinic))
    await duties.remind(await clock_access(clinic))
    page = (await (await screen(clinic, "mh-clinician")).get("/schedule/reminders")).text
    assert page.count("A reminder: you have an appointment on Monday, 30 November, at 3:00 pm.") == 1
    assert "Boone" not in page
    (queued,) = await known(clinic, "mh-clinician", f"Communication?patient={ana}")
    assert "Individual" not in queued["payload"][0]["contentString"]
    assert (await post(await screen(clinic, "mh-clinician"), "/schedule/reminders", "/schedule/reminders", reminder=queued["id"], act="reached")).status_code == 303
    assert await reminders.waiting(await clock_access(clinic)) == []


async def hours_are_those_of_attendance_against_the_level(clinic: Clinic) -> None:
    ana = (await clinic.make("sys-mh", patient())).id
    episode = {"resourceType": "EpisodeOfCare", "status": "active", "patient": {"reference": f"Patient/{ana}"}, "period": {"start": "2026-11-01"},
               "type": [{"coding": [{"system": "https://x.example/level-of-care", "code": "2.1"}], "text": "Intensive outpatient"}]}  # fmt: skip
    await clinic.make("sys-mh", episode)
    for begin, end in (("09:00", "12:00"), ("11:00", "12:30")):  # shared time counts once
        await clinic.make("sys-mh", encounter(ana, period={"start": f"2026-11-25T{begin}:00-05:00", "end": f"2026-11-25T{end}:00-05:00"}))
    await clinic.make("sys-mh", encounter(ana, status="cancelled", period={"start": "2026-11-26T09:00:00-05:00", "end": "2026-11-26T12:00:00-05:00"}))
    page = (await (await screen(clinic, "mh-clinician")).get("/schedule/hours?date=2026-11-25")).text
    assert "Rivera, Ana" in page
    assert "<b>3.5</b>" in page
    assert "5.5 h behind" in page
    chart = (await (await screen(clinic, "mh-clinician")).get(f"/patients/{ana}/appointments")).text
    assert "2.1 asks for 9 a week" in chart


def test_a_calendar_merges_what_overlaps() -> None:
    from sojourn.care.scheduling.appointments import read
    from sojourn.care.scheduling.feeds import calendar

    rows = [read({"id": str(n), "status": "booked", "start": "2026-12-01T09:00:00-05:00", "end": f"2026-12-01T{h}:00:00-05:00"}) for n, h in enumerate(("12", "12", "11"))]
    text = calendar(rows, b"k" * 32, MONDAY).decode()
    assert text.count("BEGIN:VEVENT") == 1
    assert calendar(rows, b"j" * 32, MONDAY + timedelta(days=1)) != text.encode()


async def test_what_holds_of_bookings_and_visits(clinic: Clinic) -> None:
    await booking_from_a_chart_moving_cancelling_and_missing(clinic)
    await what_may_be_seen_in_the_way_is_said_and_can_be_overruled(clinic)
    await arrivals_are_checked_in_and_taken_back(clinic)
    await hours_are_those_of_attendance_against_the_level(clinic)


async def test_what_holds_of_the_people_who_see_clients(clinic: Clinic) -> None:
    await whoever_is_away_is_neither_offered_nor_booked_unnoticed(clinic)
    await free_times_are_within_the_week_that_somebody_works(clinic)


async def test_what_leaves_the_schedule_tells_nothing(clinic: Clinic) -> None:
    await the_feed_says_busy_and_nothing_else_and_ends_when_it_is_taken_back(clinic)
    await reminders_are_for_who_agreed_and_tell_nothing(clinic)
