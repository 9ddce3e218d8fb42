"""What happened in an episode, in words, by the clock on the wall."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sojourn.care.risk import choices
from sojourn.care.risk.chain import NOBODY, WHY
from sojourn.care.risk.episode import STEP_WORDS, Episode, Event
from sojourn.care.risk.triage import WORDS

TONES = {"high": "red", "moderate": "red", "untriaged": "amber", "low": "amber"}


class Moment(NamedTuple):
    """One line. tone: of its mark; link: to what was answered, or ''."""

    when: str
    day: str
    text: str
    note: str
    tone: str
    link: str


def people(episodes: Iterable[Episode]) -> set[str]:
    """Ids of the Practitioners who are named in them."""
    return {e.who.partition("/")[2] for episode in episodes for e in episode.events if e.who}


def of(episode: Episode, names: Mapping[str, str], zone: ZoneInfo, by: Mapping[str, str] | None = None) -> list[Moment]:
    """The lines, the newest first. by: what people are reached by outside the app, for an episode that is open."""
    made = []
    for e in reversed(episode.events):
        here = e.at.astimezone(zone)
        text, note, tone = _said(e, names.get(e.who.partition("/")[2], "") or e.by or "somebody")
        if e.kind in ("notified", "reminded") and by is not None and e.who:
            note += f"; {f'is reached by {by[e.who]}, too' if e.who in by else 'is reached only in the app'}"
        link = f"/patients/{episode.patient}/forms/answers/{e.about.partition('/')[2]}" if e.about.startswith("QuestionnaireResponse/") else ""
        made.append(Moment(f"{here:%H:%M}", f"{here.day} {here:%b %Y}", text, note, tone, link))
    return made


def _said(e: Event, who: str) -> tuple[str, str, str]:
    step = STEP_WORDS.get(e.step, "")
    match e.kind:
        case "answered":
            seen = "Seen or heard" if e.code == "observed" else "Answered"
            return f"{seen}: {e.text}", f"{WORDS[e.level]} · recorded by {e.by or who}", TONES[e.level]
        case "notified":
            return (f"Told {who}", step, "plain") if e.sees else (f"Asked {who} to hand on", f"{step}; cannot see this chart", "plain")
        case "skipped":
            return (f"Nobody to tell: {step}", WHY[NOBODY], "amber") if e.code == NOBODY else (f"Passed over {who}", f"{step}: {WHY.get(e.code, e.code)}", "plain")
        case "reminded":
            return (f"Told {who} again", step, "amber") if e.who else ("Nobody could be told", "the next look comes by itself", "red")
        case "all-hands":
            return "No answer from anybody", "now before everybody who can see this chart", "red"
        case "paged":
            return f"Paged {who}", "without a name", "plain"
        case "acknowledged":
            return f"{who} has it", "", "teal"
        case "acted":
            return choices.text("action", e.code), " · ".join(filter(None, (e.text, who))), "teal"
        case "passed-on":
            return f"{who} passed it on", e.text, "amber"
        case "closed":
            return f"Closed: {choices.text('disposition', e.code)}", " · ".join(filter(None, (e.text, who))), "teal"
    return e.kind, who, "plain"


def ago(then: datetime, now: datetime) -> str:
    """`4 min ago`, `3 h ago`, `2 days ago`."""
    minutes = max(int((now - then).total_seconds() // 60), 0)
    return "just now" if minutes < 1 else f"{minutes} min ago" if minutes < 120 else f"{minutes // 60} h ago" if minutes < 48 * 60 else f"{minutes // 1440} days ago"


def within(then: datetime, now: datetime) -> str:
    """`in 4 min`; `now` when it is over."""
    minutes = int((then - now).total_seconds() // 60)
    return "within a minute" if minutes < 1 else f"in {minutes} min" if minutes < 120 else f"in {minutes // 60} h"
