"""By which clock a page goes: on a chart that of the client's stay, else where the caller works."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from sojourn.care.staffing import zones

if TYPE_CHECKING:
    from starlette.requests import Request

    from sojourn.gate.access import Access


async def enter(request: Request, meanwhile: Awaitable[None]) -> None:
    """Set it for this request. Asks one more question only of organizations that work in several zones, and only on a chart. meanwhile: what else
    has to be known before a page begins, asked with it."""
    access: Access = request.state.access
    programs: list[int] = []
    if zones.several(access) and request.url.path.startswith("/patients/") and "id" in request.path_params:
        programs, _ = await asyncio.gather(of_patient(access, request.path_params["id"]), meanwhile)
    else:
        await meanwhile
    zones.enter(access, programs)


async def of_patient(access: Access, patient: str) -> list[int]:
    """Programs of a client's stays that last, the newest first, as far as the caller may see them."""
    if not access.may("EpisodeOfCare", "search"):
        return []
    found = await access.search("EpisodeOfCare", [("patient", patient), ("status", "active,onhold,planned"), ("_sort", "-date")], count=5)
    numbers = {p.organization: n for n, p in access.rules.programs.items() if p.organization}
    named = [str((e.get("managingOrganization") or {}).get("reference", "")) for e in found.resources]
    return [numbers[n] for n in named if n in numbers]


def facts(access: Access) -> list[tuple[str, str]]:
    """What the head of a chart says of its clock, where the organization works by more than one."""
    return [("Times", str(zones.here()).rpartition("/")[2].replace("_", " "))] if zones.several(access) else []
