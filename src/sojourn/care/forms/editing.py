"""Changing a form: items added, moved, changed and removed, as pure functions of the Questionnaire.

What the editor does not know of an item (extensions, codes, nested definitions) stays as it is.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from sojourn.care.forms.model import (
    ASKED_OF,
    CALCULATED,
    CONTROL,
    CONTROL_SYSTEM,
    EXTRACT,
    HIDDEN,
    INITIAL,
    KIND,
    OPERATORS,
    UNIT,
    Form,
    Item,
    Json,
    read,
)
from sojourn.care.forms.values import same, words
from sojourn.fhir.expressions import ORDINAL

CODES: Final = "https://sojourn.example/fhir/CodeSystem/form"
"""Of the answers that an organization writes itself."""
TYPES: Final = (
    ("string", "Short text"), ("text", "Long text"), ("boolean", "Yes or no"), ("choice", "Choice"), ("open-choice", "Choice, or own words"), ("integer", "Whole number"),
    ("decimal", "Number"), ("quantity", "Number with a unit"), ("date", "Date"), ("dateTime", "Date and time"), ("time", "Time"), ("url", "Web address"),
)  # fmt: skip
"""Types of questions as the editor offers them."""
KINDS: Final = (("other", "Other"), ("assessment", "Assessment"), ("level-of-care", "Level of care"), ("measure", "Measure"))
MOST_CONDITIONS: Final = 12


@dataclass(slots=True)
class Fields:
    """One item as the editor's page has it. conditions: (question, operator, value in words)."""

    text: str = ""
    type: str = "string"
    prefix: str = ""
    help: str = ""
    required: bool = False
    repeats: bool = False
    hidden: bool = False
    read_only: bool = False
    by_clinician: bool = False
    drop_down: bool = False
    options: str = ""
    unit: str = ""
    conditions: list[tuple[str, str, str]] = field(default_factory=list)
    any_condition: bool = False
    calculated: str = ""
    initial: str = ""
    code: str = ""
    extract: bool = False


# --- finding ------------------------------------------------------------------------------------------------------------------------


def _place(items: list[Json], link: str) -> tuple[list[Json], int] | None:
    """The list that holds an item, and where in it."""
    for n, item in enumerate(items):
        if item.get("linkId") == link:
            return items, n
        found = _place(item.get("item", []), link)
        if found:
            return found
    return None


def _holder(items: list[Json], link: str) -> Json | None:
    """The section that an item stands in."""
    for item in items:
        inner = item.get("item", [])
        if any(i.get("linkId") == link for i in inner):
            return item
        found = _holder(inner, link)
        if found:
            return found
    return None


def _links(items: Sequence[Json]) -> set[str]:
    return {str(i.get("linkId")) for i in items} | {link for i in items for link in _links(i.get("item", ()))}


def _new_link(resource: Json) -> str:
    taken, n = _links(resource.get("item", ())), 1
    while f"q{n}" in taken:
        n += 1
    return f"q{n}"


def is_help(item: Mapping[str, Any]) -> bool:
    """Whether an item is the help of the one that it stands in."""
    codings = [c for e in item.get("extension", ()) if e.get("url") == CONTROL for c in (e.get("valueCodeableConcept") or {}).get("coding", ())]
    return item.get("type") == "display" and any(c.get("code") == "help" for c in codings)


# --- changing the list ----------------------------------------------------------------------------------------------------------------


def added(resource: Json, kind: str, after: str = "") -> tuple[Json, str]:
    """A new question, section (`group`) or text (`display`) after an item, within it if that is a section, or at the end; and its linkId."""
    out = copy.deepcopy(resource)
    link = _new_link(out)
    made: Json = {"linkId": link, "text": {"group": "New section", "display": "New text"}.get(kind, "New question"), "type": kind if kind in ("group", "display") else "string"}
    place = _place(out.setdefault("item", []), after)
    if place is None:
        out["item"].append(made)
    elif place[0][place[1]].get("type") == "group" and kind != "group":
        place[0][place[1]].setdefault("item", []).append(made)
    else:
        place[0].insert(place[1] + 1, made)
    return out, link


def removed(resource: Json, link: str) -> Json:
    """Without an item and all that is in it. Conditions on it stay, and are told as faults."""
    out = copy.deepcopy(resource)
    place = _place(out.get("item", []), link)
    if place:
        del place[0][place[1]]
        _tidy(out)
    return out


