"""Data types as a clinical document has to state them, said once more and not by the writer's code: concepts, times, quantities, people, each by its place (ccdaheard.py)."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from tests.wire.ccdaheard import Piece

Json = dict[str, Any]
SCT, LOINC, ACT_CODE = "http://snomed.info/sct", "http://loinc.org", "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
COMMENT = (LOINC, "48767-8", "Annotation comment")
STATUS = {"active": ("55561003", "Active"), "inactive": ("73425007", "Inactive"), "resolved": ("413322009", "Resolved"), "recurrence": ("246455001", "Recurrence"), "relapse": ("263855007", "Relapse phase"), "remission": ("277022003", "Remission phase")}
SEVERITY = {"mild": ("255604002", "Mild"), "moderate": ("6736007", "Moderate"), "severe": ("24484000", "Severe")}
CRITICALITY = {"low": ("CRITL", "Low criticality"), "high": ("CRITH", "High criticality"), "unable-to-assess": ("CRITU", "Criticality cannot be assessed")}
TENDENCY = {("allergy", "medication"): ("416098002", "Allergy to drug"), ("allergy", "food"): ("414285001", "Allergy to food"), ("intolerance", "medication"): ("59037007", "Intolerance to drug"), ("intolerance", "food"): ("235719002", "Intolerance to food"),
            ("", "medication"): ("419511003", "Propensity to adverse reaction to drug"), ("", "food"): ("418471000", "Propensity to adverse reaction to food")}  # fmt: skip
MEDICINE = {"draft": "new", "active": "active", "intended": "active", "on-hold": "suspended", "completed": "completed", "stopped": "aborted", "cancelled": "aborted", "not-taken": "aborted"}
DONE = {"completed": "completed", "in-progress": "active", "preparation": "active", "on-hold": "active", "stopped": "aborted", "not-done": "cancelled"}
RESULT = {"preliminary": "active", "partial": "active", "registered": "active", "cancelled": "cancelled"}
VISIT = {"finished": "completed", "in-progress": "active", "arrived": "active", "onleave": "active", "cancelled": "cancelled", "planned": "new"}
ABSENT = {"unknown": "UNK", "asked-declined": "ASKU", "not-performed": "NI"}
HOURS = {"h": 1, "d": 24, "wk": 168}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DATE = re.compile(r"((?:19|20)\d\d)(?:-(\d\d)(?:-(\d\d)(?:T(\d\d:\d\d)(?::\d\d)?(?:\.\d+)?(Z|[+-]\d\d:\d\d))?)?)?")


def ts(text: str) -> str:
    """A dateTime as HL7 v3 writes it, without parts of a second."""
    found = re.fullmatch(r"([\d-]+)(?:T(\d\d:\d\d(?::\d\d)?)(?:\.\d+)?(Z|[+-]\d\d:\d\d)?)?", text)
    assert found, text
    return found[1].replace("-", "") + (found[2] or "").replace(":", "") + (found[3] or "").replace("Z", "+0000").replace(":", "")


def words(concept: Json) -> str:
    """A concept as it is read."""
    codings = concept.get("coding", [concept] if "code" in concept else [])
    return str(concept.get("text") or next((c["display"] for c in codings if c.get("display")), "") or next((c["code"] for c in codings), ""))


def day(text: str) -> str:
    """A date as people read it."""
    found = _DATE.fullmatch(text)
    if found is None:
        return text
    year, month, date, time, zone = found.groups()
    said = f"{_MONTHS[int(month) - 1]} {f'{int(date)}, ' if date else ''}{year}" if month else year
    return f"{said}, {time} {'UTC' if zone == 'Z' else zone}" if time else said


def measured(quantity: Json) -> str:
    """A quantity as it is read."""
    return " ".join(filter(None, (quantity.get("comparator", ""), str(quantity["value"]), quantity.get("unit") or quantity.get("code", ""))))


def unit(quantity: Json) -> str:
    """In UCUM; one that is none as an annotation."""
    return str(quantity.get("code") or (f"{{{quantity['unit'].replace(' ', '_')}}}" if quantity.get("unit") else ""))


class Pieces:
    """The pieces of one record in a document of a kind. taken: the elements that they are made of, by paths as in `dosageInstruction.route`."""

    def __init__(self, resource: Json, kind: str) -> None:
        self.resource, self.kind = resource, kind
        self.pieces: Counter[Piece] = Counter()
        self.taken: set[str] = set()
        self.comments: list[tuple[str, str]] = []
        security = resource.get("meta", {}).get("security", ())
        level = max((c["code"] for c in security if c["system"] == CONFIDENTIALITY), key="NRV".index, default="N")
        others = [c["code"] for c in security if c["system"] != CONFIDENTIALITY]
        self.marks = [level, *others] if others or level != "N" else []

    def add(self, place: str, *piece: str) -> None:
        self.pieces[place, *piece] += 1

    def statement(self, place: str, code: tuple[str, str, str] | None, state: str, mood: str = "EVN", *, translation: tuple[str, str, str] | None = None) -> None:
        """What every statement has: its mood, a code of the template, its state."""
        self.add(place, "mood", mood)
        for fixed in (code, translation):
            if fixed:
                self.add(f"{place}/code", "code", *fixed)
        self.add(f"{place}/statusCode", "state", state)

    def take(self, *paths: str) -> None:
        self.taken |= set(paths)

    def concept(self, place: str, concept: Json | None) -> None:
        """Every code of a concept with its system and display, and its words."""
        if not concept:
            return
        said = words(concept)
        for c in concept.get("coding", ()):
            self.add(place, "code", c["system"], c["code"], c.get("display", "") if c.get("display") != said else "")
        self.add(place, "words", said)
        if not concept.get("coding") and "/value" in place:
            self.add(place, "null", "OTH")

    def time(self, place: str, text: str) -> None:
        if text:
            self.add(place, "value", ts(text), "")

    def period(self, place: str, period: Json) -> None:
        self.time(f"{place}/low", period.get("start", ""))
        self.time(f"{place}/high", period.get("end", ""))

    def quantity(self, place: str, given: Json, type_: str = "PQ") -> None:
        """A number with its unit; one with a sign as an open range. place: up to the element, without its type."""
        digits, sign = str(given["value"]), given.get("comparator", "")
        if sign:
            self.add(f"{place}:IVL_PQ/{'high' if '<' in sign else 'low'}", "value", digits, unit(given), f"inclusive {'true' if '=' in sign else 'false'}")
        else:
            self.add(place + (f":{type_}" if type_ else ""), "value", digits, unit(given))

    def author(self, place: str, person: Json | None, time: str) -> None:
        if person or time:
            self.time(f"{place}/author[119]/time", time)
            self._person(f"{place}/author[119]/assignedAuthor", person or {})

    def performer(self, place: str, person: Json) -> None:
        self._person(f"{place}/performer/assignedEntity", person)

    def _person(self, place: str, person: Json) -> None:
        """Who it is, by our number and by name."""
        if "reference" in person:
            self.add(f"{place}/id", "id", person["reference"])
        if "display" in person:
            self.add(f"{place}/assignedPerson/name", "text", person["display"])

    def reasons(self, key: str = "reasonCode") -> None:
        for n, reason in enumerate(self.resource.get(key, ())):
            place = f"#reason{n} observation[19]"
            self.statement(place, (SCT, "404684003", "Finding"), "completed", translation=(LOINC, "75321-0", "Clinical finding"))
            self.concept(f"{place}/value:CD", reason)
        self.take(key)

    def value(self, place: str, holder: Json, absent: str = "CD") -> None:
        """The value of an observation or a part of it."""
        key = next((k for k in holder if k.startswith("value")), "")
        value = holder.get(key)
        self.take(key, "dataAbsentReason")
        match key:
            case "":
                code = holder.get("dataAbsentReason", {}).get("coding", [{"code": "unknown"}])[0]["code"]
                self.add(f"{place}:{absent}", "null", ABSENT[code])
            case "valueQuantity":
                self.quantity(place, value)
            case "valueCodeableConcept":
                self.concept(f"{place}:CD", value)
            case "valueInteger":
                self.add(f"{place}:INT", "value", str(value), "")
            case "valueBoolean":
                self.add(f"{place}:BL", "value", "true" if value else "false", "")
            case "valueDateTime":
                self.add(f"{place}:TS", "value", ts(value), "")
            case "valueRange":
                for end in ("low", "high"):
                    if end in value:
                        self.add(f"{place}:IVL_PQ/{end}", "value", str(value[end]["value"]), unit(value[end]))
            case "valueString":
                self.add(f"{place}:ST", "text", value)
            case _:  # C-CDA's values have no such type: in words
                self.add(f"{place}:ST", "text", "; ".join(f"{part}: {measured(one) if isinstance(one, dict) else day(one)}" for part, one in value.items()))

    def clinical(self, place: str, number: str, type_: str) -> None:
        """The clinical status as an observation."""
        code = self.resource.get("clinicalStatus", {}).get("coding", [{}])[0].get("code")
        if code:
            at = f"{place}/>REFR/observation[{number}]"
            self.statement(at, (LOINC, "33999-4", "Status"), "completed")
            self.add(f"{at}/value:{type_}", "code", SCT, *STATUS[code])
        self.take("clinicalStatus")

    def certain(self, place: str) -> None:
        """Confirmed is what every statement is; refuted is its negation; all else its comment says."""
        code = self.resource.get("verificationStatus", {}).get("coding", [{}])[0].get("code")
        if code == "refuted":
            self.add(place, "negated", "true")
        if code in ("refuted", "confirmed", None):
            self.take("verificationStatus")

    def concern(self, number: str, start: str, end: str) -> None:
        """The concern around a problem or an allergy."""
        over = self.resource.get("clinicalStatus", {}).get("coding", [{}])[0].get("code") in ("inactive", "resolved", "remission")
        self.statement(f"#concern act[{number}]", ("2.16.840.1.113883.5.6", "CONC", "Concern"), "completed" if over else "active")
        self.time(f"#concern act[{number}]/effectiveTime/low", start)
        self.time(f"#concern act[{number}]/effectiveTime/high", end if over else "")

    def severity(self, place: str, concept: Json) -> None:
        """How grave it is."""
        at = f"{place}/>SUBJ/observation[8]"
        self.statement(at, (ACT_CODE, "SEV", "Severity"), "completed")
        self.concept(f"{at}/value:CD", concept)
