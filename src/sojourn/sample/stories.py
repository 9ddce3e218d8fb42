"""What happens to a client: stays in programs, one after another or side by side, ending by today."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import NamedTuple

from sojourn.sample.people import Person
from sojourn.sample.programs import PROGRAM


class Stay(NamedTuple):
    """One admission to one program. `end` is the last day, None while it lasts."""

    number: int
    program: str
    start: date
    end: date | None
    outcome: str

    @property
    def part2(self) -> bool:
        """Whether its records are Part 2 records."""
        return PROGRAM[self.program].part2

    def days(self, today: date) -> list[date]:
        """Return the days of the stay before `today`."""
        last = min(self.end or today, today - timedelta(days=1))
        return [self.start + timedelta(days=n) for n in range((last - self.start).days + 1)]


class Leg(NamedTuple):
    """One program of a path: how many days it lasts (None: until today), and how long after the last."""

    program: str
    shortest: int | None
    longest: int = 0
    gap: int = 0
    beside: int | None = None


_DETOX, _RESIDENTIAL = Leg("detox", 4, 6), Leg("residential", 21, 28)
_IOP, _PHP = Leg("iop", 32, 42), Leg("php", 14, 21)
_SUDOP, _MHOP, _MOUD = Leg("sudop", None), Leg("mhop", None), Leg("moud", None)
_PSYCHIATRY = Leg("psychiatry", None, beside=9)

LEGS: dict[str, tuple[Leg, ...]] = {
    "detox-residential-iop": (_DETOX, _RESIDENTIAL, _IOP),
    "detox-residential-iop-sudop": (_DETOX, Leg("residential", 23, 23), Leg("iop", 44, 44), _SUDOP),
    "detox-residential": (_DETOX, _RESIDENTIAL),
    "residential-iop-sudop": (_RESIDENTIAL, _IOP, _SUDOP),
    "detox-only": (_DETOX,),
    "iop-sudop": (_IOP, _SUDOP),
    "iop": (_IOP,),
    "iop-psychiatry": (_IOP, _PSYCHIATRY),
    "moud": (_MOUD,),
    "moud-sudop": (_MOUD, Leg("sudop", None, beside=12)),
    "moud-psychiatry": (_MOUD, _PSYCHIATRY),
    "sudop": (_SUDOP,),
    "sudop-mhop": (_SUDOP, Leg("mhop", None, beside=6)),
    "php-mhop": (_PHP, _MHOP),
    "php-mhop-psychiatry": (_PHP, _MHOP, Leg("psychiatry", None, beside=17)),
    "mhop": (_MHOP,),
    "mhop-psychiatry": (_MHOP, _PSYCHIATRY),
    "psychiatry": (Leg("psychiatry", None),),
    "iop+mhop+psychiatry": (_MHOP, Leg("psychiatry", None, beside=13), Leg("iop", 56, 56, beside=46)),
    "relapse": (
        Leg("detox", 5, 5),
        Leg("residential", 14, 14),
        Leg("detox", 5, 5, gap=9),
        Leg("residential", 28, 28),
        _IOP,
    ),
    "heavy": (
        Leg("mhop", None),
        Leg("psychiatry", None, beside=20),
        Leg("detox", 6, 6, beside=640),
        Leg("residential", 28, 28),
        Leg("iop", 56, 56),
        Leg("moud", None, beside=646),
    ),
    "deceased": (Leg("detox", 5, 5), _SUDOP),
    "referral": (),
}
# How many days ago a hand-written story began; the others begin at some day of the last ninety.
_BEGAN = {
    "ana": 84,
    "ben": 86,
    "rosalind": 720,
    "walter": 88,
    "maya": 34,
    "elijah": 60,
    "tyler": 25,
    "maria88": 62,
    "maria89": 81,
    "darnell": 82,
    "siobhan": 20,
    "khai": 77,
    "marcus": 55,
    "kai": 70,
    "amina": 71,
    "harold": 74,
    "destiny": 79,
    "priscilla": 66,
    "max": 85,
    "gwen": 2,
    "terrell": 3,
    "ilya": 1,
}
_CAN_LEAVE_EARLY = {"detox": 0.12, "residential": 0.12, "iop": 0.1}
DAYS_SINCE_DEATH = 12


def stays_of(person: Person, rng: Random, today: date) -> list[Stay]:
    """Return the client's stays, each started before `today`, in order of start."""
    began = _BEGAN.get(person.key) or _drawn_start(person, rng)
    first = cursor = today - timedelta(days=began)
    stays: list[Stay] = []
    going_on = True
    for leg in LEGS[person.path]:
        if not (leg.beside or going_on):
            continue
        start = first + timedelta(days=leg.beside) if leg.beside else cursor + timedelta(days=leg.gap)
        if start >= today:
            continue
        stay = _stay(person, rng, len(stays), leg, start, today)
        stays.append(stay)
        going_on = going_on and not (stay.end is None and leg.shortest)
        if stay.end is not None:
            cursor = stay.end
        if stay.outcome == "against advice" and person.path != "relapse":
            break
    return sorted(stays, key=lambda stay: (stay.start, stay.number))


def _drawn_start(person: Person, rng: Random) -> int:
    """Return how many days ago the story began; more often recently where a bed or a day place is part of it."""
    if person.path.startswith(("detox", "residential", "php")) and rng.random() < 0.6:
        shortest = person.path.startswith("detox") and rng.random() < 0.45
        return rng.randint(1, 4) if shortest else rng.randint(4, 26)
    return rng.randint(3, 88)


def _stay(person: Person, rng: Random, number: int, leg: Leg, start: date, today: date) -> Stay:
    if "deceased" in person.tags:
        died = today - timedelta(days=DAYS_SINCE_DEATH)
        planned = start + timedelta(days=leg.longest) if leg.shortest else died
        return Stay(number, leg.program, start, min(planned, died), "died" if planned >= died else "transferred")
    if leg.shortest is None:
        return _open_stay(person, rng, number, leg, start, today)
    end = start + timedelta(days=rng.randint(leg.shortest, leg.longest))
    outcome = "transferred" if leg.program in {"detox", "residential"} else "completed"
    if person.path == "relapse" and number == 1:
        return Stay(number, leg.program, start, end, "against advice")
    if not person.tags and rng.random() < _CAN_LEAVE_EARLY.get(leg.program, 0):
        end = start + timedelta(days=max(1, (end - start).days // 3))
        outcome = "against advice"
    if end >= today:
        return Stay(number, leg.program, start, None, "active")
    if person.path == "detox-only" and outcome == "transferred":
        outcome = "home"
    return Stay(number, leg.program, start, end, outcome)


def _open_stay(person: Person, rng: Random, number: int, leg: Leg, start: date, today: date) -> Stay:
    lasted = (today - start).days
    if not person.tags and lasted > 60 and rng.random() < 0.3:
        return Stay(number, leg.program, start, start + timedelta(days=rng.randint(50, lasted - 3)), "completed")
    return Stay(number, leg.program, start, None, "active")


def severity(course: str, progress: float) -> float:
    """Return how strong the symptoms are relative to the start (1.0), `progress` from 0 to 1."""
    if course == "improving":
        return 1 - 0.66 * progress
    if course == "relapse":
        return 1 - 0.75 * progress if progress < 0.55 else 0.59 + 0.65 * (progress - 0.55)
    if course == "worse":
        return 1 + 0.16 * progress
    return 1 - 0.12 * progress
