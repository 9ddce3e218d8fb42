"""Medicines: what is ordered for which problem, refills, and what the pharmacy handed over."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import NamedTuple

from sojourn.sample.chart import Chart
from sojourn.sample.localtime import at, iso
from sojourn.sample.parts import HL7, RXNORM, SNOMED, US_CORE, Json, concept, hl7, moment, period, ref
from sojourn.sample.staff import Staff
from sojourn.sample.stories import Stay


class Medicine(NamedTuple):
    """A product: our words, RxNorm code (or none), dose, unit, times a day, and the words on the label."""

    text: str
    rxnorm: str
    dose: float
    unit: str
    times: int
    sig: str


def _table(*rows: tuple[str, str, str, float, str, int, str]) -> dict[str, Medicine]:
    return {row[0]: Medicine(*row[1:]) for row in rows}


MEDICINES = _table(
    ("sertraline", "Sertraline 50 mg tablet", "312941", 1, "tablet", 1, "Take one tablet by mouth every morning"),
    ("sertraline100", "Sertraline 100 mg tablet", "312938", 1, "tablet", 1, "Take one tablet by mouth every morning"),
    ("escitalopram", "Escitalopram 10 mg tablet", "349332", 1, "tablet", 1, "Take one tablet by mouth daily"),
    ("fluoxetine", "Fluoxetine 20 mg capsule", "310385", 1, "capsule", 1, "Take one capsule by mouth every morning"),
    ("bupropion", "Bupropion XL 150 mg tablet", "993541", 1, "tablet", 1, "Take one tablet by mouth every morning"),
    ("venlafaxine", "Venlafaxine XR 75 mg capsule", "313585", 1, "capsule", 1, "Take one capsule by mouth with food"),
    ("mirtazapine", "Mirtazapine 15 mg tablet", "311725", 1, "tablet", 1, "Take one tablet by mouth at bedtime"),
    ("trazodone", "Trazodone 50 mg tablet", "856377", 1, "tablet", 1, "Take one tablet by mouth at bedtime if needed"),
    ("hydroxyzine", "Hydroxyzine 25 mg tablet", "", 1, "tablet", 2, "Take one tablet by mouth twice daily if needed"),
    ("prazosin", "Prazosin 1 mg capsule", "", 1, "capsule", 1, "Take one capsule by mouth at bedtime"),
    ("lamotrigine", "Lamotrigine 25 mg tablet", "282401", 1, "tablet", 1, "Take one tablet by mouth daily"),
    ("quetiapine", "Quetiapine 100 mg tablet", "312743", 1, "tablet", 1, "Take one tablet by mouth at bedtime"),
    ("aripiprazole", "Aripiprazole 10 mg tablet", "349545", 1, "tablet", 1, "Take one tablet by mouth daily"),
    (
        "buprenorphine",
        "Buprenorphine 8 mg and naloxone 2 mg film",
        "1010604",
        2,
        "film",
        1,
        "Place two films under the tongue every morning",
    ),
    (
        "buprenorphine2",
        "Buprenorphine 2 mg and naloxone 0.5 mg film",
        "1010600",
        2,
        "film",
        2,
        "Place two films under the tongue twice daily",
    ),
    ("methadone", "Methadone 10 mg tablet", "864706", 6, "tablet", 1, "Take six tablets by mouth at the clinic daily"),
    ("naltrexone", "Naltrexone 50 mg tablet", "1483744", 1, "tablet", 1, "Take one tablet by mouth daily"),
    ("naltrexone-depot", "Naltrexone 380 mg injection", "637213", 1, "injection", 1, "Given in the clinic every four weeks"),
    ("acamprosate", "Acamprosate 333 mg tablet", "835726", 2, "tablet", 3, "Take two tablets by mouth three times daily"),
    ("naloxone", "Naloxone 4 mg nasal spray", "1725059", 1, "spray", 1, "Spray into one nostril for overdose; call 911"),
    ("lorazepam", "Lorazepam 1 mg tablet", "197901", 1, "tablet", 3, "Taper as ordered for withdrawal"),
    ("clonidine", "Clonidine 0.1 mg tablet", "884173", 1, "tablet", 3, "Take one tablet by mouth three times daily if needed"),
    ("thiamine", "Thiamine 100 mg tablet", "", 1, "tablet", 1, "Take one tablet by mouth daily"),
    ("gabapentin", "Gabapentin 300 mg capsule", "310431", 1, "capsule", 3, "Take one capsule by mouth three times daily"),
    ("lisinopril", "Lisinopril 10 mg tablet", "314076", 1, "tablet", 1, "Take one tablet by mouth daily"),
    ("amlodipine", "Amlodipine 5 mg tablet", "197361", 1, "tablet", 1, "Take one tablet by mouth daily"),
    ("metformin", "Metformin 500 mg tablet", "861007", 1, "tablet", 2, "Take one tablet by mouth twice daily with food"),
    ("atorvastatin", "Atorvastatin 20 mg tablet", "617310", 1, "tablet", 1, "Take one tablet by mouth at night"),
    ("levothyroxine", "Levothyroxine 50 mcg tablet", "", 1, "tablet", 1, "Take one tablet by mouth before breakfast"),
    ("omeprazole", "Omeprazole 20 mg capsule", "198051", 1, "capsule", 1, "Take one capsule by mouth before breakfast"),
    ("aspirin", "Aspirin 81 mg tablet", "243670", 1, "tablet", 1, "Take one tablet by mouth daily"),
    ("donepezil", "Donepezil 5 mg tablet", "997229", 1, "tablet", 1, "Take one tablet by mouth at bedtime"),
    ("acetaminophen", "Acetaminophen 325 mg tablet", "313782", 2, "tablet", 3, "Take two tablets if needed for pain"),
    ("albuterol", "Albuterol inhaler", "", 2, "puff", 4, "Inhale two puffs every four to six hours if needed"),
    ("prenatal", "Prenatal vitamin", "", 1, "tablet", 1, "Take one tablet by mouth daily"),
)

_FIRST_CHOICE = {
    "mdd": ("sertraline", "escitalopram", "fluoxetine", "bupropion", "venlafaxine"),
    "mdd-single": ("sertraline", "escitalopram", "fluoxetine"),
    "gad": ("escitalopram", "sertraline", "venlafaxine"),
    "ptsd": ("sertraline", "venlafaxine"),
    "panic": ("sertraline", "escitalopram"),
    "bipolar2": ("lamotrigine", "quetiapine"),
    "adhd": ("bupropion",),
    "insomnia": ("trazodone", "mirtazapine"),
    "hypertension": ("lisinopril", "amlodipine"),
    "diabetes": ("metformin",),
    "lipids": ("atorvastatin",),
    "thyroid": ("levothyroxine",),
    "reflux": ("omeprazole",),
    "arthritis": ("acetaminophen",),
    "asthma": ("albuterol",),
}
_ADDED = {"ptsd": "prazosin", "gad": "hydroxyzine", "panic": "hydroxyzine"}


def prescribe(chart: Chart, stay: Stay, start: datetime, encounter: str, staff: Staff) -> set[str]:
    """Add the orders of a stay, made at its first medical contact; return the keys of the medicines."""
    keys = _chosen(chart, stay)
    for key, problem in keys.items():
        _order(chart, stay, key, problem, start, encounter, staff)
    return set(keys)


def _chosen(chart: Chart, stay: Stay) -> dict[str, str]:
    """Return medicine keys with the problem each is for."""
    problems = {d.key for d in chart.diagnoses}
    chosen = _for_substance(chart, stay, problems)
    if stay.program in {"psychiatry", "php", "residential", "detox"}:
        for key in sorted(problems & set(_FIRST_CHOICE)):
            if key in {"mdd", "mdd-single", "gad", "ptsd", "panic", "bipolar2", "adhd"} and stay.program == "detox":
                continue
            chosen.setdefault(chart.rng.choice(_FIRST_CHOICE[key]), key)
            if key in _ADDED and chart.rng.random() < 0.5:
                chosen.setdefault(_ADDED[key], key)
    if "elder" in chart.person.tags:
        chosen |= {
            "aspirin": "hypertension",
            "amlodipine": "hypertension",
            "lisinopril": "hypertension",
            "donepezil": "insomnia",
            "mirtazapine": "insomnia",
            "gabapentin": "arthritis",
            "aripiprazole": "mdd",
        }
    if "pregnant" in chart.person.tags and stay.program == "moud":
        chosen["prenatal"] = "opioid"
    return chosen


def _for_substance(chart: Chart, stay: Stay, problems: set[str]) -> dict[str, str]:
    roll = chart.rng.random()
    if "opioid" in problems and stay.program in {"moud", "detox", "residential"}:
        if stay.program == "detox":
            return {"buprenorphine2": "opioid", "clonidine": "opioid", "hydroxyzine": "opioid", "naloxone": "opioid"}
        if stay.program == "moud" and "hero" not in chart.person.tags and roll < 0.3:
            return {"methadone": "opioid", "naloxone": "opioid"}
        return {"buprenorphine": "opioid", "naloxone": "opioid"}
    if "alcohol" in problems and stay.program == "detox":
        return {"lorazepam": "alcohol", "thiamine": "alcohol"}
    if "alcohol" in problems and stay.program in {"residential", "iop", "sudop"}:
        kind = "naltrexone" if roll < 0.5 else "acamprosate" if roll < 0.75 else "naltrexone-depot"
        return {kind: "alcohol"}
    return {}


def _order(chart: Chart, stay: Stay, key: str, problem: str, start: datetime, encounter: str, staff: Staff) -> None:
    medicine = MEDICINES[key]
    inpatient = stay.program in {"detox", "residential"}
    body: Json = {
        "status": "active" if stay.end is None else "completed",
        "intent": "order",
        "category": [hl7("medicationrequest-category", "inpatient" if inpatient else "outpatient")],
        "reportedBoolean": False,
    }
    product = _product(chart, stay, key, medicine)
    body |= product | {
        "subject": chart.subject,
        "encounter": ref(encounter),
        "authoredOn": iso(start + timedelta(minutes=20)),
        "requester": chart.by(staff),
        "dosageInstruction": [_dosage(medicine, start.date())],
    }
    if stay.program == "psychiatry" and stay.end is None:
        body["extension"] = [_taken(chart, start)]
    reason = next((d for d in chart.diagnoses if d.key == problem), None)
    if reason:
        body["reasonCode"] = [concept(reason.text)]
        body["reasonReference"] = [ref(chart.problems[reason.key])]
    if not inpatient:
        body["dispenseRequest"] = _dispense_request(chart, medicine, start.date())
    order = chart.put(stay.program, "MedicationRequest", "us-core-medicationrequest", body)
    giver = chart.by(staff) if key == "methadone" else chart.at("Organization", "pharmacy")
    _handed_over(chart, stay, key, medicine, order, start, inpatient, product | {"performer": [{"actor": giver}]}, encounter)


def _taken(chart: Chart, start: datetime) -> Json:
    """How the client says that they take it (US Core 7.0.0)."""
    partly = chart.person.course == "relapsing"
    said = concept("Takes it some of the time", (SNOMED, "275928001")) if partly else concept("Takes it as prescribed")
    return {
        "url": US_CORE + "us-core-medication-adherence",
        "extension": [
            {"url": "medicationAdherence", "valueCodeableConcept": said},
            {"url": "dateAsserted", "valueDateTime": iso(start + timedelta(minutes=20))},
            {"url": "informationSource", "valueCodeableConcept": concept("Client", (SNOMED, "116154003"))},
        ],
    }


def _product(chart: Chart, stay: Stay, key: str, medicine: Medicine) -> Json:
    """Return medication[x]: mostly a code; the clinic's own stock is a Medication of its own."""
    code = _code(medicine)
    if key != "methadone":
        return {"medicationCodeableConcept": code}
    stock = chart.put(
        stay.program,
        "Medication",
        "us-core-medication",
        {
            "code": code,
            "status": "active",
            "batch": {"lotNumber": f"M{chart.rng.randint(1000, 9999)}"},
        },
    )
    return {"medicationReference": ref(stock)}


