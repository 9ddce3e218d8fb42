"""The nouns of notes: section, template, service, and the note that somebody wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import NamedTuple

HEADER: Mapping[str, str] = {
    "service": "Service",
    "stay": "Stay",
    "times": "Session",
    "location": "Where",
    "modality": "How",
    "participants": "Present",
    "language": "Language",
    "diagnoses": "Diagnoses addressed",
    "objectives": "Objectives addressed",
    "risk": "Risk check",
}
"""Facts of a session that a template may ask for, and what they are called."""

MODALITIES: Mapping[str, str] = {"in-person": "In person", "video": "By video", "audio": "By telephone"}
PARTICIPANTS: Mapping[str, str] = {"client": "Client", "family": "Family", "guardian": "Parent or guardian", "interpreter": "Interpreter", "staff": "Other staff", "other": "Others"}
RISKS: Mapping[str, str] = {
    "none": "Asked: no danger to self or others",
    "present": "Danger to self or others: described in the note",
    "not-asked": "Not asked",
}
APART: Mapping[str, str] = {"psychotherapy": "Psychotherapy note", "sud-counseling": "SUD counseling note"}
"""Notes kept apart, by the law that says so (45 CFR 164.501; 42 CFR 2.11)."""
CHECKS: Mapping[str, str] = {
    "times": "The minutes fit the service",
    "overlap": "No other session of the client or the author at that time",
    "similar": "Warn of text that is the same as in an earlier note",
    "names": "Warn of other clients' names",
}


def minutes_between(start: datetime, stop: datetime) -> int:
    """Whole minutes that really pass, also in a night when the clocks change."""
    return int((stop.astimezone(UTC) - start.astimezone(UTC)).total_seconds() // 60)


class Section(NamedTuple):
    """One part of a note. key: how it is stored; hint: what belongs there."""

    key: str
    title: str
    hint: str = ""
    required: bool = True


class Template(NamedTuple):
    """A format. services: keys of services it is for, the usual one first; code, document: LOINC document type and its words.

    header: facts that are asked; required: those without which nothing is signed; apart: a key of APART, or ''. version: '0' as shipped.
    """

    key: str
    title: str
    kind: str
    services: tuple[str, ...]
    code: str
    document: str
    sections: tuple[Section, ...]
    header: tuple[str, ...]
    required: tuple[str, ...]
    checks: tuple[str, ...]
    apart: str = ""
    version: str = "0"
    active: bool = True


class Code(NamedTuple):
    """A billing code by number, and the minutes that it asks for. unit: minutes of one unit, 0 if it is not counted."""

    code: str
    low: int = 0
    high: int = 0
    unit: int = 0


class Service(NamedTuple):
    """What is done in a session, in our words. therapy: its minutes are those of the therapy alone."""

    key: str
    title: str
    codes: tuple[Code, ...]
    therapy: bool
    effective: date


@dataclass(frozen=True, slots=True)
class NewNote:
    """A note as its author wrote it.

    patient, stay, location, encounter: logical ids; diagnoses: ids of Conditions; objectives: ids of Goals. template: a key. document: the
    id that it has or gets (its structure, and the visit if the note makes one, have the same). version: of the document, for one that is
    there already. encounter: '' for a session that is in no schedule: then it is written, too. program: who makes it, where that is not
    the author's acting one. facts: further lines of its head, such as an attendance. final: whether it is being signed.
    """

    patient: str
    template: str
    sections: Mapping[str, str]
    start: datetime
    stop: datetime
    service: str = ""
    therapy_minutes: int | None = None
    stay: str = ""
    location: str = ""
    modality: str = ""
    participants: tuple[str, ...] = ()
    others: str = ""
    language: str = ""
    diagnoses: tuple[str, ...] = ()
    objectives: tuple[str, ...] = ()
    no_objective: str = ""
    risk: str = ""
    risk_note: str = ""
    encounter: str = ""
    document: str = ""
    version: str = ""
    program: int | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    final: bool = False

    @property
    def minutes(self) -> int:
        """How long the session was."""
        return minutes_between(self.start, self.stop)
