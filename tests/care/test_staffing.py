"""Who answers, who is on call, who is away: at any moment, also in the two nights in which the clock changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.care import staffing
from sojourn.care.staffing import changing, zones
from sojourn.care.staffing.model import AWAY, NEVER, ON_CALL, SITE_LEAD, SUPERVISOR, Entry, read, resource
from sojourn.care.staffing.roster import Roster
from sojourn.gate.access import Access
from sojourn.record.database import Dsn
from tests.people import START, Clinic, close_clinic, open_clinic, patient

NEW_YORK = zones.named("America/New_York")
DAY = datetime(2026, 3, 3, tzinfo=UTC)


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    made = await open_clinic(database)
    yield made
    await close_clinic(made)


async def access(clinic: Clinic, who: str) -> Access:
    found = await clinic.gate.access(clinic.tokens[who])
    assert found is not None
    return found


def entry(kind: str, who: str, start: datetime, end: datetime = NEVER, *, program: str | None = None, supervises: str | None = None, sites: tuple[str, ...] = ()) -> Entry:
    return Entry(f"{kind}-{who}", "", kind, f"Practitioner/{who}", program, sites, start, end, supervises)


@given(st.sampled_from([ON_CALL, AWAY, SUPERVISOR, SITE_LEAD]), st.booleans(), st.integers(1, 500))
def test_an_entry_is_the_same_after_it_was_a_resource(kind: str, narrow: bool, hours: int) -> None:  # noqa: FBT001 - drawn
    made = entry(kind, "x", DAY, DAY + timedelta(hours=hours), program="Organization/a" if narrow else None, sites=("Location/s",) if narrow else ())
    again = read({**resource(made), "id": made.id})
    assert again == made


def test_a_gap_is_when_nobody_is_on_call_or_only_people_who_are_away() -> None:
    roster = Roster(
        (entry(ON_CALL, "a", DAY, DAY + timedelta(hours=8)), entry(ON_CALL, "b", DAY + timedelta(hours=8), DAY + timedelta(hours=16)), entry(AWAY, "b", DAY + timedelta(hours=10), DAY + timedelta(hours=12))), {},
    )  # fmt: skip
    gaps = roster.gaps(None, (), DAY, DAY + timedelta(hours=24))
    assert [(g.start - DAY, g.end - DAY) for g in gaps] == [(timedelta(hours=10), timedelta(hours=12)), (timedelta(hours=16), timedelta(hours=24))]


def test_those_named_for_a_program_come_before_those_for_every_program_and_others_do_not_come() -> None:
    end = DAY + timedelta(hours=8)
    roster = Roster((entry(ON_CALL, "all", DAY, end), entry(ON_CALL, "mine", DAY, end, program="Organization/a"), entry(ON_CALL, "other", DAY, end, program="Organization/b"), entry(ON_CALL, "far", DAY, end, sites=("Location/far",))), {})
    assert roster.on_call("Organization/a", ("Location/near",), DAY) == ["Practitioner/mine", "Practitioner/all"]


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 7), 11), (date(2026, 10, 31), 13), (date(2026, 6, 1), 12)])
def test_a_night_shift_is_as_long_as_the_night_was(day: date, hours: int) -> None:
    start = zones.moment(day, time(20), NEW_YORK)
    end = zones.moment(day + timedelta(days=1), time(8), NEW_YORK, ends=True)
    assert end - start == timedelta(hours=hours)


@pytest.mark.parametrize(("day", "at"), [(date(2026, 11, 1), time(1, 30)), (date(2026, 3, 8), time(2, 30)), (date(2026, 3, 8), time(2)), (date(2026, 6, 1), time(3))])
def test_two_shifts_that_meet_on_the_wall_leave_no_hole_between_them(day: date, at: time) -> None:
    first_ends, second_begins = zones.moment(day, at, NEW_YORK, ends=True), zones.moment(day, at, NEW_YORK)
    assert second_begins <= first_ends


def test_a_week_with_a_clock_change_has_a_day_of_another_length() -> None:
    spring = [round((end - start) / timedelta(hours=1)) for _, start, end in zones.days(date(2026, 3, 2), 7, NEW_YORK)]
    autumn = [round((end - start) / timedelta(hours=1)) for _, start, end in zones.days(date(2026, 10, 26), 7, NEW_YORK)]
    assert (spring, autumn) == ([24] * 6 + [23], [24] * 6 + [25])


async def test_the_roster_answers_who_is_on_call_who_supervises_and_who_leads(clinic: Clinic) -> None:
    keeper = await access(clinic, "sys-mh")
    now = keeper.now
    people = [(await clinic.make("sys-mh", {"resourceType": "Practitioner", "name": [{"family": name}]})).id for name in ("Night", "Boss", "Lead", "Under")]
    night, boss, lead, under = (f"Practitioner/{p}" for p in people)
    await changing.add(keeper, [
        entry(ON_CALL, people[0], now - timedelta(hours=1), now + timedelta(hours=9), program="Organization/mh"),
        entry(SUPERVISOR, people[1], now - timedelta(days=9), supervises=under), entry(SITE_LEAD, people[2], now - timedelta(days=9)),
    ])  # fmt: skip
    asker = await access(clinic, "mh-clinician")
    programs = asker.rules.programs
    assert await staffing.on_call(asker, programs[2], now) == [night]
    assert await staffing.on_call(asker, programs[3], now) == []
    assert await staffing.supervisor_of(asker, under) == boss
    assert await staffing.supervisor_of(asker, night) is None
    assert await staffing.site_leads(asker, programs[2], now) == [lead]
    await changing.add(await access(clinic, "sys-mh"), [entry(AWAY, people[0], now, now + timedelta(hours=2))])
    assert await staffing.absent(asker, night, now)
    assert await staffing.on_call(asker, programs[2], now) == []
    assert await staffing.on_call(asker, programs[2], now + timedelta(hours=3)) == [night]


async def test_the_roster_that_a_part_2_program_keeps_is_everybodys(clinic: Clinic) -> None:
    keeper = await access(clinic, "sys-sud")
    await changing.add(keeper, [entry(ON_CALL, "x", keeper.now - timedelta(hours=1), keeper.now + timedelta(hours=9))])
    for who in ("mh-clinician", "far-clinician", "sud-clinician"):
        assert await staffing.on_call(await access(clinic, who), None, keeper.now) == ["Practitioner/x"]


async def test_who_answers_is_the_manager_of_the_stay_in_that_program_else_the_first_of_its_team(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    subject = {"reference": f"Patient/{p}"}
    stay = {"resourceType": "EpisodeOfCare", "status": "active", "patient": subject, "period": {"start": START.isoformat()}, "managingOrganization": {"reference": "Organization/mh"}}
    await clinic.make("sys-mh", {"resourceType": "CareTeam", "status": "active", "subject": subject, "managingOrganization": [{"reference": "Organization/mh"}], "participant": [{"member": subject}, {"member": {"reference": "Practitioner/second"}}, {"role": [{"text": "Primary therapist"}], "member": {"reference": "Practitioner/first"}}]})
    asker = await access(clinic, "sys-mh")
    assert await staffing.responsible(asker, p) == "Practitioner/first"
    await clinic.make("sys-mh", {**stay, "careManager": {"reference": "Practitioner/manager"}})
    asker = await access(clinic, "sys-mh")
    assert await staffing.responsible(asker, p) == "Practitioner/manager"
    assert await staffing.responsible(asker, p, asker.rules.programs[2]) == "Practitioner/manager"
    assert await staffing.responsible(asker, p, asker.rules.programs[3]) is None
