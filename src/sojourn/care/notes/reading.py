"""The notes of a chart: the list, one of them, and the places where those kept apart stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sojourn.base.errors import NotFound
from sojourn.care import listing
from sojourn.care.notes import similar, text
from sojourn.care.notes.model import APART
from sojourn.care.notes.writing import apart_of
from sojourn.care.resources import CARE, id_of
from sojourn.gate import apart, bases, closing
from sojourn.gate.access import Access
from sojourn.gate.found import Found, Stored

PAGE = 40
CATEGORY = "clinical-note"
OPEN = frozenset({"unsigned", "returned", "reopened"})
"""States in which its author may write on."""


class Line(NamedTuple):
    """A note in a list. when: the start of its session, else its day. author: of one from outside whose record it is. state: as `state` says, or `outside`."""

    id: str
    title: str
    when: str
    author: str
    state: str
    template: str


def line(document: Mapping[str, Any], names: Mapping[str, str]) -> Line:
    """A document as a line of the list."""
    authors = [listing.told_by(document)] if outside(document) else [names.get(str(a.get("reference", "")), "") for a in document.get("author", ())]
    period = document.get("context", {}).get("period", {})
    return Line(
        str(document["id"]), text.concept_text(document.get("type", {})) or "Document", str(period.get("start") or document.get("date") or ""), ", ".join(filter(None, authors)),
        listing.OUTSIDE if outside(document) else state(document), template_of(document),
    )  # fmt: skip


def state(document: Mapping[str, Any]) -> str:
    """Where a note of ours stands: unsigned, returned, reopened, co-signature, signed, corrected or wrong."""
    if document.get("status") == "entered-in-error":
        return "wrong"
    mark = closing.read(document)
    if mark.state in ("returned", "reopened", "unlocked"):
        return "returned" if mark.state == "returned" else "reopened"
    if mark.state in ("signed", "co-signed", "locked"):
        return "co-signature" if mark.state == "signed" and mark.locks is None else "signed"
    return {"preliminary": "unsigned", "amended": "corrected"}.get(str(document.get("docStatus")), "signed")


def outside(document: Mapping[str, Any]) -> bool:
    """Whether it is a note of others that was taken over from what they sent."""
    return any(e.get("url") == listing.SOURCE and e.get("valueCode") == listing.OUTSIDE for e in document.get("extension", ()))


def template_of(document: Mapping[str, Any]) -> str:
    """The key of the template that it was written with; '' for a note from elsewhere."""
    codes = [str(c.get("code", "")) for c in document.get("type", {}).get("coding", ()) if c.get("system") == CARE]
    return next((c.removeprefix("note-") for c in codes if c.startswith("note-")), "")


async def listed(access: Access, patient: str, *, template: str = "", author: str = "", cursor: str | None = None) -> tuple[list[Line], Found]:
    """A page of the notes of a client, the newest first. What is kept apart is not among them. One search."""
    params = [("patient", patient), ("category", CATEGORY), ("_sort", "-date"), ("_include", "DocumentReference:author")]
    if template:
        params.append(("type", f"{CARE}|note-{template}"))
    if author:
        params.append(("author", author))
    found = await access.search("DocumentReference", params, count=PAGE, cursor=cursor)
    return _lines(found), found


async def kept_apart(access: Access, patient: str) -> list[Line]:
    """The caller's own notes that are kept apart. One search, which nobody else could ask."""
    labels = ",".join(f"{c['system']}|{c['code']}" for c in bases.codings(bases.APART))
    params = [("patient", patient), ("category", CATEGORY), ("_security", labels), ("_sort", "-date"), ("_include", "DocumentReference:author")]
    return _lines(await apart.opened(access).search("DocumentReference", params, count=200))


def _lines(found: Found) -> list[Line]:
    names = {f"{s.type}/{s.id}": text.name_of(s.resource) for s in found.included}
    return [line(document, names) for document in found.resources]


class Note(NamedTuple):
    """One note. shown: its exact text; None for a document that is no text. structure: its sections, if it has any that may be seen."""

    stored: Stored
    line: Line
    shown: str | None
    titles: frozenset[str]
    structure: Stored | None
    encounter: str
    apart: str

    @property
    def document(self) -> dict[str, Any]:
        """The DocumentReference."""
        return self.stored.resource


async def one(access: Access, patient: str, id_: str, *, own: bool = False) -> Note:
    """A note of a client. own: look among one's own notes kept apart, too. Raises NotFound. Two searches."""
    asking = apart.opened(access) if own else access
    found = await asking.search("DocumentReference", [("_id", id_), ("patient", patient), ("_include", "DocumentReference:author")], count=1)
    if not found.matches:
        raise NotFound
    stored = found.matches[0]
    document = stored.resource
    structure = None
    if template_of(document) and access.may("QuestionnaireResponse", "search"):
        answer = await asking.search("QuestionnaireResponse", [("_id", id_)], count=1)
        structure = next(iter(answer.matches), None)
    groups = structure.resource.get("item", ()) if structure else ()
    titles = frozenset(str(i.get("text", "")).upper() for g in groups if g.get("linkId") == "sections" for i in g.get("item", ()))
    encounter = next((id_of(e, "Encounter") for e in document.get("context", {}).get("encounter", ())), "")
    return Note(stored, _lines(found)[0], similar.plain_text(document), titles, structure, encounter, apart_of(document))


async def added(access: Access, id_: str) -> list[dict[str, Any]]:
    """The addenda to a note, the first first. One search."""
    found = await access.search("DocumentReference", [("relatesto", f"DocumentReference/{id_}"), ("_sort", "date")], count=50)
    return [d for d in found.resources if any(r.get("code") == "appends" for r in d.get("relatesTo", ()))]


class Block(NamedTuple):
    """A part of a note's text as it is laid out: head lines, or a section with its name. No character is added or left out."""

    title: str
    body: str


def blocks(shown: str, titles: frozenset[str]) -> list[Block]:
    """The exact text in parts, so that names of sections can be set apart."""
    made: list[Block] = []
    for part in shown.rstrip("\n").split("\n\n"):
        first, _, rest = part.partition("\n")
        if first in titles:
            made.append(Block(first, rest))
        elif made and made[-1].title:
            made[-1] = Block(made[-1].title, f"{made[-1].body}\n\n{part}") if not part.startswith("Written by ") else made[-1]
            if part.startswith("Written by "):
                made.append(Block("", part))
        else:
            made.append(Block("", part))
    return made


def law(key: str) -> str:
    """What a note kept apart is called."""
    return APART.get(key, "")
