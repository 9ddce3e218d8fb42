"""Patient/$access-report and $accounting: who looked and what left, for patients and who oversees."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sojourn.base import errors
from sojourn.doors.api.answer import Answer, of_json
from sojourn.doors.api.ask import Ask
from sojourn.fhir import dates
from sojourn.gate.preparing import instant
from sojourn.gate.trail import accesses, accounting

_YEAR = timedelta(days=365)


async def access_report(ask: Ask, type_: str, id_: str) -> Answer:
    """GET Patient/[id]/$access-report?since=&until=: by person and day, newest first. Without `since`: of the last year."""
    given = _asked(ask, type_, "$access-report", ("since", "until"))
    until = _moment(given.get("until"), ask.access.now, end=True)
    found = await accesses.report(ask.access, id_, _moment(given.get("since"), max(until, dates.PAST + _YEAR) - _YEAR), until)
    head = [_reference("patient", id_), _at("since", found.since), _at("until", found.until), {"name": "complete", "valueBoolean": found.complete}]
    receipt = await ask.access.note(ask.access.entry("report", "AuditEvent", f"patient={id_}", patients=[id_]))
    return of_json({"resourceType": "Parameters", "parameter": [*head, *({"name": "visit", "part": _visit(v)} for v in found.visits)]}, receipt=receipt)


async def disclosures(ask: Ask, type_: str, id_: str) -> Answer:
    """GET Patient/[id]/$accounting?rule=: an accounting of disclosures (45 CFR 164.528; 42 CFR 2.24, 2.25). Without `rule`: the first."""
    given = _asked(ask, type_, "$accounting", ("rule",))
    rules = accounting.rules(ask.access.now.date())
    found = await accounting.accounting(ask.access, id_, given.get("rule") or rules[0].id)
    head = [
        _reference("patient", id_), {"name": "rule", "valueCode": found.rule.id}, {"name": "title", "valueString": found.rule.title}, {"name": "source", "valueString": found.rule.source},
        _at("since", found.since), _at("until", found.until), {"name": "complete", "valueBoolean": found.complete},
    ]  # fmt: skip
    entries = [
        {"name": "disclosure", "part": [_at("first", e.first), _at("last", e.last), {"name": "times", "valueInteger": e.times}, *_strings(recipient=e.recipient, purpose=e.purpose, what=e.what)]}
        for e in found.entries
    ]
    receipt = await ask.access.note(ask.access.entry("report", "AuditEvent", f"patient={id_}&rule={found.rule.id}", patients=[id_]))
    return of_json({"resourceType": "Parameters", "parameter": [*head, *entries]}, receipt=receipt)


def _visit(visit: accesses.Visit) -> list[dict[str, Any]]:
    what = [{"name": "what", "part": [*_strings(kind=kind), {"name": "times", "valueInteger": n}]} for kind, n in visit.what.items()]
    found: list[dict[str, Any]] = [{"name": "day", "valueDate": visit.day.isoformat()}, *_strings(who=visit.who, role=visit.role), {"name": "outside", "valueBoolean": visit.outside}]
    return [*found, *({"name": "why", "valueString": w} for w in visit.why), *({"name": "did", "valueString": d} for d in visit.did), {"name": "times", "valueInteger": visit.times}, *what]


def _asked(ask: Ask, type_: str, name: str, takes: tuple[str, ...]) -> dict[str, str]:
    if type_ != "Patient":
        raise errors.NotSupported(f"{name} is offered for Patient.")
    ask.check_format()
    given = dict(ask.search_params())
    if given.keys() - set(takes):
        raise errors.NotSupported(f"{name} takes {', '.join(takes)}.")
    return given


def _moment(text: str | None, otherwise: datetime, *, end: bool = False) -> datetime:
    try:
        return dates.bounds(text)[1 if end else 0] if text else otherwise
    except ValueError:
        raise errors.Malformed("That is no date.") from None


def _reference(name: str, id_: str) -> dict[str, Any]:
    return {"name": name, "valueReference": {"reference": f"Patient/{id_}"}}


def _at(name: str, moment: datetime) -> dict[str, Any]:
    return {"name": name, "valueInstant": instant(moment)}


def _strings(**values: str) -> list[dict[str, Any]]:
    """Those that say something."""
    return [{"name": name, "valueString": text} for name, text in values.items() if text]
