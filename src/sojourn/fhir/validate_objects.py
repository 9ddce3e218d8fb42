"""Compiles each type of the definitions to a check of objects of that type.

A type is compiled when first met, to dictionaries from property name to handler, so that checking
an object costs one look-up and one call for each property that it has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sojourn.fhir.codes import code_rule, plain_codes
from sojourn.fhir.definitions import Definitions, Element, Type, TypeRef
from sojourn.fhir.invariants import Rule, rules_of
from sojourn.fhir.primitives import ABSOLUTE, Check, check_absolute, check_code, check_for, quick_test
from sojourn.fhir.validate_elements import (
    Handler,
    Whole,
    both,
    bound,
    many_beside,
    many_objects,
    many_primitives,
    one_beside,
    one_code,
    one_object,
    one_primitive,
    one_quick,
    one_string,
)
from sojourn.fhir.validate_found import ERROR, Found
from sojourn.fhir.validate_references import points_to

FAULTS: Final = (TypeError, AttributeError, KeyError, IndexError, ValueError, ArithmeticError, RecursionError)
"""What a constraint may raise on an object whose parts are wrong; those are reported by themselves."""

_STRINGS: Final = ("string", "markdown")


class Shape:
    """A type ready to check objects; compiled by its first use."""

    __slots__ = ("_shapes", "check", "name")

    def __init__(self, name: str, shapes: Shapes) -> None:
        self.name = name
        self._shapes = shapes
        self.check: Whole = self._compile_and_check

    def _compile_and_check(self, value: Any, found: Found) -> None:
        self.check = self._shapes.compile(self.name)
        self.check(value, found)


class Shapes:
    """All types; `any_resource` and `profile` are filled in by validate, which knows those."""

    def __init__(self, definitions: Definitions) -> None:
        self.definitions = definitions
        self._known: dict[str, Shape] = {}
        self.any_resource: Shape = Shape("Resource", self)
        self.contained: Shape = Shape("Resource", self)
        self.profile: Callable[[str], Whole | None] = lambda url: None
        self.extension: Callable[[str, str], Whole | None] = lambda owner, url: None

    def of(self, name: str) -> Shape:
        """The shape of a type or nested element."""
        shape = self._known.get(name)
        if shape is None:
            shape = self._known[name] = Shape(name, self)
        return shape

    def compile(self, name: str) -> Whole:
        """The check of objects of a type. An unknown name lets everything pass."""
        kind = self.definitions.type(name)
        if kind is None:
            return lambda value, found: None
        return _object_check(kind, *self._tables(kind))

    def _tables(self, kind: Type) -> tuple[dict[str, Handler], dict[str, tuple[str, str, Handler]], tuple[Rule, ...]]:
        plain: dict[str, Handler] = {}
        chosen: dict[str, tuple[str, str, Handler]] = {}
        if kind.kind == "resource":
            plain["resourceType"] = lambda value, found, owner: None
        for element in kind.elements:
            if element.max == 0:
                continue
            for name, type_ref in element.properties():
                label = f"{element.name}.ofType({type_ref.code})" if element.choice else name
                for key, handler in self._handlers(kind, element, type_ref, label):
                    if element.choice:
                        chosen[key + name] = (element.name, name, handler)
                    else:
                        plain[key + name] = handler
        return plain, chosen, rules_of(kind.name, kind.invariants)

    def _handlers(self, kind: Type, element: Element, type_ref: TypeRef, label: str) -> list[tuple[str, Handler]]:
        """Handlers with "" for the property and, for a primitive, "_" for the one beside it."""
        code, repeats = type_ref.code, element.repeats
        if code in self.definitions.primitives:
            shape = self.of("Element")
            name = element.name + (code[:1].upper() + code[1:] if element.choice else "")
            beside = many_beside(label, shape) if repeats else one_beside(name, label, shape)
            return [("", self._primitive(kind, element, code, label)), ("_", beside)]
        whole = both(self._whole(kind, element, type_ref), _constraints(rules_of("", element.invariants)))
        shape = self.of(code)
        if code == "Resource":
            shape = self.contained if element.name == "contained" else self.any_resource
        return [("", (many_objects if repeats else one_object)(label, shape, whole))]

    def _primitive(self, kind: Type, element: Element, code: str, label: str) -> Handler:
        required = element.binding is not None and element.binding[0] == "required"
        check, issue = check_for(code), "value"
        if code == "uri" and not element.repeats and (element.name == "system" or (element.name == "url" and kind.kind == "resource")):
            return one_quick(label, ABSOLUTE, check_absolute)
        if required and element.binding is not None:
            url = element.binding[1]
            codes, rule = plain_codes(url), code_rule(url)
            if codes is not None:
                check, issue = check_code(codes, url), "code-invalid"
                if not element.repeats and not element.invariants:
                    return one_code(label, codes, check)
            elif rule is not None:
                check, issue = _ruled(check, rule, url), "code-invalid"
        rules = rules_of("", element.invariants)
        if rules:
            check = _constrained(check, rules)
        if element.repeats:
            return many_primitives(label, check, issue)
        if code in _STRINGS and not rules:
            return one_string(label)
        fits = quick_test(code) if issue == "value" and not rules else None
        if fits is not None:
            return one_quick(label, fits, check)
        return one_primitive(label, check, issue)

    def _whole(self, kind: Type, element: Element, type_ref: TypeRef) -> Whole | None:
        whole: Whole | None = None
        if type_ref.code == "Reference":
            whole = points_to(type_ref.targets)
        elif type_ref.code == "Extension":
            whole = self._extension_check(kind.name, element.name)
        if element.binding and element.binding[0] == "required" and type_ref.code in ("CodeableConcept", "Coding", "Quantity"):
            whole = both(whole, bound(element.binding[1]))
        for url in type_ref.profiles:
            whole = both(whole, self._profile_check(url))
        return whole

    def _profile_check(self, url: str) -> Whole:
        def whole(value: Any, found: Found) -> None:
            check = self.profile(url)
            if check is not None:
                check(value, found)

        return whole

    def _extension_check(self, owner: str, name: str) -> Whole:
        context = f"{owner}#{name}"
        nested = owner == "Extension"

        def whole(value: Any, found: Found) -> None:
            url = value.get("url")
            if type(url) is not str:
                return
            check = self.extension(context, url)
            if check is not None:
                check(value, found)
            elif ":" not in url and not nested:
                found.append(["url", ERROR, "value", "expected an absolute URL"])

        return whole


def _ruled(check: Check, rule: Callable[[str], bool], url: str) -> Check:
    def both_checks(value: Any) -> str | None:
        return check(value) or (None if rule(value) else f"expected a code of the value set {url}")

    return both_checks


def _constrained(check: Check, rules: tuple[Rule, ...]) -> Check:
    scope = Found()

    def with_rules(value: Any) -> str | None:
        told = check(value)
        if told:
            return told
        return next((rule.text for rule in rules if not rule.test(value, scope)), None)

    return with_rules


def _constraints(rules: tuple[Rule, ...]) -> Whole | None:
    if not rules:
        return None

    def whole(value: Any, found: Found) -> None:
        for rule in rules:
            try:
                met = rule.test(value, found)
            except FAULTS:
                continue
            if not met:
                found.append(["", rule.severity, "invariant", rule.text])

    return whole


def _object_check(
    kind: Type,
    plain: dict[str, Handler],
    chosen: dict[str, tuple[str, str, Handler]],
    rules: tuple[Rule, ...],
) -> Whole:
    required = tuple((e.name, "_" + e.name) for e in kind.elements if e.min > 0 and not e.choice and e.max)
    choices = tuple(e.name for e in kind.elements if e.min > 0 and e.choice and e.max)
    id_is_enough = kind.kind == "resource" or kind.name == "Element"  # the latter stands beside a value
    plain_of, chosen_of = plain.get, chosen.get
    constraints = _constraints(rules)

    def check(value: Any, found: Found) -> None:
        seen: dict[str, str] | None = None
        for key, item in value.items():
            handle = plain_of(key)
            if handle is None:
                choice = chosen_of(key)
                if choice is None:
                    _unknown(key, found)
                    continue
                name, variant, handle = choice
                if seen is None:
                    seen = {name: variant}
                elif seen.setdefault(name, variant) != variant:
                    found.append([name, ERROR, "structure", f"expected only one type of {name}[x]"])
            handle(item, found, value)
        if len(value) < 2 and (not value or ("id" in value and not id_is_enough)):
            found.append(["", ERROR, "structure", "expected at least one element"])
        for name, beside in required:
            if name not in value and beside not in value:
                found.append([name, ERROR, "required", "expected at least one value"])
        for name in choices:
            if seen is None or name not in seen:
                found.append([name, ERROR, "required", "expected at least one value"])
        if constraints is not None:
            constraints(value, found)

    return check


def _unknown(key: str, found: Found) -> None:
    known = key.isidentifier() and key.isascii() and len(key) <= 64
    found.append([key if known else "", ERROR, "structure", "expected no property of this name"])
