"""What follows from a reconciliation: lines changed in one transaction with its signed Lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from sojourn.base import errors
from sojourn.care import levels, signing, tasks
from sojourn.care.allergies.lists import Standing
from sojourn.care.listing import note
from sojourn.care.medications import reconciled, reconciling, writing
from sojourn.care.medications.lines import Line
from sojourn.care.medications.reconciling import (
    ALLERGIES_SAID,
    CHANGE,
    CONTINUE,
    DECISIONS,
    DIRECTIONS,
    HOLD,
    ORDER_SAID,
    PROBLEMS_SAID,
    STOP,
    Act,
    Choice,
    Row,
)
from sojourn.care.medications.tables import Table
from sojourn.care.medications.warnings import labels
from sojourn.care.resources import CARE, author, concept, id_of, moment, ref
from sojourn.care.signing import people
from sojourn.care.signing.preparing import once
from sojourn.gate import origin
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id

DUE: Final = "reconcile-due"
TO_SIGN: Final = "reconcile-sign"
PREPARES: Final = (("List", "create"), ("List", "update"))
_LIST_CODES: Final = "http://terminology.hl7.org/CodeSystem/list-example-use-codes"
_EMPTY: Final = "http://terminology.hl7.org/CodeSystem/list-empty-reason"
NOTHING: Final = "No medications of this program."
"""Said of a program without lines of its own, in the same words whether there are others or not."""


class Case(NamedTuple):
    """What a reconciliation is about: a stay, its program, what is there, and who made each line."""

    patient: str
    stay: levels.Stay
    program: int | None
    rows: list[Row]
    made: Mapping[str, int | None]
    standing: Standing
    table: Table


class Of(NamedTuple):
    """Of what a List is: the program that made its lines, and the record in which they stand, which may be another one of the person."""

    program: int | None
    record: str


def groups(case: Case) -> dict[Of, list[tuple[Row, Line]]]:
    """The lines by the program that made them and the record, the stay's own always there: each gets a List of its own, which tells of no other."""
    out: dict[Of, list[tuple[Row, Line]]] = {_own(case): []}
    for row in case.rows:
        for line in row.own:
            out.setdefault(Of(case.made[line.ref], id_of(line.stored.resource.get("subject"), "Patient")), []).append((row, line))
    return out


def _own(case: Case) -> Of:
    return Of(case.program, case.patient)


def texts(case: Case, act: Act, zone: str) -> dict[Of, str]:
    """What is signed, by what it is of: exactly the bytes that are shown before."""
    beside = [s for s, yes in ((ALLERGIES_SAID, act.allergies), (PROBLEMS_SAID, act.problems)) if yes]
    out = {}
    for of, lines in groups(case).items():
        said = reconciling.words(case.rows, [line.ref for _, line in lines], act, zone) or NOTHING
        own = [*beside, act.note] if of == _own(case) else []
        out[of] = "\n".join([f"Medication reconciliation: {reconciled.MOMENTS[act.moment]}", said, *(x for x in own if x)])
    return out


async def zone_of(access: Access) -> str:
    """The time zone by which last doses are read. At most one question."""
    return await people.zone(access)


async def sign(access: Access, case: Case, act: Act, shown: Mapping[Of, str], key: str) -> None:
    """Do what was decided and sign it, all or nothing. shown: what the signer saw, by what it is of. Doing it twice does it once.

    Raises ProofNeeded, Malformed with what is not decided, Conflict where what is there is no longer what was shown.
    """
    missing = reconciling.unresolved(case.rows, act, case.standing)
    if missing:
        raise errors.Malformed(f"{len(missing)} {'thing is' if len(missing) == 1 else 'things are'} not decided: look at what is marked.")
    zone = await zone_of(access)
    if texts(case, act, zone) != dict(shown):
        raise errors.Conflict("This is not what was shown any more. Read it again.")
    changes: list[Change] = []
    me = await people.me(access)
    for of, lines in groups(case).items():
        id_ = _id(case, key, of)
        body = _list(access, case, act, lines, id_, zone, of=of)
        carried = labels(line.stored.resource for _, line in lines)
        if carried:
            body["meta"] = {"security": carried}
        changes.append(Change("create", "List", id_, body, program=of.program))
        made = await signing.prepare(access, [f"List/{id_}"], shown[of].encode(), "author", patient=of.record, program=of.program, title="Medication reconciliation", labels=carried, signed_by=me)
        changes += made.changes
    for row in case.rows:
        changes += _effects(access, case, row, act.choices.get(row.key, Choice()), key)
    changes += await _ended(access, case, act.moment)
    try:
        await access.write(changes, action="reconcile")
    except errors.VersionConflict:
        raise
    except errors.Conflict:
        await access.read("List", _id(case, key, _own(case)))  # there already: the second click


