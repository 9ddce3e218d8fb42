"""What has happened at the sample organization, for its reports: calls, hand-offs, visits kept."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base import clock
from sojourn.care import levels
from sojourn.care.admissions import case
from sojourn.care.handoff import referral
from sojourn.care.resources import CARE, concept, id_of, ref
from sojourn.care.scheduling import zones
from sojourn.cli.riverbend_desk import signed_in_as
from sojourn.gate.changes import Change, new_id

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.gate import Gate

NEW_YORK = zones.zone("America/New_York")
SEED = 36
DAYS = 85
"""How far back the calls go: as far as the report on admissions looks."""
_AT_ONCE = 100
_LOST = (
    ("not-coming", "Chose a place closer to home."), ("lost", "Four calls, no answer."), ("declined", "Needs a hospital first; the hospital was called."), ("referred-out", "No bed for two weeks; went to Harbor House."),
    ("not-coming", "The deductible was too much."), ("lost", "The number is no longer in service."),
)  # fmt: skip
_HANDOFFS: tuple[tuple[int, tuple[tuple[str, int, str], ...]], ...] = (
    (41, (("sent", 41, ""), ("acknowledged", 40, "By telephone."), ("scheduled", 38, ""), ("kept", 30, ""), ("reported", 27, "Letter of the practice is in the chart."))),
    (20, (("sent", 20, ""), ("acknowledged", 19, "By fax."), ("scheduled", 17, ""), ("missed", 9, "Bus did not come."))),
    (63, (("sent", 63, ""), ("declined", 60, "Takes no new patients."))),
    (35, (("sent", 34, ""), ("acknowledged", 32, ""), ("scheduled", 30, ""), ("kept", 22, ""), ("reported", 15, "Blood pressure is fine."))),
    (6, (("sent", 6, ""),)),
)
"""Each: days ago, and its steps (step, days ago, words)."""


class _Placed(NamedTuple):
    """A stay with the number of its program and when it began."""

    stay: levels.Stay
    program: int
    began: datetime


async def lay_out(gate: Gate, today: date) -> None:
    """Once: where no case was closed yet."""
    async with signed_in_as(gate, "adam") as adam:
        if (await adam.search("Task", [("code", f"{CARE}|{case.KIND}"), ("status", "completed")], count=1)).matches:
            return
        numbers = {str(p.organization).partition("/")[2]: p.number for p in adam.programs}
        found = await adam.search("EpisodeOfCare", [("status", "active,finished"), ("_sort", "-date")], count=600)
        placed = [_Placed(s, numbers[s.organization], _began(s.started)) for e in found.resources if (s := levels.stay(e)).organization in numbers and len(s.started) >= 10]
        rng = Random(SEED)  # noqa: S311 - a made-up organization
        since = datetime.combine(today - timedelta(days=DAYS), time(12), NEW_YORK)
        await _write(adam, [_admission(rng, p) for p in placed if p.began > since + timedelta(days=12)] + _lost(rng, [p for p in placed if p.stay.status == "active"], today))
        await _write(adam, await _visits(adam, rng, placed, today))
    async with signed_in_as(gate, "okafor") as okafor:
        await _write(okafor, await _handoffs(okafor, [p for p in placed if p.stay.status == "active"], today))


def _began(text: str) -> datetime:
    """When a stay began; at ten, where only its day is told."""
    return datetime.fromisoformat(text) if len(text) > 10 else datetime.combine(date.fromisoformat(text), time(10), NEW_YORK)


async def _write(access: Access, changes: list[Change]) -> None:
    for first in range(0, len(changes), _AT_ONCE):
        await access.write(changes[first : first + _AT_ONCE], action="import")


def _note(at: datetime, who: str, text: str) -> dict[str, Any]:
    return {"time": at.isoformat(timespec="seconds"), "authorString": who, "text": text}


def _task(kind: str, p: _Placed, begun: datetime, stage: tuple[str, str], status: str, notes: list[dict[str, Any]], **more: Any) -> Change:
    id_ = new_id()
    resource = {
        "resourceType": "Task", "id": id_, "status": status, "intent": "order", "priority": "routine", "code": concept(kind, "Admission" if kind == case.KIND else "Hand-off"), "for": ref("Patient", p.stay.patient),
        "authoredOn": begun.isoformat(timespec="seconds"), "lastModified": str(notes[-1]["time"]), "businessStatus": concept(*stage), "note": notes, **more,
    }  # fmt: skip
    return Change("create", "Task", id_, resource, program=p.program)


def _case(rng: Random, p: _Placed, begun: datetime, steps: list[tuple[datetime, str, str]]) -> Change:
    stages = case.stages()
    notes = [_note(at, "Adam Brooks", f"{stages[code].title}. {text}".removesuffix(". ")) for at, code, text in steps]
    last = stages[steps[-1][1]]
    said = [("level", p.stay.level), ("program", str(p.program)), ("began", "inquiry")]
    return _task(case.KIND, p, begun, (f"stage.{last.code}", last.title), last.ended, notes, focus=ref("EpisodeOfCare", p.stay.id),
                 input=[{"type": concept(code, code.title()), "valueString": value} for code, value in said if value])  # fmt: skip


def _admission(rng: Random, p: _Placed) -> Change:
    """The way of somebody who came: called some days before the stay began."""
    days = rng.choice((1, 2, 3, 4, 6, 9, 11))
    begun = p.began - timedelta(days=days, hours=rng.randrange(5))
    between = sorted(begun + (p.began - begun) * rng.uniform(0.1, 0.95) for _ in range(rng.choice((1, 2, 3))))
    codes = ("pre-screen", "benefits", "ready")
    return _case(rng, p, begun, [*((at, code, "") for at, code in zip(between, codes, strict=False)), (p.began, "admitted", "")])


def _lost(rng: Random, placed: list[_Placed], today: date) -> list[Change]:
    """People who are in one program and had asked for another before: it came to nothing."""
    found = []
    for p, (code, words) in zip(rng.sample(placed, min(len(placed), 9 * len(_LOST))), _LOST * 9, strict=False):
        begun = datetime.combine(today - timedelta(days=rng.randrange(14, DAYS)), time(rng.randrange(9, 17), 20), NEW_YORK)
        found.append(_case(rng, p, begun, [(begun + timedelta(days=2), "pre-screen", ""), (begun + timedelta(days=rng.randrange(4, 12)), code, words)]))
    return found


async def _visits(access: Access, rng: Random, placed: list[_Placed], today: date) -> list[Change]:
    """Appointments of the last weeks: those of the visits that took place, and some that did not."""
    since = datetime.combine(today - timedelta(days=21), time(), NEW_YORK)
    asked = [("class", "AMB"), ("status", "finished"), ("date", f"ge{since.isoformat()}"), ("date", f"lt{datetime.combine(today, time(), NEW_YORK).isoformat()}")]
    numbers = {(p.stay.patient, p.stay.organization): p.program for p in placed}
    made = []
    for visit in (await access.search("Encounter", asked, count=900)).resources:
        patient, period = id_of(visit.get("subject"), "Patient"), visit.get("period", {})
        program = numbers.get((patient, id_of(visit.get("serviceProvider"), "Organization")))
        if program is None or "end" not in period or rng.random() < 0.5:
            continue
        made.append(_appointment(patient, program, period["start"], period["end"], "fulfilled"))
        if rng.random() < 0.18:
            start, end = (datetime.fromisoformat(period[k]) - timedelta(days=2) for k in ("start", "end"))
            if start > since:
                made.append(_appointment(patient, program, start.isoformat(), end.isoformat(), rng.choice(("noshow", "noshow", "cancelled"))))
    return made


def _appointment(patient: str, program: int, start: str, end: str, status: str) -> Change:
    reason = {"cancelationReason": {"text": "By the client"}} if status == "cancelled" else {}
    resource = {"resourceType": "Appointment", "status": status, "description": "Visit", "start": start, "end": end, "participant": [{"actor": ref("Patient", patient), "status": "accepted"}], **reason}
    id_ = new_id()
    return Change("create", "Appointment", id_, {**resource, "id": id_}, program=program)


async def _handoffs(access: Access, placed: list[_Placed], today: date) -> list[Change]:
    """Hand-offs of the last months: closed, missed, declined, and one without an answer."""
    receivers = [s.id for s in (await access.search("Organization", [("name", "Lakeside")], count=3)).matches]
    changes = []
    for p, (ago, steps) in zip(placed[3:], _HANDOFFS, strict=False):
        at = [datetime.combine(today - timedelta(days=days), time(14, 10), NEW_YORK) for _, days, _ in steps]
        begun = datetime.combine(today - timedelta(days=ago), time(11, 30), NEW_YORK)
        notes = [_note(when, "Chidi Okafor, MD", f"{referral.STEPS[step]}. {words}".removesuffix(". ")) for when, (step, _, words) in zip(at, steps, strict=True)]
        request, last = new_id(), steps[-1][0]
        over = {"reported": ("completed", "completed"), "declined": ("rejected", "revoked")}.get(last, ("in-progress", "active"))
        asked = {"resourceType": "ServiceRequest", "id": request, "status": over[1], "intent": "order", "category": [concept("referral", "Referral")], "code": {"text": "Follow-up within two weeks"},
                 "subject": ref("Patient", p.stay.patient), "authoredOn": begun.isoformat(timespec="seconds"), "performer": [ref("Organization", r) for r in receivers[:1]]}  # fmt: skip
        due = {"restriction": {"period": {"end": (clock.now() + timedelta(days=1)).isoformat(timespec="milliseconds")}}} if over[0] == "in-progress" else {}
        changes += [Change("create", "ServiceRequest", request, asked, program=p.program), _task(
            referral.KIND, p, begun, (f"handoff.{last}", referral.STEPS[last]), over[0], notes, focus=ref("ServiceRequest", request), owner={"reference": access.caller.agent or ""},
            reasonCode={"text": "Follow-up within two weeks"}, input=[{"type": concept("recipient", "Recipient"), "valueReference": ref("Organization", r)} for r in receivers[:1]], **due,
        )]  # fmt: skip
    return changes
