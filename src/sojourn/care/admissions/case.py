"""A case: one person who looks for care, from the first call to the admission or another end.

A case is a Task (code `admission`) for the person, about a planned EpisodeOfCare. Its `businessStatus` is the stage; what was ticked off
is in its `output`, what was said in its `note`. Person, episode, sheets and Task belong to the program that is asked for, so that a lead of
a Part 2 program is under Part 2 from its first minute (42 CFR 2.11: who has applied for treatment is a patient).
"""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from sojourn.base import errors
from sojourn.base.digits import digits
from sojourn.care import levels, tasks
from sojourn.care.resources import CARE, code_of, concept, id_of, moment
from sojourn.gate.access import Access
from sojourn.gate.changes import Change

KIND: Final = "admission"
NEEDS: Final = (("Task", "search"), ("EpisodeOfCare", "search"), ("QuestionnaireResponse", "search"))
"""What a role must allow to see cases."""
tasks.LISTED[KIND] = NEEDS
WRITES: Final = (*NEEDS, ("Task", "update"), ("EpisodeOfCare", "update"))
_STAGE = "stage."
_INPUT_LEVEL, _INPUT_PROGRAM, _BEGAN = "level", "program", "began"
ON_BOARD: Final = ("requested", "accepted", "in-progress", "on-hold")


class Stage(NamedTuple):
    """A place on the board. ended: the status of a Task that is over there, or ''."""

    code: str
    title: str
    ended: str


@lru_cache(maxsize=1)
def stages() -> dict[str, Stage]:
    """Every stage, in the order of the board."""
    rows = tomllib.loads((Path(__file__).parent / "stages.toml").read_text("utf-8"))["stage"]
    return {row["code"]: Stage(row["code"], row["title"], row.get("ended", "")) for row in rows}


class Case(NamedTuple):
    """A case, read. program: number of the program that is asked for, 0 if it does not say; ticks: item -> (how, by whom)."""

    id: str
    patient: str
    episode: str
    stage: Stage
    level: str
    program: int
    owner: str
    status: str
    due: str
    begun: str
    changed: str
    priority: str
    ticks: dict[str, tuple[str, str]]
    notes: tuple[tuple[str, str, str], ...]
    version: str
    task: dict[str, Any]
    first: str = "inquiry"
    """The stage that it began with."""

    @property
    def open(self) -> bool:
        """Whether it is on the board."""
        return self.status in ON_BOARD


def read(stored: Any) -> Case:
    """The case that a stored Task is. Raises NotFound for any other Task."""
    if code_of(stored.resource.get("code")) != KIND:
        raise errors.NotFound("There is no such case.")
    return of_task(stored.resource, stored.version)


def of_task(task: dict[str, Any], version: str = "") -> Case:
    """A Task of this kind, read."""
    said = {code_of(i.get("type")): str(i.get("valueString", "")) for i in task.get("input", ())}
    ticks = {code_of(o.get("type")): _tick(o) for o in task.get("output", ())}
    stage = stages().get(code_of(task.get("businessStatus")).removeprefix(_STAGE)) or stages()["inquiry"]
    program = said.get(_INPUT_PROGRAM, "")
    return Case(
        str(task["id"]), id_of(task.get("for"), "Patient"), id_of(task.get("focus"), "EpisodeOfCare"), stage, said.get(_INPUT_LEVEL, ""), int(program) if digits(program) else 0,
        str(task.get("owner", {}).get("reference", "")), str(task["status"]), str(task.get("restriction", {}).get("period", {}).get("end", "")), str(task.get("authoredOn", "")),
        str(task.get("lastModified", "")), str(task.get("priority", "routine")), ticks,
        tuple((str(n.get("time", "")), str(n.get("authorString", "")), str(n.get("text", ""))) for n in task.get("note", ())), version, task,
        said[_BEGAN] if said.get(_BEGAN) in stages() else "inquiry",
    )  # fmt: skip


def _tick(output: dict[str, Any]) -> tuple[str, str]:
    how, _, who = str(output.get("valueString", "")).partition("|")
    return how, who


def begun(access: Access, *, id_: str, patient: str, episode: str, stage: str, level: str, program: int | None, owner: str | None, due: Any, urgent: bool, note: str) -> Change:
    """A new case as a change. due: when the next step is due, a datetime or None."""
    change = tasks.new(
        access, KIND, "Admission", patient=patient, owner=owner, role=None if owner else "admissions", due=due, focus=f"EpisodeOfCare/{episode}",
        priority="urgent" if urgent else "routine", program=program, id_=id_,
    )  # fmt: skip
    assert change.resource is not None  # noqa: S101 - a create has one
    change.resource |= {
        "businessStatus": concept(_STAGE + stage, stages()[stage].title),
        "input": [{"type": concept(_INPUT_LEVEL, "Level of care"), "valueString": level}, *([{"type": concept(_INPUT_PROGRAM, "Program"), "valueString": str(program)}] if program else []),
                  {"type": concept(_BEGAN, "Stage at the beginning"), "valueString": stage}],
    }  # fmt: skip
    if stages()[stage].ended:
        change.resource["status"] = stages()[stage].ended
    if note:
        change.resource["note"] = [_note(access, note)]
    return change


