"""fhirpy as a document consumer and source of IHE MHD: who somebody is, which documents there are, one of them, and bringing one."""

import base64
import os
import uuid

from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import OperationOutcome

client = SyncFHIRClient(url=os.environ["FHIR_BASE"], authorization=f"Bearer {os.environ['FHIR_TOKEN']}")
MRN = os.environ["FHIR_MRN"]
person = {"resourceType": "Patient", "name": [{"family": "Rivera", "given": ["Ana"]}], "birthDate": "1988-03-04"}


def matched(sought: dict) -> list:
    """Who may be meant."""
    found = client.execute("Patient/$match", method="post", data={"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": sought}]})
    return [e for e in found.get("entry", []) if e["search"]["mode"] == "match"]


(alike,) = matched(person)
assert alike["search"]["score"] > 0.5
(certain,) = matched({"resourceType": "Patient", "identifier": [{"system": MRN, "value": "R1"}]})
assert certain["resource"]["id"] == alike["resource"]["id"]
assert matched({**person, "name": [{"family": "Nobody", "given": ["Ana"]}]}) == []
assert client.execute("Patient/$ihe-pix", method="get", params={"sourceIdentifier": f"{MRN}|R1"})["parameter"][0]["name"] == "targetId"
documents = client.resources("DocumentReference").search(**{"patient.identifier": f"{MRN}|R1"}, status="current").fetch_all()
(document,) = [d for d in documents if d.resource_type == "DocumentReference"]
attachment = document["content"][0]["attachment"]
assert "data" not in attachment
assert attachment["url"].startswith(os.environ["FHIR_BASE"])
binary, reference = uuid.uuid4().urn, uuid.uuid4().urn
listed = {"resourceType": "List", "status": "current", "mode": "working", "identifier": [{"value": reference}], "code": {"coding": [{"code": "submissionset"}]}}
entry = {"resourceType": "DocumentReference", "status": "current", "masterIdentifier": {"value": reference}, "content": [{"attachment": {"contentType": "text/plain", "url": binary}}]}
content = {"resourceType": "Binary", "contentType": "text/plain", "data": base64.b64encode(b"A letter about Ana Rivera.").decode()}
bundle = {
    "resourceType": "Bundle", "type": "transaction", "meta": {"profile": ["https://profiles.ihe.net/ITI/MHD/StructureDefinition/IHE.MHD.Minimal.ProvideBundle"]},
    "entry": [{"fullUrl": u, "resource": r, "request": {"method": "POST", "url": r["resourceType"]}} for u, r in ((uuid.uuid4().urn, listed), (reference, entry), (binary, content))],
}  # fmt: skip
answers = [client.execute("", method="post", data=bundle) for _ in range(2)]
assert answers[0]["type"] == "transaction-response"
assert answers[0]["entry"] == answers[1]["entry"]
try:
    client.execute("", method="post", data={**bundle, "entry": bundle["entry"][1:]})
    raise AssertionError("a submission without its set was taken")
except OperationOutcome:
    pass
print("ok")
