"""What another reader, lxml, finds in a clinical document of ours: each piece of data of each record, by its place; none is passed over.

A place is a path from the statement that has the record's id, with the numbers of its templates (22.4.x): `observation[4]/>REFR/observation[6]/value:CD`. What has the id of a part
(`Condition/1#concern`) begins with it.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import Any

import pytest

etree = pytest.importorskip("lxml.etree")
Piece = tuple[str, ...]
"""(place, what, …): `code` system code display, `words` text, `value` number unit, `time` TS, `text` words, `null` flavor, `negated`, `mood`, `id`."""
_HL7, _SDTC, _XSI = "{urn:hl7-org:v3}", "{urn:hl7-org:sdtc}", "{http://www.w3.org/2001/XMLSchema-instance}type"
_STATEMENTS = ("act", "observation", "organizer", "substanceAdministration", "supply", "procedure", "encounter")
_MARK = "2.16.840.1.113883.3.445.21"
_OURS = re.compile(r"([A-Z][A-Za-z]+/[^#]+)(#.+)?")
SYSTEMS = {
    "2.16.840.1.113883.6.1": "http://loinc.org", "2.16.840.1.113883.6.96": "http://snomed.info/sct", "2.16.840.1.113883.6.88": "http://www.nlm.nih.gov/research/umls/rxnorm", "2.16.840.1.113883.6.90": "http://hl7.org/fhir/sid/icd-10-cm",
    "2.16.840.1.113883.12.292": "http://hl7.org/fhir/sid/cvx", "2.16.840.1.113883.6.69": "http://hl7.org/fhir/sid/ndc", "2.16.840.1.113883.6.12": "http://www.ama-assn.org/go/cpt",
    "2.16.840.1.113883.3.26.1.1": "http://ncithesaurus-stage.nci.nih.gov", "2.16.840.1.113883.5.83": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "2.16.840.1.113883.5.4": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
    "2.16.840.1.113883.5.8": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "2.16.840.1.113883.5.90": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "2.16.840.1.113883.5.25": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality",
}  # fmt: skip
"""By the registry of HL7 (https://terminology.hl7.org/identifiers.html), written down apart from the writer's own list."""


def heard(payload: bytes) -> dict[str, Counter[Piece]]:
    """The pieces of a document's entries, by the record (`Type/id`) that they are of; '' where they are of none."""
    root = etree.fromstring(payload)
    told = {e.get("ID"): e for e in root.iter() if isinstance(e.tag, str) and e.get("ID")}
    found: dict[str, Counter[Piece]] = defaultdict(Counter)
    for entry in root.iter(_HL7 + "entry"):
        if not any(t.get("root") == "2.16.840.1.113883.3.3251.1.9" for t in entry.findall(_HL7 + "templateId")):  # the document's privacy marking
            for child in entry:
                _walk(child, "", "", told, found)
    return found


def _walk(node: Any, owner: str, place: str, told: dict[str, Any], found: dict[str, Counter[Piece]]) -> None:
    name = _name(node)
    if name in ("templateId", "typeId"):
        return
    numbers = sorted({t.get("root").rpartition(".22.4.")[2] or t.get("root") for t in node.findall(_HL7 + "templateId")})
    if _MARK in numbers or _MARK in {t.get("root") for t in node.findall(_HL7 + "templateId")}:
        found[owner]["marks", node.find(_HL7 + "value").get("code")] += 1
        return
    step = _step(node, name, numbers)
    place = f"{place}/{step}" if place and step else place or step
    for named in node.findall(_HL7 + "id"):
        if name in _STATEMENTS and (ours := _OURS.fullmatch(named.get("extension", ""))):
            owner, place = ours[1], f"{ours[2] or ''} {step}".strip()
    for piece in _pieces(node, name, told):
        found[owner][place, *piece] += 1
    if name != "originalText" and not (name == "text" and node.find(_HL7 + "reference") is not None):
        for child in node:
            if isinstance(child.tag, str):
                _walk(child, owner, place, told, found)


def _name(node: Any) -> str:
    return str(node.tag).replace(_HL7, "").replace(_SDTC, "sdtc:")


def _step(node: Any, name: str, numbers: list[str]) -> str:
    if name in ("translation", "originalText"):
        return ""  # of the code that they stand in
    if name in ("entryRelationship", "component"):
        return f">{node.get('typeCode', '')}"
    if name in ("value", "effectiveTime") and node.get(_XSI):
        return f"{name}:{node.get(_XSI)}"
    return name + (f"[{','.join(numbers)}]" if numbers else "")


def _pieces(node: Any, name: str, told: dict[str, Any]) -> list[Piece]:
    """What the element says itself."""
    made: list[Piece] = []
    if node.get("code") and name != "statusCode":
        system = node.get("codeSystemName", "") if "://" in node.get("codeSystemName", "") else SYSTEMS.get(node.get("codeSystem", ""), node.get("codeSystem", ""))
        words = next((w for at in (node, node.getparent()) if (w := at.find(_HL7 + "originalText")) is not None and (at is node or name == "translation")), None)
        display = node.get("displayName", "")
        made.append(("code", system, node.get("code"), "" if words is not None and display == _words(words, told) else display))
    elif node.get("code"):
        made.append(("state", node.get("code")))
    if node.get("value") is not None:
        made.append(("value", node.get("value"), node.get("unit", ""), *([f"inclusive {node.get('inclusive')}"] if node.get("inclusive") else [])))
    if name == "originalText" or (name == "text" and node.find(_HL7 + "reference") is not None):
        if words := _words(node, told):
            made.append(("words", words))
        if own := "".join(node.itertext()).strip():
            made.append(("data", own, node.get("mediaType", "")))
    elif len(node) == 0 and (node.text or "").strip():
        made.append(("text", node.text))
    if name == "value" and node.get("nullFlavor"):
        made.append(("null", node.get("nullFlavor")))
    if name == "id" and node.get("extension") and _name(node.getparent()) not in _STATEMENTS:
        made.append(("id", node.get("extension")))
    if name in _STATEMENTS:
        made += [("mood", node.get("moodCode")), *([("negated", node.get("negationInd"))] if node.get("negationInd") else [])]
    return made


def _words(node: Any, told: dict[str, Any]) -> str:
    """The words that it refers to; nothing for the row of a whole statement."""
    reference = node.find(_HL7 + "reference")
    said = told.get(reference.get("value").removeprefix("#")) if reference is not None else None
    return "" if said is None or said.tag == _HL7 + "tr" else "".join(said.itertext())


def narrative(payload: bytes) -> str:
    """All words of its sections."""
    return " ".join("".join(text.itertext()) for text in etree.fromstring(payload).iter(_HL7 + "text") if text.getparent().tag == _HL7 + "section")
