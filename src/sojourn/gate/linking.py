"""Which program something about several people belongs to: that of the stricter law among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sojourn.record import disclosures

if TYPE_CHECKING:
    from sojourn.gate.access import Access


async def program_of(access: Access, resources: Sequence[tuple[str, str]]) -> int | None:
    """Of the programs that made these, in which the caller works: one under Part 2 first, of several the first. None if there is none.

    A resource that several programs share, such as a Patient, is under Part 2 only while every one of them is; what is said about it
    together with another is kept under the stricter law all the same.
    """
    programs, mine = access.rules.programs, set(access.caller.programs)
    found = [n for type_, id_ in resources for n in await disclosures.origin_of(access.house.db, access.head, type_, id_) if n in programs and n in mine]
    return min(found, key=lambda n: (not programs[n].part2, n)) if found else None
