"""The note as it is read and signed: plain text, made once, kept byte for byte."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sojourn.care.notes import services
from sojourn.care.notes.model import MODALITIES, PARTICIPANTS, RISKS, NewNote, Template, minutes_between

Names = Mapping[str, str]
"""What to call what a note refers to, by `Type/id`."""


def rendered(note: NewNote, template: Template, names: Names, author: str) -> str:
    """The whole note: its title, the facts of the session, each section under its name, and who wrote it."""
    head = [template.title, *(f"{label}: {value}" for label, value in facts(note, template, names) if value)]
    parts = [f"{section.title.upper()}\n{note.sections[section.key].strip()}" for section in template.sections if note.sections.get(section.key, "").strip()]
    return "\n\n".join(["\n".join(head), *parts, f"Written by {author}"]) + "\n"


def facts(note: NewNote, template: Template, names: Names) -> list[tuple[str, str]]:
    """The head of a note: label and value, in the order in which the template asks."""
    made = {
        "service": ("Service", _service(note)),
        "stay": ("Level of care", names.get(f"EpisodeOfCare/{note.stay}", "") if note.stay else ""),
        "times": ("Session", session(note.start, note.stop)),
        "location": ("Where", names.get(f"Location/{note.location}", "") if note.location else ""),
        "modality": ("How", MODALITIES.get(note.modality, "")),
        "participants": ("Present", present(note)),
        "language": ("Language", note.language),
        "diagnoses": ("Diagnoses addressed", _named("Condition", note.diagnoses, names)),
        "objectives": ("Objectives addressed", _named("Goal", note.objectives, names) or (f"none: {note.no_objective}" if note.no_objective else "")),
        "risk": ("Risk check", ". ".join(filter(None, (RISKS.get(note.risk, ""), note.risk_note.strip())))),
    }
    client = ("Client", names.get(f"Patient/{note.patient}", ""))
    return [client, *(made[field] for field in template.header), *note.facts.items()]


def session(start: datetime, stop: datetime) -> str:
    """`29 November 2026, 10:00 to 10:50 (50 minutes)`, by the clock of the place."""
    minutes = minutes_between(start, stop)
    until = f"{stop:%H:%M}" if stop.date() == start.date() else f"{day(stop.date())}, {stop:%H:%M}"
    return f"{day(start.date())}, {start:%H:%M} to {until} {start:%Z} ({minutes} minutes)".replace("  ", " ")


def day(moment: date) -> str:
    """`29 November 2026`."""
    return f"{moment.day} {moment:%B %Y}"


def present(note: NewNote) -> str:
    """Who was there."""
    said = [PARTICIPANTS[p] for p in note.participants if p in PARTICIPANTS]
    return ", ".join([*said, *([note.others.strip()] if note.others.strip() else [])])


def _service(note: NewNote) -> str:
    service = services.services(note.start.date()).get(note.service)
    if service is None:
        return ""
    minutes = note.therapy_minutes if service.therapy and note.therapy_minutes is not None else note.minutes
    code = services.fitting(service, minutes)
    spoken = f"{service.title} ({code.code})" if code else service.title
    return f"{spoken}, therapy {minutes} minutes" if service.therapy else spoken


def _named(type_: str, ids: Iterable[str], names: Names) -> str:
    return "; ".join(filter(None, (names.get(f"{type_}/{id_}", "") for id_ in ids)))


def name_of(resource: Mapping[str, Any]) -> str:
    """What to call a resource in a note."""
    reader = _READERS.get(str(resource.get("resourceType")))
    return reader(resource) if reader else str(resource.get("name") or "")


def _patient(resource: Mapping[str, Any]) -> str:
    name = best_name(resource)
    number = next((str(i["value"]) for i in resource.get("identifier", ()) if i.get("value") and any(c.get("code") == "MR" for c in i.get("type", {}).get("coding", ()))), "")
    whole = ", ".join(filter(None, (str(name.get("family", "")), " ".join(name.get("given", ()))))) or str(name.get("text", ""))
    return ", ".join(filter(None, (whole, f"born {resource['birthDate']}" if resource.get("birthDate") else "", f"record {number}" if number else "")))


def best_name(resource: Mapping[str, Any]) -> dict[str, Any]:
    """The official name, else the first."""
    names: list[dict[str, Any]] = [n for n in resource.get("name", ()) if isinstance(n, dict)]
    return next((n for n in names if n.get("use") == "official"), names[0] if names else {})


def _practitioner(resource: Mapping[str, Any]) -> str:
    name = best_name(resource)
    return ", ".join(filter(None, (" ".join([*name.get("given", ()), str(name.get("family", ""))]).strip(), *map(str, name.get("suffix", ())))))


def _condition(resource: Mapping[str, Any]) -> str:
    code = resource.get("code", {})
    icd = next((str(c.get("code")) for c in code.get("coding", ()) if "icd-10" in str(c.get("system"))), "")
    return " ".join(filter(None, (icd, concept_text(code))))


def concept_text(concept: Mapping[str, Any]) -> str:
    """The words of a CodeableConcept."""
    return str(concept.get("text") or next((c.get("display") or c.get("code") for c in concept.get("coding", ()) if c.get("display") or c.get("code")), ""))


def _goal(resource: Mapping[str, Any]) -> str:
    return concept_text(resource.get("description", {}))


def _episode(resource: Mapping[str, Any]) -> str:
    from sojourn.care import levels

    stay = levels.stay(dict(resource))
    return f"{stay.program} ({stay.level})" if stay.level else stay.program


_READERS = {"Patient": _patient, "Practitioner": _practitioner, "Condition": _condition, "Goal": _goal, "EpisodeOfCare": _episode}
