"""Allergies, problems, medications and immunizations as entries of C-CDA R2.1.

FHIR to C-CDA: https://build.fhir.org/ig/HL7/ccda-on-fhir/mappingGuidance.html; template ids beside each entry are those of R2.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

from sojourn.wire.ccda.markup import E
from sojourn.wire.ccda.oids import ACT, LOINC, SNOMED
from sojourn.wire.ccda.parts import Here, comment, marks, notes, recorded, related, template, who
from sojourn.wire.ccda.telling import Json, Row, Table, coding, measured, ts, words

SCT: Final = "http://snomed.info/sct"
RXNORM: Final = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD10: Final = "http://hl7.org/fhir/sid/icd-10-cm"
CVX: Final = "http://hl7.org/fhir/sid/cvx"
NO_KNOWN: Final = ("716186003", "409137002", "428607008", "429625007")
"""SNOMED CT: no known allergy, none to drugs, to environment, to food."""
_PROPENSITY: Final = {
    ("allergy", "medication"): ("416098002", "Allergy to drug"), ("allergy", "food"): ("414285001", "Allergy to food"), ("allergy", ""): ("419199007", "Allergy to substance"),
    ("intolerance", "medication"): ("59037007", "Intolerance to drug"), ("intolerance", "food"): ("235719002", "Intolerance to food"), ("", "medication"): ("419511003", "Propensity to adverse reaction to drug"),
    ("", "food"): ("418471000", "Propensity to adverse reaction to food"), ("", ""): ("420134006", "Propensity to adverse reaction"), ("intolerance", ""): ("420134006", "Propensity to adverse reaction"),
}  # fmt: skip
_SEVERITY: Final = {"mild": ("255604002", "Mild"), "moderate": ("6736007", "Moderate"), "severe": ("24484000", "Severe")}
_CRITICALITY: Final = {"low": ("CRITL", "Low criticality"), "high": ("CRITH", "High criticality"), "unable-to-assess": ("CRITU", "Criticality cannot be assessed")}
_STATUS: Final = {
    "active": ("55561003", "Active"), "inactive": ("73425007", "Inactive"), "resolved": ("413322009", "Resolved"), "recurrence": ("246455001", "Recurrence"),
    "relapse": ("263855007", "Relapse phase"), "remission": ("277022003", "Remission phase"),
}  # fmt: skip
_ACT_STATUS: Final = {"active": "active", "draft": "new", "on-hold": "suspended", "completed": "completed", "stopped": "aborted", "cancelled": "aborted", "in-progress": "active", "not-taken": "aborted", "intended": "active"}
_UNITS: Final = {"s": "second", "min": "minute", "h": "hour", "d": "day", "wk": "week"}
_HOURS: Final = {"s": Decimal(1) / 3600, "min": Decimal(1) / 60, "h": Decimal(1), "d": Decimal(24), "wk": Decimal(168)}


def code_of(concept: Json | None) -> str:
    """The first code of a concept."""
    return next((str(c["code"]) for c in (concept or {}).get("coding", ()) if c.get("code")), "")


def status_of(row: Row, resource: Json, number: str, extension: str, xsi_type: str = "CD") -> E | None:
    """The clinical status as an observation."""
    code, said = _STATUS.get(code_of(resource.get("clinicalStatus")), ("", ""))
    if not code:
        return None
    value = row.fixed("value", "Status", SNOMED, code, said, xsi_type=xsi_type)
    return related("REFR", E("observation", *template(number, extension), coding("code", LOINC, "33999-4", "Status"), E("statusCode", code="completed"), value, classCode="OBS", moodCode="EVN"))


def certainty(row: Row, resource: Json) -> E | None:
    """How certain it is, where that is not `confirmed` or `refuted`."""
    code = code_of(resource.get("verificationStatus"))
    return comment(row, "Certainty", code.capitalize()) if code not in ("", "confirmed", "refuted") else None


def _concern(number: str, extension: str, code: E, inside: E, resource: Json, here: Here, start: str, end: str) -> E:
    """A concern around one statement; it is over when the statement is."""
    done = code_of(resource.get("clinicalStatus")) in ("inactive", "resolved", "remission")
    low = E("low", value=ts(start)) if start else E("low", nullFlavor="UNK")
    high = (E("high", value=ts(end)) if end else E("high", nullFlavor="UNK")) if done else None
    return E("act", *template(number, extension), here.id(resource, "#concern"), code, E("statusCode", code="completed" if done else "active"), E("effectiveTime", low, high),
             related("SUBJ", inside), classCode="ACT", moodCode="EVN")  # fmt: skip


def allergy(table: Table, resource: Json, here: Here) -> E:
    """AllergyIntolerance: an Allergy Concern Act (22.4.30) around an Allergy - Intolerance Observation (22.4.7)."""
    row = table.row()
    none = any(c.get("code") in NO_KNOWN for c in (resource.get("code") or {}).get("coding", ()))
    substance = row.code("code", "Substance", resource.get("code"), first=(RXNORM, SCT))
    categories = resource.get("category") or [""]
    kind, said = _PROPENSITY.get((resource.get("type", ""), categories[0]), _PROPENSITY[resource.get("type", ""), ""])
    # "None known" is the denial of an allergy to any substance, which its words say already.
    value = coding("value", SNOMED, "419199007", "Allergy to substance", xsi_type="CD") if none else row.fixed("value", "Kind", SNOMED, kind, said, xsi_type="CD")
    onset = resource.get("onsetDateTime") or ""
    status = status_of(row, resource, "22.4.28", "2019-06-20", "CE")
    more = [made for n, reaction in enumerate(resource.get("reaction", ())) for made in _reactions(row, reaction, here, resource, n)]
    told, name = _CRITICALITY.get(resource.get("criticality", ""), ("", ""))
    if told:
        value_of = row.fixed("value", "Criticality", "2.16.840.1.113883.5.1063", told, name, xsi_type="CD")
        more.append(related("SUBJ", E("observation", *template("22.4.145"), coding("code", LOINC, "82606-5", "Allergy or intolerance criticality"), E("statusCode", code="completed"), value_of, classCode="OBS", moodCode="EVN"), inversionInd="true"))
    negated = none or code_of(resource.get("verificationStatus")) == "refuted"
    time = row.span("Since", onset) if onset else E("effectiveTime", E("low", nullFlavor="UNK"))
    author = recorded(row, here, resource.get("recorder"), resource.get("recordedDate", ""))
    participant = E("participant", E("participantRole", E("playingEntity", substance, classCode="MMAT"), classCode="MANU"), typeCode="CSM")
    used = {"clinicalStatus", "verificationStatus", "type", "category", "criticality", "code", "onsetDateTime", "recordedDate", "recorder", "reaction", *({"category"} if len(categories) < 2 else ())}
    beside = [kept for reaction in resource.get("reaction", ()) if (kept := {k: v for k, v in reaction.items() if k not in ("manifestation", "severity", "onset", "description")})]
    if len(categories) > 1 or (categories != [""] and (resource.get("type", ""), categories[0]) not in _PROPENSITY):
        used.discard("category")
    observation = E(
        "observation", *template("22.4.7", "2014-06-09"), here.id(resource), coding("code", ACT, "ASSERTION", "Assertion"), row.reference, E("statusCode", code="completed"), time, value, author,
        participant, status, *more, certainty(row, resource), notes(row, {**resource, **({"reactions": beside} if beside else {})}, used), *marks(resource), classCode="OBS", moodCode="EVN", negationInd="true" if negated else "",
    )  # fmt: skip
    return _concern("22.4.30", "2015-08-01", coding("code", "2.16.840.1.113883.5.6", "CONC", "Concern"), observation, resource, here, onset or resource.get("recordedDate", ""), "")


def _reactions(row: Row, reaction: Json, here: Here, resource: Json, number: int) -> Iterator[E]:
    """A Reaction Observation (22.4.9) for each thing that was seen, with how grave it was and since when."""
    code, said = _SEVERITY.get(reaction.get("severity", ""), ("", ""))
    onset = reaction.get("onset", "")
    for n, manifested in enumerate(reaction.get("manifestation") or [{}]):
        value = row.code("value", "Reaction", manifested, first=(SCT,), xsi_type="CD")
        more = [comment(row, "Reaction", reaction.get("description", "") if not n else "")]
        more += [_severity(row.fixed("value", "Severity", SNOMED, code, said, xsi_type="CD"))] if code else []
        yield related("MFST", E(
            "observation", *template("22.4.9", "2014-06-09"), here.id(resource, f"#reaction{number}{f'.{n}' if n else ''}"), coding("code", ACT, "ASSERTION", "Assertion"), E("statusCode", code="completed"),
            row.span("Reacted", onset) if onset else None, value, *more, classCode="OBS", moodCode="EVN",
        ), inversionInd="true")  # fmt: skip


def _severity(value: E) -> E:
    """How grave it is (22.4.8)."""
    return related("SUBJ", E("observation", *template("22.4.8", "2014-06-09"), coding("code", ACT, "SEV", "Severity"), E("statusCode", code="completed"), value, classCode="OBS", moodCode="EVN"), inversionInd="true")


_KINDS: Final = {"encounter-diagnosis": ("282291009", "Diagnosis", "29308-4"), "health-concern": ("404684003", "Clinical finding", "75321-0"), "sdoh": ("404684003", "Clinical finding", "75321-0")}


def problem(table: Table, resource: Json, here: Here) -> E:
    """Condition: a Problem Concern Act (22.4.3) around a Problem Observation (22.4.4)."""
    observation, start, end = problem_observation(table.row(), resource, here)
    return _concern("22.4.3", "2015-08-01", coding("code", "2.16.840.1.113883.5.6", "CONC", "Concern"), observation, resource, here, start, end)


def problem_observation(row: Row, resource: Json, here: Here) -> tuple[E, str, str]:
    """The observation, and from when to when it holds."""
    kind = next((k for c in resource.get("category", ()) if (k := code_of(c)) in _KINDS), "")
    code, said, loinc = _KINDS.get(kind, ("55607006", "Problem", "75326-9"))
    typed = coding("code", SNOMED, code, said).add(coding("translation", LOINC, loinc, said if loinc != "75326-9" else "Problem"))
    value = row.code("value", "Problem", resource.get("code"), first=(SCT, ICD10), xsi_type="CD")
    row.say("Kind", said)
    status = status_of(row, resource, "22.4.6", "2019-06-20")
    start, end = resource.get("onsetDateTime", ""), resource.get("abatementDateTime", "")
    period = resource.get("onsetPeriod") or {}
    start = start or period.get("start", "")
    over = bool(end) or code_of(resource.get("clinicalStatus")) in ("inactive", "resolved", "remission")
    asserted = next((str(x.get("valueDateTime", "")) for x in resource.get("extension", ()) if str(x.get("url", "")).endswith("condition-assertedDate")), "")
    diagnosed = None
    if asserted:
        diagnosed = related("COMP", E("act", *template("22.4.502", "2022-06-01"), coding("code", LOINC, "77975-1", "Earliest date of diagnosis"), E("statusCode", code="completed"), row.time("Diagnosed", asserted), classCode="ACT", moodCode="EVN"))
    others = [x for x in resource.get("extension", ()) if not str(x.get("url", "")).endswith("condition-assertedDate")]
    author = recorded(row, here, resource.get("recorder"), resource.get("recordedDate", ""))
    used = {"clinicalStatus", "verificationStatus", "category", "code", "onsetDateTime", "abatementDateTime", "recordedDate", "recorder", "severity", "encounter", "extension"}
    grave = resource.get("severity")
    severity = _severity(row.code("value", "Severity", grave, first=(SCT,), xsi_type="CD")) if code_of(grave) else comment(row, "Severity", words(grave))
    negated = code_of(resource.get("verificationStatus")) == "refuted"
    left = notes(row, {**resource, **({"more": others} if others else {})}, used)
    made = E(
        "observation", *template("22.4.4", "2015-08-01"), here.id(resource), typed, row.reference, E("statusCode", code="completed"), row.span("When", start, end, ended=over), value, author,
        status, diagnosed, severity, certainty(row, resource), left, *marks(resource), classCode="OBS", moodCode="EVN", negationInd="true" if negated else "",
    )  # fmt: skip
    return made, start, end


def product(row: Row, resource: Json, here: Here) -> E:
    """What medicine it is: the concept, the Medication in the document, or its name alone. Medication Information (22.4.23)."""
    reference = resource.get("medicationReference")
    found = resource.get("medicationCodeableConcept") or (here.get(reference) or {}).get("code") or ({"text": reference["display"]} if reference and reference.get("display") else None)
    code = row.code("code", "Medicine", found, first=(RXNORM,))
    lot = ((here.get(reference) or {}).get("batch") or {}).get("lotNumber", "")
    row.say("Lot", lot)
    return E("manufacturedProduct", *template("22.4.23", "2014-06-09"), E("manufacturedMaterial", code, E("lotNumberText", lot) if lot else None), classCode="MANU")


def every(repeat: Json) -> tuple[str, str] | None:
    """How often, as (number, unit) of one interval, where it is exact."""
    period, unit, times = repeat.get("period"), repeat.get("periodUnit", ""), repeat.get("frequency", 1)
    if period is None or unit not in _HOURS or any(k in repeat for k in ("frequencyMax", "periodMax", "when", "dayOfWeek")):
        return None
    each = Decimal(str(period))
    if times != 1:
        each, unit = each * _HOURS[unit] / Decimal(str(times)), "h"
    exact = each.quantize(Decimal("0.01"))
    return (format(exact.normalize(), "f"), unit) if exact == each else None


def _untold(dose: Json, *, exact: bool) -> Json:
    """What a Medication Activity has no element for in its one dose. exact: whether its interval is told."""
    used = {"text", "route", "site", "dose", *(() if dose.get("text") else ("patientInstruction",))}
    kept: Json = {k: v for k, v in dose.items() if k not in used | {"timing", "doseAndRate"}}
    timing: Json = {**(dose.get("timing") or {})}
    repeat = {k: v for k, v in timing.pop("repeat", {}).items() if k != "boundsPeriod" and not (exact and k in ("frequency", "period", "periodUnit"))}
    if timing := {**timing, **({"repeat": repeat} if repeat else {})}:
        kept["timing"] = timing
    first, *others = dose.get("doseAndRate") or [{}]
    given = first.get("doseQuantity") or {}
    first = {k: v for k, v in first.items() if k not in ("type", "doseQuantity") or (k == "doseQuantity" and not _plain(given))}
    if rates := [r for r in (first, *others) if r]:
        kept["doseAndRate"] = rates
    return kept


def _plain(quantity: Json) -> bool:
    """Whether it is a number that a doseQuantity can hold."""
    return "value" in quantity and not quantity.get("comparator")


def medication(table: Table, resource: Json, here: Here, said: Sequence[tuple[str, str]] = ()) -> E:
    """MedicationRequest, MedicationStatement or MedicationAdministration: a Medication Activity (22.4.16). said: more of it in words, by column."""
    row = table.row()
    material = product(row, resource, here)
    doses = resource.get("dosageInstruction") or resource.get("dosage") or []
    doses = [doses] if isinstance(doses, dict) else doses
    dose: Json = doses[0] if doses else {}
    repeat = (dose.get("timing") or {}).get("repeat") or {}
    bounds = repeat.get("boundsPeriod") or resource.get("effectivePeriod") or {}
    start = bounds.get("start") or resource.get("effectiveDateTime") or resource.get("authoredOn") or ""
    end = bounds.get("end", "")
    status = _ACT_STATUS.get(resource.get("status", ""), "completed")
    row.say("Status", status)
    rate = (dose.get("doseAndRate") or [{}])[0]
    given = rate.get("doseQuantity") or (resource.get("dosage") or {}).get("dose") if isinstance(resource.get("dosage"), dict) else rate.get("doseQuantity")
    time = row.span("When", start, end, ended=status in ("completed", "aborted"), xsi_type="IVL_TS")
    often = every(repeat)
    interval = None
    if often:
        row.say("How often", f"every {often[0]} {_UNITS[often[1]] + ('' if often[0] == '1' else 's')}")
        interval = E("effectiveTime", E("period", value=often[0], unit=often[1]), xsi_type="PIVL_TS", operator="A")
    route = row.code("routeCode", "Route", dose["route"], first=("http://ncithesaurus-stage.nci.nih.gov",)) if dose.get("route") else None
    site = row.code("approachSiteCode", "Site", dose["site"], first=(SCT,)) if dose.get("site") else None
    amount = row.quantity("doseQuantity", "Dose", given) if given and _plain(given) else E("doseQuantity", nullFlavor="UNK")
    sig = row.say("Directions", dose.get("text", "") or dose.get("patientInstruction", ""))
    free = None
    if sig:
        free = related("COMP", E("substanceAdministration", *template("22.4.147"), coding("code", LOINC, "76662-6", "Instructions"), E("text", E("reference", value=sig)),
                       E("consumable", E("manufacturedProduct", E("manufacturedLabeledDrug", nullFlavor="NA"))), classCode="SBADM", moodCode="INT"))  # fmt: skip
    reasons = [indication(row, here, reason, resource, n) for n, reason in enumerate(resource.get("reasonCode", ()))]
    mood = "EVN" if resource["resourceType"] != "MedicationRequest" else "INT"
    author = recorded(row, here, resource.get("requester") or resource.get("informationSource"), resource.get("authoredOn") or resource.get("dateAsserted") or "")
    used = {"status", "intent", "medicationCodeableConcept", "medicationReference", "authoredOn", "dateAsserted", "requester", "informationSource", "reasonCode", "dispenseRequest", "effectiveDateTime",
            "effectivePeriod", "dosageInstruction", "dosage", "encounter", "context", "reportedBoolean"}  # fmt: skip
    days = (resource.get("dispenseRequest") or {}).get("expectedSupplyDuration")
    left = {**resource}
    if kept := [k for k in (_untold(dose, exact=often is not None), *doses[1:]) if k]:
        left["dose"] = kept
    if resource["resourceType"] == "MedicationRequest" and resource.get("intent") != "order":
        used.discard("intent")
    if resource.get("status") not in _ACT_STATUS or _ACT_STATUS[resource["status"]] in ("aborted", "new"):
        used.discard("status")
    return E(
        "substanceAdministration", *template("22.4.16", "2014-06-09"), here.id(resource), row.reference, E("statusCode", code=status), time, interval, route, site, amount, E("consumable", material), author,
        free, *reasons, supply(row, resource, here), comment(row, "Supply", f"for {measured(days)}") if days else None, *(comment(row, column, text) for column, text in said), notes(row, left, used), *marks(resource), classCode="SBADM", moodCode=mood,
    )  # fmt: skip


def indication(row: Row, here: Here, reason: Json, resource: Json, number: int) -> E:
    """Why: an Indication (22.4.19)."""
    value = row.code("value", "For", reason, first=(SCT, ICD10), xsi_type="CD")
    return related("RSON", E("observation", *template("22.4.19", "2014-06-09"), here.id(resource, f"#reason{number}"), coding("code", SNOMED, "404684003", "Finding").add(coding("translation", LOINC, "75321-0", "Clinical finding")),
                             E("statusCode", code="completed"), value, classCode="OBS", moodCode="EVN"))  # fmt: skip


def supply(row: Row, resource: Json, here: Here) -> E | None:
    """What may be handed out of a request: a Medication Supply Order (22.4.17)."""
    wanted: Json = resource.get("dispenseRequest") or {}
    if not wanted.keys() & {"numberOfRepeatsAllowed", "quantity", "validityPeriod"}:
        return None
    repeats, quantity, valid = wanted.get("numberOfRepeatsAllowed"), wanted.get("quantity"), wanted.get("validityPeriod") or {}
    if repeats is not None:
        row.say("Supply", f"refills: {repeats}")
    return related("REFR", E(
        "supply", *template("22.4.17", "2014-06-09"), here.id(resource, "#supply"), E("statusCode", code="active"), row.span("Supply", valid.get("start", ""), valid.get("end", ""), xsi_type="IVL_TS") if valid else None,
        E("repeatNumber", value=str(repeats)) if repeats is not None else None, row.quantity("quantity", "Supply", quantity) if quantity and "value" in quantity else None, classCode="SPLY", moodCode="INT",
    ))  # fmt: skip


def dispense(table: Table, resource: Json, here: Here) -> E:
    """MedicationDispense: a Medication Dispense (22.4.18)."""
    row = table.row()
    material = product(row, resource, here)
    status = "completed" if resource.get("status") in ("completed", "declined") else "aborted" if resource.get("status") in ("cancelled", "stopped") else "active"
    row.say("Status", f"handed out: {status}")
    quantity = resource.get("quantity")
    actor: Any = next((p.get("actor") for p in resource.get("performer", ())), None)
    used = {"status", "medicationCodeableConcept", "medicationReference", "quantity", "whenHandedOver", "performer", "context", "authorizingPrescription", "dosageInstruction"}
    doses = {"directions": [d["text"] for d in resource.get("dosageInstruction", ()) if d.get("text")]}
    return E(
        "supply", *template("22.4.18", "2014-06-09"), here.id(resource), row.reference, E("statusCode", code=status), row.time("When", resource.get("whenHandedOver", "")),
        row.quantity("quantity", "Quantity", quantity) if quantity and "value" in quantity else None, E("product", material), who(row, here, "By", actor, kind="performer"),
        notes(row, {**resource, **doses}, used), *marks(resource), classCode="SPLY", moodCode="EVN",
    )  # fmt: skip


def immunization(table: Table, resource: Json, here: Here) -> E:
    """Immunization: an Immunization Activity (22.4.52)."""
    row = table.row()
    vaccine = row.code("code", "Vaccine", resource.get("vaccineCode"), first=(CVX,))
    lot = resource.get("lotNumber", "")
    row.say("Lot", lot)
    refused = resource.get("status") == "not-done"
    if refused:
        row.say("Status", "not given")
    reason = resource.get("statusReason")
    why = None
    if reason:
        value = row.code("code", "Reason", reason, first=("http://terminology.hl7.org/CodeSystem/v3-ActReason",))
        why = related("RSON", E("observation", *template("22.4.53"), here.id(resource, "#refusal"), value, E("statusCode", code="completed"), classCode="OBS", moodCode="EVN"))
    maker = (resource.get("manufacturer") or {}).get("display", "")
    row.say("Maker", maker)
    dose = resource.get("doseQuantity")
    people = [who(row, here, "By", p.get("actor"), kind="performer") for p in resource.get("performer", ())]
    reasons = [indication(row, here, r, resource, n) for n, r in enumerate(resource.get("reasonCode", ()))]
    used = {"status", "statusReason", "vaccineCode", "lotNumber", "manufacturer", "occurrenceDateTime", "doseQuantity", "performer", "encounter", "location", "route", "site", "reasonCode"}
    material = E("manufacturedProduct", *template("22.4.54", "2014-06-09"), E("manufacturedMaterial", vaccine, E("lotNumberText", lot) if lot else None), E("manufacturerOrganization", E("name", maker)) if maker else None, classCode="MANU")
    return E(
        "substanceAdministration", *template("22.4.52", "2015-08-01"), here.id(resource), row.reference, E("statusCode", code="completed"), row.time("When", resource.get("occurrenceDateTime", "")),
        row.code("routeCode", "Route", resource["route"]) if resource.get("route") else None, row.code("approachSiteCode", "Site", resource["site"], first=(SCT,)) if resource.get("site") else None, row.quantity("doseQuantity", "Dose", dose) if dose and "value" in dose else None, E("consumable", material),
        *people, why, *reasons, notes(row, resource, used), *marks(resource), classCode="SBADM", moodCode="EVN", negationInd="true" if refused else "false",
    )  # fmt: skip
