"""Change a medication list: told, ordered, changed, stopped, held, an error; with who and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from sojourn.base import errors
from sojourn.care.listing import HERE, HOME, OUTSIDE, note, source, teller
from sojourn.care.medications.lines import ORDER, TOLD, Line
from sojourn.care.medications.tables import RXNORM, Table
from sojourn.care.policies import Policies
from sojourn.care.resources import author, id_of, moment, ref
from sojourn.gate import origin
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id

TELL: Final = ((TOLD, "create"),)
PRESCRIBE: Final = ((ORDER, "create"), (ORDER, "update"))
ACTS: Final = {"stop": "Stop", "hold": "Hold", "resume": "Go on", "error": "Entered in error"}
_STATUS: Final = {"stop": "stopped", "hold": "on-hold", "resume": "active", "error": "entered-in-error"}
_DONE: Final = {"stop": "Stopped", "hold": "On hold", "resume": "Going on", "error": "Entered in error"}
LONGEST: Final = 300


async def own_titles(access: Access) -> set[str]:
    """The titles that stand after the caller's name, and what their qualifications say. One question; none for an account that stands for nobody."""
    type_, _, id_ = access.caller.agent.partition("/") if access.caller.agent else ("", "", "")
    if type_ != "Practitioner" or not access.may(type_, "read"):
        return set()
    try:
        person = (await access.read(type_, id_)).resource
    except (errors.NotFound, errors.Gone):
        return set()
    return titles(person)


def titles(person: Mapping[str, Any]) -> set[str]:
    """Every title of a Practitioner."""
    said = [str(s) for n in person.get("name", ()) for s in n.get("suffix", ())]
    for q in person.get("qualification", ()):
        said += [str(q.get("code", {}).get("text") or ""), *(str(c.get("code")) for c in q.get("code", {}).get("coding", ()))]
    return {t.strip() for s in said for t in s.split(",") if t.strip()}


def prescribes(access: Access, rules: Policies, mine: set[str]) -> bool:
    """Whether the caller may order: their role includes it, and one of their titles is on the list of the organization."""
    return all(access.may(t, a) for t, a in PRESCRIBE) and bool(mine & set(rules.value("medications.prescriber-titles")))


def may_change(access: Access, line: Line, *, prescriber: bool) -> bool:
    """Whether the caller may change a line: an order only as a prescriber."""
    return prescriber if line.type == ORDER else access.may(TOLD, "update")


def concept(table: Table, name: str) -> dict[str, Any]:
    """The name as it was typed, with the code of its ingredient where the table has one, of one ingredient only: so that labels find it."""
    coded = [i.rxnorm[0] for key in table.ingredients_in(name) if (i := table.ingredients[key]).rxnorm]
    return {"text": name, **({"coding": [{"system": RXNORM, "code": coded[0]}]} if len(coded) == 1 else {})}


def told(access: Access, patient: str, table: Table, said: Mapping[str, str], *, program: int | None, key: str = "") -> Change:
    """What the client or an outside record says is taken, as a change. said: name, dose, source, from, started, note. Raises Malformed."""
    name = _name(said)
    tells = said.get("source", "")
    if tells not in (HOME, OUTSIDE):
        raise errors.Malformed("Say who tells it: the client, or an outside record.")
    whose = said.get("from", "").strip()[:LONGEST]
    if tells == OUTSIDE and not whose:
        raise errors.Malformed("Name the outside record: whose list it is, or the bottle that was seen.")
    started = _day(said.get("started", ""))
    statement: dict[str, Any] = {
        "resourceType": TOLD, "extension": [source(tells), *(teller(whose) if tells == OUTSIDE else [])], "status": "active", "medicationCodeableConcept": concept(table, name), "subject": ref("Patient", patient), "dateAsserted": moment(access),
        "informationSource": ref("Patient", patient) if tells == HOME else {"display": whose}, **({"effectivePeriod": {"start": started}} if started else {}),
        **_dosage("dosage", said), "note": [note(access, "Written down." + (f" {said['note'].strip()}" if said.get("note", "").strip() else "") + (f" From: {whose}." if tells == HOME and whose else ""))],
    }  # fmt: skip
    return Change("create", TOLD, key or new_id(), statement, program=program)


