"""The table in force: what the organization loaded over what is shipped, kept in memory by its number."""

from __future__ import annotations

from sojourn.base import errors
from sojourn.care.medications import tables
from sojourn.care.medications.tables import Fault, Table
from sojourn.gate import caretables
from sojourn.gate.access import Access

NAME = "medications"
_kept: dict[int, Table] = {}
_MOST = 20


class FaultyTable(errors.Malformed):
    """The table cannot be loaded; its faults say why."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(f"Nothing was loaded: {len(faults)} {'fault' if len(faults) == 1 else 'faults'}.")
        self.faults = faults


async def of(access: Access) -> Table:
    """The table that lists are compared with now. One question. A number is of one organization and one version, and never changes."""
    newest = max(_kept, default=0)
    found = await caretables.in_force(access, NAME, newest)
    if found is None:
        return tables.starter()
    if found.number not in _kept:
        again = found if found.content is not None else await caretables.in_force(access, NAME)
        assert again is not None and again.content is not None  # noqa: S101, PT018 - it was there a moment ago
        if len(_kept) >= _MOST:
            _kept.clear()
        _kept[again.number] = tables.built(tables.parse(again.content), tables.starter(), again.number)
        return _kept[again.number]
    return _kept[found.number]


def examined(text: str) -> Table:
    """The table that a text would be. Raises FaultyTable with every fault."""
    try:
        raw = tables.parse(text)
    except ValueError as error:
        raise FaultyTable([Fault("file", "unreadable", f"It cannot be read: {error}")]) from None
    found = tables.faults(raw, None if isinstance(raw.get("table"), dict) and raw["table"].get("alone") else tables.starter())
    if found:
        raise FaultyTable(found)
    return tables.built(raw, tables.starter())


async def load(access: Access, text: str, reason: str) -> Table:
    """Put a table in force from now on. Raises FaultyTable, Malformed without a reason, Forbidden."""
    await access.check("administer", caretables.TYPE, NAME)
    table = examined(text)
    await caretables.load(access, NAME, table.title, table.version, text, reason)
    return table


async def unload(access: Access, reason: str) -> None:
    """Back to what is shipped alone. Raises Malformed without a reason, Forbidden."""
    await caretables.load(access, NAME, "", "", None, reason)
