"""A form filled in: what applies, what it comes to, what is wrong where, and what is kept of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sojourn.care.forms import model
from sojourn.care.forms.faults import faults
from sojourn.care.forms.filling import Filled, fill, holds
from sojourn.care.forms.model import Form, read
from sojourn.care.forms.responses import beginning, lines, put_before, response, typed_of
from sojourn.fhir.outcome import is_error
from sojourn.fhir.validate import validate

Json = dict[str, Any]


def coding(code: str, worth: int | None = None) -> Json:
    return {**({"extension": [{"url": model.ORDINAL, "valueDecimal": worth}]} if worth is not None else {}), "valueCoding": {"system": "urn:x", "code": code, "display": code.title()}}


def item(link: str, kind: str = "string", text: str = "", **more: Any) -> Json:
    return {"linkId": link, "text": text or f"Say {link}", "type": kind, **more}


def expression(url: str, text: str) -> Json:
    return {"url": url, "valueExpression": {"language": "text/fhirpath", "expression": text}}


def form(*items: Json, **more: Any) -> Form:
    return read({"resourceType": "Questionnaire", "url": "http://x.test/Questionnaire/f", "version": "1", "title": "F", "status": "active", "item": list(items), **more})


def kept(filled: Filled) -> Json:
    made = response(filled, patient="Patient/p", authored="2026-03-01T08:00:00Z", author="Practitioner/x")
    assert [i for i in validate(made) if is_error(i)] == []
    return made


def links(filled: Filled) -> list[str]:
    return [n.item.link for n in filled.all if n.applies]


WANTED = [("exists", ("boolean", True), True, False), ("exists", ("boolean", False), False, True), ("=", ("Integer", 3), True, False), ("!=", ("Integer", 3), False, True),
          (">", ("Integer", 2), True, False), ("<", ("Integer", 4), True, False), (">=", ("Integer", 3), True, False), ("<=", ("Integer", 2), False, False)]  # fmt: skip


@pytest.mark.parametrize(("operator", "wanted", "with_three", "without"), WANTED)
def test_every_operator_says_what_the_standard_says(operator: str, wanted: tuple[str, Any], with_three: bool, without: bool) -> None:
    assert holds(operator, *wanted, [("Integer", 3)]) is with_three
    assert holds(operator, *wanted, []) is without


def test_conditions_are_met_by_all_or_by_any_and_a_question_that_is_gone_takes_those_behind_it_with_it() -> None:
    when = [{"question": "a", "operator": "=", "answerBoolean": True}, {"question": "n", "operator": ">", "answerInteger": 5}]
    f = form(item("a", "boolean"), item("n", "integer"), item("all", enableWhen=when, enableBehavior="all"), item("any", enableWhen=when, enableBehavior="any"),
             item("behind", enableWhen=[{"question": "any", "operator": "exists", "answerBoolean": True}]))  # fmt: skip
    assert links(fill(f, {"a": ["true"], "n": ["3"], "any": ["x"]})) == ["a", "n", "any", "behind"]
    assert links(fill(f, {"a": ["true"], "n": ["6"]})) == ["a", "n", "all", "any"]
    gone = fill(f, {"a": ["false"], "n": ["3"], "any": ["kept as typed"]})
    assert links(gone) == ["a", "n"]
    assert [i["linkId"] for i in kept(gone)["item"]] == ["a", "n"]


def test_negative_skipped_and_refused_are_kept_apart_and_an_answer_beside_a_refusal_counts() -> None:
    f = form(*(item(x, "boolean") for x in "abcd"))
    made = kept(fill(f, {"a": ["false"], "b+refused": ["yes"], "d": ["true"], "d+refused": ["yes"]}))
    a, b, c, d = made["item"]
    assert a["answer"] == [{"valueBoolean": False}]
    assert b["extension"][0]["valueCode"] == "asked-declined"
    assert "answer" not in b
    assert c.keys() == {"linkId", "text"}
    assert (d["answer"], "extension" in d) == ([{"valueBoolean": True}], False)
    assert [x.kind for x in lines(made)] == ["answer", "refused", "skipped", "answer"]


def test_what_the_clinician_writes_down_cannot_be_refused() -> None:
    f = form(item("g", "group", extension=[{"url": model.ASKED_OF, "valueCode": "clinician"}], item=[item("a")]))
    node = fill(f, {"a+refused": ["yes"]}).all[1]
    assert (node.item.may_refuse, node.refused) == (False, False)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [("integer", "12", {"valueInteger": 12}), ("decimal", "12.50", {"valueDecimal": Decimal("12.50")}), ("date", "5/1/2024", {"valueDate": "2024-05-01"}), ("date", "2024-05", {"valueDate": "2024-05"}),
     ("time", "9:30", None), ("time", "09:30", {"valueTime": "09:30:00"}), ("boolean", "true", {"valueBoolean": True}), ("integer", "twelve", None), ("date", "2024-13-01", None), ("date", "yesterday", None),
     ("text", "two\r\nlines", {"valueString": "two\nlines"}), ("url", "http://x.test", {"valueUri": "http://x.test"})],
)  # fmt: skip
def test_what_is_typed_becomes_a_value_or_a_sentence_beside_the_field(kind: str, text: str, value: Json | None) -> None:
    node = fill(form(item("a", kind)), {"a": [text]}, check=True).all[0]
    assert node.answers == ([value] if value else [])
    assert bool(node.problem) is (value is None)
    assert text not in node.problem or value
    assert node.typed == [text]  # nothing typed is lost


def test_a_quantity_has_its_unit_and_its_limits() -> None:
    units = [{"url": model.UNIT_OPTION, "valueCoding": {"system": "http://unitsofmeasure.org", "code": c, "display": c}} for c in ("mg", "g")]
    f = form(item("dose", "quantity", extension=[*units, {"url": model.MOST, "valueQuantity": {"value": 100}}]))
    assert fill(f, {"dose": ["20"], "dose+unit": ["1"]}, check=True).all[0].answers == [{"valueQuantity": {"value": Decimal(20), "unit": "g", "system": "http://unitsofmeasure.org", "code": "g"}}]
    assert fill(f, {"dose": ["200"]}, check=True).all[0].problem == "It must be at most 100."


def test_several_answers_an_answer_of_ones_own_and_one_that_shuts_out_the_others() -> None:
    options = [coding("a"), coding("b"), {**coding("none"), "extension": [{"url": model.EXCLUSIVE, "valueBoolean": True}]}]
    f = form(item("x", "open-choice", repeats=True, answerOption=options))
    assert [a.get("valueString") or a["valueCoding"]["code"] for a in fill(f, {"x": ["0", "1"], "x+other": ["my own"]}).all[0].answers] == ["a", "b", "my own"]
    assert [a["valueCoding"]["code"] for a in fill(f, {"x": ["0", "2"]}).all[0].answers] == ["none"]


def test_a_repeating_section_has_rows_and_a_condition_in_it_looks_at_its_own_row() -> None:
    f = form(item("drugs", "group", repeats=True, item=[item("name"), item("more", "boolean"), item("what", enableWhen=[{"question": "more", "operator": "=", "answerBoolean": True}])]),
             item("some", "display", enableWhen=[{"question": "name", "operator": "exists", "answerBoolean": True}]))  # fmt: skip
    filled = fill(f, {"drugs+rows": ["2"], "name@0": ["one"], "more@0": ["true"], "what@0": ["x"], "name@1": ["two"], "more@1": ["false"], "what@1": ["stale"]})
    made = kept(filled)
    assert [[i["linkId"] for i in row["item"]] for row in made["item"]] == [["name", "more", "what"], ["name", "more"]]
    assert "some" in links(filled)


def test_a_calculation_follows_the_answers_and_what_they_are_worth() -> None:
    total = expression(model.CALCULATED, "%resource.descendants().where(linkId = 'a' or linkId = 'b').answer.value.weight().sum()")
    f = form(item("a", "choice", answerOption=[coding("no", 0), coding("yes", 3)]), item("b", "choice", answerOption=[coding("no", 0), coding("yes", 2)]), item("t", "integer", extension=[total]),
             item("high", enableWhen=[{"question": "t", "operator": ">=", "answerInteger": 5}]))  # fmt: skip
    some, both = fill(f, {"a": ["1"], "b": ["0"]}), fill(f, {"a": ["1"], "b": ["1"]})
    assert (some.all[2].answers, links(some)) == ([{"valueInteger": 3}], ["a", "b", "t"])
    assert (both.all[2].answers, links(both)) == ([{"valueInteger": 5}], ["a", "b", "t", "high"])
    assert kept(both)["item"][0]["answer"][0]["valueCoding"]["extension"][0]["valueDecimal"] == 3


def test_a_condition_may_compare_two_answers_and_an_expression_may_read_the_patient() -> None:
    options = [coding("one"), coding("two")]
    differs = expression(model.ENABLED, "%resource.item.where(linkId='r').answer.value.code != %resource.item.where(linkId='a').answer.value.code")
    f = form(item("r", "choice", answerOption=options), item("a", "choice", answerOption=options), item("why", required=True, extension=[differs]),
             item("born", "date", extension=[expression(model.INITIAL, "%patient.birthDate")]))  # fmt: skip
    assert "why" not in links(fill(f, {"r": ["0"], "a": ["0"]}))
    apart = fill(f, {"r": ["0"], "a": ["1"]}, check=True)
    assert [(p.name, p.text) for p in apart.problems] == [("why", "Answer this question, or say that the client would not.")]
    assert beginning(f, {"patient": [{"birthDate": "1988-03-04"}]}) == {"born": ["1988-03-04"]}


def test_what_was_answered_can_be_gone_on_from_and_stands_beside_the_new_answers() -> None:
    f = form(item("g", "group", repeats=True, item=[item("x"), item("k", "choice", answerOption=[coding("a"), coding("b")])]), item("m", repeats=True), item("q", "boolean"))
    raw = {"g+rows": ["2"], "x@0": ["first"], "k@0": ["1"], "x@1": ["second"], "m+rows": ["2"], "m@0": ["u"], "m@1": ["v"], "q+refused": ["yes"]}
    made = kept(fill(f, raw))
    again = fill(f, typed_of(f, made))
    assert kept(again) == made
    put_before(again, made)
    assert {n.item.link: n.before for n in again.all if n.before} == {"x": "first; second", "k": "B", "m": "u, v", "q": "would not say"}


FAULTY = [
    ("link-twice", [item("a"), item("a")]), ("condition-lost", [item("a", enableWhen=[{"question": "z", "operator": "exists", "answerBoolean": True}])]),
    ("no-options", [item("a", "choice")]), ("type-unsupported", [item("a", "attachment")]), ("calculation-unreadable", [item("a", "integer", extension=[expression(model.CALCULATED, "foo(")])]),
    ("calculation-unreadable", [item("a", "integer", extension=[expression(model.CALCULATED, "%nothing.x")])]), ("empty", []),
    ("waits-for-itself", [item("a", enableWhen=[{"question": "b", "operator": "exists", "answerBoolean": True}]), item("b", enableWhen=[{"question": "a", "operator": "exists", "answerBoolean": True}])]),
    ("option-twice", [item("a", "choice", answerOption=[coding("a"), coding("a")])]), ("repeats-with-items", [item("a", repeats=True, item=[item("b")])]),
]  # fmt: skip


@pytest.mark.parametrize(("code", "items"), FAULTY, ids=[c for c, _ in FAULTY])
def test_a_faulty_form_is_told_by_name_and_place(code: str, items: list[Json]) -> None:
    found = faults(form(*items).resource)
    assert code in {f.code for f in found}
    assert all(f.text for f in found)
    fill(form(*items), {}, check=False)  # and it does no harm when it is opened


def test_value_sets_are_listed_where_they_are_contained_or_given() -> None:
    inside = {"resourceType": "ValueSet", "id": "v", "status": "active", "compose": {"include": [{"system": "urn:x", "concept": [{"code": "a", "display": "Aa"}]}]}}
    f = form(item("x", "choice", answerValueSet="#v"), contained=[inside])
    assert [o.text for o in f.all[0].options] == ["Aa"]
    other = read({"item": [item("x", "choice", answerValueSet="http://v")]}, {"http://v": [{"code": "b"}]})
    assert [o.text for o in other.all[0].options] == ["b"]


TREE = st.recursive(
    st.sampled_from(["boolean", "integer", "string", "choice", "date", "text"]).map(lambda kind: {"type": kind, **({"answerOption": [coding("a", 0), coding("b", 1)]} if kind == "choice" else {})}),
    lambda inner: st.builds(lambda items, repeats: {"type": "group", "item": items, "repeats": repeats}, st.lists(inner, min_size=1, max_size=3), st.booleans()),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.lists(TREE, min_size=1, max_size=4), st.data())
def test_whatever_is_typed_into_whatever_form_makes_a_valid_response_that_reads_back(tree: list[Json], data: st.DataObject) -> None:
    count = 0

    def numbered(raw: Json, before: list[str]) -> Json:
        nonlocal count
        count += 1
        link = f"i{count}"
        out = {"linkId": link, "text": link, **raw}
        if before and data.draw(st.booleans()):
            out["enableWhen"] = [{"question": data.draw(st.sampled_from(before)), "operator": "exists", "answerBoolean": data.draw(st.booleans())}]
        if raw["type"] == "group":
            out["item"] = [numbered(i, before) for i in raw["item"]]
        else:
            before.append(link)
        return out

    known: list[str] = []
    f = form(*[numbered(t, known) for t in tree])
    raw: dict[str, list[str]] = {}
    for at in ("", "@0", "@1", "@0@0", "@1@0"):
        for each in f.all:
            if each.type == "group":
                raw[f"{each.link}{at}+rows"] = ["2"]
            elif data.draw(st.booleans()):
                raw[f"{each.link}{at}"] = [data.draw(st.sampled_from(["true", "0", "1", "words", "2024-01-01", "-3", ""]))]
            elif data.draw(st.booleans()):
                raw[f"{each.link}{at}+refused"] = ["yes"]
    filled = fill(f, raw)
    made = kept(filled)
    assert {line.link for line in lines(made)} <= {n.item.link for n in filled.all if n.applies}
    again = kept(fill(f, typed_of(f, made)))
    assert lines(again) == lines(made) or any(i.repeats for i in f.all)  # rows in which nothing applied are not kept
