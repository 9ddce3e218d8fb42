"""`sojourn import`: everything arrives or is refused with its reason, again and again without harm."""

from __future__ import annotations

import argparse
import gzip
import io
import json
import os
import signal
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from sojourn.base.settings import Settings
from sojourn.cli import import_, sources
from sojourn.record.database import Dsn
from tests.conftest import run_apart
from tests.fhir.test_validate_corpora import DEFECTIVE_EXAMPLES
from tests.people import make_organizations, observation, patient
from tests.shared import SHARED, needs_shared

Run = Callable[..., int]


@pytest.fixture
def run(database: Dsn, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command on a database with two organizations."""

    async def prepare() -> None:
        owner = await asyncpg.connect(database.owner)
        await make_organizations(owner)
        await owner.close()

    async def ensured(_settings: Settings) -> Dsn:
        return database

    run_apart(prepare())
    monkeypatch.setenv("SOJOURN_DATA", str(folder))
    monkeypatch.setattr(import_, "ensure_database", ensured)

    def run(*words: str, tenant: str = "a") -> int:
        parser = argparse.ArgumentParser()
        import_.arguments(parser)
        return import_.run(parser.parse_args([*(["--tenant", tenant] if tenant else []), *words]))

    return run


def rows(dsn: Dsn, query: str, *args: Any) -> list[Any]:
    """What is in the record."""

    async def go() -> list[Any]:
        owner = await asyncpg.connect(dsn.owner)
        try:
            return list(await owner.fetch(query, *args))
        finally:
            await owner.close()

    return run_apart(go())


def refused(folder: Path) -> list[dict[str, Any]]:
    """What the lists say."""
    return [json.loads(line) for path in sorted((folder / "imports").glob("refused-*")) for line in path.read_text().splitlines()]


def test_every_form_of_file_is_read(run: Run, database: Dsn, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    person = {**patient(), "id": "p1"}
    (folder / "one.json").write_text(json.dumps(person, indent=2))
    heart = {**observation("p1"), "id": "o1"}
    (folder / "lines.ndjson.gz").write_bytes(gzip.compress(b"\n".join(json.dumps({**heart, "id": f"o{n}"}).encode() for n in range(3)) + b"\n\n"))
    for kind in ("collection", "transaction", "searchset", "batch"):
        entry = {"fullUrl": f"http://elsewhere.example/Observation/{kind}", "resource": {**heart, "id": kind}}
        (folder / f"{kind}.json").write_text(json.dumps({"resourceType": "Bundle", "id": "b", "type": kind, "entry": [entry, {"search": {"mode": "outcome"}}]}))
    document = {"resourceType": "Bundle", "id": "kept", "type": "collection"}
    (folder / "records.ndjson").write_text(json.dumps(document) + "\n" + json.dumps({**document, "id": "too"}) + "\n")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps({**person, "id": "p2"}).encode())))
    assert run("--program", "mh", *(str(p) for p in sorted(folder.glob("*.*json*"))), "-") == 0
    found = {(r["type"], r["id"]) for r in rows(database, "SELECT type, id FROM record.resource")}
    assert found == {("Patient", "p1"), ("Patient", "p2"), *(("Observation", i) for i in ("o0", "o1", "o2", "collection", "transaction", "searchset", "batch")), ("Bundle", "kept"), ("Bundle", "too")}
    assert {tuple(r["origin"]) for r in rows(database, "SELECT origin FROM record.resource WHERE type = 'Observation'")} == {(2,)}


def test_what_an_export_lists_as_deleted_is_deleted_after_what_it_brings(run: Run, database: Dsn, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "Patient.1.ndjson").write_text("".join(json.dumps({"resourceType": "Patient", "id": f"p{n}"}) + "\n" for n in range(3)))
    gone = [{"resourceType": "Bundle", "type": "transaction", "entry": [{"request": {"method": "DELETE", "url": name}}]} for name in ("Patient/p1", "Patient/never")]
    (folder / "deleted.1.ndjson").write_text("".join(json.dumps(line) + "\n" for line in gone))
    manifest = {"transactionTime": "2026-03-01T08:00:00Z", "deleted": [{"type": "Bundle", "url": "https://there.example/x/deleted.1.ndjson"}], "output": [{"type": "Patient", "url": "https://there.example/x/Patient.1.ndjson"}]}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert run("--program", "mh", str(folder / "manifest.json")) == 0
    assert "Written 3, there already 1, refused 0, deleted 1." in capsys.readouterr().err
    assert [r["id"] for r in rows(database, "SELECT id FROM record.resource WHERE type = 'Patient' ORDER BY id")] == ["p0", "p2"]


def test_links_between_entries_and_by_condition_become_references(run: Run, database: Dsn, folder: Path) -> None:
    doctor = {"resourceType": "Practitioner", "id": "d1", "identifier": [{"system": "urn:npi", "value": "7"}]}
    (folder / "a-practitioners.json").write_text(json.dumps(doctor))
    urn = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"
    heart = observation("x", subject={"reference": urn}, performer=[{"reference": "Practitioner?identifier=urn:npi|7"}])
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [{"fullUrl": f"{urn[:-1]}1", "resource": heart}, {"fullUrl": urn, "resource": patient()}]}
    (folder / "b.json").write_text(json.dumps(bundle))
    words = ("--program", "mh", str(folder / "b.json"), str(folder / "a-practitioners.json"))
    assert run(*words) == 0
    (made,) = rows(database, "SELECT body FROM record.resource WHERE type = 'Observation'")
    (person,) = rows(database, "SELECT id FROM record.resource WHERE type = 'Patient'")
    assert json.loads(made["body"])["subject"]["reference"] == f"Patient/{person['id']}"
    assert json.loads(made["body"])["performer"][0]["reference"] == "Practitioner/d1"
    assert run(*words) == 0
    assert len(rows(database, "SELECT 1 FROM record.version")) == 3, "the same again changes nothing"


def test_what_is_refused_is_listed_with_place_and_reason(run: Run, database: Dsn, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = {**patient(), "id": "good"}
    lines = [json.dumps(good), "{ this is not json", json.dumps({**patient(gender="purple"), "id": "bad"}), json.dumps(patient()), json.dumps([1]), json.dumps({**patient(), "id": "also"})]
    (folder / "x.ndjson").write_text("\n".join(lines))
    assert run("--program", "mh", str(folder / "x.ndjson")) == 1
    assert {r["id"] for r in rows(database, "SELECT id FROM record.resource")} == {"good", "also"}
    told = {r["place"].rpartition(":")[2]: r for r in refused(folder)}
    assert told.keys() == {"2", "3", "4", "5"}
    assert "JSON" in told["2"]["issues"][0]["diagnostics"]
    assert told["3"]["issues"][0]["expression"] == "Patient.gender"
    assert told["4"]["issues"][0]["expression"] == "Patient.id"
    assert "purple" not in json.dumps(told["3"])
    said = capsys.readouterr().err
    assert "Written 2, there already 0, refused 4." in said
    assert "refused-" in said
    assert (next((folder / "imports").glob("refused-*")).stat().st_mode & 0o777) == 0o600


def test_patient_data_needs_a_program_and_directories_do_not(run: Run, database: Dsn, folder: Path) -> None:
    (folder / "x.ndjson").write_text(json.dumps({"resourceType": "Organization", "id": "o", "name": "x"}) + "\n" + json.dumps({**patient(), "id": "p"}))
    assert run(str(folder / "x.ndjson")) == 1
    assert [r["type"] for r in rows(database, "SELECT type FROM record.resource")] == ["Organization"]
    assert "program" in refused(folder)[0]["issues"][0]["diagnostics"]


def test_an_import_that_cannot_begin_says_what_to_do(run: Run, folder: Path) -> None:
    (folder / "x.json").write_text(json.dumps({**patient(), "id": "p"}))
    for words, tenant, said in (((), "", "--tenant"), ((), "zz", "there are: a, b"), (("--program", "zz"), "a", "mh, sud")):
        with pytest.raises(import_.ImportRefused, match=said):
            run(*words, str(folder / "x.json"), tenant=tenant)


def test_a_stopped_import_goes_on_where_it_was(run: Run, database: Dsn, folder: Path) -> None:
    count = 1200
    file = folder / "many.ndjson"
    file.write_text("\n".join(json.dumps({**patient(), "id": f"p{n}"}) for n in range(count)))

    def stop() -> None:
        while not list((folder / "imports").glob("*.json")):
            time.sleep(0.005)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=stop)
    thread.start()
    status = run("--program", "mh", str(file))
    thread.join()
    assert status == 130
    there = len(rows(database, "SELECT 1 FROM record.resource"))
    assert 0 < there < count
    (state,) = (folder / "imports").glob("*.json")
    assert 0 < json.loads(state.read_text())["done"] <= there
    assert run("--program", "mh", str(file)) == 0
    assert len(rows(database, "SELECT 1 FROM record.version")) == count, "every resource was written once"
    assert not state.exists()
    assert run("--program", "mh", str(file)) == 0
    assert len(rows(database, "SELECT 1 FROM record.version")) == count


@needs_shared
@pytest.mark.slow
def test_synthea_and_the_official_examples_arrive_without_loss(run: Run, database: Dsn, folder: Path) -> None:
    assert SHARED is not None
    synthea = [str(p) for p in sorted((SHARED / "samples/fhir/synthea/transaction-bundles").glob("*.gz"))]
    assert run("--program", "mh", *synthea) == 0
    assert refused(folder) == []
    wanted = {(r["resourceType"], r["id"]) for name in synthea for _, r in sources.Source(name).skip(0)}
    assert {(r["type"], r["id"]) for r in rows(database, "SELECT type, id FROM record.resource")} == wanted
    dangling = rows(database, "SELECT DISTINCT target FROM record.edge e WHERE target LIKE '%?%' OR NOT EXISTS (SELECT FROM record.resource r WHERE r.tenant = e.tenant AND r.type || '/' || r.id = e.target)")
    assert [r["target"] for r in dangling if "/" in r["target"] and ":" not in r["target"]] == [], "every reference leads somewhere"
    assert run("--program", "sud", str(SHARED / "samples/fhir/r4-examples/r4-examples-4.0.1.ndjson.gz")) == 1
    assert {f"{r['resourceType']}/{r['id']}" for r in refused(folder)} == set(DEFECTIVE_EXAMPLES)


def test_ndjson_is_read_line_by_line_in_little_memory(tmp_path: Path) -> None:
    line = json.dumps({"resourceType": "Basic", "id": "a", "code": {"text": "x" * 5000}}).encode() + b"\n"
    for name, opened in (("large.ndjson", open), ("large.ndjson.gz", gzip.open)):
        path = tmp_path / name
        with opened(path, "wb") as file:
            for _ in range(6000):  # 30 MB
                file.write(line)
        tracemalloc.start()
        source = sources.Source(str(path))
        assert source.total() == 6000
        assert sum(1 for _ in source.skip(1000)) == 5000
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ('{"resourceType":"Basic","id":"a"}', ["F"]),
        ('\n{\n"resourceType":"Basic","id":"a"}\n', ["F"]),
        ('{"resourceType":"Basic","id":"a"}\n\n{"resourceType":"Basic","id":"b"}\n', ["F:1", "F:3"]),
        ('{"resourceType":"Basic","id"\n{"resourceType":"Basic","id":"b"}\n{"resourceType":"Basic","id":"c"}', ["F:1", "F:2", "F:3"]),
        ('{"no\n{"no\n', ["F:1", "F:2"]),
        ("{", ["F:1"]),
        ("", []),
    ],
)
def test_what_a_file_is_follows_from_its_first_lines(tmp_path: Path, text: str, places: list[str]) -> None:
    path = tmp_path / "file"
    path.write_text(text)
    assert [place.replace(str(path), "F") for place, _ in sources.Source(str(path)).skip(0)] == places


def test_one_value_that_is_too_large_is_refused_with_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "WHOLE", 1000)
    for text in ("[" + '"x",\n' * 1000, '{"a":"' + "x" * 2000):
        path = tmp_path / "bundle.json"
        path.write_text(text)
        with pytest.raises(sources.TooLarge, match="NDJSON"):
            list(sources.Source(str(path)).skip(0))
