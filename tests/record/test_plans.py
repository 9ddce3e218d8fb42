"""Every shape of question finds its rows by an index: under row-level security as the reading role, and in the gate's functions.

Sequential scans are made unattractive, so that one that is left has no index to use. Where a patient or an id bounds the question, an
index condition on nothing but the tenant and the type is a sequential scan in disguise; elsewhere that is a matter of sizes, which a small
store cannot tell (bench/growth.py does).
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import asyncpg
import pytest

from bench import made
from bench.house import TOKENS, fill, set_up
from sojourn.base.crypto import ServerKey
from sojourn.fhir.search import parse
from sojourn.gate import searching
from sojourn.gate.access import Access
from sojourn.gate.enforce import Bound
from sojourn.gate.gate import Gate
from sojourn.record.database import Dsn
from sojourn.record.searchincludes import compile_includes

BIG = {"resource", "version", "token", "string", "date", "number", "edge"}
NARROWING = re.compile(r"\b(rid|seq|id|patient|hash|key|target|updated|plain_updated)\b")

GENERAL = [
    "Observation?patient=Patient/p3&category=vital-signs&_sort=-date",
    "Observation?patient=Patient/p3&category:not=vital-signs",
    "Observation?patient=Patient/p3&date=ge2023-05-01&date=lt2024-01-01",
    "Observation?patient=Patient/p3&value-quantity=gt70",
    "Observation?patient=Patient/p3&code:missing=false",
    "Observation?identifier=https://example.org/observation|x",
    "Observation?code=http://loinc.org|8867-4",
    "Observation?date=2023-05-01",
    "Observation?value-quantity=gt70",
    "Observation?encounter=Encounter/e3-1",
    "Observation?patient.name=fern",
    "Observation?subject:Patient.identifier=https://example.org/mrn|MRN0000003",
    "Observation?code-value-quantity=http://loinc.org|8867-4$gt70",
    "Observation?_id=b1-1,b1-2",
    "Patient?name=fern&birthdate=1980-01-01",
    "Patient?family:exact=Fernwood",
    "Patient?identifier=https://example.org/mrn|MRN0000003",
    "Patient?_has:Observation:patient:code=http://loinc.org|8867-4",
    "Patient?birthdate=ge1990&birthdate=lt1991",
    "Condition?patient=Patient/p3&code=http://snomed.info/sct|21897009",
    "Encounter?patient=Patient/p3&_count=5&_revinclude=Observation:encounter",
    "Observation?patient=Patient/p3&_include=Observation:encounter&_include:iterate=Encounter:service-provider",
]
WHOLE = ["Observation", "Observation?_lastUpdated=gt2020-01-01&_sort=-_lastUpdated"]
"""Questions for everything of a type: by the order of an index, as far as the page goes."""


@pytest.fixture
async def gate(database: Dsn, tmp_path: Path) -> AsyncIterator[Gate]:
    """Forty charts, analysed."""
    await set_up(database.owner)
    gate = Gate(database.app, ServerKey(b"k" * 64), tmp_path, base="http://127.0.0.1/fhir", connections=2)
    await gate.open()
    for name, secret in TOKENS.items():
        await gate.token(gate.house.tenants[1], name, secret=secret)
    await fill(gate, made.organization(40))
    owner = await asyncpg.connect(database.owner)
    await owner.execute("ANALYZE")
    await owner.close()
    yield gate
    await gate.close()


def scans(plan: dict[str, Any], *, bounded: bool) -> list[str]:
    """Scans of big tables that go through everything."""
    found = []
    table, kind = plan.get("Relation Name"), plan["Node Type"]
    condition = plan.get("Index Cond", "") + plan.get("Recheck Cond", "")
    if table in BIG and (kind == "Seq Scan" or (bounded and "Scan" in kind and not NARROWING.search(condition))):
        found.append(f"{kind} on {table}: {condition or 'no condition'}")
    for below in plan.get("Plans", ()):
        found += scans(below, bounded=bounded)
    return found


async def plans(access: Access, question: str) -> list[str]:
    """Bad scans in the statements of a question, as the reading role, for a plan made once for all values."""
    type_, _, text = question.partition("?")
    query = parse(type_, parse_qsl(text), handling="strict", base=access.house.base, compartment=None, value_sets=access.house.value_sets)
    found = []
    async with access.house.db.reading(access.tenant.number) as connection:
        await connection.execute("SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_generic_plan")
        statement = searching._compiled(access, query, 20, None)
        rows = await connection.fetch(statement.sql, *statement.args)
        page = [(r["rid"], r["type"], r["id"]) for r in rows]
        included = compile_includes(query, Bound(access), page, tenant=access.tenant.number, now=access.now)
        for one in (statement, *([included] if included else [])):
            (explained,) = await connection.fetch("EXPLAIN (FORMAT JSON) " + one.sql, *one.args)
            found += scans(json.loads(explained[0])[0]["Plan"], bounded=query.patient is not None)
    return found


@pytest.mark.parametrize("who", ["all", "redacted"])
async def test_every_question_is_answered_by_indexes_as_the_reading_role(gate: Gate, who: str) -> None:
    access = await gate.access(TOKENS[who])
    assert access is not None
    assert [f"{q}: {bad}" for q in GENERAL for bad in await plans(access, q)] == []


@pytest.mark.parametrize("who", ["all", "redacted"])
async def test_a_question_for_a_whole_type_walks_an_index_in_its_order(gate: Gate, who: str) -> None:
    access = await gate.access(TOKENS[who])
    assert access is not None
    assert [f"{q}: {bad}" for q in WHOLE for bad in await plans(access, q)] == []


HOT = [
    "Observation?patient=Patient/p3&category=vital-signs&_sort=-date&_count=20&_include=Observation:encounter",
    "Encounter?patient=Patient/p3&_count=5&_revinclude=Observation:encounter",
    "Patient?name=fern&birthdate=1980-01-01",
    "Patient?identifier=https://example.org/mrn|MRN0000003",
]


async def test_the_functions_of_the_gate_use_indexes_too(gate: Gate, database: Dsn) -> None:
    access, redacted = await gate.access(TOKENS["all"]), await gate.access(TOKENS["redacted"])
    assert access is not None
    assert redacted is not None
    asked: list[tuple[str, tuple[Any, ...]]] = []
    call = gate.house.db.call

    async def listening(sql: str, *args: Any) -> Any:
        asked.append((sql, args))
        return await call(sql, *args)

    gate.house.db.call = listening  # type: ignore[method-assign]
    for question in HOT:
        type_, _, text = question.partition("?")
        await access.search(type_, parse_qsl(text))
    await access.read("Observation", "b1-1")
    await access.history("Observation", "b1-1", count=10)
    await redacted.search("Observation", [("patient", "Patient/p3"), ("category", "vital-signs"), ("_sort", "-date")])
    await redacted.read("Observation", "b1-1")
    assert {name for sql, _ in asked for name in re.findall(r"gate\.(\w+)\(", sql)} >= {"chart", "find", "included", "read", "history", "chart_redacted", "sight", "versions"}
    assert await bad_in_functions(database.owner, asked) == []


async def bad_in_functions(owner: str, asked: list[tuple[str, tuple[Any, ...]]]) -> list[str]:
    """What auto_explain tells of the statements inside the functions."""
    connection = await asyncpg.connect(owner)
    told: list[str] = []
    connection.add_log_listener(lambda _, message: told.append(message.message))
    try:
        await connection.execute("LOAD 'auto_explain'")
    except asyncpg.PostgresError:
        await connection.close()
        pytest.skip("auto_explain is not there")
    await connection.execute(
        "SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on; SET auto_explain.log_format = json; "
        "SET client_min_messages = log; SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan"
    )
    for sql, args in asked:
        await connection.fetch(sql, *args)
    await connection.close()
    return [bad for text in told if "plan:" in text for bad in scans(json.loads(text.partition("plan:")[2])["Plan"], bounded=True)]
