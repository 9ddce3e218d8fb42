"""By what somebody outside may know of a client, as far as the one who looks may see it.

What is done towards a recipient follows from consents and care relations. Where all of these are hidden from the one who asks for it, that anything is done at
all would tell of them; so it is then as if there were none (docs/decisions/0078-advice-from-partners.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sojourn.record import explaining, store
from sojourn.record.explaining import Moment

if TYPE_CHECKING:
    from sojourn.gate.access import Access


async def sources(them: Access, patient: str) -> frozenset[str]:
    """What relates a recipient (`them`) to a client now, for their purpose: `Type/id` each, whoever may see it. Never to be shown."""
    now = them.now
    rows = await explaining.relations(them.house.db, them.head, Moment(now, now, now=True), patient, list(them.decision.keys))
    return frozenset(row["source"] for row in rows if row["valid_from"] <= now < row["valid_to"])


async def by(access: Access, them: Access, patient: str) -> frozenset[str]:
    """Those of them that `access` may see; none where the recipient knows the client only by what is hidden, or not at all. Two questions, whatever there is."""
    return await seen(access, await sources(them, patient))


async def seen(access: Access, names: Iterable[str]) -> frozenset[str]:
    """Of these (`Type/id`) the ones that are there and that `access` may see. One question."""
    wanted = sorted({name for name in names if access.may(name.partition("/")[0], "read")})
    return frozenset(await store.known(access.house.db, access.head, access.unscoped, wanted))
