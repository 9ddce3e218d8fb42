"""The data types of HL7 v3 as plain values: codes, times, quantities, names.

What cannot be told is left out, never made up. Data types R1: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=264; systems as FHIR names them:
https://terminology.hl7.org/identifiers.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from sojourn.wire.ccda.xml import Node

SYSTEMS: Final[Mapping[str, str]] = {
    "2.16.840.1.113883.6.1": "http://loinc.org", "2.16.840.1.113883.6.96": "http://snomed.info/sct", "2.16.840.1.113883.6.88": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "2.16.840.1.113883.6.90": "http://hl7.org/fhir/sid/icd-10-cm", "2.16.840.1.113883.6.103": "http://hl7.org/fhir/sid/icd-9-cm", "2.16.840.1.113883.12.292": "http://hl7.org/fhir/sid/cvx",
    "2.16.840.1.113883.6.59": "http://hl7.org/fhir/sid/cvx", "2.16.840.1.113883.6.69": "http://hl7.org/fhir/sid/ndc", "2.16.840.1.113883.6.12": "http://www.ama-assn.org/go/cpt",
    "2.16.840.1.113883.6.285": "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "2.16.840.1.113883.6.101": "http://nucc.org/provider-taxonomy",
    "2.16.840.1.113883.4.9": "http://fdasis.nlm.nih.gov", "2.16.840.1.113883.6.238": "urn:oid:2.16.840.1.113883.6.238", "2.16.840.1.113883.5.25": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality",
    "2.16.840.1.113883.5.1": "http://terminology.hl7.org/CodeSystem/v3-AdministrativeGender", "2.16.840.1.113883.5.4": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
    "2.16.840.1.113883.5.8": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "2.16.840.1.113883.5.83": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation",
    "2.16.840.1.113883.5.1008": "http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "2.16.840.1.113883.3.26.1.1": "http://ncithesaurus-stage.nci.nih.gov", "2.16.840.1.113883.6.14": "urn:oid:2.16.840.1.113883.6.14",
    "2.16.840.1.113883.5.2": "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus", "2.16.840.1.113883.5.111": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "2.16.840.1.113883.6.8": "http://unitsofmeasure.org",
    "2.16.840.1.113883.3.221.5": "https://nahdo.org/sopt", "2.16.840.1.113883.6.301.5": "https://www.nubc.org/CodeSystem/PatDischargeStatus", "2.16.840.1.113883.5.112": "http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration",
    "2.16.840.1.113883.5.104": "http://terminology.hl7.org/CodeSystem/v3-Race", "2.16.840.1.113883.5.90": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType",
}  # fmt: skip
_BREAK: Final = re.compile(r"[ \t]*\r?\n\s*")
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)
_SIGNED: Final = re.compile(r"(<=?|>=?)\s*(\S+)")
_LONGEST: Final = 40
_LENGTHS: Final = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "wk": 604_800}
"""Seconds of a unit that is always as long."""
_TIME: Final = re.compile(r"(\d{4})(\d\d)?(\d\d)?(?:(\d\d)(\d\d)?(\d\d)?(?:\.\d+)?)?([+-]\d{4})?$")


class Coded(NamedTuple):
    """A code with its system (a URL, or urn:oid:), its words, and the same in other systems. All may be empty: then `null` says why."""

    code: str = ""
    system: str = ""
    display: str = ""
    text: str = ""
    others: tuple[Coded, ...] = ()
    null: str = ""

    def __bool__(self) -> bool:
        return bool(self.code or self.text or self.display or any(self.others))


class Span(NamedTuple):
    """A time from and to, as FHIR dateTimes as exact as they were given; empty where open or unknown."""

    start: str = ""
    end: str = ""


class Quantity(NamedTuple):
    """A number as it was written, with its unit (UCUM); `upto` for the other end of a range, `sign` (<, <=, >=, >) where an end is open."""

    number: str = ""
    unit: str = ""
    upto: str = ""
    sign: str = ""


def system_of(oid: str) -> str:
    """The URL of a code system, or its OID as a URN."""
    return SYSTEMS.get(oid) or (f"urn:oid:{oid}" if oid else "")


def _system(node: Node) -> str:
    """The system of a code; one that has no OID may say its URL instead of a name, as our writer does."""
    oid, named = node.get("codeSystem"), node.get("codeSystemName")
    return named if oid not in SYSTEMS and "://" in named else system_of(oid)


def coded(node: Node | None, narrative: Mapping[str, str]) -> Coded:
    """A CD, CE, CV or CS."""
    if node is None:
        return Coded()
    others = tuple(found for child in node.all("translation") if (found := coded(child, narrative)))
    return Coded(node.get("code"), _system(node) if node.get("code") else "", node.get("displayName"), referred(node.one("originalText"), narrative), others, node.get("nullFlavor"))


def referred(node: Node | None, narrative: Mapping[str, str]) -> str:
    """The words of an originalText or text: those of the narrative that it refers to, or its own."""
    if node is None:
        return ""
    reference = node.one("reference")
    told = narrative.get(reference.get("value").removeprefix("#"), "") if reference else ""
    return told or node.text()


class Narrative(dict[str, str]):
    """The words of the parts of a narrative by ID; `nodes`: the parts themselves, for whoever needs their lines."""

    def __init__(self, parts: Iterable[tuple[str, str, Node]] = ()) -> None:
        super().__init__()
        self.nodes: dict[str, Node] = {}
        for mark, told, node in parts:
            self[mark], self.nodes[mark] = told, node


def lines(node: Node | None, narrative: Mapping[str, str]) -> str:
    """As `referred`, with the lines and blanks that its author wrote; where XML was only laid out a break is a blank."""
    if node is None:
        return ""
    reference = node.one("reference")
    nodes = narrative.nodes if isinstance(narrative, Narrative) else {}
    told = nodes.get(reference.get("value").removeprefix("#")) if reference else None
    text = "".join(_laid(told or node))
    return "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")


_LINE: Final = frozenset({"paragraph", "item", "tr", "caption"})


def _laid(node: Node) -> Iterator[str]:
    if node.name == "br":
        yield "\n"
    for n, text in enumerate(node.texts):
        yield _BREAK.sub(" ", text)
        if n < len(node.below):
            yield from _laid(node.below[n])
    if node.name in _LINE:
        yield "\n"
    elif node.name in ("td", "th"):
        yield " "


def moment(text: str) -> str:
    """A TS as a FHIR dateTime: no more exact than it is, no zone where none is said (then of a time only the day)."""
    found = _TIME.match(text.strip())
    if found is None:
        return ""
    year, month, day, hour, minute, second, zone = found.groups()
    date = "-".join(part for part in (year, month, day if month else None) if part)
    if not (_day(year, month, day)):
        return ""
    if not (day and hour and zone):
        return date
    if not (int(hour) < 24 and int(minute or 0) < 60 and int(second or 0) < 60 and int(zone[1:3]) < 15 and int(zone[3:]) < 60):
        return date
    return f"{date}T{hour}:{minute or '00'}:{second or '00'}{zone[:3]}:{zone[3:]}"


def _day(year: str, month: str | None, day: str | None) -> bool:
    long = (31, 29 if int(year) % 4 == 0 and (int(year) % 100 or int(year) % 400 == 0) else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    return int(year) > 0 and (not month or 1 <= int(month) <= 12) and (not (day and month) or 1 <= int(day) <= long[int(month) - 1])


def span(node: Node | None) -> Span:
    """A TS or IVL_TS; a moment begins and ends then."""
    if node is None:
        return Span()
    if value := moment(node.get("value")):
        return Span(value, value)
    low, high, center = node.one("low"), node.one("high"), node.one("center")
    if center is not None and low is None and high is None:
        value = moment(center.get("value"))
        return Span(value, value)
    start, end = moment(low.get("value")) if low else "", moment(high.get("value")) if high else ""
    return Span(start, end or _after(start, node.one("width")))


def _after(start: str, width: Node | None) -> str:
    """When a time ends that says how long it is; '' where that is not exact."""
    seconds = _LENGTHS.get(width.get("unit"), 0) if width is not None else 0
    if width is None or not start or not seconds or not (said := number(width.get("value"))):
        return ""
    try:
        long = timedelta(seconds=float(Decimal(said) * seconds))
        if "T" in start:
            return (datetime.fromisoformat(start) + long).isoformat()
        return (date.fromisoformat(start) + long).isoformat() if len(start) == len("2026-03-01") and not long.seconds else ""
    except (ValueError, OverflowError):
        return ""


def number(text: str) -> str:
    """The digits as they are when they are a number that something can measure, else nothing: 1e999999999 would fill the memory of whoever writes it out."""
    return text if len(text) <= _LONGEST and _NUMBER.fullmatch(text) else ""


def quantity(node: Node | None) -> Quantity:
    """A PQ, INT, REAL or IVL_PQ."""
    if node is None:
        return Quantity()
    if value := number(node.get("value")):
        return Quantity(value, node.get("unit"))
    low, high = node.one("low"), node.one("high")
    ends = [number(end.get("value")) if end else "" for end in (low, high)]
    unit = (low.get("unit") if low else "") or (high.get("unit") if high else "")
    if all(ends):
        return Quantity(ends[0], unit, ends[1])
    if not any(ends):
        return Quantity()
    # A bound belongs to the interval unless it says that it does not.
    end = low if ends[0] else high
    return Quantity(ends[0] or ends[1], unit, "", (">" if ends[0] else "<") + ("=" if end and end.get("inclusive") != "false" else ""))


def compared(node: Node) -> Quantity | str | None:
    """A PQ that holds no number, against its type: `<5` as what it means, anything else as it is written; None where nothing is."""
    said, unit = node.get("value"), node.get("unit")
    if (found := _SIGNED.fullmatch(said)) and (digits := number(found[2])):
        return Quantity(digits, unit, "", found[1])
    return " ".join(filter(None, (said, unit))) if said else None


def ratio(node: Node) -> str | None:
    """An RTO as it is written: `1:128`, `5 mg / 10 mL`; None where one of both is not told."""
    ends = [quantity(node.one(end)) for end in ("numerator", "denominator")]
    if not all(e.number and not e.upto and not e.sign for e in ends):
        return None
    over, under = (f"{e.number} {e.unit}".strip() if e.unit != "1" else e.number for e in ends)
    return f"{over}:{under}" if f"{over}{under}".replace(".", "").isdigit() else f"{over} / {under}"


def name(node: Node | None) -> str:
    """A person's name, or an organization's, in one line."""
    if node is None:
        return ""
    if not node.below:
        return node.text()
    order = ("prefix", "given", "family", "suffix")
    return " ".join(part for kind in order for child in node.all(kind) if (part := child.text())) or node.text()


def identifiers(node: Node | None) -> tuple[str, ...]:
    """`root` or `root|extension` of each id."""
    return tuple("|".join(filter(None, (i.get("root"), i.get("extension")))) for i in (node.all("id") if node else ()) if i.get("root"))
