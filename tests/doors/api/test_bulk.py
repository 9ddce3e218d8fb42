"""Bulk exports at the door: kick-off, progress, manifest, files, ranges, cancelling, expiry; and who gets what."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.gate.bulk import running, walking
from sojourn.gate.bulk.running import Exporting
from sojourn.record import bulk
from sojourn.record.database import Dsn
from tests import people
from tests.exports import make_exports
from tests.people import START, Clinic, Reply, consent, encounter, labelled, observation, patient

ASYNC = (("prefer", "respond-async"),)


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """On a clock that stands still."""
    with clock.using(FakeClock(START)):
        made = await people.open_clinic(database)
        yield made
        await people.close_clinic(made)


def tick(seconds: float = 1) -> None:
    """Time goes by."""
    now = clock._clock
    assert isinstance(now, FakeClock)
    now.advance(timedelta(seconds=seconds))


def path_of(address: str) -> str:
    """An address as the door's tests ask for it."""
    return address.removeprefix(people.BASE + "/")


async def kick_off(clinic: Clinic, who: str, url: str = "$export", body: Any = None, *headers: tuple[str, str]) -> str:
    """Begin an export; its status address."""
    reply = await clinic.ask(who, "POST" if body else "GET", url, body, (*ASYNC, *headers))
    assert reply.status == 202, reply.body
    return path_of(reply.header("content-location"))


async def exported(clinic: Clinic, who: str, url: str = "$export", body: Any = None, *headers: tuple[str, str]) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """An export from the first to the last request: its manifest, and the lines of its files by type, the deleted as `deleted`."""
    place = await kick_off(clinic, who, url, body, *headers)
    await make_exports(clinic)
    manifest = (await clinic.get(who, place)).json()
    found: dict[str, list[Any]] = {}
    for part in ("output", "deleted"):
        for file in manifest[part]:
            lines = (await download(clinic, who, file["url"])).body.splitlines()
            assert len(lines) == file["count"]
            found.setdefault("deleted" if part == "deleted" else file["type"], []).extend(json.loads(line) for line in lines)
    return manifest, found


async def download(clinic: Clinic, who: str, url: str, *headers: tuple[str, str]) -> Reply:
    """A file."""
    return await clinic.get(who, path_of(url), ("accept", "application/fhir+ndjson"), *headers)


def ids(resources: list[Any]) -> set[str]:
    """Their ids."""
    return {r["id"] for r in resources}


async def test_an_export_from_kick_off_to_the_last_line(clinic: Clinic) -> None:
    people_ = [(await clinic.make("sys-mh", patient(f"Rivera{n}"))).id for n in range(3)]
    seen = {(await clinic.make("sys-mh", observation(p, n))).id for p in people_ for n in range(4)}
    place = await kick_off(clinic, "sys-mh")
    waiting = await clinic.get("sys-mh", place)
    assert (waiting.status, waiting.header("retry-after"), waiting.body) == (202, "1", b"")
    assert waiting.header("x-progress").endswith("0 lines so far")
    await make_exports(clinic)
    done = await clinic.get("sys-mh", place)
    manifest = done.json()
    assert done.status == 200
    assert done.header("content-type") == "application/json"
    assert done.header("expires") == "Mon, 02 Mar 2026 08:00:00 GMT"
    assert manifest["requiresAccessToken"] is True
    assert manifest["request"] == people.BASE + "/$export"
    assert manifest["transactionTime"].startswith("2026-03-01T08:00:00")
    assert (manifest["error"], manifest["deleted"]) == ([], [])
    by_type = {f["type"]: f for f in manifest["output"]}
    assert by_type["Patient"]["count"] == 3
    got = await download(clinic, "sys-mh", by_type["Observation"]["url"])
    assert got.header("content-type") == "application/fhir+ndjson"
    lines = [json.loads(line) for line in got.body.splitlines()]
    assert ids(lines) == seen
    one = lines[0]
    assert one == (await clinic.get("sys-mh", f"Observation/{one['id']}")).json()  # as it is read


