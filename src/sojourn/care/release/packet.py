"""The packet that leaves: cover, notice, index, entries in words, documents page by page; a PDF.

It is made from what the gate lets leave and nothing else. Documents are drawn: no page of it holds a file, a script or words beneath a picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sojourn.base import crypto
from sojourn.care.papers import sandbox
from sojourn.care.release import marking, sheets, words
from sojourn.care.release.sheets import Line, Picture, Piece
from sojourn.fhir import codec
from sojourn.gate import disclosing
from sojourn.gate.access import Access
from sojourn.gate.releasing import Preview


class Cover(NamedTuple):
    """What stands in front. facts: (label, text)."""

    title: str
    facts: tuple[tuple[str, str], ...]


async def made(access: Access, found: Preview, cover: Cover, marks: Mapping[str, Any]) -> bytes:
    """The packet as a PDF. Raises Conflict where a document changed since passages were blacked out."""
    kept = dict(marks)
    sections: list[tuple[str, str]] = []
    body: list[Piece] = []
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for resource in marking.entries(found):
        by_kind.setdefault(str(resource["resourceType"]), []).append(resource)
    for kind, resources in by_kind.items():
        sections.append((words.title(kind), f"kind:{kind}"))
        body.append(Line(words.title(kind), "title", f"kind:{kind}", fresh=not body))
        for resource in resources:
            body.append(Line(words.headline(resource), "head"))
            body += [Line(said, "text", indent=14) for said in words.lines(resource)]
            if kind == "DocumentReference" and marking.document(resource) is None:
                body.append(Line("The attached file is of a kind that is not printed, and is not in this packet.", "text", indent=14))
    for resources in by_kind.values():
        for resource in resources:
            if (document := marking.document(resource)) is not None:
                sections.append((f"{document.title} ({words.day(resource) or 'no date'})", document.reference))
                body += await _document(document, resource, kept)
    notice = bool(found.outgoing.notice)
    day = access.today
    front = _front(access, cover, sections, {}, found, notice=notice)
    pages, _ = sheets.laid_out(front)
    inside, marked = sheets.laid_out(body, len(pages) + 1)
    front = _front(access, cover, sections, marked, found, notice=notice)
    pages, _ = sheets.laid_out(front)
    foot = disclosing.statement("release", "each", day).text if notice else f"Released by {access.tenant.name}. For whom it was released to, and no one else."
    return sheets.written([*pages, *inside], foot, access.tenant.name)


def _front(access: Access, cover: Cover, sections: Sequence[tuple[str, str]], at: Mapping[str, int], found: Preview, *, notice: bool) -> list[Piece]:
    day = access.today
    pieces: list[Piece] = [Line(access.tenant.name, "small", fresh=True), Line(cover.title, "title"), Line("", "small")]
    pieces += [Line(f"{label}: {text}") for label, text in cover.facts if text]
    if notice:
        pieces += [Line("", "small"), Line("Notice on redisclosure (42 CFR 2.32)", "head"), Line(disclosing.statement("release", "whole", day).text)]
        if found.outgoing.scope:
            pieces.append(Line(found.outgoing.scope))
    pieces += [Line("", "small"), Line("Index", "head")]
    pieces += [Line(f"{title}   page {at.get(mark, 888)}") for title, mark in sections]
    return pieces


async def _document(document: marking.Document, resource: Mapping[str, Any], marks: dict[str, Any]) -> list[Piece]:
    caption = f"{document.title} ({words.day(resource) or 'no date'})"
    if not document.paged:
        said = marking.text(marks, document)
        return [Line(caption, "title", document.reference, fresh=True), *(Line(line) for line in said.splitlines())]
    boxes = marking.boxes(marks, document)
    try:
        drawn = await sandbox.flattened(document.content, document.media, boxes)
    except sandbox.Unreadable as error:
        return [Line(caption, "title", document.reference, fresh=True), Line(f"This document is not in the packet: it cannot be drawn. {error.message}")]
    return [Picture(picture, f"{caption}, page {n} of {len(drawn)}", document.reference if n == 1 else "") for n, picture in enumerate(drawn, 1)]


def digest(found: Preview, marks: Mapping[str, Any]) -> str:
    """Of what would leave, with what is blacked out: a release names it, so that nobody releases something else than was looked at."""
    return crypto.sha256_hex(found.digest.encode() + codec.dumps({"marks": {k: marks[k] for k in sorted(marks)}}))
