"""The constraints of a type or profile, ready to be tested.

Each constraint's FHIRPath is compiled (invariants_compile). The few that nearly every resource
meets are also written out as Python (invariants_common), which is ten times faster; a test shows
that both agree.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final, NamedTuple

from sojourn.fhir.codes import in_value_set
from sojourn.fhir.definitions import DEFINITIONS
from sojourn.fhir.invariants_bundle import BUNDLE_EXPRESSIONS
from sojourn.fhir.invariants_common import BY_EXPRESSION, STRUCTURAL
from sojourn.fhir.invariants_compile import Language, Test, compile_test
from sojourn.fhir.invariants_grammar import BadExpression
from sojourn.fhir.validate_found import ERROR

WRITTEN_OUT: Final = {**BY_EXPRESSION, **BUNDLE_EXPRESSIONS}
"""FHIRPath to the Python function that stands for it."""


class Rule(NamedTuple):
    """One constraint."""

    text: str
    """What to tell whoever broke it."""
    test: Test
    severity: str = ERROR


_LESSER: Final = frozenset({"us-core-17"})
"""Errors by their definition, told as warnings: the check digit of an NPI, which the NPIs of all
synthetic data lack so that they cannot be those of real people."""

_CORRECTED: Final = {"enableWhen.count() > 2 implies enableBehavior.exists()": "enableWhen.count() > 1 implies enableBehavior.exists()"}
"""FHIRPath of R4 that says something else than its own text, as later versions correct it."""

_LONG: Final = 300

_SKIPPED: Final = frozenset({"txt-1", "txt-2", "ref-1"})
"""Checked elsewhere: the narrative by the type xhtml, `#id` when the container is known."""


def rules_of(path: str, invariants: dict[str, str]) -> tuple[Rule, ...]:
    """The constraints stated for a type or element, and those that belong to it by its structure."""
    stated = tuple(
        rule
        for key, expression in invariants.items()
        if key not in _SKIPPED and (rule := _rule(key, expression)) is not None
    )
    return (*stated, *(Rule(text, test) for text, test in STRUCTURAL.get(path, ())))


@cache
def _rule(key: str, expression: str) -> Rule | None:
    expression = _CORRECTED.get(expression, expression)
    test = WRITTEN_OUT.get(expression) or compiled(expression)
    if test is None:
        return None
    if len(expression) > _LONG:
        expression = "what the constraint of this name states"
    return Rule(f"{key}: expected {expression}", test, "warning" if key in _LESSER else ERROR)


@cache
def compiled(expression: str) -> Test | None:
    """None for FHIRPath that is not supported: such a constraint cannot be checked."""
    try:
        return compile_test(expression, language())
    except BadExpression:
        return None


@cache
def language() -> Language:
    """What a constraint, or another expression, knows of the definitions of FHIR R4."""
    names = list(DEFINITIONS.type_names())
    choices: set[str] = set()
    for name in names:
        found: Any = DEFINITIONS.type(name)
        choices.update(element.name for element in found.elements if element.choice)
    return Language(frozenset(choices), frozenset(name for name in names if "." not in name), in_value_set)