async def test_what_is_withheld_is_in_no_line_count_name_or_size(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    mine = {(await clinic.make("sys-mh", observation(p, n))).id for n in range(3)}
    await clinic.make("sys-sud", observation(p))
    await clinic.make("sys-sud", patient("Hidden"))
    half = (await clinic.make("sys-far", {**observation(p), "note": [labelled({"text": "craving"}, "SUD")]})).id
    await clinic.make("sys-mh", encounter(p))
    manifest, got = await exported(clinic, "mh-service")
    assert ids(got["Observation"]) == mine | {half}
    assert ids(got["Patient"]) == {p}
    for line in got["Observation"]:
        assert line == (await clinic.get("mh-service", f"Observation/{line['id']}")).json()
    assert "craving" not in json.dumps(got)
    assert {f["type"]: f["count"] for f in manifest["output"]} == {"Observation": 4, "Patient": 1, "Encounter": 1}
    _, again = await exported(clinic, "mh-service")  # now from forms that were kept
    assert again == got


async def test_every_line_is_what_a_read_shows_for_every_caller(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    made = (await clinic.make("sys-mh", {**observation(p, 1), "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">told</div>'}})).json()
    tick()
    await clinic.put("sys-mh", {**made, "note": [labelled({"text": "craving"}, "SUD")]})
    hidden = (await clinic.make("sys-sud", encounter(p))).id
    await clinic.make("sys-far", {**observation(p, 2), "encounter": {"reference": f"Encounter/{hidden}"}})
    await clinic.make("sys-sud", consent(p, "tpo"))
    for who in ("sys-mh", "mh-service", "tpo"):
        for _ in range(2):
            _, got = await exported(clinic, who)
            for type_, lines in got.items():
                for line in lines:
                    read = (await clinic.get(who, f"{type_}/{line['id']}")).json()
                    for one in (line, read):
                        one["meta"].pop("extension", None)  # what goes with a whole answer
                    assert line == read


async def test_what_says_that_it_stands_is_what_a_redacted_caller_sees(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    plain = (await clinic.make("sys-mh", observation(p, 1))).id
    await clinic.make("sys-mh", {**observation(p, 2), "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">told</div>'}})
    await clinic.make("sys-mh", {**encounter(p), "subject": {"reference": f"Patient/{p}", "display": "Ana"}})
    key = bulk.stands(clinic.gate.house.keys[1])
    rows = await clinic.owner.fetch("SELECT type, id, body FROM record.resource WHERE $1 = ANY (tokens) AND patient IS NOT NULL", key)
    assert {(r["type"], r["id"]) for r in rows} == {("Patient", p), ("Observation", plain)}
    assert walking._forms([r["body"] for r in rows]) == [None, None]
    _, got = await exported(clinic, "mh-service")
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.plain_form") == 2, "forms are kept of the other two only"
    assert "Ana" not in json.dumps(got["Encounter"])
    assert "told" not in json.dumps(got["Observation"])
    await clinic.put("sys-mh", {**observation(p, 3), "id": plain})  # changed: what was said of it is not said of what it is now
    assert not await clinic.owner.fetchval("SELECT $1 = ANY (tokens) FROM record.resource WHERE id = $2", key, plain)


async def test_levels_types_filters_elements_since_and_deleted(clinic: Clinic) -> None:
    one, two = [(await clinic.make("sys-mh", patient(name))).id for name in ("One", "Two")]
    kept = (await clinic.make("sys-mh", observation(one, 1))).id
    other = (await clinic.make("sys-mh", observation(two, 2, status="preliminary"))).id
    group = (await clinic.make("sys-none", {"resourceType": "Group", "type": "person", "actual": True, "member": [{"entity": {"reference": f"Patient/{one}"}}]})).id
    _, got = await exported(clinic, "sys-mh", f"Group/{group}/$export?_type=Patient,Observation")
    assert (ids(got["Patient"]), ids(got["Observation"])) == ({one}, {kept})
    body = {"resourceType": "Parameters", "parameter": [{"name": "patient", "valueReference": {"reference": f"Patient/{two}"}}, {"name": "_type", "valueString": "Observation"}]}
    _, got = await exported(clinic, "sys-mh", "Patient/$export", body)
    assert ids(got["Observation"]) == {other}
    _, got = await exported(clinic, "sys-mh", "Patient/$export?_type=Observation&_typeFilter=Observation%3Fstatus%3Dfinal&_elements=subject")
    assert ids(got["Observation"]) == {kept}
    assert set(got["Observation"][0]) == {"resourceType", "id", "meta", "status", "code", "subject"}
    tick()
    await clinic.ask("sys-mh", "DELETE", f"Observation/{other}")
    tick()
    _, got = await exported(clinic, "sys-mh", "$export?_since=2026-03-01T08:00:00.5Z")
    assert [b["entry"][0]["request"] for b in got.pop("deleted")] == [{"method": "DELETE", "url": f"Observation/{other}"}]
    assert got == {}


async def test_downloads_go_on_where_they_stopped_as_long_as_the_file_is_what_it_was(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "ROWS", 2)
    monkeypatch.setattr(running, "LINES", 5)
    p = (await clinic.make("sys-mh", patient())).id
    made = [(await clinic.make("sys-mh", observation(p, n))).id for n in range(12)]
    place = await kick_off(clinic, "sys-mh", "$export?_type=Observation")
    await make_exports(clinic)
    files = (await clinic.get("sys-mh", place)).json()["output"]
    assert [(f["url"].rpartition("/")[2], f["count"]) for f in files] == [("Observation.1.ndjson", 5), ("Observation.2.ndjson", 5), ("Observation.3.ndjson", 2)]
    whole = await download(clinic, "sys-mh", files[0]["url"])
    for start in (0, 1, 700, len(whole.body) - 1):
        rest = await download(clinic, "sys-mh", files[0]["url"], ("range", f"bytes={start}-"), ("if-range", whole.header("etag")))
        assert (rest.status, rest.body) == (206, whole.body[start:])
        assert rest.header("content-range") == f"bytes {start}-{len(whole.body) - 1}/{len(whole.body)}"
    middle = await download(clinic, "sys-mh", files[0]["url"], ("range", "bytes=10-99"))
    assert middle.body == whole.body[10:100]
    assert (await download(clinic, "sys-mh", files[0]["url"], ("range", f"bytes={len(whole.body)}-"))).status == 416
    packed = await download(clinic, "sys-mh", files[0]["url"], ("accept-encoding", "gzip"))
    assert gzip.decompress(packed.body) == whole.body
    tick()
    await clinic.ask("sys-mh", "DELETE", f"Observation/{made[0]}")
    fresh = await download(clinic, "sys-mh", files[0]["url"])
    assert made[0].encode() not in fresh.body
    stale = await download(clinic, "sys-mh", files[0]["url"], ("range", "bytes=10-"), ("if-range", whole.header("etag")))
    assert (stale.status, stale.body) == (200, fresh.body)
    assert (await download(clinic, "sys-mh", files[0]["url"], ("range", "bytes=10-"))).status == 200  # it cannot say of which state it has something


async def test_a_revoked_consent_acts_on_files_that_are_not_downloaded_yet(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-sud", encounter(p))
    await clinic.make("sys-sud", observation(p))
    given = (await clinic.make("sys-sud", consent(p, "tpo"))).json()
    place = await kick_off(clinic, "tpo")
    await make_exports(clinic)
    files = {f["type"]: f for f in (await clinic.get("tpo", place)).json()["output"]}
    assert files["Observation"]["count"] == 1
    before = await download(clinic, "tpo", files["Observation"]["url"])
    assert b"RedisclosureProhibitionMark" in before.body
    tick()
    await clinic.put("sys-sud", {**given, "status": "inactive"})
    assert (await download(clinic, "tpo", files["Observation"]["url"])).body == b""
    assert (await clinic.get("tpo", files["Observation"]["url"].removeprefix(people.BASE + "/"))).status == 404
    assert all(f["type"] != "Observation" for f in (await clinic.get("tpo", place)).json()["output"])


async def test_a_consent_that_ends_by_the_clock_acts_on_files_that_are_not_downloaded_yet(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-sud", observation(p))
    await clinic.make("sys-sud", consent(p, "tpo", provision={"period": {"start": "2026-01-01", "end": "2026-03-01T09:00:00Z"}}))
    place = await kick_off(clinic, "tpo", "$export?_type=Observation")
    await make_exports(clinic)
    (file,) = (await clinic.get("tpo", place)).json()["output"]
    assert (await download(clinic, "tpo", file["url"])).body.count(b"\n") == 1
    tick(3 * 3600)
    assert (await download(clinic, "tpo", file["url"])).body == b""


async def test_exports_are_seen_and_ended_by_who_asked_and_are_over_in_time(clinic: Clinic) -> None:
    await clinic.make("sys-mh", patient())
    place = await kick_off(clinic, "sys-mh", "$export?_type=Patient")
    await make_exports(clinic)
    unknown = await clinic.get("sys-sud", "$bulk/nothing")
    for url in (place, place + "/Patient.1.ndjson"):
        other = await clinic.get("sys-sud", url)
        assert (other.status, other.body) == (404, unknown.body)
    for name in ("Observation.1.ndjson", "Patient.2.ndjson", "Patient.01.ndjson", "Patient.0.ndjson", "Patient.x.ndjson", "Patient.1", "Patient", "1.ndjson"):
        assert (await clinic.get("sys-mh", f"{place}/{name}")).status == 404, name
    assert (await clinic.ask("sys-sud", "DELETE", place)).status == 404
    assert (await clinic.ask("sys-mh", "DELETE", place)).status == 202
    assert (await clinic.get("sys-mh", place)).status == 404
    assert (await clinic.get("sys-mh", place + "/Patient.1.ndjson")).status == 404
    place = await kick_off(clinic, "sys-mh", "$export?_type=Patient")
    await make_exports(clinic)
    tick(24 * 3600)
    assert (await clinic.get("sys-mh", place)).status == 404


async def test_what_is_wrong_with_a_kick_off_is_said(clinic: Clinic) -> None:
    for url in ("$export?_type=Nothing", "$export?_outputFormat=csv", "$export?_since=yesterday", "$export?_strange=1", "$export?_typeFilter=Patient", "$export?_type=Patient&_typeFilter=Observation%3Fstatus%3Dfinal",
                "$export?_elements=a.b.c", "$export?patient=x", "Patient/$export?_type=Questionnaire", "$export?_typeFilter=Patient%3F_sort%3Dname", "Observation/$export"):  # fmt: skip
        reply = await clinic.ask("sys-mh", "GET", url, None, ASYNC)
        assert reply.status == 400, url
        assert reply.json()["issue"][0]["diagnostics"]
    assert (await clinic.ask("sys-mh", "GET", "$export")).status == 400
    assert (await clinic.ask("mh-clinician", "GET", "$export", None, ASYNC)).status == 403
    assert (await clinic.ask("sys-mh", "GET", "Group/nothing/$export", None, ASYNC)).status == 404
    assert (await clinic.ask(None, "GET", "$export", None, ASYNC)).status == 401
    manifest, _ = await exported(clinic, "sys-mh", "$export?_strange=1&_type=Patient", None, ("prefer", "respond-async, handling=lenient"))
    assert len(manifest["error"]) == 1
    assert b"_strange" in (await download(clinic, "sys-mh", manifest["error"][0]["url"])).body
    for _ in range(5):
        await kick_off(clinic, "sys-mh")
    assert (await clinic.ask("sys-mh", "GET", "$export", None, ASYNC)).status == 429


async def test_a_killed_process_loses_nothing_and_doubles_nothing(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "ROWS", 2)
    everybody = {(await clinic.make("sys-mh", patient(f"Rivera{n}"))).id for n in range(9)}
    place = await kick_off(clinic, "sys-mh", "$export?_type=Patient")
    whole, stretches = walking.Walk.part, 0

    async def dying(*args: Any, **more: Any) -> Any:
        nonlocal stretches
        stretches += 1
        if stretches == 3:
            while not await clinic.owner.fetchval("SELECT count(*) FROM record.export_part"):
                pass
            killed.cancel()
            await asyncio.Event().wait()
        return await whole(*args, **more)

    monkeypatch.setattr(walking.Walk, "part", dying)

    async def taken_up() -> None:
        while not await Exporting(clinic.gate).round():  # not while another test still writes
            pass

    killed = asyncio.create_task(taken_up())
    with pytest.raises(asyncio.CancelledError):
        await killed
    monkeypatch.setattr(walking.Walk, "part", whole)
    assert not await Exporting(clinic.gate).round()  # it may still be worked on
    waiting = await clinic.get("sys-mh", place)
    assert waiting.status == 202
    assert " 0 lines" not in waiting.header("x-progress")
    tick(running.LEASE.total_seconds())
    await make_exports(clinic)
    file = (await clinic.get("sys-mh", place)).json()["output"][0]
    lines = [json.loads(line) for line in (await download(clinic, "sys-mh", file["url"])).body.splitlines()]
    assert len(lines) == 9
    assert ids(lines) == everybody


async def test_what_leaves_is_in_the_trail_and_in_the_log_by_patient(clinic: Clinic) -> None:
    p, q = [(await clinic.make("sys-mh", patient(name))).id for name in ("One", "Two")]
    for one in (p, q):
        await clinic.make("sys-sud", encounter(one))
        await clinic.make("sys-sud", observation(one))
        await clinic.make("sys-sud", consent(one, "tpo"))
    place = await kick_off(clinic, "tpo", "$export?_type=Observation,Patient")
    await make_exports(clinic)
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure WHERE channel = 'bulk'") == 0
    for file in (await clinic.get("tpo", place)).json()["output"]:
        got = await download(clinic, "tpo", file["url"])
        started, line = await clinic.trail(got.header("x-request-id"))
        assert (started["action"], started["outcome"], started["shown"]) == ("export", "started", [])
        assert (line["action"], line["type"], line["door"], sorted(line["patients"]), len(line["shown"])) == ("export", file["type"], "api", sorted((p, q)), 2)
    rows = await clinic.owner.fetch("SELECT d.*, x.patient FROM record.disclosure d JOIN record.disclosure_patient x USING (tenant, disclosure) WHERE d.channel = 'bulk' ORDER BY d.what")
    assert len(rows) == 4
    assert all(len(row["what"]) == 1 and row["recipient"] == "Organization/tpo" and row["consents"] and row["size"] for row in rows)
    assert {row["patient"] for row in rows} == {p, q}


NDJSON = (("content-type", "application/fhir+ndjson"),)


async def brought(clinic: Clinic, who: str, body: bytes, *headers: tuple[str, str], url: str = "$import") -> Reply:
    """An import, its body in several pieces."""
    return await clinic.ask(who, "POST", url, body, (*NDJSON, *headers), chunks=7)


def told(reply: Reply) -> dict[str, Any]:
    """What an import says."""
    assert reply.status == 200, reply.body
    return {p["name"]: p.get("valueInteger", p.get("resource")) for p in reply.json()["parameter"]}


async def test_what_one_organization_exports_another_brings_in_once(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    for n in range(5):
        await clinic.make("sys-mh", observation(p, n))
    _, out = await exported(clinic, "sys-mh", "$export?_type=Patient,Observation")
    body = b"\n".join(json.dumps(line).encode() for kind in ("Patient", "Observation") for line in out[kind])
    assert told(await brought(clinic, "other-sys", body)) == {"written": 6, "unchanged": 0, "refused": 0}
    assert told(await brought(clinic, "other-sys", gzip.compress(body), ("content-encoding", "gzip"))) == {"written": 0, "unchanged": 6, "refused": 0}
    tick()
    _, again = await exported(clinic, "other-sys", "$export?_type=Patient,Observation")

    def content(lines: dict[str, list[Any]]) -> list[Any]:
        return sorted(({k: v for k, v in line.items() if k != "meta"} for some in lines.values() for line in some), key=str)

    assert content(again) == content(out)


async def test_what_was_deleted_there_is_deleted_here_where_nobody_else_touched_it(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    theirs = [(await clinic.make("sys-mh", observation(p, n))).id for n in range(4)]
    _, out = await exported(clinic, "sys-mh", "$export?_type=Patient,Observation")
    await brought(clinic, "other-sys", b"\n".join(json.dumps(line).encode() for kind in ("Patient", "Observation") for line in out[kind]))
    since = clock.now().isoformat()
    tick()
    for one in theirs[:3]:
        assert (await clinic.ask("sys-mh", "DELETE", f"Observation/{one}")).status == 204
    _, out = await exported(clinic, "sys-mh", f"$export?_type=Observation&_since={since.replace('+', '%2B')}")
    assert len(out["deleted"]) == 3
    changed = theirs[2]
    mine = (await clinic.get("other-sys", f"Observation/{changed}")).json()
    assert (await clinic.put("other-clinician", {**mine, "status": "amended", "valueQuantity": {**mine["valueQuantity"], "value": 99}})).status == 200
    gone = sorted(out["deleted"], key=lambda b: theirs.index(b["entry"][0]["request"]["url"].partition("/")[2]))
    body = b"\n".join(json.dumps(line).encode() for line in (gone[0], gone[2], {"resourceType": "Bundle", "type": "transaction", "entry": [{"request": {"method": "DELETE", "url": "Observation?patient=x"}}]}))
    said = told(await brought(clinic, "other-sys", body))
    assert {k: said[k] for k in ("written", "unchanged", "refused", "deleted")} == {"written": 0, "unchanged": 0, "refused": 2, "deleted": 1}
    why = {i["diagnostics"].partition(": ")[0]: i["diagnostics"].partition(": ")[2] for i in said["outcome"]["issue"]}
    assert why.keys() == {"Line 2", "Line 3"}
    assert "written or changed by somebody else" in why["Line 2"]
    assert "as Type/id" in why["Line 3"]
    statuses = [(await clinic.get("other-sys", f"Observation/{one}")).status for one in theirs]
    assert statuses == [410, 200, 200, 200], "what somebody here changed stays, and what was not named"
    (line,) = await clinic.owner.fetch("SELECT * FROM record.audit WHERE action = 'delete' AND tenant = 2")
    assert (line["account"], line["query"]) == ("other-sys", f"Observation/{theirs[0]}")
    assert await clinic.owner.fetchval("SELECT query FROM record.audit WHERE action = 'import' AND type = 'Bulk' ORDER BY n DESC LIMIT 1") == "written=0&unchanged=0&refused=2&deleted=1"
    again = told(await brought(clinic, "other-sys", json.dumps(gone[0]).encode()))
    assert again == {"written": 0, "unchanged": 1, "refused": 0}, "what is gone is gone"
    both = json.dumps({"resourceType": "Patient", "id": "late"}).encode() + b"\n" + json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": [{"request": {"method": "DELETE", "url": "Patient/late"}}]}).encode()
    assert told(await brought(clinic, "other-sys", both)) == {"written": 1, "unchanged": 0, "refused": 0, "deleted": 1}, "in their order"


async def test_an_import_deletes_nothing_that_its_account_may_not(clinic: Clinic) -> None:
    def deletes(*names: str) -> bytes:
        return json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": [{"request": {"method": "DELETE", "url": name}} for name in names]}).encode()

    mine = (await clinic.make("mh-clinician", patient())).id
    assert told(await brought(clinic, "sys-mh", deletes(f"Patient/{mine}")))["refused"] == 1, "somebody here wrote it"
    assert told(await brought(clinic, "sys-mh", json.dumps({"resourceType": "Patient", "id": "p1"}).encode(), url="$import?program=sud"))["written"] == 1
    assert told(await brought(clinic, "sys-mh", deletes("Patient/p1"), url="$import?program=mh"))["refused"] == 1, "of another program"
    assert told(await brought(clinic, "sys-none", deletes("Patient/p1"), url="$import?program=sud"))["refused"] == 1, "of another account"
    assert (await clinic.get("sys-mh", "Patient/p1")).status == 200
    assert told(await brought(clinic, "sys-mh", deletes("Patient/p1", "Patient/never"), url="$import?program=sud"))["deleted"] == 1
    assert (await clinic.ask("mh-service", "POST", "$import", deletes(f"Patient/{mine}"), NDJSON)).status == 403


async def test_an_import_says_what_it_refuses_and_keeps_the_rest(clinic: Clinic) -> None:
    lines = [json.dumps({**patient(), "id": "a"}), "{not json", json.dumps({"resourceType": "Patient", "id": "b", "gender": 1}), json.dumps(patient()), "", "7", json.dumps({**patient(), "id": "c"})]
    found = told(await brought(clinic, "sys-mh", "\n".join(lines).encode()))
    assert (found["written"], found["refused"]) == (2, 4)
    assert [i["diagnostics"].partition(":")[0] for i in found["outcome"]["issue"]] == ["Line 2", "Line 3", "Line 4", "Line 6"]
    assert (await clinic.get("sys-mh", "Patient/c")).status == 200


async def test_only_who_sees_everything_brings_in(clinic: Clinic) -> None:
    body = json.dumps({**patient(), "id": "x"}).encode()
    for who in ("mh-service", "mh-clinician", "tpo"):
        assert (await brought(clinic, who, body)).status == 403
    assert (await clinic.ask("sys-mh", "POST", "$import", body)).status == 415
    assert (await brought(clinic, "sys-mh", body, ("content-encoding", "gzip"))).status == 400
    assert (await brought(clinic, "sys-mh", body, url="$import?program=nothing")).status == 400
    assert told(await brought(clinic, "sys-mh", body, url="$import?program=sud"))["written"] == 1
    assert (await clinic.get("mh-clinician", "Patient/x")).status == 404
