"""What others say is checked of a server has an answer beside our tests: each requirement names the test that shows it, or why none has to."""

from __future__ import annotations

import ast
import csv
import gzip
import io
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sojourn.doors.smart.wellknown import CAPABILITIES
from tests.shared import SHARED, needs_shared

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LIST = "samples/fhir/inferno-requirements/bulk_data_test_kit_requirements.csv.gz"
OF = "hl7.fhir.uv.bulkdata_2.0.0"
NOT_OURS = "Not ours:"
NOT_MET = {283: "Not met:"}
"""Rows of the SMART list that bind a server and that this one does not keep, each with how its reason begins."""


def rows(name: str) -> list[dict[str, Any]]:
    """The rows of one table."""
    return list(tomllib.loads((HERE / name).read_text("utf-8"))["row"])


def numbers(ids: str) -> list[int]:
    """The ids of a row."""
    return [n for part in ids.split(",") for first, _, last in [part.partition("-")] for n in range(int(first), int(last or first) + 1)]


@cache
def names(path: str) -> frozenset[str]:
    """The tests of a file."""
    return frozenset(n.name for n in ast.walk(ast.parse((ROOT / path).read_text("utf-8"))) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("table", ["bulk.toml", "smart.toml"])
def test_every_test_that_is_named_is_there(table: str) -> None:
    for row in rows(table):
        assert bool(row.get("test")) != bool(row.get("why")), row
        for named in row.get("test", "").split():
            path, _, test = named.partition("::")
            assert (ROOT / path).is_file(), named
            assert not test or test in names(path), named


@needs_shared
def test_every_row_of_the_bulk_list_has_an_entry() -> None:
    assert SHARED is not None
    said = csv.DictReader(io.StringIO(gzip.decompress((SHARED / LIST).read_bytes()).decode("utf-8-sig")))
    wanted = {int(r["ID"]): r["Conformance"] for r in said if r["Req Set"] == OF and r["Conformance"] != "DEPRECATED" and r["Actors"] != "Client"}
    assert len(wanted) > 200
    ours = [(n, row) for row in rows("bulk.toml") for n in numbers(row["ids"])]
    assert [n for n, times in Counter(n for n, _ in ours).items() if times > 1] == []
    found = dict(ours)
    assert sorted(wanted.keys() - found.keys()) == []
    assert sorted(found.keys() - wanted.keys()) == []
    assert [n for n, kind in wanted.items() if kind.startswith("SHALL") and "test" not in found[n] and not found[n]["why"].startswith(NOT_OURS)] == []


def test_every_row_of_the_smart_list_has_an_entry() -> None:
    listed = tomllib.loads((HERE / "smart.toml").read_text("utf-8"))["list"]
    wanted = {n: kind for kind in ("SHALL", "SHALL NOT", "SHOULD", "SHOULD NOT", "MAY") for n in numbers(listed[kind])}
    assert len(wanted) == 263, "rows for servers in the list; an id under two kinds would make it fewer"
    ours = [(n, row) for row in rows("smart.toml") if "ids" in row for n in numbers(row["ids"])]
    assert [n for n, times in Counter(n for n, _ in ours).items() if times > 1] == []
    found = dict(ours)
    assert sorted(wanted.keys() - found.keys()) == []
    assert sorted(found.keys() - wanted.keys()) == []
    bound = [n for n, kind in wanted.items() if kind.startswith("SHALL") and "test" not in found[n]]
    assert {n for n in bound if not found[n]["why"].startswith(NOT_OURS)} == NOT_MET.keys()
    assert all(found[n]["why"].startswith(begin) for n, begin in NOT_MET.items())


def test_what_the_server_says_it_can_is_what_the_table_shows() -> None:
    """The capabilities of SMART App Launch 2.2: all that conformance.html lists have a row; those that a test shows are those that discovery names."""
    shown = {row["capability"] for row in rows("smart.toml") if "capability" in row and "test" in row}
    assert shown == set(CAPABILITIES)
    without = [row for row in rows("smart.toml") if "capability" in row and "why" in row]
    assert {row["capability"] for row in without} == {"context-standalone-encounter", "permission-online", "smart-app-state", "user-access-brands"}
    assert all(row["why"].startswith(NOT_OURS) for row in without)
