"""A form with what was typed into it: what applies, what it comes to, and what is wrong where.

The raw texts are kept as they were typed, by the name of their field; everything else follows from them. A question that does not apply
keeps its text in the draft and is no answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile
from typing import Any, Final
from urllib.parse import quote

from sojourn.base.digits import digits
from sojourn.care.forms import values
from sojourn.care.forms.model import Form, Item, Json, When, value_of
from sojourn.fhir.expressions import Setting, evaluate

Raw = Mapping[str, Sequence[str]]
"""Texts by the name of their field."""
Variables = Mapping[str, list[Any]]

MOST_ROWS: Final = 60
_PASSES: Final = 6


def name_of(item: Item, at: Sequence[int] = ()) -> str:
    """The name of an item's field: its linkId, and the row of each repeating group that it is in."""
    return "@".join([quote(item.link, safe=""), *map(str, at)])


@dataclass(slots=True, eq=False)
class Node:
    """One item as it stands on the page, at one row of each repeating group above it.

    answers: value[x] objects. typed: what stands in its fields, one for each answer. rows: a group's items, once for each of its rows. inner:
    items beneath a question, or of a group that does not repeat.
    """

    item: Item
    at: tuple[int, ...]
    typed: list[str] = field(default_factory=list)
    other: str = ""
    unit: str = ""
    answers: list[Json] = field(default_factory=list)
    refused: bool = False
    applies: bool = True
    problem: str = ""
    rows: list[list[Node]] = field(default_factory=list)
    before: str = ""
    """What was answered the last time, in words."""

    @property
    def name(self) -> str:
        """Of its field."""
        return name_of(self.item, self.at)

    @property
    def answered(self) -> bool:
        """Whether something was answered, or said not to be answered."""
        return bool(self.answers) or self.refused

    @property
    def inner(self) -> list[Node]:
        """Items of a group that does not repeat, or beneath a question."""
        return self.rows[0] if self.rows else []


@dataclass(slots=True)
class Problem:
    """What is wrong at one field."""

    name: str
    text: str


@dataclass
class Filled:
    """The whole form as it stands."""

    form: Form
    nodes: list[Node]

    @cached_property
    def all(self) -> list[Node]:
        """Every node, in the order of the page."""
        return list(_every(self.nodes))

    @property
    def asked(self) -> list[Node]:
        """Questions that apply and that somebody is to answer."""
        return [n for n in self.all if n.applies and n.item.is_question and not n.item.fixed and not n.item.hidden]

    @property
    def problems(self) -> list[Problem]:
        """What is wrong, in the order of the page."""
        return [Problem(n.name, n.problem) for n in self.all if n.applies and n.problem]

    @property
    def empty(self) -> bool:
        """Whether nobody has answered anything yet."""
        return not any(n.answered for n in self.asked)

    def items(self) -> list[Json]:
        """The `item` of a QuestionnaireResponse."""
        return _items(self.nodes)


