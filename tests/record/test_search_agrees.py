"""Every search finds what the plainest evaluation finds, for a caller who sees all and for one from whom much is hidden."""

import random
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from sojourn.fhir.search import parse
from sojourn.record import search
from sojourn.record.search import Cursor, bounded_by_time, count
from sojourn.record.searchincludes import compile_includes
from tests.record.searchoracle import Oracle, plain, span
from tests.record.searchworld import KEYS, NOW, TENANT, Hides, Open, World

TYPES = ["Patient", "Encounter", "Observation", "Observation", "Observation", "Condition", "Practitioner"]


class Store:
    """The world in a database, read as the reading role."""

    def __init__(self, connection: asyncpg.Connection, world: World) -> None:
        self.connection = connection
        self.world = world

    async def fetch(self, statement: Any) -> list[Any]:
        async with self.connection.transaction():
            await self.connection.execute("SET LOCAL ROLE sojourn_read")
            await self.connection.execute("SELECT set_config('gate.tenant', '1', true)")
            return list(await self.connection.fetch(statement.sql, *statement.args))

    async def pages(self, query: Any, predicate: Any, size: int) -> list[Any]:
        """All rows, page by page; cursors go through their packed form."""
        found: list[Any] = []
        cursor = None
        while True:
            until = NOW if bounded_by_time(query) else None
            statement = search.compile(query, predicate, KEYS, tenant=TENANT, now=NOW, limit=size, cursor=cursor, until=until)
            page = await self.fetch(statement)
            found += page
            if len(page) < size:
                return found
            cursor = Cursor.unpack(query, Cursor.after(page[-1], statement, until).pack())


@pytest.fixture
async def store(database: Any) -> AsyncIterator[Store]:
    connection = await asyncpg.connect(database.owner)
    world = World(7)
    await world.write(connection)
    await connection.execute("ANALYZE")
    yield Store(connection, world)
    await connection.close()


@pytest.mark.parametrize("hides", [False, True], ids=["sees all", "much is hidden"])
async def test_random_searches_agree_with_the_plainest_evaluation(store: Store, hides: bool) -> None:
    pick = random.Random(11)
    oracle = Oracle(store.world, pick, hides)
    predicate = Hides() if hides else Open()
    hits = 0
    for _ in range(400):
        kind = pick.choice(TYPES)
        asked = [oracle.condition(kind) for _ in range(pick.choice([1, 1, 2, 3]))]
        query = parse(kind, [(name, value) for name, value, _ in asked])
        statement = search.compile(query, predicate, KEYS, tenant=TENANT, now=NOW, limit=1000)
        found = [row["id"] for row in await store.fetch(statement)]
        expected = [r["id"] for r in oracle.seen.values() if r["resourceType"] == kind and all(check(r) for _, _, check in asked)]
        assert found == expected, [(name, value) for name, value, _ in asked]
        (total,) = (await store.fetch(count(query, predicate, KEYS, tenant=TENANT, now=NOW)))[0]
        assert total == len(expected)
        hits += bool(expected)
    assert hits > 100, "the searches are worth making"


@pytest.mark.parametrize("hides", [False, True], ids=["sees all", "much is hidden"])
@pytest.mark.parametrize(
    "sort",
    ["", "-date", "date", "_lastUpdated", "-_lastUpdated", "_id", "-value-quantity", "value-quantity,-date", "-date,_id"],
)
async def test_pages_follow_each_other_without_gap_or_repeat(store: Store, hides: bool, sort: str) -> None:
    predicate = Hides() if hides else Open()
    oracle = Oracle(store.world, random.Random(3), hides)
    query = parse("Observation", [("status", "final,amended"), *([("_sort", sort)] if sort else [])])
    found = [row["id"] for row in await store.pages(query, predicate, 7)]
    whole = await store.fetch(search.compile(query, predicate, KEYS, tenant=TENANT, now=NOW, limit=1000, until=NOW))
    assert found == [row["id"] for row in whole]
    expected = [r["id"] for r in oracle.seen.values() if r["resourceType"] == "Observation" and "status" in r]
    assert sorted(found) == sorted(expected)
    if sort == "-_lastUpdated":
        updated = {k.resource["id"]: k.updated for k in store.world.kept}
        assert [updated[i] for i in found] == sorted((updated[i] for i in found), reverse=True)


async def test_a_labelled_value_does_not_order_an_answer(store: Store) -> None:
    query = parse("Patient", [("_sort", "family")])
    found = [row["id"] for row in await store.fetch(search.compile(query, Hides(), KEYS, tenant=TENANT, now=NOW, limit=1000))]
    oracle = Oracle(store.world, random.Random(3), True)

    def key(i: str) -> str:
        return min((plain(n["family"]) for n in oracle.seen[f"Patient/{i}"].get("name", [])), default="")

    assert [key(i) for i in found] == sorted(key(i) for i in found)


