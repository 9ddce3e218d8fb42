"""The reader of FHIR messages: each event that it says it reads is read, no JSON makes it fall, and what it does not use is listed."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sojourn.care.exchange import kinds
from sojourn.care.exchange.facts import Place
from sojourn.doors.messaging import meter
from sojourn.doors.messaging.reading import READERS, Reading
from sojourn.doors.staff.exchange import fhirmessage
from sojourn.fhir import codec, messages
from tests.doors.messaging.sender import DOCTOR, ICU, MERCY, message, person, result, stay, value

APPOINTMENT = {
    "resourceType": "Appointment", "id": "a1", "status": "booked", "start": "2026-03-05T10:00:00Z", "end": "2026-03-05T10:30:00Z",
    "participant": [{"actor": {"reference": "Patient/p1"}, "status": "accepted"}],
}  # fmt: skip
LINKED = person(link=[{"type": "replaces", "other": {"reference": "Patient/p2"}}])


def example(kind: str) -> dict[str, Any]:
    """A message of a type, as somebody would send it."""
    event = kind.partition("^")[2]
    focus = {"SIU": (APPOINTMENT, person()), "ORU": (result(value()), value(), person())}.get(kind[:3], (LINKED, person("R2", id_="p2")) if kind in kinds.JOINS else (person(),) if kind in kinds.PERSONS else (stay(), person(), DOCTOR, ICU))
    return message(event, *focus)


def test_every_type_that_is_said_to_be_filed_is_read() -> None:
    assert set(READERS) == set(kinds.FILED_OF_FHIR)
    for kind in READERS:
        assert kinds.of_event(kind.partition("^")[2]) == kind
        said = Reading().read(codec.dumps(example(kind)), MERCY)
        assert (said.kind, said.failed) == (kind, ""), kind
        assert said.reports or said.draft is not None and (said.draft.pieces or said.draft.joins or kind in kinds.PERSONS), kind


@pytest.mark.parametrize("event", ["O21", "P03", "T02", "V04", "I12", "ZZ1", "a01", "A1", "é01", ""])
def test_what_nothing_reads_says_so(event: str) -> None:
    said = Reading().read(codec.dumps(message(event, person())), MERCY)
    assert "read" in said.failed.lower() or "unknown" in said.failed


def _places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [at]
    for key, one in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        found += _places(one, (*at, key))
    return found


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8), lambda x: st.lists(x, max_size=3) | st.dictionaries(st.sampled_from(("reference", "system", "value", "coding", "code", "resourceType", "id", "identifier", "name", "family", "given", "url", "text", "type", "other")), x, max_size=4), max_leaves=8)
KINDS = sorted({*kinds.PERSONS, "ADT^A01", "ADT^A13", "ADT^A40", "ORU^R01", "SIU^S12"})


def _looked(content: bytes) -> None:
    said = Reading().read(content, MERCY)
    for piece in said.draft.pieces if said.draft is not None else ():
        piece.make(Place("x", "p", {p.key: "x" for p in said.draft.pieces}, None, now="2026-03-01T00:00:00Z"))  # type: ignore[union-attr]
    said.kept(())
    fhirmessage.segments(content)
    fhirmessage.person(content)
    fhirmessage.key(content)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_message_of_which_one_place_is_anything_at_all_is_read_or_refused(data: st.DataObject) -> None:
    sent = example(data.draw(st.sampled_from(KINDS)))
    for _ in range(data.draw(st.integers(1, 3))):
        places = [p for p in _places(sent) if p]
        *way, last = data.draw(st.sampled_from(places))
        holder: Any = sent
        for key in way:
            holder = holder[key]
        holder[last] = data.draw(JSON)
    _looked(json.dumps(sent).encode())


@settings(max_examples=150, deadline=None)
@given(JSON | st.dictionaries(st.sampled_from(("resourceType", "type", "entry", "timestamp")), JSON))
def test_any_json_is_no_message_or_one(body: Any) -> None:
    _looked(json.dumps(body).encode())


def test_references_lead_nowhere_but_into_the_bundle() -> None:
    sent = message("A01", stay(), person(), DOCTOR)
    read = messages.read(sent)
    encounter = read.of("Encounter")[0]
    for reference in ("Practitioner/d1", "https://mercy.example/fhir/Practitioner/d1", "https://mercy.example/fhir/Practitioner/d1/_history/7"):
        assert read.target({"reference": reference}, encounter) is read.of("Practitioner")[0]
    for reference in ("https://other.example/fhir/Practitioner/d1", "http://169.254.169.254/latest", "Practitioner/d2", "#d1", "urn:uuid:1", "file:///etc/passwd", "", 7, None):
        assert read.target({"reference": reference}, encounter) is None
    twice = copy.deepcopy(sent)
    twice["entry"].append({"fullUrl": "https://other.example/fhir/Practitioner/d1", "resource": {**DOCTOR, "name": [{"family": "Other"}]}})
    read = messages.read(twice)
    assert read.target({"reference": "Practitioner/d1"}, read.of("Encounter")[0]) is read.of("Practitioner")[0], "by the base of who refers to it"


def test_what_is_used_is_mapped_and_all_else_is_listed() -> None:
    sent = message("A01", stay(priority={"text": "Urgent"}, episodeOfCare=[{"display": "Theirs"}]), person(photo=[{"title": "A picture"}]), DOCTOR, ICU)
    read = messages.read(sent)
    said = Reading().read(codec.dumps(sent), MERCY)
    assert said.draft is not None
    (piece,) = said.draft.pieces
    made = piece.make(Place("x", "p", {}, None))
    account = meter.account(read, [made] if made else [])
    assert {"Encounter.class.code", "Encounter.priority.text", "Practitioner.name.family", "Location.name", "Encounter.period.start"} <= set(account.mapped)
    assert {"Encounter.subject.reference", "Patient.identifier.value", "Patient.birthDate"} <= set(account.decided)
    assert set(account.kept) == {"Encounter.episodeOfCare.display", "Patient.photo.title"}
