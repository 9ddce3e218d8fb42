"""Visits as Encounters, with what was done (HCPCS procedures), the note, and residential stays."""

from __future__ import annotations

from datetime import datetime, timedelta

from sojourn.sample.admissions import encounter_diagnosis
from sojourn.sample.chart import Chart
from sojourn.sample.directory import BEDS
from sojourn.sample.localtime import at, iso
from sojourn.sample.notes import discharge_note, visit_note
from sojourn.sample.parts import BASE, HCPCS, HL7, LOCAL, SNOMED, Json, coding, concept, hl7, period, ref, text_attachment
from sojourn.sample.programs import PROGRAM
from sojourn.sample.stories import Stay
from sojourn.sample.visits import INPATIENT, Diary, Visit

# SNOMED CT encounter types; the local code says what kind of visit it was.
_TYPES = {
    "stay": ("32485007", "Residential stay"),
    "intake": ("185349003", "Intake assessment"),
    "individual": ("390906007", "Individual counseling"),
    "family": ("390906007", "Family session"),
    "group": ("308335008", "Group session"),
    "medical": ("185349003", "Medication visit"),
    "nursing": ("390906007", "Nursing visit"),
    "case": ("308335008", "Case management"),
}

# HCPCS Level II codes (public domain) with our own words.
_SUD_PROCEDURES = {
    "intake": ("H0001", "Alcohol and drug assessment"),
    "individual": ("H0004", "Counseling, individual"),
    "family": ("H0004", "Counseling with family"),
    "group": ("H0005", "Group counseling, substance use"),
    "case": ("T1016", "Case management"),
    "nursing": ("H0033", "Observed medication"),
}
_MH_PROCEDURES = {
    "intake": ("H0031", "Mental health assessment"),
    "individual": ("H0004", "Counseling, individual"),
    "family": ("H0004", "Counseling with family"),
    "group": ("H0035", "Mental health day treatment"),
    "case": ("T1016", "Case management"),
}
_STAY_PROCEDURES = {"detox": ("H0010", "Withdrawal management, residential"), "residential": ("H0018", "Residential treatment")}
_DOCUMENT_TYPES = {"intake": ("34117-2", "History and assessment"), "": ("11506-3", "Progress note")}
_CLINICAL_NOTE = ("http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category", "clinical-note")


def stay_encounter(chart: Chart, stay: Stay, diary: Diary) -> str:
    """Add the Encounter that spans a stay in a bed, and its procedure and discharge note."""
    start = at(stay.start, 10, 30)
    end = at(stay.end, 11) if stay.end else None
    unit = f"unit:{stay.program}"
    bed = f"bed:{stay.program}:{diary.bed(stay, BEDS[stay.program])}"
    body: Json = _frame(chart, stay, "stay") | {
        "status": "finished" if end else "in-progress",
        "class": coding(HL7 + "v3-ActCode", "IMP", "inpatient encounter"),
        "period": period(start, end),
        "participant": [
            _participant(chart, chart.by(staff), "ATND", start, end)
            for staff in [chart.teams[stay.number].get("prescriber") or chart.teams[stay.number]["therapist"]]
        ],
        "location": [
            {"location": chart.at("Location", bed), "status": "completed" if end else "active"},
            {"location": chart.at("Location", unit), "status": "completed" if end else "active"},
        ],
    }
    body["hospitalization"] = {"admitSource": hl7("admit-source", "other")}
    if end:
        body["hospitalization"]["dischargeDisposition"] = _disposition(stay)
    encounter = chart.put(stay.program, "Encounter", "us-core-encounter", body)
    code, text = _STAY_PROCEDURES[stay.program]
    _procedure(chart, stay, encounter, code, text, start, end)
    return encounter


def _disposition(stay: Stay) -> Json:
    if stay.outcome == "against advice":
        return concept("Left against advice", (HL7 + "discharge-disposition", "aadvice"))
    if stay.outcome == "transferred":
        return concept("Next level of care", (HL7 + "discharge-disposition", "rehab"))
    return concept("Home", (HL7 + "discharge-disposition", "home"))


def discharge(chart: Chart, stay: Stay, encounter: str | None) -> None:
    """Add the discharge summary of a stay that has ended."""
    if stay.end is None or stay.outcome == "died":
        return
    when = at(stay.end, 12, 15)
    staff = chart.teams[stay.number].get("therapist") or chart.teams[stay.number]["prescriber"]
    title = f"Discharge summary, {PROGRAM[stay.program].name}"
    body = _document(chart, "18842-5", "Discharge summary", title, discharge_note(chart, stay), when)
    body["author"] = [chart.by(staff)]
    body["context"] = {"period": period(at(stay.start, 10, 30), when)}
    if encounter:
        body["context"]["encounter"] = [ref(encounter)]
    chart.put(stay.program, "DocumentReference", "us-core-documentreference", body)


def visit_encounter(chart: Chart, visit: Visit, inside: str | None) -> str:
    """Add the Encounter of a visit with its procedure and note; `inside`: the stay it is part of."""
    stay = visit.stay
    body = _frame(chart, stay, visit.kind) | {
        "status": "finished" if visit.attended else "cancelled",
        "class": _class(visit),
        "period": period(visit.start, visit.end),
        "participant": _participants(chart, visit),
        "location": [{"location": chart.at("Location", PROGRAM[stay.program].site)}],
    }
    if inside:
        body["partOf"] = ref(inside)
    encounter = chart.put(stay.program, "Encounter", "us-core-encounter", body)
    if not visit.attended:
        return encounter
    done = _done(visit)
    if done:
        _procedure(chart, stay, encounter, *done, visit.start, visit.end)
    if visit.kind == "intake":
        encounter_diagnosis(chart, stay, encounter, visit.start)
    _note(chart, visit, encounter)
    return encounter


