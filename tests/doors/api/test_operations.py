"""Patient/$everything and $validate."""

from typing import Any

from sojourn.wire.ccda.reader import read
from tests.doors.api.test_histories import pages
from tests.people import Clinic, encounter, observation, patient

WHO = "sys-mh"
US_CORE_PATIENT = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient"


async def test_everything_is_the_whole_compartment_and_nothing_else(clinic: Clinic) -> None:
    org = await clinic.make(WHO, {"resourceType": "Organization", "name": "Whole"})
    ana, bob = await clinic.make(WHO, patient("Ng")), await clinic.make(WHO, patient("Oz"))
    visit = await clinic.make(WHO, encounter(ana.id, serviceProvider={"reference": f"Organization/{org.id}"}))
    hearts = [await clinic.make(WHO, observation(ana.id, n)) for n in range(5)]
    await clinic.make(WHO, observation(bob.id))
    url = f"Patient/{ana.id}/$everything"
    whole = (await clinic.get(WHO, url)).ids
    assert sorted(whole) == sorted([ana.id, visit.id, *(h.id for h in hearts)])
    paged = await pages(clinic, f"{url}?_count=2")
    assert [i for page in paged for i in page.ids] == whole
    assert (await clinic.get(WHO, f"{url}?_type=Encounter")).ids == [visit.id]
    assert (await clinic.get(WHO, f"{url}?_type=Encounter,Patient")).ids == [ana.id, visit.id]
    assert (await clinic.get(WHO, f"{url}?_since=2999-01-01T00:00:00Z")).ids == []
    assert sorted((await clinic.get(WHO, f"{url}?_since=2000")).ids) == sorted(whole)
    assert sorted((await clinic.ask(WHO, "POST", url, {"resourceType": "Parameters", "parameter": [{"name": "_type", "valueString": "Observation"}]})).ids) == sorted(h.id for h in hearts)
    assert (await clinic.get(WHO, "Patient/nobody/$everything")).status == 404
    assert (await clinic.get(WHO, f"{url}?nonsense=1")).status == 400
    assert (await clinic.get(WHO, f"{url}?_type=Nonsense")).status == 400
    assert (await clinic.get(WHO, f"Encounter/{visit.id}/$everything")).status in (400, 404)


async def test_docref_finds_a_patients_documents(clinic: Clinic) -> None:
    ana = await clinic.make(WHO, patient())

    async def document(code: str, date: str) -> str:
        kind = {"coding": [{"system": "http://loinc.org", "code": code}]}
        content = [{"attachment": {"contentType": "text/plain", "url": "http://example.org/x"}}]
        made = await clinic.make(
            WHO, {"resourceType": "DocumentReference", "status": "current", "type": kind, "date": date, "subject": {"reference": f"Patient/{ana.id}"}, "content": content}
        )
        return made.id

    old, new, other = await document("34133-9", "2025-01-01T00:00:00Z"), await document("34133-9", "2026-01-01T00:00:00Z"), await document("11488-4", "2025-06-01T00:00:00Z")
    url = f"DocumentReference/$docref?patient={ana.id}"
    assert (await clinic.get(WHO, url)).ids == [new, other], "without a time: the newest of each type"
    assert (await clinic.get(WHO, f"{url}&type=http://loinc.org|34133-9")).ids == [new]
    assert (await clinic.get(WHO, f"{url}&start=2025-01-01&end=2025-12-31")).ids == [other, old]
    body = {"resourceType": "Parameters", "parameter": [{"name": "patient", "valueId": ana.id}, {"name": "end", "valueDate": "2025-03-01"}]}
    assert (await clinic.ask(WHO, "POST", "DocumentReference/$docref", body)).ids == [old]
    for wrong in ("DocumentReference/$docref", f"{url}&shoesize=44", f"Patient/$docref?patient={ana.id}"):
        assert (await clinic.get(WHO, wrong)).status == 400


