"""The form of an answer: format, indentation, compression, parts of resources (https://hl7.org/fhir/R4/http.html#general)."""

import gzip
import json
from typing import Any

import pytest

from tests.people import Clinic, observation, patient

WHO = "sys-mh"
SUBSETTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}


@pytest.mark.parametrize("wanted", ["json", "application/json", "application/fhir%2Bjson", "application/fhir+json", "text/json"])
async def test_json_is_served_under_each_of_its_names(clinic: Clinic, wanted: str) -> None:
    made = await clinic.make(WHO, patient())
    for url in (f"Patient/{made.id}?_format={wanted}", f"Patient?_format={wanted}", f"metadata?_format={wanted}", f"Patient/{made.id}/_history?_format={wanted}"):
        reply = await clinic.get(WHO, url, ("Accept", "application/fhir+xml"))
        assert reply.status == 200, url
        assert reply.header("content-type") == "application/fhir+json; charset=utf-8"


async def test_xml_and_turtle_are_declined_and_nothing_was_done(clinic: Clinic) -> None:
    made = await clinic.make(WHO, patient())
    for wanted in ("xml", "application/fhir%2Bxml", "text/xml", "ttl", "text/turtle", "application/fhir%2Bturtle", "nonsense"):
        reply = await clinic.get(WHO, f"Patient/{made.id}?_format={wanted}")
        assert reply.status == 406, wanted
        assert reply.json()["resourceType"] == "OperationOutcome"
    for accept, status in (("application/fhir+xml", 406), ("application/fhir+xml, application/fhir+json;q=0.5", 200), ("text/turtle", 406), ("*/*", 200)):
        assert (await clinic.get(WHO, f"Patient/{made.id}", ("Accept", accept))).status == status
    for method, url, body in (
        ("POST", "Patient", patient()),
        ("PUT", f"Patient/{made.id}", patient(id=made.id)),
        ("PATCH", f"Patient/{made.id}", [{"op": "remove", "path": "/birthDate"}]),
    ):
        assert (await clinic.ask(WHO, method, url, body, [("Accept", "application/fhir+xml")])).status == 406
    assert (await clinic.get(WHO, "Patient?_summary=count")).json()["total"] == 1
    assert (await clinic.get(WHO, f"Patient/{made.id}")).version == made.version
    sent = await clinic.ask(WHO, "POST", "Patient", b"<Patient xmlns='http://hl7.org/fhir'/>", [("Content-Type", "application/fhir+xml")])
    assert sent.status == 415


async def test_pretty_means_the_same_with_line_breaks(clinic: Clinic) -> None:
    person = await clinic.make(WHO, patient())
    heart = observation(person.id, valueQuantity={"value": 1.5})
    made = await clinic.ask(WHO, "POST", "Observation", json.dumps(heart).replace("1.5", "1.50").encode())
    plain = await clinic.get(WHO, f"Observation/{made.id}")
    pretty = await clinic.get(WHO, f"Observation/{made.id}?_pretty=true")
    assert b"\n" not in plain.body
    assert pretty.body.count(b"\n") > 10
    assert pretty.json() == plain.json()
    assert b"1.50" in pretty.body
    assert b"\n" not in (await clinic.get(WHO, f"Observation/{made.id}?_pretty=false")).body
    assert (await clinic.get(WHO, "Patient?_pretty=true")).body.count(b"\n") > 10


