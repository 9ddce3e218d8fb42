"""Consents that need somebody: ending soon, waiting for an event, not valid, unsigned, undecided."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from sojourn.sample import consents
from sojourn.sample.chart import Chart
from sojourn.sample.localtime import at, iso
from sojourn.sample.parts import HL7, Json, coding, concept, extension, hl7, moment, period, ref
from sojourn.sample.stories import Stay

_HOSPITAL = "Tamarack Valley Hospital"
_TREAT = [coding(HL7 + "v3-ActReason", "TREAT")]


def more(chart: Chart) -> None:
    """Add one of these to about every other client of a Part 2 program who signed something; by the key, so that nothing else moves."""
    stay = next((stay for stay in chart.stays if stay.part2), None)
    if stay is None or chart.person.consent in ("none", "revoked"):
        return
    turn = sum(chart.person.key.encode()) % (2 * len(_MADE))
    if turn < len(_MADE) and (chart.today - stay.start).days > 3:
        _MADE[turn](chart, stay)


def _rule(chart: Chart, to: str, types: tuple[str, ...] = (), **more: Json) -> Json:
    made: Json = {
        "type": "permit", "actor": [consents.recipient(chart.at("Organization", to), recipient_kind="covered_entity_provider")], "action": consents.actions(),
        "securityLabel": [coding(HL7 + "v3-ActCode", "42CFRPart2")], "purpose": _TREAT,
    }  # fmt: skip
    if types:
        made["class"] = [coding("http://hl7.org/fhir/resource-types", name) for name in types]
    return made | more


def _ending_soon(chart: Chart, stay: Stay) -> None:
    """For the hospital, a year but two weeks ago."""
    signed = max(stay.start, chart.today - timedelta(days=351))
    body = consents.part2(chart, stay, at(signed, 11, 20), "part2_specific", "active", to=_HOSPITAL)
    body["provision"] = _rule(chart, "mercy", ("MedicationRequest", "AllergyIntolerance"), period=period(signed, chart.today + timedelta(days=9 + len(chart.person.family))))
    chart.put(stay.program, "Consent", "", body)


def _waiting(chart: Chart, stay: Stay) -> None:
    """Until treatment ends, and nobody has said lately whether it has."""
    body = consents.part2(chart, stay, at(stay.start, 10, 40), "part2_specific", "active", ends="the end of my treatment in this program")
    body["extension"] = [e for e in body["extension"] if not e["url"].endswith("expiry-text")]
    body["extension"] += [
        extension(consents.EXTENSIONS + "part2-expiry-text", valueString="the end of my treatment in this program"),
        extension(consents.EXTENSIONS + "part2-expiry-event", valueCode="end-of-treatment"),
        extension(consents.EXTENSIONS + "part2-expiry-episode", valueReference=ref(chart.episodes[stay.number])),
    ]
    body["provision"] = _rule(chart, "lakeside", ("Encounter", "EpisodeOfCare"), period=period(stay.start))
    chart.put(stay.program, "Consent", "", body)


def _not_valid(chart: Chart, stay: Stay) -> None:
    """An older form, taken over from paper, on which two things are missing."""
    body = consents.part2(chart, stay, at(stay.start, 9, 15), "part2_specific", "active", to=_HOSPITAL, ends="")
    body["extension"] = [e for e in body["extension"] if not e["url"].endswith(("stmt-revocation", "expiry-text"))]
    body["provision"] = _rule(chart, "mercy")
    chart.put(stay.program, "Consent", "", body)


def _not_signed(chart: Chart, stay: Stay) -> None:
    """Begun at the front desk, and left."""
    body = consents.part2(chart, stay, at(chart.today - timedelta(days=1), 16, 5), "part2_specific", "draft")
    for element in ("dateTime", "performer", "verification"):
        del body[element]
    body["extension"] = [e for e in body["extension"] if not e["url"].endswith("expiry-text")]
    body["provision"] = _rule(chart, "mercy", ("Condition", "MedicationRequest"))
    chart.put(stay.program, "Consent", "", body)


def _expired(chart: Chart, stay: Stay) -> None:
    """For four weeks after admission."""
    if stay.start + timedelta(days=29) >= chart.today:
        return
    body = consents.part2(chart, stay, at(stay.start, 13, 30), "part2_specific", "active", ends="four weeks after I sign")
    body["provision"] = _rule(chart, "lakeside", period=period(stay.start, stay.start + timedelta(days=28)))
    chart.put(stay.program, "Consent", "", body)


def _counseling_notes(chart: Chart, stay: Stay) -> None:
    """For the notes kept apart, and nothing else."""
    body = consents.part2(chart, stay, at(stay.start, 14, 10), "part2_counseling_notes", "active", to=_HOSPITAL, ends="on a day written on the form")
    body["provision"] = _rule(chart, "mercy", period=period(stay.start, chart.today + timedelta(days=200))) | {
        "securityLabel": [coding("https://sojourn.example/fhir/CodeSystem/sensitivity", "SUDCN")]
    }
    chart.put(stay.program, "Consent", "", body)


def _asked_for(chart: Chart, stay: Stay) -> None:
    """Wishes that nobody has decided on yet: about a hospital, or about a health plan for what was paid for in full."""
    paid = chart.person.payer in ("blueheron", "medicaid", "silverlake") and len(chart.person.family) % 2 == 0
    to = chart.person.payer if paid else "mercy"
    codes = ("HPAYMT", "HOPERAT") if paid else ("TREAT",)
    who = consents.recipient(chart.at("Organization", to), recipient_kind="health_plan" if paid else "covered_entity_provider")
    chart.put(stay.program, "Consent", "", {
        "extension": [
            extension(consents.EXTENSIONS + "part2-consent-kind", valueCode="patient_directive_deny"),
            extension(consents.EXTENSIONS + "restriction-grounds", valueCode="self_pay" if paid else "requested"),
        ],
        "status": "proposed",
        "scope": hl7("consentscope", "patient-privacy", "Privacy Consent"),
        "category": [concept("Request to restrict sharing", ("http://loinc.org", "59284-0")), *([hl7("v3-ActCode", "HIPAASelfPay")] if paid else [])],
        "patient": chart.subject,
        "dateTime": moment(at(chart.today - timedelta(days=2), 10, 0)),
        "performer": [chart.subject],
        "organization": [chart.program(stay)],
        "policy": [{"authority": "https://www.hhs.gov", "uri": "https://www.ecfr.gov/current/title-45/section-164.522"}],
        "verification": [{"verified": True, "verificationDate": iso(at(chart.today - timedelta(days=2), 10, 0))}],
        "provision": {"type": "deny", "actor": [who], "purpose": [coding(HL7 + "v3-ActReason", code) for code in codes]},
    })  # fmt: skip


_MADE: tuple[Callable[[Chart, Stay], None], ...] = (_ending_soon, _waiting, _not_valid, _not_signed, _expired, _counseling_notes, _asked_for)
