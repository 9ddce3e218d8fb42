"""Black out passages of documents that would leave: words, or a part of a page.

A mark belongs to a version of a document; where the document changed since, nothing leaves until somebody has looked again.
"""

from __future__ import annotations

import base64
import re
from typing import Any, Final, NamedTuple

from sojourn.base import errors
from sojourn.care.papers import reading, sandbox
from sojourn.care.release import words as said
from sojourn.fhir import codec
from sojourn.gate.releasing import Preview
from sojourn.wire.ccda import narrative
from sojourn.wire.ccda.xml import BadDocument

BLACK: Final = "\u2588\u2588\u2588\u2588"
"""What stands where words of a text were, however long they were."""
CHANGED: Final = "A document changed since passages of it were blacked out. Look at it again; nothing has left."


class Document(NamedTuple):
    """A document that would leave. media: of its attachment; content: its bytes as they would leave; version: of the resource."""

    reference: str
    version: str
    title: str
    media: str
    content: bytes
    day: str = ""

    @property
    def paged(self) -> bool:
        """Whether it has pages that are drawn."""
        return self.media in (reading.PDF, reading.PNG, reading.JPEG, reading.TIFF)


def documents(found: Preview) -> list[Document]:
    """The documents among what would leave, as they would leave."""
    return [d for r in entries(found) if (d := document(r))]


def entries(found: Preview) -> list[dict[str, Any]]:
    """The resources that would leave, as they would leave; not what was made to hold them together (gate/documentbundle.py)."""
    bundle = codec.loads(found.outgoing.body)
    inside = bundle.get("entry", ())[1 if bundle.get("type") == "document" else 0 :]
    return [e["resource"] for e in inside if e.get("resource", {}).get("resourceType") not in (None, "OperationOutcome")]


def document(resource: dict[str, Any]) -> Document | None:
    """A resource as a document with bytes of a kind that can be printed; None for any other."""
    if resource["resourceType"] != "DocumentReference":
        return None
    attachment = next((c["attachment"] for c in resource.get("content", ()) if c.get("attachment", {}).get("data")), None)
    if attachment is None:
        return None
    content = base64.b64decode(attachment["data"])
    media = reading.media_of(content)  # what it is called may be wrong; what is in it is not
    if not media:
        return None
    if media == reading.CCDA:
        try:
            media, content = reading.TEXT, narrative.plain(content).encode()  # on paper it is its words
        except BadDocument:
            return None
    title = str(attachment.get("title") or (resource.get("type") or {}).get("text") or "Document")
    return Document(f"DocumentReference/{resource['id']}", str(resource.get("meta", {}).get("versionId", "")), title, media, content, said.day(resource)[:10])


def _mark(marks: dict[str, Any], of: Document) -> dict[str, Any]:
    before = marks.get(of.reference)
    if before and before.get("version") == of.version:
        return {**before, "boxes": {k: list(v) for k, v in before.get("boxes", {}).items()}, "spans": list(before.get("spans", ()))}
    return {"version": of.version, "boxes": {}, "spans": []}


async def words(marks: dict[str, Any], of: Document, wanted: str) -> tuple[dict[str, Any], int]:
    """Black out some words wherever they stand in a document: (marks, how many places). Raises Malformed where they stand nowhere."""
    wanted = wanted.strip()
    if not wanted:
        raise errors.Malformed("Write the words that are to be blacked out.")
    mark = _mark(marks, of)
    if of.media == reading.TEXT:
        found_at = [m.span() for m in re.finditer(re.escape(wanted), of.content.decode("utf-8", "replace"), re.IGNORECASE)]
        mark["spans"] += [list(span) for span in found_at]
        number = len(found_at)
    else:
        found = await sandbox.found(of.content, of.media, wanted) if of.media == reading.PDF else []
        number = len(found)
        for page, box in found:
            mark["boxes"].setdefault(str(page), []).append([round(v, 4) for v in box])
    mark["words"] = sorted({*mark.get("words", ()), wanted})
    if not number:
        raise errors.Malformed("These words do not stand in it as text. On a scanned page mark the place instead.")
    return {**marks, of.reference: mark}, number


def box(marks: dict[str, Any], of: Document, page: int, place: tuple[float, float, float, float]) -> dict[str, Any]:
    """Black out a part of a page: left, top, right and bottom in parts of it. Raises Malformed."""
    left, top, right, bottom = place
    if not of.paged or page < 0 or not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise errors.Malformed("Mark a part of a page: from left and top, with a width and a height, in per cent.")
    mark = _mark(marks, of)
    mark["boxes"].setdefault(str(page), []).append([left, top, right, bottom])
    return {**marks, of.reference: mark}


def elsewhere(marks: dict[str, Any], packet: str) -> list[str]:
    """Words that were blacked out in one place and stand in the packet all the same."""
    whole = packet.casefold()
    return sorted({w for mark in marks.values() for w in mark.get("words", ()) if " ".join(w.casefold().split()) in " ".join(whole.split())})


def cleared(marks: dict[str, Any], of: Document) -> dict[str, Any]:
    """Nothing of it is blacked out."""
    return {k: v for k, v in marks.items() if k != of.reference}


def number(marks: dict[str, Any], reference: str) -> int:
    """How many places of a document are blacked out."""
    mark = marks.get(reference) or {}
    return sum(map(len, mark.get("boxes", {}).values())) + len(mark.get("spans", ()))


def boxes(marks: dict[str, Any], of: Document) -> dict[int, list[tuple[float, float, float, float]]]:
    """The places of its pages that are painted over. Raises Conflict where the document changed since."""
    mark = marks.get(of.reference)
    if not mark:
        return {}
    if mark.get("version") != of.version:
        raise errors.Conflict(CHANGED)
    return {int(page): [(float(b[0]), float(b[1]), float(b[2]), float(b[3])) for b in found] for page, found in mark.get("boxes", {}).items()}


def text(marks: dict[str, Any], of: Document) -> str:
    """The words of a text without those that are blacked out. Raises Conflict where the document changed since."""
    whole = of.content.decode("utf-8", "replace")
    mark = marks.get(of.reference)
    if not mark:
        return whole
    if mark.get("version") != of.version:
        raise errors.Conflict(CHANGED)
    out, at = "", 0
    for start, end in sorted(mark.get("spans", ())):
        if end <= at:
            continue
        out += whole[at : max(start, at)] + BLACK
        at = end
    return out + whole[at:]
