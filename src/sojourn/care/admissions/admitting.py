"""Admit somebody: the checklist is done or set aside with reasons; then all happens at once."""

from __future__ import annotations

from sojourn.base import errors
from sojourn.care import policies
from sojourn.care.admissions import case as cases
from sojourn.care.admissions import checklist
from sojourn.care.census import moving
from sojourn.care.resources import moment
from sojourn.gate.access import Access
from sojourn.gate.changes import Change


async def planned_stay(access: Access, case: cases.Case) -> tuple[str, str] | None:
    """(id, version) of the planned Encounter of a case, or None."""
    found = await access.search("Encounter", [("patient", case.patient), ("status", "planned"), ("episode-of-care", f"EpisodeOfCare/{case.episode}")], count=5)
    return next(((s.id, s.version) for s in found.matches), None)


async def admit(access: Access, case: cases.Case) -> None:
    """The stay begins, the bed is theirs, the case ends: all or nothing. Raises Malformed with everything that is missing."""
    rules = await policies.of(access)
    if not case.open:
        raise errors.Malformed("This case is over.")
    missing = [line.item.text for line in await checklist.lines(access, case, rules) if line.when == checklist.BEFORE and line.missing]
    planned = await planned_stay(access, case)
    if case.level in rules.value("admissions.bed-levels") and planned is None:
        missing.append("A bed")
    if missing:
        raise errors.Malformed("Before the admission is missing: " + "; ".join(missing) + ". Do it, or set it aside with a reason.")
    stay = await access.read("EpisodeOfCare", case.episode)
    begun = {**stay.resource, "status": "active", "period": {"start": moment(access)}}
    if access.caller.agent and not begun.get("careManager") and access.caller.role == "clinician":
        begun["careManager"] = {"reference": access.caller.agent}
    changes = [Change("update", "EpisodeOfCare", case.episode, begun, if_match=stay.version), *cases.moving(access, case, "admitted", "")]
    if planned is not None:
        expected = await access.read("Encounter", planned[0])
        changes.append(moving.arriving(access, expected.resource, expected.version))
    await access.write(changes, action="admit")
