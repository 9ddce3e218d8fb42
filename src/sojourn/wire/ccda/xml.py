"""XML from anybody, read into plain nodes: no document type, no entities, limits on everything.

The standard library's expat does the reading (https://docs.python.org/3.11/library/pyexpat.html); why not lxml: docs/decisions/0054.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final
from xml.parsers import expat

MAX_BYTES: Final = 20 * 2**20
MAX_DEPTH: Final = 100
MAX_NODES: Final = 1_000_000
HL7: Final = "urn:hl7-org:v3"
SDTC: Final = "urn:hl7-org:sdtc"
_TYPE: Final = "http://www.w3.org/2001/XMLSchema-instance type"
# Attributes that a document of HL7 v3 has without a namespace keep their names; xsi:type is kept as `type`, as no v3 element has both.


class BadDocument(ValueError):
    """The bytes are no XML that we read. str() says why and in which line, and repeats nothing of the content."""


class Node:
    """An element: `name` without a namespace (`sdtc:x` for extensions), attributes, elements below, and text before each and after the last.

    line, at: where it stands, by line and by byte.
    """

    __slots__ = ("at", "attributes", "below", "line", "name", "texts")

    def __init__(self, name: str, attributes: dict[str, str], line: int, at: int = 0) -> None:
        self.name = name
        self.attributes = attributes
        self.below: list[Node] = []
        self.texts: list[str] = [""]
        self.line = line
        self.at = at

    def get(self, name: str) -> str:
        """An attribute without blanks around it, or nothing."""
        return self.attributes.get(name, "").strip()

    def all(self, path: str) -> list[Node]:
        """The elements at a path of names, in order."""
        if "/" not in path:
            return [child for child in self.below if child.name == path]
        found = [self]
        for step in path.split("/"):
            found = [child for node in found for child in node.below if child.name == step]
        return found

    def one(self, path: str) -> Node | None:
        """The first element at a path."""
        if "/" not in path:
            return next((child for child in self.below if child.name == path), None)
        found = self.all(path)
        return found[0] if found else None

    def text(self) -> str:
        """All text in it, without markup, runs of blanks as one."""
        parts: list[str] = []
        stack: list[Node | str] = [self]
        while stack:
            item = stack.pop()
            if isinstance(item, str):
                parts.append(item)
                continue
            mixed: list[Node | str] = [item.texts[0]]
            for child, after in zip(item.below, item.texts[1:], strict=True):
                mixed += [child, after]
            stack += reversed(mixed)
        return " ".join("".join(parts).split())


class _Builder:
    def __init__(self) -> None:
        self.root: Node | None = None
        self.open: list[Node] = []
        self.count = 0
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.EntityDeclHandler = self._doctype
        self.parser.ExternalEntityRefHandler = self._doctype

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.count += 1
        if self.count > MAX_NODES:
            raise BadDocument(f"it has more than {MAX_NODES:,} elements")
        if len(self.open) >= MAX_DEPTH:
            raise BadDocument(f"its elements stand more than {MAX_DEPTH} deep")
        node = Node(_short(name), {("type" if key == _TYPE else _short(key)): value for key, value in attributes.items()}, self.parser.CurrentLineNumber, self.parser.CurrentByteIndex)
        if self.open:
            self.open[-1].below.append(node)
            self.open[-1].texts.append("")
        else:
            self.root = node
        self.open.append(node)

    def _end(self, name: str) -> None:
        self.open.pop()

    def _characters(self, data: str) -> None:
        if self.open:
            self.open[-1].texts[-1] += data

    def _doctype(self, *_: object) -> int:
        raise BadDocument("it has a document type or entities, which are not read from outside")


@lru_cache(maxsize=2048)
def _short(name: str) -> str:
    space, _, local = name.rpartition(" ")
    return f"sdtc:{local}" if space == SDTC else local


@contextmanager
def uncollected() -> Iterator[None]:
    """While a document is read nothing is garbage: looking for it among a million elements would take longer than the reading."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


def parse(data: bytes) -> Node:
    """The root element. Raises BadDocument."""
    if len(data) > MAX_BYTES:
        raise BadDocument(f"it is larger than {MAX_BYTES // 2**20} MiB")
    builder = _Builder()
    try:
        builder.parser.Parse(data.lstrip(), True)
    except expat.ExpatError as error:
        raise BadDocument(f"it is not well-formed XML: line {error.lineno}") from None
    except (LookupError, ValueError) as error:
        if isinstance(error, BadDocument):
            raise
        raise BadDocument("its encoding is not known") from None
    if builder.root is None:
        raise BadDocument("it is empty")
    return builder.root
