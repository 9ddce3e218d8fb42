"""To which program something belongs, for what follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sojourn.record import disclosures

if TYPE_CHECKING:
    from sojourn.gate.access import Access


async def program_of(access: Access, type_: str, id_: str) -> int | None:
    """The program that made something that the caller may see; a Part 2 program before others, None if it is nobody's.

    Told to code, never to a screen: it goes into `Change.program` of what is written next.
    """
    programs = access.rules.programs
    origin = await disclosures.origin_of(access.house.db, access.head, type_, id_)
    known = [programs[n] for n in origin if n in programs]
    return min(known, key=lambda p: (not p.part2, p.number)).number if known else None
