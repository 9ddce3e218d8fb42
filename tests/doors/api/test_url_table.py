"""Every route of the FHIR door with every role, and the line that each leaves in the trail. A new route without a row fails."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sojourn.doors.api import app, routes
from sojourn.doors.api.answer import Answer
from tests.care import outside
from tests.doors.messaging.sender import as_sender, message, person
from tests.exports import make_exports
from tests.people import Clinic, Reply, consent, encounter, observation, patient

BUNDLE = {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": "Patient"}}]}
FORM = (("content-type", "application/x-www-form-urlencoded"),)
ASYNC = (("prefer", "respond-async"),)
GENDER = "http://hl7.org/fhir/administrative-gender"
TERMINOLOGY = ("$lookup", "$validate-code", "$expand", "$translate")
BODIES: dict[str, Any] = {"$everything": None, "$process-message": message("A04", person()), "$match": {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": patient()}]}}
PATCH = (("content-type", "application/json-patch+json"),)

# (method, shape) -> (example for an Observation or the system, action that the role needs, what the trail calls it; "" for no line)
TABLE: dict[tuple[str, str], tuple[str, str, str]] = {
    ("GET", "metadata"): ("metadata", "", ""),
    ("GET", "T/I"): ("Observation/{o}", "read", "read"),
    ("GET", "T/I/_history/V"): ("Observation/{o}/_history/{v}", "read", "vread"),
    ("GET", "T/I/_history"): ("Observation/{o}/_history", "history", "history"),
    ("GET", "T/_history"): ("Observation/_history", "history", "history"),
    ("GET", "_history"): ("_history", "history *", "history"),
    ("GET", "T"): ("Observation?status=final", "search", "search"),
    ("POST", "T/_search"): ("Observation/_search", "search", "search"),
    ("GET", ""): ("?_type=Observation", "", "search"),
    ("POST", "_search"): ("_search", "", "search"),
    ("GET", "T/I/T"): ("Patient/{p}/Observation", "search", "search"),
    ("POST", "T/I/T/_search"): ("Patient/{p}/Observation/_search", "search", "search"),
    ("GET", "T/I/*"): ("Patient/{p}/*", "", "search"),
    ("POST", "T/I/*/_search"): ("Patient/{p}/*/_search", "", "search"),
    ("POST", "T"): ("Observation", "create", "create"),
    ("PUT", "T/I"): ("Observation/{o}", "update", "update"),
    ("PUT", "T"): ("Observation?_id={o}", "search update", "update"),
    ("PATCH", "T/I"): ("Observation/{o}", "update", "patch"),
    ("PATCH", "T"): ("Observation?_id={o}", "search update", "patch"),
    ("DELETE", "T/I"): ("Observation/{o}", "delete", "delete"),
    ("DELETE", "T"): ("Observation?_id={o}", "search delete", "delete"),
    ("POST", ""): ("", "", "search"),
    ("GET", "T/I/$everything"): ("Patient/{p}/$everything", "search", "everything"),
    ("POST", "T/I/$everything"): ("Patient/{p}/$everything", "search", "everything"),
    ("GET", "T/I/$ccd"): ("Patient/{p}/$ccd", "search", "everything"),
    ("GET", "T/$docref"): ("DocumentReference/$docref?patient={p}", "search", "search"),
    ("POST", "T/$docref"): ("DocumentReference/$docref", "search", "search"),
    ("POST", "T/$import-ccda"): ("DocumentReference/$import-ccda", "create", "import"),
    ("GET", "T/I/$content"): ("DocumentReference/{d}/$content", "read", "read"),
    ("POST", "T/$match"): ("Patient/$match", "search", "search"),
    ("GET", "T/$ihe-pix"): ("Patient/$ihe-pix?sourceIdentifier=urn:us|1", "search", "search"),
    ("POST", "T/$emergency-access"): ("Patient/$emergency-access", "emergency *", "emergency"),
    ("GET", "T/I/$meta"): ("Observation/{o}/$meta", "read", "read"),
    ("POST", "T/I/$meta-add"): ("Observation/{o}/$meta-add", "update", "label"),
    ("POST", "T/I/$meta-delete"): ("Observation/{o}/$meta-delete", "oversee *", "label"),
    ("GET", "T/I/$validate"): ("Observation/{o}/$validate", "read", "read"),
    ("GET", "T/I/$words"): ("Consent/{c}/$words", "read", "words"),
    ("POST", "T/I/$sign"): ("Consent/{c}/$sign", "sign", "sign"),
    ("POST", "T/I/$revoke"): ("Consent/{c}/$revoke", "sign", "revoke"),
    ("GET", "T/I/$access-report"): ("Patient/{p}/$access-report", "trail", "report"),
    ("GET", "T/I/$accounting"): ("Patient/{p}/$accounting", "trail", "report"),
    ("GET", "T/$status"): ("Subscription/$status?id={su}", "create", "search"),
    ("GET", "T/I/$status"): ("Subscription/{su}/$status", "create", "search"),
    ("GET", "T/I/$events"): ("Subscription/{su}/$events", "create", "search"),
    ("GET", "T/$lookup"): ("CodeSystem/$lookup?system=http://hl7.org/fhir/administrative-gender&code=male", "", ""),
    ("POST", "T/$lookup"): ("CodeSystem/$lookup?system=http://hl7.org/fhir/administrative-gender&code=male", "", ""),
    ("GET", "T/$validate-code"): ("CodeSystem/$validate-code?url=http://hl7.org/fhir/administrative-gender&code=male", "", ""),
    ("POST", "T/$validate-code"): ("ValueSet/$validate-code?url=http://hl7.org/fhir/ValueSet/administrative-gender&code=male", "", ""),
    ("GET", "T/I/$validate-code"): ("ValueSet/{vs}/$validate-code?code=male", "read", "read"),
    ("POST", "T/I/$validate-code"): ("ValueSet/{vs}/$validate-code?code=male", "read", "read"),
    ("GET", "T/$expand"): ("ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender", "", ""),
    ("POST", "T/$expand"): ("ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender", "", ""),
    ("GET", "T/I/$expand"): ("ValueSet/{vs}/$expand", "read", "read"),
    ("POST", "T/I/$expand"): ("ValueSet/{vs}/$expand", "read", "read"),
    ("GET", "T/$translate"): ("ConceptMap/$translate?system=http://hl7.org/fhir/administrative-gender&code=male", "", ""),
    ("POST", "T/$translate"): ("ConceptMap/$translate?system=http://hl7.org/fhir/administrative-gender&code=male", "", ""),
    ("GET", "T/I/$translate"): ("ConceptMap/{cm}/$translate?code=male&system=http://hl7.org/fhir/administrative-gender", "read", "read"),
    ("POST", "T/I/$translate"): ("ConceptMap/{cm}/$translate?code=male&system=http://hl7.org/fhir/administrative-gender", "read", "read"),
    ("POST", "T/$validate"): ("Observation/$validate", "", ""),
    ("POST", "T/I/$validate"): ("Observation/{o}/$validate", "", ""),
    ("POST", "$validate"): ("$validate", "", ""),
    ("GET", "$export"): ("$export?_type=Observation", "export Bulk", "export"),
    ("POST", "$export"): ("$export?_type=Observation", "export Bulk", "export"),
    ("GET", "T/$export"): ("Patient/$export?_type=Observation", "export Bulk", "export"),
    ("POST", "T/$export"): ("Patient/$export?_type=Observation", "export Bulk", "export"),
    ("GET", "T/I/$export"): ("Group/{g}/$export?_type=Observation", "export Bulk", "export"),
    ("POST", "T/I/$export"): ("Group/{g}/$export?_type=Observation", "export Bulk", "export"),
    ("POST", "$process-message"): ("$process-message", "message", "message"),
    ("POST", "$import"): ("$import", "import Bulk", "import"),
    ("GET", "$bulk/I"): ("$bulk/{e}", "export Bulk", "export"),
    ("GET", "$bulk/I/V"): ("$bulk/{e}/Observation.1.ndjson", "export Bulk", "export"),
    ("DELETE", "$bulk/I"): ("$bulk/{e}", "export Bulk", "export"),
}
ROLES = ("mh-clinician", "technician", "biller", "officer", "sys-mh")
ROUTES = [(r["method"], r["shape"]) for r in routes.table()]


@pytest.fixture
async def chart(clinic: Clinic) -> dict[str, str]:
    """A patient with one Observation."""
    p = (await clinic.make("sys-mh", patient(identifier=[{"system": "urn:us", "value": "1"}]))).id
    await clinic.make("sys-mh", encounter(p))
    made = await clinic.make("sys-mh", observation(p))
    form = await clinic.make("sys-mh", consent(p, "nobody", status="draft"))
    return {"p": p, "o": made.id, "v": made.version, "c": form.id, **await in_bulk(clinic, p)}


async def in_bulk(clinic: Clinic, p: str) -> dict[str, str]:
    """A Group, a letter, and an export that is done."""
    letter = await clinic.make("sys-mh", outside.letter(p))
    group = await clinic.make("sys-mh", {"resourceType": "Group", "type": "person", "actual": True, "member": [{"entity": {"reference": f"Patient/{p}"}}]})
    export = await clinic.ask("sys-mh", "GET", "$export?_type=Observation", None, ASYNC)
    await make_exports(clinic)
    listed = {"resourceType": "ValueSet", "status": "active", "compose": {"include": [{"system": GENDER, "concept": [{"code": "male"}]}]}}
    mapped = {"code": "male", "target": [{"code": "M", "equivalence": "equivalent"}]}
    codes = await clinic.make("sys-mh", listed)
    maps = await clinic.make("sys-mh", {"resourceType": "ConceptMap", "status": "active", "group": [{"source": GENDER, "target": "urn:other", "element": [mapped]}]})
    hook = {"type": "rest-hook", "endpoint": "https://receiver.example/hook", "payload": "application/fhir+json"}
    topic = "https://sojourn.example/fhir/SubscriptionTopic/patient-data"
    told = await clinic.make("sys-mh", {"resourceType": "Subscription", "status": "requested", "reason": "A test.", "criteria": topic, "channel": hook})
    return {"d": letter.id, "su": told.id, "g": group.id, "vs": codes.id, "cm": maps.id, "e": export.header("content-location").rpartition("/")[2]}


async def asked(clinic: Clinic, who: str | None, route: tuple[str, str], chart: dict[str, str]) -> Reply:
    method, shape = route
    url = TABLE[route][0].format(**chart)
    headers: Any = ()
    body: Any = None
    who = await as_sender(clinic, who) if shape == "$process-message" else who
    if shape.endswith("$export"):
        headers = ASYNC
    elif shape == "$import":
        body, headers = json.dumps({**observation(chart["p"]), "id": "brought"}).encode(), (("content-type", "application/fhir+ndjson"),)
    elif shape.endswith("_search"):
        body, headers = b"_type=Observation" if shape in ("_search", "T/I/*/_search") else b"status=final", FORM
    elif (operation := shape.rpartition("/")[2]) in BODIES:
        body = BODIES[operation]
    elif shape.endswith("$emergency-access"):
        said = {"family": "Nobody", "given": "Here", "birthDate": "1988-03-04", "reason": "medical-emergency", "because": "A test."}
        body = {"resourceType": "Parameters", "parameter": [*({"name": k, "valueString": v} for k, v in said.items()), {"name": "attested", "valueBoolean": True}]}
    elif "$meta-" in shape:
        label = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HIV"}]}
        body = {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": label}, {"name": "reason", "valueString": "A test."}]}
    elif shape.endswith("$import-ccda"):
        body, headers = outside.ccd(), (("content-type", "application/hl7-cda+xml"),)
    elif shape.endswith("$docref") and method == "POST":
        body = {"resourceType": "Parameters", "parameter": [{"name": "patient", "valueId": chart["p"]}]}
    elif shape.endswith(TERMINOLOGY):
        body = {"resourceType": "Parameters"} if method == "POST" else None
    elif method == "PATCH":
        body, headers = json.dumps([{"op": "add", "path": "/language", "value": "en"}]).encode(), PATCH
    elif shape == "" and method == "POST":
        body = BUNDLE
    elif method == "PUT":
        body = {**observation(chart["p"], 73), **({"id": chart["o"]} if shape == "T/I" else {})}
    elif method == "POST":
        body = observation(chart["p"])
    return await clinic.ask(who, method, url, body, headers)


def about(shape: str) -> str:
    """The type about which a route's role is asked."""
    words = {"$everything": "Patient", "$ccd": "Patient", "$match": "Patient", "$ihe-pix": "Patient", "$content": "DocumentReference", "$docref": "DocumentReference", "$import-ccda": "DocumentReference", "$words": "Consent", "$sign": "Consent", "$revoke": "Consent", "$access-report": "AuditEvent", "$accounting": "AuditEvent", "$process-message": "MessageHeader"}
    words |= {"$status": "Subscription", "$events": "Subscription", "$validate-code": "ValueSet", "$expand": "ValueSet", "$translate": "ConceptMap"}
    return words.get(shape.rpartition("/")[2], "Observation")


