"""The Task of a result: it stands until a person writes what was done about it.

The task names the result and the versions that it was asked for, and holds nothing of what the result says. What happened on the way of
a critical one (who was told, who was passed over) is kept in it as on the risk path.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sojourn.care import tasks
from sojourn.care.policies import Policies
from sojourn.care.resources import CARE, code_of, concept
from sojourn.care.results.model import ABNORMAL, CRITICAL, NORMAL
from sojourn.care.risk.episode import EVENT, Event, State, event_of, extension_of, fold
from sojourn.gate.access import Access
from sojourn.gate.changes import Change

KIND: Final = "result-review"
NOTICE: Final = "result-critical"
CALL: Final = "result-call"
REPEAT: Final = "result-repeat"
CHANGED: Final = "result-changed"
TEXT: Final = "A result to look at"
URGENT: Final = "A result to look at now"
AGAIN: Final = "A result that you looked at was corrected"
PRIORITY: Final = {NORMAL: "routine", ABNORMAL: "urgent", CRITICAL: "stat"}
OUTCOMES: Final = {
    "reviewed": "Reviewed, nothing to do now", "called": "Client told", "call": "Client to be called", "repeat": "Test to be repeated", "changed": "Treatment changed", "other": "Something else",
}  # fmt: skip
"""What can be done about a result."""


@dataclass(frozen=True, slots=True)
class Review:
    """The task, read. focus: `DiagnosticReport/x` or `Observation/x`. seen, before: versions as `Type/id|version`; before: of what changed since.

    corrected: whether something that was known before changed. events: of the chain of a critical one.
    """

    id: str
    version: str
    patient: str
    focus: str
    owner: str
    role: str
    priority: str
    due: datetime | None
    status: str
    authored: str
    corrected: bool
    seen: tuple[str, ...]
    before: tuple[str, ...]
    outcome: str
    by: str
    at: str
    said: str
    events: tuple[Event, ...]
    resource: Mapping[str, Any]

    @property
    def open(self) -> bool:
        """Whether nobody has looked at it yet."""
        return self.status in tasks.OPEN

    @property
    def critical(self) -> bool:
        """Whether it was asked for as critical."""
        return self.priority == "stat"

    @property
    def state(self) -> State:
        """How far its chain is."""
        return fold(self.events)


def read(task: Mapping[str, Any], version: str = "") -> Review | None:
    """The review that a Task is; None for any other."""
    work = tasks.read(dict(task))
    if work is None or work.kind != KIND or not work.focus:
        return None
    given: dict[str, list[str]] = {}
    for one in task.get("input") or ():
        given.setdefault(code_of(one.get("type")), []).append(str(one.get("valueString", "")))
    outcome = next((code_of(o.get("valueCodeableConcept")) for o in task.get("output") or () if code_of(o.get("type")) == "outcome"), "")
    last = (task.get("note") or [{}])[-1] if outcome else {}
    events = tuple(e for x in task.get("extension") or () if x.get("url") == EVENT and (e := event_of(x)) is not None)
    return Review(
        work.id, version, work.patient, work.focus, work.owner, work.role, work.priority, work.due, work.status, work.authored, bool(given.get("corrected")),
        tuple(given.get("seen", ())), tuple(given.get("before", ())), outcome, str((last.get("authorReference") or {}).get("reference", "") or last.get("authorString", "")),
        str(last.get("time", "")), str(last.get("text", "")), events, task,
    )  # fmt: skip


def due(severity: str, rules: Policies, now: datetime) -> datetime:
    """By when somebody looks at it. A critical one: as long as the first person has."""
    if severity == CRITICAL:
        return now + timedelta(minutes=waits(rules)[0])
    return now + timedelta(hours=rules.number(f"results.hours.{severity}"))


def waits(rules: Policies) -> list[float]:
    """Minutes for each step of the chain; what cannot be read is short."""
    try:
        return [float(v) for v in rules.value("results.critical-minutes")] or [10.0]
    except (KeyError, TypeError, ValueError):
        return [10.0]


def asked(access: Access, id_: str, *, patient: str, focus: str, severity: str, owner: str, role: str, rules: Policies, seen: Sequence[str], before: Sequence[str] = (),
          corrected: bool = False, program: int | None = None, security: Sequence[Mapping[str, Any]] = (), why: str = "") -> Change:  # fmt: skip
    """A new one as a change. security: the labels of the result; who may not see it does not see that somebody was asked."""
    change = tasks.new(
        access, KIND, URGENT if severity == CRITICAL else TEXT, patient=patient, owner=owner or None, role=None if owner else role, due=due(severity, rules, access.now),
        focus=focus, priority=PRIORITY[severity], program=program, id_=id_, why=why,
    )  # fmt: skip
    assert change.resource is not None  # noqa: S101 - it was just made
    task = change.resource
    parts = [("seen", v) for v in seen] + [("before", v) for v in before] + ([("corrected", "yes")] if corrected else [])
    task["input"] = [{"type": concept(kind, kind.capitalize()), "valueString": value} for kind, value in parts]
    if severity == CRITICAL:
        task["extension"] = [extension_of(Event("answered", access.now))]
    if security:
        task["meta"] = {"security": [dict(s) for s in security]}
    return change


def grown(task: Mapping[str, Any], events: Sequence[Event], **more: Any) -> dict[str, Any]:
    """The task after more events of its chain."""
    held = [*(task.get("extension") or ()), *(extension_of(e) for e in events)]
    return {**task, **({"extension": held} if held else {}), **more}


def code(kind: str) -> tuple[str, str]:
    """The search parameter for a kind of task."""
    return ("code", f"{CARE}|{kind}")
