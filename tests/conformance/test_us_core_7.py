"""US Core 7.0.0 against the sample organization, and docs/us-core.md: what both versions and USCDI v3 ask, and what holds.

The searches that 7.0.0 asks for as 6.1.0 does are tried in test_us_core.py; here are its new ones, its profiles and all that must be supported.
"""

from __future__ import annotations

import os
from datetime import date
from typing import Any

import pytest

from sojourn.sample import organization
from tests.conformance import checks, derived, statement
from tests.conformance.checks import Group
from tests.conformance.test_us_core import world_of
from tests.people import Clinic
from tests.shared import needs_shared

GROUPS = derived.groups("7.0.0")


def new_of(name: str) -> dict[str, Any]:
    """The facts of a profile without the searches that 6.1.0 asks for in the same words."""
    before = derived.groups("6.1.0").get(name, {"searches": []})["searches"]
    return {**GROUPS[name], "searches": [s for s in GROUPS[name]["searches"] if s not in before]}


@pytest.mark.parametrize("name", [n for n in GROUPS if n != "us-core-vital-signs"])
async def test_profile(riverbend_door: Clinic, name: str) -> None:
    """Nothing fails, and docs/us-core.md says so."""
    group = Group(name, await world_of(riverbend_door), riverbend_door, new_of(name))
    results = await group.results()
    assert [r for r in results if r.outcome != "pass" and r.expectation == "SHALL"] == []
    assert [r for r in results if r.outcome == "fail"] == []
    row = statement.row_of(name, results)
    if os.environ.get("SOJOURN_WRITE_DOCS"):
        statement.write(row, name)
    assert statement.read().get(name) == row, "docs/us-core.md is out of date: run this test with SOJOURN_WRITE_DOCS=1"


def test_the_document_says_what_is_asked_and_what_the_sample_has() -> None:
    if os.environ.get("SOJOURN_WRITE_DOCS"):
        statement.write(None)
    assert statement.DOCS.read_text() == statement.render(statement.read())


def test_riverbend_has_something_for_every_element_of_uscdi() -> None:
    resources = [item.resource for item in organization(1, date(2026, 11, 22))]
    missing = [f"{e['class']}: {e['element']}" for e in statement.uscdi() if not e.get("why") and not statement.found(e, resources)]
    assert missing == []
    needless = [e["element"] for e in statement.uscdi() if e.get("why") and e.get("at") and statement.found(e, resources)]
    assert needless == []


@needs_shared
def test_what_is_derived_is_what_infernos_kit_asks() -> None:
    """The two readings of US Core 6.1.0 agree: the kit's metadata and our tables."""
    ours = {name.replace("-", "_"): facts for name, facts in derived.groups("6.1.0").items()}
    for name, theirs in checks.groups().items():
        mine = ours[name]
        assert {(frozenset(s["names"]), s["expectation"]) for s in mine["searches"]} == {(frozenset(s["names"]), s["expectation"]) for s in theirs["searches"]}
        assert mine["revincludes"] == theirs["revincludes"]
        assert sorted(mine["include_params"]) == sorted(theirs["include_params"])
        assert mine["interactions"] == theirs["interactions"]
        for param, said in theirs["search_definitions"].items():
            got = mine["search_definitions"][param]
            assert got["comparators"] == {c: how for c, how in said["comparators"].items() if how != "MAY"}
            assert got["multiple_or"] == said["multiple_or"]
        slices = {s["slice_id"].partition(".")[2] for s in theirs["must_supports"]["slices"]}
        assert slices <= derived.supported("6.1.0", mine["profile_url"]).keys()
