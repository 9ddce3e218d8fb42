"""Makes valid resources of every type out of the definitions, as many and as odd as wanted.

    resources("Observation")    a hypothesis strategy
    any_resource()              of all types
    make("Patient", Random(7))  one instance

Instances fill optional elements at random, put extensions on primitives, nulls beside them, unknown
extensions, decimals with trailing zeros and dates of every precision. Constraints are met by trying
again: an object is made anew, with other elements, until its own constraints hold.
"""

import base64
from copy import deepcopy
from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import strategies as st

from sojourn.fhir.codes import code_rule, members_of, plain_codes
from sojourn.fhir.definitions import DEFINITIONS, RESOURCE_TYPES, Element, TypeRef, elements
from sojourn.fhir.invariants import rules_of
from sojourn.fhir.validate_found import Found

TRIES = 60
DEEP = 4
"""Below this depth only required elements are made."""

_UCUM = "http://unitsofmeasure.org"
_QUANTITIES = {"Age": "a", "Count": "1", "Distance": "m", "Duration": "min"}
_FIXED: dict[str, dict[str, Any]] = {
    "TriggerDefinition": {"type": "named-event", "name": "admitted"},
    "StructureDefinition.snapshot": {
        "element": [
            {"id": "Basic", "path": "Basic", "definition": "d", "min": 0, "max": "*", "base": {"path": "Basic", "min": 0, "max": "*"}}
        ]
    },
    "StructureDefinition.differential": {"element": [{"id": "Basic", "path": "Basic"}]},
}
"""Types whose constraints chance does not meet."""

_WORDS = ("alpha", "beta gamma", "Ünïcode ✓", 'quote " and \\ slash', "tab\there", "line\nbreak", "  x", "0", "true")
_DATES = ("2024", "2024-02", "2024-02-29", "1999-12-31", "2023-07-04")
_TIMES = ("T00:00:00Z", "T23:59:60Z", "T10:11:12.345+05:30", "T01:02:03-08:00")
_CODES_OF_MIME = ("text/plain", "application/fhir+json", "image/png")


