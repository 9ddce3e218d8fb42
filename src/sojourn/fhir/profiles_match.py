"""Fixed values, patterns and bindings of profiles, as tests of a value.

https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.pattern_x_
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sojourn.fhir.codes import in_value_set
from sojourn.fhir.invariants_functions import same

Match = Callable[[Any], bool]

_ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"


def fits_pattern(pattern: Any) -> Match:
    """Whether a value contains what the pattern states; it may have more."""
    if isinstance(pattern, dict):
        parts = tuple((name, fits_pattern(part)) for name, part in pattern.items())
        if len(parts) == 1:
            only, test = parts[0]
            return lambda value: type(value) is dict and only in value and test(value[only])

        def fits_object(value: Any) -> bool:
            if type(value) is not dict:
                return False
            for name, test in parts:
                if name not in value or not test(value[name]):
                    return False
            return True

        return fits_object
    if isinstance(pattern, list):
        tests = tuple(fits_pattern(item) for item in pattern)

        def fits_list(value: Any) -> bool:
            return type(value) is list and all(any(test(item) for item in value) for test in tests)

        return fits_list
    return equals(pattern)


def equals(fixed: Any) -> Match:
    """Whether a value is exactly this one."""
    if type(fixed) is str:
        return lambda value: bool(value == fixed)
    return lambda value: same(value, fixed)


def in_binding(url: str) -> Callable[[Any], bool | None]:
    """Whether a code, Coding, CodeableConcept or Quantity has a code of the set; None: cannot tell."""

    def test(value: Any) -> bool | None:
        if type(value) is str:
            return in_value_set(url, None, value)
        if type(value) is not dict:
            return None
        codings = value["coding"] if "coding" in value else [value] if "code" in value else []
        answer: bool | None = False
        for coding in codings:
            told = in_value_set(url, coding.get("system"), coding.get("code"))
            if told:
                return True
            answer = None if told is None else answer
        return answer

    return test


def says_why_absent(value: Any) -> bool:
    """Whether an object has the extension data-absent-reason."""
    if type(value) is not dict:
        return False
    extensions = value.get("extension")
    return type(extensions) is list and any(
        type(item) is dict and item.get("url") == _ABSENT for item in extensions
    )
