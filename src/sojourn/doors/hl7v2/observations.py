"""OBX: one value of a result as an Observation. Pure.

https://hl7.org/fhir/R4/observation.html; HL7 v2.8, 7.4.2.
"""

from __future__ import annotations

import re
from datetime import tzinfo
from typing import Any, Final

from sojourn.care.exchange.facts import Value
from sojourn.doors.hl7v2 import values
from sojourn.wire.hl7v2 import Repetition, Segment

CATEGORY: Final = values.coded("laboratory", "http://terminology.hl7.org/CodeSystem/observation-category", "Laboratory")
STATUSES: Final = {
    "F": "final", "U": "final", "V": "final", "B": "final", "C": "corrected", "P": "preliminary", "R": "preliminary", "S": "preliminary", "I": "registered", "O": "registered", "N": "cancelled", "X": "cancelled",
    "D": "entered-in-error", "W": "entered-in-error",
}  # fmt: skip
"""OBX-11 (table 0085)."""
_FLAGS: Final = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
_KNOWN: Final = frozenset(
    "A AA HH LL H L N B D U W S R I MS VS NEG POS IND DET ND NR RR WR HU LU E EX CAR NCL NS SDD SYN-R SYN-S TOX < >".split()
)
_OTHER: Final = "http://terminology.hl7.org/CodeSystem/v2-0078"
_ABSENT: Final = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_NOTHING: Final = re.compile(r"[-.\s]*")


def value(obx: Segment, notes: list[str], taken: str, zone: tzinfo, own: str, status: str, order: dict[str, Any]) -> Value:
    """One OBX. taken: when the specimen was, where OBX does not say; status and order (its code): of the report, likewise."""
    code = values.concept(obx.first(3), own) or order
    kind, said = obx.v(2).upper(), STATUSES.get(obx.v(11).upper(), "") or status
    observed = values.when(obx.v(14), zone)
    body: dict[str, Any] = {"resourceType": "Observation", "status": said, "category": [CATEGORY], "code": code}
    if effective := observed.text if observed is not None else taken:
        body["effectiveDateTime"] = effective
    if issued := values.instant(values.when(obx.v(19), zone)):
        body["issued"] = issued
    file = _file(obx) if kind in ("ED", "RP") else None
    found = {} if file is not None else _value(obx, kind, zone, own)
    body |= found or {"dataAbsentReason": values.coded("not-performed" if said == "cancelled" else "unknown", _ABSENT)}
    if file is not None:
        body["dataAbsentReason"] = values.coded("as-text", _ABSENT)
    body |= _around(obx, notes, own)
    return Value((str(code.get("coding", [{}])[0].get("code", "")) or code.get("text", ""), obx.v(4)), body, file)


def _around(obx: Segment, notes: list[str], own: str) -> dict[str, Any]:
    out: dict[str, Any] = {}
    flags = [(f, values.line(rep.c(2))) for rep in obx.reps(8) if (f := values.line(rep.c(1)).upper())]
    if flags:
        out["interpretation"] = [values.coded(f, _FLAGS if f in _KNOWN else _OTHER, words) for f, words in flags]
    if between := values.reference_range(obx.first(7).text, values.unit(obx.first(6))):
        out["referenceRange"] = [between]
    if method := values.concept(obx.first(17), own):
        out["method"] = method
    place, number = values.line(obx.v(23)) or values.line(obx.v(15, 2)) or values.line(obx.v(15)), values.line(obx.v(23, 10))
    where = {**({"identifier": {"system": f"{own}/organization", "value": number}} if number and obx.v(23) else {}), "display": place} if place else None
    performers = [p for p in (where, values.reference(obx.first(16), own), values.reference(obx.first(25), own)) if p]
    if performers:
        out["performer"] = list({p["display"]: p for p in reversed(performers)}.values())[::-1]
    if words := values.prose("\n".join(notes)):
        out["note"] = [{"text": words}]
    return out


def _value(obx: Segment, kind: str, zone: tzinfo, own: str) -> dict[str, Any]:
    """OBX-5 by its type; what does not fit its type is a text, as it was written. {} where there is none."""
    reps = obx.reps(5)
    if not reps:
        return {}
    measure = values.unit(obx.first(6))
    first = reps[0]
    found: dict[str, Any] | None = None
    if kind == "NM" or not kind and measure:  # what has a unit and no type (OBX-2) is a measurement
        found = (
            {"valueQuantity": values.quantity(n, measure)}
            if (n := values.number(first.c(1))) is not None
            else _compared(first.c(1), measure)
        )
    elif kind == "SN":
        found = values.structured(first, measure)
    elif kind in ("CE", "CWE", "CNE", "CF"):
        found = _coded(reps, own)
    elif kind in ("DT", "TS", "DTM"):
        found = {"valueDateTime": day.text} if (day := values.when(first.c(1), zone)) is not None else None
    elif kind == "TM" and (at := re.fullmatch(r"(\d\d)(\d\d)(\d\d)?(?:\.\d+)?(?:[+-]\d{4})?", first.c(1))):
        found = {"valueTime": f"{at[1]}:{at[2]}:{at[3] or '00'}"}
    if found and len(reps) == 1 or found and kind in ("CE", "CWE", "CNE", "CF"):
        return found
    text = values.prose("\n".join(r.text.replace(r.delimiters.component, " ") if kind not in ("ST", "TX", "FT") else r.text for r in reps))
    if not text or _NOTHING.fullmatch(text):
        return {}
    unit = f" {measure['unit']}" if measure and kind in ("NM", "SN", "") else ""
    return {"valueString": text + unit}


def _compared(said: str, measure: dict[str, Any]) -> dict[str, Any] | None:
    """`<0.01` in a field that is to hold a number."""
    found = re.fullmatch(r"\s*(<=?|>=?)\s*(\S+)\s*", said)
    number = values.number(found[2]) if found else None
    return {"valueQuantity": {**values.quantity(number, measure), "comparator": found[1]}} if found and number is not None else None


def _coded(reps: list[Repetition], own: str) -> dict[str, Any] | None:
    found = [c for rep in reps if (c := values.concept(rep, own))]
    if not found:
        return None
    if len(found) == 1:
        return {"valueCodeableConcept": found[0]}
    return {
        "valueCodeableConcept": {
            "coding": [c for one in found for c in one.get("coding", ())],
            "text": "; ".join(str(one.get("text", "")) for one in found),
        }
    }


_TYPES: Final = {
    "PDF": "application/pdf",
    "RTF": "text/rtf",
    "HTML": "text/html",
    "XML": "application/xml",
    "JPEG": "image/jpeg",
    "JPG": "image/jpeg",
    "PNG": "image/png",
    "TIFF": "image/tiff",
    "TIF": "image/tiff",
    "PLAIN": "text/plain",
}
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]*={0,2}")


def _file(obx: Segment) -> dict[str, Any] | None:
    """ED: an attachment in base64; anything else is read as a text by its caller."""
    first = obx.first(5)
    if obx.v(2).upper() != "ED":
        return None
    kind, form, data = (first.c(3) or first.c(2)).upper(), first.c(4).upper(), re.sub(r"\s+", "", first.c(5))
    if form != "BASE64" or not data or len(data) % 4 or not _BASE64.fullmatch(data):
        return None
    title = values.line(obx.v(3, 2)) or values.line(obx.v(3))
    return {"contentType": _TYPES.get(kind, "application/octet-stream"), "data": data, **({"title": title} if title else {})}
