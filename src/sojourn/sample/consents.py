"""Consents: Part 2 for treatment, payment and operations, specific ones, revoked ones, directives."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sojourn.sample.chart import Chart
from sojourn.sample.localtime import at, iso
from sojourn.sample.parts import BASE, HL7, LOCAL, LOINC, Json, coding, concept, extension, hl7, moment, period, ref, text_attachment
from sojourn.sample.programs import PROGRAM
from sojourn.sample.stories import Stay

# Local extensions: no standard element holds these parts of 42 CFR 2.31.
EXTENSIONS = "https://ehr.example.org/fhir/StructureDefinition/"
_PART2_POLICY = "https://www.ecfr.gov/current/title-42/chapter-I/subchapter-A/part-2"
_HIPAA_POLICY = "https://www.ecfr.gov/current/title-45/subtitle-A/subchapter-C/part-164"
_EVERYBODY = "my treating providers, health plans, third-party payers, and people helping to operate this program"
_TPO = ("TREAT", "HPAYMT", "HOPERAT")


def consents_of(chart: Chart) -> None:
    """Add what the client signed, at the first Part 2 admission; other directives at registration."""
    first = next((stay for stay in chart.stays if stay.part2), None)
    choice = chart.person.consent
    if first and choice != "none":
        signed = at(first.start, 10, 5)
        if choice.startswith("tpo") or choice == "revoked":
            _tpo(chart, first, signed, revoked=choice == "revoked")
        if choice.endswith("specific"):
            _specific(chart, first, signed)
    if "hie-opt-out" in chart.person.tags or (not first and chart.stays and chart.rng.random() < 0.05):
        _opt_out(chart)
    if "self-pay" in chart.person.tags:
        _self_pay(chart)


def _tpo(chart: Chart, stay: Stay, signed: datetime, *, revoked: bool) -> None:
    body = part2(chart, stay, signed, "part2_tpo_single", "inactive" if revoked else "active")
    body["provision"] = {
        "type": "permit",
        "period": period(signed.date()),
        "actor": [class_of_recipients(chart), *known_provider(chart)],
        "action": actions(),
        "securityLabel": [coding(HL7 + "v3-ActCode", "42CFRPart2")],
        "purpose": [coding(HL7 + "v3-ActReason", code) for code in _TPO],
        "provision": [
            {"type": "deny", "securityLabel": [coding("https://ehr.example.org/fhir/CodeSystem/local-sensitivity", "SUDCN")]},
            {"type": "deny", "purpose": [coding(HL7 + "v3-ActReason", "HLEGAL")]},
        ],
    }
    if revoked:
        body["extension"] += ended(at(_revoked_on(chart, stay), 15, 30), "revoked")
    consent = chart.put(stay.program, "Consent", "", body)
    if revoked:
        _revocation(chart, stay, consent)


def _revoked_on(chart: Chart, stay: Stay) -> date:
    return stay.start + (chart.today - stay.start) * 2 / 3


def _revocation(chart: Chart, stay: Stay, consent: str) -> None:
    when = at(_revoked_on(chart, stay), 15, 30)
    chart.put(
        stay.program,
        "Provenance",
        "us-core-provenance",
        {
            "target": [ref(consent)],
            "recorded": iso(when),
            "activity": concept("Consent revoked in writing", (HL7 + "v3-DataOperation", "UPDATE")),
            "agent": [{"type": hl7("provenance-participant-type", "author"), "who": chart.subject}],
        },
    )


def _specific(chart: Chart, stay: Stay, signed: datetime) -> None:
    """A consent for one named recipient, some kinds of data, one purpose and an end."""
    body = part2(chart, stay, signed, "part2_specific", "active")
    body["provision"] = {
        "type": "permit",
        "period": period(signed.date(), signed.date() + timedelta(days=365)),
        "actor": [recipient(chart.at("Organization", "lakeside"))],
        "action": actions(),
        "securityLabel": [coding(HL7 + "v3-ActCode", "42CFRPart2")],
        "purpose": [coding(HL7 + "v3-ActReason", "TREAT")],
        "class": [
            coding("http://hl7.org/fhir/resource-types", name)
            for name in ("Condition", "MedicationRequest", "AllergyIntolerance", "Observation")
        ],
    }
    chart.put(stay.program, "Consent", "", body)


def recipient(who: Json, **said: str) -> Json:
    """Return a recipient; said: extensions such as recipient_class="tpo"."""
    made = {"role": hl7("v3-ParticipationType", "IRCP", "information recipient"), "reference": who}
    extensions = [extension(EXTENSIONS + name.replace("_", "-"), valueCode=value) for name, value in said.items()]
    return {"extension": extensions} | made if extensions else made


def class_of_recipients(chart: Chart) -> Json:
    """Return everybody for whom the single consent is, as a class."""
    return recipient(chart.at("Group", "tpo-recipients"), recipient_class="tpo")


def known_provider(chart: Chart) -> list[Json]:
    """Return the primary care practice, for about half of the clients, who named it as one that treats them."""
    named = sum(chart.person.key.encode()) % 2 == 0 or "hero" in chart.person.tags
    return [recipient(chart.at("Organization", "lakeside"), recipient_kind="covered_entity_provider")] if named else []


def ended(when: datetime, how: str) -> list[Json]:
    """Return the extensions that say when and how a consent ended."""
    return [extension(EXTENSIONS + "consent-ended-at", valueDateTime=iso(when)), extension(EXTENSIONS + "consent-ended-how", valueCode=how)]


def actions() -> list[Json]:
    """Return what a recipient may do."""
    return [hl7("consentaction", "use"), hl7("consentaction", "disclose")]


def part2(chart: Chart, stay: Stay, signed: datetime, kind: str, status: str, *, to: str = "Lakeside Primary Care", ends: str = "one year after I sign") -> Json:
    """Return a Consent with the elements of 42 CFR 2.31 and, unless it is a draft, the signed form behind it."""
    flags = ("hipaa-redisclosure", "redisclosure-risk", "refusal", "revocation")
    statements = [extension(f"{EXTENSIONS}part2-stmt-{flag}", valueBoolean=True) for flag in flags]
    expiry = "none" if kind == "part2_tpo_single" else "one year after signature"
    signer = ref(chart.relatives[0]) if _guardian_signs(chart) else chart.subject
    return {
        "extension": [
            extension(EXTENSIONS + "part2-consent-kind", valueCode=kind),
            *statements,
            extension(EXTENSIONS + "part2-expiry-text", valueString=expiry),
        ],
        "status": status,
        "scope": hl7("consentscope", "patient-privacy", "Privacy Consent"),
        "category": [concept("Consent document", (LOINC, "59284-0")), hl7("v3-ActCode", "IDSCL"), hl7("v3-ActCode", "42CFRPart2CD")],
        "patient": chart.subject,
        "dateTime": iso(signed),
        "performer": [signer],
        "organization": [chart.program(stay)],
        **({"sourceReference": ref(_form(chart, stay, signed, kind, to, ends))} if status != "draft" else {}),
        "policy": [{"authority": "https://www.hhs.gov", "uri": _PART2_POLICY}],
        "verification": [{"verified": True, "verifiedWith": signer, "verificationDate": iso(signed)}],
    }


def _guardian_signs(chart: Chart) -> bool:
    young = chart.person.age(chart.today) < 18
    return young and bool(chart.relatives) and "minor-own-consent" not in chart.person.tags


def _form(chart: Chart, stay: Stay, signed: datetime, kind: str, to: str, ends: str) -> str:
    program = PROGRAM[stay.program].name
    name = f"{chart.person.given[0]} {chart.person.family}"
    wide = kind == "part2_tpo_single"
    text = "\n".join(
        (
            "Consent to share substance use treatment records (42 CFR Part 2)",
            f"Client: {name}",
            f"Who may share: Riverbend Behavioral Health, {program}",
            "What: all of my treatment records" if wide else "What: the records chosen on the form",
            f"With whom: {_EVERYBODY if wide else to}",
            "Why: treatment, payment and health care operations" if wide else "Why: treatment",
            "Ends: none" if wide else f"Ends: {ends}",
            "I may take this back in writing at any time, except where it has already been relied on.",
            "Those who receive records may share them on, and these rules may then no longer protect them, but never",
            "for proceedings against me.",
            f"Signed {signed:%B} {signed.day}, {signed.year}",
        )
    )
    return chart.put(
        stay.program,
        "DocumentReference",
        "us-core-documentreference",
        {
            "identifier": [{"system": BASE + "document", "value": f"C{chart.patient[-6:]}{len(chart.items)}"}],
            "status": "current",
            "type": concept("Signed consent", (LOINC, "59284-0")),
            "category": [concept("Consent", (LOCAL + "document-kind", "consent"))],
            "subject": chart.subject,
            "date": iso(signed),
            "author": [chart.subject],
            "content": [{"attachment": text_attachment("Signed consent", text, signed)}],
            "context": {"period": period(signed)},
        },
    )


def _directive(chart: Chart, category: Json, provision: Json) -> None:
    first = chart.stays[0]
    chart.put(
        "central",
        "Consent",
        "",
        {
            "status": "active",
            "scope": hl7("consentscope", "patient-privacy", "Privacy Consent"),
            "category": [category],
            "patient": chart.subject,
            "dateTime": moment(at(first.start, 9, 50)),
            "performer": [chart.subject],
            "organization": [chart.at("Organization", "riverbend")],
            "policy": [{"authority": "https://www.hhs.gov", "uri": _HIPAA_POLICY}],
            "provision": {"type": "deny"} | provision,
        },
    )


def _opt_out(chart: Chart) -> None:
    _directive(chart, hl7("v3-ActCode", "OPTOUT"), {"actor": [recipient(chart.at("Organization", "hie"))]})


def _self_pay(chart: Chart) -> None:
    purposes = [coding(HL7 + "v3-ActReason", code) for code in ("HPAYMT", "HOPERAT")]
    payer = recipient(chart.at("Organization", chart.person.payer), recipient_kind="health_plan")
    _directive(chart, hl7("v3-ActCode", "HIPAASelfPay"), {"actor": [payer], "purpose": purposes})
