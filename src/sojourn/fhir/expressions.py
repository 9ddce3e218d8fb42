"""FHIRPath that gives values: what a form calculates, begins with or waits for.

The language of constraints, with what forms need beside it: variables, sums, the worth of a choice, today. What is not understood raises
BadExpression when it is read, never when it is used. https://hl7.org/fhirpath/N1/ and https://hl7.org/fhir/uv/sdc/STU3/expressions.html.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final

from sojourn.base import clock, wall
from sojourn.fhir.invariants import language
from sojourn.fhir.invariants_compile import Compiler
from sojourn.fhir.invariants_functions import FUNCTIONS, Values, as_text
from sojourn.fhir.invariants_grammar import BadExpression, parse

__all__ = ["ORDINAL", "BadExpression", "Setting", "Value", "compiled", "evaluate"]

ORDINAL: Final = "http://hl7.org/fhir/StructureDefinition/ordinalValue"
MAX_LENGTH: Final = 4000


@dataclass(slots=True)
class Setting:
    """What an expression is asked about: the resource, what the variables stand for, and the part of it that is `%context`."""

    resource: Any
    variables: Mapping[str, Values] = field(default_factory=dict)
    context: Any = None
    root: Any = None


Value = Callable[[Setting], Values]
"""A read expression. It never raises: what cannot be worked out is nothing."""


def _numbers(values: Values) -> list[Decimal] | None:
    found = [Decimal(v) if type(v) in (int, Decimal) else Decimal(str(v)) if type(v) is float else None for v in values]
    return None if None in found else [f for f in found if f is not None]


def _sum(values: Values) -> Values:
    numbers = _numbers(values)
    return [] if numbers is None else [sum(numbers, Decimal(0))]


def _of_all(pick: Callable[[list[Decimal]], Decimal]) -> Callable[[Values], Values]:
    def function(values: Values) -> Values:
        numbers = _numbers(values)
        return [pick(numbers)] if numbers else []

    return function


def _round(values: Values, places: Values = ()) -> Values:  # type: ignore[assignment]
    numbers = _numbers(values)
    if not numbers or len(numbers) > 1:
        return []
    digits = int(places[0]) if places else 0
    return [numbers[0].quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)]


def _weight(values: Values) -> Values:
    """What the chosen answers are worth: `ordinalValue` of the coding, or of the answer that holds it."""
    out: Values = []
    for value in values:
        coding = value.get("valueCoding", value) if isinstance(value, dict) else None
        for extension in (coding or {}).get("extension", ()):
            if extension.get("url") == ORDINAL and "valueDecimal" in extension:
                out.append(Decimal(str(extension["valueDecimal"])))
    return out


def _join(values: Values, separator: Values = ()) -> Values:  # type: ignore[assignment]
    texts = [text for text in (as_text([v]) for v in values) if text is not None]
    return [(as_text(list(separator)) or "").join(texts)] if texts else []


_MORE: Final[dict[str, Callable[..., Values]]] = {
    **FUNCTIONS,
    "sum": _sum,
    "min": _of_all(min),
    "max": _of_all(max),
    "avg": _of_all(lambda n: sum(n, Decimal(0)) / len(n)),
    "abs": _of_all(lambda n: abs(n[0])),
    "round": _round,
    "weight": _weight,
    "ordinal": _weight,
    "join": _join,
    "today": lambda v: [wall.day(clock.now()).isoformat()],
    "now": lambda v: [clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")],
}


@lru_cache(maxsize=2000)
def _compiled(expression: str, variables: frozenset[str]) -> Value:
    if len(expression) > MAX_LENGTH:
        raise BadExpression(f"the expression is longer than {MAX_LENGTH} characters")
    step = Compiler(language(), variables, _MORE).compile(parse(expression))

    def value(setting: Setting) -> Values:
        try:
            return step(setting, [setting.resource if setting.context is None else setting.context])
        except (ArithmeticError, InvalidOperation, TypeError, ValueError, KeyError, IndexError, RecursionError):
            return []

    return value


def compiled(expression: str, variables: Collection[str] = ()) -> Value:
    """Read an expression once to use it often. variables: the names that may stand after `%` beside %resource and %context. Raises BadExpression."""
    try:
        return _compiled(expression, frozenset(variables))
    except (IndexError, RecursionError, AttributeError, TypeError, ValueError) as error:
        if isinstance(error, BadExpression):
            raise
        raise BadExpression("the expression cannot be read") from None


def evaluate(expression: str, setting: Setting) -> Values:
    """What an expression gives; nothing where it cannot be read, which is told when a form is checked."""
    try:
        return compiled(expression, frozenset(setting.variables))(setting)
    except BadExpression:
        return []
