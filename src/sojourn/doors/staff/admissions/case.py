"""GET and POST /admissions/{task}: one case with all its steps, and what is done about it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base.errors import Conflict, Malformed, VersionConflict
from sojourn.care import policies
from sojourn.care.admissions import admitting, benefits, capacity, checklist, reviewing
from sojourn.care.admissions import case as cases
from sojourn.care.census import moving, occupancy, places
from sojourn.doors.staff.admissions.board import HIDDEN
from sojourn.doors.staff.lines import remaining
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import born_with_age, day_and_time, full_name, own_name, record_number
from sojourn.gate import elsewhere
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

CHANGED = "Somebody else changed this case since you opened it. It is shown as it is now; nothing of yours was saved."


class Step(NamedTuple):
    """One step: what stands there now, and how it looks (done, waits, open)."""

    name: str
    title: str
    state: str
    says: str
    path: str = ""
    act: str = ""


async def show(request: Request) -> Response:
    """The case as it stands."""
    return await _page(request)


async def act(request: Request) -> Response:
    """One thing done: move, note, take, tick, set aside, ask for a review, decide, give the bed up, admit."""
    access = request.state.access
    said = await sent(request)
    case = await cases.one(access, request.path_params["task"])
    case = case._replace(version=said.get("version") or case.version)
    try:
        await _do(access, case, said)
    except VersionConflict:
        return await _page(request, CHANGED, 412)
    except (Malformed, Conflict) as error:
        return await _page(request, error.message, 422, said)
    return redirect(request, f"/admissions/{case.id}", "admitted" if said.get("do") == "admit" else "saved")


async def _do(access: Access, case: cases.Case, said: dict[str, str]) -> None:
    note = said.get("note", "").strip()
    match said.get("do", "").partition(":"):
        case ("move", _, _):
            await cases.move(access, case, said.get("stage", ""), note)
        case ("note", _, _):
            if not note:
                raise Malformed("Write a note first.")
            await access.write([cases.saying(access, case, note)], action="admission")
        case ("take", _, _):
            if not access.caller.agent:
                raise Malformed("Only a person can take a case.")
            await cases.assign(access, case, access.caller.agent)
        case ("tick", _, code):
            await checklist.tick(access, case, code)
        case ("aside", _, code):
            await checklist.tick(access, case, code, said.get(f"why.{code}", ""), aside=True)
        case ("review", _, _):
            await reviewing.ask(access, case, said.get("role", ""))
        case ("decide", _, decision):
            await reviewing.decide(access, case, decision, note)
        case ("release", _, _):
            beds = await places.beds(access)
            here = next((p for p in await occupancy.now(access, beds) if p.encounter == said.get("encounter")), None)
            if here is None:
                raise Malformed("No bed is held any more.")
            await moving.release(access, here)
        case ("admit", _, _):
            await admitting.admit(access, case)
        case _:
            raise Malformed("Choose what to do.")


async def _page(request: Request, problem: str = "", status: int = 200, said: dict[str, str] | None = None) -> Response:
    access = request.state.access
    case = await cases.one(access, request.path_params["task"])
    rules = await policies.of(access)
    person, sheets, review, lines, benefit, beds = await asyncio.gather(
        access.search("Patient", [("_id", case.patient)], count=1), _sheets(access, case), reviewing.waiting(access, case), checklist.lines(access, case, rules),
        benefits.of_case(access, case), _bed(access, case, rules),
    )  # fmt: skip
    seats = await capacity.one(access, rules, case.program) if case.open and not beds[0] else None
    who: dict[str, Any] = next(iter(person.resources), {})
    owner = await _named(access, case.owner)
    program = access.rules.programs.get(case.program)
    due, tone = remaining(occupancy.moment_of(case.due), access.now)
    return PAGES.render(
        request, "admissions/case.html", status=status, case=case, full=seats if seats is not None and seats.free == 0 else None, who=full_name(who) if who else HIDDEN, born=born_with_age(who) if who else "", record=record_number(who) if who else "",
        program=program.name if program else "", owner=owner, due=due if case.open else "", tone=tone, problem=problem, said=said or {}, calls=sheets[0], steps=_steps(case, sheets[1], review, benefit, beds, access),
        review=review, may_decide=access.caller.role in rules.value("admissions.review-roles"), roles=list(rules.value("admissions.review-roles")), checks=lines, bed=beds[1], needs_bed=beds[0],
        stages=[s for s in cases.stages().values() if s.code not in ("admitted", case.stage.code)], decisions=reviewing.DECISIONS, missing=sum(1 for x in lines if x.missing and x.when == checklist.BEFORE),
        notes=[(day_and_time(when), by, text) for when, by, text in reversed(case.notes)], may_change=all(access.may(t, a) for t, a in cases.WRITES), mine=case.owner == access.caller.agent,
    )  # fmt: skip


async def _named(access: Access, reference: str) -> str:
    if not reference:
        return ""
    type_, _, id_ = reference.partition("/")
    found = await access.search(type_, [("_id", id_)], count=1)
    return own_name(found.resources[0]) if found.resources else ""


async def _sheets(access: Access, case: cases.Case) -> tuple[list[tuple[str, str]], dict[str, Any] | None]:
    """Call sheets as (response id, when), newest first; and the pre-screen. One search."""
    found = await access.search("QuestionnaireResponse", [("patient", case.patient), ("_sort", "-authored")], count=60)
    said = [(r, str(r.get("questionnaire", "")).rpartition("/")[2].partition("|")[0]) for r in found.resources]
    return [(str(r["id"]), day_and_time(r.get("authored"))) for r, form in said if form == "call-sheet"], next((r for r, form in said if form == "pre-screen"), None)


async def _bed(access: Access, case: cases.Case, rules: policies.Policies) -> tuple[bool, occupancy.Place | None]:
    needs = case.level in rules.value("admissions.bed-levels")
    if not needs or not access.may("Encounter", "search"):
        return needs, None
    planned = await access.search("Encounter", [("patient", case.patient), ("status", occupancy.PRESENT)], count=10)
    for stored in (s for s in planned.matches if not elsewhere.told(s.resource)):
        for entry in stored.resource.get("location", ()):
            if entry.get("status") in ("reserved", "active") and stored.resource.get("class", {}).get("code") == occupancy.INPATIENT:
                id_ = str(entry["location"].get("reference", "")).partition("/")[2]
                name = await _named(access, f"Location/{id_}")
                until = occupancy.moment_of(entry.get("period", {}).get("end")) if entry.get("status") == "reserved" else None
                return True, occupancy.Place(stored.id, stored.version, case.patient, {}, name, "held" if until else "in", str(stored.resource.get("period", {}).get("start", "")), until, "")
    return needs, None


def _steps(case: cases.Case, pre: dict[str, Any] | None, review: Any, benefit: benefits.Sheet, beds: tuple[bool, occupancy.Place | None], access: Access) -> list[Step]:
    made = [Step("pre-screen", "Pre-screen", "done" if pre else "open", f"Filled in {day_and_time(pre.get('authored'))}" if pre else "Not yet",
                 f"/patients/{case.patient}/forms/answers/{pre['id']}" if pre else f"/patients/{case.patient}/forms/{reviewing.SHEET}", "Read" if pre else "Fill in")]  # fmt: skip
    if review is not None:
        due, _ = remaining(review.due, access.now)
        made.append(Step("review", "Medical review", "waits", f"Waits for {review.role}, {due}", "#review", "Decide"))
    elif any(text.startswith("Medical review") or "Medical review:" in text for _, _, text in case.notes):
        made.append(Step("review", "Medical review", "done", "Answered: see the notes"))
    elif pre is not None and reviewing.wants_review(pre):
        made.append(Step("review", "Medical review", "open", "The pre-screen asks for one", "#review", "Ask"))
    made.append(Step("benefits", "Benefits", "done" if benefit.saved else "open", f"Written {day_and_time(benefit.saved)}" if benefit.saved else "Not yet", f"/admissions/{case.id}/benefits", "Open"))
    if beds[0]:
        place = beds[1]
        says = "None held" if place is None else f"{place.bed}, held {remaining(place.until, access.now)[0]}" if place.until else place.bed
        made.append(Step("bed", "Bed", "done" if place else "open", says, f"/admissions/{case.id}/bed" if place is None else "", "Choose" if place is None else ""))
    return made


