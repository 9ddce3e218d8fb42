"""Conditional reads and changes (https://hl7.org/fhir/R4/http.html#cond-update), and versions that must match."""

from typing import Any

from tests.people import Clinic, Reply, patient

WHO = "sys-mh"
FHIRPATH_PATCH = {
    "resourceType": "Parameters",
    "parameter": [
        {
            "name": "operation",
            "part": [
                {"name": "type", "valueCode": "replace"},
                {"name": "path", "valueString": "Patient.birthDate"},
                {"name": "value", "valueDate": "1990-01-01"},
            ],
        }
    ],
}


def named(value: str, **more: Any) -> dict[str, Any]:
    """A Patient with an identifier."""
    return patient(identifier=[{"system": "urn:mrn", "value": value}], **more)


def code_of(reply: Reply) -> str:
    """The code of the first issue."""
    found: str = reply.json()["issue"][0]["code"]
    return found


async def test_create_if_none_exist_makes_one_finds_it_again_and_refuses_to_choose(clinic: Clinic) -> None:
    condition = ("If-None-Exist", "identifier=urn:mrn|1")
    first = await clinic.ask(WHO, "POST", "Patient", named("1"), [condition])
    assert first.status == 201
    again = await clinic.ask(WHO, "POST", "Patient", named("1", birthDate="2000-01-01"), [condition])
    assert (again.status, again.id, again.version) == (200, first.id, first.version)
    assert again.json()["birthDate"] == "1988-03-04"
    await clinic.make(WHO, named("1"))
    refused = await clinic.ask(WHO, "POST", "Patient", named("1"), [condition])
    assert (refused.status, code_of(refused)) == (412, "multiple-matches")
    assert (await clinic.get(WHO, "Patient?identifier=urn:mrn|1&_summary=count")).json()["total"] == 2


async def test_update_by_a_condition_creates_updates_or_refuses(clinic: Clinic) -> None:
    made = await clinic.ask(WHO, "PUT", "Patient?identifier=urn:mrn|1", named("1"))
    assert made.status == 201
    changed = await clinic.ask(WHO, "PUT", "Patient?identifier=urn:mrn|1", named("1", birthDate="1999-09-09"))
    assert (changed.status, changed.id) == (200, made.id)
    assert changed.version != made.version
    other_id = await clinic.ask(WHO, "PUT", "Patient?identifier=urn:mrn|1", named("1", id="another"))
    assert other_id.status == 400
    same_id = await clinic.ask(WHO, "PUT", "Patient?identifier=urn:mrn|1", named("1", id=made.id, birthDate="1999-09-10"))
    assert same_id.status == 200
    stale = await clinic.ask(WHO, "PUT", "Patient?identifier=urn:mrn|1", named("1"), [("If-Match", f'W/"{made.version}"')])
    assert stale.status == 412
    await clinic.make(WHO, named("1"))
    refused = await clinic.ask(WHO, "PUT", "Patient?identifier=urn:mrn|1", named("1"))
    assert (refused.status, code_of(refused)) == (412, "multiple-matches")
    assert (await clinic.ask(WHO, "PUT", "Patient", named("1"))).status == 400


async def test_patch_by_a_condition_changes_the_one_match(clinic: Clinic) -> None:
    assert (await clinic.ask(WHO, "PATCH", "Patient?identifier=urn:mrn|1", FHIRPATH_PATCH)).status == 404
    made = await clinic.make(WHO, named("1"))
    patched = await clinic.ask(WHO, "PATCH", "Patient?identifier=urn:mrn|1", FHIRPATH_PATCH)
    assert (patched.status, patched.id, patched.json()["birthDate"]) == (200, made.id, "1990-01-01")
    await clinic.make(WHO, named("1"))
    assert (await clinic.ask(WHO, "PATCH", "Patient?identifier=urn:mrn|1", FHIRPATH_PATCH)).status == 412


async def test_delete_by_a_condition_deletes_the_one_match(clinic: Clinic) -> None:
    assert (await clinic.ask(WHO, "DELETE", "Patient?identifier=urn:mrn|1")).status == 204
    first, second = await clinic.make(WHO, named("1")), await clinic.make(WHO, named("1"))
    assert (await clinic.ask(WHO, "DELETE", "Patient?identifier=urn:mrn|1")).status == 412
    assert (await clinic.ask(WHO, "DELETE", f"Patient/{second.id}")).status == 204
    assert (await clinic.ask(WHO, "DELETE", "Patient?identifier=urn:mrn|1")).status == 204
    assert (await clinic.get(WHO, f"Patient/{first.id}")).status == 410
    assert (await clinic.ask(WHO, "DELETE", "Patient")).status == 400
    assert (await clinic.ask(WHO, "DELETE", "Patient?nonsense=1")).status == 400


async def test_a_condition_ignores_nothing(clinic: Clinic) -> None:
    """An unknown parameter must not widen what a conditional change hits, whatever Prefer says."""
    made = await clinic.make(WHO, named("1"))
    lenient = [("Prefer", "handling=lenient")]
    assert (await clinic.ask(WHO, "PUT", "Patient?identifier=urn:mrn|1&shoesize=44", named("1"), lenient)).status == 400
    assert (await clinic.ask(WHO, "DELETE", "Patient?shoesize=44", None, lenient)).status == 400
    assert (await clinic.ask(WHO, "POST", "Patient?identifier=urn:mrn|1", named("1"))).status == 400, "a condition in the wrong place"
    assert (await clinic.get(WHO, f"Patient/{made.id}")).status == 200


