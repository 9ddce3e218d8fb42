"""The intake form about daily life: a response with nested answers, and observations drawn from it."""

from __future__ import annotations

from sojourn.sample.chart import Chart
from sojourn.sample.parts import (
    BASE,
    LOCAL,
    LOINC,
    US_CORE,
    US_CORE_CATEGORY,
    Json,
    concept,
    extension,
    hl7,
    moment,
    quantity,
    ref,
)
from sojourn.sample.visits import Visit

CANONICAL = BASE + "fhir/Questionnaire/daily-life"
_HOMES = (
    "Rents a room, feels safe there",
    "Stays with a sister until the end of the month",
    "Own apartment, stairs are hard",
    "Recovery residence, bed confirmed",
    "Lives with parents, shares a room",
    "House with partner and two children",
)
_WISHES = ("A ride to the clinic", "Sleep", "Someone to call at night", "A quiet room", "Work", "My kids seeing me well")


def daily_life_form() -> Json:
    """Return the Questionnaire of the intake form."""
    transport = {"linkId": "transport", "text": "Has transport kept you from visits?", "type": "choice"}
    detail = {"linkId": "transport-detail", "text": "What happened?", "type": "string"}
    return {
        "url": CANONICAL,
        "name": "DailyLife",
        "title": "Daily life",
        "status": "active",
        "subjectType": ["Patient"],
        "item": [
            {
                "linkId": "home",
                "text": "Home",
                "type": "group",
                "item": [
                    {"linkId": "living", "text": "Where do you live now?", "type": "string"},
                    {"linkId": "people", "text": "How many people live there?", "type": "decimal"},
                ],
            },
            transport | {"item": [detail]},
            {"linkId": "wish", "text": "What would help most right now?", "type": "string"},
        ],
    }


def daily_life(chart: Chart, visit: Visit) -> None:
    """Add the answered form and what it says as simple observations."""
    words, people, late = chart.rng.choice(_HOMES), chart.rng.randint(1, 6), chart.rng.random() < 0.3
    response = chart.put(
        visit.stay.program, "QuestionnaireResponse", "us-core-questionnaireresponse", _response(chart, visit, words, people, late)
    )
    _observe(chart, visit, response, "Living situation", "71802-3", valueString=words)
    _observe(chart, visit, response, "People in the household", "63512-8", valueQuantity=quantity(people, "{#}"))
    yes = concept("Yes", (LOINC, "LA33-6")) if late else concept("No", (LOINC, "LA32-8"))
    _observe(chart, visit, response, "Transport kept the client from visits", "93030-5", valueCodeableConcept=yes)
    body = _base(chart, visit, response) | {
        "code": concept("Feels safe at home", (LOCAL + "measure", "safe-at-home")),
        "valueBoolean": chart.rng.random() > 0.08,
    }
    chart.put(visit.stay.program, "Observation", "us-core-simple-observation", body)


def _response(chart: Chart, visit: Visit, words: str, people: int, late: bool) -> Json:
    answer: Json = {"valueCoding": {"system": LOINC, "code": "LA33-6" if late else "LA32-8", "display": "Yes" if late else "No"}}
    if late:
        detail = "Missed the bus twice; the ride service did not come"
        answer["item"] = [{"linkId": "transport-detail", "text": "What happened?", "answer": [{"valueString": detail}]}]
    return {
        "identifier": {"system": BASE + "response", "value": f"Q{chart.patient[-6:]}{len(chart.items)}"},
        "questionnaire": CANONICAL,
        "_questionnaire": {
            "extension": [
                extension("http://hl7.org/fhir/StructureDefinition/display", valueString="Daily life"),
                extension(US_CORE + "us-core-extension-questionnaire-uri", valueUri=BASE + "forms/daily-life"),
            ]
        },
        "status": "completed",
        "subject": chart.subject,
        "authored": moment(visit.start),
        # Whom an interpreter or a nurse reads the questions to does not type the answers.
        "author": chart.by(visit.staff) if visit.stay.program in {"detox", "residential"} else chart.subject,
        "item": [
            {
                "linkId": "home",
                "text": "Home",
                "item": [
                    {"linkId": "living", "text": "Where do you live now?", "answer": [{"valueString": words}]},
                    {"linkId": "people", "text": "How many people live there?", "answer": [{"valueDecimal": people}]},
                ],
            },
            {"linkId": "transport", "text": "Has transport kept you from visits?", "answer": [answer]},
            {"linkId": "wish", "text": "What would help most right now?", "answer": [{"valueString": chart.rng.choice(_WISHES)}]},
        ],
    }


def _base(chart: Chart, visit: Visit, response: str) -> Json:
    return {
        "status": "final",
        "category": [hl7("observation-category", "social-history"), concept("Social needs", (US_CORE_CATEGORY, "sdoh"))],
        "subject": chart.subject,
        "effectiveDateTime": moment(visit.start),
        "performer": [chart.by(visit.staff)],
        "derivedFrom": [ref(response)],
    }


def _observe(chart: Chart, visit: Visit, response: str, text: str, code: str, **value: object) -> None:
    body = _base(chart, visit, response) | {"code": concept(text, (LOINC, code))} | value
    chart.put(visit.stay.program, "Observation", "us-core-simple-observation", body)
