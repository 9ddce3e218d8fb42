"""A chart with one of each kind that a C-CDA of ours tells, each with all its coded parts. Invented."""

from __future__ import annotations

import base64
from typing import Any

Json = dict[str, Any]
SCT, LOINC, ICD, RX, CVX, UCUM = "http://snomed.info/sct", "http://loinc.org", "http://hl7.org/fhir/sid/icd-10-cm", "http://www.nlm.nih.gov/research/umls/rxnorm", "http://hl7.org/fhir/sid/cvx", "http://unitsofmeasure.org"
TERMS = "http://terminology.hl7.org/CodeSystem/"
CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
RACES = "urn:oid:2.16.840.1.113883.6.238"


def coded(text: str, *codings: str) -> Json:
    """`system|code` …, with the words."""
    return {"coding": [{"system": c.rpartition("|")[0], "code": c.rpartition("|")[2]} for c in codings], **({"text": text} if text else {})}


def packed(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def amount(value: float, code: str, unit: str = "") -> Json:
    return {"value": value, "unit": unit or code, "system": UCUM, "code": code}


PERSON: Json = {
    "resourceType": "Patient", "active": True, "name": [{"use": "official", "family": "Okonkwo", "given": ["Ada", "Ngozi"]}], "gender": "female", "birthDate": "1979-08-21",
    "extension": [
        {"url": CORE + "race", "extension": [{"url": "ombCategory", "valueCoding": {"system": RACES, "code": "2054-5", "display": "Black or African American"}}, {"url": "text", "valueString": "Black or African American"}]},
        {"url": CORE + "ethnicity", "extension": [{"url": "ombCategory", "valueCoding": {"system": RACES, "code": "2186-5", "display": "Not Hispanic or Latino"}}, {"url": "text", "valueString": "Not Hispanic or Latino"}]},
        {"url": CORE + "birthsex", "valueCode": "F"}, {"url": CORE + "sex", "valueCode": "248152002"},
        {"url": CORE + "genderIdentity", "valueCodeableConcept": {"coding": [{"system": SCT, "code": "446141000124107", "display": "Identifies as female gender"}]}},
        {"url": CORE + "tribal-affiliation", "extension": [{"url": "tribalAffiliation", "valueCodeableConcept": {"coding": [{"system": TERMS + "v3-TribalEntityUS", "code": "187", "display": "Paiute-Shoshone Tribe of the Fallon Reservation and Colony, Nevada"}]}}]},
        {"url": "http://hl7.org/fhir/StructureDefinition/individual-pronouns", "extension": [{"url": "value", "valueCodeableConcept": {"coding": [{"system": LOINC, "code": "LA29519-8", "display": "she/her/her/hers/herself"}]}}]},
    ],
    "telecom": [{"system": "phone", "value": "518-555-0171", "use": "mobile"}, {"system": "email", "value": "ada@example.org"}],
    "address": [{"use": "home", "line": ["7 Quarry Road", "Apt 2"], "city": "Alder Falls", "state": "NY", "postalCode": "12019", "country": "US"}],
    "maritalStatus": {"coding": [{"system": TERMS + "v3-MaritalStatus", "code": "M"}]}, "communication": [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "fr"}]}, "preferred": True}],
}  # fmt: skip


