"""Index a paper: into whose chart it goes, what it is, of which day, and who looks at it.

It becomes a DocumentReference with a clean PDF of its pages (no scripts, no files within, no earlier versions); the bytes as received stay
sealed beside the record. https://hl7.org/fhir/R4/documentreference.html
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from contextlib import suppress
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from sojourn.base import errors
from sojourn.care import policies, tasks
from sojourn.care.papers import reading, sandbox, source
from sojourn.care.resources import CARE, concept, moment, ref
from sojourn.gate import bases, filemarks, papers
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id
from sojourn.gate.exchange import doing
from sojourn.gate.papers import Paper

NEEDS: Final = (*papers.NEEDS, ("Patient", "search"))
WRITES: Final = (*NEEDS, ("DocumentReference", "create"), ("Task", "create"), ("Provenance", "create"))
CATEGORY: Final = "paper"
TRACE: Final = "paper-trace"
REVIEW: Final = "paper-review"
RECONCILE: Final = "summary-reconcile"
"""Asks somebody to reconcile a clinical document with the chart (care/summaries)."""
_ASKS: Final = {REVIEW: "Look at a document that came from outside", RECONCILE: "Reconcile a document that came from outside"}
PAPER: Final = "https://sojourn.example/fhir/NamingSystem/paper"
"""Under this system a document names the paper that it was."""
LABELS: Final = {b.code: b.source for b in bases.BASES if b.code and not b.bit & (bases.PART2 | bases.APART | bases.UNLABELLED)}
"""What a paper may be labelled with beside what its program says. Notes kept apart do not come by fax: they are written in their own place."""


class Wish(NamedTuple):
    """How a paper is to be indexed. born: the birth date on the paper, or '' with `unborn` where there is none. encounter, stay: ids or ''.

    reviewer: `Practitioner/id`, or '' if nobody has to look at it. known: its sender's number of the person means this person from now on.
    """

    patient: str
    program: int
    kind: str
    day: str
    title: str
    labels: tuple[str, ...] = ()
    born: str = ""
    unborn: bool = False
    encounter: str = ""
    stay: str = ""
    reviewer: str = ""
    urgent: bool = False
    known: bool = False


def wrong(wish: Wish, person: dict[str, Any], today: date, kinds: list[str], programs: set[int]) -> dict[str, str]:
    """What is wrong with a wish, by field; the birth date on the paper is compared with that of the chart."""
    found: dict[str, str] = {}
    if wish.kind not in kinds:
        found["kind"] = "Choose what it is."
    day = None
    with suppress(ValueError):
        day = date.fromisoformat(wish.day)
    if day is None or day > today:
        found["day"] = "Write the date on the paper; it cannot be in the future."
    if not wish.title.strip():
        found["title"] = "Write what it says in a few words, so that it is found again."
    if wish.program not in programs:
        found["program"] = "Choose the program that it belongs to."
    if not set(wish.labels) <= set(LABELS):
        found["labels"] = "Choose among the labels."
    if not wish.born and not wish.unborn:
        found["born"] = "Write the birth date that is on the paper, or say that there is none."
    elif wish.born and wish.born != str(person.get("birthDate", "")):
        found["born"] = "This is not the birth date in the chart. Look whether it is the right person."
    return found


async def index(access: Access, paper: Paper, wish: Wish) -> str:
    """Put it into the chart; the id of the document, which is that of the paper: sent twice it is there once.

    Raises Malformed for what is wrong, NotFound for a patient who may not be seen, VersionConflict where somebody changed the paper since.
    Should the server fall before the paper is marked, it still waits, and indexing it again finds the document that is there.
    """
    if paper.state != papers.WAITING:
        raise errors.Conflict("This paper is in a chart already, or was set aside.")
    person = (await access.read("Patient", wish.patient)).resource
    rules = await policies.of(access)
    if found := wrong(wish, person, access.today, list(rules.value("papers.kinds")), set(access.caller.programs)):
        raise errors.Malformed(next(iter(found.values())))
    content = await papers.content(access, paper)
    paper = paper._replace(marks=tuple(dict.fromkeys((*paper.marks, *await filemarks.of(content)))))
    wish = wish._replace(labels=tuple(dict.fromkeys((*wish.labels, *(m for m in paper.marks if bases.bit_of(m))))))  # what its sender's law protects stays so, whoever files it
    stamped = paper._replace(program=wish.program, about=wish.title.strip())
    stamped = stamped._replace(stamp=await papers.keep(access, stamped))  # whoever else has it open loses from here on
    clean = await sandbox.composed([(content, paper.media, paper.pages)])
    changes = [Change("create", "DocumentReference", paper.id, document(access, paper, wish, clean), program=wish.program), *source.provenance(access, paper, _codings((*wish.labels, *paper.marks)), wish.program)]
    if wish.reviewer:
        due = access.now + timedelta(days=rules.number("papers.review-days"))
        changes.append(review(access, paper.id, wish.patient, wish.reviewer, (*wish.labels, *paper.marks), due=due, urgent=wish.urgent, program=wish.program))
    with suppress(errors.Conflict):  # it is there: the one who tried before was stopped on the way
        await access.write(changes, action="paper-index")
    await done(access, stamped, wish)
    return paper.id


async def done(access: Access, paper: Paper, wish: Wish) -> None:
    """It is in the chart; and where somebody says so, its sender's number of the person is remembered."""
    await papers.keep(access, paper, state=papers.INDEXED)
    if wish.known and paper.partner and paper.person:
        await doing.means(access, paper.partner, paper.person, wish.patient)


