"""PV1, DG1, OBX, IN1: a visit elsewhere, what was found in it, and insurance, as FHIR. Pure.

https://hl7.org/fhir/R4/encounter.html; HL7 v2.8, 3.4.3 (PV1), 6.5.2 (DG1), 7.4.2 (OBX), 6.5.6 (IN1).

A visit that a partner tells of is information, whoever the partner is: our beds are given out here, and a message gives out none.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sojourn.care.exchange.facts import AS_OF, Piece, Place
from sojourn.doors.hl7v2 import observations, persons, values
from sojourn.gate import elsewhere
from sojourn.gate.exchange.partners import Partner
from sojourn.wire.hl7v2 import Message, Segment
from sojourn.wire.hl7v2person import authority

STATUSES: Final = {
    "A01": "in-progress", "A04": "in-progress", "A05": "planned", "A06": "in-progress", "A07": "in-progress", "A10": "arrived", "A14": "planned", "A03": "finished", "A11": "cancelled", "A13": "in-progress",
    "A21": "onleave", "A22": "in-progress", "A23": "entered-in-error", "A27": "cancelled", "A38": "cancelled", "A02": "", "A08": "", "A09": "", "A12": "", "A15": "", "A16": "", "A25": "", "A26": "",
}  # fmt: skip
"""What an event makes of a visit; '': what its dates say, or what it was."""
_CLASSES: Final = {"E": "EMER", "I": "IMP", "O": "AMB", "P": "PRENC", "R": "AMB", "B": "IMP"}
_V3_ACT: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_NULL_FLAVOR: Final = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
_PARTICIPATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
_WORDS: Final = {"IMP": "Hospital stay elsewhere", "EMER": "Emergency visit elsewhere", "AMB": "Visit elsewhere", "PRENC": "Planned visit elsewhere", "UNK": "Visit elsewhere"}


def visit_key(message: Message, partner: Partner) -> tuple[str, ...]:
    """What a visit is for its sender: its number (PV1-19, PV1-50), else the moment of admission; () where there is neither."""
    pv1 = message.one("PV1")
    if pv1 is None:
        return ()
    for n in (19, 50):
        rep = pv1.first(n)
        if number := values.line(rep.c(1)):
            return ("visit", authority(rep), number)
    admitted = values.when(pv1.v(44), ZoneInfo(partner.timezone))
    return ("visit", "admitted", admitted.moment.isoformat()) if admitted is not None else ()


def visit(message: Message, partner: Partner, event: str, at: datetime | None) -> Piece | None:
    """The Encounter; None where nothing says which visit it is."""
    pv1, key = message.one("PV1"), visit_key(message, partner)
    if pv1 is None or not key:
        return None
    body, zone = _body(message, pv1, partner, key), ZoneInfo(partner.timezone)
    admitted, left = values.when(pv1.v(44), zone), values.when(pv1.v(45), zone)
    where, now = _place(pv1), values.when(message.header.v(7), zone)
    moved = at.isoformat() if at is not None else now.moment.isoformat() if now is not None else ""

    def make(place: Place) -> dict[str, Any]:
        was: Mapping[str, Any] = place.before or {}
        status = STATUSES[event] or str(was.get("status", "")) or ("finished" if left is not None else "planned" if body["class"]["code"] == "PRENC" else "in-progress")
        out = {**was, **body, "resourceType": "Encounter", "status": status, "subject": {"reference": f"Patient/{place.patient}"}}
        period = {**(was.get("period") or {}), **({"start": admitted.text} if admitted else {}), **({"end": left.text} if left else {})}
        if status == "finished" and "end" not in period and moved:
            period["end"] = moved
        if event == "A13":
            period.pop("end", None)
            stay = {k: v for k, v in (out.get("hospitalization") or {}).items() if k not in ("dischargeDisposition", "destination")}
            out = {**{k: v for k, v in out.items() if k != "hospitalization"}, **({"hospitalization": stay} if stay else {})}
        if was.get("hospitalization") and body.get("hospitalization") and event != "A13":
            out["hospitalization"] = {**was["hospitalization"], **body["hospitalization"]}
        if period:
            out["period"] = period
        if locations := _locations(list(was.get("location") or ()), where, moved, event):
            out["location"] = locations
        return out

    return Piece("Encounter", key, make)


def _body(message: Message, pv1: Segment, partner: Partner, key: tuple[str, ...]) -> dict[str, Any]:
    own = persons.own(partner)
    code = _CLASSES.get(partner.local("0004", pv1.v(2)).upper(), "UNK")
    body: dict[str, Any] = {
        "class": {"system": _NULL_FLAVOR if code == "UNK" else _V3_ACT, "code": code},
        "type": [{"coding": [{"system": elsewhere.SYSTEM, "code": elsewhere.CODE}], "text": _WORDS[code]}, *(t for n in (4,) if (t := values.concept(pv1.first(n), own)))],
        "serviceProvider": {"reference": partner.organization, "display": partner.name} if partner.organization else {"display": values.line(message.header.v(4)) or partner.name},
    }  # fmt: skip
    if key[1] != "admitted":
        body["identifier"] = [{"type": values.coded("VN", "http://terminology.hl7.org/CodeSystem/v2-0203"), "system": key[1] if key[1].startswith("urn:") else f"{own}/visit", "value": key[2]}]
    if service := values.concept(pv1.first(10), own):
        body["serviceType"] = service
    people = []
    for n, role in ((7, "ATND"), (8, "REF"), (9, "CON"), (17, "ADM")):
        for rep in pv1.reps(n):
            if who := values.reference(rep, own):
                people.append({"type": [values.coded(role, _PARTICIPATION)], "individual": who})
    if people:
        body["participant"] = people
    stay: dict[str, Any] = {}
    for element, n in (("admitSource", 14), ("dischargeDisposition", 36)):
        if said := values.concept(pv1.first(n), own):
            table = {14: "0023", 36: "0112"}[n]
            stay[element] = _tabled(said, table, own)
    if pv1.v(13).upper() == "R":
        stay["reAdmission"] = values.coded("R", "http://terminology.hl7.org/CodeSystem/v2-0092")
    if goes := values.line(pv1.v(37)):
        stay["destination"] = {"display": goes}
    if stay:
        body["hospitalization"] = stay
    pv2 = message.one("PV2")
    if pv2 is not None and (why := values.concept(pv2.first(3), own)):
        body["reasonCode"] = [why]
    return body


def _tabled(concept: dict[str, Any], table: str, own: str) -> dict[str, Any]:
    """A code of a user-defined table that names no system is one of its sender's."""
    codings = [c if c.get("system") else {"system": f"{own}/table/{table}", **c} for c in concept.get("coding") or ()]
    return {**concept, **({"coding": codings} if codings else {})}


