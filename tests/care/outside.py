"""Clinical documents (C-CDA) of our own making: small, invented, of the shape that hospitals send."""

from __future__ import annotations

import base64
from html import escape
from typing import Any

_NAMES = {"48765-2": "Allergies", "11450-4": "Problems", "10160-0": "Medications", "30954-2": "Results", "29762-2": "Social History", "46240-8": "Encounters", "11369-6": "Immunizations", "47519-4": "Procedures"}
_SYSTEMS = {"snomed": "2.16.840.1.113883.6.96", "rxnorm": "2.16.840.1.113883.6.88", "loinc": "2.16.840.1.113883.6.1", "icd10": "2.16.840.1.113883.6.90", "cvx": "2.16.840.1.113883.12.292",
            "local": "2.16.840.1.113883.19.77"}  # fmt: skip
ROOT = "2.16.840.1.113883.10.20.22.4."
MRN = "2.16.840.1.113883.19.5"


def code(tag: str, said: str, kind: str = "") -> str:
    """`snomed|91936005|Allergy to penicillin` as a code."""
    system, value, words = said.split("|")
    typed = f' xsi:type="{kind}"' if kind else ""
    return f'<{tag}{typed} code="{value}" codeSystem="{_SYSTEMS[system]}" displayName="{escape(words)}"/>'


def mark(confidentiality: str) -> str:
    return f'<confidentialityCode code="{confidentiality}" codeSystem="2.16.840.1.113883.5.25"/>' if confidentiality else ""


def section(loinc: str, entries: str, text: str = "", confidentiality: str = "", title: str = "") -> str:
    said = text or f"<paragraph>{_NAMES.get(loinc, 'Section')} as told.</paragraph>"
    return (f'<component><section><code code="{loinc}" codeSystem="{_SYSTEMS["loinc"]}"/><title>{title or _NAMES.get(loinc, "Section")}</title>'
            f"<text>{said}</text>{mark(confidentiality)}{entries}</section></component>")  # fmt: skip


def allergy(id_: str, substance: str, reaction: str = "", *, negated: bool = False, over: bool = False) -> str:
    mfst = f'<entryRelationship typeCode="MFST" inversionInd="true"><observation classCode="OBS" moodCode="EVN"><templateId root="{ROOT}9"/><id root="{id_}" extension="r"/><code code="ASSERTION" codeSystem="2.16.840.1.113883.5.4"/><statusCode code="completed"/>{code("value", reaction, "CD")}</observation></entryRelationship>' if reaction else ""
    return (f'<entry><act classCode="ACT" moodCode="EVN"><templateId root="{ROOT}30"/><id root="{id_}" extension="c"/><code code="CONC" codeSystem="2.16.840.1.113883.5.6"/><statusCode code="{"completed" if over else "active"}"/>'
            f'<entryRelationship typeCode="SUBJ"><observation classCode="OBS" moodCode="EVN"{" negationInd=" + chr(34) + "true" + chr(34) if negated else ""}><templateId root="{ROOT}7"/><id root="{id_}"/><code code="ASSERTION" codeSystem="2.16.840.1.113883.5.4"/><statusCode code="completed"/>'
            f'{code("value", "snomed|416098002|Drug allergy", "CD")}<participant typeCode="CSM"><participantRole classCode="MANU"><playingEntity classCode="MMAT">{code("code", substance)}</playingEntity></participantRole></participant>{mfst}</observation></entryRelationship></act></entry>')  # fmt: skip


def problem(id_: str, what: str, since: str = "2019", *, over: str = "", confidentiality: str = "") -> str:
    high = f'<high value="{over}"/>' if over else ""
    return (f'<entry><act classCode="ACT" moodCode="EVN"><templateId root="{ROOT}3"/><id root="{id_}" extension="c"/><code code="CONC" codeSystem="2.16.840.1.113883.5.6"/><statusCode code="{"completed" if over else "active"}"/>'
            f'<entryRelationship typeCode="SUBJ"><observation classCode="OBS" moodCode="EVN"><templateId root="{ROOT}4"/><id root="{id_}"/><code code="55607006" codeSystem="2.16.840.1.113883.6.96"/><statusCode code="completed"/><effectiveTime><low value="{since}"/>{high}</effectiveTime>'
            f'{mark(confidentiality)}{code("value", what, "CD")}</observation></entryRelationship></act></entry>')  # fmt: skip


def medication(id_: str, what: str, amount: str = "1", unit: str = "{tablet}", every: str = "24", *, status: str = "active") -> str:
    return (f'<entry><substanceAdministration classCode="SBADM" moodCode="EVN"><templateId root="{ROOT}16"/><id root="{id_}"/><statusCode code="{status}"/><effectiveTime xsi:type="IVL_TS"><low value="20250110"/></effectiveTime>'
            f'<effectiveTime xsi:type="PIVL_TS" operator="A"><period value="{every}" unit="h"/></effectiveTime><doseQuantity value="{amount}" unit="{unit}"/>'
            f'<consumable><manufacturedProduct><manufacturedMaterial>{code("code", what)}</manufacturedMaterial></manufacturedProduct></consumable></substanceAdministration></entry>')  # fmt: skip


