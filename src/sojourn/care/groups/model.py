"""The nouns of a group session: its shared part and each client's own, as they are sealed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

PRESENT, LATE, EARLY, NO_SHOW, EXCUSED = "present", "late", "left-early", "no-show", "excused"
ATTENDANCE: Final[Mapping[str, str]] = {PRESENT: "Present", LATE: "Came late", EARLY: "Left early", NO_SHOW: "Did not come", EXCUSED: "Excused"}
"""How somebody attended, in the order of the keys 1 to 5."""
HERE: Final = (PRESENT, LATE, EARLY)
AWAY: Final = (NO_SHOW, EXCUSED)
GROUP: Final = "group"
"""The section of the note's template that the shared part becomes; the others are each client's own."""
LONGEST: Final = 20_000
"""Characters of one text."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What holds for everybody: no names. track: id of the group, room: of its Location; zone: IANA name; template, service: keys of notes."""

    topic: str = ""
    intervention: str = ""
    process: str = ""
    materials: str = ""
    service: str = ""
    modality: str = ""
    language: str = ""
    track: str = ""
    name: str = ""
    room: str = ""
    zone: str = "America/New_York"
    template: str = "group"
    window: str = ""
    turn: int = 0

    def text(self) -> str:
        """The words that each note takes over."""
        parts = (("Topic", self.topic), ("Intervention", self.intervention), ("Group process", self.process), ("Materials", self.materials))
        return "\n".join(f"{label}: {said.strip()}" for label, said in parts if said.strip())


@dataclass(frozen=True, slots=True)
class Own:
    """One client's part. came, left: wall-clock times `HH:MM`. sections: by key of the template. episode: whether danger was passed on.

    done: what was done at once where there is danger, of the list `groups.danger-done`.
    """

    patient: str
    appointment: str = ""
    attendance: str = ""
    came: str = ""
    left: str = ""
    modality: str = ""
    sections: Mapping[str, str] = field(default_factory=dict)
    objectives: tuple[str, ...] = ()
    no_objective: str = ""
    diagnoses: tuple[str, ...] = ()
    risk: str = ""
    risk_note: str = ""
    done: tuple[str, ...] = ()
    passed_on: bool = False
    window: str = ""
    """Which open page wrote it last, and its turn there: a page never contradicts itself, and an old save never undoes a new one."""
    turn: int = 0

    @property
    def here(self) -> bool:
        """Whether they were there, for the whole time or for a part."""
        return self.attendance in HERE

    def text(self) -> str:
        """Their own words, all of them."""
        return "\n".join(text for text in self.sections.values() if text.strip())

    def found(self) -> str:
        """What was done about danger, and what was found, in one text: as it stands in the note."""
        return " ".join(f"{said.strip().rstrip('.')}." for said in (*self.done, self.risk_note) if said.strip())

    def words(self) -> int:
        """How many words that is."""
        return len(self.text().split())

    def emptied(self) -> Own:
        """What stays after the note is in the chart: who it was and how long they came; no text."""
        return replace(self, sections={}, objectives=(), no_objective="", diagnoses=(), risk="", risk_note="", done=())


def packed(what: Shared | Own) -> bytes:
    """As bytes to be sealed."""
    return json.dumps(asdict(what), ensure_ascii=False, separators=(",", ":")).encode()


def shared(body: bytes) -> Shared:
    """The shared part again."""
    return Shared(**_known(Shared, json.loads(body)))


def own(body: bytes) -> Own:
    """A client's part again."""
    raw = _known(Own, json.loads(body))
    return Own(**{**raw, "objectives": tuple(raw.get("objectives", ())), "diagnoses": tuple(raw.get("diagnoses", ())), "done": tuple(raw.get("done", ()))})


def _known(kind: type[Shared | Own], raw: dict[str, Any]) -> dict[str, Any]:
    """What this version knows of it: a field that is no more is left out."""
    return {k: v for k, v in raw.items() if k in kind.__slots__}
