"""/patients/{id}/appointments: what is booked, booking in a few keys, groups, hours."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from sojourn.base.digits import digits
from sojourn.base.errors import Malformed
from sojourn.care import levels, policies
from sojourn.care.policies import Policies
from sojourn.care.scheduling import appointments, availability, away, hours, members, reminders, tracks, waitlist, zones
from sojourn.care.scheduling.appointments import Wish
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.schedule import frame, one
from sojourn.doors.staff.words import own_name
from sojourn.gate.changes import new_id
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

MEETING = "meeting-room"
_AHEAD = timedelta(days=21)


class Choice(NamedTuple):
    """What can be chosen when booking: programs of the caller, people, rooms."""

    programs: list[tuple[str, str]]
    people: list[tuple[str, str]]
    rooms: list[tuple[str, str]]
    workers: dict[str, availability.Worker]


async def show(request: Request) -> Response:
    """GET."""
    return await _page(request, {})


async def act(request: Request) -> Response:
    """POST: show free times, book, join or leave a group, wait, agree to reminders."""
    access, id_ = request.state.access, request.path_params["id"]
    form = await sent(request)
    try:
        flash = await _done(access, id_, form, await policies.of(access))
    except Malformed as error:
        return await _page(request, form, error.message, 422)
    if isinstance(flash, list):
        return await _page(request, form, clash=flash, status=409)
    return redirect(request, f"/patients/{id_}/appointments", flash)


async def times(request: Request) -> Response:
    """POST /patients/{id}/appointments/times: free times for what is chosen so far."""
    return await _page(request, await sent(request), block="times")


async def _done(access: Access, id_: str, form: dict[str, str], rules: Policies) -> str | list[Any]:
    """Do what the form asks for: a word for the next page, or what is in the way as far as the caller may see it."""
    where = frame.home(rules)
    await banner.fetch(access, id_)  # NotFound for whom the caller may not see
    match form.get("do", ""):
        case "join":
            track = await tracks.one(access, form.get("track", ""))
            today = zones.local(access.now, where).date()
            first, until = frame.asked_day(form.get("first", ""), today), frame.asked_day(form.get("until", ""), today + timedelta(days=27))
            if form.get("full") != "yes" and await members.full(access, track, id_, first, until, rules):
                raise Malformed(f"{track.name} has no seat left at some of these times, as far as you can see. Put the client on the waitlist, or book them all the same.")
            await members.join(access, track, id_, first, until, rules)
        case "leave":
            await members.leave(access, await tracks.one(access, form.get("track", "")), id_, zones.local(access.now, where).date(), form.get("reason", "") or "Left the group")
        case "wait":
            track_id = form.get("track", "")
            program = tracks.program_of(access, await tracks.one(access, track_id)) if track_id else _program(access, form)
            await waitlist.ask(access, id_, "group" if track_id else form.get("kind", "individual"), track=track_id, priority=int(form.get("priority") or 5), comment=form.get("comment", ""), program=program)
        case "agree":
            means, _, number = form.get("agreed", "").partition(":")
            await reminders.agree(access, id_, means, int(number or -1))
        case "book":
            return await _book(access, id_, form, where, rules)
        case _:
            raise Malformed("Choose what to do.")
    return "saved"


def _program(access: Access, form: dict[str, str]) -> int | None:
    """The program that the booking is for: of those in which the caller works. Raises Malformed."""
    text = form.get("program", "")
    if not text:
        return access.caller.acting
    if not digits(text) or int(text) not in access.caller.programs:
        raise Malformed("Choose one of your programs.")
    return int(text)


async def _book(access: Access, id_: str, form: dict[str, str], where: ZoneInfo, rules: Policies) -> str | list[Any]:
    kind, person, room = form.get("kind", ""), form.get("who", ""), form.get("room", "")
    length = one.minutes(form)
    start = datetime.fromisoformat(form["at"]) if form.get("at") else one.moment(form, where)
    times = form.get("times", "1")
    if kind not in {k.code for k in appointments.kinds()} or not digits(times) or not 1 <= int(times) <= 26:
        raise Malformed("Choose what it is, and at most 26 weeks.")
    people = (f"Practitioner/{person}",) if person else ()
    wall = zones.local(start, where)
    series = new_id() if int(times) > 1 else ""
    starts = [start] + [zones.at(wall.date() + timedelta(days=7 * n), wall.time(), where) for n in range(1, int(times))]
    program = _program(access, form)
    wishes = [Wish(id_, kind, s, s + timedelta(minutes=length), people, room, where, program, form.get("comment", "").strip()[:500], "", series, form.get("modality", "")) for s in starts]
    if form.get("anyway") != "yes":
        actors = [f"Patient/{id_}", *people, *([f"Location/{room}"] if room else [])]
        until = starts[-1] + timedelta(minutes=length)
        there, gone, hours_, places = await asyncio.gather(
            appointments.between(access, starts[0] - appointments.LONGEST, until, actors=actors, statuses=appointments.STANDING), away.spans(access, people, starts[0], until),
            availability.of_person(access, people[0]) if people else _nobody(), zones.places(access),
        )  # fmt: skip
        near = [*there, *gone]
        clash = [c for w in wishes for c in appointments.overlapping(near, w.start, w.end, actors)]
        clash += [appointments.Clash(people[0], w.start, w.end, "hours") for w in wishes if people and hours_ and (hours_[0].hours or hours_[0].dated) and not _works(hours_[0], w.start, w.end, where, rules, room, places)]
        if clash:
            return clash
    await appointments.book(access, wishes)
    return "saved"


async def _choices(access: Access, stays: list[levels.Stay], places: dict[str, dict[str, Any]]) -> Choice:
    """Programs of the caller (those of the client's stays first), the people of these programs, rooms to meet in."""
    mine = {p.organization: p for p in access.programs}
    named = [f"Organization/{s.organization}" for s in stays if f"Organization/{s.organization}" in mine]
    ordered = sorted(access.programs, key=lambda p: (p.organization not in named, p.number != access.caller.acting, p.name))
    people: dict[str, str] = {}
    workers: dict[str, availability.Worker] = {}
    if access.may("PractitionerRole", "search"):
        organizations = ",".join(named or [o for o in mine if o])
        found, own = await asyncio.gather(
            access.search("PractitionerRole", [("organization", organizations), ("active", "true"), ("_include", "PractitionerRole:practitioner")], count=100) if organizations else _none(),
            availability.dated(access, access.today),
        )  # fmt: skip
        people = {s.id: own_name(s.resource) for s in (found.included if found else ())}
        workers = availability.workers((s.id, s.version, s.resource) for s in (found.matches if found else ()))
        workers = {who: availability.with_dated(workers.get(who, availability.Worker("", "", who, (), {})), own) for who in workers.keys() | own.keys()}
    if access.caller.agent:
        people.setdefault(access.caller.agent.partition("/")[2], access.caller.name)
    rooms = [(i, own_name(p)) for i, p in places.items() if any(c.get("code") == MEETING for t in p.get("type", ()) for c in t.get("coding", ()))]
    return Choice([(str(p.number), p.name) for p in ordered], sorted(people.items(), key=lambda pair: pair[1]), sorted(rooms, key=lambda pair: pair[1]), workers)


async def _page(request: Request, form: dict[str, str], problem: str = "", status: int = 200, *, block: str = "", clash: list[Any] | None = None) -> Response:
    access, id_ = request.state.access, request.path_params["id"]
    # three rounds, each of what can be asked at the same time: what each needs is known after the one before
    until = access.now + _AHEAD
    (about, rules, places, stays), (gone, mine, every) = await asyncio.gather(
        asyncio.gather(banner.fetch(access, id_), policies.of(access), zones.places(access), _stays(access, id_)),
        asyncio.gather(away.everybody(access, access.now, until), _nobody() if block else appointments.of_patient(access, id_), _nobody() if block else tracks.every(access)),
    )
    where = frame.home(rules)
    asks = not block and any(rules.number("hours.week-minimum", s.level) for s in stays) and access.may("Encounter", "search")
    choice, delivered, names = await asyncio.gather(
        _choices(access, stays, places), hours.of_patient(access, id_, stays, rules, where) if asks else _nobody(),
        frame.names(access, [b._replace(patient="", rooms=()) for b in mine], people=[c.actor for c in clash or () if c.actor.startswith("Practitioner/")]),
    )  # fmt: skip
    responsible = next((s.clinician.partition("/")[2] for s in stays if s.clinician), "")
    own = (access.caller.agent or "").partition("/")[2] if access.may("GroupSession", "lead") else ""
    values = {"kind": "individual", "who": next((w for w in (own, responsible) if w in dict(choice.people)), ""), "minutes": "50", "times": "1", "program": choice.programs[0][0] if choice.programs else "", **form}
    if block and form.get("kind") != form.get("was"):
        values["minutes"] = str(next((k.minutes for k in appointments.kinds() if k.code == values["kind"]), 50))
    length = int(values["minutes"]) if digits(values["minutes"]) else 50
    actors = [f"Patient/{id_}", *([f"Practitioner/{values['who']}"] if values["who"] else [])]
    there = await appointments.between(access, access.now - appointments.LONGEST, until, actors=actors, statuses=appointments.STANDING)
    near = [*there, *(b for b in gone if b.people[0] in actors[1:])]
    worker = choice.workers.get(f"Practitioner/{values['who']}")
    works = (lambda a, b: _works(worker, a, b, where, rules, values.get("room", ""), places)) if worker is not None else None
    free = appointments.free(near, access.now + timedelta(minutes=30), until, length, actors, where, _day(rules), works=works)
    shown: dict[str, Any] = {"banner": about, "parts": allowed(access), "here": "appointments", "choice": choice, "values": values, "kinds": [k for k in appointments.kinds() if k.code != "group"],
                             "free": [(s.isoformat(), zones.local(s, where)) for s in free], "problem": problem, "may_book": access.may("Appointment", "create"), "where": where}  # fmt: skip
    if block:
        return PAGES.render(request, "schedule/chart.html", block=block, status=status, **shown, **_nothing())
    person = about.person
    names = names._replace(rooms={k: own_name(v) for k, v in places.items()})
    coming = sorted((b for b in mine if b.status in (*appointments.OPEN, "arrived") and b.start and (b.end or b.start) >= access.now - timedelta(hours=4)), key=lambda b: b.start or access.now)
    waits = [b for b in mine if b.status == "waitlist"]
    past = [b for b in mine if b not in coming and b not in waits][:25]
    joined = {b.track for b in coming if b.track}
    how = reminders.agreement(person)
    return PAGES.render(
        request, "schedule/chart.html", status=status, **shown, coming=[_line(b, names, where) for b in coming], past=[_line(b, names, where) for b in past], waits=waits, tracks=every, joined=joined,
        weeks=[(f"{frame.spoken(w)}", r) for w, r in delivered], clash=[_clash(c, names, id_, where) for c in clash or ()], telecoms=list(enumerate(person.get("telecom", ()))), agreed=how, means=reminders.MEANS,
        until=(zones.local(access.now, where).date() + timedelta(days=27)).isoformat(), first=zones.local(access.now, where).date().isoformat(), priorities=waitlist.PRIORITIES, names_of={t.id: t.name for t in every},
    )  # fmt: skip


async def _stays(access: Access, patient: str) -> list[levels.Stay]:
    return await levels.current(access, patient) if access.may("EpisodeOfCare", "search") else []


async def _nobody() -> list[Any]:
    return []


async def _none() -> None:
    return None


def _day(rules: Policies) -> tuple[int, int]:
    """The hours at which the organization begins and ends."""
    return int(rules.number("schedule.day-begins")), int(rules.number("schedule.day-ends"))


def _works(worker: availability.Worker, start: datetime, end: datetime, where: ZoneInfo, rules: Policies, room: str, places: dict[str, dict[str, Any]]) -> bool:
    """Whether somebody works then, and there if a room is chosen."""
    clocks = {h.site: zones.of_place(h.site, places, str(where)) for h in worker.dated if h.site}
    return availability.works(worker, start, end, where, _day(rules), site=zones.site_of(room, places), zone_of=clocks)


def _nothing() -> dict[str, Any]:
    return {"coming": [], "past": [], "waits": [], "tracks": [], "joined": set(), "weeks": [], "clash": [], "telecoms": [], "agreed": None, "means": (), "until": "", "first": "", "priorities": (), "names_of": {}}


def _line(b: appointments.Booked, names: frame.Names, where: ZoneInfo) -> dict[str, Any]:
    at = zones.local(b.start, where) if b.start else None
    return {
        "id": b.id, "when": f"{at:%a} {at.day} {at:%b}, {at:%H:%M}" if at else "", "what": b.text, "minutes": f"{b.minutes} min" if b.minutes else "", "who": ", ".join(filter(None, (names.people.get(p, "") for p in b.people))),
        "where": ", ".join(filter(None, (names.rooms.get(r, "") for r in b.rooms))), "tag": frame.STATUS.get(b.status, (b.status, "plain")), "why": b.reason, "status": b.status, "track": b.track,
    }  # fmt: skip


def _clash(c: appointments.Clash, names: frame.Names, patient: str, where: ZoneInfo) -> str:
    who = "This client" if c.actor == f"Patient/{patient}" else names.people.get(c.actor) or names.rooms.get(c.actor.partition("/")[2]) or "Somebody"
    what = {"away": "is away", "hours": "does not work"}.get(c.kind, "is booked")
    return f"{who} {what} on {frame.spoken(zones.local(c.start, where).date())} from {frame.clock(c.start, where)} to {frame.clock(c.end, where)}."
