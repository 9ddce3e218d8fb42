"""What is checked before a note is signed: what must be there, and what only warns.

Warnings never block: they are said once more beside the button. All questions go through the gate as the author.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sojourn.care import policies
from sojourn.care.notes import drafting, naming, services, similar
from sojourn.care.notes.model import HEADER, NewNote, Template
from sojourn.care.resources import code_of
from sojourn.gate import elsewhere
from sojourn.gate.access import Access

_LONG = timedelta(hours=12)
"""A visit that lasts longer is a stay, which every session of its client lies in."""
_OVER = ("cancelled", "entered-in-error", "planned")


class Finding(NamedTuple):
    """One thing to see to. field: of the form; must: whether it keeps the note from being signed."""

    rule: str
    field: str
    text: str
    must: bool = True


_MISSING: Mapping[str, tuple[str, str]] = {
    "service": ("service", "Say which service this was."),
    "stay": ("stay", "Say in which stay this was."),
    "location": ("location", "Say where this was."),
    "modality": ("modality", "Say how you met: in person, by video or by telephone."),
    "participants": ("participants", "Say who was there."),
    "language": ("language", "Say in which language you spoke."),
    "diagnoses": ("diagnoses", "Choose the diagnosis that this addressed."),
    "risk": ("risk", "Say what you found about danger to self or others."),
}


def missing(draft: drafting.Draft, template: Template) -> list[Finding]:
    """What the template asks for and the draft does not say. Asks nobody."""
    found = []
    for field in template.required:
        if field == "times":
            found += [Finding("required", name, f"Say when it {word}.") for name, word in (("date", "was"), ("start", "began"), ("stop", "ended")) if not draft.one(name)]
        elif field == "objectives":
            if not draft.values.get("objectives") and not draft.one("no_objective").strip():
                found.append(Finding("required", "objectives", "Choose the objective that this worked toward, or say why there is none."))
        elif not draft.values.get(_MISSING[field][0]):
            found.append(Finding("required", *_MISSING[field]))
    if draft.one("risk") == "not-asked" and not draft.one("risk_note").strip():
        found.append(Finding("required", "risk_note", "Say why you did not ask about danger."))
    for section in template.sections:
        if section.required and not draft.one(drafting.SECTION + section.key).strip():
            found.append(Finding("required", drafting.SECTION + section.key, f"{section.title} is empty."))
    assert all(f.field for f in found) and HEADER  # noqa: S101, PT018 - every finding leads somewhere
    return found


def timing(note: NewNote, template: Template, now: datetime, rest: int) -> list[Finding]:
    """Start before stop, not in the future, and minutes that fit a code of the service. Asks nobody."""
    if note.minutes <= 0:
        return [Finding("times", "stop", "The session ends before it begins.")]
    if note.stop > now:
        return [Finding("times", "stop", "The session is not over yet.")]
    found = []
    if note.stop - note.start > _LONG:
        found.append(Finding("times", "stop", "The session is longer than twelve hours. Check the times.", must=False))
    service = services.services(note.start.date()).get(note.service)
    if service is None or "times" not in template.checks or not service.codes:
        return found
    if service.therapy and note.therapy_minutes is None:
        return [*found, Finding("times", "therapy", "Say how many minutes were therapy.")]
    minutes = note.therapy_minutes if service.therapy and note.therapy_minutes is not None else note.minutes
    if service.therapy and minutes > note.minutes:
        return [*found, Finding("times", "therapy", "The therapy is longer than the whole session.")]
    code = services.fitting(service, minutes)
    if code is None:
        first = service.codes[0]
        found.append(Finding("times", "stop", f"{minutes} minutes fit no code of this service; {first.code} asks for {services.span(first)}.", must=False))
    return found


def fits(note: NewNote, rest: int) -> str:
    """What the minutes come to, in words: the code and its units; '' for a service without codes."""
    service = services.services(note.start.date()).get(note.service)
    minutes = note.therapy_minutes if service and service.therapy and note.therapy_minutes is not None else note.minutes
    code = services.fitting(service, minutes) if service else None
    if code is None:
        return ""
    many = services.units(code, minutes, rest)
    return f"{code.code}, {many} units" if code.unit and many != 1 else f"{code.code}, 1 unit" if code.unit else code.code


async def overlap(access: Access, note: NewNote, template: Template) -> list[Finding]:
    """Other sessions of the client or of the author at that time, as far as the author may see them. Two searches."""
    if "overlap" not in template.checks or not access.may("Encounter", "search"):
        return []
    span = [("date", f"gt{note.start.isoformat(timespec='seconds')}"), ("date", f"lt{note.stop.isoformat(timespec='seconds')}"), ("_sort", "date")]
    asked: list[tuple[str, list[tuple[str, str]]]] = [("This client has another session then", [("patient", note.patient), *span])]
    if access.caller.agent:
        asked.append(("You have another session then", [("participant", access.caller.agent), *span]))
    answers = await asyncio.gather(*(access.search("Encounter", params, count=20) for _, params in asked))
    found = []
    for (words, _), answer in zip(asked, answers, strict=True):
        others = [e for e in answer.resources if _counts(e, note, template)]
        if others:
            period = others[0].get("period", {})
            found.append(Finding("overlap", "start", f"{words}: {str(period.get('start', ''))[11:16]} to {str(period.get('end', ''))[11:16]}.", must=False))
    return found


def _counts(encounter: Mapping[str, Any], note: NewNote, template: Template) -> bool:
    """Whether it is another session: not this one, not a stay, not what did not happen; of a group, not the same group."""
    period = encounter.get("period", {})
    if encounter["id"] in (note.document, note.encounter) or encounter.get("status") in _OVER or not period.get("end") or elsewhere.told(encounter):
        return False
    start, end = (datetime.fromisoformat(str(period[name])) for name in ("start", "end")) if len(str(period.get("start", ""))) > 10 and len(str(period["end"])) > 10 else (None, None)
    if start is None or end is None or end - start > _LONG or end <= note.start or note.stop <= start:
        return False
    same_group = template.kind == "group" and any(code_of(t) == f"service-{note.service}" for t in encounter.get("type", ()))
    other_client = encounter.get("subject", {}).get("reference") != f"Patient/{note.patient}"
    return not (same_group and other_client)


async def likeness(access: Access, note: NewNote, template: Template, percent: float) -> list[Finding]:
    """Text that stands in an earlier note of the client or of the author. Two searches."""
    if "similar" not in template.checks:
        return []
    text = "\n".join(note.sections.values())
    if len(text.split()) < similar.LEAST:
        return []
    common = [("category", "clinical-note"), ("_sort", "-date")]
    asked = [access.search("DocumentReference", [("patient", note.patient), *common], count=10)]
    if access.caller.agent:
        asked.append(access.search("DocumentReference", [("author", access.caller.agent), *common], count=25))
    earlier = {d["id"]: d for answer in await asyncio.gather(*asked) for d in answer.resources if d["id"] != note.document}
    like = similar.closest(text, earlier.values())
    if like is None or like.share * 100 < percent:
        return []
    whose = "of this client" if like.patient == note.patient else "about another client"
    first = next(iter(template.sections)).key
    return [Finding("similar", drafting.SECTION + first, f"{like.share:.0%} of the text is the same as in a note {whose} of {like.date[:10]}.", must=False)]


async def names(access: Access, note: NewNote, template: Template) -> list[Finding]:
    """Names of other clients. Up to three searches."""
    if "names" not in template.checks:
        return []
    found = []
    for section in template.sections:
        text = note.sections.get(section.key, "")
        if text.strip():
            found.append((section, text))
    said = await naming.others(access, note.patient, "\n".join(text for _, text in found))
    return [
        Finding("names", drafting.SECTION + next((s.key for s, text in found if name in text), found[0][0].key), f"“{name}” may be another client's name.", must=False) for name in said
    ]


async def all_of(access: Access, draft: drafting.Draft, template: Template, note: NewNote | None, rules: policies.Policies) -> list[Finding]:
    """Everything, what must be first. note: None while the times cannot be read."""
    found = missing(draft, template)
    if note is None:
        return found or [Finding("times", "start", "Write the times as hours and minutes, such as 14:05.")]
    found += timing(note, template, access.now, int(rules.number("notes.unit-rest")))
    if note.minutes > 0:
        answers = await asyncio.gather(overlap(access, note, template), likeness(access, note, template, rules.number("notes.similar")), names(access, note, template))
        found += [finding for answer in answers for finding in answer]
    return sorted(found, key=lambda f: not f.must)
