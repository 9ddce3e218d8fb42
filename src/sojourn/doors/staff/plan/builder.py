"""The plan builder: findings on the left, the tree in the middle, suggestions on the right."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base.errors import NotFound, VersionConflict
from sojourn.care.plan import document, due, fhir, findings, library, observed, reading, reviews, work, writing
from sojourn.care.plan.model import KINDS, Objective, Plan
from sojourn.care.plan.writing import Part
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.plan import fields
from sojourn.doors.staff.plan.seen import Seen, look, render, short, stays_of
from sojourn.doors.staff.words import day_and_time
from sojourn.gate import drafts
from sojourn.web.forms import Form, sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access


class Editing(NamedTuple):
    """The form that is open. kind, node: of the part; node is '' for a new one, below `parent`. stamp, kept: of what was typed and not saved.

    version: that the form was made from. theirs: what somebody else saved meanwhile, as label and words.
    """

    kind: str
    node: str
    parent: str
    form: Form
    version: str = ""
    stamp: str = ""
    kept: str = ""
    theirs: list[tuple[str, str]] | None = None
    serves: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        """What the form is about, as a path below a plan."""
        return f"{self.kind}.{self.node or 'new'}.{self.parent}"

    @property
    def title(self) -> str:
        """What it is, in words."""
        return f"{'New ' if not self.node else ''}{fields.TITLES[self.kind].lower() if not self.node else fields.TITLES[self.kind]}"


async def choose(request: Request) -> Response:
    """GET /patients/{id}/plan: the plan in use, if there is one; else the stays for which one can be begun."""
    access, patient = request.state.access, request.path_params["id"]
    about, plans, stays = await asyncio.gather(banner.fetch(access, patient), reading.of_patient(access, patient), stays_of(access, patient))
    running = [p for p in plans if p.open]
    current = [s for s in stays if s.status in ("active", "onhold", "planned")]
    without = [s for s in current if not any(p.stay == s.id for p in running)]
    if len(running) == 1 and not without:
        return redirect(request, f"/patients/{about.id}/plan/{running[0].id}")
    rows = [(s, writing.writes_in(access, s.organization)) for s in without]
    return PAGES.render(request, "plan/choose.html", banner=about, parts=allowed(access), here="plan", plans=plans, rows=rows, short=short)


async def begin(request: Request) -> Response:
    """POST: a plan for one of the stays."""
    access, patient = request.state.access, request.path_params["id"]
    about, form = await banner.fetch(access, patient), await sent(request)
    stay = next((s for s in await stays_of(access, about.id) if s.id == form.get("stay")), None)
    if stay is None:
        raise NotFound
    return redirect(request, f"/patients/{about.id}/plan/{await writing.begin(access, stay)}")


async def show(request: Request) -> Response:
    """GET /patients/{id}/plan/{plan}: the builder; `?edit=kind.id` opens a part, `?add=kind.parent` a new one."""
    seen = await look(request)
    return await page(request, seen, await _opened(request, seen))


async def _opened(request: Request, seen: Seen) -> Editing | None:
    """The form that the address names, with what was typed into it and not saved."""
    asked = request.query_params
    kind, _, name = (asked.get("edit") or asked.get("add") or "").partition(".")
    if not seen.writes or kind not in KINDS:
        return None
    part = seen.plan.node(kind, name) if "edit" in asked else None
    if "edit" in asked and part is None:
        return None
    editing = opened(seen, kind, part, "" if part else name)
    kept = await drafts.kept(request.state.access, draft_key(seen.plan, editing))
    if kept is not None:
        given = json.loads(kept.body)
        serves = frozenset(k.removeprefix("serves-") for k in given if k.startswith("serves-"))
        editing = editing._replace(form=fields.answers(editing.form, given), stamp=kept.stamp, kept=day_and_time(kept.updated.isoformat()), serves=serves or editing.serves)
    return editing


def opened(seen: Seen, kind: str, part: Part | None, parent: str) -> Editing:
    """A form for a part, or for a new one."""
    form = Form(fields.fields(kind, list(seen.team.values())))
    form = fields.answers(form, fields.values(part) if part else {})
    serves = frozenset(getattr(part, "objectives", ())) if part else frozenset({parent} if kind == "intervention" else ())
    return Editing(kind, part.id if part else "", parent, form, part.version if part else "", serves=serves)


def draft_key(plan: Plan, editing: Editing) -> str:
    """Where what is typed is kept until it is saved."""
    return f"plan/{plan.id}/{editing.key}"


async def page(request: Request, seen: Seen, editing: Editing | None, *, status: int = 200, wrong: str = "") -> Response:
    """The builder. Five questions more."""
    access, plan = request.state.access, seen.plan
    around, known, entries, typed, works = await asyncio.gather(
        observed.of(access, plan.patient), findings.conditions(access, plan.patient), library.of(access), drafts.listed(access, f"plan/{plan.id}/"), work.of_plan(access, plan)
    )
    scored, ratings, own = around
    here, others = library.fitting(entries, plan)
    waiting = findings.waiting(plan, scored, known) if plan.open else []
    events = due.events(plan, seen.stay, scored, known, around.rated)
    last = {o.id: reviews.change_since(reviews.series(o, scored, own), _last(plan), o.baseline)[0] for o in plan.objectives}
    return render(
        request, "builder.html", seen, status=status, editing=editing, wrong=wrong, waiting=waiting, suggested=[suggestion(e, plan) for e in here], others=others,
        missing=document.missing(plan) if plan.status == "draft" else [], aim=document.aim, by=document.by, events=[due.EVENTS[e] for e in events], asked=[w.why for w in works],
        ratings={r.objective: reviews.RATINGS.get(r.rating, ("", ""))[0] for r in reversed(ratings)}, moved=last, by_hand=[(k, due.EVENTS[k]) for k in due.BY_HAND],
        unsaved=[_place(d.key) for d in typed if editing is None or not d.key.endswith(editing.key)], dimensions=library.dimensions(), modalities=library.modalities(),
        cleared=plan.signed is not None,
    )  # fmt: skip


def _last(plan: Plan) -> Any:
    return max((r.on for r in plan.past if r.on and r.status == "completed"), default=plan.signed)


def _place(key: str) -> tuple[str, str]:
    """A draft as words and the address that opens it."""
    if key.endswith("/review"):
        return "a review", "/review"
    kind, node, parent = key.rpartition("/")[2].split(".", 2)
    said = fields.TITLES.get(kind, kind).lower()
    return (f"a new {said}", f"?add={kind}.{parent}") if node == "new" else (f"a change of {'an' if said[0] in 'aeiou' else 'a'} {said}", f"?edit={kind}.{node}")


class Suggestion(NamedTuple):
    """An entry of the library against a plan: which of its goals, steps and helps the plan has already."""

    entry: library.Entry
    there: frozenset[str]


def suggestion(entry: library.Entry, plan: Plan) -> Suggestion:
    """What of an entry is in the plan, word for word."""
    said = {g.statement for g in plan.goals} | {o.statement for o in plan.objectives} | {i.what for i in plan.interventions}
    return Suggestion(entry, frozenset(said))


async def typed(request: Request) -> Response:
    """POST …/typed: keep what is being typed. The answer is the new stamp, for the form."""
    access, patient, plan = request.state.access, request.path_params["id"], request.path_params["plan"]
    form = await sent(request)
    await reading.one(access, patient, plan)
    kind, _, rest = form.get("key", "").partition(".")
    if kind not in KINDS or len(rest) > 140:
        raise NotFound
    asked = {f.name for f in fields.fields(kind)}
    given = {k: v for k, v in form.items() if k in asked or k.startswith("serves-")}
    try:
        stamp = await drafts.keep(access, f"plan/{plan}/{kind}.{rest}", json.dumps(given).encode(), patient=patient, seen=form.get("stamp", ""))
    except VersionConflict as error:
        return PAGES.render(request, "plan/kept.html", stamp=error.current or "", said="This is open in another window, too. Save here to keep what you see here.")
    return PAGES.render(request, "plan/kept.html", stamp=stamp, said="Kept, not saved yet.")


async def with_measure(access: Access, part: Part, patient: str) -> Part:
    """An objective without a baseline takes the newest score of its measure."""
    if not isinstance(part, Objective) or not part.measure or part.baseline:
        return part
    scores = [s for s in await findings.scores(access, patient) if s.measure == part.measure]
    newest = next(iter(findings.newest(scores)), None)
    return replace(part, baseline=f"{newest.value:g}", measured_on=fhir.day(newest.on)) if newest else part


def first_problem(plan: Plan, entry: library.Entry) -> str:
    """The problem under which a suggestion goes: one that it is about, else the first; '' if there is none."""
    fits = [p.id for p in plan.problems if p.active and library.suits(entry, p)] or [p.id for p in plan.problems if p.active]
    return next(iter(fits), "")


def back(seen: Seen, kind: str = "", node: str = "", *, edit: bool = False) -> str:
    """The address of the builder, at a part."""
    query = f"?edit={kind}.{node}#{node}" if edit else f"#{node}" if node else ""
    return f"/patients/{seen.about.id}/plan/{seen.plan.id}{query}"

