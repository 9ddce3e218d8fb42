"""Ways to a partner and what was agreed: which may be used, whose address a second person confirms, when something is to be told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sojourn.base import errors
from sojourn.gate.exchange import agreed, batches, terms, ways
from sojourn.gate.exchange.agreed import ENDS, SILENT, Agreed
from sojourn.gate.exchange.terms import Term
from sojourn.gate.exchange.ways import DIRECT, FAX, MHD, PRINT, SFTP, Way

NUMBER = "+15125550142"
ENTERED = Way(FAX, NUMBER, "kim")
CONFIRMED = replace(ENTERED, confirmed="lee", at="2026-03-01T10:00:00+00:00")


@pytest.mark.parametrize(("way", "usable"), [(ENTERED, False), (CONFIRMED, True), (Way(DIRECT, "a@b.example"), True), (Way(PRINT), True), (Way("pigeon", "x", "kim", "lee"), False)])
def test_a_number_is_used_once_somebody_confirmed_it(way: Way, usable: bool) -> None:
    assert way.usable is usable


def test_ways_are_used_in_their_order_and_printing_is_the_last_resort() -> None:
    said = ways.facts([Way(MHD, "https://x"), ENTERED, Way("pigeon", "x"), Way(DIRECT, "a@b.example")])
    assert [w.door for w in ways.in_order(said)] == [MHD, DIRECT, PRINT]
    assert [w.door for w in ways.in_order(ways.facts([Way(PRINT, "Street"), CONFIRMED]))] == [PRINT, FAX]
    assert ways.in_order({}) == [Way(PRINT)]
    assert ways.of({"ways": [{"door": FAX, "address": NUMBER, "entered": "kim", "newer": 1}]}) == (ENTERED,)
    assert ways.of(said) == (Way(MHD, "https://x"), ENTERED, Way("pigeon", "x"), Way(DIRECT, "a@b.example"))


def test_a_number_is_confirmed_by_somebody_else_who_types_it_again() -> None:
    found = [Way(DIRECT, "a@b.example", "kim"), ENTERED]
    for account, typed, door, error in (
        ("kim", NUMBER, FAX, errors.Forbidden), ("lee", "+15125550143", FAX, errors.Malformed), ("lee", "", FAX, errors.Malformed), ("lee", "a@b.example", DIRECT, errors.Malformed), ("lee", NUMBER, PRINT, errors.Malformed),
    ):  # fmt: skip
        with pytest.raises(error):
            ways.confirmed(found, door, typed, account, "now")
    assert ways.confirmed(found, FAX, "+1 (512) 555-0142", "lee", "now") == [found[0], replace(ENTERED, confirmed="lee", at="now")]
    with pytest.raises(errors.Malformed):
        ways.confirmed([CONFIRMED], FAX, NUMBER, "lee", "now")


def test_an_address_that_was_confirmed_stays_so_only_while_it_is_the_same() -> None:
    before = [CONFIRMED, Way(DIRECT, "a@b.example", "kim")]
    assert ways.checked([Way(FAX, " +1 512 555 0142 "), Way(DIRECT, "a@b.example")], before, "pat") == before
    assert ways.checked([Way(FAX, "+15125550143", confirmed="pat", at="now")], before, "pat") == [Way(FAX, "+15125550143", "pat")]
    assert ways.checked([Way(FAX, NUMBER, "pat", "pat", "now")], [], "pat") == [Way(FAX, NUMBER, "pat")], "what is sent along confirms nothing"


@pytest.mark.parametrize(("door", "address"), [
    (FAX, "5125550142"), (FAX, "+1234567"), (FAX, "+1512555014212345"), (FAX, ""), (DIRECT, "nobody"), (DIRECT, "a b@c.example"), (DIRECT, "a@"), (DIRECT, ""), (MHD, "http://x.example"), (MHD, "https://x.example?a=b"),
    (MHD, "https://x.example#a"), (MHD, "ftp://x"), (MHD, ""), (SFTP, "a/b"), (SFTP, "../a"), (SFTP, "a" * 61), (PRINT, "a" * 301), (PRINT, "a\0b"), (PRINT, "a\x7f"), ("pigeon", "x"),
])  # fmt: skip
def test_an_address_that_is_none_is_refused(door: str, address: str) -> None:
    with pytest.raises(errors.Malformed):
        ways.checked([Way(door, address)], [], "kim")


@pytest.mark.parametrize(("door", "address", "kept"), [
    (FAX, "+1 (512) 555-0142", NUMBER), (FAX, "+12345678", "+12345678"), (DIRECT, "records@direct.example", "records@direct.example"), (MHD, "https://x.example/r4/", "https://x.example/r4"),
    (MHD, "http://127.0.0.1:8080", "http://127.0.0.1:8080"), (SFTP, "", ""), (SFTP, "in_1-a", "in_1-a"), (PRINT, "Street 1\r\nTown", "Street 1\r\nTown"), (PRINT, "a" * 300, "a" * 300),
])  # fmt: skip
def test_an_address_is_kept_in_one_form(door: str, address: str, kept: str) -> None:
    assert ways.checked([Way(door, address)], [], "kim") == [Way(door, kept, "kim")]


def test_each_way_stands_once() -> None:
    with pytest.raises(errors.Malformed):
        ways.checked([Way(SFTP, "a"), Way(SFTP, "b")], [], "kim")


# --- what was agreed ------------------------------------------------------------------------------------------------------------------

NOW = datetime(2026, 3, 6, 15, tzinfo=UTC)
"""A Friday, ten in the morning in New York."""
HERE = ZoneInfo("America/New_York")
DAY = timedelta(days=1)


@pytest.mark.parametrize("change", [
    {"purpose": "FUN"}, {"gives": "habit"}, {"kind": "handshake"}, {"answers": "nobody"}, {"kind": "baa", "begins": date(2026, 3, 2), "ends": date(2026, 3, 1)}, {"begins": date(2026, 3, 1)}, {"ends": date(2026, 3, 1)},
    {"tested": date(2026, 3, 7)}, {"every": -1}, {"every": 2161},
])  # fmt: skip
def test_what_cannot_have_been_agreed_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(errors.Malformed):
        agreed.checked(Agreed(**change), Agreed(), ["kim"], NOW.date(), NOW)


def test_what_was_agreed_is_kept_and_a_new_rhythm_is_counted_from_now() -> None:
    whole = Agreed(" results ", "TREAT", "treatment", "kim", "baa", " no. 1 ", date(2026, 1, 1), date(2026, 1, 1), date(2026, 3, 6), "ok", 2160, True)
    made = agreed.checked(whole, Agreed(), ["kim"], NOW.date(), NOW)
    assert made == replace(whole, data="results", where="no. 1", counted=NOW)
    assert agreed.of(agreed.facts(made)) == made
    assert agreed.of({**agreed.facts(made), "newer": 1}) == made
    later = NOW + DAY
    assert agreed.checked(made, made, ["kim"], NOW.date(), later).counted == NOW, "the same rhythm goes on"
    assert agreed.checked(replace(made, weekdays=False), made, ["kim"], NOW.date(), later).counted == later
    assert agreed.checked(replace(made, every=5), made, ["kim"], NOW.date(), later).counted == later
    assert agreed.checked(replace(made, every=0), made, ["kim"], NOW.date(), later).counted is None
    assert agreed.of(agreed.begun_again(agreed.facts(made), later)).counted == later
    assert agreed.begun_again({"every": 0}, later) == {"every": 0}


def test_what_is_not_there_yet_may_be_left_out() -> None:
    for said in (Agreed(), Agreed(kind="baa", begins=date(2026, 1, 1)), Agreed(kind="baa", ends=date(2026, 1, 1)), Agreed(answers="kim")):
        assert agreed.checked(said, Agreed(), ["kim"], NOW.date(), NOW) == said
        assert agreed.of(agreed.facts(said)) == said
    assert agreed.of({"terms": None, "counted": ""}) == agreed.of({}) == Agreed()
    assert agreed.expected(Agreed(counted=NOW), None, HERE) is None, "nothing is expected"


@pytest.mark.parametrize(("every", "weekdays", "heard", "due"), [
    (24, False, None, NOW + DAY), (24, False, NOW + DAY, NOW + 2 * DAY), (24, False, NOW - DAY, NOW + DAY), (14, True, None, NOW + timedelta(hours=14)), (15, True, None, NOW + timedelta(hours=15 + 47)),
    (24, True, None, NOW + timedelta(hours=24 + 47)), (4, True, NOW + timedelta(hours=20), datetime(2026, 3, 9, 8, tzinfo=UTC)),
])  # fmt: skip
def test_something_is_expected_within_hours_of_which_a_weekend_may_not_count(every: int, weekdays: bool, heard: datetime | None, due: datetime) -> None:
    """The Sunday has an hour less: clocks are put on."""
    one = Agreed(every=every, weekdays=weekdays, counted=NOW)
    found = agreed.expected(one, heard, HERE)
    assert found is not None
    assert found == (max(heard, NOW) if heard else NOW, due)
    assert agreed.alarms(one, heard, HERE, due) == [(SILENT, found[0])]
    assert agreed.alarms(one, heard, HERE, due - timedelta(seconds=1)) == []


def test_no_rhythm_expects_nothing() -> None:
    assert agreed.expected(Agreed(), None, HERE) is None
    assert agreed.expected(Agreed(every=1), None, HERE) is None


def test_the_end_of_an_agreement_is_told_a_month_before() -> None:
    one = Agreed(kind="baa", ends=date(2026, 4, 30))
    end = datetime(2026, 5, 1, 4, tzinfo=UTC)
    assert agreed.over(one, HERE) == end
    assert agreed.over(Agreed(), HERE) is None
    assert agreed.alarms(one, None, HERE, end - 31 * DAY) == agreed.alarms(one, None, HERE, end + DAY) == [(ENDS, end)]
    assert agreed.alarms(one, None, HERE, end - 31 * DAY - timedelta(seconds=1)) == []


def test_terms_are_read_as_they_were_kept_but_for_what_is_not_known_here() -> None:
    kept = (Term("in", "ORU^R01", terms.DONE, 24, NOW), Term("out", "", terms.TAKEN, 2))
    assert terms.of({"terms": [*terms.facts(kept), {"direction": "out", "kind": "", "closes": "prayer", "hours": 1, "since": NOW.isoformat()}]}) == kept
    assert terms.of({}) == terms.of({"terms": None}) == ()
    assert [terms.usual(*one) for one in (("ORM^O01", terms.ANSWERED), ("ORU^R01", terms.DONE), ("OML^O21", terms.TAKEN), ("ADT^A01", terms.TAKEN), ("", terms.ARRIVED))] == [72, 24, 24, 48, 48]


def test_the_time_of_a_rhythm_begins_at_whole_hours() -> None:
    assert [batches.slot(NOW + timedelta(minutes=m), 6) for m in (0, 179, 180, -181)] == [NOW.replace(hour=h) for h in (12, 12, 18, 6)]
    assert batches.slot(NOW + timedelta(minutes=59), 1) == NOW
