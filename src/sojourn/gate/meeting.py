"""What two views of one resource share: what one may hand on of what another may have."""

from __future__ import annotations

from typing import Any

from sojourn.gate.bases import CONFIDENTIALITY


def handed(theirs: dict[str, Any], mine: dict[str, Any]) -> dict[str, Any]:
    """`common` with the version that the receiver is shown, and no higher level of confidentiality than either view has.

    The version that whoever releases is shown may be a later one, where something changed that the receiver is not shown: that it is left out would tell so.
    """
    out = common(theirs, mine)
    meta = {**out.get("meta", {}), **{k: theirs["meta"][k] for k in ("versionId", "lastUpdated") if k in theirs.get("meta", {})}}
    levels = [level for view in (theirs, mine) if (level := _level(view)) is not None]
    if len(levels) == 2:  # noqa: PLR2004 - of each view
        others = [c for c in meta.get("security", ()) if c.get("system") != CONFIDENTIALITY]
        meta["security"] = [{"system": CONFIDENTIALITY, "code": _LEVELS[min(levels)]}, *others]
    return {**out, **({"meta": {k: meta[k] for k in (*(k for k in theirs["meta"] if k in meta), *(k for k in meta if k not in theirs["meta"]))}} if meta else {})}


_LEVELS = ("U", "L", "M", "N", "R", "V")


def _level(view: dict[str, Any]) -> int | None:
    return next((_LEVELS.index(c["code"]) for c in view.get("meta", {}).get("security", ()) if c.get("system") == CONFIDENTIALITY and c.get("code") in _LEVELS), None)


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
    same: set[int] = set()
    for n, item in enumerate(theirs):  # what is equal goes together first: it could be within another
        if item in left:
            left.remove(item)
            same.add(n)
    out = []
    for n, item in enumerate(theirs):
        if n in same:
            out.append(item)
            continue
        place = next((at for at, other in enumerate(left) if within(item, other)), None)
        whole = place is not None
        if place is None:
            place = next((at for at, other in enumerate(left) if within(other, item)), None)
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
