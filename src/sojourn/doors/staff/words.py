"""FHIR elements as the short text of a screen. Nothing raises: what is missing is an empty string."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime
from typing import Any

from sojourn.base import clock, wall
from sojourn.care.staffing import zones

Resource = Mapping[str, Any]

_NAME_USES = ("official", "usual", "")

Names = Mapping[str, str]
"""What to call the targets of references, by `Type/id`."""


def each(resource: Resource, element: str) -> list[Any]:
    """The members of a repeating element; a single one counts as a list of one."""
    value = resource.get(element) or []
    return value if isinstance(value, list) else [value]


def first(resource: Resource, element: str) -> Resource:
    """The first member of an element, or an empty one."""
    return next((v for v in each(resource, element) if isinstance(v, Mapping)), {})


def code_text(concept: Resource) -> str:
    """What a CodeableConcept says: its text, else its first display, else its first code."""
    codings = each(concept, "coding")
    shown = [concept.get("text"), *(c.get("display") for c in codings), *(c.get("code") for c in codings)]
    return next((str(s) for s in shown if s), "")


def code_of(concept: Resource) -> str:
    """The first code of a CodeableConcept, for the few that decide how a row looks."""
    return next((str(c["code"]) for c in each(concept, "coding") if c.get("code")), "")


def reference_text(reference: Resource, names: Names) -> str:
    """What a reference points at, by the name that its target has; else the name that came with it, if any came."""
    return names.get(str(reference.get("reference") or ""), "") or str(reference.get("display") or "")


def own_name(resource: Resource) -> str:
    """What a person, place, organization or medication calls itself: `Dana Whitfield, LCSW`."""
    if isinstance(resource.get("name"), str):
        return str(resource["name"])
    if name := _name(resource):
        said = " ".join([*each(name, "given"), str(name.get("family", ""))]).strip() or str(name.get("text", ""))
        return ", ".join(filter(None, [said, *map(str, each(name, "suffix"))]))
    codes = [c for c in each(resource, "code") if isinstance(c, Mapping)]  # of a PractitionerRole there may be several
    return code_text(codes[0]) if codes else ""


def day_text(moment: object) -> str:
    """`4 Mar 1988`, `Mar 1988` or `1988`: as precise as it was written, in the place where it was written."""
    text = _on_the_wall(moment)[:10]
    if len(text) == 10:
        return _spelled(text, "{d.day} {d:%b %Y}", text)
    if len(text) == 7:
        return _spelled(f"{text}-01", "{d:%b %Y}", text)
    return text


def day_and_time(moment: object) -> str:
    """`4 Mar 1988, 14:05`; only the day if no time was written."""
    text = _on_the_wall(moment)
    return f"{day_text(text)}, {text[11:16]}" if len(text) > 15 else day_text(text)


def _on_the_wall(moment: object) -> str:
    """What says its own offset stays as it was written; what was written in UTC is said by the clock on the wall of the house."""
    text = str(moment or "")
    if len(text) > 15 and text.endswith(("Z", "+00:00")):
        with suppress(ValueError):
            return datetime.fromisoformat(text).astimezone(zones.of(None)).isoformat()
    return text


def _spelled(iso: str, form: str, otherwise: str) -> str:
    day = day_of(iso)
    return form.format(d=day) if day else otherwise


def day_of(moment: object) -> date | None:
    """The day of a date or dateTime that names one."""
    try:
        return date.fromisoformat(str(moment or "")[:10])
    except ValueError:
        return None


def moment_of(moment: object) -> datetime | None:
    """The moment of a dateTime by the clock of the place where it was written; midnight if it names only a day."""
    try:
        return datetime.fromisoformat(str(moment or "")).replace(tzinfo=None) if day_of(moment) else None
    except ValueError:
        return None


def age(born: str, until: date | None = None) -> str:
    """Whole years; months under two years. Empty unless the day of birth is known."""
    start, end = day_of(born), until or wall.day(clock.now())
    if start is None or start > end:
        return ""
    months = (end.year - start.year) * 12 + end.month - start.month - (end.day < start.day)
    return f"{months // 12}" if months >= 24 else f"{months} mo"


def full_name(patient: Resource) -> str:
    """`Rivera, Ana`: the official name, else the usual, else the first there is."""
    name = _name(patient)
    given = " ".join(each(name, "given"))
    return ", ".join(filter(None, (name.get("family", ""), given))) or name.get("text", "") or "No name recorded"


def called(patient: Resource) -> str:
    """What the person likes to be called, if it is written and differs from the first given name."""
    for name in each(patient, "name"):
        given = each(name, "given")
        if name.get("use") in ("usual", "nickname") and given and given[0] not in each(_name(patient), "given"):
            return str(given[0])
    return ""


def _name(patient: Resource) -> Resource:
    names = [n for n in each(patient, "name") if n.get("use", "") in _NAME_USES]
    return min(names, key=lambda n: _NAME_USES.index(n.get("use", "")), default=first(patient, "name"))


def born_with_age(patient: Resource) -> str:
    """`4 Mar 1988 · 38`; the age at death, said so, if the person died on a known day."""
    born = str(patient.get("birthDate") or "")
    died = day_of(patient.get("deceasedDateTime"))
    years = age(born, died)
    if died or patient.get("deceasedBoolean") is True:
        years = f"died{f' {day_text(died)}' if died else ''}{f' at {years}' if years else ''}"
    return " · ".join(filter(None, (day_text(born), years)))


def record_number(patient: Resource) -> str:
    """The identifier of type MR (v2-0203), else the one whose use is usual."""
    identifiers = each(patient, "identifier")
    numbers = [i for i in identifiers if code_of(i.get("type") or {}) == "MR"] or [i for i in identifiers if i.get("use") == "usual"]
    return next((str(i["value"]) for i in numbers if i.get("value")), "")


def pronouns(patient: Resource) -> str:
    """What the person uses, from the pronouns extension in its older or newer form."""
    for concept in _pronouns(patient):
        if said := code_text(concept):
            return said
    return ""


def _pronouns(patient: Resource) -> Iterator[Resource]:
    for extension in each(patient, "extension"):
        if str(extension.get("url", "")).endswith(("individual-pronouns", "pronouns")):
            yield extension.get("valueCodeableConcept") or {}
            yield from (inner.get("valueCodeableConcept") or {} for inner in each(extension, "extension") if inner.get("url") == "value")
