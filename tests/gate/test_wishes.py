"""What a release asks for, by its days and what is left out; which statements go along; why something stays; and the Bundle as it leaves."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sojourn.fhir.extract import extract
from sojourn.fhir.searchparams import clinical_date
from sojourn.gate import bases, releasing
from sojourn.gate.access import Access
from sojourn.gate.bases import ACT_CODE, CONFIDENTIALITY, LOCAL
from sojourn.gate.disclosing import Outgoing
from sojourn.gate.found import Stored
from sojourn.gate.releasing import Preview, Wish
from sojourn.sample import organization

ABOUT = "Organization/harbor"


@pytest.fixture(scope="module")
def whole_sample() -> dict[str, dict[str, Any]]:
    """One resource of each type of the sample."""
    return {item.resource["resourceType"]: item.resource for item in organization(1, date(2026, 11, 22))}


def wants(resource: dict[str, Any], **wish: Any) -> bool:
    return Wish("p", ABOUT, "TREAT", **wish).wants({"id": "x", **resource})


DAY = "2026-02-03"


@pytest.mark.parametrize(
    "where",
    [
        *({name: f"{DAY}T10:00:00Z"} for name in ("effectiveDateTime", "effectiveInstant", "authoredOn", "authored", "onsetDateTime", "performedDateTime", "occurrenceDateTime", "identifiedDateTime", "whenHandedOver", "recordedDate")),
        *({name: f"{DAY}T10:00:00Z"} for name in ("startDate", "start", "started", "date", "dateTime", "dateWritten", "created", "createdDateTime", "sent", "issued", "recorded", "receivedTime")),
        *({name: {"start": DAY}} for name in ("period", "performedPeriod", "effectivePeriod", "occurrencePeriod", "identifiedPeriod", "createdPeriod")), {"context": {"period": {"start": DAY}}}, {"collection": {"collectedDateTime": DAY}},
        {"period": {"end": "2026-09-09"}, "date": DAY}, {"date": DAY, "created": "2025-01-01"}, {"effectiveDateTime": DAY, "sent": "2025-01-01"}, {"period": {"start": DAY}, "effectiveDateTime": "2025-01-01"},
    ],
)  # fmt: skip
def test_what_has_a_day_leaves_from_the_first_day_to_the_last_and_on_no_other(where: dict[str, Any]) -> None:
    thing = {"resourceType": "Observation", **where}
    assert wants(thing)
    for since, until, leaves in ((DAY, "", True), ("2026-02-04", "", False), ("", DAY, True), ("", "2026-02-02", False), (DAY, DAY, True), ("2026-02-01", "2026-02-02", False), ("2026-02-04", "2026-02-28", False)):
        assert wants(thing, since=since, until=until) is leaves, (since, until)


def test_whatever_a_chart_lists_by_its_date_has_a_day(whole_sample: dict[str, dict[str, Any]]) -> None:
    undated = {type_ for type_, one in whole_sample.items() if not releasing._day(one)}
    listed = {type_ for type_, one in whole_sample.items() if type_ != "Patient" and any(code == clinical_date(type_) for code, _, _ in extract(one).dates)}
    assert len(listed) > 15
    assert listed & undated == set()


@pytest.mark.parametrize(
    ("day", "since", "until", "leaves"),
    [
        ("2026", "2026-03-01", "", True), ("2025", "2026-03-01", "", False), ("2026-03", "2026-03-15", "", True), ("2026-02", "2026-03-01", "", False),  # what is told by the month may be of that day
        ("2026", "", "2026-03-01", True), ("2027", "", "2026-03-01", False), ("2026-03", "", "2026-03-15", True), ("2026-04", "", "2026-03-15", False),
    ],
)  # fmt: skip
def test_a_day_that_is_told_by_month_or_year_leaves_where_it_may_be_meant(day: str, since: str, until: str, leaves: bool) -> None:
    assert wants({"resourceType": "Condition", "recordedDate": day}, since=since, until=until) is leaves


def test_what_names_no_day_leaves_and_so_does_the_patient_whatever_days_are_asked_for() -> None:
    narrow = {"since": "2026-01-01", "until": "2026-01-02"}
    assert wants({"resourceType": "CareTeam"}, **narrow)
    assert wants({"resourceType": "CareTeam", "period": {}}, **narrow)
    assert wants({"resourceType": "Patient", "date": "1990-01-01"}, **narrow)
    assert not wants({"resourceType": "Observation", "date": "1990-01-01"}, **narrow)


def test_what_is_left_out_by_name_stays_whatever_it_is() -> None:
    assert not wants({"resourceType": "Observation"}, without=frozenset({"Observation/x"}))
    assert not wants({"resourceType": "Patient"}, without=frozenset({"Patient/x"}))
    assert wants({"resourceType": "Observation"}, without=frozenset({"Observation/y", "Condition/x"}))


@pytest.mark.parametrize(
    ("about", "goes"),
    [
        ([], True), (["Task/request"], True),  # about no entry: about all of it
        (["Observation/a"], True), (["Task/request", "Observation/a"], True), (["Observation/b", "Observation/a"], True),
        (["Observation/b"], False), (["Task/request", "Observation/b"], False),
    ],
)  # fmt: skip
def test_a_statement_goes_with_what_it_is_about(about: list[str], goes: bool) -> None:
    statement = {"resourceType": "Communication", "about": [{"reference": name} for name in about]} if about else {"resourceType": "Communication"}
    assert releasing._is_about(statement, {"Observation/a", "Patient/p"}) is goes


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        ([(LOCAL, "SUDCN"), (ACT_CODE, "42CFRPart2")], "SUD counseling note"),
        ([(ACT_CODE, "PSYTHPN"), (ACT_CODE, "42CFRPart2")], "Psychotherapy note"),
        ([(ACT_CODE, "PRS"), (ACT_CODE, "42CFRPart2")], "The patient asked"),
        ([(ACT_CODE, "42CFRPart2"), (ACT_CODE, "HIV")], "Part 2 record"),
        ([(ACT_CODE, "HIV")], "Protected by a law of its own"),
        ([(CONFIDENTIALITY, "N")], "No consent or care relation"),
        ([], "No consent or care relation"),
    ],
)  # fmt: skip
def test_why_something_stays_is_said_by_the_strictest_law_on_it(labels: list[tuple[str, str]], why: str) -> None:
    assert releasing.reason({"meta": {"security": [{"system": s, "code": c} for s, c in labels]}}).startswith(why)
    assert releasing.reason({"meta": None}).startswith("No consent or care relation")


def test_each_law_that_keeps_something_has_a_sentence_of_its_own() -> None:
    texts = [releasing.reason({"meta": {"security": [c]}}) for b in bases.BASES if b.code for c in bases.codings(b.bit)]
    assert all(text and not text.startswith("No consent") for text in texts)
    assert len({t for t in texts if not t.startswith("Protected")}) == 4


def test_kinds_are_counted() -> None:
    found = [cast("Stored", SimpleNamespace(type=t)) for t in ("Patient", "Observation", "Observation")]
    assert releasing.kinds(found) == {"Patient": 1, "Observation": 2}
    assert releasing.kinds([]) == {}


def test_a_bundle_leaves_with_the_moment_at_which_it_was_put_together_and_is_else_as_it_was_looked_at() -> None:
    body = {"resourceType": "Bundle", "meta": {"security": []}, "identifier": {"value": "d"}, "type": "document", "entry": [{"resource": {"resourceType": "Patient"}}]}
    access = cast("Access", SimpleNamespace(now=datetime(2026, 3, 1, 8, tzinfo=UTC)))
    left = json.loads(releasing.stamped(access, Preview([], [], Outgoing(json.dumps(body).encode()), "")))
    assert list(left) == ["resourceType", "meta", "identifier", "type", "timestamp", "entry"]
    assert left["timestamp"].startswith("2026-03-01T08:00:00")
    assert {k: v for k, v in left.items() if k != "timestamp"} == body
