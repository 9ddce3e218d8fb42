"""Batches and transactions (https://hl7.org/fhir/R4/http.html#transaction)."""

import base64
import json
from typing import Any

from tests.people import BASE, Clinic, encounter, observation, patient

WHO = "sys-mh"


def bundle(kind: str, *entries: dict[str, Any]) -> dict[str, Any]:
    """A Bundle to send."""
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def entry(method: str, url: str, resource: dict[str, Any] | None = None, full_url: str = "", **request: str) -> dict[str, Any]:
    """One entry of it."""
    made: dict[str, Any] = {"request": {"method": method, "url": url, **request}}
    if resource is not None:
        made["resource"] = resource
    if full_url:
        made["fullUrl"] = full_url
    return made


PERSON, VISIT, HEART = (f"urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e{n}" for n in range(3))


async def test_a_transaction_links_its_entries_and_answers_in_their_order(clinic: Clinic) -> None:
    existing = await clinic.make(WHO, patient("Existing", identifier=[{"system": "urn:mrn", "value": "9"}]))
    sent = bundle(
        "transaction",
        entry("GET", "Observation?subject.identifier=urn:mrn|1"),
        entry("POST", "Observation", observation("x", subject={"reference": PERSON}, encounter={"reference": VISIT}), HEART),
        entry("POST", "Encounter", encounter("x", subject={"reference": PERSON}), VISIT),
        entry("POST", "Patient", patient(identifier=[{"system": "urn:mrn", "value": "1"}], text={"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{VISIT}">visit</a></div>'}), PERSON),
        entry("POST", "Observation", observation("x", subject={"reference": "Patient?identifier=urn:mrn|9"})),
        entry("PUT", f"Patient/{existing.id}", patient("Existing", id=existing.id, identifier=[{"system": "urn:mrn", "value": "9"}], link=[{"other": {"reference": PERSON}, "type": "seealso"}])),
    )
    reply = await clinic.ask(WHO, "POST", "", sent)
    assert reply.status == 200, reply.body
    answer = reply.json()
    assert answer["type"] == "transaction-response"
    statuses = [e["response"]["status"][:3] for e in answer["entry"]]
    assert statuses == ["200", "201", "201", "201", "201", "200"]
    found, heart, visit, person, other, changed = (e["resource"] for e in answer["entry"])
    assert heart["subject"]["reference"] == f"Patient/{person['id']}" == visit["subject"]["reference"]
    assert heart["encounter"]["reference"] == f"Encounter/{visit['id']}"
    assert f'href="Encounter/{visit["id"]}"' in person["text"]["div"]
    assert other["subject"]["reference"] == f"Patient/{existing.id}"
    assert changed["link"][0]["other"]["reference"] == f"Patient/{person['id']}"
    assert [e["resource"]["id"] for e in found["entry"]] == [heart["id"]], "reads see what the transaction wrote"
    assert answer["entry"][1]["response"]["location"] == f"{BASE}/Observation/{heart['id']}/_history/{heart['meta']['versionId']}"
    assert all(e["response"]["etag"] == f'W/"{e["resource"]["meta"]["versionId"]}"' for e in answer["entry"][1:])


async def test_every_interaction_may_stand_in_a_transaction(clinic: Clinic) -> None:
    def named(value: str, **more: Any) -> dict[str, Any]:
        return patient(identifier=[{"system": "urn:mrn", "value": value}], **more)

    a, b, c, d = [await clinic.make(WHO, named(x)) for x in "abcd"]
    json_patch = base64.b64encode(json.dumps([{"op": "replace", "path": "/birthDate", "value": "1950-05-05"}]).encode()).decode()
    path_patch = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": [
        {"name": "type", "valueCode": "add"}, {"name": "path", "valueString": "Patient"}, {"name": "name", "valueString": "gender"}, {"name": "value", "valueCode": "female"},
    ]}]}  # fmt: skip
    sent = bundle(
        "transaction",
        entry("DELETE", f"Patient/{a.id}"),
        entry("DELETE", "Patient?identifier=urn:mrn|b"),
        entry("DELETE", "Patient?identifier=urn:mrn|nobody"),
        entry("POST", "Patient", named("c"), ifNoneExist="identifier=urn:mrn|c"),
        entry("PATCH", f"Patient/{c.id}", {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": json_patch}),
        entry("PATCH", "Patient?identifier=urn:mrn|d", path_patch),
        entry("PUT", "Patient?identifier=urn:mrn|e", named("e"), PERSON),
        entry("GET", f"Patient/{c.id}"),
        entry("GET", f"Patient/{d.id}", ifNoneMatch=f'W/"{d.version}"'),
        entry("GET", "Patient?_summary=count"),
    )
    reply = await clinic.ask(WHO, "POST", "", sent)
    assert reply.status == 200, reply.body
    answers = reply.json()["entry"]
    assert [x["response"]["status"][:3] for x in answers] == ["204", "204", "204", "200", "200", "200", "201", "200", "200", "200"]
    assert answers[4]["resource"]["birthDate"] == answers[7]["resource"]["birthDate"] == "1950-05-05"
    assert answers[5]["resource"]["gender"] == "female"
    assert answers[9]["resource"]["total"] == 3
    assert (await clinic.get(WHO, f"Patient/{b.id}")).status == 410


async def test_one_failure_undoes_the_whole_transaction_and_is_named(clinic: Clinic) -> None:
    made = await clinic.make(WHO, patient("Here"))
    good = entry("POST", "Patient", patient("New"), PERSON)
    wrong = {
        "an invalid resource": (entry("POST", "Patient", patient(gender="purple")), 422),
        "an unknown target": (entry("PUT", "Patient/nobody", patient(id="nobody")), 405),
        "a version that is not current": (entry("PUT", f"Patient/{made.id}", patient(id=made.id), ifMatch='W/"old"'), 412),
        "a patch of nothing": (entry("PATCH", "Patient/nobody", {"resourceType": "Parameters"}), 404),
        "a patch that does not fit": (
            entry("PATCH", f"Patient/{made.id}", {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": base64.b64encode(b'[{"op":"remove","path":"/photo"}]').decode()}),
            422,
        ),
        "a condition with two matches": (entry("PUT", "Patient?name=here,new2", patient()), 412),
        "a conditional reference without a match": (entry("POST", "Observation", observation("x", subject={"reference": "Patient?identifier=urn:mrn|none"})), 422),
        "a link to no entry": (entry("POST", "Observation", observation("x", subject={"reference": VISIT})), 422),
        "an unknown type": (entry("POST", "Nonsense", {"resourceType": "Nonsense"}), 422),
        "a read of nothing": (entry("GET", "Patient/nobody"), 404),
        "a search that cannot be": (entry("GET", "Patient?birthdate=yesterday"), 400),
        "an operation": (entry("POST", "Patient/$validate", patient()), 400),
        "a part of a resource": (entry("PUT", f"Patient/{made.id}", patient(id=made.id, meta={"tag": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}]})), 422),
    }
    await clinic.make(WHO, patient("New2"))
    for what, (bad, status) in wrong.items():
        reply = await clinic.ask(WHO, "POST", "", bundle("transaction", good, bad))
        assert reply.status == status, (what, reply.body)
        issues = reply.json()["issue"]
        assert any("Bundle.entry[1]" in e for issue in issues for e in issue.get("expression", [])), (what, issues)
        assert (await clinic.get(WHO, "Patient?family:exact=New&_summary=count")).json()["total"] == 0, what
    assert (await clinic.get(WHO, f"Patient/{made.id}")).version == made.version


async def test_two_entries_must_not_change_one_resource(clinic: Clinic) -> None:
    made = await clinic.make(WHO, patient(identifier=[{"system": "urn:mrn", "value": "1"}]))
    by_id = entry("PUT", f"Patient/{made.id}", patient("A", id=made.id, identifier=[{"system": "urn:mrn", "value": "1"}]))
    for other in (entry("DELETE", f"Patient/{made.id}"), by_id, entry("PUT", "Patient?identifier=urn:mrn|1", patient("B")), entry("PATCH", "Patient?identifier=urn:mrn|1", {"resourceType": "Parameters"})):
        reply = await clinic.ask(WHO, "POST", "", bundle("transaction", by_id, other))
        assert 400 <= reply.status < 500, other
    assert (await clinic.get(WHO, f"Patient/{made.id}")).version == made.version


async def test_a_batch_answers_each_entry_for_itself(clinic: Clinic) -> None:
    made = await clinic.make(WHO, patient())
    sent = bundle(
        "batch",
        entry("POST", "Patient", patient("One")),
        entry("POST", "Patient", patient(gender="purple")),
        entry("GET", "Patient?name=one"),
        entry("GET", "Patient?shoesize=44"),
        entry("GET", f"Patient/{made.id}"),
        entry("GET", "Patient/nobody"),
        entry("GET", f"Patient/{made.id}/_history"),
        entry("GET", f"Patient/{made.id}/$everything"),
        entry("GET", f"Observation?patient={made.id}&_include=Observation:subject"),
        entry("GET", "metadata"),
        entry("POST", "Patient/_search?name=one"),
        entry("POST", "Patient/$validate", patient()),
        entry("PUT", f"Patient/{made.id}", patient(id=made.id), ifMatch='W/"old"'),
        entry("DELETE", f"Patient/{made.id}"),
        entry("DELETE", "Patient/nobody"),
        entry("TRACE", "Patient"),
        {"request": {"method": "GET"}},
        entry("POST", "Observation", observation("x", subject={"reference": PERSON})),
    )
    reply = await clinic.ask(WHO, "POST", "", sent, [("Prefer", "handling=strict")])
    assert reply.status == 200
    assert reply.json()["type"] == "batch-response"
    answers = reply.json()["entry"]
    statuses = [x["response"]["status"][:3] for x in answers]
    assert statuses == ["201", "422", "200", "400", "200", "404", "200", "200", "200", "200", "200", "200", "412", "204", "204", "400", "400", "422"]
    for answer in answers:
        if answer["response"]["status"][0] == "4":
            assert answer["response"]["outcome"]["issue"]
            assert "resource" not in answer
    assert len(answers[2]["resource"]["entry"]) == 1
    assert answers[10]["resource"]["entry"]


async def test_answers_of_bundles_can_be_minimal(clinic: Clinic) -> None:
    sent = bundle("transaction", entry("POST", "Patient", patient(), PERSON))
    reply = await clinic.ask(WHO, "POST", "", sent, [("Prefer", "return=minimal")])
    (answer,) = reply.json()["entry"]
    assert "resource" not in answer
    assert answer["response"]["location"]


async def test_what_is_no_bundle_is_refused(clinic: Clinic) -> None:
    for body in (patient(), {"resourceType": "Bundle"}, {"resourceType": "Bundle", "type": "collection"}, [], {"resourceType": "Bundle", "type": "batch", "entry": {}}):
        assert (await clinic.ask(WHO, "POST", "", body)).status in (400, 422)
    for kind in ("batch", "transaction"):
        empty = await clinic.ask(WHO, "POST", "", {"resourceType": "Bundle", "type": kind})
        assert (empty.status, empty.json()["type"]) == (200, f"{kind}-response")


async def test_what_is_no_resource_has_no_place_in_a_bundle(clinic: Clinic) -> None:
    """A clinical document, say; what else is in the batch is answered as ever, and a transaction writes nothing."""
    made = await clinic.make(WHO, patient())
    document = entry("GET", f"Patient/{made.id}/$ccd")
    reply = await clinic.ask(WHO, "POST", "", bundle("batch", entry("POST", "Patient", patient("two")), document))
    assert [x["response"]["status"][:3] for x in reply.json()["entry"]] == ["201", "400"]
    assert "by itself" in reply.json()["entry"][1]["response"]["outcome"]["issue"][0]["diagnostics"]
    assert (await clinic.ask(WHO, "POST", "", bundle("transaction", entry("POST", "Patient", patient("three")), document))).status in (200, 400)
