"""A clinician's calendar for another program: one secret address, busy times, nothing else.

The address opens this and nothing else: the credential behind it is made from it with the server's key and never leaves the server. It
lasts a year, ends when its owner takes it back, and shows what its owner may see at that moment.
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from sojourn.base import errors, ids
from sojourn.care.scheduling import appointments
from sojourn.care.scheduling.appointments import OPEN, Booked
from sojourn.gate import drafts
from sojourn.gate.access import Access

if TYPE_CHECKING:
    from sojourn.gate.gate import Gate

DOOR = "calendar"
DAYS = 365
_KEY = "calendar-feed"
_BACK, _AHEAD = timedelta(days=14), timedelta(days=90)


def _credential(access_or_gate: Access | Gate, secret: str) -> str:
    return access_or_gate.house.key.derive(f"calendar-feed:{secret}", 32).hex()


async def address(access: Access) -> str:
    """The secret of the caller's feed, or ''."""
    kept = await drafts.kept(access, _KEY)
    return kept.body.decode() if kept else ""


async def begin(access: Access, gate: Gate) -> str:
    """A new secret; the one before stops at once. Raises Forbidden for an account that stands for nobody."""
    if not access.caller.agent:
        raise errors.Forbidden("Only a person who sees clients has a calendar.")
    await end(access, gate)
    secret = ids.new_token("calendar")
    await gate.identity.issue(access.tenant, access.caller.account, kind="token", door=DOOR, life=timedelta(days=DAYS), token=_credential(access, secret))
    await drafts.keep(access, _KEY, secret.encode())
    await access.note(access.entry("calendar-begin", "Appointment", "feed"))
    return secret


async def end(access: Access, gate: Gate) -> None:
    """Take it back: the address answers like one that never was, from now on."""
    if secret := await address(access):
        await gate.identity.revoke(_credential(access, secret))
        await drafts.drop(access, _KEY)
        await access.note(access.entry("calendar-end", "Appointment", "feed"))


async def busy(gate: Gate, secret: str) -> bytes | None:
    """The calendar behind a secret as iCalendar, or None."""
    access = await gate.bearer(_credential(gate, secret))
    if access is None or access.caller.door != DOOR or not access.caller.agent or not access.may("Appointment", "search"):
        return None
    booked = await appointments.between(access, access.now - _BACK, access.now + _AHEAD, actors=[access.caller.agent], statuses=(*OPEN, "arrived", "fulfilled"))
    return calendar(booked, access.house.key.derive(f"calendar-ids:{secret}", 32), access.now)


def calendar(booked: list[Booked], key: bytes, now: datetime) -> bytes:
    """Busy times as iCalendar (RFC 5545). Times that overlap are one: a group is one block, however many come to it."""
    spans: list[list[datetime]] = []
    for b in sorted((b for b in booked if b.start and b.end), key=lambda b: b.start or now):
        assert b.start is not None and b.end is not None  # noqa: PT018 - sorted out above
        if spans and b.start < spans[-1][1]:
            spans[-1][1] = max(spans[-1][1], b.end)
        else:
            spans.append([b.start, b.end])
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Sojourn//Busy times//EN", "METHOD:PUBLISH", "X-PUBLISHED-TTL:PT15M"]
    for start, end_ in spans:
        uid = hmac.digest(key, f"{start.timestamp()}/{end_.timestamp()}".encode(), sha256).hex()[:32]
        lines += ["BEGIN:VEVENT", f"UID:{uid}", f"DTSTAMP:{_utc(now)}", f"DTSTART:{_utc(start)}", f"DTEND:{_utc(end_)}", "SUMMARY:Busy", "CLASS:PRIVATE", "TRANSP:OPAQUE", "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


