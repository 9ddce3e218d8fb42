"""What becomes a note kept apart later: whether versions that refer to it tell of more than notes.

A version in which nothing but such notes changed is none for whoever may not see them (`runs.touches_notes_only`). That is worked out when
it is written. Had it replaced an ordinary reference, and what was referred to becomes such a note, it would tell from then on that there was
a change of something hidden. So it is asked again, in the transaction that changes the label, of each version beside one that refers to it.
An edit under way at that moment waits for that transaction and is then judged anew, or that transaction waits for the edit (gate.write).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sojourn.fhir import codec
from sojourn.gate import bases, redact, runs
from sojourn.record import keptapart, store

if TYPE_CHECKING:
    from sojourn.base.db import Database
    from sojourn.gate.access import Access
    from sojourn.gate.preparing import Prepared


async def write(access: Access, part: store.Part, changes: Sequence[Prepared], *, alone: bool = False) -> None:
    """Write what one request asks for, and what follows from what turns in it. alone: never beside other requests. Raises as `store.write`."""
    turns = [f"{one.type}/{one.id}" for one in changes if _turns(one)]
    if turns:
        async with access.house.db.together() as db:
            await store.write(db, [part])
            await _told_again(access, db, turns)
    elif alone:
        await store.write(access.house.db, [part])
    else:
        await access.house.writer.write(part)


def _turns(change: Prepared) -> bool:
    """Whether it becomes such a note, or is none any more."""
    if change.kind == "delete" or (change.kind == "create" and change.expected is None):
        return False  # it has the laws that it had, or an id that nobody knew
    return bool((change.own ^ change.before) & bases.APART)


async def _told_again(access: Access, db: Database, turns: Sequence[str]) -> None:
    """Ask again of the versions that refer to these, and of those beside them, by the labels as they are in this transaction. Up to three statements."""
    tenant = access.tenant.number
    rows = await keptapart.telling_of(db, tenant, turns)
    pairs = [(a, b) for a, b in pairwise(rows) if _comparable(a, b)]
    wanted = {row["seq"]: row for row in rows if row["says"]} | {row["seq"]: row for pair in pairs for row in pair}
    if not wanted:
        return
    sealed = [seq for seq, row in wanted.items() if not row["body"]]  # notes themselves: they may name it
    read = {seq: codec.loads(row["body"]) for seq, row in wanted.items() if row["body"]}
    targets = {seq: redact.targets(resource) for seq, resource in read.items()}
    hidden = await store.labelled(db, tenant, sorted(set().union(*targets.values())), bases.APART)
    found = {b["seq"]: runs.notes_only(read[a["seq"]], read[b["seq"]], hidden, access.rules.labels) for a, b in pairs}
    moved = {b["seq"]: found[b["seq"]] for _, b in pairs if found[b["seq"]] != b["apart"]}
    await keptapart.tell_of(db, tenant, moved, [*sealed, *(seq for seq in read if targets[seq] & hidden)])


def _comparable(before: Any, after: Any) -> bool:
    """Versions of one resource side by side, one of which names it, and neither of which is a deletion, a note itself, or labelled otherwise as a whole."""
    return (
        (before["type"], before["id"]) == (after["type"], after["id"]) and (before["says"] or after["says"]) and bool(before["body"]) and bool(after["body"])
        and before["own"] == after["own"] and not after["own"] & bases.APART
    )  # fmt: skip
