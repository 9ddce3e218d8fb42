"""Several searches, what they include and what came before their rows, as one statement.

Each search stands in it as it would stand alone: the same text under the same predicate, or the same function of the gate. What is new is that the rows
come back together, each with the number of its search, and that what a page includes is found from the page where it is, not sent back for it.
Design and measurements: docs/decisions/0049-searches-together.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sojourn.record.search import TYPES, Statement
from sojourn.record.searchsql import Scope

MATCH, INCLUDED, TOTAL, READ, PAST, WHOLE_PAST = range(6)
"""What a row of the answer is: of a page; included with it; a number of matches (in `n`); what was read; a version of something that has several, of
any of the searches; a version of what was read."""

COLUMNS = {"kind": "text", "told": "boolean", "rid": "bigint", "seq": "bigint", "type": "text", "id": "text", "version": "text", "updated": "timestamptz",
           "patient": "text", "blobs": "text[]", "clean": "boolean", "body": "bytea"}  # fmt: skip
"""What every row has beside the number of its search (`part`), what it is (`place`), its place there (`n`) and its sort keys."""
_NULLS = {name: f"NULL::{kind}" for name, kind in COLUMNS.items()}
_SHORT = {"timestamptz": "kt", "float8": "kf", "text": "kx"}  # column of a sort key by its type; the number of the key follows


class Several:
    """Collects the parts of one statement; their values are bound in one scope.

    call: the first arguments of every function of the gate, who asks and the decision, as SQL.
    """

    def __init__(self, scope: Scope, call: str) -> None:
        self.scope = scope
        self.tables = False
        """Whether it reads tables itself, so that only the reading role may run it; what only calls the gate's functions runs as it is."""
        self._call = call
        self._with: list[str] = []
        self._sources: list[tuple[str, int, int, str, tuple[str, ...]]] = []  # table, part, place, kind, types of its sort keys
        self._totals: list[tuple[str, int]] = []
        self._read: list[tuple[str, str]] = []
        self._parts = 0

    def part(self) -> int:
        """The number of the next search."""
        self._parts += 1
        return self._parts - 1

    def page(self, part: int, text: str, kinds: Sequence[str]) -> None:
        """A page as one query, in its order. kinds: of its sort keys, which stand in columns k0, k1 and so on."""
        self._with.append(f"p{part} AS MATERIALIZED (SELECT q.*, row_number() OVER () AS n FROM ({text}) q)")
        self._sources.append((f"p{part}", part, MATCH, "'current'", tuple(TYPES.get(kind, "text") for kind in kinds)))

    def included(self, part: int, text: str) -> None:
        """What is included with the page of the search, as one query that reads it from `first`."""
        self._with.append(f"i{part} AS MATERIALIZED (SELECT q.*, row_number() OVER () AS n FROM ({text}) q)")
        self._sources.append((f"i{part}", part, INCLUDED, "'current'", ()))

    def first(self, part: int, size: int) -> str:
        """The first rows of a page, as what stands after FROM: one row more may be there, to know whether there is a next page."""
        return f"(SELECT * FROM p{part} WHERE n <= {self.scope.args.add(size, 'bigint')} ORDER BY n) p"

    def total(self, part: int, text: str) -> None:
        """A number of matches: a query of one row with `total`."""
        self._with.append(f"c{part} AS MATERIALIZED ({text})")
        self._totals.append((f"c{part}", part))

    def read(self, part: int, type_: str, id_: str, *, past: bool) -> None:
        """One resource by id. past: with its versions."""
        args = self.scope.args
        type_text, id_text = args.add(type_, "text"), args.add(id_, "text")
        self._with.append(
            f"r{part} AS MATERIALIZED (SELECT {type_text} AS type, {id_text} AS id, q.*, 1::bigint AS n FROM gate.read({self._call}, {type_text}, {id_text}) q)"
        )
        self._sources.append((f"r{part}", part, READ, "q.kind", ()))
        if past:
            self._read.append((type_, id_))

    def function(self, name: str, *places: str) -> str:
        """A call of one of the gate's functions, as what stands after FROM."""
        return f"gate.{name}({', '.join([self._call, *places])})"

    def statement(self, *, deep: int, redacted: bool) -> Statement:
        """The whole. deep: versions of one resource at most. redacted: all that has several versions comes with them, else only what is not clean."""
        keys = sorted({(n, kind) for *_, kinds in self._sources for n, kind in enumerate(kinds)})
        rows = " UNION ALL ".join(self._rows(*source, keys) for source in self._sources)
        nulls = "".join(f", NULL::{kind}" for _, kind in keys)
        answers = ["SELECT * FROM rows"] if rows else []
        if rows:
            self._with.append(f"rows AS MATERIALIZED ({rows})")
            self._with.append(
                f"several AS MATERIALIZED (SELECT DISTINCT type, id FROM rows WHERE place <> {READ} AND seq <> rid{'' if redacted else ' AND NOT clean'} ORDER BY type, id)"
            )
            most = self.scope.args.add(deep, "int")
            answers.append(self._past(PAST, "ARRAY(SELECT type FROM several), ARRAY(SELECT id FROM several)", most, "true", nulls))
            if self._read:
                types, ids = (self.scope.args.add([pair[n] for pair in self._read], "text[]") for n in (0, 1))
                answers.append(self._past(WHOLE_PAST, f"{types}, {ids}", most, "false", nulls))
        empty = ", ".join(f"{null} AS {name}" for name, null in _NULLS.items())
        answers += [f"SELECT {part} AS part, {TOTAL} AS place, c.total AS n, {empty}{nulls} FROM {table} c" for table, part in self._totals]
        return Statement(f"WITH {', '.join(self._with)} {' UNION ALL '.join(answers)}", tuple(self.scope.args.values))

    def _rows(self, table: str, part: int, place: int, kind: str, kinds: tuple[str, ...], keys: Sequence[tuple[int, str]]) -> str:
        columns = [f"{kind} AS kind", "true AS told", *(f"q.{name}" for name in COLUMNS if name not in ("kind", "told"))]
        sorts = [f"{f'q.k{n}' if kinds[n : n + 1] == (type_,) else f'NULL::{type_}'} AS {_SHORT[type_]}{n}" for n, type_ in keys]
        return f"SELECT {part} AS part, {place} AS place, q.n, {', '.join([*columns, *sorts])} FROM {table} q"

    def _past(self, place: int, keys: str, most: str, several: str, nulls: str) -> str:
        return f"SELECT -1, {place}, row_number() OVER (), {', '.join(f'q.{name}' for name in COLUMNS)}{nulls} FROM {self.function('versions', keys, most, several)} q"


def row_of(record: Any, kinds: Sequence[str]) -> dict[str, Any]:
    """A row of the answer as one search alone would give it, with its sort keys as k0, k1 and so on."""
    row = dict(record.items())
    for n, kind in enumerate(kinds):
        row[f"k{n}"] = row[f"{_SHORT[TYPES.get(kind, 'text')]}{n}"]
    return row
