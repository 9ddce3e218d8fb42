"""An authorization as a ClaimResponse: payer, number, what for, span, units, next review.

https://hl7.org/fhir/R4/claimresponse.html. What was used of it is not kept here: it is counted from what is signed (counting.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sojourn.care.notes import services
from sojourn.care.resources import CARE, code_of, concept, id_of, ref

TYPE: Final = "ClaimResponse"
TAG: Final = "authorization"
CURRENT: Final = "authorization-current"
_EXT: Final = "https://sojourn.example/fhir/StructureDefinition/authorization-"
UNITS: Final = {"days": "days", "visits": "visits", "hours": "hours", "quarters": "units of 15 minutes"}
OBTAINED: Final = {"phone": "By telephone", "portal": "In the payer's portal", "fax": "By fax", "letter": "By letter", "electronic": "Electronically", "other": "Another way"}
LEVEL, SERVICE = "level", "service"
LEVELS: Final = ("1.5", "1.7", "2.1", "2.5", "2.7", "3.1", "3.5", "3.7", "4")
"""Numbers of the ASAM Criteria's fourth edition; an organization's own are taken as they are typed."""


@dataclass(frozen=True, slots=True)
class Authorization:
    """scope: level or service; of: its code. stay: the EpisodeOfCare that it is for, or ''. start, end: both days are covered.

    review: the day of the next concurrent review. contact: with whom it was spoken, and where they are reached.
    """

    id: str
    version: str
    patient: str
    payer: str
    coverage: str
    number: str
    scope: str
    of: str
    unit: str
    approved: float
    start: date
    end: date
    review: date | None
    contact: str
    obtained: str
    stay: str
    note: str
    status: str
    created: str
    labels: frozenset[str]

    @property
    def title(self) -> str:
        """What it is for, in words."""
        return title(self.scope, self.of)

    def covers(self, day: date) -> bool:
        """Whether a day lies within its span."""
        return self.start <= day <= self.end


def title(scope: str, of: str) -> str:
    """A level or a service in words."""
    if scope == LEVEL:
        return f"Level {of}"
    found = services.services(date.max).get(of)
    return found.title if found else of


def labels(resource: Mapping[str, Any]) -> frozenset[str]:
    """The labels that a resource is served with; a service whose labels go beyond those of an authorization is not counted for it."""
    return frozenset(f"{c.get('system')}|{c.get('code')}" for c in (resource.get("meta") or {}).get("security") or () if not str(c.get("system", "")).endswith("v3-Confidentiality"))


def read(resource: Mapping[str, Any], version: str = "") -> Authorization | None:
    """The authorization that a ClaimResponse is; None for any other, or one that cannot be read."""
    if resource.get("use") != "preauthorization" or TAG not in {t.get("code") for t in (resource.get("meta") or {}).get("tag") or () if t.get("system") == CARE}:
        return None
    said = {str(e.get("url", "")).removeprefix(_EXT): e for e in resource.get("extension") or ()}
    item: Mapping[str, Any] = next(iter(resource.get("addItem") or ()), {})
    scope, _, of = code_of(item.get("productOrService")).partition(".")
    period = resource.get("preAuthPeriod") or {}
    try:
        start, end = (date.fromisoformat(str(period.get(k, ""))[:10]) for k in ("start", "end"))
        approved = float((item.get("quantity") or {}).get("value", 0))
    except ValueError:
        return None
    review = str(said.get("review", {}).get("valueDate", ""))
    return Authorization(
        str(resource.get("id", "")), version, id_of(resource.get("patient"), "Patient"), str(said.get("payer", {}).get("valueString", "") or (resource.get("insurer") or {}).get("display", "")),
        next((i for n in resource.get("insurance") or () if (i := id_of(n.get("coverage"), "Coverage"))), ""), str(resource.get("preAuthRef", "")), scope, of,
        str((item.get("quantity") or {}).get("code", "visits")), approved, start, end, date.fromisoformat(review) if review else None, str(said.get("contact", {}).get("valueString", "")),
        str(said.get("obtained", {}).get("valueCode", "")), id_of(said.get("stay", {}).get("valueReference"), "EpisodeOfCare"), str(resource.get("disposition", "")), str(resource.get("status", "")),
        str(resource.get("created", "")), labels(resource),
    )  # fmt: skip


def resource(a: Authorization) -> dict[str, Any]:
    """As a ClaimResponse. The payer's name is written down, as a payer need not be in the directory; twice, as what is redacted has no display."""
    extension: list[dict[str, Any]] = []
    if a.review:
        extension.append({"url": f"{_EXT}review", "valueDate": a.review.isoformat()})
    extension += [{"url": f"{_EXT}{name}", kind: value} for name, kind, value in (("payer", "valueString", a.payer), ("contact", "valueString", a.contact), ("obtained", "valueCode", a.obtained)) if value]
    if a.stay:
        extension.append({"url": f"{_EXT}stay", "valueReference": ref("EpisodeOfCare", a.stay)})
    quantity = {"value": int(a.approved) if a.approved == int(a.approved) else a.approved, "unit": UNITS[a.unit], "system": CARE, "code": a.unit}
    made: dict[str, Any] = {
        "resourceType": TYPE, "meta": {"tag": [{"system": CARE, "code": TAG}, {"system": CARE, "code": CURRENT}]}, "status": a.status or "active",
        "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/claim-type", "code": "institutional"}]}, "use": "preauthorization", "patient": ref("Patient", a.patient),
        "created": a.created, "insurer": {"display": a.payer}, "outcome": "complete", "preAuthRef": a.number, "preAuthPeriod": {"start": a.start.isoformat(), "end": a.end.isoformat()},
        "addItem": [{"productOrService": concept(f"{a.scope}.{a.of}", a.title), "quantity": quantity, "adjudication": [{"category": concept("authorized", "Authorized"), "value": quantity["value"]}]}],
    }  # fmt: skip
    if extension:
        made["extension"] = extension
    if a.note:
        made["disposition"] = a.note
    if a.coverage:
        made["insurance"] = [{"sequence": 1, "focal": True, "coverage": ref("Coverage", a.coverage)}]
    return made

