"""Sign a group session: one note in each chart whose part is complete; the rest is held.

Each note is one transaction: the visit with the client's own times, the document, its signature, the appointment that took place. The id
of the note was fixed when the part was made, so a second click, another window or a fall in between finds it there, and goes on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from sojourn.base import errors
from sojourn.care import policies
from sojourn.care.groups import checks, model
from sojourn.care.groups.model import EXCUSED, GROUP, HERE
from sojourn.care.notes import templates, writing
from sojourn.care.notes.model import NewNote, Template
from sojourn.care.scheduling import appointments
from sojourn.care.signing import documents
from sojourn.gate import groupsessions
from sojourn.gate.groupsessions import MISSED, SIGNED

if TYPE_CHECKING:
    from sojourn.care.groups.opening import Member, Sitting
    from sojourn.care.policies import Policies
    from sojourn.gate.access import Access
    from sojourn.gate.changes import Change


class Result(NamedTuple):
    """What became of it. signed, missed: how many now; held: names and what is missing."""

    signed: int
    missed: int
    held: tuple[tuple[str, tuple[str, ...]], ...]


async def template_of(access: Access, sitting: Sitting) -> Template:
    """The template of the notes. Raises Malformed if the organization has taken it out of use."""
    found = (await templates.in_force(access)).get(sitting.shared.template)
    if found is None:
        raise errors.Malformed("The template of group notes is out of use: choose it again in the templates.")
    return found


def note(access: Access, sitting: Sitting, member: Member, template: Template) -> NewNote:
    """A client's part as a note of theirs. What it says of others is what the shared part says: no names."""
    own, shared = member.own, sitting.shared
    span = checks.times(member, sitting)
    if span is None:
        raise errors.Malformed("They came after they left: check the times.")
    program = sitting.session.program or access.caller.acting
    return NewNote(
        own.patient, template.key, {GROUP: shared.text(), **{k: v for k, v in own.sections.items() if k != GROUP}}, *span, service=shared.service, stay=member.stay.id if member.stay else "",
        location=shared.room, modality=own.modality or shared.modality, participants=("client", "other"), others="other members of the group", language=shared.language,
        diagnoses=checks.diagnoses(member), objectives=tuple(o.id for o in member.chosen), no_objective=own.no_objective, risk=own.risk, risk_note=own.found() if own.risk == "present" else own.risk_note, document=member.part.document, program=program,
        facts={"Attendance": model.ATTENDANCE[own.attendance]}, final=True,
    )  # fmt: skip


async def sign(access: Access, sitting: Sitting) -> Result:
    """Sign all that is complete and hold the rest. Needs a fresh proof. Raises ProofNeeded, Forbidden; what was signed by then stays signed."""
    await access.require_fresh()
    template, rules = await template_of(access, sitting), await policies.of(access)
    waiting = [m for m in sitting.members if m.open]
    if lacks := checks.shared_missing(sitting.shared):
        return Result(0, 0, tuple((m.name, tuple(lacks)) for m in waiting))
    there = await _written(access, [m.part.document for m in waiting])
    signed = missed = 0
    held = []
    for member in waiting:
        if member.part.document in there:  # written before something fell between it and its mark
            signed += await _mark(access, sitting, member, SIGNED)
            continue
        verdict = checks.verdict(sitting, member, template, rules)
        if not verdict.valid:
            held.append((member.name, verdict.missing))
        elif member.own.attendance in HERE:
            await _one(access, sitting, member, template)
            signed += await _mark(access, sitting, member, SIGNED)
        else:
            await _absent(access, member, rules)
            missed += await _mark(access, sitting, member, MISSED)
    if not held:
        session, _ = await groupsessions.open_(access, sitting.session.id)
        await groupsessions.keep(access, session, session.body, closed=True)
    return Result(signed, missed, tuple(held))


async def _written(access: Access, ids: list[str]) -> set[str]:
    """Which of these notes are in the record."""
    if not ids:
        return set()
    found = await access.search("DocumentReference", [("_id", ",".join(ids))], count=len(ids))
    return {s.id for s in found.matches}


async def _one(access: Access, sitting: Sitting, member: Member, template: Template) -> None:
    """Write and sign one note, once: if it is there by now, somebody else did it at the same time."""
    made = note(access, sitting, member, template)
    ready = await writing.ready(access, made, template)
    changes = [_of_appointment(change, member) for change in ready.changes]
    outcome = await documents.signing(access, changes, ready.document, ready.shown, service=made.service)
    try:
        await access.write([*outcome.changes, *await _kept(access, member, made.program)], action="sign")
    except (errors.Conflict, errors.VersionConflict, errors.Invalid):
        if ready.document not in await _written(access, [ready.document]):
            raise


def _of_appointment(change: Change, member: Member) -> Change:
    """The visit says of which appointment it is."""
    if change.type == "Encounter" and change.resource is not None and member.own.appointment:
        return replace(change, resource={**change.resource, "appointment": [{"reference": f"Appointment/{member.own.appointment}"}]})
    return change


async def _kept(access: Access, member: Member, program: int | None) -> list[Change]:
    """The appointment took place."""
    if not member.own.appointment:
        return []
    try:
        booked, before = await appointments.one(access, member.own.appointment)
    except (errors.NotFound, errors.Gone):
        return []
    return [appointments.changed(booked, before, status="fulfilled")] if booked.status in (*appointments.OPEN, "arrived", "noshow") else []


async def _absent(access: Access, member: Member, rules: Policies) -> None:
    """They did not come: a no-show and somebody to reach out, or, if they were excused, a cancelled time. Twice is once."""
    if not member.own.appointment:
        return
    booked, before = await appointments.one(access, member.own.appointment)
    if member.own.attendance == EXCUSED:
        if booked.status in (*appointments.OPEN, "arrived"):
            await access.write([appointments.changed(booked, before, status="cancelled", cancelationReason={"text": "Excused"})], action="booking")
        return
    owner = member.stay.clinician if member.stay and member.stay.clinician else access.caller.agent
    if changes := await appointments.missed(access, booked, before, rules, owner):
        await access.write(changes, action="booking")


async def _mark(access: Access, sitting: Sitting, member: Member, state: str) -> int:
    """It is done: from here on the text stands in the chart alone. 1, or 0 where somebody else was faster."""
    part = member.part._replace(body=model.packed(member.own.emptied()))
    try:
        await groupsessions.keep_part(access, sitting.session.id, part, state=state)
    except errors.VersionConflict:
        return 0
    return 1
