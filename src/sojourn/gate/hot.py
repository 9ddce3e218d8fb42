"""Questions asked all day, each answered by one function of the gate in one round trip.

The functions run as the owner of the record with the decision as arguments (docs/decisions/0009-seat-belt.md). Which way a
question takes depends on its shape and its caller alone, never on what is stored.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.fhir.query import Dates, Include, Query, References, Strings, Tokens
from sojourn.gate import runs
from sojourn.record import store
from sojourn.record.index import Keys
from sojourn.record.searchconditions import LAST, by_identifier

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.record.search import Cursor

END = datetime.max.replace(tzinfo=UTC)
"""Later than every resource: where a chart begins, newest first."""
_PRECISE = timedelta(days=1)
_NAMES_ONE = 2  # weight of a token that names one thing


class Chart(NamedTuple):
    """One patient, one type, plain codes, newest first or in the order of making. params: how the type refers to the patient."""

    type: str
    patient: str
    tokens: list[int]
    newest: bool
    params: list[str]


class Identity(NamedTuple):
    """One type, by what nearly names a resource: an identifier, or texts with a precise date."""

    type: str
    drive: str
    tokens: list[int]
    strings: list[tuple[int, str, str]]
    dates: list[tuple[int, datetime, datetime]]


def shape(access: Access, query: Query, keys: Keys) -> Chart | Identity | None:
    """Which hot shape the question has, if any.

    Callers subject to redaction have one for the chart, newest first, and ask the general statement for all else.
    """
    if access.caller.scopes is not None or query.type is None or len(query.types) > 1 or len(query.sort) > 1:
        return None
    if access.decision.redacted:
        chart = _chart(query, keys) if query.patient is not None and query.sort and not query.include and not query.revinclude else None
        return chart if chart is not None and chart.newest else None
    if query.patient is not None:
        return _chart(query, keys)
    return None if query.sort else _identity(query, keys)


def _chart(query: Query, keys: Keys) -> Chart | None:
    if query.sort and (query.sort[0].kind != "at" or not query.sort[0].descending):
        return None
    tokens: list[int] = []
    params: list[str] = []
    for condition in query.where:
        if isinstance(condition, References) and condition.targets == (f"Patient/{query.patient}",) and not params:
            params = list(condition.names)
        elif isinstance(condition, Tokens) and (token := _token(condition, keys)) is not None:
            tokens.append(token)
        else:
            return None
    assert query.type is not None
    assert query.patient is not None
    return Chart(query.type, query.patient, tokens, bool(query.sort), params) if params else None


def _identity(query: Query, keys: Keys) -> Identity | None:
    assert query.type is not None
    found = Identity(query.type, "", [], [], [])
    drive = ""
    for condition in query.where:
        if len(getattr(condition, "values", ())) != 1 or len(getattr(condition, "names", ())) != 1 or len(condition.types) != 1:
            return None
        match condition:
            case Tokens() if (token := _token(condition, keys)) is not None:
                if condition.weight == _NAMES_ONE and drive != "token":
                    found.tokens.insert(0, token)
                    drive = "token"
                else:
                    found.tokens.append(token)
            case Strings(mode="starts", values=(text,)):
                found.strings.append((keys.name(query.type, condition.names[0]), text, text + LAST))
            case Dates(values=(moment,)) if moment.prefix == "eq" and moment.high - moment.low <= _PRECISE:
                found.dates.append((keys.name(query.type, condition.names[0]), moment.low, moment.high))
            case _:
                return None
    drive = drive or ("date" if found.strings and found.dates else "")
    return found._replace(drive=drive) if drive else None


def _token(condition: Tokens, keys: Keys) -> int | None:
    """The key of the one code that is asked for."""
    if condition.negated or len(condition.values) != 1 or len(condition.names) != 1 or len(condition.types) != 1 or condition.values[0] == (None, None):
        return None
    if by_identifier(condition):
        return None  # may be that of something withheld
    return keys.token(condition.types[0], condition.names[0], *condition.values[0])


async def page(access: Access, asked: Chart | Identity, limit: int, position: Cursor | None) -> tuple[list[Any], list[Any] | None]:
    """At most `limit` rows after a position; and for callers subject to redaction the versions of those that have more than one."""
    db, head, decided, rid = access.house.db, access.head, access.decided, position.rid if position else 0
    if isinstance(asked, Identity):
        return await store.find(db, head, decided, asked.type, asked.drive, asked.tokens, asked.strings, asked.dates, rid=rid, limit=limit), None
    if not asked.newest:
        return await store.chart(
            db, head, decided, asked.type, asked.patient, asked.tokens, newest=False, at=END, rid=rid, limit=limit
        ), None
    at, rid = (position.keys[0], position.rid) if position else (END, store.LAST)
    if not access.decision.redacted:
        return await store.chart(db, head, decided, asked.type, asked.patient, asked.tokens, newest=True, at=at, rid=rid, limit=limit), None
    rows = await store.chart_redacted(db, head, decided, asked.type, asked.patient, asked.params, asked.tokens, at=at, rid=rid, limit=limit, deep=runs.DEEP)
    return [row for row in rows if not row["past"]], [row for row in rows if row["past"]]


def plain(includes: tuple[Include, ...]) -> bool:
    """Whether these includes can be followed in one step with names known beforehand."""
    return all(not i.iterate and i.names is not None and i.source != "*" for i in includes)


async def included(access: Access, query: Query, rows: list[Any], limit: int) -> list[Any]:
    """What the page refers to, and what refers to it."""
    return await store.included(
        access.house.db,
        access.head,
        access.decided,
        searched(access),
        [(r["rid"], r["type"], r["id"]) for r in rows],
        links(query.include),
        links(query.revinclude),
        limit,
    )


def searched(access: Access) -> list[str] | None:
    """The types that the role may search; None: every type."""
    return None if access.may("*", "search") else access.rules.types(access.caller.role, "search", access.house.types)


def links(includes: tuple[Include, ...]) -> list[tuple[str, str, str]]:
    """What is followed, as (source type, parameter, target type or '')."""
    return [(i.source, name, i.target or "") for i in includes for name in i.names or ()]
