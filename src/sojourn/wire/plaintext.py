"""Documents in RTF and HTML as their words; what else a file is stays as it is. Pure."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

_RTF: Final = re.compile(r"\\([a-z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-f]{2})|\\([^a-z])|([{}])|[\r\n]+|(.)", re.IGNORECASE)
_SKIPPED: Final = frozenset({"fonttbl", "colortbl", "stylesheet", "info", "pict", "object", "header", "footer", "generator", "themedata", "datastore", "listtable", "listoverridetable", "rsidtbl", "xmlnstbl"})
_WORDS: Final = {"par": "\n", "line": "\n", "sect": "\n", "page": "\n", "row": "\n", "tab": "\t", "cell": "\t", "emdash": "\u2014", "endash": "\u2013", "lquote": "\u2018", "rquote": "\u2019", "ldblquote": "\u201c", "rdblquote": "\u201d", "bullet": "\u2022"}
_DEEP: Final = 500


def readable(content: bytes, form: str) -> bytes:
    """RTF and HTML as their words; every other file as it is. form: what the sender calls it, in capitals."""
    if content.lstrip()[:5] == b"{\\rtf":
        return rtf(content.decode("latin-1")).encode()
    if "HTML" in form or content.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html")):
        return html(content.decode("utf-8", "replace")).encode()
    return content


def rtf(text: str) -> str:
    """The words of an RTF document. Pictures and objects in it are left."""
    out: list[str] = []
    stack: list[tuple[bool, int]] = []
    skipping, back, left = False, 1, 0
    for m in _RTF.finditer(text):
        word, number, hexa, sign, brace, letter = m.groups()
        if brace == "{":
            if len(stack) > _DEEP:
                break
            stack.append((skipping, back))
        elif brace == "}":
            skipping, back = stack.pop() if stack else (False, 1)
        elif word:
            said = word.lower()
            if said in _SKIPPED:
                skipping = True
            elif said == "uc" and number:
                back = min(int(number), 10) if int(number) >= 0 else 1
            elif said == "u" and number and not skipping:
                code = int(number) % 65536
                out.append(chr(code) if not 0xD800 <= code < 0xE000 else "?")
                left = back
            elif said in _WORDS and not skipping:
                out.append(_WORDS[said])
        elif sign == "*":
            skipping = True
        elif hexa or letter or sign:
            if left:
                left -= 1
            elif not skipping:
                out.append(bytes.fromhex(hexa).decode("cp1252", "replace") if hexa else letter or {"~": " ", "_": "-"}.get(sign, sign if sign in "\\{}" else ""))
    return re.sub(r"\n{3,}", "\n\n", "".join(out)).strip()


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in ("script", "style", "head")
        if tag in ("br", "p", "div", "tr", "li", "h1", "h2", "h3", "h4", "table"):
            self.out.append("\n")
        elif tag in ("td", "th"):
            self.out.append("\t")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("script", "style", "head") and self._silent > 0

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.out.append(re.sub(r"\s+", " ", data))


def html(text: str) -> str:
    """The words of an HTML document. Nothing in it is fetched or run."""
    parser = _Words()
    parser.feed(text)
    parser.close()
    return re.sub(r"\n\s*\n\s*\n+", "\n\n", "".join(parser.out)).strip()
