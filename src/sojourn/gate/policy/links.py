"""How an answer leaks: scopes, records that point at withheld ones, versions, places and times.

The rule: existence is content.
"""

from __future__ import annotations

import re

from sojourn.gate.policy import overlays, tables
from sojourn.gate.policy.case import Case, Record
from sojourn.gate.policy.findings import PARTIAL, Finding, withhold


def unscoped(case: Case, record: Record) -> Finding | None:
    """170.315(g)(10): SMART scopes narrow by type. A granular scope whose condition cannot be checked here grants nothing."""
    scopes = case.context.get("scopes")
    if scopes is None:
        return None
    granted = (re.fullmatch(r"(?:patient|user|system)/([A-Za-z*]+)\.(?:[cruds]*r[cruds]*|read|\*)", scope) for scope in str(scopes).split())
    return None if any(m and m[1] in ("*", record.type) for m in granted) else withhold("SCOPE_NOT_GRANTED")


_TO_FAMILY = ("MINOR_CONSENT_REQUIRED", "MINOR_CONSENTED_SERVICE", "AUTHORIZATION_REQUIRED")
"""Refusals to a parent, proxy or relative who looks for themselves: that there was such care is not theirs to know either (2.14, 164.502(g))."""


def sharpened(found: Finding, case: Case, record: Record) -> Finding:
    """A lack of permission, said for the place and the channel where it would leak."""
    if case.true("sud_only_facility") and not case.inside and found.reason != "NO_CONSENT":
        return found._replace(duties=found.duties | {"SUPPRESS_EXISTENCE"})  # 2.13(c): whatever the refusal, it may not tell that there is a patient
    if found.reason in _TO_FAMILY and case.recipient.is_("family") and asked_from_outside(case):
        return found._replace(duties=found.duties | {"SUPPRESS_EXISTENCE"})
    if found.reason != "NO_CONSENT":
        return found
    if case.true("sud_only_facility"):
        return withhold("PRESENCE_IS_DISCLOSURE")
    if case.channel in ("fhir_vread", "fhir_history"):
        return withhold("CURRENT_LABELS_APPLY")
    if case.channel in tables.table("channels")["together"] and record.type in tables.table("channels")["about"]:
        return withhold("REVINCLUDE_LEAK")
    if not record.labels:
        return withhold("LABEL_BY_ORIGIN", *(("SUPPRESS_EXISTENCE",) if asked_from_outside(case) else ()))
    return withhold("NO_CONSENT", "SUPPRESS_EXISTENCE") if asked_from_outside(case) else found


def asked_from_outside(case: Case) -> bool:
    """Whether the one who asks is a stranger to the records, so that the answer must look like absence."""
    parties = tables.table("parties")["actors"]
    outside = case.actor.endswith(parties["outside"]) or case.actor == "system" or case.recipient.is_("same_organization")
    return outside or case.channel in tables.table("channels")["asks"] or (case.action == "access" and not case.inside)


def partial(case: Case, record: Record, withheld: list[Record]) -> Finding | None:
    """Whether a record that may go tells of one that may not: because it says so, or because they travel together and it can."""
    if case.inside:
        return None
    channels = tables.table("channels")
    can = channels["points_at"].get(record.type, ()) if case.channel in channels["together"] else ()
    for other in withheld:
        if other.id in record.refers_to or "*" in can or other.type in can:
            return Finding(PARTIAL, "REFERENCE_LEAK")
    return Finding(PARTIAL, "INLINE_LABEL") if record.has("inline") or _hides_address(case, record) else None


def _hides_address(case: Case, record: Record) -> bool:
    """Where the address of someone in danger of violence is protected, the demographics go without it; nothing else that is so labelled goes at all."""
    nobody = [o for o in overlays.in_force(case) if o["rule"] == "nobody"]
    return any(not record.labels.isdisjoint(o["labels"]) for o in nobody)
