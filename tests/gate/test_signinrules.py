"""How good a password must be, how long sessions and proofs last, and what a device shows that was handed over: one rule at a time. No database."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from sojourn.base import crypto, ids
from sojourn.gate import guessing, proof, secondperson, signin, signinrules
from sojourn.gate.factors import Factors
from sojourn.gate.handover import Handed
from sojourn.gate.passwords import weakness

ABOUT = ("akira", "Akira Tanaka", "Riverbend Behavioral Health")
TODAY = date(2026, 3, 1)


@pytest.mark.parametrize(
    ("password", "second", "said"),
    [
        ("correct horse battery", False, ""), ("x7#kQ pL2m", True, ""), ("x7#kQ pL2", True, "at least 10"), ("x7#kQ pL2m", False, "at least 15"), ("x7#kQ pL2m w4!z", False, ""), ("x7#kQ pL2m w4!", False, "at least 15"),
        ("abcde" * 205, False, "1,024"), ("abcd " * 204 + "efgh", False, ""), ("aabbccaabbccabcabc", False, "too few"), ("aabbccddaabbccddab", False, "too few"), ("eabbccddaabbccddab", False, ""),
        ("password123", True, "common word"), ("PassWord 1234 !", False, "common word"), ("akira-tanaka-2026", False, "common word"), ("riverbend riverbend", False, "common word"), ("Behavioral.Health.1", False, "common word"),
        ("password of the green lantern", False, ""), ("summerwinterspring", False, "common word"), ("1234567890 0123456789 ab", False, "common word"), ("password-abcde", True, ""), ("password-abcd1", True, "common word"),
        ("8246-1357-9905-31", False, ""), ("password greenb", False, ""), ("password green1", False, "common word"),
    ],
)  # fmt: skip
def test_a_password_is_long_and_more_than_a_common_word_or_a_name(password: str, second: bool, said: str) -> None:
    found = weakness(password, second=second, about=ABOUT)
    assert said in found
    assert bool(said) is bool(found)


def test_short_words_about_somebody_forbid_nothing() -> None:
    assert weakness("annannannannbobxy", second=False, about=("ann", "bob")) == ""
    assert weakness("annaannaannaannaxy", second=False, about=("anna",)) != ""


# --- doors -------------------------------------------------------------------------------------------------------------------------------


def test_each_door_has_its_limits_and_a_door_that_nobody_listed_the_strictest() -> None:
    staff, portal = (signinrules.starting_rule(door, TODAY) for door in ("staff", "portal"))
    assert staff == signinrules.SignInRule(timedelta(minutes=15), timedelta(seconds=60), timedelta(hours=12), timedelta(minutes=5), second=True)
    assert (portal.idle, portal.warning, portal.second) == (timedelta(minutes=20), timedelta(seconds=120), False)
    assert signinrules.starting_rule("window", TODAY) == staff
    assert signinrules.starting_rule("portal", date(2025, 12, 31)) == staff
    assert signinrules.starting_rule("portal", date(2026, 1, 1)) == portal


def test_a_later_rule_of_a_door_holds_from_its_day_and_of_strict_ones_that_with_a_second_factor(monkeypatch: pytest.MonkeyPatch) -> None:
    def rule(door: str, day: int, idle: int, *, second: bool) -> dict[str, Any]:
        return {"door": door, "kinds": [], "from": date(2026, 1, day), "idle_minutes": idle, "warning_seconds": 60, "longest_hours": 12, "fresh_minutes": 5, "second": second}

    listed = [rule("a", 1, 10, second=False), rule("a", 20, 30, second=False), rule("b", 1, 10, second=True)]
    monkeypatch.setattr(signinrules, "_data", lambda: {"rule": listed})
    assert [signinrules.starting_rule("a", date(2026, 1, d)).idle for d in (19, 20)] == [timedelta(minutes=10), timedelta(minutes=30)]
    assert signinrules.starting_rule("c", TODAY).second


def test_by_a_door_come_in_whose_door_it_is() -> None:
    assert signinrules.kinds("staff") == {"staff"}
    assert signinrules.kinds("portal") == {"patient", "proxy"}
    assert signinrules.kinds("window") == frozenset()


def test_whatever_is_counted_has_a_limit_and_a_code_is_counted_longest() -> None:
    limits = signinrules.guessing()
    assert {*guessing.NAMED, *guessing.CODES, *guessing.NAMELESS, "calling", "called", "reminder"} == limits.keys()
    assert limits["login_from_address"] == signinrules.Limit(8, timedelta(minutes=10))
    assert limits["code"].period == max(limit.period for limit in limits.values())
    assert limits["code"].attempts * 3 < 10**6 / 1000  # of a million codes, of which three are good at a time


def test_attempts_are_counted_for_each_by_name_by_place_and_by_both_and_nothing_is_kept_of_either() -> None:
    counts = guessing.Guessing(None, KEY)  # type: ignore[arg-type]
    keys = counts._keys(1, "Ana", "192.0.2.7")
    assert keys == counts._keys(1, "aNA", "192.0.2.7")
    assert len({*keys.values()}) == len(keys)
    for other, same in (((2, "ana", "192.0.2.7"), set()), ((1, "bo", "192.0.2.7"), {"address", "called"}), ((1, "ana", "192.0.2.8"), {"login", "code", "calling", "reminder"})):
        assert {n for n, k in counts._keys(*other).items() if k == keys[n]} == same


KEY = crypto.ServerKey(bytes(32))

# --- proofs ------------------------------------------------------------------------------------------------------------------------------

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(("ago", "recent"), [(0, True), (300, True), (301, False), (None, False)])
def test_a_proof_is_fresh_for_as_long_as_was_said(ago: int | None, recent: bool) -> None:
    assert proof._recent(None if ago is None else NOW - timedelta(seconds=ago), NOW, timedelta(minutes=5)) is recent


@pytest.mark.parametrize(
    ("totp", "passkeys", "recovery", "kinds"),
    [(0, 0, 0, ()), (1, 0, 0, ("totp",)), (0, 1, 0, ("passkey",)), (1, 2, 0, ("totp", "passkey")), (0, 0, 9, ()), (1, 0, 9, ("totp", "recovery")), (0, 1, 9, ("passkey", "recovery"))],
)
def test_recovery_codes_stand_in_for_a_factor_that_is_there_and_for_none_that_is_not(totp: int, passkeys: int, recovery: int, kinds: tuple[str, ...]) -> None:
    person = {"account": "a", "login": "ana", "totp": totp, "passkeys": passkeys, "recovery": recovery}
    assert signin._pending("t", person, ("password",)) == signin.Pending("t", "a", "ana", ("password",), kinds)


def test_a_recovery_code_is_the_same_however_it_is_typed_and_another_persons_is_another() -> None:
    factors, here, there = Factors(None, KEY), SimpleNamespace(number=1), SimpleNamespace(number=2)  # type: ignore[arg-type]
    written = factors._hash(here, "ana", "abcde-fghjk")  # type: ignore[arg-type]
    assert factors._hash(here, "ana", " ABCDE fghjk ") == written  # type: ignore[arg-type]
    for tenant, account, code in ((there, "ana", "abcde-fghjk"), (here, "bo", "abcde-fghjk"), (here, "ana", "abcde-fghjm")):
        assert factors._hash(tenant, account, code) != written  # type: ignore[arg-type]


def test_a_code_of_the_second_person_has_forty_bits_and_no_letter_that_is_taken_for_another() -> None:
    assert len(set(secondperson._LETTERS)) == 32
    assert not set(secondperson._LETTERS) & set("lo01")
    code = secondperson.new_code()
    assert [len(part) for part in code.split("-")] == [4, 4]
    assert set(code) <= {*secondperson._LETTERS, "-"}
    house, here, there = SimpleNamespace(key=KEY), SimpleNamespace(number=1), SimpleNamespace(number=2)
    kept = secondperson.hashed(house, here, "abcd-efgh")  # type: ignore[arg-type]
    assert secondperson.hashed(house, here, " ABCD EFGH") == kept  # type: ignore[arg-type]
    assert secondperson.hashed(house, there, "abcd-efgh") != kept  # type: ignore[arg-type]
    assert secondperson.hashed(house, here, "abcd-efgj") != kept  # type: ignore[arg-type]


def test_codes_are_drawn_from_all_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids, "random_bytes", lambda _what, count: bytes(range(count)))
    assert secondperson.new_code() == "abcd-efgh"


# --- a device that was handed over ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "done", "shown"),
    [
        ("/forms/1", False, True), ("/forms/1/2", False, True), ("/forms/1", True, False), ("/forms/1/2", True, False), ("/forms/12", False, False), ("/forms", False, False), ("/forms/2", False, False),
        ("/", False, False), ("/patients/1", False, False),
    ],
)  # fmt: skip
def test_a_device_that_was_handed_over_shows_its_one_page(path: str, done: bool, shown: bool) -> None:
    assert Handed("/forms/1", "/patients/1", "Akira", done=done).shows(path) is shown