def resources(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    """Valid resources of one type."""
    return st.integers(0, 2**32 - 1).map(lambda seed: make(kind, Random(seed)))


def any_resource() -> st.SearchStrategy[dict[str, Any]]:
    """Valid resources of all types."""
    return st.sampled_from(sorted(RESOURCE_TYPES)).flatmap(resources)


def make(kind: str, random: Random) -> dict[str, Any]:
    """One valid resource."""
    return Maker(random).resource(kind, 0)


class Maker:
    """Makes values; `random` decides everything."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def resource(self, kind: str, depth: int) -> dict[str, Any]:
        """A resource; a document's or transaction's Bundle is left to tests of those."""
        if kind == "Bundle":
            return self._bundle(depth)
        made = {"resourceType": kind, **self.object(kind, depth)}
        if kind == "StructureDefinition":
            made["type"] = "Basic"
        if depth == 0 and self._maybe(0.2) and any(e.name == "contained" for e in elements(kind)):
            made["contained"] = [{"resourceType": "Organization", "id": "c1", "name": self._text()}]
            made["extension"] = [*made.get("extension", []), {"url": "http://example.org/held", "valueReference": {"reference": "#c1"}}]
        return made

    def _bundle(self, depth: int) -> dict[str, Any]:
        kinds = self.random.choices(sorted(RESOURCE_TYPES - {"Bundle", "Parameters"}), k=2 if depth == 0 else 0)
        entries = [
            {"fullUrl": f"urn:uuid:00000000-0000-4000-8000-{n:012d}", "resource": {**self.resource(kind, depth + 2), "id": f"r{n}"}}
            for n, kind in enumerate(kinds)
        ]
        bundle: dict[str, Any] = {"resourceType": "Bundle", "type": self.random.choice(["collection", "searchset"])}
        return {**bundle, "entry": entries} if entries else bundle

    def object(self, path: str, depth: int, parent: Element | None = None) -> dict[str, Any]:
        """An object of a type or nested element that meets its constraints."""
        if path in _QUANTITIES:
            return {"value": self.random.choice([5, 70]), "system": _UCUM, "code": _QUANTITIES[path]}
        if path in _FIXED:
            return deepcopy(_FIXED[path])
        if path == "Extension":
            return self._extension()
        if path == "Narrative":
            return {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml"><p>Some <b>text</b></p></div>'}
        kind = DEFINITIONS.type(path)
        assert kind is not None, path
        rules = [*rules_of(path, kind.invariants), *rules_of("", parent.invariants if parent else {})]
        for attempt in range(TRIES):
            made = self._attempt(path, depth, optional=0.0 if attempt == 0 and self._maybe(0.3) else self.random.random() * 0.7)
            if _meets(made, path, rules):
                return made
        for more in range(1, 400):  # constraints such as "a or b, and c": the required elements and a few more
            made = self._attempt(path, DEEP, optional=0.0)
            for element in self.random.sample(kind.elements, min(1 + more // 100, len(kind.elements))):
                if element.max and element.min == 0 and element.name not in ("contained", "modifierExtension"):
                    made.update(self._element(element, path, DEEP))
            if _meets(made, path, rules):
                return made
        raise AssertionError(f"no valid {path} could be made")

    def _attempt(self, path: str, depth: int, optional: float) -> dict[str, Any]:
        made: dict[str, Any] = {}
        chance = optional if depth < DEEP else 0.0
        if "." not in path and depth > 0:
            chance *= 0.4
        for element in elements(path):
            if element.name in ("contained", "modifierExtension", "implicitRules", "meta") and element.min == 0:
                continue
            if element.min > 0 or self._maybe(chance if len(elements(path)) < 12 else chance * 0.6):
                made.update(self._element(element, path, depth))
        if not made.keys() - {"id"}:
            made.update(self._element(next(e for e in elements(path) if e.name not in ("id", "extension")), path, depth))
        return made

    def _element(self, element: Element, owner: str, depth: int) -> dict[str, Any]:
        name, kind = self.random.choice(list(element.properties()))
        if not element.repeats:
            return self._one(name, element, kind, owner, depth)
        count = max(element.min, self.random.randint(1, 2 if depth < 2 else 1))
        values = [self._value(element, kind, owner, depth) for _ in range(count)]
        if kind.code in DEFINITIONS.primitives and self._maybe(0.15):
            return {name: [*values, None], "_" + name: [*[None] * len(values), self._beside()]}
        return {name: values}

    def _one(self, name: str, element: Element, kind: TypeRef, owner: str, depth: int) -> dict[str, Any]:
        value = self._value(element, kind, owner, depth)
        if kind.code in DEFINITIONS.primitives and name not in ("id", "url", "div") and self._maybe(0.08):
            return {name: value, "_" + name: self._beside()}
        return {name: value}

    def _beside(self) -> dict[str, Any]:
        return {"id": "x1", "extension": [self._extension()]}

    def _extension(self) -> dict[str, Any]:
        url = f"http://example.org/fhir/ext/{self.random.randint(0, 99)}"
        value = self.random.choice(
            [
                {"valueString": self._text()},
                {"valueDecimal": self._decimal()},
                {"valueBoolean": self._maybe(0.5)},
                {"valueCoding": {"system": "http://example.org/cs", "code": "a b"}},
                {"valueDateTime": self._dated("dateTime")},
                {"extension": [{"url": "part", "valueInteger": 0}]},
            ]
        )
        return {"url": url, **value}

    def _value(self, element: Element, kind: TypeRef, owner: str, depth: int) -> Any:
        code = kind.code
        if code in DEFINITIONS.primitives:
            return self._primitive(code, element, owner)
        if code == "Resource":
            return {"resourceType": "Basic", "id": "b1", "code": {"text": "x"}}
        if code == "Reference":
            return self._reference(kind)
        required = element.binding is not None and element.binding[0] == "required"
        if required and code in ("CodeableConcept", "Coding"):
            coding = self._coding(element)
            return {"coding": [coding]} if code == "CodeableConcept" else coding
        if code == "Coding":
            return {"system": "http://example.org/codes", "code": self._word(), "display": self._text()}
        made = self.object(code, depth + 1, element)
        if kind.profiles:
            made.pop("comparator", None)
            made.pop("_comparator", None)
            return made if made.keys() - {"id"} else {**made, "value": self._decimal()}
        return made

    def _coding(self, element: Element) -> dict[str, Any]:
        members = members_of(element.binding[1]) if element.binding else None
        listed = [(system, code) for system, codes in (members or {}).items() for code in sorted(codes or ())]
        if not listed:
            return {"system": "http://example.org/codes", "code": "a"}
        system, code = self.random.choice(listed)
        return {"system": system, "code": code}

    def _reference(self, kind: TypeRef) -> dict[str, Any]:
        target = self.random.choice(sorted(kind.targets or ("Patient", "Group")))
        return self.random.choice(
            [
                {"reference": f"{target}/{self._word()}"},
                {"reference": f"https://example.org/fhir/{target}/1/_history/2", "display": self._text()},
                {"type": target, "identifier": {"system": "urn:oid:1.2.3", "value": self._text()}},
                {"reference": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"},
            ]
        )

    def _primitive(self, code: str, element: Element, owner: str) -> Any:
        if code in ("code", "string", "uri") and element.binding and element.binding[0] == "required":
            codes = plain_codes(element.binding[1])
            if codes:
                return self.random.choice(sorted(codes))
            return self.random.choice(_CODES_OF_MIME) if code_rule(element.binding[1]) and "mime" in element.binding[1] else "USD"
        if code == "boolean":
            return self._maybe(0.5)
        if code in ("integer", "unsignedInt", "positiveInt"):
            low = {"integer": -(2**31), "unsignedInt": 0, "positiveInt": 1}[code]
            return self.random.choice([low, 1, 2, 2**31 - 1])
        if code == "decimal":
            return self._decimal()
        if code in ("date", "dateTime", "instant"):
            return self._dated(code)
        return self._lexical(code)

    def _lexical(self, code: str) -> str:
        fixed = {
            "time": "23:59:59.5",
            "oid": "urn:oid:1.2.840.0",
            "uuid": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520",
            "uri": self.random.choice(["http://example.org/a#b", "urn:oid:2.16.840.1", "urn:x:y"]),
            "url": "https://example.org/a?b=c",
            "canonical": "http://example.org/p|1.0",
            "base64Binary": base64.b64encode(bytes(self.random.randrange(256) for _ in range(5))).decode(),
            "id": self._word(),
            "code": self._word(),
        }
        return fixed.get(code) or self._text()

    def _decimal(self) -> Decimal | int:
        """As the codec reads them: a number without a point is an int."""
        digits = self.random.choice(["0.00", "1.0", "1.00", "72.50", "0.010", "-3.140", "100", "1E-7", "12345678901234567.890"])
        return int(digits) if digits.isdigit() else Decimal(digits)

    def _dated(self, code: str) -> str:
        day = self.random.choice([d for d in _DATES if len(d) == 10])
        if code == "instant":
            return day + self.random.choice(_TIMES)
        if code == "dateTime" and self._maybe(0.5):
            return day + self.random.choice(_TIMES)
        return self.random.choice(_DATES)

    def _text(self) -> str:
        return self.random.choice(_WORDS)

    def _word(self) -> str:
        return self.random.choice(["a", "b2", "C-3", "d.4", "x" * 20]) + str(self.random.randint(0, 9999))

    def _maybe(self, chance: float) -> bool:
        return self.random.random() < chance


def _meets(made: dict[str, Any], path: str, rules: list[Any]) -> bool:
    scope = Found()
    scope.resource = scope.root = {"resourceType": path.split(".")[0], **made}
    if path == "StructureDefinition":
        scope.resource["type"] = "Basic"
    return all(rule.test(scope.resource if "." not in path and path in RESOURCE_TYPES else made, scope) for rule in rules)
