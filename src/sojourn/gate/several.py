"""What one page searches, counts and reads at the same time goes as one statement (decision 49).

Every part has its question parsed, its role checked and its line of the trail written for itself, as ever; what is shared is the way to the record and
back. Each part's answer is what it would have got alone (`tests/gate/test_several.py`), so that who asks beside it changes nothing for anybody.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base import errors
from sojourn.gate import hot, runs, together
from sojourn.gate.enforce import Bound
from sojourn.record import searchseveral as sql
from sojourn.record import store
from sojourn.record.search import Cursor, count_of, page_of
from sojourn.record.searchincludes import includes_of
from sojourn.record.searchsql import Scope

if TYPE_CHECKING:
    from sojourn.fhir.query import Query
    from sojourn.gate.access import Access


class Page(NamedTuple):
    """Rows of a page, one more than asked if there is a next; what is included; the number of all matches, where it was asked for; and versions of
    those of its resources that have more than one, or None where they did not come with it."""

    rows: list[Any]
    included: list[Any]
    total: int | None
    past: list[Any] | None


class Search:
    """A search as part of a page. alone: asks it by itself, when nothing else is asked. most: resources included at most."""

    __slots__ = ("alone", "counting", "most", "position", "query", "size", "until")

    def __init__(
        self, query: Query, size: int, position: Cursor | None, until: datetime | None, *, counting: bool, most: int, alone: Callable[[], Awaitable[Page]],
    ) -> None:  # fmt: skip
        self.query, self.size, self.position, self.until = query, size, position, until
        self.counting, self.most, self.alone = counting, most, alone


class Read:
    """A resource by id as part of a page. alone: as for a search."""

    __slots__ = ("alone", "id", "type")

    def __init__(self, type_: str, id_: str, alone: Callable[[], Awaitable[Whole]]) -> None:
        self.type, self.id, self.alone = type_, id_, alone


class Whole(NamedTuple):
    """The row of what was read, or None; and its versions, newest first, where they came with it."""

    row: Any
    past: list[Any] | None


async def search(access: Access, part: Search) -> Page:
    """The page, asked together with whatever else the page of the app asks meanwhile."""
    found: Page = (await together.together(access, "record", part, lambda group: _ask(access, group), kind=together.RECORD))[id(part)]
    return found


async def read(access: Access, part: Read) -> Whole:
    """The same for one resource."""
    found: Whole = (await together.together(access, "record", part, lambda group: _ask(access, group), kind=together.RECORD))[id(part)]
    return found


async def _ask(access: Access, group: list[Search | Read]) -> dict[int, Page | Whole]:
    """The answers by the id of the part."""
    if access.kept is None or (len(group) == 1 and _is_one_statement(access, group[0])):
        return {id(part): await part.alone() for part in group}
    try:
        return await _together(access, group)
    except errors.TooCostly:  # one of them: the others must not pay for it
        return {id(part): await part.alone() for part in group}


def _is_one_statement(access: Access, part: Search | Read) -> bool:
    """Whether it asks no more than one statement alone, versions counted."""
    if isinstance(part, Read):
        return not access.decision.redacted
    if part.counting or part.query.include or part.query.revinclude:
        return False
    return not access.decision.redacted or hot.shape(access, part.query, _keys(access)) is not None


def _keys(access: Access) -> Any:
    return access.house.keys[access.tenant.number]


async def _together(access: Access, group: list[Search | Read]) -> dict[int, Page | Whole]:
    bound = Bound(access)
    scope = Scope(access.tenant.number, bound, access.now)
    several = sql.Several(scope, bound.called(scope.args))
    sorts: list[tuple[str, ...]] = []
    for part in group:
        number = several.part()
        if isinstance(part, Read):
            several.read(number, part.type, part.id, past=access.decision.redacted)
            sorts.append(())
        else:
            sorts.append(_add(access, several, number, part))
    statement = several.statement(deep=runs.DEEP, redacted=access.decision.redacted)
    if several.tables:
        async with access.house.db.reading(access.tenant.number, once=True) as connection:
            records = await connection.fetch(statement.sql, *statement.args)
    else:
        records = await access.house.db.call(statement.sql, *statement.args)
    return _sorted_out(group, sorts, records)


def _add(access: Access, several: sql.Several, number: int, part: Search) -> tuple[str, ...]:
    """One search becomes part of the statement; the kinds of its sort keys."""
    query, scope, keys = part.query, several.scope, _keys(access)
    if part.counting:
        several.tables = True
        several.total(number, count_of(query, scope, keys, until=part.until))
    if not part.size:
        return ()
    # What a page includes is asked of the page, whichever way that is found; so a question with includes may be a hot one, too.
    shape = None if part.counting else hot.shape(access, replace(query, include=(), revinclude=()), keys)
    if shape is not None:
        kinds: tuple[str, ...] = ("at",) if isinstance(shape, hot.Chart) and shape.newest else ()
        several.page(number, _hot(access, several, shape, part), kinds)
    else:
        several.tables = True
        kinds = tuple(sort.kind for sort in query.sort)
        several.page(number, page_of(query, scope, keys, limit=part.size + 1, cursor=part.position, until=part.until), kinds)
    if query.include or query.revinclude:
        page = several.first(number, part.size)
        if hot.plain(query.include) and hot.plain(query.revinclude) and access.caller.scopes is None:
            several.included(number, _included(access, several, query, page, part.most))
        else:
            several.tables = True
            several.included(number, includes_of(query, scope, page, part.most))
    return kinds


def _hot(access: Access, several: sql.Several, shape: hot.Chart | hot.Identity, part: Search) -> str:
    """The page of a hot question, as the call of its function (hot.page)."""
    add, position, limit = several.scope.args.add, part.position, part.size + 1
    if isinstance(shape, hot.Identity):
        strings = [add([s[n] for s in shape.strings], kind) for n, kind in enumerate(("bigint[]", "text[]", "text[]"))]
        dates = [add([d[n] for d in shape.dates], kind) for n, kind in enumerate(("bigint[]", "timestamptz[]", "timestamptz[]"))]
        places = [add(shape.type, "text"), add(shape.drive, "text"), add(shape.tokens, "bigint[]"), *strings, *dates]
        return f"SELECT * FROM {several.function('find', *places, add(position.rid if position else 0, 'bigint'), add(limit, 'int'))}"
    named = [add(shape.type, "text"), add(shape.patient, "text")]
    tokens = add(shape.tokens, "bigint[]")
    at, rid = (
        (position.keys[0] if position else hot.END, position.rid if position else store.LAST)
        if shape.newest
        else (hot.END, position.rid if position else 0)
    )
    bounds = [add(at, "timestamptz"), add(rid, "bigint"), add(limit, "int")]
    key = ", at AS k0" if shape.newest else ""
    if access.decision.redacted:  # no versions with it (the last argument): they come with those of all others
        called = several.function("chart_redacted", *named, add(shape.params, "text[]"), tokens, *bounds, "0")
        return f"SELECT *{key} FROM {called}"
    return f"SELECT *{key} FROM {several.function('chart', *named, tokens, add(shape.newest, 'boolean'), *bounds)}"


def _included(access: Access, several: sql.Several, query: Query, page: str, most: int) -> str:
    """What is included, as the call of the function that follows references in one step (hot.included)."""
    add = several.scope.args.add
    columns = [f"ARRAY(SELECT p.{name} FROM {page})" for name in ("rid", "type", "id")]
    links = [add([link[n] for link in hot.links(includes)], "text[]") for includes in (query.include, query.revinclude) for n in range(3)]
    return f"SELECT * FROM {several.function('included', add(hot.searched(access), 'text[]'), *columns, *links, add(most, 'int'))}"


def _sorted_out(group: list[Search | Read], sorts: list[tuple[str, ...]], records: Iterable[Any]) -> dict[int, Page | Whole]:
    """Every row to the part that asked for it."""
    places: list[dict[int, list[Any]]] = [{} for _ in group]
    past: dict[int, dict[tuple[str, str], list[Any]]] = {sql.PAST: {}, sql.WHOLE_PAST: {}}
    for record in sorted(records, key=lambda r: (r["part"], r["place"], r["n"])):
        place = record["place"]
        if place in past:
            past[place].setdefault((record["type"], record["id"]), []).append(record)
        else:
            kinds = sorts[record["part"]] if place == sql.MATCH else ()
            places[record["part"]].setdefault(place, []).append(sql.row_of(record, kinds) if kinds else record)
    return {id(part): _answer(part, found, past) for part, found in zip(group, places, strict=True)}


def _answer(part: Search | Read, found: dict[int, list[Any]], past: dict[int, dict[tuple[str, str], list[Any]]]) -> Page | Whole:
    if isinstance(part, Read):
        rows = found.get(sql.READ, [])
        return Whole(rows[0] if rows else None, past[sql.WHOLE_PAST].get((part.type, part.id), []))
    rows, included = found.get(sql.MATCH, []), found.get(sql.INCLUDED, [])
    keys = dict.fromkeys((row["type"], row["id"]) for row in (*rows[: part.size], *included))
    versions = [version for key in keys for version in past[sql.PAST].get(key, ())]
    return Page(rows, included, found[sql.TOTAL][0]["n"] if part.counting else None, versions)
