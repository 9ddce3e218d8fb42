"""A risk episode: what happened in it and what follows from that, as a ClinicalImpression.

https://hl7.org/fhir/R4/clinicalimpression.html. The events are the truth; level, whose turn it is and when are computed from them, so
that a server that was away knows at once what is due (docs/risk.md has the shape).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sojourn.care.resources import CARE, concept, ref
from sojourn.care.risk.triage import RANK, UNTRIAGED, WORDS
from sojourn.gate.preparing import instant

TYPE: Final = "ClinicalImpression"
EVENT: Final = "https://sojourn.example/fhir/StructureDefinition/risk-event"
PROGRAM: Final = "https://sojourn.example/fhir/StructureDefinition/risk-program"
SLOT: Final = "https://sojourn.example/fhir/NamingSystem/risk-episode"
TAG: Final = "risk-episode"
ROOM: Final = "risk"
"""The room that alone writes episodes."""

ANSWERED, NOTIFIED, SKIPPED, REMINDED, ALL_HANDS = "answered", "notified", "skipped", "reminded", "all-hands"
PAGED, ACKNOWLEDGED, ACTED, PASSED_ON, CLOSED = "paged", "acknowledged", "acted", "passed-on", "closed"
STEPS: Final = ("responsible", "on-call", "supervisor", "site-lead")
STEP_WORDS: Final = {"responsible": "responsible clinician", "on-call": "on call", "supervisor": "supervisor", "site-lead": "site lead"}
LAST: Final = len(STEPS) - 1


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. who: a Practitioner's reference, '' for nobody that has one; by: what they are called then, if that is all.

    step: of a notice, why they were told. about: what was answered. level: of an answer. code: of an action or a reason. sees: whether
    somebody who was told can see whom it is about.
    """

    kind: str
    at: datetime
    who: str = ""
    by: str = ""
    step: str = ""
    about: str = ""
    level: str = ""
    code: str = ""
    text: str = ""
    sees: bool = True


@dataclass(frozen=True, slots=True)
class State:
    """What the events come to. level: the highest triage, or untriaged. pace: whose minutes hold; within an episode it only rises.

    since: when the chain that runs now began. tried: the last step of it at which anybody was looked for, -1 for none. told: who was told
    in it and can see; told_at: when last. all_hands: the chain came to its end and everybody who can see is asked.
    """

    level: str = UNTRIAGED
    pace: str = "low"
    since: datetime | None = None
    tried: int = -1
    told: tuple[str, ...] = ()
    told_at: datetime | None = None
    at_once: bool = False
    all_hands: bool = False
    acknowledged: Event | None = None
    acted: tuple[Event, ...] = ()
    closed: Event | None = None

    def due(self, waits: Sequence[float], action: float) -> datetime | None:
        """When the next person has to be told; None when nobody has to."""
        if self.closed or self.acted or self.since is None:
            return None
        if self.at_once or (self.tried < 0 and self.acknowledged is None):
            return self.since
        waited = self.told_at + timedelta(minutes=_wait(waits, self.tried)) if self.told_at else self.since
        if self.acknowledged is not None:
            return max(self.acknowledged.at + timedelta(minutes=max(action, 1)), waited if self.told_at and self.told_at > self.acknowledged.at else self.acknowledged.at)
        return waited


def _wait(waits: Sequence[float], step: int) -> float:
    """Minutes to wait at a step; a policy that says nothing of use waits a minute, never for ever."""
    return max(float(waits[min(max(step, 0), len(waits) - 1)]) if waits else 1.0, 1.0)


def fold(events: Iterable[Event]) -> State:
    """What the events come to."""
    state, triaged = State(), ""
    for e in events:
        if e.kind == ANSWERED:
            if e.level != UNTRIAGED and RANK[e.level] >= RANK.get(triaged, -1):
                triaged = e.level
            state = replace(state, level=triaged or UNTRIAGED, pace=max(state.pace, e.level, key=lambda level: RANK[level]), since=state.since or e.at)
            knows = state.acknowledged is not None and e.who and e.who in {state.acknowledged.who, *(a.who for a in state.acted)}
            if (state.acknowledged or state.acted) and not knows:
                # Somebody else heard something new: whoever is in charge has to hear it, by a chain of its own.
                state = replace(state, since=e.at, tried=-1, told=(), told_at=None, at_once=False, all_hands=False, acknowledged=None, acted=())
        else:
            state = _after(state, e)
    return state


def _after(state: State, e: Event) -> State:
    step = STEPS.index(e.step) if e.step in STEPS else state.tried
    match e.kind:
        case "notified":
            told = {"told": (*state.told, e.who), "told_at": e.at, "at_once": False} if e.sees else {}
            return replace(state, tried=max(state.tried, step), **told)  # type: ignore[arg-type]
        case "skipped":
            return replace(state, tried=max(state.tried, step))
        case "reminded":
            return replace(state, told_at=e.at, at_once=False)
        case "all-hands":
            return replace(state, all_hands=True, tried=LAST)
        case "acknowledged":
            return replace(state, acknowledged=state.acknowledged or e, at_once=False)
        case "acted":
            return replace(state, acknowledged=state.acknowledged or e, acted=(*state.acted, e), at_once=False)
        case "passed-on":
            return replace(state, acknowledged=None, at_once=True)
        case "closed":
            return replace(state, closed=e)
    return state


