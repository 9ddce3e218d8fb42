"""The safety plan of a chart: written with the client, signed, printed, its copy given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sojourn.base import errors
from sojourn.care import policies
from sojourn.care.risk import plan
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_text
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

NEEDS = (("Patient", "read"), ("CarePlan", "search"))


async def show(request: Request) -> Response:
    """GET /patients/{id}/risk/plan: the one in force, a draft beside it, and those before."""
    return await _page(request, "safety.html")


async def edit(request: Request) -> Response:
    """GET /patients/{id}/risk/plan/edit: the draft, or a new one that begins with what is in force."""
    return await _page(request, "writing.html")


async def save(request: Request) -> Response:
    """POST /patients/{id}/risk/plan/edit."""
    given = await sent(request)
    about = await banner.fetch(request.state.access, request.path_params["id"])
    try:
        await plan.save(request.state.access, about.id, given, version=given.get("version", ""))
    except errors.Malformed as error:
        return await _page(request, "writing.html", given, error.message, 422)
    except errors.VersionConflict:
        return await _page(request, "writing.html", given, "Somebody else saved this plan meanwhile. What you typed is here; what they wrote is under Safety plan in another window. Save again to put yours in its place.", 409)
    return redirect(request, f"/patients/{about.id}/risk/plan", "saved")


async def sign(request: Request) -> Response:
    """POST /patients/{id}/risk/plan/sign: by the clinician; the client signs the same words on the document's page."""
    given = await sent(request)
    about = await banner.fetch(request.state.access, request.path_params["id"])
    try:
        document = await plan.sign(request.state.access, about.id, given.get("plan", ""), given.get("version", ""), given.get("shown", ""))
    except (errors.Malformed, errors.Conflict, errors.VersionConflict) as error:
        return await _page(request, "safety.html", {}, error.message, 409)
    return redirect(request, f"/patients/{about.id}/documents/{document}", "signed-plan")


async def copied(request: Request) -> Response:
    """POST /patients/{id}/risk/plan/copy."""
    given = await sent(request)
    about = await banner.fetch(request.state.access, request.path_params["id"])
    try:
        await plan.copy_given(request.state.access, about.id, given.get("plan", ""), given.get("how", ""))
    except errors.Malformed as error:
        return await _page(request, "safety.html", {}, error.message, 422)
    return redirect(request, f"/patients/{about.id}/risk/plan", "saved")


async def printed(request: Request) -> Response:
    """GET /patients/{id}/risk/plan/print: nothing but the plan; ?size=wallet for a card to fold."""
    return await _page(request, "wallet.html" if request.query_params.get("size") == "wallet" else "printed.html")


async def _page(request: Request, template: str, given: dict[str, str] | None = None, problem: str = "", status: int = 200) -> Response:
    access = request.state.access
    about = await banner.fetch(access, request.path_params["id"])
    plans = await plan.of_patient(access, about.id)
    rules = await policies.of(access)
    crisis = str(rules.value("risk.crisis-line"))
    active, draft = next((p for p in plans if p.status == "active"), None), next((p for p in plans if p.status == "draft"), None)
    source = draft or active
    values: dict[str, Any] = given or {s.key: source.text(s.key) if source else "" for s in plan.sections()}
    return PAGES.render(
        request, f"risk/{template}", status=status, banner=about, parts=allowed(access), here="risk", sections=plan.sections(), active=active, draft=draft,
        before=[(p, day_text(p.created)) for p in plans if p.status == "revoked"], values=values, problem=problem, crisis=crisis, lifeline=plan.LIFELINE, emergency=plan.EMERGENCY,
        shown=plan.written(draft, crisis) if draft else "", since=day_text((active.resource.get("period") or {}).get("start")) if active else "",
        may_write=all(access.may(t, a) for t, a in plan.NEEDS), may_sign=access.may("Provenance", "create") and access.may("DocumentReference", "create"),
    )  # fmt: skip
