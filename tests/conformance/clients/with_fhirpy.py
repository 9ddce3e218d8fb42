"""fhirpy: creates, searches, updates, patches, deletes, conditional and asynchronous."""

import asyncio
import os

from fhirpy import AsyncFHIRClient, SyncFHIRClient
from fhirpy.base.exceptions import MultipleResourcesFound, OperationOutcome, ResourceNotFound

where = {"url": os.environ["FHIR_BASE"], "authorization": f"Bearer {os.environ['FHIR_TOKEN']}"}
client = SyncFHIRClient(**where)


def person(n: int) -> dict:
    """A Patient."""
    return {"name": [{"family": "Pyro", "given": [f"N{n}"]}], "identifier": [{"system": "urn:py", "value": str(n)}], "birthDate": f"198{n}-01-01"}


made = []
for n in range(5):
    one = client.resource("Patient", **person(n))
    one.save()
    made.append(one.id)
one = client.reference("Patient", made[0]).to_resource()
assert one["name"][0]["given"] == ["N0"]
one["gender"] = "female"
one.save()
one.refresh()
assert one["gender"] == "female"
# Its `patch` sends part of a resource, which R4 does not define; JSON Patch goes through `execute`.
people = client.resources("Patient").search(family="pyro").sort("birthdate")
assert people.count() == 5
assert len(people.limit(2).fetch()) == 2
assert len(people.limit(2).fetch_all()) == 5
assert client.resources("Patient").search(identifier="urn:py|3").get().id == made[3]
assert client.resources("Patient").search(birthdate__ge="1983", family="pyro").count() == 2
try:
    people.get()
    raise AssertionError("two found")
except MultipleResourcesFound:
    pass
try:
    # It puts the condition into the URL, which R4 does not define; that must not make a second one.
    client.resources("Patient").search(identifier="urn:py|2").get_or_create(client.resource("Patient", **person(2)))
    raise AssertionError("a condition in the wrong place was passed over")
except OperationOutcome:
    pass
changed, created = client.resources("Patient").search(identifier="urn:py|2").update(client.resource("Patient", **{**person(2), "gender": "male"}))
assert (changed["gender"], created) == ("male", False)
heart = client.resource("Observation", status="final", code={"text": "pulse"}, subject=one.to_reference())
heart.save()
found = client.resources("Observation").search(patient=made[0]).include("Observation", "subject").fetch_raw()
assert {e["resource"]["resourceType"] for e in found["entry"]} == {"Observation", "Patient"}
try:
    client.resource("Patient", gender="purple").save()
    raise AssertionError("an invalid resource was taken")
except OperationOutcome:
    pass
gone = client.reference("Patient", made[4]).to_resource()
gone.delete()
try:
    client.reference("Patient", "nobody").to_resource()
    raise AssertionError("nobody is there")
except ResourceNotFound:
    pass
assert client.execute(f"Patient/{made[0]}/$everything", method="get")["entry"]


async def at_once() -> None:
    """Ten creates at the same time."""
    many = AsyncFHIRClient(**where)
    await asyncio.gather(*(many.resource("Patient", name=[{"family": "Asyn"}]).save() for _ in range(10)))
    assert await many.resources("Patient").search(family="asyn").count() == 10


asyncio.run(at_once())
print("ok")
