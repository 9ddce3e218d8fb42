"""Answer bundles put together from bytes: http://hl7.org/fhir/R4/bundle.html."""

from __future__ import annotations

from typing import Any

from sojourn.fhir.bundles import Answer, history, responses, searchset
from sojourn.fhir.codec import loads

BASE = "https://ehr.example/fhir/"
ANA = b'{"resourceType":"Patient","id":"ana","x":1.00}'


def test_a_searchset_holds_the_stored_bytes_with_url_and_mode() -> None:
    raw = searchset(
        BASE, [("Patient/ana", ANA, "match"), ("", b'{"resourceType":"OperationOutcome"}', "outcome")], [("self", BASE + 'x?a="b"')], 1
    )
    assert ANA in raw
    assert loads(raw) == {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": 1,
        "link": [{"relation": "self", "url": 'https://ehr.example/fhir/x?a="b"'}],
        "entry": [
            {"fullUrl": "https://ehr.example/fhir/Patient/ana", "resource": loads(ANA), "search": {"mode": "match"}},
            {"resource": {"resourceType": "OperationOutcome"}, "search": {"mode": "outcome"}},
        ],
    }


def test_an_empty_bundle_has_no_entry_and_no_total_unless_asked() -> None:
    assert loads(searchset(BASE, [])) == {"resourceType": "Bundle", "type": "searchset"}
    assert loads(searchset(BASE, [], total=0)) == {"resourceType": "Bundle", "type": "searchset", "total": 0}


def test_a_transaction_response_tells_what_became_of_each_entry() -> None:
    answers = [
        Answer("201 Created", "Patient/ana", None, "Patient/ana/_history/v1", 'W/"v1"', "2026-01-01T00:00:00Z"),
        Answer("200 OK", "Patient/ana", ANA),
        Answer("204 No Content"),
        Answer("404 Not Found", outcome=b'{"resourceType":"OperationOutcome"}'),
    ]
    made: dict[str, Any] = loads(responses("transaction-response", BASE, answers))
    assert made["type"] == "transaction-response"
    assert made["entry"] == [
        {
            "response": {
                "status": "201 Created",
                "location": "Patient/ana/_history/v1",
                "etag": 'W/"v1"',
                "lastModified": "2026-01-01T00:00:00Z",
            }
        },
        {"fullUrl": BASE + "Patient/ana", "resource": loads(ANA), "response": {"status": "200 OK"}},
        {"response": {"status": "204 No Content"}},
        {"response": {"status": "404 Not Found", "outcome": {"resourceType": "OperationOutcome"}}},
    ]


def test_a_history_shows_creation_change_and_deletion() -> None:
    versions = [
        Answer("204 No Content", "Patient/ana", etag='W/"3"', method="DELETE"),
        Answer("200 OK", "Patient/ana", ANA, etag='W/"2"', method="PUT"),
        Answer("201 Created", "Patient/ana", ANA, etag='W/"1"', method="POST"),
    ]
    made = loads(history(BASE, versions, [("self", BASE)], 3))
    assert [entry["request"] for entry in made["entry"]] == [
        {"method": "DELETE", "url": "Patient/ana"},
        {"method": "PUT", "url": "Patient/ana"},
        {"method": "POST", "url": "Patient"},
    ]
    assert ["resource" in entry for entry in made["entry"]] == [False, True, True]
    assert (made["total"], made["link"]) == (3, [{"relation": "self", "url": BASE}])
