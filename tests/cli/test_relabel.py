"""`sojourn relabel`: says what would change, changes it, and goes on where it was stopped."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sojourn.base import clock
from sojourn.base.settings import Settings
from sojourn.cli import relabel
from sojourn.gate import labeljob
from sojourn.gate.labeljob import Labeller
from sojourn.record import labelling
from sojourn.record.database import Dsn
from tests.conftest import run_apart
from tests.gate.test_labeljob import condition
from tests.people import A, close_clinic, open_clinic, patient

Run = Callable[..., int]


@pytest.fixture
def run(database: Dsn, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command on a clinic with three conditions about HIV, which has since become protected by a law."""

    async def prepare() -> None:
        clinic = await open_clinic(database)
        p = (await clinic.make("sys-mh", patient())).id
        for _ in range(3):
            await clinic.make("sys-mh", condition(p, "B20"))
        for tenant in clinic.gate.house.tenants:
            assert not await labeljob.needed(await Labeller(clinic.gate).access(tenant))
        await labelling.add_law(clinic.gate.house.db, A, "HIV", "hiv", source="a law", account="officer", now=clock.now())
        await close_clinic(clinic)

    async def ensured(_settings: Settings) -> Dsn:
        return database

    run_apart(prepare())
    monkeypatch.setenv("SOJOURN_DATA", str(folder))
    monkeypatch.setattr(relabel, "ensure_database", ensured)

    def run(*words: str) -> int:
        parser = argparse.ArgumentParser()
        relabel.arguments(parser)
        return relabel.run(parser.parse_args(words))

    return run


def test_a_dry_run_counts_by_law_and_a_run_does_it(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--dry-run", "--tenant", "a") == 0
    assert "would change (+ rises, - falls, tags only): +hiv 3; of" in capsys.readouterr().err
    assert run() == 0
    told = capsys.readouterr().err
    assert "a: changed (+ rises, - falls, tags only): +hiv 3; of" in told
    assert "b: nothing has changed since everything was labelled." in told
    assert run("--tenant", "a") == 0
    assert "a: nothing has changed" in capsys.readouterr().err
    assert run("--tenant", "a", "--again") == 0
    assert "is as it was" in capsys.readouterr().err


def test_another_organization_is_refused_by_name(run: Run) -> None:
    with pytest.raises(relabel.RelabelRefused, match="there are: a, b"):
        run("--tenant", "nobody")
    assert os.environ["SOJOURN_DATA"]