def test_every_route_has_its_row() -> None:
    assert set(ROUTES) <= set(TABLE), sorted(set(ROUTES) - set(TABLE))


@pytest.mark.parametrize("route", ROUTES, ids=[f"{m} {s}" for m, s in ROUTES])
async def test_a_route_asks_who_is_there_what_their_role_includes_and_leaves_a_line(clinic: Clinic, chart: dict[str, str], route: tuple[str, str]) -> None:
    _, needs, action = TABLE[route]
    anonymous = await asked(clinic, None, route, chart)
    assert anonymous.status == (200 if route[1] in routes.OPEN else 401)
    assert (await asked(clinic, "x" * 43, route, chart)).status == (200 if route[1] in routes.OPEN else 401)
    rules = clinic.gate.house.rules[1]
    for who in ROLES:
        reply = await asked(clinic, who, route, chart)
        role = {"mh-clinician": "clinician", "technician": "technician", "biller": "biller", "officer": "privacy-officer", "sys-mh": "system"}[who]
        type_ = "*" if needs.endswith("*") else "Bulk" if needs.endswith("Bulk") else about(route[1])
        allowed = all(rules.allows(role, a, type_) for a in needs.split() if a not in ("*", "Bulk"))
        if allowed:
            assert reply.status < 300, (who, reply.status, reply.body[:300])
        else:
            assert reply.status == 403, (who, reply.status, reply.body[:300])
        lines = await clinic.trail(reply.header("x-request-id"))
        if not allowed:
            assert "denied" in [line["outcome"] for line in lines]
        elif action:
            assert action in [line["action"] for line in lines], who
            found = [e for e in (reply.json().get("entry", []) if reply.body.startswith(b'{"resourceType":"Bundle"') else []) if "resource" in e]
            shown = [seq for line in lines for seq in line["shown"]]
            if (found and action != "message") or action in ("create", "update", "patch", "delete", "read", "vread"):
                assert shown, "the line does not say which versions were shown"
                assert route[1].endswith((*TERMINOLOGY, "$status", "$events")) or chart["p"] in [p for line in lines for p in line["patients"]]
        if route[0] == "DELETE" and reply.status == 204:
            break  # it is gone for those who come after