def ordered(access: Access, patient: str, table: Table, said: Mapping[str, str], *, program: int | None, key: str = "", replaces: Line | None = None) -> Change:
    """An order as a change. replaces: the line that it takes the place of, in the record of that line, which may be another one of the person. Raises Malformed without directions."""
    if not said.get("dose", "").strip():
        raise errors.Malformed("Write the directions of the order: how much, how often.")
    name = _name(said) if replaces is None else replaces.name
    medication = {"medicationCodeableConcept": concept(table, name)} if replaces is None else _same_medication(replaces)
    why, patient = said.get("note", "").strip(), patient if replaces is None else id_of(replaces.stored.resource.get("subject"), "Patient")
    order: dict[str, Any] = {
        "resourceType": ORDER, "extension": [source(HERE)], "status": "active", "intent": "order", "reportedBoolean": False, **medication, "subject": ref("Patient", patient), "authoredOn": moment(access),
        **({"requester": who, "recorder": who} if (who := author(access)) else {}), **_dosage("dosageInstruction", said), **({"reasonCode": [{"text": said["indication"].strip()[:LONGEST]}]} if said.get("indication", "").strip() else {}),
        "note": [note(access, "Ordered." + (f" {why}" if why else ""))],
    }  # fmt: skip
    if replaces is not None and replaces.type == ORDER:
        order["priorPrescription"] = {"reference": replaces.ref}
    elif replaces is not None:
        order["supportingInformation"] = [{"reference": replaces.ref}]
    return Change("create", ORDER, key or new_id(), order, program=program)


def _same_medication(line: Line) -> dict[str, Any]:
    r = line.stored.resource
    if isinstance(r.get("medicationCodeableConcept"), dict):
        return {"medicationCodeableConcept": r["medicationCodeableConcept"]}
    link = r.get("medicationReference") or {}
    if str(link.get("reference", "")).startswith("Medication/"):
        return {"medicationReference": {"reference": link["reference"]}}
    return {"medicationCodeableConcept": {"text": line.name}}


def acting(access: Access, line: Line, act: str, why: str) -> Change:
    """Stop, hold, go on with or mark as an error, as a change made from the version that was read. Raises Malformed."""
    if act not in ACTS:
        raise errors.Malformed("Choose what is done with it.")
    if not why.strip():
        raise errors.Malformed(f"{ACTS[act]}: write why.")
    if act == "resume" and line.status not in ("on-hold", "stopped", "not-taken", "intended") or act in ("stop", "hold") and not line.current:
        raise errors.Malformed(f"It is {line.said} already. Look at it again.")
    reason = {"text": why.strip()[:LONGEST]}
    r = line.stored.resource
    after = {k: v for k, v in r.items() if k != "statusReason"} | {"status": _STATUS[act], "note": [*r.get("note", ()), note(access, f"{_DONE[act]}: {why.strip()}")]}
    if act != "resume":
        after["statusReason"] = reason if line.type == ORDER else [reason]
    if act == "stop" and line.type == TOLD and isinstance(r.get("effectivePeriod"), dict):
        after["effectivePeriod"] = {**r["effectivePeriod"], "end": max(access.today.isoformat(), str(r["effectivePeriod"].get("start", ""))[:10])}
    return Change("update", line.type, line.id, after, if_match=line.version)


def changing(access: Access, patient: str, table: Table, line: Line, dose: str, why: str, *, program: int | None, key: str = "") -> list[Change]:
    """Other directions: what is told is written anew in its place, an order ends and another takes its place. Raises Malformed."""
    if not dose.strip() or not why.strip():
        raise errors.Malformed("Change: write the new directions, and why.")
    if not line.current:
        raise errors.Malformed(f"It is {line.said}. Look at it again.")
    if line.type == ORDER:
        end = acting(access, line, "stop", f"Changed to: {dose.strip()}. {why.strip()}")
        return [end, ordered(access, patient, table, {"dose": dose, "note": why}, program=program, key=key, replaces=line)]
    r = line.stored.resource
    first = r.get("dosage") or [{}]
    after = {**r, "dosage": [{**{k: v for k, v in first[0].items() if k == "sequence"}, "text": dose.strip()[:LONGEST]}], "note": [*r.get("note", ()), note(access, f"Changed from {line.dose or 'no directions'} to {dose.strip()}: {why.strip()}")]}
    return [Change("update", TOLD, line.id, after, if_match=line.version)]


async def program_of(access: Access, refs: Sequence[str]) -> dict[str, int | None]:
    """The caller's program that made each line; None for one that none of theirs made."""
    return await origin.makers(access, refs)


def _name(said: Mapping[str, str]) -> str:
    name = " ".join(said.get("name", "").split())
    if not name:
        raise errors.Malformed("Write the medication: its name, and its strength if it is known.")
    if len(name) > LONGEST:
        raise errors.Malformed(f"Write the medication in at most {LONGEST} characters.")
    return name


def _dosage(element: str, said: Mapping[str, str]) -> dict[str, Any]:
    text = said.get("dose", "").strip()[:LONGEST]
    return {element: [{"text": text}]} if text else {}


def _day(text: str) -> str:
    text = text.strip()
    if not text:
        return ""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise errors.Malformed("Write the day as a date, or leave it empty.") from None
