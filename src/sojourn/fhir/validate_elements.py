"""Checks of one property of an object, made once per element of a definition.

A handler takes the property's value, the findings, and the object that has the property (which
holds the `_name` beside `name`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from sojourn.fhir.codes import in_value_set
from sojourn.fhir.primitives import Check, check_string
from sojourn.fhir.validate_found import ERROR, Found, prefix

Handler = Callable[[Any, Found, dict[str, Any]], None]
Whole = Callable[[Any, Found], None]
"""Checks a value as a whole, after its parts; its rows are relative to the value."""


class Checked(Protocol):
    """A type whose objects can be checked; made before its check is, as types nest in circles."""

    check: Whole


def one_string(label: str) -> Handler:
    """A single string; written out because most properties are strings."""

    def handle(value: Any, found: Found, owner: dict[str, Any]) -> None:
        if type(value) is str and value.isprintable() and 0 < len(value) < 4096 and value[0] != " ":
            return
        told = check_string(value)
        if told:
            found.append([label, ERROR, "value", told])

    return handle


def one_code(label: str, codes: frozenset[str], check: Check) -> Handler:
    """A single code of a value set that is listed in full."""

    def handle(value: Any, found: Found, owner: dict[str, Any]) -> None:
        if type(value) is str and value in codes:
            return
        found.append([label, ERROR, "code-invalid", check(value) or ""])

    return handle


def one_quick(label: str, fits: Callable[[str], object], check: Check) -> Handler:
    """A single value of a type whose valid values mostly fit one regular expression."""

    def handle(value: Any, found: Found, owner: dict[str, Any]) -> None:
        if type(value) is str and fits(value):
            return
        told = check(value)
        if told:
            found.append([label, ERROR, "value", told])

    return handle


def one_primitive(label: str, check: Check, code: str = "value") -> Handler:
    """A single primitive value."""

    def handle(value: Any, found: Found, owner: dict[str, Any]) -> None:
        told = check(value)
        if told:
            found.append([label, ERROR, code, told])

    return handle


def many_primitives(label: str, check: Check, code: str = "value") -> Handler:
    """An array of primitive values; null only where the array beside it has something."""
    beside = "_" + label

    def handle(value: Any, found: Found, owner: dict[str, Any]) -> None:
        if not _is_array(value, label, found):
            return
        for index, item in enumerate(value):
            if item is None:
                others = owner.get(beside)
                if type(others) is not list or index >= len(others) or not others[index]:
                    found.append([f"{label}[{index}]", ERROR, "structure", "expected a value or an extension"])
                continue
            told = check(item)
            if told:
                found.append([f"{label}[{index}]", ERROR, code, told])

    return handle


def one_object(label: str, shape: Checked, whole: Whole | None = None) -> Handler:
    """A single object of a type; `whole` is asked after the object's own check."""

    def handle(value: Any, found: Found, owner: dict[str, Any]) -> None:
        if type(value) is not dict:
            found.append([label, ERROR, "structure", "expected a single object"])
            return
        start = len(found)
        shape.check(value, found)
        if whole is not None:
            whole(value, found)
        if len(found) > start:
            prefix(found, start, label)

    return handle


def many_objects(label: str, shape: Checked, whole: Whole | None = None) -> Handler:
    """An array of objects of a type."""

    def handle(value: Any, found: Found, owner: dict[str, Any]) -> None:
        if not _is_array(value, label, found):
            return
        start = len(found)
        for index, item in enumerate(value):
            if type(item) is not dict:
                found.append([f"{label}[{index}]", ERROR, "structure", "expected an object"])
                start = len(found)
                continue
            shape.check(item, found)
            if whole is not None:
                whole(item, found)
            if len(found) > start:
                prefix(found, start, f"{label}[{index}]")
                start = len(found)

    return handle


def one_beside(name: str, label: str, element: Checked) -> Handler:
    """`_name` beside a single primitive: its id and extensions."""
    check = one_object(label, element)

    def handle(value: Any, found: Found, owner: dict[str, Any]) -> None:
        check(value, found, owner)
        if name not in owner and type(value) is dict and "extension" not in value:
            found.append([label, ERROR, "structure", "expected a value or an extension"])

    return handle


def many_beside(label: str, element: Checked) -> Handler:
    """`_name` beside an array of primitives: as long as that, with null where there is nothing."""

    def handle(value: Any, found: Found, owner: dict[str, Any]) -> None:
        if not _is_array(value, label, found):
            return
        values = owner.get(label)
        if type(values) is list and len(values) != len(value):
            found.append([label, ERROR, "structure", f"expected _{label} to be as long as {label}"])
        for index, item in enumerate(value):
            start = len(found)
            if type(item) is dict:
                element.check(item, found)
                if "extension" not in item and (type(values) is not list or index >= len(values) or values[index] is None):
                    found.append(["", ERROR, "structure", "expected a value or an extension"])
                prefix(found, start, f"{label}[{index}]")
            elif item is not None or type(values) is not list:
                found.append([f"{label}[{index}]", ERROR, "structure", "expected an object with extensions"])

    return handle


def both(first: Whole | None, second: Whole | None) -> Whole | None:
    """Ask both, where there are both."""
    if first is None or second is None:
        return first or second

    def whole(value: Any, found: Found) -> None:
        first(value, found)
        second(value, found)

    return whole


def bound(url: str) -> Whole:
    """A Coding, CodeableConcept or Quantity with a required binding: one code must be in the set.

    Where the tables cannot tell, nothing is said. A concept that says by an extension why the code
    is absent is left alone.
    """
    known: dict[tuple[Any, Any], bool] = {}

    def member(coding: Any) -> bool | None:
        if type(coding) is not dict:
            return None
        system, code = coding.get("system"), coding.get("code")
        if type(system) is str and type(code) is str:
            told = known.get((system, code))
            if told is None:
                told = in_value_set(url, system, code)
                if told and len(known) < 4096:
                    known[system, code] = True
            return told
        return False if code is None or type(code) is str else None

    def whole(value: Any, found: Found) -> None:
        codings = value.get("coding") if "coding" in value or "code" not in value else [value]
        if type(codings) is list:
            for coding in codings:
                if member(coding) is not False:
                    return
        elif codings is not None:
            return
        if not value.get("extension"):
            found.append(["", ERROR, "code-invalid", f"expected a code of the value set {url}"])

    return whole


def _is_array(value: Any, label: str, found: Found) -> bool:
    if type(value) is not list:
        found.append([label, ERROR, "structure", "expected an array"])
        return False
    if not value:
        found.append([label, ERROR, "structure", "expected an array that is not empty"])
    return True
