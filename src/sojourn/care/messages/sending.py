"""Send a message, answer it, hand it on, and make a task of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sojourn.base import errors
from sojourn.care import tasks
from sojourn.care.messages import addressing
from sojourn.gate import messages

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.messages import Thread

TASK = "message-task"
LINKS = {"DocumentReference": "/patients/{patient}/notes/{id}", "QuestionnaireResponse": "/patients/{patient}/forms/answers/{id}", "CarePlan": "/patients/{patient}/plan/{id}", "Task": "/tasks/{id}"}
"""What of a chart a message may point at, and where it is read. Each of these pages asks the gate again."""
_SUBJECT = 120


async def send(access: Access, key: str, about: addressing.About, codes: Sequence[str], subject: str, text: str, *, urgent: bool, link: str = "") -> str:
    """Send a message, once for each key of a form; the id of its thread. Raises Malformed, NotFound."""
    words = messages.checked(text)
    people = await addressing.resolve(access, about, codes)
    body: dict[str, Any] = {"subject": subject.strip()[:_SUBJECT] or words.splitlines()[0][:_SUBJECT], "link": await _link(access, about.patient, link), "told": []}
    id_ = access.house.key.derive(f"thread:{access.tenant.number}:{access.caller.account}:{key}", 24).hex()[:32]
    await messages.begin(access, id_, about.number, about.patient, body, words, [c.account for c in people], urgent=urgent)
    return id_


async def _link(access: Access, patient: str, link: str) -> str:
    """A reference to something in the chart of the client, that the sender may read. Raises NotFound, Malformed."""
    type_, _, id_ = link.partition("/")
    if not link:
        return ""
    if type_ not in LINKS or not patient:
        raise errors.Malformed("Choose something from the chart of the client whom this is about.")
    found = (await access.read(type_, id_)).resource
    subject = str((found.get("subject") or found.get("for") or {}).get("reference", ""))
    if subject != f"Patient/{patient}":
        raise errors.NotFound("There is no such thing in this chart.")
    return link


async def linked(access: Access, thread: Thread) -> dict[str, Any] | None:
    """What a message points at, if its reader may see it. One search where there is a link."""
    type_, _, id_ = str(thread.body.get("link", "")).partition("/")
    if type_ not in LINKS or not access.may(type_, "search"):
        return None
    answer = await access.search(type_, [("_id", id_)], count=1)
    return next(iter(answer.resources), None)


async def hand_on(access: Access, thread: Thread, codes: Sequence[str]) -> int:
    """More readers for a thread, of those who may see whom it is about; how many were chosen. Raises Malformed, VersionConflict."""
    about = await addressing.about(access, thread.patient, thread.program)
    program = access.rules.programs.get(thread.program)
    people = await addressing.resolve(access, about._replace(program=program), codes)
    await messages.grow(access, thread, [c.account for c in people], thread.body)
    return len(people)


async def make_task(access: Access, thread: Thread, text: str, owner: str, due: datetime | None, *, name: str) -> None:
    """A task of it, in the record: for a colleague who reads the thread, or the caller; about whom the thread is about. Raises Malformed."""
    if not text.strip():
        raise errors.Malformed("Say in a few words what has to be done.")
    _, readers = await messages.read(access, thread)
    who = owner if owner in {m.agent for m in readers if m.agent} else access.caller.agent or ""
    if not who:
        raise errors.Malformed("A task needs somebody who does it.")
    id_ = access.house.key.derive(f"task-of:{thread.id}:{access.caller.account}:{name}", 24).hex()[:32]
    change = tasks.new(access, TASK, text.strip()[:200], patient=thread.patient or None, owner=who, due=due, program=thread.program or None, id_=id_)
    try:
        await access.write([change], action="task")
    except errors.Conflict:
        return  # made a moment ago
