"""What is kept beside the record, asked of several of the gate's functions in one statement.

A page with a section for each of them asked each by itself: Today seven. Each stands in the statement as it would stand alone, checks the credential
for itself, and its rows come back with its number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sojourn.base.db import Database
from sojourn.record.store import Head


class Call(NamedTuple):
    """A function of the gate that reads: its name, the names of its columns in their order, and what it takes after who asks, with SQL types."""

    function: str
    columns: tuple[str, ...]
    args: tuple[tuple[Any, str], ...] = ()


async def called(db: Database, head: Head, calls: Sequence[Call]) -> list[list[dict[str, Any]]]:
    """The rows of each, in the order of the calls. One statement. Raises what a call raises."""
    values: list[Any] = [*head]
    parts = []
    for n, call in enumerate(calls):
        places = []
        for value, type_ in call.args:
            values.append(value)
            places.append(f"${len(values)}::{type_}")
        parts.append(f"SELECT {n} AS part, ROW(q.*) AS row FROM gate.{call.function}({', '.join(['$1::int', '$2::bytea', '$3::int', '$4::timestamptz', *places])}) q")
    found: list[list[dict[str, Any]]] = [[] for _ in calls]
    for record in await db.call(" UNION ALL ".join(parts), *values):
        part = record["part"]
        found[part].append(dict(zip(calls[part].columns, record["row"], strict=True)))
    return found
