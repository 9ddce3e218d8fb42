"""Begin a note, write it, look at it before it is signed; every way back keeps what was typed."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sojourn.base.errors import Malformed, NotFound, VersionConflict
from sojourn.care.notes import checks, drafting, reading, saving, templates, writing
from sojourn.care.notes.model import MODALITIES, PARTICIPANTS, RISKS
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.notes import desk, signing
from sojourn.doors.staff.pages import PAGES
from sojourn.gate import drafts
from sojourn.gate.changes import new_id
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.care.notes.drafting import Draft
    from sojourn.gate.access import Access


async def choose(request: Request) -> Response:
    """GET /patients/{id}/notes/new: the formats there are, those for `service` first. `encounter`: of the session that it is about, if one was booked."""
    access, patient = request.state.access, request.path_params["id"]
    about, known = await asyncio.gather(banner.fetch(access, patient), templates.in_force(access))
    service = request.query_params.get("service", "")
    offered = sorted(desk.offered_templates(access, known), key=lambda t: (t.apart != "", service not in t.services))
    values: dict[str, Any] = {
        "offered": [t for t in offered if not t.apart], "apart": [t for t in offered if t.apart], "key": new_id(), "encounter": request.query_params.get("encounter", ""), "service": service,
    }  # fmt: skip
    return PAGES.render(request, "notes/new.html", banner=about, parts=allowed(access), here="notes", **values)


async def begin(request: Request) -> Response:
    """POST: a draft of the chosen format, under the key of the page: pressed twice, it is the same draft."""
    access, patient = request.state.access, request.path_params["id"]
    form = await sent(request)
    about, known = await asyncio.gather(banner.fetch(access, patient), templates.in_force(access))
    template = known.get(form.get("template", ""))
    if template is None or template not in desk.offered_templates(access, known):
        raise Malformed("There is no such format of notes. Choose one from the list.")
    key = form.get("key", "")
    if len(key) != len(new_id()) or not key.replace("-", "").replace("_", "").isalnum():
        raise Malformed("Go back to the list of formats and choose again.")
    stay = await desk.usual_stay(access, patient) if "stay" in template.header else ""
    service = form.get("service", "")
    draft = replace(drafting.begun(about.id, template, stay=stay, service=service if service in template.services else ""), id=key)
    if form.get("encounter"):
        draft = await _booked(access, draft, form["encounter"])
    with suppress(VersionConflict):  # begun a moment ago: a second click
        await drafting.keep(access, draft)
    return redirect(request, f"/patients/{patient}/notes/write/{key}")


async def _booked(access: Access, draft: Draft, encounter: str) -> Draft:
    """The draft with the times and the place of a session that was booked."""
    found = await access.search("Encounter", [("_id", encounter), ("patient", draft.patient)], count=1)
    if not found.resources:
        return draft
    visit = found.resources[0]
    period = visit.get("period", {})
    start, end = str(period.get("start", "")), str(period.get("end", ""))
    place = next((str(loc["location"].get("reference", "")).removeprefix("Location/") for loc in visit.get("location", ()) if loc.get("location")), "")
    stay = next((str(e.get("reference", "")).removeprefix("EpisodeOfCare/") for e in visit.get("episodeOfCare", ())), "")
    known = {"date": start[:10], "start": start[11:16], "stop": end[11:16], "location": place, "stay": stay}
    return replace(draft, encounter=encounter, values={**draft.values, **{name: [value] for name, value in known.items() if value}})


async def show(request: Request) -> Response:
    """GET /patients/{id}/notes/write/{key}: the editor. A draft that became a note leads to it."""
    access, patient, key = request.state.access, request.path_params["id"], request.path_params["key"]
    try:
        draft = await desk.found(access, patient, key)
    except NotFound:
        return await _became(request, access, patient, key)
    return _editor(request, await desk.fetch(access, patient, draft))


async def _became(request: Request, access: Access, patient: str, key: str) -> Response:
    """Where a draft is gone: its note, if there is one; else nothing."""
    await banner.fetch(access, patient)
    for own in (False, True):
        try:
            await reading.one(access, patient, key, own=own)
        except NotFound:
            continue
        return redirect(request, f"/patients/{patient}/notes/{'apart/' if own else ''}{key}")
    raise NotFound


async def send(request: Request) -> Response:
    """POST: keep what is typed, then look at it, go on later, or throw it away."""
    access, patient, key = request.state.access, request.path_params["id"], request.path_params["key"]
    form = await request.form()
    text = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    said = dict(text)
    if said.get("do") == "discard":
        await drafting.drop(access, key)
        return redirect(request, f"/patients/{patient}/notes", "discarded")
    try:
        draft = await desk.found(access, patient, key)
    except NotFound:
        return await _became(request, access, patient, key)
    at = await desk.fetch(access, patient, draft)
    typed = replace(draft, values=drafting.sent(text, at.template), stamp=said.get("stamp", ""), tab=said.get("tab", ""))
    try:
        kept = await drafting.keep(access, typed)
    except VersionConflict as conflict:
        other = await desk.found(access, patient, key)
        return _editor(request, at._replace(draft=replace(typed, stamp=conflict.current or "")), theirs=other, status=409)
    if said.get("do") == "later":
        return redirect(request, "/notes", "draft-kept")
    return redirect(request, f"/patients/{patient}/notes/write/{kept.id}/preview")


async def preview(request: Request) -> Response:
    """GET …/preview: the exact text, and what is still to be seen to."""
    access, patient, key = request.state.access, request.path_params["id"], request.path_params["key"]
    try:
        draft = await desk.found(access, patient, key)
    except NotFound:
        return await _became(request, access, patient, key)
    return await _preview(request, await desk.brief(access, patient, draft))


async def finish(request: Request) -> Response:
    """POST …/preview: save the text that was shown, or sign it. Another text than was shown is shown first."""
    access, patient, key = request.state.access, request.path_params["id"], request.path_params["key"]
    form = await sent(request)
    try:
        draft = await desk.found(access, patient, key)
    except NotFound:
        return await _became(request, access, patient, key)
    at = await desk.brief(access, patient, draft)
    signing_it = form.get("do") == "sign"
    note = at.note(access, final=signing_it)
    if note is None or note.minutes <= 0:
        return await _preview(request, at, status=422)
    ready = await writing.ready(access, note, at.template, at.names)
    if form.get("digest") != signing.digest(ready.shown):
        return await _preview(request, at, changed=True, status=409)
    back = f"/patients/{patient}/notes/{'apart/' if at.template.apart else ''}{key}"
    if not signing_it:
        await saving.save(access, note, at.template, at.names)
        return redirect(request, back, "note-saved")
    findings = await checks.all_of(access, draft, at.template, note, at.rules)
    if any(f.must for f in findings):
        return await _preview(request, at, status=422)
    await signing.sign(access, note, at.template, at.names)
    return redirect(request, back, "note-signed")


async def _preview(request: Request, at: desk.Desk, *, changed: bool = False, status: int = 200) -> Response:
    access = request.state.access
    note = at.note(access, final=True)
    findings = await checks.all_of(access, at.draft, at.template, note, at.rules)
    shown, digest, fits = "", "", ""
    if note is not None and note.minutes > 0:
        ready = await writing.ready(access, note, at.template, at.names)
        shown, digest = ready.shown.decode(), signing.digest(ready.shown)
        fits = checks.fits(note, int(at.rules.number("notes.unit-rest")))
    titles = frozenset(s.title.upper() for s in at.template.sections)
    values: dict[str, Any] = {
        "draft": at.draft, "shape": at.template, "blocks": reading.blocks(shown, titles) if shown else [], "digest": digest, "fits": fits, "changed": changed,
        "musts": [f for f in findings if f.must], "warnings": [f for f in findings if not f.must],
    }  # fmt: skip
    return PAGES.render(request, "notes/preview.html", status=status, banner=at.about, parts=allowed(access), here="notes", **values)


def _editor(request: Request, at: desk.Desk, *, theirs: Draft | None = None, status: int = 200) -> Response:
    access = request.state.access
    values: dict[str, Any] = {
        "draft": at.draft, "shape": at.template, "offered": at.offered, "snippets": at.snippets, "theirs": differing(at, theirs) if theirs else [],
        "modalities": list(MODALITIES.items()), "people": list(PARTICIPANTS.items()), "risks": list(RISKS.items()), "prefix": drafting.SECTION,
        "fit": json.dumps(_fit(at)), "sealed": base64.b64encode(drafts.browser_key(access)).decode(),
    }  # fmt: skip
    return PAGES.render(request, "notes/write.html", status=status, banner=at.about, parts=allowed(access), here="notes", **values)


def _fit(at: desk.Desk) -> dict[str, list[list[Any]]]:
    """By service, its codes with their minutes: said beside the times while these are typed."""
    from sojourn.care.notes.services import services

    known = services(at.rules.day)
    return {key: [[c.code, c.low, c.high] for c in known[key].codes] for key, _ in at.offered.services if key in known and not known[key].therapy}


def differing(at: desk.Desk, theirs: Draft) -> list[tuple[str, str, str]]:
    """Sections that another window has otherwise: name of the field, its title, their text."""
    fields = [(drafting.SECTION + s.key, s.title) for s in at.template.sections]
    return [(name, title, theirs.one(name)) for name, title in fields if theirs.one(name) != at.draft.one(name)]
