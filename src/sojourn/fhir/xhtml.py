"""The narrative's XHTML: only the elements and attributes FHIR allows, nothing that runs or loads.

https://hl7.org/fhir/R4/narrative.html#xhtml (constraints txt-1 and txt-2). Entities of HTML such as
&nbsp; are not XML and so not allowed. Checked with expat's callbacks, without building a tree.
"""

from __future__ import annotations

import re
from typing import Any, Final
from xml.parsers import expat

_NAMESPACE: Final = "http://www.w3.org/1999/xhtml"

_ELEMENTS: Final = frozenset(
    "a abbr acronym b big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3"
    " h4 h5 h6 hr i img li ol p pre q samp small span strong sub sup table tbody td tfoot th thead"
    " tr tt u ul var kbd s strike del ins address center font bdo map area".split()
)
_ATTRIBUTES: Final = frozenset(
    "class title style lang xml:lang dir id accesskey tabindex name href rel rev src alt longdesc"
    " height width usemap ismap shape coords border cellspacing cellpadding summary frame rules"
    " align valign span char charoff abbr axis headers scope rowspan colspan cite start value type"
    " compact clear size face color bgcolor nowrap noshade hspace vspace datetime hreflang"
    " charset xmlns nohref".split()
)
_EMPTY_OK: Final = frozenset({"img"})
_SAFE_LINK: Final = re.compile(r"(?:https?|mailto|tel|ftp|urn|cid|data:image/[a-z.+-]+;base64)[:,]|[^:]*(?:[/?#].*)?$", re.I | re.S)
_UNSAFE_STYLE: Final = re.compile(r"expression\s*\(|javascript:|behavior\s*:|@import|-moz-binding", re.I)
_PLAIN: Final = re.compile(r'<div xmlns="http://www\.w3\.org/1999/xhtml">([^<&]*[^<&\s][^<&]*)</div>').fullmatch


def check_xhtml(value: Any) -> str | None:
    """None, or what the narrative rules ask for."""
    if type(value) is not str:
        return "expected XHTML in a string"
    if _PLAIN(value):
        return None
    if "<!" in value and ("<!DOCTYPE" in value or "<!ENTITY" in value or "<![CDATA[" in value):
        return "expected XHTML without document type, entities or CDATA"
    if "<?" in value:
        return "expected XHTML without processing instructions"
    reader = _Reader()
    try:
        reader.read(value)
    except expat.ExpatError as error:
        return f"expected well-formed XHTML (line {error.lineno}, column {error.offset})"
    except UnicodeEncodeError:
        return "expected XHTML in Unicode"
    return reader.fault or (None if reader.content else "expected some text or an image in the div")


class _Reader:
    """Notes the first element or attribute that is not allowed, and whether there is content."""

    __slots__ = ("content", "depth", "fault")

    def __init__(self) -> None:
        self.fault: str | None = None
        self.content = False
        self.depth = 0

    def read(self, text: str) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._start
        parser.CharacterDataHandler = self._text
        parser.Parse(text, True)

    def _text(self, text: str) -> None:
        if not self.content and not text.isspace():
            self.content = True

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        space, _, local = name.rpartition(" ")
        first, self.depth = self.depth == 0, self.depth + 1
        if space != _NAMESPACE:
            self._blame(f"expected the namespace {_NAMESPACE}")
        elif first and local != "div":
            self._blame("expected a div")
        elif local not in _ELEMENTS:
            self._blame("expected only the basic formatting elements of XHTML")
        if local in _EMPTY_OK:
            self.content = True
        for attribute, value in attributes.items():
            self._attribute(local, attribute, value)

    def _attribute(self, element: str, name: str, value: str) -> None:
        name = name.rpartition(" ")[2]
        if name not in _ATTRIBUTES:
            self._blame("expected only the attributes that narrative allows (no events)")
        elif name in ("href", "src", "cite", "longdesc") and not _SAFE_LINK.match(_squeezed(value)):
            self._blame("expected links by http, https, mailto, tel, within the text or relative")
        elif name == "style" and _UNSAFE_STYLE.search(_squeezed(value)):
            self._blame("expected a style that runs nothing")

    def _blame(self, fault: str) -> None:
        if self.fault is None:
            self.fault = fault


def _squeezed(value: str) -> str:
    """Browsers ignore control characters and white space within a scheme; so do we."""
    return re.sub(r"[\x00-\x20]+", "", value)
