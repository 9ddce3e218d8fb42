"""What was found and waits to become a problem: positive measures and diagnoses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from sojourn.care.measures.model import Rule, instruments
from sojourn.care.plan import fhir
from sojourn.care.plan.model import Plan, Problem
from sojourn.care.resources import code_of
from sojourn.gate.access import Access

Json = dict[str, Any]
MEASURE, DIAGNOSIS, ASSESSMENT = "measure", "diagnosis", "assessment"


class Finding(NamedTuple):
    """One. ref: what it is, `Type/id`. key: what makes two of them the same finding. text, detail: in words. code: of a diagnosis, or None."""

    ref: str
    kind: str
    key: str
    text: str
    detail: str
    on: date | None
    code: tuple[str, str] | None = None
    dimension: str = ""

    def problem(self) -> Problem:
        """A problem made from it, for a clinician to put in the client's words."""
        return Problem("", "", self.text, code=self.code, dimension=self.dimension, findings=(self.ref,))

    def evidence(self) -> Json:
        """What it is, for the evidence of the problem."""
        return {"coding": fhir.measure_codes(self.key), "text": f"{self.text}: {self.detail}"} if self.kind == MEASURE else {"text": self.text}


class Score(NamedTuple):
    """A score of a measure. positive: whether it asks for something; None where no verdict may be drawn."""

    ref: str
    measure: str
    value: Decimal
    on: str
    positive: bool | None
    band: str


def search_codes() -> str:
    """The codes of every score, as a search takes them."""
    return ",".join(dict.fromkeys(f"{c['system']}|{c['code']}" for key in fhir.measures() for c in fhir.measure_codes(key)))


def rule_of(measure: str) -> Rule | None:
    """The rule of a score by its key."""
    instrument, _, score = measure.partition(".")
    found = instruments().get(instrument)
    return next((r for r in found.scores if r.id == score), None) if found else None


def score_of(observation: Json) -> Score | None:
    """An Observation as a score; None if it is none that is known."""
    measure = fhir.measure_of(observation.get("code"))
    rule = rule_of(measure)
    if rule is None or observation.get("status") in ("entered-in-error", "cancelled"):
        return None
    value = _value(observation, measure)
    if value is None:
        return None
    positive: bool | None = None
    if rule.levels:
        positive = value >= 1
    elif rule.positive_from is not None and "positive_from" not in rule.unverified:
        positive = value >= rule.positive_from if rule.higher_is_worse else value <= rule.positive_from
    on = str(observation.get("effectiveDateTime") or observation.get("effectivePeriod", {}).get("start") or "")
    return Score(f"Observation/{observation['id']}", measure, value, on, positive, _band(rule, value))


def _band(rule: Rule, value: Decimal) -> str:
    if rule.levels:
        return next((level.name for level in rule.levels if level.value == value), "")
    if "bands" in rule.unverified:
        return ""
    return next((b.name for b in sorted(rule.bands, key=lambda b: b.start, reverse=True) if value >= b.start), "")


def _value(observation: Json, measure: str) -> Decimal | None:
    quantity = observation.get("valueQuantity", {}).get("value", observation.get("valueInteger"))
    if quantity is not None:
        return Decimal(str(quantity))
    for coding in observation.get("valueCodeableConcept", {}).get("coding", ()):
        text = str(coding.get("code", ""))
        if text.startswith(f"{measure}.") and (number := fhir.number(text.removeprefix(f"{measure}."))) is not None:
            return number
    return None


async def scores(access: Access, patient: str) -> list[Score]:
    """The scores of a client, the newest first. One search."""
    if not access.may("Observation", "search"):
        return []
    found = await access.search("Observation", [("patient", patient), ("code", search_codes()), ("_sort", "-date")], count=300)
    return [s for o in found.resources if (s := score_of(o))]


async def conditions(access: Access, patient: str) -> list[Json]:
    """What the chart says the client has, or had. One search."""
    if not access.may("Condition", "search"):
        return []
    found = await access.search("Condition", [("patient", patient)], count=300)
    return found.resources


def waiting(plan: Plan, scored: Sequence[Score], known: Sequence[Json]) -> list[Finding]:
    """What no problem of the plan takes up yet: measures first, then diagnoses."""
    taken = {f for p in plan.problems for f in p.findings} | {f"Condition/{p.id}" for p in plan.problems}
    measured = {f for p in plan.problems for f in p.found}
    coded = {p.code for p in plan.problems if p.code}
    aside = {f for c in known if is_set_aside(c) for f in fhir.problem(c).findings}
    out: list[Finding] = []
    for score in newest(scored):
        if score.positive and score.ref not in taken | aside and score.measure not in measured:
            rule = rule_of(score.measure)
            detail = f"{score.value:g}{f', {score.band}' if score.band else ''}" if not (rule and rule.levels) else score.band
            out.append(Finding(score.ref, MEASURE, score.measure, fhir.measures()[score.measure], detail, fhir.day(score.on)))
    seen: set[Any] = set()
    for condition in known:
        finding = diagnosis(condition)
        if finding is None or finding.ref in taken | aside or finding.key in seen or (finding.code and finding.code in coded):
            continue
        seen.add(finding.key)
        out.append(finding)
    return out


def newest(scored: Iterable[Score]) -> list[Score]:
    """The newest score of each measure."""
    last: dict[str, Score] = {}
    for score in sorted(scored, key=lambda s: s.on):
        last[score.measure] = score
    return list(last.values())


def diagnosis(condition: Json) -> Finding | None:
    """An active diagnosis or concern of the chart; None for what is over, refuted, or a problem of a plan itself."""
    if any(code_of(c) == fhir.PLAN_PROBLEM for c in condition.get("category", ())):
        return None
    status = next((c.get("code") for c in condition.get("clinicalStatus", {}).get("coding", ())), "active")
    verified = next((c.get("code") for c in condition.get("verificationStatus", {}).get("coding", ())), "")
    if status not in ("active", "recurrence", "relapse") or verified in ("refuted", "entered-in-error"):
        return None
    codings = [(str(c["system"]), str(c["code"])) for c in condition.get("code", {}).get("coding", ()) if c.get("system") and c.get("code")]
    code = next((c for c in codings if c[0] == fhir.ICD10), next(iter(codings), None))
    text = fhir.text_of(condition.get("code")) or "Diagnosis"
    on = fhir.day(condition.get("recordedDate") or condition.get("onsetDateTime"))
    return Finding(f"Condition/{condition['id']}", DIAGNOSIS, f"{code[0]}|{code[1]}" if code else text.casefold(), text, code[1] if code else "", on, code)


def is_set_aside(condition: Json) -> bool:
    """Whether a clinician decided that a finding is no problem to be treated here."""
    return any(code_of(c) == fhir.PLAN_PROBLEM for c in condition.get("category", ())) and not fhir.problem(condition).active
