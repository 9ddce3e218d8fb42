"""What is asked to be changed, and what became of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sojourn.base import ids
from sojourn.gate.closing import Act
from sojourn.gate.found import Stored
from sojourn.gate.labels import NOTHING, Facts


@dataclass(slots=True)
class Change:
    """One wish. kind: create, update, patch or delete.

    id: the target, or for a create one that the caller's code (not the outside caller) chose. patch: from the view to the new
    resource, raising Invalid or NotSupported. if_match: the version that the change was made from.
    upsert: may create with the given id (imports only). program: the one that makes it, where that is not the caller's acting one. plain: found out on the way, whether what everybody
    may see changes.
    """

    kind: str
    type: str
    id: str = ""
    resource: dict[str, Any] | None = None
    patch: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    if_match: str | None = None
    upsert: bool = False
    program: int | None = None
    plain: bool = True
    closing: Act | None = None
    """What it does to the state of a signed document; only rooms that sign say so."""
    consenting: str = ""
    """What it does to a Consent (consenting/entering.py); only the acts of signing and ending say so."""
    room: str = ""
    """The room that makes it, where nobody but the room may (consequences.Consequence.keeps); no door says one."""
    unlabel: tuple[str | int, ...] = ()
    """The element whose label it takes off and nothing else (elementlabels.py)."""
    by: tuple[frozenset[str], ...] = ()
    """Where it hangs on references alone whether everybody may see that something changes: on which (plainly.Told)."""
    base: Any = field(default=None, repr=False)
    before: dict[str, Any] = field(default_factory=dict, repr=False)
    view: dict[str, Any] = field(default_factory=dict, repr=False)
    """What its author saw before."""
    sent: dict[str, Any] | None = field(default=None, repr=False)
    """What its author wants it to be."""
    facts: Facts = field(default=NOTHING, repr=False)
    """What was decided about its label."""
    owed: int = 0
    """Laws that reached it from elsewhere, and that its bytes do not say yet: the feed puts them in (labelfollower.py)."""
    wrote: list[Any] | None = field(default=None, repr=False)
    """The labels that its senders wrote before; None: all that we would not compute."""


@dataclass(slots=True)
class Written:
    """What became of a change; `stored` is as its caller may see it (None for a delete). created: whether it was not there before."""

    type: str
    id: str
    version: str
    updated: datetime
    created: bool
    stored: Stored | None


def new_id() -> str:
    """A random id for a new resource."""
    return ids.new_id()
