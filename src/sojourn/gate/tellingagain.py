"""By which references edits of before tell of a change: found out in small steps beside the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sojourn.fhir import codec
from sojourn.gate import plainly
from sojourn.record import telling

if TYPE_CHECKING:
    from sojourn.gate.access import Access

LIMIT: Final = 200


async def step(access: Access, limit: int = LIMIT) -> bool:
    """Look at the next of them; whether there may be more. access: the labeller's."""
    db = access.house.db
    job = await telling.following(db, access.head, limit)
    if not job:
        return False
    found = {row["seq"]: plainly.differs(_read(row["before"]), _read(row["after"])).by for row in job if row["seq"] is not None}
    await telling.put(db, access.head, job[0]["place"], job[0]["next"], found)
    return True


def _read(body: bytes) -> dict[str, Any]:
    resource: dict[str, Any] = codec.loads(body)
    return resource
