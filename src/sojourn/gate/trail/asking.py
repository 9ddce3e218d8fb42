"""A FHIR search for AuditEvents becomes a wish for lines; docs/audit.md says what is offered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sojourn.base import errors
from sojourn.base.digits import digits
from sojourn.fhir import codec, dates
from sojourn.gate.found import Found, Stored
from sojourn.gate.trail import events
from sojourn.gate.trail.lines import PAGE, Line, Wish, page

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.record.trail import Receipt

PARAMS = ("_id", "patient", "agent", "altid", "date", "_lastUpdated", "action", "subtype", "outcome", "entity", "_count", "_sort")
MAX_PAGE = 500
_OUTCOMES = {"0": "done", "4": "absent", "8": "denied"}


def generated(access: Access) -> bool:
    """Whether AuditEvents are made from the trail for this caller: those who oversee it, patients, and who acts for them."""
    return access.may("AuditEvent", "trail") or access.caller.kind in ("patient", "proxy")


async def read(access: Access, id_: str) -> Stored | None:
    """The AuditEvent of a line that this caller may know, or None. Raises Forbidden."""
    found = events.parts_of(id_)
    if found is None:
        return None
    request, moment = found
    wish = Wish(request=request, since=moment, until=moment + timedelta(microseconds=1), patient=_self(access))
    lines = await page(access, wish, action="read")
    return next((_stored(access, line, wish.patient, lines.receipt) for line in lines.lines if events.event_id(access.house.key, line) == id_), None)


async def search(access: Access, params: Sequence[tuple[str, str]], *, cursor: str | None = None, lenient: bool = False) -> Found:
    """A page of AuditEvents, newest first. Raises Forbidden, Malformed or, for what is not offered, NotSupported."""
    asked = _Asked()
    for name, value in params:
        if not _take(asked, name, value):
            if not lenient:
                raise errors.NotSupported(f"AuditEvents cannot be searched by {name[:64]} here; {', '.join(PARAMS)} can be used.")
            asked.ignored.append(name)
    wish = asked.wish
    if wish.patient is None and (own := _self(access)) is not None:
        wish = wish._replace(patient=own)
    found = await page(access, wish, count=min(asked.count, MAX_PAGE), cursor=cursor) if asked.count else None
    if found is None:
        raise errors.NotSupported("AuditEvents are not counted here; _count must be 1 or more.")
    matches = [_stored(access, line, wish.patient, found.receipt) for line in found.lines]
    return Found(matches, [], found.receipt, found.next, None, tuple(asked.ignored), asked.count)


def _self(access: Access) -> str | None:
    """The patient whose own trail a patient's search is about."""
    kind, _, id_ = (access.caller.agent or "").partition("/")
    return id_ if access.caller.kind == "patient" and kind == "Patient" else None


def _stored(access: Access, line: Line, patient: str | None, receipt: Receipt) -> Stored:
    resource = events.event(access.house.key, access.house.base, line, patient)
    return Stored("AuditEvent", resource["id"], "1", line.recorded, "current", codec.dumps(resource), receipt)


@dataclass(slots=True)
class _Asked:
    wish: Wish = field(default_factory=Wish)
    count: int = PAGE
    ignored: list[str] = field(default_factory=list)


def _take(asked: _Asked, name: str, value: str) -> bool:
    """Add one parameter to what is asked; whether it is offered."""
    code, _, modifier = name.partition(":")
    if modifier and not (code == "patient" and modifier == "Patient") and not (code in ("agent", "entity") and modifier.isalpha()):
        return False
    wish = asked.wish
    if code == "patient":
        asked.wish = wish._replace(patient=value.removeprefix("Patient/"))
    elif code in ("agent", "altid"):
        asked.wish = wish._replace(account=f"{modifier}/{value}" if modifier and "/" not in value else value)
    elif code == "entity":
        asked.wish = wish._replace(entity="/".join((f"{modifier}/{value}" if modifier and "/" not in value else value).split("/")[:2]))
    elif code in ("date", "_lastUpdated"):
        asked.wish = _dated(wish, value)
    elif code == "action":
        asked.wish = _only(wish, [a for a, kind in events.KINDS.items() if kind.action in {v.rpartition("|")[2] for v in value.split(",")}])
    elif code == "subtype":
        codes = {v.rpartition("|")[2] for v in value.split(",")}
        asked.wish = _only(wish, [a for a, kind in events.KINDS.items() if kind.subtype and kind.subtype[1] in codes])
        if codes == {"disclose"}:
            asked.wish = wish._replace(outside=True, outcome="done")
    elif code == "outcome":
        asked.wish = wish._replace(outcome=_OUTCOMES.get(value.rpartition("|")[2], value))
    elif code == "_id":
        found = events.parts_of(value)
        moment = found[1] if found else wish.since
        asked.wish = wish._replace(request=found[0] if found else "", since=moment, until=moment + timedelta(microseconds=1))
    elif code == "_count":
        if not digits(value):
            raise errors.Malformed("_count must be a whole number.")
        asked.count = int(value)
    elif code == "_sort":
        return value in ("-date", "-_lastUpdated")
    else:
        return False
    return True


def _only(wish: Wish, actions: list[str]) -> Wish:
    return wish._replace(actions=actions if wish.actions is None else [a for a in actions if a in wish.actions])


def _dated(wish: Wish, value: str) -> Wish:
    prefix, text = (value[:2], value[2:]) if value[:2].isalpha() else ("eq", value)
    try:
        low, high = dates.bounds(text.replace(" ", "+"))
    except ValueError:
        raise errors.Malformed("A date must be written as 2026-03-01 or 2026-03-01T12:00:00Z, with a prefix if wanted.") from None
    since: datetime | None = {"eq": low, "ge": low, "gt": high, "sa": high}.get(prefix)
    until: datetime | None = {"eq": high, "le": high, "lt": low, "eb": low}.get(prefix)
    if since is None and until is None:
        raise errors.NotSupported("Dates of AuditEvents can be compared with eq, ge, gt, le, lt, sa and eb.")
    return wish._replace(since=max(wish.since, since or wish.since), until=min(wish.until, until or wish.until))
