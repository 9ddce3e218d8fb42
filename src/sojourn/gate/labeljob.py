"""Label again what is there, when rules changed: in small steps, first what rises, then what falls.

A step takes the next versions in the order of their making, the past ones too, and commits within a fraction of a second, so that a
clinician's save beside it does not wait. Nothing becomes more visible than the old rules or the new ones allow: what would fall
keeps its law until everything that rises has risen. docs/labels.md.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base import clock, crypto, errors, ids
from sojourn.base.db import Changed
from sojourn.gate import indexagain, keepingapart, relabelling, tellingagain
from sojourn.gate.access import Access
from sojourn.record import labelling

if TYPE_CHECKING:
    from sojourn.gate.gate import Gate

REASON = "the rules changed"
_LIFE = timedelta(hours=1)
_BUSY = 0.12  # seconds that a step's write may take, so that it stays under 0.2
_LEAST, _MOST = 5, 400
_TRIES = 5


def rules_of(access: Access) -> str:
    """A digest of everything by which labels follow from content and origin."""
    programs = sorted((p.number, p.part2) for p in access.rules.programs.values())
    return crypto.sha256(repr((access.rules.labels.digest, programs)).encode()).hex()[:16]


@dataclass(slots=True)
class Labeller:
    """Gives out the Access under which labels are given again: one account in each organization, with a credential of an hour."""

    gate: Gate
    _known: dict[int, tuple[Access, datetime]] = field(default_factory=dict)

    async def access(self, tenant: int) -> Access:
        """For one step."""
        house, now = self.gate.house, clock.now()
        known = self._known.get(tenant)
        if known is None or known[1] <= now:
            secret = ids.new_token()
            await labelling.labeller(house.db, tenant, crypto.sha256(secret.encode()), now, now + _LIFE)
            caller = await self.gate.identity.caller(secret)
            if caller is None:
                raise errors.Unavailable()
            known = self._known[tenant] = (self.gate.access_of(caller), now + _LIFE / 2)
        return self.gate.access_of(known[0].caller)


class Progress(NamedTuple):
    """How far it is. counts: by law, with a sign, how many versions rise or fall. taken: another process does it."""

    phase: str
    looked: int
    changed: int
    counts: dict[str, int]
    taken: bool = False


async def needed(access: Access) -> bool:
    """Whether what is there was labelled by other rules than those in force."""
    jobs = await labelling.jobs(access.house.db, access.tenant.number, 1)
    rules = rules_of(access)
    if not jobs:
        return not await labelling.baseline(access.house.db, access.tenant.number, rules, access.now)
    return bool(jobs[0]["rules"] != rules or jobs[0]["finished"] is None)


async def step(labeller: Labeller, tenant: int, limit: int) -> tuple[Progress, int]:
    """One step of the job for the rules in force, begun or gone on with; how far it is, and how much the next step may take."""
    access = await labeller.access(tenant)
    db = access.house.db
    number = await labelling.start(db, tenant, rules_of(access), access.now)
    (job,) = [j for j in await labelling.jobs(db, tenant, 3) if j["job"] == number]
    counts = Counter(json.loads(job["counts"]))
    for attempt in range(_TRIES):
        found = _Step(job["phase"], await labelling.page(db, tenant, job["place"], limit, access.now), access)
        began = clock.monotonic()
        try:
            await relabelling.write(access, found.current, found.past, REASON)
            break
        except Changed:
            if attempt == _TRIES - 1:
                raise errors.Conflict() from None
    took = clock.monotonic() - began
    phase, place = found.after(job["place"], lowers=job["lowers"])
    counts.update(found.counts)
    changed = len(found.current) + len(found.past)
    moved = await labelling.move(
        db, tenant, job, phase, place, looked=len(found.rows), changed=changed, lowers=found.lowers, counts=dict(counts), now=clock.now()
    )
    progress = Progress(phase, job["looked"] + len(found.rows), job["changed"] + changed, dict(counts), taken=not moved)
    return progress, limit if not changed else max(_LEAST, min(_MOST, int(limit * _BUSY / max(took, 0.001))))


class _Step:
    """What one step finds: the versions, and the labels that they are to have in this phase."""

    def __init__(self, phase: str, rows: list[Any], access: Access) -> None:
        self.phase, self.rows = phase, rows
        self.current: list[Any] = []
        self.past: list[Any] = []
        self.lowers = 0
        self.counts: Counter[str] = Counter()
        for row in rows:
            self._look(access, row)

    def _look(self, access: Access, row: Any) -> None:
        if row["kind"] == "delete":
            if (risen := relabelling.deleted(access, row)) is not None:
                self.past.append(risen)
                self.counts.update(relabelling.said(risen.own & ~risen.before, "+"))
            return
        again = relabelling.Again(access, row)
        if again.same:
            return
        floor = again.row["own"] if self.phase == "raise" and again.lowers else 0
        if self.phase == "raise":
            self.counts.update([*relabelling.said(again.raises, "+"), *relabelling.said(again.lowers, "-"), *([] if again.raises or again.lowers else ["tags"])])
            if again.lowers:
                self.lowers += 1
                if not again.raises:
                    return
        if row["current"]:
            self.current.append(again.prepared(access, floor=floor))
        else:
            self.past.append(again.past(access, floor=floor))

    def after(self, place: int, *, lowers: int) -> tuple[str, int]:
        """The phase and the place of the next step."""
        if self.rows:
            return self.phase, self.rows[-1]["seq"]
        if self.phase == "raise" and lowers:
            return "lower", 0
        return "done", place


async def run(labeller: Labeller, tenant: int, *, told: Callable[[Progress], None] = lambda _: None, stopped: Callable[[], bool] = lambda: False) -> Progress:
    """Every step until it is done, stopped, or another process does it. Stopping loses nothing: the next run goes on from there."""
    limit = 50
    while True:
        progress, limit = await step(labeller, tenant, limit)
        told(progress)
        if progress.phase == "done" or progress.taken or stopped():
            return progress


async def tried(labeller: Labeller, tenant: int, *, told: Callable[[Progress], None] = lambda _: None, stopped: Callable[[], bool] = lambda: False) -> Progress:
    """What a run would change, without changing anything. What would follow from a change (an encounter's label) is not followed."""
    place, looked, changed = 0, 0, 0
    counts: Counter[str] = Counter()
    while True:
        access = await labeller.access(tenant)
        rows = await labelling.page(access.house.db, tenant, place, 100, access.now)
        found = _Step("raise", rows, access)
        counts.update(found.counts)
        looked += len(rows)
        changed += len(found.current) + len(found.past) + found.lowers
        told(Progress("raise", looked, changed, dict(counts)))
        if not rows or stopped():
            return Progress("done" if not rows else "raise", looked, changed, dict(counts))
        place = rows[-1]["seq"]


_EVERY = 5.0  # seconds between looks at whether rules changed


class Watch:
    """Within a server: notices that rules changed, and labels again, one step at a time."""

    def __init__(self, labeller: Labeller) -> None:
        self._labeller = labeller
        self._stamps: dict[int, str] = {}
        self._next: dict[int, float] = {}
        self._limits: dict[int, int] = {}
        self._indexed: set[int] = set()

    async def tick(self, tenant: int) -> bool:
        """Look, if it is time, and do a step if there is work; whether there is more."""
        moment = clock.monotonic()
        if moment < self._next.get(tenant, 0):
            return False
        if await keepingapart.step(await self._labeller.access(tenant)):
            return True
        if await self._catches_up(tenant):
            return True
        if tenant not in self._limits and not await self._begins(tenant, moment):
            return False
        progress, self._limits[tenant] = await step(self._labeller, tenant, self._limits.get(tenant, 50))
        if progress.phase != "done" and not progress.taken:
            return True
        del self._limits[tenant]
        self._next[tenant] = moment + _EVERY
        return False

    async def _catches_up(self, tenant: int) -> bool:
        """Do a step of indexing what was stored before there was a parameter, and of finding out by what edits of before tell, until there is no more: then never again."""
        if tenant not in self._indexed:
            access = await self._labeller.access(tenant)
            if not await indexagain.step(access) and not await tellingagain.step(access):
                self._indexed.add(tenant)
        return tenant not in self._indexed

    async def _begins(self, tenant: int, moment: float) -> bool:
        """Whether to begin now: not before every process has had time to see the new rules, so that none writes by the old ones."""
        access = await self._labeller.access(tenant)
        stamp = await labelling.stamp(access.house.db, tenant, access.now)
        self._next[tenant] = moment + _EVERY
        before = self._stamps.get(tenant)
        self._stamps[tenant] = stamp
        if before is not None and before != stamp:
            await self._labeller.gate.reload()
            self._next[tenant] = moment + 2 * _EVERY
            return False
        return await needed(access)
