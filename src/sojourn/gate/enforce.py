"""A Decision becomes a SQL predicate."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from sojourn.gate.scopes import SCOPED
from sojourn.record import sql
from sojourn.record.searchsql import Walked

if TYPE_CHECKING:
    from sojourn.gate.access import Access

_NAMED = re.compile(r"(?<!:):([a-z]+)")
# Arguments of the decision, in the order in which they are bound.
_KINDS = {"mask": "bigint", "programs": "int[]", "keys": "text[]", "purpose": "text", "action": "text", "related": "boolean", "now": "timestamptz"}


class Args(Protocol):
    """Bind values of one statement."""

    values: list[Any]

    def add(self, value: Any, kind: str) -> str:
        """Bind a value; returns its place as SQL."""
        ...


class Bound:
    """The predicate of one Access for one statement: who may see rows and what hangs on them, and whether the caller still holds.

    The decision is bound once, at its first use; the text depends on nothing but the shape, so prepared statements are reused.
    Nothing is bound that the text does not use: PostgreSQL could not tell its type.
    """

    __slots__ = ("_access", "_first", "_head", "_named", "_types")

    def __init__(self, access: Access) -> None:
        self._access = access
        self._first: int | None = None
        self._head: int | None = None
        self._named: str | None = None
        # None: the role may search every type.
        self._types = None if access.may("*", "search") else access.rules.types(access.caller.role, "search", access.house.types)

    @property
    def near(self) -> bool:
        """Whether the caller needs relations."""
        return self._access.decision.related

    def beside(self, args: Args) -> str:
        """What a statement joins to its row `r`, once, so that `row`, `behind` and `clean` of it need not look at the patient each."""
        return f" LEFT JOIN LATERAL ({_standing('r', self._start(args))}) stands ON true"

    def beside_patients(self, alias: str, args: Args) -> Walked:
        """The same where the rows of each patient follow each other: the standing with the patient of `alias` (a row for each, with tenant, patient and
        empty origins), and for a row `r` where that is in `alias.bits`: it is asked anew only if consents permit something within limits."""
        start = self._start(args)
        bits = f"CASE WHEN ({alias}.bits & 72057594037927936) = 0 THEN {alias}.bits ELSE ({_standing('r', start)}) END"
        return Walked(_standing(alias, start), _closed("known.bits", start), _possible("r", f"{alias}.closed", start), bits)

    def row(self, alias: str, args: Args) -> str:
        """May the row be seen: role, bases, relation, deny. The credential is checked with it, once a statement."""
        text = _row(alias, self._start(args), self._caller(args) if alias == "r" else 0)
        return text if self._types is None else f"({alias}.type = ANY ({self._searched(args)}) AND {text})"

    @property
    def updated(self) -> str:
        """The column that says when a row was last updated, as far as this caller may know."""
        return "plain_updated" if self._access.decision.redacted else "updated"

    def mask(self, expr: str, alias: str, args: Args) -> str:
        """May something on that row that carries the label bits `expr` be seen."""
        return _mask(expr, alias, self._start(args))

    def target(self, alias: str, args: Args) -> str:
        """May it be known that there is the row: as `row`, whatever types the role includes."""
        # A target outside the scopes of a token may be known of, as one outside a role's types.
        return _unscoped(alias, self._start(args))

    def behind(self, alias: str, args: Args) -> str:
        """May everything be seen that the row refers to, as far as the row itself says."""
        return _behind(alias, self._start(args))

    def clean(self, alias: str, args: Args) -> str:
        """May the bytes of the row be served as they are."""
        return f"({_clean(alias, self._start(args))} AND NOT {alias}.apart)"

    def called(self, args: Args) -> str:
        """Who asks and the decision, as every function of the gate takes them first."""
        start, head = self._start(args), self._caller(args)
        places = [f"${head + n}::{kind}" for n, kind in enumerate(("int", "bytea", "int"))]
        decision = [f"${start + n}::{kind}" for n, (name, kind) in enumerate(_KINDS.items()) if name != "now"]
        return ", ".join([*places, f"${start + len(_KINDS) - 1}::timestamptz", *decision])

    def _start(self, args: Args) -> int:
        """The place of the first argument of the decision."""
        if self._first is None:
            self._first = len(args.values) + 1
            access = self._access
            for value, kind in zip((*access.decided, access.now), _KINDS.values(), strict=True):
                args.add(value, kind)
        return self._first

    def _caller(self, args: Args) -> int:
        """The place of the first argument about who asks."""
        if self._head is None:
            self._head = len(args.values) + 1
            args.add(self._access.tenant.number, "int")
            args.add(self._access.caller.credential, "bytea")
            args.add(self._access.caller.generation, "int")
        return self._head

    def _searched(self, args: Args) -> str:
        """The types that the role may search."""
        if self._named is None:
            self._named = args.add(self._types, "text[]")
        return self._named


def _places(start: int) -> Callable[[re.Match[str]], str]:
    where = {name: f"${start + n}::{kind}" for n, (name, kind) in enumerate(_KINDS.items())}
    return lambda match: where[match[1]]


def _stands(alias: str) -> str:
    """Where the standing of the row's patient is: beside `r`, and nowhere for others."""
    return "stands.bits" if alias == "r" else ""


@lru_cache(maxsize=500)
def _standing(alias: str, start: int) -> str:
    return _NAMED.sub(_places(start), sql.standing(alias))


@lru_cache(maxsize=500)
def _closed(stands: str, start: int) -> str:
    return _NAMED.sub(_places(start), sql.closed(stands))


@lru_cache(maxsize=500)
def _possible(alias: str, closed: str, start: int) -> str:
    return _NAMED.sub(_places(start), sql.possible(alias, closed))


@lru_cache(maxsize=2000)
def _row(alias: str, start: int, head: int) -> str:
    text = _NAMED.sub(_places(start), sql.row(alias, _stands(alias)))
    if not head:
        return text
    # Constant within a statement: PostgreSQL asks it once. It raises for a caller who is no longer what it was.
    return f"({text} AND gate.alive(${head}::int, ${head + 1}::bytea, ${head + 2}::int, ${start + 6}::timestamptz))"


@lru_cache(maxsize=500)
def _unscoped(alias: str, start: int) -> str:
    return _NAMED.sub(_places(start), sql.row(alias).replace(":mask", f"(:mask & ~{SCOPED})"))


@lru_cache(maxsize=4000)
def _mask(expr: str, alias: str, start: int) -> str:
    return _NAMED.sub(_places(start), sql.part(alias, expr))


@lru_cache(maxsize=500)
def _behind(alias: str, start: int) -> str:
    return _NAMED.sub(_places(start), sql.behind(alias, _stands(alias)))


@lru_cache(maxsize=500)
def _clean(alias: str, start: int) -> str:
    return _NAMED.sub(_places(start), sql.clean(alias, _stands(alias)))
