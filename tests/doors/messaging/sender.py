"""A hospital at the other end, for the tests of FHIR messages: its profile, its messages, and how they come."""

from __future__ import annotations

import copy
from typing import Any

from sojourn.care.exchange.working import Working
from sojourn.doors.messaging.reading import Reading
from sojourn.gate.caller import APP_DOOR
from sojourn.gate.exchange.partners import Envoys, Partner
from tests.doors.hl7v2 import lab
from tests.doors.hl7v2.lab import MRN
from tests.people import MH, A, Clinic, Reply

BASE = "https://mercy.example/fhir"
NUMBERS = "https://mercy.example/mrn"
V2 = "http://terminology.hl7.org/CodeSystem/v2-0003"
EVENTS = ("ADT^A01", "ADT^A02", "ADT^A03", "ADT^A04", "ADT^A08", "ADT^A11", "ADT^A13", "ADT^A28", "ADT^A31", "ADT^A40", "ORU^R01", "SIU^S12", "SIU^S15", "OML^O21")
MERCY = Partner("mercy", "Mercy Hospital", door="fhir", client="mercy-app", types=EVENTS, authorities={NUMBERS: MRN})
LOINC = "http://loinc.org"
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


async def sends(clinic: Clinic, partner: Partner = MERCY, account: str = "mh-service", **more: Any) -> None:
    """The hospital is a partner who comes by its service, and sends as `mercy`."""
    await lab.registered(clinic.gate, partner, **more)
    clinic.tokens["mercy"] = await clinic.gate.token(clinic.gate.house.tenants[A], account, door=APP_DOOR + partner.client)


async def as_sender(clinic: Clinic, who: str | None) -> str | None:
    """The same account, as the service of the hospital: its token. Who is nobody stays so."""
    caller = await clinic.gate.identity.caller(clinic.tokens.get(who, who)) if who else None
    if caller is None:
        return who
    if not await clinic.owner.fetchval("SELECT count(*) FROM record.exchange_partner"):
        await lab.registered(clinic.gate, MERCY)
    return await clinic.gate.token(clinic.gate.house.tenants[A], caller.account, door=APP_DOOR + MERCY.client)


async def came(clinic: Clinic, *sent: Any, who: str = "mercy") -> list[Reply]:
    """Messages, taken and done; the answers."""
    answers = [await clinic.ask(who, "POST", "$process-message", one) for one in sent]
    await done(clinic)
    return answers


async def done(clinic: Clinic) -> None:
    """Do all that waits."""
    working = Working(Envoys(clinic.gate), Reading())
    while await working.round(clinic.gate.house.tenants[A]):
        pass


async def states(clinic: Clinic) -> list[tuple[str, str]]:
    """(state, reason) of each message, in the order in which they came."""
    return await lab.states(clinic.gate, clinic.owner)


def said(reply: Reply) -> tuple[str, str]:
    """(response.code, response.identifier) of an answer."""
    assert reply.status == 200, reply.body
    response = reply.json()["entry"][0]["resource"]["response"]
    return response["code"], response["identifier"]


def message(event: str, *resources: dict[str, Any], id_: str = "m1", focus: str = "", sent: str = "2026-03-01T08:30:00-05:00", **more: Any) -> dict[str, Any]:
    """A message. focus: `Type/id`, else the first resource."""
    about = focus or f"{resources[0]['resourceType']}/{resources[0]['id']}"
    header = {
        "resourceType": "MessageHeader", "id": id_, "eventCoding": {"system": V2, "code": event}, "source": {"name": "Mercy", "endpoint": f"{BASE}/$process-message"},
        "focus": [{"reference": f"{BASE}/{about}"}], **more,
    }  # fmt: skip
    resources = tuple({k: v for k, v in r.items() if v != []} for r in resources)
    entries = [{"fullUrl": f"{BASE}/MessageHeader/{id_}", "resource": header}, *({"fullUrl": f"{BASE}/{r['resourceType']}/{r['id']}", "resource": r} for r in resources)]
    return {"resourceType": "Bundle", "id": f"b-{id_}", "type": "message", "timestamp": sent, "entry": copy.deepcopy(entries)}


def person(number: str = "R1", family: str = "Rivera", born: str = "1988-03-04", id_: str = "p1", **more: Any) -> dict[str, Any]:
    """A Patient of theirs."""
    return {"resourceType": "Patient", "id": id_, "identifier": [{"system": NUMBERS, "value": number}], "name": [{"use": "official", "family": family, "given": ["Ana"]}], "birthDate": born, "gender": "female", **more}


def stay(status: str = "in-progress", number: str = "V1", patient: str = "p1", **more: Any) -> dict[str, Any]:
    """A stay of theirs, with a doctor and a place that are in the message or not."""
    return {
        "resourceType": "Encounter", "id": "e1", "identifier": [{"system": "https://mercy.example/visit", "value": number}], "status": status, "class": {"system": ACT, "code": "IMP"}, "subject": {"reference": f"Patient/{patient}"},
        "period": {"start": "2026-03-01T08:00:00-05:00"}, "participant": [{"individual": {"reference": "Practitioner/d1"}}], "location": [{"location": {"reference": "Location/l1"}, "status": "active"}],
        "serviceProvider": {"reference": "Organization/o1"}, **more,
    }  # fmt: skip


DOCTOR = {"resourceType": "Practitioner", "id": "d1", "name": [{"family": "Okafor", "given": ["Ngozi"]}]}
ICU = {"resourceType": "Location", "id": "l1", "name": "ICU 12"}


def result(*values: dict[str, Any], number: str = "F1", status: str = "final", issued: str = "2026-03-01T08:30:00-05:00", **more: Any) -> dict[str, Any]:
    """A report about p1."""
    return {
        "resourceType": "DiagnosticReport", "id": "r1", "identifier": [{"system": "https://mercy.example/filler", "value": number}], "status": status, "code": {"coding": [{"system": LOINC, "code": "24323-8", "display": "Metabolic panel"}]},
        "subject": {"reference": "Patient/p1"}, "effectiveDateTime": "2026-03-01T07:00:00-05:00", "issued": issued, "result": [{"reference": f"Observation/{v['id']}"} for v in values], **more,
    }  # fmt: skip


def value(number: float = 4.1, id_: str = "o1", **more: Any) -> dict[str, Any]:
    """A potassium of p1."""
    return {
        "resourceType": "Observation", "id": id_, "status": "final", "code": {"coding": [{"system": LOINC, "code": "2823-3", "display": "Potassium"}]}, "subject": {"reference": "Patient/p1"},
        "valueQuantity": {"value": number, "unit": "mmol/L", "system": "http://unitsofmeasure.org", "code": "mmol/L"}, **more,
    }  # fmt: skip


async def known(clinic: Clinic, number: str = "R1", **more: Any) -> str:
    """Somebody who is in care here and has a number that both use; their id."""
    made = await clinic.make("sys-mh", {"resourceType": "Patient", "name": [{"family": "Rivera", "given": ["Ana"]}], "birthDate": "1988-03-04", "identifier": [{"system": MRN, "value": number}], **more})
    await clinic.make("sys-mh", {"resourceType": "EpisodeOfCare", "status": "active", "patient": {"reference": f"Patient/{made.id}"}, "managingOrganization": {"reference": "Organization/mh"}})
    return made.id


__all__ = ["BASE", "DOCTOR", "EVENTS", "ICU", "MERCY", "MH", "NUMBERS", "came", "done", "known", "message", "person", "result", "said", "sends", "states", "stay", "value"]
