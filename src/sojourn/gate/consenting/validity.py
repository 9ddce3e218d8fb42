"""From when until when a Consent acts: dates, event, confirmation, end. A comparison, never a job."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sojourn.fhir import dates
from sojourn.gate.consenting import terms
from sojourn.gate.consenting.terms import Resource

FOREVER = datetime.max.replace(tzinfo=UTC)
EVER = datetime(1, 1, 1, tzinfo=UTC)

_AHEAD, _BEHIND = timedelta(hours=14), timedelta(hours=12)
"""By how much a day begins earlier than in UTC where it begins first (UTC+14), and ends later where it ends last (UTC-12)."""

_NO_END = frozenset({"none", "no expiration", "does not expire"})


def window(consent: Resource, *, guards: bool = False) -> tuple[datetime, datetime] | None:
    """The half-open time within which it acts; None for one that never does. guards: of what it forbids or keeps apart.

    A consent that is over keeps the window that it had, so that it can be explained later: revoking is not undoing.
    """
    period = terms.root(consent).get("period") or {}
    if guards:
        start = max(guarded_from(period.get("start")), guarded_from(consent.get("dateTime")))
        end = min(guarded_until(period.get("end"), end=True), _event(consent, guards=True), guarded_until(terms.value(consent, terms.ENDED_AT)))
    else:
        start = max(moment(period.get("start"), EVER), moment(consent.get("dateTime"), EVER))
        end = min(moment(period.get("end"), FOREVER, end=True), _event(consent), ended_at(consent))
    status = consent.get("status")
    if status == "inactive":
        if not terms.value(consent, terms.ENDED_AT):
            return None
        end = min(end, moment((consent.get("meta") or {}).get("lastUpdated"), EVER))
    elif status != "active":
        return None
    return (start, end) if start < end else None


def moment(text: Any, default: datetime, *, end: bool = False) -> datetime:
    """A FHIR date or dateTime as a moment: its first, or the first after it."""
    if not isinstance(text, str) or not text:
        return default
    return dates.bounds(text)[1 if end else 0]


def guarded_from(text: Any) -> datetime:
    """When what withholds begins: a day when it begins anywhere, so that nobody east of UTC waits for what they forbade this morning."""
    return _elsewhere(text, moment(text, EVER), -_AHEAD)


def guarded_until(text: Any, *, end: bool = False) -> datetime:
    """When what withholds is over: a day as late as anywhere."""
    return _elsewhere(text, moment(text, FOREVER, end=end), _BEHIND)


def _elsewhere(text: Any, found: datetime, by: timedelta) -> datetime:
    """A moment as it is; the edge of a day, month or year moved."""
    if not isinstance(text, str) or not text or "T" in text:
        return found
    try:
        return found + by
    except OverflowError:
        return found


def ended_at(consent: Resource) -> datetime:
    """When somebody ended it."""
    return moment(terms.value(consent, terms.ENDED_AT), FOREVER)


def waits_for_event(consent: Resource) -> bool:
    """Whether it ends with an event or condition that nobody has recorded yet (42 CFR 2.31(a)(7))."""
    if terms.value(consent, terms.EVENT_OCCURRED) or terms.root(consent).get("type") == "deny":
        return False
    if terms.value(consent, terms.EXPIRY_EVENT):
        return True
    text = terms.value(consent, terms.EXPIRY_TEXT)
    ends = (terms.root(consent).get("period") or {}).get("end")
    return isinstance(text, str) and not unending(text) and not ends


def unending(text: str) -> bool:
    """Whether words about the end say that there is none."""
    return text.strip().rstrip(".").casefold() in _NO_END


def confirmed_until(consent: Resource) -> datetime:
    """Until when somebody's word that the event has not come yet is good."""
    said = min(moment(terms.value(consent, terms.EVENT_CONFIRMED), EVER), moment((consent.get("meta") or {}).get("lastUpdated"), FOREVER))
    last = max(said, moment(consent.get("dateTime"), EVER))
    return last + timedelta(days=int(terms.forms()["confirm_every_days"])) if last > EVER else EVER


def _event(consent: Resource, *, guards: bool = False) -> datetime:
    """An event ends it when it came. Until a machine can tell, a person has to say now and then that it has not."""
    if occurred := terms.value(consent, terms.EVENT_OCCURRED):
        return guarded_until(occurred) if guards else moment(occurred, EVER)
    return confirmed_until(consent) if waits_for_event(consent) else FOREVER
