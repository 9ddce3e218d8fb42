"""What becomes a note kept apart while somebody else writes about it; and what once referred to it from another chart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from tests.gate.test_leaks_found import NOTE, both, problem, told
from tests.gate.test_overriding import decide
from tests.people import Clinic, Reply, observation

LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('1/' || $1, 0))"


@asynccontextmanager
async def held(clinic: Clinic, statement: str, *args: Any) -> AsyncIterator[None]:
    """Somebody else holds something until the end: a connection of its own."""
    other = await asyncpg.connect(clinic.dsn.owner)
    try:
        async with other.transaction():
            await other.execute(statement, *args)
            yield
    finally:
        await other.close()


async def waiting(clinic: Clinic, kind: str, count: int = 1) -> None:
    """Until so many wait for a lock of this kind in the database."""
    asked = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = ANY ($1) AND (database = (SELECT oid FROM pg_database WHERE datname = current_database()) OR database IS NULL)"
    async with asyncio.timeout(30):
        while await clinic.owner.fetchval(asked, kind.split()) < count:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)


async def begun(clinic: Clinic, p: str, **more: Any) -> tuple[str, Reply]:
    """A problem, and one that refers to it and sorts before it among the locks: whoever waits for the second holds nothing of the first."""
    refers = await clinic.make("sys-mh", problem(p, **more))
    while True:
        other = (await clinic.make("mh-clinician", problem(p))).id
        if await clinic.owner.fetchval("SELECT hashtextextended('1/Condition/' || $1, 0) < hashtextextended('1/Condition/' || $2, 0)", refers.id, other):
            break
    made = await clinic.put("sys-mh", {**problem(p, of=other, **more), "id": refers.id})
    return other, made


async def test_an_edit_that_was_prepared_before_something_became_a_note_and_written_after_tells_of_nothing(clinic: Clinic) -> None:
    p = await both(clinic)
    other, first = await begun(clinic, p)
    async with held(clinic, LOCK, f"Condition/{first.id}"):
        edit = asyncio.create_task(clinic.put("sys-mh", {**problem(p, NOTE), "id": first.id}))
        await waiting(clinic, "advisory")
        await decide(clinic, "mh-clinician", "raise", "Condition", other, "PSYTHPN")
    second = await edit
    assert second.status == 200
    versions, found, listed = await told(clinic, first.id, second.json()["meta"]["lastUpdated"])
    assert second.version not in versions
    assert (found, listed) == (False, False)
    assert other.encode() not in (await clinic.get("both-clinician", f"Condition/{first.id}/_history")).body


@pytest.mark.parametrize("way", ["itself", "with what it holds"])
async def test_an_edit_that_is_written_while_something_becomes_a_note_waits_and_tells_of_nothing(clinic: Clinic, way: str) -> None:
    """The label is on, and nobody sees it yet: it waits to say of the versions that refer to it that they do. The edit was prepared by what could be seen."""
    p = await both(clinic)
    result = (await clinic.make("mh-clinician", observation(p))).id
    held_by = {"resourceType": "DiagnosticReport", "status": "final", "code": {"text": "x"}, "subject": {"reference": f"Patient/{p}"}, "result": [{"reference": f"Observation/{result}"}]}
    other = f"DiagnosticReport/{(await clinic.make('sys-mh', held_by)).id}" if way != "itself" else f"Observation/{result}"
    refers = problem(p, evidence=[{"detail": [{"reference": other}]}])
    await clinic.make("sys-mh", refers)
    first = await clinic.make("sys-mh", refers)
    await clinic.put("sys-mh", {**refers, "id": first.id, "language": "en"})
    since = await clinic.owner.fetchval("SELECT seq FROM record.version WHERE version = $1", first.version)
    async with held(clinic, "SELECT FROM record.version WHERE tenant = 1 AND seq = $1 FOR UPDATE", since):
        turn = asyncio.create_task(decide(clinic, "mh-clinician", "raise", "Observation", result, "PSYTHPN"))
        await waiting(clinic, "transactionid tuple")
        edit = asyncio.create_task(clinic.put("sys-mh", {**problem(p, NOTE, language="en"), "id": first.id}))
        await waiting(clinic, "advisory")
    await turn
    second = await edit
    assert second.status == 200
    versions, found, listed = await told(clinic, first.id, second.json()["meta"]["lastUpdated"])
    assert second.version not in versions
    assert (found, listed) == (False, False)


async def test_what_once_referred_to_a_note_from_another_chart_or_from_none_says_so_in_no_version(clinic: Clinic) -> None:
    """A statement about a problem of one patient is corrected: it was about another patient's. Nothing in it leads to the first any more."""
    p, q = await both(clinic), await both(clinic)
    other, right = [(await clinic.make("mh-clinician", problem(of))).id for of in (p, q)]
    about = {"resourceType": "Provenance", "recorded": "2026-01-01T10:00:00Z", "agent": [{"who": {"reference": "Practitioner/x"}}]}
    listed = {"resourceType": "List", "status": "current", "mode": "working", "subject": {"reference": f"Patient/{q}"}}
    made = []
    for id_ in (other, right):
        pair = [{**about, "target": [{"reference": f"Condition/{id_}"}]}, {**listed, "entry": [{"item": {"reference": f"Condition/{id_}"}}]}]
        for n, resource in enumerate(pair):
            if id_ is other:
                made.append(await clinic.make("sys-mh", resource))
            else:
                assert (await clinic.put("sys-mh", {**resource, "id": made[n].id})).status == 200
    urls = [f"{one.json()['resourceType']}/{one.id}/_history" for one in made]
    for url in urls:
        assert other.encode() in (await clinic.get("both-clinician", url)).body
    await decide(clinic, "mh-clinician", "raise", "Condition", other, "PSYTHPN")
    for url in urls:
        body = (await clinic.get("both-clinician", url)).body
        assert other.encode() not in body, url
        assert right.encode() in body, url
