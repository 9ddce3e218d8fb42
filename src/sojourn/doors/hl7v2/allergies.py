"""AL1, IAM: allergies as somebody else says them, unconfirmed until somebody here looked. Pure.

https://hl7.org/fhir/R4/allergyintolerance.html; HL7 v2.8, 3.4.6 (AL1), 3.4.7 (IAM), tables 0127, 0128, 0206, 0436, 0438; https://build.fhir.org/ig/HL7/v2-to-fhir for what
becomes what. That they are there, whoever answers for the person is told (care/exchange/following.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from zoneinfo import ZoneInfo

from sojourn.care.exchange.facts import Piece, Place
from sojourn.doors.hl7v2 import persons, values
from sojourn.doors.hl7v2.visits import TERMS, once
from sojourn.gate.exchange.partners import Partner
from sojourn.wire.hl7v2 import Message, Segment

TYPE: Final = "AllergyIntolerance"
_KINDS: Final = {"DA": "medication", "FA": "food", "EA": "environment", "MA": None, "MC": None, "LA": "environment", "PA": "environment", "AA": "environment"}
_NONE: Final = frozenset({"nka", "nkda", "none", "no known allergies", "no known drug allergies", "unknown"})
_SEVERITY: Final = {"SV": "severe", "MO": "moderate", "MI": "mild"}
_NATURE: Final = {"AD": "intolerance", "AL": "allergy", "IN": "intolerance"}
"""IAM-9 (0436): what is said of its mechanism."""
_OVER: Final = {"I": "inactive"}
"""IAM-17 (0438): confirmed and inactive."""
_DOUBT: Final = ("E", "D")
"""IAM-17: erroneous, or doubt was raised."""


def allergies(message: Message, partner: Partner, who: str) -> list[Piece]:
    """AL1 and IAM. That there are none is a statement of theirs, and becomes nothing; what IAM says of the same thing stands over what AL1 says."""
    out = []
    for al1 in message.all("AL1") if partner.uses("AL1") else []:
        if (body := _body(al1, partner, who, since=6)) is not None:
            out.append(Piece(TYPE, _key(body), _about(body)))
    for iam in message.all("IAM") if partner.uses("IAM") else []:
        if (body := _body(iam, partner, who, since=11)) is not None:
            gone = iam.v(6).upper() in ("D", "X") or iam.v(17).upper() in _DOUBT
            out.append(Piece(TYPE, _key(body), _about(_more(body, iam, partner), gone=gone)))
    return once(out)


def _key(body: dict[str, Any]) -> tuple[str, ...]:
    coded = (body["code"].get("coding") or [{}])[0]
    return ("allergy", str(coded.get("code", "")) or str(body["code"].get("text", "")).casefold())


def _body(segment: Segment, partner: Partner, who: str, *, since: int) -> dict[str, Any] | None:
    """What both segments say in the same fields. since: the field of when it began."""
    code = values.concept(segment.first(3), persons.own(partner))
    if code is None or {str(code.get("text", "")).casefold(), *(str(c.get("code", "")).casefold() for c in code.get("coding") or ())} & _NONE:
        return None
    body: dict[str, Any] = {
        "clinicalStatus": values.coded("active", f"{TERMS}allergyintolerance-clinical"), "verificationStatus": values.coded("unconfirmed", f"{TERMS}allergyintolerance-verification"),
        "code": code, "asserter": {"display": who},
    }  # fmt: skip
    if kind := _KINDS.get(segment.v(2).upper()):
        body["category"] = [kind]
    reactions = [{"text": text} for rep in segment.reps(5) if (text := values.line(rep.c(2)) or values.line(rep.c(1)))]
    if reactions:
        severity = _SEVERITY.get(segment.v(4).upper())
        body["reaction"] = [{"manifestation": reactions, **({"severity": severity} if severity else {})}]
    if (began := values.when(segment.v(since), ZoneInfo(partner.timezone))) is not None:
        body["onsetDateTime"] = began.text
    return body


def _more(body: dict[str, Any], iam: Segment, partner: Partner) -> dict[str, Any]:
    """What IAM alone says: its number, its mechanism, when and by whom it was told, whether it still holds."""
    own = persons.own(partner)
    if number := values.line(iam.v(7, 1)):
        oid = iam.v(7, 3)
        body["identifier"] = [{"system": f"urn:oid:{oid}" if iam.v(7, 4).upper() == "ISO" and oid else f"{own}/allergy", "value": number}]
    if nature := _NATURE.get(iam.v(9).upper()):
        body["type"] = nature
    if (told := values.when(iam.v(13), ZoneInfo(partner.timezone))) is not None:
        body["recordedDate"] = told.text
    family, given = values.name(iam.first(14))
    if name := " ".join((*given, family)).strip():
        relation = values.concept(iam.first(15), own)
        body["asserter"] = {"display": f"{name} ({relation['text']}), by {body['asserter']['display']}" if relation and relation.get("text") else f"{name}, by {body['asserter']['display']}"}
    notes = [text for n in (8, 12) if (text := values.line(iam.v(n)))]
    if code := values.concept(iam.first(10), own):
        notes.append(f"Of the kind: {code.get('text') or code['coding'][0]['code']}")
    if notes:
        body["note"] = [{"text": "; ".join(notes)}]
    if over := _OVER.get(iam.v(17).upper()):
        body["clinicalStatus"] = values.coded(over, f"{TERMS}allergyintolerance-clinical")
    return body


def _about(body: dict[str, Any], *, gone: bool = False) -> Callable[[Place], dict[str, Any] | None]:
    """gone: its sender took it back; that counts as long as nobody here found out anything about it."""

    def make(place: Place) -> dict[str, Any] | None:
        was = place.before or {}
        if gone and not was:
            return None
        kept = ("verificationStatus", "clinicalStatus") if was else ()  # what somebody here found out about it stays
        made = {**was, "resourceType": TYPE, **{k: v for k, v in body.items() if k not in kept}, "patient": {"reference": f"Patient/{place.patient}"}}
        if gone and "unconfirmed" in str(was.get("verificationStatus")):
            made["verificationStatus"] = values.coded("entered-in-error", f"{TERMS}allergyintolerance-verification")
            made.pop("clinicalStatus", None)  # ait-2 of FHIR: none beside an error
        return made

    return make
