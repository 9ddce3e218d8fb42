"""Reads files from outside, in a process of its own with little memory and time.

It is run by sandbox.py: a line of JSON with what to do and how long the bytes are, then the bytes; the answer has the same form.
"""

from __future__ import annotations

import io
import json
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as raw
from PIL import Image, ImageDraw, ImageSequence
from reportlab.lib.pagesizes import letter
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen import canvas

from sojourn.base import ownprocess
from sojourn.care.papers.reading import JPEG, MOST_PAGES, MOST_PIXELS, PDF, PNG, TEXT, TIFF

Page = tuple[int, int]
"""A page of the file from 0, and by how many degrees it is turned to the right."""
Box = tuple[float, float, float, float]
"""Left, top, right, bottom, each as a part of the page as it is shown (0 to 1)."""
_LONGEST_SIDE = 2400
_POINTS = 72
_ROOM = 0.004
"""How much a black box goes beyond what was found, as a part of the page."""


class Wrong(Exception):  # noqa: N818 - not an error of ours
    """What is wrong with the file: a key of reading.WRONG."""


def inspect(content: bytes, media: str) -> dict[str, Any]:
    """How many pages there are, and whether every one of them can be drawn. Raises Wrong."""
    number = 0
    for number, _ in enumerate(pictures(content, media, None, 30), 1):  # noqa: B007 - counted, and drawn on the way
        if number > MOST_PAGES:
            raise Wrong("pages")
    if not number:
        raise Wrong("blank")
    return {"pages": number}


def pictures(content: bytes, media: str, pages: Sequence[Page] | None, dots: float) -> Iterator[Image.Image]:
    """Pages as pictures; all of them for None. dots: an inch."""
    if media in (PDF, TEXT):
        document = opened(content, media)
        for index, turned in pages if pages is not None else [(n, 0) for n in range(len(document))]:
            if index >= len(document):
                return
            page = document[index]
            scale = min(dots / _POINTS, _LONGEST_SIDE / max(page.get_width(), page.get_height(), 1))
            yield page.render(scale=scale, rotation=turned % 360, may_draw_forms=True).to_pil().convert("RGB")
        return
    frames = list(_frames(content))
    for index, turned in pages if pages is not None else [(n, 0) for n in range(len(frames))]:
        if index >= len(frames):
            return
        picture = frames[index].rotate(-turned % 360, expand=True)
        wide = max(8.5, 1) * dots
        side = min(max(wide, 200), _LONGEST_SIDE) if dots < 100 else _LONGEST_SIDE
        picture.thumbnail((side, side))
        yield picture


def _frames(content: bytes) -> Iterator[Image.Image]:
    try:
        with Image.open(io.BytesIO(content), formats=["PNG", "JPEG", "TIFF"]) as picture:
            for n, frame in enumerate(ImageSequence.Iterator(picture)):
                if n >= MOST_PAGES:
                    raise Wrong("pages")
                if frame.width * frame.height > MOST_PIXELS:
                    raise Wrong("bomb")
                yield _upright(frame)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Wrong("bomb") from None
    except (OSError, SyntaxError, ValueError, EOFError, TypeError, IndexError, KeyError):
        raise Wrong("broken") from None


def _upright(frame: Image.Image) -> Image.Image:
    """Over white, in the direction that the camera noted; a fax whose dots are wider than high gets square ones."""
    from PIL import ImageOps

    picture = ImageOps.exif_transpose(frame)
    across, down = (float(d) for d in (frame.info.get("dpi") or (0, 0))[:2])
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        back = Image.new("RGB", picture.size, "white")
        back.paste(picture.convert("RGBA"), mask=picture.convert("RGBA").getchannel("A"))
        picture = back
    picture = picture.convert("RGB")
    if across and down and across / down > 1.5:
        picture = picture.resize((picture.width, round(picture.height * across / down)))
    return picture


def opened(content: bytes, media: str) -> pdfium.PdfDocument:
    """A PDF, or text set as one. Raises Wrong."""
    if media == TEXT:
        content = typeset(content.decode("utf-8-sig", "replace"))
    try:
        document = pdfium.PdfDocument(content)
        document.init_forms()
    except pdfium.PdfiumError as error:
        raise Wrong("encrypted" if getattr(error, "err_code", 0) == raw.FPDF_ERR_PASSWORD or "password" in str(error).lower() else "broken") from None
    if len(document) > MOST_PAGES:
        raise Wrong("pages")
    return document


def typeset(text: str) -> bytes:
    """Plain text on pages."""
    out = io.BytesIO()
    paper = canvas.Canvas(out, pagesize=letter, invariant=1)
    wide, high = letter
    left, top, size, lead = 54, high - 54, 10, 13
    y = top
    paper.setFont("Courier", size)
    for line in (part for each in text.replace("\t", "    ").splitlines() for part in _wrapped(each, wide - 2 * left, size)):
        if y < 54:
            paper.showPage()
            paper.setFont("Courier", size)
            y = top
        paper.drawString(left, y, line.encode("cp1252", "replace").decode("cp1252"))
        y -= lead
    paper.showPage()
    paper.save()
    return out.getvalue()


