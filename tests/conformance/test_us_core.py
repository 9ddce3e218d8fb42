"""US Core 6.1.0 as Inferno's test kit asks for it, against the sample organization. The table is docs/conformance.md."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conformance import table
from tests.conformance.checks import Group, Result, World, groups, read_world
from tests.people import Clinic
from tests.shared import needs_shared

pytestmark = needs_shared
DOCS = Path(__file__).parents[2] / "docs" / "conformance.md"
_known: dict[str, World] = {}


async def world_of(clinic: Clinic) -> World:
    """What is in the record; read once in a process."""
    if clinic.dsn.owner not in _known:
        _known[clinic.dsn.owner] = await read_world(clinic)
    return _known[clinic.dsn.owner]


@pytest.mark.parametrize("name", groups())
async def test_profile(riverbend_door: Clinic, name: str) -> None:
    """Nothing fails, and what the table says passes does."""
    results = await Group(name, await world_of(riverbend_door), riverbend_door).results()
    assert [r for r in results if r.outcome == "fail"] == []
    told = {(r.check, r.outcome) for r in table.read(DOCS) if r.group == name}
    if os.environ.get("SOJOURN_WRITE_DOCS"):
        table.write(DOCS, results)
    else:
        assert told - {(r.check, r.outcome) for r in results} == set(), "docs/conformance.md is out of date: run this test with SOJOURN_WRITE_DOCS=1"


def test_the_table_has_every_profile() -> None:
    told: list[Result] = table.read(DOCS)
    assert {r.group for r in told} == set(groups())