def _note(access: Access, text: str) -> dict[str, Any]:
    return {"time": moment(access), "authorString": access.caller.name, "text": text}


def saying(access: Access, case: Case, text: str, **changed: Any) -> Change:
    """The case with one more note ('' for none), as a change made from the version that was read."""
    notes = {"note": [*case.task.get("note", ()), _note(access, text)]} if text else {}
    task = {**case.task, **notes, "lastModified": max(moment(access), case.begun), **changed}
    return Change("update", "Task", case.id, task, if_match=case.version)


def moving(access: Access, case: Case, stage: str, note: str, *, due: str = "") -> list[Change]:
    """Move a case on the board. Raises Malformed for a stage that there is not, or an end without a reason."""
    to = stages().get(stage)
    if to is None:
        raise errors.Malformed("Choose where the case stands now.")
    if to.ended and stage != "admitted" and not note.strip():
        raise errors.Malformed("Say why the case ends: it is what tells us later why people did not come.")
    changed: dict[str, Any] = {"businessStatus": concept(_STAGE + stage, to.title), "status": to.ended or ("on-hold" if stage == "waitlist" else "in-progress")}
    if due:
        changed["restriction"] = {"period": {"end": due}}
    said = f"{to.title}. {note}".strip() if note else to.title
    return [saying(access, case, said, **changed)]


async def board(access: Access, *, count: int = 300) -> list[tuple[Case, dict[str, Any]]]:
    """The open cases with their people, as far as the caller may see them, the oldest change first. One search."""
    found = await access.search("Task", [("code", f"{CARE}|{KIND}"), ("status", ",".join(ON_BOARD)), ("_include", "Task:patient")], count=count)
    people = {stored.id: stored.resource for stored in found.included if stored.type == "Patient"}
    cases = [read(stored) for stored in found.matches]
    return sorted(((c, people.get(c.patient, {})) for c in cases), key=lambda pair: _urgency(pair[0]))


async def waiting(access: Access, *, count: int = 100) -> list[Case]:
    """The open cases alone, in the same order."""
    found = await tasks.listed(access, KIND, also=("on-hold",))
    if found is None:
        found = (await access.search("Task", [("code", f"{CARE}|{KIND}"), ("status", ",".join(ON_BOARD))], count=count)).matches
    return sorted((read(stored) for stored in found[:count]), key=_urgency)


def _urgency(case: Case) -> tuple[bool, str, str, str]:
    return case.priority != "urgent", case.due or "9", case.begun, case.id


async def of_person(access: Access, patient: str) -> list[Case]:
    """The open cases of one person."""
    found = await access.search("Task", [("code", f"{CARE}|{KIND}"), ("patient", patient), ("status", ",".join(ON_BOARD))], count=10)
    return [read(stored) for stored in found.matches]


async def one(access: Access, id_: str) -> Case:
    """One case. Raises NotFound, also for what may not be seen."""
    return read(await access.read("Task", id_))


async def stay_of(access: Access, case: Case) -> tuple[levels.Stay, str]:
    """The planned stay of a case, and its version."""
    stored = await access.read("EpisodeOfCare", case.episode)
    return levels.stay(stored.resource), stored.version


async def assign(access: Access, case: Case, owner: str) -> None:
    """Say who has to see to a case. Raises VersionConflict."""
    await access.write([saying(access, case, "Given to somebody else.", owner={"reference": owner})], action="admission")


async def move(access: Access, case: Case, stage: str, note: str, *, due: str = "") -> None:
    """Move a case on the board, or end it. Whoever is admitted goes through `admitting`. Raises Malformed, VersionConflict."""
    if stage == "admitted":
        raise errors.Malformed("Somebody is admitted with the checklist.")
    changes = moving(access, case, stage, note, due=due)
    if stages()[stage].ended or stage == "waitlist":
        stored = await access.read("EpisodeOfCare", case.episode)
        status = "waitlist" if stage == "waitlist" else "cancelled"
        changes.append(Change("update", "EpisodeOfCare", case.episode, {**stored.resource, "status": status}, if_match=stored.version))
    await access.write(changes, action="admission")
