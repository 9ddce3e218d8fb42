"""Who looks at a result: the first of the chain who is there and may see it; else a role."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sojourn.care import staffing
from sojourn.care.staffing.roster import sites_of
from sojourn.gate import seeing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sojourn.care.policies import Policies
    from sojourn.gate.access import Access
    from sojourn.gate.caller import Program


async def owner(access: Access, patient: str, about: str, program: Program | None, rules: Policies, *, orderers: Sequence[str] = (), without: str = "") -> str:
    """A reference, or '' where nobody of the chain can: then the role of the policy has it. without: whom to pass over, who is away.

    about: a reference to the result. What comes of it is written into a task, and shown to nobody who may not see the result.
    """
    answers, roster = await asyncio.gather(staffing.responsible(access, patient, program), staffing.read(access, access.now))
    sites = sites_of(access, program)
    organization = program.organization if program else None
    first = next(iter(orderers), "") or answers or ""
    steps = {
        "orderer": list(orderers), "responsible": [answers] if answers else [],
        "supervisor": roster.supervisors(first or None, organization, access.now), "on-call": roster.on_call(organization, sites, access.now),
        "site-lead": roster.leads(organization, sites, access.now),
    }  # fmt: skip
    people = [who for step in rules.value("results.chain") for who in steps.get(str(step), ()) if who != without and not roster.away(who, access.now)]
    if not people:
        return ""
    known = await seeing.sights(access, set(people), [f"Patient/{patient}", about], program, about.partition("/")[0])
    return next((who for who in people if (sight := known.get(who)) is not None and sight.account and sight.sees), "")
