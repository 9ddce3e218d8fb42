"""Labels on elements, without a database: which are listed, what is taken off of which, and where a place of a view stands in the whole."""

from __future__ import annotations

from typing import Any

import pytest

from sojourn.base import errors
from sojourn.gate import bases, elementlabels
from sojourn.gate.bases import INLINE
from sojourn.gate.elementlabels import Labelled
from sojourn.gate.labelrules import made_of
from sojourn.gate.visible import Sight
from sojourn.gate.visible import resource as visible
from tests.gate.test_label_facts import HIV as HIV_CODE
from tests.people import labelled

HIV, GENETIC = bases.bit_of("HIV"), bases.bit_of("GDIS")
OTHER = {"url": "x", "valueString": "y"}


def component(text: str, *labels: str) -> dict[str, Any]:
    made: dict[str, Any] = {"code": {"text": text}}
    for code in labels:
        made = {**made, "extension": [*made.get("extension", ()), *labelled({}, code)["extension"]]}
    return made


def entry(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": "o", "status": "final", "code": {"text": "c"}, **more}


def test_every_labelled_element_is_listed_with_its_words_and_its_labels() -> None:
    said = entry(
        component=[component("one"), component("two", "HIV", "GDIS")], valueString="x", _valueString=labelled({}, "SDV"), note=[{"text": "apart", "time": "2026", **labelled({}, "PSYTHPN")}],
        _status=labelled({}, "42CFRPart2"),
    )  # fmt: skip
    fixed = "Its law follows from who made it, or from what kind of note it is."
    assert elementlabels.listed(said) == [
        Labelled("component.1", "two", ("HIV", "GDIS"), ""), Labelled("valueString", "x", ("SDV",), ""),
        Labelled("note.0", "apart 2026", ("PSYTHPN",), fixed), Labelled("status", "final", ("42CFRPart2",), fixed),
    ]  # fmt: skip
    assert elementlabels.listed(entry(component=[component("one")])) == []


def test_of_an_element_its_texts_are_said_and_no_addresses_and_not_without_end() -> None:
    words = {
        "id": "i", "system": "s", "url": "u", "reference": "Patient/x", "extension": [*labelled({}, "HIV")["extension"], OTHER], "display": "said", "value": 7, "valueBoolean": True, "unit": None,
        "coding": [{"system": "s", "code": "c"}],
    }  # fmt: skip
    assert [(e.says, e.codes) for e in elementlabels.listed(entry(focus=[words]))] == [("said 7 c", ("HIV",))]
    for length, says in ((120, "a" * 120), (121, "a" * 119 + "…")):
        assert [e.says for e in elementlabels.listed(entry(component=[component("a" * length, "HIV")]))] == [says]


def test_a_label_without_a_coding_is_listed_as_one_that_says_nothing() -> None:
    unreadable = {"text": "t", "extension": [{"url": INLINE}]}
    assert elementlabels.listed(entry(note=[unreadable])) == [Labelled("note.0", "t", ("",), "")]
    assert elementlabels.without(entry(note=[unreadable]), ("note", 0)) == entry(note=[{"text": "t"}])


@pytest.mark.parametrize(
    ("before", "path", "after"),
    [
        (
            {"component": [component("a", "HIV"), component("b", "HIV")]},
            ("component", 1),
            {"component": [component("a", "HIV"), component("b")]},
        ),
        ({"component": [component("a", "HIV", "GDIS")]}, ("component", 0), {"component": [component("a")]}),
        (
            {"note": [{"text": "t", "extension": [OTHER, *labelled({}, "HIV")["extension"]]}]},
            ("note", 0),
            {"note": [{"text": "t", "extension": [OTHER]}]},
        ),
        ({"valueString": "x", "_valueString": labelled({}, "HIV")}, ("valueString",), {"valueString": "x"}),
        (
            {"valueString": "x", "_valueString": {**labelled({}, "HIV"), "id": "i"}},
            ("valueString",),
            {"valueString": "x", "_valueString": {"id": "i"}},
        ),
        ({"given": ["a", "b"], "_given": [None, labelled({}, "HIV")]}, ("given", 1), {"given": ["a", "b"], "_given": [None, None]}),
        (
            {"code": {"text": "c", **labelled({}, "HIV"), "coding": [labelled({"code": "x"}, "GDIS")]}},
            ("code",),
            {"code": {"text": "c", "coding": [labelled({"code": "x"}, "GDIS")]}},
        ),
        (
            {"code": {"text": "c", **labelled({}, "HIV"), "coding": [labelled({"code": "x"}, "GDIS")]}},
            ("code", "coding", 0),
            {"code": {"text": "c", **labelled({}, "HIV"), "coding": [{"code": "x"}]}},
        ),
    ],
)
def test_a_label_is_taken_off_one_element_and_everything_else_stays(
    before: dict[str, Any], path: tuple[str | int, ...], after: dict[str, Any]
) -> None:
    stored = entry(**before)
    assert elementlabels.without(stored, path) == entry(**after)
    assert stored == entry(**before), "what is stored stays as it is"


@pytest.mark.parametrize("path", [("component", 0), ("component", 2), ("component", 7), ("valueString",), ("status",), ("code", 0), ("component", "code")])
def test_where_there_is_no_label_any_more_somebody_looks_again(path: tuple[str | int, ...]) -> None:
    with pytest.raises(errors.Conflict):
        elementlabels.without(entry(component=[component("a"), component("b", "HIV")]), path)


# --- a place of a view in the whole ---------------------------------------------------------------------------------------


def located(whole: dict[str, Any], path: tuple[str | int, ...], permitted: int, rules: Any = None) -> tuple[str | int, ...]:
    see = Sight(permitted, frozenset(), strip=False, rules=rules)
    view = visible(whole, see)
    assert view is not None
    return elementlabels._located(whole, view, see, path)


def test_what_stands_before_it_and_is_hidden_moves_its_place() -> None:
    whole = entry(component=[component("a", "GDIS"), component("b", "HIV"), component("c"), component("d", "GDIS"), component("e", "HIV")])
    assert located(whole, ("component", 0), HIV) == ("component", 1)
    assert located(whole, ("component", 2), HIV) == ("component", 4)
    assert located(whole, ("component", 1), HIV | GENETIC) == ("component", 1)


def test_an_element_of_another_kind_of_place_or_with_other_labels_is_another() -> None:
    whole = entry(
        note=[{"text": "n", **labelled({}, "HIV")}],
        component=[
            component("a", "HIV", "GDIS"),
            component("b", "HIV"),
            {**component("c"), "valueString": "v", "_valueString": labelled({}, "HIV")},
        ],
    )
    assert located(whole, ("component", 0), HIV) == ("component", 1)
    assert located(whole, ("component", 1, "valueString"), HIV) == ("component", 2, "valueString")
    assert located(whole, ("note", 0), HIV) == ("note", 0)


def test_what_stands_within_something_hidden_is_not_counted() -> None:
    inner = {**component("a", "GDIS"), "valueString": "v", "_valueString": labelled({}, "HIV")}
    whole = entry(component=[inner, {**component("b"), "valueString": "w", "_valueString": labelled({}, "HIV")}])
    assert located(whole, ("component", 0, "valueString"), HIV) == ("component", 1, "valueString")


def test_a_law_of_the_state_on_a_labelled_element_counts_as_one_of_its_labels() -> None:
    rules = made_of(laws=[("HIV", "hiv")])
    coded = {**component("a", "GDIS"), "valueCodeableConcept": {"coding": [{"system": HIV_CODE[0], "code": HIV_CODE[1]}]}}
    whole = entry(component=[coded, component("b", "GDIS")])
    assert located(whole, ("component", 0), GENETIC, rules) == ("component", 1)
    assert located(whole, ("component", 0), GENETIC) == ("component", 0)


def test_what_is_hidden_for_what_it_refers_to_is_told_from_the_rest_by_its_place_and_its_labels() -> None:
    other, mine = {"reference": "Condition/a", **labelled({}, "HIV")}, {"reference": "Condition/b", **labelled({}, "GDIS")}
    see = Sight(bases.ALL, frozenset({"Condition/a"}), strip=False)
    for whole, path, stands in (
        (entry(focus=[other, mine]), ("focus", 0), ("focus", 1)),
        (entry(focus=[other], component=[component("c", "HIV")]), ("component", 0), ("component", 0)),
        (entry(focus=[other, {**mine, **labelled({}, "HIV")}]), ("focus", 0), None),
    ):
        view = visible(whole, see)
        assert view is not None
        if stands:
            assert elementlabels._located(whole, view, see, path) == stands
        else:
            with pytest.raises(errors.Conflict):
                elementlabels._located(whole, view, see, path)


def test_where_it_cannot_be_told_somebody_looks_again() -> None:
    whole = entry(component=[component("a", "HIV"), component("b", "HIV")])
    see = Sight(HIV, frozenset(), strip=False)
    shorter = entry(component=[component("a", "HIV")])
    for view, path in (
        (shorter, ("component", 0)),
        (whole, ("component", 7)),
        (entry(), ("component", 0)),
        (whole, ("component", 0, "code")),
    ):
        with pytest.raises(errors.Conflict):
            elementlabels._located(whole, view, see, path)
