"""What somebody outside asks for: what they read, what is in the log and what may leave are equal.

A few records in CI, a thousand by each door in `make test-slow`: a release of information on paper, reads and searches of an application, a bulk export, documents found and fetched
(IHE MHD ITI-67 and ITI-68), and what a CDS service is asked with. What may leave is said once more, simply, from how a chart was made.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from sojourn.base import crypto, errors
from sojourn.care.papers import reading, sandbox
from sojourn.care.release import answering, requests
from sojourn.care.release.requests import Asked
from sojourn.gate import disclosing
from sojourn.gate.exchange import consulting
from sojourn.gate.exchange.cds import Calling
from sojourn.gate.exchange.partners import Partner
from sojourn.record.database import Dsn
from sojourn.wire.cdshooks import Described
from tests.care.agreeing import leaving, named, read_back, standing, taken_back
from tests.care.test_doors_agree import charts, tick
from tests.care.test_handoff import at
from tests.care.test_handoff_agrees import SECRET, Chart, chart, elements, logged
from tests.doors.api.test_bulk import download, kick_off, path_of
from tests.effort import RECORDS, SEED
from tests.exports import make_exports
from tests.people import Clinic

TYPES = ("Observation", "Condition", "AllergyIntolerance", "MedicationRequest", "Encounter", "DocumentReference", "Goal")
MARKS = {"NORDSCLCD", "RedisclosureProhibitionMark", "PERSISTLABEL"}


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    async with standing(database) as made:
        yield made


def allowed(made: Chart) -> set[str] | None:
    """What may leave to whom nobody referred the client: what a consent in force opens, and nothing else; None where it has limits."""
    if made.way in ("types", "days"):
        return None
    return {made.patient, *(m.id for m in made.made if not m.law)} if made.way in ("named", "taken back at the last moment") else set()


def checked(made: Chart, got: set[str], note: str) -> None:
    """Nothing more and nothing less than may leave."""
    wanted = allowed(made)
    names = {name.partition("/")[2] for name in got}
    mine = {made.patient, *(m.id for m in made.made)}
    assert wanted is None or names & mine == wanted, f"{note}, {made.way}"


def bare(resource: dict[str, Any]) -> set[tuple[str, str]]:
    """Its elements, without the notice that goes with a single one."""
    meta = {k: v for k, v in (resource.get("meta") or {}).items() if k != "extension"}
    return elements({**resource, "meta": meta})


def listed(resource: dict[str, Any]) -> set[tuple[str, str]]:
    """Its elements as a search has them: of a document what it is, and not what is in it (IHE MHD ITI-67)."""
    return {e for e in bare(resource) if resource["resourceType"] != "DocumentReference" or not e[0].startswith((".content", ".masterIdentifier", ".securityLabel"))}


def parsed(body: bytes) -> Any:
    return json.loads(body, parse_float=Decimal)


async def unhidden(clinic: Clinic, made: Chart, got: dict[str, dict[str, Any]]) -> int:
    """Each is what stands in the chart, but for elements with a label of their own and what nobody outside gets; how many elements were compared."""
    compared = 0
    parts = {f"{m.type}/{m.id}" for m in made.made if m.part}
    for name, one in got.items():
        stored = parsed((await clinic.get("sys-mh", name)).body)
        for hidden in ("text",):
            stored.pop(hidden, None)
        kept = {e for e in bare(stored) if not (name in parts and e[0].startswith(".component"))}
        assert {e for e in bare(one) if not (name in parts and e[0].startswith(".component"))} == kept, f"{name}, {made.way}"
        assert not (name in parts and any(SECRET in text for _, text in bare(one)))
        compared += len(bare(one))
    return compared


async def test_releases_of_information(clinic: Clinic) -> None:
    """What was looked at, the PDF in the log, and what can be read on its pages."""
    random = Random(f"releases{SEED}")
    receiver, other = [(await clinic.make("sys-mh", {"resourceType": "Organization", "name": n})).id for n in ("Lakeside Primary Care", "Hill Hospital")]
    records = lines = packets = stopped = 0
    while records < RECORDS:
        made = await chart(clinic, random, receiver, other)
        access = await at(clinic)
        id_ = await requests.take(access, made.patient, Asked("authorization", "Lakeside", "2026-02-20", f"Organization/{receiver}", purpose="TREAT", due="2026-03-20"))
        await requests.amend(access, await requests.one(access, id_), identity="id")
        access = await at(clinic)
        request = await requests.one(access, id_)
        found = await requests.preview(access, request)
        shown = leaving(found)
        checked(made, set(shown), "release")
        seen = answering.digest(found, request.marks)
        last = made.way == "taken back at the last moment"
        if last:
            await taken_back(clinic, made)
        before = await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure")
        if last or not shown:
            with pytest.raises((errors.Conflict, errors.Malformed)):
                await answering.release(await at(clinic), request, seen)
            assert await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure") == before
            stopped += 1
            continue
        looked = await answering.looked_at(access, request)
        row, content = await logged(clinic, await answering.release(access, request, seen))
        assert content == looked == disclosing.payload(access, row)
        assert named(row["what"]) == shown.keys()
        texts = await sandbox.texts(content, reading.PDF)
        assert SECRET not in "".join(texts)
        lines += read_back(texts, {k: v for k, v in shown.items() if not k.startswith("ServiceRequest/")}, len(row["consents"]) if row["notice"] else 0, f"release, {made.way}")
        records += len(shown)
        packets += 1
    print(f"releases: {records} records on {packets} packets, {stopped} stopped, {lines} lines compared")
    assert packets


async def test_reads_and_searches(clinic: Clinic) -> None:
    """What an application finds, what it reads one by one, and the bytes in the log."""
    random = Random(f"reads{SEED}")
    records = answers = compared = 0
    while records < RECORDS:
        made = await chart(clinic, random, "tpo", "stranger")
        replies = [await clinic.get("tpo", f"Patient/{made.patient}"), *[await clinic.get("tpo", f"{t}?patient={made.patient}") for t in TYPES]]
        if made.way == "none":
            assert replies[0].status == 404
        got = {f"{r['resourceType']}/{r['id']}": r for reply in replies if reply.status == 200 for r in ([parsed(reply.body)] if parsed(reply.body)["resourceType"] != "Bundle" else [e["resource"] for e in parsed(reply.body).get("entry", ())])
               if r["resourceType"] not in ("OperationOutcome", "Consent")}  # fmt: skip
        checked(made, set(got), "reads")
        singly = {name: await clinic.get("tpo", name) for name in got}
        for name, reply in singly.items():
            alone = parsed(reply.body)
            assert listed(alone) == listed(got[name]), name
            got[name] = alone
        compared += await unhidden(clinic, made, got)
        logged = {r["digest"]: r for r in await clinic.owner.fetch("SELECT * FROM record.disclosure WHERE channel = 'fhir' AND disclosure IN (SELECT disclosure FROM record.disclosure_patient WHERE patient = $1)", made.patient)}
        access = await at(clinic)
        for reply in (*replies, *singly.values()):
            body = parsed(reply.body)
            mine = [r for r in ([body] if body["resourceType"] != "Bundle" else [e["resource"] for e in body.get("entry", ())]) if f"{r['resourceType']}/{r.get('id')}" in got]
            if mine:
                row = logged[crypto.sha256_hex(reply.body)]
                assert disclosing.payload(access, row) == reply.body
                assert named(row["what"]) == {f"{r['resourceType']}/{r['id']}" for r in mine}
                sud = [r for r in mine if any(c["code"] == "42CFRPart2" for c in r["meta"]["security"])]
                assert bool(row["notice"]) == bool(sud)
                assert all({c["code"] for c in r["meta"]["security"]} >= MARKS for r in sud)
                answers += 1
        records += len(got)
    print(f"reads: {records} records in {answers} answers, {compared} elements compared")
    assert compared


async def test_bulk_exports(clinic: Clinic) -> None:
    """The lines of the files, the log, and what the same application reads."""
    made = await charts(clinic, Random(f"bulk{SEED}"), "tpo", RECORDS)
    place = await kick_off(clinic, "tpo")
    await make_exports(clinic)
    got: dict[str, dict[str, Any]] = {}
    raw: dict[str, bytes] = {}
    for file in (await clinic.get("tpo", place)).json()["output"]:
        body = (await download(clinic, "tpo", path_of(file["url"]))).body
        lines = body.splitlines()
        assert (len(lines), SECRET.encode() in body) == (file["count"], False)
        for line in lines:
            resource = parsed(line)
            name = f"{resource['resourceType']}/{resource['id']}"
            got[name], raw[name] = resource, line + b"\n"
    rows = await clinic.owner.fetch("SELECT * FROM record.disclosure WHERE channel = 'bulk'")
    logged = [w for r in rows for w in r["what"]]
    assert named(logged) == got.keys()
    assert len(logged) == len(set(logged)), "each version once"
    for row in rows:  # of each client's lines of a file the log has digest and size
        taken = b"".join(raw["/".join(w.split("/")[:2])] for w in row["what"])
        assert (row["digest"], row["size"]) == (crypto.sha256_hex(taken), len(taken)), "what the log holds is what was taken"
    compared = 0
    for one in made:
        mine = {name for name in got if name.partition("/")[2] in {one.patient, *(m.id for m in one.made)}}
        checked(one, mine, "bulk")
        compared += await unhidden(clinic, one, {name: got[name] for name in mine})
    for name, resource in got.items():
        assert bare(parsed((await clinic.get("tpo", name)).body)) == bare(resource), name
    print(f"bulk: {sum(len(c.made) for c in made)} records, {len(got)} taken, {compared} elements compared")
    assert compared


async def test_documents_found_and_fetched(clinic: Clinic) -> None:
    """Each document that may leave is found, fetched byte for byte, and both are in the log."""
    random = Random(f"documents found{SEED}")
    records = found = fetched = 0
    while records < RECORDS or not fetched:
        made = await chart(clinic, random, "tpo", "stranger")
        records += len(made.made)
        reply = await clinic.get("tpo", f"DocumentReference?patient={made.patient}&status=current")
        entries = [r for r in reply.entries if r["resourceType"] == "DocumentReference"]
        wanted = allowed(made)
        documents = {m.id for m in made.made if m.type == "DocumentReference"}
        assert wanted is None or {r["id"] for r in entries} == wanted & documents, made.way
        access = await at(clinic)
        for one in entries:
            found += 1
            (content,) = one["content"]
            got = await clinic.get("tpo", path_of(content["attachment"]["url"]))
            stored = (await clinic.get("sys-mh", f"DocumentReference/{one['id']}")).json()
            assert got.body == base64.b64decode(stored["content"][0]["attachment"]["data"])
            assert (content["attachment"]["size"], got.header("content-type")) == (len(got.body), content["attachment"]["contentType"])
            sud = next(m.sud for m in made.made if m.id == one["id"])
            assert bool(got.header("x-disclosure-notice")) == sud
            rows = await clinic.owner.fetch("SELECT * FROM record.disclosure WHERE channel = 'fhir' AND $1 = ANY(SELECT split_part(w, '/', 2) FROM unnest(what) w)", one["id"])
            kept = [disclosing.payload(access, r) for r in rows]
            assert reply.body in kept
            assert got.body in kept or any(got.body in k or base64.b64encode(got.body) in k for k in kept if k != reply.body), "what was fetched is in the log"
            fetched += 1
        tick()
    print(f"documents: {records} records, {found} documents found, {fetched} fetched byte for byte")
    assert fetched


async def test_cards(clinic: Clinic) -> None:
    """What a CDS service is asked with, by the templates of its prefetch: what the partner would read themselves, and the log."""
    random = Random(f"cards{SEED}")
    service = Described("s", "patient-view", "Advice", "Looks.", {t: f"{t}?patient={{{{context.patientId}}}}" for t in TYPES})
    partner = Partner("advice", "Advice Ltd", door="cds", organization="Organization/tpo")
    await clinic.ask("sys-none", "POST", "$import", b'{"resourceType":"Organization","id":"tpo","name":"Advice Ltd"}', (("content-type", "application/fhir+ndjson"),))
    records = calls = nobody = compared = 0
    while records < RECORDS:
        made = await chart(clinic, random, "tpo", "stranger")
        found = await consulting.question(await at(clinic), partner, Calling(), service, made.patient)
        if found is None:
            assert not allowed(made), made.way
            nobody += 1
            continue
        await consulting.leaves(found)
        row = await clinic.owner.fetchrow("SELECT * FROM record.disclosure WHERE channel = 'cds-hooks' AND digest = $1", crypto.sha256_hex(found.body))
        assert row is not None
        assert disclosing.payload(await at(clinic), row) == found.body
        call = parsed(found.body)
        got = {f"{r['resourceType']}/{r['id']}": r for b in call["prefetch"].values() for e in b.get("entry", ()) for r in [e["resource"]] if r["resourceType"] in TYPES}
        checked(made, {*got, f"Patient/{made.patient}"}, "cards")
        assert named(row["what"]) == {*got, f"Patient/{made.patient}"}, "that they are known here is told too"
        assert SECRET.encode() not in found.body
        compared += await unhidden(clinic, made, got)
        for name, one in got.items():
            assert bare(one) == bare(parsed((await clinic.get("tpo", name)).body)), name
        records += len(got)
        calls += 1
    print(f"cards: {records} records in {calls} calls, {nobody} clients not asked about, {compared} elements compared")
    assert calls
