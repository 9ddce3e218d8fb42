"""What an Access hands over: a version, a page; each with the receipt of its line in the trail."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sojourn.fhir import codec
from sojourn.record.trail import Receipt

__all__ = ["Found", "Receipt", "Stored"]


@dataclass(slots=True)
class Stored:
    """One version of one resource as this caller may see it. It exists only once its audit line is durable.

    body: the JSON bytes to send; None for a deletion. kind: current, create, update or delete.
    """

    type: str
    id: str
    version: str
    updated: datetime
    kind: str
    body: bytes | None
    receipt: Receipt
    mode: str = "match"
    _decoded: dict[str, Any] | None = field(default=None, repr=False)

    @property
    def resource(self) -> dict[str, Any]:
        """The resource decoded; do not change it."""
        if self._decoded is None:
            self._decoded = codec.again(self.body or b"{}")
        return self._decoded


@dataclass(slots=True)
class Found:
    """A page of a search. next: an opaque cursor, or None. total: only when it was asked for. ignored: parameters not used."""

    matches: list[Stored]
    included: list[Stored]
    receipt: Receipt
    next: str | None = None
    total: int | None = None
    ignored: tuple[str, ...] = ()
    count: int = 0

    @property
    def resources(self) -> list[dict[str, Any]]:
        """The matches decoded."""
        return [stored.resource for stored in self.matches]
