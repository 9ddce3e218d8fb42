"""Patient, its contacts and RelatedPerson: somebody as a partner's registration system has them. Pure.

https://hl7.org/fhir/R4/patient.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from sojourn.care.exchange import naming, written
from sojourn.care.exchange.facts import CannotMap, Piece, Place, Resource
from sojourn.care.exchange.matching import Person
from sojourn.care.exchange.naming import dicts
from sojourn.doors.messaging.copying import Copier, key_of
from sojourn.fhir.messages import Message
from sojourn.gate.exchange.partners import Partner

_ELEMENTS: Final = ("name", "telecom", "address", "birthDate", "gender", "maritalStatus", "deceased[x]", "multipleBirth[x]", "communication", "extension")
_ROLES: Final = "http://terminology.hl7.org/CodeSystem/v2-0131"
_SSN: Final = "http://hl7.org/fhir/sid/us-ssn"


def about(message: Message) -> Resource:
    """The Patient whom it is about. Raises CannotMap where it names none, or several."""
    found = message.people()
    if not found:
        raise CannotMap("It does not say whom it is about: no Patient of its focus is in it.", "MessageHeader.focus")
    if len(found) > 1:
        raise CannotMap("It is about several people (MessageHeader.focus). Ask the sender for one message for each person.", "MessageHeader.focus")
    return found[0]


def writes(copier: Copier, partner: Partner, patient: Resource) -> Callable[[Resource | None], Resource]:
    """From the Patient that is there (None for none) the one that is said. What is not said stays."""
    said = copier.elements(patient, _ELEMENTS)
    numbers: list[Resource] = []
    for system, value, identifier in naming.numbers(partner, patient, unknown=True):
        if identifier.get("system") == _SSN:
            digits = re.sub(r"\D", "", value)
            numbers += [{"system": _SSN, "value": digits}] if len(digits) == 9 else []  # noqa: PLR2004 - as many as one has
        else:
            typed = copier.elements({"type": identifier.get("type")}, ("type",))
            numbers.append({**typed, "system": system, "value": value})
    return lambda before: written.changed(before, said, (), numbers)


def relatives(message: Message, copier: Copier, patient: Resource) -> list[Piece]:
    """Contacts and RelatedPersons. What relation it is stays a text: a code of a parent or guardian would let them act for the person."""
    found = [*dicts(patient.get("contact")), *(r for r in message.of("RelatedPerson") if message.target(r.get("patient"), r) is patient)]
    out = []
    for n, one in enumerate(found):
        names = dicts(one.get("name")) or ([one["name"]] if isinstance(one.get("name"), dict) else [])
        body = copier.elements({**one, "resourceType": "RelatedPerson", "name": names, "address": dicts(one.get("address")) or ([one["address"]] if isinstance(one.get("address"), dict) else [])}, ("name", "telecom", "address", "gender", "birthDate", "period"))
        if not body.get("name"):
            continue
        relations = dicts(one.get("relationship"))
        texts = [t for r in relations if (t := r.get("text") or next((c.get("display") for c in dicts(r.get("coding")) if c.get("display")), ""))]
        roles = [c for r in relations for c in dicts(r.get("coding")) if c.get("system") == _ROLES and c.get("code") in ("C", "N", "E", "F", "S")]
        body |= {"resourceType": "RelatedPerson", "active": True, "relationship": [{"text": str(texts[0]) if texts else "Next of kin"}, *({"coding": [{"system": _ROLES, "code": c["code"]}]} for c in roles)]}
        first = body["name"][0]
        key = key_of(message, one) if one.get("resourceType") else ("", str(first.get("family", "")).casefold(), " ".join(map(str, first.get("given", ()))).casefold() or str(n))
        out.append(Piece("RelatedPerson", ("contact", *key), _of(body)))
    return list({p.key: p for p in out}.values())


def _of(body: Resource) -> Callable[[Place], Resource | None]:
    return lambda place: {**(place.before or {}), **body, "patient": {"reference": f"Patient/{place.patient}"}}


def joined(message: Message, partner: Partner) -> tuple[tuple[Person, Person], ...]:
    """A40 and its like: (who it is, who that was before) by Patient.link (https://hl7.org/fhir/R4/patient.html#links). Raises CannotMap where none says it."""
    pairs: dict[tuple[str, str], tuple[Person, Person]] = {}
    for patient in message.of("Patient"):
        for link in dicts(patient.get("link")):
            other = _linked(message, patient, link)
            if link.get("type") not in ("replaced-by", "replaces") or other is None:
                continue
            survivor, earlier = (other, patient) if link["type"] == "replaced-by" else (patient, other)
            was = naming.person(partner, {**earlier, "identifier": [{**i, "use": "usual"} for i in dicts(earlier.get("identifier"))]})
            now = naming.person(partner, {**survivor, "identifier": [i for i in dicts(survivor.get("identifier")) if not any(_same(i, o) for o in dicts(earlier.get("identifier")))]})
            if now.key and was.key and now.key != was.key:
                pairs.setdefault((now.key, was.key), (now, was))
    if not pairs:
        raise CannotMap("It does not say which numbers are one person (Patient.link, Patient.identifier).", "Patient.link")
    return tuple(pairs.values())


def _linked(message: Message, patient: Resource, link: Resource) -> Resource | None:
    """The other Patient; of one that is only named by a number, that."""
    there = message.target(link.get("other"), patient)
    if there is not None:
        return there if there["resourceType"] == "Patient" else None
    number = link["other"].get("identifier") if isinstance(link.get("other"), dict) else None
    return {"resourceType": "Patient", "identifier": [number]} if isinstance(number, dict) else None


def _same(one: Resource, other: Resource) -> bool:
    return (one.get("system"), one.get("value")) == (other.get("system"), other.get("value"))


