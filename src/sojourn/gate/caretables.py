"""Tables that an organization loads for care: the one in force, every version, loading one."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from sojourn.base import errors
from sojourn.record import rooms

if TYPE_CHECKING:
    from sojourn.gate.access import Access

TYPE = "MedicationTable"
"""What a role has to administer to load one."""


class Loaded(NamedTuple):
    """The table in force. number: which version; content: None where the caller has that version already."""

    number: int
    content: str | None


class Version(NamedTuple):
    """One version that was loaded. until: None while it is in force."""

    number: int
    title: str
    version: str
    account: str
    reason: str
    since: datetime
    until: datetime | None


async def in_force(access: Access, name: str, known: int = 0) -> Loaded | None:
    """The version in force; None where none was loaded. One question, open to everybody who works here. known: the number of one that is at hand."""
    row = await rooms.care_table(access.house.db, access.tenant.number, access.now, name, known)
    return None if row is None else Loaded(row["n"], row["content"])


async def versions(access: Access, name: str) -> list[Version]:
    """Every version, the newest first."""
    rows = await rooms.care_tables(access.house.db, access.tenant.number, name)
    return [Version(r["n"], r["title"], r["version"], r["account"], r["reason"], r["valid_from"], None if r["valid_to"].year > 9000 else r["valid_to"]) for r in rows]


async def load(access: Access, name: str, title: str, version: str, content: str | None, reason: str) -> None:
    """Put a version in force from now on; None: back to what is shipped alone. Raises Forbidden, Malformed without a reason."""
    await access.check("administer", TYPE, name)
    if not reason.strip():
        raise errors.Malformed("Say why it is loaded: whoever reads it later will ask.")
    await rooms.set_care_table(access.house.db, access.head, access.caller.account, name, title, version, content, reason.strip())
    await access.note(access.entry("medication-table", TYPE, f"{name} {version}".strip()))
