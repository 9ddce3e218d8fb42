"""Records of every kind that a document or a message may tell, with what their formats find hard: dates of little precision, units, two codings, refuted and mistaken, odd letters. Invented."""

from __future__ import annotations

import base64
from random import Random
from typing import Any

Json = dict[str, Any]
SCT, LOINC, ICD, RX, NDC, CVX, UCUM = (
    "http://snomed.info/sct", "http://loinc.org", "http://hl7.org/fhir/sid/icd-10-cm", "http://www.nlm.nih.gov/research/umls/rxnorm", "http://hl7.org/fhir/sid/ndc", "http://hl7.org/fhir/sid/cvx", "http://unitsofmeasure.org",
)  # fmt: skip
CPT, NCIT, TERMS, LOCAL = "http://www.ama-assn.org/go/cpt", "http://ncithesaurus-stage.nci.nih.gov", "http://terminology.hl7.org/CodeSystem/", "https://clinic.example/fhir/CodeSystem/own"
TYPES = ("Condition", "AllergyIntolerance", "MedicationRequest", "MedicationStatement", "CarePlan", "Goal", "Observation", "Encounter", "EpisodeOfCare", "DocumentReference", "Procedure", "Immunization", "CareTeam", "DiagnosticReport", "ServiceRequest")
"""What a hand-off of these tests holds: more than we ship, as an organization may set it."""
_PROBLEMS = ({SCT: "38341003", ICD: "I10"}, {SCT: "195967001", ICD: "J45.909"}, {ICD: "M54.50"}, {SCT: "73211009"}, {LOCAL: "P-7"}, {})
_MEDICINES = ({RX: "197361", NDC: "00093-7146-01"}, {RX: "314076"}, {NDC: "00071-0155-23"}, {LOCAL: "M-1"}, {})
_FINDINGS = ({SCT: "271807003", ICD: "R21"}, {SCT: "422587007"}, {})
_TESTS = (("2160-0", "mg/dL"), ("2823-3", "mmol/L"), ("718-7", "g/dL"), ("3016-3", "m[IU]/L"))
_VITALS = (("8867-4", "/min"), ("8310-5", "Cel"), ("29463-7", "kg"), ("59408-5", "%"))
_SURVEYS = ("44261-6", "70274-6", "72109-2")


