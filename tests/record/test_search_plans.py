"""Every shape of search can be answered from indexes by the reading role, row-level security included.

With sequential scans made unattractive, one that remains means that no index could be used at all: under row-level security
that is what becomes of a condition with a function or operator that is not leakproof.
"""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from sojourn.fhir.search import parse
from sojourn.record import search
from sojourn.record.searchincludes import compile_includes
from tests.record.searchworld import KEYS, NOW, TENANT, Hides, World

SHAPES = [
    ("Observation", "patient=p1&category=x&_sort=-date"),
    ("Observation", "patient=p1&date=ge2024&code:not=x"),
    ("Observation", "subject=Patient/p1,Patient/p2"),
    ("Observation", "code=8867-4"),
    ("Observation", "code=8867-4,8480-6"),
    ("Observation", "combo-code=8867-4"),
    ("Observation", "encounter=Encounter/e1&status=final"),
    ("Observation", "code-value-quantity=8867-4$gt5"),
    ("Observation", "value-quantity=5|http://unitsofmeasure.org|/min"),
    ("Observation", "date=2024-03-05"),
    ("Observation", "subject:Patient.identifier=urn:mrn|1"),
    ("Observation", "subject:Patient.name=ana&code=8867-4"),
    ("Observation", "patient=p1&encounter.class=AMB"),
    ("Observation", "_sort=-_lastUpdated"),
    ("Patient", "name=ana&birthdate=1970"),
    ("Patient", "family:exact=Smith"),
    ("Patient", "identifier=urn:mrn|1"),
    ("Patient", "_id=p1,p2"),
    ("Patient", "_has:Condition:subject:code=local"),
    ("Encounter", "patient=p1&_has:Observation:encounter:code=8867-4"),
]


@pytest.fixture
async def reader(database: Any) -> AsyncIterator[asyncpg.Connection]:
    """A connection to a small world, in the reading role."""
    connection = await asyncpg.connect(database.owner)
    await World(7).write(connection)
    await connection.execute("ANALYZE")
    await connection.execute("SET enable_seqscan = off; SET jit = off; SET ROLE sojourn_read")
    await connection.execute("SELECT set_config('gate.tenant', '1', false)")
    yield connection
    await connection.close()


async def plan(reader: asyncpg.Connection, statement: Any) -> str:
    return "\n".join(row[0] for row in await reader.fetch("EXPLAIN " + statement.sql, *statement.args))


async def test_no_shape_needs_a_sequential_scan(reader: asyncpg.Connection) -> None:
    for resource_type, text in SHAPES:
        query = parse(resource_type, [tuple(part.split("=", 1)) for part in text.split("&")])  # type: ignore[misc]
        found = await plan(reader, search.compile(query, Hides(), KEYS, tenant=TENANT, now=NOW, limit=20))
        assert "Seq Scan" not in found, f"{resource_type}?{text}\n{found}"


async def test_no_include_needs_a_sequential_scan(reader: asyncpg.Connection) -> None:
    for include in ("_include=Observation:encounter", "_include=Observation:*", "_revinclude=Provenance:target"):
        query = parse("Observation", [tuple(include.split("=", 1)), ("_include:iterate", "Encounter:patient")])  # type: ignore[list-item]
        statement = compile_includes(query, Hides(), [(60, "Observation", "o1"), (61, "Observation", "o2")], tenant=TENANT, now=NOW)
        assert statement is not None
        found = await plan(reader, statement)
        assert "Seq Scan" not in found, f"{include}\n{found}"


async def test_a_compartment_is_read_from_its_edges(reader: asyncpg.Connection) -> None:
    query = parse(None, [], compartment=("Patient", "p1"))
    found = await plan(reader, search.compile(query, Hides(), KEYS, tenant=TENANT, now=NOW, limit=20))
    assert "Seq Scan" not in found
    assert "edge_target" in found


async def test_a_chart_is_one_range_of_its_index_in_order(reader: asyncpg.Connection) -> None:
    query = parse("Observation", [("patient", "p1"), ("_sort", "-date")])
    found = await plan(reader, search.compile(query, Hides(), KEYS, tenant=TENANT, now=NOW, limit=20))
    assert "resource_chart" in found
    assert "Sort" not in found
