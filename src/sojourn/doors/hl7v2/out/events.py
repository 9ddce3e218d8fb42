"""Which message comes next: from what a partner was told, and what they are shown now. Pure.

HL7 v2.8, 3.3 (ADT), 10.4 (SIU), 4.4 (OMG, ORM), 9.6 (MDM), 6.4 (DFT). A partner gets every step of a thing, in its order, though some may have passed
unnoticed while they could not be reached; a change of what they are not shown is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

Facts = Mapping[str, Any]


class Step(NamedTuple):
    """What is told next. kind: as in `ADT^A01`, those that say it in the order of preference; facts: what is known after it; last: whether nothing else follows at once.

    control: of an order (ORC-1).
    """

    kinds: tuple[str, ...]
    facts: dict[str, Any]
    last: bool = True
    control: str = ""


_INPATIENT: Final = frozenset({"IMP", "ACUTE", "NONAC", "OBSENC", "SS"})
_IN: Final = frozenset({"arrived", "triaged", "in-progress", "onleave"})
_GONE: Final = frozenset({"cancelled", "entered-in-error"})


def visit(told: Facts | None, seen: Mapping[str, Any], digest: str) -> Step | None:
    """Of an Encounter. https://hl7.org/fhir/R4/encounter.html"""
    status, places = str(seen.get("status", "")), _places(seen)
    inpatient = (seen.get("class") or {}).get("code") in _INPATIENT
    step = str((told or {}).get("step", ""))
    here = {"digest": digest, "places": places}
    if status in _GONE:
        return Step(("ADT^A11",), {"step": "gone", **here}) if step in ("in", "out") else None
    if step in ("", "gone"):
        if status not in _IN and status != "finished":
            return None
        return Step(("ADT^A01",) if inpatient else ("ADT^A04",), {"step": "in", **here}, last=status in _IN)
    if step == "in" and status == "finished":
        return Step(("ADT^A03",), {"step": "out", **here})
    if step == "out" and status in _IN:
        return Step(("ADT^A13",), {"step": "in", **here})
    before = list((told or {}).get("places", ()))
    if step == "in" and inpatient and places != before:
        if len(places) < len(before) and before[: len(places)] == places:
            return Step(("ADT^A12",), {"step": "in", **here})
        if before and places:
            return Step(("ADT^A02",), {"step": "in", **here})
    if digest != (told or {}).get("digest"):
        return Step(("ADT^A08",), {"step": step, **here})
    return None


def _places(seen: Mapping[str, Any]) -> list[str]:
    """The places that somebody was in, in order, as far as they are shown; the last is where they are."""
    return [str((p.get("location") or {}).get("reference", "")) for p in seen.get("location") or () if p.get("status") in (None, "active", "completed")]


def person(told: Facts | None, seen: Mapping[str, Any], digest: str) -> Step | None:
    """Of a Patient; one that another replaced is merged into that."""
    step = str((told or {}).get("step", ""))
    if into(seen):
        return Step(("ADT^A40",), {"step": "merged", "digest": digest}) if step != "merged" else None
    if step in ("", "merged"):
        return Step(("ADT^A28",), {"step": "known", "digest": digest})
    return Step(("ADT^A31", "ADT^A08"), {"step": "known", "digest": digest}) if digest != (told or {}).get("digest") else None


def into(patient: Mapping[str, Any]) -> str:
    """The id of the Patient that replaced this one, or ''."""
    found = next((str((link.get("other") or {}).get("reference", "")) for link in patient.get("link") or () if link.get("type") == "replaced-by"), "")
    return found.removeprefix("Patient/") if found.startswith("Patient/") else ""


def appointment(told: Facts | None, seen: Mapping[str, Any], digest: str) -> Step | None:
    """Of an Appointment. https://hl7.org/fhir/R4/appointment.html"""
    status, when = str(seen.get("status", "")), f"{seen.get('start', '')}/{seen.get('end', '')}"
    step = str((told or {}).get("step", ""))
    here = {"digest": digest, "when": when}
    if status in ("cancelled", "entered-in-error"):
        return Step(("SIU^S15",), {"step": "gone", **here}) if step == "booked" else None
    if status == "waitlist" or not seen.get("start"):
        return None
    if step in ("", "gone"):
        return Step(("SIU^S12",), {"step": "booked", **here}, last=status != "noshow")
    if status == "noshow":
        return Step(("SIU^S26",), {"step": "missed", **here}) if step != "missed" else None
    if when != (told or {}).get("when"):
        return Step(("SIU^S13",), {"step": "booked", **here})
    return Step(("SIU^S14",), {"step": "booked", **here}) if digest != (told or {}).get("digest") else None


_ORDERS: Final = ("ORM^O01", "OML^O21")


def order(told: Facts | None, seen: Mapping[str, Any], digest: str) -> Step | None:
    """Of a ServiceRequest of the laboratory. Order control by table 0119: new, change, cancel."""
    status, step = str(seen.get("status", "")), str((told or {}).get("step", ""))
    if status in ("revoked", "entered-in-error"):
        return Step(_ORDERS, {"step": "gone", "digest": digest}, control="CA") if step == "ordered" else None
    if status not in ("active", "on-hold", "completed"):
        return None
    if step == "":
        return Step(_ORDERS, {"step": "ordered", "digest": digest}, control="NW") if status == "active" else None
    return Step(_ORDERS, {"step": "ordered", "digest": digest}, control="XO") if step == "ordered" and digest != (told or {}).get("digest") else None


def document(told: Facts | None, seen: Mapping[str, Any], digest: str) -> Step | None:
    """Of a DocumentReference: once it is signed."""
    signed = seen.get("status") == "current" and seen.get("docStatus") in ("final", "amended")
    return Step(("MDM^T02",), {"step": "sent", "digest": digest}) if told is None and signed else None


def service(told: Facts | None, seen: Mapping[str, Any], digest: str) -> Step | None:
    """Of a Procedure: once."""
    return Step(("DFT^P03",), {"step": "charged", "digest": digest}) if told is None and seen.get("status") == "completed" else None
