"""The coded facts of a chart and of what came out of its document elsewhere, compared.

What is not returned stands in APART with the reason, by type and place; what is added, in ADDED.
"""

from __future__ import annotations

from typing import Any

from tests.factlines import facts, plain

Json = dict[str, Any]
APART = {
    "*.category": "Which section it stands in says so; a plan or a problem of others gets no category that ours have.",
    "*.verificationStatus": "Nobody here confirmed it: a comment says what its author said.",
    "AllergyIntolerance.recordedDate": "Of the line here; who wrote it there stands in the Provenance.", "Condition.recordedDate": "As of an allergy.",
    "AllergyIntolerance.recorder": "In the Provenance.", "Condition.recorder": "In the Provenance.", "MedicationRequest.requester": "In the Provenance.",
    "MedicationRequest.reportedBoolean": "C-CDA has no place for it.", "MedicationStatement.informationSource": "In the Provenance.", "Immunization.primarySource": "Of here it is not the first source.",
    "MedicationRequest.dispenseRequest": "A statement has no place for it: its note says it.", "MedicationDispense.dosageInstruction": "Its note says it; the order has it as data.",
    "MedicationDispense.daysSupply": "Its note says it.", "MedicationDispense.type": "Its note says it.", "Appointment.minutesDuration": "Follows from beginning and end.",
    "EpisodeOfCare.diagnosis": "The problem says it.", "Encounter.diagnosis": "The problem says it.", "Encounter.hospitalization.admitSource": "In the words of the document alone.", "Coverage.class": "In the words of the document alone.",
    "Coverage.status": "Whether it counts, somebody here says.", "Flag.encounter": "The visit says it.", "Device.expirationDate": "Its note says it, and its number.", "Device.manufactureDate": "As of its end.",
}
"""What does not come back as a fact of its own, by type and place, with the reason."""
ADDED = {
    "*.category": "By the section it stands in.", "*.verificationStatus": "Nobody here confirmed it.", "Immunization.primarySource": "Of here it is not the first source.", "Encounter.type": "That it was elsewhere.", "EpisodeOfCare.type": "That it was elsewhere.",
    "EpisodeOfCare.class": "C-CDA has no stay without a class.", "Observation.dataAbsentReason": "A value that is not there is unknown.", "*.referenceRange": "The words of the range.", "MedicationRequest.informationSource": "The document.", "MedicationStatement.informationSource": "The document.",
    "*.recordedDate": "Of the line here.", "*.recorder": "Who took it over.", "MedicationRequest.dateAsserted": "When it was written there.", "MedicationStatement.dateAsserted": "Of the line here.", "*.dosage": "Directions in words.",
    "*.issued": "When it was written there.", "Goal.expressedBy": "Who wrote it.", "Coverage.payor": "A payer whose name the document does not have.", "*.performer": "Who wrote it.", "CarePlan.created": "When it was written.", "DocumentReference.context.event": "What its document is about, for the labels of free words.",
}


def excepted(table: dict[str, str], type_: str, path: str) -> bool:
    """Whether a place of a type, or what it stands in, has a reason in a table."""
    parts = path.split(".")
    return any(f"{kind}.{'.'.join(parts[: n + 1])}" in table for n in range(len(parts)) for kind in (type_, "*"))


def lost(resource: Json, arrived: list[Json]) -> list[str]:
    """What a resource says and what came of it does not. Words also count where a note has them."""
    there = {fact for r in arrived for _, fact in facts(r)}
    noted = [plain(n["text"]) for r in arrived for n in (*r.get("note", ()), *(n for c in r.get("condition", ()) for n in c.get("note", ())))]
    type_ = resource["resourceType"]
    return [
        f"{type_}.{path}: {' '.join(fact)}" for path, fact in facts(resource)
        if fact not in there and not (fact[0] == "words" and any(fact[1] in n for n in noted)) and not excepted(APART, type_, path)
    ]  # fmt: skip


def added(resource: Json, arrived: list[Json]) -> list[str]:
    """What came of a resource says and it does not."""
    own, type_ = {fact for _, fact in facts(resource)}, resource["resourceType"]
    return [f"{type_}.{path}: {' '.join(fact)}" for r in arrived for path, fact in facts(r) if fact not in own and not excepted(ADDED, type_, path)]


STATES = {
    "MedicationRequest": {"active": "active", "on-hold": "on-hold", "stopped": "stopped", "completed": "completed", "cancelled": "stopped"}, "MedicationStatement": {"active": "active", "completed": "completed"},
    "Encounter": {"finished": "finished", "in-progress": "in-progress", "cancelled": "cancelled"}, "EpisodeOfCare": {"active": "in-progress", "finished": "finished"},
    "Procedure": {"completed": "completed", "not-done": "not-done", "stopped": "stopped"}, "Immunization": {"completed": "completed", "not-done": "not-done"},
    "Observation": {"final": "final", "preliminary": "preliminary", "amended": "amended", "corrected": "corrected"}, "DiagnosticReport": {"final": "final", "amended": "amended"}, "MedicationDispense": {"completed": "completed"},
    "ServiceRequest": {"active": "active", "draft": "draft", "completed": "completed", "revoked": "revoked", "on-hold": "on-hold"}, "CarePlan": {"active": "active", "draft": "draft"}, "CareTeam": {"active": "active", "inactive": "inactive"},
    "Appointment": {"booked": "active", "cancelled": "revoked"}, "Device": {"active": "active"}, "FamilyMemberHistory": {"completed": "completed"}, "Coverage": {"active": "draft"}, "Flag": {"active": "active", "inactive": "inactive"},
    "DocumentReference": {"current": "current"},
}
"""What state something has elsewhere, by the state that it has here."""


_DENIED = "refuted"


def denied(resource: Json, arrived: list[Json]) -> list[str]:
    """Where one of the two says that it is not so and the other does not."""
    said = [any(c["code"] == _DENIED for c in (r.get("verificationStatus") or {}).get("coding", ())) for r in (resource, *arrived)]
    return [] if len(set(said)) == 1 else [f"{resource['resourceType']}: refuted here {said[0]}, there {said[1:]}"]


def states(resource: Json, arrived: list[Json]) -> list[str]:
    """Where what came of a resource has another state than it should."""
    type_ = resource["resourceType"]
    if type_ not in STATES:
        return []
    wanted = STATES[type_][resource["status"]]
    return [f"{type_}.status: {resource['status']} came as {r.get('status')}" for r in arrived if r.get("status") != wanted]