def moved(resource: Json, link: str, way: str) -> Json:
    """One place up or down among its neighbours, into the section before it (`in`), or out of its own (`out`); as it was where there is none."""
    out = copy.deepcopy(resource)
    place = _place(out.get("item", []), link)
    if place is None:
        return out
    among, at = place
    if way in ("up", "down"):
        to = at + (-1 if way == "up" else 1)
        if 0 <= to < len(among) and not is_help(among[to]):
            among[at], among[to] = among[to], among[at]
    elif way == "in" and at > 0 and among[at - 1].get("type") == "group":
        among[at - 1].setdefault("item", []).append(among.pop(at))
    elif way == "out":
        holder = _holder(out["item"], link)
        outer = _place(out["item"], str(holder.get("linkId"))) if holder else None
        if outer:
            outer[0].insert(outer[1] + 1, among.pop(at))
    _tidy(out)
    return out


def _tidy(resource: Json) -> None:
    def walk(items: list[Json]) -> None:
        for item in items:
            walk(item.get("item", []))
            if "item" in item and not item["item"]:
                del item["item"]

    walk(resource.get("item", []))
    if not resource.get("item"):
        resource.pop("item", None)


# --- one item -------------------------------------------------------------------------------------------------------------------------


def fields_of(form: Form, item: Item) -> Fields:
    """An item as the editor shows it."""
    raw = item.raw
    code = next((f"{c.get('system', '')}|{c.get('code', '')}" for c in raw.get("code", ())), "")
    return Fields(
        item.text, item.type, item.prefix, item.help, item.required, item.repeats, item.hidden, item.read_only, _own(raw, ASKED_OF).get("valueCode") == "clinician",
        item.control == "drop-down", "\n".join(f"{o.text} | {o.worth}" if o.worth is not None else o.text for o in item.options), next((str(u.get("display") or u.get("code")) for u in item.units), ""),
        [(w.question, w.operator, _said(w.value, form.by_link.get(w.question))) for w in item.when], not item.when_all, item.calculated, item.initial_expression, code.strip("|"), item.extract,
    )  # fmt: skip


def _said(value: tuple[str, Any], other: Item | None) -> str:
    """What a condition compares with, in the words of the question's own answers."""
    kind, given = value
    chosen = next((o for o in (other.options if other else ()) if same(kind, next(iter(o.value.values())), given)), None)
    if chosen:
        return chosen.text
    return words({f"value{kind}": given}) if kind else ""


def _own(raw: Json, url: str) -> Json:
    return next((e for e in raw.get("extension", ()) if e.get("url") == url), {})


def changed(resource: Json, link: str, to: Fields) -> Json:
    """With one item as the editor's page says. Raises ValueError, in words, for a condition or answer that cannot be."""
    out = copy.deepcopy(resource)
    place = _place(out.get("item", []), link)
    if place is None:
        return out
    raw = place[0][place[1]]
    form = read(resource)
    raw["text"] = to.text.strip()
    if raw.get("type") not in ("group", "display"):
        raw["type"] = to.type if to.type in dict(TYPES) else raw["type"]
    _flag(raw, "prefix", to.prefix.strip())
    for name, on in (("required", to.required), ("repeats", to.repeats), ("readOnly", to.read_only)):
        _flag(raw, name, on and raw["type"] != "display")
    _extension(raw, HIDDEN, {"valueBoolean": True} if to.hidden else None)
    _extension(raw, ASKED_OF, {"valueCode": "clinician"} if to.by_clinician else None)
    _extension(raw, CALCULATED, _expression(to.calculated))
    _extension(raw, INITIAL, _expression(to.initial))
    _extension(raw, EXTRACT, {"valueBoolean": True} if to.extract else None)
    control = {"coding": [{"system": CONTROL_SYSTEM, "code": "drop-down"}]}
    if to.drop_down or any(c.get("code") == "drop-down" for c in (_own(raw, CONTROL).get("valueCodeableConcept") or {}).get("coding", ())):
        _extension(raw, CONTROL, {"valueCodeableConcept": control} if to.drop_down else None)
    _help(raw, to.help.strip())
    _options(raw, to.options)
    if raw["type"] == "quantity" and to.unit.strip():
        _extension(raw, UNIT, {"valueCoding": {"system": "http://unitsofmeasure.org", "code": to.unit.strip(), "display": to.unit.strip()}})
    system, _, code = to.code.strip().rpartition("|")
    _flag(raw, "code", [{"system": system, "code": code}] if code else [])
    _conditions(raw, form, to)
    return out


def _flag(raw: Json, name: str, value: Any) -> None:
    if value:
        raw[name] = value
    else:
        raw.pop(name, None)


def _extension(raw: Json, url: str, value: Json | None) -> None:
    kept = [e for e in raw.get("extension", ()) if e.get("url") != url]
    _flag(raw, "extension", [*kept, {"url": url, **value}] if value else kept)


