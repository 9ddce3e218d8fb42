"""Of invented charts: the preview, the disclosure log and what the receiver reads are equal, element by element.

Twenty-five charts in CI, a thousand in `make test-slow`. What may leave is said here once more, simply, from how a chart was made.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple

import pytest

from sojourn.base import clock, errors
from sojourn.base.clock import FakeClock
from sojourn.care.handoff import referral
from sojourn.gate import disclosing, disclosurelog
from sojourn.record.database import Dsn
from tests import people
from tests.care.test_handoff import at
from tests.effort import RECORDS, SEED
from tests.people import START, Clinic, consent, encounter, labelled, observation, patient

SECRET = "words that must stay"
ADDED = {"security", "versionId", "lastUpdated"}
"""Parts of `meta` that the way out sets: marks of the law, and the version that its reader knows."""
ACTIVE = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active"}]}
WAYS = ("named", "named", "named", "types", "days", "none", "ended", "taken back", "another's", "taken back at the last moment")


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """One clinic for all charts."""
    with clock.using(FakeClock(START)):
        made = await people.open_clinic(database)
        them = (await made.make("sys-mh", {"resourceType": "Practitioner", "name": [{"family": "Clinician"}]})).id
        await made.owner.execute("UPDATE record.account SET agent = $1, generation = generation + 1 WHERE tenant = 1 AND account = 'both-clinician'", f"Practitioner/{them}")
        made.tokens["both-clinician"] = await made.gate.token(made.gate.house.tenants[1], "both-clinician")
        yield made
        await people.close_clinic(made)


class Made(NamedTuple):
    """One resource of a chart. law: the label that it came with; part: one of its elements is labelled."""

    type: str
    id: str
    sud: bool
    law: str
    part: bool


class Chart(NamedTuple):
    """A chart, and how its receiver is named. permitted: ids of what may leave as far as this test can say it simply; None: it cannot."""

    patient: str
    receiver: str
    way: str
    consent: str
    made: list[Made]
    permitted: set[str] | None


def words(random: Random) -> str:
    return " ".join(random.choice(("quiet", "2 × daily", "é", "<b>", "100 %", "since May", '"so"', "a\nb")) for _ in range(random.randrange(1, 5)))


def resource(random: Random, p: str) -> dict[str, Any]:
    """A resource of a type that a hand-off holds."""
    subject, text = {"reference": f"Patient/{p}"}, words(random)
    kind = random.choice(("Observation", "Observation", "Condition", "AllergyIntolerance", "MedicationRequest", "Encounter", "DocumentReference", "Goal"))
    if kind == "Observation":
        made = observation(p, random.randrange(40, 200), effectiveDateTime=f"2026-0{random.randrange(1, 3)}-1{random.randrange(10)}T08:00:00Z", note=[{"text": text}])
        if random.random() < 0.5:
            made["valueQuantity"]["value"] = float(Decimal(random.randrange(1, 10**5)) / 100)
        return made
    if kind == "Condition":
        return {"resourceType": kind, "subject": subject, "code": {"text": text}, "onsetDateTime": "2026-01-05", "recordedDate": "2026-01-06"}
    if kind == "AllergyIntolerance":
        return {"resourceType": kind, "patient": subject, "clinicalStatus": ACTIVE, "code": {"text": text}, "reaction": [{"manifestation": [{"text": words(random)}]}, {"manifestation": [{"text": words(random)}]}]}
    if kind == "MedicationRequest":
        return {"resourceType": kind, "status": "active", "intent": "order", "subject": subject, "medicationCodeableConcept": {"text": text}, "authoredOn": "2026-02-02", "dosageInstruction": [{"text": words(random)}]}
    if kind == "Encounter":
        return encounter(p, reasonCode=[{"text": text}], period={"start": "2026-02-01T09:00:00Z", "end": "2026-02-01T10:00:00Z"})
    if kind == "Goal":
        return {"resourceType": kind, "lifecycleStatus": "active", "subject": subject, "description": {"text": text}}
    return {"resourceType": kind, "status": "current", "subject": subject, "description": text, "date": "2026-02-03T10:00:00Z", "content": [{"attachment": {"contentType": "text/plain", "data": "cGxhaW4gd29yZHM="}}]}


def with_part(random: Random, made: dict[str, Any]) -> dict[str, Any]:
    """The resource with one element more, under a law of its own."""
    law = random.choice(("HIV", "PSYTHPN"))
    return {**made, "component": [{"code": {"text": "open"}, "valueString": "open"}, labelled({"code": {"text": "x"}, "valueString": SECRET}, law)]}


async def chart(clinic: Clinic, random: Random, receiver: str, other: str, make: Callable[[Random, str], dict[str, Any]] = resource) -> Chart:
    """A client of both programs with what they wrote, and with one of the ways in which a receiver is named or is not. make: what makes a record, of a person's id."""
    p = (await clinic.make("sys-mh", patient())).id
    made: list[Made] = []
    for who in ("sys-mh", "sys-sud"):
        admitted = (await clinic.make(who, encounter(p))).id
        made.append(Made("Encounter", admitted, who == "sys-sud", "", part=False))
        for _ in range(random.randrange(1, 6)):
            one = make(random, p)
            part = one["resourceType"] == "Observation" and random.random() < 0.3
            law = random.choice(("", "", "", "HIV", "PSYTHPN"))
            if part:
                one = with_part(random, one)
            if law:
                one["meta"] = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": law}]}
            answer = await clinic.ask(who, "POST", one["resourceType"], one)
            assert answer.status == 201, answer.body
            made.append(Made(one["resourceType"], answer.header("location").split("/")[-3], who == "sys-sud", law, part))
    way = random.choice(WAYS)
    more: dict[str, Any] = {
        "types": {"provision": {"class": [{"system": "http://hl7.org/fhir/resource-types", "code": "Observation"}]}}, "days": {"provision": {"dataPeriod": {"start": "2026-02-01"}}},
        "ended": {"provision": {"period": {"start": "2026-01-01", "end": "2026-02-01"}}}, "taken back": {"status": "inactive"},
    }.get(way, {})  # fmt: skip
    agreed = "" if way == "none" else (await clinic.make("sys-sud", consent(p, other if way == "another's" else receiver, **more))).id
    # Whom a client is referred to may have ordinary records for treatment (45 CFR 164.506(c)); those of the Part 2 program by a consent that names them.
    named = way in ("named", "taken back at the last moment")
    permitted = None if way in ("types", "days") else {p, *(m.id for m in made if not m.law and (named or not m.sud))}
    return Chart(p, receiver, way, agreed, made, permitted)


