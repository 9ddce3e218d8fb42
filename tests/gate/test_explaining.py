"""What an explanation says of one grant: in which of its limits it does not fit, and which came nearest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sojourn.fhir.dates import FUTURE, PAST
from sojourn.gate import bases
from sojourn.gate.decide import Decision
from sojourn.gate.explaining import grants, words
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
