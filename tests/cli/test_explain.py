"""`sojourn explain`: as whom it is asked, and what is printed."""

from __future__ import annotations

import argparse
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from sojourn.cli import explain
from sojourn.record.database import Dsn
from tests.people import Clinic, close_clinic, consent, encounter, observation, open_clinic, patient


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    made = await open_clinic(database)
    yield made
    await close_clinic(made)


def given(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    explain.arguments(parser)
    return parser.parse_args(words)


async def asked(clinic: Clinic, *words: str) -> str:
    """What the operator of the machine reads."""
    args = given("--tenant", "a", *words)
    async with explain._asking(args, clinic.gate, clinic.dsn.owner) as access:
        return await explain.answered(args, access, explain.moment(args.at))


async def test_the_operator_reads_the_chain_the_counts_and_who_can_see_it(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-sud", encounter(p))
    sud = (await clinic.make("sys-sud", observation(p, 61))).id
    signed = (await clinic.make("sys-sud", consent(p, "tpo"))).id
    said = await asked(clinic, "--caller", "tpo", "--resource", f"Observation/{sud}")
    assert said.startswith("Now (")
    assert f"permitted by Consent/{signed}" in said
    assert "42 CFR 2.31(a)(5)" in said
    assert " - consent" in await asked(clinic, "--role", "clinician", "--program", "mh", "--resource", f"Observation/{sud}")
    assert "no permission for: Part 2 record" in await asked(clinic, "--caller", "mh-clinician", "--patient", p)
    who = await asked(clinic, "--who", "--resource", f"Observation/{sud}")
    assert f"tpo (tpo), for treatment (TREAT): seen in part, under Consent/{signed}" in who
    assert "mh-clinician" not in who
    found = json.loads(await asked(clinic, "--caller", "tpo", "--resource", f"Observation/{sud}", "--json"))
    assert found[0]["consents"] == [f"Consent/{signed}"]
    lines = await clinic.owner.fetch("SELECT account, action, outcome FROM record.audit WHERE account = $1", explain.OPERATOR)
    assert {(r["action"], r["outcome"]) for r in lines} == {("explain", "done")}
    assert len(lines) == 5


async def test_the_operators_credential_ends_with_the_question(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    await asked(clinic, "--caller", "tpo", "--patient", p)
    rows = await clinic.owner.fetch("SELECT revoked FROM record.credential WHERE account = $1", explain.OPERATOR)
    assert rows
    assert all(r["revoked"].year < 9999 for r in rows)


def test_a_day_is_its_last_moment_and_nonsense_is_one_sentence() -> None:
    assert explain.moment("2026-03-03") == datetime(2026, 3, 3, 23, 59, 59, 999999, tzinfo=UTC)
    assert explain.moment("") is None
    with pytest.raises(explain.ExplainRefused):
        explain.moment("yesterday")
    with pytest.raises(explain.ExplainRefused):
        explain.run(given("--caller", "tpo"))
