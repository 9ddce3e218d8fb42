"""Why can, or cannot, somebody see something: now, or on a past day.

The outcome is the predicate's own (record/sql/visible.sql, sentence by sentence): explaining is never a second opinion. Whoever
asks must have the action `explain` and work in every program; what they may not see is not explained to them, and looks like what
is not there.
Every question is in the trail before it is answered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sojourn.base import errors
from sojourn.gate import decide
from sojourn.gate.explaining import callers, chain, words
from sojourn.gate.explaining.callers import Asked, Met
from sojourn.gate.explaining.steps import ABSENT, IN_PART, NO, SEEN, WITHHELD, Explanation, Step
from sojourn.record import explaining
from sojourn.record.explaining import Moment
from sojourn.record.store import Decided
from sojourn.record.trail import Receipt

if TYPE_CHECKING:
    from sojourn.gate.access import Access

__all__ = ["Asked", "Explained", "Seer", "Tally", "explain", "outcomes", "tally", "who"]

NOW, THEN, HINDSIGHT = "now", "then", "hindsight"

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Explained:
    """An answer; it exists only once its line in the trail is durable."""

    explanations: list[Explanation]
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Tally:
    """Of one type: how many resources come out how, and by which step. reason: in words."""

    type: str
    outcome: str
    step: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Seer:
    """Somebody who can see it, and why. consents: those that it rests on."""

    who: str
    account: str
    kind: str
    purpose: str
    explanation: Explanation


async def explain(access: Access, asked: Asked, type_: str, id_: str, at: datetime | None = None) -> Explained:
    """The chain of reasons for one resource: one now; two of a past moment (with what was known then, and as known now).

    Raises Forbidden, NotFound (also for what the asker may not know of), Invalid.
    """
    await allowed(access, type_, f"{id_} {asked.told()}")
    found = await _reach(access, type_, names=[f"{type_}/{id_}"])
    if not found:
        await access.note(access.entry("explain", type_, id_, outcome="absent"))
        raise errors.NotFound(f"There is no such {type_}.")
    patient = found[0]["patient"]
    explanations = [await _one(access, asked, view, moment, type_, id_, patient) for view, moment in _moments(access, at)]
    receipt = await access.note(access.entry("explain", type_, f"{id_} {asked.told()}{_at(at)}", patients=[patient] if patient else []))
    return Explained(explanations, receipt)


async def tally(access: Access, asked: Asked, patient: str, types: Sequence[str] = (), at: datetime | None = None) -> tuple[list[tuple[str, list[Tally]]], Receipt]:
    """A patient's whole record (or some types of it), by type and reason; for each view, as `explain`. Raises as `explain`."""
    await allowed(access, "Patient", f"{patient} {asked.told()}")
    known = {(r["type"], r["id"]) for r in await _reach(access, "Patient", names=[f"Patient/{patient}"], patient=patient, types=list(types) or None)}
    if ("Patient", patient) not in known:
        await access.note(access.entry("explain", "Patient", patient, outcome="absent"))
        raise errors.NotFound("There is no such Patient.")
    out = []
    for view, moment in _moments(access, at):
        met = await callers.meet(access, asked, moment, await callers.rules_at(access, moment))
        rows = [r for r in await _rows(access, met, moment, patient=patient, types=list(types) or None) if (r["type"], r["id"]) in known] if met else []
        count = Counter(_in_short(met, r) for r in rows) if met else Counter()
        out.append((view, [Tally(*key, n) for key, n in sorted(count.items())]))
    receipt = await access.note(access.entry("explain", "Patient", f"{patient} {','.join(types)} {asked.told()}{_at(at)}", patients=[patient]))
    return out, receipt


