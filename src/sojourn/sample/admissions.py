"""From referral to discharge: problem list, episodes of care, care teams, goals and plans."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sojourn.sample.chart import Chart
from sojourn.sample.diagnoses import Diagnosis
from sojourn.sample.directory import OUTSIDE_PEOPLE
from sojourn.sample.localtime import at, iso
from sojourn.sample.parts import (
    ICD10,
    LOCAL,
    NUCC,
    R4,
    SNOMED,
    US_CORE_CATEGORY,
    Json,
    concept,
    extension,
    hl7,
    narrative,
    period,
    ref,
)
from sojourn.sample.plan_texts import GOALS, PLAN_ACTIVITIES
from sojourn.sample.programs import PROGRAM
from sojourn.sample.staff import JOBS, Staff
from sojourn.sample.stories import Stay


def referral(chart: Chart, stay: Stay, source: str) -> str:
    """Add the referral that led to a stay; `source` is an outside organization or 'riverbend'."""
    asked = at(stay.start - timedelta(days=chart.rng.randint(1, 6)), 11, 15)
    program = PROGRAM[stay.program]
    body: Json = {
        "status": "active" if stay.end is None else "completed",
        "intent": "order",
        "category": [concept("Social service procedure", (SNOMED, "410606002"))],
        "code": concept(f"Referral to {program.name}", (SNOMED, "3457005")),
        "subject": chart.subject,
        "occurrencePeriod": period(stay.start, stay.end),
        "authoredOn": iso(asked),
        "requester": chart.at("Organization", source),
        "performer": [chart.program(stay)],
    }
    problem = chart.main_problem(stay)
    if problem:
        body["reasonCode"] = [_code(problem)]
        if problem.key in chart.problems:
            body["reasonReference"] = [ref(chart.problems[problem.key])]
    return chart.put(stay.program, "ServiceRequest", "us-core-servicerequest", body)


def problem_list(chart: Chart) -> None:
    """Add the problem list, each entry made by the program that treats it."""
    for diagnosis in chart.diagnoses:
        origin = _origin(chart, diagnosis)
        chart.problems[diagnosis.key] = chart.put(
            origin.program if origin else chart.home(),
            "Condition",
            "us-core-condition-problems-health-concerns",
            _problem(chart, diagnosis, origin.start if origin else chart.today - timedelta(days=5)),
        )


def _origin(chart: Chart, diagnosis: Diagnosis) -> Stay | None:
    treating = [s for s in chart.stays if s.part2 == (diagnosis.family == "sud")]
    if diagnosis.family in {"sud", "mh"} and treating:
        return treating[0]
    return chart.stays[0] if chart.stays else None


def _problem(chart: Chart, diagnosis: Diagnosis, recorded: date) -> Json:
    onset = recorded - timedelta(days=chart.rng.randint(200, 4500))
    solved = diagnosis.family == "social" and chart.rng.random() < 0.35
    kind = ("http://hl7.org/fhir/us/core/CodeSystem/condition-category", "health-concern")
    category = [concept(None, kind) if diagnosis.family == "social" else hl7("condition-category", "problem-list-item")]
    if diagnosis.family == "social":
        category.append(concept(None, (US_CORE_CATEGORY, "sdoh")))
    body: Json = {
        "extension": [extension(R4 + "condition-assertedDate", valueDateTime=recorded.isoformat())],
        "clinicalStatus": hl7("condition-clinical", "resolved" if solved else "active"),
        "verificationStatus": hl7("condition-ver-status", "confirmed"),
        "category": category,
        "code": _code(diagnosis),
        "subject": chart.subject,
        "onsetDateTime": onset.isoformat(),
        "recordedDate": recorded.isoformat(),
    }
    if solved:
        body["abatementDateTime"] = (recorded + (chart.today - recorded) / 2).isoformat()
    return body


def _code(diagnosis: Diagnosis) -> Json:
    codes = [(ICD10, diagnosis.icd10)]
    if diagnosis.snomed:
        codes.append((SNOMED, diagnosis.snomed))
    return concept(diagnosis.text, *codes)


def encounter_diagnosis(chart: Chart, stay: Stay, encounter: str, when: datetime) -> None:
    """Add the diagnosis given at an intake visit."""
    diagnosis = chart.main_problem(stay)
    if diagnosis is None:
        return
    body: Json = {
        "extension": [extension(R4 + "condition-assertedDate", valueDateTime=iso(when))],
        "clinicalStatus": hl7("condition-clinical", "active" if stay.end is None else "resolved"),
        "verificationStatus": hl7("condition-ver-status", "confirmed"),
        "category": [hl7("condition-category", "encounter-diagnosis")],
        "code": _code(diagnosis),
        "subject": chart.subject,
        "encounter": ref(encounter),
        "onsetDateTime": stay.start.isoformat(),
        "recordedDate": iso(when),
    }
    if stay.end is not None:
        body["abatementDateTime"] = stay.end.isoformat()
    chart.put(stay.program, "Condition", "us-core-condition-encounter-diagnosis", body)


def admit(chart: Chart, stay: Stay, referred: str | None) -> None:
    """Add the care team, the episode, the goals and the plan of one stay."""
    team = _care_team(chart, stay)
    chart.episodes[stay.number] = chart.put(stay.program, "EpisodeOfCare", "", _episode(chart, stay, team, referred))
    chart.goals[stay.number] = [
        chart.put(stay.program, "Goal", "us-core-goal", _goal(chart, stay, text))
        for text in chart.rng.sample(GOALS["sud" if stay.part2 else "mh"], 2)
    ]
    chart.put(stay.program, "CarePlan", "us-core-careplan", _care_plan(chart, stay, team))


def _episode(chart: Chart, stay: Stay, team: str, referred: str | None) -> Json:
    program = PROGRAM[stay.program]
    body: Json = {
        "status": "active" if stay.end is None else "finished",
        "type": [concept(program.name, (LOCAL + "level-of-care", program.level_of_care))],
        "patient": chart.subject,
        "managingOrganization": chart.program(stay),
        "period": period(stay.start, stay.end),
        "careManager": chart.by(_lead(chart, stay)),
        "team": [ref(team)],
    }
    problem = chart.main_problem(stay)
    if problem:
        role = hl7("diagnosis-role", "CC")
        body["diagnosis"] = [{"condition": ref(chart.problems[problem.key]), "role": role, "rank": 1}]
    if referred:
        body["referralRequest"] = [ref(referred)]
    return body


def _lead(chart: Chart, stay: Stay) -> Staff:
    team = chart.teams[stay.number]
    return team.get("therapist") or team["prescriber"]


def _care_team(chart: Chart, stay: Stay) -> str:
    members = [_member(chart, staff) for staff in chart.teams[stay.number].values()]
    members.append({"role": [concept("Client", (SNOMED, "116154003"))], "member": chart.subject})
    if chart.person.age(chart.today) < 18 and chart.relatives and "minor-own-consent" not in chart.person.tags:
        caregiver = concept("Parent and guardian", (SNOMED, "133932002"))
        members.append({"role": [caregiver], "member": ref(chart.relatives[0])})
    if not stay.part2 and _referrer(chart, stay) == chart.at("Organization", "lakeside"):
        family_doctor = ref(chart.directory.reference("PractitionerRole", "whelan:lakeside"), OUTSIDE_PEOPLE[0].name)
        members.append({"role": [concept("Primary care physician", (NUCC, "207Q00000X"))], "member": family_doctor})
    body: Json = {
        "status": "active" if stay.end is None else "inactive",
        "name": f"{PROGRAM[stay.program].name} team",
        "subject": chart.subject,
        "period": period(stay.start, stay.end),
        "participant": members,
        "managingOrganization": [chart.program(stay)],
    }
    return chart.put(stay.program, "CareTeam", "us-core-careteam", body)


def _referrer(chart: Chart, stay: Stay) -> Json:
    asked = next(i.resource for i in chart.items if f"ServiceRequest/{i.resource['id']}" == chart.referrals[stay.number])
    who: Json = asked["requester"]
    return who


def _member(chart: Chart, staff: Staff) -> Json:
    job = JOBS[staff.job]
    code = (SNOMED, job.snomed) if job.snomed else (NUCC, job.taxonomy)
    return {"role": [concept(job.text, code)], "member": chart.by(staff)}


def _goal(chart: Chart, stay: Stay, text: str) -> Json:
    reached = stay.outcome == "completed" and chart.person.course == "improving"
    body: Json = {
        "lifecycleStatus": "completed" if reached else "active" if stay.end is None else "cancelled",
        "achievementStatus": hl7("goal-achievement", "achieved" if reached else "in-progress"),
        "description": concept(text, (LOCAL + "goal", "-".join(text.lower().split()[:4]))),
        "subject": chart.subject,
        "startDate": stay.start.isoformat(),
        "target": [{"dueDate": (stay.start + timedelta(days=90)).isoformat()}],
        "expressedBy": chart.subject,
    }
    problem = chart.main_problem(stay)
    return body | {"addresses": [ref(chart.problems[problem.key])]} if problem else body


def _care_plan(chart: Chart, stay: Stay, team: str) -> Json:
    program = PROGRAM[stay.program]
    activities = PLAN_ACTIVITIES[stay.program]
    problem = chart.main_problem(stay)
    ended = "completed" if stay.outcome == "completed" else "revoked"
    body: Json = {
        "text": narrative(f"Treatment plan, {program.name}.", "Planned: " + "; ".join(activities) + "."),
        "status": "active" if stay.end is None else ended,
        "intent": "plan",
        "category": [concept(None, ("http://hl7.org/fhir/us/core/CodeSystem/careplan-category", "assess-plan"))],
        "title": f"Treatment plan, {program.name}",
        "subject": chart.subject,
        "period": period(stay.start, stay.end),
        "created": stay.start.isoformat(),
        "author": chart.by(_lead(chart, stay)),
        "careTeam": [ref(team)],
        "goal": [ref(goal) for goal in chart.goals[stay.number]],
        "activity": [_activity(stay, text) for text in activities],
    }
    return body | {"addresses": [ref(chart.problems[problem.key])]} if problem else body


def _activity(stay: Stay, text: str) -> Json:
    status = "in-progress" if stay.end is None else "completed" if stay.outcome == "completed" else "stopped"
    return {"detail": {"kind": "ServiceRequest", "code": concept(text), "status": status, "description": text}}


def waiting_referral(chart: Chart) -> None:
    """Add a referral and a planned episode for somebody who has not been seen yet."""
    asked = at(chart.today - timedelta(days=2), 15, 20)
    body: Json = {
        "status": "active",
        "intent": "order",
        "category": [concept("Social service procedure", (SNOMED, "410606002"))],
        "code": concept("Referral to Outpatient Counseling", (SNOMED, "3457005")),
        "subject": chart.subject,
        "authoredOn": iso(asked),
        "requester": chart.at("Organization", "lakeside"),
    }
    asked_for = chart.put("mhop", "ServiceRequest", "us-core-servicerequest", body)
    chart.put(
        "mhop",
        "EpisodeOfCare",
        "",
        {
            "status": "planned",
            "type": [concept("Outpatient Counseling", (LOCAL + "level-of-care", "OP"))],
            "patient": chart.subject,
            "managingOrganization": chart.at("Organization", "program:mhop"),
            "referralRequest": [ref(asked_for)],
        },
    )
