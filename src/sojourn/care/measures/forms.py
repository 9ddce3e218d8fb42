"""Instruments as FHIR: Questionnaire, QuestionnaireResponse and back, and the Observations that trend.

https://hl7.org/fhir/R4/questionnaire.html, https://hl7.org/fhir/uv/sdc/STU3/, and the US Core profile for screening and assessment
results, https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-observation-screening-assessment.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sojourn.care.measures.model import Answer, Choice, Instrument, Item, Unanswered
from sojourn.care.measures.score import Result, Score, asked

LOINC = "http://loinc.org"
MEASURE = "urn:sojourn:measure"
"""Our own codes, where an instrument has none that was checked: `instrument.score` and `instrument.item.value`."""
ORDINAL = "http://hl7.org/fhir/StructureDefinition/ordinalValue"
ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
SCREENING = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-observation-screening-assessment"
_CATEGORY = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey"}


class BadResponse(ValueError):
    """A QuestionnaireResponse that is not an answer to the instrument; the message names the item."""


def canonical(instrument: Instrument, base: str) -> str:
    """The address of the instrument's Questionnaire, without its version."""
    return f"{base}/Questionnaire/{instrument.id}"


def questionnaire(instrument: Instrument, base: str) -> dict[str, Any]:
    """The instrument as a FHIR Questionnaire. Items whose words are not loaded show their number only."""
    resource: dict[str, Any] = {
        "resourceType": "Questionnaire", "id": instrument.id, "url": canonical(instrument, base), "version": instrument.version,
        "name": "".join(c for c in instrument.short if c.isalnum()), "title": instrument.title, "status": "active", "subjectType": ["Patient"],
        "effectivePeriod": {"start": instrument.effective.isoformat()}, "copyright": instrument.attribution,
        "item": [{"linkId": "recall", "type": "display", "text": instrument.recall}, *(_item(instrument, item) for item in instrument.items)],
    }  # fmt: skip
    if instrument.panel:
        resource["code"] = [{"system": LOINC, "code": instrument.panel}]
    return resource


def _item(instrument: Instrument, item: Item) -> dict[str, Any]:
    out: dict[str, Any] = {"linkId": item.id, "text": item.text or f"{instrument.short} {item.id}", "type": "choice"}
    if item.code:
        out["code"] = [{"system": LOINC, "code": item.code}]
    when = [
        {"question": i, "operator": "=", "answerCoding": _coding(instrument, instrument.item(i), choice)}
        for condition in item.asked_when_any for i in condition.items for choice in instrument.item(i).choices if choice.value >= condition.at_least
    ]  # fmt: skip
    if when:
        out["enableWhen"] = when
        if len(when) > 1:
            out["enableBehavior"] = "any"
    out["answerOption"] = [{"valueCoding": _ordinal(instrument, item, choice)} for choice in item.choices]
    return out


def _coding(instrument: Instrument, item: Item, choice: Choice) -> dict[str, Any]:
    if choice.code and choice.code.startswith("LA"):
        return {"system": LOINC, "code": choice.code, "display": choice.text}
    return {"system": MEASURE, "code": f"{instrument.id}.{item.id}.{choice.value}", "display": choice.text}


def _ordinal(instrument: Instrument, item: Item, choice: Choice) -> dict[str, Any]:
    return {"extension": [{"url": ORDINAL, "valueDecimal": choice.value}], **_coding(instrument, item, choice)}


def response(instrument: Instrument, answers: Mapping[str, Answer], base: str, *, patient: str, authored: str, author: str | None = None, encounter: str | None = None,
             status: str = "completed") -> dict[str, Any]:  # fmt: skip
    """The answers as a QuestionnaireResponse. authored: a FHIR instant. patient, author, encounter: references.

    A question that was skipped is there without an answer; one that was refused says so; one that was not asked is not there.
    """
    resource: dict[str, Any] = {
        "resourceType": "QuestionnaireResponse", "questionnaire": f"{canonical(instrument, base)}|{instrument.version}", "status": status,
        "subject": {"reference": patient}, "authored": authored,
    }  # fmt: skip
    if author:
        resource["author"] = {"reference": author}
    if encounter:
        resource["encounter"] = {"reference": encounter}
    resource["item"] = [_answered(instrument, item, answers.get(item.id)) for item in asked(instrument, answers)]
    return resource


