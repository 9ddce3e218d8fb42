"""What is wrong with a Questionnaire: named faults, each with its place and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sojourn.care.forms.model import OPERATORS, SUPPORTED, VARIABLES, Form, Item, Json, read
from sojourn.fhir.expressions import BadExpression, compiled
from sojourn.fhir.outcome import is_error
from sojourn.fhir.validate import validate

MOST_ITEMS: Final = 1000


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. code: its name. place: the linkId of the item, '' for the form. stops: whether the form cannot be published with it."""

    code: str
    place: str
    text: str
    stops: bool = True


def faults(resource: Json) -> list[Fault]:
    """Everything wrong with a Questionnaire, in the order of its items."""
    found = [Fault("fhir-invalid", "", f"{issue.expression or 'Questionnaire'}: {issue.diagnostics}") for issue in validate(resource) if is_error(issue)]
    form = read(resource)
    if not form.items:
        found.append(Fault("empty", "", "The form has no questions yet."))
    if not str(resource.get("title") or "").strip():
        found.append(Fault("no-title", "", "Give the form a title."))
    if len(form.all) > MOST_ITEMS:
        found.append(Fault("too-long", "", f"A form can have at most {MOST_ITEMS} items."))
    return [*found, *_of_items(form)]


def _of_items(form: Form) -> Iterator[Fault]:
    seen: dict[str, int] = {}
    for item in form.all:
        seen[item.link] = seen.get(item.link, 0) + 1
    waits = {item.link: [w.question for w in item.when] for item in form.all}
    for item in form.all:
        if seen[item.link] > 1:
            yield Fault("link-twice", item.link, "Two items have this linkId; each needs its own.")
            seen[item.link] = 1
        yield from _of_one(item)
        yield from _conditions(form, item)
        if item.link in _reached(waits, item.link):
            yield Fault("waits-for-itself", item.link, "Its condition leads, over other questions, back to itself.")
        for name, expression in (("calculation", item.calculated), ("initial", item.initial_expression), ("condition", item.when_expression)):
            if expression:
                try:
                    compiled(expression, VARIABLES)
                except BadExpression as error:
                    yield Fault(f"{name}-unreadable", item.link, f"Its {name} expression cannot be read: {error}.")


def _of_one(item: Item) -> Iterator[Fault]:
    if item.type not in SUPPORTED:
        yield Fault("type-unsupported", item.link, f"Questions of the type {item.type or '(none)'} cannot be asked here.")
        return
    if not item.text.strip() and not item.hidden:
        yield Fault("no-text", item.link, "Give it its words.")
    if item.type == "choice" and not item.options:
        named = "The value set that it names lists no codes here." if item.raw.get("answerValueSet") else "Give it at least one answer to choose."
        yield Fault("no-options", item.link, named)
    if item.type == "group" and not item.items:
        yield Fault("group-empty", item.link, "The section has nothing in it.", stops=False)
    if item.type != "group" and item.repeats and item.items:
        yield Fault("repeats-with-items", item.link, "A question that is answered several times cannot have questions beneath it; make it a repeating section.")
    texts = [o.text for o in item.options]
    if len(set(texts)) < len(texts):
        yield Fault("option-twice", item.link, "Two of its answers have the same words.")
    if item.most_times is not None and item.fewest > item.most_times:
        yield Fault("bounds", item.link, "It must be answered more often than it may be.")


def _conditions(form: Form, item: Item) -> Iterator[Fault]:
    for when in item.when:
        other = form.by_link.get(when.question)
        if other is None:
            yield Fault("condition-lost", item.link, f"Its condition names the question {when.question or '(none)'}, which is not in the form.")
        elif when.operator not in OPERATORS:
            yield Fault("operator-unknown", item.link, f"Its condition uses {when.operator or 'no operator'}; there are {' '.join(OPERATORS)}.")
        elif not when.value[0]:
            yield Fault("condition-empty", item.link, "Its condition compares with nothing.")
        elif other.type == "group" or other.type == "display":
            yield Fault("condition-group", item.link, "Its condition names a section or a text; only a question has an answer.")


def _reached(waits: dict[str, list[str]], start: str) -> set[str]:
    """Everything that an item waits for, over however many steps."""
    found: set[str] = set()
    open_ = list(waits.get(start, ()))
    while open_:
        link = open_.pop()
        if link not in found:
            found.add(link)
            open_ += waits.get(link, ())
    return found