def _every(nodes: Sequence[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        for row in node.rows:
            yield from _every(row)


def fill(form: Form, raw: Raw, variables: Variables | None = None, *, check: bool = False) -> Filled:
    """Put what was typed into the form. variables: what expressions may name. check: whether it is to be complete: then problems are said."""
    filled = Filled(form, [_node(item, raw, ()) for item in form.items])
    settled = _Settling(filled, variables or {})
    settled.run()
    if check:
        for node in filled.asked:
            node.problem = node.problem or _missing(node)
        for node in filled.all:
            if node.item.type == "group" and node.applies and node.item.fewest and len(node.rows) < node.item.fewest:
                node.problem = f"Add at least {node.item.fewest}."
    else:
        for node in filled.all:
            node.problem = ""
    return filled


def _missing(node: Node) -> str:
    if node.item.required and not node.answered:
        return "Answer this question, or say that the client would not." if node.item.may_refuse else "This has to be answered."
    if node.item.fewest > 1 and node.answers and len(node.answers) < node.item.fewest:
        return f"Give at least {node.item.fewest} answers."
    return ""


# --- from texts to answers --------------------------------------------------------------------------------------------------------


def _one(raw: Raw, name: str) -> str:
    found = raw.get(name)
    return found[-1] if found else ""


def rows_of(item: Item, raw: Raw, at: Sequence[int]) -> int:
    """How many rows a repeating group or question has now."""
    text = _one(raw, f"{name_of(item, at)}+rows")
    least = max(item.fewest, 0 if item.type == "group" and not item.required else 1)
    return min(max(int(text) if digits(text) else least, least, 0), item.most_times or MOST_ROWS, MOST_ROWS)


def _node(item: Item, raw: Raw, at: tuple[int, ...]) -> Node:
    node = Node(item, at)
    if item.type == "group":
        node.rows = [[_node(i, raw, (*at, n)) for i in item.items] for n in range(rows_of(item, raw, at))] if item.repeats else [[_node(i, raw, at) for i in item.items]]
        return node
    if item.is_question:
        _answer(node, raw)
    if item.items:
        node.rows = [[_node(i, raw, at) for i in item.items]]
    return node


def _answer(node: Node, raw: Raw) -> None:
    item, name = node.item, node.name
    node.refused = item.may_refuse and _one(raw, f"{name}+refused") == "yes"
    node.other, node.unit = _one(raw, f"{name}+other"), _one(raw, f"{name}+unit")
    if item.type in ("choice", "open-choice"):
        _choices(node, raw)
    else:
        names = [f"{name}@{n}" for n in range(rows_of(item, raw, node.at))] if item.repeats else [name]
        node.typed = [_one(raw, n) for n in names]
        for text in node.typed:
            if not text.strip():
                continue
            try:
                node.answers.append(values.parse(item, text, node.unit))
            except values.Unreadable as error:
                node.problem = str(error)
    if node.answers or node.problem:
        node.refused = False  # an answer beside the refusal: the answer counts


def _choices(node: Node, raw: Raw) -> None:
    item = node.item
    node.typed = [key for key in raw.get(node.name, ()) if key != ""]
    chosen = [o for o in item.options if o.key in node.typed]
    if any(o.exclusive for o in chosen) and len(chosen) > 1:
        chosen = [o for o in chosen if o.exclusive][:1]
    for option in chosen if item.repeats else chosen[:1]:
        node.answers.append(_chosen(option.value))
    text = node.other.strip()
    if item.type == "open-choice" and text and (item.repeats or not node.answers or "other" in node.typed):
        answer = {"valueString": text[: values.LONGEST["string"]]}
        node.answers = [*node.answers, answer] if item.repeats else [answer]


def _chosen(value: Mapping[str, Any]) -> Json:
    return {k: dict(v) if isinstance(v, Mapping) else v for k, v in value.items()}


# --- what applies, and what is calculated -------------------------------------------------------------------------------------------


class _Settling:
    """Conditions and calculations until nothing changes any more."""

    def __init__(self, filled: Filled, variables: Variables) -> None:
        self.filled, self.variables = filled, variables
        self.by_link: dict[str, list[Node]] = {}
        self.parent: dict[Node, Node] = {}
        for node in filled.all:
            self.by_link.setdefault(node.item.link, []).append(node)
            for row in node.rows:
                for inner in row:
                    self.parent[inner] = node
        self.said: dict[Node, bool] = {}
        self.applies: dict[Node, bool] = {}

    def run(self) -> None:
        expressions = [n for n in self.filled.all if n.item.when_expression or n.item.calculated]
        self._conditions()
        for _ in range(_PASSES if expressions else 0):
            before = self._state(expressions)
            resource = self._response()
            for node in expressions:
                self._express(node, resource)
            self._conditions()
            if self._state(expressions) == before:
                break

    def _state(self, nodes: Sequence[Node]) -> list[Any]:
        return [(n.applies, [values.words(a) for a in n.answers]) for n in nodes]

    def _response(self) -> Json:
        return {"resourceType": "QuestionnaireResponse", "status": "in-progress", "item": self.filled.items()}

    def _express(self, node: Node, resource: Json) -> None:
        setting = Setting(resource, self.variables, self._context(node, resource))
        if node.item.when_expression:
            self.said[node] = evaluate(node.item.when_expression, setting) == [True]
        if node.item.calculated:
            found = evaluate(node.item.calculated, setting)
            node.answers = [a for v in found[: None if node.item.repeats else 1] if (a := as_answer(node.item, v))]
            node.typed = [values.typed(a) for a in node.answers]

    def _context(self, node: Node, resource: Json) -> Any:
        """Within a repeating group, its own row; else the whole response."""
        at: Node | None = node
        while at is not None and not (at.item.type == "group" and at.item.repeats):
            at = self.parent.get(at)
        if at is None:
            return resource
        return {"linkId": at.item.link, "item": _items(at.rows[node.at[len(at.at)]])}

    def _conditions(self) -> None:
        self.applies = {}
        for node in self.filled.all:
            node.applies = self._applies(node, ())

    def _applies(self, node: Node, waiting: tuple[Node, ...]) -> bool:
        """Whether the node is asked. A condition on something that waits for itself does not hold."""
        if node in self.applies:
            return self.applies[node]
        if node in waiting:
            return False
        above = self.parent.get(node)
        here = (*waiting, node)
        found = above is None or (self._applies(above, here) and (above.item.type == "group" or bool(above.answers)))
        if found and node.item.when:
            held = (self._holds(node, when, here) for when in node.item.when)
            found = all(held) if node.item.when_all else any(held)
        if found and node.item.when_expression:
            found = self.said.get(node, False)
        self.applies[node] = found
        return found

    def _holds(self, node: Node, when: When, waiting: tuple[Node, ...]) -> bool:
        kind, wanted = when.value
        answers: list[tuple[str, Any]] = []
        for other in self.by_link.get(when.question, ()):
            shared = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(node.item.above, other.item.above, strict=False))))
            if other.at[:shared] == node.at[:shared] and self._applies(other, waiting):
                answers += [value_of(a) for a in other.answers]
        return holds(when.operator, kind, wanted, answers)