def chart(p: str, doctor: Json) -> list[Json]:
    """All of it about one person. What has an id here is named by it."""
    me, theirs = {"subject": {"reference": f"Patient/{p}"}}, {"patient": {"reference": f"Patient/{p}"}}
    measured: Json = {"resourceType": "Observation", "status": "final", **me, "effectiveDateTime": "2026-02-10T09:15:00-05:00", "performer": [doctor]}

    def kind(code: str, system: str = TERMS + "observation-category") -> Json:
        return {"category": [{"coding": [{"system": system, "code": code}]}]}

    return [
        {"resourceType": "AllergyIntolerance", **theirs, "clinicalStatus": coded("", f"{TERMS}allergyintolerance-clinical|active"), "verificationStatus": coded("", f"{TERMS}allergyintolerance-verification|confirmed"), "type": "allergy",
         "category": ["medication"], "criticality": "high", "code": coded("Penicillin G", f"{RX}|7980"), "onsetDateTime": "2011-05", "recordedDate": "2026-02-10T09:20:00-05:00", "recorder": doctor, "note": [{"text": "Told by her sister"}],
         "reaction": [{"manifestation": [coded("Hives", f"{SCT}|247472004"), coded("Wheezing", f"{SCT}|56018004")], "severity": "severe", "onset": "2011-05-04"}, {"manifestation": [coded("Nausea", f"{SCT}|422587007")], "severity": "mild"}]},
        {"resourceType": "AllergyIntolerance", **theirs, "clinicalStatus": coded("", f"{TERMS}allergyintolerance-clinical|resolved"), "verificationStatus": coded("", f"{TERMS}allergyintolerance-verification|confirmed"), "type": "intolerance",
         "category": ["food"], "code": coded("Cow's milk", f"{SCT}|3718001"), "recordedDate": "2020-01-01"},
        {"resourceType": "Condition", **me, "id": "depression", **kind("problem-list-item", TERMS + "condition-category"), "clinicalStatus": coded("", f"{TERMS}condition-clinical|active"), "verificationStatus": coded("", f"{TERMS}condition-ver-status|confirmed"),
         "code": coded("Major depressive disorder, recurrent, moderate", f"{ICD}|F33.1", f"{SCT}|720454007"), "severity": coded("Moderate", f"{SCT}|6736007"), "onsetDateTime": "2019-03", "recordedDate": "2026-02-10", "recorder": doctor,
         "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/condition-assertedDate", "valueDateTime": "2019-04-02"}]},
        {"resourceType": "Condition", **me, **kind("problem-list-item", TERMS + "condition-category"), "clinicalStatus": coded("", f"{TERMS}condition-clinical|remission"), "verificationStatus": coded("", f"{TERMS}condition-ver-status|confirmed"),
         "code": coded("Alcohol use disorder, moderate, in early remission", f"{ICD}|F10.21"), "onsetDateTime": "2015", "abatementDateTime": "2025-06-30", "recordedDate": "2026-02-10"},
        {"resourceType": "AllergyIntolerance", **theirs, "clinicalStatus": coded("", f"{TERMS}allergyintolerance-clinical|inactive"), "verificationStatus": coded("", f"{TERMS}allergyintolerance-verification|refuted"), "type": "allergy",
         "category": ["medication"], "code": coded("Sulfamethoxazole", f"{RX}|10180"), "recordedDate": "2026-02-10T09:20:00-05:00", "recorder": doctor},
        {"resourceType": "Condition", **me, **kind("problem-list-item", TERMS + "condition-category"), "clinicalStatus": coded("", f"{TERMS}condition-clinical|inactive"), "verificationStatus": coded("", f"{TERMS}condition-ver-status|refuted"),
         "code": coded("Bipolar disorder", f"{ICD}|F31.9", f"{SCT}|13746004"), "onsetDateTime": "2017", "recordedDate": "2026-02-10", "recorder": doctor},
        {"resourceType": "MedicationRequest", **me, "status": "active", "intent": "order", "medicationCodeableConcept": coded("Sertraline 50 MG Oral Tablet", f"{RX}|312941"), "authoredOn": "2026-02-10T09:30:00-05:00", "requester": doctor,
         "reasonCode": [coded("Major depressive disorder", f"{ICD}|F33.1")], "dispenseRequest": {"numberOfRepeatsAllowed": 2, "quantity": amount(30, "{tbl}", "tablets"), "expectedSupplyDuration": amount(30, "d", "days")},
         "dosageInstruction": [{"text": "One tablet every morning", "route": coded("Oral", f"{SCT}|26643006"), "timing": {"repeat": {"boundsPeriod": {"start": "2026-02-11"}, "frequency": 1, "period": 1, "periodUnit": "d"}}, "doseAndRate": [{"doseQuantity": amount(1, "{tbl}", "tablet")}]}]},
        {"resourceType": "MedicationRequest", **me, "status": "stopped", "intent": "order", "medicationCodeableConcept": coded("Lithium carbonate 300 MG Oral Capsule", f"{RX}|197889"), "authoredOn": "2025-11-01", "requester": doctor,
         "dosageInstruction": [{"text": "One capsule three times a day", "timing": {"repeat": {"boundsPeriod": {"start": "2025-11-01", "end": "2026-01-15"}, "frequency": 3, "period": 1, "periodUnit": "d"}}, "doseAndRate": [{"doseQuantity": amount(300, "mg")}]}]},
        {"resourceType": "MedicationStatement", **me, "status": "active", "medicationCodeableConcept": coded("Omega-3 fatty acids", f"{RX}|4301"), "effectivePeriod": {"start": "2024-01-01"}, "dosage": [{"text": "With breakfast"}]},
        {"resourceType": "MedicationDispense", **me, "status": "completed", "medicationCodeableConcept": coded("Naloxone 40 MG/ML Nasal Spray", f"{RX}|1725059"), "quantity": amount(2, "{spray}", "sprays"), "whenHandedOver": "2026-02-10", "performer": [{"actor": doctor}]},
        {**measured, **kind("laboratory"), "id": "potassium", "code": coded("Potassium", f"{LOINC}|6298-4"), "issued": "2026-02-10T15:00:00-05:00", "valueQuantity": amount(5.4, "mmol/L"), "interpretation": [coded("High", f"{TERMS}v3-ObservationInterpretation|H")],
         "referenceRange": [{"low": amount(3.5, "mmol/L"), "high": amount(5.1, "mmol/L")}]},
        {**measured, **kind("laboratory"), "id": "lithium", "status": "preliminary", "code": coded("Lithium level", f"{LOINC}|14334-7"), "valueQuantity": {**amount(0.2, "mmol/L"), "comparator": "<"}, "method": coded("Ion-selective electrode", f"{SCT}|703453003")},
        {**measured, **kind("laboratory"), "status": "corrected", "code": coded("Benzodiazepines, urine", f"{LOINC}|14316-4"), "valueCodeableConcept": coded("Negative", f"{SCT}|260385009")},
        {**measured, **kind("vital-signs"), "code": coded("Body weight", f"{LOINC}|29463-7"), "valueQuantity": amount(71.5, "kg")},
        {**measured, **kind("vital-signs"), "code": coded("Blood pressure", f"{LOINC}|85354-9"), "bodySite": coded("Left arm", f"{SCT}|368208006"),
         "component": [{"code": coded("Systolic", f"{LOINC}|8480-6"), "valueQuantity": amount(128, "mm[Hg]", "mmHg")}, {"code": coded("Diastolic", f"{LOINC}|8462-4"), "valueQuantity": amount(82, "mm[Hg]", "mmHg")}]},
        {**measured, **kind("survey"), "code": coded("PHQ-9 total score", f"{LOINC}|44261-6"), "valueInteger": 14},
        {**measured, **kind("social-history"), "code": coded("Tobacco smoking status", f"{LOINC}|72166-2"), "valueCodeableConcept": coded("Former smoker", f"{SCT}|8517006")},
        {**measured, **kind("social-history"), "code": coded("Sexual orientation", f"{LOINC}|76690-7"), "valueCodeableConcept": coded("Bisexual", f"{SCT}|42035005")},
        {**measured, **kind("social-history"), "code": coded("Food insecurity", f"{LOINC}|88122-7"), "valueCodeableConcept": coded("Never true", f"{LOINC}|LA28399-0")},
        {**measured, **kind("functional-status", "http://hl7.org/fhir/us/core/CodeSystem/us-core-category"), "code": coded("Difficulty concentrating", f"{LOINC}|69859-7"), "valueBoolean": True},
        {"resourceType": "Procedure", **me, "status": "completed", "code": coded("Psychotherapy, 45 minutes", "http://www.ama-assn.org/go/cpt|90834", f"{SCT}|75516001"), "performedPeriod": {"start": "2026-02-10T10:00:00-05:00", "end": "2026-02-10T10:45:00-05:00"},
         "performer": [{"actor": doctor}], "reasonCode": [coded("Depressed mood", f"{SCT}|366979004")]},
        {"resourceType": "Procedure", **me, "status": "not-done", "code": coded("Electroconvulsive therapy", f"{SCT}|23835007"), "performedDateTime": "2026-02-01"},
        {"resourceType": "Immunization", **theirs, "status": "completed", "vaccineCode": coded("Influenza, seasonal", f"{CVX}|141"), "occurrenceDateTime": "2025-10-05", "lotNumber": "FL7-22", "primarySource": True, "performer": [{"actor": doctor}],
         "route": coded("Intramuscular", f"{SCT}|78421000"), "site": coded("Left deltoid", f"{SCT}|16217701000119102"), "doseQuantity": amount(0.5, "mL"), "manufacturer": {"display": "Seqirus"}},
        {"resourceType": "Immunization", **theirs, "status": "not-done", "vaccineCode": coded("COVID-19 vaccine", f"{CVX}|213"), "occurrenceDateTime": "2025-10-05", "statusReason": coded("Patient objection", f"{TERMS}v3-ActReason|PATOBJ"), "primarySource": True},
        {"resourceType": "Encounter", **me, "status": "finished", "class": {"system": f"{TERMS}v3-ActCode", "code": "IMP"}, "type": [coded("Psychiatric admission", f"{SCT}|183478001")], "period": {"start": "2026-01-20T08:00:00-05:00", "end": "2026-01-28T12:00:00-05:00"},
         "participant": [{"type": [coded("", f"{TERMS}v3-ParticipationType|PPRF")], "individual": doctor}], "reasonCode": [coded("Suicidal thoughts", f"{SCT}|6471006")], "hospitalization": {"dischargeDisposition": coded("Home", f"{TERMS}discharge-disposition|home")}, "diagnosis": [{"condition": {"reference": "Condition/depression"}}]},
        {"resourceType": "CarePlan", **me, "status": "active", "intent": "plan", "title": "Relapse prevention", "period": {"start": "2026-02-10"}, "author": doctor, "created": "2026-02-10",
         "activity": [{"detail": {"code": coded("Cognitive behavioral therapy", f"{SCT}|228557008"), "status": "scheduled"}}]},
        {"resourceType": "Goal", **me, "lifecycleStatus": "active", "achievementStatus": coded("Improving", f"{TERMS}goal-achievement|improving"), "description": coded("Sleeps through the night", f"{SCT}|301345002"), "startDate": "2026-02-10", "expressedBy": doctor,
         "target": [{"measure": coded("PHQ-9 total score", f"{LOINC}|44261-6"), "detailQuantity": amount(9, "{score}"), "dueDate": "2026-06-01"}]},
        {"resourceType": "ServiceRequest", **me, "status": "active", "intent": "order", "code": coded("Lithium level", f"{LOINC}|14334-7"), "occurrenceDateTime": "2026-03-01", "authoredOn": "2026-02-10T09:30:00-05:00", "requester": doctor, "reasonCode": [coded("Lithium monitoring", f"{SCT}|698694008")]},
        {"resourceType": "CareTeam", **me, "status": "active", "name": "Outpatient team", "period": {"start": "2026-02-01"}, "participant": [{"role": [coded("Psychiatrist", f"{SCT}|80584001")], "member": doctor}, {"role": [coded("Sister", f"{TERMS}v3-RoleCode|SIS")], "member": {"display": "Chioma Okonkwo"}}]},
        {"resourceType": "FamilyMemberHistory", **theirs, "status": "completed", "relationship": coded("Mother", f"{TERMS}v3-RoleCode|MTH"), "condition": [{"code": coded("Bipolar disorder", f"{SCT}|13746004")}, {"code": coded("Type 2 diabetes", f"{SCT}|44054006"), "onsetAge": amount(52, "a")}]},
        {"resourceType": "DiagnosticReport", **me, "status": "amended", "code": coded("Metabolic panel", f"{LOINC}|24323-8"), "effectiveDateTime": "2026-02-10T09:15:00-05:00", "issued": "2026-02-10T16:00:00-05:00", "performer": [doctor],
         "conclusion": "Potassium is slightly high.", "result": [{"reference": "Observation/potassium"}, {"reference": "Observation/lithium"}]},
        {"resourceType": "Device", **theirs, "status": "active", "type": coded("Vagus nerve stimulator", f"{SCT}|468010006"), "udiCarrier": [{"carrierHRF": "(01)00844588003288(17)141120(10)7654321D"}]},
        {"resourceType": "Coverage", "beneficiary": {"reference": f"Patient/{p}"}, "status": "active", "type": coded("Medicaid", "https://nahdo.org/sopt|2"), "subscriberId": "CIN-77182", "relationship": coded("Self", f"{TERMS}subscriber-relationship|self"),
         "period": {"start": "2026-01-01", "end": "2026-12-31"}, "payor": [{"display": "Three Rivers Health Plan"}]},
        {"resourceType": "Flag", **me, "status": "active", **kind("safety", TERMS + "flag-category"), "code": coded("At risk of falls", f"{SCT}|129839007"), "period": {"start": "2026-02-10T09:00:00-05:00"}, "author": doctor},
        {"resourceType": "Flag", **me, "status": "inactive", "code": coded("Suicide precautions", "https://sojourn.example/fhir/CodeSystem/care|precaution-suicide"), "period": {"start": "2026-01-20", "end": "2026-01-28"}},
        {"resourceType": "DocumentReference", **me, "status": "current", "docStatus": "final", "type": coded("Discharge summary", f"{LOINC}|18842-5"), "date": "2026-01-28T16:00:00Z", "author": [doctor], "context": {"period": {"start": "2026-01-20", "end": "2026-01-28"}},
         "content": [{"attachment": {"contentType": "text/plain", "data": packed("COURSE\nAdmitted after an overdose.\n\nAFTERCARE\n  1. See Dr. Okafor on Feb 10.\n  2. No lithium.")}}]},
        {"resourceType": "DocumentReference", **me, "status": "current", "docStatus": "final", "type": coded("Discharge instructions", f"{LOINC}|8653-8"), "date": "2026-01-28T12:00:00Z", "author": [doctor],
         "content": [{"attachment": {"contentType": "text/plain", "data": packed("Call 988 at any hour.")}}]},
        {"resourceType": "DocumentReference", **me, "status": "current", "docStatus": "final", "type": coded("Mental health advance directive", f"{LOINC}|64298-3"), "date": "2025-06-01T12:00:00Z",
         "content": [{"attachment": {"contentType": "application/pdf", "data": base64.b64encode(b"%PDF-1.4 what she wants").decode(), "title": "Advance directive"}}]},
        {"resourceType": "DocumentReference", **me, "status": "current", "docStatus": "preliminary", "type": coded("Consultation note", f"{LOINC}|11488-4"), "date": "2026-02-11T10:50:00Z", "author": [doctor], "content": [{"attachment": {"contentType": "text/plain", "data": packed("To be finished.")}}]},
        {"resourceType": "DocumentReference", **me, "status": "current", "type": coded("Progress note", f"{LOINC}|11506-3"), "date": "2026-02-10T10:50:00Z", "author": [doctor],
         "content": [{"attachment": {"contentType": "text/plain", "data": base64.b64encode(b"Sleeps better. No suicidal thoughts.").decode(), "title": "Session 4"}}]},
    ]  # fmt: skip


