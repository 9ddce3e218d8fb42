"""What is written down for some clients only: declined measures, wishes, who reviewed what."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sojourn.sample.chart import Chart, Item
from sojourn.sample.localtime import at, iso
from sojourn.sample.parts import (
    BASE,
    LOCAL,
    LOINC,
    SNOMED,
    US_CORE,
    US_CORE_CATEGORY,
    Json,
    concept,
    hl7,
    moment,
    period,
    quantity,
    ref,
    text_attachment,
)
from sojourn.sample.staff import Staff
from sojourn.sample.stories import Stay

_VITAL: Final = hl7("observation-category", "vital-signs", "Vital Signs")
_SURVEY: Final = hl7("observation-category", "survey", "Survey")
# Declined together: our word, LOINC codes, US Core profile.
_FLOW_SHEET: Final = (
    ("Heart rate", ("8867-4",), "us-core-heart-rate"),
    ("Respiratory rate", ("9279-1",), "us-core-respiratory-rate"),
    ("Body temperature", ("8310-5",), "us-core-body-temperature"),
    ("Oxygen saturation", ("59408-5", "2708-6"), "us-core-pulse-oximetry"),
)
_SCALE: Final = (
    ("Body height", ("8302-2",), "us-core-body-height"),
    ("Body weight", ("29463-7",), "us-core-body-weight"),
    ("Body mass index", ("39156-5",), "us-core-bmi"),
)
_CHILD: Final = ("BMI percentile for age and sex", ("59576-9",), "pediatric-bmi-for-age")
_SELDOM: Final = frozenset({"us-core-implantable-device", "us-core-average-blood-pressure"})
LATELY: Final = timedelta(days=21)
_CARE_WISHES: Final = (
    "Please ask before anybody touches my shoulder or closes the door.",
    "I would rather speak with a woman.",
    "Tell my sister first; she helps me to decide.",
)
_TREATMENT_WISHES: Final = (
    "In a crisis: a quiet room and somebody who sits with me, before any injection.",
    "No haloperidol; it made me stiff. Olanzapine by mouth has helped.",
    "Take me to Tamarack Valley rather than to another hospital.",
)
_CLINICAL_NOTE: Final = ("http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category", "clinical-note")
_CODED: Final = {"care-experience-preference": "family-takes-part", "treatment-intervention-preference": "no-restraint"}
_NEVER_SIGNED_FOR: Final = frozenset({"DocumentReference", "Consent", "Provenance", "Appointment", "Flag", "EpisodeOfCare"})


def particulars(chart: Chart) -> None:
    """Add them to a chart that has everything else; nothing here draws from the client's stream of chance.

    Who came within the last week has none of it yet: nothing in the sample is later than the day before today.
    """
    child = _stay(chart, {"php"}) if chart.person.age(chart.today) < 19 else None
    if child:
        _declined(chart, child, at(child.start, 13, 5), (*_SCALE, _CHILD))
    if chart.stays[0].start > chart.today - timedelta(days=7) or chart.person.born.day % 2:
        return
    for stay in chart.stays:
        if not chart.today - LATELY < stay.start < chart.today - timedelta(days=2):
            continue
        if stay.program == "detox":
            _declined(chart, stay, at(stay.start, 22, 15), _FLOW_SHEET)
            _declined_pressure(chart, stay, at(stay.start, 22, 15))
        if stay.program == "php" and not child:
            _declined(chart, stay, at(stay.start, 13, 5), _SCALE)
    _measured_at_home(chart)
    _pack_years(chart)
    _wishes(chart)
    _not_done(chart)
    _trend(chart)
    _kept_elsewhere(chart)
    _abilities(chart)
    _two_notes(chart)
    _who_entered(chart)


def _stay(chart: Chart, programs: set[str], days: int = 7) -> Stay | None:
    """The first stay in one of the programs that began that many days ago or earlier."""
    return next((s for s in chart.stays if s.program in programs and s.start <= chart.today - timedelta(days=days)), None)


def _observed(chart: Chart, category: Json, when: datetime, text: str, *codes: tuple[str, str]) -> Json:
    return {
        "status": "final",
        "category": [category],
        "code": concept(text, *codes),
        "subject": chart.subject,
        "effectiveDateTime": moment(when),
    }


def _seen_by(chart: Chart, stay: Stay) -> Staff:
    team = chart.teams[stay.number]
    return team.get("nurse") or team.get("prescriber") or team["therapist"]


def _absent(code: str, display: str) -> Json:
    return {"dataAbsentReason": hl7("data-absent-reason", code, display)}


def _declined(chart: Chart, stay: Stay, when: datetime, measures: tuple[tuple[str, tuple[str, ...], str], ...]) -> None:
    for text, codes, profile in measures:
        body = _observed(chart, _VITAL, when, text, *((LOINC, code) for code in codes))
        chart.put(
            stay.program,
            "Observation",
            profile,
            body | {"performer": [chart.by(_seen_by(chart, stay))]} | _absent("asked-declined", "Asked But Declined"),
        )


def _declined_pressure(chart: Chart, stay: Stay, when: datetime) -> None:
    absent = _absent("asked-declined", "Asked But Declined")
    body = _observed(chart, _VITAL, when, "Blood pressure", (LOINC, "85354-9")) | {"performer": [chart.by(_seen_by(chart, stay))]} | absent
    body["component"] = [
        {"code": concept(text, (LOINC, code))} | absent for text, code in (("Systolic", "8480-6"), ("Diastolic", "8462-4"))
    ]
    chart.put(stay.program, "Observation", "us-core-blood-pressure", body)


def _measured_at_home(chart: Chart) -> None:
    """The average of a week's readings at home, and a week in which none were brought (US Core 7.0.0)."""
    stay = _stay(chart, {"psychiatry", "moud"}, 21)
    if stay is None or not any(d.key == "hypertension" for d in chart.diagnoses):
        return
    for turn, known in enumerate((True, False)):
        start = at(stay.start + timedelta(days=7 * turn), 8)
        body = _observed(chart, _VITAL, start, "Average blood pressure at home", (LOINC, "96607-7"))
        del body["effectiveDateTime"]
        body |= {"effectivePeriod": period(start, start + timedelta(days=6)), "performer": [chart.subject]}
        parts = (("Mean systolic", "96608-5", 138), ("Mean diastolic", "96609-3", 84))
        body["component"] = [
            {"code": concept(text, (LOINC, code))}
            | ({"valueQuantity": quantity(value, "mmHg", "mm[Hg]")} if known else _absent("not-performed", "Not Performed"))
            for text, code, value in parts
        ]
        chart.put(stay.program, "Observation", "us-core-average-blood-pressure", body)


