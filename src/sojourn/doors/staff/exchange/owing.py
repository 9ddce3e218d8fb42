"""What is overdue by a contract, in words."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sojourn.doors.staff.exchange.words import age
from sojourn.gate.exchange import profile
from sojourn.gate.exchange.terms import CLOSINGS, DOORS

if TYPE_CHECKING:
    from sojourn.gate.exchange.contracts import Owed


def kind_text(way: str, kind: str) -> str:
    """A kind of message in words."""
    if not kind:
        return "Whatever they send"
    if kind in DOORS:
        return DOORS[kind]
    words = profile.KINDS.get(kind, "")
    return f"{words} ({kind.replace('^', ' ')})" if words and way == "out" else kind.replace("^", " ")


def line(owed: Owed, now: datetime) -> dict[str, str]:
    """What is overdue by one term, in words."""
    closing, n = CLOSINGS[owed.term.closes], owed.n
    return {
        "partner": owed.partner.name, "id": owed.partner.id, "what": f"{n} {'message' if n == 1 else 'messages'}: {kind_text(owed.term.direction, owed.term.kind)}",
        "term": f"{closing.acts} act within {owed.term.hours} {'hour' if owed.term.hours == 1 else 'hours'}: {closing.words}.", "late": age(owed.due, now),
    }  # fmt: skip
