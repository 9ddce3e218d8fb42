"""Bad input is answered by a 4xx OperationOutcome that says what is wrong; never by a 500, and never by half a write."""

from __future__ import annotations

import json
import os
import string
from random import Random
from typing import Any

import pytest

from sojourn.doors.api import routes
from tests.people import Clinic, Reply, encounter, observation, patient

CASES = int(os.environ.get("SOJOURN_FUZZ_CASES", "500"))
JSON = (("content-type", "application/fhir+json"),)
NDJSON = (("content-type", "application/fhir+ndjson"),)
DEEP = b'{"resourceType":"Observation","extension":' + b'[{"extension":' * 2000 + b"[]" + b"}]" * 2000 + b"}"
BODIES: dict[str, bytes] = {
    "no JSON": b"hello", "cut off": b'{"resourceType":"Observation","status":', "empty": b"", "two values": b"{} {}", "a number": b"17", "null": b"null", "a list": b"[]",
    "a string": b'"Observation"', "invalid UTF-8": b'{"resourceType":"Observation","status":"\xff\xfe"}', "a lone surrogate": b'{"resourceType":"Observation","status":"\\ud800"}',
    "duplicate keys": b'{"resourceType":"Observation","status":"final","status":"amended"}', "NaN": b'{"resourceType":"Observation","valueQuantity":{"value":NaN}}',
    "NUL": b'{"resourceType":"Observation","status":"a\\u0000b"}', "deep nesting": DEEP, "deep lists": b"[" * 100_000, "an unknown type": b'{"resourceType":"Observatory"}',
    "no type": b'{"status":"final"}', "the type is a list": b'{"resourceType":["Observation"]}', "another type": b'{"resourceType":"Patient"}',
    "an impossible day": json.dumps({**observation("x"), "effectiveDateTime": "2026-02-30"}).encode(), "a month 13": json.dumps({**observation("x"), "effectiveDateTime": "2026-13"}).encode(),
    "a number as text": json.dumps({**observation("x"), "valueQuantity": {"value": "72"}}).encode(), "a text as number": json.dumps({**observation("x"), "status": 5}).encode(),
    "an object for a list": json.dumps({**observation("x"), "category": {"text": "x"}}).encode(), "a list for an object": json.dumps({**observation("x"), "code": [{"text": "x"}]}).encode(),
    "an unknown element": json.dumps({**observation("x"), "colour": "red"}).encode(), "an empty object": json.dumps({**observation("x"), "code": {}}).encode(),
    "an empty list": json.dumps({**observation("x"), "category": []}).encode(), "null in a list": json.dumps({**observation("x"), "category": [None]}).encode(),
    "a very long number": b'{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueInteger":' + b"9" * 5000 + b"}",
    "10 MB in a code": json.dumps({**observation("x"), "status": "x" * 10_000_000}).encode(), "a bad reference": json.dumps({**observation("x"), "subject": {"reference": 7}}).encode(),
    "script in a narrative": json.dumps({**observation("x"), "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml"><script>x</script></div>'}}).encode(),
    "meta is a list": json.dumps({**observation("x"), "meta": []}).encode(), "a bad label": json.dumps({**observation("x"), "meta": {"security": ["x"]}}).encode(),
}  # fmt: skip
SEARCHES = (
    "date=2026-02-30", "date=xx2026", "date=", "value-quantity=abc", "value-quantity=1|2|3|4|5", "_count=-1", "_count=many", "_sort=nothing", "_include=x", "_revinclude=Nothing:x",
    "_total=some", "_summary=maybe", "subject:Nothing.name=x", "_has:Nothing:x:y=z", "_has:Observation=z", "code:above:below=x", "status:exact=final", "_lastUpdated=soon", "page=%00",
    "page=AAAA", "_type=Nothing", "subject.subject.subject.subject.subject.subject.subject.subject.subject.name=x", "code=" + "x" * 17000, "%ff=1", "code=%ff%fe", "_id=%00", "code=%00",
    "_elements=%00", "subject=Patient/%00", "combo-code-value-quantity=a$b$c", "_list=x", "_filter=x", "_query=x", "_since=x",
)  # fmt: skip


def proper(reply: Reply, about: Any = "") -> None:
    """A 4xx with an OperationOutcome that says something."""
    assert 400 <= reply.status < 500, (about, reply.status, reply.body[:300])
    outcome = reply.json()
    assert outcome["resourceType"] == "OperationOutcome"
    assert all(issue["severity"] == "error" and issue["code"] and issue.get("diagnostics") for issue in outcome["issue"]), outcome


async def rows(clinic: Clinic) -> list[int]:
    """How much there is of everything."""
    tables = ("resource", "version", "token", "string", "date", "number", "edge", "change", "relation", "consent_grant")
    return [await clinic.owner.fetchval(f"SELECT count(*) FROM record.{t}") for t in tables]


@pytest.mark.parametrize("name", BODIES)
async def test_a_body_that_cannot_be_taken_is_refused_and_nothing_is_written(clinic: Clinic, name: str) -> None:
    made = (await clinic.make("sys-mh", patient())).id
    before = await rows(clinic)
    body = BODIES[name]
    for method, url in (("POST", "Observation"), ("PUT", f"Patient/{made}"), ("PATCH", f"Patient/{made}"), ("POST", ""), ("PUT", "Observation?status=final")):
        if (method, name) != ("PATCH", "a list"):  # a JSON Patch without operations
            proper(await clinic.ask("sys-mh", method, url, body, JSON, chunks=3), (method, url))
    assert (await clinic.ask("sys-mh", "POST", "$validate", body, JSON)).status in (200, 400, 413, 422)
    assert (await clinic.ask("sys-mh", "POST", "$import", body, NDJSON)).status in (200, 400, 413, 422)  # each line is refused or taken by itself
    assert await rows(clinic) == before


@pytest.mark.parametrize("name", [n for n, body in BODIES.items() if body.startswith(b'{"resourceType":"Observation"') and len(body) < 10_000])
async def test_one_bad_entry_refuses_the_whole_transaction(clinic: Clinic, name: str) -> None:
    try:
        bad = json.loads(BODIES[name].decode())
    except ValueError:
        return
    if name in ("duplicate keys", "NaN", "a lone surrogate"):
        return  # not the same once decoded
    p = (await clinic.make("sys-mh", patient())).id
    before = await rows(clinic)
    good = {"request": {"method": "POST", "url": "Observation"}, "resource": observation(p)}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [good, {"request": {"method": "POST", "url": "Observation"}, "resource": bad}, good]}
    proper(await clinic.ask("sys-mh", "POST", "", bundle))
    assert await rows(clinic) == before


@pytest.mark.parametrize("handling", ["strict", "lenient"])
async def test_a_search_that_makes_no_sense_is_refused(clinic: Clinic, handling: str) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(p))
    for query in SEARCHES:
        reply = await clinic.get("sys-mh", f"Observation?{query}", ("prefer", f"handling={handling}"))
        assert reply.status < 500, (query, reply.status)
        if handling == "strict":
            if reply.status >= 400:
                proper(reply, query)
            else:
                assert query in ("date=", "_id=%00", "code=%00", "_elements=%00", "subject=Patient/%00", "_count=-1"), query


