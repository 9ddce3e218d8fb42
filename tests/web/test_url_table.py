"""Every screen with every role, generated from the routes: who lacks what a screen needs is refused, who has it is not."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

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
    for each in SCREENS:
        if each.open:
            continue
        allowed = all(rules.allows(role, action, type_) for type_, action in each.needs)
        for method in each.methods:
            path = re.sub(r"\{\w+\}", "nobody", each.path)
            answer = await (browser.get(path) if method == "GET" else post(browser, path))
            assert (answer.status_code == 403) == (not allowed), (who, method, each.path, answer.status_code)
            assert answer.status_code < 500, (who, method, each.path)


def test_every_screen_behind_the_sign_in_says_what_it_needs_or_is_everybodys() -> None:
    own = {s.path for s in SCREENS if not s.open and not s.needs}
    assert not {path for path in own if path.startswith(("/patients", "/desk", "/emergency", "/releases"))}


def test_the_desk_is_for_those_who_oversee_or_hold_a_right_of_their_own() -> None:
    def kept(each: Screen) -> bool:
        return any(action not in ("read", "search", "history") for _, action in each.needs)

    assert [s.path for s in SCREENS if s.path.startswith("/desk") and not kept(s)] == []