async def test_an_answer_that_shows_data_carries_the_receipt_of_its_line(clinic: Clinic, chart: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Answer] = []
    real = app._finish

    def finish(ask: Any, answer: Answer) -> None:
        answers.append(answer)
        real(ask, answer)

    monkeypatch.setattr(app, "_finish", finish)
    for route in ROUTES:
        if "DELETE" in route or "$validate" in route[1] or route[1].endswith(TERMINOLOGY) or route[1] in ("metadata", "", "T/$emergency-access", "T/I/$meta-delete", "T/I/$sign", "T/I/$revoke", "T/I/$access-report", "T/I/$accounting"):
            continue  # these show nobody's data (or are for staff or patients alone), or (bundles) carry the receipts of their entries
        answers.clear()
        reply = await asked(clinic, "sys-mh", route, chart)
        assert reply.status < 300, route
        assert answers[-1].receipt is not None, route
        assert await clinic.trail(answers[-1].receipt.request)
        if route[1].endswith("$export"):  # one caller may not have many under way
            await clinic.ask("sys-mh", "DELETE", reply.header("content-location").partition("/fhir/")[2])


async def test_without_the_trail_nothing_is_answered(clinic: Clinic, chart: dict[str, str]) -> None:
    await clinic.owner.execute("ALTER TABLE record.audit ADD CONSTRAINT broken CHECK (false) NOT VALID")
    before = await clinic.owner.fetchval("SELECT count(*) FROM record.version")
    for route in ROUTES:
        if not TABLE[route][2]:
            continue
        reply = await asked(clinic, "sys-mh", route, chart)
        assert reply.status in (200, 500, 503), (route, reply.status)
        assert chart["p"].encode() not in reply.body, route
        if reply.status == 200:  # a batch: each entry by itself
            assert all(entry["response"]["status"].startswith("503") for entry in reply.json()["entry"])
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.version") == before
