"""What a laboratory sends, for the tests of results: reports with their values, in one transaction or bit by bit."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sojourn.base import clock
from sojourn.care.results import following, review
from sojourn.care.results.review import Review
from sojourn.gate.clockwork import Clockwork
from sojourn.gate.feed import Feed
from tests.care.risky import Ward
from tests.people import A
from tests.record.settling import settled

LOINC = "http://loinc.org"
_LAB = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}
_UCUM = "http://unitsofmeasure.org"


def iso(hours: float = 0) -> str:
    return (clock.now() - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def value(patient: str, number: float = 4.1, flag: str = "", *, name: str = "Potassium", code: str = "2823-3", hours: float = 1, **more: Any) -> dict[str, Any]:
    """A potassium."""
    made = {
        "resourceType": "Observation", "status": "final", "category": [_LAB], "code": {"coding": [{"system": LOINC, "code": code}], "text": name}, "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": iso(hours), "issued": iso(hours), "valueQuantity": {"value": number, "unit": "mmol/L", "system": _UCUM, "code": "mmol/L"},
        "referenceRange": [{"low": {"value": 3.5, "unit": "mmol/L"}, "high": {"value": 5.1, "unit": "mmol/L"}}],
    }  # fmt: skip
    if flag:
        made["interpretation"] = [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "code": flag}]}]
    return {**made, **more}


def found(patient: str, name: str, said: str, flag: str = "", **more: Any) -> dict[str, Any]:
    """A finding of a urine drug screen."""
    made = value(patient, name=name, code=name.casefold(), flag=flag, **more)
    made.pop("valueQuantity"), made.pop("referenceRange")
    return {**made, "valueCodeableConcept": {"text": said}}


async def report(ward: Ward, *values: dict[str, Any], who: str = "", title: str = "Metabolic panel", hours: float = 1, **more: Any) -> tuple[str, list[str]]:
    """A report with its values, sent together. The ids."""
    who = who or ward.system
    ids = [(await ward.clinic.make(who, v)).id for v in values]
    made = {
        "resourceType": "DiagnosticReport", "status": "final", "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "LAB"}]}], "code": {"text": title},
        "subject": {"reference": f"Patient/{ward.client}"}, "effectiveDateTime": iso(hours), "issued": iso(hours), "result": [{"reference": f"Observation/{i}"} for i in ids],
    }  # fmt: skip
    return (await ward.clinic.make(who, {**made, **more})).id, ids


async def follow(ward: Ward) -> None:
    """Let the feed reach whoever follows it."""
    feed = Feed(ward.clinic.gate.house.db, A)
    await settled(ward.clinic.gate.house.db)
    await feed.number()
    while await feed.follow("results", following.follower(Clockwork(ward.clinic.gate))):
        pass


async def reviews(ward: Ward, *, who: str = "", all_: bool = False) -> list[Review]:
    """Those that wait, or all, the newest last, as somebody sees them."""
    access = await ward.access(who or ward.system)
    more = [] if all_ else [("status", "requested,accepted,in-progress")]
    answer = await access.search("Task", [review.code(review.KIND), ("patient", ward.client), *more, ("_sort", "authored-on")], count=100)
    return [r for s in answer.matches if (r := review.read(s.resource, s.version)) is not None]
