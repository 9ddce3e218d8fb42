"""What is done in the builder; one form field, `do`, says which."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from sojourn.base.errors import Forbidden, NotFound, VersionConflict
from sojourn.care.plan import due, findings, library, reading, work, writing
from sojourn.care.plan.model import GOAL, INTERVENTION, KINDS, OBJECTIVE, PROBLEM, Problem
from sojourn.care.plan.writing import Part
from sojourn.doors.staff.plan import builder, fields
from sojourn.doors.staff.plan.seen import Seen, look
from sojourn.gate import drafts
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access


async def act(request: Request) -> Response:
    """POST /patients/{id}/plan/{plan}."""
    seen, form = await look(request), await sent(request)
    if not seen.writes:
        raise Forbidden("A plan is written by somebody who works in its program.")
    done = ACTS.get(form.get("do", ""))
    if done is None:
        raise NotFound
    return await done(request, seen, form)


async def save(request: Request, seen: Seen, form: Mapping[str, str]) -> Response:
    """Save the form that is open: a new part, or a change. What is wrong, and what somebody else saved meanwhile, comes back with it."""
    access, plan = request.state.access, seen.plan
    kind, node, parent = form.get("kind", ""), form.get("node", ""), form.get("parent", "")
    before = plan.node(kind, node) if node else None
    if kind not in KINDS or (node and before is None):
        raise NotFound
    editing = builder.opened(seen, kind, before, parent)._replace(stamp=form.get("stamp", ""), version=form.get("version", ""))
    good = editing.form.fill(form)
    if "serves" in form:
        editing = editing._replace(serves=frozenset(o.id for o in plan.objectives if form.get(f"serves-{o.id}") == "yes"))
    if not good:
        return await builder.page(request, seen, editing, status=422)
    part = await builder.with_measure(access, fields.filled(kind, editing.form, before, form, plan), plan.patient)
    if before is None:
        id_ = await writing.add(access, plan, _under(seen, part, parent))
    else:
        try:
            await writing.change(access, plan, part, version=form.get("version", ""))
        except VersionConflict:
            return await _both(request, seen, editing)
        id_ = node
    await drafts.drop(access, builder.draft_key(plan, editing))
    return redirect(request, builder.back(seen, node=id_), "saved")


def _under(seen: Seen, part: Part, parent: str) -> Part:
    """A new part below the one that it was added to. Raises NotFound if that is not in the plan any more."""
    above = {GOAL: PROBLEM, OBJECTIVE: GOAL, INTERVENTION: OBJECTIVE}.get(writing.kind_of(part))
    if above is None:
        return part
    if seen.plan.node(above, parent) is None:
        raise NotFound
    return writing.with_parents(part, parent)


async def _both(request: Request, seen: Seen, editing: builder.Editing) -> Response:
    """Somebody else was faster: their version beside the form, which keeps what was typed and now is made from theirs."""
    plan = await reading.one(request.state.access, seen.plan.patient, seen.plan.id)
    now = plan.node(editing.kind, editing.node)
    if now is None:
        raise NotFound
    theirs = fields.shown(editing.form, fields.values(now))
    return await builder.page(request, seen._replace(plan=plan), editing._replace(version=now.version, theirs=theirs), status=409)


async def drop(request: Request, seen: Seen, form: Mapping[str, str]) -> Response:
    """Forget what was typed and not saved."""
    kind, node, parent = form.get("kind", ""), form.get("node", ""), form.get("parent", "")
    if kind not in KINDS:
        raise NotFound
    part = seen.plan.node(kind, node) if node else None
    await drafts.drop(request.state.access, builder.draft_key(seen.plan, builder.opened(seen, kind, part, parent)))
    return redirect(request, builder.back(seen, node=node or parent))


async def end(request: Request, seen: Seen, form: Mapping[str, str]) -> Response:
    """Take a part out, or stop it with a reason once the plan was signed."""
    part = seen.plan.node(form.get("kind", ""), form.get("node", ""))
    if part is None:
        raise NotFound
    why = form.get("why", "").strip()
    if seen.plan.signed is not None and not why:
        editing = builder.opened(seen, writing.kind_of(part), part, "")
        return await builder.page(request, seen, editing, status=422, wrong="This plan was signed: say why it stops.")
    await writing.end(request.state.access, seen.plan, part, why)
    return redirect(request, builder.back(seen), "saved")


async def take(request: Request, seen: Seen, form: Mapping[str, str]) -> Response:
    """Make a problem from a finding, and open it for the client's words."""
    found = await _finding(request, seen, form)
    id_ = await writing.add(request.state.access, seen.plan, found.problem(), finding_code=found.evidence())
    return redirect(request, builder.back(seen, PROBLEM, id_, edit=True), "saved")


