"""What one rule found: permit or withhold, for which reason, with which duties, and the citation."""

from __future__ import annotations

from typing import Any, NamedTuple

from sojourn.gate.policy.tables import table

PERMIT, WITHHOLD, PARTIAL = "permit", "withhold", "partial"


class Finding(NamedTuple):
    """The answer of one rule about one record. The words and citations of a reason are in data/reasons.toml."""

    effect: str
    reason: str
    detail: str = ""
    duties: frozenset[str] = frozenset()
    """Obligations beside those that the reason always brings."""

    @property
    def permits(self) -> bool:
        """Whether the rule lets the record go."""
        return self.effect == PERMIT

    @property
    def entry(self) -> dict[str, Any]:
        """The reason's line in the table."""
        return dict(table("reasons")[self.reason])

    @property
    def rank(self) -> tuple[int, str]:
        """Place among several reasons: the order of the steps, then the name, so that the order of records never matters."""
        return (int(self.entry["rank"]), self.reason)

    @property
    def adds(self) -> frozenset[str]:
        """All obligations that it brings."""
        return self.duties | frozenset(self.entry.get("adds", ()))

    def flag(self, name: str) -> bool:
        """A yes or no of the reason's line."""
        return bool(self.entry.get(name))

    def words(self) -> str:
        """The sentence for people."""
        return f"{self.entry['says']}{f' ({self.detail})' if self.detail else ''}"


def permit(reason: str, *duties: str, detail: str = "") -> Finding:
    """A rule that lets the record go."""
    return Finding(PERMIT, reason, detail, frozenset(duties))


def withhold(reason: str, *duties: str, detail: str = "") -> Finding:
    """A rule that keeps it."""
    return Finding(WITHHOLD, reason, detail, frozenset(duties))
