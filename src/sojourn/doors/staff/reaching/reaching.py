"""Supervision, units, sites, days after care and limits of signing in, with their history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sojourn.base.errors import Conflict, Invalid
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_and_time, own_name
from sojourn.gate import placing, reach
from sojourn.gate.placing import DAYS, SIGN_IN, SITE, SUPERVISES, UNIT, Place
from sojourn.gate.signinrules import starting_rule
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

TITLES = {SUPERVISES: "supervises", UNIT: "is in the unit", SITE: "works at", DAYS: "days", SIGN_IN: "signing in"}
RELATIONS = {
    "registered": "After registration, if nothing follows", "episode": "After an episode of care", "care-team": "After leaving a care team", "visit": "After a visit",
    "appointment": "After an appointment", "referral": "After a referral",
}  # fmt: skip


async def show(request: Request) -> Response:
    """GET /places."""
    return await _page(request)


async def change(request: Request) -> Response:
    """POST /places/{what}: put one in force, or end it."""
    fields, what = await sent(request), request.path_params["what"]
    value = fields.get("value", "")
    if what == SIGN_IN and fields.get("do") != "end":
        value = ",".join([*(fields.get(name, "") for name in placing.LIMITS), "true" if fields.get("second") == "yes" else "false"])
    try:
        await placing.change(request.state.access, what, fields.get("subject", ""), value, fields.get("reason", ""), add=fields.get("do") != "end")
    except (Invalid, Conflict) as error:
        return await _page(request, error.message)
    return redirect(request, "/places", "saved")


async def _page(request: Request, problem: str = "") -> Response:
    access: Access = request.state.access
    rows = await placing.every(access)
    people = await _people(access)
    places = await _directory(access, "Location")
    programs = {str(n): p.name for n, p in sorted(access.rules.programs.items())}
    names = {**{a: name for a, (name, _) in people.items()}, **{agent: name for name, agent in people.values() if agent}, **places, **programs, **RELATIONS}
    now = [p for p in rows if p.ended is None]
    own = starting_rule("staff", access.today)
    return PAGES.render(
        request, "reaching/reaching.html", status=422 if problem else 200, problem=problem,
        lists={what: [_line(p, names) for p in now if p.what == what] for what in placing.KINDS}, people=[(a, name) for a, (name, _) in people.items()],
        supervised=[(agent, name) for name, agent in people.values() if agent], units=sorted(places.items(), key=lambda pair: pair[1]), programs=list(programs.items()),
        relations=[(kind, text, access.rules.days[kind]) for kind, text in RELATIONS.items() if kind in reach.starting_days()],
        roles=[("*", "Everybody"), *((r, _role(r)) for r in await _roles(access))], numbers=_numbers(own), history=[_line(p, names) for p in rows][:100],
    )  # fmt: skip


def _numbers(rule: Any) -> list[tuple[str, str, int]]:
    """The limits of a session, each with its words and the number that a new organization starts with."""
    return [
        ("idle", "Minutes unused", int(rule.idle.total_seconds() // 60)), ("warning", "Seconds of warning before", int(rule.warning.total_seconds())),
        ("longest", "Hours in all", int(rule.longest.total_seconds() // 3600)), ("fresh", "Minutes for which a proof suffices", int(rule.fresh.total_seconds() // 60)),
    ]  # fmt: skip


def _line(place: Place, names: Mapping[str, str]) -> dict[str, str]:
    """A row in words."""
    who, what = names.get(place.subject) or _role(place.subject), names.get(place.value, place.value)
    if place.what == DAYS:
        said = f"{who}: {place.value} days"
    elif place.what == SIGN_IN:
        idle, warning, longest, fresh, second = place.value.split(",")
        factor = "with" if second == "t" or second == "true" else "without"
        said = f"{who}: {idle} minutes unused (a warning {warning} seconds before), {longest} hours in all, a proof is good for {fresh} minutes, {factor} a second step"
    else:
        said = f"{who} {TITLES[place.what]} {what}"
    when = f"since {day_and_time(place.since.isoformat())}" if place.since.year > 1 else "from the start"
    return {
        "said": said, "subject": place.subject, "value": place.value, "by": place.author or "the start", "reason": place.reason,
        "when": when + (f", until {day_and_time(place.ended.isoformat())}" if place.ended else ""), "over": "yes" if place.ended else "",
    }  # fmt: skip


async def _people(access: Access) -> dict[str, tuple[str, str]]:
    """Accounts of staff: name, and their entry in the directory."""
    rows = await access.house.db.call("SELECT * FROM gate.accounts($1, $2, $3)", access.tenant.number, None, access.now)
    return {r["account"]: (r["name"], r["agent"] or "") for r in sorted(rows, key=lambda r: r["name"]) if r["kind"] == "staff" and r["state"] == "active"}


async def _roles(access: Access) -> list[str]:
    rows = await access.house.db.call("SELECT DISTINCT role FROM gate.rules($1, $2) ORDER BY role", access.tenant.number, access.now)
    return [r["role"] for r in rows if r["role"] not in ("system", "interface", "recipient", "outside", "patient", "proxy")]


async def _directory(access: Access, type_: str) -> dict[str, str]:
    if not access.may(type_, "search"):
        return {}
    return {f"{s.type}/{s.id}": own_name(s.resource) for s in (await access.search(type_, [], count=200)).matches}


def _role(role: str) -> str:
    return "Everybody" if role == "*" else role.replace("-", " ").capitalize()
