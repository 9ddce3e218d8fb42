"""Which law a label says, on a whole and on a part, and by which rules codes get labels. No database."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from sojourn.gate import bases, labelrules
from sojourn.gate.bases import (
    ACT_CODE,
    CONFIDENTIALITY,
    INLINE,
    LOCAL,
    PART2,
    UNLABELLED,
    US_PRIVACY_LAW,
    claimed,
    codings,
    inline_mask,
    on_element,
)
from sojourn.gate.labelrules import OwnCode, made_of, value_sets

BIT = {basis.name: basis.bit for basis in bases.BASES}
SAYS = {
    "part2": [(ACT_CODE, "42CFRPart2"), (US_PRIVACY_LAW, "42CFRPart2")], "sud_counseling": [(LOCAL, "SUDCN")], "psychotherapy": [(ACT_CODE, "PSYTHPN"), (ACT_CODE, "HIPAAPsyNotes")], "minor": [(LOCAL, "MINOR"), (ACT_CODE, "ADOL")],
    "mental_health": [(ACT_CODE, c) for c in ("MH", "PSY", "BH")], "hiv": [(ACT_CODE, c) for c in ("HIV", "STD")], "reproductive": [(ACT_CODE, c) for c in ("SEX", "PREGNANT")],
    "violence": [(ACT_CODE, c) for c in ("SDV", "VIO", "MST")], "genetic": [(ACT_CODE, c) for c in ("GDIS", "SCA")], "patient_requested": [(ACT_CODE, c) for c in ("PRS", "HIPAASelfPay")],
}  # fmt: skip


def coding(system: Any, code: Any) -> dict[str, Any]:
    return {"system": system, "code": code}


@pytest.mark.parametrize(("law", "system", "code"), [(law, *one) for law, said in SAYS.items() for one in said])
def test_each_label_of_a_law_says_it_on_a_whole_and_on_a_part(law: str, system: str, code: str) -> None:
    assert claimed(coding(system, code)) == on_element(coding(system, code)) == bases.bit_of(code) == BIT[law]
    assert claimed(coding("urn:x", code)) == 0
    assert on_element(coding("urn:x", code)) == UNLABELLED


@pytest.mark.parametrize("odd", [None, "HIV", [], {}, {"system": ACT_CODE}, {"code": "HIV"}, coding(ACT_CODE, ["HIV"]), coding([ACT_CODE], "HIV"), coding(ACT_CODE, {}), coding(1, 2)])
def test_what_cannot_be_read_claims_nothing_on_a_whole_and_withholds_a_part(odd: Any) -> None:
    assert (claimed(odd), on_element(odd)) == (0, UNLABELLED)


def test_a_subject_claims_nothing_on_a_whole_and_keeps_a_part_as_part_2() -> None:
    for code in ("SUD", "ETH", "ETHUD", "OPIOIDUD"):
        assert (claimed(coding(ACT_CODE, code)), on_element(coding(ACT_CODE, code)), on_element(coding(LOCAL, code))) == (0, PART2, UNLABELLED)
    assert on_element(coding(ACT_CODE, "NORDSCLCD")) == UNLABELLED


def test_a_level_on_a_part_keeps_it_apart_from_r_on() -> None:
    assert [on_element(coding(CONFIDENTIALITY, c)) for c in ("U", "L", "M", "N", "R", "V", "X")] == [0, 0, 0, 0, BIT["patient_requested"], BIT["patient_requested"], UNLABELLED]


def test_a_part_has_the_laws_of_all_of_its_labels() -> None:
    def of(*codes: str) -> list[Any]:
        return [{"url": INLINE, "valueCoding": coding(ACT_CODE, c)} for c in codes]

    assert inline_mask({"extension": of("HIV", "SDV")}) == BIT["hiv"] | BIT["violence"]
    assert inline_mask({"extension": [None, "x", {"url": "u", "valueCoding": coding(ACT_CODE, "HIV")}, *of("GDIS")]}) == BIT["genetic"]
    assert inline_mask({"extension": [{"url": INLINE}]}) == UNLABELLED
    assert inline_mask({}) == inline_mask({"extension": None}) == inline_mask({"extension": of("HIV")[0]}) == 0


def test_laws_are_shown_by_one_label_each_and_what_is_unlabelled_by_none() -> None:
    assert codings(bases.ALL) == [coding(b.system, b.code) for b in bases.BASES if b.name != "unlabelled"]
    assert codings(0) == codings(UNLABELLED) == []
    assert bases.bit_of("N") == bases.bit_of("") == 0
    assert frozenset({"Patient", "RelatedPerson", "Coverage", "Account", "AllergyIntolerance", "Immunization"}) == bases.LONGITUDINAL


# --- rules by which codes get labels -----------------------------------------------------------------------------------------------------


def test_a_code_of_ones_own_gives_its_subjects_by_itself_or_by_how_it_begins() -> None:
    codes = made_of([OwnCode("urn:x", "AB", True, ("OPIOIDUD",)), OwnCode("urn:x", "ABC", False, ("HIV",)), OwnCode("urn:x", "A", True, ("MH",)), OwnCode("urn:x", "ABC", False, ("SDV",)), OwnCode("urn:y", "AB", False, ("GDIS",))]).systems
    assert codes["urn:x"].tags("ABC") == {"OPIOIDUD", "SUD", "HIV", "SDV", "MH"}, "all that any entry says, and what includes it"
    assert codes["urn:x"].tags("ABX") == {"OPIOIDUD", "SUD", "MH"}
    assert codes["urn:x"].tags("AX") == {"MH"}
    assert codes["urn:x"].tags("B") == codes["urn:y"].tags("ABC") == frozenset()
    assert codes["urn:y"].tags("AB") == {"GDIS"}
    assert codes["urn:x"].lengths == (2, 1)


def test_a_subject_may_be_under_several_laws_and_one_that_nobody_knows_withholds() -> None:
    rules = made_of(laws=[("MH", "mental_health"), ("MH", "minor"), ("HIV", "hiv"), ("SUD", "something")])
    assert rules.bases(["MH"]) == BIT["mental_health"] | BIT["minor"]
    assert rules.bases(["MH", "HIV", "GDIS"]) == BIT["mental_health"] | BIT["minor"] | BIT["hiv"]
    assert rules.bases(["SUD"]) == UNLABELLED
    assert rules.bases([]) == made_of().bases(["MH", "HIV"]) == 0


def test_the_digest_names_all_of_the_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    own, law = OwnCode("urn:x", "A", False, ("HIV",)), ("HIV", "hiv")
    said = [made_of(*args).digest for args in ((), ([own],), ((), [law]), ([own], [law]), ([own._replace(prefix=True)],))]
    assert len(set(said)) == 5
    assert made_of([own, own._replace(code="B")]).digest == made_of([own._replace(code="B"), own]).digest
    assert {len(d) for d in said} == {16}
    monkeypatch.setattr(labelrules, "_FORM", labelrules._FORM + 1)
    written_otherwise = made_of().digest
    monkeypatch.setattr(labelrules, "value_sets", lambda: value_sets()[1:])
    assert len({said[0], written_otherwise, made_of().digest}) == 3


def test_lists_that_only_ask_label_nothing() -> None:
    rules = made_of()
    asking, giving = [s for s in value_sets() if s.question], [s for s in value_sets() if not s.question]
    assert asking
    assert giving
    assert rules.questions == {(system, code): (s.tags, s.question) for s in asking for system in s.systems for code in s.codes}
    for one in giving:
        assert all(set(one.tags) <= rules.systems[system].tags(code) for system in one.systems for code in (*one.codes, *one.prefixes))
    assert all(isinstance(s.since, date) and s.source and s.title for s in value_sets())
