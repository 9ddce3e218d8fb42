"""What of the scopes that an app asks for can be had, and in which words: one condition at a time. No database."""

from __future__ import annotations

import pytest

from sojourn.gate.apps import scopewords
from sojourn.gate.apps.scopewords import KINDS, OTHER, TYPES, Part, can, chosen, left_out, listed, part, registrable, rows, within, words
from sojourn.gate.scopes import MOST

LAB = "category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("patient/Observation.rs", Part("patient", "Observation", "rs", "")), ("user/*.cruds", Part("user", "*", "cruds", "")), ("system/Patient.read", Part("system", "Patient", "read", "")), ("patient/*.*", Part("patient", "*", "*", "")),
        (f"patient/Observation.rs?{LAB}", Part("patient", "Observation", "rs", LAB)),
        *((text, None) for text in ("patient/Nothing.rs", "patient/Observation.", "patient/Observation.sr", "patient/*.rs?category=x", "group/Observation.rs", "patient/Observation.rs?", "openid", "", "xpatient/Observation.rs", "patient/Observation.rsx")),
    ],
)  # fmt: skip
def test_a_scope_about_data_is_taken_apart_and_what_is_none_is_not(text: str, found: Part | None) -> None:
    assert part(text) == found
    if found:
        assert found.text == text


def covers(one: str, other: str) -> bool:
    a, b = part(one), part(other)
    assert a
    assert b
    return a.covers(b)


@pytest.mark.parametrize(
    ("one", "other", "is_"),
    [
        ("patient/Observation.rs", "patient/Observation.rs", True), ("patient/Observation.rs", "patient/Observation.r", True), ("patient/Observation.r", "patient/Observation.rs", False), ("patient/Observation.read", "patient/Observation.rs", True),
        ("patient/Observation.write", "patient/Observation.cud", True), ("patient/*.*", "patient/Observation.cruds", True), ("user/Observation.rs", "patient/Observation.rs", False), ("patient/Condition.rs", "patient/Observation.rs", False),
        ("patient/*.rs", "patient/Observation.rs", True), ("patient/Observation.rs", "patient/*.rs", False), ("patient/Observation.rs", "patient/Observation.rs?a=b", True), ("patient/Observation.rs?a=b", "patient/Observation.rs", False),
        ("patient/Observation.rs?a=b", "patient/Observation.rs?a=b", True), ("patient/Observation.rs?a=b", "patient/Observation.rs?a=c", False), ("patient/Observation.rs?a=b", "patient/Condition.rs?a=b", False),
    ],
)  # fmt: skip
def test_one_scope_covers_another_where_it_has_all_of_it(one: str, other: str, is_: bool) -> None:
    assert covers(one, other) is is_


def test_an_app_can_have_what_its_use_is_for() -> None:
    asked = "openid patient/*.rs nonsense user/Observation.rs system/*.rs openid launch"
    assert registrable(asked, service=False, people=True) == "openid patient/*.rs user/Observation.rs launch"
    assert registrable(asked, service=True, people=False) == "system/*.rs"
    assert registrable(asked, service=False, people=False) == ""
    many = " ".join(f"patient/{t}.{letters}" for t in TYPES for letters in ("rs", "r", "s", "c"))
    assert len(registrable(many, service=False, people=True).split()) == MOST + len(OTHER)


def test_of_what_is_asked_for_only_what_was_registered_is_had_for_these_levels() -> None:
    registered = "openid patient/*.rs user/Observation.rs"
    assert within("openid launch patient/Condition.r user/Observation.rs user/Condition.rs patient/Condition.r nonsense", registered, ("patient", "user")) == ["openid", "patient/Condition.r", "user/Observation.rs"]
    assert within("patient/Condition.r user/Observation.rs", registered, ("user",)) == ["user/Observation.rs"]
    assert within("launch", "launch", ()) == ["launch"]
    many = [f"patient/{t}.{letters}" for t in TYPES for letters in ("rs", "r", "s")]
    assert within(" ".join(["openid", *many, "launch"]), "openid launch patient/*.rs", ("patient",)) == ["openid", *many[:MOST], "launch"]


def everything(_type: str, _action: str) -> bool:
    return True


def test_what_a_person_can_allow_is_what_their_role_includes() -> None:
    (one,) = rows(["openid", "patient/Observation.rs"], everything)
    assert (one.key, one.words, one.can, one.part.text) == ("0", TYPES["Observation"], "see", "patient/Observation.rs")
    assert one.kinds == (*((f"0.{n}", label) for n, (_, label) in enumerate(KINDS["Observation"])), ("0.rest", "all others"))
    assert rows(["patient/Encounter.rs"], everything)[0].kinds == rows([f"patient/Observation.rs?{LAB}"], everything)[0].kinds == ()
    assert rows(["patient/Observation.cu"], lambda _, action: action == "read") == []
    assert [r.can for r in rows(["patient/Observation.cruds"], lambda _, action: action in ("read", "update"))] == ["see and change"]
    whole = rows(["launch", "patient/Goal.rs", "patient/*.rs"], lambda type_, action: type_ in ("Goal", "Condition") and action == "search")
    assert [(r.key, r.can) for r in whole] == [("0", "see"), ("1.Condition", "see"), ("1.Goal", "see"), ("1.*", "see")]
    assert [r.part.text for r in whole][1:] == ["patient/Condition.rs", "patient/Goal.rs", "patient/*.rs"]


@pytest.mark.parametrize(("letters", "said"), [("rs", "see"), ("r", "see"), ("s", "see"), ("c", "add"), ("cu", "add and change"), ("cruds", "see, add, change and remove"), ("d", "remove"), ("", "nothing")])
def test_what_an_app_can_do_is_said_in_verbs(letters: str, said: str) -> None:
    assert can(letters) == said


@pytest.mark.parametrize(
    ("scope", "said"),
    [
        ("patient/*.rs", "Everything in the record"), ("patient/Goal.rs", "Goals"), ("patient/RiskAssessment.rs", "Risk assessment"), (f"patient/Observation.rs?{LAB}", TYPES["Observation"] + ": only laboratory results"),
        ("patient/Observation.rs?category=vital-signs,x|odd", TYPES["Observation"] + ": only vital signs and category odd"), ("patient/Observation.rs?code=urn:x|8867-4", TYPES["Observation"] + ": only code 8867-4"), ("patient/Observation.rs?x", TYPES["Observation"] + ": only some of it"),
    ],
)  # fmt: skip
def test_what_a_scope_is_about_is_said_in_words(scope: str, said: str) -> None:
    found = part(scope)
    assert found
    assert words(found) == said
    assert listed(f"openid {scope}") == [(said, "see")]


def test_what_is_ticked_stays_and_nothing_else() -> None:
    asked = ["openid", "offline_access", "patient/Goal.read", "patient/Observation.rs"]
    offered = rows(asked, everything)
    kinds = {key for key, _ in offered[1].kinds}
    assert chosen(asked, offered, frozenset()) == ["openid"]
    assert chosen(asked, offered, frozenset({"offline_access", "0"})) == ["openid", "offline_access", "patient/Goal.read"]
    assert chosen(asked, offered, frozenset({"1", *kinds})) == ["openid", "patient/Observation.rs"]
    assert chosen(asked, offered, frozenset({"1", "1.0"})) == ["openid", f"patient/Observation.rs?{LAB}"]
    assert chosen(asked, offered, frozenset({"1", "1.rest"})) == ["openid"], "all others alone cannot be said in scopes"
    assert chosen(asked, offered, frozenset(kinds)) == ["openid"], "a part of what is not ticked is not given"


def test_of_everything_what_is_ticked_stays_type_by_type() -> None:
    offered = rows(["patient/*.rs"], everything)
    every = frozenset(key for r in offered for key in (r.key, *(k for k, _ in r.kinds)))
    assert chosen(["patient/*.rs"], offered, every) == ["patient/*.rs"]
    assert chosen(["patient/*.rs"], offered, frozenset({"0.Goal", "0.*"})) == ["patient/Goal.rs"]
    assert len(chosen(["patient/*.rs"], offered, every - {"0.*"})) == min(MOST, len(TYPES))


def test_what_an_app_will_not_see_is_named() -> None:
    assert left_out(["patient/*.rs"]) == []
    assert left_out(["patient/*.c"]) == left_out([]) == [said for t, said in TYPES.items() if t not in scopewords._BESIDE]
    assert TYPES["Goal"] not in left_out(["patient/Goal.r"])
    assert TYPES["Goal"] in left_out(["patient/Goal.c", "openid"])
