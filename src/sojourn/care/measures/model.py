"""The nouns of measuring: instrument, item, answer, score; and the reading of an instrument's file."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import cache
from importlib.resources import files
from typing import Any


class Unanswered(Enum):
    """Why there is no answer. That nobody answered, and that somebody would not, are different facts, and neither is a no."""

    SKIPPED = "skipped"
    REFUSED = "refused"


Answer = Decimal | Unanswered
"""What an answer is worth, or why there is none."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer that can be given: what it is worth, its code where it has one (LOINC), its words."""

    value: Decimal
    text: str
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """Holds when any of the items was answered with at least so much. An item that was itself not asked counts as zero."""

    items: tuple[str, ...]
    at_least: Decimal


@dataclass(frozen=True, slots=True)
class Item:
    """One question. asked_when_any: it is asked if any of these holds; always, if there are none. text: None until an organization
    loads the words that it is licensed for."""

    id: str
    text: str | None
    choices: tuple[Choice, ...]
    code: str | None = None
    scored: bool = True
    asked_when_any: tuple[Condition, ...] = ()
    name: str = ""
    """What it is about, where its words are not ours to give."""

    @property
    def counted(self) -> bool:
        """Whether it is answered with a number that is typed, such as days, rather than chosen."""
        return len(self.choices) > 12


@dataclass(frozen=True, slots=True)
class Band:
    """A range of a score with a name, from its lower end. action: what it calls for, where a source says so."""

    start: Decimal
    name: str
    action: str = ""


@dataclass(frozen=True, slots=True)
class Level:
    """One line of a triage: it holds if any of the items is answered with yes; the last, without items, always."""

    value: Decimal
    name: str
    any: tuple[str, ...]
    action: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """One part of a pattern: at least `count` of the items are answered with at least so much."""

    items: tuple[str, ...]
    at_least: Decimal
    count: int


@dataclass(frozen=True, slots=True)
class Rule:
    """How answers become one score. rule: sum, mean, first (the first level that holds), or pattern (1 if every group holds, else 0).

    most_missing and then: how many answers may be missing, and what is done (prorate, invalid). reverse: items that count from the
    other end. unverified: fields whose value nobody has checked against a source; they are kept, and no verdict is drawn from them.
    """

    id: str
    title: str
    rule: str
    items: tuple[str, ...]
    source: str
    code: str | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    higher_is_worse: bool = True
    most_missing: int = 0
    then: str = "invalid"
    reverse: frozenset[str] = frozenset()
    bands: tuple[Band, ...] = ()
    levels: tuple[Level, ...] = ()
    positive_from: Decimal | None = None
    meaningful: Decimal | None = None
    reliable: Decimal | None = None
    response: Decimal | None = None
    remission_below: Decimal | None = None
    groups: tuple[Group, ...] = ()
    unverified: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Watch:
    """What opens something in the same request: an item or a score of at least so much."""

    opens: str
    at_least: Decimal
    item: str | None = None
    score: str | None = None
    then: str | None = None


@dataclass(frozen=True, slots=True)
class Instrument:
    """A questionnaire with its rules. version: of the instrument itself: scores of two versions are never on one line of a trend."""

    id: str
    version: str
    title: str
    short: str
    attribution: str
    recall: str
    source: str
    effective: date
    items: tuple[Item, ...]
    scores: tuple[Rule, ...]
    watch: tuple[Watch, ...] = ()
    panel: str | None = None
    text_included: bool = True
    about: str = ""
    asked_by: str = "client"
    unverified: str = ""
    """What of it nobody has checked against a source yet, in words."""

    @property
    def main(self) -> Rule | None:
        """The score that stands for the whole: the first; none where the instrument has no total."""
        return self.scores[0] if self.scores else None

    def item(self, id_: str) -> Item:
        """The item of that id. Raises KeyError."""
        for item in self.items:
            if item.id == id_:
                return item
        raise KeyError(id_)


class BadInstrument(ValueError):
    """A file does not describe an instrument; the message names the file, the place and what was expected."""


@cache
def instruments() -> Mapping[str, Instrument]:
    """Every instrument that is shipped, by id."""
    folder = files("sojourn.care.measures").joinpath("instruments")
    found = [read(f.read_text("utf-8"), f.name) for f in sorted(folder.iterdir(), key=lambda f: f.name) if f.name.endswith(".toml")]
    return {instrument.id: instrument for instrument in found}


def read(text: str, name: str) -> Instrument:
    """An instrument from its TOML file. Raises BadInstrument."""
    try:
        raw = tomllib.loads(text, parse_float=Decimal)
        answers = {key: _choices(value) for key, value in raw.get("answers", {}).items()}
        items = tuple(_item(i, answers) for i in raw["items"])
        instrument = Instrument(
            raw["id"], raw["version"], raw["title"], raw["short"], raw["attribution"], raw["recall"], raw["source"], raw["effective"], items,
            tuple(_rule(s) for s in raw.get("scores", ())), tuple(_watch(w) for w in raw.get("watch", ())), raw.get("panel"), raw["text"] == "included",
            raw.get("about", ""), raw.get("asked_by", "client"), raw.get("unverified", ""),
        )  # fmt: skip
    except KeyError as error:
        raise BadInstrument(f"{name}: {error.args[0]!r} is missing or names nothing.") from error
    except tomllib.TOMLDecodeError as error:
        raise BadInstrument(f"{name}: {error}.") from error
    _check(instrument, name)
    return instrument


