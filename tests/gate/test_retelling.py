"""What becomes a note kept apart while somebody else writes about it; and what once referred to it from another chart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from sojourn.gate import apart
from sojourn.gate.bases import APART
from sojourn.gate.changes import Change
from sojourn.record.migrate import MIGRATIONS
from tests.gate.test_inheriting import under
from tests.gate.test_keeping_apart import document, kept
from tests.gate.test_leaks_found import NOTE, both, problem, told
from tests.gate.test_overriding import access, decide
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


@pytest.mark.parametrize("law", ["", "HIV"])
async def test_an_edit_that_was_prepared_before_something_became_a_note_and_written_after_tells_of_nothing(clinic: Clinic, law: str) -> None:
    """law: under which it stood before. Then the edit told nobody who is shown everything redacted anything, before as after."""
    p = await both(clinic)
    other, first = await begun(clinic, p)
    if law:
        await decide(clinic, "mh-clinician", "raise", "Condition", other, law)
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


@pytest.mark.parametrize("kept", ["by the edit", "by the migration"])
async def test_what_once_referred_to_a_note_from_another_chart_or_from_none_tells_of_no_version_that_differs_by_notes(clinic: Clinic, kept: str) -> None:
    """A statement and a list are about problems of two patients. An edit takes out the one and puts in a note kept apart; then the one becomes a note. Nothing leads to it any more."""
    p, q = await both(clinic), await both(clinic)
    other, right = [(await clinic.make("mh-clinician", problem(of))).id for of in (p, q)]
    about = {"resourceType": "Provenance", "recorded": "2026-01-01T10:00:00Z", "agent": [{"who": {"reference": "Practitioner/x"}}]}
    listed = {"resourceType": "List", "status": "current", "mode": "working", "subject": {"reference": f"Patient/{q}"}}
    right_one, other_one = [{"reference": f"Condition/{id_}"} for id_ in (right, other)]
    edits = [
        ({**about, "target": [right_one, other_one]}, {**about, "target": [right_one], "reason": [NOTE]}),
        ({**listed, "entry": [{"item": right_one}, {"item": other_one}]}, {**listed, "entry": [{"item": right_one}], "note": [NOTE]}),
    ]
    made = [await clinic.make("sys-mh", first) for first, _ in edits]
    for one, (_, second) in zip(made, edits, strict=True):
        assert (await clinic.put("sys-mh", {**second, "id": one.id})).status == 200
    urls = [f"{one.json()['resourceType']}/{one.id}" for one in made]
    for url in urls:
        assert len((await clinic.get("both-clinician", f"{url}/_history")).entries) == 2, "an ordinary change"
    if kept == "by the migration":
        await clinic.owner.execute("TRUNCATE record.past_edge")
        await clinic.owner.execute((MIGRATIONS / "0224_pre_past_edges.sql").read_text("utf-8").partition("-- Those of before")[2].partition("\n")[2])
    await decide(clinic, "mh-clinician", "raise", "Condition", other, "PSYTHPN")
    for url, one in zip(urls, made, strict=True):
        found = await clinic.get("both-clinician", f"{url}/_history")
        assert [e["meta"]["versionId"] for e in found.entries] == [one.version], url
        assert (await clinic.get("both-clinician", url)).version == one.version
        assert other.encode() not in found.body, url
        assert right.encode() in found.body, url


async def test_beside_what_becomes_a_note_stand_other_notes_and_what_was_deleted_and_only_what_names_it_is_marked(clinic: Clinic) -> None:
    p = await both(clinic)
    other, first = await begun(clinic, p)
    note = await kept(clinic, p)
    author = apart.opened(await access(clinic, "mh-clinician"))
    await author.write([Change("update", "DocumentReference", note, document(p, b"others", **under("PSYTHPN")))])
    gone = await clinic.make("sys-mh", problem(p, of=other))
    assert (await clinic.put("sys-mh", {**problem(p, of=other, language="en"), "id": gone.id})).status == 200
    assert (await clinic.ask("sys-mh", "DELETE", f"Condition/{gone.id}")).status == 204
    await decide(clinic, "mh-clinician", "raise", "Condition", other, "PSYTHPN")

    async def marked(id_: str) -> list[bool]:
        return [bool(row["refs"] & APART) for row in await clinic.owner.fetch("SELECT refs FROM record.version WHERE id = $1 AND kind <> 'delete' ORDER BY seq", id_)]

    assert await marked(first.id) == [False, True]
    assert await marked(gone.id) == [True, True]
    history = await clinic.get("both-clinician", f"Condition/{first.id}/_history")
    assert len(history.entries) == 1
    assert other.encode() not in history.body
    assert other.encode() not in (await clinic.get("both-clinician", f"Condition/{gone.id}/_history")).body
