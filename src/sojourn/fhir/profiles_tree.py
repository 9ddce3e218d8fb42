"""The rows of a profile as a tree of elements and slices, each with the type it constrains."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from sojourn.fhir.definitions import Definitions, Element

_STEP: Final = re.compile(r"([^.:]+)(?::([^.]+))?")


class Branch:
    """An element of a profile, or a slice of one."""

    __slots__ = ("choice", "children", "element", "name", "owner", "row", "slice_name", "slices", "types")

    def __init__(self, name: str, slice_name: str = "") -> None:
        self.choice = name.endswith("[x]")
        self.name = name.removesuffix("[x]")
        self.slice_name = slice_name
        self.row: dict[str, Any] = {}
        self.children: dict[str, Branch] = {}
        self.slices: dict[str, Branch] = {}
        self.owner = ""
        """The type that has this element, e.g. `Patient` or `Patient.contact`."""
        self.element: Element | None = None
        self.types: tuple[str, ...] = ()
        """Types the value may have here: those of the definition, or the profile's fewer."""

    def find(self, path: str) -> Branch | None:
        """The branch below this one at a dotted path; `$this` is itself."""
        here: Branch | None = self
        for step in path.split("."):
            if here is None or step in ("$this", "resolve()"):
                continue
            if step.startswith("ofType("):
                continue
            here = here.children.get(step) or here.children.get(step.removesuffix("[x]"))
        return here

    def everything(self) -> Iterator[Branch]:
        """This branch and all below it."""
        yield self
        for branch in (*self.children.values(), *self.slices.values()):
            yield from branch.everything()


def tree_of(facts: dict[str, Any], definitions: Definitions) -> Branch:
    """The tree of a profile's facts (profile_facts), with types filled in as far as they are known."""
    root = Branch(facts["type"])
    for path, row in facts["elements"].items():
        branch = root
        for name, slice_name in _STEP.findall(path):
            branch = _child(branch, name, slice_name)
        branch.row = row
    root.types = (facts["type"],)
    _fill_in(root, definitions)
    return root


def _child(branch: Branch, name: str, slice_name: str) -> Branch:
    key = name.removesuffix("[x]")
    found = branch.children.get(key)
    if found is None:
        found = branch.children[key] = Branch(name)
    for part in slice_name.split("/") if slice_name else ():  # `a/b` is slice b of slice a
        if part not in found.slices:
            found.slices[part] = Branch(name, part)
        found = found.slices[part]
    return found


def _fill_in(branch: Branch, definitions: Definitions) -> None:
    """Give the children their owner and types; those of an element with several types get none."""
    owner = branch.types[0] if len(branch.types) == 1 else ""
    for child in branch.children.values():
        _place(child, owner, definitions)
    for part in branch.slices.values():
        part.types = _slice_types(part, branch)
        part.element, part.owner = branch.element, branch.owner
        _fill_in(part, definitions)


def _place(child: Branch, owner: str, definitions: Definitions) -> None:
    kind = definitions.type(owner) if owner else None
    child.owner = owner
    if kind is not None:
        child.element = next((e for e in kind.elements if e.name == child.name), None)
        if child.element is None:
            _place_typed(child, kind.elements)
    stated = tuple(child.row.get("types", ()))
    defined = tuple(t.code for t in child.element.types) if child.element else ()
    child.types = child.types or (tuple(c for c in defined if _named(c, stated)) if defined and stated else stated or defined)
    _fill_in(child, definitions)


def _named(code: str, stated: tuple[str, ...]) -> bool:
    return code in stated or ("." in code and ("BackboneElement" in stated or "Element" in stated))


def _place_typed(child: Branch, elements: tuple[Element, ...]) -> None:
    """`valueQuantity` in a path is `value[x]` of one type."""
    for element in elements:
        for name, kind in element.properties() if element.choice else ():
            if name == child.name:
                child.element, child.types = element, (kind.code,)


def _slice_types(part: Branch, branch: Branch) -> tuple[str, ...]:
    stated = tuple(part.row.get("types", ()))
    if stated:
        return tuple(c for c in branch.types if _named(c, stated)) or stated
    if branch.choice:
        suffix = part.slice_name[len(branch.name) :]
        return tuple(c for c in branch.types if c[:1].upper() + c[1:] == suffix) or branch.types
    return branch.types
