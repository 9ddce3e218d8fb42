"""What a clinical document has to state of a record, said once more by HL7's mapping (C-CDA on FHIR), and not by the writer's code.

The data of a record as pieces (`ccdaheard.py`) by their places, and the elements that they come from; all other elements are words of a comment, or are named in carried.toml with the reason.
https://build.fhir.org/ig/HL7/ccda-on-fhir/mappingGuidance.html; templates: HL7 C-CDA R2.1.
"""

from __future__ import annotations

import base64
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.wire.ccdapieces import (
    ACT_CODE,
    COMMENT,
    CRITICALITY,
    DONE,
    HOURS,
    LOINC,
    MEDICINE,
    RESULT,
    SCT,
    SEVERITY,
    TENDENCY,
    VISIT,
    Json,
    Pieces,
    unit,
)


class Said(Pieces):
    """The pieces of one record in a document of a kind."""

    def made(self) -> Said:
        """All of it."""
        r = self.resource
        self.take("resourceType", "id", "meta", "subject", "patient")
        mistake = "entered-in-error" in (r.get("status"), r.get("lifecycleStatus"), r.get("verificationStatus", {}).get("coding", [{}])[0].get("code"))
        if mistake:
            self.add("act[64]", "mood", "EVN")
            self.add("act[64]/code", "code", *COMMENT)
            self.add("act[64]/code", "words", "".join(f" {c.lower()}" if c.isupper() else c for c in r["resourceType"]).strip().capitalize())
        else:
            getattr(self, f"_{r['resourceType'].lower()}")(r)
        for mark in self.marks:
            self.pieces["marks", mark] += 1
        return self

    def _condition(self, r: Json) -> None:
        place, category = "observation[4]", r.get("category", [{"coding": [{}]}])[0]["coding"][0].get("code")
        self.take("category")
        began, over = r.get("onsetDateTime", "") or r.get("onsetPeriod", {}).get("start", ""), r.get("abatementDateTime", "")
        if self.kind == "care-plan":
            self.statement("#health-concern act[132]", (LOINC, "75310-3", "Health concerns document"), "active")
        else:
            self.concern("3", began, over)
        kinds = {"encounter-diagnosis": ((SCT, "282291009", "Diagnosis"), (LOINC, "29308-4", "Diagnosis"))}
        code, translation = kinds.get(category, ((SCT, "55607006", "Problem"), (LOINC, "75326-9", "Problem")))
        self.statement(place, code, "completed", translation=translation)
        self.concept(f"{place}/value:CD", r.get("code"))
        self.period(f"{place}/effectiveTime", {"start": began, "end": over})
        self.author(place, r.get("recorder"), r.get("recordedDate", ""))
        self.clinical(place, "6", "CD")
        self.certain(place)
        if r.get("severity", {}).get("coding"):
            self.severity(place, r["severity"])
            self.take("severity")
        self.take("code", "onsetDateTime", "abatementDateTime", "recorder", "recordedDate")

    def _allergyintolerance(self, r: Json) -> None:
        place, categories = "observation[7]", r.get("category", [])
        self.concern("30", r.get("onsetDateTime") or r.get("recordedDate", ""), "")
        self.statement(place, (ACT_CODE, "ASSERTION", "Assertion"), "completed")
        first, type_ = (categories or [""])[0], r.get("type", "")
        tendency = TENDENCY.get((type_, first)) or (("419199007", "Allergy to substance") if type_ == "allergy" else ("420134006", "Propensity to adverse reaction"))
        self.add(f"{place}/value:CD", "code", SCT, *tendency)
        self.take("type")
        if len(categories) == 1 and (type_, first) in TENDENCY:
            self.take("category")
        self.concept(f"{place}/participant/participantRole/playingEntity/code", r["code"])
        self.time(f"{place}/effectiveTime/low", r.get("onsetDateTime", ""))
        self.author(place, r.get("recorder"), r.get("recordedDate", ""))
        self.clinical(place, "28", "CE")
        self.certain(place)
        if r.get("criticality"):
            at = f"{place}/>SUBJ/observation[145]"
            self.statement(at, (LOINC, "82606-5", "Allergy or intolerance criticality"), "completed")
            self.add(f"{at}/value:CD", "code", "2.16.840.1.113883.5.1063", *CRITICALITY[r["criticality"]])
        for n, reaction in enumerate(r.get("reaction", ())):
            for m, seen in enumerate(reaction["manifestation"]):
                at = f"#reaction{n}{f'.{m}' if m else ''} observation[9]"
                self.statement(at, (ACT_CODE, "ASSERTION", "Assertion"), "completed")
                self.concept(f"{at}/value:CD", seen)
                self.time(f"{at}/effectiveTime/low", reaction.get("onset", ""))
                if reaction.get("severity"):
                    grave = f"{at}/>SUBJ/observation[8]"
                    self.statement(grave, (ACT_CODE, "SEV", "Severity"), "completed")
                    self.add(f"{grave}/value:CD", "code", SCT, *SEVERITY[reaction["severity"]])
        self.take("code", "onsetDateTime", "recorder", "recordedDate", "criticality", "reaction.manifestation", "reaction.severity", "reaction.onset")

    def _medicationrequest(self, r: Json) -> None:
        self._medication(r, "INT", r.get("dosageInstruction", ()), r.get("requester"), r.get("authoredOn", ""))
        self.take("requester", "authoredOn", *(("intent",) if r["intent"] == "order" else ()))
        wanted = r.get("dispenseRequest", {})
        if wanted.keys() - {"expectedSupplyDuration"}:
            self.add("#supply supply[17]", "mood", "INT")
            self.add("#supply supply[17]/statusCode", "state", "active")
            if "numberOfRepeatsAllowed" in wanted:
                self.add("#supply supply[17]/repeatNumber", "value", str(wanted["numberOfRepeatsAllowed"]), "")
            if "quantity" in wanted:
                self.quantity("#supply supply[17]/quantity", wanted["quantity"], "")
            self.period("#supply supply[17]/effectiveTime:IVL_TS", wanted.get("validityPeriod", {}))
        self.take("dispenseRequest.numberOfRepeatsAllowed", "dispenseRequest.quantity", "dispenseRequest.validityPeriod")

    def _medicationstatement(self, r: Json) -> None:
        self._medication(r, "EVN", r.get("dosage", ()), r.get("informationSource"), r.get("dateAsserted", ""))
        self.take("informationSource", "dateAsserted", "effectivePeriod", "effectiveDateTime")

    def _medication(self, r: Json, mood: str, doses: Any, person: Json | None, written: str) -> None:
        place, status = "substanceAdministration[16]", MEDICINE[r["status"]]
        if self.kind == "discharge" and r["status"] in ("active", "on-hold", "intended") and r.get("intent") != "plan":
            self.statement("#discharge act[35]", (LOINC, "10183-2", "Hospital discharge medication"), "completed", translation=(LOINC, "75311-1", "Discharge medication"))
        self.add(place, "mood", mood)
        self.add(f"{place}/statusCode", "state", status)
        if status not in ("aborted", "new"):
            self.take("status")
        self.concept(f"{place}/consumable/manufacturedProduct[23]/manufacturedMaterial/code", r["medicationCodeableConcept"])
        self.author(place, person, written)
        dose: Json = next(iter(doses), {})
        repeat = dose.get("timing", {}).get("repeat", {})
        span = repeat.get("boundsPeriod") or r.get("effectivePeriod") or {}
        self.period(f"{place}/effectiveTime:IVL_TS", {"start": span.get("start") or r.get("effectiveDateTime") or r.get("authoredOn", ""), "end": span.get("end", "")})
        at = f"{'dosageInstruction' if mood == 'INT' else 'dosage'}[0]"
        self.take(f"{at}.route", f"{at}.site", f"{at}.timing.repeat.boundsPeriod")
        self._often(place, repeat, at)
        if "route" in dose:
            self.concept(f"{place}/routeCode", dose["route"])
        if "site" in dose:
            self.concept(f"{place}/approachSiteCode", dose["site"])
        rates = dose.get("doseAndRate", ())
        if "doseQuantity" in (rates or [{}])[0] and "comparator" not in rates[0]["doseQuantity"]:
            self.quantity(f"{place}/doseQuantity", rates[0]["doseQuantity"], "")
            self.take(f"{at}.doseAndRate[0].doseQuantity")
        told = next((key for key in ("text", "patientInstruction") if dose.get(key)), "")
        if told:
            free = f"{place}/>COMP/substanceAdministration[147]"
            self.add(free, "mood", "INT")
            self.add(f"{free}/code", "code", LOINC, "76662-6", "Instructions")
            self.add(f"{free}/text", "words", dose[told])
            self.take(f"{at}.{told}")
        self.reasons()
        self.take("medicationCodeableConcept")

    def _often(self, place: str, repeat: Json, at: str) -> None:
        """How often as one interval, where it is exact in hundredths."""
        if "period" not in repeat or repeat.keys() & {"frequencyMax", "periodMax", "when", "dayOfWeek"}:
            return
        times = repeat.get("frequency", 1)
        each = Fraction(str(repeat["period"])) * (HOURS[repeat["periodUnit"]] if times != 1 else 1) / times
        if (each * 100).denominator != 1:
            return
        number = format(Decimal(each.numerator * 100 // each.denominator) / 100, "f")
        self.add(f"{place}/effectiveTime:PIVL_TS/period", "value", number.rstrip("0").rstrip(".") if "." in number else number, "h" if times != 1 else repeat["periodUnit"])
        self.take(*(f"{at}.timing.repeat.{k}" for k in ("frequency", "period", "periodUnit")))

    def _observation(self, r: Json) -> None:
        kind = r["category"][0]["coding"][0]["code"]
        measures = [*([r] if any(k.startswith("value") for k in r) else []), *r.get("component", ())]
        if kind == "vital-signs" and not all(unit(m.get("valueQuantity", {"unit": ""})) for m in measures):
            kind = "laboratory"  # a vital sign has a number and a unit
        self.take("category")
        smoking = r["code"].get("coding", [{}])[0].get("code") == "72166-2"
        place = {"laboratory": "observation[2]", "vital-signs": "observation[27]" if "valueQuantity" in r else "observation", "survey": "observation[69]", "social-history": "observation[78]" if smoking else "observation[38]"}[kind]
        state = RESULT.get(r["status"], "completed") if kind == "laboratory" else "completed"
        if kind == "laboratory" and not r.get("_reported"):
            self.add("#organizer organizer[1]", "mood", "EVN")
            self.concept("#organizer organizer[1]/code", r["code"])
            self.add("#organizer organizer[1]/statusCode", "state", "completed")
        self._measured(place, r, state, {"vital-signs": "PQ"}.get(kind, "CD") if "component" not in r or kind != "vital-signs" else "panel", smoking=smoking)
        for n, part in enumerate(r.get("component", ())):
            number = {"laboratory": "2", "vital-signs": "27", "survey": "86", "social-history": "38"}[kind]
            at = f"#{n} observation" + (f"[{number}]" if kind != "survey" or part["code"].get("coding") else "")
            self._measured(at, {**{k: r[k] for k in ("effectiveDateTime", "effectivePeriod") if k in r}, **part}, state, "CD")
            for mark in self.marks:
                self.pieces["marks", mark] += 1
            self.take("component.code", "component.valueQuantity", "component.valueInteger", "component.valueCodeableConcept", "component.valueString")
        if r["status"] == "final":
            self.take("status")

    def _measured(self, place: str, r: Json, state: str, absent: str, *, smoking: bool = False) -> None:
        self.add(place, "mood", "EVN")
        self.concept(f"{place}/code", r["code"])
        self.add(f"{place}/statusCode", "state", state)
        self.take("code", "effectiveDateTime", "effectivePeriod")
        if "effectivePeriod" in r and not smoking:
            self.period(f"{place}/effectiveTime", r["effectivePeriod"])
        else:
            self.time(f"{place}/effectiveTime", r.get("effectiveDateTime") or r.get("effectivePeriod", {}).get("start", ""))
        if absent == "panel":
            self.add(f"{place}/value:CD", "null", "NA")
        else:
            self.value(f"{place}/value", r, absent)
        for key, tag in (("method", "methodCode"), ("bodySite", "targetSiteCode")):
            if r.get(key, {}).get("coding"):
                self.concept(f"{place}/{tag}", r[key])
                self.take(key)
        for one in r.get("interpretation", ()):
            if one.get("coding"):
                self.concept(f"{place}/interpretationCode", one)
                self.take("interpretation")
        written = r.get("issued", "")
        for person in r.get("performer", [None]):
            self.author(place, person, written or ((r.get("effectiveDateTime") or r.get("effectivePeriod", {}).get("start", "")) if person else ""))
        for given in r.get("referenceRange", ()):
            at = f"{place}/referenceRange/observationRange"
            for end in ("low", "high"):
                if end in given:
                    self.add(f"{at}/value:IVL_PQ/{end}", "value", str(given[end]["value"]), unit(given[end]))
            if not given.keys() & {"low", "high"}:
                self.add(f"{at}/text", "words", given["text"])
                self.add(f"{at}/value:ST", "text", given["text"])
                self.take("referenceRange.text")
        self.take("issued", "performer", "referenceRange.low", "referenceRange.high")

    def _diagnosticreport(self, r: Json) -> None:
        state = RESULT.get(r["status"], "completed")
        self.add("#organizer organizer[1]", "mood", "EVN")
        self.concept("#organizer organizer[1]/code", r["code"])
        self.add("#organizer organizer[1]/statusCode", "state", state)
        place, start = "#report observation[2]", r.get("effectiveDateTime") or r.get("effectivePeriod", {}).get("start", "")
        self.add(place, "mood", "EVN")
        self.concept(f"{place}/code", r["code"])
        self.add(f"{place}/statusCode", "state", state)
        if "effectivePeriod" in r:
            self.period(f"{place}/effectiveTime", r["effectivePeriod"])
        else:
            self.time(f"{place}/effectiveTime", start)
        self.add(f"{place}/value:{'ST' if 'conclusion' in r else 'CD'}", *(("text", r["conclusion"]) if "conclusion" in r else ("null", "NA")))
        for person in r.get("performer", [None]):
            self.author(place, person, r.get("issued", "") or (start if person else ""))
        self.take("code", "category", "effectiveDateTime", "effectivePeriod", "conclusion", "performer", "issued", "result", *(("status",) if r["status"] == "final" else ()))

    def _procedure(self, r: Json) -> None:
        place = "procedure[14]"
        self.add(place, "mood", "EVN")
        self.concept(f"{place}/code", r["code"])
        self.add(f"{place}/statusCode", "state", DONE[r["status"]])
        self.period(f"{place}/effectiveTime", r.get("performedPeriod", {}))
        self.time(f"{place}/effectiveTime", r.get("performedDateTime", ""))
        for site in r.get("bodySite", ()):
            self.concept(f"{place}/targetSiteCode", site)
        for one in r.get("performer", ()):
            self.performer(place, one.get("actor", {}))
        self.reasons()
        self.take(*(() if r["status"] in ("on-hold", "preparation") else ("status",)), "code", "performedPeriod", "performedDateTime", "bodySite", "performer")

    def _immunization(self, r: Json) -> None:
        place = "substanceAdministration[52]"
        self.add(place, "mood", "EVN")
        self.add(place, "negated", "true" if r["status"] == "not-done" else "false")
        self.add(f"{place}/statusCode", "state", "completed")
        self.time(f"{place}/effectiveTime", r["occurrenceDateTime"])
        product = f"{place}/consumable/manufacturedProduct[54]"
        self.concept(f"{product}/manufacturedMaterial/code", r["vaccineCode"])
        if "lotNumber" in r:
            self.add(f"{product}/manufacturedMaterial/lotNumberText", "text", r["lotNumber"])
        if "manufacturer" in r:
            self.add(f"{product}/manufacturerOrganization/name", "text", r["manufacturer"]["display"])
        self.concept(f"{place}/routeCode", r.get("route"))
        self.concept(f"{place}/approachSiteCode", r.get("site"))
        if "doseQuantity" in r:
            self.quantity(f"{place}/doseQuantity", r["doseQuantity"], "")
        for one in r.get("performer", ()):
            self.performer(place, one.get("actor", {}))
        if "statusReason" in r:
            self.add("#refusal observation[53]", "mood", "EVN")
            self.concept("#refusal observation[53]/code", r["statusReason"])
            self.add("#refusal observation[53]/statusCode", "state", "completed")
        self.reasons()
        self.take("status", "statusReason", "vaccineCode", "occurrenceDateTime", "lotNumber", "manufacturer", "route", "site", "doseQuantity", "performer")

    def _encounter(self, r: Json) -> None:
        place = "encounter[49]"
        self.add(place, "mood", "EVN")
        self.concept(f"{place}/code", next(iter(r.get("type", ())), None))
        self.add(f"{place}/code", "code", r["class"]["system"], r["class"]["code"], r["class"].get("display", r["class"]["code"]))
        if r["status"] in VISIT:
            self.add(f"{place}/statusCode", "state", VISIT[r["status"]])
        self.period(f"{place}/effectiveTime", r.get("period", {}))
        for one in r.get("participant", ()):
            self.performer(place, one.get("individual", {}))
            self.concept(f"{place}/performer/sdtc:functionCode", next(iter(one.get("type", ())), None))
        self.reasons()
        self.take("class", "period", "participant", "type[0]", *(("status",) if r["status"] in ("finished", "in-progress", "cancelled", "planned") else ()))

    def _documentreference(self, r: Json) -> None:
        place, (content,) = "act[202]", r["content"]
        a, draft = content["attachment"], r.get("docStatus") == "preliminary"
        self.statement(place, (LOINC, "34109-9", "Note"), "active" if draft else "completed")
        self.concept(f"{place}/code", r.get("type"))
        span = r.get("context", {}).get("period", {})
        if span.get("end"):
            self.period(f"{place}/effectiveTime", span)
        else:
            self.time(f"{place}/effectiveTime", span.get("start") or r["date"])
        if a["contentType"] == "text/plain":
            self.add(f"{place}/text", "words", base64.b64decode(a["data"]).decode())
        else:
            self.add(f"{place}/text", "words", f"In this document as {a['contentType']}.")
            self.add(f"{place}/text", "data", a["data"], a["contentType"])
        for person in r.get("author", [None]):
            self.author(place, person, r["date"])
        self.take("content.attachment.data", "content.attachment.contentType", "type", "date", "author", "context.period", "status", *(("docStatus",) if not draft else ()))

    def _careplan(self, r: Json) -> None:
        place = "act[39]"
        if self.kind == "care-plan":
            self.statement("#intervention act[146]", (SCT, "362956003", "Procedure / intervention (navigational concept)"), "active", "INT")
            self.statement("#intervention act[146]/>RSON/act[122]", None, "completed")
        self.add(place, "mood", "INT")
        self.add(f"{place}/code", "code", SCT, "734163000", "Care plan" if r.get("title") else "")
        self.add(f"{place}/code", "words", r.get("title", "Care plan"))
        self.add(f"{place}/statusCode", "state", "active")
        self.period(f"{place}/effectiveTime", r.get("period", {}))
        self.author(place, r.get("author"), r.get("created", ""))
        for n, activity in enumerate(r.get("activity", ())):
            at, detail = f"#{n} act[39]", activity["detail"]
            self.add(at, "mood", "INT")
            self.concept(f"{at}/code", detail.get("code") or {"text": detail["description"]})
            self.add(f"{at}/statusCode", "state", "active")
            for mark in self.marks:
                self.pieces["marks", mark] += 1
        self.take("intent", "title", "period", "author", "created", "activity.detail.code", *(f"activity[{n}].detail.description" for n, a in enumerate(r.get("activity", ())) if "code" not in a["detail"]))

    def _goal(self, r: Json) -> None:
        place, targets = "observation[121]", r.get("target", [])
        self.add(place, "mood", "GOL")
        self.concept(f"{place}/code", r["description"])
        self.add(f"{place}/statusCode", "state", "active")
        due = [t["dueDate"] for t in targets if "dueDate" in t]
        self.period(f"{place}/effectiveTime", {"start": r.get("startDate", ""), "end": next(iter(due), "")})
        self.author(place, r.get("expressedBy"), "")
        for target in targets:
            at = f"{place}/>COMP/observation"
            self.add(at, "mood", "GOL")
            self.concept(f"{at}/code", target["measure"])
            self.add(f"{at}/statusCode", "state", "active")
            if "detailQuantity" in target:
                self.quantity(f"{at}/value", target["detailQuantity"])
            if "detailCodeableConcept" in target:
                self.concept(f"{at}/value:CD", target["detailCodeableConcept"])
        for part in ("#achieved", *(("#outcome",) if self.kind == "care-plan" else ())):
            if "achievementStatus" in r:
                self.statement(f"{part} observation[144]", (ACT_CODE, "ASSERTION", "Assertion"), "completed")
                self.concept(f"{part} observation[144]/value:CD", r["achievementStatus"])
                self.statement("act[122]", None, "completed")
                if part == "#outcome":
                    for mark in self.marks:
                        self.pieces["marks", mark] += 1
        self.take("description", "startDate", "expressedBy", "achievementStatus", "target.measure", "target.detailQuantity", "target.detailCodeableConcept", *(f"target[{n}].dueDate" for n, t in enumerate(targets) if t.get("dueDate") == next(iter(due), "")))

    def _careteam(self, r: Json) -> None:
        place, state = "organizer[500]", "completed" if r["status"] == "inactive" else "active"
        self.statement(place, (LOINC, "86744-0", "Care team"), state)
        self.period(f"{place}/effectiveTime", r.get("period", {}))
        self.marks, marks = [], self.marks
        for n, one in enumerate(r.get("participant", ())):
            at = f"#{n} act[500.1]"
            self.statement(at, (LOINC, "85847-2", "Patient Care team information"), state)
            self.period(f"{at}/effectiveTime", one.get("period") or r.get("period", {}))
            self.performer(at, one.get("member", {}))
            self.concept(f"{at}/performer/sdtc:functionCode", next(iter(one.get("role", ())), None))
            for mark in marks:
                self.pieces["marks", mark] += 1
        self.take("period", "participant", *(("status",) if r["status"] in ("active", "inactive") else ()))

    def _servicerequest(self, r: Json) -> None:
        place = "act[39]"
        self.add(place, "mood", "RQO")
        self.concept(f"{place}/code", r["code"])
        self.add(f"{place}/statusCode", "state", "active")
        if r.get("occurrencePeriod", {}).get("end"):
            self.period(f"{place}/effectiveTime", r["occurrencePeriod"])
        else:
            self.time(f"{place}/effectiveTime", r.get("occurrenceDateTime") or r.get("occurrencePeriod", {}).get("start", ""))
        self.author(place, r.get("requester"), r.get("authoredOn", ""))
        self.reasons()
        self.take("code", "occurrenceDateTime", "occurrencePeriod", "requester", "authoredOn")
