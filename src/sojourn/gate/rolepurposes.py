"""For what a role's people work: the purpose of use under which their sessions act."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

_ACTION: Final = "purpose:"
USUAL: Final = "TREAT"
"""Of a role that says nothing."""

PURPOSES: Final[Mapping[str, str]] = {
    "TREAT": "treatment: care for patients",
    "HPAYMT": "payment: billing, claims, authorizations by payers",
    "HOPERAT": "running the organization: privacy, accounts, quality, administration",
}
"""What staff may work for (v3-ActReason; 45 CFR 164.501). Emergencies are declared, each by itself; nothing else is the work of a role."""


def prefixed(purpose: str) -> str:
    """The action of a role rule that says so. Raises KeyError for a purpose that is none of staff."""
    PURPOSES[purpose]
    return _ACTION + purpose


def is_purpose(action: str) -> bool:
    """Whether an action of a rule says for what a role works."""
    return action.startswith(_ACTION)


def of_actions(actions: Iterable[str]) -> str:
    """The purpose among the actions of a role's rules; empty where there is none that is known."""
    return next((p for a in sorted(actions) if a.startswith(_ACTION) and (p := a.removeprefix(_ACTION)) in PURPOSES), "")
