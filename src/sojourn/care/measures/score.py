"""Answers become a score, a band and what must happen now; nothing is made up for what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from sojourn.care.measures.model import Answer, Instrument, Item, Rule, Unanswered, Watch

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Score:
    """What one rule made of the answers. value: None when it is not valid. missing: questions asked and not answered.

    status: complete, prorated, or invalid. band: its name, or None where the instrument has none or it is not verified.
    positive: None where the instrument has no cut-off that was checked against a source.
    """

    rule: Rule
    value: Decimal | None
    status: str
    missing: tuple[str, ...]
    band: str | None
    positive: bool | None


@dataclass(frozen=True, slots=True)
class Result:
    """All scores of one answered instrument, and what its answers open. asked: the items that were put, by the rules for skipping."""

    instrument: Instrument
    asked: tuple[str, ...]
    scores: tuple[Score, ...]
    opened: tuple[Watch, ...]

    def score(self, id_: str) -> Score:
        """The score of that id. Raises KeyError."""
        for score in self.scores:
            if score.rule.id == id_:
                return score
        raise KeyError(id_)


class BadAnswer(ValueError):
    """An answer that the instrument does not have; the message names the item and never the answer."""


def asked(instrument: Instrument, answers: Mapping[str, Answer]) -> list[Item]:
    """The items that are put, given the answers so far: what a skip rule leaves out is not asked, and is not missing."""
    put: list[Item] = []
    worth: dict[str, Decimal] = {}
    for item in instrument.items:
        conditions = item.asked_when_any
        if conditions and not any(worth.get(i, ZERO) >= c.at_least for c in conditions for i in c.items):
            continue
        put.append(item)
        answer = answers.get(item.id)
        if isinstance(answer, Decimal):
            worth[item.id] = answer
    return put


def score(instrument: Instrument, answers: Mapping[str, Answer]) -> Result:
    """Score an instrument. Raises BadAnswer for an item or a value that it does not have, or an answer to what was not asked."""
    put = asked(instrument, answers)
    ids = tuple(item.id for item in put)
    _check(instrument, answers, ids)
    given = {id_: a for id_, a in answers.items() if isinstance(a, Decimal)}
    scores = tuple(_score(instrument, rule, given, ids) for rule in instrument.scores)
    values = {s.rule.id: s.value for s in scores}
    opened = tuple(w for w in instrument.watch if _reached(given.get(w.item) if w.item else values.get(w.score or ""), w))
    return Result(instrument, ids, scores, opened)


def _reached(value: Decimal | None, watch: Watch) -> bool:
    return value is not None and value >= watch.at_least


def _check(instrument: Instrument, answers: Mapping[str, Answer], put: tuple[str, ...]) -> None:
    known = {item.id: item for item in instrument.items}
    for id_, answer in answers.items():
        if id_ not in known:
            raise BadAnswer(f"{instrument.short} has no item {id_}.")
        if id_ not in put:
            raise BadAnswer(f"Item {id_} of {instrument.short} is not asked after these answers.")
        if isinstance(answer, Decimal) and answer not in [c.value for c in known[id_].choices]:
            raise BadAnswer(f"Item {id_} of {instrument.short} has no such answer.")


def _score(instrument: Instrument, rule: Rule, given: Mapping[str, Decimal], put: tuple[str, ...]) -> Score:
    missing = tuple(i for i in rule.items if i in put and i not in given)
    if rule.rule == "first":
        return _first(rule, given, missing)
    if rule.rule == "pattern":
        return _pattern(rule, given, missing)
    if len(missing) > rule.most_missing or (missing and rule.then == "invalid"):
        return Score(rule, None, "invalid", missing, None, None)
    # What a skip rule leaves out adds nothing to a sum, and is no part of a mean.
    worth = {i: _worth(instrument, rule, i, given) for i in rule.items if i not in missing and (rule.rule != "mean" or i in put)}
    if not worth:
        return Score(rule, None, "invalid", missing, None, None)
    total = sum(worth.values(), ZERO)
    if rule.rule == "mean":
        total = total / len(worth)
    elif missing:
        # Prorated: the mean of what was answered stands for what was not, to the nearest whole number.
        total = (total * len(rule.items) / len(worth)).quantize(Decimal(1), ROUND_HALF_UP)
    return Score(rule, total, "prorated" if missing else "complete", missing, _band(rule, total), _positive(rule, total))


def _worth(instrument: Instrument, rule: Rule, id_: str, given: Mapping[str, Decimal]) -> Decimal:
    """What an item adds. One that a skip rule left out adds nothing."""
    value = given.get(id_, ZERO)
    if id_ not in rule.reverse or id_ not in given:
        return value
    values = [c.value for c in instrument.item(id_).choices]
    return max(values) + min(values) - value


def _first(rule: Rule, given: Mapping[str, Decimal], missing: tuple[str, ...]) -> Score:
    """The first level of which something is answered with yes, however much else is unanswered; the last only if nothing is."""
    for level in rule.levels:
        if any(given.get(i, ZERO) > 0 for i in level.any):
            return Score(rule, level.value, "complete", missing, level.name, level.value > 0)
    if missing:
        return Score(rule, None, "invalid", missing, None, None)
    last = rule.levels[-1]
    return Score(rule, last.value, "complete", missing, last.name, last.value > 0)


def _pattern(rule: Rule, given: Mapping[str, Decimal], missing: tuple[str, ...]) -> Score:
    """1 if every group holds, 0 if one cannot, whatever the missing answers are; else not valid. It is a pattern, and never a diagnosis."""
    sure = [sum(given.get(i, ZERO) >= g.at_least for i in g.items) for g in rule.groups]
    possible = [n + sum(i in missing for i in g.items) for n, g in zip(sure, rule.groups, strict=True)]
    if all(n >= g.count for n, g in zip(sure, rule.groups, strict=True)):
        return Score(rule, Decimal(1), "complete", missing, _band(rule, Decimal(1)), None)
    if any(n < g.count for n, g in zip(possible, rule.groups, strict=True)):
        return Score(rule, ZERO, "complete", missing, _band(rule, ZERO), None)
    return Score(rule, None, "invalid", missing, None, None)


def action(score: Score) -> str:
    """What the band or level of a score calls for, where a source says so; ''."""
    rule = score.rule
    if score.value is None or "bands" in rule.unverified:
        return ""
    if rule.levels:
        return next((level.action for level in rule.levels if level.value == score.value), "")
    return next((b.action for b in reversed(rule.bands) if score.value >= b.start), "")


def _band(rule: Rule, value: Decimal) -> str | None:
    if "bands" in rule.unverified:
        return None
    return next((b.name for b in reversed(rule.bands) if value >= b.start), None)


def _positive(rule: Rule, value: Decimal) -> bool | None:
    if rule.positive_from is None or "positive_from" in rule.unverified:
        return None
    return value >= rule.positive_from if rule.higher_is_worse else value <= rule.positive_from


@dataclass(frozen=True, slots=True)
class Change:
    """From one score to a later one of the same version. better: None where nothing that was checked says how much counts.

    response: at least halved (or what the instrument asks); remission: below its line.
    """

    by: Decimal
    better: bool | None
    worse: bool | None
    response: bool | None
    remission: bool | None


def change(before: Score, after: Score) -> Change | None:
    """How far a score moved, or None when one of them is not valid or they follow different rules."""
    rule = after.rule
    if before.value is None or after.value is None or before.rule != rule:
        return None
    by = after.value - before.value
    sign = -1 if rule.higher_is_worse else 1
    line = None if "change" in rule.unverified else rule.reliable or rule.meaningful
    better = None if line is None else by * sign >= line
    worse = None if line is None else -by * sign >= line
    response = None if rule.response is None or before.value == 0 else after.value <= before.value * (1 - rule.response)
    remission = None if rule.remission_below is None else after.value < rule.remission_below
    return Change(by, better, worse, response, remission)


def unanswered(answers: Mapping[str, Answer]) -> dict[str, Unanswered]:
    """Which items were skipped or refused, said so."""
    return {id_: a for id_, a in answers.items() if isinstance(a, Unanswered)}
