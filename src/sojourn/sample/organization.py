"""The whole sample organization as a stream of resources, referenced ones first where possible."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from sojourn.sample import consents, consents_in_motion, labs, medications, prevention, vitals
from sojourn.sample.admissions import admit, problem_list, referral, waiting_referral
from sojourn.sample.appointments import book
from sojourn.sample.cast import cast
from sojourn.sample.chart import Chart, Item
from sojourn.sample.diagnoses import diagnoses_of
from sojourn.sample.directory import Directory
from sojourn.sample.encounters import discharge, stay_encounter, visit_encounter
from sojourn.sample.identity import Ids
from sojourn.sample.localtime import at
from sojourn.sample.measures import intake_screens, questionnaires, record_scores, scores_of, withdrawal_score
from sojourn.sample.particulars import particulars
from sojourn.sample.people import Person, drawn_people
from sojourn.sample.registration import register
from sojourn.sample.safety import flags
from sojourn.sample.social import social_history
from sojourn.sample.stories import Stay, stays_of
from sojourn.sample.visits import INPATIENT, Diary, Visit, clinicians, visits_of

CLIENTS = 200
# How often a medical visit of a program comes with a urine screen.
_SCREENED = {"moud": 0.25, "iop": 0.5, "residential": 0.15}


def organization(seed: int, today: date) -> Iterator[Item]:
    """Yield every resource of Riverbend Behavioral Health as it stands on the morning of `today`.

    The same seed and day give the same resources, byte for byte. No record is later than the day
    before `today`, but for appointments, which are all on `today` or later.
    """
    directory = Directory(seed, today)
    yield from (Item(None, resource) for resource in directory)
    ids = Ids(seed)
    for form in questionnaires():
        yield Item(None, {"resourceType": "Questionnaire", "id": ids(f"Questionnaire:{form['name']}"), **form})
    diary = Diary()
    for number, person in enumerate(people(seed, today)):
        yield from _chart(seed, directory, person, number, today, diary).items


def earlier_clients(seed: int, today: date, cohort: int) -> Iterator[Item]:
    """Yield the charts of 200 more clients of the same organization, as they stood on `today`. cohort: 1 or more; each gives other people.

    For measurements at size: the directory is that of `organization(seed, ...)`, which must be there before.
    """
    directory = Directory(seed, today)
    diary, own = Diary(), seed * 1000 + cohort
    for n, person in enumerate(drawn_people(own, today, CLIENTS)):
        yield from _chart(own, directory, person, cohort * CLIENTS + n, today, diary).items


def people(seed: int, today: date) -> list[Person]:
    """Return the clients, the hand-written ones first."""
    known = cast(today)
    return known + drawn_people(seed, today, CLIENTS - len(known))


def _chart(seed: int, directory: Directory, person: Person, number: int, today: date, diary: Diary) -> Chart:
    chart = Chart(seed, directory, person, today)
    chart.stays = stays_of(person, chart.rng, today)
    register(chart, number)
    if not chart.stays:
        waiting_referral(chart)
        return chart
    chart.diagnoses = diagnoses_of(person, chart.stays, chart.rng)
    chart.teams = {stay.number: clinicians(person, stay, chart.rng) for stay in chart.stays}
    problem_list(chart)
    prevention.allergies(chart)
    for turn, stay in enumerate(chart.stays):
        source = "riverbend" if turn else chart.rng.choice(("lakeside", "mercy", "riverbend"))
        chart.referrals[stay.number] = referral(chart, stay, source)
        admit(chart, stay, chart.referrals[stay.number])
    flags(chart)
    consents.consents_of(chart)
    consents_in_motion.more(chart)
    _live(chart, diary)
    prevention.immunizations(chart)
    prevention.implanted_device(chart)
    for stay in chart.stays:
        book(chart, stay, diary)
    particulars(chart)
    return chart


def _live(chart: Chart, diary: Diary) -> None:
    visits = [
        visit for stay in chart.stays for visit in visits_of(chart.person, stay, chart.teams[stay.number], chart.rng, diary, chart.today)
    ]
    visits.sort(key=lambda visit: visit.start)
    scores_of(chart, visits)
    body = vitals.body_of(chart)
    stays_in_bed = {stay.number: stay_encounter(chart, stay, diary) for stay in chart.stays if stay.program in INPATIENT}
    medicines: set[str] = set()
    seen: set[int] = set()
    known: set[str] = set()
    for visit in visits:
        inside = stays_in_bed.get(visit.stay.number)
        encounter = visit_encounter(chart, visit, inside)
        if visit.attended:
            _during(chart, body, visit, encounter, medicines, seen, known)
    for stay in chart.stays:
        if stay.program == "detox":
            _flow_sheet(chart, body, stay, stays_in_bed[stay.number])
        discharge(chart, stay, stays_in_bed.get(stay.number))


def _during(chart: Chart, body: vitals.Body, visit: Visit, encounter: str, medicines: set[str], seen: set[int], known: set[str]) -> None:
    """Add what a visit leaves besides its note: scores, vital signs, orders, tests."""
    record_scores(chart, visit, encounter)
    if visit.kind == "intake":
        intake_screens(chart, visit, encounter)
        if not known:
            known.add(visit.kind)
            social_history(chart, visit)
            vitals.measured(chart, body, visit.stay, visit.start, encounter, visit.staff, first=True)
    prescriber = chart.teams[visit.stay.number].get("prescriber")
    first_contact = visit.kind in {"intake", "medical"} and visit.stay.number not in seen
    if first_contact and prescriber:
        seen.add(visit.stay.number)
        medicines |= medications.prescribe(chart, visit.stay, visit.start, encounter, prescriber)
        _first_tests(chart, visit, encounter, medicines)
    if visit.kind == "medical" and visit.stay.program != "detox":
        _checkup(chart, body, visit, encounter, medicines)


def _first_tests(chart: Chart, visit: Visit, encounter: str, medicines: set[str]) -> None:
    stay, staff, when = visit.stay, visit.staff, visit.start + timedelta(minutes=10)
    if stay.part2:
        labs.urine_screen(chart, stay, when, encounter, staff, medicines)
    if stay.program in {"detox", "moud", "php"}:
        labs.blood_panel(chart, stay, "metabolic", when, encounter, staff)
    if stay.program in {"detox", "moud"}:
        labs.blood_panel(chart, stay, "count", when, encounter, staff)
    keys = {d.key for d in chart.diagnoses}
    if stay.program == "psychiatry":
        labs.blood_panel(chart, stay, "a1c" if "diabetes" in keys else "thyroid", when, encounter, staff)
    if "methadone" in medicines or "quetiapine" in medicines:
        labs.heart_tracing(chart, stay, when, encounter, staff)
    if chart.rng.random() < 0.2:
        medications.reported_at_home(chart, stay, when, encounter, staff)


def _checkup(chart: Chart, body: vitals.Body, visit: Visit, encounter: str, medicines: set[str]) -> None:
    stay, staff = visit.stay, visit.staff
    if visit.video:
        return
    vitals.pressure(chart, body, stay, visit.start, encounter, staff)
    if chart.rng.random() < 0.18:
        vitals.measured(chart, body, stay, visit.start, encounter, staff, first=False)
    if chart.rng.random() < _SCREENED.get(stay.program, 0):
        labs.urine_screen(chart, stay, visit.start + timedelta(minutes=5), encounter, staff, medicines)


def _flow_sheet(chart: Chart, body: vitals.Body, stay: Stay, encounter: str) -> None:
    nurse = chart.teams[stay.number]["nurse"]
    for day in stay.days(chart.today):
        for hour in (7, 19) if (day - stay.start).days < 2 else (8,):
            when = at(day, hour, chart.rng.randint(0, 40))
            if _present(stay, when):
                vitals.full_set(chart, body, stay, when, encounter, nurse)
                withdrawal_score(chart, stay, when, encounter, nurse)


def _present(stay: Stay, when: datetime) -> bool:
    arrived = at(stay.start, 10, 30)
    return when > arrived and (stay.end is None or when < at(stay.end, 11))
