"""Why?: the chain of reasons for one record, a whole chart by reason, or everybody who can see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base.errors import Invalid
from sojourn.doors.staff import words
from sojourn.doors.staff.desk.frame import DeskPage, render
from sojourn.doors.staff.desk.names import organization_names
from sojourn.doors.staff.desk.why import asking, opening
from sojourn.gate import explain
from sojourn.gate.explaining import words as said
from sojourn.gate.explaining.steps import Explanation, Step

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

PAGE = DeskPage("/desk/why", "Why?", "Why somebody can or cannot see a record, now or on a past day: rule by rule, with the consents behind it.")
NEEDS = (("*", "oversee"), ("*", "explain"))
_VIEWS = {explain.NOW: "Now", explain.THEN: "With what was known on that day", explain.HINDSIGHT: "What was in force on that day, as known today"}
_STEPS = {"who": "Who", "why": "Purpose", "role": "Role", "relation": "Relation", "labels": "Labels", "consent": "Permission", "deny": "What the patient forbade",
          "references": "What it refers to", "decision": "Decision"}  # fmt: skip
_ROWS = 6
_LISTED = 40


class Link(NamedTuple):
    """One step of the chain as it is drawn. rows: (label, text) of what it rests on."""

    title: str
    outcome: str
    words: str
    law: str
    rows: list[str]


class Chain(NamedTuple):
    """One view of one record."""

    view: str
    outcome: str
    tone: str
    links: list[Link]


async def choose(request: Request) -> Response:
    """GET and POST /desk/why: about whose record."""
    return await opening.choose(request, PAGE)


async def show(request: Request) -> Response:
    """GET /desk/why/{id}: the question. POST: the answer below it."""
    at = await opening.opened(request)
    values = await _answer(request.state.access, at.id, at.form) if at.form else {}
    values = {"problem": "", "listed": [], "chains": [], "tallies": [], "seers": [], "record": "", "who": ""} | values
    status = 422 if values["problem"] else 200
    types = sorted(request.state.access.house.types)
    return render(request, PAGE, "desk/why/why.html", status=status, menu=at.menu, form=at.form, about=at.about, types=types, **values)


async def _answer(access: Access, patient: str, form: dict[str, str]) -> dict[str, Any]:
    at, wrong = asking.day(form, access.now)
    type_, _, id_ = (form.get("record") or f"Patient/{patient}").partition("/")
    if wrong:
        return {"problem": wrong}
    try:
        if form.get("do") == "who":
            seers, _ = await explain.who(access, type_, id_, at, form.get("purpose") or "TREAT")
            return {"seers": [(_VIEWS[view], _people(found)) for view, found in seers], "record": f"{type_}/{id_}"}
        asked = asking.asked(form, access.rules.programs)
        if asked is None:
            return {"problem": "Choose about whom."}
        if form.get("record"):
            found = (await explain.explain(access, asked, type_, id_, at)).explanations
            names = await organization_names(access, {asked.recipient})
            return {"chains": [_chain(one, names) for one in found], "record": form["record"], "who": found[0].who}
        wanted = [form["type"]] if form.get("type") in access.house.types else []
        views, _ = await explain.tally(access, asked, patient, wanted, at)
        listed = await _records(access, patient, wanted[0]) if wanted else []
        return {"tallies": [(_VIEWS[view], rows) for view, rows in views], "listed": listed}
    except Invalid as error:
        return {"problem": str(error)}


async def _records(access: Access, patient: str, type_: str) -> list[tuple[str, str, str]]:
    """(Type/id, what it is, when) of the newest of one type, as the officer sees them: to ask about one."""
    found = await access.search(None, [("_type", type_), ("_count", str(_LISTED))], count=_LISTED, compartment=("Patient", patient))
    return [(f"{s.type}/{s.id}", described(s.resource), when(s.resource)) for s in found.matches]


def described(resource: words.Resource) -> str:
    """What a record is, in a few words."""
    for name in ("code", "medicationCodeableConcept", "type", "vaccineCode", "category", "class"):
        concept = words.first(resource, name)
        if text := words.code_text(concept) or str(concept.get("display") or ""):
            return text
    return words.own_name(resource) or str(resource.get("resourceType"))


def when(resource: words.Resource) -> str:
    """The day it is about, or the day it was written."""
    for name in ("effectiveDateTime", "onsetDateTime", "authoredOn", "date", "recordedDate", "issued", "dateTime", "performedDateTime", "occurrenceDateTime"):
        if resource.get(name):
            return words.day_text(resource[name])
    period = resource.get("period") or resource.get("effectivePeriod") or resource.get("performedPeriod") or {}
    return words.day_text(period.get("start") or (resource.get("meta") or {}).get("lastUpdated"))


def _chain(one: Explanation, names: dict[str, str]) -> Chain:
    tone = "good" if one.allowed else "amber"
    links = [Link(_STEPS.get(s.step, s.step.capitalize()), s.outcome, _named(s.words, names), s.law, _rows(s)) for s in one.steps]
    return Chain(f"{_VIEWS[one.view]}: {said.day(one.at)}", one.outcome, tone, links)


def _named(text: str, names: dict[str, str]) -> str:
    for reference, name in names.items():
        text = text.replace(reference, name)
    return text


def _rows(step: Step) -> list[str]:
    """What a step rests on, one line each, what holds first."""
    rows = sorted(step.rows, key=lambda r: not r.get("holds", True))
    return [_row(step.step, row) for row in rows[:_ROWS]] + ([f"and {len(rows) - _ROWS} more"] if len(rows) > _ROWS else [])


def _row(step: str, row: Any) -> str:
    known = f"; written down {said.day(row['known_from'])}" if row.get("known_from") and row["known_from"].year > 1 else ""
    if step in ("consent", "deny"):
        limits = f"{row['basis']}, to {row['recipient']}, for {said.purpose(row['purpose'])}, {said.period(row['valid_from'], row['valid_to'])}{known}"
        return f"{said.consent(row['consent'])}: {limits}" + (f". It does not fit: {said.joined(row['why_not'])}" if row["why_not"] else ". It fits.")
    if step == "relation":
        return f"{said.actor(row['actor'])}: {row['kind']} from {row['source']}, {said.period(row['valid_from'], row['valid_to'])}{known}" + ("" if row["holds"] else ". Not in force.")
    if step == "role":
        return f"{said.joined(row['actions'])} on {'every type' if '*' in row['types'] else said.joined(row['types'][:8]) + (' and others' if len(row['types']) > 8 else '')}, {said.period(row['valid_from'], row['valid_to'])}{known}"
    if step == "who":
        return f"account {row['account']}, {said.period(row['valid_from'], row['valid_to'])}{known}"
    return f"{row.get('label')}: from {row.get('from')} {row.get('what')}"


def _people(found: list[explain.Seer]) -> list[dict[str, str]]:
    return [
        {"who": s.who, "purpose": said.purpose(s.purpose), "how": s.explanation.outcome, "under": ", ".join(s.explanation.consents) or _ground(s.explanation)}
        for s in found
    ]  # fmt: skip


def _ground(one: Explanation) -> str:
    """By what somebody sees it who needs no consent."""
    return next((s.words for s in one.steps if s.step == "consent" and s.outcome == "yes"), "Their role; no special law protects it.")
