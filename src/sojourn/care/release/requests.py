"""A request for a release as a Task of its program: taken in, looked at, extended, refused, ended.

What may leave is the gate's to say (gate/releasing.py, gate/compelled.py), at the preview and again at the moment of release.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from sojourn.base import errors
from sojourn.care import tasks
from sojourn.care.release import rules
from sojourn.care.release.rules import Basis
from sojourn.care.resources import CARE, code_of, concept, id_of, moment
from sojourn.care.signing.preparing import once
from sojourn.gate import disclosing, origin, releasing
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id
from sojourn.gate.documenting import Clerk
from sojourn.gate.found import Stored
from sojourn.gate.releasing import Preview, Wish

KIND: Final = "release-request"
NEEDS: Final = (("*", "release"), ("Task", "search"))
tasks.LISTED[KIND] = NEEDS
WRITES: Final = (*NEEDS, ("Task", "create"), ("Task", "update"))
OFFERED: Final = ("TREAT", "COC", "HPAYMT", "HOPERAT", "PATRQT", "HLEGAL", "HRESCH")
SCOPES: Final = {
    "": ("Everything that may leave", ()),
    "problems": ("Problems, allergies and medications", ("Condition", "AllergyIntolerance", "MedicationRequest", "MedicationStatement", "Immunization")),
    "visits": ("Visits and procedures", ("Encounter", "Procedure", "EpisodeOfCare")),
    "results": ("Measures and laboratory results", ("Observation", "DiagnosticReport")),
    "documents": ("Documents and notes", ("DocumentReference", "Composition")),
    "plans": ("Care plans and goals", ("CarePlan", "Goal", "CareTeam")),
}
_STEP: Final = "release."
_FIELDS: Final = ("basis", "requester", "recipient", "address", "identity", "purpose", "scope", "since", "until", "parts", "without", "marks", "received", "extended")


class Request(NamedTuple):
    """A request, read. recipient: a reference; parts: codes that were found; without: `Type/id` left out; marks: what is blacked out, by reference.

    sent: disclosures, the newest last; letters: (id of the document, title); doors: how it was handed over.
    """

    id: str
    patient: str
    basis: Basis
    requester: str
    recipient: str
    address: str
    identity: str
    purpose: str
    scope: str
    since: str
    until: str
    parts: tuple[str, ...]
    without: frozenset[str]
    marks: dict[str, Any]
    received: date
    due: date
    extended: bool
    owner: str
    status: str
    outcome: str
    sent: tuple[str, ...]
    letters: tuple[tuple[str, str], ...]
    doors: tuple[str, ...]
    notes: tuple[tuple[str, str, str], ...]
    version: str
    task: dict[str, Any]

    @property
    def open(self) -> bool:
        """Whether it is to be answered."""
        return self.status in tasks.OPEN

    def missing(self) -> list[str]:
        """What has to be there before anything leaves, in sentences."""
        found = self.basis.missing(self.parts)
        return found if self.identity else [*found, "The requester's identity was proved"]


def read(stored: Any) -> Request:
    """The request that a stored Task is. Raises NotFound for any other, and for one that some other door wrote so that it cannot be understood."""
    try:
        return _read(stored)
    except (KeyError, ValueError, TypeError, AttributeError):
        raise errors.NotFound("There is no such request.") from None


def _read(stored: Any) -> Request:
    task = stored.resource
    if code_of(task.get("code")) != KIND:
        raise errors.NotFound("There is no such request.")
    said = {code_of(i.get("type")): str(i.get("valueString", "")) for i in task.get("input", ())}
    outputs = [(code_of(o.get("type")), o.get("valueString") or o.get("valueReference", {}).get("reference", ""), o.get("type", {}).get("text", "")) for o in task.get("output", ())]
    received = date.fromisoformat(said.get("received") or str(task["authoredOn"])[:10])
    basis = rules.bases(received)[said["basis"]]
    due = date.fromisoformat(str(task.get("restriction", {}).get("period", {}).get("end", received))[:10])
    return Request(
        str(task["id"]), id_of(task.get("for"), "Patient"), basis, said.get("requester", ""), said.get("recipient", ""), said.get("address", ""), said.get("identity", ""), said.get("purpose", ""),
        said.get("scope", ""), said.get("since", ""), said.get("until", ""), tuple(filter(None, said.get("parts", "").split(","))), frozenset(filter(None, said.get("without", "").split(","))),
        json.loads(said.get("marks") or "{}"), received, due, bool(said.get("extended")), str(task.get("owner", {}).get("reference", "")), str(task["status"]),
        str(task.get("businessStatus", {}).get("text", "")), tuple(v for k, v, _ in outputs if k == "disclosure"), tuple((v.partition("/")[2], t) for k, v, t in outputs if k == "letter"),
        tuple(v for k, v, _ in outputs if k == "door"), tuple((str(n.get("time", "")), str(n.get("authorString", "")), str(n.get("text", ""))) for n in task.get("note", ())), stored.version, task,
    )  # fmt: skip


def _understood(found: Iterable[Stored]) -> list[Request]:
    out = []
    for stored in found:
        with suppress(errors.NotFound):
            out.append(read(stored))
    return out


async def waiting(access: Access, *, closed: bool = False, count: int = 100, beside: bool = False) -> list[Request]:
    """Requests that wait, the next due first; or those that are answered, the last first. As far as the caller may see them.

    beside: on a page that shows the other kinds of tasks.LISTED, too.
    """
    access.require("release", "*")
    open_ = await tasks.listed(access, KIND) if beside and not closed else None
    if open_ is not None:
        newest = sorted(open_, key=lambda s: str(s.resource.get("authoredOn", "")), reverse=True)[:count]
        return sorted(_understood(newest), key=lambda r: (r.due, r.id))
    status = "completed,rejected,cancelled" if closed else ",".join(tasks.OPEN)
    found = await access.search("Task", [("code", f"{CARE}|{KIND}"), ("status", status), ("_sort", "-authored-on")], count=count)
    return sorted(_understood(found.matches), key=lambda r: (r.due, r.id), reverse=closed)


async def of_patient(access: Access, patient: str) -> list[Request]:
    """Requests for one patient's record, the last first."""
    found = await access.search("Task", [("code", f"{CARE}|{KIND}"), ("patient", patient), ("_sort", "-authored-on")], count=50)
    return _understood(found.matches)