async def test_gzip_is_used_for_whoever_takes_it(clinic: Clinic) -> None:
    for n in range(5):
        await clinic.make(WHO, patient(f"Family{n}", text={"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{"x" * 300}</div>'}))
    plain = await clinic.get(WHO, "Patient")
    packed = await clinic.get(WHO, "Patient", ("Accept-Encoding", "br, gzip;q=0.8"))
    assert plain.header("content-encoding") == ""
    assert packed.header("content-encoding") == "gzip"
    assert len(packed.body) < len(plain.body)
    assert json.loads(gzip.decompress(packed.body)) == plain.json()
    assert "accept-encoding" in packed.header("vary").lower()
    refused = await clinic.get(WHO, "Patient", ("Accept-Encoding", "gzip;q=0, identity"))
    assert refused.header("content-encoding") == ""


async def test_head_is_get_without_a_body(clinic: Clinic) -> None:
    made = await clinic.make(WHO, patient())
    for url in (f"Patient/{made.id}", "Patient", f"Patient/{made.id}/_history", "metadata"):
        got, head = await clinic.get(WHO, url), await clinic.ask(WHO, "HEAD", url)
        assert (head.status, head.body) == (200, b"")
        assert head.header("etag") == got.header("etag")
        assert head.header("content-length") == str(len(got.body))
    assert (await clinic.ask(WHO, "HEAD", "Patient/none")).status == 404


FULL: dict[str, Any] = {
    "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">Ana</div>'},
    "maritalStatus": {"text": "single"},
    "contact": [{"relationship": [{"text": "aunt"}], "name": {"family": "Rivera"}}],
    "gender": "female",
    "communication": [{"language": {"text": "Spanish"}}],
}


async def test_summaries_leave_out_what_they_should_and_say_so(clinic: Clinic) -> None:
    made = await clinic.make(WHO, patient(**FULL))
    for url in (f"Patient/{made.id}", "Patient"):
        got = {}
        for mode in ("true", "text", "data", "false"):
            reply = await clinic.get(WHO, f"{url}?_summary={mode}")
            got[mode] = reply.json() if "/" in url else reply.entries[0]
        assert "gender" in got["true"]
        assert not {"text", "maritalStatus", "contact", "communication"} & got["true"].keys()
        assert "text" in got["text"]
        assert "gender" not in got["text"]
        assert "text" not in got["data"]
        assert "contact" in got["data"]
        assert got["false"]["communication"]
        assert "tag" not in got["false"]["meta"]
        assert all(SUBSETTED in got[mode]["meta"]["tag"] for mode in ("true", "text", "data"))
    counted = (await clinic.get(WHO, "Patient?_summary=count")).json()
    assert (counted["total"], counted.get("entry")) == (1, None)
    assert (await clinic.get(WHO, f"Patient/{made.id}?_summary=some")).status == 400
    assert (await clinic.get(WHO, "Patient?_summary=some")).status == 400


async def test_elements_are_the_named_ones_and_those_that_cannot_be_missed(clinic: Clinic) -> None:
    person = await clinic.make(WHO, patient(**FULL))
    await clinic.make(WHO, observation(person.id))
    (found,) = (await clinic.get(WHO, "Patient?_elements=gender,birthDate")).entries
    assert found.keys() == {"resourceType", "id", "meta", "gender", "birthDate"}
    assert SUBSETTED in found["meta"]["tag"]
    (heart,) = (await clinic.get(WHO, "Observation?_elements=subject")).entries
    assert heart.keys() == {"resourceType", "id", "meta", "subject", "status", "code"}
    one = (await clinic.get(WHO, f"Patient/{person.id}?_elements=name")).json()
    assert "name" in one
    assert "gender" not in one
    kept = {r["resourceType"]: r for r in (await clinic.get(WHO, "Observation?_elements=Observation.code&_include=Observation:subject")).entries}
    assert "gender" in kept["Patient"], "_elements is about the matches"


async def test_a_resource_cut_short_cannot_be_written_back(clinic: Clinic) -> None:
    made = await clinic.make(WHO, patient(**FULL))
    cut = (await clinic.get(WHO, f"Patient/{made.id}?_elements=name")).json()
    refused = await clinic.put(WHO, cut)
    assert refused.status in (400, 422)
    assert (await clinic.get(WHO, f"Patient/{made.id}")).json()["gender"] == "female"


async def test_methods_that_a_place_does_not_have_are_named(clinic: Clinic) -> None:
    for method, url in (("DELETE", "metadata"), ("PUT", "_history"), ("POST", "Patient/x"), ("PATCH", "")):
        reply = await clinic.ask(WHO, method, url, {})
        assert reply.status == 405, url
        assert reply.header("allow")
    for url in ("Nonsense", "Patient/x/y", "patient", "Patient/x/_history/y/z", "nonsense/x"):
        assert (await clinic.get(WHO, url)).status == 404, url
    assert (await clinic.get(WHO, "Patient/$nonsense")).status in (400, 404)
