"""Lines of a medication list: orders and statements of every source, read as one kind of thing.

https://hl7.org/fhir/R4/medicationrequest.html, https://hl7.org/fhir/R4/medicationstatement.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from sojourn.care.listing import HERE, HOME, IMPORTED, OUTSIDE, SOURCE, SOURCES, Item, Note, notes_of, text_of, told_by
from sojourn.care.resources import id_of
from sojourn.gate.access import Access
from sojourn.gate.found import Stored

ORDER, TOLD = "MedicationRequest", "MedicationStatement"
CURRENT: Final = ("active", "on-hold", "intended", "draft", "unknown")
MOST: Final = 1000
_PART2: Final = "42CFRPart2"
_WORDS: Final = {"active": "taken", "on-hold": "on hold", "intended": "to be begun", "not-taken": "not taken", "entered-in-error": "entered in error"}


class Line(NamedTuple):
    """One medication by one source. by: a reference, or the words that stand for who said it. when: a FHIR date or dateTime.

    reason: why it has its status. codes: (system, code). part2: whether it stands under 42 CFR Part 2.
    """

    type: str
    id: str
    version: str
    name: str
    dose: str
    source: str
    status: str
    reason: str
    by: str
    when: str
    codes: tuple[tuple[str, str], ...]
    part2: bool
    notes: tuple[Note, ...]
    stored: Stored

    @property
    def ref(self) -> str:
        """`Type/id`."""
        return f"{self.type}/{self.id}"

    @property
    def current(self) -> bool:
        """Whether it is on the list now."""
        return self.status in CURRENT

    @property
    def said(self) -> str:
        """The status in words."""
        return _WORDS.get(self.status, self.status) if self.type == TOLD or self.status != "active" else "ordered"

    @property
    def from_where(self) -> str:
        """The source in words."""
        return SOURCES[self.source]

    @property
    def item(self) -> Item:
        """For comparing it with a table."""
        return Item(self.ref, self.name, self.codes, self.source)


class Listed(NamedTuple):
    """Every line of a client, what is on the list first; and what they name (people, medications), by reference."""

    lines: list[Line]
    beside: dict[str, dict[str, Any]]

    @property
    def current(self) -> list[Line]:
        """Those that are taken or ordered now: what is compared with a table."""
        return [line for line in self.lines if line.current]


async def of(access: Access, patient: str) -> Listed:
    """Every line that the caller may see. Two searches, one for a role that sees only one kind."""
    wanted = [
        (ORDER, [("_sort", "-authoredon"), ("_include", "MedicationRequest:medication"), ("_include", "MedicationRequest:requester")]),
        (TOLD, [("_sort", "-effective"), ("_include", "MedicationStatement:medication"), ("_include", "MedicationStatement:source")]),
    ]
    found = await asyncio.gather(*(access.search(type_, [("patient", patient), *params], count=MOST) for type_, params in wanted if access.may(type_, "search")))
    beside = {f"{s.type}/{s.id}": s.resource for f in found for s in f.included}
    lines = [read(s, beside) for f in found for s in f.matches]
    return Listed(sorted(lines, key=lambda line: (not line.current, line.status == "entered-in-error", _descending(line.when), line.name.casefold(), line.id)), beside)


def _descending(when: str) -> tuple[int, ...]:
    return tuple(-ord(c) for c in when[:19])


def read(stored: Stored, known: Mapping[str, Mapping[str, Any]] | None = None) -> Line:
    """The line that a MedicationRequest or MedicationStatement is. known: Medications by reference. Nothing raises: what is odd is shown as it is."""
    r = stored.resource
    concept = _concept(r, known or {})
    dosage = _first(r, "dosageInstruction" if stored.type == ORDER else "dosage")
    codes = tuple((str(c.get("system", "")), str(c.get("code", ""))) for c in concept.get("coding", ()) if isinstance(c, dict))
    said_by = r.get("requester") or r.get("recorder") or r.get("informationSource") or {}
    when = r.get("authoredOn") or r.get("dateAsserted") or r.get("effectiveDateTime") or (r.get("effectivePeriod") or {}).get("start") or ""
    reasons = r.get("statusReason") or ()
    reason = text_of(reasons if isinstance(reasons, dict) else next(iter(reasons), {}))
    security = (r.get("meta") or {}).get("security") or ()
    return Line(
        stored.type, stored.id, str(getattr(stored, "version", "")), text_of(concept) or "A medication without a name", str(dosage.get("text") or dosage.get("patientInstruction") or ""), source_of(r), str(r.get("status", "unknown")), reason,
        told_by(r) or str(said_by.get("reference") or said_by.get("display") or ""), str(when), codes, any(c.get("code") == _PART2 for c in security), notes_of(r), stored,
    )  # fmt: skip


def source_of(r: Mapping[str, Any]) -> str:
    """Where a line comes from: what it says itself, else what follows from who tells it."""
    said = next((str(e.get("valueCode", "")) for e in r.get("extension", ()) if e.get("url") == SOURCE), "")
    if said in SOURCES:
        return said
    teller = r.get("reportedReference") or r.get("informationSource") or {}
    if str(teller.get("reference", "")).startswith(("Patient/", "RelatedPerson/")):
        return HOME
    if teller or r.get("reportedBoolean") is True:
        return OUTSIDE
    return HERE if r.get("resourceType") == ORDER else IMPORTED


def _concept(r: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    if isinstance(r.get("medicationCodeableConcept"), dict):
        return dict(r["medicationCodeableConcept"])
    link = r.get("medicationReference") or {}
    target = str(link.get("reference", ""))
    inside = next((c for c in r.get("contained", ()) if f"#{c.get('id')}" == target), None)
    found = (inside or known.get(target) or {}).get("code")
    return dict(found) if isinstance(found, dict) else {"text": str(link.get("display", ""))}


def _first(r: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = r.get(name) or ()
    return next((v for v in (value if isinstance(value, list) else [value]) if isinstance(v, dict)), {})


def patient_of(line: Line) -> str:
    """Whose line it is."""
    return id_of(line.stored.resource.get("subject"), "Patient")