async def test_the_chart_is_sorted_by_its_clinical_date_newest_first(store: Store) -> None:
    query = parse("Observation", [("patient", "p1"), ("_sort", "-date")])
    assert query.patient == "p1"
    found = await store.pages(query, Open(), 3)
    dates = [
        span(k.resource["effectiveDateTime"])[0]
        for row in found
        for k in store.world.kept
        if k.resource["id"] == row["id"] and "effectiveDateTime" in k.resource and ("effectiveDateTime",) not in [p for p, _ in k.labelled]
    ]
    assert dates == sorted(dates, reverse=True)
    assert len(found) == len([k for k in store.world.kept if k.resource.get("subject") == {"reference": "Patient/p1"}
                              and k.resource["resourceType"] == "Observation"])  # fmt: skip


@pytest.mark.parametrize("hides", [False, True], ids=["sees all", "much is hidden"])
async def test_includes_follow_only_what_may_be_seen(store: Store, hides: bool) -> None:
    predicate = Hides() if hides else Open()
    oracle = Oracle(store.world, random.Random(3), hides)
    query = parse(
        "Observation",
        [("_include", "Observation:encounter"), ("_include:iterate", "Encounter:patient"), ("_revinclude:iterate", "Condition:encounter")],
    )
    page = await store.fetch(search.compile(query, predicate, KEYS, tenant=TENANT, now=NOW, limit=1000))
    statement = compile_includes(query, predicate, [(r["rid"], r["type"], r["id"]) for r in page], tenant=TENANT, now=NOW)
    assert statement is not None
    found = {f"{r['type']}/{r['id']}" for r in await store.fetch(statement)}
    expected: set[str] = set()
    frontier = {f"Observation/{r['id']}" for r in page}
    while frontier:
        reached = set()
        for name in frontier:
            here = oracle.seen[name]
            follow = {"Observation": "encounter", "Encounter": "subject"}.get(here["resourceType"])
            if follow and follow in here:
                reached.add(here[follow]["reference"])
            reached |= {n for n, r in oracle.seen.items() if n.startswith("Condition/") and r.get("encounter", {}).get("reference") == name}
        frontier = {n for n in reached if n in oracle.seen} - expected
        expected |= frontier
    assert found == expected
    assert expected


async def test_a_compartment_holds_its_owner_and_all_that_refer_to_it(store: Store) -> None:
    query = parse(None, [], compartment=("Patient", "p1"))
    found = {f"{r['type']}/{r['id']}" for r in await store.fetch(search.compile(query, Open(), KEYS, tenant=TENANT, now=NOW, limit=1000))}
    expected = {"Patient/p1"} | {
        f"{k.resource['resourceType']}/{k.resource['id']}"
        for k in store.world.kept
        if k.resource.get("subject") == {"reference": "Patient/p1"}
    }
    assert found == expected


async def test_when_something_hidden_changed_cannot_be_searched(store: Store) -> None:
    kept = next(k for k in store.world.kept if k.resource["resourceType"] == "Patient" and not k.own)
    params = [("_id", kept.resource["id"]), ("_lastUpdated", f"ge{kept.updated.isoformat()}")]
    query = parse("Patient", params)
    assert await store.fetch(search.compile(query, Open(), KEYS, tenant=TENANT, now=NOW, limit=1000))
    assert not await store.fetch(search.compile(query, Hides(), KEYS, tenant=TENANT, now=NOW, limit=1000))


async def test_the_identifier_in_a_reference_to_what_is_withheld_cannot_be_searched(store: Store) -> None:
    for text, found in (("urn:visit|v7", ["names"]), ("v7", ["names"]), ("urn:other|v7", [])):
        query = parse("Condition", [("encounter:identifier", text)])
        assert [r["id"] for r in await store.fetch(search.compile(query, Open(), KEYS, tenant=TENANT, now=NOW, limit=9))] == found
        assert not await store.fetch(search.compile(query, Hides(), KEYS, tenant=TENANT, now=NOW, limit=9))


async def test_a_search_over_several_types_reads_each_types_own_keys(store: Store) -> None:
    query = parse(None, [("_type", "Patient,Encounter"), ("_lastUpdated", "ge2025-05-20"), ("_sort", "-_lastUpdated")])
    found = {f"{r['type']}/{r['id']}" for r in await store.fetch(search.compile(query, Open(), KEYS, tenant=TENANT, now=NOW, limit=1000))}
    floor = span("2025-05-20")[0]
    assert found == {
        f"{k.resource['resourceType']}/{k.resource['id']}"
        for k in store.world.kept
        if k.resource["resourceType"] in ("Patient", "Encounter") and k.updated >= floor
    }


async def test_one_shape_of_query_has_one_text(store: Store) -> None:
    def text(patient: str, code: str) -> str:
        query = parse("Observation", [("patient", patient), ("code", code), ("_sort", "-date")])
        return search.compile(query, Hides(), KEYS, tenant=TENANT, now=NOW, limit=20).sql

    assert text("p1", "8867-4") == text("p2", "urn:x|y")
