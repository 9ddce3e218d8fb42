"""Labels where one thing alone decides: what senders said and what we computed, when what was decided is looked up, laws that a resource cannot do without."""

from __future__ import annotations

from typing import Any

import pytest

from sojourn.gate import bases, decide, labelling, labels
from sojourn.gate.bases import CONFIDENTIALITY, LOCAL, PART2, PROCESS_INLINE
from sojourn.gate.caller import Program
from sojourn.gate.changes import Change
from sojourn.gate.labels import Facts, decided, inherited, said
from tests.gate.test_label_facts import HIV, MOOD, NORMAL, RESTRICTED, VERY, act, part, thing

DETOX, CLINIC = Program(1, "detox", "Detox", None, part2=True), Program(2, "clinic", "Clinic", None, part2=False)
RULES = decide.Rules([], {1: DETOX, 2: CLINIC}, b"")
BIT = {basis.name: basis.bit for basis in bases.BASES}
OBLIGATION = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "NOREDISCLOSURE"}
LAW_OF_42 = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "42CFRPart2"}
UNREADABLE: list[Any] = ["R", None, 7]


def served(resource: dict[str, Any], *numbers: int) -> dict[str, Any]:
    """As the record serves what nobody labelled."""
    return {**resource, "meta": {"versionId": "1", "security": labelling.computed(resource, numbers or (2,), RULES).security}}


def base(resource: dict[str, Any], *numbers: int, **more: Any) -> dict[str, Any]:
    """The row of what is stored, and labelled by nothing but its content and origin."""
    found = labelling.computed(resource, numbers or (2,), RULES)
    return {"kind": "current", "origin": list(numbers or (2,)), "own": found.own, "parts": found.parts, "tags": list(found.tags), **more}


def change(before: dict[str, Any], sent: dict[str, Any] | None, **more: Any) -> Change:
    """An update of what is stored."""
    made = Change("update", "Observation", "o", sent)
    made.base, made.before, made.view, made.sent = more.pop("base", base(before)), before, more.pop("view", before), sent
    for name, value in more.items():
        setattr(made, name, value)
    return made


def test_a_program_that_the_rules_do_not_know_is_one_of_part_2() -> None:
    assert [p.part2 for p in labelling.origin_of([2, 1, 9], RULES.programs)] == [False, True, True]
    assert [labelling.computed(thing(), n, RULES).own for n in ((2,), (1,), (9,), ())] == [0, PART2, PART2, 0]


def test_codes_of_labels_that_are_laws_are_bits_together_and_others_none() -> None:
    assert labelling.bits_of(["HIV", "GDIS", "SUD", "nothing", "HIV"]) == BIT["hiv"] | BIT["genetic"]
    assert labelling.bits_of([]) == 0


def test_the_whole_is_under_the_law_of_a_part_that_it_cannot_do_without_and_of_no_other() -> None:
    whole = {**thing(note=[part("GDIS")]), "status": "final", "code": part("HIV")}
    assert labelling.own_of(whole, labels.label(whole, [CLINIC]), RULES) == BIT["hiv"]
    assert (
        labelling.own_of(whole, labels.label({**whole, "meta": {"security": [said(act("SDV"))]}}, [DETOX]), RULES)
        == PART2 | BIT["violence"] | BIT["hiv"]
    )
    plain = thing(MOOD)
    assert labelling.own_of(plain, labels.label(plain, [DETOX]), RULES) == PART2


def test_what_is_computed_takes_nothing_of_what_was_labelled_and_senders_wrote_all_else() -> None:
    stored = {**thing(MOOD), "meta": {"versionId": "3", "security": [RESTRICTED, act("HIV"), act("MH")]}}
    assert [c["code"] for c in labelling.computed(stored, (2,), RULES).security] == ["N", "MH"]
    assert labelling.senders(stored, (2,), RULES) == [RESTRICTED, act("HIV")]
    assert labelling.senders(served(thing(MOOD)), (2,), RULES) == []
    assert labelling.senders(thing(MOOD), (2,), RULES) == []
    assert [c["code"] for c in labelling.computed(stored, (1,), RULES).security] == ["R", "42CFRPart2", "MH"]
    assert stored["meta"]["security"] == [RESTRICTED, act("HIV"), act("MH")], "what is stored stays as it is"
    tagged = {**thing(), "meta": {"tag": [{"system": HIV[0], "code": HIV[1]}], "security": [act("MH")]}}
    assert labelling.computed(tagged, (2,), RULES).tags == ("HIV",), "a code among its tags is a code"


