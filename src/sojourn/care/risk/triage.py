"""Which answers point to danger, and how much: dated rules.

Read generously: an answer that stands in an unusual place, or beside others that make no sense, still counts. Nothing here says that
there is no danger; it says what was answered.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from sojourn.care.measures.model import Instrument, Item, instruments
from sojourn.care.measures.score import BadAnswer, score

LOW, UNTRIAGED, MODERATE, HIGH = "low", "untriaged", "moderate", "high"
RANK = {LOW: 0, UNTRIAGED: 1, MODERATE: 2, HIGH: 3}
"""How soon somebody has to act."""
WORDS = {LOW: "Low", UNTRIAGED: "Not yet triaged", MODERATE: "Moderate", HIGH: "High"}
_ORDINAL = ("http://hl7.org/fhir/StructureDefinition/ordinalValue", "http://hl7.org/fhir/StructureDefinition/itemWeight")
_VOID = ("entered-in-error", "cancelled")


class Finding(NamedTuple):
    """What an answer says. what: of which questionnaire or item, for the timeline."""

    level: str
    what: str
    screened: bool
    """Whether it is itself a screening that triages."""


class Coded(NamedTuple):
    """A rule of rules.toml."""

    system: str
    code: str
    title: str
    at_least: Decimal
    answers: Mapping[str, Decimal]
    levels: Mapping[Decimal, str]
    effective: date


class Asked(NamedTuple):
    """A question of one of our forms that points to danger when it is answered so."""

    questionnaire: str
    item: str
    title: str
    answers: frozenset[str]
    level: str
    effective: date


@cache
def asked_rules() -> tuple[Asked, ...]:
    """The rules over questions of our own forms."""
    raw = tomllib.loads(files("sojourn.care.risk").joinpath("rules.toml").read_text("utf-8"))
    return tuple(Asked(r["questionnaire"], r["item"], r["title"], frozenset(r["answers"]), r["level"], r["effective"]) for r in raw["asked"])


@cache
def coded_rules() -> tuple[Coded, ...]:
    """The rules over coded findings."""
    raw = tomllib.loads(files("sojourn.care.risk").joinpath("rules.toml").read_text("utf-8"))
    return tuple(
        Coded(
            r["system"], r["code"], r["title"], Decimal(r["at_least"]), {k: Decimal(v) for k, v in r["answers"].items()},
            {Decimal(k): v for k, v in r.get("levels", {str(r["at_least"]): r.get("level")}).items()}, r["effective"],
        )
        for r in raw["coded"]
    )  # fmt: skip


def of(resource: Mapping[str, Any], day: date) -> Finding | None:
    """What a resource says about danger; None if nothing. day: by the rules of which day."""
    if resource.get("status") in _VOID:
        return None
    if resource.get("resourceType") == "QuestionnaireResponse":
        return _response(resource, day)
    if resource.get("resourceType") == "Observation":
        return _observation(resource, day)
    return None


def screening(resource: Mapping[str, Any]) -> bool:
    """Whether a response is an answered C-SSRS screener, whatever it came to: one in which at least one question has an answer."""
    instrument = _instrument(resource)
    return instrument is not None and instrument.id == "c-ssrs-screener" and resource.get("status") not in _VOID and bool(given(instrument, resource))


def answered_at(resource: Mapping[str, Any]) -> str:
    """When it was answered or found, as it was written; '' if it does not say."""
    return str(resource.get("authored") or resource.get("effectiveDateTime") or (resource.get("effectivePeriod") or {}).get("start") or resource.get("effectiveInstant") or "")


# --- responses ------------------------------------------------------------------------------------------------------------------


def _response(resource: Mapping[str, Any], day: date) -> Finding | None:
    instrument = _instrument(resource)
    found = [f for f in (_by_instrument(instrument, resource) if instrument else None, *_by_items(resource, day)) if f is not None]
    return max(found, key=lambda f: (RANK[f.level], f.screened), default=None)


def _instrument(resource: Mapping[str, Any]) -> Instrument | None:
    """The instrument that was answered: by the last part of its address, or by the LOINC code of its panel there."""
    last, known = _last(resource), instruments()
    return known.get(last) or next((i for i in known.values() if i.panel and i.panel == last), None)


def _last(resource: Mapping[str, Any]) -> str:
    """The last part of the address of what was answered."""
    return str(resource.get("questionnaire", "")).partition("|")[0].rstrip("/").rpartition("/")[2]


def _by_instrument(instrument: Instrument, resource: Mapping[str, Any]) -> Finding | None:
    """What the instrument's own watches open. A yes counts however much else is unanswered or makes no sense."""
    answers = given(instrument, resource)
    found = []
    for watch in instrument.watch:
        if watch.opens != "risk":
            continue
        if watch.item:
            if answers.get(watch.item, Decimal(0)) >= watch.at_least:
                found.append(Finding(UNTRIAGED, f"{instrument.short}, question {watch.item}", screened=False))
            continue
        for rule in instrument.scores:
            level = _level(instrument, rule, answers) if rule.id == watch.score else None
            if level is not None and level[0] >= watch.at_least:
                name = level[1] if level[1] in RANK else UNTRIAGED
                found.append(Finding(name, instrument.short, screened=name != UNTRIAGED))
    return max(found, key=lambda f: RANK[f.level], default=None)


