"""Which section of a document a resource belongs to, and the order in which a section tells.

Every resource has one place; what has none of its own is told in words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from sojourn.wire.ccda import writecare as care
from sojourn.wire.ccda import writedischarge as discharge
from sojourn.wire.ccda import writelists as lists
from sojourn.wire.ccda import writemeasures as measures
from sojourn.wire.ccda.markup import E
from sojourn.wire.ccda.oids import LOINC
from sojourn.wire.ccda.parts import Here, related, template
from sojourn.wire.ccda.telling import Json, Table, coding

Make = Callable[[Table], list[E]]
_STAYS: Final = ("IMP", "ACUTE", "NONAC", "SS", "OBSENC")
_DISCHARGE_NOTES: Final = frozenset({"18842-5", "11490-0", "28655-9", "34745-0"})
_DIRECTIVES: Final = frozenset({"42348-3", "81334-5", "86533-7", "64298-3", "75320-2"})
_NOWHERE: Final = frozenset({"Patient", "Composition"})
_APART: Final = frozenset({"survey", "social-history", "vital-signs"})
"""Observations that stand in sections of their own also when a report names them."""
_PLANNED: Final = frozenset({"ServiceRequest", "Appointment", "DeviceRequest"})
_DATES: Final = ("effectiveDateTime", "authoredOn", "onsetDateTime", "performedDateTime", "occurrenceDateTime", "recordedDate", "startDate", "start", "date", "created", "sent", "whenHandedOver")


class Sorted(NamedTuple):
    """Sections by key, each a list of (resource, what makes its entries). stay, signed: what a discharge summary is about; people: who cares for them."""

    told: dict[str, list[tuple[Json, Make]]]
    people: list[Json]
    stay: Json | None
    signed: Json | None


def date_of(resource: Json) -> str:
    """The date that a resource is of; '' where it names none."""
    period = resource.get("period") or resource.get("performedPeriod") or resource.get("effectivePeriod") or (resource.get("context") or {}).get("period") or {}
    return str(period.get("start") or next((resource[name] for name in _DATES if resource.get(name)), ""))


def since(resources: Sequence[Json]) -> str:
    """The earliest day of which anything is."""
    return min((d[:10] for r in resources if r["resourceType"] not in ("Consent", "Coverage") and (d := date_of(r))), default="")


def sort(kind: str, resources: Sequence[Json], here: Here) -> Sorted:
    """Each resource in its section, the newest first within."""
    told: dict[str, list[tuple[Json, Make]]] = defaultdict(list)
    # Two sorts, both stable: by name, then by date downwards, so that the same resources always stand in the same order.
    ordered = sorted(sorted(resources, key=lambda r: (r["resourceType"], r["id"])), key=date_of, reverse=True)
    stay = next((r for r in ordered if r["resourceType"] == "Encounter" and (r.get("class") or {}).get("code") in _STAYS), None) or next((r for r in ordered if r["resourceType"] == "EpisodeOfCare"), None)
    signed = next((r for r in ordered if _types(r) & _DISCHARGE_NOTES), None) if kind == "discharge" else None
    diagnoses = _diagnoses(stay, ordered, here) if kind == "discharge" else set()
    left = discharge.leaving(stay, ordered, here) if kind == "discharge" else None
    reported = {here.name(m) for r in ordered if r["resourceType"] == "DiagnosticReport" for m in r.get("result", ())}
    moments: dict[tuple[str, str], list[Json]] = {}
    for resource in ordered:
        type_ = resource["resourceType"]
        if type_ in _NOWHERE:
            continue
        if _mistaken(resource):
            told["further"].append((resource, _one(care.further, resource, here)))
        elif type_ == "Observation":
            key, make = _observation(resource, here, reported, moments)
            if key:
                told[key].append((resource, make))
        elif type_ == "Condition":
            key, make = _condition(kind, resource, here, diagnoses)
            told[key].append((resource, make))
        elif left is not None and type_ in discharge.MEDICATIONS and left.takes(resource, date_of(resource)):
            marked, decision = left.told(resource)
            told["discharge-medications"].append((marked, _discharge_medication(marked, decision, here)))
        else:
            for key, make in _other(kind, resource, here):
                told[key].append((resource, make))
    for patient in (r for r in resources if r["resourceType"] == "Patient"):
        if measures.person(Table("x"), patient, here):
            told["social"].insert(0, (patient, _several(measures.person, patient, here)))
    return Sorted(told, _people(ordered), stay, signed)


def _one(make: Callable[[Table, Json, Here], E], resource: Json, here: Here) -> Make:
    return lambda table: [make(table, resource, here)]


def _several(make: Callable[[Table, Json, Here], list[E]], resource: Json, here: Here) -> Make:
    return lambda table: make(table, resource, here)


def _types(resource: Json) -> set[str]:
    return {str(c.get("code")) for c in (resource.get("type") or {}).get("coding", ())} if resource["resourceType"] == "DocumentReference" else set()


def _mistaken(resource: Json) -> bool:
    """Entered in error: it is told as that, and as no fact."""
    return "entered-in-error" in (resource.get("status"), lists.code_of(resource.get("verificationStatus")), resource.get("lifecycleStatus"))


def _observation(resource: Json, here: Here, reported: set[str], moments: dict[tuple[str, str], list[Json]]) -> tuple[str, Make]:
    kinds = measures.categories(resource)
    if measures.is_vital(resource):
        moment = measures.when(resource)
        if moment[0] and moment in moments:
            moments[moment].append(resource)
            return "", _nothing
        together = [resource]
        if moment[0]:
            moments[moment] = together
        return "vitals", lambda table: [measures.vitals(table, together, here)]
    if f"Observation/{resource['id']}" in reported and not kinds & _APART:
        return "", _nothing
    if kinds & {"functional-status", "disability-status"}:
        return "functional", _several(measures.scale, resource, here)
    if kinds & {"social-history", "sdoh"}:
        return "social", _several(measures.social, resource, here)
    if kinds & {"survey", "cognitive-status"}:
        return "mental", _several(measures.scale, resource, here)
    if kinds & {"treatment-intervention-preference", "care-experience-preference"}:
        return "directives", _several(measures.scale, resource, here)
    return "results", lambda table: [measures.organizer(table, resource, [resource], here)]


def _nothing(table: Table) -> list[E]:
    return []


def _condition(kind: str, resource: Json, here: Here, diagnoses: set[str]) -> tuple[str, Make]:
    if kind == "care-plan":
        return "concerns", lambda table: [care.concern(table, resource, here, lists.problem_observation(table.row(), resource, here)[0])]
    if f"Condition/{resource['id']}" in diagnoses:
        return "diagnosis", lambda table: [_discharge_diagnosis(table, resource, here)]
    return "problems", _one(lists.problem, resource, here)


def _discharge_diagnosis(table: Table, resource: Json, here: Here) -> E:
    """A Hospital Discharge Diagnosis (22.4.33)."""
    observation, _, _ = lists.problem_observation(table.row(), resource, here)
    return E("act", *template("22.4.33", "2015-08-01"), here.id(resource, "#discharge"), coding("code", LOINC, "11535-2", "Hospital discharge diagnosis"), E("statusCode", code="completed"), related("SUBJ", observation), classCode="ACT", moodCode="EVN")


def _discharge_medication(resource: Json, decision: str, here: Here) -> Make:
    return lambda table: [discharge.discharged_on(table, resource, here, decision)]


def _diagnoses(stay: Json | None, resources: Sequence[Json], here: Here) -> set[str]:
    """The conditions that the stay, or its episode, names as what it was for."""
    around = [stay, *(here.get(e) for e in (stay or {}).get("episodeOfCare", ()))]
    named = {here.name(d.get("condition")) for r in around if r for d in r.get("diagnosis", ())}
    return named | {f"Condition/{r['id']}" for r in resources if stay and r["resourceType"] == "Condition" and here.name(r.get("encounter")) == f"{stay['resourceType']}/{stay['id']}"}


_SIMPLE: Final[dict[str, tuple[str, Callable[[Table, Json, Here], E]]]] = {
    "AllergyIntolerance": ("allergies", lists.allergy), "MedicationRequest": ("medications", lists.medication), "MedicationStatement": ("medications", lists.medication),
    "MedicationAdministration": ("medications", lists.medication), "MedicationDispense": ("medications", lists.dispense), "Immunization": ("immunizations", lists.immunization),
    "Encounter": ("encounters", care.encounter), "EpisodeOfCare": ("encounters", care.encounter), "Procedure": ("procedures", care.procedure), "CareTeam": ("team", care.team),
    "Coverage": ("payers", care.coverage), "Flag": ("alerts", care.alert), "Device": ("devices", care.device), "FamilyMemberHistory": ("family", care.relative),
}  # fmt: skip


def _other(kind: str, resource: Json, here: Here) -> Iterator[tuple[str, Make]]:
    type_ = resource["resourceType"]
    plan = {"care-plan": "interventions", "referral": "assessment-plan", "transfer": "assessment-plan"}.get(kind, "plan")
    if type_ in _SIMPLE:
        key, make = _SIMPLE[type_]
        yield key, _one(make, resource, here)
    elif type_ == "Goal":
        yield "goals", _one(care.goal, resource, here)
        if kind == "care-plan" and resource.get("achievementStatus"):
            yield "outcomes", _one(care.outcome, resource, here)
    elif type_ in _PLANNED:
        yield plan, _one(care.planned, resource, here)
    elif type_ == "CarePlan":
        yield plan, _one(care.intervention, resource, here) if kind == "care-plan" else _several(care.plan, resource, here)
    elif type_ == "DiagnosticReport":
        members = [m for reference in resource.get("result", ()) if (m := here.get(reference)) and not measures.categories(m) & _APART]
        yield "results", lambda table: [measures.organizer(table, resource, members, here)]
    elif type_ == "DocumentReference" and resource.get("content"):
        types = _types(resource)
        left = kind == "discharge"
        section = "course" if left and types & _DISCHARGE_NOTES else "instructions" if left and types & discharge.INSTRUCTIONS else "directives" if types & _DIRECTIVES else "notes"
        yield section, _several(care.note, resource, here)
        if section == "course" and (text := discharge.instructed(resource)):
            yield "instructions", lambda table: [discharge.instruction(table, resource, here, text)]
    elif type_ != "Medication" or not _used(resource, here):
        yield "further", _one(care.further, resource, here)


def _used(medication: Json, here: Here) -> bool:
    """Whether a Medication is told with what names it."""
    return any(here.name(r.get("medicationReference")) == f"Medication/{medication['id']}" for r in here.known.values())


def _people(resources: Sequence[Json]) -> list[Json]:
    """Who cares for them: named in teams that go on, else as authors of plans; each once."""
    found = [p["member"] for r in resources if r["resourceType"] == "CareTeam" and r.get("status") != "inactive" for p in r.get("participant", ()) if (p.get("member") or {}).get("display")]
    found += [r["author"] for r in resources if r["resourceType"] == "CarePlan" and (r.get("author") or {}).get("display")]
    return list({str(p["display"]): p for p in found}.values())
