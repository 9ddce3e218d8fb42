"""Vital signs in the US Core profiles, from the flow sheet of a unit or the start of a visit."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sojourn.sample.chart import Chart
from sojourn.sample.parts import LOINC, Json, concept, hl7, moment, quantity, ref
from sojourn.sample.staff import Staff
from sojourn.sample.stories import Stay

_CATEGORY = hl7("observation-category", "vital-signs", "Vital Signs")


class Body(NamedTuple):
    """What a person measures when well: height cm, weight kg, systolic and diastolic mm[Hg], pulse."""

    height: float
    weight: float
    systolic: int
    diastolic: int
    pulse: int


def body_of(chart: Chart) -> Body:
    """Return the client's usual measures."""
    rng, person = chart.rng, chart.person
    age = person.age(chart.today)
    height = rng.gauss(176 if person.gender == "male" else 163, 7) - max(0, 16 - age) * 4
    pressure = 14 if any(d.key == "hypertension" for d in chart.diagnoses) else 0
    weight = rng.uniform(20, 33) * (height / 100) ** 2
    return Body(round(height, 1), round(weight, 1), 114 + pressure + rng.randint(-8, 10), 72 + pressure // 2, 70)


def full_set(chart: Chart, body: Body, stay: Stay, when: datetime, encounter: str, staff: Staff) -> None:
    """Add blood pressure, pulse, breathing, temperature and oxygen, higher in early withdrawal."""
    stress = 0.0
    if stay.program == "detox":
        stress = max(0.0, 1 - (when.date() - stay.start).days / 4)
    rng = chart.rng

    def put(profile: str, text: str, code: str, value: float, unit: str, ucum: str) -> None:
        made = _observation(chart, when, encounter, staff, text, (LOINC, code))
        made["valueQuantity"] = quantity(value, unit, ucum)
        chart.put(stay.program, "Observation", profile, made)

    pressure(chart, body, stay, when, encounter, staff, stress)
    put("us-core-heart-rate", "Heart rate", "8867-4", body.pulse + round(28 * stress) + rng.randint(-6, 8), "/min", "/min")
    put("us-core-respiratory-rate", "Respiratory rate", "9279-1", 14 + round(4 * stress) + rng.randint(-1, 2), "/min", "/min")
    put("us-core-body-temperature", "Body temperature", "8310-5", round(36.6 + 0.6 * stress + rng.uniform(-0.2, 0.3), 1), "Cel", "Cel")
    oxygen(chart, stay, when, encounter, staff)


def _observation(chart: Chart, when: datetime, encounter: str, staff: Staff, text: str, *codes: tuple[str, str]) -> Json:
    return {
        "status": "final",
        "category": [_CATEGORY],
        "code": concept(text, *codes),
        "subject": chart.subject,
        "encounter": ref(encounter),
        "effectiveDateTime": moment(when),
        "performer": [chart.by(staff)],
    }


def pressure(chart: Chart, body: Body, stay: Stay, when: datetime, encounter: str, staff: Staff, stress: float = 0.0) -> None:
    """Add a blood pressure; now and then the client declines it, which is recorded as such."""
    made = _observation(chart, when, encounter, staff, "Blood pressure", (LOINC, "85354-9"))
    systolic = body.systolic + round(26 * stress) + chart.rng.randint(-7, 9)
    diastolic = body.diastolic + round(14 * stress) + chart.rng.randint(-5, 6)
    declined = chart.rng.random() < 0.01
    made["component"] = [
        _part("Systolic", "8480-6", systolic, declined),
        _part("Diastolic", "8462-4", diastolic, declined),
    ]
    chart.put(stay.program, "Observation", "us-core-blood-pressure", made)


def _part(text: str, code: str, value: int, declined: bool) -> Json:
    made: Json = {"code": concept(text, (LOINC, code))}
    if declined:
        return made | {"dataAbsentReason": hl7("data-absent-reason", "asked-declined", "Asked But Declined")}
    return made | {"valueQuantity": quantity(value, "mmHg", "mm[Hg]")}


def oxygen(chart: Chart, stay: Stay, when: datetime, encounter: str, staff: Staff) -> None:
    """Add pulse oximetry, rarely with supplemental oxygen."""
    made = _observation(chart, when, encounter, staff, "Oxygen saturation", (LOINC, "59408-5"), (LOINC, "2708-6"))
    made["valueQuantity"] = quantity(chart.rng.randint(95, 99), "%", "%")
    if chart.rng.random() < 0.02:
        made["component"] = [
            {"code": concept("Oxygen flow", (LOINC, "3151-8")), "valueQuantity": quantity(2, "L/min", "L/min")},
            {"code": concept("Oxygen concentration", (LOINC, "3150-0")), "valueQuantity": quantity(28, "%", "%")},
        ]
    chart.put(stay.program, "Observation", "us-core-pulse-oximetry", made)


def measured(chart: Chart, body: Body, stay: Stay, when: datetime, encounter: str, staff: Staff, first: bool) -> None:
    """Add weight and body mass index, the first time with height, and the percentile for the young."""

    def put(profile: str, text: str, code: str, value: float, unit: str, ucum: str) -> None:
        made = _observation(chart, when, encounter, staff, text, (LOINC, code))
        made["valueQuantity"] = quantity(value, unit, ucum)
        chart.put(stay.program, "Observation", profile, made)

    weight = round(body.weight + chart.rng.uniform(-1.5, 2.5), 1)
    if first:
        put("us-core-body-height", "Body height", "8302-2", body.height, "cm", "cm")
    put("us-core-body-weight", "Body weight", "29463-7", weight, "kg", "kg")
    index = round(weight / (body.height / 100) ** 2, 1)
    put("us-core-bmi", "Body mass index", "39156-5", index, "kg/m2", "kg/m2")
    if chart.person.age(when.date()) < 20:
        percentile = min(max(round((index - 15) * 7), 3), 97)
        put("pediatric-bmi-for-age", "BMI percentile for age and sex", "59576-9", percentile, "%", "%")
