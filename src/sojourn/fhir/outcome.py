"""What is wrong with a resource, and the OperationOutcome that tells it.

https://hl7.org/fhir/R4/operationoutcome.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple


class Issue(NamedTuple):
    """One finding. `diagnostics` says what was expected and never repeats a value."""

    severity: str
    """fatal, error, warning or information (https://hl7.org/fhir/R4/valueset-issue-severity.html)."""
    code: str
    """A code of https://hl7.org/fhir/R4/valueset-issue-type.html."""
    expression: str
    """FHIRPath of the element in question, e.g. `Patient.name[0].use`; empty for the whole input."""
    diagnostics: str


def is_error(issue: Issue) -> bool:
    """Whether the issue makes the resource invalid."""
    return issue.severity in ("error", "fatal")


def outcome(issues: Iterable[Issue]) -> dict[str, Any]:
    """An OperationOutcome with every issue; one `information` "All OK" when there is none."""
    listed = [_issue(issue) for issue in issues]
    if not listed:
        listed = [_issue(Issue("information", "informational", "", "All OK"))]
    return {"resourceType": "OperationOutcome", "issue": listed}


def _issue(issue: Issue) -> dict[str, Any]:
    told: dict[str, Any] = {"severity": issue.severity, "code": issue.code}
    if issue.diagnostics:
        told["diagnostics"] = issue.diagnostics
    if issue.expression:
        told["expression"] = [issue.expression]
    return told