@pytest.mark.parametrize(
    ("row", "before", "sent", "unusual"),
    [
        ({}, {}, {}, False),
        ({"own": BIT["hiv"]}, {}, {}, True),
        ({"parts": BIT["hiv"]}, {}, {}, True),
        ({"tags": ["HIV", "MH"]}, {}, {}, True),
        ({"tags": []}, {}, {}, True),
        ({}, {"meta": {"security": [NORMAL, act("MH"), act("HIV")]}}, {"meta": {}}, True),
        ({}, {}, {"meta": {"security": [*served(thing(MOOD))["meta"]["security"], act("HIV")]}}, True),
        ({}, {}, {"meta": {"security": [NORMAL]}}, False),
        ({}, {}, {"meta": {"security": None}}, False),
        ({}, {}, {"meta": None}, False),
    ],
)
def test_what_was_decided_is_looked_up_where_the_label_is_not_what_content_and_origin_say_or_another_is_sent(
    row: dict[str, Any], before: dict[str, Any], sent: dict[str, Any], unusual: bool
) -> None:
    stored = {**served(thing(MOOD)), **before}
    asked = {**stored, **sent}
    assert labelling.unusual(change(stored, asked, base=base(thing(MOOD), **row)), RULES) is unusual
    assert labelling.unusual(change(stored, None, base=base(thing(MOOD), **row), resource=asked), RULES) is unusual, (
        "a create of what is there, or what a patch has not made yet"
    )


def test_a_delete_sends_no_label_and_a_tag_in_another_order_is_the_same() -> None:
    stored = served(thing(MOOD, HIV))
    asked = {**stored, "meta": {"security": [act("GDIS")]}}
    assert labelling.unusual(change(stored, asked, base=base(thing(MOOD, HIV)), resource=stored), RULES), (
        "what was sent counts, not what was made of it"
    )
    assert not labelling.unusual(change(stored, None, base=base(thing(MOOD, HIV), tags=["MH", "HIV"])), RULES)


# --- what a sender says ------------------------------------------------------------------------------------------------------


def test_what_is_new_says_what_its_codes_say_and_the_rest_as_a_word_about_the_whole() -> None:
    sent = thing(MOOD, sent=[RESTRICTED, act("MH"), act("HIV"), OBLIGATION])
    made = Change("create", "Observation", "", sent)
    for before, row in (({}, None), (served(thing(HIV)), base(thing(HIV), kind="delete"))):
        made.before, made.base = before, row
        assert labelling.as_sent(sent, made, RULES)["meta"]["security"] == [said(RESTRICTED), act("MH"), said(act("HIV")), OBLIGATION]
    assert labelling.as_sent(thing(MOOD), made, RULES) == thing(MOOD)
    assert labelling.as_sent({**thing(MOOD), "meta": {"tag": [1]}}, made, RULES) == {**thing(MOOD), "meta": {"tag": [1]}}
    assert labelling.as_sent({**sent, "meta": {**sent["meta"], "tag": [1]}}, made, RULES)["meta"]["tag"] == [1]


def test_who_sends_back_what_they_were_shown_says_nothing_of_it() -> None:
    stored = served(thing(HIV, MOOD))
    assert labelling.as_sent(stored, change(stored, stored), RULES)["meta"]["security"] == []


def test_who_says_a_label_anew_says_it_whatever_is_stored_that_they_do_not_see() -> None:
    """A code that they do not see gives the same: it becomes their word all the same, or what became of it would tell of the code."""
    stored, view = served(thing(HIV, MOOD)), {**thing(MOOD), "meta": {"security": [NORMAL, act("MH")]}}
    sent = {**thing(MOOD), "meta": {"security": [NORMAL, act("MH"), act("HIV")]}}
    merged = {**stored, "meta": {"security": [*stored["meta"]["security"], act("HIV")]}}
    assert labelling.as_sent(merged, change(stored, sent, view=view), RULES)["meta"]["security"] == [said(act("HIV"))]
    seen = labelling.as_sent(merged, change(stored, sent, view={**view, "meta": {"security": [NORMAL, act("MH"), act("HIV")]}}), RULES)
    assert seen["meta"]["security"] == []


def test_what_its_senders_wrote_before_stays_and_is_not_said_twice() -> None:
    stored = {**thing(MOOD), "meta": {"security": [RESTRICTED, act("MH"), act("HIV"), OBLIGATION]}}
    sent = {**stored, "meta": {"security": [RESTRICTED, act("MH"), act("GDIS")]}}
    guessed = labelling.as_sent(sent, change(stored, sent), RULES)["meta"]["security"]
    assert guessed == [said(RESTRICTED), said(act("HIV")), OBLIGATION, said(act("GDIS"))]
    kept = labelling.as_sent(sent, change(stored, sent, wrote=[act("HIV")]), RULES)["meta"]["security"]
    assert kept == [said(act("HIV")), said(act("GDIS"))], "what is kept apart of what they wrote goes before what is guessed"
    assert labelling.as_sent(sent, change(stored, sent, wrote=[]), RULES)["meta"]["security"] == [said(act("GDIS"))]
    again = labelling.as_sent({**sent, "meta": {"security": [said(act("GDIS"))]}}, change(stored, sent, wrote=[act("GDIS")]), RULES)
    assert again["meta"]["security"] == [said(act("GDIS"))]