def _id(case: Case, key: str, of: Of) -> str:
    return once("reconciliation", key, str(of.program), *(() if of.record == case.patient else (of.record,)))


def _list(access: Access, case: Case, act: Act, lines: Sequence[tuple[Row, Line]], id_: str, zone: str, *, of: Of, working: bool = False) -> dict[str, Any]:
    moment_code = reconciled.PREPARED if working else act.moment
    value = reconciled.value(f"{reconciled.PREPARED}.{act.moment}" if working else act.moment, case.stay.id)
    entries = [_entry(row, line, act.choices.get(row.key, Choice()), zone) for row, line in lines if not working or act.choices.get(row.key, Choice()) != Choice()]
    notes = [s for s, yes in ((ALLERGIES_SAID, act.allergies), (PROBLEMS_SAID, act.problems), (act.note, bool(act.note))) if yes] if of == _own(case) else []
    return {
        "resourceType": "List", "id": id_, "identifier": [{"system": reconciled.IDENTIFIER, "value": value}], "status": "current", "mode": "working" if working else "changes",
        "title": f"Medication reconciliation: {reconciled.MOMENTS[act.moment]}" + (", in preparation" if working else ""),
        "code": {"coding": [{"system": CARE, "code": f"{reconciled.KIND}.{moment_code}"}, {"system": _LIST_CODES, "code": "medications"}], "text": "Medication reconciliation"},
        "subject": ref("Patient", of.record), "date": moment(access), **({"source": who} if (who := author(access)) else {}), **({"note": [note(access, n) for n in notes]} if notes else {}),
        **({"entry": entries} if entries else {"emptyReason": {"coding": [{"system": _EMPTY, "code": "nilknown"}], "text": NOTHING}}),
    }  # fmt: skip


def _entry(row: Row, line: Line, c: Choice, zone: str) -> dict[str, Any]:
    extension: list[dict[str, Any]] = []
    if c.reason:
        extension.append({"url": reconciled.REASON, "valueString": c.reason})
    directions = ": ".join(filter(None, (ORDER_SAID, c.directions))) if c.order and line == row.told else c.directions
    if directions:
        extension.append({"url": DIRECTIONS, "valueString": directions})
    if c.last and (at := reconciling.instant_of(c.last, ZoneInfo(zone))) is not None:
        extension.append({"url": reconciled.DOSE, "valueDateTime": at.isoformat(timespec="seconds")})
    elif c.last_why:
        extension.append({"url": reconciled.DOSE, "valueString": c.last_why})
    flag = {"flag": concept(c.what, DECISIONS[c.what])} if c.what in DECISIONS else {}
    return {**({"extension": extension} if extension else {}), **flag, "item": {"reference": line.ref}}