def _done(visit: Visit) -> tuple[str, str] | None:
    """Return the HCPCS code and words for a visit; groups and nursing on a unit are part of the day rate."""
    program, kind = visit.stay.program, visit.kind
    if program in INPATIENT and kind in {"group", "nursing"}:
        return None
    if program == "iop" and kind == "group":
        return "H0015", "Intensive outpatient session"
    return (_SUD_PROCEDURES if visit.stay.part2 else _MH_PROCEDURES).get(kind)


def _frame(chart: Chart, stay: Stay, kind: str) -> Json:
    snomed, text = _TYPES[kind]
    body: Json = {
        "identifier": [{"system": BASE + "encounter", "value": f"E{chart.patient[-6:]}{len(chart.items)}"}],
        "type": [concept(text, (SNOMED, snomed), (LOCAL + "visit-kind", kind))],
        "subject": chart.subject,
        "episodeOfCare": [ref(chart.episodes[stay.number])],
        "serviceProvider": chart.program(stay),
    }
    problem = chart.main_problem(stay)
    if problem:
        body["reasonReference"] = [ref(chart.problems[problem.key])]
        body["reasonCode"] = [concept(problem.text)]
    return body


def _class(visit: Visit) -> Json:
    code, text = ("VR", "virtual") if visit.video else ("AMB", "ambulatory")
    if visit.stay.program in INPATIENT:
        code, text = "IMP", "inpatient encounter"
    return coding(HL7 + "v3-ActCode", code, text)


def _participants(chart: Chart, visit: Visit) -> list[Json]:
    people = [_participant(chart, chart.by(visit.staff), "PPRF", visit.start, visit.end)]
    if visit.kind == "family" and chart.relatives:
        people.append(_participant(chart, ref(chart.relatives[0]), "PART", visit.start, visit.end))
    return people


def _participant(chart: Chart, who: Json, role: str, start: datetime, end: datetime | None) -> Json:
    return {"type": [hl7("v3-ParticipationType", role)], "period": period(start, end), "individual": who}


def _procedure(chart: Chart, stay: Stay, encounter: str, code: str, text: str, start: datetime, end: datetime | None) -> None:
    body: Json = {
        "status": "completed" if end else "in-progress",
        "code": concept(text, (HCPCS, code)),
        "subject": chart.subject,
        "encounter": ref(encounter),
        # US Core 6.1.0 marks only the dateTime as must-support; a stay keeps its period in the Encounter.
        "performedDateTime": iso(start),
    }
    problem = chart.main_problem(stay)
    if problem:
        body["reasonCode"] = [concept(problem.text)]
        body["reasonReference"] = [ref(chart.problems[problem.key])]
    if chart.referrals.get(stay.number):
        body["basedOn"] = [ref(chart.referrals[stay.number])]
    chart.put(stay.program, "Procedure", "us-core-procedure", body)


def _note(chart: Chart, visit: Visit, encounter: str) -> None:
    if visit.kind == "nursing" and visit.stay.program == "moud":
        return
    code, text = _DOCUMENT_TYPES.get(visit.kind, _DOCUMENT_TYPES[""])
    signed = visit.end + timedelta(minutes=chart.rng.randint(4, 95))
    title = f"{_TYPES[visit.kind][1]} note"
    body = _document(chart, code, text, title, visit_note(chart, visit), signed)
    body["author"] = [chart.by(visit.staff)]
    body["context"] = {"encounter": [ref(encounter)], "period": period(visit.start, visit.end)}
    goals = chart.goals.get(visit.stay.number)
    if goals and visit.kind != "intake" and len(chart.items) % 11:  # a few notes hang loose, as they do
        body["context"]["related"] = [ref(goals[len(chart.items) % len(goals)])]
    note = chart.put(visit.stay.program, "DocumentReference", "us-core-documentreference", body)
    if visit.kind == "intake" or chart.rng.random() < 0.03:
        _signature(chart, visit, note, signed)


def _document(chart: Chart, code: str, text: str, title: str, body: str, made: datetime) -> Json:
    return {
        "identifier": [{"system": BASE + "document", "value": f"D{chart.patient[-6:]}{len(chart.items)}"}],
        "status": "current",
        "docStatus": "final",
        "type": concept(text, ("http://loinc.org", code)),
        "category": [concept("Clinical note", _CLINICAL_NOTE)],
        "subject": chart.subject,
        "date": iso(made),
        "content": [
            {
                "attachment": text_attachment(title, body, made),
                "format": coding(
                    "http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode", "urn:ihe:iti:xds:2017:mimeTypeSufficient"
                ),
            }
        ],
    }


def _signature(chart: Chart, visit: Visit, note: str, signed: datetime) -> None:
    employer = chart.program(visit.stay)
    chart.put(
        visit.stay.program,
        "Provenance",
        "us-core-provenance",
        {
            "target": [ref(note)],
            "recorded": iso(signed),
            "agent": [
                {"type": hl7("provenance-participant-type", "author"), "who": chart.by(visit.staff), "onBehalfOf": employer},
            ],
        },
    )