@dataclass(frozen=True, slots=True)
class Episode:
    """An episode as it stands. program: the key of the program whose it is. summary: the written formulation, once closed."""

    id: str
    version: str
    patient: str
    program: str
    events: tuple[Event, ...]
    resource: Mapping[str, Any]

    @property
    def state(self) -> State:
        """What its events come to."""
        return fold(self.events)

    @property
    def open(self) -> bool:
        """Whether it is not closed."""
        return self.resource.get("status") == "in-progress"

    @property
    def summary(self) -> str:
        """The written formulation; '' while there is none."""
        return str(self.resource.get("summary", ""))

    @property
    def started(self) -> datetime:
        """When the first answer was written."""
        return self.events[0].at


def read(resource: Mapping[str, Any], version: str = "") -> Episode | None:
    """The episode that a ClinicalImpression is; None for any other, or one in which nothing is left to read."""
    tags = {c.get("code") for c in (resource.get("meta") or {}).get("tag", ()) if c.get("system") == CARE}
    if TAG not in tags:
        return None
    events = [e for x in resource.get("extension", ()) if x.get("url") == EVENT and (e := event_of(x)) is not None]
    if not events:
        return None
    program = next((str(x.get("valueCode", "")) for x in resource.get("extension", ()) if x.get("url") == PROGRAM), "")
    return Episode(str(resource.get("id", "")), version, str(resource.get("subject", {}).get("reference", "")).partition("/")[2], program, tuple(events), resource)


def ours(resource: Mapping[str, Any]) -> bool:
    """Whether it is an episode, or says that it is one."""
    tagged = any(c.get("system") == CARE and c.get("code") == TAG for c in (resource.get("meta") or {}).get("tag", ()))
    return tagged or any(i.get("system") == SLOT for i in resource.get("identifier", ())) or any(x.get("url") == EVENT for x in resource.get("extension", ()))


def begun(patient: str, program: str, slot: str, events: Sequence[Event], previous: str = "") -> dict[str, Any]:
    """A new episode as a resource, without an id."""
    made: dict[str, Any] = {
        "resourceType": TYPE, "identifier": [{"system": SLOT, "value": slot}], "status": "in-progress",
        "extension": [{"url": PROGRAM, "valueCode": program}], "code": concept(TAG, "Risk episode"), "subject": ref("Patient", patient),
        "effectivePeriod": {"start": instant(events[0].at)}, "date": instant(events[0].at),
    }  # fmt: skip
    if previous:
        made["previous"] = {"reference": f"{TYPE}/{previous}"}
    return grown(made, events)


def grown(resource: Mapping[str, Any], events: Sequence[Event]) -> dict[str, Any]:
    """The resource after more events: they are added, and what can be searched for follows from all of them."""
    made = {**resource, "extension": [*resource.get("extension", ()), *(extension_of(e) for e in events)]}
    state = fold(e for x in made["extension"] if x.get("url") == EVENT and (e := event_of(x)) is not None)
    ours = [TAG, f"risk-{state.level}", *(["risk-all-hands"] if state.all_hands and not state.acted and not state.closed else [])]
    meta = dict(made.get("meta") or {})
    meta["tag"] = [*(t for t in meta.get("tag", ()) if t.get("system") != CARE), *({"system": CARE, "code": code} for code in ours)]
    made["meta"] = meta
    made["finding"] = [{"itemCodeableConcept": concept(f"risk-{state.level}", f"Suicide risk, triage: {WORDS[state.level].lower()}")}]
    about = list(dict.fromkeys(e.about for x in made["extension"] if x.get("url") == EVENT and (e := event_of(x)) is not None and e.about))
    if about:
        made["investigation"] = [{"code": {"text": "Answers"}, "item": [{"reference": name} for name in about]}]
    if state.acknowledged and state.acknowledged.who:
        made["assessor"] = {"reference": state.acknowledged.who}
    return made


def extension_of(e: Event) -> dict[str, Any]:
    """An event as it is kept."""
    parts: list[dict[str, Any]] = [{"url": "kind", "valueCode": e.kind}, {"url": "at", "valueInstant": instant(e.at)}]
    for name, value in (("who", e.who), ("about", e.about)):
        if value:
            parts.append({"url": name, "valueReference": {"reference": value}})
    parts += [{"url": name, "valueCode": value} for name, value in (("step", e.step), ("level", e.level), ("code", e.code)) if value]
    parts += [{"url": name, "valueString": value} for name, value in (("by", e.by), ("text", e.text)) if value]
    if not e.sees:
        parts.append({"url": "sees", "valueBoolean": False})
    return {"url": EVENT, "extension": parts}


def event_of(extension: Mapping[str, Any]) -> Event | None:
    """The event that was kept; None for what cannot be read."""
    parts = {str(p.get("url")): p for p in extension.get("extension", ())}

    def said(name: str, kind: str) -> Any:
        return parts.get(name, {}).get(kind, "")

    try:
        at = datetime.fromisoformat(str(said("at", "valueInstant")))
    except ValueError:
        return None
    level = str(said("level", "valueCode"))
    return Event(
        str(said("kind", "valueCode")), at, str((said("who", "valueReference") or {}).get("reference", "")), str(said("by", "valueString")), str(said("step", "valueCode")),
        str((said("about", "valueReference") or {}).get("reference", "")), level if level in RANK else UNTRIAGED if said("kind", "valueCode") == ANSWERED else "",
        str(said("code", "valueCode")), str(said("text", "valueString")), said("sees", "valueBoolean") is not False,
    )  # fmt: skip
