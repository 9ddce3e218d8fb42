"""From when to when a consent acts, how it stands, and its scope in words: one date or word at a time. No database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sojourn.gate import scope
from sojourn.gate.consenting import standing, terms, validity
from sojourn.gate.consenting.validity import EVER, FOREVER
from tests.people import consent

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
SIGNED = datetime(2026, 1, 1, 10, tzinfo=UTC)


def day(month: int, of: int, year: int = 2026) -> datetime:
    return datetime(year, month, of, tzinfo=UTC)


def form(period: dict[str, str] | None = None, status: str = "active", said: dict[str, Any] | None = None, *, deny: bool = False, **more: Any) -> dict[str, Any]:
    """A consent signed on the first of January; said: its extensions."""
    made = consent("p", "x", status=status, provision={"period": period or {}, **({"type": "deny"} if deny else {})}, **more)
    return terms.with_values(made, said or {})


def at(text: str) -> dict[str, Any]:
    return {"valueDateTime": text}


@pytest.mark.parametrize(
    ("one", "start", "end"),
    [
        (form(), SIGNED, FOREVER),
        (form({"start": "2026-02-01"}), day(2, 1), FOREVER),
        (form({"start": "2025-02-01"}), SIGNED, FOREVER),  # never before it was signed
        (form({"start": "2026-02-01"}, dateTime=None), day(2, 1), FOREVER),
        (form({"end": "2026-06-30"}), SIGNED, day(7, 1)),
        (form({"end": "2026-06"}), SIGNED, day(7, 1)),
        (form({"end": "2026-06-30"}, said={terms.ENDED_AT: at("2026-02-01T00:00:00Z")}), SIGNED, day(2, 1)),
        (form({"end": "2026-01-30"}, said={terms.ENDED_AT: at("2026-02-01T00:00:00Z")}), SIGNED, day(1, 31)),
        (form(said={terms.EVENT_OCCURRED: at("2026-02-01T00:00:00Z")}), SIGNED, day(2, 1)),
        (form(said={terms.EVENT_OCCURRED: at("2026-02-01")}), SIGNED, day(2, 1)),
        (form(said={terms.EXPIRY_EVENT: {"valueCode": "end-of-case"}}), SIGNED, SIGNED + timedelta(days=90)),
        (form(said={terms.EXPIRY_EVENT: {"valueCode": "end-of-case"}, terms.EVENT_CONFIRMED: at("2026-02-01T00:00:00Z")}), SIGNED, day(2, 1) + timedelta(days=90)),
        (form(said={terms.EXPIRY_EVENT: {"valueCode": "end-of-case"}, terms.EVENT_CONFIRMED: at("2025-02-01T00:00:00Z")}), SIGNED, SIGNED + timedelta(days=90)),
        (form(said={terms.EXPIRY_EVENT: {"valueCode": "end-of-case"}, terms.EVENT_CONFIRMED: at("2999-02-01T00:00:00Z")}, meta={"lastUpdated": "2026-02-01T00:00:00Z"}), SIGNED, day(2, 1) + timedelta(days=90)),  # nobody confirms in advance
        (form(status="inactive", said={terms.ENDED_AT: at("2026-02-01T00:00:00Z")}, meta={"lastUpdated": "2026-04-01T00:00:00Z"}), SIGNED, day(2, 1)),
        (form(status="inactive", said={terms.ENDED_AT: at("2026-05-01T00:00:00Z")}, meta={"lastUpdated": "2026-04-01T00:00:00Z"}), SIGNED, day(4, 1)),
    ],
)  # fmt: skip
def test_a_consent_acts_from_its_signature_or_first_day_to_the_first_of_its_ends(one: dict[str, Any], start: datetime, end: datetime) -> None:
    assert validity.window(one) == (start, end)


@pytest.mark.parametrize(
    "one",
    [
        *(form(status=s) for s in ("draft", "proposed", "rejected", "entered-in-error", "inactive")),
        form(status="inactive", meta={"lastUpdated": "2026-04-01T00:00:00Z"}),
        form(status="inactive", said={terms.ENDED_AT: at("2026-02-01T00:00:00Z")}),  # and nobody knows since when it is so
        form({"end": "2025-12-31"}), form({"start": "2026-02-01", "end": "2026-01-31"}), form(said={terms.EVENT_OCCURRED: at("2026-01-01T10:00:00Z")}),
    ],
)  # fmt: skip
def test_what_is_not_in_force_or_over_before_it_begins_never_acts(one: dict[str, Any]) -> None:
    assert validity.window(one) is None


def test_what_is_forbidden_begins_where_its_day_begins_first_and_ends_where_it_ends_last() -> None:
    assert validity.window(form({"start": "2026-02-01", "end": "2026-02-28"}, deny=True), guards=True) == (day(2, 1) - timedelta(hours=14), day(3, 1) + timedelta(hours=12))
    assert validity.window(form({"start": "2026-02-01"}, deny=True, dateTime="2026-02-10"), guards=True) == (day(2, 10) - timedelta(hours=14), FOREVER)
    exact = {"start": "2026-02-01T00:00:00Z", "end": "2026-02-28T00:00:00Z"}
    assert validity.window(form(exact, deny=True), guards=True) == (day(2, 1), datetime(2026, 2, 28, 0, 0, 1, tzinfo=UTC))
    ended = form(deny=True, said={terms.ENDED_AT: at("2026-02-28")})
    assert validity.window(ended, guards=True) == (SIGNED, day(2, 28) + timedelta(hours=12))
    assert validity.window(form(deny=True, said={terms.EVENT_OCCURRED: at("2026-02-28")}), guards=True) == (SIGNED, day(2, 28) + timedelta(hours=12))
    assert (validity.guarded_from(None), validity.guarded_from(""), validity.guarded_until(None)) == (EVER, EVER, FOREVER)
    assert validity.guarded_from("0001") == EVER
    assert validity.guarded_until("9999", end=True) == FOREVER


@pytest.mark.parametrize(
    ("one", "waits"),
    [
        (form(), False),  # "none" is said
        (form(said={terms.EXPIRY_TEXT: {"valueString": " No Expiration. "}}), False),
        (form(said={terms.EXPIRY_TEXT: {"valueString": "Does not expire"}}), False),
        (form(said={terms.EXPIRY_TEXT: {"valueString": "when I leave"}}), True),
        (form({"end": "2026-06-30"}, said={terms.EXPIRY_TEXT: {"valueString": "when I leave"}}), False),
        (form(said={terms.EXPIRY_TEXT: None}), False),
        (form(said={terms.EXPIRY_TEXT: {"valueInteger": 3}}), False),
        (form({"end": "2026-06-30"}, said={terms.EXPIRY_EVENT: {"valueCode": "end-of-case"}}), True),
        (form(said={terms.EXPIRY_EVENT: {"valueCode": "end-of-case"}, terms.EVENT_OCCURRED: at("2026-02-01")}), False),
        (form(deny=True, said={terms.EXPIRY_EVENT: {"valueCode": "end-of-case"}}), False),
    ],
)
def test_what_ends_with_an_event_waits_for_it(one: dict[str, Any], waits: bool) -> None:
    assert validity.waits_for_event(one) is waits


def test_nobodys_word_is_good_for_no_time() -> None:
    unsigned = form(said={terms.EXPIRY_EVENT: {"valueCode": "end-of-case"}}, dateTime=None)
    assert validity.confirmed_until(unsigned) == EVER
    assert validity.window(unsigned) is None


EVENT = {terms.EXPIRY_EVENT: {"valueCode": "end-of-case"}}
ENDED = {terms.ENDED_AT: at("2026-02-01T00:00:00Z")}


@pytest.mark.parametrize(
    ("one", "key"),
    [
        (form(), "in_force"), (form(status="draft"), "draft"), (form(status="proposed"), "requested"), (form(status="rejected"), "refused"), (form(status="entered-in-error"), "ended"), (form(status="unheard-of"), "ended"),
        (form(said={terms.ENDED_AT: at("2026-03-01")}), "ended"), (form({"end": "2026-03-01T07:59:59Z"}), "expired"), (form({"start": "2026-06-01", "end": "2026-05-01"}), "expired"),
        (form({"end": "2026-03-01"}, said=EVENT, dateTime="2025-11-01"), "lapsed"),
        (form(status="inactive"), "ended"), (form(said=ENDED), "ended"), (form(said={terms.ENDED_AT: at("2026-03-01T08:00:00Z")}), "ended"), (form(said={terms.ENDED_AT: at("2026-03-01T08:00:01Z")}), "in_force"),
        (form(said={**ENDED, terms.ENDED_HOW: {"valueCode": "revoked"}}), "revoked"), (form(said={**ENDED, terms.ENDED_HOW: {"valueCode": "replaced"}}), "replaced"), (form(said={**ENDED, terms.ENDED_HOW: {"valueCode": "overtaken"}}), "replaced"),
        (form(said={terms.EXPIRY_TEXT: None}), "void"), (form({"start": "2026-03-02"}), "later"), (form({"start": "2026-03-01T08:00:00Z"}), "in_force"),
        (form({"end": "2026-02-28"}), "expired"), (form({"end": "2026-03-01"}), "in_force"), (form({"start": "2026-02-01", "end": "2026-01-01"}), "expired"),
        (form(said=EVENT, dateTime="2025-11-01"), "lapsed"), (form({"end": "2026-02-28"}, said=EVENT, dateTime="2025-11-01"), "expired"),
        (form(said={**EVENT, terms.EVENT_OCCURRED: at("2026-02-01")}), "expired"), (form(said=EVENT), "in_force"),
        (form(deny=True), "in_force"), (form(deny=True, said={terms.KIND: {"valueCode": "patient_directive_deny"}}), "agreed"), (form({"start": "2026-03-01"}, deny=True), "in_force"), (form({"start": "2026-03-02"}, deny=True), "later"),
        (form({"end": "2026-02-28"}, deny=True), "in_force"), (form({"end": "2026-02-27"}, deny=True), "expired"),  # for half a day more
        (form(deny=True, said={terms.ENDED_AT: at("2026-03-01")}), "in_force"), (form(deny=True, said={terms.ENDED_AT: at("2026-02-28")}), "ended"),
        (form(deny=True, said={terms.EXPIRY_TEXT: None}), "in_force"),  # a wish needs no form
    ],
)  # fmt: skip
def test_how_it_stands_now(one: dict[str, Any], key: str) -> None:
    found = standing.standing(one, NOW)
    assert (found.key, bool(found.todo)) == (key, key in ("draft", "requested", "void", "lapsed"))
    assert found.word
    assert found.tone in ("good", "plain", "amber", "red")


def test_what_was_a_mistake_is_told_from_what_is_over() -> None:
    assert [standing.standing(form(status=s), NOW).word for s in ("inactive", "entered-in-error")] == ["No longer in force", "Entered in error"]


@pytest.mark.parametrize(
    ("one", "end", "soon"),
    [
        (form(), None, False), (form({"end": "2026-03-01T07:59:59Z"}), NOW, False), (form({"end": "2026-03-30"}), day(3, 31), True), (form({"end": "2026-04-30"}), day(5, 1), False), (form({"end": "2026-02-28"}), day(3, 1), False), (form({"end": "2026-03-31T07:59:59Z"}), datetime(2026, 3, 31, 8, tzinfo=UTC), True),
        (form(said=EVENT, dateTime="2025-12-20"), day(12, 20, 2025) + timedelta(days=90), True), (form(status="draft"), None, False),
        (form({"end": "2026-03-29"}, deny=True), day(3, 30) + timedelta(hours=12), True), (form({"end": "2026-03-30"}, deny=True), day(3, 31) + timedelta(hours=12), False), (form({"end": "2026-03-30"}, status="inactive", said={terms.ENDED_AT: at("2026-03-05T00:00:00Z")}, meta={"lastUpdated": "2026-03-05T00:00:00Z"}), day(3, 5), False),
    ],
)  # fmt: skip
def test_what_stops_by_itself_soon_is_told(one: dict[str, Any], end: datetime | None, soon: bool) -> None:
    assert standing.ends_on(one) == end
    assert standing.expiring(one, NOW) is soon


# --- its scope in words (42 CFR 2.32(b)) ----------------------------------------------------------------------------------------------


def told(provision: dict[str, Any], signed: str | None = "2026-01-02") -> str:
    return scope.explained([{"dateTime": signed, "provision": provision}])


PURPOSE = [{"code": "TREAT"}]
BEGINS = "The patient's written consent of 2 January 2026 lets you have this for "
ENDS = ", and lets you do nothing else with it."
OPEN = ". It holds until it is revoked or what it names has come to pass"


@pytest.mark.parametrize(
    ("provision", "words"),
    [
        ({"purpose": PURPOSE}, BEGINS + "treatment" + OPEN + ENDS),
        ({"purpose": [*PURPOSE, {"code": "XYZ"}, {}]}, BEGINS + "treatment and XYZ" + OPEN + ENDS),
        ({"purpose": [*PURPOSE, {"code": "HPAYMT"}, {"code": "HOPERAT"}]}, BEGINS + "treatment, payment and health care operations" + OPEN + ENDS),
        ({}, BEGINS + "the purpose it names" + OPEN + ENDS),
        ({"purpose": PURPOSE, "period": {"end": "2026-06-30"}}, BEGINS + "treatment. It holds until 30 June 2026" + ENDS),
        ({"purpose": PURPOSE, "class": [{"code": "Condition"}, {}]}, BEGINS + "treatment, limited to Condition resources" + OPEN + ENDS),
        ({"purpose": PURPOSE, "code": [{"text": "labs"}, {"coding": [{"display": "HIV test"}]}, {"coding": [{"code": "8867-4"}]}, {}]}, BEGINS + "treatment, limited to labs, HIV test and 8867-4" + OPEN + ENDS),
        ({"purpose": PURPOSE, "dataPeriod": {"start": "2026-01-01", "end": "2026-02-01"}}, BEGINS + "treatment, limited to records from 1 January 2026 to 1 February 2026" + OPEN + ENDS),
        ({"purpose": PURPOSE, "dataPeriod": {"start": "2026-01-01"}}, BEGINS + "treatment, limited to records from 1 January 2026 to now" + OPEN + ENDS),
        ({"purpose": PURPOSE, "dataPeriod": {"end": "2026-01-01"}}, BEGINS + "treatment, limited to records from the beginning to 1 January 2026" + OPEN + ENDS),
    ],
)  # fmt: skip
def test_the_scope_that_goes_with_a_disclosure_says_what_for_how_much_and_until_when(provision: dict[str, Any], words: str) -> None:
    assert told(provision) == words


def test_a_day_that_is_no_day_stands_as_it_is_and_each_consent_has_its_sentence() -> None:
    assert told({"purpose": PURPOSE}, "2026").startswith("The patient's written consent of 2026 lets")
    assert scope.explained([]) == ""
    assert scope.explained([{}, {}]).count("lets you do nothing else with it.") == 2
