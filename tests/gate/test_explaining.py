"""What an explanation says of one grant, of where labels come from, and its words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sojourn.fhir import codec
from sojourn.fhir.dates import FUTURE, PAST
from sojourn.gate import bases
from sojourn.gate.caller import Program
from sojourn.gate.decide import Decision
from sojourn.gate.explaining import grants, labelling, words
from sojourn.gate.explaining.steps import DELETED, IN_PART, NO, NOTE, SEEN, WITHHELD, YES, Explanation, Step, plain

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
GRANT: dict[str, Any] = {
    "consent": "c", "effect": "permit", "purpose": "TREAT", "action": "disclose", "valid_from": AT - HOUR, "valid_to": AT + HOUR, "programs": None, "types": None, "codes": None,
    "data_from": None, "data_to": None, "resources": None, "basis": bases.PART2,
}  # fmt: skip
ROW: dict[str, Any] = {"type": "Observation", "id": "o", "origin": [1], "tokens": [7], "at": AT - 5 * HOUR, "own": bases.PART2}
OUTSIDE = Decision(0, [], ["Organization/x"], "TREAT", "disclose", related=True, redacted=True)
OTHER = "it is about records of other programs"


@pytest.mark.parametrize(("grant", "row", "missed"), [
    ({}, {}, []), ({"purpose": "HRESCH"}, {}, ["it is for research (HRESCH)"]), ({"purpose": "*"}, {}, ["it is for any purpose"]), ({"action": "use"}, {}, ["it is for use within the organization"]),
    ({"action": "*"}, {}, ["it is for any use or disclosure"]), ({"effect": "deny", "purpose": "*", "action": "*"}, {}, []), ({"effect": "deny", "purpose": "HRESCH"}, {}, ["it is for research (HRESCH)"]),
    ({"valid_from": AT}, {}, []), ({"valid_from": AT + HOUR}, {}, ["it begins on 1 March 2026, 13:00 UTC"]), ({"valid_to": AT}, {}, ["it ended on 1 March 2026, 12:00 UTC"]),
    ({"programs": [1, 2]}, {}, []), ({"programs": [2]}, {}, [OTHER]), ({"programs": [1]}, {"origin": [1, 2]}, [OTHER]), ({"programs": [1]}, {"origin": [1, 2], "type": "Patient", "at": PAST}, []),
    ({"programs": [1]}, {"origin": []}, [OTHER]), ({"programs": [2]}, {"origin": [1], "type": "Patient"}, [OTHER]), ({"effect": "deny", "programs": [1]}, {"origin": [1, 2]}, []), ({"effect": "deny", "programs": [3]}, {"origin": [1, 2]}, [OTHER]),
    ({"types": ["Observation"]}, {}, []), ({"types": ["Condition", "Encounter"]}, {}, ["it is about Condition and Encounter only"]), ({"codes": [7, 8]}, {}, []), ({"codes": [8]}, {}, ["it is about other contents"]),
    ({"resources": ["Observation/o"]}, {}, []), ({"resources": ["Condition/o"]}, {}, ["it names other records"]), ({"resources": []}, {}, ["it names other records"]),
    ({"data_from": AT - 6 * HOUR, "data_to": AT}, {}, []), ({"data_from": AT - 5 * HOUR}, {}, []), ({"data_to": AT - 5 * HOUR}, {}, ["it is about records of another time"]), ({"data_from": AT}, {}, ["it is about records of another time"]),
    ({"data_from": AT}, {"at": PAST}, ["it is about records of another time"]), ({"data_to": AT}, {"at": PAST}, ["it is about records of another time"]), ({"data_from": PAST, "data_to": FUTURE}, {"at": PAST}, []),
    ({"data_from": AT}, {"type": "Patient", "at": PAST}, []), ({"effect": "deny", "data_from": AT}, {"at": PAST}, []), ({"effect": "deny", "data_from": AT}, {"type": "Patient"}, ["it is about records of another time"]),
    ({"effect": "deny", "data_from": AT}, {}, ["it is about records of another time"]),
    ({"effect": "deny", "basis": 1 << 5}, {}, ["it is about HIV"]), ({"effect": "deny", "basis": 1 << 5 | bases.PART2}, {}, []), ({"effect": "deny", "basis": 0}, {"own": 0}, []), ({"basis": 1 << 5}, {}, []),
    ({"purpose": "HRESCH", "types": ["Condition"]}, {}, ["it is for research (HRESCH)", "it is about Condition only"]),
])  # fmt: skip
def test_a_grant_says_in_which_of_its_limits_it_does_not_fit(grant: dict[str, Any], row: dict[str, Any], missed: list[str]) -> None:
    assert grants.misses({**GRANT, **grant}, {**ROW, **row}, OUTSIDE, AT) == missed


@pytest.mark.parametrize(("programs", "origin", "type_", "home"), [
    ([1], [1], "Observation", True), ([1, 2], [1, 2], "Observation", True), ([1], [1, 2], "Observation", False), ([1], [1, 2], "Patient", True), ([2], [1], "Patient", False), ([], [1], "Observation", False), ([1], [], "Observation", False),
])  # fmt: skip
def test_who_works_in_the_programs_that_made_it_is_at_home(programs: list[int], origin: list[int], type_: str, home: bool) -> None:
    assert grants.at_home(Decision(0, programs, [], "TREAT", "use", related=True, redacted=True), {**ROW, "origin": origin, "type": type_}) is home


def test_the_nearest_is_the_one_that_lacks_least_with_each_purpose_that_it_names() -> None:
    near, far = ({**GRANT, "consent": "near"}, ["it is for research (HRESCH)"]), ({**GRANT, "consent": "far"}, ["it is about other contents", "it names other records"])
    assert grants.nearest([]) == ""
    assert grants.nearest([far, near]) == grants.nearest([near, far]) == " The nearest: Consent/near, but it is for research (HRESCH)."
    more = [({**GRANT, "consent": "near"}, [f"it is for {words.purpose(p)}"]) for p in ("HMARKT", "HPAYMT", "TREAT", "FUNDRAISE")]
    assert grants.nearest([far, *more]) == " The nearest: Consent/near, but it is for payment (HPAYMT), treatment (TREAT) or fundraising (FUNDRAISE) and the like."
    assert grants.nearest([({**GRANT, "consent": "emergency/e1"}, ["it ended on 1 March 2026"])]) == " The nearest: Emergency access e1, but it ended on 1 March 2026."


@pytest.mark.parametrize(("outcome", "allowed"), [(SEEN, True), (IN_PART, True), (WITHHELD, False), (DELETED, False)])
def test_an_explanation_names_what_stopped_it_and_what_it_rests_on(outcome: str, allowed: bool) -> None:
    steps = (
        Step("who", NOTE, "x"), Step("consent", YES, "x", ({"consent": "b", "holds": True}, {"consent": "a", "holds": True}, {"consent": "z", "holds": False})),
        Step("deny", NO if not allowed else YES, "x", ({"consent": "y", "holds": True},)), Step("decision", NO if not allowed else YES, "x"),
    )  # fmt: skip
    one = Explanation("w", "TREAT", "Observation/o", None, "now", AT, AT, outcome, steps)
    assert (one.allowed, one.decisive.step, one.consents) == (allowed, "decision" if allowed else "deny", ["Consent/a", "Consent/b"])
    assert one.as_json()["decisive"] == one.decisive.step


def test_rows_are_plain_for_programs() -> None:
    assert plain({"a": AT, "b": PAST, "c": FUTURE, "d": (AT, [1]), "e": "x"}) == {"a": AT.isoformat(), "b": None, "c": None, "d": [AT.isoformat(), [1]], "e": "x"}


HIV: dict[str, Any] = {"system": bases.ACT_CODE, "code": "HIV"}
MH: dict[str, Any] = {"system": bases.ACT_CODE, "code": "MH"}
PROGRAMS = {1: Program(1, "sud", "SUD", None, True), 2: Program(2, "mh", "MH", None, False)}
LOINC = "http://loinc.org"
COUNT = {"system": LOINC, "code": "20447-9"}  # HIV-1 RNA


def sources(own: int, body: dict[str, Any] | None = None, origin: list[int] | None = None) -> list[tuple[str, str, str]]:
    row = {"own": own, "origin": origin or [], "body": codec.dumps({"resourceType": "Observation", **body}) if body is not None else b""}
    return [(s["label"], s["from"], s["what"]) for s in labelling.sources(row, PROGRAMS)]


def test_labels_come_from_programs_from_what_a_writer_said_from_elements_and_from_codes() -> None:
    part2 = [("Part 2 record", "program", "SUD"), ("Part 2 record", "program", "program 3")]
    assert sources(bases.PART2, origin=[1, 2, 3]) == part2  # nothing of a program that is none, and a program that is gone counts as one
    assert sources(1 << 5, origin=[1]) == []
    assert labelling.sources({"own": 1 << 5, "origin": [1], "body": None}, PROGRAMS) == [], "what was deleted has no body"
    said = {"meta": {"security": [HIV, MH, {"system": bases.ACT_CODE, "code": "42CFRPart2"}]}}
    assert sources(1 << 5 | bases.PART2, said) == [("HIV", "label", f"{bases.ACT_CODE}|HIV")]  # MH protects nothing here; Part 2 follows the program
    assert sources(1 << 5, {}) == sources(1 << 5, {"meta": []}) == sources(1 << 5, {"meta": {}}) == []
    element = {"component": [{"valueQuantity": {"value": 1, "extension": [{"url": bases.INLINE, "valueCoding": HIV}]}}]}
    assert sources(0, element)[0] == ("HIV", "element", "component.0.valueQuantity")
    coded = {"meta": {"tag": [COUNT]}, "contained": [{"code": {"coding": [COUNT]}}], "code": {"coding": [{"code": "20447-9"}, {"system": 1, "code": "20447-9"}, COUNT]}, "component": [{"code": {"coding": [COUNT]}}]}
    assert sources(0, coded) == [("about HIV", "code", f"{LOINC}|20447-9 at code.coding")]  # each once


@pytest.mark.parametrize("own", [bases.SUD_COUNSELING, bases.PSYCHOTHERAPY, bases.PART2 | bases.PSYCHOTHERAPY])
def test_of_a_note_kept_apart_the_law_is_told_and_nothing_of_its_content(own: int) -> None:
    body = {"meta": {"security": [HIV, {"system": bases.ACT_CODE, "code": "PSYTHPN"}]}, "code": {"coding": [COUNT]}}
    assert sources(own, body, origin=[1]) == ([("Part 2 record", "program", "SUD")] if own & bases.PART2 else [])
    assert labelling.sources({"own": own, "origin": [], "body": b"\x01sealed"}, PROGRAMS) == labelling.sources({"own": 0, "origin": [], "body": b"\x01sealed"}, PROGRAMS) == []


def test_words() -> None:
    assert [words.purpose(c) for c in ("HPAYMT", "*", "XYZ")] == ["payment (HPAYMT)", "any purpose", "XYZ"]
    assert [words.action(c) for c in ("use", "disclose", "*", "x")] == ["use within the organization", "disclosure to somebody outside", "any use or disclosure", "x"]
    assert words.split(0b1011) == [1, 2, 8]
    assert words.basis(1 << 1) == ("Part 2 record", "42 CFR 2.11, 2.12: records of a Part 2 program")
    assert words.basis(1 << 40) == ("basis 41", "")
    assert words.basis(bases.ORDINARY) == ("What no law of its own protects", "45 CFR 164.502(a), 164.508")
    assert [words.listed(m) for m in (0, 1 << 5, 1 << 4 | 1 << 5, 1 << 1 | 1 << 4 | 1 << 5)] == ["nothing special", "HIV", "mental health and HIV", "Part 2 record, mental health and HIV"]
    assert all(words.basis(b.bit)[0] != b.name for b in bases.BASES if b.name != "violence")
    assert words.named((2, 9), PROGRAMS) == "MH and program 9"
    assert [words.day(AT.replace(hour=h, minute=m)) for h, m in ((0, 0), (0, 5), (14, 0))] == ["1 March 2026", "1 March 2026, 00:05 UTC", "1 March 2026, 14:00 UTC"]
    day = AT.replace(hour=0)
    assert [words.period(a, b) for a, b in ((PAST, FUTURE), (day, FUTURE), (PAST, day), (day, day))] == [
        "without limit in time", "since 1 March 2026", "until 1 March 2026", "since 1 March 2026 until 1 March 2026",
    ]  # fmt: skip
    assert [words.consent(c) for c in ("a", "emergency/e1")] == ["Consent/a", "Emergency access e1"]
    assert [words.actor(k) for k in ("Organization/x", "for:TREAT:Organization/x")] == ["Organization/x", "Organization/x, for treatment (TREAT)"]
    assert [words.count(n, "record") for n in (0, 1, 2, 1200)] == ["0 records", "1 record", "2 records", "1,200 records"]