async def test_the_second_of_two_editors_gets_412_and_both_versions_are_there(clinic: Clinic) -> None:
    made = await clinic.make(WHO, named("1"))
    condition = ("If-Match", f'W/"{made.version}"')
    first = await clinic.put(WHO, named("1", id=made.id, birthDate="1970-01-01"), condition)
    assert first.status == 200
    second = await clinic.put(WHO, named("1", id=made.id, birthDate="1971-01-01"), condition)
    assert second.status == 412
    assert second.version == first.version, "the answer names the version that is current"
    for version, born in ((made.version, "1988-03-04"), (first.version, "1970-01-01")):
        assert (await clinic.get(WHO, f"Patient/{made.id}/_history/{version}")).json()["birthDate"] == born
    assert (await clinic.ask(WHO, "PATCH", f"Patient/{made.id}", FHIRPATH_PATCH, [condition])).status == 412
    assert (await clinic.ask(WHO, "DELETE", f"Patient/{made.id}", None, [condition])).status == 412
    assert (await clinic.ask(WHO, "DELETE", f"Patient/{made.id}", None, [("If-Match", f'"{first.version}"')])).status == 204
    assert (await clinic.put(WHO, named("1", id=made.id), ("If-Match", "nonsense"))).status == 400


async def test_a_read_tells_what_the_caller_already_has(clinic: Clinic) -> None:
    made = await clinic.make(WHO, named("1"))
    url = f"Patient/{made.id}"
    for headers, status in (
        ([("If-None-Match", f'W/"{made.version}"')], 304),
        ([("If-None-Match", 'W/"other"')], 200),
        ([("If-None-Match", f'W/"other", W/"{made.version}"')], 304),
        ([("If-None-Match", "*")], 304),
        ([("If-Modified-Since", made.header("last-modified"))], 304),
        ([("If-Modified-Since", "Sat, 01 Jan 2000 00:00:00 GMT")], 200),
        ([("If-Modified-Since", "yesterday")], 200),
        ([("If-None-Match", 'W/"other"'), ("If-Modified-Since", made.header("last-modified"))], 200),
    ):
        reply = await clinic.ask(WHO, "GET", url, None, headers)
        assert reply.status == status, headers
        assert bool(reply.body) == (status == 200)
        assert reply.version == made.version
    assert (await clinic.ask(WHO, "GET", f"{url}/_history/{made.version}", None, [("If-None-Match", f'W/"{made.version}"')])).status == 304


async def test_a_change_says_where_it_is_and_returns_what_is_preferred(clinic: Clinic) -> None:
    whole = await clinic.ask(WHO, "POST", "Patient", named("1"))
    assert whole.json()["id"] == whole.id
    assert whole.header("location").endswith(f"/fhir/Patient/{whole.id}/_history/{whole.version}")
    minimal = await clinic.ask(WHO, "POST", "Patient", named("2"), [("Prefer", "return=minimal")])
    assert (minimal.status, minimal.body) == (201, b"")
    assert minimal.header("location")
    told = await clinic.ask(WHO, "POST", "Patient", named("3"), [("Prefer", "return=OperationOutcome")])
    assert told.json()["resourceType"] == "OperationOutcome"
    for prefer, kind in (("return=minimal", None), ("return=representation", "Patient"), ("return=OperationOutcome", "OperationOutcome")):
        reply = await clinic.put(WHO, named("1", id=whole.id), ("Prefer", prefer))
        assert (reply.json()["resourceType"] if reply.body else None) == kind
        assert reply.version


async def test_a_new_resource_gets_an_id_of_ours_and_an_unknown_id_cannot_be_put(clinic: Clinic) -> None:
    made = await clinic.ask(WHO, "POST", "Patient", named("1", id="mine", meta={"versionId": "7", "lastUpdated": "2001-01-01T00:00:00Z"}))
    assert made.status == 201
    assert made.id != "mine"
    assert made.json()["meta"]["versionId"] == made.version != "7"
    assert (await clinic.put(WHO, named("1", id="mine"))).status == 405
    assert (await clinic.ask(WHO, "PUT", f"Patient/{made.id}", named("1"))).status == 400
    assert (await clinic.ask(WHO, "PUT", f"Patient/{made.id}", {"resourceType": "Group"})).status == 400
    assert (await clinic.ask(WHO, "POST", "Patient", {"resourceType": "Group"})).status == 400


async def test_what_was_deleted_answers_gone_and_can_come_back(clinic: Clinic) -> None:
    made = await clinic.make(WHO, named("1"))
    url = f"Patient/{made.id}"
    assert (await clinic.ask(WHO, "DELETE", url)).status == 204
    assert (await clinic.ask(WHO, "DELETE", url)).status == 204, "deleting again is no error"
    assert (await clinic.get(WHO, url)).status == 410
    assert (await clinic.ask(WHO, "PATCH", url, FHIRPATH_PATCH)).status == 410
    assert (await clinic.get(WHO, "Patient?identifier=urn:mrn|1")).ids == []
    versions = (await clinic.get(WHO, f"{url}/_history")).json()["entry"]
    assert [entry["request"]["method"] for entry in versions] == ["DELETE", "POST"]
    assert "resource" not in versions[0]
    gone = versions[0]["response"]["etag"].removeprefix('W/"').rstrip('"')
    assert (await clinic.get(WHO, f"{url}/_history/{gone}")).status == 410
    assert (await clinic.get(WHO, f"{url}/_history/{made.version}")).status == 200
    back = await clinic.put(WHO, named("1", id=made.id))
    assert back.status == 201
    assert (await clinic.get(WHO, url)).status == 200
    assert [e["response"]["status"][:3] for e in (await clinic.get(WHO, f"{url}/_history")).json()["entry"]] == ["201", "204", "201"]
