"""/groups/{session}: one screen for a group; kept as it is typed, reviewed, signed together."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sojourn.base import ids
from sojourn.base.errors import Malformed, VersionConflict
from sojourn.care import policies
from sojourn.care.groups import checks, opening, saving, signing
from sojourn.care.groups.model import ATTENDANCE, GROUP
from sojourn.care.groups.opening import Member, Sitting
from sojourn.care.notes import services, snippets, templates
from sojourn.care.notes.model import MODALITIES, RISKS, Template
from sojourn.care.scheduling import zones
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.patients.terms import search_params
from sojourn.doors.staff.words import born_with_age, full_name
from sojourn.gate import groupsessions
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.care.groups.checks import Verdict
    from sojourn.care.policies import Policies
    from sojourn.gate.access import Access


async def show(request: Request) -> Response:
    """GET: the part that the address names, the shared part, or where there is something to do next."""
    access = request.state.access
    # The formats of notes and the rules hang on nothing of the session: asked with it they cost no round of their own.
    sitting, *_ = await asyncio.gather(opening.open_(access, request.path_params["session"]), templates.in_force(access), policies.of(access))
    return await _page(request, sitting, request.query_params.get("part", ""))


async def shared(request: Request) -> Response:
    """POST /groups/{session}/shared: keep the part for all, as it is typed or when its author goes on."""
    access, form = request.state.access, await sent(request)
    sitting = await opening.open_(access, request.path_params["session"])
    try:
        stamp = await saving.keep_shared(access, sitting, form)
    except VersionConflict as error:
        return await _page(request, replace(sitting, shared=saving.shared(sitting, form)), "shared", error.message, 409)
    if form.get("go"):
        first = next((m.part.id for m in sitting.members if m.open), "")
        return redirect(request, f"/groups/{sitting.session.id}?part={first or 'review'}")
    after = replace(sitting, shared=saving.shared(sitting, form), session=sitting.session._replace(stamp=stamp))
    return await _page(request, after, "shared", block="kept")


async def own(request: Request) -> Response:
    """POST /groups/{session}/parts/{part}: keep one client's part; htmx gets how far it is."""
    access = request.state.access
    rows = [(k, v) for k, v in (await request.form()).multi_items() if isinstance(v, str)]
    form = dict(rows)
    sitting = await opening.open_(access, request.path_params["session"])
    member = sitting.member(request.path_params["part"])
    template = await signing.template_of(access, sitting)
    said = saving.own(member, rows, template, (await policies.of(access)).value("groups.danger-done"))
    typing = not form.get("go")
    try:
        stamp = await saving.keep_own(access, sitting, member, said, form.get("seen", ""), typing=typing)
    except VersionConflict as error:
        return await _page(request, _with(sitting, member, said, member.part.stamp), member.part.id, error.message, 409)
    after = _with(sitting, member, said, stamp)
    if not typing:
        return redirect(request, f"/groups/{sitting.session.id}?part={_going(after, member.part.id, form['go'])}")
    return await _page(request, after, member.part.id, block="kept")


def _with(sitting: Sitting, member: Member, said: Any, stamp: str) -> Sitting:
    """The session with one part as it is now."""
    now = replace(member, own=said, part=member.part._replace(stamp=stamp))
    return replace(sitting, members=tuple(now if m.part.id == member.part.id else m for m in sitting.members))


def _going(sitting: Sitting, here: str, go: str) -> str:
    """Where a form leads to: the next part that is open, the one before, or the review."""
    open_ = [m.part.id for m in sitting.members if m.open or m.part.id == here]
    at = open_.index(here)
    if go == "previous":
        return open_[at - 1] if at else "shared"
    if go == "next":
        return open_[at + 1] if at + 1 < len(open_) else "review"
    return go if go in ("review", "shared") or go in {m.part.id for m in sitting.members} else "review"


