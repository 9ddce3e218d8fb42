"""Answers that are to be found as Observations: by the mark on their question, and by nothing else.

https://hl7.org/fhir/uv/sdc/STU3/extraction.html#observation-based-extraction. A question that was refused, passed over or not asked makes none.
"""

from __future__ import annotations

from typing import Any, Final

from sojourn.care.forms.filling import Filled, Node
from sojourn.care.forms.model import Json, value_of

SURVEY: Final = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey"}]}
_AS: Final = {"Coding": "valueCodeableConcept", "Uri": "valueString", "Date": "valueDateTime", "Decimal": "valueQuantity"}


def observations(filled: Filled, *, patient: str, effective: str, derived_from: str, performer: str | None = None, encounter: str | None = None) -> list[Json]:
    """One Observation for each answer of a question that is marked and has a code. patient, derived_from, performer, encounter: references."""
    out: list[Json] = []
    for node in filled.all:
        if node.applies and node.item.extract and node.item.raw.get("code"):
            out += [_one(node, answer, patient, effective, derived_from, performer, encounter) for answer in node.answers]
    return out


def _one(node: Node, answer: Json, patient: str, effective: str, derived_from: str, performer: str | None, encounter: str | None) -> Json:
    kind, value = value_of({k: v for k, v in answer.items() if k != "item"})
    resource: Json = {
        "resourceType": "Observation", "status": "final", "category": [SURVEY], "code": {"coding": list(node.item.raw["code"]), **({"text": node.item.text} if node.item.text else {})},
        "subject": {"reference": patient},
    }  # fmt: skip
    if encounter:
        resource["encounter"] = {"reference": encounter}
    resource["effectiveDateTime"] = effective
    if performer:
        resource["performer"] = [{"reference": performer}]
    resource[_AS.get(kind, f"value{kind}")] = _value(kind, value)
    resource["derivedFrom"] = [{"reference": derived_from}]
    return resource


def _value(kind: str, value: Any) -> Any:
    if kind == "Coding":
        return {"coding": [{k: v for k, v in value.items() if k != "extension"}], **({"text": value["display"]} if value.get("display") else {})}
    return {"value": value} if kind == "Decimal" else value
