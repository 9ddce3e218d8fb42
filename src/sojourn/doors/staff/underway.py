"""A document on its way to a partner, as the page of what it belongs to shows it."""

from __future__ import annotations

from typing import Any, Final

from sojourn.doors.staff.words import day_and_time
from sojourn.gate.exchange import posting
from sojourn.gate.exchange.keeping import ASIDE, FAILED, HELD, MAPPED, RECEIVED, REVIEW
from sojourn.gate.exchange.ways import DOORS

_STATES: Final = {RECEIVED: ("on its way", "plain"), REVIEW: ("to be printed", "amber"), HELD: ("held by whoever looks after messages", "amber"), FAILED: ("did not leave", "red"), MAPPED: ("arrived", "good"), ASIDE: ("did not leave", "amber")}


def under_way(one: posting.State) -> dict[str, Any]:
    """A document on its way, in words."""
    by = f" by {DOORS[one.way].title.lower()}" if one.way in DOORS else ""
    return {"id": one.id, "state": _STATES[one.state], "what": "Waits for you" if one.state == REVIEW else f"Sent{by}" if one.state == MAPPED else f"Last tried{by}" if by else "Not tried yet", "why": one.reason, "when": day_and_time(one.updated), "prints": one.state == REVIEW}
