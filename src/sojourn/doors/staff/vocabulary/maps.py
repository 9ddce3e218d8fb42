"""/vocabulary/maps: codes that nobody has mapped, and what we say they are; ConceptMaps out and in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response

from sojourn.base import errors
from sojourn.care.vocabulary import conceptmaps
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_and_time
from sojourn.gate.exchange import partners
from sojourn.gate.vocabulary import asking, mapping
from sojourn.gate.vocabulary.mapping import Missed, Own
from sojourn.web.page import redirect
from sojourn.wire.vocabulary.model import NAMES

if TYPE_CHECKING:
    from starlette.requests import Request

_FIELDS: Final = ("system", "code", "display", "target_system", "target", "target_display", "equivalence", "reason")
_PAGE: Final = 50
_SUGGESTED: Final = 12
_MOST: Final = 100_000
SAID: Final = {
    "equivalent": "the same", "equal": "exactly the same", "wider": "wider", "subsumes": "takes it in", "narrower": "narrower", "specializes": "a kind of it", "inexact": "overlaps with it",
    "relatedto": "related, not said how", "unmatched": "has no counterpart", "disjoint": "has none by its meaning",
}  # fmt: skip
"""How the target stands to the code, in words."""


async def show(request: Request) -> Response:
    """The work list and our own maps."""
    return await _page(request)


async def _page(request: Request, problem: str = "", status: int = 200) -> Response:
    access, asked = request.state.access, request.query_params
    state = "aside" if asked.get("state") == "aside" else "open"
    words, everything = asked.get("q", "").strip()[:100], asked.get("past") == "yes"
    work, waiting = await mapping.work(access, state, offset=_from(asked.get("work", "")), most=_PAGE)
    own, count = await mapping.listed(access, everything=everything, words=words, offset=_from(asked.get("from", "")), most=_PAGE)
    names = {p.id: p.name for p in await partners.every(access)} if access.may("Exchange", "operate") else {}
    return PAGES.render(
        request, "vocabulary/maps.html", status=status, problem=problem, work=[(names.get(line.partner, line.partner) or "documents from outside", line, _named(line.system), _named(line.target_system)) for line in work], waiting=waiting, state=state,
        own=[(o, _named(o.system), _named(o.target_system), SAID.get(o.equivalence, o.equivalence), day_and_time(o.since) if o.since else "", day_and_time(o.until) if o.until else "") for o in own],
        count=count, words=words, everything=everything, further=_from(asked.get("work", "")) + _PAGE if waiting > _from(asked.get("work", "")) + _PAGE else 0,
        following=_from(asked.get("from", "")) + _PAGE if count > _from(asked.get("from", "")) + _PAGE else 0,
    )  # fmt: skip


def _from(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 8 else 0  # noqa: PLR2004 - as many digits as any list has lines


def _named(system: str) -> str:
    return NAMES.get(system, system)


async def one(request: Request) -> Response:
    """Say what a code is: its form, with what might be meant in an installed system."""
    return await _form(request, {k: str(v)[:400] for k, v in request.query_params.items()})


async def _form(request: Request, said: dict[str, str], problem: str = "", status: int = 200) -> Response:
    access = request.state.access
    installed = [r for r in await asking.installed(access) if r.state == "active"]
    target = said.get("target_system") or next((r.system for r in installed), "")
    release = next((r for r in installed if r.system == target), None)
    words = said.get("words", said.get("display", "")).strip()
    found, total = await asking.listed(access, release, words=words, most=_SUGGESTED) if release is not None and words else ([], 0)
    systems = list(dict.fromkeys([*(r.system for r in installed), *NAMES, *([target] if target else [])]))
    return PAGES.render(
        request, "vocabulary/map.html", status=status, said={**dict.fromkeys(_FIELDS, ""), **said, "target_system": target, "words": words}, problem=problem, systems=[(s, _named(s)) for s in systems], found=found, more=total > _SUGGESTED,
        installed=release is not None, equivalences=SAID, name=_named(said.get("system", "")), target=_named(target),
    )  # fmt: skip


async def act(request: Request) -> Response:
    """Keep a map, end one, set a line of the work list aside or take it up again, take in a ConceptMap."""
    access = request.state.access
    form = await request.form()
    said = {k: v for k, v in form.items() if isinstance(v, str)}
    do, reason = said.get("do", ""), said.get("reason", "")
    system, code, display, target_system, target, target_display = (said.get(k, "") for k in _FIELDS[:6])
    own = Own(system, code, display, target_system, target, target_display, said.get("equivalence", "") or "equivalent")
    try:
        if do == "put":
            if not own.target_display and own.target and (release := await asking.release_of(access, own.target_system)) is not None:
                known = (await asking.codes(access, release, [own.target])).get(own.target)
                if known is None:
                    return await _form(request, said, f"There is no such code in {_named(own.target_system)} {release.version}.", 422)
                own = own._replace(target_display=known.display)
            await mapping.put(access, own, reason)
        elif do == "end":
            await mapping.end(access, own, reason)
        elif do in ("aside", "again"):
            line = Missed(said.get("partner", ""), own.system, own.code, "", own.target_system, "", "", access.now.date())
            if do == "aside" and not reason.strip():
                raise errors.Malformed("Say why nobody maps it.")
            await mapping.set_aside(access, line, reason if do == "aside" else "")
        elif do == "take":
            await _take(request, form.get("file"), reason)
    except (errors.Malformed, errors.Invalid) as error:
        return await _form(request, said, error.message, 422) if do == "put" else await _page(request, error.message, 422)
    return redirect(request, "/vocabulary/maps", "saved")


async def _take(request: Request, file: Any, reason: str) -> None:
    if file is None or isinstance(file, str) or not file.filename:
        raise errors.Malformed("Choose the file of a ConceptMap.")
    try:
        resource = json.loads((await file.read()).decode("utf-8"))
    except (ValueError, RecursionError):
        raise errors.Malformed("The file is no JSON.") from None
    rows = conceptmaps.read(resource)
    for own in rows:
        await mapping.put(request.state.access, own, reason)


async def saved(request: Request) -> Response:
    """Our own maps in force as one ConceptMap for each pair of systems, in a Bundle."""
    access = request.state.access
    own, _ = await mapping.listed(access, most=_MOST)
    text = json.dumps(conceptmaps.bundle(own, access.now), indent=1, ensure_ascii=False)
    return Response(text, media_type="application/fhir+json", headers={"content-disposition": 'attachment; filename="maps.json"', "cache-control": "no-store"})
