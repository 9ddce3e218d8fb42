"""Who is told next; the away and the off-duty are passed over, and that is written down."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sojourn.care.risk.episode import ALL_HANDS, LAST, NOTIFIED, REMINDED, SKIPPED, STEPS, Event, State

AWAY, OFF_DUTY, NO_ACCOUNT, NOBODY = "away", "off-duty", "no-account", "nobody"
WHY = {AWAY: "away", OFF_DUTY: "off duty", NO_ACCOUNT: "has no account", NOBODY: "nobody is written down"}


class Candidate(NamedTuple):
    """Somebody at one step. why: the reason to pass them over, or ''. account: with which they sign in. sees: whether they can see the client."""

    who: str
    why: str = ""
    account: str = ""
    sees: bool = True


People = Sequence[Sequence[Candidate]]
"""By step, in the order of STEPS."""


def advance(state: State, people: People, now: datetime) -> list[Event]:
    """What happens when the next person is due. Never nothing: at the end of the chain everybody left is told again."""
    events: list[Event] = []
    told = set(state.told)
    for n in range(state.tried + 1, len(STEPS)):
        reached = False
        if not people[n]:
            events.append(Event(SKIPPED, now, step=STEPS[n], code=NOBODY))
        for one in people[n]:
            if one.why or not one.account:
                events.append(Event(SKIPPED, now, one.who, step=STEPS[n], code=one.why or NO_ACCOUNT))
            elif one.who not in told:
                # Who cannot see the client is asked to hand on, and the chain does not wait for them.
                told.add(one.who)
                events.append(Event(NOTIFIED, now, one.who, step=STEPS[n], sees=one.sees))
                reached = reached or one.sees
        if reached:
            return events
    if not state.all_hands:
        events.append(Event(ALL_HANDS, now))
    just = {e.who for e in events if e.kind == NOTIFIED}
    again = [one for one in last(people) if one.who not in just]
    for one in again:
        events.append(Event(REMINDED if one.who in told else NOTIFIED, now, one.who, step=STEPS[LAST], sees=one.sees))
    if not any(e.kind in (NOTIFIED, REMINDED) and e.sees for e in events):
        events.append(Event(REMINDED, now, step=STEPS[LAST], code=NOBODY))
    return events


def last(people: People) -> list[Candidate]:
    """Who is asked again and again: the last step with anybody who can see and is not away; off duty is no reason then, and in the end neither is away."""
    for may in (lambda c: c.why != AWAY and c.sees, lambda c: c.sees, lambda _: True):
        for step in reversed(people):
            if found := [c for c in step if c.account and may(c)]:
                return found
    return []
