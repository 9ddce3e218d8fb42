"""A call sheet built for talking: who it may be already, and the safety question always in sight."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sojourn.base import ids
from sojourn.base.digits import digits
from sojourn.base.errors import Malformed, VersionConflict
from sojourn.care.admissions import calls
from sojourn.care.forms.filling import Filled, fill
from sojourn.doors.staff import keeping
from sojourn.doors.staff.forms.filling import text_of, words_of
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import born_with_age, day_of, full_name, record_number
from sojourn.fhir import codec
from sojourn.gate import drafts
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

PATH: Final = "/admissions/new"
_KEY: Final = "call/new"
_PERSON: Final = ("family", "given", "called", "born", "gender", "phone", "known")
_ENDING: Final = ("program", "level", "outcome", "note")


@dataclass
class Sheet:
    """What stands on the page. said: the texts of person and ending by name; seen: the stamp of the draft."""

    said: dict[str, str]
    raw: Mapping[str, list[str]] = field(default_factory=dict)
    seen: str = ""
    tab: str = ""
    kept: bool = False
    conflict: bool = False


async def show(request: Request) -> Response:
    """GET /admissions/new: an empty sheet, or the one that was begun."""
    access = request.state.access
    draft = await drafts.kept(access, _KEY)
    if draft is None:
        return await _page(request, Sheet({"known": str(request.query_params.get("person", ""))}))
    held = codec.loads(draft.body)
    return await _page(request, Sheet({str(k): str(v) for k, v in held["said"].items()}, {str(k): [str(x) for x in v] for k, v in held["raw"].items()}, draft.stamp, kept=True))


async def send(request: Request) -> Response:
    """POST: keep what is typed, put it away, or close the call."""
    access = request.state.access
    given = await keeping.sent(request, calls.sheet(access))
    form = await request.form()
    said = {name: str(form.get(f"p.{name}") or "").strip() for name in (*_PERSON, *_ENDING)}
    sheet = Sheet(said, given.raw, given.seen, str(form.get("tab") or ""))
    if given.do == "discard":
        await drafts.drop(access, _KEY)
        return redirect(request, "/admissions", "discarded")
    if given.do == "theirs":
        return redirect(request, PATH)
    if given.do == "mine":
        draft = await drafts.kept(access, _KEY)
        sheet.seen = draft.stamp if draft else ""
    try:
        sheet.seen, sheet.kept = await drafts.keep(access, _KEY, codec.dumps({"said": said, "raw": {k: list(v) for k, v in given.raw.items()}}), seen=sheet.seen, tab=sheet.tab), True
    except VersionConflict:
        if given.do == "close" and given.seen and await drafts.kept(access, _KEY) is None:
            return redirect(request, "/admissions", "saved")  # the same sheet was closed a moment ago: a second click
        sheet.conflict = True
        return await _page(request, sheet, status=409 if given.do == "close" else 200)
    if given.do == "save":
        return redirect(request, "/admissions", "draft-kept")
    if given.do != "close":
        return await _page(request, sheet)
    return await _close(request, sheet)


async def _close(request: Request, sheet: Sheet) -> Response:
    access, said = request.state.access, sheet.said
    filled = fill(calls.sheet(access), sheet.raw, check=True)
    problems = _person_problems(said)
    if problems:
        return await _page(request, sheet, filled, problems, 422)
    person = calls.Person(said["family"], said["given"], said["born"], said["gender"], said["phone"], said["called"], said["known"])
    try:
        case = await calls.take(access, person, filled, program=int(said["program"]) if digits(said["program"]) else 0, level=said["level"], outcome=said["outcome"], note=said["note"])
    except Malformed as error:
        return await _page(request, sheet, filled, [] if filled.problems else [("p.outcome", error.message)], 422)
    await drafts.drop(access, _KEY)
    return redirect(request, f"/admissions/{case}", "saved")


def _person_problems(said: Mapping[str, str]) -> list[tuple[str, str]]:
    found = []
    if not said["known"] and not said["family"]:
        found.append(("p.family", "Family name: write it, or 'Unknown' if they do not give one."))
    if not said["known"] and not said["given"]:
        found.append(("p.given", "Given name: write it, or 'Unknown' if they do not give one."))
    if said["born"] and day_of(said["born"]) is None:
        found.append(("p.born", "Birth date: choose a day, or leave it empty."))
    if not said["program"]:
        found.append(("p.program", "Program: choose the one that they are taken for."))
    if not said["outcome"]:
        found.append(("p.outcome", "Outcome: choose how the call ended."))
    return found


async def _alike(access: Access, said: Mapping[str, str]) -> list[dict[str, str]]:
    people = await calls.alike(access, said.get("family", ""), said.get("given", ""), said.get("born", "") if day_of(said.get("born", "")) else "", said.get("phone", ""))
    return [{"id": str(p["id"]), "name": full_name(p), "born": born_with_age(p), "record": record_number(p)} for p in people]


async def _page(request: Request, sheet: Sheet, filled: Filled | None = None, problems: list[tuple[str, str]] | None = None, status: int = 200) -> Response:
    access, said = request.state.access, sheet.said
    filled = filled or fill(calls.sheet(access), sheet.raw)
    known = said.get("known", "")
    alike, who = await asyncio.gather(_alike(access, said) if not known else _nobody(), access.search("Patient", [("_id", known)], count=1) if known else _nobody())
    person = next(iter(who.resources), None) if known and not isinstance(who, list) else None
    shown: dict[str, Any] = {
        "said": said, "filled": filled, "seen": sheet.seen, "tab": sheet.tab or ids.new_id("tab"), "kept": sheet.kept, "conflict": sheet.conflict, "alike": alike, "known": full_name(person) if person else "",
        "danger": next((n.answers for n in filled.all if n.item.link == "danger"), []), "programs": calls.programs(access), "levels": calls.LEVELS, "outcomes": calls.OUTCOMES,
        "field": keeping.FIELD, "problems": [*(problems or []), *((f"{keeping.FIELD}{p.name}", f"{text_of(filled, p.name)}: {p.text}") for p in filled.problems)], "words_of": words_of, "row": "",
    }  # fmt: skip
    return PAGES.render(request, "admissions/call.html", block="sheet", status=status, **shown)


async def _nobody() -> list[Any]:
    return []
