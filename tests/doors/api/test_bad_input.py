"""Bad input gets a 4xx that names the problem; never a 500, never a partial write."""

from __future__ import annotations

import json
from random import Random
from typing import Any
from urllib.parse import quote

import pytest

from sojourn.fhir import codec
from sojourn.fhir.definitions import RESOURCE_TYPES
from tests.fhir.generate import make
from tests.people import Clinic, Reply, observation, patient

WHO = "sys-mh"
DEEP = 5000


def refused(reply: Reply) -> bool:
    """A 4xx with an OperationOutcome that says something."""
    if not 400 <= reply.status < 500:
        return False
    issues = reply.json()["issue"]
    return reply.json()["resourceType"] == "OperationOutcome" and all(issue["severity"] and issue["code"] and issue.get("diagnostics") for issue in issues)


BODIES = {
    "nothing": b"",
    "no JSON": b"<Patient/>",
    "half a JSON": b'{"resourceType":"Patient"',
    "two values": b'{"resourceType":"Patient"}{}',
    "a list": b"[]",
    "null": b"null",
    "a number": b"1",
    "a type that is a number": b'{"resourceType":1}',
    "no type": b"{}",
    "a type that is not": b'{"resourceType":"Nonsense"}',
    "a duplicate key": b'{"resourceType":"Patient","active":true,"active":false}',
    "a duplicate key inside": b'{"resourceType":"Patient","name":[{"family":"a","family":"b"}]}',
    "invalid UTF-8": b'{"resourceType":"Patient","name":[{"family":"\xff\xfe"}]}',
    "half a surrogate": b'{"resourceType":"Patient","name":[{"family":"\\ud800"}]}',
    "a zero byte": b'{"resourceType":"Patient","name":[{"family":"a\\u0000b"}]}',
    "NaN": b'{"resourceType":"Observation","valueQuantity":{"value":NaN}}',
    "a huge exponent": b'{"resourceType":"Patient","multipleBirthInteger":1e999999}',
    "a huge integer": b'{"resourceType":"Patient","multipleBirthInteger":' + b"9" * 5000 + b"}",
    "a text for a boolean": b'{"resourceType":"Patient","active":"true"}',
    "a text for a list": b'{"resourceType":"Patient","name":"Ana"}',
    "an object for a text": b'{"resourceType":"Patient","birthDate":{"year":1}}',
    "null in a list": b'{"resourceType":"Patient","name":[null]}',
    "an empty list": b'{"resourceType":"Patient","name":[]}',
    "an empty object": b'{"resourceType":"Patient","name":[{}]}',
    "an empty text": b'{"resourceType":"Patient","birthDate":""}',
    "a day that does not exist": b'{"resourceType":"Patient","birthDate":"2026-02-30"}',
    "an hour that does not exist": b'{"resourceType":"Patient","deceasedDateTime":"2026-02-03T25:00:00Z"}',
    "an element that does not exist": b'{"resourceType":"Patient","shoeSize":44}',
    "two of a choice": b'{"resourceType":"Patient","deceasedBoolean":true,"deceasedDateTime":"2026"}',
    "deep lists": b'{"resourceType":"Patient","name":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "deep objects": b'{"resourceType":"Patient","extension":' + b'{"extension":' * DEEP + b"1" + b"}" * DEEP + b"}",
    "deep contained": b'{"resourceType":"Patient","contained":[' * 70 + b"]}" * 70,
    "a script": json.dumps({"resourceType": "Patient", "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml"><script>1</script></div>'}}).encode(),
    "a long id": json.dumps({"resourceType": "Patient", "link": [{"other": {"reference": "Patient/" + "x" * 65}, "type": "seealso"}]}).encode(),
    "a bad label": json.dumps({"resourceType": "Patient", "meta": {"security": "R"}}).encode(),
    "meta that is a list": b'{"resourceType":"Patient","meta":[]}',
    "a label that is null": b'{"resourceType":"Patient","meta":{"security":[null]}}',
}


async def test_a_body_that_is_wrong_is_refused_and_nothing_is_written(clinic: Clinic) -> None:
    made = await clinic.make(WHO, patient())
    for what, body in BODIES.items():
        for method, url in (("POST", "Patient"), ("PUT", f"Patient/{made.id}"), ("POST", ""), ("PATCH", f"Patient/{made.id}")):
            if (what, method) == ("a list", "PATCH"):
                continue  # a JSON Patch without operations
            reply = await clinic.ask(WHO, method, url, body, [("Content-Type", "application/fhir+json")])
            assert refused(reply), (what, method, reply.status, reply.body[:300])
        inside = b'{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"POST","url":"Patient"},"resource":%s}]}' % (body or b'""')
        assert refused(await clinic.ask(WHO, "POST", "", inside)), what
    assert (await clinic.get(WHO, "_history?_count=1000")).ids == [made.id], "nothing was written"


async def test_a_ten_megabyte_text_is_taken_or_refused_but_never_breaks(clinic: Clinic) -> None:
    for resource in (patient("x" * 10_000_000), patient(identifier=[{"system": "urn:x", "value": "y" * 10_000_000}]), {**patient(), "id": "z" * 10_000_000}):
        reply = await clinic.ask(WHO, "POST", "Patient", resource)
        assert reply.status == 201 or refused(reply)
    reply = await clinic.ask(WHO, "POST", "Patient", b'{"resourceType":"Patient","x":"' + b"x" * 70_000_000 + b'"}', chunks=8)
    assert reply.status == 413


QUERIES = [
    "birthdate=", "birthdate=x", "birthdate=2026-13", "birthdate=ge", "birthdate=zz2020", "birthdate=99999", "birthdate=0000-00-00", "birthdate=ge2020,", "_lastUpdated=x", "_id=" + "x" * 65, "_id=a/b", "identifier=|", "identifier=a|b|c",
    "gender:missing=maybe", "gender:text:missing=true", "name:=x", ":exact=x", "general-practitioner=x%00y", "organization.name", "organization.nonsense=x", "organization:Patient.name=x", "name.family=x",
    "_has:Observation:patient=x", "_has:Nonsense:patient:code=x", "_has:::=x", "_has:Observation:code:code=x", "_include=x", "_include=Patient:name", "_include=:::", "_revinclude=Nonsense:x", "_include:iterate:x=Patient:link",
    "_sort=", "_sort=-", "_sort=nonsense", "_sort=name,,", "_count=-1", "_count=1e3", "_count=99999999999999999999", "_summary=x", "_elements=", "_elements=a..b", "_total=x", "_contained=both", "page=x", "page=AAAA", "_type=Patient",
    "name=" + "x" * 70000, "name=%ff", "name=%00", "name=a%0Ab", "organization=" + ".".join(["x"] * 40), "organization" + ".partof" * 40 + "=x", "_format=xml", "_tag:not=|", "link=" + "/" * 50, "telecom=phone|x|y", "address:contains=%5C", "_filter=x", "_query=x",
]  # fmt: skip


async def test_a_search_that_is_wrong_is_refused(clinic: Clinic) -> None:
    await clinic.make(WHO, patient())
    strict = [("Prefer", "handling=strict")]
    taken = []
    for query in QUERIES:
        reply = await clinic.ask(WHO, "GET", f"Patient?{query}", None, strict)
        assert reply.status == 200 or refused(reply), (query[:80], reply.status, reply.body[:200])
        if reply.status == 200:
            taken.append(query)
    assert taken == ["address:contains=%5C"] or taken == []
    for query in ("value-quantity=x", "value-quantity=1|2", "value-quantity=gt|x|y", "code-value-quantity=x", "code-value-quantity=a$b$c", "date=2026-02-30", "combo-code-value-quantity=$", "value-quantity=" + "9" * 60):
        assert refused(await clinic.ask(WHO, "GET", f"Observation?{query}", None, strict)), query[:80]


URLS = (
    "Patient/" + "x" * 65, "Patient/a%2Fb", "Patient/x/_history/" + "y" * 200, "Patient/x/_history/../x", "../Patient", "//", "Patient//x", "Patient/x/$nonsense", "$nonsense", "Patient/%00", "Patient/x%0Ay", "_history?_since=x",
    "Patient/_history?_count=x", "Patient/x/_history?page=x", "_search", "Patient/_search", "Patient/x/Patient/y", "Patient/x/*/y", "Patient/*", "*", "metadata/x", "Patient/é",
)  # fmt: skip


async def test_an_address_that_is_wrong_is_refused_by_every_method(clinic: Clinic) -> None:
    for url in URLS:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"):
            reply = await clinic.ask(WHO, method, quote(url, safe="/?=$%*&") if "%" not in url else url, None if method in ("GET", "DELETE") else {})
            assert reply.status in (200, 204) or refused(reply), (method, url[:60], reply.status, reply.body[:200])
    for name in ("If-Match", "If-None-Match", "If-Modified-Since", "Prefer", "Accept", "If-None-Exist", "Accept-Encoding"):
        for value in ("", ";;;=", '"', "W/", "\xff", "a" * 5000, "Mon, 99 Foo 2020 99:99:99 GMT"):
            reply = await clinic.ask(WHO, "POST", "Patient", patient(), [(name, value)])
            assert reply.status in (200, 201) or refused(reply), (name, value[:20], reply.body[:200])
            reply = await clinic.ask(WHO, "GET", "Patient", None, [(name, value)])
            assert reply.status in (200, 304) or refused(reply), (name, value[:20])


def broken(random: Random, value: Any, depth: int = 0) -> Any:
    """The value with something changed somewhere inside, or everywhere."""
    if isinstance(value, dict) and value and random.random() < 0.85:
        key = random.choice(list(value))
        if random.random() < 0.1:
            return {k: v for k, v in value.items() if k != key}
        return {**value, random.choice((key, key, key, f"_{key}", key.upper())): broken(random, value[key], depth + 1)}
    if isinstance(value, list) and value and random.random() < 0.85:
        n = random.randrange(len(value))
        return [*value[:n], broken(random, value[n], depth + 1), *value[n + 1 :]]
    return random.choice((None, True, 0, -1, 1.5, "", " ", "x", "\u0007", "urn:uuid:x", "Patient/x", "2026-02-30", [], {}, [[]], [None], {"a": 1}, {"extension": []}, "#x", "http://", "\U0001f600", 2**70, "blob:x", [value], {"value": value}))


@pytest.mark.parametrize("seed", range(3))
async def test_resources_broken_by_chance_are_saved_or_refused(clinic: Clinic, seed: int) -> None:
    random = Random(seed)
    kinds = sorted(RESOURCE_TYPES - {"Bundle"})
    ana = await clinic.make(WHO, patient())
    heart = observation(ana.id)
    for _ in range(150):
        kind = random.choice(kinds)
        try:
            resource = heart if random.random() < 0.3 else make(kind, random)
        except AssertionError:
            continue
        for _ in range(random.randint(1, 3)):
            resource = broken(random, resource)
        kind = resource.get("resourceType", kind) if isinstance(resource, dict) else kind
        body = codec.dumps(resource)
        for method, url, sent in (
            ("POST", f"{kind}" if isinstance(kind, str) else "Patient", body),
            ("POST", "", codec.dumps({"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "POST", "url": kind}, "resource": resource}]})),
            ("POST", "", codec.dumps(broken(random, {"resourceType": "Bundle", "type": "transaction", "entry": [{"fullUrl": "urn:uuid:x", "request": {"method": "PUT", "url": f"Patient/{ana.id}", "ifMatch": "W/1"}, "resource": resource}]}))),
            ("PATCH", f"Patient/{ana.id}", codec.dumps(broken(random, [{"op": "add", "path": "/name/0/given/-", "value": resource}]))),
            ("PATCH", f"Patient/{ana.id}", codec.dumps(broken(random, {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": [{"name": "type", "valueCode": "add"}, {"name": "path", "valueString": "Patient.name"}, {"name": "name", "valueString": "given"}, {"name": "value", "valueString": "x"}]}]}))),
            ("POST", f"{kind}/$validate" if isinstance(kind, str) and kind in RESOURCE_TYPES else "$validate", body),
        ):  # fmt: skip
            reply = await clinic.ask(WHO, method, quote(url, safe="/$"), sent)
            assert reply.status in (200, 201) or refused(reply), (method, url, reply.status, sent[:600])
            assert b'"status":"5' not in reply.body, (url, sent[:600])
