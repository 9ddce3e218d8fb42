"""Forms in a chart: what is due, what is begun, what was answered, and what can be asked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.care.forms import actions, crosswalk, due, library, responses, shipping
from sojourn.care.forms.model import Form, read
from sojourn.care.measures import licensed
from sojourn.care.measures.model import instruments
from sojourn.doors.staff import keeping
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.waiting import remaining
from sojourn.doors.staff.words import code_text, day_and_time, day_text, own_name, reference_text
from sojourn.gate import drafts

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access
    from sojourn.gate.found import Stored

SHOWN = 60
ELSEWHERE = "admission"
"""A kind of forms that is asked on pages of its own."""
KINDS = (("assessment", "Assessments"), ("level-of-care", "Level of care"), ("other", "Other forms"))


class Answered(NamedTuple):
    """One line of what was answered."""

    id: str
    title: str
    when: str
    by: str
    status: str


class Begun(NamedTuple):
    """A draft of the reader's own."""

    form: Form
    when: str


async def show(request: Request) -> Response:
    """GET /patients/{id}/forms."""
    access, patient = request.state.access, request.path_params["id"]
    about, found, own, kept = await asyncio.gather(
        banner.fetch(access, patient),
        access.search("QuestionnaireResponse", [("patient", patient), ("_sort", "-authored"), ("_include", "QuestionnaireResponse:author")], count=SHOWN),
        library.stored(access),
        drafts.listed(access, f"{keeping.PREFIX}{patient}/"),
    )
    mine = [read(s.resource) for s in own if library.is_form(s.resource)]
    ready = licensed.laid_over([s.resource for s in own])
    askable = library.askable(access, [f.resource for f in mine])
    waiting = await due.of_patient(access, patient, mine)
    names = {f"{s.type}/{s.id}": own_name(s.resource) for s in found.included}
    every = {f.id: f for f in [*mine, *shipping.shipped(access.house.base).values()]}
    begun = [Begun(every[id_], day_and_time(d.updated.isoformat())) for d in kept if (id_ := keeping.form_of(d.key)) in every]
    return PAGES.render(
        request, "forms/room.html", banner=about, parts=allowed(access), here="forms", begun=begun, due=[_due(access, d, askable) for d in waiting], answered=answered([s for s in found.matches if not is_note(s.resource)], titles(every.values()), names),
        groups=[(title, [f for f in askable if f.kind == kind or (kind == "other" and f.kind not in (*dict(KINDS), ELSEWHERE))]) for kind, title in KINDS],
        measures=sorted((i for i in ready.values() if i.text_included), key=lambda i: i.short), more=found.next is not None, may_ask=may_ask(access),
    )  # fmt: skip


class Waiting(NamedTuple):
    """What is due, as a line."""

    title: str
    why: str
    said: str
    tone: str
    path: str


def _due(access: Access, one: due.Due, askable: Sequence[Form]) -> Waiting:
    said, tone = remaining(one.by, access.now)
    last = f"; last {day_text(one.last.isoformat())}" if one.last else ""
    return Waiting(one.title, one.why + last, said, tone, due.place(one, askable))


def is_note(response: Mapping[str, Any]) -> bool:
    """Whether a response is the structure of a note, which stands among the notes."""
    return str(response.get("questionnaire", "")).partition("|")[0].rpartition("/")[2].startswith(library.NOTES)


def may_ask(access: Access) -> bool:
    """Whether the role may answer forms: the same for every chart."""
    return all(access.may(type_, action) for type_, action in actions.NEEDS)


def titles(forms: Any) -> dict[str, str]:
    """What forms are called, by canonical without version; instruments by their id."""
    return {form.url: form.title for form in forms}


def title_of(resource: Mapping[str, Any], known: Mapping[str, str]) -> str:
    """What an answered form is called: as the form says, else the instrument, else what came with it, else the end of its address."""
    url = str(resource.get("questionnaire") or "").partition("|")[0]
    last = url.rstrip("/").rpartition("/")[2]
    if url in known:
        return known[url]
    if last in instruments():
        return instruments()[last].short
    beside = resource.get("_questionnaire") or {}
    shown = next((e.get("valueString") for e in beside.get("extension", ()) if str(e.get("url", "")).endswith("/display")), "")
    return str(shown or last or "Answers to a form that is not named")


