"""Compiles the FHIRPath of a constraint to a Python function of the element it is stated on.

A step is a function of (scope, focus) to a list, where the scope says which resource this is. JSON
carries the type of a choice in its property name, so `value` finds `valueQuantity`, and type tests
on such a step become look-ups of that property.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NamedTuple, Protocol

from sojourn.fhir.invariants_functions import FUNCTIONS, OPERATORS, Values, boolean, is_true
from sojourn.fhir.invariants_grammar import BadExpression, Node, parse

Test = Callable[[Any, "Scope"], bool]


class Scope(Protocol):
    """Where an element stands: `resource` directly contains it, `root` is that or its container."""

    resource: Any
    root: Any


@dataclass(slots=True)
class Place:
    """A scope and nothing else."""

    resource: Any
    root: Any


class Language(NamedTuple):
    """What a compiled constraint knows of the definitions."""

    choices: Collection[str]
    """Names of choice elements, without [x]."""
    types: Collection[str]
    """Names of resource and data types."""
    in_value_set: Callable[[str, str | None, str], bool | None]
    """Membership of (value set, system, code); None when it cannot be told."""


Step = Callable[[Scope, Values], Values]

_CONSTANTS: Final = {
    "ucum": "http://unitsofmeasure.org",
    "sct": "http://snomed.info/sct",
    "loinc": "http://loinc.org",
}


def compile_test(expression: str, language: Language) -> Test:
    """A function that tells whether an element meets the constraint.

    A constraint that cannot be decided (its FHIRPath yields nothing, as comparisons of dates of
    different precision do) counts as met. Raises BadExpression for FHIRPath that is not supported.
    """
    step = Compiler(language).compile(parse(expression))

    def test(element: Any, scope: Scope) -> bool:
        return boolean(step(scope, [element])) is not False

    return test


def _cap(name: str) -> str:
    return name[:1].upper() + name[1:]


def _reference_type(reference: str) -> str:
    parts = reference.split("?")[0].split("/_history/")[0].split("/")
    return parts[-2] if len(parts) > 1 else parts[0]


class Compiler:
    """One method per kind of node.

    variables: further names that may stand after `%`; their values come from the scope (`expressions.Setting`). functions: beside those of
    constraints.
    """

    def __init__(self, language: Language, variables: Collection[str] = (), functions: Mapping[str, Callable[..., Values]] = FUNCTIONS) -> None:
        self._language = language
        self._variables = variables
        self._functions = functions

    def compile(self, node: Node) -> Step:
        found: Step = getattr(self, f"_{node.kind}")(node)
        return found

    def _this(self, node: Node) -> Step:
        return lambda scope, focus: focus

    def _empty(self, node: Node) -> Step:
        return lambda scope, focus: []

    def _literal(self, node: Node) -> Step:
        values = [node.value]
        return lambda scope, focus: values

    def _variable(self, node: Node) -> Step:
        name = node.value
        if name == "resource":
            return lambda scope, focus: [scope.resource]
        if name == "rootResource":
            return lambda scope, focus: [scope.root]
        if name == "context":
            return lambda scope, focus: focus
        if name in self._variables:
            return lambda scope, focus: list(getattr(scope, "variables", {}).get(name, ()))
        if name in _CONSTANTS:
            return self._literal(Node("literal", _CONSTANTS[name]))
        raise BadExpression(f"the variable %{name} is not supported")

    def _name(self, node: Node) -> Step:
        target, name = node.parts[0], node.value
        if target.kind == "this" and name in self._language.types and name[0].isupper():
            return lambda scope, focus: focus
        before = self.compile(target)
        if name in self._language.choices:
            return _choice_step(before, name)
        return _property_step(before, name)

    def _index(self, node: Node) -> Step:
        before, at = self.compile(node.parts[0]), self.compile(node.parts[1])

        def step(scope: Scope, focus: Values) -> Values:
            position = at(scope, focus)
            return before(scope, focus)[position[0] : position[0] + 1] if position else []

        return step

    def _unary(self, node: Node) -> Step:
        inner, sign = self.compile(node.parts[0]), -1 if node.value == "-" else 1
        return lambda scope, focus: [sign * value for value in inner(scope, focus)]

    def _binary(self, node: Node) -> Step:
        left, right = self.compile(node.parts[0]), self.compile(node.parts[1])
        if node.value == "or":

            def either(scope: Scope, focus: Values) -> Values:
                one = left(scope, focus)
                return [True] if is_true(one) else OPERATORS["or"](one, right(scope, focus))

            return either
        operator = OPERATORS[node.value]
        return lambda scope, focus: operator(left(scope, focus), right(scope, focus))

    def _type(self, node: Node) -> Step:
        return self._typed(node.parts[0], node.value, node.parts[1].value)

    def _typed(self, target: Node, verb: str, kind: str) -> Step:
        """`is`, `as`, `ofType`: by the property's name for a choice, else by the value's shape."""
        test = _shape_test(kind)
        if target.kind == "name" and target.value in self._language.choices:
            named = _property_step(self.compile(target.parts[0]), target.value + _cap(kind))
            plain = _property_step(self.compile(target.parts[0]), target.value)
            chosen: Step = lambda scope, focus: named(scope, focus) or list(filter(test, plain(scope, focus)))
        else:
            before = self.compile(target)
            chosen = lambda scope, focus: list(filter(test, before(scope, focus)))
        if verb != "is":
            return chosen
        everything = self.compile(target)

        def step(scope: Scope, focus: Values) -> Values:
            return [bool(chosen(scope, focus))] if everything(scope, focus) else []

        return step

    def _call(self, node: Node) -> Step:
        name, target, *arguments = node.value, *node.parts
        special = getattr(self, f"_call_{name}", None)
        if special is not None:
            return special(target, arguments)  # type: ignore[no-any-return]
        if name in ("is", "as", "ofType"):
            return self._typed(target, name, str(arguments[0].value))
        function = self._functions.get(name)
        if function is None:
            raise BadExpression(f"the function {name}() is not supported")
        before, given = self.compile(target), [self.compile(argument) for argument in arguments]
        if not given:
            return lambda scope, focus: function(before(scope, focus))
        return lambda scope, focus: function(before(scope, focus), *[g(scope, focus) for g in given])

    def _call_exists(self, target: Node, arguments: list[Node]) -> Step:
        before = self._call_where(target, arguments) if arguments else self.compile(target)
        return lambda scope, focus: [bool(before(scope, focus))]

    def _call_where(self, target: Node, arguments: list[Node]) -> Step:
        before, test = self.compile(target), self.compile(arguments[0])
        return lambda scope, focus: [v for v in before(scope, focus) if is_true(test(scope, [v]))]

    def _call_all(self, target: Node, arguments: list[Node]) -> Step:
        before, test = self.compile(target), self.compile(arguments[0])
        return lambda scope, focus: [all(is_true(test(scope, [v])) for v in before(scope, focus))]

    def _call_select(self, target: Node, arguments: list[Node]) -> Step:
        before, pick = self.compile(target), self.compile(arguments[0])
        return lambda scope, focus: [w for v in before(scope, focus) for w in pick(scope, [v])]

    def _call_repeat(self, target: Node, arguments: list[Node]) -> Step:
        before, pick = self.compile(target), self.compile(arguments[0])

        def step(scope: Scope, focus: Values) -> Values:
            out: Values = []
            level = [w for v in before(scope, focus) for w in pick(scope, [v])]
            while level:
                out += level
                level = [w for v in level for w in pick(scope, [v])]
            return out

        return step

    def _call_iif(self, target: Node, arguments: list[Node]) -> Step:
        before, (test, *branches) = self.compile(target), [self.compile(a) for a in arguments]

        def step(scope: Scope, focus: Values) -> Values:
            values = before(scope, focus)
            if is_true(test(scope, values)):
                return branches[0](scope, values)
            return branches[1](scope, values) if len(branches) > 1 else []

        return step

    def _call_trace(self, target: Node, arguments: list[Node]) -> Step:
        return self.compile(target)

    def _call_extension(self, target: Node, arguments: list[Node]) -> Step:
        before, url = _property_step(self.compile(target), "extension"), arguments[0].value
        return lambda scope, focus: [v for v in before(scope, focus) if _of(v, "url") == url]

    def _call_resolve(self, target: Node, arguments: list[Node]) -> Step:
        before = self.compile(target)
        return lambda scope, focus: [r for v in before(scope, focus) for r in _resolved(v, scope)]

    def _call_memberOf(self, target: Node, arguments: list[Node]) -> Step:
        before, url = self.compile(target), str(arguments[0].value)
        member = self._language.in_value_set

        def step(scope: Scope, focus: Values) -> Values:
            codings = [c for v in before(scope, focus) for c in _codings(v)]
            told = [member(url, system, code) for system, code in codings]
            return [True in told] if told and None not in told else []

        return step

    def _call_conformsTo(self, target: Node, arguments: list[Node]) -> Step:
        return lambda scope, focus: []

    def _call_htmlChecks(self, target: Node, arguments: list[Node]) -> Step:
        """The check of the type xhtml has told already."""
        return lambda scope, focus: [True]


def _of(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _property_step(before: Step, name: str) -> Step:
    beside = "_" + name

    def step(scope: Scope, focus: Values) -> Values:
        out: Values = []
        for item in before(scope, focus):
            if not isinstance(item, dict):
                continue
            value = item.get(name)
            if value is None:
                value = item.get(beside)
            if isinstance(value, list):
                out.extend(v for v in value if v is not None)
            elif value is not None:
                out.append(value)
        return out

    return step


def _choice_step(before: Step, name: str) -> Step:
    size = len(name)

    def step(scope: Scope, focus: Values) -> Values:
        out: Values = []
        for item in before(scope, focus):
            if not isinstance(item, dict):
                continue
            for key, value in item.items():
                bare = key[1:] if key[:1] == "_" else key
                if bare == name or (bare.startswith(name) and bare[size : size + 1].isupper()):
                    if key is bare or bare not in item:
                        out.extend(value) if isinstance(value, list) else out.append(value)
        return out

    return step


_TEXTS: Final = frozenset(
    "string code id markdown uri url canonical oid uuid date datetime instant time base64binary".split()
)


def _shape_test(kind: str) -> Callable[[Any], bool]:
    lowered = kind.lower()
    if lowered == "boolean":
        return lambda value: type(value) is bool
    if lowered in ("integer", "positiveint", "unsignedint"):
        return lambda value: type(value) is int
    if lowered == "decimal":
        return lambda value: type(value) in (int, Decimal, float)
    if lowered in _TEXTS:
        return lambda value: type(value) is str
    return lambda value: isinstance(value, dict) and value.get("resourceType", kind) == kind


def _resolved(value: Any, scope: Scope) -> Values:
    """The resource a reference points to where it is at hand, else a stand-in of its type."""
    reference = value if isinstance(value, str) else _of(value, "reference")
    if not isinstance(reference, str):
        return []
    if reference == "#":
        return [scope.root]
    if reference.startswith("#"):
        held = _of(scope.root, "contained") or []
        return [r for r in held if _of(r, "id") == reference[1:]]
    kind = _reference_type(reference)
    return [{"resourceType": kind}] if kind[:1].isupper() and kind.isalpha() else []


def _codings(value: Any) -> list[tuple[str | None, str]]:
    if isinstance(value, str):
        return [(None, value)]
    listed = _of(value, "coding") if _of(value, "coding") is not None else [value]
    return [(_of(c, "system"), str(_of(c, "code"))) for c in listed if _of(c, "code")]
