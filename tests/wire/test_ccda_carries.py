"""Records of every kind in documents of every kind: each piece of data that was shown is stated with its code, time, state, unit and dose, and nothing else is."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from sojourn.wire.ccda.writer import KINDS, Heading, write
from tests.effort import SEED, TIMES
from tests.shared import SHARED, needs_shared
from tests.wire import schematron
from tests.wire.carrying import states
from tests.wire.charts import HOUSE, RECEIVER
from tests.wire.fuller import Fuller

HEADING = Heading("https://ehr.example/fhir", "urn:doc:1", "Summary", "2026-11-30T10:00:00Z", HOUSE, RECEIVER, series="urn:series:1", reason="Follow-up", purpose="TREAT")
PERSON: dict[str, Any] = {"resourceType": "Patient", "id": "p", "name": [{"family": "Rivera", "given": ["Ana"]}], "birthDate": "1988-03-04"}
MARKS = ((), (), ("42CFRPart2",), ("HIV",))
CHARTS = round(10 * TIMES)


def chart(seed: str) -> list[dict[str, Any]]:
    """Some thirty records of one person, some of them marked."""
    made = Fuller(Random(seed), "p", "Practitioner/d1")
    records: list[dict[str, Any]] = []
    for n in range(30):
        marks = made.random.choice(MARKS)
        security = [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}, *({"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": m} for m in marks)] if marks else []
        records.append({**made.one(), "id": f"r{n}", **({"meta": {"security": security}} if security else {})})
    return records


@pytest.mark.parametrize("kind", KINDS)
def test_each_piece_that_was_shown_is_stated_and_no_other(kind: str) -> None:
    compared = 0
    for n in range(CHARTS):
        records = chart(f"carries {kind} {n}{SEED}")
        payload = write(kind, [PERSON, *records], HEADING)
        compared += states(payload, {f"{r['resourceType']}/{r['id']}": r for r in [PERSON, *records]}, kind)
    print(f"{kind}: {30 * CHARTS} records, {compared} pieces compared")
    assert compared


@needs_shared
@pytest.mark.parametrize("kind", KINDS)
def test_such_records_make_valid_documents(kind: str) -> None:
    assert SHARED is not None
    place = SHARED / "samples" / "ccda-validation"
    etree = pytest.importorskip("lxml.etree")
    root = etree.fromstring(write(kind, [PERSON, *chart(f"valid {kind}{SEED}")], HEADING))
    assert schematron.failed(schematron.load(place / "CCDA-2.1-novoc.sch"), root) == []
