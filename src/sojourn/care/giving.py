"""Give a task to somebody else, put it off, set its day, comment on it: each kept in the task."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sojourn.base import errors
from sojourn.care import tasks
from sojourn.care.messages import addressing
from sojourn.care.resources import id_of, moment
from sojourn.gate import messages, seeing
from sojourn.gate.changes import Change
from sojourn.gate.preparing import instant

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.found import Stored
    from sojourn.gate.messages import Colleague

LONGEST = timedelta(days=60)
"""For how long a task can be put off at once."""


def _note(access: Access, task: Mapping[str, Any], text: str) -> list[Any]:
    said: dict[str, Any] = {"time": moment(access), "text": text.strip()[:2000]}
    said |= {"authorReference": {"reference": access.caller.agent}} if access.caller.agent else {"authorString": access.caller.name}
    return [*task.get("note", ()), said]


async def _open(access: Access, id_: str) -> Stored:
    stored = await access.read("Task", id_)
    if stored.resource["status"] not in tasks.OPEN:
        raise errors.Malformed("It is ended already.")
    return stored


async def _write(access: Access, stored: Stored, changed: dict[str, Any]) -> None:
    modified = max(moment(access), str(stored.resource.get("authoredOn", "")))
    await access.write([Change("update", "Task", stored.id, {**changed, "lastModified": modified}, if_match=stored.version)], action="task")


async def find(access: Access, task: Mapping[str, Any], words: str) -> list[Colleague]:
    """Colleagues whose names begin so, who may see the task and whom it is about; who may not is as one who is not there."""
    colleagues = [c for c in await messages.directory(access) if c.agent and c.account != access.caller.account]
    wanted = words.casefold().replace(",", " ").split()
    fits = [c for c in colleagues if wanted and all(any(part.startswith(w) for part in c.name.casefold().replace(",", " ").split()) for w in wanted)][: addressing.FOUND]
    return await _may(access, task, fits)


async def _may(access: Access, task: Mapping[str, Any], people: list[Colleague]) -> list[Colleague]:
    names = [f"Task/{task['id']}"]
    patient = id_of(task.get("for"), "Patient")
    if patient:
        about = await addressing.about(access, patient)
        return await messages.reachable(access, people, patient, about.program, about.known, about.team, names)
    sights = await seeing.sights(access, {c.agent for c in people}, names, None, "Task")
    return [c for c in people if sights.get(c.agent, seeing.Sight()).sees]


async def give(access: Access, id_: str, account: str, why: str, *, keep: bool) -> None:
    """Give a task to a colleague. keep: whether the giver still asks after it (delegated) or is rid of it (reassigned).

    Raises Malformed, in the same words for somebody who is not there and for one who may not see it; NotFound, VersionConflict.
    """
    stored = await _open(access, id_)
    person = next((c for c in await messages.directory(access) if c.account == account and c.agent), None)
    if person is None or not await _may(access, stored.resource, [person]):
        raise errors.Malformed("There is nobody of this name to whom this can be given.")
    if not why.strip():
        raise errors.Malformed("Say why, or what they have to know.")
    changed = {k: v for k, v in stored.resource.items() if k not in ("performerType", "businessStatus")}
    changed |= {"owner": {"reference": person.agent}, "status": "requested", "note": _note(access, stored.resource, f"Given to {person.name}: {why.strip()}")}
    if keep and access.caller.agent:
        changed |= {"requester": {"reference": access.caller.agent}, "businessStatus": {"text": tasks.DELEGATED}}
    await _write(access, stored, changed)


async def put_off(access: Access, id_: str, until: datetime, why: str) -> None:
    """Put a task off until a moment; it is on no list before. Raises Malformed without a reason, past its day, or for what cannot wait."""
    stored = await _open(access, id_)
    work = tasks.read(stored.resource)
    if work is None or work.priority in ("stat", "asap"):
        raise errors.Malformed("This cannot be put off. Give it to somebody who has the time.")
    if not why.strip():
        raise errors.Malformed("Say why it can wait.")
    if not access.now < until <= access.now + LONGEST:
        raise errors.Malformed(f"Choose a day within the next {LONGEST.days} days.")
    if work.due is not None and until > work.due:
        raise errors.Malformed("It is due before that day. Change the day by which it is due, if that is right.")
    restriction = dict(stored.resource.get("restriction", {}))
    restriction["period"] = {"start": instant(until), **{k: v for k, v in restriction.get("period", {}).items() if k == "end"}}
    await _write(access, stored, {**stored.resource, "restriction": restriction, "note": _note(access, stored.resource, f"Put off until {until.date().isoformat()}: {why.strip()}")})


async def set_due(access: Access, id_: str, due: datetime, why: str) -> None:
    """Another day by which it is due. Raises Malformed without a reason."""
    stored = await _open(access, id_)
    if not why.strip():
        raise errors.Malformed("Say why the day changes.")
    if due <= access.now:
        raise errors.Malformed("Choose a day that is not over.")
    restriction = dict(stored.resource.get("restriction", {}))
    restriction["period"] = {k: v for k, v in restriction.get("period", {}).items() if k == "start"} | {"end": instant(due)}
    if "start" in restriction["period"] and datetime.fromisoformat(restriction["period"]["start"]) > due:
        del restriction["period"]["start"]
    await _write(access, stored, {**stored.resource, "restriction": restriction, "note": _note(access, stored.resource, f"Due {due.date().isoformat()}: {why.strip()}")})


async def comment(access: Access, id_: str, text: str) -> None:
    """Say something about it. Raises Malformed for nothing."""
    stored = await _open(access, id_)
    if not text.strip():
        raise errors.Malformed("Write what you want to say.")
    await _write(access, stored, {**stored.resource, "note": _note(access, stored.resource, text)})


async def given(access: Access) -> list[tasks.Work]:
    """Open tasks that the caller gave to others and still asks after, the next due first. One search."""
    if not access.caller.agent:
        return []
    answer = await access.search("Task", [("requester", access.caller.agent), ("status", ",".join(tasks.OPEN))], count=100)
    works = [w for t in answer.resources if (w := tasks.read(t)) is not None]
    return tasks.ordered(w for w in works if w.giver == access.caller.agent and w.owner != access.caller.agent)
