"""A filled form as a QuestionnaireResponse, and a response as words to read or as texts to go on from.

https://hl7.org/fhir/R4/questionnaireresponse.html. A question that was passed over is there without an answer; one that the client would not
answer says so; one that was not asked is not there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sojourn.care.forms import values
from sojourn.care.forms.filling import REFUSED, Filled, Variables, as_answer, name_of
from sojourn.care.forms.model import Form, Item, Json, value_of
from sojourn.fhir.expressions import Setting, evaluate


def response(filled: Filled, *, patient: str, authored: str, author: str | None = None, source: str | None = None, encounter: str | None = None, status: str = "completed") -> Json:
    """The answers as a resource. patient, author, source, encounter: references; authored: a FHIR instant."""
    resource: Json = {"resourceType": "QuestionnaireResponse", "questionnaire": filled.form.canonical, "status": status, "subject": {"reference": patient}}
    if encounter:
        resource["encounter"] = {"reference": encounter}
    resource["authored"] = authored
    if author:
        resource["author"] = {"reference": author}
    if source:
        resource["source"] = {"reference": source}
    if items := filled.items():
        resource["item"] = items
    return resource


def is_refused(item: Mapping[str, Any]) -> bool:
    """Whether an item of a response says that the client would not answer."""
    return any(isinstance(e, Mapping) and e.get("url") == REFUSED["url"] and e.get("valueCode") == REFUSED["valueCode"] for e in item.get("extension", ()))


# --- to read ------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an answered form. depth: how far it stands in. kind: group, answer, refused or skipped. answers: in words."""

    link: str
    text: str
    depth: int
    kind: str
    answers: tuple[str, ...] = ()
    long: bool = False


def lines(resource: Mapping[str, Any], form: Form | None = None, codes: Mapping[str, str] | None = None) -> list[Line]:
    """What was answered, in the words under which it was asked; the form, if it is at hand, gives those that the response does not carry.

    codes: words of answers that came as a bare code.
    """
    out: list[Line] = []
    _read(resource.get("item", ()), form, 0, out)
    return [replace(line, answers=tuple(codes.get(a, a) for a in line.answers)) for line in out] if codes else out


def _read(items: Any, form: Form | None, depth: int, out: list[Line]) -> None:
    for item in items if isinstance(items, list | tuple) else ():
        if not isinstance(item, Mapping):
            continue
        link = str(item.get("linkId", ""))
        asked = form.by_link.get(link) if form else None
        if asked and asked.hidden:
            continue
        text = str(item.get("text") or (asked.text if asked else "") or link)
        answers = [a for a in item.get("answer", ()) if isinstance(a, Mapping)]
        said = tuple(w for a in answers if (w := values.words(a)))
        if item.get("item") and not answers:
            out.append(Line(link, text, depth, "group"))
            _read(item["item"], form, depth + 1, out)
            continue
        kind = "answer" if said else "refused" if is_refused(item) else "skipped"
        out.append(Line(link, text, depth, kind, said, any(len(s) > 80 or "\n" in s for s in said)))
        for answer in answers:
            _read(answer.get("item", ()), form, depth + 1, out)


def said_before(resource: Mapping[str, Any]) -> dict[str, str]:
    """What each question was answered with, by linkId, in words; several rows are joined."""
    found: dict[str, list[str]] = {}

    def walk(items: Any) -> None:
        for item in items if isinstance(items, list | tuple) else ():
            link = str(item.get("linkId", ""))
            answers = [a for a in item.get("answer", ()) if isinstance(a, Mapping)]
            words = [w for a in answers if (w := values.words(a))]
            if words or is_refused(item):
                found.setdefault(link, []).append(", ".join(words) or "would not say")
            walk(item.get("item", ()))
            for answer in answers:
                walk(answer.get("item", ()))

    walk(resource.get("item", ()))
    return {link: "; ".join(words) for link, words in found.items()}


def put_before(filled: Filled, earlier: Mapping[str, Any] | None) -> None:
    """Say beside each question what was answered the last time."""
    said = said_before(earlier) if earlier else {}
    for node in filled.all:
        node.before = said.get(node.item.link, "") if node.item.is_question else ""


# --- to go on from ------------------------------------------------------------------------------------------------------------------


def typed_of(form: Form, resource: Mapping[str, Any]) -> dict[str, list[str]]:
    """The texts that would give this response: to go on with it, or to begin from an earlier one. What the form does not have is left out."""
    raw: dict[str, list[str]] = {}
    _typed(form.items, resource.get("item", ()), (), raw)
    return raw


def _typed(items: Sequence[Item], given: Any, at: tuple[int, ...], raw: dict[str, list[str]]) -> None:
    by_link: dict[str, list[Mapping[str, Any]]] = {}
    for entry in given if isinstance(given, list | tuple) else ():
        by_link.setdefault(str(entry.get("linkId", "")), []).append(entry)
    for item in items:
        entries = by_link.get(item.link, [])
        if item.type == "group":
            if item.repeats:
                raw[f"{name_of(item, at)}+rows"] = [str(len(entries))]
            for n, entry in enumerate(entries if item.repeats else entries[:1]):
                _typed(item.items, entry.get("item", ()), (*at, n) if item.repeats else at, raw)
        elif entries and item.is_question:
            _typed_answers(item, entries[0], at, raw)


def _typed_answers(item: Item, entry: Mapping[str, Any], at: tuple[int, ...], raw: dict[str, list[str]]) -> None:
    name, answers = name_of(item, at), [a for a in entry.get("answer", ()) if isinstance(a, Mapping)]
    if is_refused(entry):
        raw[f"{name}+refused"] = ["yes"]
    put(item, name, answers, raw)
    for answer in answers[:1]:
        _typed(item.items, answer.get("item", ()), at, raw)


def put(item: Item, name: str, answers: Sequence[Mapping[str, Any]], raw: dict[str, list[str]]) -> None:
    """Write answers into the fields of a question."""
    if item.type in ("choice", "open-choice"):
        keys, other = [], ""
        for answer in answers:
            kind, value = value_of(answer)
            option = next((o for o in item.options if values.same(kind, value_of(o.value)[1], value)), None)
            if option:
                keys.append(option.key)
            elif item.type == "open-choice":
                other = values.words(answer)
        raw[name] = [*keys, *(["other"] if other else [])]
        if other:
            raw[f"{name}+other"] = [other]
    elif item.repeats:
        raw[f"{name}+rows"] = [str(max(len(answers), 1))]
        for n, answer in enumerate(answers):
            raw[f"{name}@{n}"] = [values.typed(answer)]
    elif answers:
        raw[name] = [values.typed(answers[0])]
    if item.type == "quantity" and answers:
        code = (value_of(answers[0])[1] or {}).get("code")
        unit = next((n for n, u in enumerate(item.units) if u.get("code") == code), None)
        if unit is not None:
            raw[f"{name}+unit"] = [str(unit)]


def beginning(form: Form, variables: Variables | None = None) -> dict[str, list[str]]:
    """What stands in the form when it is opened: initial values, and what initial expressions give."""
    raw: dict[str, list[str]] = {}
    for item in form.all:
        if not item.is_question or item.above:
            continue
        answers: list[Mapping[str, Any]] = list(item.initial) or [o.value for o in item.options if o.chosen]
        if item.initial_expression:
            setting = Setting({"resourceType": "QuestionnaireResponse", "status": "in-progress"}, variables or {})
            answers = [a for v in evaluate(item.initial_expression, setting) if (a := as_answer(item, v))] or answers
        if answers:
            put(item, name_of(item), answers, raw)
    return raw
