"""Resources in two worlds, made together: A has hidden elements, B is the same and never had them.

What is hidden is known by construction, not by asking the code under test. Every value is one of a
kind; a value that must not be seen starts with `secret`.
"""

from __future__ import annotations

import copy
import json
from random import Random
from typing import Any

from sojourn.fhir.shapes import shape

INLINE = "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label"
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
HIDDEN, SEEN = "HIV", "GDIS"
PERMITTED = 1 << 8
"""GDIS and nothing else."""
TYPES = ("Patient", "Observation", "Encounter", "CarePlan", "MedicationRequest", "Composition", "Consent", "Claim", "QuestionnaireResponse")


def label(code: str) -> dict[str, Any]:
    return {"url": INLINE, "valueCoding": {"system": ACT_CODE, "code": code}}


class Worlds:
    """Makes one resource in both worlds; `secrets` and `targets` are what A has more."""

    def __init__(self, random: Random, *, visible_labels: bool = True, chance: float = 0.08) -> None:
        self.random = random
        self.visible_labels = visible_labels
        self.chance = chance
        self.count = 0
        self.secrets: list[str] = []
        self.targets: set[str] = set()

    def resource(self, type_: str | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        type_ = type_ or self.random.choice(TYPES)
        a, b = self.members(type_, 0, hidden=False)
        return {"resourceType": type_, "id": "r1", **a}, {"resourceType": type_, "id": "r1", **b}

    def value(self, *, hidden: bool) -> str:
        self.count += 1
        if hidden:
            self.secrets.append(f"secret{self.count}x")
            return self.secrets[-1]
        return f"v{self.count}"

    def members(self, kind: str, depth: int, *, hidden: bool) -> tuple[dict[str, Any], dict[str, Any]]:
        """Some elements of a type, the required ones always; in A and in B."""
        a: dict[str, Any] = {}
        b: dict[str, Any] = {}
        known = shape(kind)
        required = {known.members[names[0]].element for names in known.required}
        names = [
            n
            for n in known.names
            if n not in ("id", "meta", "extension", "modifierExtension", "contained", "text", "implicitRules", "language")
        ]
        some = self.random.sample(names, min(len(names), self.random.randint(1, 3 if depth else 6)))
        for name in [n for n in names if n in some or n in required]:
            key = self.random.choice(known.names[name])
            self.element(a, b, key, known.members[key].type, known.members[key].repeats, depth, hidden=hidden)
        if "text" in known.names and known.members["text"].type == "Narrative" and self.random.random() < 0.5:
            a["text"] = b["text"] = {"status": self.random.choice(["generated", "additional"]), "div": "<div>all of it</div>"}
        return a, b

    def element(self, a: dict[str, Any], b: dict[str, Any], key: str, type_: str, repeats: bool, depth: int, *, hidden: bool) -> None:
        made = [self.item(type_, depth, hidden=hidden) for _ in range(self.random.randint(1, 3) if repeats else 1)]
        for world, items in ((a, [x for x, _ in made]), (b, [y for _, y in made])):
            values = [v for v, e in items if (v, e) != (None, None)]
            extras = [e for v, e in items if (v, e) != (None, None)]
            if any(v is not None for v in values):
                world[key] = values if repeats else values[0]
            if any(e is not None for e in extras):
                world[f"_{key}"] = extras if repeats else extras[0]

    def item(self, type_: str, depth: int, *, hidden: bool) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
        """One value with its sibling, in A and in B; (None, None) where it is not."""
        labelled = self.random.random() < self.chance
        inside = hidden or labelled
        shown = [label(SEEN)] if self.visible_labels and self.random.random() < self.chance else []
        extensions = [label(HIDDEN)] if labelled else shown
        members = shape(type_).members
        if not members:  # a primitive
            pair = (self.value(hidden=inside), {"extension": extensions} if extensions else None)
            return pair, (None, None) if inside else copy.deepcopy(pair)
        if type_ == "Reference":
            return self.reference(extensions, hidden=inside)
        if depth > 3 or type_ in ("Resource", "Extension", "Meta"):
            return self.deep(type_, extensions, hidden=inside)
        a, b = self.members(type_, depth + 1, hidden=inside)
        if extensions:
            a, b = {"extension": extensions, **a}, {"extension": copy.deepcopy(extensions), **b}
        return (a, None), (None, None) if inside or not b else (b, None)

    def reference(self, extensions: list[Any], *, hidden: bool) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
        self.count += 1
        target = f"Practitioner/p{self.count}"
        worded = self.random.random() < 0.2
        away = not worded and self.random.random() < self.chance
        if away:
            target = f"Practitioner/secret{self.count}x"
            self.targets.add(target)
            self.secrets.append(f"secret{self.count}x")
        a: dict[str, Any] = {"reference": target}
        if self.random.random() < 0.5:
            a["display"] = self.value(hidden=hidden or away)
        if worded:  # it names its target in words alone
            del a["reference"]
            a["identifier"] = {"value": self.value(hidden=hidden)}
        if extensions:
            a["extension"] = extensions
        return (a, None), (None, None) if hidden or away else (copy.deepcopy(a), None)

    def deep(self, type_: str, extensions: list[Any], *, hidden: bool) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
        """Deep down: an object with one plain value, whatever its type asks for."""
        if type_ in ("Resource", "Meta"):
            return (None, None), (None, None)
        known = shape(type_)
        a: dict[str, Any] = {"extension": extensions} if extensions else {}
        keys = [names[0] for names in known.required] or [k for k, m in known.members.items() if m.primitive and k != "id"][:1]
        for key in keys:
            value = self.value(hidden=hidden) if known.members[key].primitive else {"text": self.value(hidden=hidden)}
            a[key] = [value] if known.members[key].repeats else value
        return (a, None), (None, None) if hidden or not a else (copy.deepcopy(a), None)


def edited(random: Random, value: Any, *, root: bool = True) -> Any:
    """The value after some edits: items removed, added, moved; values changed. Labels and ids stay."""
    if isinstance(value, dict):
        out = {}
        for key, child in value.items():
            fixed = key in ("resourceType", "id", "meta", "extension", "url") or key.startswith("_") or f"_{key}" in value
            if not fixed and random.random() < 0.1:
                continue
            out[key] = child if fixed else edited(random, child, root=False)
        return out or value
    if isinstance(value, list):
        items = [edited(random, item, root=False) for item in value if random.random() < 0.85] or list(value)
        if random.random() < 0.15:
            random.shuffle(items)
        if items and random.random() < 0.2:
            items.insert(random.randrange(len(items) + 1), json.loads(json.dumps(items[0]).replace('"v', '"new')))
        return items
    return f"changed{random.randrange(10**9)}" if isinstance(value, str) and random.random() < 0.1 else value
