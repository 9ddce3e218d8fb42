"""One entry of the roster: who is what, where, from when to when; as a FHIR PractitionerRole.

https://hl7.org/fhir/R4/practitionerrole.html. Why a PractitionerRole and no table or Slot: docs/decisions/0024-risk-path.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sojourn.care.resources import CARE

SUPERVISES: Final = "https://sojourn.example/fhir/StructureDefinition/supervises"

ON_CALL, AWAY, SUPERVISOR, SITE_LEAD = "on-call", "away", "supervisor", "site-lead"
KINDS: Final[Mapping[str, str]] = {ON_CALL: "On call", AWAY: "Away", SUPERVISOR: "Supervisor", SITE_LEAD: "Site lead"}
"""What somebody can be for a while, and how the screen calls it."""

EVER, NEVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Entry:
    """who: reference of a Practitioner. program: reference of its Organization, None: every one. sites: Locations, none: every one.

    supervises: of a supervisor, the one whom they supervise; None: everybody of the program. From start up to, not including, end.
    """

    id: str
    version: str
    kind: str
    who: str
    program: str | None
    sites: tuple[str, ...]
    start: datetime
    end: datetime
    supervises: str | None = None

    def holds(self, at: datetime) -> bool:
        """Whether it is in force at a moment."""
        return self.start <= at < self.end

    def covers(self, program: str | None, sites: frozenset[str]) -> bool:
        """Whether it is for a program at these sites; of a program whose sites nobody wrote down, every site may be meant."""
        return self.program in (None, program) and (not self.sites or not sites or bool(sites & set(self.sites)))


def read(resource: Mapping[str, Any], version: str = "") -> Entry | None:
    """The entry that a PractitionerRole is; None for any other."""
    codes = [c.get("code") for concept in resource.get("code", ()) for c in concept.get("coding", ()) if c.get("system") == CARE]
    kind = next((code for code in codes if code in KINDS), None)
    who = str(resource.get("practitioner", {}).get("reference", ""))
    if kind is None or not who or resource.get("active") is False:
        return None
    period = resource.get("period", {})
    supervises = next((e.get("valueReference", {}).get("reference") for e in resource.get("extension", ()) if e.get("url") == SUPERVISES), None)
    return Entry(
        str(resource.get("id", "")), version, kind, who, resource.get("organization", {}).get("reference"),
        tuple(str(place["reference"]) for place in resource.get("location", ()) if place.get("reference")),
        _moment(period.get("start"), EVER), _moment(period.get("end"), NEVER), supervises,
    )  # fmt: skip


def resource(entry: Entry) -> dict[str, Any]:
    """An entry as a PractitionerRole, without an id. Why somebody is away is nobody's business, and is not written."""
    period = {name: instant(at) for name, at, open_ in (("start", entry.start, EVER), ("end", entry.end, NEVER)) if at != open_}
    made: dict[str, Any] = {
        "resourceType": "PractitionerRole", "active": True, "practitioner": {"reference": entry.who},
        "code": [{"coding": [{"system": CARE, "code": entry.kind}], "text": KINDS[entry.kind]}],
    }  # fmt: skip
    if entry.supervises:
        made["extension"] = [{"url": SUPERVISES, "valueReference": {"reference": entry.supervises}}]
    if entry.program:
        made["organization"] = {"reference": entry.program}
    if entry.sites:
        made["location"] = [{"reference": place} for place in entry.sites]
    if period:
        made["period"] = period
    if entry.kind == AWAY:
        made["notAvailable"] = [{"description": KINDS[AWAY], "during": period}]
    return made


def instant(at: datetime) -> str:
    """A moment as FHIR writes it, in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(text: object, otherwise: datetime) -> datetime:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return otherwise
    return found if found.tzinfo else found.replace(tzinfo=UTC)
