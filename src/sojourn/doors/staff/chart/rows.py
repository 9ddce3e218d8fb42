"""Resources of a chart as lines of its tables. A cell is text, or (text, tone) to be shown as a tag."""

from __future__ import annotations

from typing import Any

from sojourn.doors.staff.words import Names, Resource, code_of, code_text, day_and_time, day_text, each, first, reference_text

Cell = str | tuple[str, str] | None
Line = dict[str, Cell]

_TONES = {
    "recurrence": "amber",
    "relapse": "amber",
    "on-hold": "amber",
    "cancelled": "amber",
    "entered-in-error": "amber",
    "in-progress": "teal",
    "high": "red",
    "unable-to-assess": "amber",
}


def tagged(code: str, text: str = "") -> Cell:
    """A code in words; as a tag if it is one to notice. Nothing if there is none."""
    said = text or code.replace("-", " ")
    return (said, _TONES[code]) if code in _TONES else said or None


def problem(condition: Resource, names: Names) -> list[Line]:  # noqa: ARG001 - as every part
    """A Condition."""
    return [
        {
            "what": code_text(condition.get("code") or {}),
            "since": day_text(condition.get("onsetDateTime") or first(condition, "onsetPeriod").get("start") or condition.get("recordedDate")),
            "severity": code_text(condition.get("severity") or {}),
            "status": tagged(code_of(condition.get("clinicalStatus") or {})),
        }
    ]


def medication(request: Resource, names: Names) -> list[Line]:
    """A MedicationRequest."""
    dosage = first(request, "dosageInstruction")
    return [
        {
            "what": code_text(request.get("medicationCodeableConcept") or {}) or _contained(request) or reference_text(request.get("medicationReference") or {}, names),
            "dose": str(dosage.get("text") or dosage.get("patientInstruction") or ""),
            "since": day_text(request.get("authoredOn")),
            "by": reference_text(request.get("requester") or {}, names),
            "status": tagged(str(request.get("status") or "")),
        }
    ]


def _contained(request: Resource) -> str:
    wanted = str((request.get("medicationReference") or {}).get("reference", "")).removeprefix("#")
    return next((code_text(c.get("code") or {}) for c in each(request, "contained") if c.get("id") == wanted), "")


def encounter(visit: Resource, names: Names) -> list[Line]:
    """An Encounter."""
    period = visit.get("period") or {}
    people = [reference_text(p.get("individual") or {}, names) for p in each(visit, "participant")]
    places = [reference_text(p.get("location") or {}, names) for p in each(visit, "location")]
    return [
        {
            "when": day_and_time(period.get("start")),
            "what": code_text(first(visit, "type")) or code_text(visit.get("serviceType") or {}) or _class(visit),
            "who": ", ".join(filter(None, people)),
            "where": next(filter(None, places), "") or reference_text(visit.get("serviceProvider") or {}, names),
            "status": tagged(str(visit.get("status") or "")),
        }
    ]


def _class(visit: Resource) -> str:
    coding = visit.get("class") or {}
    return str(coding.get("display") or coding.get("code") or "")


def allergy(intolerance: Resource, names: Names) -> list[Line]:  # noqa: ARG001 - as every part
    """An AllergyIntolerance."""
    reaction = first(intolerance, "reaction")
    return [
        {
            "what": code_text(intolerance.get("code") or {}),
            "reaction": ", ".join(filter(None, (code_text(m) for m in each(reaction, "manifestation")))),
            "since": day_text(intolerance.get("onsetDateTime") or intolerance.get("recordedDate")),
            "risk": tagged(str(intolerance.get("criticality") or ""), f"{intolerance.get('criticality', '')} risk".replace("-", " ")),
            "status": tagged(code_of(intolerance.get("clinicalStatus") or {})),
        }
    ]


def care_team(team: Resource, names: Names) -> list[Line]:
    """A CareTeam: one line for each person or organization in it."""
    title = str(team.get("name") or code_text(first(team, "category")))
    return [
        {
            "who": reference_text(member.get("member") or {}, names),
            "role": code_text(first(member, "role")),
            "team": title,
            "since": day_text((member.get("period") or team.get("period") or {}).get("start")),
        }
        for member in each(team, "participant")
        if not str((member.get("member") or {}).get("reference", "")).startswith("Patient/")
    ]


def coverage(card: Resource, names: Names) -> list[Line]:
    """A Coverage."""
    order = card.get("order")
    period = card.get("period") or {}
    return [
        {
            "payer": ", ".join(filter(None, (reference_text(p, names) for p in each(card, "payor")))) or code_text(card.get("type") or {}),
            "plan": _plan(card) or code_text(card.get("type") or {}),
            "member": str(card.get("subscriberId") or first(card, "identifier").get("value") or ""),
            "since": day_text(period.get("start")),
            "order": {1: "primary", 2: "secondary", 3: "tertiary"}.get(order, "") if isinstance(order, int) else "",
            "status": tagged(str(card.get("status") or "")),
        }
    ]


def _plan(card: Resource) -> str:
    classes: list[Any] = each(card, "class")
    plans = [c for c in classes if code_of(c.get("type") or {}) == "plan"] or classes
    return next((str(c.get("name") or c.get("value")) for c in plans if c.get("name") or c.get("value")), "")