def test_what_merging_adds_to_what_was_sent_is_somebodys_word_unless_it_stands_there() -> None:
    stored = served(thing(MOOD))
    merged = {**stored, "meta": {"security": [*stored["meta"]["security"], act("HIV")]}}
    assert labelling.as_sent(merged, change(stored, stored), RULES)["meta"]["security"] == [said(act("HIV"))]
    assert labelling.as_sent(merged, change(stored, {**stored, "meta": {}}), RULES)["meta"]["security"] == [said(act("HIV"))]
    assert labelling.as_sent({**merged, "meta": {"tag": [1], "security": None}}, change(stored, stored), RULES)["meta"] == {
        "tag": [1],
        "security": [],
    }


def test_a_change_by_patch_is_judged_by_the_resource_itself() -> None:
    stored = served(thing(MOOD))
    asked = {**stored, "meta": {"security": [act("HIV")]}}
    assert labelling.as_sent(asked, change(stored, None), RULES)["meta"]["security"] == [said(act("HIV"))]


# --- what only sums up the labels of elements ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ([PROCESS_INLINE, RESTRICTED, act("HIV")], [PROCESS_INLINE, RESTRICTED, act("HIV")]),
        ([RESTRICTED, act("HIV")], [RESTRICTED, said(act("HIV"))]),
        ([PROCESS_INLINE, VERY, act("GDIS")], [PROCESS_INLINE, VERY, said(act("GDIS"))]),
        ([PROCESS_INLINE, {"system": LOCAL, "code": "HIV"}], [PROCESS_INLINE, {"system": LOCAL, "code": "HIV"}]),
    ],
)
def test_labels_that_sum_up_those_of_elements_are_nobodys_word_about_the_whole(written: list[Any], kept: list[Any]) -> None:
    sent = thing(note=[part("HIV")], sent=written)
    assert labelling.as_said(written, sent, RULES) == kept
    stored = served(thing())
    anew = labelling.as_sent({**stored, "note": sent["note"]}, change(stored, sent), RULES)["meta"]["security"]
    assert anew == [c for c in kept if "extension" in c or c.get("system") == LOCAL]


def test_without_labelled_elements_a_level_is_said_of_the_whole() -> None:
    assert labelling.as_said([PROCESS_INLINE, RESTRICTED, act("HIV")], thing(), RULES) == [
        PROCESS_INLINE,
        said(RESTRICTED),
        said(act("HIV")),
    ]
    assert labelling.as_said([], thing(HIV), RULES) == []
    assert labelling.as_said([act("HIV")], thing(HIV), RULES) == [act("HIV")], "a code in it says it too"
    assert labelling.as_said([{"system": LOCAL, "code": "HIV"}], thing(HIV), RULES) == [{"system": LOCAL, "code": "HIV"}]


@pytest.mark.parametrize(
    ("coding", "becomes"),
    [
        (RESTRICTED, "said"), (VERY, "said"), (NORMAL, "same"), ({"system": CONFIDENTIALITY, "code": "M"}, "same"), (act("R"), "same"), ({"system": LOCAL, "code": "V"}, "same"),
        (act("HIV"), "said"), (act("SUD"), "said"), (LAW_OF_42, "said"), ({"system": bases.US_PRIVACY_LAW, "code": "42CFRPart2"}, "said"), ({"system": LOCAL, "code": "MINOR"}, "said"),
        (OBLIGATION, "same"), ({"system": LOCAL, "code": "SUD"}, "same"), (decided("HIV"), "same"), (inherited("HIV"), "same"),
    ],
)  # fmt: skip
def test_labels_of_subjects_laws_and_restrictions_are_words_about_the_whole_and_others_stay(coding: dict[str, Any], becomes: str) -> None:
    assert labelling.as_said([coding], thing(), RULES) == [said(coding) if becomes == "said" else coding]


@pytest.mark.parametrize("coding", UNREADABLE)
def test_what_is_no_coding_stays_as_it_is_and_breaks_nothing(coding: Any) -> None:
    assert labelling.as_said([coding], thing(HIV), RULES) == [coding]
    assert labelling.as_said([coding, PROCESS_INLINE], thing(note=[part("HIV")]), RULES) == [coding, PROCESS_INLINE]
    unreadable = thing(note=[{"extension": [{"url": bases.INLINE, "valueCoding": coding}]}])
    assert labelling.as_said([act("HIV"), PROCESS_INLINE], unreadable, RULES) == [said(act("HIV")), PROCESS_INLINE]
    assert labelling.bits_of([str(coding)]) == 0


def test_a_label_that_staff_put_on_stays_with_facts_of_its_own() -> None:
    """What was decided is in no code: only the row beside it tells, and a computed label never does."""
    assert labels.label(thing(), [CLINIC], None, Facts(raised=frozenset({"HIV"}))).own == BIT["hiv"]
    assert labelling.computed(thing(sent=[said(act("HIV"))]), (2,), RULES).own == 0
