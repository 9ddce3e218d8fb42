"""When a client is seen: the weekly rhythm of each program as dated visits with staff and room."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from random import Random
from typing import NamedTuple

from sojourn.sample.localtime import at
from sojourn.sample.people import Person
from sojourn.sample.staff import Staff, staff_of
from sojourn.sample.stories import Stay


class Visit(NamedTuple):
    """One contact. `kind`: intake, individual, group, medical, nursing, case, family; `attended`: came."""

    stay: Stay
    kind: str
    start: datetime
    end: datetime
    staff: Staff
    video: bool = False
    attended: bool = True
    topic: str = ""


class Plan(NamedTuple):
    """A repeated contact: on which days counted from admission, at what hour, how long, by whom."""

    kind: str
    days: tuple[int, ...]
    hour: int
    minutes: int
    by: str


class Diary:
    """Who is busy and which bed is taken, so that nobody is in two places and no bed holds two."""

    def __init__(self) -> None:
        self._taken: set[tuple[str, datetime]] = set()
        self._beds: dict[tuple[str, int], list[Stay]] = {}

    def bed(self, stay: Stay, beds: int) -> int:
        """Return the number of a bed that is free for the whole stay; the last one if none is."""
        for number in range(1, beds + 1):
            sleepers = self._beds.setdefault((stay.program, number), [])
            if not any(_together(stay, other) for other in sleepers):
                sleepers.append(stay)
                return number
        return beds

    def find(self, staff: Staff, day: date, hour: int, minutes: int, earliest: int = 8) -> datetime:
        """Return the first free half hour from `hour` on, else before it, else in the evening."""
        wished = [at(day, tried, half) for tried in (*range(hour, 18), *range(earliest, hour), 18, 19, 20) for half in (0, 30)]
        for start in wished:
            if self._take(staff, start, minutes):
                return start
        return at(day, hour)

    def _take(self, staff: Staff, start: datetime, minutes: int) -> bool:
        halves = [(staff.key, start + timedelta(minutes=m)) for m in range(0, minutes, 30)]
        if any(half in self._taken for half in halves):
            return False
        self._taken.update(halves)
        return True


def _together(one: Stay, other: Stay) -> bool:
    return one.start <= (other.end or date.max) and other.start <= (one.end or date.max)


TOPICS = {
    "sud": (
        "naming triggers and early warning signs",
        "urge surfing",
        "building a sober support network",
        "sleep in early recovery",
        "saying no with respect",
        "repairing trust with family",
        "boredom and free time",
        "how medication supports recovery",
        "planning a high-risk weekend",
        "overdose prevention and carrying naloxone",
        "grief without substances",
        "values and what a good day looks like",
    ),
    "mh": (
        "behavioral activation",
        "catching unhelpful thoughts",
        "grounding with the five senses",
        "worry time and problem solving",
        "asking for what you need",
        "sleep routines",
        "self-compassion",
        "building a personal safety plan",
        "distress tolerance",
        "pacing and energy",
    ),
}

_WEEKDAY_GROUPS = {"residential": range(5), "iop": (0, 2, 4), "php": range(5), "detox": range(7), "sudop": (1,)}
_GROUP_HOURS = {"residential": (10, 90), "iop": (9, 180), "php": (9, 300), "detox": (14, 60), "sudop": (17, 90)}


def _every(step: int, first: int = 0, last: int = 800) -> tuple[int, ...]:
    return tuple(range(first, last, step))


PLANS: dict[str, tuple[Plan, ...]] = {
    "detox": (
        Plan("intake", (0,), 11, 60, "prescriber"),
        Plan("medical", _every(1, 1), 9, 20, "prescriber"),
        Plan("nursing", _every(1), 20, 15, "nurse"),
    ),
    "residential": (
        Plan("intake", (0,), 13, 75, "therapist"),
        Plan("individual", _every(7, 3), 14, 50, "therapist"),
        Plan("medical", _every(7, 2), 9, 25, "prescriber"),
        Plan("nursing", _every(4, 1), 19, 15, "nurse"),
        Plan("case", _every(7, 5), 15, 30, "case"),
    ),
    "iop": (
        Plan("intake", (0,), 13, 75, "therapist"),
        Plan("individual", _every(7, 5), 13, 45, "therapist"),
        Plan("medical", (3, 31), 15, 30, "prescriber"),
        Plan("case", _every(21, 9), 12, 30, "case"),
    ),
    "php": (
        Plan("intake", (0,), 13, 75, "therapist"),
        Plan("individual", _every(7, 3), 15, 50, "therapist"),
        Plan("medical", _every(7, 1), 14, 30, "prescriber"),
    ),
    "mhop": (
        Plan("intake", (0,), 10, 60, "therapist"),
        Plan("individual", _every(7, 7), 9, 53, "therapist"),
    ),
    "psychiatry": (
        Plan("intake", (0,), 10, 60, "prescriber"),
        Plan("medical", (14, *_every(28, 30)), 11, 25, "prescriber"),
    ),
    "moud": (
        Plan("intake", (0,), 9, 60, "prescriber"),
        Plan("medical", (2, 7, 14, 21, *_every(14, 28)), 10, 20, "prescriber"),
        Plan("nursing", _every(14, 3), 8, 15, "nurse"),
        Plan("individual", _every(14, 10), 11, 45, "therapist"),
        Plan("case", _every(28, 12), 14, 30, "case"),
    ),
    "sudop": (
        Plan("intake", (0,), 10, 60, "therapist"),
        Plan("individual", _every(7, 4), 12, 45, "therapist"),
    ),
}
INPATIENT = {"detox", "residential"}


def clinicians(person: Person, stay: Stay, rng: Random) -> dict[str, Staff]:
    """Return who cares for the client during a stay: one person for each kind of work."""
    team = {}
    for kind in ("therapist", "prescriber", "nurse", "case", "tech", "peer"):
        candidates = staff_of(stay.program, kind)
        if candidates:
            near = candidates[: 3 if kind in {"prescriber", "therapist"} else 2]
            team[kind] = rng.choice(near if stay.program != "mhop" else candidates[:6])
    if "hero" in person.tags and stay.program == "mhop":
        team["therapist"] = next(s for s in staff_of("mhop", "therapist") if s.key == "dana")
    if "hero" in person.tags and stay.program == "psychiatry":
        team["prescriber"] = next(s for s in staff_of("psychiatry", "prescriber") if s.key == "okafor")
    return team


def visits_of(person: Person, stay: Stay, team: dict[str, Staff], rng: Random, diary: Diary, today: date) -> list[Visit]:
    """Return the visits of a stay that lie before `today`, in order of time."""
    days = stay.days(today)
    found = [*_planned(person, stay, team, rng, diary, days), *_groups(person, stay, team, rng, days)]
    return sorted(found, key=lambda visit: visit.start)


def _planned(person: Person, stay: Stay, team: dict[str, Staff], rng: Random, diary: Diary, days: list[date]) -> Iterator[Visit]:
    fortnightly = stay.program == "mhop" and "heavy" not in person.tags and rng.random() < 0.45
    shift = rng.randint(0, 3)
    for plan in PLANS[stay.program]:
        staff = team.get(plan.by) or team["therapist"]
        for turn, number in enumerate(plan.days):
            if fortnightly and plan.kind == "individual" and turn % 2:
                continue
            day = _working_day(stay, days, number)
            if day is None:
                continue
            start = _hour(stay, plan, staff, day, shift, diary)
            if not _gone(stay, start):
                yield _visit(person, stay, plan, staff, start, turn, rng)


def _hour(stay: Stay, plan: Plan, staff: Staff, day: date, shift: int, diary: Diary) -> datetime:
    if plan.hour > 17:
        return at(day, plan.hour, 10 * shift)
    bedded = stay.program in INPATIENT
    earliest = 11 if bedded and day == stay.start else 8
    return diary.find(staff, day, plan.hour if bedded else min(plan.hour + shift, 17), plan.minutes, earliest)


def _gone(stay: Stay, start: datetime) -> bool:
    """Whether somebody who had a bed has left by then: on the last day at eleven."""
    return stay.program in INPATIENT and stay.end == start.date() and start.hour >= 10


def _working_day(stay: Stay, days: list[date], number: int) -> date | None:
    if number >= len(days):
        return None
    if stay.program in INPATIENT or days[number].weekday() < 5:
        return days[number]
    later = [day for day in days[number : number + 3] if day.weekday() < 5]
    return later[0] if later else None


def _visit(person: Person, stay: Stay, plan: Plan, staff: Staff, start: datetime, turn: int, rng: Random) -> Visit:
    kind = plan.kind
    if kind == "individual" and "guardian" in person.tags and turn % 4 == 2:
        kind = "family"
    outpatient = stay.program not in INPATIENT
    attended = not (outpatient and kind != "intake" and rng.random() < 0.06)
    video = stay.program in {"mhop", "psychiatry"} and kind != "intake" and rng.random() < 0.3
    return Visit(stay, kind, start, start + timedelta(minutes=plan.minutes), staff, video, attended)


def _groups(person: Person, stay: Stay, team: dict[str, Staff], rng: Random, days: list[date]) -> Iterator[Visit]:
    if stay.program not in _WEEKDAY_GROUPS:
        return
    hour, minutes = _GROUP_HOURS[stay.program]
    topics = TOPICS["mh" if stay.program == "php" else "sud"]
    leaders = staff_of(stay.program, "therapist")
    for day in days[1:]:
        if day.weekday() not in _WEEKDAY_GROUPS[stay.program]:
            continue
        start = at(day, hour, 30 if stay.program in {"php", "sudop"} else 0)
        if _gone(stay, start):
            continue
        attended = stay.program in INPATIENT or rng.random() > 0.09
        leader = leaders[day.toordinal() % len(leaders)]
        topic = topics[day.toordinal() % len(topics)]
        end = start + timedelta(minutes=minutes)
        yield Visit(stay, "group", start, end, leader, attended=attended, topic=topic)