async def one(access: Access, id_: str) -> Request:
    """One request. Raises NotFound, Forbidden."""
    access.require("release", "*")
    return read(await access.read("Task", id_))


class Asked(NamedTuple):
    """What somebody asks for. received, due: FHIR dates; due only where the paper names it. name: of a recipient that is not in the directory."""

    basis: str
    requester: str
    received: str
    recipient: str = ""
    name: str = ""
    address: str = ""
    purpose: str = ""
    scope: str = ""
    since: str = ""
    until: str = ""
    due: str = ""
    key: str = ""
    """Of the form that sent it: sent twice it is there once."""


def wrong(asked: Asked, today: date) -> dict[str, str]:
    """What is wrong with it, by field."""
    found: dict[str, str] = {}
    basis = rules.bases(today).get(asked.basis)
    days = {name: _day(getattr(asked, name)) for name in ("received", "since", "until", "due")}
    if basis is None:
        found["basis"] = "Choose on what it rests."
    if not asked.requester.strip():
        found["requester"] = "Write who asks."
    if days["received"] is None or days["received"] > today:
        found["received"] = "Write the day on which it came; it cannot be in the future."
    found |= {name: "Write a day, or nothing." for name in ("since", "until") if getattr(asked, name) and days[name] is None}
    if days["since"] and days["until"] and days["since"] > days["until"]:
        found["until"] = "The last day is before the first."
    if basis is not None and not basis.days and days["due"] is None:
        found["due"] = "Write the day by which the paper asks for it."
    if basis is not None and basis.who == "organization" and not asked.recipient and not asked.name.strip():
        found["recipient"] = "Choose who gets it, or write their name."
    if basis is not None and basis.who == "representative" and not asked.recipient.startswith("RelatedPerson/"):
        found["recipient"] = "Choose who acts for the patient."
    if basis is not None and not basis.purpose and asked.purpose not in OFFERED:
        found["purpose"] = "Choose what it is for."
    if asked.scope not in SCOPES:
        found["scope"] = "Choose what is asked for."
    return found


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