async def test_a_number_beyond_every_float_is_kept_and_found_or_refused_but_breaks_nothing(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    for text in ("1e999999", "-1e999999", "1e-999999", "0.000000000000000000000000000000000000000000001"):
        body = json.dumps(observation(p)).replace('"value": 72', f'"value": {text}').encode()
        assert (await clinic.ask("sys-mh", "POST", "Observation", body, JSON)).status in (201, 422)
        assert (await clinic.get("sys-mh", f"Observation?value-quantity=gt{text}")).status in (200, 400)
        assert (await clinic.get("sys-mh", "Observation?_sort=value-quantity")).status == 200


async def test_random_requests_never_break_the_server(clinic: Clinic) -> None:
    seed = int(os.environ.get("SOJOURN_FUZZ_SEED", "20260301"))
    random = Random(seed)
    p = (await clinic.make("sys-mh", patient())).id
    o = (await clinic.make("sys-mh", observation(p))).id
    words = ["Observation", "Patient", "_history", "_search", "$everything", "$validate", "$export", "$import", "$bulk", "$process-message", p, o, "metadata", "*", "..", "%2e", "Nothing", "observation", "-", "é", "\x00", "x" * 65, " "]
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW", ""]
    names = ["accept", "content-type", "if-match", "if-none-match", "if-none-exist", "if-modified-since", "prefer", "authorization", "accept-encoding", "content-length", "x-y"]
    texts = ["", "*/*", "application/xml", "text/html", "application/fhir+json; charset=latin-1", 'W/"x"', "*", "x", "yesterday", "return=minimal", "handling=strict", "\xff\xfe", "a=b&c", "subject=x", ";;;,,,", "gzip"]
    for n in range(CASES):
        url = "/".join(random.choice(words) for _ in range(random.randrange(5)))
        if random.random() < 0.5:
            url += "?" + "&".join(random.choice(SEARCHES) for _ in range(random.randrange(3)))
        body = random.choice(list(BODIES.values())[:12]) if random.random() < 0.5 else mangled(random, observation(p))
        headers = [(random.choice(names), random.choice(texts)) for _ in range(random.randrange(4))]
        url = url.encode("utf-8").decode("latin-1") if random.random() < 0.5 else url.encode("ascii", "replace").decode()
        reply = await clinic.ask(random.choice(("sys-mh", "mh-clinician", "tpo", None)), random.choice(methods), url, body, headers)
        assert reply.status < 500, (seed, n, url, headers, body[:200])
        if reply.status >= 400 and reply.body:
            assert reply.header("content-encoding") == "gzip" or reply.json()["resourceType"] == "OperationOutcome"
    assert (await clinic.get("sys-mh", f"Observation/{o}")).status in (200, 410)


def mangled(random: Random, resource: dict[str, Any]) -> bytes:
    """A valid resource with a few bytes or values changed."""
    if random.random() < 0.5:
        text = bytearray(json.dumps(resource).encode())
        for _ in range(random.randrange(1, 4)):
            text[random.randrange(len(text))] = random.choice(string.printable.encode())
        return bytes(text)
    changed = json.loads(json.dumps(resource))
    node: Any = changed
    while isinstance(node, dict | list) and node and random.random() < 0.8:
        key = random.choice(list(node)) if isinstance(node, dict) else random.randrange(len(node))
        if random.random() < 0.4 or not isinstance(node[key], dict | list):
            node[key] = random.choice((None, True, 0, -1.5, "", " ", "x" * 3000, [], {}, [[]], {"a": 1}, "2026-02-30", "\u0000", "\U0001f600"))
            break
        node = node[key]
    return json.dumps(changed).encode()


def test_the_url_space_is_what_was_fuzzed() -> None:
    assert {shape.split("/")[0] for _, shape in routes.ROUTES} <= {"", "T", "metadata", "_history", "_search", "$validate", "$export", "$import", "$bulk", "$process-message"}
