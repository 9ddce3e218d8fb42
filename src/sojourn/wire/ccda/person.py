"""Whom a document is about: the recordTarget of the US Realm Header (HL7 C-CDA R2.1, 22.1.1)."""

from __future__ import annotations

from typing import Final

from sojourn.wire.ccda import values
from sojourn.wire.ccda.facts import Name, Person, Place, Telecom
from sojourn.wire.ccda.values import Coded
from sojourn.wire.ccda.xml import Node

_PARTS: Final = ("streetAddressLine", "city", "state", "postalCode", "county", "country")


def person(root: Node) -> Person:
    """As much of them as the header says."""
    role = root.one("recordTarget/patientRole")
    patient = role.one("patient") if role else None
    if role is None or patient is None:
        return Person(identifiers=values.identifiers(role))
    name = patient.one("name")
    address = role.one("addr")
    died = patient.one("sdtc:deceasedInd")
    spoken = tuple((_code(c.one("languageCode")), (kept.get("value") if (kept := c.one("preferenceInd")) else "") == "true") for c in patient.all("languageCommunication"))
    return Person(
        values.name(name), tuple(g.text() for g in (name.all("given") if name else ()) if g.text()), values.name(name.one("family")) if name else "",
        values.span(patient.one("birthTime")).start, _code(patient.one("administrativeGenderCode")), values.identifiers(role),
        tuple(t.get("value") for t in role.all("telecom") if t.get("value")), tuple(part.text() for part in (address.below if address else ()) if part.text()),
        tuple(n for found in patient.all("name") if (n := _name(found))), tuple(Telecom(t.get("use"), t.get("value")) for t in role.all("telecom") if t.get("value")),
        tuple(p for a in role.all("addr") if (p := _place(a)).parts), _codes(patient, "raceCode"), _codes(patient, "ethnicGroupCode"), values.coded(patient.one("maritalStatusCode"), {}),
        tuple((code, preferred) for code, preferred in spoken if code), values.span(patient.one("sdtc:deceasedTime")).start or (died.get("value") if died else ""),
    )  # fmt: skip


def _code(node: Node | None) -> str:
    return node.get("code") if node else ""


def _codes(patient: Node, tag: str) -> tuple[Coded, ...]:
    return tuple(c for name in (tag, f"sdtc:{tag}") for node in patient.all(name) if (c := values.coded(node, {})))


def _name(node: Node) -> Name | None:
    parts = [tuple(t for child in node.all(tag) if (t := child.text())) for tag in ("prefix", "given", "family", "suffix")]
    return Name(node.get("use"), *parts) if any(parts) else None


def _place(node: Node) -> Place:
    return Place(node.get("use"), tuple((tag, text) for tag in _PARTS for child in node.all(tag) if (text := child.text())))
