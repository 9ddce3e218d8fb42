"""The review of a plan: how each objective is going, what its measure says, and what becomes of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from sojourn.base.errors import Conflict, Forbidden, Invalid, Malformed, NotFound, VersionConflict
from sojourn.care.plan import document, due, findings, observed, reviewed, reviews, team
from sojourn.care.plan.model import Objective, Review
from sojourn.doors.staff.plan.seen import Seen, look, render
from sojourn.doors.staff.plan.signing import name_of
from sojourn.gate import drafts
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

PARTS = ("rating", "decision", "reason", "value")


class Asked(NamedTuple):
    """One objective on the page. now: what its measure says; last: the last rating with its day, in words; met: whether the target is reached."""

    objective: Objective
    goal: str
    now: str
    last: str
    met: bool | None


class Past(NamedTuple):
    """A review that was finished. words: what its author signs, or '' where it is not theirs to sign."""

    review: Review
    by: str
    lines: list[tuple[str, str, str]]
    words: str


async def show(request: Request) -> Response:
    """GET …/review: the review that is under way, or how to begin one; and those before."""
    seen = await look(request)
    return await _page(request, seen)


async def _page(request: Request, seen: Seen, *, given: Mapping[str, str] | None = None, wrong: Mapping[str, str] | None = None, said: str = "", status: int = 200) -> Response:
    access, plan = request.state.access, seen.plan
    around, kept = await asyncio.gather(observed.of(access, plan.patient), drafts.kept(access, f"plan/{plan.id}/review"))
    if given is None:
        given = json.loads(kept.body) if kept else {}
    names = await team.named(access, [r.by for r in plan.past])
    asked = [_asked(o, seen, around) for o in plan.objectives if o.open]
    statements = {o.id: o.statement for o in plan.objectives}
    by_id = {f"Observation/{r.id}": r for r in around.ratings}
    past = [Past(r, names[r.by].text if r.by in names else "", [(statements.get(p.objective, ""), reviews.RATINGS.get(p.rating, ("", ""))[0], ". ".join(filter(None, (reviews.DECISIONS.get(p.decision, ""), p.reason)))) for n in r.ratings if (p := by_id.get(n))], _words(request, seen, r, around)) for r in plan.past if r.status == "completed"]
    return render(
        request, "review.html", seen, status=status, asked=asked, given=given, wrong=wrong or {}, said=said, past=past, stamp=kept.stamp if kept else "", ratings=[(k, w) for k, (w, _) in reviews.RATINGS.items()],
        decisions=reviews.DECISIONS.items(), aim=document.aim, may=seen.writes and all(access.may(t, a) for t, a in reviews.NEEDS), events=due.EVENTS.items(),
    )  # fmt: skip


def _words(request: Request, seen: Seen, review: Review, around: observed.Observed) -> str:
    if not seen.works or not reviewed.may_sign(request.state.access, review):
        return ""
    return reviewed.text(seen.plan, review, {f"Observation/{r.id}": r for r in around.ratings}, name_of(seen.about.person))


async def _sign(request: Request, seen: Seen, form: Mapping[str, str]) -> Response:
    """Sign a finished review, then read it as the document that it is."""
    access, plan = request.state.access, seen.plan
    review = next((r for r in plan.past if r.id == form.get("review")), None)
    if review is None:
        raise NotFound
    if review.document:
        return redirect(request, f"/patients/{seen.about.id}/documents/{review.document}")  # pressed twice
    said = _words(request, seen, review, await observed.of(access, plan.patient))
    try:
        document = await reviewed.sign(access, plan, review, form.get("shown", ""), said, seen.stay)
    except (Malformed, Conflict, VersionConflict) as error:
        return await _page(request, seen, said=error.message, status=409)
    return redirect(request, f"/patients/{seen.about.id}/documents/{document}", "saved")


def _asked(o: Objective, seen: Seen, around: observed.Observed) -> Asked:
    values = reviews.series(o, around.scores, around.values)
    last = next((r for r in around.ratings if r.objective == o.id), None)
    since = max((r.on for r in seen.plan.past if r.on and r.status == "completed"), default=None)
    said = f"{reviews.RATINGS.get(last.rating, ('', ''))[0]}, {last.on[:10]}" if last else ""
    goal = next((g.statement for g in seen.plan.goals if g.id == o.goal), "")
    return Asked(o, goal, reviews.change_since(values, since, o.baseline)[0], said, reviews.reached(o, values[-1].value) if values else None)


async def send(request: Request) -> Response:
    """POST …/review: begin, keep what is being typed, finish, or sign one that is finished."""
    seen, form = await look(request), await sent(request)
    access, plan = request.state.access, seen.plan
    if form.get("do") == "sign":
        return await _sign(request, seen, form)
    there = f"/patients/{seen.about.id}/plan/{plan.id}/review"
    if not seen.writes:
        raise Forbidden("A plan is reviewed by somebody who works in its program.")
    if form.get("do") == "begin":
        try:
            await reviews.begin(access, plan, seen.stay, form.get("why", "").strip()[:500])
        except Conflict as error:
            return await _page(request, seen, said=error.message, status=422)
        return redirect(request, there)
    review = next((r for r in plan.past if r.id == plan.review), None)
    if form.get("do") != "finish" or review is None:
        raise NotFound
    rated = [reviews.Rated(o.id, *(form.get(f"{part}-{o.id}", "").strip() for part in PARTS)) for o in plan.objectives if o.open]
    wrong = reviews.check(plan, rated)
    if wrong:
        return await _page(request, seen, given=form, wrong=wrong, said="The review is not complete.", status=422)
    scores = findings.newest(await findings.scores(access, plan.patient))
    newest = {o.id: reviews.Value(s.ref, s.value, s.on) for o in plan.objectives for s in scores if o.measure and s.measure == o.measure}
    try:
        await reviews.finish(access, plan, review, rated, form.get("summary", "").strip(), seen.rules, seen.stay, newest)
    except (Invalid, VersionConflict) as error:
        return await _page(request, seen, given=form, said=error.message, status=409)
    await drafts.drop(access, f"plan/{plan.id}/review")
    return redirect(request, there, "saved")


async def typed(request: Request) -> Response:
    """POST …/review/typed: keep what is being typed."""
    seen, form = await look(request), await sent(request)
    known = {f"{part}-{o.id}" for o in seen.plan.objectives for part in PARTS} | {"summary"}
    given = {k: v for k, v in form.items() if k in known}
    try:
        stamp = await drafts.keep(request.state.access, f"plan/{seen.plan.id}/review", json.dumps(given).encode(), patient=seen.plan.patient, seen=form.get("stamp", ""))
        said = "Kept, not finished yet."
    except VersionConflict as error:
        stamp, said = error.current or "", "This is open in another window, too. Finish here to keep what you see here."
    return render(request, "kept.html", seen, stamp=stamp, said=said)
