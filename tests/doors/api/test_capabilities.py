"""What the CapabilityStatement states is there, and what is there it states."""

import base64
from typing import Any
from urllib.parse import quote

import pytest

from sojourn.doors.api import routes
from sojourn.fhir import capability
from sojourn.fhir.definitions import RESOURCE_TYPES
from sojourn.fhir.validate import validate
from tests.care import outside
from tests.people import BASE, Clinic, encounter, patient

WHO = "sys-mh"
STRICT = ("Prefer", "handling=strict")


@pytest.fixture
async def stated(clinic: Clinic) -> dict[str, Any]:
    """The statement, asked for without a token."""
    reply = await clinic.ask(None, "GET", "metadata")
    assert reply.status == 200
    found: dict[str, Any] = reply.json()
    return found


async def test_it_is_a_valid_statement_of_every_type(stated: dict[str, Any]) -> None:
    assert [issue for issue in validate(stated) if issue.severity == "error"] == []
    assert stated["fhirVersion"] == "4.0.1"
    assert stated["implementation"]["url"] == BASE
    (rest,) = stated["rest"]
    assert {r["type"] for r in rest["resource"]} == set(RESOURCE_TYPES)
    assert {f for f in stated["format"] if "xml" in f} == set()


async def test_every_search_parameter_and_include_that_it_states_is_understood(clinic: Clinic, stated: dict[str, Any]) -> None:
    for resource in stated["rest"][0]["resource"]:
        kind = resource["type"]
        asked = [f"{p['name']}:missing=true" for p in resource["searchParam"] if not p["name"].startswith("_")]
        asked += [f"_include={quote(i)}" for i in resource.get("searchInclude", ())]
        asked += [f"_revinclude={quote(i)}" for i in resource.get("searchRevInclude", ())[:60]]
        while asked:
            now, asked = asked[:60], asked[60:]
            reply = await clinic.get(WHO, f"{kind}?_count=0&{'&'.join(now)}", STRICT)
            assert reply.status == 200, (kind, reply.body[:300])
    for p in stated["rest"][0]["searchParam"]:
        value = {"_id": "x", "_lastUpdated": "2026", "_profile": "http://example.org/x", "_source": "http://example.org/x"}.get(p["name"], "x")
        assert (await clinic.get(WHO, f"?_count=0&{p['name']}={value}", STRICT)).status == 200, p["name"]
        assert (await clinic.get(WHO, f"Patient?_count=0&{p['name']}={value}", STRICT)).status == 200, p["name"]


async def test_every_interaction_that_it_states_works(clinic: Clinic, stated: dict[str, Any]) -> None:
    (rest,) = stated["rest"]
    (about,) = [r for r in rest["resource"] if r["type"] == "Basic"]
    basic: dict[str, Any] = {"resourceType": "Basic", "code": {"text": "x"}, "identifier": [{"system": "urn:b", "value": "1"}]}
    made = await clinic.make(WHO, basic)
    url = f"Basic/{made.id}"
    whole = {**basic, "id": made.id}
    patch = [{"op": "add", "path": "/code/text", "value": "y"}]
    tried = {
        "create": (await clinic.ask(WHO, "POST", "Basic", basic)).status == 201,
        "read": (await clinic.get(WHO, url)).status == 200,
        "vread": (await clinic.get(WHO, f"{url}/_history/{made.version}")).status == 200,
        "update": (await clinic.put(WHO, whole)).status == 200,
        "patch": (await clinic.ask(WHO, "PATCH", url, patch, [("Content-Type", "application/json-patch+json")])).status == 200,
        "history-instance": (await clinic.get(WHO, f"{url}/_history")).status == 200,
        "history-type": (await clinic.get(WHO, "Basic/_history")).status == 200,
        "search-type": (await clinic.get(WHO, "Basic")).status == 200,
        "delete": (await clinic.ask(WHO, "DELETE", url)).status == 204,
    }
    assert {i["code"] for i in about["interaction"]} == {name for name, works in tried.items() if works}
    assert all(r["interaction"] == about["interaction"] for r in rest["resource"])
    empty = {"resourceType": "Bundle"}
    whole_system = {
        "transaction": (await clinic.ask(WHO, "POST", "", {**empty, "type": "transaction"})).status == 200,
        "batch": (await clinic.ask(WHO, "POST", "", {**empty, "type": "batch"})).status == 200,
        "search-system": (await clinic.get(WHO, "?_count=1")).status == 200,
        "history-system": (await clinic.get(WHO, "_history")).status == 200,
    }
    assert {i["code"] for i in rest["interaction"]} == {name for name, works in whole_system.items() if works}
    condition = "identifier=urn:b|1"
    assert about["conditionalCreate"] == ((await clinic.ask(WHO, "POST", "Basic", basic, [("If-None-Exist", condition)])).status == 200)
    assert about["conditionalUpdate"] == ((await clinic.ask(WHO, "PUT", f"Basic?{condition}", basic)).status == 200)
    assert about["conditionalDelete"] == "single"
    await clinic.make(WHO, basic)
    assert (await clinic.ask(WHO, "DELETE", f"Basic?{condition}")).status == 412
    assert about["updateCreate"] == ((await clinic.put(WHO, {**basic, "id": "chosen"})).status == 201)
    assert about["versioning"] == "versioned-update"
    assert about["conditionalRead"] == "full-support"


