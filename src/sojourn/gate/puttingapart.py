"""Puts what is there among the notes kept apart: its author alone, who keeps a way to it; undoing it.

Nobody sees a note kept apart by their role. If anybody could put a colleague's document there, it would be out of everybody's reach, its
author's too, and nobody could bring it back. So the two labels are raised by whoever wrote the first version, who gets with it what
writing a note apart would have given them (gate/apart.py); and whoever oversees lists such decisions, by id and without content.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sojourn.base import errors
from sojourn.gate import bases
from sojourn.gate.labelling import bits_of
from sojourn.record import labelling
from sojourn.record.store import Decided

if TYPE_CHECKING:
    from sojourn.gate.access import Access

REFUSED: Final = "Only who wrote it puts it among the notes kept apart: put there by somebody else, nobody could read it any more, its author neither."


async def check(access: Access, type_: str, id_: str) -> None:
    """Raise Invalid unless the caller is the member of staff who wrote the first version."""
    seqs = await labelling.versions(access.house.db, access.tenant.number, (type_, id_))
    rows = await labelling.facts(access.house.db, access.tenant.number, seqs[-1:], access.now) if seqs else []
    if access.caller.kind != "staff" or not rows or rows[0]["author"] != access.caller.account:
        raise errors.Invalid(REFUSED)


def beside(access: Access) -> Decided:
    """What the caller would see if notes kept apart were like other notes: to tell them that one is there, never what is in it."""
    mask, *rest = access.decided
    return (int(mask) | bases.APART, *rest)  # type: ignore[return-value]


async def decisions(access: Access, of: tuple[str, str] | None = None) -> list[Any]:
    """Decisions in force that put something apart which was not written so, of what the caller could see else; for whoever oversees.

    Of each the type and id, who decided and when. Not the reason, nor whose it is: both may be content. Raises Forbidden.
    """
    await access.check("oversee", "*", "notes put apart")
    rows = await labelling.overrides(access.house.db, access.head, beside(access), of=of, limit=1000)
    return [row for row in rows if row["effect"] == "raise" and row["ended_by"] is None and bits_of(row["codes"]) & bases.APART]


async def may_undo(access: Access, type_: str, id_: str, bits: int) -> bool:
    """Whether taking these labels off undoes such a decision, and nothing else: what its author wrote as a note apart stays so. As for decisions."""
    if not bits or bits & ~bases.APART:
        return False
    raised = 0
    for row in await decisions(access, (type_, id_)):
        raised |= bits_of(row["codes"])
    if bits & ~raised:
        return False
    seqs = await labelling.versions(access.house.db, access.tenant.number, (type_, id_))
    return not any(_written_so(access, row) & bits for row in await labelling.facts(access.house.db, access.tenant.number, seqs, access.now))


def _written_so(access: Access, row: Any) -> int:
    """The labels of this kind that its senders wrote into a version."""
    from sojourn.gate.relabelling import Again

    if row["body"] is None:
        return 0
    return bits_of([str(c.get("code")) for c in Again(access, row).sent["meta"]["security"]]) & bases.APART
