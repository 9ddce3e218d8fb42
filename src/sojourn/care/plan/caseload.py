"""Plans and reviews that are due for whoever asks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sojourn.care import levels, policies
from sojourn.care.plan import due, reading
from sojourn.care.plan.model import Plan
from sojourn.gate.access import Access

MOST = 150
"""Stays of one person that are looked at; more than anybody's caseload."""


class Case(NamedTuple):
    """One stay with its client, its plan, and what is due for it next."""

    stay: levels.Stay
    plan: Plan | None
    due: due.Due | None
    person: dict[str, Any]


async def cases(access: Access, *, supervised: bool = False) -> list[Case]:
    """The stays for which the caller is responsible, or those of the programs that a supervisor works in, the next due first. Three questions."""
    whose = [("organization", ",".join(p.organization for p in access.programs if p.organization))] if supervised else [("care-manager", access.caller.agent or "")]
    if not whose[0][1] or (not supervised and not whose[0][1].startswith("Practitioner/")):
        return []
    found = await access.search("EpisodeOfCare", [*whose, ("status", "active,onhold"), ("_sort", "-date")], count=MOST)
    stays = [levels.stay(r) for r in found.resources]
    rules = await policies.of(access)
    people, plans = await reading.of_patients(access, [s.patient for s in stays])
    by = {p.stay: p for p in plans if p.stay}
    made = [Case(s, by.get(s.id), due.of_stay(s, by.get(s.id), rules), people.get(s.patient, {})) for s in stays]
    return sorted(made, key=lambda c: (c.due is None, c.due.at if c.due else datetime.max.replace(tzinfo=access.now.tzinfo), c.stay.id))


async def expired(access: Access) -> list[Plan]:
    """Plans in force on paper only: `CarePlan?status=active&date=eb<today>`. What billing will ask before it sends a claim."""
    found = await access.search("CarePlan", [("category", "assess-plan"), ("status", "active"), ("date", f"eb{access.today.isoformat()}")], count=200)
    return [p for p in reading.plans(found) if p.expired(access.today)]


def waiting(made: Sequence[Case], now: datetime) -> list[Case]:
    """Those whose time is over or nearly so."""
    return [c for c in made if c.due and (c.due.at - now <= due.SOON or c.due.kind == due.SIGNATURES)]
