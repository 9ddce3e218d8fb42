"""The test bench of CDS services that we ask: a step for each, about somebody who does not exist.

Until a run with them was passed and signed by both sides, nothing about anybody real goes to a service (cds.asked): what is missing leaves out its cards, and says so
on its page. https://cds-hooks.hl7.org/2.0/
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from sojourn.base import ids
from sojourn.fhir import codec
from sojourn.gate.exchange import cds, madeup, testing
from sojourn.gate.exchange.testing import CALLS, FAILED, PASSED, Step
from sojourn.wire import cdshooks

if TYPE_CHECKING:
    from sojourn.gate.exchange.partners import Partner
    from sojourn.wire.cdshooks import Described

_PROGRAM: Final = 1
"""Number in the ids of what is made up; nothing is written anywhere."""
_DOCTOR: Final = "Practitioner/zztest-doctor"


def steps(partner: Partner) -> list[Step]:
    """A step for each of their services that is asked."""
    calling, scripts = cds.of(partner.calls), testing.calls()
    return [
        Step(CALLS, one.id, str(scripts[hook]["title"]), str(scripts[hook]["expects"]).replace("{service}", one.title or one.id), subject=hook) for hook in cdshooks.HOOKS for one in calling.at(hook)
    ]  # fmt: skip


def question(base: str, service: Described, now: datetime) -> bytes:
    """The call of a service about the first person of the script: what its templates ask for, as they would get it of somebody real. base: our FHIR server."""
    person = testing.people()[0].number.lower()
    chart = [r for _, r in madeup.records((), "", "", now)][:1]
    chart += madeup.chart(person, _PROGRAM, now.replace(microsecond=0) - timedelta(days=1), 0)
    sent: dict[str, Any] = {}
    for key, template in service.prefetch.items():
        if (want := cdshooks.wanted(template, person)) is not None:
            found = [r for r in chart if r["resourceType"] == want.type]
            sent[key] = found[0] if want.type == "Patient" and len(found) == 1 else _bundle(base, "searchset", found)
    context: dict[str, Any] = {"userId": _DOCTOR, "patientId": person}
    if service.hook == "order-sign":
        context["draftOrders"] = _bundle(base, "collection", [_order(person, now)])
    call = {"hook": service.hook, "hookInstance": str(UUID(bytes=ids.random_bytes("hook", 16), version=4)), "fhirServer": base, "context": context, **({"prefetch": sent} if sent else {})}
    return codec.dumps(call)


def _bundle(base: str, kind: str, resources: list[dict[str, Any]]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": [{"fullUrl": f"{base}/{r['resourceType']}/{r['id']}", "resource": r} for r in resources]}


def _order(person: str, now: datetime) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest", "id": f"{person}-order", "status": "draft", "intent": "order", "code": {"coding": [{"system": "http://loinc.org", "code": "24323-8", "display": "Comprehensive metabolic panel"}]},
        "subject": {"reference": f"Patient/{person}"}, "authoredOn": now.isoformat(timespec="seconds"), "requester": {"reference": _DOCTOR},
    }  # fmt: skip


def looked(said: object) -> tuple[str, str]:
    """What comes of an answer as a step: (state, in words that repeat nothing of it)."""
    given = said.get("cards") if isinstance(said, Mapping) else None
    if not isinstance(given, list):
        return FAILED, "Its answer has no list of cards."
    read = cdshooks.cards(said)
    wanted = min(len(given), cdshooks.MOST)
    if len(read) < wanted:
        return FAILED, f"Of {len(given)} cards {len(given) - len(read)} cannot be shown: a card without a summary says nothing."
    return PASSED, f"It answered with {len(read)} {'card' if len(read) == 1 else 'cards'} that can be shown."