async def who(access: Access, type_: str, id_: str, at: datetime | None = None, purpose: str = "TREAT") -> tuple[list[tuple[str, list[Seer]]], Receipt]:
    """Everybody who can see it, or could at a past moment, and under which consent; for each view, as `explain`. Raises as `explain`.

    Accounts are asked about for `purpose`; those outside for every purpose that a consent names for them, too.
    """
    await allowed(access, type_, f"{id_} who")
    found = await _reach(access, type_, names=[f"{type_}/{id_}"])
    if not found:
        await access.note(access.entry("explain", type_, id_, outcome="absent"))
        raise errors.NotFound(f"There is no such {type_}.")
    patient = found[0]["patient"]
    out = [(view, await _seers(access, moment, view, type_, id_, patient, purpose)) for view, moment in _moments(access, at)]
    receipt = await access.note(access.entry("explain", type_, f"{id_} who purpose:{purpose}{_at(at)}", patients=[patient] if patient else []))
    return out, receipt


async def outcomes(access: Access, met: Met, names: Sequence[str]) -> dict[str, str]:
    """For each named resource (Type/id) why it is withheld from them now; nothing for what is not. For callers that asked `tally` before."""
    moment = Moment(access.now, access.now, now=True)
    found = {f"{r['type']}/{r['id']}": _in_short(met, r) for r in await _rows(access, met, moment, names=list(names))}
    return {name: reason for name, (_, came, _, reason) in found.items() if came == WITHHELD}


# --- the parts ------------------------------------------------------------------------------------------------------------------


async def allowed(access: Access, type_: str, query: str) -> None:
    """Reasons name consents, teams and programs of the whole organization: only who works in every program may hear them."""
    await access.check("explain", type_, query)
    if access.decision.redacted:
        await access.refuse("explain", type_, query)
        raise errors.Forbidden("Only who works in every program can be told why others see what they see.")


def _moments(access: Access, at: datetime | None) -> list[tuple[str, Moment]]:
    if at is None:
        return [(NOW, Moment(access.now, access.now, now=True))]
    if at > access.now:
        raise errors.Invalid("That moment is still to come.")
    return [(THEN, Moment(at, at)), (HINDSIGHT, Moment(at, access.now))]


def _at(at: datetime | None) -> str:
    return f" at:{at.isoformat()}" if at else ""


async def _reach(access: Access, type_: str, *, names: list[str], patient: str | None = None, types: list[str] | None = None) -> list[Row]:
    """What the asker may know of, now: what they may not see, they are told nothing of, also not why others may."""
    rows = await explaining.rows(access.house.db, access.head, Moment(access.now, access.now, now=True), access.decided, names=names, patient=patient, types=types)
    return [r for r in rows if all(r["may"].values())]


async def _rows(access: Access, met: Met, moment: Moment, *, names: list[str] | None = None, patient: str | None = None, types: list[str] | None = None) -> list[Row]:
    decided: Decided = met.decision.args
    return [*await explaining.rows(access.house.db, access.head, moment, decided, names=names, patient=patient, types=types)]


async def _one(access: Access, asked: Asked, view: str, moment: Moment, type_: str, id_: str, patient: str | None) -> Explanation:
    met = await callers.meet(access, asked, moment, await callers.rules_at(access, moment))
    if met is None:
        step = Step("who", NO, f"The account {asked.account} was not there, or acted as nothing, on {words.day(moment.at)}.")
        return Explanation(asked.account, asked.purpose, f"{type_}/{id_}", patient, view, moment.at, moment.known, WITHHELD, (step,))
    rows = await _rows(access, met, moment, names=[f"{type_}/{id_}"])
    given, relations = await _about(access, moment, patient, met.decision.keys)
    rules = await explaining.role(access.house.db, access.head, moment, met.caller.role)
    return _explained(met, view, f"{type_}/{id_}", patient, rows[0] if rows else None, rules, given, relations)