def answered(stored: Sequence[Stored], known: Mapping[str, str], names: Mapping[str, str]) -> list[Answered]:
    """As lines, in the order in which they came."""
    out = []
    for one in stored:
        r = one.resource
        status = str(r.get("status", ""))
        said = {"in-progress": "not finished", "amended": "amended", "entered-in-error": "entered in error", "stopped": "stopped"}.get(status, "")
        author = r.get("author") or {}
        by = "the client" if str(author.get("reference", "")).startswith("Patient/") or (r.get("source") or {}).get("reference", "").startswith("Patient/") else reference_text(author, names)
        out.append(Answered(one.id, title_of(r, known), day_and_time(r.get("authored")), by, said))
    return out


async def one(request: Request) -> Response:
    """GET /patients/{id}/forms/answers/{response}: what was answered, in the version in which it was asked; it prints."""
    access, patient = request.state.access, request.path_params["id"]
    about, resource = await asyncio.gather(banner.fetch(access, patient), actions.one(access, patient, request.path_params["response"]))
    canonical = str(resource.get("questionnaire") or "")
    form, scores, people, alike = await asyncio.gather(_form(access, canonical), _scores(access, str(resource["id"])), _author(access, resource), crosswalk.said(access, resource))
    version = canonical.partition("|")[2]
    return PAGES.render(
        request, "forms/answered.html", banner=about, parts=allowed(access), here="forms", title=form.title if form else title_of(resource, {}), version=version,
        when=day_and_time(resource.get("authored")), by=people, state=str(resource.get("status", "")), lines=responses.lines(resource, form, _codes(canonical)), scores=scores, form=form, alike=alike,
        again=form is not None and form.status == "active" and may_ask(access), attribution=_attribution(canonical),
    )  # fmt: skip


async def _form(access: Access, canonical: str) -> Form | None:
    last = canonical.partition("|")[0].rpartition("/")[2]
    if not canonical or last in instruments() or not access.may("Questionnaire", "search"):
        return None
    return await library.answered_in(access, canonical)


def _codes(canonical: str) -> dict[str, str]:
    """Words of an instrument's answers by their code."""
    found = instruments().get(canonical.partition("|")[0].rpartition("/")[2])
    return {c.code: c.text for item in found.items for c in item.choices if c.code} if found else {}


def _attribution(canonical: str) -> str:
    found = instruments().get(canonical.partition("|")[0].rpartition("/")[2])
    return found.attribution if found else ""


async def _scores(access: Access, response: str) -> list[tuple[str, str, str]]:
    """(what, value, in words) of each Observation drawn from the response."""
    if not access.may("Observation", "search"):
        return []
    found = await access.search("Observation", [("derived-from", f"QuestionnaireResponse/{response}")], count=50)
    out = []
    for r in reversed(found.resources):
        amount = r.get("valueQuantity") or {}
        value = f"{amount.get('value'):g}" if isinstance(amount.get("value"), int | float) else str(amount.get("value", "")) or code_text(r.get("valueCodeableConcept") or {})
        value = value or str(r.get("valueString") or r.get("valueInteger") or day_text(r.get("valueDateTime")) or "")
        band = ", ".join(filter(None, [*(code_text(i) for i in r.get("interpretation", ())), *(str(n.get("text", "")) for n in r.get("note", ()))]))
        if value:
            out.append((code_text(r.get("code") or {}), value, band))
    return out


async def _author(access: Access, resource: Mapping[str, Any]) -> str:
    reference = str((resource.get("author") or {}).get("reference", ""))
    if reference.startswith("Patient/") or str((resource.get("source") or {}).get("reference", "")).startswith("Patient/"):
        return "the client"
    type_, _, id_ = reference.partition("/")
    if type_ not in ("Practitioner", "PractitionerRole") or not access.may(type_, "search"):
        return ""
    found = await access.search(type_, [("_id", id_)], count=1)
    return own_name(found.resources[0]) if found.resources else ""