def _place(pv1: Segment) -> str:
    """PV1-3 as words: facility, point of care, room, bed."""
    rep = pv1.first(3)
    parts = [values.line(rep.c(n)) for n in (4, 7, 8, 1, 2, 3)]
    return ", ".join(dict.fromkeys(filter(None, parts)))


def _locations(before: list[dict[str, Any]], where: str, moved: str, event: str) -> list[dict[str, Any]]:
    """Where the person was and is: a transfer ends the place before; a cancelled transfer takes it back."""
    if not where:
        return before
    last = before[-1] if before else None
    if last is not None and last["location"].get("display") == where:
        return before
    if event == "A12" and len(before) > 1 and before[-2]["location"].get("display") == where:
        back = {k: v for k, v in before[-2].items() if k != "period"}
        began = {k: v for k, v in (before[-2].get("period") or {}).items() if k != "end"}
        return [*before[:-2], {**back, "status": "active", **({"period": began} if began else {})}]
    over = [*before[:-1], {**last, "status": "completed", **({"period": {**(last.get("period") or {}), "end": moved}} if moved else {})}] if last is not None else []
    return [*over, {"location": {"display": where}, "status": "active", **({"period": {"start": moved}} if moved and last is not None else {})}]


TERMS: Final = "http://terminology.hl7.org/CodeSystem/"


def diagnoses(message: Message, partner: Partner, visit_of: tuple[str, ...]) -> list[Piece]:
    """DG1: Conditions found in the visit; those that say neither code nor words are left."""
    out = []
    for dg1 in message.all("DG1"):
        zone, own = ZoneInfo(partner.timezone), persons.own(partner)
        code = values.concept(dg1.first(3), own)
        words = values.line(dg1.v(4))
        if code is None and not words:
            continue
        coding = list((code or {}).get("coding") or ())
        if coding and "system" not in coding[0] and (named := values.system(dg1.v(2), own="")):
            coding[0] = {"system": named, **coding[0]}
        text = words or str((code or {}).get("text", ""))
        wrong = dg1.v(21).upper() == "D"
        body: dict[str, Any] = {
            "category": [values.coded("encounter-diagnosis", f"{TERMS}condition-category", "Encounter Diagnosis")],
            "verificationStatus": values.coded("entered-in-error" if wrong else "confirmed" if dg1.v(6).upper() == "F" else "provisional", f"{TERMS}condition-ver-status"),
            "code": {**({"coding": coding} if coding else {}), **({"text": text} if text else {})},
        }  # fmt: skip
        if (since := values.when(dg1.v(5), zone)) is not None:
            body["onsetDateTime"] = since.text
        if (said := values.when(dg1.v(19), zone)) is not None:
            body["recordedDate"] = said.text
        if who := values.reference(dg1.first(16), own):
            body["asserter"] = who
        key = ("diagnosis", *visit_of, str(coding[0].get("code", "")) if coding else text.casefold())
        out.append(Piece("Condition", key, _within(body, visit_of)))
    return once(out)


