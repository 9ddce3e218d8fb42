"""This week at Riverbend: groups, who waits, no-shows, a double booking, a half-written session."""

from __future__ import annotations

from datetime import date, time, timedelta

from sojourn.base import errors
from sojourn.care import policies
from sojourn.care.groups import model, opening
from sojourn.care.groups.model import Own, Shared
from sojourn.care.scheduling import appointments, members, reminders, tracks, waitlist, zones
from sojourn.care.scheduling.appointments import Wish
from sojourn.care.scheduling.series import Series
from sojourn.care.scheduling.tracks import Track
from sojourn.cli.riverbend_desk import signed_in_as
from sojourn.gate import groupsessions
from sojourn.gate.access import Access
from sojourn.gate.gate import Gate
from sojourn.sample.directory import ZONE, Directory
from sojourn.sample.programs import PROGRAM

TENANT, SEED = 1, 1
_HERE = zones.zone(ZONE)
# Name, weekdays, time, minutes, seats, level, program, leaders, room. Dana's group is set in lay_out: it was yesterday.
_TRACKS = (
    ("IOP track A, mornings", (0, 2, 4), time(9), 180, 12, "2.1", "iop", ("sam", "gallo"), "meeting:day-1", 10),
    ("IOP track B, evenings", (1, 3), time(17, 30), 180, 12, "2.1", "iop", ("ogden",), "meeting:day-1", 6),
    ("Day program", (0, 1, 2, 3, 4), time(9, 30), 300, 15, "PHP", "php", ("vega", "thorne"), "meeting:day-2", 9),
    ("Recovery skills", (1,), time(17, 30), 90, 10, "1.5", "sudop", ("stroud",), "meeting:harbor-1", 6),
)
_OWN = (
    ("present", "", "He came early, helped set up the chairs and spoke third.", "He tried the five senses at the bus stop and said that it took the edge off within a minute or two.", "He used it twice this week without being reminded."),
    ("present", "", "She listened closely and spoke when asked.", "She doubts that it works at night, and wants to try it with the lights on before she gives it up.", "She slept two nights through, which is new."),
    ("left-early", "16:00", "He was restless and left for his shift, as he had said.", "He liked the exercise with cold water and laughed at how plain it is.", "He has not practiced at home yet."),
)  # fmt: skip


async def lay_out(gate: Gate, today: date) -> None:
    """Once, on a schedule that is empty. Everything goes through the gate as the people of the sample would do it."""
    directory = Directory(SEED)
    async with signed_in_as(gate, "adam") as desk:
        if await tracks.every(desk):
            return
        await _tracks(desk, directory, today)
        every = {t.name: t for t in await tracks.every(desk)}
        rules = await policies.of(desk)
        monday = today - timedelta(days=today.weekday())
        for name, *_, program, _, _, many in _TRACKS:
            for patient in (await _clients(desk, directory, program))[:many]:
                await members.join(desk, every[name], patient, monday, today + timedelta(days=13), rules)
        await _agreements(desk, today)
    async with signed_in_as(gate, "dana") as therapist:
        await _danas(therapist, directory, today)
    async with signed_in_as(gate, "okafor") as doctor:
        await _twice(doctor, directory, today)


def _workday(day: date, step: int) -> date:
    day += timedelta(days=step)
    while day.weekday() > 4:
        day += timedelta(days=1 if step > 0 else -1)
    return day


async def _tracks(desk: Access, directory: Directory, today: date) -> None:
    mine = ("Mood and anxiety skills", tuple({_workday(today, -1).weekday(), _workday(today, 2).weekday()}), time(15), 90, 8, "", "mhop", ("dana",), "meeting:north-1", 8)
    for name, days, at, minutes, seats, level, program, leaders, room, _ in (*_TRACKS, mine):
        series = Series(frozenset(days), at, minutes, ZONE, today - timedelta(days=120))
        people = tuple(directory.reference("Practitioner", leader) for leader in leaders)
        place = directory.reference("Location", room).removeprefix("Location/")
        await tracks.create(desk, Track("", "", name, "group", series, seats, level, directory.reference("Organization", f"program:{program}"), people, place, True))


