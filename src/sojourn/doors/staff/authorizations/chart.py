"""GET and POST /patients/{id}/authorizations: those of one client, and entering one by hand."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sojourn.base.errors import Malformed, NotFound, VersionConflict
from sojourn.care import policies
from sojourn.care.authorizations import counting, keeping, model, watching
from sojourn.care.authorizations.model import LEVEL, LEVELS, OBTAINED, SERVICE, UNITS, Authorization
from sojourn.care.authorizations.watching import Watch
from sojourn.care.levels import stay
from sojourn.care.notes import services
from sojourn.care.staffing import zones
from sojourn.doors.staff.authorizations.board import row
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_text, own_name
from sojourn.gate.changes import new_id
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from datetime import date

    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.care.authorizations.counting import Counts, Service
    from sojourn.gate.access import Access

CHANGED = "Somebody else changed this authorization since you opened it. It is shown as it is now; what you typed was not saved."
_SHOWN = 60


async def show(request: Request) -> Response:
    """All of them, with what each covered."""
    return await _page(request)


async def enter(request: Request) -> Response:
    """Keep a new one."""
    access, patient = request.state.access, request.path_params["id"]
    await banner.fetch(access, patient)
    said = await sent(request)
    try:
        await keeping.enter(access, keeping.typed(patient, said), said.get("key", "")[:60])
    except Malformed as error:
        return await _page(request, error.message, 422, said)
    return redirect(request, f"/patients/{patient}/authorizations", "saved")


async def one(request: Request) -> Response:
    """One, to be changed."""
    return await _one(request)


async def act(request: Request) -> Response:
    """Keep what was changed (another span, more units, the next review), or say that it does not hold."""
    access, patient = request.state.access, request.path_params["id"]
    said = await sent(request)
    known = await keeping.one(access, patient, request.path_params["authorization"])
    try:
        if said.get("version") != known.version:
            raise VersionConflict
        if said.get("do") == "cancel":
            await keeping.cancel(access, known, said.get("reason", ""))
        else:
            await keeping.change(access, keeping.typed(patient, said, known), known)
    except VersionConflict:
        return await _one(request, CHANGED, 412)
    except Malformed as error:
        return await _one(request, error.message, 422, said)
    return redirect(request, f"/patients/{patient}/authorizations", "saved")


async def _page(request: Request, problem: str = "", status: int = 200, said: dict[str, str] | None = None) -> Response:
    access, patient = request.state.access, request.path_params["id"]
    about, held, rules, choices = await asyncio.gather(banner.fetch(access, patient), keeping.of_patient(access, patient), policies.of(access), _choices(access, patient))
    today = access.now.astimezone(zones.of(None)).date()
    counts, watches, gaps = await _counted(access, patient, held, today)
    rows = [(row(w, "", rules, today), w.authorization.id) for w in watches]
    past = [a for a in held if a.status != "active"]
    services_ = [_line(s, "") for s in counts.uncovered] + [_line(s, a.number) for a in held for s in counts.by[a.id].covered] if counts else []
    return PAGES.render(
        request, "authorizations/chart.html", status=status, banner=about, parts=allowed(access), here="coverage", rows=rows, past=[(a.number, a.payer, a.title, a.note) for a in past], problem=problem,
        said={"key": new_id(), "start": today.isoformat()} | (said or {}), gaps=[(what, day_text(first.isoformat()), day_text(last.isoformat())) for what, first, last in gaps],
        services=sorted(services_, key=lambda s: s["at"], reverse=True)[:_SHOWN], counted=counts is not None, may=_may(access), **choices,
    )  # fmt: skip


async def _counted(access: Access, patient: str, held: list[Authorization], today: date) -> tuple[Counts | None, list[Watch], list[tuple[str, Any, Any]]]:
    """What was taken of each: counted now where the role may see all that it is counted from, else as the clock counted it."""
    active = sorted((a for a in held if a.status == "active"), key=lambda a: (a.end, a.start))
    if not all(access.may(t, "search") for t in ("DocumentReference", "Encounter", "Procedure", "EpisodeOfCare")):
        kept = {w.authorization.id: w for w in await watching.watched(access, mine=False, patient=patient)} if access.may("Task", "search") else {}
        return None, [kept.get(a.id, Watch(a, 0, 0, 0, "", "")) for a in active], []
    if not active:
        return counting.allocate(held, []), [], []
    found, stays = await counting.delivered(access, [patient], min(a.start for a in active))
    each = [(some, counting.allocate(some, theirs)) for some, theirs in await counting.apart(access, held, found)]
    counts = counting.Counts({id_: count for _, one in each for id_, count in one.by.items()}, tuple(s for _, one in each for s in one.uncovered))
    open_ = {a.id: sum(counting.fits(a, s) for s in one.uncovered) for some, one in each for a in some}
    watches = [Watch(a, counts.by[a.id].used, counts.by[a.id].over, open_[a.id], "now", "") for a in active]
    return counts, watches, counting.gaps(held, stays, today - timedelta(days=1))


def _line(s: Service, number: str) -> dict[str, str]:
    return {"at": s.at.isoformat(), "when": day_text(s.day.isoformat()), "what": s.title, "minutes": f"{s.minutes} min", "number": number}


async def _one(request: Request, problem: str = "", status: int = 200, said: dict[str, str] | None = None) -> Response:
    access, patient = request.state.access, request.path_params["id"]
    about, a, choices = await asyncio.gather(banner.fetch(access, patient), keeping.one(access, patient, request.path_params["authorization"]), _choices(access, patient))
    if a.status != "active":
        raise NotFound
    shown = {
        "payer": a.payer, "number": a.number, "of": f"{a.scope}.{a.of}", "unit": a.unit, "approved": f"{a.approved:g}", "start": a.start.isoformat(), "end": a.end.isoformat(),
        "review": a.review.isoformat() if a.review else "", "contact": a.contact, "obtained": a.obtained, "stay": a.stay, "coverage": a.coverage, "note": a.note,
    }  # fmt: skip
    return PAGES.render(request, "authorizations/one.html", status=status, banner=about, parts=allowed(access), here="coverage", a=a, problem=problem, said=shown | (said or {}), may=_may(access), **choices)


def _may(access: Access) -> bool:
    return all(access.may(t, action) for t, action in keeping.WRITES)


async def _choices(access: Access, patient: str) -> dict[str, Any]:
    """What the form offers: stays, coverages, levels and services, units, ways."""
    stays, coverages = await asyncio.gather(
        access.search("EpisodeOfCare", [("patient", patient), ("_sort", "-date")], count=20) if access.may("EpisodeOfCare", "search") else _nothing(),
        access.search("Coverage", [("patient", patient), ("status", "active"), ("_include", "Coverage:payor")], count=10) if access.may("Coverage", "search") else _nothing(),
    )  # fmt: skip
    known = [stay(e) for e in stays.resources] if stays else []
    names = {f"{s.type}/{s.id}": own_name(s.resource) for s in coverages.included} if coverages else {}
    payers = [(str(c["id"]), ", ".join(filter(None, (names.get(str(p.get("reference", "")), str(p.get("display", ""))) for p in c.get("payor") or ()))) or "Coverage") for c in coverages.resources] if coverages else []
    of = [(f"{LEVEL}.{level}", model.title(LEVEL, level)) for level in dict.fromkeys([*(s.level for s in known if s.level), *LEVELS])]
    of += [(f"{SERVICE}.{key}", s.title) for key, s in sorted(services.services(access.today).items(), key=lambda pair: pair[1].title)]
    return {"stays": [(s.id, " · ".join(filter(None, (s.program, s.level and f"level {s.level}", day_text(s.started))))) for s in known], "payers": payers, "kinds": of, "units": list(UNITS.items()), "ways": list(OBTAINED.items())}


async def _nothing() -> None:
    return None
