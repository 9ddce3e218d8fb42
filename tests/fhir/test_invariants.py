"""Constraints: all are compiled, and those written out in Python agree with their FHIRPath."""

from itertools import pairwise
from random import Random
from typing import Any

import pytest

from sojourn.fhir.definitions import DEFINITIONS, RESOURCE_TYPES
from sojourn.fhir.invariants import WRITTEN_OUT, compiled
from sojourn.fhir.invariants_compile import Language, Place, compile_test
from sojourn.fhir.invariants_grammar import BadExpression
from sojourn.fhir.validate_objects import FAULTS
from tests.fhir.generate import Maker


def _stated() -> set[str]:
    out: set[str] = set()
    for name in DEFINITIONS.type_names():
        kind = DEFINITIONS.type(name)
        assert kind
        out.update(kind.invariants.values())
        out.update(expression for element in kind.elements for expression in element.invariants.values())
    for profile in DEFINITIONS.profiles.values():
        out.update(expression for row in profile["elements"].values() for expression in row.get("invariants", {}).values())
    return out


def test_every_constraint_of_the_definitions_is_compiled() -> None:
    stated = _stated()
    assert len(stated) > 190
    assert [expression for expression in stated if compiled(expression) is None] == []


def test_what_is_written_out_stands_for_a_constraint_of_the_definitions() -> None:
    assert WRITTEN_OUT.keys() - _stated() == set()


def _owners(expression: str) -> set[str]:
    """Types and nested elements whose objects the constraint is stated for."""
    out: set[str] = set()
    for name in DEFINITIONS.type_names():
        kind = DEFINITIONS.type(name)
        assert kind
        if expression in kind.invariants.values():
            out.add(name)
        for element in kind.elements:
            if expression in element.invariants.values():
                out.update(ref.code for ref in element.types)
    for profile in DEFINITIONS.profiles.values():
        for path, row in profile["elements"].items():
            if expression in row.get("invariants", {}).values():
                out.add({"": profile["type"], "component": "Observation.component", "effective[x]": "Period"}.get(path, ""))
    return out - {""}


def _variants(item: dict[str, Any], path: str, maker: Maker) -> list[dict[str, Any]]:
    """The object; it without each of its properties; and it with each other that its type has."""
    kind = DEFINITIONS.type(path)
    assert kind
    fewer = [{key: value for key, value in item.items() if key != name} for name in item]
    more = [{**item, **maker._element(element, path, 3)} for element in kind.elements if element.max]
    return [item, *fewer, *more, *({**one, **other} for one, other in pairwise(more))]


@pytest.mark.parametrize("expression", sorted(WRITTEN_OUT))
def test_python_and_fhirpath_agree(expression: str) -> None:
    python, fhirpath = WRITTEN_OUT[expression], compiled(expression)
    assert fhirpath
    maker, outcomes, owners = Maker(Random(1)), set(), _owners(expression)
    assert owners
    for path in sorted(owners) * 3:
        made = maker.resource(path, 1) if path in RESOURCE_TYPES else maker.object(path, 1)
        for item in [*_variants(made, path, maker), "2024", "2024-05-01"]:
            if isinstance(item, dict) and "resourceType" not in item and path in RESOURCE_TYPES:
                continue
            scope = Place(item, item)
            try:
                told = python(item, scope)
            except FAULTS:
                continue
            if isinstance(item, str) and "$this" not in expression:
                continue
            outcomes.add(told)
            assert told == fhirpath(item, scope), item
    assert True in outcomes


_LANGUAGE = Language({"value"}, {"Patient", "Quantity"}, lambda url, system, code: code == "in")


@pytest.mark.parametrize(
    ("expression", "element", "met"),
    [
        ("a.exists() and b.empty()", {"a": 1}, True),
        ("a = 1 or b = 2", {"a": 2, "b": 2}, True),
        ("a in ('x' | 'y')", {"a": "y"}, True),
        ("a in ('x' | 'y')", {"a": "z"}, False),
        ("a > 1 implies b.exists()", {"a": 2}, False),
        ("a > b", {"a": "2024"}, True),
        ("start <= end", {"start": "2024-01-02", "end": "2024-01-01"}, False),
        ("start <= end", {"start": "2024", "end": "2024-01"}, True),
        ("value.exists()", {"valueQuantity": {"value": 1}}, True),
        ("value is Quantity", {"valueQuantity": {"value": 1}}, True),
        ("value is Quantity", {"valueString": "x"}, False),
        ("(value as Quantity).value = 1", {"valueQuantity": {"value": 1}}, True),
        ("value.ofType(Quantity).value > 1", {"valueQuantity": {"value": 1}}, False),
        ("a.where(b = 'x').count() = 2", {"a": [{"b": "x"}, {"b": "x"}, {"b": "y"}]}, True),
        ("a.all(b.exists())", {"a": [{"b": 1}, {}]}, False),
        ("a.select(b).isDistinct()", {"a": [{"b": 1}, {"b": 1}]}, False),
        ("descendants().b.isDistinct()", {"a": [{"b": 1}, {"c": {"b": 1}}]}, False),
        ("a.matches('[0-9]{2}')", {"a": "12"}, True),
        ("a.substring(1,2) = 'bc'", {"a": "abcd"}, True),
        ("a.toInteger() + 1 = 3", {"a": "2"}, True),
        ("(a * 2 + 1) mod 5 = 0", {"a": 2}, True),
        ("iif(a.exists(), a = 1, false)", {"a": 1}, True),
        ("a.memberOf('urn:set')", {"a": "out"}, False),
        ("%resource.id = 'r'", {}, True),
        ("a[1] = 2", {"a": [1, 2]}, True),
        ("extension('urn:e').exists()", {"extension": [{"url": "urn:e"}]}, True),
        ("a.first() ~ a.last()", {"a": [{"x": 1}, {"x": 1}]}, True),
        ("a.hasValue()", {"_a": {"extension": []}}, False),
        ("`a` & 'x' = '1x'", {"a": 1}, True),
        ("-1 < a", {"a": 0}, True),
        ("a xor b", {"a": True, "b": False}, True),
        ("{}.empty()", {}, True),
    ],
)
def test_fhirpath_is_understood(expression: str, element: dict[str, Any], met: bool) -> None:
    assert compile_test(expression, _LANGUAGE)(element, Place({"id": "r"}, {})) is met


@pytest.mark.parametrize("expression", ["", "a.", "a(", "a.nothing()", "%unknown", "a ! b", "$total", "'open"])
def test_fhirpath_that_is_not_understood_is_refused_when_compiled(expression: str) -> None:
    with pytest.raises(BadExpression):
        compile_test(expression, _LANGUAGE)