async def _clients(access: Access, directory: Directory, program: str) -> list[str]:
    """Who is in care of a program, as far as the caller may see them; in an order that stays."""
    found = await access.search("EpisodeOfCare", [("organization", directory.reference("Organization", f"program:{program}")), ("status", "active")], count=100)
    return sorted({str(e["patient"]["reference"]).removeprefix("Patient/") for e in found.resources})


async def _agreements(desk: Access, today: date) -> None:
    """Those who come tomorrow and the day after agreed to be called."""
    low, high = zones.day_bounds(today, _HERE, 3)
    coming = [b.patient for b in await appointments.between(desk, low, high, statuses=("booked",)) if b.patient]
    for n, patient in enumerate(list(dict.fromkeys(coming))[:10]):
        try:
            await reminders.agree(desk, patient, "phone-message" if n % 3 else "phone", 0)
        except errors.Malformed:
            continue  # no telephone


async def _danas(dana: Access, directory: Directory, today: date) -> None:
    """Her group of yesterday with eight members, half written; two who missed their own visit; three who wait."""
    rules = await policies.of(dana)
    track = next(t for t in await tracks.every(dana) if t.name == "Mood and anxiety skills")
    clients = await _clients(dana, directory, PROGRAM["mhop"].key)
    last = _workday(today, -1)
    for patient in clients[:8]:
        await members.join(dana, track, patient, last, today + timedelta(days=20), rules)
    for patient, priority in zip(clients[8:11], (5, 1, 3), strict=False):
        await waitlist.ask(dana, patient, "group", track=track.id, priority=priority, comment="Evenings are not possible." if priority == 5 else "", program=tracks.program_of(dana, track))
    for n, patient in enumerate(clients[11:13]):
        start = zones.at(last, time(10 + n), _HERE)
        (missed,) = await appointments.book(dana, [Wish(patient, "individual", start, start + timedelta(minutes=50), (dana.caller.agent or "",), "", _HERE, dana.caller.acting)])
        await appointments.no_show(dana, missed, rules, dana.caller.agent)
    session = await opening.begin(dana, track.id, last)
    await _half_written(dana, session)


async def _half_written(dana: Access, session: str) -> None:
    sitting = await opening.open_(dana, session)
    shared = Shared(
        topic="Grounding with the five senses", intervention="Named the window of tolerance, practiced five senses twice, each wrote one place to use it.",
        process="A quiet start; the group warmed when one member described a crowded bus.", service="group", modality="in-person", track=sitting.shared.track, name=sitting.shared.name,
        room=sitting.shared.room, zone=sitting.shared.zone,
    )  # fmt: skip
    await groupsessions.keep(dana, sitting.session, model.packed(shared))
    for member, (attendance, left, participation, response, progress) in zip(sitting.members, _OWN, strict=False):
        sections = {"participation": participation, "response": response, "progress": progress}
        own = Own(member.own.patient, member.own.appointment, attendance, "", left, "", sections, tuple(o.id for o in member.objectives[:1]), "" if member.objectives else "The plan is being written.",
                  tuple(d.id for d in member.diagnoses[:1]), "none")  # fmt: skip
        await groupsessions.keep_part(dana, session, member.part._replace(body=model.packed(own)))
    for member in sitting.members[3:4]:
        own = Own(member.own.patient, member.own.appointment, "no-show")
        await groupsessions.keep_part(dana, session, member.part._replace(body=model.packed(own)))
    for member in sitting.members[4:5]:
        own = Own(member.own.patient, member.own.appointment, "late", "15:20", "", "", {"participation": "Came in wet from the rain and sat by the door."})
        await groupsessions.keep_part(dana, session, member.part._replace(body=model.packed(own)))


async def _twice(doctor: Access, directory: Directory, today: date) -> None:
    """A medical visit booked at the time of a group: whoever sees both has it on a list."""
    day = _workday(today, 1)
    while day.weekday() not in (0, 2, 4):
        day += timedelta(days=1)
    start = zones.at(day, time(10), _HERE)
    for patient in (await _clients(doctor, directory, "iop"))[:1]:
        await appointments.book(doctor, [Wish(patient, "medical", start, start + timedelta(minutes=25), (doctor.caller.agent or "",), "", _HERE, doctor.caller.acting)])
