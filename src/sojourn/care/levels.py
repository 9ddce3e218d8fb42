"""Levels of care: which one a stay is in, and the stays that a client has."""

from __future__ import annotations

from typing import Any, NamedTuple

from sojourn.care.resources import id_of
from sojourn.gate.access import Access

LEVEL = "level-of-care"
"""How the code system of levels ends, whoever numbers them: an organization may have its own."""
IN_CARE = ("active", "onhold", "planned", "waitlist")


class Stay(NamedTuple):
    """An EpisodeOfCare as rooms need it. level: '' if it does not say. clinician: a reference to the one who is responsible, or ''.

    started, ended: FHIR dates, '' where there is none yet. program: what the stay is called; organization: the id of the one that runs it.
    """

    id: str
    patient: str
    level: str
    program: str
    organization: str
    clinician: str
    status: str
    started: str
    ended: str
    teams: tuple[str, ...]


def of_episode(episode: dict[str, Any]) -> str:
    """The level of care that an EpisodeOfCare names, or ''."""
    for type_ in episode.get("type", ()):
        for coding in type_.get("coding", ()):
            if str(coding.get("system", "")).endswith(LEVEL):
                return str(coding.get("code", ""))
    return ""


def stay(episode: dict[str, Any]) -> Stay:
    """An EpisodeOfCare, read."""
    names = [str(t.get("text", "")) for t in episode.get("type", ()) if t.get("text")]
    period = episode.get("period", {})
    return Stay(
        str(episode["id"]), id_of(episode.get("patient"), "Patient"), of_episode(episode), next(iter(names), ""), id_of(episode.get("managingOrganization"), "Organization"),
        str(episode.get("careManager", {}).get("reference", "")), str(episode.get("status", "")), str(period.get("start", "")), str(period.get("end", "")),
        tuple(id_of(team, "CareTeam") for team in episode.get("team", ())),
    )  # fmt: skip


async def current(access: Access, patient: str) -> list[Stay]:
    """The stays of a client that have not ended, the newest first, as far as the caller may see them. One search."""
    found = await access.search("EpisodeOfCare", [("patient", patient), ("status", ",".join(IN_CARE)), ("_sort", "-date")], count=20)
    return [stay(episode) for episode in found.resources]
