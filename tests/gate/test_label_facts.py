"""Labels where one thing alone decides: laws of a state, what people decided, what is inherited or held, and by which labels something is found."""

from __future__ import annotations

from typing import Any

import pytest

from sojourn.gate import bases
from sojourn.gate.bases import ACT_CODE, CONFIDENTIALITY, INLINE, LOCAL, PART2, PROCESS_INLINE, UNLABELLED
from sojourn.gate.labelrules import LabelRules, OwnCode, made_of
from sojourn.gate.labels import (
    LAW,
    Facts,
    decided,
    findable,
    inherited,
    is_decided,
    is_inherited,
    is_part2,
    label,
    labelled_elements,
    on_part,
    read,
    said,
)
from tests.gate.test_labels import BIT, CLINIC, DETOX, ICD, inline

MOOD, HIV = (ICD, "F32.A"), (ICD, "B20")
STATE = made_of(laws=[("MH", "mental_health"), ("HIV", "hiv")])
RESTRICTED, VERY, NORMAL = ({"system": CONFIDENTIALITY, "code": c} for c in ("R", "V", "N"))


def act(code: str) -> dict[str, str]:
    return {"system": ACT_CODE, "code": code}


def thing(*codes: tuple[str, str], sent: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    """An Observation with codes, and labels that its writer sent."""
    made: dict[str, Any] = {"resourceType": "Observation", **more}
    if codes:
        made["code"] = {"coding": [{"system": s, "code": c} for s, c in codes]}
    return made if sent is None else {**made, "meta": {"security": sent}}


def part(*labels: str, code: tuple[str, str] | None = None) -> dict[str, Any]:
    """An element with labels of its own."""
    made: dict[str, Any] = {"text": "x", "extension": [inline(c) for c in labels]}
    return made if code is None else {**made, "coding": [{"system": code[0], "code": code[1]}]}


def shown(made: Any) -> list[str]:
    return [c["code"] for c in made.security]


# --- laws of the state ---------------------------------------------------------------------------------------------------------


def test_a_law_of_the_state_is_on_the_whole_by_a_code_anywhere_in_it_but_in_a_part_with_a_label_of_its_own() -> None:
    whole = label(thing(MOOD), [CLINIC], STATE)
    assert (whole.own, whole.parts, whole.tags, shown(whole)) == (BIT["mental_health"], 0, ("MH",), ["R", "MH"])
    assert whole.security[1]["extension"] == [{"url": LAW, "valueCoding": {"system": LOCAL, "code": "mental_health"}}]
    assert label(thing(MOOD), [CLINIC]).own == 0
    deep = label(thing(note=[{"extension": [{"url": "x", "valueCoding": {"system": HIV[0], "code": HIV[1]}}]}]), [CLINIC], STATE)
    assert deep.own == BIT["hiv"]
    inside = label(thing(MOOD, note=[part("GDIS", code=HIV)]), [CLINIC], STATE)
    assert (inside.own, inside.parts, inside.tags) == (BIT["mental_health"], BIT["genetic"] | BIT["hiv"], ("MH",))
    beside = label(thing(note=[part("GDIS", code=HIV), {"coding": [{"system": HIV[0], "code": HIV[1]}]}]), [CLINIC], STATE)
    assert beside.own == BIT["hiv"], "a code that stands outside, too"


def test_a_law_on_a_part_does_not_reach_into_what_has_a_label_of_its_own_within() -> None:
    within = {**part("GDIS"), "extension": [inline("GDIS"), {"url": "y", "extension": [inline("SDV")], "valueCoding": {"system": HIV[0], "code": HIV[1]}}]}
    assert on_part(within, STATE) == BIT["genetic"]
    assert on_part({**part("GDIS"), "coding": [{"system": HIV[0], "code": HIV[1]}]}, STATE) == BIT["genetic"] | BIT["hiv"]
    assert on_part({**part("GDIS"), "coding": [{"system": HIV[0], "code": HIV[1]}]}) == BIT["genetic"]
    assert on_part({"coding": [{"system": HIV[0], "code": HIV[1]}]}, STATE) == 0, "without a label it is no part"
    assert dict(labelled_elements(thing(MOOD, note=[within]), STATE))[("note", 0)] == BIT["genetic"]
    assert read(thing(note=[within]), STATE)[1] == BIT["genetic"] | BIT["violence"] | BIT["hiv"]


def test_a_law_that_nobody_knows_withholds_and_codes_of_ones_own_are_read_by_their_own_rules() -> None:
    assert label(thing(MOOD), [CLINIC], made_of(laws=[("MH", "something")])).own == UNLABELLED
    ours: LabelRules = made_of([OwnCode("urn:ours", "X1", False, ("HIV",))], [("HIV", "hiv")])
    assert label(thing(("urn:ours", "X1")), [CLINIC], ours)[:3] == (BIT["hiv"], 0, ("HIV",))
    assert label(thing(("urn:ours", "X1")), [CLINIC])[:3] == (0, 0, ())
    for odd in ({"system": "urn:ours", "code": ["X1"]}, {"system": ["urn:ours"], "code": "X1"}, {"code": "X1"}, {"system": "urn:ours"}):
        assert label({"resourceType": "Observation", "code": {"coding": [odd]}, "note": [part("GDIS")]}, [CLINIC], ours).own == 0


# --- what a writer sends -----------------------------------------------------------------------------------------------------------


def test_what_is_sent_back_as_it_was_served_raises_nothing_and_what_somebody_says_does() -> None:
    for rules in (None, STATE):
        assert label(thing(MOOD, sent=[act("MH")]), [CLINIC], rules).own == (BIT["mental_health"] if rules else 0)
    assert label(thing(MOOD, sent=[act("HIV")]), [CLINIC]).own == BIT["hiv"], "a subject that no code in it gives"
    assert label(thing(MOOD, sent=[decided("MH")]), [CLINIC]).own == BIT["mental_health"]
    assert label(thing(sent=[inherited("MH")]), [CLINIC]).own == 0
    assert label(thing(sent=[{**inherited("MH"), "display": "x"}]), [CLINIC]).own == BIT["mental_health"], "that is no longer the label of something inherited"
    assert label(thing(MOOD, sent=[{"system": LOCAL, "code": "SUDCN"}]), [CLINIC]).own == BIT["sud_counseling"]


def test_a_label_of_the_whole_that_sums_up_its_parts_is_about_them_unless_somebody_said_it_of_the_whole() -> None:
    one = {"note": [part("SDV")]}
    assert label(thing(sent=[act("SDV"), PROCESS_INLINE], **one), [CLINIC])[:2] == (0, BIT["violence"])
    assert label(thing(sent=[act("SDV")], **one), [CLINIC])[:2] == (BIT["violence"], BIT["violence"])
    assert label(thing(sent=[decided("SDV"), PROCESS_INLINE], **one), [CLINIC])[:2] == (BIT["violence"], BIT["violence"])
    assert label(thing(sent=[act("HIV"), PROCESS_INLINE], **one), [CLINIC])[:2] == (BIT["hiv"], BIT["violence"])
    assert shown(label(thing(sent=[PROCESS_INLINE], **one), [CLINIC])) == ["R", "PROCESSINLINELABEL"]
    assert shown(label(thing(sent=[PROCESS_INLINE]), [CLINIC])) == ["N"], "that parts are labelled is not said where none is"


@pytest.mark.parametrize(
    ("sent", "parts", "own", "level"),
    [
        ([RESTRICTED], (), "patient_requested", "R"), ([VERY], (), "patient_requested", "V"), ([NORMAL], (), None, "N"), ([{"system": ACT_CODE, "code": "R"}], (), None, "N"),
        ([RESTRICTED], ("SDV",), None, "R"), ([VERY], ("SDV",), None, "V"),  # the level is that of the part
        ([said(RESTRICTED)], ("SDV",), "patient_requested", "R"), ([said(VERY)], ("SDV",), "patient_requested", "V"),
        ([RESTRICTED, act("HIV")], (), "hiv", "R"), ([VERY, act("HIV")], (), "hiv", "V"), ([NORMAL, act("HIV")], (), "hiv", "R"),
    ],
)  # fmt: skip
def test_who_restricts_the_whole_and_does_not_say_why_keeps_it_apart(sent: list[Any], parts: tuple[str, ...], own: str | None, level: str) -> None:
    made = label(thing(sent=sent, **({"note": [part(*parts)]} if parts else {})), [CLINIC])
    assert (made.own, made.security[0]["code"]) == (BIT[own] if own else 0, level)


def test_very_restricted_is_shown_only_where_something_is_restricted() -> None:
    assert label(thing(sent=[VERY, act("HIV")]), [CLINIC], facts=Facts(lowered=frozenset({"HIV", "PRS"}))).security[0]["code"] == "N"


def test_labels_are_shown_once_each_level_law_subject_and_then_what_was_sent() -> None:
    made = label(thing(MOOD, HIV, sent=[act("NORDSCLCD"), act("MH"), act("GDIS"), act("NORDSCLCD"), {"system": "urn:x", "code": "MH"}]), [DETOX])
    assert [(c["system"] == ACT_CODE, c["code"]) for c in made.security] == [(False, "R"), (True, "42CFRPart2"), (True, "GDIS"), (True, "HIV"), (True, "MH"), (True, "NORDSCLCD"), (False, "MH")]


def test_what_was_sent_stands_behind_in_its_order_and_what_was_decided_where_a_code_would_put_it() -> None:
    assert shown(label(thing(sent=[NORMAL, act("HIV")]), [CLINIC])) == ["R", "HIV"], "one level, and that is ours"
    assert shown(label(thing(sent=[act("NORDSCLCD"), act("SUD")]), [CLINIC])) == ["N", "NORDSCLCD", "SUD"]
    assert shown(label(thing(sent=[act("NORDSCLCD"), decided("SUD")]), [CLINIC])) == ["N", "SUD", "NORDSCLCD"]
    assert shown(label(thing(MOOD, sent=[act("NORDSCLCD"), decided("PERSISTLABEL")]), [CLINIC])) == ["N", "MH", "NORDSCLCD", "PERSISTLABEL"]
    other = said({"system": "urn:x", "code": "MH"})
    assert label(thing(MOOD, sent=[other]), [CLINIC]).security == [NORMAL, act("MH"), other], "a code of another system is another label"


def test_a_part_whose_label_cannot_be_read_is_withheld_and_found_by_nothing() -> None:
    odd = {"note": [{"text": "x", "extension": [{"url": INLINE}]}]}
    assert label(thing(sent=[PROCESS_INLINE, act("GDIS")], **odd), [CLINIC])[:2] == (BIT["genetic"], UNLABELLED)
    assert found(thing(sent=[PROCESS_INLINE, act("GDIS")], **odd), thing()) == ["R", "GDIS"]
    assert read(thing(MOOD, **odd)) == ({"MH"}, UNLABELLED, [None])


def test_a_label_at_the_top_of_a_resource_is_a_part_of_its_own_and_takes_no_law_of_the_whole() -> None:
    top = thing(MOOD, extension=[inline("SDV")])
    assert labelled_elements(top, STATE) == [((), BIT["violence"])]
    assert label(top, [CLINIC], STATE)[:2] == (BIT["mental_health"], BIT["violence"])


@pytest.mark.parametrize("meta", [None, [], {"security": None}, {"security": act("HIV")}, {"security": ["HIV", None]}])
def test_what_is_no_list_of_labels_says_nothing(meta: Any) -> None:
    assert label({"resourceType": "Observation", "meta": meta}, [CLINIC])[:2] == (0, 0)


# --- what people decided, and what it hangs on --------------------------------------------------------------------------------------


def test_what_staff_put_on_counts_as_a_law_a_subject_or_neither() -> None:
    assert label(thing(), [CLINIC], facts=Facts(raised=frozenset({"HIV"})))[:3] == (BIT["hiv"], 0, ("HIV",))
    only_law = label(thing(), [CLINIC], facts=Facts(raised=frozenset({"PRS"})))
    assert (only_law.own, only_law.tags, shown(only_law)) == (BIT["patient_requested"], (), ["R", "PRS"])
    assert label(thing(), [CLINIC], facts=Facts(raised=frozenset({"SUD"})))[:3] == (0, 0, ("SUD",))
    assert label(thing(), [CLINIC], facts=Facts(raised=frozenset({"42CFRPart2", "HIV"}))).own == PART2 | BIT["hiv"]


def test_a_subject_that_is_there_already_stands_once_as_decided_or_inherited() -> None:
    made = label(thing(MOOD), [CLINIC], facts=Facts(raised=frozenset({"MH"}), inherited_tags=frozenset({"SUD"})))
    assert made.tags == ("MH", "SUD")
    assert made.security == [RESTRICTED, *[c for c in made.security if c["code"] == "MH" and "extension" in c][:1], inherited("SUD")]
    both = label(thing(), [CLINIC], facts=Facts(raised=frozenset({"SUD"}), inherited_tags=frozenset({"SUD"})))
    assert [c for c in both.security if c["code"] == "SUD"] == [decided("SUD")]


@pytest.mark.parametrize(
    ("resource", "program", "rules", "lowered", "own", "tags"),
    [
        (thing(MOOD), CLINIC, STATE, "MH", 0, ()),
        (thing(MOOD, HIV), CLINIC, STATE, "MH", BIT["hiv"], ("HIV",)),
        (thing(MOOD), CLINIC, None, "MH", 0, ()),
        (thing(sent=[act("STD")]), CLINIC, None, "HIV", 0, ()),  # another word for the same law
        (thing(sent=[act("STD"), act("GDIS")]), CLINIC, None, "HIV", BIT["genetic"], ()),
        (thing(sent=[act("42CFRPart2")]), CLINIC, None, "42CFRPart2", 0, ()),
        (thing(sent=[act("42CFRPart2")]), DETOX, None, "42CFRPart2", PART2, ()),
        (thing(MOOD), DETOX, STATE, "MH", PART2, ()),
        (thing(sent=[RESTRICTED]), CLINIC, None, "PRS", 0, ()),
        (thing(MOOD, HIV), CLINIC, STATE, "HIV,MH", 0, ()),
    ],
)
def test_what_the_officer_takes_off_is_off_with_its_law_and_nothing_else_is(resource: dict[str, Any], program: Any, rules: Any, lowered: str, own: int, tags: tuple[str, ...]) -> None:
    made = label(resource, [program], rules, Facts(lowered=frozenset(lowered.split(","))))
    assert (made.own, made.tags) == (own, tags)
    assert made.security[0]["code"] == ("R" if own else "N")
    assert not set(shown(made)) & (set(lowered.split(",")) - {"42CFRPart2"}), "nor is it shown"
    assert ("STD" in shown(made)) is False


def test_what_is_sent_beside_what_the_officer_takes_off_stays() -> None:
    lowered = Facts(lowered=frozenset({"HIV", "SUD"}))
    assert shown(label(thing(sent=[act("STD"), act("SUD"), act("GDIS"), act("NORDSCLCD")]), [CLINIC], facts=lowered)) == ["R", "GDIS", "NORDSCLCD"]


def test_what_the_officer_takes_off_is_off_however_it_came() -> None:
    down = frozenset({"HIV"})
    assert label(thing(), [CLINIC], facts=Facts(raised=down, lowered=down))[:3] == (0, 0, ())
    assert label(thing(), [CLINIC], facts=Facts(inherited=BIT["hiv"], inherited_tags=down, lowered=down))[:3] == (0, 0, ())
    assert shown(label(thing(), [CLINIC], facts=Facts(raised=down, inherited_tags=down, lowered=down))) == ["N"]
    parts = label(thing(note=[part("HIV")]), [CLINIC], facts=Facts(lowered=down))
    assert (parts.own, parts.parts) == (0, BIT["hiv"]), "a part keeps its own"


def test_what_it_hangs_on_or_holds_labels_it_with_all_of_their_laws() -> None:
    assert label(thing(), [CLINIC], facts=Facts(inherited=BIT["hiv"] | PART2)).own == BIT["hiv"] | PART2
    one, other = thing(sent=[act("HIV")], id="a"), thing(sent=[act("GDIS"), act("SDV")], id="b")
    assert label(thing(contained=[one, other]), [CLINIC]).own == BIT["hiv"] | BIT["genetic"] | BIT["violence"]
    assert label({"resourceType": "Bundle", "entry": [{"resource": {**one, "contained": [other]}}]}, [CLINIC]).own == BIT["hiv"] | BIT["genetic"] | BIT["violence"]
    assert label(thing(contained=[{"resourceType": "Observation"}]), [CLINIC]).own == 0
    assert label(thing(contained=[{"meta": {"security": [act("HIV")]}}]), [CLINIC]).own == 0, "what is no resource holds no label"


@pytest.mark.parametrize(
    ("type_", "extensions", "own"),
    [
        ("Consent", [{"url": "x/consent-signer-authority", "valueCode": "minor"}], bases.MINOR), ("Consent", [{"url": "x/consent-signer-authority", "valueCode": "parent"}], 0), ("Consent", [None, "x"], 0), ("Consent", None, 0),
        ("Consent", [{"url": "x/consent-signer-authority", "valueCode": "patient"}, {"url": "y/consent-signer-authority", "valueCode": "minor"}], bases.MINOR), ("Observation", [{"url": "x/consent-signer-authority", "valueCode": "minor"}], 0),
        ("Consent", [{"valueCode": "minor"}], 0),
    ],
)  # fmt: skip
def test_a_minors_own_signature_keeps_a_consent_from_parents(type_: str, extensions: Any, own: int) -> None:
    assert label({"resourceType": type_, "extension": extensions}, [CLINIC]).own == own


def test_shared_types_are_part_2_only_if_every_program_is_and_others_if_any_is() -> None:
    assert [is_part2("Patient", p) for p in ([], [DETOX], [CLINIC], [DETOX, CLINIC])] == [False, True, False, False]
    assert [is_part2("Condition", p) for p in ([], [DETOX], [CLINIC], [DETOX, CLINIC])] == [False, True, False, True]


# --- the words about a label --------------------------------------------------------------------------------------------------------


def test_a_label_says_that_it_was_decided_or_inherited_and_nothing_else_passes_for_it() -> None:
    assert (is_decided(decided("MH")), is_inherited(decided("MH")), is_decided(inherited("MH")), is_inherited(inherited("MH"))) == (True, False, False, True)
    assert not any(is_decided(c) or is_inherited(c) for c in (act("MH"), {**act("MH"), "extension": None}, {**act("MH"), "extension": decided("MH")["extension"][0]}, {}))
    because_of_a_law = label(thing(MOOD), [CLINIC], STATE).security[1]
    assert not is_decided(because_of_a_law)
    spoken = said({**because_of_a_law, "extension": [*because_of_a_law["extension"], {"url": "urn:other"}, "odd"]})
    assert is_decided(spoken)
    assert spoken["extension"][1:] == [{"url": "urn:other"}, "odd"]
    assert said(decided("MH")) == decided("MH")
    assert said({**act("MH"), "extension": None}) == {**act("MH"), "extension": decided("MH")["extension"]}


# --- by which labels it is found ----------------------------------------------------------------------------------------------------


def found(resource: dict[str, Any], rest: dict[str, Any], program: Any = CLINIC, rules: Any = None, facts: Facts | None = None) -> list[str]:
    made = findable(resource, rest, [program], rules, *([facts] if facts else []))
    assert made[0]["system"] == CONFIDENTIALITY
    return [c["code"] for c in made]


HIDDEN = {"note": [part("SDV", code=HIV)]}


@pytest.mark.parametrize(
    ("sent", "program", "rules", "codes"),
    [
        ([], CLINIC, None, ["N"]),
        ([], DETOX, None, ["R", "42CFRPart2"]),
        ([RESTRICTED], CLINIC, None, ["N"]),  # that is the level of the part
        ([VERY], CLINIC, None, ["N"]),
        ([VERY], DETOX, None, ["V", "42CFRPart2"]),  # a law is on the whole, whatever the part says
        ([PROCESS_INLINE], CLINIC, None, ["N"]),
        ([act("SDV"), PROCESS_INLINE], CLINIC, None, ["N"]),
        ([act("SDV")], CLINIC, None, ["N"]),
        ([act("HIV")], CLINIC, None, ["N"]),  # the subject of a code in the part
        ([act("GDIS")], CLINIC, None, ["R", "GDIS"]),
        ([decided("SDV")], CLINIC, None, ["R", "SDV"]),
        ([decided("HIV")], CLINIC, None, ["R", "HIV"]),
        ([inherited("HIV")], CLINIC, None, ["N", "HIV"]),
        ([said(RESTRICTED)], CLINIC, None, ["R", "PRS"]),
        ([said(VERY)], CLINIC, None, ["V", "PRS"]),
    ],
)
def test_what_only_a_hidden_part_gives_finds_nothing_and_what_is_said_of_the_whole_does(sent: list[Any], program: Any, rules: Any, codes: list[str]) -> None:
    resource = thing(sent=sent, **HIDDEN)
    assert found(resource, thing(sent=sent), program, rules) == codes


def test_what_it_has_from_others_finds_it_also_where_a_hidden_part_gives_the_same() -> None:
    assert found(thing(sent=[inherited("SUD")], note=[part("SDV", code=(ICD, "F11.20"))]), thing()) == ["N", "SUD"]


def test_a_law_that_the_rest_has_by_its_own_codes_finds_it() -> None:
    assert found(thing(MOOD, **HIDDEN), thing(MOOD), rules=STATE) == ["R", "MH"]
    law_on_the_whole = label(thing(HIV), [CLINIC], STATE).security[1]
    assert found(thing(sent=[law_on_the_whole], **HIDDEN), thing(), rules=STATE) == ["N"], "by a code in the part"
    assert found(thing(sent=[law_on_the_whole], **HIDDEN), thing()) == ["R", "HIV"], "by no code's law, so it was said of the whole"


def test_what_people_decided_and_what_it_hangs_on_finds_it_and_level_v_stays() -> None:
    assert found(thing(**HIDDEN), thing(), facts=Facts(raised=frozenset({"GDIS"}))) == ["R", "GDIS"]
    assert found(thing(**HIDDEN), thing(), facts=Facts(inherited_tags=frozenset({"MH"}))) == ["N", "MH"]
    assert found(thing(sent=[VERY, act("GDIS")]), thing(), DETOX) == ["V", "42CFRPart2", "GDIS"]
    assert found(thing(sent=[RESTRICTED, act("GDIS")]), thing(), DETOX) == ["R", "42CFRPart2", "GDIS"]
    assert found(thing(sent=[act("V")]), thing(), DETOX) == ["R", "42CFRPart2", "V"]