def _expression(text: str) -> Json | None:
    return {"valueExpression": {"language": "text/fhirpath", "expression": text.strip()}} if text.strip() else None


def _help(raw: Json, text: str) -> None:
    inner = [i for i in raw.get("item", ()) if not is_help(i)]
    if text:
        concept = {"coding": [{"system": CONTROL_SYSTEM, "code": "help"}]}
        inner.insert(0, {"extension": [{"url": CONTROL, "valueCodeableConcept": concept}], "linkId": f"{raw['linkId']}-help", "text": text, "type": "display"})
    _flag(raw, "item", inner)


def _options(raw: Json, text: str) -> None:
    """One answer a line, `words` or `words | worth`. One whose words are the same keeps its code."""
    if raw["type"] not in ("choice", "open-choice"):
        raw.pop("answerOption", None)
        return
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines and raw.get("answerValueSet"):
        return
    before = {_words_of(o): o for o in raw.get("answerOption", ())}
    taken: set[str] = set()
    made = []
    for line in lines:
        said, _, worth = (p.strip() for p in line.rpartition("|")) if re.fullmatch(r".*\|\s*-?\d+(\.\d+)?\s*", line) else (line, "", "")
        option = copy.deepcopy(before.get(said)) or {"valueCoding": {"system": CODES, "code": _slug(said, taken), "display": said}}
        _extension(option, ORDINAL, {"valueDecimal": Decimal(worth)} if worth else None)
        taken.add(str((option.get("valueCoding") or {}).get("code")))
        made.append({**({"extension": option["extension"]} if option.get("extension") else {}), **{k: v for k, v in option.items() if k != "extension"}})
    raw.pop("answerValueSet", None)
    _flag(raw, "answerOption", made)


def _words_of(option: Json) -> str:
    return next((str(v.get("display") or v.get("code")) if isinstance(v, dict) else str(v) for k, v in option.items() if k.startswith("value")), "")


def _slug(text: str, taken: set[str]) -> str:
    found = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60] or "answer"
    n, name = 2, found
    while name in taken:
        name, n = f"{found}-{n}", n + 1
    return name


def _conditions(raw: Json, form: Form, to: Fields) -> None:
    made = []
    for question, operator, value in to.conditions[:MOST_CONDITIONS]:
        if question and operator in OPERATORS:
            other = form.by_link.get(question)
            made.append({"question": question, "operator": operator, **_answer(other, operator, value)})
    _flag(raw, "enableWhen", made)
    _flag(raw, "enableBehavior", ("any" if to.any_condition else "all") if len(made) > 1 else "")


def _answer(other: Item | None, operator: str, value: str) -> Json:
    """answer[x] of a condition. Raises ValueError."""
    said = value.strip()
    if operator == "exists" or (other is not None and other.type == "boolean"):
        if said.lower() not in ("yes", "no", "true", "false", ""):
            raise ValueError(f"The condition on “{other.text if other else 'a question'}” is yes or no.")
        return {"answerBoolean": said.lower() not in ("no", "false")}
    if other is None:
        return {"answerString": said}
    if other.type in ("choice", "open-choice"):
        option = next((o for o in other.options if o.text.casefold() == said.casefold()), None)
        if option is None:
            raise ValueError(f"“{other.text}” has no such answer; its answers are {', '.join(o.text for o in other.options[:12])}.")
        kind, given = next(iter(option.value.items()))
        plain = {k: v for k, v in given.items() if k in ("system", "code")} if isinstance(given, Mapping) else given
        return {f"answer{kind.removeprefix('value')}": plain}
    if other.type in ("integer", "decimal", "quantity"):
        try:
            number = Decimal(said)
        except InvalidOperation:
            raise ValueError(f"The condition on “{other.text}” needs a number.") from None
        if other.type == "quantity":
            return {"answerQuantity": {"value": number, **{k: other.units[0][k] for k in ("system", "code") if other.units and other.units[0].get(k)}}}
        return {"answerInteger": int(number)} if other.type == "integer" else {"answerDecimal": number}
    return {{"date": "answerDate", "dateTime": "answerDateTime", "time": "answerTime"}.get(other.type, "answerString"): said}


def described(resource: Json, title: str, description: str, kind: str, rights: str) -> Json:
    """With what the form as a whole says of itself."""
    out = copy.deepcopy(resource)
    out["title"] = title.strip() or out.get("title", "")
    _flag(out, "description", description.strip())
    _flag(out, "copyright", rights.strip())
    _extension(out, KIND, {"valueCode": kind} if kind in dict(KINDS) and kind != "other" else None)
    return out
