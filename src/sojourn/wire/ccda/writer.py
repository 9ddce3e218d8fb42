"""Writes C-CDA R2.1: what may leave, as data and in words, and nothing else.

It decides nothing: it is given what the gate lets pass. A section for which nothing is given reads the same whether there is nothing or it stays. HL7 C-CDA R2.1
(https://www.hl7.org/implement/standards/product_brief.cfm?product_id=492); why by hand: docs/decisions/0063.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from sojourn.wire.ccda import writeheader as header
from sojourn.wire.ccda.markup import E, document
from sojourn.wire.ccda.oids import ALERT, LOINC
from sojourn.wire.ccda.parts import LEVELS, Here, confidential, confidentiality, highest, level, observed, policy, template
from sojourn.wire.ccda.sorting import Sorted, since, sort
from sojourn.wire.ccda.telling import Json, Table, coding
from sojourn.wire.ccda.writeheader import Heading

CCD: Final = "ccd"
REFERRAL: Final = "referral"
TRANSFER: Final = "transfer"
DISCHARGE: Final = "discharge"
CARE_PLAN: Final = "care-plan"
KINDS: Final = {
    CCD: ("22.1.2", "34133-9", "Summarization of Episode Note"), REFERRAL: ("22.1.14", "57133-1", "Referral note"), TRANSFER: ("22.1.13", "18761-7", "Transfer summary note"),
    DISCHARGE: ("22.1.8", "18842-5", "Discharge summary"), CARE_PLAN: ("22.1.15", "52521-2", "Overall plan of care/advance care directives"),
}  # fmt: skip
TITLES: Final = {CCD: "Summary of care (CCD)", REFERRAL: "Referral note", TRANSFER: "Transfer summary", DISCHARGE: "Discharge summary", CARE_PLAN: "Care plan"}


class _Section(NamedTuple):
    """A section: its title, LOINC code and words, and its templates with their versions. needed: by which documents, also when empty."""

    key: str
    title: str
    loinc: str
    said: str
    templates: tuple[tuple[str, str], ...]
    needed: tuple[str, ...] = ()


_V3: Final = "2015-08-01"
_SECTIONS: Final = (
    _Section("course", "Hospital course", "8648-8", "Hospital course", (("1.3.6.1.4.1.19376.1.5.3.1.3.5", ""),), (DISCHARGE,)),
    _Section("diagnosis", "Discharge diagnosis", "11535-2", "Hospital discharge diagnosis", (("22.2.24", _V3),), (DISCHARGE,)),
    _Section("allergies", "Allergies and intolerances", "48765-2", "Allergies and adverse reactions", (("22.2.6", _V3), ("22.2.6.1", _V3)), (CCD, REFERRAL, TRANSFER, DISCHARGE)),
    _Section("alerts", "Alerts and precautions", ALERT, "Alert", ()),
    _Section("discharge-medications", "Discharge medications", "10183-2", "Hospital discharge medications", (("22.2.11", _V3), ("22.2.11.1", _V3))),
    _Section("medications", "Medications", "10160-0", "History of medication use", (("22.2.1", "2014-06-09"), ("22.2.1.1", "2014-06-09")), (CCD, REFERRAL, TRANSFER)),
    _Section("problems", "Problems", "11450-4", "Problem list", (("22.2.5", _V3), ("22.2.5.1", _V3)), (CCD, REFERRAL, TRANSFER)),
    _Section("concerns", "Health concerns", "75310-3", "Health concerns", (("22.2.58", _V3),), (CARE_PLAN,)),
    _Section("goals", "Goals", "61146-7", "Goals", (("22.2.60", ""),), (CARE_PLAN,)),
    _Section("interventions", "Interventions", "62387-6", "Interventions provided", (("21.2.3", _V3),)),
    _Section("outcomes", "Health status evaluations and outcomes", "11383-7", "Patient problem outcome", (("22.2.61", ""),)),
    _Section("results", "Results", "30954-2", "Relevant diagnostic tests and/or laboratory data", (("22.2.3", _V3), ("22.2.3.1", _V3)), (CCD, TRANSFER)),
    _Section("vitals", "Vital signs", "8716-3", "Vital signs", (("22.2.4", _V3), ("22.2.4.1", _V3)), (CCD, TRANSFER)),
    _Section("social", "Social history", "29762-2", "Social history", (("22.2.17", _V3),), (CCD,)),
    _Section("mental", "Mental status", "10190-7", "Mental status", (("22.2.56", _V3),)),
    _Section("functional", "Functional status", "47420-5", "Functional status", (("22.2.14", "2014-06-09"),)),
    _Section("encounters", "Encounters", "46240-8", "Encounters", (("22.2.22", _V3), ("22.2.22.1", _V3))),
    _Section("procedures", "Procedures", "47519-4", "History of procedures", (("22.2.7", "2014-06-09"), ("22.2.7.1", "2014-06-09"))),
    _Section("immunizations", "Immunizations", "11369-6", "Immunizations", (("22.2.2", _V3), ("22.2.2.1", _V3))),
    _Section("family", "Family history", "10157-6", "Family history", (("22.2.15", _V3),)),
    _Section("devices", "Medical equipment", "46264-8", "Medical equipment", (("22.2.23", "2014-06-09"),)),
    _Section("plan", "Plan of treatment", "18776-5", "Plan of treatment", (("22.2.10", "2014-06-09"),), (DISCHARGE,)),
    _Section("instructions", "Hospital discharge instructions", "8653-8", "Hospital discharge instructions", (("22.2.41", ""),)),
    _Section("assessment-plan", "Assessment and plan", "51847-2", "Assessment and plan", (("22.2.9", "2014-06-09"),), (REFERRAL, TRANSFER)),
    _Section("team", "Care team", "85847-2", "Patient care team information", (("22.2.500", "2019-07-01"),)),
    _Section("payers", "Payers", "48768-6", "Payment sources", (("22.2.18", _V3),)),
    _Section("directives", "Advance directives", "42348-3", "Advance directives", (("22.2.21", _V3),)),
    _Section("notes", "Notes", "34109-9", "Note", (("22.2.65", "2016-11-01"),)),
    _Section("further", "Further entries", "77599-9", "Additional documentation", ()),
)  # fmt: skip

_ALSO: Final = {"diagnosis": ("78375-3", "Discharge diagnosis"), "discharge-medications": ("75311-1", "Discharge medications")}
"""The code that a section has beside its own."""


def write(kind: str, resources: Sequence[Json], heading: Heading) -> bytes:
    """The document of a kind (`KINDS`) over these resources; the same bytes for the same. The Patient is among them."""
    here = Here(heading.base, [*resources, heading.custodian])
    patient = next(r for r in resources if r["resourceType"] == "Patient")
    found = sort(kind, resources, here)
    strictest = highest(resources)
    signed = found.signed if kind == DISCHARGE else None
    parts = header.head(heading, here, patient, kind=KINDS[kind], strictest=strictest, signed=signed)
    about = [header.service(here, since(resources), heading, found.people), *header.after(heading, here)]
    about += [header.encompassing(found.stay, here)] if kind == DISCHARGE else []
    body = [c for c in (_privacy(heading, strictest, here), _reason(kind, heading), *(_section(kind, s, found) for s in _SECTIONS)) if c is not None]
    # relatedDocument and authorization stand between documentationOf and componentOf.
    return document(E("ClinicalDocument", *parts, *about, E("component", E("structuredBody", *(E("component", s) for s in body)))))


def _section(kind: str, section: _Section, found: Sorted) -> E | None:
    """A section with its entries; none where there is nothing to tell and nobody asks for it."""
    made: list[tuple[Json, Callable[[Table], list[E]]]] = found.told.get(section.key, [])
    if not made and kind not in section.needed:
        return None
    ids = [t for number, extension in section.templates for t in template(number, extension)]
    code = coding("code", LOINC, section.loinc, section.said)
    if section.key in _ALSO:
        code.add(coding("translation", LOINC, *_ALSO[section.key]))
    if not made:
        return E("section", *ids, code, E("title", section.title), E("text", E("paragraph", "No information.")), nullFlavor="NI")
    table = Table(section.key.replace("-", ""))
    entries = [entry for _, make in made for entry in make(table)]
    strict = highest([resource for resource, _ in made])
    marked = confidential(strict) if LEVELS.index(strict) > LEVELS.index("N") else None
    inside = [E("entry", entry, typeCode="DRIV") for entry in entries]
    return E("section", *ids, code, E("title", section.title), table.text(), marked, *inside)


def _reason(kind: str, heading: Heading) -> E | None:
    if kind not in (REFERRAL, TRANSFER):
        return None
    ids = template("1.3.6.1.4.1.19376.1.5.3.1.3.1", "2014-06-09")
    code = coding("code", LOINC, "42349-1", "Reason for referral")
    if not heading.reason:
        return E("section", *ids, code, E("title", "Reason for referral"), E("text", E("paragraph", "No information.")), nullFlavor="NI")
    return E("section", *ids, code, E("title", "Reason for referral"), E("text", E("paragraph", heading.reason)))


_ACT_CODE: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


def _privacy(heading: Heading, strictest: str, here: Here) -> E | None:
    """The notice of 42 CFR 2.32 in front, readable and as data: DS4P's Privacy Markings Section."""
    if not heading.notice:
        return None
    text = E("text", *(E("paragraph", part) for part in (heading.notice, heading.scope) if part))
    purpose = [observed("SECCONOBS", "22", "http://terminology.hl7.org/CodeSystem/v3-ActReason", heading.purpose, "")] if heading.purpose else []
    said = (level(strictest), policy({"system": _ACT_CODE, "code": "NORDSCLCD"}), policy({"system": _ACT_CODE, "code": "PERSISTLABEL"}), *purpose)
    organizer = E("organizer", E("templateId", root="2.16.840.1.113883.3.3251.1.4"), E("statusCode", code="active"), *(E("component", o, typeCode="COMP") for o in said), classCode="CLUSTER", moodCode="EVN")
    return E(
        "section", E("templateId", root="2.16.840.1.113883.3.3251.1.5"), coding("code", LOINC, "57017-6", "Privacy policy Organization Document"), E("title", "Notice on redisclosure"), text,
        confidential(strictest), header.author(heading, here), E("entry", E("templateId", root="2.16.840.1.113883.3.3251.1.9"), organizer, typeCode="COMP"),
    )  # fmt: skip


__all__ = ["KINDS", "TITLES", "Heading", "confidentiality", "write"]
