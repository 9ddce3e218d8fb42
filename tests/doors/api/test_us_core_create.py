"""Reports and documents that outside systems send in under US Core: taken when they are valid, refused by name when not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance import derived
from tests.people import Clinic, encounter, patient

US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"


@pytest.mark.parametrize("version", derived.VERSIONS)
async def test_reports_and_documents_may_be_sent_in(clinic: Clinic, version: str) -> None:
    """The two types for which US Core says that a server SHALL take a create."""
    asked = {type_ for type_, duties in derived.duties(version).items() if duties.get("interactions", {}).get("create") == "SHALL"}
    assert asked == {"DiagnosticReport", "DocumentReference"}
    ana = await clinic.make("sys-mh", patient())
    visit = await clinic.make("sys-mh", encounter(ana.id))
    for name, body in _sent_in(ana.id, visit.id).items():
        resource = {**body, "meta": {"profile": [f"{US_CORE}{name}|{version}"]}}
        reply = await clinic.ask("sys-mh", "POST", body["resourceType"], resource)
        assert reply.status == 201, reply.body
        kept = (await clinic.get("sys-mh", f"{body['resourceType']}/{reply.json()['id']}")).json()
        assert {k: v for k, v in kept.items() if k not in ("id", "meta")} == body
        broken = {k: v for k, v in resource.items() if k != "category"}
        assert (await clinic.ask("sys-mh", "POST", body["resourceType"], broken)).status == 422


def _sent_in(client: str, visit: str) -> dict[str, dict[str, Any]]:
    subject, seen = {"reference": f"Patient/{client}"}, {"reference": f"Encounter/{visit}"}
    text = {"contentType": "text/plain", "data": "V2VsbC4="}
    report: dict[str, Any] = {
        "resourceType": "DiagnosticReport", "status": "final", "subject": subject, "encounter": seen,
        "effectiveDateTime": "2026-03-04T10:00:00Z", "issued": "2026-03-04T11:00:00Z",
    }  # fmt: skip
    lab = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "LAB"}]}
    cardiology = {"coding": [{"system": "http://loinc.org", "code": "LP29708-2"}]}
    note = {"coding": [{"system": "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category", "code": "clinical-note"}]}
    return {
        "us-core-diagnosticreport-lab": {**report, "category": [lab], "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}]}},
        "us-core-diagnosticreport-note": {**report, "category": [cardiology], "code": {"text": "Electrocardiogram"}, "presentedForm": [text]},
        "us-core-documentreference": {
            "resourceType": "DocumentReference", "status": "current", "subject": subject, "category": [note],
            "type": {"coding": [{"system": "http://loinc.org", "code": "11506-3"}]}, "content": [{"attachment": text}],
        },
    }  # fmt: skip
