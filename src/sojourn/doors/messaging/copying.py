"""What a sender says in an element, as it may stand in a record of ours. Pure.

Left out: their ids, narrative and profiles, extensions that are not named here, and whatever claims to be of our own systems: those words decide
something here. A reference leads nowhere outside of what the message becomes, so only whom or what it names stays: a name, and a number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sojourn.care.exchange import naming, outside
from sojourn.care.exchange.becoming import NPI
from sojourn.care.exchange.facts import CannotMap
from sojourn.care.exchange.naming import dicts
from sojourn.fhir.messages import Message, Resource
from sojourn.gate.exchange.partners import Partner

OURS: Final = "https://sojourn.example/"
_US_CORE: Final = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
_EXTENSIONS: Final = (f"{_US_CORE}race", f"{_US_CORE}ethnicity", f"{_US_CORE}birthsex", "ombCategory", "detailed", "text", "http://hl7.org/fhir/StructureDefinition/data-absent-reason")
_DEEP: Final = 20


class Copier:
    """Copies out of one message of a partner."""

    def __init__(self, message: Message, partner: Partner) -> None:
        self._message, self._partner = message, partner

    def elements(self, resource: Resource, names: Sequence[str]) -> Resource:
        """The elements of a resource that are named; `value[x]` is whichever of them is there. Raises CannotMap where it cannot be understood."""
        understood(resource)
        out: Resource = {}
        for name in names:
            stem = name.removesuffix("[x]")
            for key in [name] if stem == name else [k for k in resource if k.startswith(stem) and k[len(stem) : len(stem) + 1].isupper()]:
                if key in resource and (made := self._value(resource[key], resource, key, 0)) not in (None, {}, []):
                    out[key] = made
        return out

    def _value(self, value: Any, holder: Resource, key: str, depth: int) -> Any:
        if depth > _DEEP:
            raise CannotMap("It is nested deeper than anything that is read.")
        if isinstance(value, list):
            return [made for one in value if (made := self._value(one, holder, key, depth + 1)) not in (None, {}, [])]
        if not isinstance(value, dict):
            return value
        if isinstance(value.get("reference"), str):
            return self.named(value, holder)
        if key == "extension" and value.get("url") not in _EXTENSIONS:
            return None
        if any(isinstance(value.get(n), str) and value[n].startswith(OURS) for n in ("system", "url")):
            return None
        return {k: made for k, v in value.items() if k not in ("id", "modifierExtension") and (made := self._value(v, holder, k, depth + 1)) not in (None, {}, [])}

    def named(self, reference: Any, holder: Resource) -> Resource | None:
        """Whom or what a Reference names: its name and number, and no address."""
        there = self._message.target(reference, holder)
        said = reference if isinstance(reference, dict) else {}
        words = (called(there) if there is not None else "") or outside.words(said.get("display"), 120)
        number = next((i for i in dicts((there or {}).get("identifier")) if i.get("system") == NPI and i.get("value")), None) or said.get("identifier")
        out: Resource = {}
        if isinstance(number, dict) and (value := outside.words(number.get("value"), 100)):
            system = outside.words(number.get("system"), 200)
            out["identifier"] = {"system": system if system and not system.startswith(OURS) else f"{naming.own(self._partner)}/id", "value": value}
        if words:
            out["display"] = words
        return out or None

    def numbers(self, resource: Resource, kind: str) -> list[Resource]:
        """The numbers that something has for them; one that names no system, or one of ours, is of their own."""
        out = []
        for said in dicts(resource.get("identifier")):
            system, value = outside.words(said.get("system"), 200), outside.words(said.get("value"), 100)
            if value:
                typed = self.elements({"type": said.get("type")}, ("type",))
                out.append({**typed, "system": system if system and not system.startswith(OURS) else f"{naming.own(self._partner)}/{kind}", "value": value})
        return out


def renewed(before: Mapping[str, Any] | None, names: Sequence[str], body: Resource) -> Resource:
    """What is there with a new statement of these elements: what that does not say any more is gone, all else stays."""
    stems = tuple(n.removesuffix("[x]") for n in names if n.endswith("[x]"))
    left = {k: v for k, v in (before or {}).items() if k not in names and not any(k.startswith(s) and k[len(s) : len(s) + 1].isupper() for s in stems)}
    return {**left, **{k: v for k, v in body.items() if v not in (None, {}, [])}}


def understood(resource: Resource) -> None:
    """Raise CannotMap where something says that it means something else than it seems to (https://hl7.org/fhir/R4/extensibility.html#modifierExtension)."""
    if resource.get("implicitRules"):
        raise CannotMap("It follows rules of its own (implicitRules), which nobody here knows.")
    stack: list[Any] = [v for k, v in resource.items() if k != "contained"]
    if resource.get("modifierExtension"):
        raise CannotMap("It has an extension that changes what it means (modifierExtension), which nobody here knows.")
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            if value.get("modifierExtension"):
                raise CannotMap("It has an extension that changes what it means (modifierExtension), which nobody here knows.")
            stack += value.values()
        elif isinstance(value, list):
            stack += value


def called(resource: Resource) -> str:
    """What somebody or something is called; '' where nothing says it."""
    name = resource.get("name")
    if isinstance(name, str):
        return outside.words(name, 120)
    if names := dicts(name):
        family, given = naming.name({"name": names})
        return " ".join((*given, family)).strip() or outside.words(names[0].get("text"), 120)
    if resource.get("resourceType") == "PractitionerRole":
        return outside.words((resource.get("practitioner") or {}).get("display"), 120) if isinstance(resource.get("practitioner"), dict) else ""
    for one in ("type", "code"):
        concept = resource.get(one)
        if isinstance(concept, dict) and (said := outside.words(concept.get("text"), 120) or next((outside.words(c.get("display"), 120) for c in dicts(concept.get("coding"))), "")):
            return said
    return outside.words(resource.get("description"), 120)


def key_of(message: Message, resource: Resource) -> tuple[str, ...]:
    """What something is for its sender: its first number, else what its entry is called."""
    for said in dicts(resource.get("identifier")):
        if value := outside.words(said.get("value"), 100):
            return outside.words(said.get("system"), 200), value
    return "", message.url(resource)
