"""Names for the lists of the desk: of patients as far as the caller sees them, programs, moments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sojourn.care.staffing import zones
from sojourn.doors.staff.words import full_name, own_name
from sojourn.gate import together

if TYPE_CHECKING:
    from sojourn.gate.access import Access

_AT_ONCE = 100


async def patient_names(access: Access, ids: Iterable[str]) -> dict[str, str]:
    """By id, of those whom the caller may see."""
    return await _names(access, "Patient", ids)


async def organization_names(access: Access, references: Iterable[str]) -> dict[str, str]:
    """By `Organization/id`."""
    ids = [reference.partition("/")[2] for reference in references if reference.startswith("Organization/")]
    return {f"Organization/{id_}": name for id_, name in (await _names(access, "Organization", ids)).items()}


async def staff_names(access: Access, references: Iterable[str]) -> dict[str, str]:
    """By `Practitioner/id`; nobody where the role may not look them up."""
    ids = [reference.partition("/")[2] for reference in references if reference.startswith("Practitioner/")]
    return {f"Practitioner/{id_}": name for id_, name in (await _names(access, "Practitioner", ids)).items()} if access.may("Practitioner", "search") else {}


async def _names(access: Access, type_: str, ids: Iterable[str]) -> dict[str, str]:
    """Those asked for while others are asked for go together: a page has many lists, and the same people in several of them."""
    wanted = set(ids)
    if not wanted:
        return {}

    async def ask(group: list[set[str]]) -> dict[str, str]:
        return await _asked(access, type_, sorted(set().union(*group)))

    found = await together.together(access, f"names:{type_}", wanted, ask)
    return {id_: name for id_, name in found.items() if id_ in wanted}


async def _asked(access: Access, type_: str, wanted: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        answer = await access.search(type_, [("_id", ",".join(some))], count=len(some))
        found |= {s.id: full_name(s.resource) if type_ == "Patient" else own_name(s.resource) for s in answer.matches}
    return found


def program_names(access: Access, numbers: Sequence[int]) -> str:
    """`Detox, Outpatient SUD`."""
    programs = access.rules.programs
    return ", ".join(programs[n].name for n in numbers if n in programs)


def moment(at: datetime) -> str:
    """`23 Nov 2026, 14:05 EST`: by the clock of the request, which is said because the desk looks at several houses."""
    there = at.astimezone(zones.here())
    return f"{there.day} {there:%b %Y, %H:%M %Z}"
