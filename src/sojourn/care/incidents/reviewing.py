"""Review a report: correct, prove, find the cause, give out actions, sign off; each leaves a trace."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, NamedTuple

from sojourn.base import errors
from sojourn.care import policies
from sojourn.care.incidents import clocks
from sojourn.care.incidents.model import FACTORS, HARM, LONGEST, TYPES, Incident, unpacked
from sojourn.care.staffing import zones
from sojourn.gate import incidents
from sojourn.gate.incidents import CLOSED, SENT, Report

if TYPE_CHECKING:
    from sojourn.gate.access import Access

ACTS = {
    "sent": "Sent", "corrected": "Corrected", "told": "Notification made", "waived": "Notification does not have to be made", "cause": "Cause written down", "committee": "Committee's findings",
    "signed": "Signed off", "closed": "Closed", "reopened": "Opened again", "escalated": "Missed deadline: people were told",
}  # fmt: skip
WORDS = {
    "kind": "Type", "harm": "Harm", "happened": "When", "learned": "When it was learned", "place": "Where", "program": "Program", "state": "State", "what": "What happened", "done": "What was done at once",
    "witnesses": "Witnesses", "clients": "Clients", "staff": "Colleagues", "about": "Whom it is about", "minor": "A minor", "people": "How many people", "notices": "Notifications", "told": "Who was told",
    "cause": "Cause", "factors": "What contributed", "committee": "Committee",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """A report with what stands in it and what has to be done about it."""

    report: Report
    incident: Incident
    actions: tuple[Todo, ...] = ()


class Todo(NamedTuple):
    """A corrective action, opened. said: what its owner wrote when it was done."""

    action: incidents.Action
    what: str
    said: str

    @property
    def open(self) -> bool:
        """Whether it still has to be done."""
        return self.action.state == "open"


def todo(action: incidents.Action) -> Todo:
    """An action with its words."""
    raw = json.loads(action.body)
    return Todo(action, str(raw["what"]), str(raw.get("said", "")))


async def open_(access: Access, id_: str) -> Case:
    """One report. Raises NotFound."""
    report = await incidents.one(access, id_)
    return Case(report, unpacked(report.body), tuple(todo(a) for a in await incidents.actions(access, id_)))


async def every(access: Access, since: datetime | None = None) -> list[Case]:
    """Reports that the caller may open, the one with the next deadline first; without a moment those that are open."""
    found = [Case(r, unpacked(r.body)) for r in await incidents.every(access, since)]
    return sorted(found, key=lambda c: (c.incident.next_due() is None, c.incident.next_due() or c.report.reported, c.report.id))


async def _save(access: Access, case: Case, after: Incident, act: str, *, state: str = "") -> None:
    about = after.about if after.about != case.incident.about else None
    if about is not None and (access.caller.agent or "-") in about:
        raise errors.Malformed("A report that is about you is reviewed by somebody else. Ask them to write this down.")
    await incidents.change(access, case.report, after.packed(), act, about=about, program=after.program, privacy=after.kind == "privacy", state=state)


def _open(case: Case) -> None:
    if case.report.state == CLOSED:
        raise errors.Malformed("The report is closed. Open it again to change it.")


def seen(case: Case, stamp: str) -> Case:
    """The case as its page showed it, so that nobody overwrites what they did not see."""
    return replace(case, report=case.report._replace(stamp=stamp or case.report.stamp))


async def correct(access: Access, case: Case, **more: object) -> None:
    """Correct what was reported; what was stays as a version. Notifications follow from the new facts. Raises Malformed, VersionConflict."""
    _open(case)
    after = replace(case.incident, **more)  # type: ignore[arg-type]
    if after.kind not in TYPES or after.harm not in HARM or not after.what.strip():
        raise errors.Malformed("A report says what it was, how much harm there was, and what happened.")
    after = replace(after, notices=clocks.notices(after, await policies.of(access), zones.of_program(access, after.program)))
    if after != case.incident:
        await _save(access, case, after, "corrected")


async def told(access: Access, case: Case, key: str, at: datetime, whom: str, how: str, reference: str) -> None:
    """A notification was made: when, to whom, how, and under which number. Raises Malformed without a name or before it happened."""
    _open(case)
    notice = _notice(case, key)
    if not whom.strip() or not how.strip():
        raise errors.Malformed("A notification is proved by whom you reached, and how.")
    if at > access.now or at < datetime.fromisoformat(case.incident.happened):
        raise errors.Malformed("It was made after the incident and not later than now.")
    await _save(access, case, case.incident.with_notice(notice, done=at.isoformat(), whom=whom.strip()[:200], how=how.strip()[:200], reference=reference.strip()[:200], by=access.caller.name, waived=""), "told")


async def waive(access: Access, case: Case, key: str, why: str) -> None:
    """A notification does not have to be made, and why not. Raises Malformed without a reason."""
    _open(case)
    if not why.strip():
        raise errors.Malformed("Say why it does not have to be made.")
    await _save(access, case, case.incident.with_notice(_notice(case, key), waived=why.strip()[:1000], by=access.caller.name), "waived")


def _notice(case: Case, key: str) -> str:
    if not any(n.key == key and n.open for n in case.incident.notices):
        raise errors.Malformed("This notification was answered already.")
    return key


async def find_cause(access: Access, case: Case, text: str, factors: tuple[str, ...]) -> None:
    """Write down why it happened."""
    _open(case)
    if not text.strip():
        raise errors.Malformed("Say in a few words why it happened.")
    await _save(access, case, replace(case.incident, cause=text.strip()[:LONGEST], factors=tuple(f for f in factors if f in FACTORS)), "cause")


async def give(access: Access, case: Case, what: str, owner: str, due: date, *, name: str) -> None:
    """Give somebody a corrective action: a Practitioner, by a day. Raises Malformed."""
    _open(case)
    if not what.strip() or not owner.startswith("Practitioner/"):
        raise errors.Malformed("An action says what is to be done, and by whom.")
    if owner in case.incident.about:
        raise errors.Malformed("An action is given to somebody whom the report is not about: who has one learns of it.")
    if due < access.today:
        raise errors.Malformed("Choose a day that is not over.")
    await incidents.add_action(access, case.report.id, owner, due, json.dumps({"what": what.strip()[:4000]}).encode(), name=name)


async def do(access: Access, action: str, said: str) -> None:
    """Its owner has done an action, and says how. Raises Malformed, NotFound."""
    found = await incidents.my_action(access, action)
    if not said.strip():
        raise errors.Malformed("Say in a sentence what was done.")
    if found.state == "open":
        body = json.dumps({**json.loads(found.body), "said": said.strip()[:4000], "by": access.caller.name, "at": access.now.isoformat()}).encode()
        await incidents.do_action(access, found, body, "done")


async def meet(access: Access, case: Case, said: Mapping[str, str]) -> None:
    """What the committee found and decided. Raises Malformed."""
    _open(case)
    access.require("committee", "Incident")
    words = {name: said.get(name, "").strip()[:LONGEST] for name in ("met", "members", "found", "decided")}
    if not all(words.values()):
        raise errors.Malformed("Write down when the committee met, who was there, what it found, and what it decided.")
    await _save(access, case, replace(case.incident, committee=words), "committee")


async def sign_off(access: Access, case: Case) -> None:
    """The committee's signature, with a fresh proof of who signs; the report is closed with it.

    Raises ProofNeeded, Forbidden, Malformed while notifications are open or nothing was found.
    """
    _open(case)
    access.require("committee", "Incident")
    if missing := unfinished(case):
        raise errors.Malformed(" ".join(missing))
    await access.require_fresh()
    committee = {**case.incident.committee, "signed": access.caller.name, "signed_at": access.now.isoformat()}
    await _save(access, case, replace(case.incident, committee=committee), "signed", state=CLOSED)


def unfinished(case: Case) -> list[str]:
    """What is open before the committee signs off."""
    said = []
    if any(n.open for n in case.incident.notices):
        said.append("A notification is open: write down that it was made, or why it does not have to be.")
    if not case.incident.cause:
        said.append("The cause is not written down.")
    if not case.incident.committee.get("decided"):
        said.append("The committee's findings are not written down.")
    return said


async def reopen(access: Access, case: Case, why: str) -> None:
    """Open a closed report again; the signature stands with the version that it was for."""
    access.require("committee", "Incident")
    if not why.strip():
        raise errors.Malformed("Say why it is opened again.")
    committee = {k: v for k, v in case.incident.committee.items() if not k.startswith("signed")} | {"reopened": why.strip()[:1000]}
    await _save(access, case, replace(case.incident, committee=committee), "reopened", state=SENT)


class Trace(NamedTuple):
    """One change: who did what when, and which fields are different."""

    n: int
    who: str
    act: str
    at: datetime
    fields: tuple[str, ...]


async def traces(access: Access, id_: str) -> list[Trace]:
    """What was changed since the report was sent, the newest first."""
    found, made = await incidents.versions(access, id_), []
    before: Incident | None = None
    for version in found:
        now = unpacked(version.body)
        changed = [WORDS[f.name] for f in fields(Incident) if f.name in WORDS and before is not None and getattr(now, f.name) != getattr(before, f.name)]
        made.append(Trace(version.n, version.who, ACTS.get(version.act, version.act), version.at, tuple(changed)))
        before = now
    return made[::-1]


async def with_actions(access: Access, id_: str) -> tuple[Case, list[Trace]]:
    """One report with its traces. Raises NotFound."""
    return await asyncio.gather(open_(access, id_), traces(access, id_))
