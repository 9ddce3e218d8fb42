"""A person as a Patient of somebody else names them: numbers, name, birth date. Pure.

Only a number of which it was agreed what it is here can tell who somebody is; any other stands under its sender's own systems.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sojourn.care.exchange import outside
from sojourn.care.exchange.matching import Person
from sojourn.gate.exchange.partners import Partner

OWN: Final = "https://sojourn.example/fhir/partner/"
"""Under it stand the coding and naming systems of partners that have no name in FHIR."""


def own(partner: Partner) -> str:
    """The address of a partner's own systems."""
    return OWN + partner.id


def agreed(partner: Partner, system: str) -> str:
    """What a numbering of theirs is called here; '' where nothing was agreed of it."""
    bare = system.removeprefix("urn:oid:")
    return partner.authorities.get(system) or partner.authorities.get(bare) or (system if system in partner.authorities.values() else "")


def numbers(partner: Partner, patient: Mapping[str, Any], *, unknown: bool = False) -> list[tuple[str, str, Mapping[str, Any]]]:
    """(system, value, the Identifier) of the numbers in force. unknown: also those of which nothing was agreed, under its sender's own systems."""
    out: list[tuple[str, str, Mapping[str, Any]]] = []
    for said in dicts(patient.get("identifier")):
        system, value = outside.words(said.get("system"), 200), outside.words(said.get("value"), 100)
        ours = agreed(partner, system) if system else ""
        if value and said.get("use") != "old" and (ours or unknown):
            out.append((ours or f"{own(partner)}/id/{system or 'PI'}", value, said))
    return out


def key(patient: Mapping[str, Any]) -> str:
    """By what its sender means the same person again: the first number in force, else name and birth date; '' where there is neither."""
    for said in dicts(patient.get("identifier")):
        system, value = outside.words(said.get("system"), 200), outside.words(said.get("value"), 100)
        if system and value and said.get("use") != "old":
            return f"{system}|{value}"
    family, given = name(patient)
    return "|".join((family, " ".join(given), outside.words(patient.get("birthDate"), 10))) if family else ""


def name(patient: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Family and given names, of the first name in force that has them."""
    names = dicts(patient.get("name"))
    said = next((n for n in names if n.get("use") not in ("old", "maiden", "nickname") and n.get("family")), names[0] if names else {})
    given = said.get("given")
    return outside.words(said.get("family"), 80), tuple(filter(None, (outside.words(g, 60) for g in (given if isinstance(given, list) else []))))


def person(partner: Partner, patient: Mapping[str, Any]) -> Person:
    """The person whom a Patient names."""
    family, given = name(patient)
    known = dict.fromkeys((system, value) for system, value, _ in numbers(partner, patient, unknown=True))
    return Person(tuple(known), family, given, outside.words(patient.get("birthDate"), 10), outside.words(patient.get("gender"), 10), key(patient))


def dicts(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; nothing of what is none."""
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []
