"""What the clock found that whoever acted could not see: kept beside the record.

It is in no search, export, history or feed. The gate gives out names of resources only; whoever shows them asks the record for both.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from sojourn.base import errors, ids
from sojourn.gate import beside
from sojourn.record import groups

if TYPE_CHECKING:
    from sojourn.gate.access import Access


class Finding(NamedTuple):
    """Things that collide. kind: room:what. subjects: references of all of them; who may not see every one must not hear of it."""

    id: str
    kind: str
    subjects: tuple[str, ...]
    found: datetime


async def add(access: Access, kind: str, subjects: Sequence[str]) -> int:
    """Put it on the list; 1 if it was not there. Raises Forbidden for everybody but the clock: only who sees all may say what collides."""
    if access.caller.kind != "system":
        raise errors.Forbidden("Only the clock looks for what collides.")
    return int(await groups.add_finding(access.house.db, access.head, ids.new_id("finding"), kind, sorted(subjects)))


async def open_(access: Access, prefix: str) -> list[Finding]:
    """What is open. Raises Forbidden. Not for a screen as it is: it names what its reader may not see."""
    access.require("resolve", "Collision")
    rows = await beside.ask(access, groups.findings(prefix))
    return [Finding(r["finding"], r["kind"], tuple(r["subjects"]), r["found"]) for r in rows]


async def close(access: Access, id_: str, note: str) -> None:
    """It was put right. Raises Forbidden, NotFound."""
    access.require("resolve", "Collision")
    if not await groups.close_finding(access.house.db, access.head, id_, access.caller.account, note.strip()[:500]):
        raise errors.NotFound("There is no such collision.")
    await access.note(access.entry("resolve", "Collision", id_))
