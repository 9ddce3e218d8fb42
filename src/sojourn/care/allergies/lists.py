"""The allergies of a client: what is known, whether anybody asked, and changing them with who and why.

https://hl7.org/fhir/R4/allergyintolerance.html

Nothing recorded means that nobody asked. That there are none is a fact of its own: a record with the SNOMED CT code for it, with a name
and a day. Both are worked out from what the caller may see; what they may not see refuses and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from sojourn.base import errors
from sojourn.care.listing import OTHERS, SOURCES, Item, Note, note, notes_of, source, text_of
from sojourn.care.resources import author, id_of, moment, ref
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id
from sojourn.gate.found import Stored

TYPE: Final = "AllergyIntolerance"
SNOMED: Final = "http://snomed.info/sct"
NONE_KNOWN: Final = "716186003"
"""No known allergy (situation), as US Core uses it."""
_NONE_CODES: Final = (NONE_KNOWN, "409137002")
_CLINICAL: Final = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
_VERIFICATION: Final = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"
_GONE: Final = ("inactive", "resolved", "entered-in-error", "refuted")
KINDS: Final = {"medication": "Medication", "food": "Food", "environment": "Environment", "biologic": "Biologic"}
CRITICALITY: Final = {"low": "Low", "high": "High: could kill", "unable-to-assess": "Not known"}
ACTS: Final = {"confirm": "Confirmed", "resolve": "Resolved", "refute": "Was none", "error": "Entered in error"}
_WORDS: Final = {"active": "", "entered-in-error": "entered in error", "refuted": "was none"}


class Allergy(NamedTuple):
    """One allergy, or the fact that none is known. status: active, inactive, resolved, refuted or entered-in-error. by: a reference or words."""

    id: str
    version: str
    name: str
    none_known: bool
    reaction: str
    criticality: str
    kind: str
    status: str
    source: str
    by: str
    when: str
    codes: tuple[tuple[str, str], ...]
    notes: tuple[Note, ...]
    stored: Stored

    @property
    def ref(self) -> str:
        """`Type/id`."""
        return f"{TYPE}/{self.id}"

    @property
    def current(self) -> bool:
        """Whether it holds."""
        return self.status not in _GONE

    @property
    def confirmed(self) -> bool:
        """Whether somebody found it to be so; what came from outside or was only told is not."""
        return _code(self.stored.resource.get("verificationStatus")) != "unconfirmed"

    @property
    def acts(self) -> list[tuple[str, str]]:
        """What may become of it: (code, words)."""
        return [(k, v) for k, v in ACTS.items() if k != "confirm" or not self.confirmed] if self.current else []

    @property
    def said(self) -> str:
        """The status in words; '' while it holds."""
        return _WORDS.get(self.status, self.status)

    @property
    def from_where(self) -> str:
        """The source in words."""
        return SOURCES.get(self.source, "")

    @property
    def item(self) -> Item:
        """For comparing it with a table."""
        return Item(self.ref, self.name, self.codes)


class Standing(NamedTuple):
    """What is known of a client's allergies. asked: whether there is anything at all, none known or some."""

    found: list[Allergy]

    @property
    def current(self) -> list[Allergy]:
        """Those that hold, without the fact that there are none."""
        return [a for a in self.found if a.current and not a.none_known]

    @property
    def none(self) -> Allergy | None:
        """The fact that none is known, where it holds and nothing speaks against it."""
        return None if self.current else next((a for a in self.found if a.current and a.none_known), None)

    @property
    def asked(self) -> bool:
        """Whether anybody wrote down an answer that holds: that others know of none is no answer until somebody here asked."""
        return bool(self.current) or (self.none is not None and self.none.confirmed)


async def of(access: Access, patient: str) -> Standing:
    """Every allergy that the caller may see, what holds first. One search."""
    if not access.may(TYPE, "search"):
        return Standing([])
    found = await access.search(TYPE, [("patient", patient)], count=1000)
    return Standing(sorted((read(s) for s in found.matches), key=lambda a: (not a.current, a.name.casefold(), a.id)))


def read(stored: Stored) -> Allergy:
    """An AllergyIntolerance, read. Nothing raises."""
    r = stored.resource
    concept = r.get("code") or {}
    codes = tuple((str(c.get("system", "")), str(c.get("code", ""))) for c in concept.get("coding", ()) if isinstance(c, dict))
    name = text_of(concept)
    none = any(c in _NONE_CODES for s, c in codes if s == SNOMED) or "no known" in name.casefold()
    verification, clinical = _code(r.get("verificationStatus")), _code(r.get("clinicalStatus"))
    status = verification if verification in _GONE else clinical or "active"
    manifestations = [text_of(m) for x in r.get("reaction", ()) if isinstance(x, dict) for m in x.get("manifestation", ())]
    teller = r.get("recorder") or r.get("asserter") or {}
    said = next((str(e.get("valueCode", "")) for e in r.get("extension", ()) if e.get("url") == source("")["url"]), "")
    return Allergy(
        stored.id, str(getattr(stored, "version", "")), name or "An allergy without a name", none, ", ".join(filter(None, manifestations)), str(r.get("criticality", "")), next(iter(r.get("category") or ()), ""), status, said,
        str(teller.get("reference") or teller.get("display") or ""), str(r.get("recordedDate") or r.get("onsetDateTime") or ""), codes, notes_of(r), stored,
    )  # fmt: skip


