"""A few made-up charts: one full, one bare, one with everything too long."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
LOINC = "http://loinc.org"


def text(words: str, code: str = "") -> Json:
    return {"text": words, **({"coding": [{"code": code, "display": words}]} if code else {})}


def patient(id_: str, family: str, given: str, born: str, number: str, **more: Any) -> Json:
    record = {"use": "usual", "type": {"coding": [{"code": "MR"}]}, "value": number}
    return {
        "resourceType": "Patient",
        "id": id_,
        "identifier": [record] if number else [],
        "name": [{"use": "official", "family": family, "given": given.split()}],
        "birthDate": born,
        **more,
    }


def _pronouns(words: str) -> Json:
    value = {"url": "value", "valueCodeableConcept": text(words)}
    return {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/individual-pronouns", "extension": [value]}]}


def condition(id_: str, of: str, words: str, onset: str, status: str = "active", severity: str = "") -> Json:
    made = {
        "resourceType": "Condition",
        "id": id_,
        "subject": {"reference": f"Patient/{of}"},
        "category": [text("Problem", "problem-list-item")],
        "code": text(words),
        "onsetDateTime": onset,
        "clinicalStatus": text(status, status),
    }
    return made | ({"severity": text(severity)} if severity else {})


def medication(id_: str, of: str, words: str, dose: str, when: str, status: str = "active") -> Json:
    return {
        "resourceType": "MedicationRequest",
        "id": id_,
        "subject": {"reference": f"Patient/{of}"},
        "status": status,
        "medicationCodeableConcept": text(words),
        "authoredOn": when,
        "dosageInstruction": [{"text": dose}],
        "requester": {"reference": "Practitioner/okafor"},
    }


def score(id_: str, of: str, code: str, when: str, value: int) -> Json:
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "subject": {"reference": f"Patient/{of}"},
        "code": {"coding": [{"system": LOINC, "code": code}], "text": "total score"},
        "effectiveDateTime": when,
        "valueQuantity": {"value": value},
    }


def encounter(id_: str, of: str, words: str, start: str, status: str = "finished") -> Json:
    return {
        "resourceType": "Encounter",
        "id": id_,
        "status": status,
        "class": {"code": "AMB", "display": "ambulatory"},
        "type": [text(words)],
        "subject": {"reference": f"Patient/{of}"},
        "period": {"start": start},
        "participant": [{"individual": {"reference": "Practitioner/dana"}}],
        "location": [{"location": {"reference": "Location/mill"}}],
    }


def allergy(id_: str, of: str, words: str, criticality: str = "high") -> Json:
    return {
        "resourceType": "AllergyIntolerance",
        "id": id_,
        "patient": {"reference": f"Patient/{of}"},
        "code": text(words),
        "criticality": criticality,
        "clinicalStatus": text("active", "active"),
        "reaction": [{"manifestation": [text("Hives")]}],
        "recordedDate": "2024-02-01",
    }


def practitioner(id_: str, given: str, family: str, suffix: str) -> Json:
    return {"resourceType": "Practitioner", "id": id_, "name": [{"given": [given], "family": family, "suffix": [suffix]}]}


_PHQ = zip(("04-08", "05-06", "06-03", "07-01", "08-05", "09-02", "10-07", "11-04"), (21, 19, 17, 18, 13, 11, 9, 7), strict=True)
_GAD = zip(("04-08", "06-03", "08-05", "10-07", "11-04"), (16, 14, 15, 11, 8), strict=True)
_VISITS = [("2026-11-19T14:00:00-05:00", "Psychotherapy, 45 minutes"), ("2026-11-12T14:00:00-05:00", "Psychotherapy, 45 minutes"),
           ("2026-11-04T09:30:00-05:00", "Medication management"), ("2026-10-29T14:00:00-04:00", "DBT skills group"),
           ("2026-10-22T14:00:00-04:00", "DBT skills group"), ("2026-10-15T14:00:00-04:00", "Psychotherapy, 45 minutes"),
           ("2026-10-07T14:00:00-04:00", "Psychotherapy, 45 minutes"), ("2026-09-30T14:00:00-04:00", "Telephone call"),
           ("2026-09-02T14:00:00-04:00", "Intake assessment")]  # fmt: skip

ANA = [
    patient("ana", "Rivera", "Ana Lucía", "1988-03-04", "RB10422", **_pronouns("she/her")),
    {"resourceType": "Flag", "id": "f1", "status": "active", "subject": {"reference": "Patient/ana"}, "patient": {"reference": "Patient/ana"}, "code": text("C-SSRS moderate, 12 Nov")},
    allergy("a1", "ana", "Penicillin"),
    condition("c1", "ana", "Major depressive disorder, recurrent, moderate", "2024", severity="moderate"),
    condition("c2", "ana", "Generalized anxiety disorder", "2023-05"),
    condition("c3", "ana", "Insomnia", "2025-01-14"),
    condition("c4", "ana", "Adjustment disorder", "2019", status="resolved"),
    medication("m1", "ana", "Sertraline 100 mg tablet", "1 each morning", "2025-06-02"),
    medication("m2", "ana", "Trazodone 50 mg tablet", "1 at bedtime, as needed for sleep", "2025-09-10"),
    medication("m3", "ana", "Hydroxyzine 25 mg capsule", "1 as needed, up to 3 a day", "2026-10-01", "on-hold"),
    *(score(f"p{n}", "ana", "44261-6", f"2026-{day}T14:30:00-04:00", value) for n, (day, value) in enumerate(_PHQ)),
    *(score(f"g{n}", "ana", "70274-6", f"2026-{day}T14:40:00-04:00", value) for n, (day, value) in enumerate(_GAD)),
    *(encounter(f"e{n}", "ana", words, when, "in-progress" if n == 0 else "finished") for n, (when, words) in enumerate(_VISITS)),
    {"resourceType": "CareTeam", "id": "t1", "status": "active", "name": "Outpatient team", "subject": {"reference": "Patient/ana"}, "participant": [
        {"role": [text("Therapist")], "member": {"reference": "Practitioner/dana"}},
        {"role": [text("Psychiatrist")], "member": {"reference": "Practitioner/okafor"}},
        {"role": [text("Patient")], "member": {"reference": "Patient/ana"}}]},
    {"resourceType": "Coverage", "id": "v1", "status": "active", "beneficiary": {"reference": "Patient/ana"}, "payor": [{"reference": "Organization/heron"}],
     "subscriberId": "BH-552-0041", "order": 1, "period": {"start": "2026-01-01"}, "class": [{"type": text("Plan", "plan"), "value": "P2", "name": "Heron Choice PPO"}]},
]  # fmt: skip

LONG = [
    patient("long", "Wolfeschlegelsteinhausen-Featherstonehaugh-Montgomery", "Maximiliana Alexandrina Josephine", "1941-12-31", "RB10999", **_pronouns("they/them or xe/xem")),
    *(allergy(f"la{n}", "long", words) for n, words in enumerate(("Sulfamethoxazole and trimethoprim combination products", "Latex", "Shellfish", "Carbamazepine", "Iodinated contrast media"))),
    condition("lc1", "long", "Severe recurrent major depressive disorder with mood-congruent psychotic features, in partial remission following a prolonged course of treatment", "2011-04-02", "recurrence", "severe"),
    medication("lm1", "long", "Dextroamphetamine saccharate, amphetamine aspartate, dextroamphetamine sulfate and amphetamine sulfate 12.5 mg tablet", "Half a tablet in the morning for 7 days, then 1 tablet in the morning, then reassess with the prescriber before the next refill", "2026-11-01"),
    *(score(f"lp{n}", "long", "44261-6", f"20{24 + n // 12}-{n % 12 + 1:02}-03T09:00:00-05:00", 6 + (n * 7) % 19) for n in range(22)),
]  # fmt: skip

BARE = [patient("bare", "Quill", "Jo", "2025-01-15", "")]

OTHERS = [
    practitioner("dana", "Dana", "Whitfield", "LCSW"),
    practitioner("okafor", "Chidi", "Okafor", "MD"),
    {"resourceType": "Location", "id": "mill", "name": "Mill Street outpatient"},
    {"resourceType": "Organization", "id": "heron", "name": "Blue Heron Health Plan"},
]

_GIVEN = ("Rosa", "Tam", "Ivo", "Lena", "Marcus", "Ada", "Chen", "Noor", "Sven", "Pia")
_FAMILY = ("Abbott", "Baptiste", "Cohen", "Delgado", "Eze", "Fontaine", "Rivas", "Haddad", "Ingram", "Jansen", "Rivera")
CROWD = [
    patient(f"crowd-{n}", _FAMILY[n % 11], _GIVEN[(n * 3) % 10], f"{1950 + n % 55}-{n % 12 + 1:02}-{n % 27 + 1:02}", f"RB{20000 + n}")
    for n in range(120)
]  # fmt: skip

RECORD = [*ANA, *LONG, *BARE, *OTHERS, *CROWD]
