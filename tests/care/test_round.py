"""What we write as C-CDA, brought into an empty install by its tray and reconciled there: the same coded facts of all that it tells, and no other."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from sojourn.base import clock, ids
from sojourn.base.clock import FakeClock
from sojourn.care.allergies import lists as allergies
from sojourn.care.exchange import clinical
from sojourn.care.handoff import referral
from sojourn.care.papers import receiving
from sojourn.care.papers.indexing import Wish
from sojourn.care.papers.receiving import File
from sojourn.care.summaries import charting, deciding, filing, registering
from sojourn.fhir import codec
from sojourn.gate import origin, papers, releasing
from sojourn.record import organization
from sojourn.record.database import Dsn
from sojourn.wire.ccda.reader import read
from sojourn.wire.ccda.writer import KINDS
from tests import people
from tests.care import rounds
from tests.care.rounds_chart import PERSON, chart, nothing_known
from tests.care.test_handoff import at
from tests.conftest import Cluster
from tests.factlines import facts
from tests.people import MH, START, Clinic, encounter

Json = dict[str, Any]
COMMON = {"Allergies and intolerances", "Medications", "Goals", "Results", "Vital signs", "Social history", "Mental status", "Functional status", "Encounters", "Procedures", "Immunizations", "Care team", "Notes"}
SECTIONS = {
    "ccd": COMMON | {"Problems", "Family history", "Medical equipment", "Plan of treatment", "Payers", "Alerts and precautions", "Advance directives"},
    "referral": COMMON | {"Reason for referral", "Problems", "Assessment and plan"},
    "transfer": COMMON | {"Reason for referral", "Problems", "Assessment and plan"},
    "discharge": COMMON | {"Hospital course", "Discharge diagnosis", "Discharge medications", "Problems", "Plan of treatment", "Hospital discharge instructions"},
    "care-plan": COMMON | {"Health concerns", "Interventions", "Health status evaluations and outcomes"},
}  # fmt: skip
"""What each kind of document has over a chart of which everything is there. By a hand-off only the types leave that the role `outside` reads."""
TOLD = {"AllergyIntolerance", "Condition", "MedicationRequest", "MedicationStatement", "Observation", "DiagnosticReport", "Procedure", "Immunization", "Encounter", "CarePlan", "Goal", "ServiceRequest", "CareTeam", "DocumentReference"}
ALL = {"MedicationDispense", "FamilyMemberHistory", "Device", "Coverage", "Flag"}
HEADER = ("Patient", "Practitioner", "Organization", "Provenance", "Task", "Consent")


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


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    async with opened(database) as made:
        yield made


async def everything(clinic: Clinic, p: str) -> list[Json]:
    """All of a chart, as the API gives it."""
    reply = await clinic.get("sys-mh", f"Patient/{p}/$everything?_count=500")
    return [*reply.entries, *(await clinic.get("sys-mh", f"Device?patient={p}")).entries]


async def written(clinic: Clinic, make: Callable[[str, Json], list[Json]]) -> tuple[list[Json], dict[str, bytes], set[str]]:
    """A chart; the document of each kind, the CCD as an app gets it, the others as a hand-off gives them; and what of the chart may leave by a hand-off."""
    doctor = {"reference": f"Practitioner/{(await clinic.make('sys-mh', {'resourceType': 'Practitioner', 'name': [{'text': 'Chidi Okafor, MD', 'family': 'Okafor'}]})).id}", "display": "Chidi Okafor, MD"}
    p = (await clinic.make("sys-mh", PERSON)).id
    await clinic.make("sys-mh", encounter(p, period={"start": "2026-02-10T09:00:00-05:00", "end": "2026-02-10T10:00:00-05:00"}))
    names: dict[str, str] = {}
    for resource in make(p, doctor):
        text = json.dumps({k: v for k, v in resource.items() if k != "id"})
        for name, id_ in names.items():
            text = text.replace(f'"{name}"', f'"{id_}"')
        reply = await clinic.make("sys-mh", json.loads(text))
        assert reply.status == 201, reply.body
        if "id" in resource:
            names[f"{resource['resourceType']}/{resource['id']}"] = f"{resource['resourceType']}/{reply.id}"
    receiver = (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Lakeside Primary Care"})).id
    task = await begun(clinic, p, receiver)
    found, leaves = await handed(clinic, task)
    return await everything(clinic, p), {**found, "ccd": (await clinic.get("sys-mh", f"Patient/{p}/$ccd")).body}, leaves


async def handed(clinic: Clinic, task: str) -> tuple[dict[str, bytes], set[str]]:
    """What a hand-off of all types gives in each kind of document, and what may leave by it, as `Type/id`."""
    access = await at(clinic, "both-clinician")
    handoff = await referral.one(access, task)
    wish = replace(await referral.wish(access, handoff), types=())
    seen = await releasing.preview(access, wish)
    leaves = {f"{r['resourceType']}/{r['id']}" for e in codec.loads(seen.outgoing.body)["entry"] if "id" in (r := e["resource"])}
    return {kind: await (await clinical.maker(access, wish, kind, series=f"Task/{task}", reason=handoff.reason))(seen) for kind in KINDS}, leaves


async def begun(clinic: Clinic, p: str, receiver: str) -> str:
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


def came_from(resource: Json, originals: list[Json]) -> list[Json]:
    """Of which it came: the other way round."""
    return [one for one in originals if came_of(one, [resource])]


def content(document: Json) -> tuple[bytes, str]:
    """What a document holds, and of which kind it is."""
    (one,) = document["content"]
    return base64.b64decode(one["attachment"]["data"]), one["attachment"]["contentType"]


def is_part(document: Json) -> bool:
    """Whether it is a part of another, told by itself: the instructions in a note."""
    return any(str(i.get("value", "")).endswith("#instructions") for i in document.get("identifier", ()))


class Round(NamedTuple):
    """A chart here, its document, which of it the document may tell, and the chart that it becomes in an install of which nobody is in care."""

    original: list[Json]
    document: bytes
    allowed: list[Json]
    arrived: list[Json]


async def both_ways(cluster: Cluster, template: str, make: Callable[[str, Json], list[Json]], kind: str) -> Round:
    """Written here as a document of a kind, taken in there."""
    names = [f"test_{ids.new_id().lower().replace('-', '')}"[:40] for _ in range(2)]
    for name in names:
        cluster.copy(name, template)
    here, there = (Dsn(app=cluster.app(name), owner=cluster.owner(name)) for name in names)
    with clock.using(FakeClock(START)):
        async with opened(here) as clinic:
            original, found, leaves = await written(clinic, make)
        async with opened(there) as clinic:
            p = await taken_in(clinic, found[kind])
            arrived = await everything(clinic, p)
    for name in names:
        cluster.drop(name)
    allowed = [r for r in original if r["resourceType"] not in HEADER and (kind == "ccd" or f"{r['resourceType']}/{r['id']}" in leaves)]
    return Round(original, found[kind], allowed, arrived)


def differences(resource: Json, came: list[Json], content: bytes) -> list[str]:
    """Where what came of a resource says less, more or something else."""
    # Whom a reference names, a hand-off does not show to somebody outside: it is not in the document.
    less = [one for one in rounds.lost(resource, came) if ": name " not in one or one.partition(": name ")[2].encode() in content]
    return [*less, *rounds.added(resource, came), *rounds.states(resource, came), *rounds.denied(resource, came)]


@pytest.mark.parametrize("kind", KINDS)
async def test_an_empty_install_has_the_same_coded_facts_afterwards(cluster: Cluster, template: str, kind: str) -> None:
    went = await both_ways(cluster, template, chart, kind)
    titles = {s.title: s.null for s in read(went.document).sections}
    assert titles.keys() >= SECTIONS[kind]
    assert [title for title, null in titles.items() if null] == [], "no section is empty while there is something to tell"
    assert [r["resourceType"] for r in went.allowed if f"{r['resourceType']}/{r['id']}".encode() not in went.document] == [], "all that may leave is told"
    assert {r["resourceType"] for r in went.allowed} >= TOLD | (ALL if kind == "ccd" else set())
    compared = 0
    for resource in went.allowed:
        came = came_of(resource, went.arrived)
        assert came, f"{resource['resourceType']} did not arrive"
        if resource["resourceType"] == "DocumentReference":
            came, parts = [r for r in came if not is_part(r)], [r for r in came if is_part(r)]
            assert [content(r) for r in came] == [content(resource)]
            assert [r.get("docStatus") for r in came] == [resource.get("docStatus", "final")]
            assert [content(r)[0] for r in parts] == ([b"1. See Dr. Okafor on Feb 10.\n  2. No lithium."] if kind == "discharge" and b"AFTERCARE" in content(resource)[0] else [])
            assert {c["code"] for r in parts for c in r["type"]["coding"]} <= {"69730-0", "311401005"}
        if resource["resourceType"] == "DiagnosticReport":
            results = [r for r in went.original if f"Observation/{r['id']}" in {m["reference"] for m in resource["result"]}]
            assert [[m["reference"] for m in r["result"]] for r in came] == [[f"Observation/{r['id']}" for one in results for r in came_of(one, went.arrived)]], "a panel holds its results"
        assert differences(resource, came, went.document) == []
        compared += sum(1 for _ in facts(resource))
    assert compared > 60, kind
    who, them = (next(r for r in every if r["resourceType"] == "Patient") for every in (went.original, went.arrived))
    assert rounds.lost(who, [them]) == []
    assert them["extension"] == who["extension"], "also birth sex, sex, gender identity, tribe and pronouns"
    assert [r["code"] for r in went.arrived if r["resourceType"] == "Observation" and not came_from(r, went.allowed)] == [], "nothing is said twice"


@pytest.mark.parametrize("kind", KINDS)
async def test_that_nothing_is_known_arrives_as_such(cluster: Cluster, template: str, kind: str) -> None:
    went = await both_ways(cluster, template, nothing_known, kind)
    asked = [r for r in went.allowed if r["resourceType"] in ("AllergyIntolerance", "Condition", "MedicationStatement")]
    assert len(asked) == 3
    for resource in asked:
        came = came_of(resource, went.arrived)
        assert [r["resourceType"] for r in came] == [resource["resourceType"]]
        assert differences(resource, came, went.document) == []
    assert not [s.title for s in read(went.document).sections if s.null and s.title in ("Allergies and intolerances", "Problems", "Medications", "Health concerns")]


async def test_that_others_know_of_no_allergy_is_no_answer_until_somebody_here_asked(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", people.patient())).id
    (fact,) = [r for r in nothing_known(p, {"display": "Chidi Okafor, MD"}) if r["resourceType"] == "AllergyIntolerance"]
    unconfirmed = {"coding": [{**fact["verificationStatus"]["coding"][0], "code": "unconfirmed"}]}
    assert (await clinic.make("sys-mh", {**fact, "verificationStatus": unconfirmed})).status == 201
    doctor = await at(clinic, "mh-clinician")
    standing = await allergies.of(doctor, p)
    assert (standing.none is not None, standing.asked) == (True, False)
    made = await origin.makers(doctor, [a.ref for a in standing.found])
    await doctor.write(allergies.none_known(doctor, p, standing, program=MH, made=made))
    again = await allergies.of(doctor, p)
    assert ([a.id for a in again.found], again.asked) == ([a.id for a in standing.found], True), "asked, it is confirmed and not said twice"
