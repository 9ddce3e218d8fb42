"""Text and pictures on numbered pages of a PDF, with the same words at the foot of every page."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final, NamedTuple

from PIL import Image
from reportlab.lib.pagesizes import letter
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen import canvas

PLAIN, BOLD = "Vera", "VeraBd"
_WIDE, _HIGH = letter
_LEFT, _TOP, _BOTTOM = 54.0, 54.0, 84.0
_SIZES: Final = {"title": (15, 20), "head": (11.5, 17), "text": (9.5, 13), "small": (8, 11)}



class Line(NamedTuple):
    """A line before it is broken. style: title, head, text, small. mark: a name that the index can point to. fresh: on a page of its own."""

    text: str
    style: str = "text"
    mark: str = ""
    fresh: bool = False
    indent: float = 0.0


class Picture(NamedTuple):
    """A whole page that is a picture (PNG). caption: above it."""

    content: bytes
    caption: str = ""
    mark: str = ""


Piece = Line | Picture
_Drawn = list[tuple[float, float, str, str]]  # x, y, text, style


def _fonts() -> None:
    if PLAIN not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(TTFont(PLAIN, "Vera.ttf"))
        pdfmetrics.registerFont(TTFont(BOLD, "VeraBd.ttf"))


def _font(style: str) -> str:
    return BOLD if style in ("title", "head") else PLAIN


def wrapped(text: str, style: str, wide: float) -> list[str]:
    """A text in lines of a width, broken at spaces where there are some; line ends stay."""
    _fonts()
    size = _SIZES[style][0]
    out: list[str] = []
    for each in text.replace("\t", "    ").splitlines() or [""]:
        line = ""
        for word in each.split(" "):
            longer = f"{line} {word}" if line else word
            if pdfmetrics.stringWidth(longer, _font(style), size) <= wide:
                line = longer
                continue
            if line:
                out.append(line)
            while pdfmetrics.stringWidth(word, _font(style), size) > wide:
                most = max(1, next(n for n in range(len(word), 0, -1) if pdfmetrics.stringWidth(word[:n], _font(style), size) <= wide))
                out.append(word[:most])
                word = word[most:]  # noqa: PLW2901 - what is left of it
            line = word
        out.append(line)
    return out


def laid_out(pieces: Sequence[Piece], first: int = 1) -> tuple[list[_Drawn | Picture], dict[str, int]]:
    """(pages, page of each mark). first: the number of the first page."""
    pages: list[_Drawn | Picture] = []
    marks: dict[str, int] = {}
    y = 0.0
    for piece in pieces:
        if isinstance(piece, Picture):
            pages.append(piece)
            if piece.mark:
                marks.setdefault(piece.mark, first + len(pages) - 1)
            y = 0.0
            continue
        _, lead = _SIZES[piece.style]
        for n, text in enumerate(wrapped(piece.text, piece.style, _WIDE - 2 * _LEFT - piece.indent)):
            room = lead * (3 if piece.style == "head" else 1)
            if y - room < _BOTTOM or (piece.fresh and n == 0 and y < _HIGH - _TOP - 1):
                pages.append([])
                y = _HIGH - _TOP
            page = pages[-1]
            assert isinstance(page, list)
            y -= lead
            page.append((_LEFT + piece.indent, y, text, piece.style))
            if piece.mark and n == 0:
                marks.setdefault(piece.mark, first + len(pages) - 1)
    return pages, marks


def written(pages: Sequence[_Drawn | Picture], foot: str, author: str) -> bytes:
    """The PDF. foot: at the foot of every page beside its number. Its properties name the organization and nobody else."""
    _fonts()
    out = io.BytesIO()
    paper = canvas.Canvas(out, pagesize=letter, invariant=1, pageCompression=1)
    paper.setTitle("Released record")
    paper.setAuthor(author)
    for number, page in enumerate(pages, 1):
        if isinstance(page, Picture):
            _picture(paper, page)
        else:
            for x, y, text, style in page:
                paper.setFont(_font(style), _SIZES[style][0])
                paper.drawString(x, y, text)
        paper.setFont(PLAIN, 7)
        for n, line in enumerate(wrapped(foot, "small", _WIDE - 2 * _LEFT - 60)[:4]):
            paper.drawString(_LEFT, 58 - 9 * n, line)
        paper.drawRightString(_WIDE - _LEFT, 58, f"Page {number} of {len(pages)}")
        paper.showPage()
    paper.save()
    return out.getvalue()


def _picture(paper: canvas.Canvas, page: Picture) -> None:
    with Image.open(io.BytesIO(page.content)) as found:
        picture = found.convert("L" if found.mode == "L" else "RGB")
    wide, high = _WIDE - 2 * _LEFT, _HIGH - _TOP - _BOTTOM - 6
    scale = min(wide / picture.width, high / picture.height)
    paper.setFont(PLAIN, 8)
    paper.drawString(_LEFT, _HIGH - 42, page.caption[:110])
    paper.drawImage(ImageReader(picture), _LEFT, _HIGH - _TOP - picture.height * scale, picture.width * scale, picture.height * scale)
