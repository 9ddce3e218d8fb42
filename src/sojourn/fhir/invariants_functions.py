"""The functions and operators of FHIRPath that constraints use, on plain JSON values.

Every value is a list (FHIRPath calls it a collection). https://hl7.org/fhirpath/N1/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from sojourn.fhir.primitives import compare_dates

Values = list[Any]


def boolean(values: Values) -> bool | None:
    """The truth of a collection: None when empty, true for a single value that is no boolean."""
    if not values:
        return None
    return values[0] if len(values) == 1 and type(values[0]) is bool else True


def is_true(values: Values) -> bool:
    """Whether a criterion holds."""
    return boolean(values) is True


def same(one: Any, other: Any) -> bool:
    """Equality of two items, by value (a decimal equals an integer of the same value)."""
    if type(one) is bool or type(other) is bool:
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def equal(one: Values, other: Values) -> Values:
    """`=`; empty when either side is."""
    if not one or not other:
        return []
    return [len(one) == len(other) and all(map(same, one, other))]


def key_of(value: Any) -> Any:
    """Something hashable that is equal exactly for equal items."""
    if isinstance(value, dict):
        return frozenset((k, key_of(v)) for k, v in value.items())
    if isinstance(value, list):
        return tuple(map(key_of, value))
    return ("b", value) if type(value) is bool else value


def distinct(values: Iterable[Any]) -> Values:
    """Each value once, in order of first occurrence."""
    return list({key_of(value): value for value in values}.values())


def compare(one: Values, other: Values) -> int | None:
    """-1, 0, 1, or None when the two cannot be compared."""
    if len(one) != 1 or len(other) != 1:
        return None
    left, right = one[0], other[0]
    if isinstance(left, dict) and isinstance(right, dict):
        if (left.get("code") or left.get("unit")) != (right.get("code") or right.get("unit")):
            return None
        left, right = left.get("value"), right.get("value")
    if isinstance(left, str) and isinstance(right, str):
        if re.match(r"\d{4}", left) and re.match(r"\d{4}", right):
            return compare_dates(left, right)
        return (left > right) - (left < right)
    if type(left) in _NUMBERS and type(right) in _NUMBERS:
        return int(left > right) - int(left < right)
    return None


_NUMBERS: Final = (int, Decimal, float)
_ORDER: Final[dict[str, Callable[[int], bool]]] = {
    "<": lambda sign: sign < 0,
    ">": lambda sign: sign > 0,
    "<=": lambda sign: sign <= 0,
    ">=": lambda sign: sign >= 0,
}


def _ordered(test: Callable[[int], bool]) -> Callable[[Values, Values], Values]:
    def operator(one: Values, other: Values) -> Values:
        sign = compare(one, other)
        return [] if sign is None else [test(sign)]

    return operator


def _and(one: Values, other: Values) -> Values:
    left, right = boolean(one), boolean(other)
    if left is False or right is False:
        return [False]
    return [] if left is None or right is None else [True]


def _or(one: Values, other: Values) -> Values:
    left, right = boolean(one), boolean(other)
    if left or right:
        return [True]
    return [] if left is None or right is None else [False]


def _xor(one: Values, other: Values) -> Values:
    left, right = boolean(one), boolean(other)
    return [] if left is None or right is None else [left is not right]


def _implies(one: Values, other: Values) -> Values:
    left, right = boolean(one), boolean(other)
    if left is False or right:
        return [True]
    return [] if left is None or right is None else [False]


def _in(one: Values, other: Values) -> Values:
    return [any(same(one[0], item) for item in other)] if one else []


def _plus(one: Values, other: Values) -> Values:
    if len(one) != 1 or len(other) != 1:
        return []
    if type(one[0]) is type(other[0]) is str or (type(one[0]) in _NUMBERS and type(other[0]) in _NUMBERS):
        return [one[0] + other[0]]
    return []


def _arithmetic(compute: Callable[[Any, Any], Any]) -> Callable[[Values, Values], Values]:
    def operator(one: Values, other: Values) -> Values:
        if len(one) != 1 or len(other) != 1 or type(one[0]) not in _NUMBERS or type(other[0]) not in _NUMBERS:
            return []
        try:
            return [compute(Decimal(one[0]), Decimal(other[0]))]
        except (ArithmeticError, InvalidOperation):
            return []

    return operator


def _joined(one: Values, other: Values) -> Values:
    return [(as_text(one) or "") + (as_text(other) or "")]


OPERATORS: Final[dict[str, Callable[[Values, Values], Values]]] = {
    "and": _and,
    "or": _or,
    "xor": _xor,
    "implies": _implies,
    "=": equal,
    "~": equal,
    "!=": lambda one, other: [not equal(one, other)[0]] if one and other else [],
    "!~": lambda one, other: [not equal(one, other)[0]] if one and other else [],
    "in": _in,
    "contains": lambda one, other: _in(other, one),
    "|": lambda one, other: distinct([*one, *other]),
    "+": _plus,
    "&": _joined,
    "-": _arithmetic(lambda a, b: a - b),
    "*": _arithmetic(lambda a, b: a * b),
    "/": _arithmetic(lambda a, b: a / b),
    "div": _arithmetic(lambda a, b: a // b),
    "mod": _arithmetic(lambda a, b: a % b),
    **{sign: _ordered(test) for sign, test in _ORDER.items()},
}


def as_text(values: Values) -> str | None:
    """The single value as text; None when there is not exactly one or it is an object."""
    if len(values) != 1 or isinstance(values[0], dict):
        return None
    value = values[0]
    if type(value) is bool:
        return "true" if value else "false"
    return value if type(value) is str else str(value)


def children(values: Values) -> Values:
    """The values of every property, lists flattened."""
    out: Values = []
    for value in values:
        if isinstance(value, dict):
            for name, item in value.items():
                if name == "resourceType":
                    continue
                out.extend(item) if isinstance(item, list) else out.append(item)
    return [item for item in out if item is not None]


def descendants(values: Values) -> Values:
    """Children of children, to the leaves."""
    out: Values = []
    level = children(values)
    while level:
        out.extend(level)
        level = children(level)
    return out


def to_integer(values: Values) -> Values:
    """`toInteger()`; empty where the text is no whole number."""
    text = as_text(values)
    if text in ("true", "false"):
        return [int(text == "true")]
    return [int(text)] if text is not None and re.fullmatch(r"[+-]?\d{1,18}", text) else []


def to_decimal(values: Values) -> Values:
    """`toDecimal()`; empty where the text is no number."""
    text = as_text(values)
    return [Decimal(text)] if text is not None and re.fullmatch(r"[+-]?\d{1,40}(\.\d{1,40})?", text) else []


def _text_function(compute: Callable[..., Any]) -> Callable[..., Values]:
    """Functions on one text; empty when the input or an argument is not one."""

    def function(values: Values, *arguments: Values) -> Values:
        text = as_text(values)
        given = [argument[0] if len(argument) == 1 else None for argument in arguments]
        if text is None or None in given:
            return []
        result = compute(text, *given)
        return [] if result is None else [result]

    return function


def _substring(text: str, start: int, length: int | None = None) -> str | None:
    if not 0 <= start < len(text):
        return None
    return text[start:] if length is None else text[start : start + length]


def _matches(text: str, pattern: str) -> bool:
    return re.fullmatch(pattern, text, re.S) is not None or re.search(f"^(?:{pattern})$", text) is not None


FUNCTIONS: Final[dict[str, Callable[..., Values]]] = {
    "empty": lambda v: [not v],
    "not": lambda v: [] if boolean(v) is None else [not boolean(v)],
    "count": lambda v: [len(v)],
    "distinct": distinct,
    "isDistinct": lambda v: [len(distinct(v)) == len(v)],
    "first": lambda v: v[:1],
    "last": lambda v: v[-1:],
    "tail": lambda v: v[1:],
    "single": lambda v: v if len(v) == 1 else [],
    "skip": lambda v, n: v[n[0] :],
    "take": lambda v, n: v[: n[0]],
    "allTrue": lambda v: [all(item is True for item in v)],
    "anyTrue": lambda v: [any(item is True for item in v)],
    "allFalse": lambda v: [all(item is False for item in v)],
    "anyFalse": lambda v: [any(item is False for item in v)],
    "hasValue": lambda v: [len(v) == 1 and not isinstance(v[0], dict)],
    "children": children,
    "descendants": descendants,
    "combine": lambda v, w: [*v, *w],
    "union": lambda v, w: distinct([*v, *w]),
    "intersect": lambda v, w: distinct(a for a in v if any(same(a, b) for b in w)),
    "exclude": lambda v, w: [a for a in v if not any(same(a, b) for b in w)],
    "subsetOf": lambda v, w: [all(any(same(a, b) for b in w) for a in v)],
    "supersetOf": lambda v, w: [all(any(same(a, b) for a in v) for b in w)],
    "toInteger": to_integer,
    "toDecimal": to_decimal,
    "toString": lambda v: [] if as_text(v) is None else [as_text(v)],
    "toBoolean": lambda v: v if v in ([True], [False]) else [],
    "length": _text_function(len),
    "startsWith": _text_function(lambda text, start: text.startswith(start)),
    "endsWith": _text_function(lambda text, end: text.endswith(end)),
    "contains": _text_function(lambda text, part: part in text),
    "matches": _text_function(_matches),
    "replace": _text_function(lambda text, old, new: text.replace(old, new)),
    "replaceMatches": _text_function(lambda text, old, new: re.sub(old, new, text)),
    "substring": _text_function(_substring),
    "indexOf": _text_function(lambda text, part: text.find(part)),
    "lower": _text_function(lambda text: text.lower()),
    "upper": _text_function(lambda text: text.upper()),
    "trim": _text_function(lambda text: text.strip()),
}
"""Functions whose arguments are evaluated once, before they are called."""
