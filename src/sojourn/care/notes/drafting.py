"""What stands in the editor: values by field name, on their way between a draft, a note and a form."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from typing import Any

from sojourn.base.digits import digits
from sojourn.base.errors import Malformed, VersionConflict
from sojourn.care.notes.model import NewNote, Template
from sojourn.care.resources import code_of, id_of
from sojourn.gate import drafts
from sojourn.gate.access import Access
from sojourn.gate.changes import new_id

PREFIX = "note:"
"""Before the key of every draft of a note."""
SECTION = "s-"
"""Before the name of a section's field."""
MOST = 200_000
"""Characters of one note."""
Values = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class Draft:
    """A note that is being written. id: of the draft, and of the note that it becomes; version: of the note that it was taken up from.

    encounter: of a session that was booked. stamp: of the draft as it is kept; '' before it is. tab: which window of a browser kept it
    last: what that window sends again, because it never heard that it arrived, is no conflict.
    """

    id: str
    patient: str
    template: str
    values: Values = field(default_factory=dict)
    encounter: str = ""
    version: str = ""
    stamp: str = ""
    updated: datetime | None = None
    tab: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        """As it is kept."""
        return json.dumps({"template": self.template, "encounter": self.encounter, "version": self.version, "tab": self.tab, "facts": dict(self.facts), "values": self.values}, ensure_ascii=False).encode()

    def with_values(self, values: Values) -> Draft:
        """The same with what stands in the editor now."""
        return replace(self, values=values)

    def one(self, name: str) -> str:
        """The one value of a field, or ''."""
        return next(iter(self.values.get(name, ())), "")


def begun(patient: str, template: Template, **values: str) -> Draft:
    """A new draft. The usual service of its template is chosen; nothing that is a judgement is."""
    first = {"service": [template.services[0]]} if "service" in template.header and template.services else {}
    return Draft(new_id(), patient, template.key, {**first, **{name: [value] for name, value in values.items() if value}})


async def keep(access: Access, draft: Draft) -> Draft:
    """Keep it on the server; it is returned with its new stamp. Raises VersionConflict where a newer one is kept, TooLarge."""
    if sum(len(text) for texts in draft.values.values() for text in texts) > MOST:
        raise Malformed(f"A note may have {MOST} characters at most.")
    try:
        stamp = await drafts.keep(access, PREFIX + draft.id, draft.body, patient=draft.patient, seen=draft.stamp)
    except VersionConflict:
        other = await kept(access, draft.id)
        if other is None or not draft.tab or other.tab != draft.tab:
            raise
        stamp = await drafts.keep(access, PREFIX + draft.id, draft.body, patient=draft.patient, seen=other.stamp)
    return replace(draft, stamp=stamp, updated=access.now)


async def kept(access: Access, id_: str) -> Draft | None:
    """The draft of this account, or None."""
    found = await drafts.kept(access, PREFIX + id_)
    if found is None:
        return None
    said = json.loads(found.body)
    return Draft(id_, found.patient, said["template"], said["values"], said["encounter"], said["version"], found.stamp, found.updated, said["tab"], said.get("facts", {}))


async def listed(access: Access) -> list[drafts.Draft]:
    """The drafts of this account, the newest first, their keys without the prefix."""
    return [d._replace(key=d.key.removeprefix(PREFIX)) for d in await drafts.listed(access, PREFIX)]


async def drop(access: Access, id_: str) -> None:
    """Forget a draft: it became a note, or nobody wants it."""
    await drafts.drop(access, PREFIX + id_)


def sent(form: Iterable[tuple[str, str]], template: Template) -> dict[str, list[str]]:
    """What a form says, as far as the template asks for it."""
    names = field_names(template)
    values: dict[str, list[str]] = {}
    for name, value in form:
        if name in names and value.strip():
            values.setdefault(name, []).append(value.replace("\r\n", "\n"))
    return values


_FIELDS = {
    "service": ("service", "therapy"), "stay": ("stay",), "times": ("date", "start", "stop"), "location": ("location",), "modality": ("modality",),
    "participants": ("participants", "others"), "language": ("language",), "diagnoses": ("diagnoses",), "objectives": ("objectives", "no_objective"),
    "risk": ("risk", "risk_note"),
}  # fmt: skip


