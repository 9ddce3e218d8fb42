"""Records of one person read as one: what is asked about one is asked about all, each entry decided.

Nothing is moved or copied. A search for entries of one record becomes a search for those of each; the predicate of the caller stands beside
every row as ever, so that who may not see the other record, or an entry of it, finds what they found before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from sojourn.record import store

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.found import Stored

_NOT_ABOUT = frozenset({"item", "source", "link"})
"""Parameters that name records as such, not whose entry something is."""


def asked(joined: tuple[str, ...], type_: str | None, params: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The parameters of a search, those that name one of the joined records naming all of them. Of Patients themselves each is asked as it is."""
    if len(joined) < 2 or type_ == "Patient":  # noqa: PLR2004 - one record alone is no other
        return tuple((name, value) for name, value in params)
    return tuple((name, _all(joined, name, value)) for name, value in params)


def _all(joined: tuple[str, ...], name: str, value: str) -> str:
    kind, slash, id_ = value.rpartition("/")
    if id_ not in joined or kind not in ("", "Patient") or name.startswith("_") or name in _NOT_ABOUT:
        return value
    return ",".join(f"{kind}{slash}{each}" for each in joined)


_MANY = 200


async def linkages(access: Access, ids: Sequence[str]) -> list[Stored]:
    """The Linkages about these Patients that may be seen. Asked with every chart and every Patient of the API, and nearly always there is none: one call of a
    function that is planned once says so, under the caller's predicate; what there is is then read as any search reads it."""
    if not ids or not access.may("Linkage", "search"):
        return []
    if access.caller.scopes is None:
        rows = await store.included(access.house.db, access.head, access.decided, None, [(0, "Patient", id_) for id_ in ids], [], [("Linkage", "item", "Patient")], _MANY)
        wanted = [("_id", ",".join(sorted(r["id"] for r in rows)))]
        if not rows:
            return []
    else:
        wanted = [("item", ",".join(f"Patient/{id_}" for id_ in ids))]
    return (await access.search("Linkage", wanted, count=_MANY)).matches
