"""A signed Consent is never edited: it is ended, confirmed, handed over; else a new one is signed."""

from __future__ import annotations

from typing import Any

from sojourn.base import errors
from sojourn.gate.consenting import terms
from sojourn.gate.consenting.terms import Resource

_MAY_COME = frozenset({terms.ENDED_AT, terms.ENDED_HOW, terms.ENDED_BY, terms.EVENT_OCCURRED, terms.EVENT_CONFIRMED, terms.COPY, terms.COPY_AT, terms.DECISION, terms.DECIDED_AT})
_ONCE = (terms.ENDED_AT, terms.ENDED_HOW, terms.ENDED_BY, terms.EVENT_OCCURRED)
_NEXT = {"active": ("active", "inactive", "entered-in-error"), "proposed": ("proposed", "active", "rejected", "inactive", "entered-in-error")}


def check(before: Resource, after: Resource) -> None:
    """Raise Invalid if a change touches what stands under a signature that was given here, or takes an end back."""
    if not terms.value(before, terms.DIGEST):
        return
    if _under_signature(before) != _under_signature(after):
        raise errors.Invalid("A signed consent is not edited. End it, or have a new one signed that takes its place.", expression="Consent")
    if after.get("status") not in _NEXT.get(str(before.get("status")), (before.get("status"), "entered-in-error")):
        raise errors.Invalid("A consent that has ended stays ended. Have a new one signed.", expression="Consent.status")
    for name in _ONCE:
        if (old := terms.value(before, name)) is not None and terms.value(after, name) != old:
            raise errors.Invalid("The end of a consent, once recorded, is not changed.", expression="Consent.extension")


def _under_signature(consent: Resource) -> dict[str, Any]:
    """All of it but what may come later, and what the server writes."""
    kept = [e for e in consent.get("extension") or () if str(e.get("url", "")).rsplit("/", 1)[-1] not in _MAY_COME]
    return {**{k: v for k, v in consent.items() if k not in ("meta", "id", "text", "status", "extension")}, "extension": kept}
