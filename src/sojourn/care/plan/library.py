"""Suggestions for plans by problem: shipped ones, and the organization's own (PlanDefinition)."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from sojourn.care.plan.model import Goal, Intervention, Objective, Plan, Problem
from sojourn.care.resources import concept, moment
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id

Json = dict[str, Any]
TOPIC = "plan-suggestion"
EDITION = "4e"
"""The edition of the ASAM dimensions that the shipped entries name."""


class Step(NamedTuple):
    """A suggested objective. days: until it should be reached."""

    statement: str
    measure: str
    counted: str
    comparator: str
    target: str
    days: int


class Aim(NamedTuple):
    """A suggested goal with its steps."""

    statement: str
    days: int
    steps: tuple[Step, ...]


class Deed(NamedTuple):
    """A suggested intervention."""

    what: str
    modality: str
    times: int | None
    period: str
    minutes: int | None


class Entry(NamedTuple):
    """Everything that is suggested for one problem. own: whether the organization wrote it."""

    key: str
    title: str
    problem: str
    matches: tuple[str, ...]
    measures: tuple[str, ...]
    dimension: str
    aims: tuple[Aim, ...]
    deeds: tuple[Deed, ...]
    own: bool = False


@cache
def _words() -> dict[str, Any]:
    return tomllib.loads(files("sojourn.care.plan").joinpath("words.toml").read_text("utf-8"))


def modalities() -> dict[str, str]:
    """How an intervention is given: key -> words."""
    return dict(_words()["modalities"])


def dimensions() -> dict[str, str]:
    """Dimensions of a problem: key with its edition -> words."""
    return dict(_words()["dimensions"])


@cache
def shipped() -> tuple[Entry, ...]:
    """The suggestions that come with Sojourn."""
    raw = tomllib.loads(files("sojourn.care.plan").joinpath("library.toml").read_text("utf-8"))
    return tuple(
        Entry(
            str(e["key"]), str(e["title"]), str(e["problem"]), tuple(e["matches"]), tuple(e["measures"]), f"{EDITION}-{e['dimension']}",
            tuple(Aim(str(g["statement"]), int(g["days"]), tuple(_step(o) for o in g["objectives"])) for g in e["goals"]), tuple(_deed(i) for i in e["interventions"]),
        )
        for e in raw["entry"]
    )  # fmt: skip


def _step(o: Json) -> Step:
    return Step(str(o["statement"]), str(o.get("measure", "")), str(o.get("counted", "")), str(o.get("comparator", "")), str(o.get("target", "")), int(o["days"]))


def _deed(i: Json) -> Deed:
    return Deed(str(i["what"]), str(i["modality"]), i.get("times"), str(i.get("period", "")), i.get("minutes"))


async def of(access: Access) -> list[Entry]:
    """The organization's own suggestions, then those that are shipped. One search."""
    own: list[Entry] = []
    if access.may("PlanDefinition", "search"):
        found = await access.search("PlanDefinition", [("topic", TOPIC), ("status", "active"), ("_sort", "title")], count=200)
        own = [entry for resource in found.resources if (entry := read(resource))]
    return [*own, *shipped()]


def read(resource: Json) -> Entry | None:
    """A PlanDefinition as an entry: one goal with what helps, or only what helps."""
    title = str(resource.get("title") or "")
    if not title:
        return None
    aims = tuple(Aim(str(g.get("description", {}).get("text", "")), 90, ()) for g in resource.get("goal", ()) if g.get("description", {}).get("text"))
    deeds = tuple(Deed(str(a.get("title", "")), "other", None, "", None) for a in resource.get("action", ()) if a.get("title"))
    codes = tuple(str(c["code"]) for part in resource.get("useContext", ()) for c in part.get("valueCodeableConcept", {}).get("coding", ()) if c.get("code"))
    return Entry(str(resource["id"]), title, str(resource.get("description") or title), codes, (), "", aims, deeds, own=True)


async def add(access: Access, title: str, problem: str, goals: Sequence[str], helps: Sequence[str], codes: Sequence[str]) -> str:
    """A suggestion of the organization's own. codes: beginnings of ICD-10-CM codes that lead to it."""
    resource: Json = {
        "resourceType": "PlanDefinition", "status": "active", "date": moment(access), "title": title, "description": problem, "topic": [concept(TOPIC, "Suggestion for treatment plans")],
    }  # fmt: skip
    if codes:
        focus = {"system": "http://terminology.hl7.org/CodeSystem/usage-context-type", "code": "focus"}
        coding = [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": code} for code in codes]
        resource["useContext"] = [{"code": focus, "valueCodeableConcept": {"coding": coding}}]
    if goals:
        resource["goal"] = [{"description": {"text": text}} for text in goals]
    if helps:
        resource["action"] = [{"title": text} for text in helps]
    change = Change("create", "PlanDefinition", new_id(), resource)
    await access.write([change], action="plan-library")
    return change.id


async def retire(access: Access, id_: str) -> None:
    """Take an own suggestion away; plans that used it keep their words. Raises NotFound."""
    stored = await access.read("PlanDefinition", id_)
    await access.write([Change("update", "PlanDefinition", id_, {**stored.resource, "status": "retired"}, if_match=stored.version)], action="plan-library")


def fitting(entries: Sequence[Entry], plan: Plan) -> tuple[list[Entry], list[Entry]]:
    """The suggestions for what the plan treats, and the others."""
    here: list[Entry] = []
    others: list[Entry] = []
    for entry in entries:
        (here if any(suits(entry, p) for p in plan.problems if p.active) else others).append(entry)
    return here, others


def suits(entry: Entry, problem: Problem) -> bool:
    """Whether an entry is about a problem: by its code, by the measure that it was found with, or by its words."""
    code = problem.code[1] if problem.code else ""
    return bool(
        (code and any(code.startswith(m) for m in entry.matches)) or set(problem.found) & set(entry.measures) or problem.name.strip().casefold() == entry.problem.strip().casefold()
    )


def problem_from(entry: Entry) -> Problem:
    """A problem in the words of an entry."""
    return Problem("", "", entry.problem, dimension=entry.dimension)


def goal_from(access: Access, aim: Aim) -> Goal:
    """A goal in the words of an entry, its day counted from today."""
    return Goal("", "", aim.statement, due=access.today + timedelta(days=aim.days))


def objective_from(access: Access, step: Step) -> Objective:
    """An objective in the words of an entry."""
    made = Objective("", "", step.statement, measure=step.measure, counted=step.counted, comparator=step.comparator, target=step.target)
    return replace(made, due=access.today + timedelta(days=step.days))


def intervention_from(deed: Deed) -> Intervention:
    """An intervention in the words of an entry."""
    return Intervention("", "", deed.what, deed.modality, deed.times, deed.period, Decimal(deed.minutes) if deed.minutes else None)