def nothing_known(p: str, doctor: Json) -> list[Json]:
    """A chart that says of each list that nothing is known to stand on it."""
    me, theirs = {"subject": {"reference": f"Patient/{p}"}}, {"patient": {"reference": f"Patient/{p}"}}
    return [
        {"resourceType": "AllergyIntolerance", **theirs, "clinicalStatus": coded("", f"{TERMS}allergyintolerance-clinical|active"), "verificationStatus": coded("", f"{TERMS}allergyintolerance-verification|confirmed"),
         "code": coded("No known allergies", f"{SCT}|716186003"), "recordedDate": "2026-02-10T09:20:00-05:00", "recorder": doctor},
        {"resourceType": "Condition", **me, "category": [coded("", f"{TERMS}condition-category|problem-list-item")], "clinicalStatus": coded("", f"{TERMS}condition-clinical|active"),
         "verificationStatus": coded("", f"{TERMS}condition-ver-status|confirmed"), "code": coded("No current problems", f"{SCT}|160245001"), "recordedDate": "2026-02-10", "recorder": doctor},
        {"resourceType": "MedicationStatement", **me, "status": "active", "medicationCodeableConcept": coded("No known medications", f"{SCT}|787481004"), "effectiveDateTime": "2026-02-10", "dateAsserted": "2026-02-10"},
    ]  # fmt: skip
