"""A form is changed piece by piece, and nothing that the editor does not know of is lost."""

from __future__ import annotations

from typing import Any

import pytest

from sojourn.care.forms import editing, shipping
from sojourn.care.forms.editing import Fields
from sojourn.care.forms.faults import faults
from sojourn.care.forms.model import read

Json = dict[str, Any]


def blank(*items: Json) -> Json:
    return {"resourceType": "Questionnaire", "url": "http://x.test/Questionnaire/f", "version": "1", "title": "F", "status": "draft", "item": list(items)}


def q(link: str, **more: Any) -> Json:
    return {"linkId": link, "text": link, "type": "string", **more}


def outline(resource: Json) -> list[Any]:
    def walk(items: list[Json]) -> list[Any]:
        return [[i["linkId"], walk(i["item"])] if "item" in i else i["linkId"] for i in items]

    return walk(resource.get("item", []))


def test_items_are_added_where_one_is_and_into_a_section() -> None:
    form = blank(q("a"), q("s", type="group"))
    one, link = editing.added(form, "question", "a")
    two, inside = editing.added(one, "question", "s")
    three, _ = editing.added(two, "group", "s")
    assert outline(three) == ["a", link, ["s", [inside]], "q3"]
    assert outline(form) == ["a", "s"]


def test_items_move_among_their_neighbours_into_the_section_before_them_and_out_again() -> None:
    form = blank(q("s", type="group", item=[q("x")]), q("a"), q("b"))
    assert outline(editing.moved(form, "b", "up")) == [["s", ["x"]], "b", "a"]
    inside = editing.moved(form, "a", "in")
    assert outline(inside) == [["s", ["x", "a"]], "b"]
    assert outline(editing.moved(inside, "x", "out")) == [["s", ["a"]], "x", "b"]
    assert outline(editing.moved(form, "s", "up")) == outline(form)
    assert outline(editing.removed(form, "x")) == ["s", "a", "b"]


@pytest.mark.parametrize("id_", sorted(shipping.shipped("http://x.test/fhir")))
def test_every_item_of_a_shipped_form_goes_through_the_editor_unchanged(id_: str) -> None:
    form = shipping.shipped("http://x.test/fhir")[id_]
    for item in form.all:
        after = read(editing.changed(form.resource, item.link, editing.fields_of(form, item)))
        assert after.by_link[item.link] == item or after.by_link[item.link].raw.keys() == item.raw.keys(), item.link
        assert [o.value for o in after.by_link[item.link].options] == [o.value for o in item.options]
    assert [f for f in faults(form.resource) if f.stops] == []


def test_answers_keep_their_codes_when_their_words_stay_and_get_what_they_are_worth() -> None:
    form = blank(q("a", type="choice", answerOption=[{"valueCoding": {"system": "http://loinc.org", "code": "LA1", "display": "Never"}}]))
    item = editing.changed(form, "a", Fields("A", "choice", options="Never | 0\nOften | 3\nOften!"))["item"][0]
    assert [(o["valueCoding"]["code"], [e["valueDecimal"] for e in o.get("extension", ())]) for o in item["answerOption"]] == [("LA1", [0]), ("often", [3]), ("often-2", [])]


def test_a_condition_is_written_in_words_and_told_when_there_is_no_such_answer() -> None:
    form = blank(q("a", type="choice", answerOption=[{"valueCoding": {"system": "s", "code": "x", "display": "Ex"}}]), q("n", type="integer"), q("b"))
    after = editing.changed(form, "b", Fields("B", conditions=[("a", "=", "ex"), ("n", ">", "4")], any_condition=True))["item"][2]
    assert after["enableWhen"] == [{"question": "a", "operator": "=", "answerCoding": {"system": "s", "code": "x"}}, {"question": "n", "operator": ">", "answerInteger": 4}]
    assert after["enableBehavior"] == "any"
    with pytest.raises(ValueError, match="no such answer"):
        editing.changed(form, "b", Fields("B", conditions=[("a", "=", "Zed")]))


def test_what_the_editor_does_not_know_stays() -> None:
    form = blank(q("a", extension=[{"url": "http://other.test/x", "valueString": "kept"}], definition="http://d.test"))
    after = editing.changed(form, "a", Fields("New words", "text", help="Some help", required=True, by_clinician=True))["item"][0]
    assert after["extension"][0] == {"url": "http://other.test/x", "valueString": "kept"}
    assert (after["definition"], after["text"], after["required"]) == ("http://d.test", "New words", True)
    assert read(blank(after)).by_link["a"].help == "Some help"
    assert "item" not in editing.changed(blank(after), "a", Fields("New words", "text"))["item"][0]
