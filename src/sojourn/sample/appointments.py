"""What is booked: the next visits of everybody in care, from today on."""

from __future__ import annotations

from datetime import date, timedelta

from sojourn.sample.chart import Chart
from sojourn.sample.localtime import iso
from sojourn.sample.parts import LOCAL, Json, concept, ref
from sojourn.sample.programs import PROGRAM
from sojourn.sample.stories import Stay
from sojourn.sample.visits import Diary

_KINDS = {
    "iop": (("individual", "Individual counseling", 13, 45),),
    "php": (("individual", "Individual therapy", 15, 50),),
    "mhop": (("individual", "Individual therapy", 9, 53),),
    "psychiatry": (("medical", "Medication visit", 10, 25),),
    "moud": (("medical", "Medication visit", 10, 20), ("nursing", "Nursing visit", 8, 15)),
    "sudop": (("individual", "Individual counseling", 11, 45),),
    "residential": (("individual", "Individual counseling", 14, 50),),
    "detox": (),
}


def book(chart: Chart, stay: Stay, diary: Diary) -> None:
    """Add the coming appointments of an open stay."""
    if stay.end is not None:
        return
    for kind, text, hour, minutes in _KINDS[stay.program]:
        first = chart.today + timedelta(days=chart.rng.randint(0, 9))
        for turn in range(1 if kind == "nursing" else 2):
            _appointment(chart, stay, diary, kind, text, _weekday(first + timedelta(days=7 * turn)), hour, minutes)


def _weekday(day: date) -> date:
    return day + timedelta(days=(7 - day.weekday()) % 7) if day.weekday() > 4 else day


def _appointment(chart: Chart, stay: Stay, diary: Diary, kind: str, text: str, day: date, hour: int, minutes: int) -> None:
    team = chart.teams[stay.number]
    staff = team.get({"medical": "prescriber", "nursing": "nurse"}.get(kind, "therapist")) or team["prescriber"]
    start = diary.find(staff, day, min(hour + chart.rng.randint(0, 3), 17), minutes)
    body: Json = {
        "status": "booked",
        "serviceType": [concept(text, (LOCAL + "visit-kind", kind))],
        "description": text,
        "start": iso(start),
        "end": iso(start + timedelta(minutes=minutes)),
        "minutesDuration": minutes,
        "participant": [
            {"actor": chart.subject, "status": "accepted"},
            {"actor": chart.by(staff), "status": "accepted"},
            {"actor": chart.at("Location", PROGRAM[stay.program].site), "status": "accepted"},
        ],
    }
    if chart.referrals.get(stay.number):
        body["basedOn"] = [ref(chart.referrals[stay.number])]
    chart.put(stay.program, "Appointment", "", body)