def holds(operator: str, kind: str, wanted: Any, answers: Sequence[tuple[str, Any]]) -> bool:
    """One condition over the answers of a question (https://hl7.org/fhir/R4/valueset-questionnaire-enable-operator.html)."""
    if operator == "exists":
        return bool(answers) is (wanted is True)
    if operator == "=":
        return any(values.same(kind, given, wanted) for _, given in answers)
    if operator == "!=":
        return not any(values.same(kind, given, wanted) for _, given in answers)
    tests = {">": (1,), "<": (-1,), ">=": (1, 0), "<=": (-1, 0)}.get(operator, ())
    return any(values.order(given, wanted) in tests for _, given in answers)


def as_answer(item: Item, value: Any) -> Json | None:
    """What an expression gave, as an answer of the item's type; None where it is none."""
    if item.type in ("choice", "open-choice"):
        code = value.get("code") if isinstance(value, Mapping) else value
        found = next((o for o in item.options if value_of(o.value)[1] == value or (isinstance(value_of(o.value)[1], Mapping) and value_of(o.value)[1].get("code") == code)), None)
        return _chosen(found.value) if found else None
    if item.type == "boolean" or isinstance(value, bool):
        return {"valueBoolean": value} if item.type == "boolean" and isinstance(value, bool) else None
    if isinstance(value, Mapping):
        return {"valueQuantity": dict(value)} if item.type == "quantity" else None
    text = str(value)
    if item.type == "integer" and text.endswith(".0"):
        text = text[:-2]
    try:
        return values.parse(item, text) if text else None
    except values.Unreadable:
        return None


# --- as a QuestionnaireResponse -----------------------------------------------------------------------------------------------------


def _items(nodes: Sequence[Node]) -> list[Json]:
    """What applies: groups with something asked in them; questions answered, refused or passed over. Nothing of what does not apply."""
    out: list[Json] = []
    for node in nodes:
        if not node.applies or node.item.type == "display":
            continue
        head: Json = {"linkId": node.item.link, **({"text": node.item.text} if node.item.text else {})}
        if node.item.type == "group":
            out += [{**head, "item": inner} for row in node.rows if (inner := _items(row))]
            continue
        if node.refused:
            head = {"linkId": node.item.link, "extension": [REFUSED], **{k: v for k, v in head.items() if k != "linkId"}}
        if node.answers:
            inner = _items(node.inner)
            head["answer"] = [{**answer, **({"item": inner} if inner and n == 0 else {})} for n, answer in enumerate(node.answers)]
        elif node.item.fixed:
            continue
        out.append(head)
    return out


REFUSED: Final = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "asked-declined"}