async def take(access: Access, patient: str, asked: Asked) -> str:
    """Take it in; its id. Raises Malformed, NotFound for a patient or recipient who may not be seen, Forbidden.

    It belongs to the program of the caller's that made the chart, a Part 2 program first: who asked for a Part 2 record is one.
    """
    await access.check("release", "*", f"Patient/{patient}")
    if found := wrong(asked, access.today):
        raise errors.Malformed(next(iter(found.values())))
    received = date.fromisoformat(asked.received)
    basis = rules.bases(received)[asked.basis]
    await access.read("Patient", patient)
    program = await belongs(access, patient)
    recipient = {"patient": f"Patient/{patient}", "representative": asked.recipient}.get(basis.who, asked.recipient)
    if basis.who == "organization" and recipient:
        await access.read("Organization", recipient.partition("/")[2])
    elif basis.who == "organization":
        recipient = f"Organization/{await _new_recipient(access, asked, program)}"
    elif basis.who == "representative":
        person = await access.read("RelatedPerson", recipient.partition("/")[2])
        if id_of(person.resource.get("patient"), "Patient") != patient:
            raise errors.Malformed("Choose who acts for the patient.")
    due = received + timedelta(days=basis.days) if basis.days else date.fromisoformat(asked.due)
    task = tasks.new(access, KIND, "A request for the release of a record", patient=patient, owner=access.caller.agent, role=None if access.caller.agent else access.caller.role, program=program, id_=once(KIND, access.caller.account, patient, asked.key) if asked.key else None)
    assert task.resource is not None  # noqa: S101 - a create has one
    values = {
        "basis": basis.code, "requester": asked.requester.strip(), "recipient": recipient, "address": asked.address.strip(), "purpose": basis.purpose or asked.purpose, "scope": asked.scope,
        "since": asked.since, "until": asked.until, "received": asked.received,
    }  # fmt: skip
    task.resource |= {"input": _inputs(values), "restriction": {"period": {"end": due.isoformat()}}}
    with suppress(errors.Conflict):  # a double click: it is there
        await access.write([task], action="release-request")
    return task.id


async def belongs(access: Access, patient: str) -> int | None:
    """The program of the caller's to which what is written about a patient's record belongs: a Part 2 program first."""
    mine = await origin.programs_of(access, "Patient", patient)
    known = [access.rules.programs[n] for n in mine if n in access.rules.programs]
    return min(known, key=lambda p: (not p.part2, p.number)).number if known else None


async def _new_recipient(access: Access, asked: Asked, program: int | None) -> str:
    """Who gets it, from the directory or put into it: a court, a lawyer, a school. Who asked for whose record stands in the request alone."""
    known = await access.search("Organization", [("name:exact", escaped(asked.name.strip()))], count=1)
    if known.matches:
        return known.matches[0].id
    id_ = new_id()
    resource = {"resourceType": "Organization", "active": True, "name": asked.name.strip(), **({"address": [{"text": asked.address.strip()}]} if asked.address.strip() else {})}
    await Clerk(access).write([Change("create", "Organization", id_, resource, program=program and _open_program(access))], action="release-recipient")
    return id_


def escaped(text: str) -> str:
    """A text with the characters escaped that FHIR search gives a meaning."""
    return re.sub(r"([\\$,|])", r"\\\1", text)


def _open_program(access: Access) -> int | None:
    """A program of the caller's that is not under Part 2: the directory is everybody's."""
    return next((n for n in sorted(access.caller.programs) if n in access.rules.programs and not access.rules.programs[n].part2), None)


def _inputs(values: dict[str, str]) -> list[dict[str, Any]]:
    return [{"type": concept(name, name.capitalize()), "valueString": values[name]} for name in _FIELDS if values.get(name)]


async def amend(access: Access, request: Request, **values: str) -> None:
    """Write down more about it: parts that were found, identity, what is left out or blacked out. Raises Malformed, VersionConflict."""
    if not request.open:
        raise errors.Malformed("It was answered already.")
    if "identity" in values and values["identity"] and values["identity"] not in rules.identities():
        raise errors.Malformed("Choose how their identity was proved.")
    if "parts" in values:
        known = {code for code, _ in request.basis.parts}
        values["parts"] = ",".join(p for p in values["parts"].split(",") if p in known)
    now = {code_of(i.get("type")): str(i.get("valueString", "")) for i in request.task.get("input", ())} | values
    await _save(access, request, {**request.task, "input": _inputs(now)})


