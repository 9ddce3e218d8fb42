"""What was observed that a plan is held against: scores, ratings, measurements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from sojourn.care.plan import findings, reviews
from sojourn.care.resources import CARE, code_of, id_of
from sojourn.gate.access import Access

MOST = 600


class Observed(NamedTuple):
    """Scores and ratings, the newest first; values by objective."""

    scores: list[findings.Score]
    ratings: list[reviews.Progress]
    values: dict[str, list[reviews.Value]]

    @property
    def rated(self) -> list[tuple[str, str, str]]:
        """The ratings as (objective, rating, day)."""
        return [(r.objective, r.rating, r.on) for r in self.ratings]


def codes() -> str:
    """All of them, as a search takes them."""
    return f"{findings.search_codes()},{CARE}|{reviews.PROGRESS},{CARE}|{reviews.OWN_MEASURE}"


def read(resources: Iterable[dict[str, Any]]) -> Observed:
    """Observations, the newest first."""
    found = list(resources)
    values: dict[str, list[reviews.Value]] = {}
    for o in found:
        number = o.get("valueQuantity", {}).get("value")
        if code_of(o.get("code")) == reviews.OWN_MEASURE and number is not None and o.get("status") != "entered-in-error":
            for focus in o.get("focus", ()):
                values.setdefault(id_of(focus, "Goal"), []).append(reviews.Value(f"Observation/{o['id']}", Decimal(str(number)), str(o.get("effectiveDateTime", ""))))
    return Observed([s for o in found if (s := findings.score_of(o))], [p for o in found if (p := reviews.progress(o))], values)


async def of(access: Access, patient: str) -> Observed:
    """Those of one client. One search."""
    return read(await resources(access, patient))


async def resources(access: Access, patient: str) -> list[dict[str, Any]]:
    """The same as they are stored, the newest first."""
    if not access.may("Observation", "search"):
        return []
    return (await access.search("Observation", [("patient", patient), ("code", codes()), ("_sort", "-date")], count=MOST)).resources


async def of_patients(access: Access, patients: Sequence[str], since: str) -> dict[str, Observed]:
    """Those of several clients since a day, by client. One search."""
    found = await access.search("Observation", [("patient", ",".join(patients)), ("code", codes()), ("date", f"ge{since}"), ("_sort", "-date")], count=1000)
    by: dict[str, list[dict[str, Any]]] = {}
    for o in found.resources:
        by.setdefault(id_of(o.get("subject"), "Patient"), []).append(o)
    return {patient: read(them) for patient, them in by.items()}
