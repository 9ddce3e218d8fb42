"""Work that waits for somebody: FHIR Tasks, made and ended with what they are about.

https://hl7.org/fhir/R4/task.html

A task names no client and no finding in its words: whoever may open the chart finds them there. Who may not see the client does not
see the task either, as with every other record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sojourn.base import errors
from sojourn.care.resources import CARE, code_of, id_of, moment, ref
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id
from sojourn.gate.found import Stored
from sojourn.gate.preparing import instant

ROLE = "https://sojourn.example/fhir/CodeSystem/role"
"""Names of roles, for tasks that anybody of a role may take."""
OPEN = ("requested", "accepted", "in-progress")
DELEGATED = "delegated"
"""In the business status of a task whose giver still asks after it."""
_AT_ONCE = 300


class Work(NamedTuple):
    """A task as screens need it. owner: a reference, or ''. due: None if it has no day. focus: what it is about, `Type/id`, or ''."""

    id: str
    kind: str
    text: str
    patient: str
    owner: str
    role: str
    due: datetime | None
    focus: str
    priority: str
    status: str
    why: str
    authored: str
    sleeps: datetime | None = None
    """Until when it was put off."""
    giver: str = ""
    """Who gave it to its owner and still asks after it, a reference, or ''."""

    def asleep(self, now: datetime) -> bool:
        """Whether it was put off and its day has not come."""
        return self.sleeps is not None and self.sleeps > now

    def late(self, now: datetime) -> bool:
        """Whether its time is over."""
        return self.due is not None and self.due < now


def new(access: Access, kind: str, text: str, *, patient: str | None = None, owner: str | None = None, role: str | None = None, due: datetime | None = None,
        focus: str | None = None, priority: str = "routine", why: str = "", program: int | None = None, id_: str | None = None) -> Change:  # fmt: skip
    """A task as a change, to be written with what causes it.

    kind: a code of CARE. text: neutral words. owner: a reference to who has to do it; role: who may take it, where nobody has to.
    priority: routine, urgent, asap or stat. why: for those who may read the task. Raises ValueError without an owner and a role.
    """
    if not owner and not role:
        raise ValueError("A task needs an owner or a role: what nobody has to do is not done.")
    task: dict[str, Any] = {
        "resourceType": "Task", "status": "requested", "intent": "order", "priority": priority,
        "code": {"coding": [{"system": CARE, "code": kind}], "text": text}, "description": text,
        "authoredOn": moment(access), "lastModified": moment(access),
    }  # fmt: skip
    if patient:
        task["for"] = ref("Patient", patient)
    if focus:
        task["focus"] = {"reference": focus}
    if owner:
        task["owner"] = {"reference": owner}
    if role:
        task["performerType"] = [{"coding": [{"system": ROLE, "code": role}]}]
    if access.caller.agent:
        task["requester"] = {"reference": access.caller.agent}
    if due:
        task["restriction"] = {"period": {"end": instant(due)}}
    if why:
        task["reasonCode"] = {"text": why}
    return Change("create", "Task", id_ or new_id(), task, program=program)


def read(task: dict[str, Any]) -> Work | None:
    """The work that a Task is; None for Tasks that are none of ours."""
    kind = code_of(task.get("code"))
    if not kind:
        return None
    role = next((code_of(p, ROLE) for p in task.get("performerType", ())), "")
    period = task.get("restriction", {}).get("period", {})
    end, start = str(period.get("end", "")), str(period.get("start", ""))
    given = task.get("businessStatus", {}).get("text") == DELEGATED
    return Work(
        str(task["id"]), kind, str(task.get("description") or task["code"].get("text", "")), id_of(task.get("for"), "Patient"), str(task.get("owner", {}).get("reference", "")),
        role, datetime.fromisoformat(end) if len(end) > 10 else None, str(task.get("focus", {}).get("reference", "")), str(task.get("priority", "routine")),
        str(task["status"]), str(task.get("reasonCode", {}).get("text", "")), str(task.get("authoredOn", "")), datetime.fromisoformat(start) if len(start) > 10 else None,
        str(task.get("requester", {}).get("reference", "")) if given else "",
    )  # fmt: skip


async def mine(access: Access, *, kinds: Sequence[str] = ()) -> list[Work]:
    """Open work for the caller or for whoever has their role, the next due first. Two searches; one for somebody without a reference.

    What is asked does not depend on the kinds, so that all sections of a page ask the same, once (gate/together.py); only whoever has
    more work than is read at once is asked for the kinds.
    """
    wanted = [[("owner", access.caller.agent)]] if access.caller.agent else []
    wanted.append([("performer", f"{ROLE}|{access.caller.role}"), ("owner:missing", "true")])
    of_kind = [_codes(kinds)]
    found: dict[str, Work] = {}
    for works in await asyncio.gather(*(_open(access, [*params, ("status", ",".join(OPEN))], of_kind if kinds else []) for params in wanted)):
        found |= {work.id: work for work in works if not kinds or work.kind in kinds}
    return ordered(work for work in found.values() if not work.asleep(access.now))


async def _open(access: Access, params: list[tuple[str, str]], of_kind: list[tuple[str, str]]) -> list[Work]:
    answer = await access.search("Task", params, count=_AT_ONCE)
    if answer.next is not None and of_kind:
        answer = await access.search("Task", [*params, *of_kind], count=_AT_ONCE)
    return [work for task in answer.resources if (work := read(task)) is not None]


def _codes(kinds: Iterable[str]) -> tuple[str, str]:
    return ("code", ",".join(f"{CARE}|{kind}" for kind in kinds))


LISTED: dict[str, tuple[tuple[str, str], ...]] = {}
"""Kinds of which a section lists what is open, whoever has to do it, and what a role needs for that list. Rooms add theirs."""


async def listed(access: Access, kind: str, *, also: Sequence[str] = ()) -> list[Stored] | None:
    """Open tasks of a kind of LISTED, of everybody whom the caller may see, in the order of their making. also: statuses that are open, too.

    One search for all kinds whose lists the role has, so that a page asks once. None: there are more than are read at once, or the role
    has no such list; then whoever asks does so for this kind alone.
    """
    kinds = sorted(name for name, needs in LISTED.items() if all(access.may(*need) for need in needs))
    if kind not in kinds:
        return None
    answer = await access.search("Task", [_codes(kinds), ("status", ",".join((*OPEN, "on-hold")))], count=_AT_ONCE)
    if answer.next is not None:
        return None
    return [s for s in answer.matches if code_of(s.resource.get("code")) == kind and s.resource["status"] in (*OPEN, *also)]


ABOUT: dict[str, tuple[tuple[str, str], ...]] = {}
"""Kinds of which a section shows what they are about, too, and what a role needs for that section. Rooms add theirs."""
_INCLUDED = 1000


async def about(access: Access, kind: str, *, taken: bool = False) -> tuple[list[Stored], list[Stored]] | None:
    """Open tasks of a kind of ABOUT for the caller or their role, the first authored first, and what they are about as far as it is shown.

    taken: also those of the role that have an owner. Two searches for all kinds whose sections the role has, so that a page asks once.
    None: there is more than is read at once, or the role has no such section; then whoever asks does so for this kind alone.
    """
    kinds = sorted(name for name, needs in ABOUT.items() if all(access.may(*need) for need in needs))
    if kind not in kinds:
        return None
    role = (ROLE, access.caller.role)
    wanted = [[("owner", access.caller.agent)]] if access.caller.agent else []
    wanted.append([("performer", "|".join(role))])
    same = [_codes(kinds), ("status", ",".join(OPEN)), ("_include", "Task:focus")]
    found = await asyncio.gather(*(access.search("Task", [*params, *same], count=_AT_ONCE) for params in wanted))
    if any(answer.next is not None or len(answer.included) >= _INCLUDED for answer in found):
        return None
    matches = {s.id: s for answer in found for s in answer.matches if code_of(s.resource.get("code")) == kind}
    mine_ = [s for s in matches.values() if taken or "owner" not in s.resource or s.resource["owner"].get("reference") == access.caller.agent]
    return sorted(mine_, key=lambda s: str(s.resource.get("authoredOn", ""))), [s for answer in found for s in answer.included]


async def of_patient(access: Access, patient: str, *, kinds: Sequence[str] = (), count: int = 100) -> list[Work]:
    """Open work about one client, whoever has to do it, the next due first."""
    of_kind = [_codes(kinds)] if kinds else []
    answer = await access.search("Task", [("patient", patient), ("status", ",".join(OPEN)), *of_kind], count=count)
    return ordered(work for task in answer.resources if (work := read(task)) is not None)


def ordered(works: Any) -> list[Work]:
    """The next due first; what has no day after all that has."""
    return sorted(works, key=lambda w: (w.due is None, w.due.isoformat() if w.due else "", w.authored, w.id))


async def claim(access: Access, id_: str) -> None:
    """Take a task that waits for a role. Raises Conflict if somebody else has it, NotFound."""
    stored = await access.read("Task", id_)
    task = stored.resource
    if not access.caller.agent:
        raise errors.Forbidden("Only a person can take a task.")
    if task.get("owner", {}).get("reference") not in (None, access.caller.agent):
        raise errors.Conflict("Somebody else has taken this.")
    taken = {**task, "owner": {"reference": access.caller.agent}, "status": "accepted", "lastModified": _modified(access, task)}
    await access.write([Change("update", "Task", id_, taken, if_match=stored.version)], action="task")


def _modified(access: Access, task: dict[str, Any]) -> str:
    """Now, but never before it was made (invariant inv-1): clocks of two servers may differ."""
    return max(moment(access), str(task.get("authoredOn", "")))


async def finish(access: Access, id_: str, note: str, *, status: str = "completed") -> None:
    """End a task: completed, cancelled or rejected. What is ended already stays as it is. Raises NotFound."""
    stored = await access.read("Task", id_)
    if stored.resource["status"] in OPEN:
        await access.write([finishing(access, stored.resource, note, status=status, if_match=stored.version)], action="task")


def finishing(access: Access, task: dict[str, Any], note: str, *, status: str = "completed", if_match: str | None = None) -> Change:
    """The end of a task as a change, to be written with what ends it."""
    ended = {**task, "status": status, "lastModified": _modified(access, task)}
    if note:
        said = {"time": moment(access), "text": note, **({"authorReference": {"reference": access.caller.agent}} if access.caller.agent else {"authorString": access.caller.name})}
        ended["note"] = [*task.get("note", ()), said]
    return Change("update", "Task", str(task["id"]), ended, if_match=if_match)
