"""The forms of a plan's parts: what is asked, and back into parts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from sojourn.base.digits import digits
from sojourn.care.plan import fhir
from sojourn.care.plan.library import dimensions, modalities
from sojourn.care.plan.model import GOAL, INTERVENTION, OBJECTIVE, PROBLEM, Goal, Intervention, Objective, Plan, Problem
from sojourn.care.plan.team import Member
from sojourn.care.plan.writing import Part
from sojourn.web.forms import Field, Form

TITLES = {PROBLEM: "Problem", GOAL: "Goal", OBJECTIVE: "Objective", INTERVENTION: "Intervention"}
_CODE = re.compile(r"[A-Z]\d[0-9A-Z](\.[0-9A-Z]{1,4})?")
COMPARATORS = (("", "is"), ("<", "below"), ("<=", "at most"), (">", "above"), (">=", "at least"))
PERIODS = (("", "Choose"), ("d", "a day"), ("wk", "a week"), ("mo", "a month"))


def _code(text: str) -> str:
    return "" if _CODE.fullmatch(text.upper()) else "Write a code of ICD-10-CM, such as F33.1, or leave it empty."


def _day(text: str) -> str:
    return "" if day(text) else "Write a day, as in 2026-03-04."


def _whole(text: str) -> str:
    return "" if digits(text) and 0 < int(text) < 1000 else "Write a whole number."


def day(text: str) -> date | None:
    """A day as a date field sends it."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def fields(kind: str, team: Sequence[Member] = ()) -> tuple[Field, ...]:
    """The questions about one kind of part. team: who can be responsible."""
    if kind == PROBLEM:
        return (
            Field("name", "Problem", "Say what the problem is.", max_length=300),
            Field("words", "In the client's words", hint="What they said, as they said it.", type="textarea", max_length=2000),
            Field("code", "Diagnosis code", hint="ICD-10-CM, if there is one.", max_length=8, check=_code),
            Field("dimension", "Dimension", options=(("", "None"), *dimensions().items())),
        )
    if kind == GOAL:
        return (
            Field("quote", "In the client's words", hint="What they want, as they said it.", type="textarea", max_length=2000),
            Field("statement", "How one will know", "Say how one will know that it is reached.", hint="Something that can be seen or counted.", type="textarea", max_length=1000),
            Field("due", "By", type="date", check=_day),
        )
    if kind == OBJECTIVE:
        return (
            Field("statement", "Objective", "Say what the step is.", type="textarea", max_length=1000),
            Field("measure", "Measured by", options=(("", "Something counted"), *fhir.measures().items())),
            Field("counted", "What is counted", hint="If no questionnaire measures it: days, nights, calls in a week.", max_length=200),
            Field("baseline", "Now", hint="Empty: taken from the newest score.", max_length=40),
            Field("measured_on", "Measured on", type="date", check=_day),
            Field("comparator", "Target", options=COMPARATORS),
            Field("target", "Target value", max_length=40),
            Field("unit", "Unit", max_length=30),
            Field("due", "By", type="date", check=_day),
        )
    return (
        Field("what", "What is done", "Say what is done.", type="textarea", max_length=500),
        Field("modality", "How", options=(("", "Choose"), *modalities().items())),
        Field("times", "Times", check=_whole, max_length=3),
        Field("period", "Each", options=PERIODS),
        Field("minutes", "Minutes each", check=_whole, max_length=3),
        Field("until", "Until", type="date", check=_day),
        Field("by", "Responsible", options=(("", "Nobody yet"), *((m.reference, m.text) for m in team))),
        Field("credential", "Credential needed", hint="Such as LCSW or RN.", max_length=60),
    )


def values(part: Part) -> dict[str, str]:
    """A part as the answers to its form."""
    if isinstance(part, Problem):
        return {"name": part.name, "words": part.words, "code": part.code[1] if part.code else "", "dimension": part.dimension}
    if isinstance(part, Goal):
        return {"quote": part.quote, "statement": part.statement, "due": _iso(part.due)}
    if isinstance(part, Objective):
        return {
            "statement": part.statement, "measure": part.measure, "counted": part.counted, "baseline": part.baseline, "measured_on": _iso(part.measured_on),
            "comparator": part.comparator, "target": part.target, "unit": part.unit, "due": _iso(part.due),
        }  # fmt: skip
    return {
        "what": part.what, "modality": part.modality, "times": str(part.times or ""), "period": part.period, "minutes": f"{part.minutes:g}" if part.minutes else "",
        "until": _iso(part.until), "by": part.by, "credential": part.credential,
    }  # fmt: skip


def _iso(value: date | None) -> str:
    return value.isoformat() if value else ""


def filled(kind: str, form: Form, before: Part | None, sent: Mapping[str, str], plan: Plan) -> Part:
    """The answers as a part, over the one that was there."""
    v = form.values
    if kind == PROBLEM:
        problem = before if isinstance(before, Problem) else Problem("", "", "")
        code = v["code"].upper()
        kept = problem.code if problem.code and problem.code[1] == code else (fhir.ICD10, code) if code else None
        return replace(problem, name=v["name"], words=v["words"], code=kept, dimension=v["dimension"])
    if kind == GOAL:
        goal = before if isinstance(before, Goal) else Goal("", "", "")
        return replace(goal, quote=v["quote"], statement=v["statement"], due=day(v["due"]))
    if kind == OBJECTIVE:
        objective = before if isinstance(before, Objective) else Objective("", "", "")
        return replace(
            objective, statement=v["statement"], measure=v["measure"], counted="" if v["measure"] else v["counted"], baseline=v["baseline"], measured_on=day(v["measured_on"]),
            comparator=v["comparator"], target=v["target"], unit=v["unit"], due=day(v["due"]),
        )  # fmt: skip
    deed = before if isinstance(before, Intervention) else Intervention("", "", "")
    serves = tuple(o.id for o in plan.objectives if sent.get(f"serves-{o.id}") == "yes")
    return replace(
        deed, what=v["what"], modality=v["modality"], times=int(v["times"]) if v["times"] else None, period=v["period"], minutes=Decimal(v["minutes"]) if v["minutes"] else None,
        until=day(v["until"]), by=v["by"], credential=v["credential"], objectives=serves if "serves" in sent else deed.objectives,
    )  # fmt: skip


def answers(form: Form, given: Mapping[str, str]) -> Form:
    """The form with these answers, unchecked: what was typed is shown as it was typed."""
    form.values = {f.name: str(given.get(f.name, "")) for f in form.fields}
    return form


def shown(form: Form, given: Mapping[str, str]) -> list[tuple[str, str]]:
    """Answers as label and words, for the other version of a part."""
    return [(f.label, dict(f.options).get(given.get(f.name, ""), given.get(f.name, "")) if f.options else given.get(f.name, "")) for f in form.fields]
