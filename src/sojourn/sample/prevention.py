"""Allergies, immunizations and implanted devices."""

from __future__ import annotations

from datetime import date, timedelta

from sojourn.sample.chart import Chart
from sojourn.sample.parts import CVX, RXNORM, SNOMED, Json, concept, hl7, ref
from sojourn.sample.programs import PROGRAM

# Substance (our word, system, code), and the reaction (our word, SNOMED CT).
_ALLERGIES = (
    ("Penicillin V", RXNORM, "7984", "medication", "Hives", "126485001"),
    ("Sulfamethoxazole", RXNORM, "10180", "medication", "Rash", "271807003"),
    ("Codeine", RXNORM, "2670", "medication", "Nausea", "422587007"),
    ("Ibuprofen", RXNORM, "5640", "medication", "Hives", "126485001"),
    ("Latex", SNOMED, "111088007", "environment", "Rash", "271807003"),
    ("Peanut", SNOMED, "762952008", "food", "Severe allergic reaction", "39579001"),
)
_VACCINES = (
    ("Influenza vaccine", "140"),
    ("Tdap vaccine", "115"),
    ("Hepatitis B vaccine, adult", "43"),
    ("Hepatitis A vaccine, adult", "52"),
    ("COVID-19 vaccine, mRNA", "208"),
)


def allergies(chart: Chart) -> None:
    """Add one or two allergies, or the statement that none is known."""
    program, recorded = chart.home(), chart.stays[0].start if chart.stays else chart.today
    chosen = chart.rng.sample(_ALLERGIES, chart.rng.choice((0, 0, 1, 1, 1, 2)))
    base: Json = {
        "clinicalStatus": hl7("allergyintolerance-clinical", "active"),
        "verificationStatus": hl7("allergyintolerance-verification", "confirmed"),
    }
    for text, system, code, category, reaction, snomed in chosen:
        chart.put(
            program,
            "AllergyIntolerance",
            "us-core-allergyintolerance",
            base
            | {
                "type": "allergy",
                "category": [category],
                "criticality": "high" if snomed == "39579001" else "low",
                "code": concept(text, (system, code)),
                "patient": chart.subject,
                "recordedDate": recorded.isoformat(),
                "reaction": [{"manifestation": [concept(reaction, (SNOMED, snomed))]}],
            },
        )
    if not chosen:
        chart.put(
            program,
            "AllergyIntolerance",
            "us-core-allergyintolerance",
            base
            | {
                "code": concept("No known allergies", (SNOMED, "716186003")),
                "patient": chart.subject,
                "recordedDate": recorded.isoformat(),
            },
        )


def immunizations(chart: Chart) -> None:
    """Add a few vaccines, some given elsewhere, some declined."""
    if chart.rng.random() > 0.4 or not chart.stays:
        return
    stay = chart.stays[0]
    for text, code in chart.rng.sample(_VACCINES, chart.rng.randint(1, 3)):
        given = chart.rng.choice(stay.days(chart.today))
        elsewhere = chart.rng.random() < 0.3
        declined = chart.rng.random() < 0.15
        body: Json = {"status": "not-done" if declined else "completed"}
        if declined:
            body["statusReason"] = hl7("v3-ActReason", "PATOBJ", "patient objection")
        if elsewhere:
            given = date(given.year - 1, 10, 12)
        body |= {
            "vaccineCode": concept(text, (CVX, code)),
            "patient": chart.subject,
            "occurrenceDateTime": given.isoformat(),
            "primarySource": not elsewhere,
        }
        if not elsewhere:
            body["location"] = chart.at("Location", PROGRAM[stay.program].site)
            if visit := _visit_on(chart, given):
                body["encounter"] = ref(visit)
        chart.put(stay.program, "Immunization", "us-core-immunization", body)


def _visit_on(chart: Chart, day: date) -> str | None:
    """The visit of a day."""
    for item in chart.items:
        if (
            item.resource["resourceType"] == "Encounter"
            and item.resource["status"] == "finished"
            and item.resource["period"]["start"].startswith(day.isoformat())
        ):
            return f"Encounter/{item.resource['id']}"
    return None


def implanted_device(chart: Chart) -> None:
    """Add an implanted device for a few clients; identifiers are of the GS1 demonstration range."""
    if not ({"elder", "heavy"} & chart.person.tags or chart.rng.random() < 0.03):
        return
    made = chart.today - timedelta(days=chart.rng.randint(900, 2500))
    expires = made + timedelta(days=1825)
    serial = f"{chart.rng.randint(100000, 999999)}"
    lot = f"LOT{chart.rng.randint(100, 999)}"
    carrier = f"(01)09504000059118(17){expires:%y%m%d}(10){lot}(21){serial}"
    chart.put(
        "central",
        "Device",
        "us-core-implantable-device",
        {
            "udiCarrier": [{"deviceIdentifier": "09504000059118", "carrierHRF": carrier}],
            "status": "active",
            "distinctIdentifier": f"RB-{serial}",
            "manufactureDate": made.isoformat(),
            "expirationDate": expires.isoformat(),
            "lotNumber": lot,
            "serialNumber": serial,
            "type": concept("Cardiac pacemaker", (SNOMED, "14106009")),
            "patient": chart.subject,
        },
    )
