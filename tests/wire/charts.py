"""Charts to write documents of: clients of the sample organization, and invented ones with everything that a chart can hold and odd words in it."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import lru_cache
from random import Random
from typing import Any

from sojourn.sample import organization

Json = dict[str, Any]
SCT, LOINC, ICD, RX, CVX, UCUM = "http://snomed.info/sct", "http://loinc.org", "http://hl7.org/fhir/sid/icd-10-cm", "http://www.nlm.nih.gov/research/umls/rxnorm", "http://hl7.org/fhir/sid/cvx", "http://unitsofmeasure.org"
LOCAL = "https://clinic.example/fhir/CodeSystem/own"
OWN = "https://sojourn.example/fhir/"
TERMS = "http://terminology.hl7.org/CodeSystem/"
HOUSE: Json = {"resourceType": "Organization", "id": "house", "name": "Riverbend & Sons", "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "9700000018"}], "telecom": [{"system": "phone", "value": "518-555-0120", "use": "work"}],
               "address": [{"line": ["22 Foundry Street"], "city": "Alder Falls", "state": "NY", "postalCode": "10099", "country": "US"}]}  # fmt: skip
RECEIVER: Json = {"resourceType": "Organization", "id": "lakeside", "name": "Lakeside Primary Care"}


@lru_cache(maxsize=1)
def clients(number: int, most: int = 12) -> list[list[Json]]:
    """The first clients of the sample organization with at most so many resources of each type."""
    found: dict[str, list[Json]] = {}
    for item in organization(1, date(2026, 11, 22)):
        r = item.resource
        if r["resourceType"] == "Patient":
            if len(found) == number:
                break
            found[f"Patient/{r['id']}"] = [r]
            continue
        whose = next((r[k]["reference"] for k in ("subject", "patient", "beneficiary") if k in r), "") or next((p["actor"]["reference"] for p in r.get("participant", ()) if str(p.get("actor", {}).get("reference", "")).startswith("Patient/")), "")
        if whose in found:
            found[whose].append(r)
    return [list(_few(chart, most)) for chart in found.values()]


def _few(chart: list[Json], most: int) -> Iterator[Json]:
    counted: dict[tuple[str, str], int] = defaultdict(int)
    for r in chart:
        key = (r["resourceType"], str(r.get("category")) if r["resourceType"] == "Observation" else "")
        counted[key] += 1
        if counted[key] <= most:
            yield r


class Invented:
    """A chart from a seed."""

    def __init__(self, seed: object) -> None:
        self.random = Random(str(seed))
        self.count = 0
        self.made: list[Json] = []

    def words(self) -> str:
        """Odd words."""
        return " ".join(self.random.choice(("quiet", "2 × daily", "é", "<b>", "100 %", "since May", '"so"', "a\nb", "]]>", "&amp;", "'x'", "\u0001")) for _ in range(self.random.randrange(1, 4)))

    def concept(self, *systems: str) -> Json:
        """A concept with codes of some of the systems, with or without words."""
        codes = [{"system": s, "code": str(self.random.randrange(10**5, 10**8)), **({"display": self.words()} if self.random.random() < 0.3 else {})} for s in systems if self.random.random() < 0.7]
        return {**({"coding": codes} if codes else {}), **({"text": self.words()} if not codes or self.random.random() < 0.7 else {})}

    def day(self) -> str:
        """A dateTime, more or less exact."""
        full = f"20{self.random.randrange(10, 27)}-{self.random.randrange(1, 13):02}-{self.random.randrange(1, 29):02}"
        return self.random.choice((full, full[:7], full[:4], f"{full}T{self.random.randrange(24):02}:30:00-05:00", f"{full}T08:15:10Z"))

    def quantity(self) -> Json:
        """A quantity in UCUM or in words."""
        unit = self.random.choice(({"unit": "mg", "system": UCUM, "code": "mg"}, {"unit": "tablets a day"}, {"unit": "mIU/L", "system": UCUM, "code": "m[IU]/L"}, {"unit": "%", "system": UCUM, "code": "%"}))
        return {"value": self.random.choice((Decimal("1.50"), 3, Decimal("0.001"), 120)), **unit}

    def put(self, type_: str, **body: Any) -> Json:
        """One more resource, sometimes labelled."""
        self.count += 1
        marks = self.random.choice(((), (), (("v3-Confidentiality", "R"), ("v3-ActCode", "42CFRPart2"), ("v3-ActCode", "NORDSCLCD")), (("v3-Confidentiality", "V"), ("v3-ActCode", "HIV"))))
        meta = {"meta": {"security": [{"system": TERMS + s, "code": c} for s, c in marks]}} if marks else {}
        self.made.append({"resourceType": type_, "id": f"r{self.count}", **meta, **body})
        return self.made[-1]

    def chart(self) -> list[Json]:
        """All of it."""
        me: Json = {"subject": {"reference": "Patient/p"}}
        self.made.append({"resourceType": "Patient", "id": "p", "name": [{"family": "Ō'Neil", "given": ["Ana", "B."]}], "gender": self.random.choice(("male", "female", "other", "unknown")), "birthDate": "1990-02-03",
                          "identifier": [{"system": "https://clinic.example/mrn", "value": "7"}], "extension": [{"url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex", "valueCode": "F"}]})  # fmt: skip
        doctor = {"reference": "Practitioner/d", "display": "Chidi Okafor, MD"}
        for _ in range(self.random.randrange(3)):
            self.put("AllergyIntolerance", patient=me["subject"], code=self.concept(RX, SCT), type="allergy", category=["medication"], criticality="high", recordedDate=self.day(), recorder=doctor, note=[{"text": self.words()}],
                     clinicalStatus={"coding": [{"system": TERMS + "allergyintolerance-clinical", "code": self.random.choice(("active", "resolved"))}]}, reaction=[{"manifestation": [self.concept(SCT), self.concept(SCT)], "severity": "mild", "onset": self.day()}])  # fmt: skip
        for _ in range(self.random.randrange(4)):
            self.put("Condition", **me, code=self.concept(SCT, ICD, LOCAL), onsetDateTime=self.day(), severity=self.concept(SCT), recordedDate=self.day(), recorder=doctor,
                     clinicalStatus={"coding": [{"system": TERMS + "condition-clinical", "code": self.random.choice(("active", "remission", "resolved"))}]}, verificationStatus={"coding": [{"system": TERMS + "condition-ver-status", "code": self.random.choice(("confirmed", "provisional", "refuted"))}]})  # fmt: skip
        for _ in range(self.random.randrange(4)):
            self.put("MedicationRequest", **me, status=self.random.choice(("active", "on-hold", "stopped", "completed")), intent="order", medicationCodeableConcept=self.concept(RX), authoredOn=self.day(), requester=doctor,
                     reasonCode=[self.concept(SCT, ICD)], dosageInstruction=[{"text": self.words(), "route": self.concept(SCT), "timing": {"repeat": {"frequency": self.random.randrange(1, 8), "period": 1, "periodUnit": "d"}}, "doseAndRate": [{"doseQuantity": self.quantity()}]}],
                     dispenseRequest={"numberOfRepeatsAllowed": 2, "quantity": self.quantity(), "expectedSupplyDuration": {"value": 30, "unit": "days", "system": UCUM, "code": "d"}})  # fmt: skip
        for kind in ("laboratory", "vital-signs", "survey", "social-history", "functional-status", "exam"):
            for _ in range(self.random.randrange(3)):
                self.observation(kind, me)
        for _ in range(self.random.randrange(3)):
            self.put("Encounter", **me, status="finished", type=[self.concept(SCT)], period={"start": self.day(), "end": self.day()}, reasonCode=[self.concept(SCT)], participant=[{"individual": doctor}], **{"class": {"system": TERMS + "v3-ActCode", "code": "AMB", "display": "ambulatory"}})
            self.put("Procedure", **me, status=self.random.choice(("completed", "not-done")), code=self.concept(SCT, LOCAL), performedDateTime=self.day(), performer=[{"actor": doctor}])
            self.put("Immunization", patient=me["subject"], status=self.random.choice(("completed", "not-done")), vaccineCode=self.concept(CVX), occurrenceDateTime=self.day(), lotNumber="L<1>")
            self.put("Goal", **me, lifecycleStatus="active", description=self.concept(SCT), startDate="2026-02-01", target=[{"dueDate": "2026-05-01", "measure": self.concept(LOINC)}], achievementStatus=self.concept(TERMS + "goal-achievement"))
            self.put("CarePlan", **me, status="active", intent="plan", title=self.words(), period={"start": "2026-01-01"}, author=doctor, activity=[{"detail": {"code": self.concept(SCT), "status": "scheduled", "description": self.words()}}])
            self.put("ServiceRequest", **me, status="active", intent="order", code=self.concept(SCT, LOINC), occurrenceDateTime=self.day(), authoredOn=self.day(), requester=doctor, priority="urgent")
            self.put("DocumentReference", **me, status="current", type=self.concept(LOINC), date=f"{self.day()[:4]}-02-03T10:00:00Z", author=[doctor], content=[{"attachment": {"contentType": self.random.choice(("text/plain", "application/pdf")), "data": "cGxhaW4gd29yZHM=", "title": self.words()}}])
            self.put("CareTeam", **me, status="active", name=self.words(), participant=[{"role": [self.concept(SCT)], "member": doctor}])
            self.put("Coverage", beneficiary=me["subject"], status="active", type=self.concept("https://nahdo.org/sopt"), subscriberId="ME7", payor=[{"display": "Three Rivers Plan"}])
            self.put("Device", patient=me["subject"], status="active", type=self.concept(SCT), udiCarrier=[{"carrierHRF": "(01)0950400005911"}], lotNumber="LOT843")
            self.put("FamilyMemberHistory", patient=me["subject"], status="completed", relationship=self.concept(TERMS + "v3-RoleCode"), condition=[{"code": self.concept(SCT), "onsetAge": {"value": 41, "unit": "a", "system": UCUM, "code": "a"}, "note": [{"text": self.words()}]}])
            self.put("Flag", **me, status="active", code=self.concept(LOCAL), period={"start": self.day()})
            self.put("Observation", **me, status="entered-in-error", code=self.concept(LOINC), valueString=self.words())
        self.discharge(me, doctor)
        return self.made

    def discharge(self, me: Json, doctor: Json) -> None:
        """The end of a stay: what was decided of some medications, a note with instructions, and instructions of their own."""
        ordered = [r["id"] for r in self.made if r["resourceType"] == "MedicationRequest"]
        entries = [{"extension": [{"url": OWN + "StructureDefinition/reconciliation-reason", "valueString": self.words()}], "flag": {"coding": [{"system": OWN + "CodeSystem/care", "code": "stop"}], "text": "Stop"}, "item": {"reference": f"MedicationRequest/{id_}"}} for id_ in ordered[1:]]
        self.put("List", **me, status="current", mode="changes", title="Medication reconciliation: Discharge", code={"coding": [{"system": OWN + "CodeSystem/care", "code": "medication-reconciliation.discharge"}], "text": "Medication reconciliation"}, date="2026-03-20T11:00:00Z", entry=entries)
        for code, words in (("18842-5", f"COURSE\n{self.words()}\n\nAFTERCARE\n{self.words()}"), ("8653-8", self.words())):
            self.put("DocumentReference", **me, status="current", docStatus="final", type={"coding": [{"system": LOINC, "code": code}], "text": self.words()}, date="2026-03-20T12:30:00Z", author=[doctor], content=[{"attachment": {"contentType": "text/plain", "data": base64.b64encode(words.encode()).decode()}}])

    def observation(self, kind: str, me: Json) -> None:
        """One of a category, with one of the kinds of values."""
        value: Json = self.random.choice((
            {"valueQuantity": self.quantity()}, {"valueQuantity": {**self.quantity(), "comparator": "<"}}, {"valueCodeableConcept": self.concept(SCT)}, {"valueString": self.words()}, {"valueInteger": 17}, {"valueBoolean": True},
            {"dataAbsentReason": {"coding": [{"system": TERMS + "data-absent-reason", "code": "asked-declined"}]}}, {"component": [{"code": self.concept(LOINC), "valueQuantity": self.quantity()}, {"code": self.concept(LOINC), "valueQuantity": self.quantity()}]},
        ))  # fmt: skip
        made = self.put("Observation", **me, status=self.random.choice(("final", "final", "preliminary")), category=[{"coding": [{"system": TERMS + "observation-category", "code": kind}]}], code=self.concept(LOINC, LOCAL), effectiveDateTime=self.day(),
                        performer=[{"display": "Sam Lee"}], note=[{"text": self.words()}], referenceRange=[{"low": self.quantity(), "high": self.quantity()}, {"text": self.words()}], interpretation=[self.concept(TERMS + "v3-ObservationInterpretation")], **value)  # fmt: skip
        if kind == "laboratory" and self.random.random() < 0.5:
            self.put("DiagnosticReport", **me, status="final", code=self.concept(LOINC), effectiveDateTime=made["effectiveDateTime"], result=[{"reference": f"Observation/{made['id']}"}], conclusion=self.words())