def _explained(met: Met, view: str, name: str, patient: str | None, row: Row | None, rules: Sequence[Row], given: Sequence[Row], relations: Sequence[Row]) -> Explanation:
    moment = met.moment
    if row is None:
        steps: tuple[Step, ...] = (chain.who(met), chain.why(met), Step("decision", NO, f"It was not there yet on {words.day(moment.at)}."))
        return Explanation(met.words, met.caller.purpose, name, patient, view, moment.at, moment.known, ABSENT, steps)
    came, steps = chain.steps(met, row, rules, given, relations)
    return Explanation(met.words, met.caller.purpose, name, patient, view, moment.at, moment.known, came, steps)


async def _about(access: Access, moment: Moment, patient: str | None, keys: list[str] | None) -> tuple[list[Row], list[Row]]:
    if patient is None:
        return [], []
    db = access.house.db
    return list(await explaining.grants(db, access.head, moment, patient, keys)), list(await explaining.relations(db, access.head, moment, patient, keys))


def _in_short(met: Met, row: Row) -> tuple[str, str, str, str]:
    """(type, outcome, step, reason): enough to count by."""
    role = met.rules.allows(met.caller.role, "read", row["type"])
    came = chain.outcome(met, row, role=role)
    if came != WITHHELD:
        return row["type"], came, "decision", ""
    if not role:
        return row["type"], came, "role", "not part of the role"
    failed = next(name for name, passes in row["may"].items() if not passes)
    reasons = {
        "relation": "no relation to the patient",
        "bases": f"no permission for: {words.listed(row['own'] & ~met.decision.mask & ~row['permitted'])}",
        "deny": "forbidden by the patient",
        "bearing": "says nothing without something withheld",
    }
    return row["type"], came, "consent" if failed == "bases" else failed, reasons.get(failed, failed)


async def _seers(access: Access, moment: Moment, view: str, type_: str, id_: str, patient: str | None, purpose: str) -> list[Seer]:
    """Everybody is asked about with their own decision; those whom it cannot tell apart, once."""
    rules = await callers.rules_at(access, moment)
    given, relations = await _about(access, moment, patient, None)
    met = await callers.everyone(access, moment, rules, purpose)
    accounts = {key for m in met for key in m.caller.keys}
    named: dict[str, set[str]] = {}
    for grant in given:
        named.setdefault(grant["recipient"], {purpose}).update({grant["purpose"]} - {"*"})
    asked = [m for m in met if not m.caller.outside]
    for m in met:
        if m.caller.outside:
            wanted = {purpose} | {p for key in m.caller.keys for p in named.get(key, ())}
            asked += [callers.again(access, m, p) for p in sorted(wanted)]
    interesting = {g["recipient"] for g in given} | {r["actor"] for r in relations}
    urgent = {decide.emergency_key(m.caller.account): m for m in met}
    asked += [callers.again(access, urgent[key], p) for key in sorted(interesting & urgent.keys()) for p in decide.EMERGENCY]
    asked += [callers.stranger(access, key, p, moment, rules) for key in sorted(named.keys() - accounts - urgent.keys()) for p in sorted(named[key])]
    seen: dict[Any, tuple[Row | None, Sequence[Row]]] = {}
    out = []
    for m in asked:
        mine = set(m.decision.keys) & interesting
        same = (m.caller.role, m.decision.mask, tuple(m.decision.programs), frozenset(mine), m.decision.purpose, m.decision.action, m.decision.related)
        if same not in seen:
            rows = await _rows(access, m, moment, names=[f"{type_}/{id_}"])
            seen[same] = (rows[0] if rows else None, await explaining.role(access.house.db, access.head, moment, m.caller.role))
        row, role = seen[same]
        about = [g for g in given if g["recipient"] in mine], [r for r in relations if r["actor"] in mine]
        explanation = _explained(m, view, f"{type_}/{id_}", patient, row, role, *about)
        if explanation.outcome in (SEEN, IN_PART):
            out.append(Seer(m.caller.name, m.caller.account, m.caller.kind, m.caller.purpose, explanation))
    return sorted(out, key=lambda s: (s.kind != "organization", s.who, s.purpose))
