"""PID, NK1, GT1: a person as a registration system has them, as Patient and RelatedPersons. Pure.

https://hl7.org/fhir/R4/patient.html; HL7 v2.8, 3.4.2, 3.4.5; https://build.fhir.org/ig/HL7/v2-to-fhir for what becomes what.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

from sojourn.care.exchange import written
from sojourn.care.exchange.facts import Piece, Place
from sojourn.doors.hl7v2 import persons, values
from sojourn.gate.exchange.partners import Partner
from sojourn.wire.hl7v2 import Message, Repetition, Segment

_NAME_USES: Final = {"L": "official", "C": "official", "D": "usual", "N": "nickname", "M": "maiden", "BAD": "old", "TEMP": "temp", "A": "anonymous", "S": "anonymous"}
_ADDRESS_USES: Final = {"H": "home", "P": "home", "L": "home", "O": "work", "B": "work", "BA": "old", "C": "temp", "TM": "temp", "BI": "billing"}
_PHONE_USES: Final = {"PRN": "home", "ORN": "home", "VHN": "home", "WPN": "work", "PRS": "mobile"}
_MARITAL: Final = {"S": "S", "M": "M", "D": "D", "W": "W", "P": "T", "E": "L", "I": "I", "U": "UNK"}
_V3_MARITAL: Final = "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus"
_RACES: Final = frozenset({"1002-5", "2028-9", "2054-5", "2076-8", "2106-3"})
_CDC: Final = "urn:oid:2.16.840.1.113883.6.238"
_US_CORE: Final = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
_ETHNIC: Final = {"H": ("2135-2", "Hispanic or Latino"), "N": ("2186-5", "Non Hispanic or Latino"), "2135-2": ("2135-2", "Hispanic or Latino"), "2186-5": ("2186-5", "Non Hispanic or Latino")}
_SSN: Final = "http://hl7.org/fhir/sid/us-ssn"


def names(segment: Segment, n: int) -> list[dict[str, Any]]:
    """XPN: names, each with its use."""
    out = []
    for rep in segment.reps(n):
        family, given = values.name(rep)
        use = _NAME_USES.get(rep.c(7).upper(), "official")
        if family or given:
            out.append({
                "use": use, **({"family": family} if family else {}), **({"given": list(given)} if given else {}),
                **({"prefix": [before]} if (before := values.line(rep.c(5))) else {}), **({"suffix": [after]} if (after := values.line(rep.c(4))) else {}),
            })  # fmt: skip
    return out


def addresses(segment: Segment, n: int) -> list[dict[str, Any]]:
    """XAD: addresses."""
    out = []
    for rep in segment.reps(n):
        lines = [line for line in (values.line(rep.c(1, 1) or rep.c(1, 2)), values.line(rep.c(2)), values.line(rep.c(19))) if line]
        use = _ADDRESS_USES.get(rep.c(7).upper(), "")
        found = {
            **({"use": use} if use else {}), **({"line": lines} if lines else {}),
            **{name: said for name, c in (("city", 3), ("state", 4), ("postalCode", 5), ("country", 6), ("district", 9)) if (said := values.line(rep.c(c)))},
        }  # fmt: skip
        if set(found) - {"use"}:
            out.append(found)
    return out


def telecoms(segment: Segment, *fields: tuple[int, str]) -> list[dict[str, Any]]:
    """XTN: telephones and addresses of mail. fields: (field, use where none is said)."""
    out: list[dict[str, Any]] = []
    for n, usual in fields:
        for rep in segment.reps(n):
            said = _telecom(rep, usual)
            if said is not None and said["value"] not in [o["value"] for o in out]:
                out.append(said)
    return out


def _telecom(rep: Repetition, usual: str) -> dict[str, Any] | None:
    kind, use = rep.c(3).upper(), _PHONE_USES.get(rep.c(2).upper(), usual)
    mail = rep.c(4) or (rep.c(1) if "@" in rep.c(1) else "")
    if mail and kind not in ("PH", "CP", "FX"):
        return {"system": "email", "value": values.line(mail), "use": use if use != "mobile" else "home"}
    parts = [rep.c(n) for n in (5, 6, 7, 8)]
    number = values.line(rep.c(1)) or values.line(rep.c(12)) or " ".join(filter(None, (f"+{parts[0]}" if parts[0] else "", parts[1], parts[2])))
    if not number or not re.search(r"\d", number):
        return None
    whole = f"{number} x{parts[3]}" if parts[3] and not rep.c(1) else number
    return {"system": {"FX": "fax", "BP": "pager"}.get(kind, "phone"), "value": whole, "use": "mobile" if kind == "CP" else use}


def patient(message: Message, partner: Partner) -> Callable[[Mapping[str, Any] | None], dict[str, Any]]:
    """From the Patient that is there (None for none) the one that the message says. What it does not say stays; `""` takes it out."""
    pid, who = message.one("PID"), persons.person(message, partner)
    said: dict[str, Any] = {}
    gone: list[str] = []
    if pid is not None:
        said, gone = _said(pid, partner)
    kinds = _kinds(pid)
    numbers = [{**({"type": values.coded(kinds[v], "http://terminology.hl7.org/CodeSystem/v2-0203")} if v in kinds else {}), "system": s, "value": v} for s, v in who.identifiers]

    return lambda before: written.changed(before, said, gone, numbers)


def _kinds(pid: Segment | None) -> dict[str, str]:
    """CX.5 (table 0203): what kind of number each is."""
    every = [rep for n in (3, 2, 4) for rep in (pid.reps(n) if pid is not None else ())]
    return {value: kind for rep in every if (value := values.line(rep.c(1))) and re.fullmatch(r"[A-Z]{1,5}", kind := rep.c(5))}


def _said(pid: Segment, partner: Partner) -> tuple[dict[str, Any], list[str]]:
    """The elements that PID states, and those that it takes out."""
    zone = ZoneInfo(partner.timezone)
    born, died = values.when(pid.v(7), zone), values.when(pid.v(29), zone)
    sex = persons.sex(pid.v(8), partner)
    said: dict[str, Any] = {
        "name": names(pid, 5), "address": addresses(pid, 11), "telecom": telecoms(pid, (13, "home"), (14, "work"), (40, "home")),
        "birthDate": born.text[:10] if born else "", "gender": sex, "maritalStatus": _marital(pid, partner), "extension": _ethnicity(pid),
    }  # fmt: skip
    if language := values.concept(pid.first(15), persons.own(partner)):
        first: dict[str, Any] = next(iter(language.get("coding") or ()), {})
        code = str(first.get("code", ""))
        tagged = {"coding": [{"system": "urn:ietf:bcp:47", "code": code.lower()}]} if re.fullmatch(r"[A-Za-z]{2}", code) else {}
        said["communication"] = [{"language": {**tagged, "text": str(language.get("text") or code)}, "preferred": True}]
    if died is not None:
        said["deceasedDateTime"] = died.text
    elif pid.v(30).upper() in ("Y", "N"):
        said["deceasedBoolean"] = pid.v(30).upper() == "Y"
    if pid.v(25).isdecimal() and pid.v(24).upper() != "N":
        said["multipleBirthInteger"] = int(pid.v(25)[:2])
    elif pid.v(24).upper() in ("Y", "N"):
        said["multipleBirthBoolean"] = pid.v(24).upper() == "Y"
    if digits := re.sub(r"\D", "", pid.v(19)):
        said["identifier"] = [{"system": _SSN, "value": digits}] if len(digits) == 9 else []  # noqa: PLR2004 - as many as one has
    gone = {11: "address", 8: "gender", 16: "maritalStatus", 15: "communication"}  # a name and a birth date are not taken out
    return {k: v for k, v in said.items() if v or v is False}, [name for n, name in gone.items() if pid.is_null(n)]


def _marital(pid: Segment, partner: Partner) -> dict[str, Any]:
    found = values.concept(pid.first(16), persons.own(partner))
    if found is None:
        return {}
    code = _MARITAL.get(partner.local("0002", pid.v(16)).upper(), "")
    coding = [{"system": "http://terminology.hl7.org/CodeSystem/v3-NullFlavor" if code == "UNK" else _V3_MARITAL, "code": code}] if code else []
    return {**({"coding": coding} if coding else {}), "text": str(found.get("text") or pid.v(16))}


def _ethnicity(pid: Segment) -> list[dict[str, Any]]:
    """US Core race and ethnicity, where the codes are those of the CDC or of table 0189."""
    out: list[dict[str, Any]] = []
    parts: list[dict[str, Any]] = []
    words = []
    for rep in pid.reps(10):
        code, text = rep.c(1), values.line(rep.c(2))
        if re.fullmatch(r"\d{4}-\d", code):
            parts.append({"url": "ombCategory" if code in _RACES else "detailed", "valueCoding": {"system": _CDC, "code": code, **({"display": text} if text else {})}})
            words.append(text or code)
    if parts:
        out.append({"url": f"{_US_CORE}race", "extension": [*parts, {"url": "text", "valueString": ", ".join(words)}]})
    if found := _ETHNIC.get(pid.v(22).upper()):
        coding = {"system": _CDC, "code": found[0], "display": found[1]}
        out.append({"url": f"{_US_CORE}ethnicity", "extension": [{"url": "ombCategory", "valueCoding": coding}, {"url": "text", "valueString": found[1]}]})
    return out


_ROLES: Final = "http://terminology.hl7.org/CodeSystem/v2-0131"


def relatives(message: Message, partner: Partner) -> list[Piece]:
    """NK1: RelatedPersons. What relation it is stays a text: a code of a parent or guardian would let them act for the person."""
    out = []
    for n, nk1 in enumerate(message.all("NK1"), 1):
        named, zone = names(nk1, 2), ZoneInfo(partner.timezone)
        if not named:
            continue
        relation, role = values.concept(nk1.first(3), persons.own(partner)), nk1.v(7).upper()
        text = str((relation or {}).get("text") or "") or "Next of kin"
        body: dict[str, Any] = {"resourceType": "RelatedPerson", "active": True, "name": named, "relationship": [{"text": text}]}
        if role in ("C", "N", "E", "F", "S"):
            body["relationship"].append({"coding": [{"system": _ROLES, "code": role}], "text": values.line(nk1.v(7, 2)) or {"C": "Emergency contact", "N": "Next of kin"}.get(role, role)})
        for name, found in (("telecom", telecoms(nk1, (5, "home"), (6, "work"), (40, "home"))), ("address", addresses(nk1, 4))):
            if found:
                body[name] = found
        start, end, born = (values.when(nk1.v(f), zone) for f in (8, 9, 16))
        period = {k: v.text for k, v in (("start", start), ("end", end)) if v is not None}
        body |= {**({"period": period} if period else {}), **({"birthDate": born.text[:10]} if born else {})}
        if gender := persons.sex(nk1.v(15), partner):
            body["gender"] = gender
        key = ("contact", str(named[0].get("family", "")).casefold(), " ".join(named[0].get("given", ())).casefold() or str(n))
        out.append(Piece("RelatedPerson", key, _of(body, "patient")))
    return out


_SELF: Final = ("SEL", "SELF", "18", "SE")


def guarantors(message: Message, partner: Partner) -> list[Piece]:
    """GT1: who pays for the person, as RelatedPersons (HL7 v2.8, 6.5.5). Who pays for themselves is nobody else, and an employer is left in the message.

    As of NK1, no code of a relation: to pay for somebody is no right to act for them.
    """
    out, pid = [], message.one("PID")
    themselves = [(n.get("family"), tuple(n.get("given", ()))[:1]) for n in names(pid, 5)] if pid is not None else []
    for gt1 in message.all("GT1"):
        named, zone, own = names(gt1, 3), ZoneInfo(partner.timezone), persons.own(partner)
        relation = values.concept(gt1.first(11), own)
        if not named or partner.local("0063", gt1.v(11)).upper() in _SELF or (named[0].get("family"), tuple(named[0].get("given", ()))[:1]) in themselves:
            continue
        words = str((relation or {}).get("text") or values.line(gt1.v(11)))
        body: dict[str, Any] = {"resourceType": "RelatedPerson", "active": True, "name": named, "relationship": [{"text": f"Guarantor ({words})" if words else "Guarantor"}]}
        for name, found in (("telecom", telecoms(gt1, (6, "home"), (7, "work"))), ("address", addresses(gt1, 5))):
            if found:
                body[name] = found
        start, end, born = (values.when(gt1.v(f), zone) for f in (13, 14, 8))
        period = {k: v.text for k, v in (("start", start), ("end", end)) if v is not None}
        body |= {**({"period": period} if period else {}), **({"birthDate": born.text[:10]} if born else {})}
        if gender := persons.sex(gt1.v(9), partner):
            body["gender"] = gender
        if number := values.line(gt1.v(2, 1)):
            body["identifier"] = [{"system": f"{own}/guarantor", "value": number}]
        key = ("guarantor", str(named[0].get("family", "")).casefold(), " ".join(named[0].get("given", ())).casefold())
        out.append(Piece("RelatedPerson", key, _of(body, "patient")))
    return list({p.key: p for p in out}.values())


def _of(body: dict[str, Any], element: str) -> Callable[[Place], dict[str, Any] | None]:
    """What is there with what is said in its place, about the person."""
    return lambda place: {**(place.before or {}), **body, element: {"reference": f"Patient/{place.patient}"}}