def _wrapped(line: str, wide: float, size: int) -> list[str]:
    most = int(wide // stringWidth("m", "Courier", size))
    return [line[n : n + most] for n in range(0, len(line), most)] or [""]


def compose(parts: Sequence[tuple[bytes, str, Sequence[Page]]]) -> bytes:
    """One clean PDF of these pages: no scripts, no files within, no notes, no earlier versions, no properties."""
    made = pdfium.PdfDocument.new()
    for content, media, pages in parts:
        if media in (PDF, TEXT):
            source = opened(content, media)
            for index, turned in pages:
                page = source[index]
                raw.FPDFPage_Flatten(page, raw.FLAT_NORMALDISPLAY)
                made.import_pages(source, [index])
                new = made[len(made) - 1]
                new.set_rotation((new.get_rotation() + turned) % 360)
                while raw.FPDFPage_GetAnnotCount(new) > 0 and raw.FPDFPage_RemoveAnnot(new, 0):
                    pass
                new.close()
        else:
            frames = list(pictures(content, media, pages, 200))
            out = io.BytesIO()
            frames[0].save(out, "PDF", save_all=True, append_images=frames[1:], resolution=200)
            made.import_pages(pdfium.PdfDocument(out.getvalue()))
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def texts(content: bytes, media: str, pages: Sequence[Page] | None) -> list[str]:
    """The words of each page, as far as it has any that are not only drawn."""
    if media not in (PDF, TEXT):
        return ["" for _ in pages or ()]
    document = opened(content, media)
    return [document[index].get_textpage().get_text_bounded() for index, _ in (pages if pages is not None else [(n, 0) for n in range(len(document))])]


def find(content: bytes, media: str, words: str) -> list[tuple[int, Box]]:
    """Where some words stand, on any page: (page, box)."""
    document = opened(content, media)
    found: list[tuple[int, Box]] = []
    for index in range(len(document)):
        page = document[index]
        text = page.get_textpage()
        wide, high = page.get_size()
        search = text.search(words, match_case=False)
        while (at := search.get_next()) is not None:
            start, count = at
            for n in range(text.count_rects(start, count)):
                left, bottom, right, top = text.get_rect(n)
                box = _shown(page, left, bottom, right, top, wide, high)
                found.append((index, box))
    return found


def _shown(page: Any, left: float, bottom: float, right: float, top: float, wide: float, high: float) -> Box:
    """A box of the page's own space as parts of the page as it is shown: its turn and its visible part reckoned in."""
    x0, y0, x1, y1 = page.get_mediabox() if not page.get_cropbox() else page.get_cropbox()
    across, up = max(x1 - x0, 1), max(y1 - y0, 1)
    a, b, c, d = (left - x0) / across, (y1 - top) / up, (right - x0) / across, (y1 - bottom) / up
    for _ in range(page.get_rotation() // 90):
        a, b, c, d = 1 - d, a, 1 - b, c
    return (max(a - _ROOM, 0), max(b - _ROOM, 0), min(c + _ROOM, 1), min(d + _ROOM, 1))


def flattened(content: bytes, media: str, boxes: dict[int, list[Box]], dots: float) -> list[bytes]:
    """Every page as a picture and nothing else, what is in the boxes painted over: the words beneath are gone, not hidden."""
    out = []
    for index, picture in enumerate(pictures(content, media, None, dots)):
        draw = ImageDraw.Draw(picture)
        for left, top, right, bottom in boxes.get(index, ()):
            draw.rectangle((left * picture.width, top * picture.height, right * picture.width, bottom * picture.height), fill="black")
        out.append(_png(picture.convert("L") if _is_grey(picture) else picture))
    return out


def _is_grey(picture: Image.Image) -> bool:
    dots = picture.resize((64, 64)).tobytes()
    return all(max(dots[n : n + 3]) - min(dots[n : n + 3]) < 12 for n in range(0, len(dots), 3))


def _png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=False, compress_level=6)
    return out.getvalue()


def answer(ask: dict[str, Any], parts: list[bytes]) -> tuple[Any, list[bytes]]:
    """Do one thing."""
    pages = [(int(n), int(turned)) for n, turned in ask["pages"]] if ask.get("pages") is not None else None
    media = ask.get("media", "")
    match ask["do"]:
        case "inspect":
            return inspect(parts[0], media), []
        case "draw":
            return None, [_png(p) for p in pictures(parts[0], media, pages, ask["dots"])]
        case "texts":
            return texts(parts[0], media, pages), []
        case "find":
            return find(parts[0], media, ask["words"]), []
        case "compose":
            return None, [compose([(part, m, [(int(n), int(t)) for n, t in p]) for part, (m, p) in zip(parts, ask["parts"], strict=True)])]
        case "flatten":
            return None, flattened(parts[0], media, {int(k): [tuple(b) for b in v] for k, v in ask["boxes"].items()}, ask["dots"])
    raise Wrong("broken")


def main() -> None:
    """One question, one answer, the end."""
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    ask = json.loads(sys.stdin.buffer.readline())
    ownprocess.limit(ask["memory"], ask["seconds"])
    parts = [sys.stdin.buffer.read(size) for size in ask["sizes"]]
    try:
        value, made = answer(ask, parts)
        head: dict[str, Any] = {"value": value, "sizes": [len(m) for m in made]}
    except Wrong as wrong:
        head, made = {"wrong": str(wrong), "sizes": []}, []
    except MemoryError:
        head, made = {"wrong": "bomb", "sizes": []}, []
    except Exception:  # noqa: BLE001 - whatever a file does to its reader, it is a file that cannot be read
        head, made = {"wrong": "broken", "sizes": []}, []
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + b"".join(made))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()


__all__ = ["JPEG", "PNG", "TIFF", "Wrong", "answer", "compose", "find", "flattened", "inspect", "opened", "pictures", "texts", "typeset"]
