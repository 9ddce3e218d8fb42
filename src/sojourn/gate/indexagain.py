"""Indexes what was stored before there was a search parameter, in small steps beside everything else.

Until all of an organization is indexed for it, a search by it is refused: an answer that leaves out what matches is wrong, and looks right. Who sees
what follows from the same rows as for what is written now. One that is written meanwhile has its rows with the write.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from sojourn.base import errors
from sojourn.fhir.searchparams import ADDED
from sojourn.gate import relabelling
from sojourn.record import indexagain, labelling

if TYPE_CHECKING:
    from sojourn.gate.access import Access

LIMIT: Final = 100
BEHIND: Final = "What was stored earlier is still being indexed for this parameter: ask again later, or without it."


def asks(params: Sequence[tuple[str, str]]) -> bool:
    """Whether a question may be by a parameter that was added, by any way of asking: itself, through a reference, or as an order."""
    return any(name in key or key == "_sort" and name in value for key, value in params for name in ADDED)


async def ready(access: Access, params: Sequence[tuple[str, str]]) -> None:
    """Nothing, or NotSupported while a parameter of the question does not find everything yet. One statement, none for other questions."""
    if asks(params):
        behind = {name for _, name in await indexagain.behind(access.house.db, access.tenant.number)}
        if behind & {name for name in ADDED if asks([(k, v) for k, v in params if name in k or name in v])}:
            raise errors.NotSupported(BEHIND)


async def step(access: Access, limit: int = LIMIT) -> bool:
    """Index the next of them; whether there may be more. access: the labeller's."""
    db = access.house.db
    job = await indexagain.following(db, access.head, limit)
    if job is None:
        return False
    rows = await labelling.facts(db, access.tenant.number, job["seqs"], access.now) if job["seqs"] else []
    found = [(row["seq"], again.prepared(access).rows) for row in rows if row["current"] for again in (relabelling.Again(access, row),)]
    key = access.house.keys[access.tenant.number].name(job["type"], job["name"])
    await indexagain.put(db, access.head, job, key, indexagain.of(key, [(seq, r) for seq, r in found if r is not None]))
    return True