def _level(instrument: Instrument, rule: Any, answers: Mapping[str, Decimal]) -> tuple[Decimal, str] | None:
    """What a score comes to, and its name."""
    if rule.rule == "first":
        return next(((level.value, level.name) for level in rule.levels if any(answers.get(i, Decimal(0)) > 0 for i in level.any)), None)
    try:
        made = score(instrument, dict(answers)).score(rule.id)
    except BadAnswer:
        return None
    return None if made.value is None else (made.value, made.band or "")


def given(instrument: Instrument, resource: Mapping[str, Any]) -> dict[str, Decimal]:
    """What was answered, by item; what nobody can read is left out."""
    found: dict[str, Decimal] = {}
    for entry in _items(resource):
        item = next((i for i in instrument.items if _is(i, str(entry.get("linkId", "")))), None)
        if item is None:
            continue
        worth = [w for answer in entry.get("answer", ()) if (w := _worth(instrument, item, answer)) is not None]
        if worth:
            found[item.id] = max(found.get(item.id, worth[0]), *worth)
    return found


def _is(item: Item, link: str) -> bool:
    return link == item.id or (item.code is not None and link.strip("/").rpartition("/")[2] == item.code)


def _worth(instrument: Instrument, item: Item, answer: Mapping[str, Any]) -> Decimal | None:
    """What one answer is worth: by its code, by what it says that it weighs, or as a number or a yes."""
    coding = answer.get("valueCoding") or {}
    code = str(coding.get("code", ""))
    for choice in item.choices:
        if code and code in (choice.code, f"{instrument.id}.{item.id}.{choice.value}"):
            return choice.value
    weighed = next((e.get("valueDecimal") for e in coding.get("extension", ()) if e.get("url") in _ORDINAL), None)
    number = _number(next((v for v in (weighed, answer.get("valueInteger"), answer.get("valueDecimal")) if v is not None), None))
    if number is not None:
        return number
    if isinstance(answer.get("valueBoolean"), bool):
        return Decimal(int(answer["valueBoolean"]))
    words = str(coding.get("display") or answer.get("valueString") or "").strip().casefold()
    return next((c.value for c in item.choices if words and words == c.text.casefold()), None)


def _items(resource: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every item at every depth."""
    for entry in resource.get("item", ()):
        yield entry
        yield from _items(entry)
        for answer in entry.get("answer", ()):
            yield from _items(answer)


def _by_items(resource: Mapping[str, Any], day: date) -> Iterator[Finding]:
    """Items of anybody's questionnaire that are named by a code of the rules, and questions of our own forms."""
    mine = {rule.item: rule for rule in asked_rules() if rule.questionnaire == _last(resource) and rule.effective <= day}
    for entry in _items(resource):
        own = mine.get(str(entry.get("linkId", "")))
        if own and any(answer.get("valueBoolean") is True or (answer.get("valueCoding") or {}).get("code") in own.answers for answer in entry.get("answer", ())):
            yield Finding(own.level, own.title, screened=False)
        last = str(entry.get("linkId", "")).strip("/").rpartition("/")[2]
        for rule in coded_rules():
            if rule.system == "http://loinc.org" and rule.code == last and rule.effective <= day:
                for answer in entry.get("answer", ()):
                    coding = answer.get("valueCoding") or {}
                    yield from _reached(rule, str(coding.get("code", "")), answer.get("valueInteger", answer.get("valueDecimal")))


# --- observations ---------------------------------------------------------------------------------------------------------------


@cache
def _codes() -> frozenset[str]:
    return frozenset(rule.code for rule in coded_rules())


def _observation(resource: Mapping[str, Any], day: date) -> Finding | None:
    found: list[Finding] = []
    known = _codes()  # nearly every Observation is about something else, and every write of one comes by here
    for part in (resource, *resource.get("component", ())):
        codings = [(c.get("system"), c.get("code")) for c in (part.get("code") or {}).get("coding", ()) if c.get("code") in known]
        if not codings:
            continue
        for rule in coded_rules():
            if (rule.system, rule.code) in codings and rule.effective <= day:
                number = part.get("valueInteger", (part.get("valueQuantity") or {}).get("value"))
                for coding in (part.get("valueCodeableConcept") or {}).get("coding", ({},)):
                    found += _reached(rule, str(coding.get("code", "")), number)
    return max(found, key=lambda f: RANK[f.level], default=None)


def _reached(rule: Coded, code: str, number: object) -> Iterator[Finding]:
    value = rule.answers.get(code, _number(number))
    if value is not None and value >= rule.at_least:
        level = next((name for at, name in sorted(rule.levels.items(), reverse=True) if value >= at), UNTRIAGED)
        yield Finding(level, rule.title, screened=level != UNTRIAGED)


def _number(value: object) -> Decimal | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None
