"""Which item of a list that was sent is which item of the list that was shown."""

from __future__ import annotations

from typing import Any

from sojourn.gate.bases import INLINE


def align(shown: list[Any], sent: list[Any]) -> dict[int, int]:
    """Position in `sent` -> position in `shown`, for each item that is the same, moved or changed.

    First what is equal; then what has the same id; then the most alike; at last one item left on each side
    at the same place. Items without anything in common are taken for different: what is hidden in one must
    not turn up in the other.
    """
    found: dict[int, int] = {}
    free = list(range(len(shown)))
    for n, item in enumerate(sent):
        match = next((i for i in free if shown[i] == item), None)
        if match is not None:
            found[n] = match
            free.remove(match)
    left = [n for n in range(len(sent)) if n not in found and not _is_label(sent[n])]
    free = [i for i in free if not _is_label(shown[i])]
    alike = sorted(((-likeness(shown[i], sent[n]), abs(i - n), n, i) for n in left for i in free), key=lambda pair: pair[:3])
    for score, _, n, i in alike:
        if score < 0 and n not in found and i in free:
            found[n] = i
            free.remove(i)
    left = [n for n in left if n not in found]
    if len(left) == len(free) == 1 and left[0] == free[0] and len(shown) == len(sent):
        found[left[0]] = free[0]
    return found


def likeness(a: Any, b: Any) -> int:
    """How many values two items have in common, at the same places; 0 for nothing."""
    if _is_label(a):
        return 0  # that two items are equally sensitive does not make them one
    if isinstance(a, dict) and isinstance(b, dict):
        same_id = 1000 if "id" in a and a["id"] == b.get("id") else 0
        return same_id + sum(likeness(value, b[key]) for key, value in a.items() if key in b and key != "url") + _same_url(a, b)
    if isinstance(a, tuple) and isinstance(b, tuple):  # a primitive with its sibling
        return likeness(a[0], b[0])
    if isinstance(a, list) and isinstance(b, list):
        return sum(max((likeness(x, y) for y in b), default=0) for x in a)
    return int(a is not None and a == b and type(a) is type(b))


def _same_url(a: dict[str, Any], b: dict[str, Any]) -> int:
    """Extensions are the same by url alone; of two with different urls nothing is the same."""
    if "url" not in a or "url" not in b or a.keys() & {"system"}:
        return 0
    return 1 if a["url"] == b["url"] else -1000


def _is_label(item: Any) -> bool:
    return isinstance(item, dict) and item.get("url") == INLINE