def _pack_years(chart: Chart) -> None:
    if not any(d.key == "nicotine" for d in chart.diagnoses) or chart.person.born.day % 4:
        return
    stay = chart.stays[0]
    body = _observed(
        chart,
        hl7("observation-category", "social-history", "Social History"),
        at(stay.start, 14),
        "Cigarette pack-years",
        (SNOMED, "401201003"),
    )
    body |= {
        "performer": [chart.by(_seen_by(chart, stay))],
        "valueQuantity": quantity(max(1, (chart.person.age(stay.start) - 18) // 2), "pack-years", "{pack-years}"),
    }
    chart.put(stay.program, "Observation", "us-core-smokingstatus|7.0.0", body)


def _wishes(chart: Chart) -> None:
    """What a client wants of care, said to the psychiatrist or written in a crisis plan (US Core 7.0.0)."""
    stay = _stay(chart, {"psychiatry", "php"})
    turn = chart.person.age(chart.today) + chart.person.born.day
    if stay is None or turn % 2:
        return
    when, turn = at(stay.start + timedelta(days=1), 15), turn // 2
    told = (
        ("care-experience-preference", "Wishes for how care is given", "95541-9", _CARE_WISHES),
        ("treatment-intervention-preference", "Wishes for treatment", "75773-2", _TREATMENT_WISHES),
    )
    for name, text, code, wishes in told:
        body = _observed(chart, concept(None, (US_CORE_CATEGORY, name)), when, text, (LOINC, code)) | {"performer": [chart.subject]}
        value = {"valueString": wishes[turn % len(wishes)]} if turn % 4 else {"valueCodeableConcept": concept(None, (LOCAL + "wish", _CODED[name]))}
        chart.put(stay.program, "Observation", f"us-core-{name}", body | value)


def _not_done(chart: Chart) -> None:
    """What was asked for and came to nothing: a spoiled specimen, a tracing that cannot be read, a form not answered."""
    stay = chart.stays[0]
    when = at(stay.start + timedelta(days=1), 11)
    if stay.program == "moud":
        where = {"collection": {"collectedDateTime": moment(when), "bodySite": concept("Right arm", (SNOMED, "368209003"))}}
        tag = {"system": BASE + "lab/specimen", "value": f"S{chart.patient[-5:]}"}
        spoiled = {
            "identifier": [tag],
            "accessionIdentifier": tag,
            "type": concept("Serum", (SNOMED, "119364003")),
            "subject": chart.subject,
        }
        spoiled |= where | {"condition": [hl7("v2-0493", "HEM", "Hemolyzed")]}
        specimen = chart.put(stay.program, "Specimen", "us-core-specimen", spoiled)
        result = _observed(chart, hl7("observation-category", "laboratory", "Laboratory"), when, "Potassium", (LOINC, "2823-3"))
        result |= {"status": "cancelled", "performer": [chart.at("Organization", "lab")], "specimen": ref(specimen)} | _absent(
            "error", "Error"
        )
        chart.put(stay.program, "Observation", "us-core-observation-lab", result)
        tracing = _observed(chart, hl7("observation-category", "procedure", "Procedure"), when, "QTc interval", (LOINC, "8636-3"))
        tracing |= {"performer": [chart.by(_seen_by(chart, stay))]} | _absent("error", "Error")
        chart.put(stay.program, "Observation", "us-core-observation-clinical-result", tracing)
    if stay.program == "residential":
        unanswered = _observed(chart, _SURVEY, when, "GAD-7 total score", (LOINC, "70274-6")) | {
            "performer": [chart.by(_seen_by(chart, stay))]
        }
        chart.put(
            stay.program,
            "Observation",
            "us-core-observation-screening-assessment",
            unanswered | _absent("asked-declined", "Asked But Declined"),
        )


def _trend(chart: Chart) -> None:
    """How the PHQ-9 moved over the first stay in counseling, worked out of its first and last total."""
    stay = _stay(chart, {"mhop"})
    totals = [
        i.resource
        for i in chart.items
        if stay and i.program_key == "mhop" and _codes(i.resource) & {"44261-6"} and "valueQuantity" in i.resource
    ]
    if stay is None or len(totals) < 2:
        return
    first, last = totals[0], totals[-1]
    moved = last["valueQuantity"]["value"] - first["valueQuantity"]["value"]
    body = _observed(
        chart,
        _SURVEY,
        datetime.fromisoformat(last["effectiveDateTime"]).replace(tzinfo=None),
        "PHQ-9, change since intake",
        (LOCAL + "measure", "phq-9-change"),
    )
    body |= {"performer": [chart.by(_seen_by(chart, stay))], "valueQuantity": quantity(moved, "{score}")}
    body["derivedFrom"] = [ref(f"Observation/{o['id']}") for o in (first, last)]
    chart.put(stay.program, "Observation", "us-core-observation-screening-assessment", body)


def _codes(resource: Json) -> set[str]:
    found = resource.get("code")
    return {c["code"] for c in found.get("coding", ())} if resource["resourceType"] == "Observation" and isinstance(found, dict) else set()


def _kept_elsewhere(chart: Chart) -> None:
    """A hospital's summary that the exchange holds: we know where it is, and have not fetched it."""
    stay = chart.stays[0]
    if stay.program != "php":
        return
    when = at(stay.start - timedelta(days=2), 16)
    attachment = {
        "contentType": "application/pdf",
        "url": f"https://documents.threerivers.example.org/{chart.patient[-8:]}",
        "title": "Discharge summary, Tamarack Valley Hospital",
    }
    body: Json = {
        "identifier": [{"system": "https://documents.threerivers.example.org/", "value": chart.patient[-8:]}],
        "status": "current",
        "type": concept("Discharge summary", (LOINC, "18842-5")),
        "category": [
            concept("Clinical note", _CLINICAL_NOTE)
        ],
        "subject": chart.subject,
        "date": iso(when),
        "author": [chart.at("Organization", "mercy")],
        "custodian": chart.at("Organization", "hie"),
        "content": [{"attachment": attachment}],
    }
    chart.put(stay.program, "DocumentReference", "us-core-documentreference", body)


def _abilities(chart: Chart) -> None:
    """What somebody in the day program can do by themselves, as asked at intake."""
    stay = _stay(chart, {"php"})
    if stay is None:
        return
    when = at(stay.start, 14, 20)
    often = chart.person.born.day % 4 == 0
    yes, no = concept("Yes", (LOINC, "LA33-6")), concept("No", (LOINC, "LA32-8"))
    asked = (
        ("functional-status", "Does daily tasks without help", (LOCAL + "measure", "daily-tasks"), no if often else yes),
        ("disability-status", "Serious difficulty concentrating, remembering or deciding", (LOINC, "69858-9"), yes if often else no),
        ("cognitive-status", "Oriented to person, place and time", (LOCAL + "measure", "oriented"), yes),
    )
    for category, text, code, answer in asked:
        body = _observed(chart, _SURVEY, when, text, code) | {"performer": [chart.by(_seen_by(chart, stay))], "valueCodeableConcept": answer}
        body["category"] = [_SURVEY, concept(None, (US_CORE_CATEGORY, category))]
        chart.put(stay.program, "Observation", "us-core-observation-screening-assessment", body)


def _two_notes(chart: Chart) -> None:
    """A consultation and a procedure: kinds of notes that few visits have."""
    stay = _stay(chart, {"psychiatry", "moud"})
    if stay is None or chart.person.born.day % 4:
        return
    when = at(stay.start + timedelta(days=3), 15, 40)
    if stay.program == "psychiatry":
        told = ("Consultation note", "11488-4", f"Seen on {when:%B %d} at the request of the therapist about sleep and energy. No change of medicine for now; see again in four weeks.")
    else:
        told = ("Procedure note", "28570-0", f"Observed dose on {when:%B %d}. Identity checked, dose swallowed in front of the nurse, no signs of sedation after twenty minutes.")
    title, code, text = told
    body: Json = {
        "identifier": [{"system": BASE + "document", "value": f"C{chart.patient[-6:]}"}],
        "status": "current",
        "docStatus": "final",
        "type": concept(title, (LOINC, code)),
        "category": [concept("Clinical note", _CLINICAL_NOTE)],
        "subject": chart.subject,
        "date": iso(when),
        "author": [chart.by(_seen_by(chart, stay))],
        "content": [{"attachment": text_attachment(title, f"{title}\n\n{chart.person.given[0]}: {text}", when)}],
    }
    chart.put(stay.program, "DocumentReference", "us-core-documentreference", body)


def _who_entered(chart: Chart) -> None:
    """Who registered the client, and who reviewed what their first stay left, one of each kind: for those who came lately, or have what is seldom."""
    stay = chart.stays[0]
    seldom = {profile for item in chart.items for profile in _profiles(item) if profile in _SELDOM}
    if stay.start < chart.today - LATELY and not seldom:
        return
    entered: dict[tuple[str, str], str] = {}
    for item in chart.items:
        type_ = item.resource["resourceType"]
        for profile in _profiles(item) if item.program_key == stay.program and type_ not in _NEVER_SIGNED_FOR else ():
            entered.setdefault((type_, profile), f"{type_}/{item.resource['id']}")
    registered = [f"{i.resource['resourceType']}/{i.resource['id']}" for i in chart.items if i.program_key == "central" and _profiles(i)]
    desk, riverbend = chart.at("Practitioner", "adam"), chart.at("Organization", "riverbend")
    _signed(chart, "central", registered, at(stay.start, 9, 5), desk, riverbend)
    reviewed = at(chart.today - timedelta(days=1), 7, 45)
    _signed(chart, stay.program, list(entered.values()), reviewed, chart.by(_seen_by(chart, stay)), chart.program(stay))


def _profiles(item: Item) -> list[str]:
    found: list[str] = item.resource.get("meta", {}).get("profile", [])
    return [url.removeprefix(US_CORE) for url in found]


def _signed(chart: Chart, program: str, targets: list[str], when: datetime, who: Json, employer: Json) -> None:
    agent = {"type": hl7("provenance-participant-type", "author"), "who": who, "onBehalfOf": employer}
    body: Json = {
        "target": [ref(t) for t in targets],
        "recorded": iso(when),
        "activity": hl7("v3-DocumentCompletion", "LA", "legally authenticated"),
        "agent": [agent],
    }
    chart.put(program, "Provenance", "us-core-provenance", body)
