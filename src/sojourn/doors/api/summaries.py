"""A patient's summary as a clinical document (C-CDA), made when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sojourn.base import crypto, errors
from sojourn.care.exchange import clinical
from sojourn.doors.api.answer import Answer
from sojourn.doors.api.ask import Ask
from sojourn.fhir import codec
from sojourn.gate import disclosing
from sojourn.gate import everything as whole
from sojourn.gate.found import Stored
from sojourn.gate.preparing import instant
from sojourn.wire.ccda.writer import CCD, TITLES

_MOST = 5_000
TYPES = (
    "AllergyIntolerance", "CarePlan", "CareTeam", "Condition", "Coverage", "Device", "DiagnosticReport", "DocumentReference", "Encounter", "FamilyMemberHistory", "Flag", "Goal", "Immunization",
    "MedicationDispense", "MedicationRequest", "MedicationStatement", "Observation", "Patient", "Procedure", "ServiceRequest",
)  # fmt: skip
"""What a summary is made of."""


async def ccd(ask: Ask, type_: str, id_: str) -> Answer:
    """GET Patient/[id]/$ccd: what of TYPES the caller may read of a patient, as a Continuity of Care Document. To an outside caller it is a disclosure."""
    if type_ != "Patient":
        raise errors.NotSupported("$ccd is offered for Patient.")
    if ask.search_params():
        raise errors.NotSupported("$ccd takes no parameters.")
    found, receipt = await _all(ask, id_)
    access = ask.access
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"fullUrl": f"{ask.base}{s.type}/{s.id}", "resource": s.resource} for s in found]}
    out = disclosing.Outgoing(codec.dumps(bundle))
    if access.caller.outside:
        out = await disclosing.prepare(access, out.body)
    recipient = await _recipient(ask)
    # Two that differ in what they say, or when, are two documents.
    series = f"Patient/{id_}/$ccd/{instant(access.now)}/{crypto.sha256_hex(out.body)}"
    content = await clinical.document(access, CCD, out, custodian=await clinical.custodian(access), recipient=recipient, purpose=access.decision.purpose if access.caller.outside else "", title=TITLES[CCD], series=series)
    headers = [(b"content-disposition", b"attachment"), (b"content-security-policy", b"sandbox")]
    return Answer(200, content, headers, receipt, clinical.MEDIA.encode(), leaving=replace(out, body=content) if access.caller.outside else None)


async def _all(ask: Ask, patient: str) -> tuple[Sequence[Stored], Any]:
    """All that may be seen, and the proof that it is in the trail. Raises NotFound, TooCostly."""
    found: list[Stored] = []
    cursor: str | None = None
    while True:
        page = await whole.everything(ask.access, patient, [("_type", ",".join(TYPES))], cursor=cursor)
        found += page.matches
        cursor = page.next
        if cursor is None:
            return [*found, *await _devices(ask, patient)], page.receipt
        if len(found) > _MOST:
            raise errors.TooCostly()


async def _devices(ask: Ask, patient: str) -> Sequence[Stored]:
    """Devices that somebody has: FHIR counts them to nobody's compartment (https://hl7.org/fhir/R4/compartmentdefinition-patient.html)."""
    return (await ask.access.search("Device", [("patient", patient)], count=200)).matches if ask.access.may("Device", "search") else ()


async def _recipient(ask: Ask) -> dict[str, Any] | None:
    """The organization or patient that asks, if it may read itself."""
    agent = ask.access.caller.agent or ""
    if not agent.startswith(("Organization/", "Patient/")):
        return None
    try:
        return await clinical.party(ask.access, agent)
    except (errors.NotFound, errors.Forbidden):
        return None


def on_demand(ask: Ask, patient: Stored) -> Stored:
    """The DocumentReference of a CCD that is made when its content is asked for; it is stored nowhere. It carries the labels of the patient."""
    security = patient.resource.get("meta", {}).get("security")
    made = {
        "resourceType": "DocumentReference", "id": f"ccd-{patient.id}"[:64], **({"meta": {"security": security}} if security else {}), "status": "current", "type": {"coding": [{"system": "http://loinc.org", "code": "34133-9", "display": "Summarization of Episode Note"}]},
        "category": [{"coding": [{"system": "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category", "code": "clinical-note", "display": "Clinical Note"}]}],
        "subject": {"reference": f"Patient/{patient.id}"}, "date": instant(ask.access.now),
        "content": [{"attachment": {"contentType": clinical.MEDIA, "url": f"{ask.base}Patient/{patient.id}/$ccd", "title": TITLES[CCD]}, "format": {"system": "http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode", "code": "urn:hl7-org:sdwg:ccda-structuredBody:2.1"}}],
    }  # fmt: skip
    return Stored("DocumentReference", str(made["id"]), "", ask.access.now, "current", codec.dumps(made), patient.receipt)
