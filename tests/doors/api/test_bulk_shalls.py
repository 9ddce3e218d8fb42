"""What Bulk Data Access 2.0.0 says a server SHALL do, where no other test shows it; tests/conformance/bulk.toml names the place of each."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.record.database import Dsn
from tests import people
from tests.doors.api.test_bulk import ASYNC, download, exported, ids, kick_off, path_of, tick
from tests.exports import make_exports
from tests.people import START, Clinic, Reply, observation, patient

OUTCOME = "application/fhir+json"


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """On a clock that stands still."""
    with clock.using(FakeClock(START)):
        made = await people.open_clinic(database)
        yield made
        await people.close_clinic(made)


def is_outcome(reply: Reply, *statuses: int) -> None:
    """An error in the form that the standard asks for."""
    assert reply.status in statuses
    assert reply.header("content-type").startswith(OUTCOME)
    assert reply.json()["resourceType"] == "OperationOutcome"


async def test_each_level_answers_202_and_an_absolute_place_to_ask(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    group = (await clinic.make("sys-mh", {"resourceType": "Group", "type": "person", "actual": True, "member": [{"entity": {"reference": f"Patient/{p}"}}]})).id
    for url in ("$export", "Patient/$export", f"Group/{group}/$export"):
        begun = await clinic.ask("sys-mh", "GET", url, None, ASYNC)
        assert begun.status == 202, url
        assert begun.header("content-location").startswith(people.BASE + "/")
        assert begun.json()["resourceType"] == "OperationOutcome"
        place = path_of(begun.header("content-location"))
        assert (await clinic.get("sys-mh", place)).status == 202
        assert (await clinic.ask("sys-mh", "DELETE", place)).status == 202


@pytest.mark.parametrize("written", ["application/fhir%2Bndjson", "application/ndjson", "ndjson"])
async def test_the_format_is_named_in_three_ways(clinic: Clinic, written: str) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    manifest, got = await exported(clinic, "sys-mh", f"$export?_type=Patient&_outputFormat={written}")
    assert ids(got["Patient"]) == {p}
    assert (await download(clinic, "sys-mh", manifest["output"][0]["url"])).header("content-type") == "application/fhir+ndjson"


async def test_parameters_that_are_repeated_are_as_if_they_stood_with_commas(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    final, draft = (await clinic.make("sys-mh", observation(p, 1))).id, (await clinic.make("sys-mh", observation(p, 2, status="preliminary"))).id
    await clinic.make("sys-mh", observation(p, 3, status="cancelled"))
    _, one = await exported(clinic, "sys-mh", "$export?_type=Patient,Observation")
    _, two = await exported(clinic, "sys-mh", "$export?_type=Patient&_type=Observation")
    assert one == two
    filters = "_typeFilter=Observation%3Fstatus%3Dfinal&_typeFilter=Observation%3Fstatus%3Dpreliminary"
    _, got = await exported(clinic, "sys-mh", f"$export?_type=Observation&{filters}")
    assert ids(got["Observation"]) == {final, draft}


async def test_the_manifest_has_every_field_that_is_required_in_its_type(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", observation(p))
    body = {"resourceType": "Parameters", "parameter": [{"name": "_type", "valueString": "Observation,Patient"}]}
    manifest, got = await exported(clinic, "sys-mh", "Patient/$export", body)
    assert manifest["request"] == people.BASE + "/Patient/$export", "of a POST without its parameters"
    assert manifest["requiresAccessToken"] is True
    assert (type(manifest["transactionTime"]), type(manifest["output"]), type(manifest["error"]), type(manifest["deleted"])) == (str, list, list, list)
    for file in manifest["output"]:
        assert file["url"].startswith(people.BASE + "/")
        assert (type(file["type"]), type(file["count"])) == (str, int)
        assert {r["resourceType"] for r in got[file["type"]]} == {file["type"]}, "one kind in each file"
        assert (await clinic.ask(None, "GET", path_of(file["url"]))).status == 401
    assert [f["type"] for f in manifest["output"]] == ["Observation", "Patient"]


async def test_each_resource_comes_once_as_it_is_now_up_to_the_time_of_the_export(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).json()
    tick()
    await clinic.put("sys-mh", {**p, "gender": "female"})
    manifest, got = await exported(clinic, "sys-mh", "$export?_type=Patient")
    assert [r["gender"] for r in got["Patient"]] == ["female"]
    assert got["Patient"][0]["meta"]["lastUpdated"] <= manifest["transactionTime"]


async def test_provenance_goes_with_what_it_is_about(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    o = (await clinic.make("sys-mh", observation(p))).id
    told = {
        "resourceType": "Provenance", "target": [{"reference": f"Observation/{o}"}, {"reference": f"Patient/{p}"}], "recorded": "2026-02-28T10:00:00Z",
        "agent": [{"who": {"display": "Ana"}}],
    }  # fmt: skip
    whose = (await clinic.make("sys-mh", told)).id
    for url in ("$export", "Patient/$export"):
        _, got = await exported(clinic, "sys-mh", url)
        assert ids(got["Provenance"]) == {whose}, url
    _, got = await exported(clinic, "sys-mh", "$export?_type=Observation")
    assert "Provenance" not in got
    is_outcome(await clinic.ask("sys-mh", "GET", "$export?includeAssociatedData=LatestProvenanceResources", None, ASYNC), 400)


async def test_errors_are_outcomes_at_every_step(clinic: Clinic) -> None:
    is_outcome(await clinic.ask("sys-mh", "GET", "$export?_type=Nothing", None, ASYNC), 400)
    await clinic.make("sys-mh", patient())
    place = await kick_off(clinic, "sys-mh", "$export?_type=Patient")
    await make_exports(clinic)
    file = (await clinic.get("sys-mh", place)).json()["output"][0]["url"]
    is_outcome(await clinic.get("sys-mh", path_of(file) + "x"), 404)
    assert (await clinic.ask("sys-mh", "DELETE", place)).status == 202
    for reply in (await clinic.get("sys-mh", place), await clinic.ask("sys-mh", "DELETE", place), await clinic.get("sys-mh", path_of(file))):
        is_outcome(reply, 404)


async def test_what_was_deleted_is_told_in_transactions_and_nowhere_else(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    gone, kept = [(await clinic.make("sys-mh", observation(p, n))).id for n in (1, 2)]
    tick()
    before = clock.now()
    tick()
    await clinic.ask("sys-mh", "DELETE", f"Observation/{gone}")
    again = (await clinic.get("sys-mh", f"Observation/{kept}")).json()
    await clinic.put("sys-mh", {**again, "status": "amended"})
    tick()
    manifest, got = await exported(clinic, "sys-mh", f"$export?_since={before.strftime('%Y-%m-%dT%H:%M:%SZ')}")
    assert [f["type"] for f in manifest["deleted"]] == ["Bundle"]
    assert all(b["type"] == "transaction" for b in got["deleted"])
    assert [e["request"] for b in got["deleted"] for e in b["entry"]] == [{"method": "DELETE", "url": f"Observation/{gone}"}]
    assert ids(got["Observation"]) == {kept}


async def test_what_was_passed_over_is_in_a_file_of_outcomes(clinic: Clinic) -> None:
    await clinic.make("sys-mh", patient())
    manifest, _ = await exported(clinic, "sys-mh", "$export?_type=Patient&_strange=1", None, ("prefer", "respond-async, handling=lenient"))
    (file,) = manifest["error"]
    assert (file["type"], file["count"]) == ("OperationOutcome", 1)
    found = await download(clinic, "sys-mh", file["url"])
    assert found.header("content-type") == "application/fhir+ndjson"
    assert [json.loads(line)["resourceType"] for line in found.body.splitlines()] == ["OperationOutcome"]


async def test_a_large_attachment_is_in_its_line_or_at_an_address_for_the_same_token(clinic: Clinic) -> None:
    p, content = (await clinic.make("sys-mh", patient())).id, bytes(50_000)
    paper = {
        "resourceType": "DocumentReference", "status": "current", "subject": {"reference": f"Patient/{p}"},
        "content": [{"attachment": {"contentType": "application/pdf", "data": base64.b64encode(content).decode()}}],
    }  # fmt: skip
    await clinic.make("sys-mh", paper)
    _, got = await exported(clinic, "sys-mh", "$export?_type=DocumentReference")
    attachment = got["DocumentReference"][0]["content"][0]["attachment"]
    assert attachment["contentType"] == "application/pdf"
    if "data" in attachment:
        assert base64.b64decode(attachment["data"]) == content
    else:
        assert attachment["url"].startswith(people.BASE + "/")
        assert (await clinic.get("sys-mh", path_of(attachment["url"]), ("accept", "application/pdf"))).body == content
