"""What must follow from a write in its own transaction, whoever makes it and by whichever door.

A room says what follows (care/consequences.py); the gate writes it as the clerk it is, whether or not the caller's role may. What
follows never changes what the caller is told of their own write, and if it cannot be written, nothing is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base import errors
from sojourn.fhir import codec

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.changes import Change
    from sojourn.gate.preparing import Prepared


@dataclass(frozen=True, slots=True)
class Wrote:
    """What is about to be written, as it will stand. program: the one that makes it."""

    type: str
    id: str
    resource: dict[str, Any]
    patient: str
    program: int


class Consequence(NamedTuple):
    """One rule. types: of which it wants to know. follow: from what is written to what must be written with it.

    It may be asked again when something moved meanwhile. keeps: types of which some resources (`ours`) are changed by nobody but the
    room that has this name: what is computed from them must be true.
    """

    name: str
    types: frozenset[str]
    follow: Callable[[Access, Sequence[Wrote]], Awaitable[list[Change]]]
    keeps: frozenset[str] = frozenset()
    ours: Callable[[Mapping[str, Any]], bool] = lambda _: False


def check(access: Access, change: Change, after: Mapping[str, Any] | None) -> None:
    """Raise Forbidden for a change, by anybody but the room, of what only the room may change. after: as it would stand; None: deleted."""
    for rule in access.house.consequences:
        if change.type not in rule.keeps or change.room == rule.name:
            continue
        body = change.base["body"] if change.base is not None and not change.before else None
        before = change.before or (codec.loads(access.house.blobs.opened(access.tenant.number, body)) if body else {})
        if rule.ours(before) or (after is not None and rule.ours(after)):
            raise errors.Forbidden("This is written by the acts of its own page and by nothing else, so that what happened stays as it was.")


def concerned(access: Access, prepared: Sequence[Prepared]) -> list[Consequence]:
    """The rules that want to know of any of these."""
    types = {p.type for p in prepared}
    return [rule for rule in access.house.consequences if not types.isdisjoint(rule.types)]


async def of(access: Access, rules: Sequence[Consequence], prepared: Sequence[Prepared]) -> list[Change]:
    """What follows from these. access: the clerk's."""
    wrote = [
        Wrote(p.type, p.id, p.resource, p.patient, p.origin[0])
        for p in prepared
        if p.resource is not None and p.patient is not None and len(p.origin) == 1 and p.kind in ("create", "restore", "update")
    ]
    found: list[Change] = []
    for rule in rules:
        mine = [w for w in wrote if w.type in rule.types]
        found += await rule.follow(access, mine) if mine else []
    return found
