"""Where files of an export are cut, and what is in the lines on either side: by lines, by bytes, by deletions, and where forms are made while it is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sojourn.gate.bulk import running, walking
from sojourn.gate.bulk.asking import Wish
from tests.doors.api.test_bulk import clinic, download, exported, ids, kick_off, tick
from tests.exports import make_exports
from tests.people import Clinic, consent, encounter, labelled, observation, patient

__all__ = ["clinic"]


async def files(clinic: Clinic, who: str, url: str, part: str = "output") -> list[bytes]:
    """What each file of an export says."""
    place = await kick_off(clinic, who, url)
    await make_exports(clinic)
    return [(await download(clinic, who, file["url"])).body for file in (await clinic.get(who, place)).json()[part]]


@pytest.mark.parametrize("who", ["sys-mh", "mh-service", "tpo"])
async def test_a_file_ends_with_the_line_that_fills_it(clinic: Clinic, monkeypatch: pytest.MonkeyPatch, who: str) -> None:
    monkeypatch.setattr(running, "BYTES", 1700)
    for name in ("Rivera", "Rivas"):
        p = (await clinic.make("sys-mh", patient(name))).id
        await clinic.make("sys-mh", encounter(p))
        await clinic.make("sys-mh", consent(p, "tpo"))
        for n in range(9):
            await clinic.make("sys-mh", observation(p, n))
    made = await files(clinic, who, "$export?_type=Observation")
    assert len(made) > 2
    assert [len(one) >= 1700 for one in made[:-1]] == [True] * (len(made) - 1)
    assert all(len(one) - len(one.splitlines()[-1]) - 1 < 1700 for one in made)
    assert len({json.loads(line)["id"] for one in made for line in one.splitlines()}) == sum(len(one.splitlines()) for one in made) == 18


@pytest.mark.parametrize("who", ["sys-mh", "mh-service", "tpo"])
async def test_nobody_is_passed_over_however_few_rows_and_people_come_at_once(clinic: Clinic, monkeypatch: pytest.MonkeyPatch, who: str) -> None:
    for name in ("ROWS", "_ROWS", "_PATIENTS", "_FETCHED"):
        monkeypatch.setattr(walking, name, 2)
    made = set()
    for count in (2, 0, 4, 1, 3, 2):
        p = (await clinic.make("sys-mh", patient(f"Rivera{count}"))).id
        await clinic.make("sys-mh", encounter(p))
        await clinic.make("sys-mh", consent(p, "tpo"))
        made |= {(await clinic.make("sys-mh", observation(p, n))).id for n in range(count)}
    lines = [json.loads(line)["id"] for one in await files(clinic, who, "$export?_type=Observation") for line in one.splitlines()]
    assert (len(lines), set(lines)) == (12, made)


async def test_what_was_deleted_is_in_several_files_and_once(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "ROWS", 2)
    monkeypatch.setattr(running, "LINES", 5)
    people_ = [(await clinic.make("sys-mh", patient(name))).id for name in ("Rivera", "Rivas")]
    made = {p: [(await clinic.make("sys-mh", observation(p, n))).id for n in range(6)] for p in people_}
    tick()
    for gone in (one for p in people_ for one in made[p]):
        await clinic.ask("sys-mh", "DELETE", f"Observation/{gone}")
    tick()
    since = "_type=Observation&_since=2026-03-01T08:00:00.5Z"
    got = await files(clinic, "sys-mh", f"$export?{since}", "deleted")
    assert [len(one.splitlines()) for one in got] == [5, 5, 2]
    assert [json.loads(line)["entry"][0]["request"]["url"] for one in got for line in one.splitlines()] == [f"Observation/{id_}" for p in people_ for id_ in made[p]]
    group = (await clinic.make("sys-none", {"resourceType": "Group", "type": "person", "actual": True, "member": [{"entity": {"reference": f"Patient/{people_[0]}"}}]})).id
    got = await files(clinic, "sys-mh", f"Group/{group}/$export?{since}", "deleted")
    assert [json.loads(line)["entry"][0]["request"]["url"] for one in got for line in one.splitlines()] == [f"Observation/{id_}" for id_ in made[people_[0]]]


async def test_lines_are_what_is_read_also_where_their_form_is_made_while_they_are_sent(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    for n in range(3):
        await clinic.make("sys-mh", {**observation(p, n), "subject": {"reference": f"Patient/{p}", "display": "Ana Rivera"}, "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">told</div>'}})
    place = await kick_off(clinic, "mh-service", "$export?_type=Observation")
    await make_exports(clinic)
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.plain_form WHERE body IS NOT NULL") == 3
    await clinic.owner.execute("DELETE FROM record.plain_form")
    (file,) = (await clinic.get("mh-service", place)).json()["output"]
    lines = [json.loads(line) for line in (await download(clinic, "mh-service", file["url"])).body.splitlines()]
    assert lines == [(await clinic.get("mh-service", f"Observation/{line['id']}")).json() for line in lines]
    assert len(lines) == 3
    assert "Ana Rivera" not in json.dumps(lines)


async def test_what_records_refer_to_goes_with_the_patients_who_are_named(clinic: Clinic) -> None:
    one, two = [(await clinic.make("sys-mh", patient(name))).id for name in ("One", "Two")]
    places = {(await clinic.make("sys-none", {"resourceType": "Location", "name": name})).id for name in ("Ward", "Annex")}
    for p in (one, two):
        await clinic.make("sys-mh", observation(p))
    body = {"resourceType": "Parameters", "parameter": [{"name": "patient", "valueReference": {"reference": f"Patient/{two}"}}, {"name": "_type", "valueString": "Patient,Location"}]}
    _, got = await exported(clinic, "sys-mh", "Patient/$export", body)
    assert (ids(got["Patient"]), ids(got["Location"])) == ({two}, places)


async def test_of_what_is_of_no_patient_only_what_names_one_of_them_goes_with_patients_who_are_named(clinic: Clinic) -> None:
    one, two = [(await clinic.make("sys-mh", patient(name))).id for name in ("One", "Two")]
    groups = [(await clinic.make("sys-none", {"resourceType": "Group", "type": "person", "actual": True, "member": [{"entity": {"reference": f"Patient/{p}"}} for p in some]})).id for some in ((one,), (two,), (one, two))]
    body = {"resourceType": "Parameters", "parameter": [{"name": "patient", "valueReference": {"reference": f"Patient/{two}"}}, {"name": "_type", "valueString": "Group"}]}
    _, got = await exported(clinic, "sys-mh", "Patient/$export", body)
    assert ids(got["Group"]) == {groups[1], groups[2]}
    _, got = await exported(clinic, "sys-mh", "$export?_type=Group")
    assert ids(got["Group"]) == set(groups)


async def test_what_nothing_is_left_of_is_no_line_and_counts_no_byte(clinic: Clinic) -> None:
    access = await clinic.gate.access(clinic.tokens["mh-service"])
    assert access is not None

    def row(n: int, body: bytes) -> dict[str, Any]:
        return {"ready": True, "fine": True, "body": body, "seq": n, "rid": n, "patient": "p", "type": "Observation", "id": f"o{n}", "version": 1}

    rows = [row(n, body) for n, body in enumerate((b"", b'{"a":1}', b"", b'{"b":2}', b""))]
    wish = Wish(("Observation",), whole=True)
    for size, expected in ((100, ([1, 3], 5)), (16, ([1, 3], 4)), (9, ([1, 3], 4)), (8, ([1], 2))):
        lines, done = await walking._lines(access, wish, "Observation", rows, size)
        assert ([line.seq for line in lines], done) == expected, size


async def test_the_log_names_each_version_as_its_receiver_knows_it(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", consent(p, "tpo"))
    made = (await clinic.make("sys-mh", observation(p))).json()
    for change in ({"status": "amended"}, {"note": [labelled({"text": "craving"}, "SUD")]}, {"note": [labelled({"text": "craving, still"}, "SUD")]}):
        tick()
        made = (await clinic.put("sys-mh", {**made, **change})).json()
    (body,) = await files(clinic, "tpo", "$export?_type=Observation")
    line = json.loads(body)
    assert line == (await clinic.get("tpo", f"Observation/{line['id']}")).json()
    assert line["meta"]["versionId"] != made["meta"]["versionId"]
    assert await clinic.owner.fetchval("SELECT what FROM record.disclosure WHERE channel = 'bulk'") == [f"Observation/{line['id']}/_history/{line['meta']['versionId']}"]
