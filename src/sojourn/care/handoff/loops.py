"""How far each hand-off is, stage by stage: by whom and when, and what has not come yet.

The stages follow those of IHE 360X (closed loop referral): sent, received, accepted or declined, scheduled, kept, the report, closed.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from sojourn.care.handoff import referral

if TYPE_CHECKING:
    from sojourn.care.handoff.referral import Handoff

STAGES: Final = (("sent", "Sent"), ("acknowledged", "Received"), ("accepted", "Accepted"), ("scheduled", "Appointment made"), ("kept", "Appointment kept"), ("reported", "Report came back"), ("closed", "Closed"))
"""The steps of a loop that closes, in order, in the words of the list."""
_STEPS: Final = tuple(key for key, _ in STAGES)


class Stage(NamedTuple):
    """One. state: done, passed (a later one came without it), next, open, or over (it will not come any more). at: FHIR dateTime, '' where it has not come."""

    key: str
    words: str
    state: str
    at: str = ""
    by: str = ""
    said: str = ""


def _told(handoff: Handoff) -> dict[str, tuple[str, str, str]]:
    """The last telling of each step: when, by whom, what was said."""
    found: dict[str, tuple[str, str, str]] = {}
    for when, by, text in handoff.notes:
        for step, words in referral.STEPS.items():
            if text == words or text.startswith(f"{words}. "):
                found[step] = when, by, text.removeprefix(words).removeprefix(". ")
    return found


def course(handoff: Handoff) -> list[Stage]:
    """Every stage of a loop, with what is known of it. One that ends without a report shows how it ended in place of what follows."""
    told = _told(handoff)
    ended = next((step for step in ("declined", "withdrawn") if handoff.step == step), "")
    at = _STEPS.index("scheduled") if handoff.step == "missed" else _STEPS.index(handoff.step) if handoff.step in _STEPS else -1
    last = max([at, *(_STEPS.index(s) for s in told if s in _STEPS)]) if ended else at
    over = not handoff.open and not ended
    out = []
    for n, (key, words) in enumerate(STAGES):
        if n <= last or over:
            when, by, said = told.get(key, ("", "", ""))
            out.append(Stage(key, words, "done" if when or n in (last, len(STAGES) - 1) else "passed", when, by, said))
        elif ended:
            out.append(Stage(ended, referral.STEPS[ended], "over", *told.get(ended, ("", "", ""))))
            break
        else:
            out.append(Stage(key, words, "next" if n == last + 1 else "open"))
    if handoff.step == "missed":
        out.insert(last + 1, Stage("missed", referral.STEPS["missed"], "over", *told.get("missed", ("", "", ""))))
    return out


def silent(handoff: Handoff, now: datetime) -> bool:
    """Whether the day by which somebody should have been heard is over."""
    return handoff.open and len(handoff.due) > 10 and datetime.fromisoformat(handoff.due) < now  # noqa: PLR2004 - with a time


def waits_for(handoff: Handoff) -> str:
    """What comes next, in words."""
    return {
        "prepared": "Look at it and send it", "sent": "The receiver says that they have it", "acknowledged": "The receiver says whether they take it", "accepted": "The receiver makes an appointment",
        "scheduled": "The appointment", "missed": "Another appointment", "kept": "The report", "reported": "Somebody here reads the report",
    }.get(handoff.step, "")  # fmt: skip
