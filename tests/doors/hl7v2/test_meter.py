"""The loss meter: only what arrived is mapped, only what is stated decides, everything else is listed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from sojourn.care.exchange import becoming
from sojourn.care.exchange.arrived import There
from sojourn.care.exchange.facts import CannotMap, Place
from sojourn.doors.hl7v2 import adt, marks, meter, oru, receiving, values
from sojourn.gate.exchange.partners import Partner
from sojourn.wire import hl7v2, hl7v2batch
from tests.doors.hl7v2 import test_samples
from tests.shared import needs_shared

ANYBODY = Partner("anybody", "Anybody")
ORU = (
    "MSH|^~\\&|LAB|FAC|US|US|20260301080000||ORU^R01|7|P|2.5.1\rPID|1||H-7^^^HOSP^MR||Rivera^Ana^^Jr||19880304|F|||1 Elm St^^Albany^NY\rNTE|1||Fasting since midnight\r"
    "OBR|1|P1|F1|2823-3^Potassium^LN|||202602280915\rOBX|1|NM|2823-3^Potassium^LN|1|5.40|mmol/L^millimoles per liter^UCUM|3.5-5.1|H^High^HL70078|||F|||202602280915||1467^Okafor^Chidi^^^Dr^^^&2.16.840.1.113883.4.6&ISO\r"
)  # fmt: skip


def made(text: str) -> tuple[hl7v2.Message, list[dict[str, Any]]]:
    message = hl7v2.parse(text)
    return message, [r for report in oru.reports(message, ANYBODY) for r in becoming.reported(report, ("r", ["v"]), "p", [], [], None)]


def test_what_arrived_is_mapped_and_what_did_not_is_listed_though_it_was_looked_at() -> None:
    message, resources = made(ORU)
    for segment in message.segments:
        for n, c in segment.populated():
            for repetition in segment.reps(n):
                repetition.c(c)
    account = meter.account(message, resources)
    assert {"OBX-3.1", "OBX-3.2", "OBX-5.1", "OBX-6.1", "OBX-7.1", "OBX-8.1", "OBX-8.2", "OBX-14.1", "OBX-16.1", "OBX-16.2", "NTE-3.1", "OBR-3.1"} <= set(account.mapped)
    assert {"OBX-11.1", "OBX-2.1", "PID-3.1", "PID-7.1"} <= set(account.decided)
    assert set(account.kept) == {"PID-3.5", "PID-5.4", "PID-11.1", "PID-11.3", "PID-11.4", "OBX-6.2", "OBX-8.3", "OBX-16.6"}


def test_the_number_of_a_clinician_the_words_of_a_flag_and_a_note_before_the_report_arrive() -> None:
    _, (value, report) = made(ORU)
    assert value["performer"] == [{"identifier": {"system": "urn:oid:2.16.840.1.113883.4.6", "value": "1467"}, "display": "Chidi Okafor"}]
    assert value["interpretation"][0]["coding"][0]["display"] == "High"
    assert report["conclusion"] == "Fasting since midnight"


def test_a_value_that_is_dropped_is_listed() -> None:
    message, resources = made(ORU)
    del resources[0]["valueQuantity"]
    assert {"OBX-5.1"} <= set(meter.account(message, resources).kept)


def test_what_decides_does_so_only_where_something_looked() -> None:
    message = hl7v2.parse("MSH|^~\\&|A|B|C|D|20260301080000||ADT^A08|1|P|2.5\rPID|1||H-7^^^HOSP||Rivera^Ana||19880304|F")
    assert "PID-8.1" in meter.account(message, []).kept
    adt.draft(message, Partner("anybody", "Anybody", registers=True))
    assert "PID-8.1" in meter.account(message, []).decided


@pytest.mark.parametrize(
    ("said", "there"),
    [("20260228", True), ("202602280915", True), ("20260227", False), ("5.4", False), ("5.40", True), ("5", False), ("LN", True), ("SCT", False), ("(518) 555-0171", True), ("Ana", True), ("an", False), ("Elm St", True), ("", True)],
)  # fmt: skip
def test_what_counts_as_there(said: str, there: bool) -> None:
    found = There([{"t": "2026-02-28T09:15:00-05:00", "n": Decimal("5.40"), "s": "http://loinc.org", "p": "518-555-0171", "name": ["Ana"], "line": "1 Elm St", "none": ""}], values.system)
    assert found.says(said) is there


@needs_shared
def test_each_line_of_the_table_decides_something_in_a_sample() -> None:
    """A line that nothing looks at any more would hide what is lost."""
    decided: set[str] = set()
    for path in test_samples.files():
        raw = path.read_bytes()
        for one in hl7v2batch.split(raw).messages or [raw.decode("latin-1")]:
            try:
                message = hl7v2.parse(one)
                if not receiving._trouble(message, ANYBODY):
                    marks.of(message, ANYBODY)
                    test_samples.becomes(message)
            except (hl7v2.NotReadable, CannotMap, KeyError):
                continue
            decided |= {name for s in message.segments for n, c in s.seen for name in (f"{s.name}-{n}", f"{s.name}-{n}.{c}")}
    assert sorted(set(meter._table()["decides"]) - decided) == sorted(UNSEEN)


UNSEEN = {"IAM-4.1", "PID-14.2", "PV1-50.1", "TXA-19.1"}
"""Lines that no sample exercises; tests of our own messages do."""


def test_what_was_measured_in_a_visit_arrives() -> None:
    message = hl7v2.parse("MSH|^~\\&|A|B|C|D|20260301080000||ADT^A01|1|P|2.5\rPID|1||H-7^^^HOSP||Rivera^Ana||19880304|F\rPV1|1|I|||||||||||||||||V-1\rOBX|1|NM|8867-4^Heart rate^LN||88|/min^^UCUM|||||F|||202603010755")
    draft = adt.draft(message, ANYBODY)
    places = {p.key: f"i{n}" for n, p in enumerate(draft.pieces)}
    pieces = [p.make(Place(places[p.key], "p", places, None)) for p in draft.pieces]
    (rate,) = (r for r in pieces if r and r["resourceType"] == "Observation")
    assert (rate["valueQuantity"], rate["status"], rate["effectiveDateTime"][:16]) == ({"value": Decimal(88), "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"}, "final", "2026-03-01T07:55")
    assert rate["encounter"]["reference"] == f"Encounter/{places[('visit', '', 'V-1')]}"
    assert {"OBX-3.1", "OBX-5.1", "OBX-6.1", "OBX-14.1"} <= set(meter.account(message, [r for r in pieces if r]).mapped)