def review(access: Access, document: str, patient: str, owner: str, labels: tuple[str, ...], *, due: Any, urgent: bool, program: int | None, kind: str = REVIEW) -> Change:
    """The task of whoever looks at it, or reconciles it (RECONCILE: without an owner any clinician), labelled as the document is."""
    task = tasks.new(access, kind, _ASKS[kind], patient=patient, owner=owner or None, role=None if owner else "clinician", focus=f"DocumentReference/{document}",
                     priority="urgent" if urgent else "routine", due=due, program=program)  # fmt: skip
    assert task.resource is not None  # noqa: S101 - a create has one
    if labels:
        task.resource["meta"] = {"security": _codings(labels)}
    return task


def document(access: Access, paper: Paper, wish: Wish, clean: bytes) -> dict[str, Any]:
    """The DocumentReference."""
    related = [ref("EpisodeOfCare", wish.stay)] if wish.stay else []
    context = {**({"encounter": [ref("Encounter", wish.encounter)]} if wish.encounter else {}), "period": {"start": wish.day}, **({"related": related} if related else {})}
    attachment = {"contentType": reading.PDF, "data": base64.b64encode(clean).decode(), "size": len(clean), "title": wish.title.strip(), "creation": wish.day}
    came = {papers.FAX: "by fax", papers.SCAN: "by scan", papers.API: "through the API", papers.SFTP: "by SFTP", papers.HL7: "by message", papers.DIRECT: "by Direct", papers.MHD: "by document exchange"}[paper.door]
    return {
        "resourceType": "DocumentReference",
        **({"meta": {"security": said}} if (said := _codings((*wish.labels, *paper.marks))) else {}),
        "identifier": [{"system": PAPER, "value": paper.id}],
        "status": "current",
        "docStatus": "final",
        "type": {"text": wish.kind},
        "category": [concept(CATEGORY, "Paper from outside")],
        "subject": ref("Patient", wish.patient),
        "date": moment(access),
        "description": f"Came {came}, {len(paper.pages)} {'page' if len(paper.pages) == 1 else 'pages'}" + (f", from {paper.sender}" if paper.sender and paper.door in (papers.FAX, papers.SFTP, papers.HL7, papers.DIRECT, papers.MHD) else ""),
        "content": [{"attachment": attachment}],
        "context": context,
    }


def _codings(labels: tuple[str, ...]) -> list[dict[str, str]]:
    return [*bases.codings(mask_of(labels)), *({"system": bases.CONFIDENTIALITY, "code": code} for code in dict.fromkeys(labels) if code in ("R", "V"))]


def mask_of(labels: Iterable[str]) -> int:
    """The laws that some labels name."""
    mask = 0
    for code in labels:
        mask |= bases.bit_of(code)
    return mask


async def reviewers(access: Access) -> list[tuple[str, dict[str, Any]]]:
    """Who may be asked to look at it: (`Practitioner/id`, Practitioner), by name."""
    found = await access.search("Practitioner", [("active:not", "false"), ("_sort", "family,given")], count=300)
    return [(f"Practitioner/{s.id}", s.resource) for s in found.matches]


__all__ = ["CARE", "CATEGORY", "LABELS", "NEEDS", "REVIEW", "TRACE", "WRITES", "Wish", "document", "index", "new_id", "review", "reviewers", "wrong"]