def elements(resource: dict[str, Any]) -> set[tuple[str, str]]:
    """Every element as (path, text), without what the way out adds."""
    meta = {k: v for k, v in (resource.get("meta") or {}).items() if k not in ADDED}
    return set(_flat({**{k: v for k, v in resource.items() if k != "meta"}, **({"meta": meta} if meta else {})}, ""))


def _flat(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _flat(child, f"{path}.{key}")
    elif isinstance(value, list):
        for n, child in enumerate(value):
            yield from _flat(child, f"{path}[{n}]")
    else:
        yield path, str(value)  # a number in its own digits


def received(payload: bytes) -> dict[str, dict[str, Any]]:
    """What a receiver reads out of a document, by Type/id: everything but the document itself and the consents that it rests on."""
    bundle = json.loads(payload, parse_float=Decimal)
    assert (bundle["resourceType"], bundle["type"], bundle["entry"][0]["resource"]["resourceType"]) == ("Bundle", "document", "Composition")
    named = {e["fullUrl"] for e in bundle["entry"]}
    assert len(named) == len(bundle["entry"]), "each once"
    return {f"{r['resourceType']}/{r['id']}": r for e in bundle["entry"][1:] if (r := e["resource"])["resourceType"] != "Consent"}


async def logged(clinic: Clinic, disclosure: str) -> tuple[Any, bytes]:
    """An entry of the log and what left, whoever may open it: with a part that the sender may not see it opens to others alone."""
    row = await clinic.owner.fetchrow("SELECT * FROM record.disclosure WHERE disclosure = $1", disclosure)
    assert row is not None
    return row, disclosing.payload(await at(clinic), row)


async def test_preview_log_and_what_the_receiver_reads_are_equal_element_by_element(clinic: Clinic) -> None:
    random = Random(f"hand-off{SEED}")
    receiver = (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Lakeside Primary Care"})).id
    other = (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Hill Hospital"})).id
    sent = stopped = compared = 0
    ways = set()
    for n in range(RECORDS):
        made = await chart(clinic, random, receiver, other)
        ways.add(made.way)
        access = await at(clinic)
        handoff = await referral.one(access, await referral.prepare(access, made.patient, made.receiver, asks="Follow-up", why="Stable"))
        before = await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure")
        seen = await referral.preview(access, handoff)
        listed = {f"{s.type}/{s.id}": s.resource for s in seen.leaves}
        if made.permitted is not None:
            assert {name.partition("/")[2] for name in listed} - made.permitted == set(), f"chart {n}, {made.way}: more would leave than may"
            assert made.permitted - {name.partition("/")[2] for name in listed} == set(), f"chart {n}, {made.way}: less would leave than may"
        if made.way == "taken back at the last moment":
            current = (await clinic.get("sys-sud", f"Consent/{made.consent}")).json()
            assert (await clinic.put("sys-sud", {**current, "status": "inactive"})).status == 200
        if not listed or made.way == "taken back at the last moment":
            with pytest.raises((errors.Conflict, errors.Malformed)):
                await referral.send(await at(clinic), handoff, seen.digest)
            assert await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure") == before
            stopped += 1
            continue
        disclosure = await referral.send(await at(clinic), handoff, seen.digest)
        row, payload = await logged(clinic, disclosure)
        if not any(m.part for m in made.made):  # who may see all of it may open it
            assert (await disclosurelog.payload(await at(clinic), disclosure))[1] == payload
        reads, would = received(payload), received(seen.outgoing.body)
        assert listed.keys() == reads.keys() == would.keys() == {"/".join(w.split("/")[:2]) for w in row["what"] if not w.startswith("Consent/")}
        for name, entry in reads.items():
            assert elements(entry) == elements(would[name]) == elements(listed[name]), f"chart {n}, {made.way}: {name}"
            compared += len(elements(entry))
        assert SECRET.encode() not in payload
        sent += 1
    print(f"{RECORDS} charts, {len(ways)} ways: {sent} sent, {stopped} stopped, {compared} elements compared")
    assert sent
    assert stopped
    assert compared > 10 * sent
