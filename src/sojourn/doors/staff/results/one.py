"""GET and POST /patients/{id}/results/{task}: one result, before and now, and what is done."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sojourn.base.errors import Conflict, Forbidden, Malformed, VersionConflict
from sojourn.care import policies
from sojourn.care.orders import findings
from sojourn.care.results import acting, entering, model, reading, review, trends
from sojourn.care.risk.episode import NOTIFIED, REMINDED, SKIPPED, STEP_WORDS
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.lines import remaining
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.results.lines import cells, drawn, flags
from sojourn.doors.staff.words import day_and_time, day_text, own_name
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.care.results.reading import One
    from sojourn.gate.access import Access

CHANGED = "This result changed while you looked at it. It is shown as it is now; what you wrote is still below."


async def show(request: Request) -> Response:
    """The result, and the question what was done."""
    return await _page(request)


async def act(request: Request) -> Response:
    """Write down what was done; then the next one that waits."""
    access, patient = request.state.access, request.path_params["id"]
    said = await sent(request)
    found = await reading.one(access, patient, request.path_params["task"])
    one = found.review
    try:
        if said.get("version") and said["version"] != one.version and one.open:
            raise VersionConflict
        await acting.acknowledge(access, one, said.get("outcome", ""), said.get("text", ""))
    except VersionConflict:
        return await _page(request, CHANGED, 412, said)
    except Conflict as error:
        return await _page(request, error.message, 409, said)
    except (Malformed, Forbidden) as error:
        return await _page(request, error.message, 422, said)
    if said["outcome"] == "repeat" and access.may("LabOrder", "order"):
        return redirect(request, f"/patients/{patient}/orders/new", "result-repeat")
    return redirect(request, "/results", "result-seen")


async def _page(request: Request, problem: str = "", code: int = 200, said: dict[str, str] | None = None) -> Response:
    access, patient = request.state.access, request.path_params["id"]
    about, found, rules = await asyncio.gather(banner.fetch(access, patient), reading.one(access, patient, request.path_params["task"]), policies.of(access))
    by, one = model.rules(rules), found.review
    names = await _people(access, found)
    due, tone = remaining(one.due, access.now)
    ours = {v.id for v in found.result.values}
    older = [o for o in found.earlier if o.get("id") not in ours]
    earlier: dict[str, model.Value] = {}
    for value in (v for o in older for v in model.values(o)):
        if not value.withdrawn and value.when <= (found.result.when or "9"):
            earlier.setdefault(value.code, value)
    values: dict[str, Any] = {
        "one": one, "result": found.result, "cells": cells(found.result, by, earlier, found.before), "flags": flags(reading.Waiting(one, found.result), by),
        "due": due if one.open else "", "tone": tone, "owner": names.get(one.owner, ""), "chain": _chain(found, names), "trends": drawn(trends.numbers(found.earlier)),
        "taken": day_and_time(found.result.when), "issued": day_and_time(found.result.issued), "outcomes": list(review.OUTCOMES.items()), "may": all(access.may(t, a) for t, a in acting.WRITES),
        "done": review.OUTCOMES.get(one.outcome, ""), "done_at": day_and_time(one.at), "done_by": names.get(one.by, one.by), "forms": [str(f.get("title") or "Attached report") for f in found.result.resource.get("presentedForm") or ()],
        "tested": _tested(found, names), "may_correct": all(access.may(t, a) for t, a in entering.RESULT), "orders": found.result.orders if access.may("ServiceRequest", "read") else [],
    }  # fmt: skip
    return PAGES.render(request, "results/one.html", status=code, banner=about, parts=allowed(access), here="results", problem=problem, said=said or {}, **values)


async def _people(access: Access, found: One) -> dict[str, str]:
    """The names of whoever has it, was told of it, looked at it, or tested. One search."""
    testers = [str(p.get("reference", "")) for p in found.result.resource.get("performer") or ()]
    ids = sorted({who.partition("/")[2] for who in (found.review.owner, found.review.by, *testers, *(e.who for e in found.review.events)) if who.startswith("Practitioner/")})
    if not ids or not access.may("Practitioner", "search"):
        return {}
    answer = await access.search("Practitioner", [("_id", ",".join(ids))], count=len(ids))
    return {f"Practitioner/{s.id}": own_name(s.resource) for s in answer.matches}


def _tested(found: One, names: dict[str, str]) -> str:
    """Who tested, with which kit, under which certificate, for a result that was entered here; ''."""
    report = found.result.resource
    if not entering.key_of(report):
        return ""
    who = next((name for p in report.get("performer") or () if (name := names.get(str(p.get("reference", ""))))), "")
    used, site = findings.kit(found.result.parts), findings.site(report)
    kit = ", ".join(filter(None, (used.name, used.lot and f"lot {used.lot}", used.expiry and f"good until {day_text(used.expiry)}")))
    return " · ".join(filter(None, (f"Tested here by {who}" if who else "Tested here", kit, f"{site.name}, CLIA {site.clia}" if site else "")))


def _chain(found: One, names: dict[str, str]) -> list[tuple[str, str]]:
    """(when, what) of a critical one: who was told, who was passed over."""
    words = {NOTIFIED: "told", REMINDED: "told again", SKIPPED: "passed over", "all-hands": "Everybody left is asked", "paged": "paged", "passed-on": "handed on to"}
    out = []
    for e in found.review.events:
        if e.kind in words:
            who = names.get(e.who, "somebody" if e.who else STEP_WORDS.get(e.step, ""))
            said = words[e.kind] if e.kind == "all-hands" else f"{who}: {words[e.kind]}" + (f" ({e.code.replace('-', ' ')})" if e.code else "")
            out.append((day_and_time(e.at.isoformat()), said))
    return out
