"""XML as it is written: the same bytes for the same content.

Namespaces of a clinical document: HL7 v3 as the default, `sdtc` for its extensions, `xsi` for types (https://www.hl7.org/implement/standards/product_brief.cfm?product_id=7).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import escape, quoteattr

_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class E:
    """An element: name, attributes without empty ones (`xsi_type` is xsi:type, a trailing `_` is dropped), children and text in order; None is left out."""

    __slots__ = ("attributes", "inside", "name")

    def __init__(self, name: str, *inside: E | str | None, **attributes: str) -> None:
        self.name = name
        self.attributes = {key.replace("xsi_type", "xsi:type").rstrip("_"): value for key, value in attributes.items() if value}
        self.inside = [part for part in inside if part is not None]

    def add(self, *more: E | str | None) -> E:
        """The element, with more at its end."""
        self.inside += [part for part in more if part is not None]
        return self


def clean(text: str) -> str:
    """The text without characters that no XML may hold; each leaves a replacement character."""
    return _NOT_XML.sub("\ufffd", text)


def _pieces(root: E) -> Iterator[str]:
    stack: list[E | str] = [root]
    while stack:
        part = stack.pop()
        if isinstance(part, str):
            yield part
            continue
        opened = f"<{part.name}" + "".join(f" {key}={quoteattr(clean(value))}" for key, value in part.attributes.items())
        if not part.inside:
            yield opened + "/>"
            continue
        yield opened + ">"
        stack.append(f"</{part.name}>")
        stack += [escape(clean(inner)) if isinstance(inner, str) else inner for inner in reversed(part.inside)]


def document(root: E) -> bytes:
    """The bytes of a document with this root."""
    root.attributes = {"xmlns": "urn:hl7-org:v3", "xmlns:sdtc": "urn:hl7-org:sdtc", "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance", **root.attributes}
    return ('<?xml version="1.0" encoding="UTF-8"?>\n' + "".join(_pieces(root)) + "\n").encode()