class Fuller:
    """Makes the records of one person. staff: a reference that some of those who work here have beside their names."""

    def __init__(self, random: Random, patient: str, staff: str = "") -> None:
        self.random, self.patient, self.staff = random, patient, staff
        self.me: Json = {"subject": {"reference": f"Patient/{patient}"}}
        self.theirs: Json = {"patient": {"reference": f"Patient/{patient}"}}

    # --- data types ---

    def words(self) -> str:
        """Odd words."""
        return " ".join(self.random.choice(("quiet", "2 × daily", "é", "<b>", "100 %", "since May", '"so"', "a\nb", "|^~\\&", "]]>", "&amp;", "Ω≥3")) for _ in range(self.random.randrange(1, 5)))

    def maybe(self, chance: float = 0.5) -> bool:
        """Whether it is said."""
        return self.random.random() < chance

    def day(self) -> str:
        """A dateTime: year, month, day, or a moment in some zone."""
        full = f"20{self.random.randrange(10, 26)}-{self.random.randrange(1, 13):02}-{self.random.randrange(1, 29):02}"
        return self.random.choice((full, full[:7], full[:4], f"{full}T{self.random.randrange(24):02}:30:00-05:00", f"{full}T08:15:10Z", f"{full}T23:59:59.125+05:30"))

    def moment(self) -> str:
        """An instant."""
        return f"2026-02-{self.random.randrange(1, 28):02}T{self.random.randrange(24):02}:15:00{self.random.choice(('Z', '-05:00', '+05:30'))}"

    def span(self) -> Json:
        """A period, open or not."""
        return {"start": f"2025-{self.random.randrange(1, 13):02}-{self.random.randrange(1, 29):02}", **({"end": self.moment()} if self.maybe() else {})}

    def concept(self, *choices: dict[str, str]) -> Json:
        """A concept with the codings of one of the choices, with displays or not, with words of its own or not."""
        codes = self.random.choice(choices)
        codings = [{"system": s, "code": c, **({"display": self.words()} if self.maybe(0.4) else {})} for s, c in codes.items()]
        self.random.shuffle(codings)
        return {**({"coding": codings} if codings else {}), **({"text": self.words()} if not codings or self.maybe(0.7) else {})}

    def quantity(self, code: str = "") -> Json:
        """A quantity in UCUM, or in words."""
        value = self.random.choice((1.5, 3, 0.001, 120, 72.25))
        if code or self.maybe(0.7):
            code = code or self.random.choice(("mg", "mL", "m[IU]/L", "%"))
            return {"value": value, "unit": code if self.maybe() else f"{code} (unit)", "system": UCUM, "code": code}
        return {"value": value, **({"unit": "tablets a day"} if self.maybe(0.7) else {})}

    def range(self, code: str) -> Json:
        """Two quantities of one unit, the lower first."""
        low, high = self.quantity(code), self.quantity(code)
        low["value"], high["value"] = sorted((low["value"], high["value"]))
        return {"low": low, "high": high}

    def person(self) -> Json:
        """Somebody who works here, as a reference with a name."""
        return {"display": self.random.choice(("Chidi Okafor, MD", "Sam Lee, RN", "Zoë O'Neil <LCSW>")), **({"reference": self.staff} if self.staff and self.maybe() else {})}

    def status(self, system: str, *codes: str) -> Json:
        return {"coding": [{"system": TERMS + system, "code": self.random.choice(codes)}]}

    def some(self, **elements: Any) -> Json:
        """Some of the elements; each a value or what makes one."""
        return {key: made() if callable(made) else made for key, made in elements.items() if self.maybe()}

    # --- records ---

    def one(self, kind: str = "") -> Json:
        """A record of a kind, or of any."""
        kind = kind or self.random.choice((
            "Condition", "Condition", "AllergyIntolerance", "MedicationRequest", "MedicationRequest", "MedicationStatement", "laboratory", "laboratory", "vital-signs", "panel", "survey", "social-history", "smoking", "Procedure", "Immunization",
            "Encounter", "DocumentReference", "CarePlan", "Goal", "CareTeam", "DiagnosticReport", "ServiceRequest",
        ))  # fmt: skip
        made: Json = getattr(self, f"_{kind.replace('-', '_').lower()}")()
        return {key: value for key, value in made.items() if value != []}

    def _condition(self) -> Json:
        over = self.maybe(0.4)
        certain = self.random.choice(("confirmed", "confirmed", "provisional", "refuted", "entered-in-error"))
        began: Json = {"onsetDateTime": self.day()} if self.maybe(0.7) else {"onsetPeriod": self.span()} if self.maybe() else {"onsetString": self.words()} if self.maybe() else {"onsetAge": self.quantity("a")}
        mistake = certain == "entered-in-error"
        return {
            "resourceType": "Condition", **self.me, "code": self.concept(*_PROBLEMS), "verificationStatus": self.status("condition-ver-status", certain), "recordedDate": self.day(), **began,
            **({} if mistake else {"clinicalStatus": self.status("condition-clinical", *(("inactive", "resolved", "remission") if over else ("active", "recurrence", "relapse")))}),
            **({"abatementDateTime": self.day()} if over and not mistake and self.maybe() else {}), "category": [self.status("condition-category", "problem-list-item", "encounter-diagnosis")],
            **self.some(severity=lambda: self.concept({SCT: "24484000"}, {}), bodySite=lambda: [self.concept({SCT: "368208006"}, {})], recorder=self.person, note=lambda: [{"text": self.words()}]),
        }  # fmt: skip

    def _allergyintolerance(self) -> Json:
        certain = self.random.choice(("confirmed", "confirmed", "unconfirmed", "refuted", "entered-in-error"))
        return {
            "resourceType": "AllergyIntolerance", **self.theirs, "code": self.concept({RX: "7980", SCT: "764146007"}, {SCT: "256349002"}, {RX: "1191"}, {}), "verificationStatus": self.status("allergyintolerance-verification", certain),
            **({} if certain == "entered-in-error" else {"clinicalStatus": self.status("allergyintolerance-clinical", "active", "inactive", "resolved")}),
            **self.some(type=lambda: self.random.choice(("allergy", "intolerance")), category=lambda: self.random.choice((["medication"], ["food"], ["environment"], ["food", "medication"])), criticality=lambda: self.random.choice(("low", "high", "unable-to-assess")),
                        onsetDateTime=self.day, recordedDate=self.day, recorder=self.person, note=lambda: [{"text": self.words()}]),
            "reaction": [{"manifestation": [self.concept(*_FINDINGS) for _ in range(self.random.randrange(1, 3))], **self.some(severity=lambda: self.random.choice(("mild", "moderate", "severe")), onset=self.day, description=self.words, substance=lambda: self.concept({RX: "1191"}, {}), exposureRoute=lambda: self.concept({SCT: "26643006"}, {}), note=lambda: [{"text": self.words()}])} for _ in range(self.random.randrange(3))],
        }  # fmt: skip

    def _dose(self) -> Json:
        bounds = {"boundsPeriod": self.span()} if self.maybe(0.3) else {}
        exact = {"repeat": {"frequency": self.random.choice((1, 2, 3, 7)), "period": self.random.choice((1, 2)), "periodUnit": self.random.choice(("d", "h", "wk")), **bounds}}
        vague = {"repeat": {"frequency": 1, "frequencyMax": 2, "period": 1, "periodUnit": "d", **bounds}}
        other: Json = self.random.choice(({"code": {"text": "BID"}}, {"repeat": {"when": ["HS"]}}, {"repeat": {"dayOfWeek": ["mon", "thu"]}}, {"event": ["2026-03-01"]}, {"repeat": bounds or {"count": 3}}))
        amount: Json = self.random.choice((
            {"doseQuantity": self.quantity()}, {"doseQuantity": self.quantity()}, {"doseRange": self.range("mg")},
            {"doseQuantity": self.quantity(), "rateQuantity": self.quantity("mL")},
        ))  # fmt: skip
        return {**self.some(text=self.words, timing=lambda: self.random.choice((exact, exact, vague, other)), maxDosePerPeriod=lambda: {"numerator": self.quantity("mg"), "denominator": self.quantity("d")}, route=lambda: self.concept({NCIT: "C38288"}, {SCT: "26643006"}, {}), site=lambda: self.concept({SCT: "368208006"}, {}), asNeededBoolean=self.maybe,
                            patientInstruction=self.words), "doseAndRate": [amount]}  # fmt: skip

    def _medicationrequest(self) -> Json:
        supplied = self.some(numberOfRepeatsAllowed=lambda: self.random.randrange(6), quantity=self.quantity, validityPeriod=self.span, expectedSupplyDuration={"value": 30, "unit": "days", "system": UCUM, "code": "d"})
        return {
            "resourceType": "MedicationRequest", **self.me, "status": self.random.choice(("active", "on-hold", "stopped", "completed", "cancelled", "draft", "entered-in-error")), "intent": self.random.choice(("order", "order", "plan")), "medicationCodeableConcept": self.concept(*_MEDICINES),
            "authoredOn": self.day(), "dosageInstruction": [self._dose() for _ in range(self.random.choice((0, 1, 1, 2)))], **({"dispenseRequest": supplied} if supplied else {}),
            **self.some(requester=self.person, reasonCode=lambda: [self.concept(*_PROBLEMS) for _ in range(self.random.randrange(1, 3))], note=lambda: [{"text": self.words()}]),
        }  # fmt: skip

    def _medicationstatement(self) -> Json:
        when: Json = self.random.choice(({"effectivePeriod": self.span()}, {"effectiveDateTime": self.day()}, {}))
        return {
            "resourceType": "MedicationStatement", **self.me, "status": self.random.choice(("active", "completed", "intended", "stopped", "on-hold", "not-taken")), "medicationCodeableConcept": self.concept(*_MEDICINES), **when,
            **self.some(dosage=lambda: [self._dose()], dateAsserted=self.day, informationSource=self.person, reasonCode=lambda: [self.concept(*_PROBLEMS)], note=lambda: [{"text": self.words()}]),
        }  # fmt: skip

    def _observation(self, category: str, code: Json, value: Json) -> Json:
        return {
            "resourceType": "Observation", **self.me, "status": self.random.choice(("final", "final", "amended", "corrected", "preliminary", "registered", "cancelled", "unknown", "entered-in-error")), "category": [{"coding": [{"system": TERMS + "observation-category", "code": category}]}], "code": code,
            **self.random.choice(({"effectiveDateTime": self.moment()}, {"effectiveDateTime": self.day()}, {"effectivePeriod": self.span()})), **value,
            **self.some(issued=self.moment, performer=lambda: [self.person()], note=lambda: [{"text": self.words()}], interpretation=lambda: [self.concept({TERMS + "v3-ObservationInterpretation": "H"}, {})]),
        }  # fmt: skip

    def _laboratory(self) -> Json:
        code, unit = self.random.choice(_TESTS)
        value: Json = self.random.choice((
            {"valueQuantity": self.quantity(unit)}, {"valueQuantity": self.quantity(unit)}, {"valueQuantity": {**self.quantity(unit), "comparator": self.random.choice(("<", "<=", ">=", ">"))}}, {"valueQuantity": self.quantity()},
            {"valueCodeableConcept": self.concept({SCT: "260385009"}, {SCT: "10828004", LOINC: "LA6576-8"}, {})}, {"valueString": self.words()}, {"valueInteger": 17}, {"valueBoolean": self.maybe()}, {"valueDateTime": self.day()},
            {"valueRange": self.range(unit)}, {"valueRange": {"high": self.quantity(unit)}}, {"valueRatio": {"numerator": self.quantity(), "denominator": self.quantity("mL")}}, {"valuePeriod": self.span()}, {"dataAbsentReason": self.status("data-absent-reason", "unknown", "asked-declined", "not-performed")},
        ))  # fmt: skip
        more = self.some(referenceRange=lambda: self.random.choice(([self.range(unit)], [{"high": self.quantity(unit), "text": self.words()}], [{"text": self.words()}])), method=lambda: self.concept({SCT: "702873001"}, {}), bodySite=lambda: self.concept({SCT: "14975008"}, {}))
        return {**self._observation("laboratory", self.concept({LOINC: code}, {LOINC: code, LOCAL: "T-1"}), value), **more}

    def _vital_signs(self) -> Json:
        code, unit = self.random.choice(_VITALS)
        return self._observation("vital-signs", self.concept({LOINC: code}), {"valueQuantity": self.quantity(unit)})

    def _panel(self) -> Json:
        parts = [{"code": self.concept({LOINC: code}), "valueQuantity": self.quantity("mm[Hg]")} for code in ("8480-6", "8462-4")]
        return self._observation("vital-signs", self.concept({LOINC: "85354-9"}), {"component": parts})

    def _survey(self) -> Json:
        parts = [{"code": self.concept({LOINC: "44250-9"}), **self.random.choice(({"valueInteger": 2}, {"valueCodeableConcept": self.concept({LOINC: "LA6569-3"})}))} for _ in range(self.random.randrange(3))]
        value: Json = self.random.choice(({"valueInteger": self.random.randrange(28)}, {"valueQuantity": {"value": 11, "unit": "{score}", "system": UCUM, "code": "{score}"}}))
        return self._observation("survey", self.concept({LOINC: self.random.choice(_SURVEYS)}), {**value, **({"component": parts} if parts else {})})

    def _social_history(self) -> Json:
        return self._observation("social-history", self.concept({LOINC: "82589-3"}, {SCT: "224362002"}), self.random.choice(({"valueCodeableConcept": self.concept({SCT: "224363007"}, {LOINC: "LA30185-8"}, {})}, {"valueString": self.words()})))

    def _smoking(self) -> Json:
        return self._observation("social-history", self.concept({LOINC: "72166-2"}), {"valueCodeableConcept": self.concept({SCT: "8517006"})})

    def _procedure(self) -> Json:
        when: Json = self.random.choice(({"performedDateTime": self.day()}, {"performedPeriod": self.span()}, {}))
        return {
            "resourceType": "Procedure", **self.me, "status": self.random.choice(("completed", "completed", "in-progress", "not-done", "stopped", "on-hold", "preparation", "entered-in-error")), "code": self.concept({SCT: "428191000124101"}, {CPT: "90834", SCT: "75516001"}, {}), **when,
            **self.some(performer=lambda: [{"actor": self.person()} for _ in range(self.random.randrange(1, 3))], bodySite=lambda: [self.concept({SCT: "368208006"})], reasonCode=lambda: [self.concept(*_PROBLEMS)], note=lambda: [{"text": self.words()}]),
        }  # fmt: skip

    def _immunization(self) -> Json:
        refused = self.maybe(0.3)
        return {
            "resourceType": "Immunization", **self.theirs, "status": "not-done" if refused else "completed", "vaccineCode": self.concept({CVX: "140"}, {CVX: "208", NDC: "59267-1000-01"}, {}), "occurrenceDateTime": self.day(),
            **({"statusReason": self.concept({TERMS + "v3-ActReason": "PATOBJ"})} if refused else {}),
            **self.some(lotNumber="L<1>&", manufacturer={"display": 'Acme "Bio"'}, doseQuantity=lambda: self.quantity("mL"), performer=lambda: [{"actor": self.person()} for _ in range(self.random.randrange(1, 3))], route=lambda: self.concept({NCIT: "C28161"}), site=lambda: self.concept({SCT: "368208006"}),
                        reasonCode=lambda: [self.concept({SCT: "429060002"})], note=lambda: [{"text": self.words()}]),
        }  # fmt: skip

    def _encounter(self) -> Json:
        return {
            "resourceType": "Encounter", **self.me, "status": self.random.choice(("finished", "finished", "in-progress", "cancelled", "planned", "arrived", "onleave", "unknown")), "class": {"system": TERMS + "v3-ActCode", "code": self.random.choice(("AMB", "VR", "HH")), **({"display": "here"} if self.maybe() else {})},
            "period": {"start": self.moment(), **self.some(end="2026-02-28T10:00:00Z")}, **self.some(
                type=lambda: [self.concept({CPT: "99213"}, {SCT: "185349003", CPT: "99214"}, {}) for _ in range(self.random.randrange(1, 3))], reasonCode=lambda: [self.concept(*_PROBLEMS)],
                participant=lambda: [{"individual": self.person(), **self.some(type=lambda: [{"coding": [{"system": TERMS + "v3-ParticipationType", "code": "ATND"}]}])}], priority={"text": "urgent"}),
        }  # fmt: skip

    def _documentreference(self) -> Json:
        plain = self.maybe(0.7)
        content = {"contentType": "text/plain", "data": base64.b64encode(self.words().encode()).decode()} if plain else {"contentType": "application/pdf", "data": base64.b64encode(b"%PDF-1.4 invented").decode()}
        return {
            "resourceType": "DocumentReference", **self.me, "status": self.random.choice(("current", "current", "entered-in-error")), "date": self.moment(), "content": [{"attachment": {**content, **self.some(title=self.words)}}],
            **self.some(type=lambda: self.concept({LOINC: "11506-3"}, {}), author=lambda: [self.person()], description=self.words, docStatus=lambda: self.random.choice(("final", "preliminary")), context=lambda: {"period": self.span()}),
        }  # fmt: skip

    def _careplan(self) -> Json:
        activities = [{"detail": {"status": "scheduled", **({"code": self.concept({SCT: "385763009"})} if self.maybe() else {"description": self.words()}), **self.some(scheduledString=self.words)}} for _ in range(self.random.randrange(3))]
        return {
            "resourceType": "CarePlan", **self.me, "status": self.random.choice(("active", "draft", "completed", "revoked")), "intent": "plan", **({"activity": activities} if activities else {}),
            **self.some(title=self.words, description=self.words, period=self.span, created=self.day, author=self.person, note=lambda: [{"text": self.words()}]),
        }  # fmt: skip

    def _goal(self) -> Json:
        details: Json = self.random.choice(({"detailQuantity": self.quantity("kg")}, {"detailCodeableConcept": self.concept({SCT: "8517006"})}, {}))
        targets = [{"measure": self.concept({LOINC: "29463-7"}), **details, **self.some(dueDate=f"2026-{self.random.randrange(4, 9):02}-01")} for _ in range(self.random.randrange(1, 3))]
        return {
            "resourceType": "Goal", **self.me, "lifecycleStatus": self.random.choice(("active", "proposed", "completed", "cancelled", "entered-in-error")), "description": self.concept({SCT: "289169006"}, {}), **self.some(
                startDate=f"2026-01-{self.random.randrange(1, 29):02}", target=targets, expressedBy=self.person, achievementStatus=lambda: self.concept({TERMS + "goal-achievement": "improving"}), note=lambda: [{"text": self.words()}]),
        }  # fmt: skip

    def _careteam(self) -> Json:
        members = [{"member": self.person(), **self.some(role=lambda: [self.concept({SCT: "224571005"}, {})], period=self.span)} for _ in range(self.random.randrange(1, 3))]
        return {"resourceType": "CareTeam", **self.me, "status": self.random.choice(("active", "inactive", "proposed", "suspended")), "participant": members, **self.some(name=self.words, period=self.span, note=lambda: [{"text": self.words()}])}

    def _diagnosticreport(self) -> Json:
        return {
            "resourceType": "DiagnosticReport", **self.me, "status": self.random.choice(("final", "preliminary", "partial", "amended", "cancelled", "entered-in-error")), "category": [{"coding": [{"system": TERMS + "v2-0074", "code": "LAB"}]}], "code": self.concept({LOINC: "24323-8"}, {LOINC: "58410-2", LOCAL: "R-1"}),
            **self.random.choice(({"effectiveDateTime": self.day()}, {"effectivePeriod": self.span()}, {})), **self.some(issued=self.moment, performer=lambda: [self.person()], conclusion=self.words),
        }  # fmt: skip

    def _servicerequest(self) -> Json:
        when: Json = self.random.choice(({"occurrenceDateTime": self.day()}, {"occurrencePeriod": self.span()}, {}))
        return {
            "resourceType": "ServiceRequest", **self.me, "status": self.random.choice(("active", "on-hold", "completed", "revoked", "entered-in-error")), "intent": "order", "code": self.concept({SCT: "308273005"}, {LOINC: "24323-8", LOCAL: "S-1"}, {}), **when,
            **self.some(authoredOn=self.day, requester=self.person, reasonCode=lambda: [self.concept(*_PROBLEMS)], priority=lambda: self.random.choice(("urgent", "routine")), note=lambda: [{"text": self.words()}]),
        }  # fmt: skip
