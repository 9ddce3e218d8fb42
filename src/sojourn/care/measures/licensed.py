"""Words that an organization is licensed for, loaded into an instrument that ships without any.

They are kept as a Questionnaire of the organization, under the canonical of the instrument and its version: checked against the structure
when they are loaded, and laid over it when it is asked.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

from sojourn.base.errors import Conflict
from sojourn.care.measures import forms
from sojourn.care.measures.model import Choice, Instrument, instruments
from sojourn.gate.access import Access
from sojourn.gate.changes import Change
from sojourn.gate.found import Stored

LICENCE: Final = "https://sojourn.example/fhir/StructureDefinition/licence"
LONGEST: Final = 2000


@dataclass(frozen=True, slots=True)
class Words:
    """What an organization loads. items: by item id. choices: by item id, the words of each answer by its value. licence: what allows it, in words."""

    items: Mapping[str, str]
    choices: Mapping[str, Mapping[Decimal, str]] = field(default_factory=dict)
    licence: str = ""


def read(text: str) -> tuple[str, Words]:
    """The instrument and the words of a TOML file: `instrument`, `licence`, `[items]` and, for anchors, `[choices.<item>]`. Raises ValueError, in words."""
    try:
        raw = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"The file is not TOML: {error}.") from None
    items = {str(k): str(v) for k, v in raw.get("items", {}).items() if not isinstance(v, dict)}
    choices = {str(k): {Decimal(str(n)): str(t) for n, t in v.items()} for k, v in raw.get("choices", {}).items() if isinstance(v, dict)}
    return str(raw.get("instrument", "")), Words(items, choices, str(raw.get("licence", "")))


def faults(instrument: Instrument, words: Words) -> list[str]:
    """What does not fit the structure, in words; an empty list if all does."""
    if instrument.text_included:
        return [f"{instrument.short} has its words already."]
    found = []
    if not words.licence.strip():
        found.append("Say what allows you to use these words: the licence or permission, with its date or number.")
    known = {item.id: item for item in instrument.items}
    found += [f"Item {id_} has no words." for id_ in known if not words.items.get(id_, "").strip()]
    found += [f"{instrument.short} has no item {id_}." for id_ in [*words.items, *words.choices] if id_ not in known]
    found += [f"The words of item {id_} are longer than {LONGEST} characters." for id_, text in words.items.items() if len(text) > LONGEST]
    for id_, named in words.choices.items():
        values = {c.value for c in known[id_].choices} if id_ in known else set()
        found += [f"Item {id_} has no answer that is worth {value}." for value in named if value not in values]
        found += [f"The answer {value} of item {id_} has no words." for value in sorted(values) if named and not named.get(value, "").strip()]
    return found


def worded(instrument: Instrument, words: Words) -> Instrument:
    """The instrument with these words."""

    def choice(item: str, one: Choice) -> Choice:
        text = words.choices.get(item, {}).get(one.value)
        return replace(one, text=text) if text else one

    items = tuple(replace(i, text=words.items.get(i.id) or i.text, choices=tuple(choice(i.id, c) for c in i.choices)) for i in instrument.items)
    return replace(instrument, items=items, text_included=True)


def _of(instrument: Instrument, resource: Mapping[str, Any]) -> Words:
    """The words in a stored Questionnaire."""
    items, choices = {}, {}
    for raw in resource.get("item", ()):
        link = str(raw.get("linkId", ""))
        items[link] = str(raw.get("text", ""))
        values = [c.value for c in instrument.item(link).choices] if link in {i.id for i in instrument.items} else []
        shown = [str((o.get("valueCoding") or {}).get("display", "")) for o in raw.get("answerOption", ())]
        choices[link] = dict(zip(values, shown, strict=False))
    licence = next((str(e.get("valueString", "")) for e in resource.get("extension", ()) if e.get("url") == LICENCE), "")
    return Words(items, choices, licence)


def url_of(instrument: Instrument) -> str:
    """The canonical of the words: the same wherever this server is reached."""
    return f"https://sojourn.example/fhir/Questionnaire/{instrument.id}"


def _wanting() -> list[Instrument]:
    return [i for i in instruments().values() if not i.text_included]


async def _stored(access: Access) -> list[Stored]:
    if not access.may("Questionnaire", "search"):
        return []
    urls = ",".join(url_of(i) for i in _wanting())
    return (await access.search("Questionnaire", [("url", urls), ("status", "active")], count=100)).matches


async def available(access: Access) -> dict[str, Instrument]:
    """Every instrument, with the words that the organization loaded. One question."""
    return laid_over([s.resource for s in await _stored(access)])


def laid_over(stored: Sequence[Mapping[str, Any]]) -> dict[str, Instrument]:
    """The same, from Questionnaires that are at hand."""
    found = dict(instruments())
    for instrument in _wanting():
        url = url_of(instrument)
        own = next((r for r in stored if r.get("url") == url and r.get("version") == instrument.version and r.get("status") == "active"), None)
        if own:
            words = _of(instrument, own)
            if not faults(instrument, words):
                found[instrument.id] = worded(instrument, words)
    return found


async def loaded(access: Access, instrument: Instrument) -> Words | None:
    """The words that are loaded now, to be looked at and changed."""
    url = url_of(instrument)
    own = next((s.resource for s in await _stored(access) if s.resource.get("url") == url), None)
    return _of(instrument, own) if own else None


async def load(access: Access, instrument: Instrument, words: Words) -> list[str]:
    """Load words, in place of those that were there. What does not fit, if anything; then nothing was done."""
    found = faults(instrument, words)
    if found:
        return found
    ready = forms.questionnaire(worded(instrument, words), access.house.base)
    resource = {k: v for k, v in ready.items() if k != "id"} | {"url": url_of(instrument)}
    resource["item"] = [i for i in resource["item"] if i["linkId"] != "recall"]
    resource["extension"] = [{"url": LICENCE, "valueString": words.licence.strip()}]
    url = url_of(instrument)
    before = [s for s in await _stored(access) if s.resource.get("url") == url]
    if len(before) > 1:
        raise Conflict("The words of this instrument are loaded twice; retire one of the two Questionnaires first.")
    change = Change("update", "Questionnaire", before[0].id, {**resource, "id": before[0].id}, if_match=before[0].version) if before else Change("create", "Questionnaire", "", resource)
    await access.write([change], action="form-change")
    return []


def is_words(resource: Mapping[str, Any]) -> bool:
    """Whether a Questionnaire holds the words of an instrument, and is no form of its own."""
    return any(e.get("url") == LICENCE for e in resource.get("extension", ()))
