"""The sample organization with the clients of its earlier years: at any size, most of them discharged, as in a real house."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from sojourn.cli import riverbend
from sojourn.gate.importing import Arrival
from sojourn.sample import earlier_clients

APART = timedelta(days=120)
"""Between two cohorts."""
_ENDED = {
    "EpisodeOfCare": ("active", "finished"), "CareTeam": ("active", "inactive"), "CarePlan": ("active", "completed"), "Encounter": ("in-progress", "finished"),
    "ServiceRequest": ("active", "completed"), "MedicationRequest": ("active", "completed"), "Appointment": ("booked", "fulfilled"), "Flag": ("active", "inactive"),
}  # fmt: skip


def cohorts(today: date, resources: int) -> Iterator[Arrival]:
    """About so many resources: cohorts of 200 clients, the first still in care, each one after it discharged four months before the last."""
    numbers = riverbend.program_numbers()
    made = 0
    for cohort in range(1, 1000):
        then = today - APART * (cohort - 1)
        for item in earlier_clients(riverbend.SEED, then, cohort):
            if made >= resources and item.resource["resourceType"] == "Patient":
                return  # never in the middle of a chart
            made += 1
            resource = item.resource if cohort == 1 else _ended(item.resource, then)
            yield Arrival(f"cohort {cohort}:{made}", numbers[item.program_key] if item.program_key else None, resource)


def _ended(resource: dict[str, Any], then: date) -> dict[str, Any]:
    """The same once its client was discharged."""
    going, gone = _ENDED.get(resource["resourceType"], ("", ""))
    if not going or resource.get("status") != going:
        return resource
    ended = {**resource, "status": gone}
    if "period" in resource and "end" not in resource["period"]:
        start = str(resource["period"].get("start", ""))
        ended["period"] = {**resource["period"], "end": max(then.isoformat(), start[:10]) if len(start) <= 10 else f"{max(then.isoformat(), start[:10])}T23:00:00Z"}
    return ended
