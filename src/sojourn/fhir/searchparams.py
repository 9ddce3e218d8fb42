"""Search parameters of every resource type, from the compiled tables of facts.

The tables (`tables/r4-search.json`, `tables/us-core-6.1.0-search.json`) name the package, version, licence and hash they
were compiled from by `tools/definitions/search.py`. Semantics: https://hl7.org/fhir/R4/search.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

import msgspec

TABLES = ("r4-search.json", "us-core-6.1.0-search.json", "mhd-4.2.2-search.json")

ADDED = frozenset({"creation"})
"""Parameters that came when there were stores: gate/indexagain.py indexes what was there before."""

COMPARATORS = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
"""Prefixes of dates, numbers and quantities."""

SORTABLE = frozenset({"date", "number", "quantity", "string", "uri"})

CLINICAL_DATES: dict[str, str] = {
    # Reviewed 2026-11: the one date by which a chart lists resources of the type; a search sorted by it needs no other index.
    "AdverseEvent": "date", "AllergyIntolerance": "date", "Appointment": "date", "AuditEvent": "date", "CarePlan": "date",
    "CareTeam": "date", "ChargeItem": "occurrence", "Claim": "created", "ClaimResponse": "created", "ClinicalImpression": "date",
    "Communication": "sent", "CommunicationRequest": "authored", "Composition": "date", "Condition": "recorded-date",
    "Consent": "date", "Contract": "issued", "DetectedIssue": "identified", "DeviceRequest": "authored-on",
    "DiagnosticReport": "date", "DocumentManifest": "created", "DocumentReference": "date", "Encounter": "date",
    "EpisodeOfCare": "date", "ExplanationOfBenefit": "created", "FamilyMemberHistory": "date", "Flag": "date",
    "Goal": "start-date", "ImagingStudy": "started", "Immunization": "date", "ImmunizationEvaluation": "date", "Invoice": "date",
    "List": "date", "MeasureReport": "date", "Media": "created", "MedicationAdministration": "effective-time",
    "MedicationDispense": "whenhandedover", "MedicationRequest": "authoredon", "MedicationStatement": "effective",
    "NutritionOrder": "datetime", "Observation": "date", "Patient": "birthdate", "PaymentNotice": "created",
    "PaymentReconciliation": "created", "Procedure": "date", "Provenance": "recorded", "QuestionnaireResponse": "authored",
    "RequestGroup": "authored", "RiskAssessment": "date", "ServiceRequest": "authored", "Slot": "start", "Specimen": "collected",
    "SupplyRequest": "date", "Task": "authored-on", "VisionPrescription": "datewritten",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Path:
    """One typed key path; steps as in the table (`name*` repeats, `#0`, `?key=value`, `?->Type`, `?+url`)."""

    steps: tuple[str, ...]
    type: str
    system: str = ""
    """The code system of a `code`, where its binding names exactly one."""

    @property
    def repeats(self) -> bool:
        """Whether one resource may have several values here."""
        return any(step.endswith("*") for step in self.steps if step[0] not in "?#")


@dataclass(frozen=True, slots=True)
class Component:
    """One part of a composite; its paths start at the composite's context, or at the resource when `from_root`."""

    code: str
    kind: str
    paths: tuple[Path, ...]
    from_root: bool


@dataclass(frozen=True, slots=True)
class SearchParam:
    """One search parameter of one resource type."""

    code: str
    kind: str
    url: str
    targets: tuple[str, ...] = ()
    """Resource types that a reference may point to; ("*",) for any."""
    paths: tuple[Path, ...] = ()
    components: tuple[Component, ...] = ()
    via: tuple[str, ...] = ()
    """Parameters whose index entries are exactly this one's (`subject:Patient`: only those that point to a Patient)."""
    types: frozenset[str] = field(default=frozenset())
    """FHIR types of its values."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names under which its values stand in the index: its own, or those that it is seen through."""
        return tuple(name.partition(":")[0] for name in self.via) or (self.code,)

    @property
    def view(self) -> str:
        """The one resource type to which another parameter's references are limited; empty if there is no limit."""
        return self.via[0].partition(":")[2] if self.via else ""

    @property
    def single(self) -> bool:
        """Whether a resource has at most one value."""
        return all(not path.repeats for path in self.paths)

    @property
    def implied_system(self) -> str | None:
        """The code system of all its values when they are codes of one system; None otherwise."""
        systems = {path.system if path.type == "code" else "" for path in self.paths}
        return (systems.pop() or None) if len(systems) == 1 else None


def _path(text: str) -> Path:
    """A path from its text in the table."""
    *steps, end = text.split(" ")
    fhir_type, _, system = end[1:].partition("=")
    return Path(tuple(steps), fhir_type, system)


def _component(row: list[Any]) -> Component:
    """A component from its row in the table."""
    code, kind, paths = row
    return Component(code, kind, tuple(_path(p.removeprefix("^ ")) for p in paths), bool(paths) and paths[0].startswith("^ "))


def _param(row: list[Any]) -> SearchParam:
    """A parameter from its row in the table."""
    code, kind, url, targets, paths, components, via = row
    read = tuple(_path(p) for p in paths)
    return SearchParam(
        code, kind, url, tuple(targets), read, tuple(map(_component, components)), tuple(via), frozenset(p.type for p in read)
    )


@cache
def _tables() -> list[dict[str, Any]]:
    """The tables, loaded once."""
    folder = resources.files("sojourn.fhir") / "tables"
    return [msgspec.json.decode((folder / name).read_bytes()) for name in TABLES]


@cache
def resource_types() -> frozenset[str]:
    """Every R4 resource type."""
    return frozenset(_tables()[0]["types"])


@cache
def compartment_table(compartment: str) -> dict[str, list[str]]:
    """Resource type -> parameters that put a resource into the compartment (`Patient`, `Encounter`, ...)."""
    found: dict[str, list[str]] = _tables()[0]["compartments"].get(compartment, {})
    return found


@cache
def _of_type(resource_type: str) -> Mapping[str, SearchParam]:
    """Parameters of a type, those of every resource included."""
    names = (resource_type,) if resource_type == "Resource" else ("Resource", resource_type)
    rows = [row for name in names for table in _tables() for row in table["params"].get(name, ())]
    return {row[0]: _param(row) for row in sorted(rows, key=lambda row: str(row[0]))}


class _Params(Mapping[str, Mapping[str, SearchParam]]):
    """Resource type -> code -> SearchParam; a type's parameters are made when they are first asked for."""

    def __getitem__(self, resource_type: str) -> Mapping[str, SearchParam]:
        if resource_type not in resource_types() and resource_type != "Resource":
            raise KeyError(resource_type)
        return _of_type(resource_type)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(resource_types()))

    def __len__(self) -> int:
        return len(resource_types())


PARAMS: Mapping[str, Mapping[str, SearchParam]] = _Params()
"""`PARAMS["Patient"]["birthdate"]`; `PARAMS["Resource"]` holds those that every type has."""


def clinical_date(resource_type: str) -> str | None:
    """The date parameter whose value is the row's `at`; None for types that no chart lists by date."""
    return CLINICAL_DATES.get(resource_type)


def patient_params(resource_type: str) -> tuple[str, ...]:
    """Parameters that put a resource of the type into a Patient compartment."""
    return tuple(compartment_table("Patient").get(resource_type, ()))


def sources() -> list[dict[str, str]]:
    """Name, version, licence and hash of the packages behind the tables."""
    return [table["source"] for table in _tables()]
