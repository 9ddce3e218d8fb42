"""Who answers for a client: the care manager of the stay, else the first of the care team."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from sojourn.gate.access import Access
from sojourn.gate.caller import Program


async def responsible(access: Access, patient: str, program: Program | None = None) -> str | None:
    """The Practitioner who answers for a client now, as far as the caller may know. program: within that one only, where it has a stay.

    patient: logical id. Two searches at once.
    """
    stays, teams = await asyncio.gather(
        access.search("EpisodeOfCare", [("patient", patient), ("status", "active"), ("_sort", "-date")], count=50),
        access.search("CareTeam", [("patient", patient), ("status", "active")], count=50),
    )
    organization = program.organization if program else None
    for found in (_within(stays.resources, organization), stays.resources if organization is None else []):
        if manager := next((m for stay in found if (m := _practitioner(stay.get("careManager")))), None):
            return manager
    return next((m for team in _within(teams.resources, organization) if (m := _primary(team))), None)


def _within(found: Sequence[Mapping[str, Any]], organization: str | None) -> list[Mapping[str, Any]]:
    """Those of one organization; all of them where none is asked for."""
    return [r for r in found if organization is None or organization in _managing(r)]


def _managing(resource: Mapping[str, Any]) -> set[str]:
    held = resource.get("managingOrganization", [])
    return {str(one.get("reference", "")) for one in (held if isinstance(held, list) else [held])}


def _primary(team: Mapping[str, Any]) -> str | None:
    """Of a team, the member whose role says primary, else the first who is a Practitioner."""
    members = [(m, str(p.get("role", "")).casefold()) for p in team.get("participant", ()) if (m := _practitioner(p.get("member")))]
    return next((m for m, role in members if "primary" in role), members[0][0] if members else None)


def _practitioner(reference: Mapping[str, Any] | None) -> str | None:
    said = str((reference or {}).get("reference", ""))
    return said if said.startswith("Practitioner/") else None