def field_names(template: Template) -> set[str]:
    """The names of all fields of a template's form."""
    return {name for header in template.header for name in _FIELDS[header]} | {SECTION + s.key for s in template.sections}


def times(draft: Draft, zone: tzinfo) -> tuple[datetime, datetime] | None:
    """When the session began and ended, by the clock of its place; None unless all three fields say so."""
    try:
        start, stop = (datetime.fromisoformat(f"{draft.one('date')}T{draft.one(name)}") for name in ("start", "stop"))
    except ValueError:
        return None
    return None if start.tzinfo or stop.tzinfo else (start.replace(tzinfo=zone), stop.replace(tzinfo=zone))


def note(draft: Draft, template: Template, session: tuple[datetime, datetime], *, program: int | None = None, final: bool = False) -> NewNote:
    """What stands in the editor, as a note."""
    minutes = draft.one("therapy")
    return NewNote(
        draft.patient, template.key, {s.key: draft.one(SECTION + s.key) for s in template.sections}, *session, service=draft.one("service"),
        therapy_minutes=int(minutes) if digits(minutes) and len(minutes) < 4 else None, stay=draft.one("stay"), location=draft.one("location"), modality=draft.one("modality"),
        participants=tuple(draft.values.get("participants", ())), others=draft.one("others"), language=draft.one("language"), diagnoses=tuple(draft.values.get("diagnoses", ())),
        objectives=tuple(draft.values.get("objectives", ())), no_objective=draft.one("no_objective"), risk=draft.one("risk"), risk_note=draft.one("risk_note"),
        encounter=draft.encounter, document=draft.id, version=draft.version, program=program, facts=draft.facts, final=final,
    )  # fmt: skip


def taken_up(document: Mapping[str, Any], structure: Mapping[str, Any], version: str) -> Draft:
    """A note that was written and is not signed, back in the editor."""
    id_ = str(document["id"])
    groups = {g.get("linkId"): g.get("item", ()) for g in structure.get("item", ())}
    values: dict[str, list[str]] = {SECTION + str(i["linkId"]): [str(a.get("valueString", "")) for a in i.get("answer", ())][:1] for i in groups.get("sections", ())}
    for item in groups.get("header", ()):
        values |= _header(str(item["linkId"]).removeprefix("header."), item.get("answer", ()))
    encounter = next((id_of(e, "Encounter") for e in document.get("context", {}).get("encounter", ())), "")
    key = str(structure.get("questionnaire", "")).partition("|")[0].rpartition("/note-")[2]
    template = key or code_of(document.get("type")).removeprefix("note-")
    facts = {str(i.get("text", "")): str(a.get("valueString", "")) for i in groups.get("facts", ()) for a in i.get("answer", ())[:1]}
    return Draft(id_, id_of(document.get("subject"), "Patient"), template, values, "" if encounter == id_ else encounter, version, facts=facts)


def _header(name: str, answers: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The fields of one fact, from its answers."""
    strings = [str(a["valueString"]) for a in answers if "valueString" in a]
    codes = [str(a["valueCoding"].get("code", "")) for a in answers if "valueCoding" in a]
    targets = [id_of(a["valueReference"]) for a in answers if "valueReference" in a]
    if name == "times":
        moments = [datetime.fromisoformat(str(a["valueDateTime"])) for a in answers if "valueDateTime" in a]
        made = {"date": [moments[0].date().isoformat()], "start": [f"{moments[0]:%H:%M}"], "stop": [f"{moments[1]:%H:%M}"]} if len(moments) == 2 else {}
        minutes = [str(a["valueInteger"]) for a in answers if "valueInteger" in a]
        return made | ({"therapy": minutes} if minutes else {})
    extra = {"participants": "others", "objectives": "no_objective", "risk": "risk_note", "language": "language"}.get(name)
    found = {name: [*codes, *targets]} if codes or targets else {}
    return found | ({extra: strings} if extra and strings else {})
