"""Any resource as a plain card: a title, a day, and every element by name. Nothing in it can fail."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sojourn.doors.staff.words import code_text, day_and_time, each, own_name

_DAYS = (
    "effectiveDateTime", "authoredOn", "onsetDateTime", "performedDateTime", "occurrenceDateTime", "recordedDate", "issued", "startDate", "start", "date", "created", "sent", "dateTime", "recorded",
)  # fmt: skip
_PERIODS = ("period", "effectivePeriod", "performedPeriod", "onsetPeriod", "occurrencePeriod")
_CALLED = ("code", "medicationCodeableConcept", "vaccineCode", "description", "type", "category", "serviceType", "class")
_ASIDE = frozenset({"resourceType", "id", "meta", "text", "implicitRules", "language", "contained"})
_KINDS = {
    "AllergyIntolerance": "Allergy",
    "ClinicalImpression": "Judgment or review",
    "Communication": "Message, disclosure or statement",
    "Composition": "Document in sections",
    "Condition": "Problem",
    "DetectedIssue": "Warning",
    "DiagnosticReport": "Report",
    "DocumentReference": "Note or document",
    "Encounter": "Visit",
    "EpisodeOfCare": "Stay in a program",
    "Flag": "Precaution",
    "ImagingStudy": "Images",
    "MedicationAdministration": "Medication given",
    "MedicationDispense": "Medication handed out",
    "MedicationRequest": "Medication",
    "MedicationStatement": "Medication as told",
    "Observation": "Measure or result",
    "Patient": "Who they are",
    "Provenance": "Where a record came from",
    "QuestionnaireResponse": "Answered form",
    "RelatedPerson": "Family or contact",
    "ServiceRequest": "Order or referral",
}
"""What a clinician calls an entry of a type; another is called as its type is spelled."""
_DEEP = 6
_LONG = 600


class Row(NamedTuple):
    """One element: what it is called, how deep it stands, and its value ('' where its parts follow)."""

    name: str
    depth: int
    value: str


class Card(NamedTuple):
    """A resource. title: what it says of itself; about: the name of its type in words; when: its day; rows: all else, in its own order."""

    type: str
    id: str
    about: str
    title: str
    when: str
    status: str
    rows: list[Row]


def card(resource: Mapping[str, Any]) -> Card:
    """The card of a resource, however odd it is."""
    type_ = str(resource.get("resourceType", ""))
    return Card(type_, str(resource.get("id", "")), called(type_), _title(resource), day_and_time(_day(resource)), _said(resource.get("status")), list(_rows(resource, 0)))


def called(type_: str) -> str:
    """What an entry of a type is called."""
    return _KINDS.get(type_) or spelled(type_)


def spelled(name: str) -> str:
    """`MedicationRequest` as `Medication request`, `valueQuantity` as `Value quantity`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).lower()
    return words[:1].upper() + words[1:]


def _title(resource: Mapping[str, Any]) -> str:
    if isinstance(resource.get("title"), str):
        return str(resource["title"])
    for name in _CALLED:
        value = resource.get(name)
        value = value[0] if isinstance(value, list) and value else value
        if isinstance(value, Mapping) and (text := code_text(value) or _said(value.get("display")) or _said(value.get("code"))):
            return text
    for name in ("description", "name"):
        if isinstance(resource.get(name), str):
            return str(resource[name])
    try:
        return own_name(resource)
    except (AttributeError, TypeError, ValueError):  # a name of a shape that no name has
        return ""


def _day(resource: Mapping[str, Any]) -> str:
    for name in _DAYS:
        if isinstance(resource.get(name), str):
            return str(resource[name])
    for name in _PERIODS:
        period = resource.get(name)
        if isinstance(period, Mapping) and (when := period.get("start") or period.get("end")):
            return str(when)
    return ""


def _rows(value: Mapping[str, Any], depth: int) -> Iterator[Row]:
    for name, child in value.items():
        if depth == 0 and name in _ASIDE:
            continue
        if name == "extension":
            for one in child if isinstance(child, list) else ():
                yield from _extension(one, depth)
            continue
        yield from _element(spelled(name.removeprefix("_")), child, depth)


def _extension(one: Any, depth: int) -> Iterator[Row]:
    if isinstance(one, Mapping):
        name = spelled(str(one.get("url", "")).rsplit("/", 1)[-1].replace("-", " "))
        value = next((v for k, v in one.items() if k.startswith("value")), None)
        yield from _element(name, value if value is not None else {k: v for k, v in one.items() if k != "url"}, depth)


def _element(name: str, value: Any, depth: int) -> Iterator[Row]:
    if isinstance(value, list):
        for one in value:
            yield from _element(name, one, depth)
    elif isinstance(value, Mapping):
        said = _short(value)
        if said is not None:
            yield Row(name, depth, said)
        elif depth >= _DEEP:
            yield Row(name, depth, "…")
        else:
            yield Row(name, depth, "")
            yield from _rows(value, depth + 1)
    else:
        yield Row(name, depth, _said(value))


def _short(value: Mapping[str, Any]) -> str | None:
    """A data type that is one line; None for whatever has parts of its own to show."""
    keys = set(value) - {"extension", "id"}
    if keys <= {"coding", "text"} or keys <= {"system", "version", "code", "display", "userSelected"}:
        return code_text(value) or _said(value.get("display")) or _said(value.get("code"))
    if "reference" in keys and keys <= {"reference", "display", "type", "identifier"}:
        return _said(value.get("display")) or spelled(str(value.get("reference", "")).partition("/")[0])
    if "value" in keys and keys <= {"value", "unit", "system", "code", "comparator"}:
        return " ".join(filter(None, (f"{_said(value.get('comparator'))}{_said(value.get('value'))}", _said(value.get("unit")) or (_said(value.get("code")) if "unit" not in keys and "http" in _said(value.get("system")) else ""))))
    if keys and keys <= {"start", "end"}:
        return f"{day_and_time(value.get('start')) or '…'} to {day_and_time(value.get('end')) or '…'}"
    if keys & {"data", "url"} and keys <= {"contentType", "data", "url", "title", "size", "hash", "creation", "language"}:
        size = len(str(value.get("data", ""))) * 3 // 4
        return ", ".join(filter(None, (_said(value.get("title")), _said(value.get("contentType")), f"{max(1, size // 1024)} KB" if size else "")))
    if keys <= {"line", "city", "state", "postalCode", "country", "district", "use", "type", "text", "period"} and keys & {"line", "city"}:
        lines = value.get("line")
        return _said(value.get("text")) or ", ".join(map(_said, filter(None, (*(lines if isinstance(lines, list) else ()), value.get("city"), value.get("state"), value.get("postalCode")))))
    if keys & {"family", "given"}:
        return " ".join(filter(None, map(_said, (*each(value, "prefix"), *each(value, "given"), value.get("family"), *each(value, "suffix"))))) or _said(value.get("text"))
    return None


def _said(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    if re.fullmatch(r"\d{4}-\d\d(-\d\d(T.*)?)?", text):
        return day_and_time(text)
    return text if len(text) <= _LONG else text[:_LONG] + " …"