async def test_a_ccd_is_made_when_it_is_asked_for_of_what_the_caller_may_read(clinic: Clinic) -> None:
    ana = await clinic.make(WHO, patient("Ng"))
    theirs = {"resourceType": "Condition", "subject": {"reference": f"Patient/{ana.id}"}, "code": {"text": "Opioid use disorder"}}
    seen, hidden = await clinic.make(WHO, observation(ana.id)), await clinic.make("sys-sud", theirs)
    device = {"resourceType": "Device", "patient": {"reference": f"Patient/{ana.id}"}, "type": {"text": "Vagus nerve stimulator"}}
    worn, other = await clinic.make(WHO, device), await clinic.make("sys-sud", device)
    (listed,) = (await clinic.get(WHO, f"DocumentReference/$docref?patient={ana.id}&on-demand=true")).json()["entry"]
    assert listed["resource"]["type"]["coding"][0]["code"] == "34133-9"
    address = listed["resource"]["content"][0]["attachment"]["url"]
    assert address.endswith(f"/Patient/{ana.id}/$ccd")
    reply = await clinic.get("mh-clinician", f"Patient/{ana.id}/$ccd")
    assert (reply.status, reply.header("content-type")) == (200, "application/xml")
    document = read(reply.body)
    assert document.patient.family == "Ng"
    assert [i.partition("|")[2] for f in document.facts() for i in f.identifiers] == [f"Observation/{seen.id}", f"Device/{worn.id}"]
    assert [i for i in (hidden.id, other.id) if i.encode() in reply.body] == []
    for wrong in ("Patient/nobody/$ccd", f"Observation/{seen.id}/$ccd", f"Patient/{ana.id}/$ccd?_type=Observation"):
        assert (await clinic.get(WHO, wrong)).status in (400, 404), wrong
    assert [e["resource"]["resourceType"] for e in (await clinic.get(WHO, "DocumentReference/$docref?patient=nobody&on-demand=true")).json().get("entry", ())] == []


def parameters(resource: Any, **more: str) -> dict[str, Any]:
    """A Parameters for $validate."""
    return {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": resource}, *({"name": k, ("valueUri" if k == "profile" else "valueCode"): v} for k, v in more.items())]}


async def test_validate_says_what_is_wrong_and_saves_nothing(clinic: Clinic) -> None:
    good = patient(gender="female", identifier=[{"system": "urn:mrn", "value": "1"}])
    bare: dict[str, Any] = {"resourceType": "Patient"}

    async def errors(url: str, body: Any) -> int:
        reply = await clinic.ask(WHO, "POST", url, body)
        assert reply.status == 200, reply.body
        return sum(issue["severity"] in ("error", "fatal") for issue in reply.json()["issue"])

    assert await errors("Patient/$validate", good) == 0
    assert await errors("Patient/$validate", patient(gender="purple")) == 1
    assert await errors("$validate", bare) == 0
    assert await errors(f"Patient/$validate?profile={US_CORE_PATIENT}", good) == 0
    assert await errors(f"Patient/$validate?profile={US_CORE_PATIENT}", bare) >= 2
    assert await errors("Patient/$validate", parameters(good)) == 0
    assert await errors("Patient/$validate", parameters(bare, profile=US_CORE_PATIENT)) >= 2
    assert await errors("Patient/$validate", parameters(good, mode="create")) == 0
    assert await errors("Parameters/$validate", {"resourceType": "Parameters", "parameter": [{"name": "x", "valueString": "y"}]}) == 0
    assert (await clinic.get(WHO, "Patient?_summary=count")).json()["total"] == 0
    made = await clinic.make(WHO, good)
    assert await errors(f"Patient/{made.id}/$validate", patient(id=made.id, gender="purple")) == 1
    stored = await clinic.get(WHO, f"Patient/{made.id}/$validate")
    assert (stored.status, stored.json()["issue"][0]["severity"]) == (200, "information")
    assert (await clinic.ask(WHO, "POST", "Patient/$validate", {"resourceType": "Group"})).status == 400
    assert (await clinic.ask(WHO, "POST", "Patient/$validate", b"{")).status == 400
    unknown = await clinic.ask(WHO, "POST", "Patient/$validate?profile=http://example.org/unknown", good)
    assert unknown.json()["issue"][0]["severity"] in ("warning", "error"), "a profile that is not known is not passed over in silence"
