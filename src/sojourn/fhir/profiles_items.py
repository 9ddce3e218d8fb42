"""The items of one element that a profile constrains: read, named in paths, sorted into slices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from sojourn.fhir.profiles_slices import Belongs
from sojourn.fhir.profiles_tree import Branch
from sojourn.fhir.validate_elements import Whole
from sojourn.fhir.validate_found import ERROR, Found, prefix

UNBOUNDED: Final = 1 << 30
Items = list[Any]
Read = Callable[[dict[str, Any]], tuple[Items, str]]
"""The items of an element in an object, and the type that a choice was written with, else ""."""
Label = Callable[[int, str], str]
"""How an item is named in a path, by its index and that type."""
Sort = Callable[[Items, str, Found], None]

_NONE: Final[tuple[Items, str]] = ([], "")


class Slice(NamedTuple):
    """One slice of an element, ready to be checked."""

    name: str
    belongs: Belongs
    url: str | None
    """Of an extension slice: the url by which alone its items are told."""
    low: int
    high: int
    item: Whole | None
    kinds: frozenset[str]
    """For a choice: the types, as they end the property's name, that the slice takes."""


def limit(maximum: str | None) -> int:
    """A maximum as a number."""
    return UNBOUNDED if maximum is None or maximum == "*" else int(maximum)


def by_url(sliced: Branch) -> bool:
    """Whether the slices of an element are those that every extension element has, by url."""
    return sliced.name in ("extension", "modifierExtension") and "slicing" not in sliced.row


def reader(branch: Branch) -> Read:
    """How to find the items of an element; a choice has at most one."""
    if branch.choice:
        return _choice_reader(branch)
    name = branch.name

    def read(value: dict[str, Any]) -> tuple[Items, str]:
        content = value.get(name)
        if content is None:
            return _NONE
        return (content, "") if type(content) is list else ([content], "")

    return read


def _choice_reader(branch: Branch) -> Read:
    name, size = branch.name, len(branch.name)
    known = [key for key, _ in branch.element.properties()] if branch.element else []
    if not known or len(known) > 12:  # looking at the few properties that there are is quicker

        def scan(value: dict[str, Any]) -> tuple[Items, str]:
            for key, content in value.items():
                if key.startswith(name) and key[size : size + 1].isupper():
                    return [content], key[size:]
            return _NONE

        return scan
    keys = [(key, "_" + key, key[size:]) for key in known]

    def read(value: dict[str, Any]) -> tuple[Items, str]:
        for key, beside, suffix in keys:
            if key in value:
                return [value[key]], suffix
            if beside in value:
                return [None], suffix
        return _NONE

    return read


def labels(branch: Branch) -> Label:
    """How the items of an element are named."""
    name = branch.name
    if branch.choice:
        codes = {kind.code[:1].upper() + kind.code[1:]: kind.code for kind in branch.element.types} if branch.element else {}
        return lambda index, kind: f"{name}.ofType({codes.get(kind, kind)})"
    if branch.element is not None and not branch.element.repeats:
        return lambda index, kind: name
    return lambda index, kind: f"{name}[{index}]"


def sorting(branch: Branch, slices: list[Slice], label: Label, closed: bool) -> Sort:
    """The check that puts items into slices, counts them, and checks each as its slice asks."""
    name = branch.name
    if not closed and all(part.url is not None for part in slices):
        return _sorting_by_url(name, slices, label)

    def sort(items: Items, kind: str, found: Found) -> None:
        placed = [False] * len(items)
        for part in slices:
            if part.kinds and kind not in part.kinds:
                count, told = 0, True
            else:
                count, told = _place(part, items, kind, placed, label, found)
            _check_count(name, part, count, told, found)
        if closed and not all(placed):
            found.append([name, ERROR, "structure", "expected only the slices that the profile names"])

    return sort


def _place(part: Slice, items: Items, kind: str, placed: list[bool], label: Label, found: Found) -> tuple[int, bool]:
    """How many items belong to a slice, and whether that could be told of all."""
    count, told = 0, True
    for index, content in enumerate(items):
        answer = part.belongs(content)
        if answer is None:
            told = False
            placed[index] = True
        elif answer:
            count += 1
            placed[index] = True
            if part.item is not None:
                start = len(found)
                part.item(content, found)
                if len(found) > start:
                    prefix(found, start, label(index, kind))
    return count, told


def _sorting_by_url(name: str, slices: list[Slice], label: Label) -> Sort:
    known = {part.url: part for part in slices}
    counted = [part for part in slices if part.low or part.high < UNBOUNDED]

    def sort(items: Items, kind: str, found: Found) -> None:
        counts: dict[str | None, int] = {}
        for index, content in enumerate(items):
            url = content.get("url")
            part = known.get(url)
            if part is None:
                continue
            counts[url] = counts.get(url, 0) + 1
            if part.item is not None:
                start = len(found)
                part.item(content, found)
                if len(found) > start:
                    prefix(found, start, label(index, kind))
        for part in counted:
            _check_count(name, part, counts.get(part.url, 0), True, found)

    return sort


def _check_count(name: str, part: Slice, count: int, told: bool, found: Found) -> None:
    if count < part.low and told:
        found.append([name, ERROR, "required", f"expected at least {part.low} for the slice {part.name}"])
    elif count > part.high:
        found.append([name, ERROR, "structure", f"expected at most {part.high} for the slice {part.name}"])
