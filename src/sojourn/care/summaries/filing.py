"""Into a chart: the document as it came, with hash, labels and source; and somebody to reconcile it.

Nothing of it is on any list yet: lines are taken over by whoever reconciles it (deciding.py). https://hl7.org/fhir/R4/documentreference.html
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final, NamedTuple

from sojourn.base import errors
from sojourn.base.digits import digits
from sojourn.care import policies
from sojourn.care.exchange import matching
from sojourn.care.exchange.matching import Match, Question
from sojourn.care.papers import indexing, sandbox
from sojourn.care.papers import source as origins
from sojourn.care.papers.indexing import CATEGORY, PAPER, RECONCILE, Wish
from sojourn.care.papers.reading import CCDA
from sojourn.care.resources import concept, id_of, moment, ref
from sojourn.care.summaries import elements, mappingnotes, opening
from sojourn.gate import documentmarks, origin, papers
from sojourn.gate.access import Access
from sojourn.gate.bases import CONFIDENTIALITY, codings
from sojourn.gate.changes import Change
from sojourn.gate.exchange import doing
from sojourn.gate.found import Stored
from sojourn.gate.papers import Paper
from sojourn.wire.ccda.facts import Document

SAME: Final = "https://sojourn.example/fhir/NamingSystem/outside-document"
"""Under it stands what the bytes of a document are, keyed: the same document again is known, and nobody can tell from it what it is."""
_EARLIER: Final = 20


class Whose(NamedTuple):
    """Whom a document may be about, for somebody to look at. sure: named by an identifier of ours, with nothing that speaks against it."""

    sure: bool
    why: str
    candidates: tuple[str, ...]


async def whose(access: Access, document: Document) -> Whose:
    """By the rules by which messages are matched; here even what is certain is only offered. Three searches at most."""
    (match,) = await matching.answers(access, [Question("", opening.person(document))])
    return Whose(bool(match.patient), "" if match.patient else _plain(match), (match.patient,) if match.patient else match.candidates)


def _plain(match: Match) -> str:
    """Why nobody is certain, in words about a document."""
    if match.candidates and "identifier" in match.why:
        return "Somebody has the number that it names, and another family name or birth date. Look closely."
    return "It names nobody of ours by number." if match.candidates else "Nobody here has the number, or the name and birth date, that it names."


async def file(access: Access, paper: Paper, wish: Wish) -> str:
    """Put it into the chart; the id of the document. The same bytes again are the same document, as far as the caller may see it.

    Raises Malformed for what is wrong, NotFound for a patient who may not be seen, VersionConflict where somebody changed the paper since.
    """
    if paper.state != papers.WAITING:
        raise errors.Conflict("This document is in a chart already, or was set aside.")
    content = await papers.content(access, paper)
    document = await opening.opened(content)
    person = (await access.read("Patient", wish.patient)).resource
    rules = await policies.of(access)
    wish = with_its_own(document, wish)
    if found := indexing.wrong(wish, person, access.now.date(), list(rules.value("papers.kinds")), set(access.caller.programs)):
        raise errors.Malformed(next(iter(found.values())))
    stamped = paper._replace(program=wish.program, about=wish.title.strip())
    stamped = stamped._replace(stamp=await papers.keep(access, stamped))  # whoever else has it open loses from here on
    there = await _there(access, wish, same(access, content))
    id_ = there or paper.id
    if not there:
        with suppress(errors.Conflict):  # it is there: the one who tried before was stopped on the way
            came = origins.provenance(access, paper, labels_of(document, wish.labels, paper.marks), wish.program)
            await access.write([*await _changes(access, paper.id, wish, document, content, paper.marks), *came], action="paper-index")
    await indexing.done(access, stamped, wish)
    return id_


Source = Callable[[str, list[dict[str, Any]]], Change]
"""What says where a document came from, by its id and labels."""


async def straight(access: Access, content: bytes, wish: Wish, key: str, *, sure: bool, marks: Sequence[str] = (), source: Source | None = None) -> str:
    """Put a document that somebody brings to a chart into it; its id. sure: whether they know that it is theirs, though it names somebody else or nobody.

    key: of the form; sent twice it is there once. marks: codes by which its sender said how confidential it is; source: says where it came from. Raises Unreadable, Malformed with whom it names, NotFound.
    """
    media, _ = await sandbox.checked(content)
    if media != CCDA:
        raise errors.Malformed("This is no clinical document (C-CDA). Scans and other files are taken in by the tray.")
    document = await opening.opened(content)
    person = (await access.read("Patient", wish.patient)).resource
    named = opening.person(document)
    if not sure and (matching.against(named, person) or not (named.family and named.born)):
        who = ", ".join(filter(None, (elements.words(document.patient.name), f"born {named.born}" if named.born else "")))
        raise errors.Malformed(f"The document is about {who or 'nobody whom it names'}. Look whether it is this person; if it is, say so below and take it in again.")
    if wish.program not in access.caller.programs:
        raise errors.Malformed("Choose the program that it belongs to.")
    if there := await _there(access, wish, same(access, content)):
        return there
    with suppress(errors.Conflict):  # the second click
        changes = await _changes(access, key, _titled(access, document, wish), document, content, marks)
        await access.write([*changes, *([source(key, labels_of(document, wish.labels, marks))] if source is not None else [])], action="paper-index")
    return key


def _titled(access: Access, document: Document, wish: Wish) -> Wish:
    """The wish with title and day of the document."""
    day, today = document.made[:10], access.now.date().isoformat()
    return wish._replace(title=(elements.words(document.title or elements.name(document.code)) or "Clinical document")[:120], day=day if len(day) == len("2026-01-01") and day <= today else today)


async def by_itself(access: Access, id_: str, wish: Wish, document: Document, content: bytes, marks: Sequence[str] = ()) -> list[Change]:
    """What puts a document into the chart of whom it is certainly about; empty where the same bytes are there. Who reconciles it is asked by what follows the feed."""
    return [] if await _there(access, wish, same(access, content)) else await _changes(access, id_, _titled(access, document, wish), document, content, marks, asks=False)


def with_its_own(document: Document, wish: Wish) -> Wish:
    """The wish with the birth date that the document itself states; it is compared with the chart."""
    born = document.patient.born[:10]
    return wish._replace(born="" if wish.unborn else born, unborn=wish.unborn or not born)


def same(access: Access, content: bytes) -> str:
    """What the bytes are, keyed."""
    return doing.id_for(access, "outside document", hashlib.sha256(content).hexdigest())


async def _there(access: Access, wish: Wish, token: str) -> str:
    found = await access.search("DocumentReference", [("patient", wish.patient), ("identifier", f"{SAME}|{token}"), ("status", "current,superseded")], count=_EARLIER)
    return next((s.id for s in await _own(access, found.matches, wish)), "")


async def _own(access: Access, found: Sequence[Stored], wish: Wish) -> list[Stored]:
    """Of these documents those that the program filed in this record: what another one has does nothing to this one, or people of one would learn of the other."""
    made = await origin.makers(access, [f"DocumentReference/{s.id}" for s in found])
    return [s for s in found if made[f"DocumentReference/{s.id}"] == wish.program and id_of(s.resource.get("subject"), "Patient") == wish.patient]


async def _changes(access: Access, id_: str, wish: Wish, document: Document, content: bytes, marks: Sequence[str] = (), *, asks: bool = True) -> list[Change]:
    """The document, its task if it asks for one, and an earlier version that it takes the place of. marks: codes by which what brought it said how confidential it is."""
    rules = await policies.of(access)
    labels = labels_of(document, wish.labels, marks)
    earlier = await _own(access, await versions(access, wish.patient, document), wish)
    newer = [s for s in earlier if _number(s.resource) > number(document)]
    older = [s for s in earlier if s not in newer]
    body = resource(access, id_, wish, document, content, labels, [s.id for s in older], marks)
    if newer:
        body["status"] = "superseded"
    changes = [Change("create", "DocumentReference", id_, body, program=wish.program)]
    if asks and not newer:
        due = access.now + timedelta(days=rules.number("papers.review-days"))
        task = indexing.review(access, id_, wish.patient, wish.reviewer, (), due=due, urgent=wish.urgent, program=wish.program, kind=RECONCILE)
        assert task.resource is not None  # noqa: S101 - a create has one
        if labels:
            task.resource["meta"] = {"security": labels}
        changes.append(task)
    for s in older:
        if s.resource.get("status") == "current":
            changes.append(Change("update", "DocumentReference", s.id, {**s.resource, "status": "superseded"}, if_match=s.version))
    return changes


async def versions(access: Access, patient: str, document: Document) -> list[Stored]:
    """Other documents of its set, and those that it says it replaces, as far as the caller may see them. One search, none for one of no set."""
    wanted = [document.version[0], *(text for kind, id_, whole in document.related if kind == "RPLC" for text in (id_, whole))]
    tokens = [f"{i['system']}|{_safe(i['value'])}" for text in dict.fromkeys(wanted) if text and (i := elements.identifier(text))]
    if not tokens:
        return []
    found = await access.search("DocumentReference", [("patient", patient), ("contenttype", CCDA), ("identifier", ",".join(tokens)), ("_sort", "-date")], count=_EARLIER)
    return list(found.matches)


def _safe(value: str) -> str:
    return "".join("\\" + c if c in "\\,|$" else c for c in value)


def number(document: Document) -> int:
    """Its number in its set, 0 where it has none."""
    text = document.version[1]
    return int(text) if digits(text) and len(text) < 10 else 0


def _number(resource: dict[str, Any]) -> int:
    said = next((str(e.get("valueString", "")) for e in resource.get("extension", ()) if e.get("url") == NUMBER), "")
    return int(said) if digits(said) else 0


PICKED: Final = "https://sojourn.example/fhir/StructureDefinition/document-picked-label"
NUMBER: Final = "https://sojourn.example/fhir/StructureDefinition/document-version"


def labels_of(document: Document, picked: Sequence[str] = (), marks: Sequence[str] = ()) -> list[dict[str, Any]]:
    """What the document says of itself, what somebody picked, and what brought it said."""
    found = documentmarks.whole(document)
    return [*found, *(c for c in _codings([*picked, *marks]) if c not in found)]


def _codings(codes: Sequence[str]) -> list[dict[str, str]]:
    return [*codings(indexing.mask_of(codes)), *({"system": CONFIDENTIALITY, "code": code} for code in dict.fromkeys(codes) if code in ("R", "V"))]


def resource(access: Access, id_: str, wish: Wish, document: Document, content: bytes, labels: list[dict[str, Any]], older: Sequence[str], marks: Sequence[str] = ()) -> dict[str, Any]:
    """The DocumentReference. The codes of what it says stand in it, so that the labeller finds what it is about, also when rules change."""
    ids = [i for text in (document.identifier, document.version[0]) if (i := elements.identifier(text))]
    kind = elements.concept(document.code) or {}
    related = [*([ref("EpisodeOfCare", wish.stay)] if wish.stay else []), *mappingnotes.consents(document)]
    attachment = {
        "contentType": CCDA, "data": base64.b64encode(content).decode(), "size": len(content), "hash": base64.b64encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode(),
        "title": wish.title.strip(), "creation": wish.day, **({"language": document.language} if _language(document.language) else {}),
    }  # fmt: skip
    return {
        "resourceType": "DocumentReference", **({"meta": {"security": labels}} if labels else {}), **({"extension": said} if (said := _extensions(document, (*wish.labels, *marks))) else {}),
        "identifier": [{"system": PAPER, "value": id_}, {"system": SAME, "value": same(access, content)}, *ids], "status": "current", "docStatus": "final",
        "type": {**({"coding": kind["coding"]} if "coding" in kind else {}), "text": wish.kind}, "category": [concept(CATEGORY, "Paper from outside")], "subject": ref("Patient", wish.patient), "date": moment(access),
        **({"author": [{"display": w} for a in document.authors[:10] if (w := elements.words(a))]} if document.authors else {}), **({"custodian": {"display": keeper}} if (keeper := elements.words(document.custodian)) else {}),
        **({"relatesTo": [{"code": "replaces", "target": ref("DocumentReference", earlier)} for earlier in older]} if older else {}),
        "description": f"Clinical document (C-CDA) from {opening.about(document)}", "content": [{"attachment": attachment}],
        "context": {**({"event": found} if (found := mappingnotes.events(document)) else {}), **({"encounter": [ref("Encounter", wish.encounter)]} if wish.encounter else {}), "period": {"start": wish.day}, **({"related": related} if related else {})},
    }  # fmt: skip


def _extensions(document: Document, codes: Sequence[str]) -> list[dict[str, str]]:
    of_set = [{"url": NUMBER, "valueString": str(number(document))}] if number(document) else []
    return [*of_set, *({"url": PICKED, "valueCode": code} for code in dict.fromkeys(codes))]


def picked(resource: dict[str, Any]) -> list[dict[str, str]]:
    """The labels that somebody put on all of the document when it was filed, or what brought it did: everything that is taken over from it carries them."""
    return _codings([str(e.get("valueCode", "")) for e in resource.get("extension", ()) if e.get("url") == PICKED])


def _language(text: str) -> bool:
    return bool(text) and text.replace("-", "").isalnum() and text.isascii() and len(text) < 12
