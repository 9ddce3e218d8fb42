"""The records of the people of the test bench: nobody exists, and all stand in an organization apart.

Each program has written about each of them, so that whoever is tested finds what their service will find: ordinary records, and where there is a
Part 2 program its records with the notice of 42 CFR 2.32. The first has consented to who is tested; the second has not, and is for an outside organization
as if they were not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sojourn.gate.exchange import testing

if TYPE_CHECKING:
    from sojourn.gate.caller import Program

NUMBERS: Final = "https://sojourn.example/fhir/NamingSystem/test-person"
_HL7: Final = "http://terminology.hl7.org/CodeSystem/"
_FORM: Final = "https://ehr.example.org/fhir/StructureDefinition/"
_PART2: Final = "https://www.ecfr.gov/current/title-42/chapter-I/subchapter-A/part-2"
_WORDS: Final = b"VGhpcyBpcyBhYm91dCBub2JvZHkuIEl0IGlzIGEgdGVzdC4="  # This is about nobody. It is a test.


def records(programs: Iterable[Program], recipient: str, name: str, now: datetime) -> Iterator[tuple[int | None, dict[str, Any]]]:
    """(program, resource) of everything, with the ids that they have. recipient: the Organization that is tested, '' for a service of our own; name: theirs."""
    some = sorted(programs, key=lambda p: p.number)
    day = (now - timedelta(days=1)).replace(microsecond=0)
    places = {p.organization: p.name for p in some if p.organization} | ({recipient: name} if recipient.startswith("Organization/") else {})
    for reference, called in places.items():
        yield None, {"resourceType": "Organization", "id": reference.partition("/")[2], "name": called}
    people = testing.people()
    for n, person in enumerate(people):
        id_ = person.number.lower()
        yield some[0].number if some else None, {
            "resourceType": "Patient", "id": id_, "active": True, "identifier": [{"system": NUMBERS, "value": person.number}], "name": [{"family": person.family, "given": [person.given]}],
            "birthDate": person.born, "gender": person.sex,
        }  # fmt: skip
        for program in some:
            yield from ((program.number, r) for r in chart(id_, program.number, day, n))
    signing = next((p for p in some if p.part2), some[0] if some else None)
    if signing is not None and recipient.startswith("Organization/"):
        yield signing.number, _consent(people[0].number.lower(), signing, recipient, day)


def _coded(system: str, code: str, display: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def chart(person: str, program: int, day: datetime, n: int) -> Iterator[dict[str, Any]]:
    """What a program (number) wrote about somebody of the script on a day. n: which of them."""
    at, subject, end = day.isoformat(), {"reference": f"Patient/{person}"}, (day + timedelta(minutes=50)).isoformat()
    key = f"{person}-{program}"
    yield {
        "resourceType": "Encounter", "id": f"{key}-visit", "status": "finished", "class": {"system": f"{_HL7}v3-ActCode", "code": "AMB", "display": "ambulatory"},
        "type": [{"text": "A visit that never was"}], "subject": subject, "period": {"start": at, "end": end},
    }  # fmt: skip
    yield value(person, program, at, 70 + n)
    yield {
        "resourceType": "Condition", "id": f"{key}-problem", "clinicalStatus": {"coding": [{"system": f"{_HL7}condition-clinical", "code": "active"}]},
        "category": [{"coding": [{"system": f"{_HL7}condition-category", "code": "encounter-diagnosis"}]}], "code": _coded("http://hl7.org/fhir/sid/icd-10-cm", "F41.1", "Generalized anxiety disorder"),
        "subject": subject, "recordedDate": at,
    }  # fmt: skip
    yield {
        "resourceType": "DocumentReference", "id": f"{key}-document", "status": "current", "type": _coded("http://loinc.org", "11506-3", "Progress note"), "subject": subject, "date": at,
        "description": "A test document", "content": [{"attachment": {"contentType": "text/plain", "data": _WORDS.decode(), "title": "A test document"}}],
    }  # fmt: skip


def value(person: str, program: int, at: str, much: int, id_: str = "") -> dict[str, Any]:
    """A heart rate of somebody of the script."""
    return {
        "resourceType": "Observation", "id": id_ or f"{person}-{program}-pulse", "status": "final",
        "category": [{"coding": [{"system": f"{_HL7}observation-category", "code": "vital-signs"}]}], "code": _coded("http://loinc.org", "8867-4", "Heart rate"),
        "subject": {"reference": f"Patient/{person}"}, "effectiveDateTime": at, "valueQuantity": {"value": much, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
    }  # fmt: skip


def _consent(person: str, program: Program, recipient: str, day: datetime) -> dict[str, Any]:
    """A complete written consent (42 CFR 2.31) that names who is tested."""
    since = (day - timedelta(days=30)).date().isoformat()
    statements = [{"url": f"{_FORM}part2-stmt-{s}", "valueBoolean": True} for s in ("hipaa-redisclosure", "redisclosure-risk", "refusal", "revocation")]
    return {
        "resourceType": "Consent", "id": f"{person}-consent-{recipient.partition('/')[2]}"[:64],
        "extension": [{"url": f"{_FORM}part2-consent-kind", "valueCode": "part2_tpo_single"}, *statements, {"url": f"{_FORM}part2-expiry-text", "valueString": "none"}],
        "status": "active", "scope": {"coding": [{"system": f"{_HL7}consentscope", "code": "patient-privacy"}]}, "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": f"Patient/{person}"}, "dateTime": f"{since}T10:00:00Z", "performer": [{"reference": f"Patient/{person}"}],
        **({"organization": [{"reference": program.organization}]} if program.organization else {}),
        "verification": [{"verified": True, "verificationDate": since}], "policy": [{"authority": "https://www.hhs.gov", "uri": _PART2}],
        "provision": {
            "type": "permit", "period": {"start": since},
            "actor": [{"role": {"coding": [{"system": f"{_HL7}v3-ParticipationType", "code": "IRCP"}]}, "reference": {"reference": recipient}}],
            "action": [{"coding": [{"system": f"{_HL7}consentaction", "code": "disclose"}]}], "securityLabel": [{"system": f"{_HL7}v3-ActCode", "code": "42CFRPart2"}],
            "purpose": [{"system": f"{_HL7}v3-ActReason", "code": code} for code in ("TREAT", "HPAYMT", "HOPERAT")],
        },
    }  # fmt: skip