def _code(concept: Any) -> str:
    return next((str(c.get("code", "")) for c in (concept or {}).get("coding", ()) if c.get("code")), "") if isinstance(concept, dict) else ""


def _status(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def added(access: Access, patient: str, standing: Standing, said: Mapping[str, str], *, program: int | None, made: Mapping[str, int | None], key: str = "") -> list[Change]:
    """An allergy, as changes: where this record says that none is known, that is over with it. made: the program of each that is there. Raises Malformed."""
    name = " ".join(said.get("name", "").split())[:300]
    if not name:
        raise errors.Malformed("Write what the allergy is to.")
    kind, criticality, reaction = said.get("kind", ""), said.get("criticality", ""), said.get("reaction", "").strip()[:300]
    allergy: dict[str, Any] = {
        "resourceType": TYPE, **({"extension": [source(said["source"])]} if said.get("source") in SOURCES else {}), "clinicalStatus": _status(_CLINICAL, "active"), "verificationStatus": _status(_VERIFICATION, "confirmed" if said.get("sure") else "unconfirmed"),
        **({"category": [kind]} if kind in KINDS else {}), **({"criticality": criticality} if criticality in CRITICALITY else {}), "code": {"text": name}, "patient": ref("Patient", patient), "recordedDate": moment(access),
        **({"recorder": who} if (who := author(access)) else {}), **({"reaction": [{"manifestation": [{"text": reaction}]}]} if reaction else {}), "note": [note(access, "Written down.")],
    }  # fmt: skip
    over = [ended(access, a, "refute", f"{name} was told.", program=made.get(a.ref)) for a in _none_here(standing, patient) if made.get(a.ref) is not None]
    return [Change("create", TYPE, key or new_id(), allergy, program=program), *over]


def _none_here(standing: Standing, patient: str) -> list[Allergy]:
    """Those of this record that say that none is known: another record of the person is not told what was said here."""
    return [a for a in standing.found if a.none_known and a.current and id_of(a.stored.resource.get("patient"), "Patient") == patient]


def none_known(access: Access, patient: str, standing: Standing, *, program: int | None, made: Mapping[str, int | None], key: str = "") -> list[Change]:
    """Asked, and none is known: a fact with a name and a day. Raises Malformed while an allergy stands."""
    if standing.current:
        raise errors.Malformed("An allergy is on the list. End it with a reason first, if it is none.")
    fact = {
        "resourceType": TYPE, "clinicalStatus": _status(_CLINICAL, "active"), "verificationStatus": _status(_VERIFICATION, "confirmed"),
        "code": {"coding": [{"system": SNOMED, "code": NONE_KNOWN}], "text": "No known allergies"}, "patient": ref("Patient", patient), "recordedDate": moment(access),
        **({"recorder": who} if (who := author(access)) else {}), "note": [note(access, "Asked: none known.")],
    }  # fmt: skip
    again = [Change("update", TYPE, a.id, {**a.stored.resource, "verificationStatus": _status(_VERIFICATION, "confirmed"), "recordedDate": moment(access), **({"recorder": who} if (who := author(access)) else {}), "note": [*a.stored.resource.get("note", ()), note(access, "Asked again: none known.")]}, if_match=a.version, program=made.get(a.ref))
             for a in _none_here(standing, patient) if made.get(a.ref) is not None][:1]  # fmt: skip
    return again or [Change("create", TYPE, key or new_id(), fact, program=program)]


def ended(access: Access, allergy: Allergy, act: str, why: str, *, program: int | None) -> Change:
    """Resolved, refuted, or entered in error, as a change. Raises Malformed.

    program: one that made it. Were it another, a Part 2 program's own allergy would from then on be everybody's (origin of shared types).
    """
    if program is None:
        raise errors.Conflict(OTHERS)
    if act not in dict(allergy.acts):
        raise errors.Malformed("Choose what became of it.")
    if not why.strip():
        raise errors.Malformed("Write why.")
    r = allergy.stored.resource
    after = {**r, "note": [*r.get("note", ()), note(access, f"{ACTS[act]}: {why.strip()}")]}
    if act == "confirm":
        after["verificationStatus"] = _status(_VERIFICATION, "confirmed")
    elif act == "resolve":
        after["clinicalStatus"] = _status(_CLINICAL, "resolved")
    elif act == "refute":
        after["clinicalStatus"], after["verificationStatus"] = _status(_CLINICAL, "inactive"), _status(_VERIFICATION, "refuted")
    else:
        after["verificationStatus"] = _status(_VERIFICATION, "entered-in-error")
        after.pop("clinicalStatus", None)  # invariant ait-2
    return Change("update", TYPE, allergy.id, after, if_match=allergy.version, program=program)

