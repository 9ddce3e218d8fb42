"""Search: the caller's question and the caller's predicate become one statement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from sojourn.base import errors
from sojourn.fhir.query import Query
from sojourn.fhir.search import parse
from sojourn.gate import hot, indexagain, runs, sealed, several
from sojourn.gate.enforce import Bound
from sojourn.gate.found import Found, Stored
from sojourn.gate.shown import show
from sojourn.record import search as sql
from sojourn.record.searchincludes import compile_includes

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.record.trail import Receipt

_quoted_again = lru_cache(maxsize=4096)(quote_plus)  # a handful of names and codes, again and again
_AGAIN = 100  # characters; what is longer is a list of ids, asked once, of which thousands would be kept for nothing

PAGE = 50
MAX_PAGE = 1000
MAX_INCLUDED = 1000
_LARGE = 200  # from so many resources on a page is planned for itself: PostgreSQL then keeps how the caller stands with each patient

_LATER: Receipt = None  # type: ignore[assignment]  # replaced before anything leaves


def _quoted(text: str) -> str:
    return _quoted_again(text) if len(text) <= _AGAIN else quote_plus(text)


async def search(
    access: Access, type_: str | None, params: Sequence[tuple[str, str]], *, count: int | None = None, cursor: str | None = None, lenient: bool = False,
    compartment: tuple[str, str] | None = None, action: str = "search", said: str | None = None,
) -> Found:  # fmt: skip
    """A page. Raises Forbidden, SearchError, or Malformed for a bad cursor.

    said: what the trail says was asked, where the question itself names what the caller may not know of.
    """
    question = ("/".join(compartment) + "/" if compartment else "") + "&".join([f"{_quoted(k)}={_quoted(v)}" for k, v in params])
    if type_:
        await access.check("search", type_, question if said is None else said)
    query = _parsed(access, type_, params, lenient=lenient, compartment=compartment)
    await indexagain.ready(access, params)
    size = max(0, min(count if count is not None else query.count if query.count is not None else PAGE, MAX_PAGE))
    label = f"{action}:{type_ or ''}:{question}"
    position = _position(access, query, label, cursor)
    page, included_rows, total, past = await _page(access, query, size, position)
    following = None
    if len(page) > size:
        page = page[:size]
        following = _following(access, query, label, page[-1], position)
    everything = [*page, *included_rows]
    shown = await _shown(access, page, included_rows, past) if size and query.summary != "count" else []
    receipt = await access.note(
        access.entry(
            action, type_ or "", question if said is None else said, patients=sorted({r["patient"] for r in everything if r["patient"]}), shown=[r["seq"] for r in everything]
        )
    )
    for stored in shown:
        if stored is not None:
            stored.receipt = receipt
    matches = [s for s in shown[: len(page)] if s is not None]
    included = [s for s in shown[len(page) :] if s is not None]
    return Found(matches, included, receipt, following, total, query.ignored, size)


def _parsed(access: Access, type_: str | None, params: Sequence[tuple[str, str]], *, lenient: bool, compartment: tuple[str, str] | None) -> Query:
    return parse(type_, params, handling="lenient" if lenient else "strict", base=access.house.base, compartment=compartment, value_sets=access.house.value_sets)


async def _shown(access: Access, page: list[Any], included: list[Any], past: list[Any] | None) -> Sequence[Stored | None]:
    if not access.decision.redacted and all(r["clean"] and not r["blobs"] for r in page) and all(r["clean"] and not r["blobs"] for r in included):
        return [_as_it_is(r, "match") for r in page] + [_as_it_is(r, "include") for r in included]
    rows = [*page, *included]
    both = (
        await runs.of_page(access, rows, past)
        if access.decision.redacted
        else await show(access, await runs.told(access, rows, past), _LATER)
    )
    for stored in both[len(page) :]:
        if stored is not None:
            stored.mode = "include"
    return both


def _as_it_is(row: Any, mode: str) -> Stored:
    """What `show` makes of a row that needs nothing, which is nearly every row of every page."""
    return Stored(row["type"], row["id"], row["version"], row["updated"], "current", row["body"], _LATER, mode)


async def _page(access: Access, query: Query, size: int, position: sql.Cursor | None) -> several.Page:
    """The page, asked together with what else the caller's page asks meanwhile."""
    counting = query.total or query.summary == "count" or size == 0
    if query.summary == "count":
        size = 0
    part = several.Search(
        query, size, position, _until(access, query, position), counting=counting, most=MAX_INCLUDED,
        alone=lambda: _alone(access, query, size, position, counting=counting),
    )  # fmt: skip
    return await several.search(access, part)


async def _alone(access: Access, query: Query, size: int, position: sql.Cursor | None, *, counting: bool) -> several.Page:
    """The page as its own statements."""
    if (
        size
        and not counting
        and hot.plain(query.include)
        and hot.plain(query.revinclude)
        and (shape := hot.shape(access, query, _keys(access)))
    ):
        rows, past = await hot.page(access, shape, size + 1, position)
        return several.Page(
            rows, await hot.included(access, query, rows[:size], MAX_INCLUDED) if query.include or query.revinclude else [], None, past
        )
    # ints and times of the page; one transaction, so that count, page and includes see the same moment
    async with access.house.db.reading(access.tenant.number, large=size >= _LARGE) as connection:
        total = None
        together = counting and size > 0 and position is None and sql.in_a_compartment(query)
        if counting and not together:
            counted = sql.count(query, Bound(access), _keys(access), tenant=access.tenant.number, now=access.now, until=_until(access, query, position))
            total = await connection.fetchval(counted.sql, *counted.args)
        if size == 0:
            return several.Page([], [], total, None)
        statement = _compiled(access, query, size, position, counted=together)
        page = await connection.fetch(statement.sql, *statement.args)
        if together:
            total = page[0]["total"] if page else 0
        includes = compile_includes(
            query, Bound(access), [(r["rid"], r["type"], r["id"]) for r in page[:size]], tenant=access.tenant.number, now=access.now, limit=MAX_INCLUDED
        )
        included = await connection.fetch(includes.sql, *includes.args) if includes else []
        return several.Page(page, included, total, None)


def _compiled(access: Access, query: Query, size: int, position: sql.Cursor | None, *, counted: bool = False) -> sql.Statement:
    return sql.compile(
        query, Bound(access), _keys(access), tenant=access.tenant.number, now=access.now, limit=size + 1, cursor=position, until=_until(access, query, position), counted=counted,
    )  # fmt: skip


def _until(access: Access, query: Query, position: sql.Cursor | None) -> datetime | None:
    """Sorting by a key that changes is bounded by the time of the first page."""
    if not sql.bounded_by_time(query):
        return None
    return position.until if position and position.until else access.now


def _keys(access: Access) -> Any:
    return access.house.keys[access.tenant.number]


def _position(access: Access, query: Query, label: str, cursor: str | None) -> sql.Cursor | None:
    if not cursor:
        return None
    try:
        return sql.Cursor.unpack(query, sealed.open_cursor(access, label, cursor))
    except ValueError:
        raise errors.Malformed("The page link is not valid here; start the search again.") from None


def _following(access: Access, query: Query, label: str, row: Any, position: sql.Cursor | None) -> str:
    if "k0" in row or not query.sort:  # noqa: SIM401
        keys = tuple(row[f"k{i}"] for i in range(len(query.sort)))
    else:
        keys = (row["at"],)
    return sealed.cursor(access, label, sql.Cursor(keys, row["rid"], _until(access, query, position)).pack())
