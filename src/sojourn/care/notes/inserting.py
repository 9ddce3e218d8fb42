"""What a note may take from the chart: measures, medications, objectives, the last plan, snippets."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from sojourn.care.listing import HERE
from sojourn.care.medications import lines as lists
from sojourn.care.notes import reading, similar, snippets, text
from sojourn.care.plan import fhir as plan
from sojourn.gate.access import Access
from sojourn.gate.found import Found

_PLAN = re.compile(r"(?:^|\n)plan\s*(?::|\n)\s*(.+?)(?:\n\n|\n[A-Z][A-Za-z ]*:|\Z)", re.IGNORECASE | re.DOTALL)


class Piece(NamedTuple):
    """Something that can be put into a note. label: how it is found; text: what is put in; abbr: of a snippet."""

    group: str
    label: str
    text: str
    abbr: str = ""


async def pieces(access: Access, patient: str) -> list[Piece]:
    """Everything that can be put into a note of this client, as far as the caller may see it. Six searches at once."""
    wanted: list[tuple[str, list[tuple[str, str]], int]] = [
        ("Observation", [("patient", patient), ("category", "survey"), ("_sort", "-date")], 60),
        ("Goal", [("patient", patient), ("lifecycle-status", "active")], 30),
        ("DocumentReference", [("patient", patient), ("category", reading.CATEGORY), ("_sort", "-date")], 3),
    ]
    asked = [(type_, access.search(type_, params, count=count)) for type_, params, count in wanted if access.may(type_, "search")]
    answers, own, listed = await asyncio.gather(asyncio.gather(*(question for _, question in asked)), snippets.all_of(access), lists.of(access, patient))
    found: dict[str, Found] = {type_: answer for (type_, _), answer in zip(asked, answers, strict=True)}
    made = [*_measures(found.get("Observation")), *_medications(listed), *_objectives(found.get("Goal")), *_plans(found.get("DocumentReference"))]
    return [*made, *(Piece("Snippets", s.title or s.abbr, s.text, s.abbr) for s in own)]


def _measures(found: Found | None) -> list[Piece]:
    """The newest value of each measure, with the one before it."""
    by_name: dict[str, list[tuple[str, str]]] = {}
    for observation in found.resources if found else ():
        value = _value(observation)
        if value:
            by_name.setdefault(text.concept_text(observation.get("code", {})), []).append((str(observation.get("effectiveDateTime", ""))[:10], value))
    made = []
    for name, values in by_name.items():
        (day, value), *before = values
        was = f", was {before[0][1]} on {before[0][0]}" if before else ""
        made.append(Piece("Measures", f"{name}: {value} on {day}", f"{name} {value} on {day}{was}."))
    return made


def _value(observation: Mapping[str, Any]) -> str:
    quantity = observation.get("valueQuantity", {})
    if "value" in quantity:
        return f"{quantity['value']:g}" if isinstance(quantity["value"], float) else str(quantity["value"])
    return str(observation.get("valueInteger", "")) or text.concept_text(observation.get("valueCodeableConcept", {}))


def _medications(listed: lists.Listed) -> list[Piece]:
    """The medication list: what is ordered, and what is only told with who tells it."""
    said = []
    for line in listed.current:
        words = f"{line.name}, {line.dose}" if line.dose else line.name
        said.append(words + ("" if line.source == HERE else f" ({line.from_where.casefold()})") + (", on hold" if line.status == "on-hold" else ""))
    made = [Piece("Medications", words, words) for words in said]
    return [Piece("Medications", f"All {len(said)} medications", "Medications:\n" + "\n".join(f"- {words}" for words in said)), *made] if len(said) > 1 else made


def _objectives(found: Found | None) -> list[Piece]:
    goals = found.resources if found else []
    said = [text.concept_text(goal.get("description", {})) for goal in ([g for g in goals if plan.is_objective(g)] or goals)]
    return [Piece("Objectives", words, words) for words in said if words]


def _plans(found: Found | None) -> list[Piece]:
    """The plan of the newest note that has one."""
    for document in found.resources if found else ():
        plan = plan_of(similar.plain_text(document) or "")
        if plan:
            day = str(document.get("context", {}).get("period", {}).get("start") or document.get("date", ""))[:10]
            return [Piece("Last note", f"Plan of {day}", plan)]
    return []


def plan_of(words: str) -> str:
    """The part of a note that is called its plan."""
    match = _PLAN.search(words)
    return match[1].strip() if match else ""
