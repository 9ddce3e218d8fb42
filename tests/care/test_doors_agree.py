"""Of invented records, through each sending door: what was shown before, what the log of disclosures holds and what the receiver reads are equal, element by element.

A few in CI, a thousand through each door in `make test-slow`. Hand-offs as FHIR have a test of their own (test_handoff_agrees.py), from which the charts come; fax, Direct and document exchange too
(test_partners_doors_agree.py), and what somebody outside asks for (test_asked_agrees.py).
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from sojourn.base import clock, crypto, errors
from sojourn.base.clock import FakeClock
from sojourn.care.exchange import clinical
from sojourn.care.handoff import referral
from sojourn.doors.hl7v2.out import look
from sojourn.gate import disclosing
from sojourn.gate.exchange import asapp, telling
from sojourn.gate.exchange.partners import Envoys
from sojourn.gate.exchange.telling import Subject
from sojourn.record.database import Dsn
from sojourn.wire.ccda.reader import read
from sojourn.wire.ccda.writer import KINDS
from tests import people
from tests.care.agreeing import clinician, facts, fuller, leaving, named, stated, widened
from tests.care.test_handoff import at
from tests.care.test_handoff_agrees import SECRET, Chart, chart, elements, words
from tests.doors.api.test_subscriptions import Receiver, begun, followed
from tests.doors.hl7v2.counterpart import Counterpart, agreed, follow, sent
from tests.doors.hl7v2.lab import MRN
from tests.doors.hl7v2.telling import bare, heard
from tests.doors.hl7v2.test_every_field import told
from tests.doors.sftp.partner import connected, door
from tests.doors.sftp.test_out import put_out, taken
from tests.doors.sftp.test_routes import service
from tests.effort import RECORDS, SEED
from tests.people import START, A, Clinic, consent, encounter, patient


@pytest.fixture
async def clinic(database: Dsn, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Clinic]:
    """A clinic whose clinician is a person and where who is outside may subscribe, on a clock that stands still."""
    given = people.rules()
    monkeypatch.setattr(people, "rules", lambda: [*given, ("outside", ["Subscription"], ["create", "read", "search"])])
    with clock.using(FakeClock(START)):
        made = await people.open_clinic(database)
        await clinician(made)
        yield made
        await people.close_clinic(made)


def tick() -> None:
    now = clock._clock
    assert isinstance(now, FakeClock)
    now.advance(timedelta(minutes=1))


async def charts(clinic: Clinic, random: Random, receiver: str, records: int) -> list[Chart]:
    """Charts with so many records in all."""
    other = (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Hill Hospital"})).id
    made: list[Chart] = []
    while sum(len(c.made) for c in made) < records:
        made.append(await chart(clinic, random, receiver, other))
    tick()
    return made


def resources(body: bytes) -> dict[str, dict[str, Any]]:
    """What a receiver reads out of a Bundle, by Type/id: all but the consents that it rests on, and what tells of the Bundle itself."""
    found = [e["resource"] for e in json.loads(body, parse_float=Decimal)["entry"] if "resource" in e]
    return {f"{r['resourceType']}/{r['id']}": r for r in found if r["resourceType"] not in ("Consent", "OperationOutcome", "Parameters")}


# --- clinical documents ------------------------------------------------------------------------------------------------------------


async def test_clinical_documents(clinic: Clinic) -> None:
    """Each chart in all five kinds of documents; each record counts once for each document that it is in."""
    random = Random(f"documents{SEED}")
    receiver = (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Lakeside Primary Care"})).id
    other = (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Hill Hospital"})).id
    await widened(clinic)
    records = documents = compared = 0
    while records < RECORDS:
        made = await chart(clinic, random, receiver, other, fuller)
        for kind in KINDS:
            access = await at(clinic)
            handoff = await referral.one(access, await referral.prepare(access, made.patient, made.receiver, asks="Follow-up", why="Stable"))
            seen = await referral.preview(access, handoff)
            if not seen.leaves:
                with pytest.raises((errors.Conflict, errors.Malformed)):
                    await referral.send(await at(clinic), handoff, seen.digest, kind)
                continue
            shown = await (await clinical.maker(access, await referral.wish(access, handoff), kind, series=f"Task/{handoff.id}", reason=handoff.reason))(seen)
            row = await clinic.owner.fetchrow("SELECT * FROM record.disclosure WHERE disclosure = $1", await referral.send(await at(clinic), handoff, seen.digest, kind))
            assert row is not None
            payload = disclosing.payload(await at(clinic), row)
            first, left = read(shown), read(payload)
            assert facts(first) == facts(left)
            leaves = leaving(seen)
            compared += stated(payload, seen, f"{kind}, {made.way}")
            assert named(row["what"]) == leaves.keys()
            assert SECRET.encode() not in payload
            records += len(leaves)
            documents += 1
    print(f"{records} records in {documents} documents, {compared} pieces compared")
    assert documents
    assert compared > 3 * records


# --- exports put out by SFTP --------------------------------------------------------------------------------------------------------


async def test_exports_put_out(clinic: Clinic) -> None:
    """The manifest, the files as they are taken, the log, and what the same partner would read through the API."""
    random = Random(f"exports{SEED}")
    receiver = (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Lakeside"})).id
    await service(clinic, "county-app", whose="outside", organization=f"Organization/{receiver}", role="", programs=())
    made = await charts(clinic, random, receiver, RECORDS)
    label = await put_out(clinic)
    got: dict[str, dict[str, Any]] = {}
    async with door(clinic.gate) as listener, connected(listener) as client:
        manifest = {m["name"]: m for m in json.loads(await taken(client, "manifest.json"))["files"]}
        assert set(await client.listdir("/out")) - {".", "..", "manifest.json"} == manifest.keys()
        for name, entry in manifest.items():
            content = await taken(client, name)
            assert (entry["size"], entry["sha256"], name.startswith(label)) == (len(content), crypto.sha256_hex(content), True)
            assert SECRET.encode() not in content
            for line in content.splitlines():
                one = json.loads(line, parse_float=Decimal)
                got[f"{one['resourceType']}/{one['id']}"] = one
    access = await asapp.access(clinic.gate, clinic.gate.house.tenants[A], "county-app")
    compared = 0
    for name, one in got.items():
        shown = (await access.read(*name.split("/"))).resource
        assert elements(one) == elements(shown), name
        compared += len(elements(one))
    logged = [w for r in await clinic.owner.fetch("SELECT what FROM record.disclosure") for w in r["what"]]
    assert {"/".join(w.split("/")[:2]) for w in logged if not w.startswith("Consent/")} == got.keys()
    assert sorted(logged) == sorted(set(logged)), "each version once"
    mine = {m.type + "/" + m.id for c in made for m in c.made}
    for c in made:
        named = {f"{m.type}/{m.id}" for m in c.made if not m.law and m.sud}
        if c.way == "named":
            assert named <= got.keys(), "it is no test of nothing"
        if c.way in ("none", "ended", "taken back", "another's"):
            assert not named & got.keys()
    print(f"{len(mine)} records, {len(got)} taken, {compared} elements compared")
    assert compared


# --- subscriptions ------------------------------------------------------------------------------------------------------------------


async def test_notifications(clinic: Clinic) -> None:
    """The bodies that were sent are those in the log, and each resource is what the receiver reads through the API."""
    random = Random(f"notifications{SEED}")
    async with Receiver().open() as receiver:
        _, telling_ = await begun(clinic, receiver, "tpo", content="full-resource")
        records = 0
        while records < RECORDS:
            records += sum(len(c.made) for c in await charts(clinic, random, "tpo", min(RECORDS - records, 50)))
            await followed(clinic, telling_)
        bodies = [body for _, body in receiver.got if json.loads(body)["entry"][1:]]
    rows = [r for r in await clinic.owner.fetch("SELECT * FROM record.disclosure ORDER BY made") if not r["what"][0].startswith("Subscription/")]
    access = await at(clinic)
    assert sorted(disclosing.payload(access, r) for r in rows) == sorted(bodies)
    theirs = await clinic.gate.access(clinic.tokens["tpo"])
    assert theirs is not None
    compared = 0
    for body in bodies:
        assert SECRET.encode() not in body
        row = next(r for r in rows if r["digest"] == crypto.sha256_hex(body))
        got = resources(body)
        assert {"/".join(w.split("/")[:2]) for w in row["what"] if not w.startswith("Consent/")} == got.keys()
        for name, one in got.items():
            one["meta"]["extension"] = [e for e in one["meta"].pop("extension", ()) if e["url"] != disclosing.NOTICE]
            shown = (await theirs.read(*name.split("/"))).resource
            assert elements(one) == elements(shown), name
            compared += len(elements(one))
    print(f"{records} records, {len(bodies)} notifications, {compared} elements compared")
    assert compared


# --- HL7 v2 -------------------------------------------------------------------------------------------------------------------------


def record(random: Random, p: str, place: str, n: int) -> dict[str, Any]:
    """Something that is told by message."""
    me, text = {"reference": f"Patient/{p}"}, words(random)
    match random.choice(("Encounter", "Appointment", "ServiceRequest", "DocumentReference")):
        case "Encounter":
            return {**encounter(p), "status": "in-progress", "period": {"start": f"2026-02-{random.randrange(10, 28)}T10:00:00Z"}}
        case "Appointment":
            day = random.randrange(10, 28)
            return {"resourceType": "Appointment", "status": "booked", "start": f"2026-03-{day}T15:00:00Z", "end": f"2026-03-{day}T15:{random.randrange(10, 60)}:00Z", "serviceType": [{"text": text}],
                    "participant": [{"actor": me, "status": "accepted"}]}  # fmt: skip
        case "ServiceRequest":
            return {"resourceType": "ServiceRequest", "identifier": [{"system": "https://sojourn.example/fhir/NamingSystem/lab-requisition", "value": f"N{n}"}], "status": "active", "intent": "order",
                    "category": [{"coding": [{"system": "http://snomed.info/sct", "code": "108252007"}], "text": "Laboratory"}], "code": {"coding": [{"system": "http://loinc.org", "code": "24323-8", "display": "Panel"}], "text": "Panel"},
                    "subject": me, "authoredOn": "2026-03-01T07:00:00Z", "performer": [{"reference": f"Organization/{place}"}], "note": [{"text": text}]}  # fmt: skip
        case _:
            return {"resourceType": "DocumentReference", "status": "current", "docStatus": "final", "type": {"coding": [{"system": "http://loinc.org", "code": "11506-3"}], "text": "Progress note"}, "subject": me,
                    "date": "2026-03-01T08:00:00Z", "content": [{"attachment": {"contentType": "text/plain", "data": base64.b64encode(text.encode()).decode()}}]}  # fmt: skip


async def test_messages(clinic: Clinic) -> None:
    """What the partner would be shown of each record, the bytes in the log, and every part of every field that python-hl7 reads of what arrived."""
    random = Random(f"messages{SEED}")
    hie = await Counterpart().open()
    place = (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Lakeside"})).id
    partner = await agreed(clinic, hie, f"Organization/{place}", "ADT^A04", "ADT^A28", "SIU^S12", "OML^O21", "MDM^T02", authorities={"RIVER": MRN}, version="2.8")
    allowed: dict[str, dict[str, Any]] = {}
    whose: dict[str, str] = {}
    for n in range(RECORDS):
        if n % 4 == 0:
            who = random.choice(("sys-mh", "sys-sud"))
            person = patient(identifier=[{"system": MRN, "value": f"R{n}"}], gender=random.choice(("female", "other")), address=[{"line": [words(random)], "city": "Dayton"}], telecom=[{"system": "phone", "value": "555-0142", "use": "mobile"}])
            p = (await clinic.make(who, person)).id
            await clinic.make(who, {"resourceType": "CareTeam", "status": "active", "subject": {"reference": f"Patient/{p}"}, "participant": [{"member": {"reference": f"Organization/{place}"}}]})
            consented = random.random() < 0.5
            if consented and who == "sys-sud":
                await clinic.make(who, consent(p, place))
            if who == "sys-mh" or consented:
                allowed[f"Patient/{p}"], whose[f"Patient/{p}"] = {**person, "id": p}, p
        made = record(random, p, place, n)
        made["id"] = (await clinic.make(who, made)).id
        if who == "sys-mh" or consented:
            allowed[f"{made['resourceType']}/{made['id']}"] = made
            whose[f"{made['resourceType']}/{made['id']}"] = p
        if n % 40 == 39 or n == RECORDS - 1:
            await follow(clinic)
            await sent(clinic, partner)
    await hie.close()
    rows = await clinic.owner.fetch("SELECT * FROM record.disclosure WHERE channel = 'hl7v2' ORDER BY made")
    access = await at(clinic)
    logged = {r["digest"]: r for r in rows}
    assert sorted(disclosing.payload(access, r) for r in rows) == sorted(hie.got)
    got: dict[str, Any] = {}
    compared = 0
    for raw, message in zip(hie.got, hie.messages, strict=True):
        row = logged[crypto.sha256_hex(raw)]
        about = min((name for w in row["what"] if (name := "/".join(w.split("/")[:2])) in allowed), key=lambda name: name.startswith("Patient/"))
        assert about not in got, "each once"
        got[about] = message
        subject = Subject(*about.split("/"), whose[about])
        view = await look.at(await telling.recipient(Envoys(clinic.gate), clinic.gate.house.tenants[A], partner, row["purpose"], subject), subject)
        assert view is not None
        assert sorted("/".join(w.split("/")[:2]) for w in row["what"]) == sorted("/".join(w.split("/")[:2]) for w in view.out.what), "what would be shown is what is in the log"
        assert elements(allowed[about]) - elements(dict(view.resource)) == set(), f"{about}: not all of it is shown"
        kind = {"Patient": "ADT^A28", "Encounter": "ADT^A04", "Appointment": "SIU^S12", "ServiceRequest": "OML^O21", "DocumentReference": "MDM^T02"}[subject.type]
        found, wanted = bare(heard(raw)), told(kind, view, "2.8", "NW", "RIVER")
        assert found == wanted, f"{about}: {sorted(set(found.items()) ^ set(wanted.items()))}"
        compared += len(wanted)
    assert got.keys() == allowed.keys()
    print(f"{RECORDS} records, {len(got)} messages, {compared} parts compared")
    assert compared
