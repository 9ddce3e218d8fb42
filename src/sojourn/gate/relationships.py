"""Who cares for whom: care teams and episodes become relation rows in the transaction writing them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sojourn.gate.consent import EVER, FOREVER, Relation, _id_of, _moment

SOURCES = ("CareTeam", "EpisodeOfCare")


def compiled(resource: Mapping[str, Any], op: int) -> list[Relation]:
    """The rows of record.relation_row that a CareTeam or EpisodeOfCare creates; none for any other type or an ended one."""
    reader = {"CareTeam": _care_team, "EpisodeOfCare": _episode}.get(resource["resourceType"])
    return reader(resource, op) if reader else []


def _care_team(team: Mapping[str, Any], op: int) -> list[Relation]:
    patient = _id_of(team.get("subject"), "Patient")
    if patient is None or team.get("status") in ("entered-in-error", "inactive"):
        return []
    start, end = _times(team)
    actors = {p.get("member", {}).get("reference") for p in team.get("participant", ())} | {o.get("reference") for o in team.get("managingOrganization", ())}
    return [(op, patient, actor, "care-team", start, end) for actor in sorted(a for a in actors if a)]


def _episode(episode: Mapping[str, Any], op: int) -> list[Relation]:
    patient = _id_of(episode.get("patient"), "Patient")
    if patient is None or episode.get("status") in ("entered-in-error", "cancelled"):
        return []
    start, end = _times(episode)
    actors = {episode.get("managingOrganization", {}).get("reference"), episode.get("careManager", {}).get("reference")}
    return [(op, patient, actor, "episode", start, end) for actor in sorted(a for a in actors if a)]


def _times(resource: Mapping[str, Any]) -> tuple[datetime, datetime]:
    period = resource.get("period", {})
    return (_moment(period.get("start"), EVER), _moment(period.get("end"), FOREVER, end=True))
