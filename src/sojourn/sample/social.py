"""Social history: smoking, pregnancy, work, sexual orientation, and needs that clients told of."""

from __future__ import annotations

from datetime import date, datetime

from sojourn.sample.chart import Chart
from sojourn.sample.intake_form import daily_life
from sojourn.sample.parts import HL7, LOINC, SNOMED, Json, concept, hl7, moment, period
from sojourn.sample.visits import Visit

_SOCIAL = hl7("observation-category", "social-history", "Social History")
_JOBS = (
    "Line cook",
    "Home health aide",
    "Carpenter",
    "Truck driver",
    "Teacher's aide",
    "Cashier",
    "Roofer",
    "Office assistant",
    "Mechanic",
    "Student",
    "Warehouse worker",
    "Nurse's aide",
    "Farm worker",
    "Musician",
)
_INDUSTRIES = ("Food service", "Home care", "Construction", "Transport", "Education", "Retail", "Health care", "Farming")


def social_history(chart: Chart, visit: Visit) -> None:
    """Add what is asked at the first intake."""
    _smoking(chart, visit)
    _occupation(chart, visit)
    _orientation(chart, visit)
    if chart.person.gender == "female" and 13 <= chart.person.age(chart.today) <= 50:
        _pregnancy(chart, visit)
    if chart.rng.random() < 0.2:
        daily_life(chart, visit)


def _put(chart: Chart, visit: Visit, profile: str, code: str, text: str, value: Json, when: date | datetime) -> None:
    body: Json = {
        "status": "final",
        "category": [_SOCIAL],
        "code": concept(text, (LOINC, code)),
        "subject": chart.subject,
        "effectiveDateTime": moment(when),
        "performer": [chart.by(visit.staff)],
        "valueCodeableConcept": value,
    }
    chart.put(visit.stay.program, "Observation", profile, body)


def _smoking(chart: Chart, visit: Visit) -> None:
    smokes = any(d.key == "nicotine" for d in chart.diagnoses)
    code, text = (
        ("449868002", "Smokes every day")
        if smokes
        else chart.rng.choice(
            (
                ("266919005", "Never smoked"),
                ("8517006", "Used to smoke"),
                ("266919005", "Never smoked"),
                ("428041000124106", "Smokes on some days"),
            )
        )
    )
    _put(chart, visit, "us-core-smokingstatus", "72166-2", "Tobacco smoking status", concept(text, (SNOMED, code)), visit.start)


def _pregnancy(chart: Chart, visit: Visit) -> None:
    pregnant = "pregnant" in chart.person.tags
    status = ("77386006", "Pregnant") if pregnant else ("60001007", "Not pregnant")
    _put(
        chart,
        visit,
        "us-core-observation-pregnancystatus",
        "82810-3",
        "Pregnancy status",
        concept(status[1], (SNOMED, status[0])),
        visit.start,
    )
    if not pregnant and chart.rng.random() < 0.5:
        intent = concept("Not sure about wanting to become pregnant", (SNOMED, "454381000124105"))
        _put(chart, visit, "us-core-observation-pregnancyintent", "86645-9", "Pregnancy intention in the next year", intent, visit.start)


def _occupation(chart: Chart, visit: Visit) -> None:
    job = "Student" if chart.person.age(chart.today) < 18 else chart.rng.choice(_JOBS)
    started = date(chart.today.year - chart.rng.randint(1, 6), chart.rng.randint(1, 12), 1)
    chart.put(
        visit.stay.program,
        "Observation",
        "us-core-observation-occupation",
        {
            "status": "final",
            "category": [_SOCIAL],
            "code": concept("Occupation", (LOINC, "11341-5")),
            "subject": chart.subject,
            "effectivePeriod": period(started),
            "valueCodeableConcept": concept(job),
            "component": [
                {
                    "code": concept("Industry", (LOINC, "86188-0")),
                    "valueCodeableConcept": concept(chart.rng.choice(_INDUSTRIES)),
                }
            ],
        },
    )


def _orientation(chart: Chart, visit: Visit) -> None:
    roll = chart.rng.random()
    if roll < 0.35:
        return
    if roll < 0.78:
        value = concept("Straight or heterosexual", (SNOMED, "20430005"))
    elif roll < 0.86:
        value = concept("Lesbian or gay", (SNOMED, "38628009"))
    elif roll < 0.92:
        value = concept("Bisexual", (SNOMED, "42035005"))
    else:
        value = concept("Chose not to answer", (HL7 + "v3-NullFlavor", "ASKU"))
    _put(chart, visit, "us-core-observation-sexual-orientation", "76690-7", "Sexual orientation", value, visit.start)
