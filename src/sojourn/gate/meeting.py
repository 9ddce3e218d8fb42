"""What two views of one resource share: what one may hand on of what another may have."""

from __future__ import annotations

from typing import Any


def common(theirs: dict[str, Any], mine: dict[str, Any]) -> dict[str, Any]:
    """`theirs` without what is not in `mine`. Items of lists correspond when one holds all of the other."""
    out: dict[str, Any] = {}
    for key, value in theirs.items():
        if key not in mine:
            continue
        other = mine[key]
        if isinstance(value, dict) and isinstance(other, dict):
            value = common(value, other)
        elif isinstance(value, list) and isinstance(other, list):
            value = _items(value, other)
        elif value != other:
            continue
        if value or value in (0, False):
            out[key] = value
    return out


def _items(theirs: list[Any], mine: list[Any]) -> list[Any]:
    left = list(mine)
    out = []
    for item in theirs:
        place = next((n for n, other in enumerate(left) if within(item, other)), None)
        whole = place is not None
        if place is None:
            place = next((n for n, other in enumerate(left) if within(other, item)), None)
        if place is None:
            continue
        other = left.pop(place)
        out.append(item if whole or not isinstance(item, dict) else common(item, other))
    return out


def within(part: Any, whole: Any) -> bool:
    """Whether everything in `part` is in `whole`, in the same place or the same list."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(key in whole and within(value, whole[key]) for key, value in part.items())
    if isinstance(part, list):
        return isinstance(whole, list) and all(any(within(item, other) for other in whole) for item in part)
    return bool(part == whole)
