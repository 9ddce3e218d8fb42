"""What an explanation is made of, as words for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sojourn.gate.explaining import words

YES, NO, NOTE = "yes", "no", "note"
"""How a step came out: it lets pass, it stops, or it only tells something."""

SEEN, IN_PART, WITHHELD, DELETED, ABSENT = "seen", "seen in part", "withheld", "deleted", "not there"
"""How the whole comes out. `seen in part`: without what is kept from this caller."""


@dataclass(frozen=True, slots=True)
class Step:
    """One reason. rows: the rules and rows that it rests on. law: the section that asks for it."""

    step: str
    outcome: str
    words: str
    rows: tuple[Mapping[str, Any], ...] = ()
    law: str = ""

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {"step": self.step, "outcome": self.outcome, "words": self.words, "law": self.law, "rows": [plain(r) for r in self.rows]}


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why one caller can or cannot see one resource. view: `now`, `then` (as known then) or `hindsight` (then, as known now)."""

    who: str
    purpose: str
    resource: str
    patient: str | None
    view: str
    at: datetime
    known: datetime
    outcome: str
    steps: tuple[Step, ...] = field(default=())

    @property
    def allowed(self) -> bool:
        """Whether anything of it is handed over."""
        return self.outcome in (SEEN, IN_PART)

    @property
    def decisive(self) -> Step:
        """The step that stopped it; the decision itself where nothing did."""
        return next((s for s in self.steps if s.outcome == NO), self.steps[-1])

    @property
    def consents(self) -> list[str]:
        """What it rests on: consents as Consent/id, declared emergencies."""
        found = {str(row["consent"]) for s in self.steps if s.step == "consent" for row in s.rows if row.get("holds")}
        return sorted(words.consent(c) for c in found)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "who": self.who, "purpose": self.purpose, "resource": self.resource, "patient": self.patient, "view": self.view, "at": self.at.isoformat(),
            "known": self.known.isoformat(), "outcome": self.outcome, "decisive": self.decisive.step, "consents": self.consents,
            "steps": [s.as_json() for s in self.steps],
        }  # fmt: skip


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with moments as text; without beginning or end: null."""
    return {key: _plain(value) for key, value in row.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return None if value.year in (1, 9999) else value.isoformat()
    if isinstance(value, tuple | list | set | frozenset):
        return [_plain(v) for v in value]
    return value
