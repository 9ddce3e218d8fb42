"""Transactions and batches taken apart: http://hl7.org/fhir/R4/http.html#transaction."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.fhir.bundle import BundleError, Links, in_order, take_apart
from sojourn.fhir.codec import loads
from tests.shared import SHARED, needs_shared

ANA = "urn:uuid:00000000-0000-4000-8000-000000000001"


def entry(method: str, url: str, resource: dict[str, Any] | None = None, full_url: str = "", **request: str) -> dict[str, Any]:
    made: dict[str, Any] = {"request": {"method": method, "url": url, **request}}
    if resource is not None:
        made["resource"] = resource
    if full_url:
        made["fullUrl"] = full_url
    return made


def bundle(*entries: Any, type_: str = "transaction") -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": type_, "entry": list(entries)}


def patient(**elements: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", **elements}


def test_every_part_of_a_request_is_read() -> None:
    made, changed, conditional, patched, gone, searched, read = take_apart(
        bundle(
            entry("POST", "Patient", patient(), ANA, ifNoneExist="identifier=a|1"),
            entry("PUT", "Patient/p1", patient(id="p1"), ifMatch='W/"3"'),
            entry("PUT", "Patient?identifier=a|2", patient()),
            entry("PATCH", "Patient/p2", {"resourceType": "Parameters"}),
            entry("DELETE", "Observation?code=x|y"),
            entry("GET", "Observation?patient=p1&_count=3"),
            entry("GET", "Patient/p1/_history/2", ifNoneMatch='W/"2"', ifModifiedSince="2026-01-01T00:00:00Z"),
        )
    )
    assert (made.full_url, made.method, made.type, made.id, made.if_none_exist) == (ANA, "POST", "Patient", "", "identifier=a|1")
    assert (changed.type, changed.id, changed.if_match, changed.conditional) == ("Patient", "p1", 'W/"3"', False)
    assert (conditional.query, conditional.conditional) == ("identifier=a|2", True)
    assert (patched.type, patched.id, patched.resource) == ("Patient", "p2", {"resourceType": "Parameters"})
    assert (gone.method, gone.type, gone.query, gone.conditional) == ("DELETE", "Observation", "code=x|y", True)
    assert (searched.path, searched.query, searched.conditional) == ("Observation", "patient=p1&_count=3", False)
    assert (read.path, read.id, read.if_none_match, read.if_modified_since) == (
        "Patient/p1/_history/2",
        "p1",
        'W/"2"',
        "2026-01-01T00:00:00Z",
    )


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({}, "request"),
        ("x", "request"),
        (entry("SPELL", "Patient"), "request.method"),
        (entry("POST", "", patient()), "request.url"),
        (entry("POST", "http://other.example/Patient", patient()), "request.url"),
        (entry("POST", "Starship", {"resourceType": "Starship"}), "request.url"),
        (entry("POST", "DomainResource", {"resourceType": "DomainResource"}), "request.url"),
        (entry("POST", "Patient/p1", patient(id="p1")), "request.url"),
        (entry("POST", "Patient"), "resource"),
        (entry("POST", "Patient", {"resourceType": "Person"}), "resource"),
        (entry("PUT", "Patient", patient()), "request.url"),
        (entry("PUT", "Patient/p1", patient(id="p2")), "resource.id"),
        (entry("PUT", "Patient/p1", patient()), "resource.id"),
        (entry("PUT", "Patient/p1/_history/1", patient(id="p1")), "request.url"),
        (entry("PATCH", "Patient/p1", patient(id="p1")), "resource"),
        (entry("DELETE", "Patient"), "request.url"),
        (entry("DELETE", "Patient/a b"), "request.url"),
        (entry("GET", "Starship/1"), "request.url"),
        (entry("POST", "Patient", patient(), "http://a.example/Patient/1/_history/2"), "fullUrl"),
        ({"request": {"method": 1, "url": "Patient"}}, "request"),
    ],
)
def test_a_wrong_entry_stops_a_transaction_and_in_a_batch_only_itself(wrong: Any, where: str) -> None:
    with pytest.raises(BundleError) as caught:
        take_apart(bundle(entry("GET", "Patient/p1"), wrong))
    assert f"Bundle.entry[1].{where}" in [issue.expression for issue in caught.value.issues]
    right, broken = take_apart(bundle(entry("GET", "Patient/p1"), wrong, type_="batch"))
    assert not right.issues
    assert broken.issues


@pytest.mark.parametrize(
    ("first", "second", "where"),
    [
        (entry("PUT", "Patient/p1", patient(id="p1")), entry("DELETE", "Patient/p1"), "request.url"),
        (entry("PATCH", "Patient/p1", {"resourceType": "Parameters"}), entry("PUT", "Patient/p1", patient(id="p1")), "request.url"),
        (entry("PUT", "Patient?identifier=1", patient()), entry("PUT", "Patient?identifier=1", patient()), "request.url"),
        (entry("POST", "Patient", patient(), ANA), entry("POST", "Patient", patient(), ANA), "fullUrl"),
    ],
)
def test_a_transaction_may_not_name_one_resource_twice(first: dict[str, Any], second: dict[str, Any], where: str) -> None:
    with pytest.raises(BundleError) as caught:
        take_apart(bundle(first, second))
    assert [issue.expression for issue in caught.value.issues] == [f"Bundle.entry[1].{where}"]
    assert not any(e.issues for e in take_apart(bundle(first, second, type_="batch")))


@pytest.mark.parametrize("broken", [None, [], {}, {"resourceType": "Bundle"}, bundle(type_="document"), {**bundle(), "entry": {}}])
def test_what_is_no_transaction_is_refused(broken: Any) -> None:
    with pytest.raises(BundleError):
        take_apart(broken)


def test_deletes_come_first_and_reads_last() -> None:
    entries = take_apart(
        bundle(
            entry("GET", "Patient/p1"),
            entry("PUT", "Patient/p2", patient(id="p2")),
            entry("POST", "Patient", patient()),
            entry("PATCH", "Patient/p3", {"resourceType": "Parameters"}),
            entry("DELETE", "Patient/p4"),
            entry("POST", "Person", {"resourceType": "Person"}),
        )
    )
    assert [(e.method, e.index) for e in in_order(entries)] == [
        ("DELETE", 4),
        ("POST", 2),
        ("POST", 5),
        ("PUT", 1),
        ("PATCH", 3),
        ("GET", 0),
    ]


def rewritten(resource: dict[str, Any], *others: dict[str, Any], found: dict[str, str] | None = None) -> dict[str, Any]:
    """The resource as stored after a transaction in which Ana became Patient/ana."""
    entries = take_apart(
        bundle(entry("POST", "Patient", patient(), ANA), entry("POST", resource["resourceType"], copy.deepcopy(resource)), *others)
    )
    links = Links(entries)
    links.rewrite({ANA: "Patient/ana", "http://a.example/fhir/Practitioner/7": "Practitioner/new"}, found)
    assert entries[1].resource is not None
    return entries[1].resource


def test_links_are_rewritten_wherever_a_link_may_stand_and_nowhere_else() -> None:
    before = {
        "resourceType": "DocumentReference",
        "text": {"status": "generated", "div": f"<div><a href=\"{ANA}\">Ana</a> <img src='{ANA}'/> {ANA}</div>"},
        "subject": {"reference": ANA, "display": ANA},
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": ANA}],
        "content": [{"attachment": {"url": ANA}}],
        "extension": [{"url": "http://a.example/x", "valueUri": ANA}, {"url": "http://a.example/x", "valueString": ANA}],
        "context": {"related": [{"reference": ANA}]},
        "meta": {"profile": ["http://a.example/p", ANA]},
    }
    after = rewritten(before)
    assert after["text"]["div"] == f"<div><a href=\"Patient/ana\">Ana</a> <img src='Patient/ana'/> {ANA}</div>"
    assert after["subject"] == {"reference": "Patient/ana", "display": ANA}
    assert after["identifier"] == before["identifier"]
    assert after["content"][0]["attachment"]["url"] == "Patient/ana"
    assert after["extension"][0]["valueUri"] == "Patient/ana"
    assert after["extension"][1]["valueString"] == ANA
    assert after["context"]["related"][0]["reference"] == "Patient/ana"
    assert after["meta"]["profile"] == ["http://a.example/p", "Patient/ana"]


def test_a_relative_reference_means_the_entry_of_the_same_server() -> None:
    other = entry("POST", "Practitioner", {"resourceType": "Practitioner"}, "http://a.example/fhir/Practitioner/7")
    before = {"resourceType": "Encounter", "participant": [{"individual": {"reference": "Practitioner/7"}}]}
    assert rewritten(before, other)["participant"][0]["individual"]["reference"] == "Practitioner/new"
    before["participant"][0]["individual"]["reference"] = "http://a.example/fhir/Practitioner/7"
    assert rewritten(before, other)["participant"][0]["individual"]["reference"] == "Practitioner/new"
    before["participant"][0]["individual"]["reference"] = "Practitioner/8"
    assert rewritten(before, other) == before


def test_conditional_references_are_found_and_replaced() -> None:
    condition = "Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|1"
    resource = {
        "resourceType": "Encounter",
        "participant": [{"individual": {"reference": condition}}, {"individual": {"reference": condition}}],
    }
    entries = take_apart(bundle(entry("POST", "Encounter", resource)))
    assert list(Links(entries).conditional) == [condition]
    after = rewritten(resource, found={condition: "Practitioner/p9"})
    assert [p["individual"]["reference"] for p in after["participant"]] == ["Practitioner/p9"] * 2


def test_a_reference_to_no_entry_is_reported() -> None:
    lost = {"resourceType": "Encounter", "subject": {"reference": "urn:uuid:00000000-0000-4000-8000-000000000009"}}
    assert Links(take_apart(bundle(entry("POST", "Patient", patient(), ANA), entry("POST", "Encounter", lost)))).dangling == [1]


TEXT = st.sampled_from(
    ["", "POST", "PUT", "Patient", "Patient/1", "Patient?x", "//", "?", "_history/", "urn:uuid:1", "Bundle", "transaction"]
)
JSON = st.recursive(
    st.none() | st.integers() | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["request", "resource", "method", "url", "fullUrl", "resourceType", "id", "reference", "div"]), inner
        )
    ),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=4), st.sampled_from(["transaction", "batch"]))
def test_whatever_is_sent_the_only_error_is_a_bundle_error(entries: list[Any], type_: str) -> None:
    try:
        Links(take_apart(bundle(*entries, type_=type_))).rewrite({"urn:uuid:1": "Patient/1"})
    except BundleError as error:
        assert error.issues  # noqa: PT017


@needs_shared
def test_the_synthea_transactions_leave_no_link_to_an_entry() -> None:
    assert SHARED is not None
    for file in sorted((SHARED / "samples/fhir/synthea").rglob("*.json"))[:4]:
        sent = loads(file.read_bytes())
        if sent.get("type") != "transaction":
            continue
        entries = take_apart(sent)
        links = Links(entries)
        assert not links.dangling
        links.rewrite({e.full_url: f"{e.type}/x{e.index}" for e in entries}, dict.fromkeys(links.conditional, "Practitioner/1"))
        assert not Links(entries).conditional
        assert not Links(entries).slots