GENDER = "http://hl7.org/fhir/administrative-gender"
TRIED = {
    ("CodeSystem", "lookup"): f"system={GENDER}&code=male", ("CodeSystem", "validate-code"): f"url={GENDER}&code=male", ("ConceptMap", "translate"): f"system={GENDER}&code=male",
    ("ValueSet", "expand"): "url=http://hl7.org/fhir/ValueSet/administrative-gender", ("ValueSet", "validate-code"): "url=http://hl7.org/fhir/ValueSet/administrative-gender&code=male",
    ("Subscription", "status"): "", ("Patient", "ihe-pix"): "sourceIdentifier=urn:us|1",
}  # fmt: skip
"""What an operation is asked with. Subscription/[id]/$events: tests/doors/api/test_subscriptions.py."""


async def test_every_operation_that_it_states_answers(clinic: Clinic, stated: dict[str, Any]) -> None:
    ana = await clinic.make(WHO, patient(identifier=[{"system": "urn:us", "value": "1"}]))
    await clinic.make(WHO, encounter(ana.id))
    letter = await clinic.make(WHO, outside.letter(ana.id))
    group = await clinic.make(WHO, {"resourceType": "Group", "type": "person", "actual": True})
    for resource in stated["rest"][0]["resource"]:
        for operation in resource["operation"]:
            name = operation["name"]
            if name.startswith("meta") or name == "events":
                continue  # of every type alike: tests/doors/api/test_labels.py; of one: test_subscriptions.py
            if name == "export":
                place = "Patient/$export" if resource["type"] == "Patient" else f"Group/{group.id}/$export"
                assert (await clinic.ask(WHO, "GET", place, None, [("prefer", "respond-async")])).status == 202
                continue
            if name == "validate":
                reply = await clinic.ask(WHO, "POST", f"{resource['type']}/$validate", {"resourceType": resource["type"]})
            elif name == "import-ccda":
                assert (await clinic.ask(WHO, "POST", "DocumentReference/$import-ccda", outside.ccd(), [("content-type", "application/hl7-cda+xml")])).status == 202
                continue
            elif name == "content":
                reply = await clinic.get(WHO, f"DocumentReference/{letter.id}/$content")
            elif name == "match":
                reply = await clinic.ask(WHO, "POST", "Patient/$match", {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": patient()}]})
            elif name == "docref":
                assert resource["type"] == "DocumentReference"
                reply = await clinic.get(WHO, f"DocumentReference/$docref?patient={ana.id}")
            elif (resource["type"], name) in TRIED:
                reply = await clinic.get(WHO, f"{resource['type']}/${name}?{TRIED[resource['type'], name]}")
            else:
                assert (resource["type"], name) in (("Patient", "everything"), ("Patient", "ccd"))
                reply = await clinic.get(WHO, f"Patient/{ana.id}/${name}")
            assert reply.status == 200


async def test_every_route_asks_for_a_caller_but_for_the_statement(clinic: Clinic) -> None:
    fill = {"T": "Patient", "I": "x", "V": "1"}
    for route in routes.table():
        path = "/".join(fill.get(part, part) for part in route["shape"].split("/"))
        body = base64.b64decode("") if route["method"] == "GET" else {}
        for token in (None, "wrong"):
            reply = await clinic.ask(token, route["method"], path, body or None)
            assert (reply.status == 401) != route["open"], route
            if not route["open"]:
                assert reply.header("www-authenticate").startswith("Bearer")


@pytest.mark.parametrize("version", capability.US_CORE)
async def test_it_states_all_that_us_core_asks_of_a_server(stated: dict[str, Any], version: str) -> None:
    """By name: that each works is tried in tests/conformance."""
    assert f"http://hl7.org/fhir/us/core/CapabilityStatement/us-core-server|{version}" in stated["instantiates"]
    assert f"http://hl7.org/fhir/us/core/ImplementationGuide/hl7.fhir.us.core|{version}" in stated["implementationGuide"]
    ours = {r["type"]: r for r in stated["rest"][0]["resource"]}
    common = {p["name"] for p in stated["rest"][0]["searchParam"]}
    not_there = []
    for type_, asked in capability.duties(version).items():
        said = ours[type_]
        known = {p["name"] for p in said["searchParam"]} | common
        not_there += [f"{type_} {p}" for p in asked.get("params", ()) if p not in known]
        not_there += [f"{type_} {i}" for i, how in asked.get("interactions", {}).items() if how != "MAY" and i not in {c["code"] for c in said["interaction"]}]
        profiles = set(said.get("supportedProfile", ()))
        not_there += [p for p in asked.get("profiles", ()) if not {p, f"{p}|{version}"} <= profiles]
        not_there += [f"{type_} {i}" for i in asked.get("revincludes", ()) if i not in said["searchRevInclude"]]
        not_there += [f"{type_} {i}" for i in asked.get("includes", ()) if i.rpartition(":")[0] not in said["searchInclude"] and i not in said["searchInclude"]]
        not_there += [f"{type_} ${o}" for o in asked.get("operations", ()) if o not in {x["name"] for x in said["operation"]}]
    assert sorted(set(not_there)) == [
        "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire",  # a type that SHOULD be there: its questionnaires are plain R4
    ]
