"""HL7 v2 data types as FHIR: times, codes, names, quantities, ranges. What is none stays a text.

HL7 v2.8 chapter 2A (data types); https://build.fhir.org/ig/HL7/v2-to-fhir for what becomes what. Pure.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

from sojourn.wire.hl7v2 import Repetition
from sojourn.wire.hl7v2person import OID, authority

LOINC: Final = "http://loinc.org"
UCUM: Final = "http://unitsofmeasure.org"
_SYSTEMS: Final = {
    "LN": LOINC, "SCT": "http://snomed.info/sct", "SNM": "http://snomed.info/sct", "SNOMED-CT": "http://snomed.info/sct", "I10": "http://hl7.org/fhir/sid/icd-10-cm", "I10C": "http://hl7.org/fhir/sid/icd-10-cm",
    "I9": "http://hl7.org/fhir/sid/icd-9-cm", "I9C": "http://hl7.org/fhir/sid/icd-9-cm", "UCUM": UCUM, "CVX": "http://hl7.org/fhir/sid/cvx", "NDC": "http://hl7.org/fhir/sid/ndc",
    "RXNORM": "http://www.nlm.nih.gov/research/umls/rxnorm", "C4": "http://www.ama-assn.org/go/cpt", "CPT": "http://www.ama-assn.org/go/cpt", "HCPCS": "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
    "ISO3166_1": "urn:iso:std:iso:3166",
}  # fmt: skip
"""Names of coding systems (table 0396) and what FHIR calls them."""
_SHAPES: Final = {LOINC: re.compile(r"(?:LA|LP|MTHU|LG)?\d{1,7}-\d"), "http://snomed.info/sct": re.compile(r"\d{6,18}")}
_MOMENT: Final = re.compile(r"(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.(\d{1,6})\d*)?)?)?)?)?)?([+-]\d{4})?")
_TABLE: Final = re.compile(r"HL7(\d{4})")
_SPACE: Final = re.compile(r"[\x00-\x20\x7f\u00a0\u0085]+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def line(text: str) -> str:
    """A text on one line, without control characters."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    return _SPACE.sub(" ", text).strip()


def prose(text: str) -> str:
    """A text with its lines, without what FHIR does not allow in one."""
    return _CONTROL.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


class When(NamedTuple):
    """A time as FHIR writes it, as precise as it was said, and as a moment for comparing."""

    text: str
    moment: datetime


def when(said: str, zone: tzinfo) -> When | None:
    """DTM, TS, DT. A time without an offset is one of the sender's zone; None for what is no time."""
    if not said:
        return None
    found = _MOMENT.fullmatch(said.replace(" ", "").replace("-", "", 2) if re.match(r"\d{4}-\d\d-\d\d", said) else said.strip())
    if found is None:
        return None
    year, month, day, hour, minute, second, part, offset = found.groups()
    try:
        at = datetime(
            int(year),
            int(month or 1),
            int(day or 1),
            int(hour or 0),
            int(minute or 0),
            min(int(second or 0), 59),
            int((part or "0").ljust(6, "0")),
            zone,
        )
        if offset:
            hours, minutes = int(offset[1:3]), int(offset[3:])
            if hours > 14 or minutes > 59:  # noqa: PLR2004 - no place on earth is further
                return None
            at = datetime.fromisoformat(at.replace(tzinfo=None).isoformat() + f"{offset[:3]}:{offset[3:]}")
        if at.year < 1:
            return None
        moment = at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    if hour is None or minute is None and hour == "00":
        return When("-".join(filter(None, (year, month, day))), moment)
    text = at.isoformat(timespec="milliseconds" if part else "seconds")
    return When(text, moment)


def instant(found: When | None) -> str:
    """A time as a FHIR instant; '' for one that is only a day."""
    return found.text if found is not None and "T" in found.text else ""


def system(name: str, oid: str = "", own: str = "") -> str:
    """What FHIR calls a coding system that v2 names; `own`: the address under which a partner's own systems stand."""
    name = line(name)
    if name.upper() in _SYSTEMS:
        return _SYSTEMS[name.upper()]
    if table := _TABLE.fullmatch(name.upper()):
        return f"http://terminology.hl7.org/CodeSystem/v2-{table[1]}"
    if OID.fullmatch(oid):
        return f"urn:oid:{oid}"
    if OID.fullmatch(name):
        return f"urn:oid:{name}"
    return f"{own}/code/{re.sub(r'[^A-Za-z0-9.-]+', '-', name).strip('-') or 'local'}" if own else ""


