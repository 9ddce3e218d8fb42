"""What ends with a stay, whichever way it ends: its bed and its teams."""

from __future__ import annotations

from typing import Any

from sojourn.care.resources import id_of
from sojourn.gate import elsewhere
from sojourn.gate.access import Access
from sojourn.gate.changes import Change


async def beds_end(access: Access, patient: str, episode: str, now: str, disposition: dict[str, Any]) -> list[Change]:
    """The bed of a stay is free from now on. now: a FHIR instant; disposition: the CodeableConcept of where they go."""
    found = await access.search("Encounter", [("patient", patient), ("class", "IMP"), ("status", "arrived,in-progress,onleave")], count=10)
    out = []
    for stored in found.matches:
        of = [id_of(e, "EpisodeOfCare") for e in stored.resource.get("episodeOfCare", ())]
        if (of and episode not in of) or elsewhere.told(stored.resource):
            continue
        locations = [{**e, "status": "completed", "period": {**e.get("period", stored.resource.get("period", {})), "end": now}} for e in stored.resource.get("location", ())]
        over = {**stored.resource, "status": "finished", "period": {**stored.resource.get("period", {}), "end": now}, **({"location": locations} if locations else {})}
        over["hospitalization"] = {**stored.resource.get("hospitalization", {}), "dischargeDisposition": disposition}
        out.append(Change("update", "Encounter", stored.id, over, if_match=stored.version))
    return out


async def teams_end(access: Access, episode: dict[str, Any], now: str) -> list[Change]:
    """The teams of a stay have ended."""
    out = []
    for reference in episode.get("team", ()):
        id_ = id_of(reference, "CareTeam")
        if id_:
            stored = await access.read("CareTeam", id_)
            if stored.resource.get("status") in ("active", "proposed", "suspended"):
                out.append(Change("update", "CareTeam", id_, {**stored.resource, "status": "inactive", "period": {**stored.resource.get("period", {}), "end": now}}, if_match=stored.version))
    return out
