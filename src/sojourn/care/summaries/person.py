"""What a document's social history says of the person themself, as extensions of their Patient: pure.

Birth sex, sex, gender identity, pronouns, tribal affiliation are observations in C-CDA and elements of the Patient in US Core
(https://hl7.org/fhir/us/core/StructureDefinition-us-core-patient.html). LOINC codes: HL7 C-CDA R2.1 Companion Guide.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sojourn.care.summaries.elements import concept, system
from sojourn.wire.ccda.facts import Document, Fact
from sojourn.wire.ccda.values import Coded

_CORE: Final = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
_LOINC: Final = "http://loinc.org"
_BIRTH_SEX: Final = frozenset({"F", "M", "ASKU", "OTH", "UNK"})
_SEX: Final = frozenset({"248152002", "248153007", "asked-declined", "asked-unknown", "unknown"})
_CODES: Final[Mapping[str, tuple[str, frozenset[str]]]] = {"76689-9": (_CORE + "birthsex", _BIRTH_SEX), "46098-0": (_CORE + "sex", _SEX)}
"""LOINC: the extension, and the codes that it may have."""
_CONCEPTS: Final = {"76691-5": _CORE + "genderIdentity"}
_WITHIN: Final = {"90778-2": ("http://hl7.org/fhir/StructureDefinition/individual-pronouns", "value"), "95370-3": (_CORE + "tribal-affiliation", "tribalAffiliation")}


def extension(fact: Fact) -> dict[str, Any] | None:
    """The extension of the Patient that a statement is; None for one that says nothing of the person themself."""
    if fact.kind != "social" or fact.negated or not isinstance(fact.value, Coded):
        return None
    loinc = next((c.code for c in (fact.what, *fact.what.others) if c.system == _LOINC and c.code), "")
    if loinc in _CODES:
        url, allowed = _CODES[loinc]
        code = fact.value.code or fact.value.null
        return {"url": url, "valueCode": code} if code in allowed else None
    said = _said(fact.value)
    if said is None or loinc not in _CONCEPTS.keys() | _WITHIN.keys():
        return None
    if loinc in _CONCEPTS:
        return {"url": _CONCEPTS[loinc], "valueCodeableConcept": said}
    url, inner = _WITHIN[loinc]
    return {"url": url, "extension": [{"url": inner, "valueCodeableConcept": said}]}


def _said(value: Coded) -> dict[str, Any] | None:
    """The value as a concept, with words where they say more than the name of its code."""
    made = concept(value)
    if made is None or not (value.code and system(value.system)) or value.text not in ("", value.display):
        return made
    return {k: v for k, v in made.items() if k != "text"}


def extensions(document: Document) -> list[dict[str, Any]]:
    """Of a whole document, the first of each."""
    found: dict[str, dict[str, Any]] = {}
    for fact in document.facts("social"):
        if made := extension(fact):
            found.setdefault(made["url"], made)
    return list(found.values())


def says(patient: Mapping[str, Any], fact: Fact) -> bool:
    """Whether the Patient has it already, by its codes or words."""
    made = extension(fact)
    return made is not None and any(e.get("url") == made["url"] and _values(e) & _values(made) for e in patient.get("extension", ()) if isinstance(e, dict))


def _values(one: Mapping[str, Any]) -> set[tuple[str, str]]:
    out: set[tuple[str, str]] = {("", str(one["valueCode"]))} if one.get("valueCode") else set()
    for said in (one.get("valueCodeableConcept"), {"coding": [one["valueCoding"]]} if isinstance(one.get("valueCoding"), dict) else None):
        if isinstance(said, dict):
            codes = {(str(c.get("system", "")), str(c["code"])) for c in said.get("coding", ()) if isinstance(c, dict) and c.get("code")}
            out |= codes or {("text", " ".join(str(said.get("text", "")).split()).casefold())}
    inner: Iterable[Any] = one.get("extension", ())
    return out.union(*(_values(e) for e in inner if isinstance(e, dict)))