def _effects(access: Access, case: Case, row: Row, c: Choice, key: str) -> list[Change]:
    """What a decision does to the lines of a row that the caller's programs made."""
    out: list[Change] = []
    new = once("reconciled-order", key, row.key)
    if c.what in (STOP, HOLD):
        out = [writing.acting(access, line, c.what, c.reason) for line in row.own if c.what == STOP or line.status != "on-hold"]
    elif c.what == CHANGE and row.order is not None:
        out = writing.changing(access, case.patient, case.table, row.order, c.directions, c.reason, program=case.made[row.order.ref], key=new)
        out += [writing.acting(access, line, STOP, f"The order here holds. {c.reason}") for line in row.own if line != row.order]
    elif c.what == CHANGE and row.told is not None:
        out = [writing.ordered(access, case.patient, case.table, {"dose": c.directions, "note": c.reason}, program=case.made[row.told.ref], key=new, replaces=row.told)]
        out += [writing.acting(access, line, STOP, f"Changed to an order here. {c.reason}") for line in row.own]
    elif c.what == CONTINUE:
        if c.order and row.told is not None:
            out = [writing.ordered(access, case.patient, case.table, {"dose": c.directions or row.told.dose, "note": "Continued at reconciliation."}, program=case.made[row.told.ref], key=new, replaces=row.told)]
        out += [writing.acting(access, line, "resume", c.reason or "Continued at reconciliation.") for line in row.own if line.status == "on-hold"]
    return out


async def prepare(access: Access, case: Case, act: Act) -> None:
    """Keep what was prepared, for whoever signs: one working List for each program. Raises VersionConflict, Forbidden."""
    changes = await _working(access, case, act)
    asked = await tasks.of_patient(access, case.patient, kinds=(TO_SIGN,))
    if not any(w.focus == f"EpisodeOfCare/{case.stay.id}" for w in asked) and access.may("Task", "create"):
        changes.append(tasks.new(access, TO_SIGN, "A medication reconciliation waits for a signature", patient=case.patient, owner=case.stay.clinician or None, role=None if case.stay.clinician else "clinician",
                                 focus=f"EpisodeOfCare/{case.stay.id}", priority="urgent", why=act.moment, program=case.program))  # fmt: skip
    await access.write(changes, action="reconcile")


async def _working(access: Access, case: Case, act: Act) -> list[Change]:
    """Those that the caller sees are written over; an id is never one that could be taken already by what they do not see."""
    there = {str(r["id"]): r for r in await prepared(access, case.patient, act.moment, case.stay.id)}
    made = await origin.makers(access, [f"List/{id_}" for id_ in there])
    known = {Of(made[f"List/{id_}"], id_of(r.get("subject"), "Patient")): id_ for id_, r in there.items()}
    zone = await zone_of(access)
    changes = []
    for of, lines in groups(case).items():
        id_ = known.get(of) or new_id()
        body = _list(access, case, act, lines, id_, zone, of=of, working=True)
        carried = labels(line.stored.resource for _, line in lines)
        if carried:
            body["meta"] = {"security": carried}
        changes.append(Change("update" if id_ in there else "create", "List", id_, body, if_match=str(there[id_]["meta"]["versionId"]) if id_ in there else None, program=of.program))
    return changes


async def prepared(access: Access, patient: str, moment_: str, episode: str) -> list[dict[str, Any]]:
    """The working Lists of a reconciliation that is being prepared, of what the caller may see. One search."""
    if not access.may("List", "search"):
        return []
    token = reconciled.token(f"{reconciled.PREPARED}.{moment_}", episode)
    return (await access.search("List", [("patient", patient), ("status", "current"), ("identifier", token)], count=50)).resources


async def _ended(access: Access, case: Case, moment_: str) -> list[Change]:
    """What was prepared is over, and so is what was asked for."""
    out = []
    if access.may("List", "update"):
        for r in await prepared(access, case.patient, moment_, case.stay.id):
            out.append(Change("update", "List", str(r["id"]), {**r, "status": "retired"}, if_match=str(r["meta"]["versionId"])))
    if access.may("Task", "update"):
        found = await access.search("Task", [("patient", case.patient), ("focus", f"EpisodeOfCare/{case.stay.id}"), ("status", ",".join(tasks.OPEN)), ("code", f"{CARE}|{DUE},{CARE}|{TO_SIGN}")], count=20)
        for stored in found.matches:
            work = tasks.read(stored.resource)
            if work is not None and (work.why or reconciled.ADMISSION) == moment_:
                out.append(tasks.finishing(access, stored.resource, "Reconciled.", if_match=stored.version))
    return out