async def add(request: Request) -> Response:
    """POST /groups/{session}/add: somebody came who was not booked, by name."""
    access, form = request.state.access, await sent(request)
    sitting = await opening.open_(access, request.path_params["session"])
    patient, words, found = form.get("patient", ""), form.get("q", "").strip(), []
    if not patient and (params := search_params(words)):
        found = [(p["id"], full_name(p), born_with_age(p)) for p in (await access.search("Patient", params, count=6)).resources]
        patient = found[0][0] if len(found) == 1 else ""
    if patient and not sitting.session.closed:
        await opening.add(access, sitting.session, patient)
        return redirect(request, f"/groups/{sitting.session.id}?part=review")
    return await _page(request, sitting, "review", "" if found else "Nobody whom you can see fits these words.", 200 if found else 422, found=found)


async def sign(request: Request) -> Response:
    """POST /groups/{session}/sign: sign all that is complete, hold the rest."""
    access = request.state.access
    sitting = await opening.open_(access, request.path_params["session"])
    try:
        result = await signing.sign(access, sitting)
    except Malformed as error:
        return await _page(request, sitting, "review", error.message, 422)
    if result.held and not result.signed and not result.missed:
        return await _page(request, await opening.open_(access, sitting.session.id), "review", "Nothing was signed: see what is missing.", 422)
    return redirect(request, f"/groups/{sitting.session.id}?part=review", "group-signed")


async def _page(request: Request, sitting: Sitting, here: str, problem: str = "", status: int = 200, *, block: str = "", found: list[tuple[str, str, str]] | None = None) -> Response:
    access: Access = request.state.access
    template, rules = await signing.template_of(access, sitting), await policies.of(access)
    lacks = checks.shared_missing(sitting.shared)
    here = here or ("shared" if lacks else next((m.part.id for m in sitting.members if m.open), "review"))
    member = None if here in ("shared", "review") else sitting.member(here)
    verdicts = {m.part.id: checks.verdict(sitting, m, template, rules) for m in sitting.members}
    where = zones.zone(sitting.shared.zone)
    start, end = (zones.local(m, where) for m in (sitting.session.starts, sitting.session.ends))
    values: dict[str, Any] = {
        "sitting": sitting, "shared": sitting.shared, "members": sitting.members, "member": member, "here": here, "verdicts": verdicts, "lacks": lacks, "problem": problem, "found": found or [],
        "sections": sorted((s for s in template.sections if s.key != GROUP), key=lambda s: not s.required), "attendance": list(ATTENDANCE.items()), "risks": list(RISKS.items()), "deeds": rules.value("groups.danger-done"), "modalities": list(MODALITIES.items()),
        "services": _services(template, start.date()), "begins": f"{start:%H:%M}", "ends": f"{end:%H:%M}", "when": f"{start:%A} {start.day} {start:%B}, {start:%H:%M}–{end:%H:%M}", "least": int(rules.number("groups.own-words")),
        "named": checks.others_named(sitting.members, None, sitting.shared.text()), "window": request.query_params.get("window", "") or ids.new_id("window"), "counts": _counts(sitting, verdicts, rules),
    }  # fmt: skip
    if block and request.headers.get("hx-request") == "true":
        return PAGES.render(request, "groups/session.html", block=block, status=status, **values, snippets=[])
    return PAGES.render(request, "groups/session.html", status=status, **values, snippets=await snippets.all_of(access) if member is not None and member.open else [])


def _services(template: Template, day: Any) -> list[tuple[str, str]]:
    known = services.services(day)
    return [(key, known[key].title) for key in template.services if key in known]


def _counts(sitting: Sitting, verdicts: dict[str, Verdict], rules: Policies) -> dict[str, int]:
    """How far the session is: what would be signed and marked now, and what is held."""
    waiting = [m for m in sitting.members if m.open]
    ready = [m for m in waiting if verdicts[m.part.id].valid] if not checks.shared_missing(sitting.shared) else []
    return {
        "ready": sum(1 for m in ready if m.own.here), "absent": sum(1 for m in ready if not m.own.here), "held": len(waiting) - len(ready), "open": len(waiting),
        "signed": sum(1 for m in sitting.members if m.part.state == groupsessions.SIGNED), "missed": sum(1 for m in sitting.members if m.part.state == groupsessions.MISSED), "similar": int(rules.number("groups.similar")),
    }  # fmt: skip
