"""A risky answer opens an episode or joins the open one, in its own transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from sojourn.base import crypto, errors, log
from sojourn.care import policies
from sojourn.care.resources import CARE, ref
from sojourn.care.risk import chain, limits, notices, people, triage
from sojourn.care.risk.episode import ANSWERED, ROOM, SLOT, TYPE, Episode, Event, begun, fold, grown, ours, read
from sojourn.care.risk.triage import UNTRIAGED, WORDS, Finding
from sojourn.gate.changes import Change, new_id
from sojourn.gate.consequences import Consequence, Wrote
from sojourn.gate.documenting import clerk
from sojourn.gate.preparing import instant

if TYPE_CHECKING:
    from typing import Any

    from sojourn.care.policies import Policies
    from sojourn.gate.access import Access
    from sojourn.gate.caller import Program

PROBABILITY: Final = "http://terminology.hl7.org/CodeSystem/risk-probability"
_TRIES: Final = 5
_log = log.logger(__name__)


async def follow(access: Access, wrote: Sequence[Wrote]) -> list[Change]:
    """What must be written with these. Nearly always nothing, and then nothing is asked."""
    day = access.today
    names = {f"{w.type}/{w.id}" for w in wrote}
    found = [(w, f) for w in wrote if (f := triage.of(w.resource, day)) is not None and not _derived(w.resource, names)]
    if not found:
        return []
    rules = await policies.of(access)
    fresh = [(w, f) for w, f in found if not _history(w.resource, access.now, rules)]
    made: list[Change] = []
    for patient, program in dict.fromkeys((w.patient, w.program) for w, _ in fresh):
        mine = [(w, f) for w, f in fresh if (w.patient, w.program) == (patient, program)]
        made += await _joined(access, patient, access.rules.programs[program], mine, rules)
    return made


CONSEQUENCE: Final = Consequence(ROOM, frozenset({"QuestionnaireResponse", "Observation"}), follow, keeps=frozenset({TYPE}), ours=ours)


def _derived(resource: dict[str, Any], names: set[str]) -> bool:
    """Whether it only repeats the score of a response that is written beside it."""
    return any(d.get("reference") in names for d in resource.get("derivedFrom", ()))


def _history(resource: dict[str, Any], now: datetime, rules: Policies) -> bool:
    """Whether it was answered so long ago that nobody is to be called for it. What does not say when, was answered now."""
    text = triage.answered_at(resource)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return False
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return now - at > timedelta(days=limits.number(rules, "risk.answer-days", 14))


async def _joined(access: Access, patient: str, program: Program, found: Sequence[tuple[Wrote, Finding]], rules: Policies) -> list[Change]:
    """The episode with these answers, and who is told at once."""
    slot = slot_of(access, patient, program)
    all_ = await access.search(TYPE, [("identifier", f"{SLOT}|{slot}"), ("_sort", "-date")], count=500)
    known = [e for s in all_.matches if (e := read(s.resource, s.version)) is not None]
    current = next((e for e in known if e.open), None)
    # The same answer again (an edit that changes nothing of it, a client that sends twice) is no news.
    new = [(w, f) for w, f in found if current is None or (f"{w.type}/{w.id}", f.level) not in {(e.about, e.level) for e in current.events}]
    if not new:
        return []
    who, by = access.caller.agent or "", access.caller.name
    events = [Event(ANSWERED, access.now, who if who.startswith("Practitioner/") else "", by, about=f"{w.type}/{w.id}", level=f.level, text=f.what) for w, f in new]
    assessed = [Change("create", "RiskAssessment", new_id(), _assessment(access, patient, w, f), program=program.number) for w, f in new]
    return [*assessed, *await _written(access, patient, program, slot, current, known, events, rules)]


async def _written(
    access: Access, patient: str, program: Program, slot: str, current: Episode | None, known: Sequence[Episode], events: Sequence[Event], rules: Policies
) -> list[Change]:
    state = fold([*(current.events if current else ()), *events])
    id_ = current.id if current else _id(access, slot, len(known))
    added = list(events)
    if state.tried < 0 and state.acknowledged is None:
        # Told in the same transaction. Who cannot see the client is paged by the clock, since a page is no part of it.
        # If that cannot be found out, the answer and the episode are kept all the same, and the clock tells people at its next look.
        try:
            added += chain.advance(state, await people.around(access, patient, program, rules), access.now)
        except (errors.StaleCredential, errors.Unavailable):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not keep a dangerous answer from being written down
            _log.error("who has to be told could not be found out", error, request=access.request)
    if current:
        change = Change("update", TYPE, id_, grown(current.resource, added), program=program.number, if_match=current.version, room=ROOM)
    else:
        previous = next((e.id for e in known if not e.open), "")
        change = Change("create", TYPE, id_, begun(patient, program.key, slot, added, previous), upsert=True, program=program.number, room=ROOM)
    after = fold([*(current.events if current else ()), *added])
    due = limits.due(after, rules)
    return [change, *notices.told(access, added, patient=patient, episode=id_, program=program.number, due=due)]


def slot_of(access: Access, patient: str, program: Program) -> str:
    """What the episodes of one client in one program have in common; it tells nothing of either."""
    return crypto.sha256(access.tenant.secret + f"risk\0{patient}\0{program.number}".encode()).hex()[:32]


def _id(access: Access, slot: str, before: int) -> str:
    """The same for whoever opens the next episode at this moment, so that two cannot."""
    return crypto.sha256(access.tenant.secret + f"episode\0{slot}\0{before}".encode()).hex()[:22]


def _assessment(access: Access, patient: str, wrote: Wrote, found: Finding) -> dict[str, Any]:
    """What one answer says, by rule; never a formulation."""
    made: dict[str, Any] = {
        "resourceType": "RiskAssessment", "status": "final", "subject": ref("Patient", patient), "occurrenceDateTime": instant(access.now),
        "code": {"coding": [{"system": CARE, "code": "risk-triage"}], "text": "Suicide risk, triage of an answer"},
        "method": {"text": f"{found.what}: triage by rule, not a judgement"}, "basis": [{"reference": f"{wrote.type}/{wrote.id}"}],
        "prediction": [{"qualitativeRisk": {"text": WORDS[found.level], **({} if found.level == UNTRIAGED else {"coding": [{"system": PROBABILITY, "code": found.level}]})}}],
    }  # fmt: skip
    agent = access.caller.agent or ""
    if agent.startswith("Practitioner/"):
        made["performer"] = {"reference": agent}
    return made


async def by_hand(access: Access, patient: str, level: str, why: str) -> str:
    """Open an episode without a questionnaire: somebody said or did something. The id of the episode. Raises Malformed, Forbidden, NotFound, Conflict.

    It joins the open one. It is the caller's own act, so it is no consequence; who is told is.
    """
    if level not in WORDS or not why.strip():
        raise errors.Malformed("Say how great the danger seems, and what you heard or saw.")
    await access.check("update", TYPE, patient)
    await access.read("Patient", patient)
    program = access.rules.programs.get(access.caller.acting or 0)
    if program is None:
        raise errors.Forbidden("This account works in no program; an episode would belong to nobody.")
    mine = clerk(access)
    rules = await policies.of(mine)
    slot = slot_of(access, patient, program)
    who = access.caller.agent or ""
    event = Event(ANSWERED, access.now, who if who.startswith("Practitioner/") else "", access.caller.name, level=level, code="observed", text=why.strip())
    for attempt in range(_TRIES):
        all_ = await mine.search(TYPE, [("identifier", f"{SLOT}|{slot}"), ("_sort", "-date")], count=500)
        known = [e for s in all_.matches if (e := read(s.resource, s.version)) is not None]
        changes = await _written(mine, patient, program, slot, next((e for e in known if e.open), None), known, [event], rules)
        try:
            await mine.write(changes, action="risk")
        except (errors.VersionConflict, errors.Conflict):
            if attempt == _TRIES - 1:
                raise
            continue
        return changes[0].id
    raise AssertionError
