"""ICD-10-CM: the tabular list (XML) and the order file; the first also from its installed package.

https://www.cdc.gov/nchs/icd/icd-10-cm/files.html, https://www.cms.gov/medicare/coding-billing/icd-10-codes. The tabular list names a code
that takes a seventh character once, with the characters; what can be billed is the code, filled up with X, and the character.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from datetime import date
from importlib import metadata
from itertools import chain
from pathlib import Path
from typing import Final
from xml.parsers import expat

from sojourn.wire.vocabulary.files import Files
from sojourn.wire.vocabulary.model import ICD10CM, BadRelease, Concept, Edge, Part, Release

PACKAGE: Final = "simple_icd_10_cm"
_MONTHS: Final = {m: n for n, m in enumerate("january february march april may june july august september october november december".split(), 1)}
_CODE: Final = re.compile(r"[A-Z][0-9A-Z]{2}(\.[0-9A-Z]{1,4})?").fullmatch
_HEADING: Final = "heading"
_NOT_WITH: Final = ((re.compile(r"S06\..{2}[78]").fullmatch, "DS"),)
"""Seventh characters that a note of the list rules out: nobody is seen again for a head injury of which they died (note at S06)."""
_PIECE: Final = 1 << 16
_SIX: Final = len("S52.011")
"""Six characters and their dot."""


def packaged() -> Release:
    """The release in the installed package, whose own code is not run: it would hold all of it in memory. Raises BadRelease where it holds none."""
    found = [f for f in metadata.files(PACKAGE) or () if f.name.startswith("icd10c-tabular") and f.name.endswith(".xml")]
    if len(found) != 1:
        raise BadRelease(f"The package {PACKAGE} holds no tabular list.")
    release = tabular(Files(Path(str(found[0].locate()))))
    return Release(release.system, release.version, release.published, packaged_version(), release.parts)


def packaged_version() -> str:
    """What the release in the package says of its source: the package and its version."""
    return f"{PACKAGE} {metadata.version(PACKAGE)}"


def release(place: Path) -> Release:
    """A tabular list or an order file, in a folder, a .zip or by itself. Raises BadRelease."""
    files = Files(place)
    if files.find("*tabular*.xml"):
        return tabular(files)
    return order(files)


def tabular(files: Files) -> Release:
    """The tabular list."""
    name = files.one("icd10c*tabular*.xml", "*tabular*.xml")
    codes = _Tabular(files, name)
    parts = codes.parts()
    first = next(parts)  # by then its version was read, and that it is a tabular list
    month = re.search(r"tabular-([a-z]+)-(\d+)-(\d{4})", name.lower())
    published = date(int(month[3]), _MONTHS[month[1]], int(month[2])) if month and month[1] in _MONTHS else None
    return Release(ICD10CM, published.isoformat() if published else codes.version, published, Path(name).name, chain([first], parts))


def order(files: Files) -> Release:
    """The order file: 5 digits, code, 1 where it may be billed, short and long title, in fixed columns."""
    name = files.one("icd10cm*order*.txt")
    year = re.search(r"(20\d\d)", Path(name).name)
    if not year:
        raise BadRelease(f"{name}: the name says no year.")
    return Release(ICD10CM, year[1], date(int(year[1]) - 1, 10, 1), Path(name).name, _ordered(files, name))


def _ordered(files: Files, name: str) -> Iterator[Part]:
    above: list[str] = []
    edges: list[Part] = []
    for n, line in files.lines(name):
        if not line.strip():
            continue
        code, leaf, title = _dotted(line[6:13].strip()), line[14:15], line[77:].strip()
        if not _CODE(code) or leaf not in "01" or not title:
            raise BadRelease(f"{name}, line {n}: expected a code, 0 or 1, and a title in their columns.")
        yield Concept(code, title, kind="" if leaf == "1" else _HEADING)
        plain = code.replace(".", "")
        while above and not plain.startswith(above[-1]):
            above.pop()
        if above:
            edges.append(Edge(_dotted(above[-1]), code))
        above.append(plain)
    yield from edges


def _dotted(code: str) -> str:
    return f"{code[:3]}.{code[3:]}" if len(code) > 3 and "." not in code else code  # noqa: PLR2004 - a category has three characters


class _Tabular:
    """Reads the list as somebody walks through it. What lies under what follows the codes, kept as text until then: a tenth of the room of the whole."""

    def __init__(self, files: Files, name: str) -> None:
        self.version = ""
        self._files, self._name = files, name
        self._concepts: list[Part] = []
        self._edges = io.StringIO()
        self._stack: list[_Diag] = []
        self._text: list[str] | None = None
        self._char = ""

    def parts(self) -> Iterator[Part]:
        """Every code, then what lies under what. Raises BadRelease."""
        parser = expat.ParserCreate()
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = self._start, self._end, self._words
        found = False
        with self._files.open(self._name) as stream:
            piece = b"-"
            while piece:
                piece = stream.read(_PIECE)
                try:
                    parser.Parse(piece, not piece)
                except expat.ExpatError as error:
                    raise BadRelease(f"{self._name}, line {error.lineno}: not well-formed XML.") from None
                found = found or bool(self._concepts)
                yield from self._concepts
                self._concepts.clear()
        if not found:
            raise BadRelease(f"{self._name}: no codes in it.")
        self._edges.seek(0)
        for line in self._edges:
            parent, _, child = line.rstrip("\n").partition(" ")
            yield Edge(parent, child)

    @staticmethod
    def _doctype(*_: object) -> None:
        raise BadRelease("A tabular list has no document type.")

    def _start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "diag":
            self._stack.append(_Diag(self._stack[-1] if self._stack else None))
        elif tag == "extension" and self._stack:
            self._char, self._text = attributes.get("char", ""), []
        elif tag in ("name", "desc", "version", "note"):
            self._text = []
        elif tag == "inclusionTerm" and self._stack:
            self._stack[-1].open_terms = True

    def _words(self, words: str) -> None:
        if self._text is not None:
            self._text.append(words)

    def _end(self, tag: str) -> None:
        words = " ".join("".join(self._text or ()).split())
        top = self._stack[-1] if self._stack else None
        if tag == "version":
            self.version = words
        elif tag == "name" and top:
            top.code = words
        elif tag == "desc" and top:
            top.title = words
        elif tag == "extension" and top and self._char:
            top.own[self._char] = words
        elif tag == "note" and top and top.open_terms:
            top.names.append(words)
        elif tag == "inclusionTerm" and top:
            top.open_terms = False
        elif tag == "diag" and top:
            self._diag(self._stack.pop())
        if tag in ("name", "desc", "version", "note", "extension"):
            self._text = None

    def _diag(self, diag: _Diag) -> None:
        if not _CODE(diag.code) or not diag.title:
            raise BadRelease(f"A diagnosis of the tabular list has no code or no title: {diag.code!r}.")
        seventh = {} if diag.children else diag.seventh()
        self._concepts.append(Concept(diag.code, diag.title, kind=_HEADING if diag.children or seventh else "", names=tuple(diag.names)))
        if diag.above is not None:
            diag.above.children = True
            self._edges.write(f"{diag.above.code} {diag.code}\n")
        filled = diag.code if "." in diag.code else diag.code + "."
        for char, words in seventh.items():
            if any(char in out and fits(diag.code) for fits, out in _NOT_WITH):
                continue
            code = filled.ljust(_SIX, "X") + char
            self._concepts.append(Concept(code, f"{diag.title}, {words}"))
            self._edges.write(f"{diag.code} {code}\n")


class _Diag:
    """A code of the list while its part of the XML is open."""

    __slots__ = ("above", "children", "code", "names", "open_terms", "own", "title")

    def __init__(self, above: _Diag | None) -> None:
        self.above, self.code, self.title, self.children, self.open_terms = above, "", "", False, False
        self.own: dict[str, str] = {}
        self.names: list[str] = []

    def seventh(self) -> dict[str, str]:
        """Seventh characters that it takes: its own, or those of the nearest above that has some."""
        return self.own or (self.above.seventh() if self.above else {})
