"""Reports for a patient, to read and to print: who looked, and the accountings of disclosures."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base.errors import NotFound
from sojourn.doors.staff import words
from sojourn.doors.staff.desk.frame import DeskPage, render
from sojourn.doors.staff.desk.names import moment, organization_names
from sojourn.doors.staff.desk.trail import choosing
from sojourn.gate.trail import accesses, accounting
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

PAGE = DeskPage("/desk/reports", "Patient reports", "For one patient: who looked at the record, and every accounting of disclosures. To read and to print.")
LATEST = 250
"""Lines of the trail that are put together at first: what people come for is what happened lately, and a much read chart has thousands in a year."""
LOOKED = "accesses"


class Visit(NamedTuple):
    """One line of the access report in words."""

    who: str
    role: str
    did: str
    what: str
    why: str
    times: str


async def choose(request: Request) -> Response:
    """GET /desk/reports: whose. POST: go there, or say which patients fit."""
    form = await sent(request) if request.method == "POST" else {}
    choice = await choosing.patient(request.state.access, form)
    if choice.id:
        return redirect(request, f"{PAGE.path}/{choice.id}")
    return render(request, PAGE, "desk/trail/choose.html", choice=choice, typed=form.get("patient", ""))


async def show(request: Request) -> Response:
    """GET /desk/reports/{id}: who looked at the record lately; with ?all, in the last year."""
    access: Access = request.state.access
    patient = (await access.read("Patient", request.path_params["id"])).resource
    since = _a_year_before(access.now)
    everything = "all" in request.query_params
    found = await accesses.report(access, patient["id"], since, access.now, most=accesses.MOST if everything else LATEST)
    if not found.complete and found.visits:
        since = found.visits[-1].first or since
    days: dict[str, list[Visit]] = {}
    for visit in found.visits:
        days.setdefault(words.day_text(visit.day.isoformat()), []).append(_said(visit))
    return _report(request, patient, LOOKED, days=days, people=found.people, complete=found.complete, everything=everything, since=words.day_text(since.date().isoformat()))


async def account(request: Request) -> Response:
    """GET /desk/reports/{id}/{rule}: one accounting of disclosures."""
    access: Access = request.state.access
    rule = request.path_params["rule"]
    if rule not in {r.id for r in accounting.rules(access.today)}:
        raise NotFound("There is no such report.")
    patient = (await access.read("Patient", request.path_params["id"])).resource
    found = await accounting.accounting(access, patient["id"], rule)
    names = await organization_names(access, {e.recipient for e in found.entries})
    entries = [(_day(e.first), _day(e.last), e.times, names.get(e.recipient, e.recipient), e.what, e.purpose) for e in found.entries]
    return _report(request, patient, rule, entries=entries, rule=found.rule, complete=found.complete, since=words.day_text(found.since.date().isoformat()))


def _report(request: Request, patient: words.Resource, here: str, **values: Any) -> Response:
    access: Access = request.state.access
    tabs = [("Who looked", f"{PAGE.path}/{patient['id']}", here == LOOKED)]
    tabs += [(r.tab, f"{PAGE.path}/{patient['id']}/{r.id}", here == r.id) for r in accounting.rules(access.today)]
    template = "desk/trail/looked.html" if here == LOOKED else "desk/trail/account.html"
    about = {"name": words.full_name(patient), "born": words.day_text(patient.get("birthDate")), "number": words.record_number(patient)}
    return render(request, PAGE, template, tabs=tabs, about=about, made=moment(access.now), by=access.caller.name, **values)


def _a_year_before(now: datetime) -> datetime:
    try:
        return now.replace(year=now.year - 1)
    except ValueError:
        return now.replace(year=now.year - 1, day=28)


def _day(moment: datetime) -> str:
    return words.day_text(moment.date().isoformat())


def _said(visit: accesses.Visit) -> Visit:
    did = ", ".join(visit.did)
    first, last = f"{visit.first:%H:%M}", f"{visit.last:%H:%M}"
    times = f"{first if first == last else f'{first} to {last}'} {visit.last:%Z}" + (f", {visit.times} times" if visit.times > 1 else "")
    return Visit(visit.who, "Outside organization" if visit.outside else visit.role, did, ", ".join(sorted(visit.what, key=lambda w: -visit.what[w])), ", ".join(visit.why), times)