def concept(rep: Repetition, own: str) -> dict[str, Any] | None:
    """CE, CWE, CNE: both codings and the original text. A code that is none of its system's shape stays, under the sender's own system."""
    if not rep.raw:
        return None
    codings = []
    for code, name, of, oid in ((1, 2, 3, 14), (4, 5, 6, 17)):
        value, words, by = line(rep.c(code)), line(rep.c(name)), rep.c(of)
        where = system(by, rep.c(oid), own) if value else ""
        if where in _SHAPES and not _SHAPES[where].fullmatch(value):
            where = system(f"{by}-unverified", "", own)
        if value:
            codings.append({**({"system": where} if where else {}), "code": value, **({"display": words} if words else {})})
        elif words and not codings:
            codings.append({"display": words})
    text = line(rep.c(9)) or line(rep.c(2)) or line(rep.c(5)) or line(rep.c(1))
    coded = [c for c in codings if "code" in c]
    if not coded and not text:
        return None
    return {**({"coding": coded} if coded else {}), **({"text": text} if text else {})}


def coded(code: str, of: str, words: str = "") -> dict[str, Any]:
    """A concept of one coding."""
    return {"coding": [{"system": of, "code": code, **({"display": words} if words else {})}]}


def number(said: str) -> Decimal | None:
    """NM as a decimal with its digits; None for what is none."""
    text = said.strip().replace(",", "") if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", said.strip()) else said.strip()
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?", text) or len(text) > 30:  # noqa: PLR2004 - longer is no measurement
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def quantity(value: Decimal, unit: dict[str, Any]) -> dict[str, Any]:
    """A Quantity."""
    return {"value": value, **unit}


def unit(rep: Repetition) -> dict[str, Any]:
    """OBX-6: a unit as the parts of a Quantity; of UCUM where the sender says so."""
    if not rep.raw:
        return {}
    code, words, by = line(rep.c(1)), line(rep.c(2)), rep.c(3).upper()
    if not code and not words:
        return {}
    if by == "UCUM" and code:
        return {"unit": code, "system": UCUM, "code": code.replace(" ", "")}
    return {"unit": code or words}


_RANGE: Final = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)\s*(?:-|to|–)\s*([+-]?\d+(?:\.\d+)?)\s*")
_BELOW: Final = re.compile(r"\s*(<=?)\s*([+-]?\d+(?:\.\d+)?)\s*")
_ABOVE: Final = re.compile(r"\s*(>=?)\s*([+-]?\d+(?:\.\d+)?)\s*")


def reference_range(said: str, measure: dict[str, Any]) -> dict[str, Any] | None:
    """OBX-7: as it was written, and its bounds where it has some."""
    text = line(said)
    if not text:
        return None
    out: dict[str, Any] = {}
    if found := _RANGE.fullmatch(text):
        out = {"low": quantity(Decimal(found[1]), measure), "high": quantity(Decimal(found[2]), measure)}
    elif found := _BELOW.fullmatch(text):
        out = {"high": quantity(Decimal(found[2]), measure)}
    elif found := _ABOVE.fullmatch(text):
        out = {"low": quantity(Decimal(found[2]), measure)}
    return {**out, "text": text}


def structured(rep: Repetition, measure: dict[str, Any]) -> dict[str, Any] | None:
    """SN: `^7.4`, `<^10`, `^1^:^128`, `^10^-^20`, `^2^+`. None where it is none of these."""
    sign, one, between, two = rep.c(1), number(rep.c(2)), rep.c(3), number(rep.c(4))
    if one is None:
        return None
    if two is not None and between in (":", "/"):
        return {"valueRatio": {"numerator": {"value": one}, "denominator": {"value": two}}}
    if two is not None and between == "-":
        return {"valueRange": {"low": quantity(one, measure), "high": quantity(two, measure)}}
    comparator = {"<": "<", ">": ">", "<=": "<=", ">=": ">=", "=": "", "": ""}.get(sign)
    if comparator is None or between not in ("", "+") or two is not None:
        return None
    return {
        "valueQuantity": quantity(
            one, {**({"comparator": comparator} if comparator else {">=": {}, "+": {"comparator": ">="}}.get(between, {})), **measure}
        )
    }


def name(rep: Repetition) -> tuple[str, tuple[str, ...]]:
    """XPN: family and given names."""
    given = [line(rep.c(2)), *line(rep.c(3)).split(" ")]
    return line(rep.c(1)), tuple(g for g in given if g)


def person(rep: Repetition) -> str:
    """XCN, CNN: a person's name as it is shown; '' where there is none."""
    if not rep.raw:
        return ""
    family, given = line(rep.c(2)), line(rep.c(3))
    return line(" ".join(filter(None, (given, family)))) or line(rep.c(1))


NPI: Final = "http://hl7.org/fhir/sid/us-npi"


def reference(rep: Repetition, own: str) -> dict[str, Any] | None:
    """XCN: a person by name, with the number that the sender has for them; None where there is neither."""
    shown, number = person(rep), line(rep.c(1))
    if not shown:
        return None
    by = authority(rep, 9)
    system = NPI if rep.c(13).upper() == "NPI" or rep.c(9, 1).upper() == "NPI" else by if by.startswith("urn:") else f"{own}/person"
    return {**({"identifier": {"system": system, "value": number}} if number and number != shown else {}), "display": shown}
