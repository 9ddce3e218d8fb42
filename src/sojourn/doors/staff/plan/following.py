"""One objective through time on one page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sojourn.base.errors import NotFound
from sojourn.care.plan import document, reviews, team, thread
from sojourn.care.plan.model import Objective
from sojourn.doors.staff.plan import line
from sojourn.doors.staff.plan.seen import look, render

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


async def show(request: Request) -> Response:
    """GET …/thread/{objective}. Five questions for the plan, six for the thread, one for names."""
    seen, access = await look(request), request.state.access
    objective = seen.plan.node("objective", request.path_params["objective"])
    if not isinstance(objective, Objective):
        raise NotFound
    found = await thread.of(access, seen.plan, objective)
    names = await team.named(access, found.people)
    goal, problem = thread.goal_of(seen.plan, objective)
    picture = line.drawn(objective, found.values, found.events, access.today)
    return render(
        request, "thread.html", seen, objective=objective, events=found.events, names=names, goal=goal, problem=problem, picture=picture, kinds=line.kinds(found.events),
        aim=document.aim, by=document.by, titles=thread.TITLES, deeds=seen.plan.interventions_for(objective.id), now=reviews.change_since(found.values, None, objective.baseline)[0],
    )  # fmt: skip