async def attach(request: Request, seen: Seen, form: Mapping[str, str]) -> Response:
    """Say that a finding belongs to a problem of the plan."""
    found, problem = await _finding(request, seen, form), seen.plan.node(PROBLEM, form.get("problem", ""))
    if not isinstance(problem, Problem):
        raise NotFound
    await writing.attach(request.state.access, seen.plan, problem, found.ref, found.evidence())
    return redirect(request, builder.back(seen, node=problem.id), "saved")


async def aside(request: Request, seen: Seen, form: Mapping[str, str]) -> Response:
    """Say why a finding is no problem to be treated here."""
    found, why = await _finding(request, seen, form), form.get("why", "").strip()
    if not why:
        return await builder.page(request, seen, None, status=422, wrong="Say why it is not treated here: deferred, referred elsewhere, or no problem.")
    await writing.set_aside(request.state.access, seen.plan, found.problem(), why)
    return redirect(request, builder.back(seen), "saved")


async def _finding(request: Request, seen: Seen, form: Mapping[str, str]) -> findings.Finding:
    access, plan = request.state.access, seen.plan
    waiting = findings.waiting(plan, await findings.scores(access, plan.patient), await findings.conditions(access, plan.patient))
    found = next((f for f in waiting if f.ref == form.get("ref")), None)
    if found is None:
        raise NotFound
    return found


async def use(request: Request, seen: Seen, form: Mapping[str, str]) -> Response:
    """Put a suggestion into the plan and open it, to be made this client's own. what: problem, goal.n, step.n.m or help.n."""
    access, plan = request.state.access, seen.plan
    entry = next((e for e in await library.of(access) if e.key == form.get("entry")), None)
    if entry is None:
        raise NotFound
    try:
        part, parent = _suggested(access, seen, entry, form.get("what", ""))
    except (ValueError, IndexError):
        raise NotFound from None
    if not isinstance(part, Problem) and not parent:
        return await builder.page(request, seen, None, status=422, wrong="Put in what this belongs to first: a problem, then a goal, then an objective.")
    part = await builder.with_measure(access, part, plan.patient)
    id_ = await writing.add(access, plan, writing.with_parents(part, parent) if parent else part)
    return redirect(request, builder.back(seen, writing.kind_of(part), id_, edit=True), "saved")


def _suggested(access: Access, seen: Seen, entry: library.Entry, what: str) -> tuple[Part, str]:
    """The part that is meant, and the one that it goes under ('' if there is none)."""
    plan = seen.plan
    kind, *numbers = what.split(".")
    at = [int(n) for n in numbers]
    problem = builder.first_problem(plan, entry)
    goals = [g for g in plan.goals_of(problem) if g.open]
    if kind == "problem":
        return library.problem_from(entry), ""
    if kind == "goal":
        return library.goal_from(access, entry.aims[at[0]]), problem
    if kind == "step":
        aim = entry.aims[at[0]]
        goal = next((g.id for g in goals if g.statement == aim.statement), goals[-1].id if goals else "")
        return library.objective_from(access, aim.steps[at[1]]), goal
    if kind == "help":
        steps = [o for g in goals for o in plan.objectives_of(g.id) if o.open]
        bare = [o for o in steps if not plan.interventions_for(o.id)]
        return library.intervention_from(entry.deeds[at[0]]), next((o.id for o in [*bare, *reversed(steps)]), "")
    raise ValueError


async def ask(request: Request, seen: Seen, form: Mapping[str, str]) -> Response:
    """Ask for a review before its day."""
    event = form.get("event", "")
    if event not in due.BY_HAND:
        raise NotFound
    await work.ask(request.state.access, seen.plan, seen.stay, event, form.get("why", "").strip()[:500], seen.rules)
    return redirect(request, builder.back(seen), "saved")


async def finish(request: Request, seen: Seen, form: Mapping[str, str]) -> Response:
    """End the plan: its goals are reached, or it is given up for a reason."""
    why = form.get("why", "").strip()
    if not why:
        return await builder.page(request, seen, None, status=422, wrong="Say why the plan ends.")
    await writing.finish(request.state.access, seen.plan, why, reached=form.get("reached") == "yes")
    return redirect(request, f"/patients/{seen.about.id}/plan", "saved")


Act = Callable[["Request", Seen, Mapping[str, str]], Awaitable["Response"]]
ACTS: dict[str, Act] = {"save": save, "drop": drop, "end": end, "take": take, "attach": attach, "aside": aside, "use": use, "ask": ask, "finish": finish}
