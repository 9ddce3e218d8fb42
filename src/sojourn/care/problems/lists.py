"""The problem list of a client: since when, treated by which program, resolved or not, by whom.

https://hl7.org/fhir/R4/condition.html

A problem belongs to the program that treats it: it is written under that program, and two programs that treat the same have a line each.
So a list never tells one program of another (42 CFR Part 2).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from sojourn.base import errors
from sojourn.care import levels
from sojourn.care.listing import SOURCES, Note, note, notes_of, source, text_of
from sojourn.care.resources import author, id_of, moment, ref
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id
from sojourn.gate.found import Stored

TYPE: Final = "Condition"
ICD10: Final = "http://hl7.org/fhir/sid/icd-10-cm"
TREATED: Final = "https://sojourn.example/fhir/StructureDefinition/treated-by"
"""Extension on a problem: the program that treats it, which is the one that wrote it."""
_CLINICAL: Final = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_VERIFICATION: Final = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/condition-category"
HOLDS: Final = ("active", "recurrence", "relapse")
ACTS: Final = {"resolve": "Resolved", "remission": "In remission", "again": "Active again", "error": "Entered in error"}
_CLINICAL_OF: Final = {"resolve": "resolved", "remission": "remission", "again": "recurrence"}
_CODE = re.compile(r"[A-TV-Z][0-9][0-9AB](?:\.[0-9A-TV-Z]{1,4})?")


class Problem(NamedTuple):
    """One problem. onset, ended: FHIR dates or words. programs: which treat it, as far as the caller may see. code: ICD-10-CM, or ''."""

    id: str
    version: str
    name: str
    code: str
    status: str
    onset: str
    ended: str
    severity: str
    source: str
    programs: tuple[str, ...]
    by: str
    when: str
    notes: tuple[Note, ...]
    stored: Stored

    @property
    def ref(self) -> str:
        """`Type/id`."""
        return f"{TYPE}/{self.id}"

    @property
    def current(self) -> bool:
        """Whether it holds."""
        return self.status in HOLDS or not self.status

    @property
    def said(self) -> str:
        """The status in words; '' for a plain active one."""
        return "" if self.status in ("active", "") else self.status.replace("-", " ")

    @property
    def from_where(self) -> str:
        """The source in words."""
        return SOURCES.get(self.source, "")


async def of(access: Access, patient: str) -> list[Problem]:
    """The problem list, what holds first. Two searches at once; one for a role that does not look up stays."""
    stays = access.search("EpisodeOfCare", [("patient", patient)], count=100) if access.may("EpisodeOfCare", "search") else None
    conditions = access.search(TYPE, [("patient", patient), ("category", "problem-list-item")], count=1000)
    found, episodes = await asyncio.gather(conditions, stays) if stays is not None else (await conditions, None)
    treating: dict[str, list[str]] = {}
    for r in episodes.resources if episodes else ():
        for d in r.get("diagnosis", ()):
            treating.setdefault(id_of(d.get("condition"), TYPE), []).append(levels.stay(r).program or "A program")
    return sorted((read(s, treating) for s in found.matches), key=lambda p: (not p.current, p.status == "entered-in-error", _descending(p.onset), p.name.casefold(), p.id))


def _descending(when: str) -> tuple[int, ...]:
    return tuple(-ord(c) for c in when[:10])


def read(stored: Stored, treating: Mapping[str, Sequence[str]] | None = None) -> Problem:
    """A Condition, read. Nothing raises. treating: names of programs whose stays name it, by its id."""
    r = stored.resource
    concept = r.get("code") or {}
    code = next((str(c.get("code", "")) for c in concept.get("coding", ()) if c.get("system") == ICD10), "")
    own = [str(e.get("valueString", "")) for e in r.get("extension", ()) if e.get("url") == TREATED]
    verification = _code(r.get("verificationStatus"))
    status = verification if verification in ("entered-in-error", "refuted") else _code(r.get("clinicalStatus"))
    teller = r.get("recorder") or r.get("asserter") or {}
    said = next((str(e.get("valueCode", "")) for e in r.get("extension", ()) if e.get("url") == source("")["url"]), "")
    onset = r.get("onsetDateTime") or (r.get("onsetPeriod") or {}).get("start") or r.get("onsetString") or ""
    ended = r.get("abatementDateTime") or (r.get("abatementPeriod") or {}).get("end") or r.get("abatementString") or ""
    programs = dict.fromkeys(p for p in [*own, *(treating or {}).get(stored.id, ())] if p)
    return Problem(
        stored.id, str(getattr(stored, "version", "")), text_of(concept) or "A problem without a name", code, status, str(onset), str(ended), text_of(r.get("severity")), said, tuple(programs),
        str(teller.get("reference") or teller.get("display") or ""), str(r.get("recordedDate") or ""), notes_of(r), stored,
    )  # fmt: skip


def _code(concept: Any) -> str:
    return next((str(c.get("code", "")) for c in (concept or {}).get("coding", ()) if c.get("code")), "") if isinstance(concept, dict) else ""


def _status(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def added(access: Access, patient: str, said: Mapping[str, str], *, program: int | None, key: str = "") -> Change:
    """A problem as a change, written under the program that treats it. said: name, code, onset, source. Raises Malformed."""
    name = " ".join(said.get("name", "").split())[:300]
    if not name:
        raise errors.Malformed("Write the problem.")
    code = said.get("code", "").strip().upper()
    if code and not _CODE.fullmatch(code):
        raise errors.Malformed("The code is not one of ICD-10-CM: such as F32.1. Leave it empty if you do not know it.")
    onset = _day(said.get("onset", ""), access.today)
    who, treats = author(access), _treats(access, program)
    extension = [*([source(said["source"])] if said.get("source") in SOURCES else []), *([treats] if treats else [])]
    problem: dict[str, Any] = {
        "resourceType": TYPE, **({"extension": extension} if extension else {}), "clinicalStatus": _status(_CLINICAL, "active"), "verificationStatus": _status(_VERIFICATION, "confirmed" if said.get("sure") else "provisional"),
        "category": [{"coding": [{"system": _CATEGORY, "code": "problem-list-item"}]}], "code": {"text": name, **({"coding": [{"system": ICD10, "code": code}]} if code else {})}, "subject": ref("Patient", patient),
        **({"onsetDateTime": onset} if onset else {}), "recordedDate": moment(access), **({"recorder": who} if who else {}), "note": [note(access, "Written down.")],
    }  # fmt: skip
    return Change("create", TYPE, key or new_id(), problem, program=program)


def _treats(access: Access, program: int | None) -> dict[str, Any] | None:
    """The program as the extension that names it: never another one than the problem is written under."""
    known = access.rules.programs.get(program) if program is not None else None
    return {"url": TREATED, "valueString": known.name} if known is not None else None


def acting(access: Access, problem: Problem, act: str, why: str, day: str = "") -> Change:
    """Resolved, in remission, active again, or entered in error, as a change. day: when, '' for today. Raises Malformed."""
    if act not in ACTS or (problem.current and act == "again") or problem.status in ("entered-in-error", "refuted"):
        raise errors.Malformed("Choose what became of it.")
    if not why.strip():
        raise errors.Malformed("Write what you found.")
    r = problem.stored.resource
    after = {k: v for k, v in r.items() if not k.startswith("abatement")} | {"note": [*r.get("note", ()), note(access, f"{ACTS[act]}: {why.strip()}")]}
    if act == "error":
        after["verificationStatus"] = _status(_VERIFICATION, "entered-in-error")
        after.pop("clinicalStatus", None)  # invariant con-5
        after |= {k: v for k, v in r.items() if k.startswith("abatement")}
    else:
        after["clinicalStatus"] = _status(_CLINICAL, _CLINICAL_OF[act])
        if act != "again":
            after["abatementDateTime"] = _day(day, access.today) or access.today.isoformat()
    return Change("update", TYPE, problem.id, after, if_match=problem.version)


def _day(text: str, today: date) -> str:
    text = text.strip()
    if not text:
        return ""
    whole = f"{text}-01-01" if re.fullmatch(r"\d{4}", text) else f"{text}-01" if re.fullmatch(r"\d{4}-\d\d", text) else text
    try:
        if date.fromisoformat(whole) > today:
            raise errors.Malformed("That day has not come yet.")
    except ValueError:
        raise errors.Malformed("Write the day as 2024-05-31, a month as 2024-05, or a year as 2024.") from None
    return text

