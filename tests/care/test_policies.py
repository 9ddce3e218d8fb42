"""Dated rules of care: what is shipped, what an organization sets instead, and from when."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest

from sojourn.base import errors
from sojourn.care import policies
from sojourn.gate import policies as own
from sojourn.record.database import Dsn
from tests import people
from tests.people import Clinic

ROWS = """
[[policy]]
key = "visit.days"
title = "First visit"
unit = "days"
value = 30
effective = 2020-01-01
source = "for the test"

[[policy]]
key = "visit.days"
level = "3.5"
value = 3
effective = 2020-01-01
source = "for the test"

[[policy]]
key = "visit.days"
value = 20
effective = 2099-01-01
source = "for the test"
"""


@pytest.fixture
async def clinic(database: Dsn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Clinic]:
    """A clinic with one rule."""
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "policies.toml").write_text(ROWS)
    monkeypatch.setattr(policies, "_ROOMS", tmp_path)
    policies.shipped.cache_clear()
    made = await people.open_clinic(database)
    yield made
    await people.close_clinic(made)
    policies.shipped.cache_clear()


async def test_a_level_of_care_goes_before_all_others_and_a_day_that_has_not_come_does_not_count(clinic: Clinic) -> None:
    access = await clinic.gate.access(clinic.tokens["officer"])
    assert access is not None
    found = await policies.of(access)
    assert (found.value("visit.days", "3.5"), found.value("visit.days", "OP"), found.value("visit.days")) == (3, 30, 30)
    assert policies.Policies(date(2100, 1, 1), {}).value("visit.days") == 20
    with pytest.raises(KeyError):
        found.value("visit.weeks")


async def test_what_the_organization_sets_holds_until_it_goes_back(clinic: Clinic) -> None:
    officer, nurse = await clinic.gate.access(clinic.tokens["officer"]), await clinic.gate.access(clinic.tokens["mh-clinician"])
    assert officer is not None
    assert nurse is not None
    with pytest.raises(errors.Forbidden):
        await policies.change(nurse, "visit.days", "", "14", "We are quicker.")
    for text, reason in (("soon", "We are quicker."), ("14", " ")):
        with pytest.raises(errors.Malformed):
            await policies.change(officer, "visit.days", "", text, reason)
    await policies.change(officer, "visit.days", "", "14", "We are quicker.")
    assert (await policies.of(nurse)).value("visit.days", "OP") == 14
    again = clinic.gate.access_of(officer.caller)
    await policies.change(again, "visit.days", "", "", "We are not.")
    later = clinic.gate.access_of(nurse.caller)
    assert (await policies.of(later)).value("visit.days", "OP") == 30
    assert [(o.value, o.reason) for o in await own.history(later) if o.until is not None] == [(14, "We are quicker.")]


def test_every_shipped_rule_has_a_title_and_a_source() -> None:
    policies.shipped.cache_clear()
    for policy in policies.shipped().values():
        assert policy.rows
