"""Two numbers of a partner that are two people of ours: put to who decides, and nothing else."""

from __future__ import annotations

from sojourn.care.admissions import people
from sojourn.gate import findings
from sojourn.gate.access import Access


async def found(access: Access, one: str, other: str) -> None:
    """Put two patients among people written down twice, where who sees both links them or says that they are two. What is linked already is left."""
    if not await people.linked(access, one, other):
        await findings.add(access, people.KIND, [f"Patient/{one}", f"Patient/{other}"])
