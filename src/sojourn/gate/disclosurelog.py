"""The log of disclosures: who got what, when and why, and the payload byte for byte."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sojourn.base import errors
from sojourn.gate import disclosing
from sojourn.record import disclosures

if TYPE_CHECKING:
    from collections.abc import Collection

    from sojourn.gate.access import Access


async def entries(access: Access, *, patient: str | None = None, recipient: str | None = None, before: datetime | None = None, limit: int = 100) -> list[Any]:
    """The log, newest first; of one patient or recipient if asked. Raises Forbidden."""
    await access.check("oversee", "*", "disclosures")
    rows = await disclosures.disclosures(access.house.db, access.head, patient=patient, recipient=recipient, before=before, limit=limit)
    await access.note(access.entry("disclosures", "", f"{patient or ''} {recipient or ''}".strip(), patients=sorted({p for r in rows for p in r["patients"]})))
    return rows


async def count(access: Access, since: datetime) -> int:
    """How many left since a moment. Raises Forbidden."""
    await access.check("oversee", "*", "disclosures")
    return await disclosures.disclosure_count(access.house.db, access.head, since)


async def one(access: Access, id_: str) -> Any:
    """One entry: for who oversees, and for the person who released it. Raises NotFound."""
    rows = await disclosures.disclosures(access.house.db, access.head, one=id_, limit=1)
    row = rows[0] if rows and _theirs(access, rows[0]) else None
    await access.note(access.entry("disclosure", "", id_, outcome="done" if row else "absent", patients=list(row["patients"]) if row else []))
    if row is None:
        raise errors.NotFound("There is no such disclosure.")
    return row


async def openable(access: Access, patient: str, recipient: str, ids: Collection[str]) -> set[str]:
    """Those of the entries about a patient for a recipient that `one` would open for the caller: a page links to no others. Nothing of them is shown, so nothing is noted."""
    if not ids or not access.may("*", "release"):
        return set()
    rows = await disclosures.disclosures(access.house.db, access.head, patient=patient, recipient=recipient)
    return {row["disclosure"] for row in rows if row["disclosure"] in ids and _theirs(access, row)}


def _theirs(access: Access, row: Any) -> bool:
    return access.may("*", "oversee") or (row["account"] == access.caller.account and str(row["channel"]).startswith("release"))


async def payload(access: Access, id_: str) -> tuple[Any, bytes]:
    """An entry and what left, byte for byte. Part 2 records are not read here by who is outside their programs. Raises NotFound."""
    row = await one(access, id_)
    if not readable(access, row):
        raise errors.NotFound("There is no such disclosure.")
    return row, disclosing.payload(access, row)


def readable(access: Access, row: Any) -> bool:
    """Whether the caller may read what left: their own release, or no Part 2 record in it, or all Part 2 programs are theirs."""
    return row["account"] == access.caller.account or not row["notice"] or not access.decision.redacted