async def _save(access: Access, request: Request, task: dict[str, Any], note: str = "", action: str = "release-request", more: tuple[Change, ...] = ()) -> None:
    if note:
        task = {**task, "note": [*task.get("note", ()), {"time": moment(access), "authorString": access.caller.name, "text": note}]}
    task["lastModified"] = max(moment(access), str(task.get("authoredOn", "")))
    await access.write([Change("update", "Task", request.id, task, if_match=request.version), *more], action=action)


def wish(request: Request) -> Wish:
    """What would be released for it: nothing beyond its basis, its scope and its days."""
    types = SCOPES[request.scope][1]
    return Wish(request.patient, request.recipient, request.purpose, ("Patient", *types) if types else (), since=request.since, until=request.until, without=request.without,
                served=request.basis.served(request.parts))  # fmt: skip


async def preview(access: Access, request: Request) -> Preview:
    """Exactly what would leave now, what would stay, and why."""
    return await releasing.preview(access, wish(request))


async def extend(access: Access, request: Request, why: str, letter: Change) -> None:
    """Take longer, once, with a written reason and the letter that says it. Raises Malformed."""
    if not request.open or request.extended or not request.basis.longer or not why.strip() or access.today > request.due:
        raise errors.Malformed("The time can be extended once, before it is over, with a written reason.")
    due = request.due + timedelta(days=request.basis.longer)
    now = {code_of(i.get("type")): str(i.get("valueString", "")) for i in request.task.get("input", ())} | {"extended": "yes"}
    task = {**request.task, "input": _inputs(now), "restriction": {"period": {"end": due.isoformat()}}, "output": _output(request, "letter", f"DocumentReference/{letter.id}", "Letter: more time")}
    await _save(access, request, task, f"Time extended to {due.isoformat()}: {why.strip()}", more=(letter,))


async def refuse(access: Access, request: Request, why: str, reason: str, letter: Change) -> None:
    """Refuse it, or what is left of it, with a letter. reason: a code of the basis where the rule knows some. Raises Malformed."""
    known = dict(request.basis.reasons)
    if not request.open or not why.strip() or (known and reason not in known):
        raise errors.Malformed("An open request is refused in words" + (", for one of the reasons that the rule allows." if known else "."))
    said = f"Refused: {known[reason]}" if known else "Refused"
    task = {**request.task, "status": "rejected", "businessStatus": {"text": said}, "output": _output(request, "letter", f"DocumentReference/{letter.id}", "Letter: refusal")}
    await _save(access, request, task, why.strip(), more=(letter,))


async def claim(access: Access, request: Request) -> Request:
    """Before it leaves: whoever clicks twice, or at the same moment as somebody else, finds another version and releases nothing. Raises VersionConflict."""
    await _save(access, request, {**request.task, "status": "in-progress", "businessStatus": {"text": "Being released"}})
    return await one(access, request.id)


async def released(access: Access, request: Request, disclosure: str) -> None:
    """Note that it left; the disclosure log has it already."""
    task = {**request.task, "status": "completed", "businessStatus": {"text": "Released"}, "output": _output(request, "disclosure", disclosure, "Disclosure")}
    await _save(access, request, task, "Released.")


async def handed(access: Access, request: Request, door: str, note: str) -> None:
    """Note by which door it got to who asked. Raises Malformed."""
    if not request.sent or door not in rules.doors():
        raise errors.Malformed("Choose how it got to them.")
    task = {**request.task, "output": _output(request, "door", door, rules.doors()[door])}
    await _save(access, request, task, f"{rules.doors()[door]}. {note.strip()}".strip())


def _output(request: Request, kind: str, value: str, text: str) -> list[dict[str, Any]]:
    held = {"valueReference": {"reference": value}} if kind == "letter" else {"valueString": value}
    return [*request.task.get("output", ()), {"type": concept(kind, text), **held}]


def notice(found: Preview, access: Access) -> str:
    """The statement that goes with it, in full; '' where none is due."""
    return disclosing.statement("release", "whole", access.today).text if found.outgoing.notice else ""