def _code(medicine: Medicine) -> Json:
    return concept(medicine.text, (RXNORM, medicine.rxnorm)) if medicine.rxnorm else concept(medicine.text)


def _dosage(medicine: Medicine, start: date) -> Json:
    dose = {"value": medicine.dose, "unit": medicine.unit}
    repeat = {"boundsPeriod": period(start), "frequency": medicine.times, "period": 1, "periodUnit": "d"}
    return {"text": medicine.sig, "timing": {"repeat": repeat}, "doseAndRate": [{"doseQuantity": dose}]}


def _dispense_request(chart: Chart, medicine: Medicine, start: date) -> Json:
    amount = medicine.dose * medicine.times * 30
    return {
        "validityPeriod": period(start, start + timedelta(days=180)),
        "numberOfRepeatsAllowed": chart.rng.choice((0, 1, 2, 5)),
        "quantity": {"value": amount, "unit": medicine.unit},
        "expectedSupplyDuration": {"value": 30, "unit": "days", "system": "http://unitsofmeasure.org", "code": "d"},
        "performer": chart.at("Organization", "pharmacy"),
    }


def _handed_over(
    chart: Chart, stay: Stay, key: str, medicine: Medicine, order: str, start: datetime, inpatient: bool, how: Json, encounter: str
) -> None:
    step = 7 if key in {"buprenorphine", "methadone"} else 30
    days = [day for day in stay.days(chart.today) if (day - start.date()).days >= 0 and (day - start.date()).days % step == 0]
    limit = 1 if inpatient else 4
    for turn, day in enumerate(days[-limit:]):
        body: Json = {"status": "completed"}
        body |= how | {
            "subject": chart.subject,
            "authorizingPrescription": [ref(order)],
            "type": concept(None, (HL7 + "v3-ActCode", "FF" if turn == 0 else "RF")),
            "quantity": {"value": medicine.dose * medicine.times * step, "unit": medicine.unit},
            "daysSupply": {"value": step, "unit": "days", "system": "http://unitsofmeasure.org", "code": "d"},
            "whenHandedOver": moment(max(at(day, 17, 5), start + timedelta(hours=2)) if turn == 0 else at(day, 17, 5)),
            "dosageInstruction": [_dosage(medicine, day)],
        }
        if turn == 0 and days[-limit:][0] == start.date():
            body["context"] = ref(encounter)
        chart.put(stay.program, "MedicationDispense", "us-core-medicationdispense", body)
        if inpatient:
            return


def reported_at_home(chart: Chart, stay: Stay, when: datetime, encounter: str, staff: Staff) -> None:
    """Add a medicine that the client takes on the order of somebody outside."""
    key = chart.rng.choice(("lisinopril", "omeprazole", "albuterol", "acetaminophen"))
    medicine = MEDICINES[key]
    told = chart.at("Practitioner", "whelan") if key == "lisinopril" and not stay.part2 else chart.subject
    chart.put(
        stay.program,
        "MedicationRequest",
        "us-core-medicationrequest",
        {
            "status": "active",
            "intent": "plan",
            "category": [hl7("medicationrequest-category", "community")],
            "reportedReference": told,
            "medicationCodeableConcept": _code(medicine),
            "subject": chart.subject,
            "encounter": ref(encounter),
            "authoredOn": iso(when),
            "requester": chart.by(staff),
            "dosageInstruction": [_dosage(medicine, when.date())],
        },
    )
