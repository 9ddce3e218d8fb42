"""A submission of documents (IHE MHD ITI-65), as a partner of ours sends it."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

PROFILE = "https://profiles.ihe.net/ITI/MHD/StructureDefinition/IHE.MHD.{}.ProvideBundle"
LISTS = "https://profiles.ihe.net/ITI/MHD/CodeSystem/MHDlistTypes"


def bundle(*documents: bytes, media: str = "application/xml", metadata: str = "Minimal", unique: str = "urn:oid:1.2.3.4", family: str = "Rivera", born: str = "1988-03-04", **more: Any) -> dict[str, Any]:
    """The transaction: SubmissionSet, and for each document its DocumentReference and Binary; the patient contained."""
    person = {"resourceType": "Patient", "id": "p", "name": [{"family": family, "given": ["Ana"]}], "birthDate": born}
    entries: list[dict[str, Any]] = [{
        "fullUrl": "urn:uuid:00000000-0000-4000-8000-000000000001", "request": {"method": "POST", "url": "List"},
        "resource": {
            "resourceType": "List", "status": "current", "mode": "working", "code": {"coding": [{"system": LISTS, "code": "submissionset"}]}, "date": "2026-02-01T10:00:00Z",
            "identifier": [{"use": "official", "system": "urn:ietf:rfc:3986", "value": unique}],
            "extension": [{"url": "https://profiles.ihe.net/ITI/MHD/StructureDefinition/ihe-sourceId", "valueIdentifier": {"value": "urn:oid:1.2.3"}}],
        },
    }]  # fmt: skip
    for n, content in enumerate(documents):
        place = f"urn:uuid:00000000-0000-4000-8000-00000000001{n}"
        attachment = {"contentType": media, "url": place, "size": len(content), "hash": base64.b64encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode()}
        reference = {
            "resourceType": "DocumentReference", "masterIdentifier": {"system": "urn:ietf:rfc:3986", "value": f"{unique}.{n}"}, "status": "current", "type": {"text": "Summary of Care"}, "contained": [person],
            "context": {"sourcePatientInfo": {"reference": "#p"}}, "content": [{"attachment": attachment}], **more,
        }  # fmt: skip
        entries.append({"fullUrl": place.replace("0001", "0002", 1), "request": {"method": "POST", "url": "DocumentReference"}, "resource": reference})
        entries.append({"fullUrl": place, "request": {"method": "POST", "url": "Binary"}, "resource": {"resourceType": "Binary", "contentType": media, "data": base64.b64encode(content).decode()}})
    return {"resourceType": "Bundle", "type": "transaction", "meta": {"profile": [PROFILE.format(metadata)]}, "entry": entries}
