"""Warnings of a table that were set aside with a reason: DetectedIssues, so none is asked twice.

https://hl7.org/fhir/R4/detectedissue.html

A warning tells of every line that it is about. So it is written under the one program whose people see all of them, with the labels of
all: where two Part 2 programs meet in it there is none, and it is not kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sojourn.base import errors
from sojourn.care.medications.checking import ALLERGY, DUPLICATE, INTERACTION, Finding
from sojourn.care.resources import author, id_of, moment, ref
from sojourn.care.signing.preparing import once
from sojourn.gate import origin
from sojourn.gate.access import Access
from sojourn.gate.changes import Change
from sojourn.gate.found import Stored

TYPE: Final = "DetectedIssue"
IDENTIFIER: Final = "https://sojourn.example/fhir/NamingSystem/medication-warning"
_ACT: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_CODES: Final = {INTERACTION: ("DRG", "Drug interaction alert"), DUPLICATE: ("DUPTHPY", "Duplicate therapy alert"), ALLERGY: ("ALLERGY", "Allergy alert")}
_SEVERITY: Final = {"contraindicated": "high", "major": "high", "moderate": "moderate"}
CONFIDENTIALITY: Final = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
CANNOT: Final = "This warning is about medications of two programs under 42 CFR Part 2. No record of one of them may tell of the other, so the reason is kept with the medication that you write and not as a record of its own."
LEAST: Final = 4


class Overridden(NamedTuple):
    """A warning that was set aside. by: a reference; at: a FHIR dateTime; refs: the lines that it was about."""

    key: str
    reason: str
    by: str
    at: str
    refs: frozenset[str]


class Aside(NamedTuple):
    """What was set aside for a client, the newest first; and who did, by reference."""

    found: list[Overridden]
    beside: dict[str, dict[str, Any]]

    def of(self, finding: Finding) -> Overridden | None:
        """What was said of this warning about lines that are still there: of another order of the same it is asked again."""
        return next((o for o in self.found if o.key == finding.key and finding.covered(o.refs)), None)


async def of(access: Access, patient: str) -> Aside:
    """What was set aside for a client, as far as the caller may see it. One search."""
    if not access.may(TYPE, "search"):
        return Aside([], {})
    found = await access.search(TYPE, [("patient", patient), ("_sort", "-identified"), ("_include", "DetectedIssue:author")], count=500)
    return Aside([o for r in found.resources if (o := read(r))], {f"{s.type}/{s.id}": s.resource for s in found.included})


def read(r: Mapping[str, Any]) -> Overridden | None:
    """A DetectedIssue of ours that is in force."""
    key = next((str(i.get("value", "")) for i in r.get("identifier", ()) if i.get("system") == IDENTIFIER), "")
    last: Mapping[str, Any] = next(iter(reversed(r.get("mitigation", ()))), {})
    if not key or r.get("status") == "entered-in-error":
        return None
    return Overridden(key, str(last.get("action", {}).get("text", "")), str(last.get("author", {}).get("reference", "")), str(last.get("date", "")),
                      frozenset(str(i.get("reference", "")) for i in r.get("implicated", ())))  # fmt: skip


def labels(resources: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The labels that something has to carry which tells of all of these; without the degree of confidentiality, which follows from them."""
    out: list[dict[str, Any]] = []
    for r in resources:
        for coding in (r.get("meta") or {}).get("security") or ():
            kept = {k: coding[k] for k in ("system", "code") if k in coding}
            if coding.get("system") != CONFIDENTIALITY and kept not in out:
                out.append(kept)
    return out


async def home(access: Access, refs: Sequence[str], acting: int | None = None) -> int | None:
    """The program under which something is written that tells of all of these lines. Raises Conflict where there is none.

    acting: the program of a line that is only being written. Lines that none of the caller's programs made leave no program, either.
    """
    made = set((await origin.makers(access, [r for r in refs if r])).values()) | ({acting} if acting is not None else set())
    if None in made:
        raise errors.Conflict("This warning is about something that another program wrote. Its reason cannot be kept under yours.")
    under = sorted(p for p in made if p is not None and access.rules.programs[p].part2)
    if len(under) > 1:
        raise errors.Conflict(CANNOT)
    return under[0] if under else next(iter(sorted(p for p in made if p is not None)), None)


def overriding(access: Access, patient: str, finding: Finding, reason: str, lines: Sequence[Stored], program: int | None, *, refs: Sequence[str] = ()) -> Change:
    """Set a warning aside, as a change. lines: what it is about, as stored; refs: what is being written now. Doing it twice writes it once.

    Raises Malformed, and Conflict where it would tell one record of the person of the other.
    """
    if len(reason.strip()) < LEAST:
        raise errors.Malformed("Write why it is right all the same.")
    if any(id_of(s.resource.get("subject") or s.resource.get("patient"), "Patient") != patient for s in lines):
        raise errors.Conflict("This warning is about two records of this person. Its reason cannot be kept under one of them.")
    code, text = _CODES[finding.kind]
    about = [f"{s.type}/{s.id}" for s in lines] + [r for r in refs if r]
    issue: dict[str, Any] = {
        "resourceType": TYPE, "identifier": [{"system": IDENTIFIER, "value": finding.key}], "status": "final", "code": {"coding": [{"system": _ACT, "code": code}], "text": text}, "severity": _SEVERITY[finding.severity],
        "patient": ref("Patient", patient), "identifiedDateTime": moment(access), **({"author": who} if (who := author(access)) else {}), "implicated": [{"reference": r} for r in about], "detail": f"{finding.title}. {finding.text} Source: {finding.source}.",
        "mitigation": [{"action": {"text": reason.strip()[:1000]}, "date": moment(access), **({"author": who} if who else {})}],
    }  # fmt: skip
    carried = labels(s.resource for s in lines)
    if carried:
        issue["meta"] = {"security": carried}
    return Change("create", TYPE, once("medication-warning", patient, finding.key, *sorted(about)), issue, program=program)
