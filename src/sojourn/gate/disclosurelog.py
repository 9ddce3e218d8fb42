"""The log of disclosures as its reader may know it: who got what, when and why, and the payload.

Whoever oversees all that there is reads every entry, and what left where the record shows them all of it: the words of a note kept apart
are no easier to read here than in the record. Whoever oversees a part of the programs is told what the accounting tells them
(docs/decisions/0104-the-desk-and-the-predicate.md).
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sojourn.base import errors
from sojourn.gate import disclosing
from sojourn.record import disclosures
from sojourn.record.disclosures import EVERYTHING, Place, Wish

__all__ = ["EVERYTHING", "Place", "Wish", "count", "entries", "one", "openable", "payload", "place"]

if TYPE_CHECKING:
    from collections.abc import Collection

    from sojourn.base.db import Database
    from sojourn.gate.access import Access
    from sojourn.record.store import Decided, Head


async def entries(access: Access, wish: Wish = EVERYTHING, *, after: Place | None = None, limit: int = 100) -> list[Any]:
    """The log, newest first, from behind a place; what of it is wished. Raises Forbidden."""
    await access.check("oversee", "*", "disclosures")
    rows = await disclosures.disclosures(*_asking(access), wish=wish, after=after, limit=limit)
    said = " ".join(str(value) for value in (wish.patient, *(wish.recipients or ()), wish.purpose, *(wish.channels or ()), wish.since and wish.since.date(), wish.until and wish.until.date()) if value)
    await access.note(access.entry("disclosures", "", said, patients=sorted({p for r in rows for p in r["patients"]})))
    return rows


def place(row: Any) -> Place:
    """Where a page that ends with this entry goes on."""
    return row["made"], row["disclosure"]


async def count(access: Access, since: datetime) -> int:
    """How many of these left since a moment. Raises Forbidden."""
    await access.check("oversee", "*", "disclosures")
    return await disclosures.disclosure_count(*_asking(access), since)


async def one(access: Access, id_: str) -> Any:
    """One entry: for who oversees, and for the person who released it. Raises NotFound."""
    rows = await disclosures.disclosures(*_asking(access), one=id_, limit=1)
    row = rows[0] if rows else None
    await access.note(access.entry("disclosure", "", id_, outcome="done" if row else "absent", patients=list(row["patients"]) if row else []))
    if row is None:
        raise errors.NotFound("There is no such disclosure.")
    return row


async def openable(access: Access, patient: str, recipient: str, ids: Collection[str]) -> set[str]:
    """Those of the entries about a patient for a recipient that `one` would open for the caller: a page links to no others. Nothing of them is shown, so nothing is noted."""
    if not ids or not access.may("*", "release"):
        return set()
    rows = await disclosures.disclosures(*_asking(access), wish=Wish(patient, [recipient]))
    return {row["disclosure"] for row in rows if row["disclosure"] in ids}


async def payload(access: Access, id_: str) -> tuple[Any, bytes]:
    """An entry and what left, byte for byte, where the caller may see all of it. Raises NotFound."""
    row = await one(access, id_)
    if not row["opens"]:
        raise errors.NotFound("There is no such disclosure.")
    return row, disclosing.payload(access, row)


def _asking(access: Access) -> tuple[Database, Head, Decided, str, str]:
    """Who asks, and how they read the log: all of it, what is left of it for who may not see every program's records, or their own releases."""
    how = "own" if not access.may("*", "oversee") else "whole" if access.decision.entire else "part"
    return (access.house.db, access.head, access.decided, how, access.caller.account)
