"""The terms of a contract, as data: what closes an exchange, who acts, within how many hours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

DONE, TAKEN, ANSWERED, ARRIVED = "done", "taken", "answered", "arrived"
FILES, BROUGHT, LETTERS, SENT = "door:sftp", "door:mhd", "door:direct", "door:document"
"""In the place of a kind of message: whatever comes or goes by a door."""
DOORS: Final[Mapping[str, str]] = {FILES: "Files (SFTP)", BROUGHT: "Documents that they bring (MHD)", LETTERS: "Direct messages", SENT: "Documents, by their ways"}
_ORDERS: Final = ("ORM^O01", "OML^O21")


class Closing(NamedTuple):
    """Something that closes an exchange. acts: who has to act, in words; words: what closes it. kinds: of which messages it can be said; none: of all."""

    direction: str
    acts: str
    words: str
    kinds: tuple[str, ...] = ()


CLOSINGS: Final[Mapping[str, Closing]] = {
    DONE: Closing("in", "We", "it is filed, or somebody here has set it aside"),
    TAKEN: Closing("out", "They", "they acknowledge that they took it (AA or CA)"),
    ANSWERED: Closing("out", "They", "something about the same order comes and is filed, or the order is cancelled", _ORDERS),
    ARRIVED: Closing("out", "They", "it arrived, as their system, their fax or whoever printed it says", (SENT,)),
}
"""By the word under which they are kept."""


class Term(NamedTuple):
    """One. kind: of messages, one of DOORS, '' for any. hours: within which it is closed, from when it came or was made. since: what is older does not count."""

    direction: str
    kind: str
    closes: str
    hours: int
    since: datetime = datetime(1970, 1, 1, tzinfo=UTC)


def of(agreed: Mapping[str, Any]) -> tuple[Term, ...]:
    """Those that were agreed with a partner; what a newer version knows beside is left out."""
    said = agreed.get("terms") or ()
    return tuple(Term(t["direction"], t["kind"], t["closes"], int(t["hours"]), datetime.fromisoformat(t["since"])) for t in said if t.get("closes") in CLOSINGS)


def facts(terms: Iterable[Term]) -> list[dict[str, Any]]:
    """As they are kept."""
    return [t._asdict() | {"since": t.since.isoformat()} for t in terms]


def usual(kind: str, closes: str) -> int:
    """Hours that are proposed where nothing was agreed yet: a custom of this house, no rule of anybody's."""
    if closes == ANSWERED:
        return 72
    return 24 if closes == DONE or kind in _ORDERS else 48
