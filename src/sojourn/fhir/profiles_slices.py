"""Which slice of a profile an item belongs to, told by the slicing's discriminators.

https://hl7.org/fhir/R4/profiling.html#discriminator. A discriminator that cannot be decided here
(a profile of a resource elsewhere) leaves the slice undecided, and its counts unchecked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sojourn.fhir.profiles_match import equals, fits_pattern, in_binding
from sojourn.fhir.profiles_tree import Branch
from sojourn.fhir.validate_references import reference_type

Belongs = Callable[[Any], bool | None]
"""Whether an item belongs to a slice; None when that cannot be told."""


def membership(sliced: Branch, part: Branch, url_of: Callable[[Branch], str | None]) -> Belongs:
    """The test of one slice. `url_of` tells the url of an extension slice."""
    slicing = sliced.row.get("slicing")
    if slicing is None and sliced.name in ("extension", "modifierExtension"):
        url = url_of(part)
        return (lambda item: None) if url is None else (lambda item: item.get("url") == url)
    by = slicing["by"] if slicing else ["type:$this"]
    tests = [_test(discriminator, part) for discriminator in by]
    if not tests:
        return lambda item: None
    return tests[0] if len(tests) == 1 else _all(tests)


def _all(tests: list[Belongs]) -> Belongs:
    def belongs(item: Any) -> bool | None:
        answer: bool | None = True
        for test in tests:
            told = test(item)
            if told is False:
                return False
            answer = None if told is None else answer
        return answer

    return belongs


def _test(discriminator: str, part: Branch) -> Belongs:
    kind, _, path = discriminator.partition(":")
    if kind == "type":
        return _by_type(path, part)
    if kind == "exists":
        branch = part.find(path)
        wanted = branch is not None and branch.row.get("max") != "0"
        return lambda item: bool(_at(item, path)) == wanted
    if kind in ("value", "pattern") and "(" not in path.replace("resolve()", "").replace("ofType(", ""):
        branch = part.find(path)
        test = _value_test(branch) if branch is not None and "resolve()" not in path else None
        test = test or _from_above(part, path)
        if test is not None:
            return _any_at(path, test)
    return lambda item: None


def _any_at(path: str, test: Belongs) -> Belongs:
    if path == "$this":
        return test

    def belongs(item: Any) -> bool | None:
        told = [test(value) for value in _at(item, path)]
        return True if True in told else None if None in told else False

    return belongs


def _from_above(part: Branch, path: str) -> Belongs | None:
    """A pattern on an element above the discriminator states the value below it as well."""
    steps = path.split(".")
    for size in range(len(steps)):
        branch = part.find(".".join(steps[:size]) or "$this")
        for name in ("fixed", "pattern"):
            value = branch.row.get(name) if branch else None
            for step in steps[size:] if value is not None else ():
                value = value[0] if isinstance(value, list) else value
                value = value.get(step) if isinstance(value, dict) else None
            if value is not None:
                return fits_pattern(value)
    return None


def _value_test(branch: Branch) -> Belongs | None:
    """What a slice states about the value: fixed, pattern, required codes, or that of its parts."""
    if "fixed" in branch.row:
        return equals(branch.row["fixed"])
    if "pattern" in branch.row:
        return fits_pattern(branch.row["pattern"])
    if branch.row.get("binding", [""])[0] == "required":
        return in_binding(branch.row["binding"][1])
    parts: list[Belongs] = []
    for child in branch.children.values():
        test = _value_test(child)
        if test is not None:
            parts.append(_any_at(child.name, test))
    return _all(parts) if parts else None


def _by_type(path: str, part: Branch) -> Belongs:
    if path == "$this":
        kinds = frozenset(part.types)
        return lambda item: type(item) is not dict or item.get("resourceType", part.types[:1]) in (*kinds, part.types[:1])
    branch = part.find(path)
    if path.endswith("resolve()"):
        targets = frozenset(branch.row.get("targets", ())) if branch else frozenset()

        def refers(item: Any) -> bool | None:
            references = [value.get("reference") for value in _at(item, path) if isinstance(value, dict)]
            kinds = [reference_type(r) for r in references if isinstance(r, str)]
            return None if not targets or None in kinds or not kinds else not targets.isdisjoint(kinds)

        return refers
    kinds = frozenset(branch.types) if branch else frozenset()

    def typed(item: Any) -> bool | None:
        values = [value for value in _at(item, path) if isinstance(value, dict)]
        named = [value["resourceType"] for value in values if "resourceType" in value]
        if named:
            return any(name in kinds for name in named)
        suffixes = {k[:1].upper() + k[1:] for k in kinds}
        leaf = path.split(".")[-1]
        return any(leaf + suffix in item for suffix in suffixes) if isinstance(item, dict) and suffixes else None

    return typed


def _at(item: Any, path: str) -> list[Any]:
    """Values at a dotted path below an item; `value` finds `valueQuantity`."""
    level = [item]
    for step in path.split("."):
        if step in ("$this", "resolve()") or step.startswith("ofType("):
            continue
        below: list[Any] = []
        for value in level:
            found = _property(value, step.removesuffix("[x]"))
            below.extend(found) if isinstance(found, list) else below.append(found)
        level = [value for value in below if value is not None]
    return level


def _property(value: Any, name: str) -> Any:
    if not isinstance(value, dict):
        return None
    if name in value:
        return value[name]
    size = len(name)
    return next((v for k, v in value.items() if k.startswith(name) and k[size : size + 1].isupper()), None)
