"""What would they see: a record in the chart and as it would leave, through the real gate.

The other side is not computed: the same verbs run with the decision of somebody else, redaction included. Only who has `explain`
and is kept from nothing by program may ask, and only what they see themselves has a part in the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sojourn.base import errors
from sojourn.gate import explain
from sojourn.gate.access import Access
from sojourn.gate.explain import Asked, Tally
from sojourn.gate.explaining import callers
from sojourn.gate.explaining.steps import IN_PART, SEEN, WITHHELD
from sojourn.record.explaining import Moment
from sojourn.record.trail import Entry, Receipt

if TYPE_CHECKING:
    from sojourn.gate.found import Stored

SHOWN = 60
"""Resources of one type that are shown side by side."""


class Posed(Access):
    """The handle of somebody else, held by an officer: their decision, and the officer's name in the trail."""

    def __init__(self, access: Access, met: callers.Met) -> None:
        super().__init__(access.house, met.caller, access.request)
        self.officer = access
        self.now = access.now
        self._rules, self.decision = met.rules, met.decision

    def entry(self, action: str, type_: str, query: str, *, outcome: str = "done", patients: Sequence[str] = (), shown: Sequence[int] = ()) -> Entry:
        """A line about the officer, who looked through somebody else's eyes."""
        who = self.caller.account or ",".join(self.caller.keys) or self.caller.role
        return self.officer.entry("preview", type_, f"{query} as {who} for {self.caller.purpose}", outcome=outcome, patients=patients, shown=shown)


@dataclass(frozen=True, slots=True)
class Pair:
    """One resource on both sides. theirs: None where it is withheld, for the reason. left_out: elements that would not leave."""

    type: str
    id: str
    mine: dict[str, Any]
    theirs: dict[str, Any] | None
    reason: str
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sides:
    """A record on both sides: counts of all types, pairs of one, and whether there are more of it."""

    who: str
    counts: list[Tally]
    pairs: list[Pair]
    more: bool
    receipt: Receipt


async def sides(access: Access, asked: Asked, patient: str, type_: str = "") -> Sides:
    """Raises Forbidden, NotFound and Invalid as `explain.tally`."""
    await explain.allowed(access, "Patient", f"{patient} preview {asked.told()}")
    met = await callers.meet(access, asked, Moment(access.now, access.now, now=True), access.rules)
    if met is None:
        raise errors.Invalid("That account acts as nothing now.")
    views, receipt = await explain.tally(access, asked, patient)
    counts = dict(views)[explain.NOW]
    if not type_ or not any(t.type == type_ for t in counts):
        return Sides(met.words, counts, [], False, receipt)
    mine, more = await _of(access, patient, type_)
    posed = Posed(access, met)
    theirs = {s.id: s for s in (await _of(posed, patient, type_))[0]} if posed.may(type_, "search") else {}
    # What they see beyond the first page of theirs stands on no page of mine: ask for these by name.
    missing = [s.id for s in mine if s.id not in theirs]
    if missing and posed.may(type_, "search"):
        theirs |= {s.id: s for s in (await posed.search(type_, [("_id", ",".join(missing))], count=len(missing))).matches}
    reasons = await explain.outcomes(access, met, [f"{type_}/{s.id}" for s in mine])
    pairs = [_pair(s, theirs.get(s.id), reasons.get(f"{type_}/{s.id}", "")) for s in mine]
    return Sides(met.words, counts, pairs, more, receipt)


async def _of(access: Access, patient: str, type_: str) -> tuple[list[Stored], bool]:
    found = await access.search(None, [("_type", type_), ("_count", str(SHOWN))], count=SHOWN, compartment=("Patient", patient))
    return found.matches, found.next is not None


def _pair(mine: Stored, theirs: Stored | None, reason: str) -> Pair:
    seen = theirs.resource if theirs else None
    return Pair(mine.type, mine.id, mine.resource, seen, reason if seen is None else "", tuple(_left_out(mine.resource, seen)) if seen is not None else ())


def _left_out(mine: Any, theirs: Any, path: str = "") -> list[str]:
    """The shortest paths that one has and the other has not; the labels of the server's own hand are no content."""
    if isinstance(mine, dict) and isinstance(theirs, dict):
        out = []
        for key, value in mine.items():
            if path == "" and key == "meta":
                continue
            here = f"{path}.{key}".strip(".")
            out += [here] if key not in theirs else _left_out(value, theirs[key], here)
        return out
    if isinstance(mine, list) and isinstance(theirs, list):
        if len(mine) != len(theirs):
            return [path]
        return list(dict.fromkeys(p for a, b in zip(mine, theirs, strict=True) for p in _left_out(a, b, path)))
    return []


def released(counts: Sequence[Tally]) -> dict[str, tuple[int, int, int, list[str]]]:
    """By type: in the chart, would leave, withheld, and why."""
    out: dict[str, tuple[int, int, int, list[str]]] = {}
    for row in counts:
        total, leaves, kept, why = out.get(row.type, (0, 0, 0, []))
        goes = row.count if row.outcome in (SEEN, IN_PART) else 0
        held = row.count if row.outcome == WITHHELD else 0
        out[row.type] = (total + row.count, leaves + goes, kept + held, [*why, row.reason] if held and row.reason not in why else why)
    return out
