"""Ask what is kept beside the record; several parts of a page ask in one statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sojourn.gate import together
from sojourn.record import beside as sql

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.record.beside import Call


async def ask(access: Access, call: Call) -> list[dict[str, Any]]:
    """The rows of a call; the same of whoever asks beside it. What may be asked is checked by who asks (`require`), as ever."""

    async def all_of(group: list[Call]) -> dict[int, list[dict[str, Any]]]:
        ordered = sorted(group, key=lambda each: (each.function, str(each.args)))  # the same questions are the same statement, planned once
        return {id(each): rows for each, rows in zip(ordered, await sql.called(access.house.db, access.head, ordered), strict=True)}

    found: dict[int, list[dict[str, Any]]] = await together.together(access, "beside", call, all_of, kind=together.BESIDE)
    return found[id(call)]
