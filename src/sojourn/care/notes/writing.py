"""A note becomes FHIR: the document with its exact bytes, its structure, the visit, and what was done.

The DocumentReference, the QuestionnaireResponse with its sections, the Encounter (where none was booked) and the Procedure have the same
logical id. So whoever has one finds the others, and the same note sent twice is one note. docs/notes.md, docs/decisions/0026-notes.md.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base.errors import Malformed
from sojourn.care.notes import services, templates, text
from sojourn.care.notes.model import APART, HEADER, NewNote, Template
from sojourn.care.resources import CARE, concept, moment, ref
from sojourn.gate import apart, bases
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id

if TYPE_CHECKING:
    from datetime import datetime

NEEDS = (("DocumentReference", "create"), ("QuestionnaireResponse", "create"), ("Encounter", "create"))
"""What a role must allow to write notes."""
PLAIN = "text/plain"
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
_CATEGORY = "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category"
_FORMAT = {"system": "http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode", "code": "urn:ihe:iti:xds:2017:mimeTypeSufficient"}
_ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_BITS = {"psychotherapy": bases.PSYCHOTHERAPY, "sud-counseling": bases.SUD_COUNSELING}


class Ready(NamedTuple):
    """A note ready to be written. shown: its exact bytes, for whoever signs them; document: the id of the note; encounter: of its visit."""

    changes: list[Change]
    shown: bytes
    document: str
    encounter: str


async def changes_for(access: Access, note: NewNote, template: Template | None = None) -> list[Change]:
    """The changes that keep a note, to be written together with what goes with it (a signature, a task)."""
    return (await ready(access, note, template)).changes


async def ready(access: Access, note: NewNote, template: Template | None = None, names: text.Names | None = None) -> Ready:
    """The note as changes, with its bytes. names: what to call what it refers to, where the caller knows that already.

    Raises Malformed for a template that there is not. What must be there before a signature is for checks.py.
    """
    template = template or (await templates.in_force(access)).get(note.template)
    if template is None:
        raise Malformed("There is no such template of notes.")
    known = dict(names or {})
    author = access.caller.agent or ""
    known |= await look_up(access, [r for r in references(note, author) if r not in known])
    shown = text.rendered(note, template, known, known.get(author) or access.caller.name).encode()
    id_ = note.document or new_id()
    made = "" if template.apart else note.encounter or id_
    kind = "update" if note.version else "create"
    changes = [Change(kind, "DocumentReference", id_, _document(access, note, template, id_, made, shown), if_match=note.version or None, program=note.program)]
    changes.append(Change(kind, "QuestionnaireResponse", id_, _structure(access, note, template, id_, made), program=note.program))
    if made == id_:
        changes.insert(0, Change(kind, "Encounter", id_, _encounter(access, note, template, id_), program=note.program))
    if note.final and made and access.may("Procedure", "create") and (done := _procedure(access, note, id_, made)):
        before = note.version and (await access.search("Procedure", [("_id", id_)], count=1)).matches
        changes.append(Change("update" if before else "create", "Procedure", id_, done, program=note.program))
    return Ready(changes, shown, id_, made)


def references(note: NewNote, author: str) -> list[str]:
    """Everything that the text of a note names."""
    one = [f"Patient/{note.patient}", author, f"Location/{note.location}" if note.location else "", f"EpisodeOfCare/{note.stay}" if note.stay else ""]
    return [r for r in (*one, *(f"Condition/{c}" for c in note.diagnoses), *(f"Goal/{g}" for g in note.objectives)) if r]


async def look_up(access: Access, references: list[str]) -> dict[str, str]:
    """What to call these, as far as the caller may see them. One search."""
    wanted = [r.partition("/") for r in dict.fromkeys(references)]
    types = sorted({type_ for type_, _, _ in wanted if access.may(type_, "search")})
    if not types:
        return {}
    found = await access.search(None, [("_type", ",".join(types)), ("_id", ",".join(id_ for _, _, id_ in wanted))], count=2 * len(wanted))
    return {f"{s.type}/{s.id}": text.name_of(s.resource) for s in found.matches}


def _document(access: Access, note: NewNote, template: Template, id_: str, encounter: str, shown: bytes) -> dict[str, Any]:
    attachment = {"contentType": PLAIN, "language": "en", "data": base64.b64encode(shown).decode(), "size": len(shown), "title": template.title, "creation": moment(access)}
    return {
        "resourceType": "DocumentReference",
        "id": id_,
        "meta": {"profile": [US_CORE + "documentreference"], **_labels(template)},
        "status": "current",
        "docStatus": "final" if note.final else "preliminary",
        "type": {"coding": [{"system": templates.LOINC, "code": template.code}, {"system": CARE, "code": f"note-{template.key}"}], "text": template.title},
        "category": [{"coding": [{"system": _CATEGORY, "code": "clinical-note"}], "text": "Clinical note"}],
        "subject": ref("Patient", note.patient),
        "date": moment(access),
        **({"author": [{"reference": access.caller.agent}]} if access.caller.agent else {}),
        "content": [{"attachment": attachment, "format": _FORMAT}],
        "context": {
            **({"encounter": [ref("Encounter", encounter)]} if encounter else {}),
            "period": {"start": iso(note.start), "end": iso(note.stop)},
            "related": [ref("QuestionnaireResponse", id_), *(ref("Goal", g) for g in note.objectives), *(ref("Condition", c) for c in note.diagnoses)],
        },
    }


def _labels(template: Template) -> dict[str, Any]:
    return {"security": bases.codings(_BITS[template.apart])} if template.apart else {}


def _structure(access: Access, note: NewNote, template: Template, id_: str, encounter: str) -> dict[str, Any]:
    """Header and sections as answers, so that a note can be taken up again and counted without reading its words."""
    header = [_item(f"header.{field}", HEADER[field], answers) for field in template.header if (answers := _answers(note, field))]
    sections = [_item(s.key, s.title, [{"valueString": note.sections[s.key]}]) for s in template.sections if note.sections.get(s.key, "").strip()]
    facts = [_item(f"fact.{n}", label, [{"valueString": value}]) for n, (label, value) in enumerate(note.facts.items(), 1) if value]
    groups = [{"linkId": name, "item": items} for name, items in (("header", header), ("facts", facts), ("sections", sections)) if items]
    return {
        "resourceType": "QuestionnaireResponse",
        "id": id_,
        "meta": {"profile": [US_CORE + "questionnaireresponse"], **_labels(template)},
        "questionnaire": f"{templates.url(template.key)}|{template.version}",
        "status": "completed" if note.final else "in-progress",
        "subject": ref("Patient", note.patient),
        **({"encounter": ref("Encounter", encounter)} if encounter else {}),
        "authored": moment(access),
        **({"author": {"reference": access.caller.agent}} if access.caller.agent else {}),
        "item": groups,
    }


def _item(link: str, label: str, answers: list[dict[str, Any]]) -> dict[str, Any]:
    return {"linkId": link, "text": label, "answer": answers}


def _answers(note: NewNote, field: str) -> list[dict[str, Any]]:
    """The answers of one fact of the header."""
    if field == "times":
        return [{"valueDateTime": iso(note.start)}, {"valueDateTime": iso(note.stop)}, *([{"valueInteger": note.therapy_minutes}] if note.therapy_minutes is not None else [])]
    if field == "participants":
        return [*({"valueCoding": {"system": CARE, "code": p}} for p in note.participants), *([{"valueString": note.others}] if note.others else [])]
    if field == "diagnoses":
        return [{"valueReference": ref("Condition", c)} for c in note.diagnoses]
    if field == "objectives":
        return [*({"valueReference": ref("Goal", g)} for g in note.objectives), *([{"valueString": note.no_objective}] if note.no_objective else [])]
    if field in ("stay", "location"):
        type_, id_ = ("EpisodeOfCare", note.stay) if field == "stay" else ("Location", note.location)
        return [{"valueReference": ref(type_, id_)}] if id_ else []
    if field == "language":
        return [{"valueString": note.language}] if note.language else []
    coded = {"service": note.service, "modality": note.modality, "risk": note.risk}[field]
    found: list[dict[str, Any]] = [{"valueCoding": {"system": CARE, "code": coded}}] if coded else []
    return [*found, *([{"valueString": note.risk_note}] if field == "risk" and note.risk_note else [])]


def _encounter(access: Access, note: NewNote, template: Template, id_: str) -> dict[str, Any]:
    service = services.services(note.start.date()).get(note.service)
    kind = concept(f"service-{note.service}", service.title) if service else concept(f"note-{template.key}", template.title)
    period = {"start": iso(note.start), "end": iso(note.stop)}
    performer = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "PPRF"}]}
    return {
        "resourceType": "Encounter",
        "id": id_,
        "meta": {"profile": [US_CORE + "encounter"]},
        "status": "finished",
        "class": {"system": _ACT, "code": "AMB" if note.modality in ("in-person", "") else "VR"},
        "type": [kind],
        "subject": ref("Patient", note.patient),
        **({"episodeOfCare": [ref("EpisodeOfCare", note.stay)]} if note.stay else {}),
        **({"participant": [{"type": [performer], "period": period, "individual": {"reference": access.caller.agent}}]} if access.caller.agent else {}),
        "period": period,
        **({"reasonReference": [ref("Condition", c) for c in note.diagnoses]} if note.diagnoses else {}),
        **({"location": [{"location": ref("Location", note.location)}]} if note.location else {}),
    }


def _procedure(access: Access, note: NewNote, id_: str, encounter: str) -> dict[str, Any] | None:
    """What was done, under the number that its minutes fit; nothing for a service without a code."""
    service = services.services(note.start.date()).get(note.service)
    minutes = note.therapy_minutes if service and service.therapy and note.therapy_minutes is not None else note.minutes
    code = services.fitting(service, minutes) if service else None
    if service is None or code is None:
        return None
    codings = [{"system": services.system(part), "code": part} for part in code.code.split("+")]
    return {
        "resourceType": "Procedure",
        "id": id_,
        "meta": {"profile": [US_CORE + "procedure"]},
        "status": "completed",
        "code": {"coding": codings, "text": service.title},
        "subject": ref("Patient", note.patient),
        "encounter": ref("Encounter", encounter),
        "performedPeriod": {"start": iso(note.start), "end": iso(note.stop)},
        **({"performer": [{"actor": {"reference": access.caller.agent}}]} if access.caller.agent else {}),
        **({"reasonReference": [ref("Condition", c) for c in note.diagnoses]} if note.diagnoses else {}),
        **({"location": ref("Location", note.location)} if note.location else {}),
    }


def iso(when: datetime) -> str:
    """A FHIR dateTime with its offset, to the second."""
    return when.isoformat(timespec="seconds")


def asking(access: Access, template: Template) -> Access:
    """As whom its author writes a note: one that is kept apart, where they keep these."""
    return apart.opened(access) if template.apart else access


def apart_of(resource: Mapping[str, Any]) -> str:
    """Under which law a stored document is kept apart; '' for none."""
    security = resource.get("meta", {}).get("security", ())
    return next((key for key in APART if any(bases.claimed(c) & _BITS[key] for c in security)), "")
