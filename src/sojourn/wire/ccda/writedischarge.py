"""What a discharge summary tells beside the rest: medications with what was decided, and instructions.

Discharge Medications Section (22.2.11.1): what somebody is to take, and to stop, from then on. Hospital Discharge Instructions Section (22.2.41). HL7 C-CDA R2.1.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sojourn.wire.ccda.markup import E
from sojourn.wire.ccda.oids import LOINC
from sojourn.wire.ccda.parts import Here, marks, recorded, related, template
from sojourn.wire.ccda.telling import Json, Table, coding, words
from sojourn.wire.ccda.writecare import attachments
from sojourn.wire.ccda.writelists import SCT, medication

MEDICATIONS: Final = frozenset({"MedicationRequest", "MedicationStatement"})
INSTRUCTIONS: Final = frozenset({"8653-8", "74213-0", "69730-0"})
"""LOINC types of documents that are instructions: hospital discharge instructions, discharge instructions, instructions."""
_OWN: Final = "https://sojourn.example/fhir/"
_RECONCILED: Final = frozenset({(_OWN + "CodeSystem/care", "medication-reconciliation.discharge"), ("http://loinc.org", "10183-2")})
_DIRECTIONS: Final = _OWN + "StructureDefinition/reconciliation-directions"
_REASON: Final = _OWN + "StructureDefinition/reconciliation-reason"
_ORDERED: Final = "order"
_IN_FORCE: Final = ("active", "on-hold", "intended")
_THOUGHT: Final = ("proposal", "plan", "option")
_HEADS: Final = frozenset({"aftercare", "instructions", "discharge instructions", "instructions at discharge", "aftercare instructions", "follow-up instructions"})
_END: Final = "Written by "


class Decision(NamedTuple):
    """What was decided of a medication at discharge: in words, and the labels of the reconciliation that says so."""

    words: str = ""
    security: tuple[Json, ...] = ()


class Leaving(NamedTuple):
    """How somebody left. end: of the stay, as exact as it is known; decided: what the reconciliation at discharge decided of each medication, by `Type/id`."""

    end: str
    decided: Mapping[str, Decision]

    def told(self, resource: Json) -> tuple[Json, str]:
        """A medication as it is told here, and what was decided of it: with the words of the reconciliation it has its labels."""
        said = self.decided.get(f"{resource['resourceType']}/{resource['id']}", Decision())
        if not (said.words and said.security):
            return resource, said.words
        own = (resource.get("meta") or {}).get("security") or []
        known = {(c.get("system"), c.get("code")) for c in own}
        more = [c for c in said.security if (c.get("system"), c.get("code")) not in known]
        return {**resource, "meta": {**(resource.get("meta") or {}), "security": [*own, *more]}}, said.words

    def takes(self, resource: Json, begun: str) -> bool:
        """Whether a medication is one of discharge: decided then, else in force now and begun by the end of the stay."""
        if f"{resource['resourceType']}/{resource['id']}" in self.decided:
            return True
        return resource.get("status") in _IN_FORCE and resource.get("intent") not in _THOUGHT and (not self.end or begun[:10] <= self.end[:10])


def leaving(stay: Json | None, resources: Collection[Json], here: Here) -> Leaving:
    """How a stay ended, by what is in the document. The newest reconciliation at discharge since its beginning counts; one that is being prepared does not."""
    period = (stay or {}).get("period") or {}
    signed = [r for r in resources if _reconciliation(r) and str(r.get("date", ""))[:10] >= str(period.get("start", ""))[:10]]
    newest = max((str(r.get("date", "")) for r in signed), default="")
    entries = [(e, r) for r in signed if str(r.get("date", "")) == newest for e in r.get("entry", ())]
    decided = {name: Decision(_decision(e), tuple((r.get("meta") or {}).get("security") or ())) for e, r in entries if (name := here.name(e.get("item")))}
    return Leaving(str(period.get("end", "")), decided)


def _reconciliation(resource: Json) -> bool:
    codes = {(c.get("system"), c.get("code")) for c in (resource.get("code") or {}).get("coding", ())}
    return resource["resourceType"] == "List" and resource.get("status") == "current" and resource.get("mode") != "working" and bool(codes & _RECONCILED)


def _decision(entry: Json) -> str:
    """What was decided, in words: `Change; 50 mg every morning; because: nausea`."""
    said = {str(x.get("url")): str(x.get("valueString", "")) for x in entry.get("extension", ())}
    directions, reason = said.get(_DIRECTIONS, ""), said.get(_REASON, "")
    if directions == _ORDERED or directions.startswith(_ORDERED + ": "):
        directions = "ordered" + directions.removeprefix(_ORDERED)
    return "; ".join(filter(None, (words(entry.get("flag")), directions, f"because: {reason}" if reason else "")))


def discharged_on(table: Table, resource: Json, here: Here, decision: str) -> E:
    """A medication of discharge: a Discharge Medication (22.4.35) around its Medication Activity."""
    inside = medication(table, resource, here, [("At discharge", decision)] if decision else ())
    code = coding("code", LOINC, "10183-2", "Hospital discharge medication").add(coding("translation", LOINC, "75311-1", "Discharge medication"))
    return E("act", *template("22.4.35", "2016-03-01"), here.id(resource, "#discharge"), code, E("statusCode", code="completed"), related("SUBJ", inside), classCode="ACT", moodCode="EVN")


def instructed(resource: Json) -> str:
    """What a discharge note that is plain text says under a heading of instructions; '' for one without."""
    if resource.get("docStatus") == "preliminary":
        return ""
    texts = (content.decode("utf-8", "replace") for kind, content in attachments(resource) if kind.partition(";")[0].strip() == "text/plain")
    return "\n\n".join(filter(None, map(_under_heading, texts)))


def _under_heading(text: str) -> str:
    """A heading stands on a line of its own, and what is under it ends at the next in capitals; or before a colon, and its paragraph is meant."""
    found: list[str] = []
    under = False
    for block in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n")):
        first, _, rest = block.strip().partition("\n")
        head, _, after = first.partition(":")
        if head.strip().casefold() in _HEADS and (rest or after.strip()):
            under = not after.strip()
            found.append("\n".join(filter(None, (after.strip(), rest.strip()))))
        elif under and not (first.isupper() and rest) and not first.startswith(_END):
            found.append(block.strip())
        else:
            under = False
    return "\n\n".join(filter(None, found))


def instruction(table: Table, resource: Json, here: Here, told: str) -> E:
    """What a note says of afterwards: an Instruction (22.4.20)."""
    row = table.row()
    code = row.code("code", "What", {"coding": [{"system": SCT, "code": "311401005", "display": "Patient education"}], "text": "Instructions at discharge"}, first=(SCT,))
    time = row.time("When", str(resource.get("date", "")))
    by: Sequence[Any] = [recorded(row, here, a, resource.get("date", "")) for a in resource.get("author", ())]
    text = E("text", E("reference", value=row.say("Instructions", told)))
    return E("act", *template("22.4.20", "2014-06-09"), here.id(resource, "#instructions"), code, text, E("statusCode", code="completed"), time, *by, *marks(resource), classCode="ACT", moodCode="INT")
