"""Instruments as data: what answers come to, what is missing, and what must happen at once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sojourn.care.measures import forms
from sojourn.care.measures.model import Answer, BadInstrument, Instrument, Unanswered, instruments, reach, read
from sojourn.care.measures.score import BadAnswer, asked, change, score, unanswered
from sojourn.fhir.outcome import is_error
from sojourn.fhir.validate import validate

BASE = "http://sojourn.test/fhir"
ALL = list(instruments().values())


def d(**values: int) -> dict[str, Answer]:
    return {key.lstrip("_"): Decimal(v) for key, v in values.items()}


def every(id_: str, value: int) -> dict[str, Answer]:
    return {item.id: Decimal(value) for item in instruments()[id_].items}


@st.composite
def answered(draw: st.DrawFn) -> tuple[Instrument, dict[str, Answer]]:
    """An instrument answered in its order: every question that is asked gets an answer, is skipped or is refused."""
    instrument = draw(st.sampled_from(ALL))
    given_: dict[str, Answer] = {}
    for item in instrument.items:
        if item in asked(instrument, given_):
            choice = draw(st.sampled_from([*(c.value for c in item.choices), *Unanswered]))
            given_[item.id] = choice
    return instrument, given_


@pytest.mark.parametrize(("points", "band"), [(0, "minimal"), (4, "minimal"), (5, "mild"), (9, "mild"), (10, "moderate"), (14, "moderate"), (15, "moderately severe"), (20, "severe"), (27, "severe")])
def test_phq9_bands_begin_where_they_are_published(points: int, band: str) -> None:
    given_: dict[str, Answer] = {str(n): Decimal(max(0, min(3, points - 3 * (n - 1)))) for n in range(1, 10)}
    total = score(instruments()["phq-9"], given_).score("total")
    assert (total.value, total.band, total.positive) == (points, band, points >= 10)


def test_phq9_is_prorated_with_two_missing_and_invalid_with_three() -> None:
    phq = instruments()["phq-9"]
    two = score(phq, {k: v for k, v in every("phq-9", 2).items() if k not in ("1", "2", "10")}).score("total")
    assert (two.value, two.status, two.missing) == (18, "prorated", ("1", "2"))
    three = score(phq, {k: v for k, v in every("phq-9", 2).items() if k not in ("1", "2", "3")}).score("total")
    assert (three.value, three.status, three.band) == (None, "invalid", None)


@pytest.mark.parametrize("value", [1, 2, 3])
def test_any_positive_answer_to_item_nine_opens_the_risk_path_even_when_the_total_is_not_valid(value: int) -> None:
    result = score(instruments()["phq-9"], {"9": Decimal(value)})
    assert result.score("total").value is None
    assert [(w.opens, w.then) for w in result.opened] == [("risk", "c-ssrs-screener")]


def test_a_skipped_or_refused_item_nine_is_not_a_no() -> None:
    for answer in Unanswered:
        result = score(instruments()["phq-9"], {**{str(n): Decimal(0) for n in range(1, 9)}, "9": answer})
        assert result.opened == ()
        assert result.score("total").missing == ("9",)
    assert unanswered({"9": Unanswered.REFUSED, "1": Decimal(0)}) == {"9": Unanswered.REFUSED}


@pytest.mark.parametrize(
    ("yes", "level"),
    [((), "none reported"), (("1",), "low"), (("2",), "low"), (("2", "3"), "moderate"), (("2", "4"), "high"), (("2", "5"), "high"), (("6",), "moderate"), (("6", "6a"), "high")],
)
def test_the_c_ssrs_triage_follows_the_most_worrying_yes(yes: tuple[str, ...], level: str) -> None:
    instrument = instruments()["c-ssrs-screener"]
    given_: dict[str, Answer] = {}
    for item in instrument.items:
        if item in asked(instrument, given_):
            given_[item.id] = Decimal(1 if item.id in yes else 0)
    result = score(instrument, given_)
    assert result.score("triage").band == level
    assert bool(result.opened) == (level != "none reported")


def test_a_yes_decides_the_triage_although_the_rest_is_refused() -> None:
    result = score(instruments()["c-ssrs-screener"], {"1": Unanswered.REFUSED, "2": Decimal(1), "4": Decimal(1), "6": Unanswered.SKIPPED})
    assert result.score("triage").band == "high"
    assert score(instruments()["c-ssrs-screener"], {"1": Decimal(0), "2": Unanswered.REFUSED, "6": Decimal(0)}).score("triage").value is None


def test_audit_skips_as_its_manual_says_and_what_it_skips_is_not_missing() -> None:
    audit = instruments()["audit"]
    never = score(audit, d(_1=0, _9=0, _10=4))
    assert never.asked == ("1", "9", "10")
    assert (never.score("total").value, never.score("total").missing) == (4, ())
    light = score(audit, d(_1=2, _2=0, _3=0, _9=0, _10=0))
    assert light.asked == ("1", "2", "3", "9", "10")
    assert light.score("total").value == 2
    assert score(audit, d(_1=4, _2=0, _3=1)).asked == tuple(str(n) for n in range(1, 11))
    assert score(audit, every("audit", 4)).score("total").band == "likely dependence"


def test_dast_counts_its_third_item_from_the_other_end() -> None:
    dast = instruments()["dast-10"]
    assert score(dast, every("dast-10", 0)).score("total").value == 1
    assert score(dast, {**every("dast-10", 0), "3": Decimal(1)}).score("total").value == 0
    assert score(dast, {**every("dast-10", 1), "3": Decimal(0)}).score("total").value == 10


def test_where_no_cut_off_was_checked_no_verdict_is_given() -> None:
    for id_ in ("pcl-5", "ciwa-ar", "whodas-12"):
        total = score(instruments()[id_], every(id_, 2)).score("total")
        assert (total.band, total.positive) == (None, None)
    assert not forms._code(instruments()["pcl-5"], score(instruments()["pcl-5"], every("pcl-5", 1)).score("total"))["coding"][0]["system"].startswith("http://loinc")


def test_change_speaks_of_response_remission_and_what_counts_only_within_one_version() -> None:
    phq = instruments()["phq-9"]
    before, after = (score(phq, every("phq-9", 2) | d(_7=v, _8=v, _9=v)).score("total") for v in (2, 0))
    moved = change(before, after)
    assert moved is not None
    assert (moved.by, moved.better, moved.worse, moved.response) == (-6, True, False, False)
    zero = change(before, score(phq, {k: Decimal(0) for k in map(str, range(1, 10))}).score("total"))
    assert zero is not None
    assert (zero.response, zero.remission) == (True, True)
    assert change(before, score(instruments()["gad-7"], every("gad-7", 1)).score("total")) is None


def test_an_answer_that_the_instrument_does_not_have_is_refused_without_repeating_it() -> None:
    for bad in ({"1": Decimal(7)}, {"11": Decimal(0)}, {"10": Decimal(1)}):
        with pytest.raises(BadAnswer) as caught:
            score(instruments()["phq-9"], bad)
        assert "7" not in str(caught.value).replace("GAD-7", "")


@settings(deadline=None)
@given(answered())
def test_a_sum_lies_within_its_range_and_answers_survive_the_way_through_fhir(case: tuple[Instrument, dict[str, Answer]]) -> None:
    instrument, given_ = case
    result = score(instrument, given_)
    for one in result.scores:
        if one.value is not None and one.rule.rule == "sum":
            low, high = reach(instrument, one.rule)
            assert low <= one.value <= high
    resource = forms.response(instrument, given_, BASE, patient="Patient/p", authored="2026-01-01T10:00:00Z")
    assert forms.answers(instrument, resource) == given_
    made = forms.observations(result, patient="Patient/p", effective="2026-01-01T10:00:00Z", response_reference="QuestionnaireResponse/q")
    assert len(made) == len([s for s in result.scores if s.value is not None])
    for one_ in [resource, *made]:
        assert [i for i in validate({**one_, "id": "x"}) if is_error(i)] == []


@pytest.mark.parametrize("instrument", ALL, ids=lambda i: i.id)
def test_every_instrument_is_a_valid_questionnaire_that_asks_what_the_rules_ask(instrument: Instrument) -> None:
    resource = forms.questionnaire(instrument, BASE)
    assert [i for i in validate(resource) if is_error(i)] == []
    assert {i["linkId"] for i in resource["item"] if "enableWhen" in i} == {i.id for i in instrument.items if i.asked_when_any}


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda t: t.replace('items = ["1", "2"]\nrange', 'items = ["1", "3"]\nrange'), "there is no 3"),
        (lambda t: t.replace("range = [0, 6]", "range = [0, 7]"), "come to 0 to 6"),
        (lambda t: t.replace('rule = "sum"', 'rule = "guess"'), "the rule is sum, mean, first or pattern"),
        (lambda t: t.replace('version = "2003"\n', ""), "'version' is missing"),
        (lambda t: t.replace('answers = "often"', 'answers = "never"', 1), "'never' is missing"),
    ],
)
def test_a_file_that_is_no_instrument_is_refused_with_the_place(edit: Any, says: str) -> None:
    from importlib.resources import files

    text = files("sojourn.care.measures").joinpath("instruments/phq-2.toml").read_text("utf-8")
    with pytest.raises(BadInstrument, match=says):
        read(edit(text), "phq-2.toml")


@settings(deadline=None)
@given(answered())
def test_no_value_of_a_score_falls_between_two_bands_and_no_answer_counts_beyond_its_range(pair: tuple[Instrument, dict[str, Answer]]) -> None:
    instrument, given_ = pair
    for one in score(instrument, given_).scores:
        if one.value is not None:
            assert one.rule.low is None or (one.rule.low <= one.value <= one.rule.high)  # type: ignore[operator]
            assert not one.rule.bands or one.band in {b.name for b in one.rule.bands}
            assert one.status == "complete" or len(one.missing) <= one.rule.most_missing
        else:
            assert (one.band, one.positive) == (None, None)


@settings(deadline=None)
@given(answered(), st.data())
def test_an_answer_more_never_makes_a_score_less_valid_and_a_refusal_is_missing_like_a_skip(pair: tuple[Instrument, dict[str, Answer]], data: st.DataObject) -> None:
    instrument, given_ = pair
    swapped: dict[str, Answer] = {k: (Unanswered.SKIPPED if a is Unanswered.REFUSED else a) for k, a in given_.items()}
    assert [(s.value, s.missing) for s in score(instrument, swapped).scores] == [(s.value, s.missing) for s in score(instrument, given_).scores]
    open_ = [k for k, a in given_.items() if isinstance(a, Unanswered) and not any(k in c.items for i in instrument.items for c in i.asked_when_any)]
    if open_:
        item = instrument.item(data.draw(st.sampled_from(open_)))
        fuller = {**given_, item.id: data.draw(st.sampled_from([c.value for c in item.choices]))}
        before, after = score(instrument, given_), score(instrument, fuller)
        for old, new in zip(before.scores, after.scores, strict=True):
            assert new.value is not None or old.value is None


@settings(deadline=None)
@given(st.lists(st.integers(0, 4), min_size=20, max_size=20), st.sets(st.integers(1, 20)))
def test_the_pcl5_pattern_is_what_counting_by_hand_says_and_unsure_only_where_a_gap_decides(answers: list[int], gaps: set[int]) -> None:
    def met(values: dict[int, int]) -> bool:
        return all(sum(values[n] >= 2 for n in range(low, high + 1)) >= count for low, high, count in ((1, 5, 1), (6, 7, 1), (8, 14, 2), (15, 20, 2)))

    known = {n: a for n, a in enumerate(answers, 1) if n not in gaps}
    least, most = met({**dict.fromkeys(gaps, 0), **known}), met({**dict.fromkeys(gaps, 4), **known})
    found = score(instruments()["pcl-5"], {str(n): Decimal(a) for n, a in known.items()}).score("pattern")
    assert found.value == (None if least is not most else Decimal(least))


def test_the_versions_of_the_bam_have_scores_of_their_own_and_no_total() -> None:
    codes = {forms._code(i, s)["coding"][0]["code"] for i in ALL if i.id.startswith("bam") for s in score(i, {item.id: item.choices[0].value for item in i.items if item.id[0] != "7" and item.id != "5"}).scores}
    assert codes == {f"{i}.{s}" for i in ("bam", "bam-r", "bam-iop") for s in ("use", "risk", "protective")}


def test_whodas_averages_over_the_32_items_of_somebody_who_does_not_work() -> None:
    whodas = instruments()["whodas-36"]
    answers: dict[str, Answer] = {i.id: Decimal(2) for i in whodas.items if not i.asked_when_any} | {"works": Decimal(0)}
    assert (score(whodas, answers).score("mean").value, len(answers)) == (2, 33)
