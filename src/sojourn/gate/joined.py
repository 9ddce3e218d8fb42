"""Records of one person read as one: what is asked about one is asked about all, each entry decided.

Nothing is moved or copied. A search for entries of one record becomes a search for those of each; the predicate of the caller stands beside
every row as ever, so that who may not see the other record, or an entry of it, finds what they found before.
"""

from __future__ import annotations

from collections.abc import Iterable

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
