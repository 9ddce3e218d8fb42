"""`sojourn account`: the first administrator and what an operator can mend, with no secret on the command line."""

from __future__ import annotations

import argparse
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from sojourn.base import crypto, errors
from sojourn.base.settings import Settings
from sojourn.cli import account
from sojourn.gate import accounts
from sojourn.gate.gate import Gate
from sojourn.gate.identity import Session
from sojourn.gate.signin import Pending, Visit
from sojourn.record.database import Dsn
from tests.conftest import run_apart
from tests.people import BASE

Run = Callable[..., str]
NEW = "seven quiet lanterns over water"
VISIT = Visit("staff", "192.0.2.1", "", "request")


@pytest.fixture
def run(database: Dsn, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command on an empty database; what it printed."""

    async def ensured(_settings: Settings) -> Dsn:
        return database

    monkeypatch.setenv("SOJOURN_DATA", str(folder))
    monkeypatch.setattr(account, "ensure_database", ensured)

    def run(*words: str) -> str:
        parser = argparse.ArgumentParser()
        account.arguments(parser)
        assert account.run(parser.parse_args(list(words))) == 0
        return capsys.readouterr().out

    return run


def with_gate(dsn: Dsn, folder: Path, ask: Callable[[Gate], Awaitable[Any]]) -> Any:
    """Something asked of a gate on that database."""

    async def go() -> Any:
        gate = Gate(dsn.app, crypto.load_server_key(folder / "server.key"), folder, base=BASE, connections=2)
        await gate.open()
        try:
            return await ask(gate)
        finally:
            await gate.close()

    return run_apart(go())


async def accepted(gate: Gate, secret: str) -> str:
    return (await accounts.accept(gate.house, gate.house.tenants[1], secret, "staff", NEW, "request"))[0]


def secret_in(said: str) -> str:
    return re.findall(r"/welcome/(\w+)", said)[0]


async def signed_in(gate: Gate, password: str = NEW) -> object:
    return await gate.signin.password(gate.house.tenants[1], "robin", password, VISIT)


def test_the_first_administrator_of_the_first_organization_comes_by_a_link(run: Run, database: Dsn, folder: Path) -> None:
    with pytest.raises(errors.NotFound, match="no organization yet"):
        run("create-administrator", "robin", "--name", "Robin Castellanos")
    said = run("--address", "https://ehr.example", "create-administrator", "robin", "--name", "Robin Castellanos", "--organization-name", "Riverbend")
    assert "https://ehr.example/welcome/" in said
    assert "invited" in run("list")
    assert with_gate(database, folder, lambda gate: accepted(gate, secret_in(said)))
    assert with_gate(database, folder, lambda gate: accepted(gate, secret_in(said))) == ""
    begun = with_gate(database, folder, signed_in)
    assert isinstance(begun, Pending)  # a second factor is asked for where the organization says nothing else
    with pytest.raises(errors.Conflict, match="already"):
        run("create-administrator", "robin", "--name", "Robin Castellanos")


def test_an_operator_resets_and_deactivates_and_it_is_in_the_trail(run: Run, database: Dsn, folder: Path) -> None:
    said = run("create-administrator", "robin", "--name", "Robin Castellanos", "--organization-name", "Riverbend")
    with_gate(database, folder, lambda gate: accepted(gate, secret_in(said)))
    again = secret_in(run("reset", "robin", "--factors"))
    assert with_gate(database, folder, signed_in) is None
    assert with_gate(database, folder, lambda gate: accepted(gate, again))
    assert with_gate(database, folder, signed_in) is not None
    assert "Deactivated." in run("deactivate", "robin", "--reason", "left")
    assert not isinstance(with_gate(database, folder, signed_in), Session | Pending)
    with pytest.raises(errors.Conflict):
        run("deactivate", "robin")
    with pytest.raises(errors.NotFound):
        run("reset", "nobody")

    async def lines() -> list[Any]:
        owner = await asyncpg.connect(database.owner)
        found = await owner.fetch("SELECT action, role, door FROM record.audit WHERE action LIKE 'account%' AND outcome = 'done' ORDER BY n")
        await owner.close()
        return list(found)

    found = run_apart(lines())
    assert [r["action"] for r in found] == ["account-invite", "account-invitation-link", "account-reset", "account-reset-link", "account-deactivate"]
    assert {(r["role"], r["door"]) for r in found} == {("operator", "command-line")}