def _answered(instrument: Instrument, item: Item, answer: Answer | None) -> dict[str, Any]:
    out: dict[str, Any] = {"linkId": item.id}
    if item.text:
        out["text"] = item.text
    if answer is Unanswered.REFUSED:
        out["extension"] = [{"url": ABSENT, "valueCode": "asked-declined"}]
    elif isinstance(answer, Decimal):
        choice = next(c for c in item.choices if c.value == answer)
        out["answer"] = [{"valueCoding": _coding(instrument, item, choice)}]
    return out


def answers(instrument: Instrument, resource: Mapping[str, Any]) -> dict[str, Answer]:
    """What a QuestionnaireResponse says, by item. Raises BadResponse for an item or an answer that the instrument does not have."""
    found: dict[str, Answer] = {}
    for entry in resource.get("item", ()):
        link = entry.get("linkId")
        if link not in {item.id for item in instrument.items}:
            raise BadResponse(f"{instrument.short} has no item {link}.")
        item = instrument.item(link)
        given = entry.get("answer", ())
        if not given:
            refused = any(e.get("url") == ABSENT and e.get("valueCode") == "asked-declined" for e in entry.get("extension", ()))
            found[link] = Unanswered.REFUSED if refused else Unanswered.SKIPPED
            continue
        coding = given[0].get("valueCoding", {})
        value = next((c.value for c in item.choices if (x := _coding(instrument, item, c))["code"] == coding.get("code") and x["system"] == coding.get("system")), None)
        if value is None or len(given) > 1:
            raise BadResponse(f"Item {link} of {instrument.short} has an answer that the instrument does not have.")
        found[link] = value
    return found


def observations(result: Result, *, patient: str, effective: str, response_reference: str, performer: str | None = None, encounter: str | None = None) -> list[dict[str, Any]]:
    """One Observation for each valid score. A score that is not valid makes none: an absent number is not a zero."""
    out = []
    for score in result.scores:
        if score.value is None:
            continue
        resource: dict[str, Any] = {
            "resourceType": "Observation", "meta": {"profile": [SCREENING]}, "status": "final", "category": [{"coding": [_CATEGORY]}],
            "code": _code(result.instrument, score), "subject": {"reference": patient}, "effectiveDateTime": effective,
        }  # fmt: skip
        if encounter:
            resource["encounter"] = {"reference": encounter}
        if performer:
            resource["performer"] = [{"reference": performer}]
        resource |= _value(result.instrument, score)
        if score.status == "prorated":
            resource["note"] = [{"text": f"Prorated: {len(score.missing)} of {len(score.rule.items)} questions were not answered."}]
        resource["derivedFrom"] = [{"reference": response_reference}]
        out.append(resource)
    return out


def _code(instrument: Instrument, score: Score) -> dict[str, Any]:
    codings = [{"system": MEASURE, "code": f"{instrument.id}.{score.rule.id}", "version": instrument.version}]
    if score.rule.code and "code" not in score.rule.unverified:
        codings.insert(0, {"system": LOINC, "code": score.rule.code})
    return {"coding": codings, "text": score.rule.title}


def _value(instrument: Instrument, score: Score) -> dict[str, Any]:
    if score.rule.levels:
        return {"valueCodeableConcept": {"coding": [{"system": MEASURE, "code": f"{instrument.id}.{score.rule.id}.{score.value}"}], "text": score.band}}
    quantity: dict[str, Any] = {"valueQuantity": {"value": score.value, "unit": "{score}", "system": "http://unitsofmeasure.org", "code": "{score}"}}
    if score.band:
        quantity["interpretation"] = [{"text": score.band}]
    return quantity
