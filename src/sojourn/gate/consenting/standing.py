"""How a Consent stands: what to call it, and whether somebody has to do something about it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from sojourn.gate.consenting import elements, terms, validity
from sojourn.gate.consenting.terms import Resource


class Standing(NamedTuple):
    """key: in_force, lapsed, void, draft, requested, agreed, refused, later, expired, revoked, replaced or ended. todo: who sees it must act."""

    key: str
    word: str
    tone: str
    todo: str = ""


def standing(consent: Resource, now: datetime) -> Standing:
    """As of a moment; the same comparisons that its grants were made from."""
    status = str(consent.get("status"))
    if status == "draft":
        return Standing("draft", "Not signed yet", "amber", "Finish it and have it signed, or discard it.")
    if status == "proposed":
        return Standing("requested", "To be decided", "amber", "Decide on the request.")
    if status == "rejected":
        return Standing("refused", "Not agreed to", "plain")
    denies = terms.root(consent).get("type") == "deny"
    ended = validity.guarded_until(terms.value(consent, terms.ENDED_AT)) if denies else validity.ended_at(consent)
    if status == "inactive" or ended <= now:
        return _over(consent)
    if status != "active":
        return Standing("ended", "Entered in error", "plain")
    if terms.root(consent).get("type") == "permit" and elements.void(consent):
        return Standing("void", "Not valid: something is missing", "red", "Have a complete form signed. Until then it permits nothing.")
    window = validity.window(consent, guards=denies)
    if window is not None and now < window[0]:
        return Standing("later", "Begins later", "plain")
    if window is None or window[1] <= now:
        if validity.waits_for_event(consent) and not _past_date(consent, now):
            return Standing("lapsed", "Waits for a confirmation", "amber", "Say whether the event with which it ends has come. Until then it permits nothing.")
        return Standing("expired", "Expired", "plain")
    if terms.kind_of(consent) == "patient_directive_deny":
        return Standing("agreed", "Restriction in force", "good")
    return Standing("in_force", "In force", "good")


def _over(consent: Resource) -> Standing:
    how = terms.value(consent, terms.ENDED_HOW)
    words = {"revoked": ("revoked", "Taken back"), "replaced": ("replaced", "Replaced by a newer one"), "overtaken": ("replaced", "Ended by a later permission")}
    key, word = words.get(str(how), ("ended", "No longer in force"))
    return Standing(key, word, "plain")


def _past_date(consent: Resource, now: datetime) -> bool:
    return validity.moment((terms.root(consent).get("period") or {}).get("end"), validity.FOREVER, end=True) <= now or bool(terms.value(consent, terms.EVENT_OCCURRED))


def ends_on(consent: Resource) -> datetime | None:
    """When it stops by itself, as far as that is known; for an event: until when the last word about it is good."""
    window = validity.window(consent, guards=terms.root(consent).get("type") == "deny")
    return window[1] if window is not None and window[1] < validity.FOREVER else None


def expiring(consent: Resource, now: datetime) -> bool:
    """Whether it is in force and stops by itself within the days after which it stands in the queue."""
    end = ends_on(consent)
    return end is not None and now < end <= now + timedelta(days=int(terms.forms()["expiring_days"])) and consent.get("status") == "active"
