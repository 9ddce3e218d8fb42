"""Rows of repeating sections and answers: one more, one fewer, and nothing else lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from sojourn.base.digits import digits
from sojourn.care.forms.filling import MOST_ROWS, name_of, rows_of
from sojourn.care.forms.model import Form, Item

Texts = dict[str, list[str]]


def taken_apart(form: Form, name: str) -> tuple[Item, tuple[int, ...], str] | None:
    """The item, the rows and the suffix of a field's name; None for a name that the form does not have."""
    base, plus, suffix = name.partition("+")
    link, *at = base.split("@")
    item = form.by_link.get(unquote(link))
    if item is None or not all(digits(a) for a in at):
        return None
    return item, tuple(map(int, at)), plus + suffix


def added(form: Form, raw: Mapping[str, Sequence[str]], name: str) -> Texts:
    """One row more of the section or question of that name."""
    out: Texts = {k: list(v) for k, v in raw.items()}
    if found := taken_apart(form, name):
        item, at, _ = found
        out[f"{name}+rows"] = [str(min(rows_of(item, raw, at) + 1, item.most_times or MOST_ROWS, MOST_ROWS))]
    return out


def removed(form: Form, raw: Mapping[str, Sequence[str]], name: str, row: int) -> Texts:
    """Without one row; those after it move up, with everything in them."""
    found = taken_apart(form, name)
    if found is None:
        return {k: list(v) for k, v in raw.items()}
    item, at, _ = found
    depth, out = len(at), Texts()
    for key, texts in raw.items():
        parts = taken_apart(form, key)
        if parts is not None:
            other, place, suffix = parts
            within = (other is item or item.link in other.above) and len(place) > depth and place[:depth] == at
            if within and place[depth] == row:
                continue
            if within and place[depth] > row:
                key = name_of(other, (*place[:depth], place[depth] - 1, *place[depth + 1 :])) + suffix
        out[key] = list(texts)
    out[f"{name}+rows"] = [str(max(rows_of(item, raw, at) - 1, 0))]
    return out
