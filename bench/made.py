"""Patients for measurements: the same for the same number, each a chart of about 49 resources of about 1 KB.

One patient in ten belongs to a Part 2 program, so that labels, the caller's programs and redaction have work to do.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

MENTAL_HEALTH, RECOVERY = 1, 2  # numbers of the two programs

GIVEN = "Ada Ben Cleo Dan Eve Finn Gia Hugo Ines Jon Kira Leo Mia Ned Olga Paul Quin Rosa Sam Tess Uma Vik Wes Xena Yan Zoe".split()
FAMILY = [a + b for a in "Ash Birch Cedar Dove Elm Fern Glen Heath Iris Juniper".split() for b in "bank croft dale field ford gate ham ley more wood".split()]
LOINC, SNOMED, UCUM = "http://loinc.org", "http://snomed.info/sct", "http://unitsofmeasure.org"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
VITALS = [("8867-4", "Heart rate", "/min", 74), ("9279-1", "Respiratory rate", "/min", 15), ("29463-7", "Body weight", "kg", 80), ("8310-5", "Body temperature", "Cel", 37)]
PROBLEMS = [("370143000", "Major depressive disorder"), ("21897009", "Generalized anxiety disorder"), ("47505003", "Posttraumatic stress disorder"),
            ("193462001", "Insomnia"), ("59621000", "Essential hypertension"), ("44054006", "Diabetes mellitus type 2")]  # fmt: skip
ORGANIZATIONS, PRACTITIONERS = 10, 50
PER_PATIENT = 49  # about

Resource = dict[str, Any]


class Item(NamedTuple):
    """A resource and the number of the program that made it (None: the directory)."""

    program: int | None
    resource: Resource


def organization(patients: int, start: int = 0) -> Iterator[Item]:
    """The directory, then every patient's chart; or, from a number on, only charts."""
    if not start:
        yield from _directory()
    for n in range(start, start + patients):
        program = RECOVERY if n % 10 == 9 else MENTAL_HEALTH
        for resource in chart(n):
            yield Item(program, resource)


def _directory() -> Iterator[Item]:
    for n in range(ORGANIZATIONS):
        yield Item(None, {"resourceType": "Organization", "id": f"o{n}", "active": True, "name": f"Clinic {n}"})
    for n in range(PRACTITIONERS):
        yield Item(None, {"resourceType": "Practitioner", "id": f"d{n}", "active": True, "name": [{"family": FAMILY[n], "given": [GIVEN[n % 26]]}],
                          "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": str(9_000_000_000 + n)}]})  # fmt: skip


def chart(n: int) -> Iterator[Resource]:
    """One patient with 8 encounters, 36 observations and 4 conditions."""
    rng = random.Random(f"sojourn-{n}")
    yield patient(n, rng)
    when = datetime(2023, 1, 2, 9) + timedelta(days=rng.randrange(300), minutes=15 * rng.randrange(30))
    made = 0
    for e in range(8):
        encounter_id = f"e{n}-{e}"
        yield encounter(n, encounter_id, when, rng)
        for k in range(5 if e < 4 else 4):
            yield observation(n, encounter_id, when + timedelta(minutes=k), rng, f"b{n}-{made}", vital=k < 3)
            made += 1
        when += timedelta(days=rng.randrange(7, 90))
    for k, (code, text) in enumerate(rng.sample(PROBLEMS, 4)):
        yield condition(n, f"e{n}-{k}", code, text, when, f"c{n}-{k}")


def born(n: int) -> str:
    """A patient's date of birth."""
    return (datetime(1940, 1, 1) + timedelta(days=n * 7919 % 25_000)).date().isoformat()


def family(n: int) -> str:
    """A patient's family name."""
    return FAMILY[n * 31 % len(FAMILY)]


