"""The week of who is on call, in the time of a site; and putting people on it."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sojourn.base import errors
from sojourn.care.staffing import changing, zones
from sojourn.care.staffing import read as read_roster
from sojourn.care.staffing.model import AWAY, KINDS, NEVER, ON_CALL, SITE_LEAD, SUPERVISOR, Entry
from sojourn.care.staffing.roster import name_of, sites_of
from sojourn.doors.staff.oncall import week
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_of
from sojourn.gate import calling
from sojourn.web.forms import Field, Form, sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access
    from sojourn.gate.caller import Program

NEEDS = (("PractitionerRole", "search"), ("Practitioner", "search"), ("Location", "search"))
_PEOPLE = 500


async def show(request: Request) -> Response:
    """GET /on-call: `week` names any day of the week, `site` a place whose time is meant."""
    return await _page(request, None)


async def add(request: Request) -> Response:
    """POST /on-call: one entry for each program that was chosen."""
    given = await sent(request)
    access: Access = request.state.access
    people, places = await _known(access)
    form = _form(access, people, places)
    fits = form.fill(given)
    zone = zones.of(places.get(given.get("site", "")))
    if fits:
        try:
            entry = _entry(form, zone)
            await changing.add(access, [entry])
        except errors.Malformed as error:
            form.errors["until" if "end" in error.message else "who"] = error.message
        else:
            shown = entry.start.astimezone(zone).date() if entry.start.year > 1 else access.now.astimezone(zone).date()
            return redirect(request, f"/on-call?week={shown.isoformat()}{_site_of(given)}", "saved")
    return await _page(request, form, status=422, week_of=given.get("week", ""), site=given.get("site", ""))


async def end(request: Request) -> Response:
    """POST /on-call/{entry}/end: it ends now; what has not begun is taken out."""
    given = await sent(request)
    access: Access = request.state.access
    await changing.end(access, request.path_params["entry"], access.now, if_match=given.get("version") or None)
    return redirect(request, f"/on-call?week={given.get('week', '')}{_site_of(given)}", "saved")


def _site_of(given: dict[str, str]) -> str:
    site = given.get("site", "")
    return f"&site={site.removeprefix('Location/')}" if site else ""


def _entry(form: Form, zone: ZoneInfo) -> Entry:
    """What was typed. Raises Malformed."""
    v = form.values
    start = _moment(v["day"], v["at"], zone, ends=False)
    until = _moment(v["until"], v["until_at"], zone, ends=True) if v["until"] else None
    if v["kind"] in (ON_CALL, AWAY) and until is None:
        raise errors.Malformed("Say until when; being on call, and being away, has an end.")
    return Entry("", "", v["kind"], v["who"], v["program"] or None, (v["place"],) if v["place"] else (), start, until or NEVER, v["supervises"] or None if v["kind"] == SUPERVISOR else None)


def _moment(day: str, at: str, zone: ZoneInfo, *, ends: bool) -> datetime:
    found = day_of(day)
    try:
        clock = time.fromisoformat(at or "00:00")
    except ValueError:
        found = None
        clock = time(0)
    if found is None:
        raise errors.Malformed("Write days and times whole, for example 2026-03-08 and 20:00. Nothing was saved; it must begin and end.")
    return zones.moment(found, clock, zone, ends=ends)


async def _known(access: Access) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """Who works here, by reference, and the sites."""
    people, places = await asyncio.gather(
        access.search("Practitioner", [("active", "true"), ("_sort", "family")], count=_PEOPLE),
        access.search("Location", [("partof:missing", "true"), ("_sort", "name")], count=200),
    )
    return {f"Practitioner/{p['id']}": name_of(p) for p in people.resources}, {f"Location/{p['id']}": p for p in places.resources}


def _form(access: Access, people: dict[str, str], places: dict[str, dict[str, Any]]) -> Form:
    programs = tuple((p.organization, p.name) for p in access.rules.programs.values() if p.organization)
    anybody = tuple(sorted(people.items(), key=lambda item: item[1]))
    return Form((
        Field("who", "Who", "Choose who.", options=(("", "Choose"), *anybody)),
        Field("kind", "Is", "Choose what they are.", options=tuple(KINDS.items())),
        Field("program", "For", options=(("", week.EVERY), *programs)),
        Field("place", "At", options=(("", "Every site"), *((ref, str(p.get("name", "A site"))) for ref, p in places.items()))),
        Field("day", "From", "Say from which day.", type="date"),
        Field("at", "At what time", type="time"),
        Field("until", "Until", type="date", hint="May be left open for supervisors and site leads."),
        Field("until_at", "Until what time", type="time"),
        Field("supervises", "Supervises", options=(("", "Everybody there"), *anybody), hint="For a supervisor only."),
    ))  # fmt: skip


async def _page(request: Request, form: Form | None, status: int = 200, week_of: str = "", site: str = "") -> Response:
    access: Access = request.state.access
    people, places = await _known(access)
    wanted = site or f"Location/{request.query_params.get('site', '')}"
    chosen = wanted if wanted in places else next(iter(places), "")
    zone = zones.of(places.get(chosen))
    day = day_of(week_of or request.query_params.get("week", "")) or access.now.astimezone(zone).date()
    first = day - timedelta(days=day.weekday())
    span = zones.days(first, 7, zone)
    start, end = span[0][1], span[-1][2]
    roster, by = await asyncio.gather(read_roster(access, start, end), calling.reached(access))
    programs = [(p, sites_of(access, p)) for p in access.rules.programs.values()]
    served = [(p, s) for p, s in programs if _served(p, s, chosen)]
    filled = form or _form(access, people, places)
    if form is None:
        filled.values = {"kind": ON_CALL, "day": max(first, access.now.astimezone(zone).date()).isoformat(), "at": "17:00", "until_at": "08:00"}
    names, where = {p.organization or "": p.name for p, _ in programs}, {ref: str(p.get("name", "")) for ref, p in places.items()}
    return PAGES.render(
        request, "oncall/oncall.html", status=status, form=filled, may_edit=all(access.may(t, a) for t, a in changing.NEEDS), days=week.days(first, zone, access.now),
        lines=week.lines(roster, served, first, zone, by), missing=week.missing(roster, served, max(start, access.now), end, zone) if end > access.now else [],
        away=week.standing(roster, AWAY, names, where, zone), supervisors=week.standing(roster, SUPERVISOR, names, where, zone, by), leads=week.standing(roster, SITE_LEAD, names, where, zone, by),
        sites=list(where.items()), site=chosen, zone=zone.key.replace("_", " "), first=first, before=(first - timedelta(days=7)).isoformat(), after=(first + timedelta(days=7)).isoformat(),
        title=_title(first), names=roster.names, calls=bool(access.house.channels), broken=calling.problems(access),
    )  # fmt: skip


def _served(program: Program, sites: frozenset[str], chosen: str) -> bool:
    """Whether a program belongs on the page of a site: that it works there, or that nobody wrote down where it works."""
    return bool(program.organization) and (not sites or not chosen or chosen in sites)


def _title(first: date) -> str:
    last = first + timedelta(days=6)
    return f"{first.day} {first:%b} to {last.day} {last:%b %Y}"
