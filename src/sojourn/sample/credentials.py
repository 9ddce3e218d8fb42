"""What the people of the sample hold: licences and certificates with their dates."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sojourn.sample.staff import JOBS, STAFF, Staff

_ROOT = "https://sojourn.example/fhir/StructureDefinition/"
_LICENCE = "https://sojourn.example/fhir/NamingSystem/licence"
_STATE = "NY"
_SUPERVISED_BY = {"intern": "sam"}
_LEVELS = {
    "prescriber": "independent", "therapist": "independent", "nurse": "independent", "tech": "certified", "peer": "certified", "intern": "intern",
}  # fmt: skip
_ENDS = {"dana": 41, "vega": 12, "thorne": 3, "stroud": 75, "coles": 55}
"""Days until the credential of these ends; those of all others last for years."""
_ENDED = {"zhang": -9}
"""And whose ended: they cannot sign."""


def qualifications(person: Staff, supervisor: dict[str, Any] | None, today: date) -> list[dict[str, Any]]:
    """Practitioner.qualification of a person. supervisor: a reference to whoever they work under."""
    level = _LEVELS.get(JOBS[person.job].kind, "")
    titles = [t for t in person.credential.split(", ") if t and t != "supervisor"]
    return [_one(person, title, n, level, supervisor, today) for n, title in enumerate(titles)]


def supervisor_of(person: Staff) -> str:
    """The key of whoever they work under; '' for most."""
    return _SUPERVISED_BY.get(JOBS[person.job].kind, "")


def _one(person: Staff, title: str, n: int, level: str, supervisor: dict[str, Any] | None, today: date) -> dict[str, Any]:
    if not level:
        return {"code": {"text": title}}
    place = next(i for i, s in enumerate(STAFF) if s.key == person.key)
    days = {**_ENDS, **_ENDED}.get(person.key, 210 + place * 17 + n * 90)
    end = today + timedelta(days=days)
    start = date(end.year - 3, end.month, min(end.day, 28))
    extension: list[dict[str, Any]] = [{"url": _ROOT + "credential-level", "valueCode": level}, {"url": _ROOT + "credential-state", "valueCode": _STATE}]
    if supervisor:
        extension += [{"url": _ROOT + "credential-supervisor", "valueReference": {"reference": supervisor["reference"]}}, {"url": _ROOT + "credential-supervision", "valueCode": "general"}]
    return {
        "extension": extension,
        "identifier": [{"system": _LICENCE, "value": f"{70000 + place * 131 + n}"}],
        "code": {"text": title},
        "period": {"start": start.isoformat(), "end": end.isoformat()},
        "issuer": {"display": "State board (made up)"},
    }
