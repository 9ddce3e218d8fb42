"""The nouns of an incident: the report, its notifications, what was found, what the committee decided."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

NEAR_MISS: Final = "near-miss"
LONGEST: Final = 20_000
"""Characters of one text."""


@lru_cache(maxsize=1)
def _choices() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads((Path(__file__).parent / "choices.toml").read_text("utf-8"))


TYPES: Final[Mapping[str, str]] = _choices()["types"]
HARM: Final[Mapping[str, str]] = _choices()["harm"]
FACTORS: Final[Mapping[str, str]] = _choices()["factors"]
HARM_ORDER: Final = tuple(HARM)


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification that has to be made. due: a moment, as ISO text; done: when it was made, '' before; to whom, how, reference: its proof.

    waived: why it does not have to be made. by: who says so. basis: by which rule, and whether it is verified.
    """

    key: str
    to: str
    due: str
    basis: str
    done: str = ""
    whom: str = ""
    how: str = ""
    reference: str = ""
    by: str = ""
    waived: str = ""

    @property
    def open(self) -> bool:
        """Whether it still has to be made."""
        return not self.done and not self.waived

    @property
    def moment(self) -> datetime:
        """When it is due."""
        return datetime.fromisoformat(self.due)


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody who was told of a missed deadline. step: of the chain."""

    notice: str
    step: str
    who: str
    at: str


@dataclass(frozen=True, slots=True)
class Incident:
    """A report. happened, learned: moments as ISO texts; place: words; state: of the law, `NY`; clients: ids of Patients; staff, about: references.

    Clients are chosen, not written: no field of text is meant to hold a name. people: how many are concerned, of a breach. minor: whether one is.
    reporter: name, '' for somebody who stays unnamed.
    """

    kind: str = ""
    harm: str = "unknown"
    happened: str = ""
    learned: str = ""
    place: str = ""
    program: int = 0
    state: str = ""
    what: str = ""
    done: str = ""
    witnesses: str = ""
    clients: tuple[str, ...] = ()
    staff: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    minor: bool = False
    people: int = 0
    reporter: str = ""
    notices: tuple[Notice, ...] = ()
    told: tuple[Told, ...] = ()
    cause: str = ""
    factors: tuple[str, ...] = ()
    committee: Mapping[str, str] = field(default_factory=dict)
    """met, members, found, decided; signed, signed_at: who signed off and when."""
    chart: str = ""
    """What the chart is to say, before the report is sent; nothing of it stays afterwards."""
    note: str = ""
    """The client into whose chart a note was begun before it was sent."""

    def packed(self) -> bytes:
        """As bytes to be sealed."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":")).encode()

    @property
    def near(self) -> bool:
        """Whether it was stopped in time."""
        return self.harm == NEAR_MISS

    @property
    def texts(self) -> str:
        """Everything that was typed, to look for names in it."""
        return "\n".join((self.place, self.what, self.done, self.witnesses, self.cause, *self.committee.values()))

    def next_due(self) -> datetime | None:
        """The next moment at which a notification is due."""
        return min((n.moment for n in self.notices if n.open), default=None)

    def with_notice(self, key: str, **more: str) -> Incident:
        """With one notification changed."""
        return replace(self, notices=tuple(replace(n, **more) if n.key == key else n for n in self.notices))


def unpacked(body: bytes) -> Incident:
    """A report again; a field that is no more is left out."""
    raw: dict[str, Any] = {k: v for k, v in json.loads(body).items() if k in Incident.__slots__}
    raw["notices"] = tuple(Notice(**n) for n in raw.get("notices", ()))
    raw["told"] = tuple(Told(**t) for t in raw.get("told", ()))
    for name in ("clients", "staff", "about", "factors"):
        raw[name] = tuple(raw.get(name, ()))
    return Incident(**raw)


def at_least(harm: str, least: str) -> bool:
    """Whether harm is as bad as another or worse. What is not known is taken as the worst: better one notification too many."""
    return HARM_ORDER.index(harm if harm in HARM else "unknown") >= HARM_ORDER.index(least)
