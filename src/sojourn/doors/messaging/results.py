"""DiagnosticReport and its Observations: a result, and the order that it answers. Pure.

https://hl7.org/fhir/R4/diagnosticreport.html
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from sojourn.care.exchange import outside
from sojourn.care.exchange.becoming import moment
from sojourn.care.exchange.facts import CannotMap, Report, Resource, Value
from sojourn.care.exchange.naming import dicts
from sojourn.care.orders.ordering import NUMBER
from sojourn.doors.messaging.copying import Copier, key_of
from sojourn.fhir.messages import Message
from sojourn.gate.exchange.partners import Partner

_REPORT: Final = ("status", "category", "code", "effective[x]", "issued", "resultsInterpreter", "conclusion", "conclusionCode")
_VALUE: Final = ("status", "category", "code", "effective[x]", "issued", "performer", "value[x]", "dataAbsentReason", "interpretation", "note", "bodySite", "method", "specimen", "device", "referenceRange", "component")
_LAB: Final = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "LAB", "display": "Laboratory"}]}
_FILE: Final = ("contentType", "language", "data", "size", "hash", "title", "creation")
_MOST: Final = 400
"""Values of one report."""


def reports(message: Message, copier: Copier, partner: Partner, patient: Resource) -> list[Report]:
    """The reports about the person: those of the focus, else all. Raises CannotMap where there is none."""
    mine = [r for r in message.of("DiagnosticReport") if message.target(r.get("subject"), r) is patient]
    focus = [r for r in mine if any(r is f for f in message.focus)]
    if not mine:
        raise CannotMap("It holds no result (DiagnosticReport) about the person whom it names.", "DiagnosticReport")
    return [_report(message, copier, partner, r) for r in focus or mine]


def _report(message: Message, copier: Copier, partner: Partner, report: Resource) -> Report:
    body = copier.elements(report, _REPORT)
    body |= {"resourceType": "DiagnosticReport", "category": body.get("category") or [_LAB], "code": body.get("code") or {"text": "Laboratory result"}}
    body["performer"] = [{"reference": partner.organization, "display": partner.name}] if partner.organization else [n for p in dicts(report.get("performer")) if (n := copier.named(p, report))] or [{"display": partner.name}]
    if numbers := copier.numbers(report, "report"):
        body["identifier"] = numbers
    specimens = [{"display": n["display"]} for s in dicts(report.get("specimen")) if (n := copier.named(s, report)) and "display" in n]
    if specimens:
        body["specimen"] = specimens
    if files := [f for a in dicts(report.get("presentedForm")) if (f := {k: v for k, v in a.items() if k in _FILE}).get("data")]:
        body["presentedForm"] = files
    issued = moment(body.get("issued")) or moment(message.sent)
    if issued is not None:
        body["issued"] = body.get("issued") or issued.isoformat()
    made = Report((*key_of(message, report), _code(body["code"])), tuple(dict.fromkeys(_orders(message, partner, report))), body, issued=issued)
    made.values = _values(message, copier, report, issued)
    return made


def _values(message: Message, copier: Copier, report: Resource, issued: datetime | None) -> list[Value]:
    """The Observations of a report, and of panels in it, each once."""
    waiting = [(r, report) for r in dicts(report.get("result"))]
    seen: list[Resource] = []
    out: list[Value] = []
    used: dict[tuple[str, ...], int] = {}
    while waiting and len(out) < _MOST:
        reference, holder = waiting.pop(0)
        one = message.target(reference, holder)
        if one is None or one["resourceType"] != "Observation" or any(one is s for s in seen):
            continue
        seen.append(one)
        waiting += [(r, one) for r in dicts(one.get("hasMember"))]
        body = copier.elements(one, _VALUE)
        body |= {"resourceType": "Observation", "code": body.get("code") or {"text": "Value"}}
        if "issued" not in body and issued is not None:
            body["issued"] = issued.isoformat()
        if not any(k.startswith("value") or k in ("component", "dataAbsentReason") for k in body):
            body["dataAbsentReason"] = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "unknown"}]}
        key = (_code(body["code"]), *(key_of(message, one) if one.get("identifier") else ()))
        n = used[key] = used.get(key, -1) + 1
        out.append(Value((*key, str(n)), body))
    return out


def _orders(message: Message, partner: Partner, report: Resource) -> Iterator[str]:
    """Numbers of orders of ours that it says it answers: only those that say that they are ours, or do not say whose they are."""
    for reference in dicts(report.get("basedOn")):
        there = message.target(reference, report) or {}
        for said in (*dicts(there.get("identifier")), there.get("requisition"), reference.get("identifier")):
            if not isinstance(said, dict):
                continue
            system, value = outside.words(said.get("system"), 200), outside.words(said.get("value"), 100)
            if value and (system in ("", NUMBER) or partner.authorities.get(system) == NUMBER):
                yield value


def _code(concept: Any) -> str:
    """By what something is known: its first code, else its words."""
    coding = next((str(c.get("code", "")) for c in dicts(concept.get("coding"))), "") if isinstance(concept, dict) else ""
    return coding or (outside.words(concept.get("text"), 120) if isinstance(concept, dict) else "")