def patient(n: int, rng: random.Random) -> Resource:
    """A person with three identifiers, an address and a language."""
    given = GIVEN[n % 26]
    return {
        "resourceType": "Patient", "id": f"p{n}", "active": True,
        "identifier": [{"system": "https://example.org/mrn", "value": f"MRN{n:07d}"}, {"system": "https://example.org/other", "value": f"X{rng.getrandbits(40):010x}"},
                       {"type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "SS"}]}, "system": "http://hl7.org/fhir/sid/us-ssn", "value": f"999-55-{n % 10_000:04d}"}],
        "name": [{"use": "official", "family": family(n), "given": [given, rng.choice(GIVEN)]}],
        "telecom": [{"system": "phone", "value": f"555-{rng.randrange(100, 999)}-{rng.randrange(1000, 9999)}", "use": "home"}, {"system": "email", "value": f"{given}.{n}@example.org".lower()}],
        "gender": rng.choice(("male", "female")), "birthDate": born(n),
        "address": [{"use": "home", "line": [f"{rng.randrange(1, 999)} Elm Street"], "city": "Riverton", "state": "MA", "postalCode": "02110", "country": "US"}],
        "maritalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus", "code": "S", "display": "Never Married"}]},
        "communication": [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "en-US", "display": "English (United States)"}]}}],
        "managingOrganization": {"reference": f"Organization/o{n % ORGANIZATIONS}"},
    }  # fmt: skip


def encounter(n: int, id_: str | None, when: datetime, rng: random.Random) -> Resource:
    """A visit of 50 minutes."""
    period = {"start": stamp(when), "end": stamp(when + timedelta(minutes=50))}
    found = {
        "resourceType": "Encounter", "identifier": [{"use": "official", "system": "https://example.org/encounter", "value": f"E{rng.getrandbits(60):015x}"}],
        "status": "finished", "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB", "display": "ambulatory"},
        "type": [{"coding": [{"system": SNOMED, "code": "390906007", "display": "Follow-up encounter"}], "text": "Follow-up encounter"}],
        "subject": {"reference": f"Patient/p{n}", "display": family(n)},
        "participant": [{"type": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "PPRF", "display": "primary performer"}]}],
                         "period": period, "individual": {"reference": f"Practitioner/d{n % PRACTITIONERS}"}}],
        "period": period, "serviceProvider": {"reference": f"Organization/o{n % ORGANIZATIONS}"},
    }  # fmt: skip
    return {**found, "id": id_} if id_ else found


def observation(n: int, encounter_id: str, when: datetime, rng: random.Random, id_: str | None = None, *, vital: bool = True, token: str = "", about: str = "") -> Resource:
    """A vital sign, or a questionnaire's score. `about`: a reference to the encounter in place of its id."""
    if vital:
        code, text, unit, mean = rng.choice(VITALS)
        category, value = ("vital-signs", "Vital Signs"), {"value": round(rng.gauss(mean, mean / 10), 1), "unit": unit, "system": UCUM, "code": unit}
    else:
        code, text = "44261-6", "Patient Health Questionnaire 9 item (PHQ-9) total score"
        category, value = ("survey", "Survey"), {"value": rng.randrange(28), "unit": "{score}", "system": UCUM, "code": "{score}"}
    found = {
        "resourceType": "Observation",
        "identifier": [{"system": "https://example.org/observation", "value": token or f"B{rng.getrandbits(100):025x}"}],
        "status": "final", "category": [{"coding": [{"system": CATEGORY, "code": category[0], "display": category[1]}], "text": category[1]}],
        "code": {"coding": [{"system": LOINC, "code": code, "display": text}], "text": text},
        "subject": {"reference": f"Patient/p{n}"}, "encounter": {"reference": about or f"Encounter/{encounter_id}"},
        "effectiveDateTime": stamp(when), "issued": stamp(when + timedelta(minutes=7)), "performer": [{"reference": f"Practitioner/d{n % PRACTITIONERS}"}],
        "valueQuantity": value,
    }  # fmt: skip
    return {**found, "id": id_} if id_ else found


def condition(n: int, encounter_id: str, code: str, text: str, when: datetime, id_: str | None = None, *, token: str = "", about: str = "") -> Resource:
    """A problem found at an encounter."""
    found = {
        "resourceType": "Condition", "identifier": [{"system": "https://example.org/condition", "value": token or f"C{n}-{code}"}],
        "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]},
        "verificationStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": "confirmed"}]},
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-category", "code": "encounter-diagnosis", "display": "Encounter Diagnosis"}]}],
        "code": {"coding": [{"system": SNOMED, "code": code, "display": text}], "text": text},
        "subject": {"reference": f"Patient/p{n}"}, "encounter": {"reference": about or f"Encounter/{encounter_id}"},
        "onsetDateTime": stamp(when), "recordedDate": stamp(when),
    }  # fmt: skip
    return {**found, "id": id_} if id_ else found


def stamp(moment: datetime) -> str:
    """A FHIR dateTime."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S+00:00")
