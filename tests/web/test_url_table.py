"""Every screen with every role, as screens.tsv writes down what each needs: who lacks it is refused, who has it is not."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from sojourn.base import clock
from sojourn.doors.staff.routes import SCREENS
from sojourn.doors.staff.screens import Screen
from sojourn.gate.roles import starting_rules
from sojourn.record import organization
from sojourn.record.database import Dsn
from tests import people
from tests.people import Clinic
from tests.web.test_emergency import post
from tests.web.test_gate import screen

NOT_STAFF = {"system", "interface", "recipient", "outside", "patient", "proxy"}
ROLES = sorted({role for role, _, _ in starting_rules()} - NOT_STAFF)
READS = {"read", "search", "history"}


class Row(NamedTuple):
    """A line of screens.tsv. needs: (type, action) pairs; None: a stranger may come. why: for what needs nothing, or reads alone and takes a POST."""

    path: str
    methods: tuple[str, ...]
    needs: frozenset[tuple[str, str]] | None
    why: str

    @property
    def writes_nothing(self) -> bool:
        """Whether no right to change anything is asked for."""
        return self.needs is None or all(action in READS for _, action in self.needs)


def rows() -> list[Row]:
    """What is written down, and was read by somebody; no line of it comes from the routes."""
    first, *lines = (Path(__file__).parent / "screens.tsv").read_text("utf-8").splitlines()
    assert first.split("\t") == ["path", "methods", "needs", "why"]
    found = []
    for line in lines:
        path, methods, needs, why = [*line.split("\t"), ""][:4]
        pairs = frozenset((need.partition(":")[0], need.partition(":")[2]) for need in needs.split() if needs != "-")
        found.append(Row(path, tuple(methods.split(",")), None if needs == "open" else pairs, why))
    return found


ROWS = rows()


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations on a database of the test's own."""
    made = await people.open_clinic(database, connections=8)
    yield made
    await people.close_clinic(made)


async def browsing(clinic: Clinic, role: str) -> httpx.AsyncClient:
    """A browser in which somebody of this role has signed in."""
    name = f"of-{role}"
    row = organization.AccountRow(name, "staff", name, name, None, "Practitioner/x", role, [people.SUD, people.MH, people.FAR], people.MH, [])
    await organization.account(clinic.owner, people.A, row, clock.now())
    return await screen(clinic, name)


@pytest.mark.parametrize("role", ROLES)
async def test_a_screen_opens_for_the_roles_that_include_what_it_needs_and_for_no_other(clinic: Clinic, role: str) -> None:
    rules = clinic.gate.house.rules[1]
    who, browser = role, await browsing(clinic, role)
    for path, methods, needs, _ in ROWS:
        if needs is None:
            continue
        allowed = all(rules.allows(role, action, type_) for type_, action in needs)
        for method in methods:
            address = re.sub(r"\{\w+\}", "nobody", path)
            answer = await (browser.get(address) if method == "GET" else post(browser, address))
            assert (answer.status_code == 403) == (not allowed), (who, method, path, answer.status_code)
            assert answer.status_code < 500, (who, method, path)


def test_every_screen_is_written_down_as_it_is() -> None:
    """Whoever makes a screen, or changes what it needs, writes it into screens.tsv; a difference is a screen that nobody read."""
    there = {(s.path, s.methods): None if s.open else frozenset(s.needs) for s in SCREENS}
    written = {(r.path, r.methods): r.needs for r in ROWS}
    assert len(written) == len(ROWS), "twice"
    assert {k for k in there if k not in written} == set(), "not written down"
    assert {k for k in written if k not in there} == set(), "not there any more"
    assert {k: (there[k], written[k]) for k in there if there[k] != written[k]} == {}


def test_what_needs_nothing_or_changes_something_by_a_right_to_read_says_why() -> None:
    assert [r.path for r in ROWS if not r.why and (not r.needs or ("POST" in r.methods and r.writes_nothing))] == []


def test_every_screen_behind_the_sign_in_says_what_it_needs_or_is_everybodys() -> None:
    own = {s.path for s in SCREENS if not s.open and not s.needs}
    assert not {path for path in own if path.startswith(("/patients", "/desk", "/emergency", "/releases"))}


def test_the_desk_is_for_those_who_oversee_or_hold_a_right_of_their_own() -> None:
    def kept(each: Screen) -> bool:
        return any(action not in ("read", "search", "history") for _, action in each.needs)

    assert [s.path for s in SCREENS if s.path.startswith("/desk") and not kept(s)] == []
