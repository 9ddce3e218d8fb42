"""What we write as C-CDA, brought into an empty install by its tray and reconciled there: the same coded facts of all that it tells, and no other."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sojourn.base import clock, ids
from sojourn.base.clock import FakeClock
from sojourn.care.papers import receiving
from sojourn.care.papers.indexing import Wish
from sojourn.care.papers.receiving import File
from sojourn.care.summaries import charting, deciding, filing, registering
from sojourn.gate import papers
from sojourn.record import organization
from sojourn.record.database import Dsn
from sojourn.wire.ccda.reader import read
from sojourn.wire.ccda.writer import KINDS
from tests import people
from tests.care import rounds
from tests.care.rounds_chart import PERSON, chart
from tests.care.test_handoff import at
from tests.conftest import Cluster
from tests.factlines import facts
from tests.leaks.test_clinical_document_worlds import documents
from tests.people import MH, START, Clinic, encounter

Json = dict[str, Any]
SECTIONS = {
    "Allergies and intolerances", "Medications", "Problems", "Results", "Vital signs", "Social history", "Mental status", "Functional status", "Encounters", "Procedures", "Immunizations", "Family history", "Medical equipment",
    "Plan of treatment", "Goals", "Care team", "Payers", "Notes", "Alerts and precautions", "Advance directives",
}  # fmt: skip


@asynccontextmanager
async def opened(database: Dsn) -> AsyncIterator[Clinic]:
    """A clinic with its staff and programs, and nobody in care."""
    made = await people.open_clinic(database)
    row = organization.AccountRow("ivy", "staff", "ivy", "ivy", None, "Practitioner/ivy", "admissions", [people.SUD, MH, people.FAR], MH, [])
    await organization.account(made.owner, people.A, row, clock.now())
    for who in ("both-clinician", "mh-clinician"):
        them = (await made.make("sys-mh", {"resourceType": "Practitioner", "name": [{"family": "Clinician"}]})).id
        await made.owner.execute("UPDATE record.account SET agent = $1, generation = generation + 1 WHERE tenant = 1 AND account = $2", f"Practitioner/{them}", who)
        made.tokens[who] = await made.gate.token(made.gate.house.tenants[1], who)
    yield made
    await people.close_clinic(made)


async def everything(clinic: Clinic, p: str) -> list[Json]:
    """All of a chart, as the API gives it."""
    reply = await clinic.get("sys-mh", f"Patient/{p}/$everything?_count=500")
    return [*reply.entries, *(await clinic.get("sys-mh", f"Device?patient={p}")).entries]


async def written(clinic: Clinic) -> tuple[list[Json], dict[str, bytes]]:
    """A chart of which everything is there, and the document of each kind: the CCD as an app gets it, the others as a hand-off gives them."""
    doctor = {"reference": f"Practitioner/{(await clinic.make('sys-mh', {'resourceType': 'Practitioner', 'name': [{'text': 'Chidi Okafor, MD', 'family': 'Okafor'}]})).id}", "display": "Chidi Okafor, MD"}
    p = (await clinic.make("sys-mh", PERSON)).id
    await clinic.make("sys-mh", encounter(p, period={"start": "2026-02-10T09:00:00-05:00", "end": "2026-02-10T10:00:00-05:00"}))
    made: list[str] = []
    for resource in chart(p, doctor):
        reply = await clinic.make("sys-mh", {k: v for k, v in resource.items() if k != "id"})
        assert reply.status == 201, reply.body
        made += [f"Observation/{reply.id}"] if resource.get("id") == "potassium" else []
    panel = {"resourceType": "DiagnosticReport", "status": "final", "subject": {"reference": f"Patient/{p}"}, "code": rounds_code(), "effectiveDateTime": "2026-02-10T09:15:00-05:00", "result": [{"reference": made[0]}]}
    assert (await clinic.make("sys-mh", panel)).status == 201
    receiver = (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Lakeside Primary Care"})).id
    task = await begun(clinic, p, receiver)
    found = await documents(clinic, task, "both-clinician")
    return await everything(clinic, p), {**found, "ccd": (await clinic.get("sys-mh", f"Patient/{p}/$ccd")).body}


def rounds_code() -> Json:
    return {"coding": [{"system": "http://loinc.org", "code": "24323-8"}], "text": "Metabolic panel"}


async def begun(clinic: Clinic, p: str, receiver: str) -> str:
    from sojourn.care.handoff import referral

    return await referral.prepare(await at(clinic, "both-clinician"), p, receiver, asks="Follow-up within 7 days", why="")


async def taken_in(clinic: Clinic, content: bytes) -> str:
    """Into the tray, the person written down, the document into their chart, every line added, everything beside taken over, signed. The id of the person."""
    ivy = await at(clinic, "ivy")
    (id_,), refused = await receiving.take_in(ivy, [File("summary.xml", content)], program=MH, key=ids.new_id())
    assert refused == []
    p = await registering.register(ivy, await papers.one(ivy, id_), MH)
    assert p == await registering.register(ivy, await papers.one(ivy, id_), MH), "the second click"
    document = await filing.file(ivy, await papers.one(ivy, id_), Wish(p, MH, "Record from another practice", "2026-03-01", "Summary", born=PERSON["birthDate"]))
    doctor = await at(clinic, "mh-clinician")
    case = await charting.case(doctor, p, await charting.one(doctor, p, document))
    act = deciding.read({**deciding.begun(case), **{f"what.{row.key}": deciding.ADD for row in case.compared.every}}, case)
    await deciding.sign(doctor, case, act, deciding.text(case, act), ids.new_id())
    return p


def came_of(resource: Json, arrived: list[Json]) -> list[Json]:
    """What stands elsewhere for a resource, by the id that it keeps."""
    name = f"{resource['resourceType']}/{resource['id']}"
    return [r for r in arrived if any(str(i.get("value", "")).partition("#")[0] == name for i in r.get("identifier", ()))]


def content(document: Json) -> tuple[bytes, str]:
    """What a document holds, and of which kind it is."""
    (one,) = document["content"]
    return base64.b64decode(one["attachment"]["data"]), one["attachment"]["contentType"]


def is_part(document: Json) -> bool:
    """Whether it is a part of another, told by itself: the instructions in a note."""
    return any(str(i.get("value", "")).endswith("#instructions") for i in document.get("identifier", ()))


@pytest.mark.parametrize("kind", KINDS)
async def test_an_empty_install_has_the_same_coded_facts_afterwards(cluster: Cluster, template: str, kind: str) -> None:
    names = [f"test_{ids.new_id().lower().replace('-', '')}"[:40] for _ in range(2)]
    for name in names:
        cluster.copy(name, template)
    here, there = (Dsn(app=cluster.app(name), owner=cluster.owner(name)) for name in names)
    with clock.using(FakeClock(START)):
        async with opened(here) as clinic:
            original, found = await written(clinic)
        document = read(found[kind])
        async with opened(there) as clinic:
            p = await taken_in(clinic, found[kind])
            arrived = await everything(clinic, p)
    for name in names:
        cluster.drop(name)
    if kind == "ccd":
        assert {s.title for s in document.sections if not s.null} >= SECTIONS, "no section is empty while there is something to tell"
    told = [r for r in original if f"{r['resourceType']}/{r['id']}".encode() in found[kind] and r["resourceType"] not in ("Patient", "Practitioner", "Organization", "Provenance", "Task", "Consent")]
    compared = 0
    for resource in told:
        came = came_of(resource, arrived)
        assert came, f"{resource['resourceType']} did not arrive"
        if resource["resourceType"] == "DocumentReference":
            came, parts = [r for r in came if not is_part(r)], [r for r in came if is_part(r)]
            assert [content(r) for r in came] == [content(resource)]
            assert [r.get("docStatus") for r in came] == [resource.get("docStatus", "final")]
            assert [content(r)[0] for r in parts] == ([b"1. See Dr. Okafor on Feb 10.\n  2. No lithium."] if kind == "discharge" and b"AFTERCARE" in content(resource)[0] else [])
            assert {c["code"] for r in parts for c in r["type"]["coding"]} <= {"69730-0", "311401005"}
        # Whom a reference names, a hand-off does not show to somebody outside: it is not in the document.
        assert [one for one in rounds.lost(resource, came) if ": name " not in one or one.partition(": name ")[2].encode() in found[kind]] == []
        assert rounds.added(resource, came) == []
        assert rounds.states(resource, came) == []
        compared += sum(1 for _ in facts(resource))
    assert compared > 60, kind
    if kind == "ccd":
        assert {r["resourceType"] for r in told} >= {"Flag", "DocumentReference"}
    who, them = (next(r for r in every if r["resourceType"] == "Patient") for every in (original, arrived))
    assert rounds.lost(who, [them]) == []
    assert [e for e in who["extension"] if "birthsex" not in e["url"]] == them["extension"]
