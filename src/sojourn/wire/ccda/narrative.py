"""The narrative of a document as HTML that is safe to show: few elements of ours, escaped words.

Only what the narrative block of CDA R2 has is rendered (https://hl7.org/cda/stds/core/draft1/narrative.html); everything else gives its words. No
attribute of the document reaches the page but the spans of cells, as numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape, unescape
from typing import Final, NamedTuple

from sojourn.base.digits import digits
from sojourn.wire.ccda.xml import Node, parse, uncollected

_SAME: Final = {"table": "table", "thead": "thead", "tbody": "tbody", "tfoot": "tbody", "tr": "tr", "th": "th", "td": "td", "sub": "sub", "sup": "sup", "paragraph": "p", "caption": "b", "item": "li"}
_STYLES: Final = {"bold": "b", "italics": "i", "underline": "u", "emphasis": "i"}
_GONE: Final = frozenset({"script", "style", "iframe", "object", "embed"})
_PLACES: Final = {"table": ("thead", "tbody", "tfoot", "tr"), "thead": ("tr",), "tbody": ("tr",), "tfoot": ("tr",), "tr": ("th", "td"), "list": ("item",)}
"""What may stand in what only holds; anything else there gives no element, so that nothing closes a table from within."""
_WIDEST: Final = 50
PICTURE: Final = "[A picture or file of the document is not shown here.]"


class Shown(NamedTuple):
    """A section as it is read: title, how deep it stands (from 0), and its narrative as HTML, '' where it has none."""

    title: str
    depth: int
    html: str


def of(data: bytes) -> list[Shown]:
    """The sections of a document in their order. Raises BadDocument."""
    with uncollected():
        return within(parse(data))


def within(root: Node) -> list[Shown]:
    """The same of a document that is parsed."""
    body = [root, *(node for path in ("component", "component/structuredBody", "component/structuredBody/component") for node in root.all(path))]
    return [s for node in body for s in _sections(node, 0)]


def plain(data: bytes) -> str:
    """Titles and narrative as plain text, a line for each row, item and paragraph: for paper. Raises BadDocument."""
    out = []
    for section in of(data):
        text = re.sub(r"</t[dh]><t[dh][^>]*>", " | ", section.html)
        text = unescape(re.sub(r"<[^>]*>", "", re.sub(r"<br>|</(?:p|li|tr)>", "\n", text)))
        out.append("\n".join(filter(None, (section.title.upper(), *(line.strip() for line in text.splitlines())))))
    return "\n\n".join(filter(None, out))


def _sections(component: Node, depth: int) -> Iterator[Shown]:
    for node in component.all("section"):
        title, text = node.one("title"), node.one("text")
        yield Shown(title.text() if title else "", depth, html(text) if text else "")
        if depth < 8:
            for child in node.all("component"):
                yield from _sections(child, depth + 1)


def html(node: Node) -> str:
    """The HTML of what is in a narrative block."""
    out: list[str] = []
    _inside(node, out)
    return "".join(out).strip()


def _inside(node: Node, out: list[str]) -> None:
    only = _PLACES.get(node.name)
    if only is None:
        out.append(escape(node.texts[0]))
    for child, after in zip(node.below, node.texts[1:], strict=True):
        if only is not None and child.name not in only:
            if child.name not in ("caption", *_GONE) and (words := child.text()):  # a caption stands before what it belongs to
                out.append(_placed(node.name, words))
            continue
        _element(child, out)
        if only is None:
            out.append(escape(after))


def _placed(holder: str, words: str) -> str:
    """Words that stand where only rows, cells or items may: a row, cell or item of their own."""
    inside = escape(words)
    return {"list": f"<li>{inside}</li>", "tr": f"<td>{inside}</td>"}.get(holder, f"<tr><td>{inside}</td></tr>")


def _element(node: Node, out: list[str]) -> None:
    if node.name in _GONE:
        return
    if node.name == "br":
        out.append("<br>")
        return
    if node.name == "renderMultiMedia":
        out.append(f"<i>{PICTURE}</i>")
    if node.name in ("table", "list") and (caption := node.one("caption")) is not None:
        out.append(f"<p><b>{escape(caption.text())}</b></p>")
    tag = _tag(node)
    spans = "".join(f' {name}="{value}"' for name in ("colspan", "rowspan") if node.name in ("td", "th") and (value := _span(node.get(name))))
    if tag:
        out.append(f"<{tag}{spans}>")
    _inside(node, out)
    if tag:
        out.append(f"</{tag}>")


def _tag(node: Node) -> str:
    if node.name == "list":
        return "ol" if node.get("listType") == "ordered" else "ul"
    if node.name == "content":
        return next((tag for word, tag in _STYLES.items() if word in node.get("styleCode").lower().split()), "span")
    return _SAME.get(node.name, "")


def _span(text: str) -> int:
    """A number of cells, 0 where it says nothing."""
    return min(int(text), _WIDEST) if digits(text) and len(text) < 4 and int(text) > 1 else 0
