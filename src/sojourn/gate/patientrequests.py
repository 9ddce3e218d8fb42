"""What patients ask for about their record: amendments, restrictions, each with its deadline.

Being Tasks, the requests are versions like everything else, and seen by whom the gate lets see them.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sojourn.base import errors, wall
from sojourn.gate.changes import Change, new_id
from sojourn.gate.documenting import CODES, Clerk
from sojourn.gate.preparing import instant
from sojourn.record import disclosures

if TYPE_CHECKING:
    from sojourn.gate.access import Access

OPEN, GRANTED, REFUSED = "requested", "completed", "rejected"
_EXTENDED, _DISAGREES = "extended", "disagreement"


@dataclass(frozen=True, slots=True)
class Kind:
    """What can be asked for. days: to answer; longer: by how many it may be extended, once. reasons: (code, text) of a refusal."""

    code: str
    text: str
    days: int
    longer: int
    source: str
    grant: str
    refuse: str
    reasons: tuple[tuple[str, str], ...]
    refusal_source: str
    disagreement: bool


@lru_cache(maxsize=1)
def _rows() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "patientrequests.toml").read_text("utf-8"))["kind"]
    return found


def kinds(day: date) -> dict[str, Kind]:
    """What can be asked for on a day, by code."""
    made = {}
    for row in sorted(_rows(), key=lambda row: row["effective"]):
        if row["effective"] <= day:
            values = {k: v for k, v in row.items() if k != "effective"}
            made[row["code"]] = Kind(**{**values, "reasons": tuple((code, text) for code, text in row["reasons"])})
    return made


@dataclass(frozen=True, slots=True)
class Request:
    """A request as its Task says it."""

    id: str
    kind: Kind
    patient: str
    what: str
    why: str
    focus: str
    received: date
    due: date
    status: str
    extended: bool
    answer: str
    disagreement: str
    notes: tuple[tuple[str, str], ...]


def read(task: dict[str, Any]) -> Request | None:
    """The request that a Task is; None for any other Task."""
    code = next((c.get("code") for c in task.get("code", {}).get("coding", ()) if c.get("system") == CODES), None)
    received = date.fromisoformat(str(task.get("authoredOn", "1900-01-01"))[:10])
    kind = kinds(received).get(str(code).removesuffix("-request"))
    if kind is None:
        return None
    outputs = {o["type"]["text"]: o for o in task.get("output", ())}
    due = date.fromisoformat(str(task.get("restriction", {}).get("period", {}).get("end", received))[:10])
    return Request(
        str(task["id"]), kind, str(task.get("for", {}).get("reference", "")).partition("/")[2], str(task.get("description", "")), str(task.get("reasonCode", {}).get("text", "")),
        str(task.get("focus", {}).get("reference", "")), received, due, str(task.get("status")), _EXTENDED in outputs,
        str(task.get("businessStatus", {}).get("text", "")), str(outputs.get(_DISAGREES, {}).get("valueReference", {}).get("reference", "")),
        tuple((str(n.get("time", ""))[:10], str(n["text"])) for n in task.get("note", ())),
    )  # fmt: skip


async def take(access: Access, kind: str, patient: str, what: str, why: str, *, focus: str = "", received: date | None = None) -> str:
    """Take a request in; its id. Raises Forbidden, Malformed, or NotFound for a patient or entry that may not be seen.

    It belongs to the programs of what it is about: what a Part 2 patient asks for is a Part 2 record.
    """
    await access.check("oversee", "*", f"Patient/{patient}")
    day = received or access.today
    asked = kinds(day).get(kind)
    if asked is None or not what.strip() or day > access.today:
        raise errors.Malformed("A request needs its kind, what is asked for, and the day on which it came.")
    await access.read("Patient", patient)
    about = focus.strip()
    if about:
        type_, _, id_ = about.partition("/")
        await access.read(type_, id_)
    task: dict[str, Any] = {
        "resourceType": "Task",
        "status": OPEN,
        "intent": "order",
        "code": {"coding": [{"system": CODES, "code": f"{asked.code}-request"}], "text": asked.text},
        "description": what.strip(),
        "for": {"reference": f"Patient/{patient}"},
        "authoredOn": day.isoformat(),
        "restriction": {"period": {"end": (day + timedelta(days=asked.days)).isoformat()}},
        **({"reasonCode": {"text": why.strip()}} if why.strip() else {}),
        **({"focus": {"reference": about}} if about else {}),
    }
    program = await _program(access, *(about.split("/") if about else ("Patient", patient)))
    (written,) = await access.write([Change("create", "Task", new_id(), task, program=program)], action="patient-request")
    return str(written.id)


async def _program(access: Access, type_: str, id_: str) -> int | None:
    """The program that a request belongs to: of those that made what it is about, a Part 2 program first."""
    programs = access.rules.programs
    origin = await disclosures.origin_of(access.house.db, access.head, type_, id_)
    known = [programs[n] for n in origin if n in programs]
    return min(known, key=lambda p: (not p.part2, p.number)).number if known else None


async def queue(access: Access, *, closed: bool = False) -> list[Request]:
    """Requests that wait, the next due first; or those that are answered, the newest first. As far as the caller may see them."""
    await access.check("oversee", "*", "patient-requests")
    status = f"{GRANTED},{REFUSED}" if closed else OPEN
    codes = ",".join(f"{CODES}|{row['code']}-request" for row in _rows())
    found = await access.search("Task", [("code", codes), ("status", status)], count=200)
    requests = [r for task in found.resources if (r := read(task)) is not None]
    return sorted(requests, key=lambda r: (r.due, r.id), reverse=closed)


async def one(access: Access, id_: str) -> Request:
    """One request. Raises Forbidden or NotFound."""
    return (await _task(access, id_))[1]


async def _task(access: Access, id_: str) -> tuple[dict[str, Any], Request]:
    await access.check("oversee", "*", f"Task/{id_}")
    task = (await access.read("Task", id_)).resource
    request = read(task)
    if request is None:
        raise errors.NotFound("There is no such request.")
    return task, request


async def extend(access: Access, id_: str, why: str) -> None:
    """Take longer, once, with a written reason (45 CFR 164.526(b)(2)(ii)). Raises Malformed when it cannot be done."""
    task, request = await _task(access, id_)
    if request.status != OPEN or request.extended or not request.kind.longer or not why.strip() or access.today > request.due:
        raise errors.Malformed("The time can be extended once, before it is over, with a written reason.")
    due = request.due + timedelta(days=request.kind.longer)
    output = {"type": {"text": _EXTENDED}, "valueDate": due.isoformat()}
    changed = {**task, "restriction": {"period": {"end": due.isoformat()}}, "output": [*task.get("output", ()), output]}
    await _save(access, id_, changed, f"Time extended to {due.isoformat()}: {why.strip()}")


async def answer(access: Access, id_: str, *, grant: bool, text: str, reason: str = "") -> None:
    """Grant or refuse. A refusal needs one of the reasons that the rule knows. Raises Malformed."""
    task, request = await _task(access, id_)
    if request.status != OPEN or not text.strip():
        raise errors.Malformed("An open request is answered in words.")
    known = dict(request.kind.reasons)
    if not grant and reason not in known:
        raise errors.Malformed("A refusal needs one of the reasons that the rule allows.")
    said = request.kind.grant if grant else f"{request.kind.refuse}: {known[reason]}"
    why = {} if grant else {"statusReason": {"coding": [{"system": CODES, "code": reason}], "text": known[reason]}}
    changed = {**task, "status": GRANTED if grant else REFUSED, "businessStatus": {"text": said}, **why}
    await _save(access, id_, changed, text.strip())


async def disagree(access: Access, id_: str, statement: str) -> None:
    """Put the patient's statement of disagreement with the record, linked to what it is about (45 CFR 164.526(d)(2), (d)(4)). Raises Malformed."""
    task, request = await _task(access, id_)
    if request.status != REFUSED or not request.kind.disagreement or request.disagreement or not statement.strip():
        raise errors.Malformed("A statement of disagreement follows a denial, once.")
    about = [{"reference": f"Task/{id_}"}, *([{"reference": request.focus}] if request.focus else [])]
    communication = {
        "resourceType": "Communication",
        "status": "completed",
        "category": [{"coding": [{"system": CODES, "code": "statement-of-disagreement"}], "text": "Statement of disagreement (45 CFR 164.526(d))"}],
        "subject": {"reference": f"Patient/{request.patient}"},
        "about": about,
        "sent": instant(access.now),
        "sender": {"reference": f"Patient/{request.patient}"},
        "payload": [{"contentString": statement.strip()}],
    }
    new = new_id()
    output = {"type": {"text": _DISAGREES}, "valueReference": {"reference": f"Communication/{new}"}}
    changed = _noted(access, {**task, "output": [*task.get("output", ()), output]}, "The patient's statement of disagreement is put with the record.")
    program = await _program(access, "Task", id_)
    made = Change("create", "Communication", new, communication, program=program)
    await Clerk(access).write([made, Change("update", "Task", id_, changed)], action="patient-request")


async def _save(access: Access, id_: str, task: dict[str, Any], note: str) -> None:
    await access.write([Change("update", "Task", id_, _noted(access, task, note))], action="patient-request")


def _noted(access: Access, task: dict[str, Any], text: str) -> dict[str, Any]:
    note = {"time": instant(access.now), "authorString": access.caller.name, "text": text}
    return {**task, "note": [*task.get("note", ()), note], "lastModified": instant(access.now)}


def days_left(request: Request, now: datetime) -> int:
    """Whole days until it is due; negative when it is late."""
    return (request.due - wall.day(now)).days