def _choices(raw: Mapping[str, Any]) -> tuple[Choice, ...]:
    """What is listed, or every whole number of a range."""
    if "range" in raw:
        low, high = raw["range"]
        return tuple(Choice(Decimal(n), str(n)) for n in range(low, high + 1))
    return tuple(_choice(v) for v in raw["values"])


def _choice(raw: Mapping[str, Any]) -> Choice:
    return Choice(Decimal(raw["value"]), raw["text"], raw.get("code"))


def _item(raw: Mapping[str, Any], answers: Mapping[str, tuple[Choice, ...]]) -> Item:
    when = tuple(Condition(tuple(c["items"]), Decimal(c["at_least"])) for c in raw.get("asked_when_any", ()))
    return Item(raw["id"], raw.get("text"), answers[raw["answers"]], raw.get("code"), raw.get("scored", True), when, raw.get("name", ""))


def _rule(raw: Mapping[str, Any]) -> Rule:
    low, high = (Decimal(x) for x in raw["range"]) if "range" in raw else (None, None)
    missing, change = raw.get("missing", {}), raw.get("change", {})
    return Rule(
        raw["id"], raw["title"], raw["rule"], tuple(raw["items"]), raw["source"], raw.get("code"), low, high, raw.get("higher_is", "worse") == "worse",
        missing.get("most", 0), missing.get("then", "invalid"), frozenset(raw.get("reverse", ())), tuple(Band(Decimal(b["from"]), b["name"], b.get("action", "")) for b in raw.get("bands", ())),
        tuple(Level(Decimal(v["value"]), v["name"], tuple(v["any"]), v.get("action", "")) for v in raw.get("levels", ())), _number(raw.get("positive_from")),
        _number(change.get("meaningful")), _number(change.get("reliable")), _number(change.get("response")), _number(change.get("remission_below")),
        tuple(Group(tuple(g["items"]), Decimal(g["at_least"]), g["count"]) for g in raw.get("groups", ())), frozenset(raw.get("unverified", ())),
    )  # fmt: skip


def _number(value: Any) -> Decimal | None:
    return None if value is None else Decimal(value)


def _watch(raw: Mapping[str, Any]) -> Watch:
    return Watch(raw["opens"], Decimal(raw["at_least"]), raw.get("item"), raw.get("score"), raw.get("then"))


def _check(instrument: Instrument, name: str) -> None:
    """Every name leads somewhere, no question waits for one that comes after it, and what a sum can come to is what the file says."""
    known: list[str] = []
    for item in instrument.items:
        _named(name, f"item {item.id}", (i for c in item.asked_when_any for i in c.items), known)
        known.append(item.id)
    for rule in instrument.scores:
        _named(name, f"score {rule.id}", (*rule.items, *rule.reverse, *(i for level in rule.levels for i in level.any), *(i for group in rule.groups for i in group.items)), known)
        if rule.rule not in ("sum", "mean", "first", "pattern") or rule.then not in ("prorate", "invalid"):
            raise BadInstrument(f"{name}, score {rule.id}: the rule is sum, mean, first or pattern, and what is missing makes it prorate or invalid.")
        if rule.rule == "sum" and (rule.low, rule.high) != reach(instrument, rule):
            raise BadInstrument(f"{name}, score {rule.id}: its items come to {' to '.join(map(str, reach(instrument, rule)))}.")
        if [b.start for b in rule.bands] != sorted({b.start for b in rule.bands}) or (rule.bands and rule.bands[0].start != rule.low):
            raise BadInstrument(f"{name}, score {rule.id}: the bands are not in order, or leave a gap at the start.")
        if (rule.rule == "pattern") != bool(rule.groups) or any(not 0 < g.count <= len(g.items) for g in rule.groups):
            raise BadInstrument(f"{name}, score {rule.id}: a pattern has groups, each of which asks for no more items than it has.")
    for watch in instrument.watch:
        _named(name, "watch", [w for w in (watch.item, watch.score) if w], [*known, *(s.id for s in instrument.scores)])


def _named(name: str, place: str, wanted: Iterable[str], known: Iterable[str]) -> None:
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        raise BadInstrument(f"{name}, {place}: there is no {', '.join(unknown)} before it.")


def reach(instrument: Instrument, rule: Rule) -> tuple[Decimal, Decimal]:
    """The least and the most that a sum of the rule's items can be."""
    ends = [[c.value for c in instrument.item(id_).choices] for id_ in rule.items]
    return sum((min(e) for e in ends), Decimal(0)), sum((max(e) for e in ends), Decimal(0))
