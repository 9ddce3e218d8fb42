"""Laboratory work: urine drug screens, blood panels, reports with text, from Cedar Ridge Laboratory."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from sojourn.sample import tracing
from sojourn.sample.chart import Chart
from sojourn.sample.localtime import iso
from sojourn.sample.parts import BASE, LOINC, SNOMED, Json, concept, hl7, moment, quantity, ref, text_attachment
from sojourn.sample.staff import Staff
from sojourn.sample.stories import Stay

_LAB = hl7("observation-category", "laboratory", "Laboratory")
# Drug classes of the urine screen: our word, LOINC, diagnosis that makes it likely, medicine that explains it.
_URINE = (
    ("Amphetamines", "3349-8", "stimulant", ""),
    ("Benzodiazepines", "3390-2", "", "lorazepam"),
    ("Buprenorphine", "3414-0", "", "buprenorphine"),
    ("Cannabinoids", "3427-2", "cannabis", ""),
    ("Cocaine", "3397-7", "cocaine", ""),
    ("Fentanyl", "11235-9", "opioid", ""),
    ("Methadone", "3773-9", "", "methadone"),
    ("Opiates", "3879-4", "opioid", ""),
)
_COMMENTS = (
    "Specimen temperature and creatinine within the usual range.",
    "Screen by immunoassay; confirmation on request.",
    "Dilute specimen; repeat if clinically needed.",
)


class Analyte(NamedTuple):
    """A blood test: our word, LOINC, usual low and high, unit and UCUM code, decimals."""

    text: str
    code: str
    low: float
    high: float
    unit: str
    ucum: str
    decimals: int


_METABOLIC = (
    Analyte("Sodium", "2951-2", 136, 144, "mmol/L", "mmol/L", 0),
    Analyte("Potassium", "2823-3", 3.5, 5.0, "mmol/L", "mmol/L", 1),
    Analyte("Creatinine", "2160-0", 0.6, 1.2, "mg/dL", "mg/dL", 2),
    Analyte("Glucose", "2345-7", 72, 108, "mg/dL", "mg/dL", 0),
    Analyte("ALT", "1742-6", 9, 44, "U/L", "U/L", 0),
    Analyte("AST", "1920-8", 10, 40, "U/L", "U/L", 0),
    Analyte("Bilirubin, total", "1975-2", 0.2, 1.1, "mg/dL", "mg/dL", 1),
)
_BLOOD_COUNT = (
    Analyte("White blood cells", "6690-2", 4.2, 10.2, "10*3/uL", "10*3/uL", 1),
    Analyte("Hemoglobin", "718-7", 12.2, 16.4, "g/dL", "g/dL", 1),
    Analyte("Platelets", "777-3", 155, 380, "10*3/uL", "10*3/uL", 0),
)
_THYROID = (Analyte("TSH", "3016-3", 0.5, 4.2, "mIU/L", "m[IU]/L", 2),)
_SUGAR = (Analyte("Hemoglobin A1c", "4548-4", 5.0, 7.9, "%", "%", 1),)
PANELS = {
    "metabolic": ("Comprehensive metabolic panel", "24323-8", _METABOLIC),
    "count": ("Complete blood count", "58410-2", _BLOOD_COUNT),
    "thyroid": ("Thyroid stimulating hormone", "3016-3", _THYROID),
    "a1c": ("Hemoglobin A1c", "4548-4", _SUGAR),
}


def blood_panel(chart: Chart, stay: Stay, key: str, drawn: datetime, encounter: str, staff: Staff) -> None:
    """Add the order, specimen, results and report of a blood panel."""
    text, code, analytes = PANELS[key]
    order = _order(chart, stay, text, code, drawn, encounter, staff)
    specimen = _specimen(chart, stay, drawn, "119364003", "Serum")
    results = [_quantity_result(chart, stay, a, drawn, encounter, specimen) for a in analytes]
    _report(chart, stay, text, code, drawn, encounter, order, specimen, results)


def _quantity_result(chart: Chart, stay: Stay, analyte: Analyte, drawn: datetime, encounter: str, specimen: str) -> str:
    spread = analyte.high - analyte.low
    value = chart.rng.uniform(analyte.low, analyte.high)
    drinks = any(d.key in {"alcohol", "hepc"} for d in chart.diagnoses)
    if analyte.text in {"ALT", "AST"} and drinks:
        value += spread * 1.7 * chart.strength(drawn.date())
    elif chart.rng.random() < 0.05:
        value += spread * 0.4
    value = round(value, analyte.decimals) if analyte.decimals else int(value)
    body = _result(chart, drawn, encounter, specimen, analyte.text, analyte.code)
    body["valueQuantity"] = quantity(value, analyte.unit, analyte.ucum)
    body["referenceRange"] = [
        {"low": quantity(analyte.low, analyte.unit, analyte.ucum), "high": quantity(analyte.high, analyte.unit, analyte.ucum)}
    ]
    flag = "H" if value > analyte.high else "L" if value < analyte.low else "N"
    body["interpretation"] = [hl7("v3-ObservationInterpretation", flag)]
    return chart.put(stay.program, "Observation", "us-core-observation-lab", body)


def _result(chart: Chart, drawn: datetime, encounter: str, specimen: str, text: str, code: str) -> Json:
    return {
        "status": "final",
        "category": [_LAB],
        "code": concept(text, (LOINC, code)),
        "subject": chart.subject,
        "encounter": ref(encounter),
        "effectiveDateTime": moment(drawn),
        "issued": iso(drawn + timedelta(hours=20)),
        "performer": [chart.at("Organization", "lab")],
        "specimen": ref(specimen),
    }


def _order(chart: Chart, stay: Stay, text: str, code: str, drawn: datetime, encounter: str, staff: Staff) -> str:
    problem = chart.main_problem(stay)
    body: Json = {
        "status": "completed",
        "intent": "order",
        "category": [concept("Laboratory procedure", (SNOMED, "108252007"))],
        "code": concept(text, (LOINC, code)),
        "subject": chart.subject,
        "encounter": ref(encounter),
        "occurrenceDateTime": moment(drawn),
        "authoredOn": iso(drawn - timedelta(minutes=25)),
        "requester": chart.by(staff),
        "performer": [chart.at("Organization", "lab")],
    }
    if problem:
        body["reasonCode"] = [concept(problem.text)]
    return chart.put(stay.program, "ServiceRequest", "us-core-servicerequest", body)


def _specimen(chart: Chart, stay: Stay, drawn: datetime, snomed: str, text: str) -> str:
    accession = {"system": BASE + "lab/accession", "value": f"L{chart.patient[-5:]}{len(chart.items)}"}
    return chart.put(
        stay.program,
        "Specimen",
        "us-core-specimen",
        {
            "accessionIdentifier": accession,
            "type": concept(text, (SNOMED, snomed)),
            "subject": chart.subject,
            "collection": {"collectedDateTime": moment(drawn)},
        },
    )


def _report(
    chart: Chart,
    stay: Stay,
    text: str,
    code: str,
    drawn: datetime,
    encounter: str,
    order: str,
    specimen: str,
    results: list[str],
    readers: tuple[Json, ...] = (),
) -> None:
    issued = drawn + timedelta(hours=20)
    report = chart.put(
        stay.program,
        "DiagnosticReport",
        "us-core-diagnosticreport-lab",
        {
            "basedOn": [ref(order)],
            "status": "final",
            "category": [hl7("v2-0074", "LAB", "Laboratory")],
            "code": concept(text, (LOINC, code)),
            "subject": chart.subject,
            "encounter": ref(encounter),
            "effectiveDateTime": moment(drawn),
            "issued": iso(issued),
            "performer": [chart.at("Organization", "lab"), *readers],
            "specimen": [ref(specimen)],
            "result": [ref(result) for result in results],
        },
    )
    if chart.rng.random() < 0.1:
        _received(chart, stay, report, issued)


def _received(chart: Chart, stay: Stay, report: str, when: datetime) -> None:
    lab = chart.at("Organization", "lab")
    transmitter = concept("Transmitter", ("http://hl7.org/fhir/us/core/CodeSystem/us-core-provenance-participant-type", "transmitter"))
    chart.put(
        stay.program,
        "Provenance",
        "us-core-provenance",
        {
            "target": [ref(report)],
            "recorded": iso(when),
            "agent": [
                {"type": hl7("provenance-participant-type", "author"), "who": lab},
                {"type": transmitter, "who": lab},
            ],
        },
    )


def urine_screen(chart: Chart, stay: Stay, drawn: datetime, encounter: str, staff: Staff, medicines: set[str]) -> None:
    """Add a urine drug screen; unexpected results grow rarer as the client does better."""
    order = _order(chart, stay, "Urine drug screen", "65750-2", drawn, encounter, staff)
    specimen = _specimen(chart, stay, drawn, "122575003", "Urine")
    problems = {d.key for d in chart.diagnoses}
    chance = 0.75 if drawn.date() == stay.start else 0.45 * max(0.0, chart.strength(drawn.date()) - 0.25)
    results = []
    for text, code, problem, medicine in _URINE:
        expected = bool(medicine) and any(m.startswith(medicine) for m in medicines)
        positive = expected or (problem in problems and chart.rng.random() < chance)
        body = _result(chart, drawn, encounter, specimen, f"{text}, urine", code)
        body["valueCodeableConcept"] = concept("Positive", (SNOMED, "10828004")) if positive else concept("Negative", (SNOMED, "260385009"))
        if positive and not expected:
            body["interpretation"] = [hl7("v3-ObservationInterpretation", "A", "Abnormal")]
        results.append(chart.put(stay.program, "Observation", "us-core-observation-lab", body))
    if chart.rng.random() < 0.2:
        body = _result(chart, drawn, encounter, specimen, "Laboratory comment", "8251-1")
        body["valueString"] = chart.rng.choice(_COMMENTS)
        results.append(chart.put(stay.program, "Observation", "us-core-observation-lab", body))
    # In detox the cup is read at the bedside before it goes out.
    readers = (chart.by(staff),) if stay.program == "detox" else ()
    _report(chart, stay, "Urine drug screen", "65750-2", drawn, encounter, order, specimen, results, readers)


def heart_tracing(chart: Chart, stay: Stay, when: datetime, encounter: str, staff: Staff) -> None:
    """Add an electrocardiogram: a clinical result and a report with a text, as done before some medicines."""
    interval = chart.rng.randint(396, 448)
    body: Json = {
        "status": "final",
        "category": [hl7("observation-category", "procedure", "Procedure")],
        "code": concept("QTc interval", (LOINC, "8636-3")),
        "subject": chart.subject,
        "encounter": ref(encounter),
        "effectiveDateTime": moment(when),
        "performer": [chart.by(staff)],
        "valueQuantity": quantity(interval, "ms", "ms"),
    }
    result = chart.put(stay.program, "Observation", "us-core-observation-clinical-result", dict(body))
    del body["valueQuantity"]
    impression = body | {"code": concept("ECG impression", (LOINC, "8601-7")), "valueString": "Normal rhythm, normal intervals."}
    rhythm = body | {
        "code": concept("Heart rhythm", (LOINC, "8884-9")),
        "valueCodeableConcept": concept("Normal sinus rhythm", (SNOMED, "64730000")),
    }
    others = [chart.put(stay.program, "Observation", "us-core-observation-clinical-result", made) for made in (impression, rhythm)]
    text = f"Twelve-lead tracing at rest. Normal sinus rhythm. QTc {interval} ms. No acute changes."
    report = chart.put(
        stay.program,
        "DiagnosticReport",
        "us-core-diagnosticreport-note",
        {
            "status": "final",
            "category": [concept("Cardiology", (LOINC, "LP29708-2"))],
            "code": concept("Electrocardiogram report", (LOINC, "11524-6")),
            "subject": chart.subject,
            "encounter": ref(encounter),
            "effectiveDateTime": moment(when),
            "issued": iso(when + timedelta(minutes=30)),
            "performer": [chart.by(staff), chart.program(stay)],
            "result": [ref(result), *map(ref, others)],
            "media": [{"comment": "Lead II, at rest", "link": ref(_strip(chart, stay, interval, when, encounter))}],
            "presentedForm": [text_attachment("Electrocardiogram report", text, when)],
        },
    )
    signer = {"type": hl7("provenance-participant-type", "author"), "who": chart.by(staff), "onBehalfOf": chart.program(stay)}
    signed = {"target": [ref(report)], "recorded": iso(when + timedelta(minutes=30)), "agent": [signer]}
    chart.put(stay.program, "Provenance", "us-core-provenance", signed)


def _strip(chart: Chart, stay: Stay, interval: int, when: datetime, encounter: str) -> str:
    """The picture of the tracing: a drawn one, four beats."""
    picture = {"contentType": "image/png", "data": tracing.picture(interval), "title": "Electrocardiogram, lead II"}
    body: Json = {
        "status": "completed",
        "type": hl7("media-type", "image", "Image"),
        "subject": chart.subject,
        "encounter": ref(encounter),
        "createdDateTime": moment(when),
        "operator": chart.program(stay),
        "content": picture,
    }
    return chart.put(stay.program, "Media", "", body)