def result(id_: str, what: str, value: str, unit: str, day: str = "20260110") -> str:
    return (f'<entry><organizer classCode="BATTERY" moodCode="EVN"><templateId root="{ROOT}1"/><id root="{id_}" extension="o"/><statusCode code="completed"/><component><observation classCode="OBS" moodCode="EVN"><templateId root="{ROOT}2"/><id root="{id_}"/>'
            f'{code("code", what)}<statusCode code="completed"/><effectiveTime value="{day}"/><value xsi:type="PQ" value="{value}" unit="{unit}"/></observation></component></organizer></entry>')  # fmt: skip


def encounter(id_: str) -> str:
    return f'<entry><encounter classCode="ENC" moodCode="EVN"><templateId root="{ROOT}49"/><id root="{id_}"/><code code="99213" codeSystem="2.16.840.1.113883.6.12" displayName="Office visit"/><effectiveTime value="20260110"/></encounter></entry>'


PENICILLIN, HIVES = "rxnorm|7980|Penicillin G", "snomed|247472004|Hives"
DIABETES = "icd10|E11.9|Type 2 diabetes mellitus"
LISINOPRIL, SERTRALINE = "rxnorm|314076|Lisinopril 10 MG Oral Tablet", "rxnorm|312941|Sertraline 50 MG Oral Tablet"
GLUCOSE = "loinc|2345-7|Glucose"


def usual() -> str:
    """What a hospital says of Ana Rivera."""
    return (section("48765-2", allergy("1.2.3.1", PENICILLIN, HIVES)) + section("11450-4", problem("1.2.3.2", DIABETES)) + section("10160-0", medication("1.2.3.3", LISINOPRIL) + medication("1.2.3.4", SERTRALINE))
            + section("30954-2", result("1.2.3.5", GLUCOSE, "7.20", "mmol/L")) + section("46240-8", encounter("1.2.3.6")))  # fmt: skip


def ccd(body: str | None = None, *, given: str = "Ana", family: str = "Rivera", born: str = "19880304", mrn: str = "H-1", id_: str = "1.2.9.1", whole: str = "", number: str = "", replaces: str = "", confidentiality: str = "N", title: str = "Summary of Care",
        custodian: str = "Lakeside Hospital", made: str = "20260201", mrn_root: str = MRN) -> bytes:  # fmt: skip
    """A Continuity of Care Document."""
    of_set = (f'<setId root="{whole}"/>' if whole else "") + (f'<versionNumber value="{number}"/>' if number else "")
    related = f'<relatedDocument typeCode="RPLC"><parentDocument><id root="{replaces}"/></parentDocument></relatedDocument>' if replaces else ""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<realmCode code="US"/><typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/><templateId root="2.16.840.1.113883.10.20.22.1.2"/>
<id root="{id_}"/><code code="34133-9" codeSystem="2.16.840.1.113883.6.1" displayName="Summarization of Episode Note"/><title>{title}</title><effectiveTime value="{made}"/>{mark(confidentiality)}<languageCode code="en-US"/>{of_set}
<recordTarget><patientRole><id root="{mrn_root}" extension="{mrn}"/><addr><streetAddressLine>1 Elm St</streetAddressLine><city>Albany</city></addr><patient><name><given>{given}</given><family>{family}</family></name><administrativeGenderCode code="F" codeSystem="2.16.840.1.113883.5.1"/><birthTime value="{born}"/></patient></patientRole></recordTarget>
<author><time value="{made}"/><assignedAuthor><id nullFlavor="NI"/><assignedPerson><name><given>Rosa</given><family>Adler</family></name></assignedPerson></assignedAuthor></author>
<custodian><assignedCustodian><representedCustodianOrganization><id root="2.16.840.1.113883.19.5"/><name>{custodian}</name></representedCustodianOrganization></assignedCustodian></custodian>{related}
<component><structuredBody>{usual() if body is None else body}</structuredBody></component></ClinicalDocument>""".encode()


def unstructured(media: str, data: bytes, **more: Any) -> bytes:
    """A document whose body is a file."""
    whole = ccd(**more).decode()
    head, _, _ = whole.partition("<component>")
    return f'{head}<component><nonXMLBody><text mediaType="{media}" representation="B64">{base64.b64encode(data).decode()}</text></nonXMLBody></component></ClinicalDocument>'.encode()


def letter(patient: str, words: bytes = b"A letter.", **more: Any) -> dict[str, Any]:
    """A DocumentReference with a text in it."""
    attachment = {"contentType": "text/plain", "data": base64.b64encode(words).decode(), "title": "Letter"}
    return {"resourceType": "DocumentReference", "status": "current", "subject": {"reference": f"Patient/{patient}"}, "type": {"text": "Letter"}, "date": "2026-02-03T10:00:00Z", "content": [{"attachment": attachment}], **more}
