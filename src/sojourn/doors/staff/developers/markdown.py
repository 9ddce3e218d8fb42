"""Our own documents as HTML: the few marks that they use, everything else as plain words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from markupsafe import Markup, escape

Link = Callable[[str], str]
"""Where a link of a document leads as a page; '' where it leads nowhere here."""
_INLINE: Final = re.compile(r"`(?P<code>[^`]+)`|\*\*(?P<bold>.+?)\*\*|(?<![\w*])\*(?P<lean>[^*\s][^*]*)\*(?!\w)|\[(?P<words>[^\]]+)\]\((?P<place>[^)\s]+)\)")
_HEADING: Final = re.compile(r"(#{1,4}) +(.+)")
_ITEM: Final = re.compile(r"(?:[-*]|(\d+)\.) +(.*)")
_CELLS: Final = re.compile(r"(?<!\\)\|")


def title(text: str) -> str:
    """The words of its first heading."""
    return text.partition("\n")[0].lstrip("# ").strip()


def anchor(words: str) -> str:
    """What a link to a heading calls it, as code forges do."""
    return re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")


def inline(text: str, link: Link) -> Markup:
    """One line's words with their marks."""
    out, at = Markup(""), 0
    for found in _INLINE.finditer(text):
        out += escape(text[at : found.start()])
        at = found.end()
        if found["code"] is not None:
            out += Markup("<code>{}</code>").format(found["code"])
        elif found["bold"] is not None:
            out += Markup("<b>{}</b>").format(inline(found["bold"], link))
        elif found["lean"] is not None:
            out += Markup("<em>{}</em>").format(inline(found["lean"], link))
        else:
            place, words = link(found["place"]), inline(found["words"], link)
            out += Markup('<a href="{}">{}</a>').format(place, words) if place else words
    return out + escape(text[at:])


def html(text: str, link: Link) -> Markup:
    """The whole document. What it does not know of Markdown stands there as it was written."""
    return Markup("\n").join(_blocks(text.splitlines(), link))


def _blocks(lines: list[str], link: Link) -> Iterator[Markup]:
    at = 0
    while at < len(lines):
        line = lines[at]
        if not line.strip():
            at += 1
        elif line.startswith("```"):
            end = next((n for n in range(at + 1, len(lines)) if lines[n].startswith("```")), len(lines))
            yield _code(lines[at + 1 : end], line[3:].partition(" ")[2])
            at = end + 1
        elif line.startswith("    "):
            end = _until(lines, at, lambda one: not one.startswith("    "))
            yield _code([one[4:] for one in lines[at:end]])
            at = end
        elif heading := _HEADING.fullmatch(line):
            level = len(heading[1])
            yield Markup("<h{} id='{}'>{}</h{}>").format(level, anchor(heading[2]), inline(heading[2], link), level)
            at += 1
        elif line.startswith("|"):
            end = _until(lines, at, lambda one: not one.startswith("|"))
            yield _table([_cells(one) for one in lines[at:end]], link)
            at = end
        elif _ITEM.match(line):
            end = _until(lines, at, lambda one: not one.strip())
            yield _list(lines[at:end], link)
            at = end
        else:
            end = _until(lines, at, lambda one: not one.strip() or one.startswith(("```", "|", "#")) or bool(_ITEM.match(one)))
            yield Markup("<p>{}</p>").format(inline(" ".join(one.strip() for one in lines[at : max(end, at + 1)]), link))
            at = max(end, at + 1)


def _until(lines: list[str], at: int, over: Callable[[str], bool]) -> int:
    return next((n for n in range(at, len(lines)) if over(lines[n])), len(lines))


def _code(lines: list[str], name: str = "") -> Markup:
    sign = Markup("<p class='file-name'>{}</p>").format(name) if name else Markup("")
    return sign + Markup("<pre tabindex='0'><code>{}</code></pre>").format("\n".join(lines))


def _cells(line: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in _CELLS.split(line.strip().strip("|"))]


def _table(rows: list[list[str]], link: Link) -> Markup:
    """The first row is the heading; where it is empty there is none."""

    def row(cells: list[str], tag: str) -> Markup:
        return Markup("<tr>{}</tr>").format(Markup("").join(Markup("<{}>{}</{}>").format(tag, inline(cell, link), tag) for cell in cells))

    head, body = rows[0], rows[2:]
    named = Markup("<thead>{}</thead>").format(row(head, "th")) if any(head) else Markup("")
    return Markup("<div class='scroll' role='group' tabindex='0' aria-label='Table'><table>{}<tbody>{}</tbody></table></div>").format(named, Markup("").join(row(cells, "td") for cells in body))


def _list(lines: list[str], link: Link) -> Markup:
    """Items of one depth; what is indented goes on with the item before."""
    items: list[str] = []
    for line in lines:
        if found := _ITEM.match(line):
            items.append(found[2])
        else:
            items[-1] += " " + line.strip()
    tag = "ol" if lines[0][0].isdigit() else "ul"
    return Markup("<{}>{}</{}>").format(tag, Markup("").join(Markup("<li>{}</li>").format(inline(item, link)) for item in items), tag)
