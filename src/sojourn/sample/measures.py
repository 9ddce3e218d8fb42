"""Questionnaires and scales: PHQ-9, GAD-7, AUDIT-C, withdrawal scores, with trends from the story."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

from sojourn.sample.chart import Chart
from sojourn.sample.intake_form import daily_life_form
from sojourn.sample.parts import BASE, LOCAL, LOINC, US_CORE_CATEGORY, Json, concept, extension, hl7, moment, quantity, ref
from sojourn.sample.staff import Staff
from sojourn.sample.stories import Stay
from sojourn.sample.visits import Visit


class Instrument(NamedTuple):
    """A scored questionnaire. Item codes and answer codes are LOINC; item labels are our own words."""

    name: str
    panel: str
    total: str
    items: tuple[tuple[str, str], ...]
    canonical: str


PHQ9 = Instrument(
    "PHQ-9",
    "44249-1",
    "44261-6",
    (
        ("44250-9", "Interest and pleasure"),
        ("44255-8", "Mood"),
        ("44259-0", "Sleep"),
        ("44254-1", "Energy"),
        ("44251-7", "Appetite"),
        ("44258-2", "View of oneself"),
        ("44252-5", "Concentration"),
        ("44253-3", "Slowness or restlessness"),
        ("44260-8", "Thoughts of death or self-harm"),
    ),
    BASE + "fhir/Questionnaire/phq-9",
)
GAD7 = Instrument(
    "GAD-7",
    "69737-5",
    "70274-6",
    (
        ("69725-0", "Nervous"),
        ("68509-9", "Worry hard to stop"),
        ("69733-4", "Worry about many things"),
        ("69734-2", "Hard to relax"),
        ("69735-9", "Restless"),
        ("69689-8", "Irritable"),
        ("69736-7", "Afraid"),
    ),
    BASE + "fhir/Questionnaire/gad-7",
)
# LOINC answer list for "how often over the last two weeks", worth 0 to 3.
_ANSWERS = ("LA6568-5", "LA6569-3", "LA6570-1", "LA6571-9")
_SURVEY = hl7("observation-category", "survey")
_SCREENING = "us-core-observation-screening-assessment"


def questionnaires() -> list[Json]:
    """Return the Questionnaires that the responses answer (item labels, no instrument text)."""
    return [_questionnaire(PHQ9), _questionnaire(GAD7), daily_life_form()]


def _questionnaire(instrument: Instrument) -> Json:
    options = [{"valueCoding": {"system": LOINC, "code": code}} for code in _ANSWERS]
    return {
        "url": instrument.canonical,
        "name": instrument.name.replace("-", ""),
        "title": instrument.name,
        "status": "active",
        "subjectType": ["Patient"],
        "code": [{"system": LOINC, "code": instrument.panel}],
        "item": [
            {"linkId": code, "code": [{"system": LOINC, "code": code}], "text": label, "type": "choice", "answerOption": options}
            for code, label in instrument.items
        ]
        + [{"linkId": instrument.total, "code": [{"system": LOINC, "code": instrument.total}], "text": "Total score", "type": "decimal"}],
    }


def scores_of(chart: Chart, visits: list[Visit]) -> None:
    """Work out all scores of the story beforehand, so that notes can speak of them."""
    base = _bases(chart)
    for stay in chart.stays:
        step = 14 if not stay.part2 else 28
        if stay.program == "detox":
            continue
        last = None
        for visit in visits:
            due = last is None or visit.start.date() >= last + timedelta(days=step)
            if visit.stay is stay and visit.attended and visit.kind in {"intake", "individual", "medical"} and due:
                last = visit.start.date()
                for name, start in base.items():
                    strength = chart.strength(last)
                    chart.scores.append((visit.start, name, _value(chart.rng, name, start * strength)))
    chart.scores.sort(key=lambda score: score[0])


def _bases(chart: Chart) -> dict[str, float]:
    depressed = any(d.key.startswith(("mdd", "bipolar")) for d in chart.diagnoses)
    anxious = any(d.key in {"gad", "ptsd", "panic"} for d in chart.diagnoses)
    rng = chart.rng
    return {
        "PHQ-9": rng.uniform(15, 23) if depressed else rng.uniform(7, 15),
        "GAD-7": rng.uniform(12, 19) if anxious else rng.uniform(5, 12),
    }


def _value(rng: Random, name: str, center: float) -> int:
    highest = 27 if name == "PHQ-9" else 21
    return min(max(round(center + rng.uniform(-1.6, 1.6)), 0), highest)


def record_scores(chart: Chart, visit: Visit, encounter: str) -> None:
    """Add the scores taken at a visit: the response at the first and each fourth time after, the total always."""
    for when, name, value in chart.scores:
        if when == visit.start:
            instrument = PHQ9 if name == "PHQ-9" else GAD7
            earlier = sum(1 for w, n, _ in chart.scores if n == name and w < when)
            response = _response(chart, visit, instrument, value) if earlier % 4 == 0 else None
            _total(chart, visit, encounter, instrument, value, response)


def _split(rng: Random, instrument: Instrument, total: int) -> list[int]:
    """Spread a total over the items, the last PHQ-9 item staying low."""
    limits = [3] * len(instrument.items)
    if instrument is PHQ9:
        limits[-1] = 3 if total > 24 else 1 if total >= 17 else 0
    answers = [0] * len(limits)
    while sum(answers) < total:
        open_items = [n for n, limit in enumerate(limits) if answers[n] < limit]
        if not open_items:
            limits[-1] = 3
            continue
        answers[rng.choice(open_items)] += 1
    return answers


def _response(chart: Chart, visit: Visit, instrument: Instrument, total: int) -> str:
    answers = _split(chart.rng, instrument, total)
    items = [
        {"linkId": code, "text": label, "answer": [{"valueCoding": {"system": LOINC, "code": _ANSWERS[answer]}}]}
        for (code, label), answer in zip(instrument.items, answers, strict=True)
    ]
    items.append({"linkId": instrument.total, "text": "Total score", "answer": [{"valueDecimal": total}]})
    return chart.put(
        visit.stay.program,
        "QuestionnaireResponse",
        "us-core-questionnaireresponse",
        {
            "identifier": {"system": BASE + "response", "value": f"Q{chart.patient[-6:]}{len(chart.items)}"},
            "questionnaire": instrument.canonical,
            "_questionnaire": {
                "extension": [
                    extension("http://hl7.org/fhir/StructureDefinition/display", valueString=instrument.name),
                ]
            },
            "status": "completed",
            "subject": chart.subject,
            "authored": moment(visit.start),
            "author": chart.subject,
            "item": items,
        },
    )


def _total(chart: Chart, visit: Visit, encounter: str, instrument: Instrument, value: int, response: str | None) -> None:
    body = _survey(chart, visit.start, encounter, visit.staff, f"{instrument.name} total score", (LOINC, instrument.total))
    body["valueQuantity"] = quantity(value, "{score}")
    body["interpretation"] = [concept(_band(instrument, value))]
    if response:
        body["derivedFrom"] = [ref(response)]
    total = chart.put(visit.stay.program, "Observation", _SCREENING, body)
    if response and chart.rng.random() < 0.3:
        panel = _survey(chart, visit.start, encounter, visit.staff, instrument.name, (LOINC, instrument.panel))
        panel |= {"hasMember": [ref(total)], "derivedFrom": [ref(response)]}
        chart.put(visit.stay.program, "Observation", _SCREENING, panel)


def _band(instrument: Instrument, value: int) -> str:
    if instrument is PHQ9:
        return ("minimal", "mild", "moderate", "moderately severe", "severe")[min(value // 5, 4)]
    return ("minimal", "mild", "moderate", "severe")[min(value // 5, 3)]


def _survey(chart: Chart, when: datetime, encounter: str, staff: Staff, text: str, code: tuple[str, str]) -> Json:
    return {
        "status": "final",
        "category": [_SURVEY],
        "code": concept(text, code),
        "subject": chart.subject,
        "encounter": ref(encounter),
        "effectiveDateTime": moment(when),
        "performer": [chart.by(staff)],
    }


def intake_screens(chart: Chart, visit: Visit, encounter: str) -> None:
    """Add what is asked once at intake: AUDIT-C where alcohol may matter, a social needs screen, function."""
    program = visit.stay.program
    if visit.stay.part2 or chart.rng.random() < 0.3:
        alcohol = any(d.key == "alcohol" for d in chart.diagnoses)
        body = _survey(chart, visit.start, encounter, visit.staff, "AUDIT-C total score", (LOINC, "75626-2"))
        body["valueQuantity"] = quantity(chart.rng.randint(8, 12) if alcohol else chart.rng.randint(0, 5), "{score}")
        chart.put(program, "Observation", _SCREENING, body)
    if chart.rng.random() < 0.5:
        _suicide_risk(chart, visit, encounter)
    if chart.rng.random() < 0.4:
        _food(chart, visit, encounter)


def _suicide_risk(chart: Chart, visit: Visit, encounter: str) -> None:
    """Add the triage of the Columbia screener as words; the questions themselves are not ours to copy."""
    depressed = [value for when, name, value in chart.scores if name == "PHQ-9" and when == visit.start]
    level = "Moderate" if depressed and depressed[0] > 21 else "Low" if depressed and depressed[0] > 15 else "No risk found"
    code = (LOCAL + "measure", "c-ssrs-screener-triage")
    body = _survey(chart, visit.start, encounter, visit.staff, "C-SSRS screener, triage", code)
    body["valueString"] = level
    chart.put(visit.stay.program, "Observation", _SCREENING, body)


def _food(chart: Chart, visit: Visit, encounter: str) -> None:
    at_risk = any(d.key == "food" for d in chart.diagnoses)
    body = _survey(chart, visit.start, encounter, visit.staff, "Food security risk (Hunger Vital Sign)", (LOINC, "88124-3"))
    body["category"] = [_SURVEY, concept("Social needs", (US_CORE_CATEGORY, "sdoh"))]
    answer = ("LA19952-3", "At risk") if at_risk else ("LA19983-8", "No risk")
    body["valueCodeableConcept"] = concept(answer[1], (LOINC, answer[0]))
    chart.put(visit.stay.program, "Observation", _SCREENING, body)


def withdrawal_score(chart: Chart, stay: Stay, when: datetime, encounter: str, staff: Staff) -> None:
    """Add a COWS or CIWA-Ar total, falling over the days of withdrawal.

    Neither total has a LOINC code that we could confirm, so they carry a local one.
    """
    hours = (when.date() - stay.start).days * 24 + when.hour - 10
    opioid = any(d.key == "opioid" for d in chart.diagnoses)
    name, peak, highest = ("COWS", 22, 48) if opioid else ("CIWA-Ar", 20, 67)
    center = peak * max(0.06, 1 - hours / 110) if hours > 12 else peak * 0.8
    value = min(max(round(center + chart.rng.uniform(-2, 2)), 0), highest)
    body = _survey(chart, when, encounter, staff, f"{name} total score", (LOCAL + "measure", name.lower() + "-total"))
    body["valueQuantity"] = quantity(value, "{score}")
    chart.put(stay.program, "Observation", _SCREENING, body)
