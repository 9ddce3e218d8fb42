"""State law and law like it: an overlay asks for a permission of its own beside every other.

45 CFR 160.203(b), 42 CFR 2.20.
"""

from __future__ import annotations

from typing import Any

from sojourn.gate.policy import matching, tables
from sojourn.gate.policy.case import Case, Consent, Record
from sojourn.gate.policy.findings import Finding, permit, withhold


def overlaid(case: Case, record: Record) -> Finding | None:
    """The strictest answer of the overlays in force that cover this record: a refusal, else a release, else None."""
    if case.inside:
        return None
    found = [f for overlay in in_force(case) if (f := _answer(overlay, case, record))]
    return min(found, key=lambda f: (f.permits, f.rank), default=None)


def in_force(case: Case) -> list[dict[str, Any]]:
    """The overlays that the request names. One that nobody described is taken at its strictest."""
    said = case.context.get("state_overlay")
    names = [said] if isinstance(said, str) else said if isinstance(said, list) else []
    return [_described(str(name)) for name in names if name]


def _described(name: str) -> dict[str, Any]:
    for overlay in tables.table("overlays")["overlay"]:
        if name == overlay["id"] or name in overlay.get("also", ()):
            return {**overlay, "name": name}
    words = tables.table("overlays")["words"]
    labels = sorted({label for word in name.lower().replace("-", "_").split("_") for label in words.get(word, ())})
    alike: dict[str, Any] = next((o for o in tables.table("overlays")["overlay"] if labels and set(labels) <= set(o["labels"])), {})
    return {
        "rule": "written_release",
        "reason": "STATE_OVERLAY",
        **alike,
        "id": name,
        "name": name,
        "labels": labels or ["*"],
        "cite": "not described",
    }


def _answer(overlay: dict[str, Any], case: Case, record: Record) -> Finding | None:
    covered = overlay["labels"] == ["*"] or not record.labels.isdisjoint(overlay["labels"])
    if not covered or case.purpose in overlay.get("except_purposes", ()):
        return None
    detail = f"overlay {overlay['id']}: {overlay['cite']}"
    if overlay["rule"] == "nobody" and record.type == "Patient":
        return None  # only the labelled elements of the demographics go (links.py)
    if overlay["rule"] == "nobody":
        return withhold(overlay["reason"], detail=detail)
    if overlay["rule"] == "home_state" and _at_home(case, overlay["name"]):
        return None
    if any(_releases(consent, overlay, case, record) for consent in case.consents):
        return permit("STATE_RELEASE", detail=detail)
    return withhold(overlay["reason"], detail=detail)


def _at_home(case: Case, overlay: str) -> bool:
    """Whether the recipient is known to be in the holder's state: as stated, or as the overlay's name tells (ca_ab352)."""
    home = case.custodian.state or str(case.context.get("state", "")) or overlay.partition("_")[0].upper()
    return case.recipient.state != "" and case.recipient.state == home


def _releases(consent: Consent, overlay: dict[str, Any], case: Case, record: Record) -> bool:
    """A valid form that names the category, this recipient and this purpose."""
    if consent.denies:
        return False
    named = {word.upper() for word in (*consent.categories, *(consent.content or ()))}
    labels = {label.upper() for label in overlay["labels"]} | ({overlay["id"].upper()} - {"*"})
    return not named.isdisjoint(labels) and matching.miss(consent, case, record, content=consent.content is not None) is None