_EXAM: Final = values.coded("exam", f"{TERMS}observation-category", "Exam")


def observed(message: Message, partner: Partner, visit_of: tuple[str, ...]) -> list[Piece]:
    """OBX: what was measured or asked in a visit, as Observations of an examination elsewhere; what holds a file or no value is left."""
    zone, own = ZoneInfo(partner.timezone), persons.own(partner)
    out = []
    for obx in message.all("OBX"):
        if obx.v(2).upper() in ("ED", "RP") or not obx.raw(3) or not obx.raw(5):
            continue
        found = observations.value(obx, [], "", zone, own, "unknown", {"text": "Observation"})
        if "dataAbsentReason" not in found.body:
            key = ("observation", *visit_of, *found.key, str(found.body.get("effectiveDateTime", "")))
            out.append(Piece("Observation", key, _within({**found.body, "category": [_EXAM]}, visit_of)))
    return once(out)


def _within(body: dict[str, Any], visit_of: tuple[str, ...]) -> Any:
    def make(place: Place) -> dict[str, Any]:
        at = {"encounter": {"reference": f"Encounter/{place.ids[visit_of]}"}} if visit_of in place.ids else {}
        return {**(place.before or {}), "resourceType": "Condition", **body, "subject": {"reference": f"Patient/{place.patient}"}, **at}

    return make


def once(pieces: list[Piece]) -> list[Piece]:
    """Each key once; the last that a message says of it stands."""
    return list({(p.type, p.key): p for p in pieces}.values())


_RELATIONS: Final = {"SEL": "self", "18": "self", "SELF": "self", "SPO": "spouse", "01": "spouse", "CHD": "child", "19": "child", "PAR": "parent", "OTH": "other"}
_SELF_PAY: Final = ("SELF PAY", "SELFPAY", "SELF-PAY")


def insurance(message: Message, partner: Partner) -> list[Piece]:
    """IN1: Coverages; in force where the sender keeps our register, else drafts that somebody has to check."""
    out = []
    for n, in1 in enumerate(message.all("IN1"), 1):
        zone, own = ZoneInfo(partner.timezone), persons.own(partner)
        payer, number, plan = values.line(in1.v(4)), values.line(in1.v(3)), values.concept(in1.first(2), own)
        if not (payer or number) or payer.upper() in _SELF_PAY:
            continue
        body: dict[str, Any] = {
            "status": "active" if partner.registers else "draft",
            "payor": [{**({"identifier": {"system": f"{own}/payer", "value": number}} if number else {}), "display": payer or number}], "order": n,
        }  # fmt: skip
        classes = [("plan", values.line(in1.v(2)), str((plan or {}).get("text", ""))), ("group", values.line(in1.v(8)), values.line(in1.v(9)))]
        if found := [{"type": values.coded(kind, f"{TERMS}coverage-class"), "value": value, **({"name": words} if words and words != value else {})} for kind, value, words in classes if value]:
            body["class"] = found
        if policy := values.line(in1.v(36)) or values.line(in1.v(49)):
            body["subscriberId"] = policy
        if (relation := values.concept(in1.first(17), own)) is not None:
            code = _RELATIONS.get(partner.local("0063", in1.v(17)).upper())
            body["relationship"] = values.coded(code, f"{TERMS}subscriber-relationship") if code else {"text": str(relation.get("text") or in1.v(17))}
        if names := " ".join(filter(None, (values.line(in1.v(16, 2)), values.line(in1.v(16, 1))))):
            body["subscriber"] = {"display": names}
        start, end = values.when(in1.v(12), zone), values.when(in1.v(13), zone)
        if period := {k: v.text for k, v in (("start", start), ("end", end)) if v is not None}:
            body["period"] = period
        if kind := values.concept(in1.first(15), own):
            body["type"] = _tabled(kind, "0086", own)
        key = ("coverage", number or payer.casefold(), body.get("subscriberId", "") or values.line(in1.v(2)))
        out.append(Piece("Coverage", key, _covering(body)))
    return once(out)


def _covering(body: dict[str, Any]) -> Any:
    def make(place: Place) -> dict[str, Any]:
        was = place.before or {}
        said = {k: v for k, v in body.items() if k != "status"} if was else body  # whether it counts was decided here
        subscriber = body.get("relationship", {}).get("coding", [{}])[0].get("code") == "self"
        about = {"reference": f"Patient/{place.patient}"}
        return {**was, "resourceType": "Coverage", **said, "beneficiary": about, **({"subscriber": about} if subscriber else {})}

    return make


__all__ = ["AS_OF", "STATUSES", "diagnoses", "insurance", "observed", "once", "visit", "visit_key"]
