"""Set up the sample organization: tenant, programs, accounts, tokens, and resources through the gate."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any, NamedTuple

import asyncpg

from sojourn.base import clock, crypto
from sojourn.base.crypto import ServerKey
from sojourn.care.consequences import CONSEQUENCES
from sojourn.cli import (
    riverbend_admissions,
    riverbend_bulk,
    riverbend_desk,
    riverbend_exchange,
    riverbend_floor,
    riverbend_forms,
    riverbend_incidents,
    riverbend_lists,
    riverbend_messages,
    riverbend_moves,
    riverbend_notes,
    riverbend_papers,
    riverbend_plan,
    riverbend_reports,
    riverbend_results,
    riverbend_risk,
    riverbend_schedule,
    riverbend_signing,
    riverbend_subscribed,
    riverbend_tests,
    riverbend_ways,
)
from sojourn.gate.caller import Tenant
from sojourn.gate.consenting import membership
from sojourn.gate.gate import Gate
from sojourn.gate.importing import Arrival, Outcome, bring_in
from sojourn.gate.roles import starting_rules
from sojourn.gate.signinrules import starting_rule
from sojourn.record import organization as house
from sojourn.sample import organization, outside_callers, programs, staff_accounts
from sojourn.sample.callers import organization_id, program_organization_id

SEED = 1
TENANT = 1
IMPORTER = "system-import"
ADMINISTRATOR, ADMINISTRATOR_NAME = "robin", "Robin Castellanos"
# One password for everybody in the demo: it is printed on the greeting page, and the demo listens on this machine only.
PASSWORD = "riverbend"  # noqa: S105

# What the sample calls a job and what the gate calls a role.
_ROLES = {
    "therapist": "clinician", "prescriber": "clinician", "psychiatrist": "clinician", "nurse": "nurse", "tech": "technician", "case": "clinician", "peer": "clinician", "intern": "clinician",
    "biller": "biller", "admissions": "admissions", "privacy officer": "privacy-officer", "integration manager": "integration-manager", "supervisor": "supervisor",
}  # fmt: skip


LAID_OUT = (
    riverbend_ways.join,
    riverbend_desk.lay_out,
    riverbend_forms.lay_out,
    riverbend_schedule.lay_out,
    riverbend_admissions.lay_out,
    riverbend_signing.lay_out,
    riverbend_plan.lay_out,
    riverbend_risk.lay_out,
    riverbend_notes.lay_out,
    riverbend_lists.lay_out,
    riverbend_moves.lay_out,
    riverbend_incidents.lay_out,
    riverbend_papers.lay_out,
    riverbend_reports.lay_out,
    riverbend_results.lay_out,
    riverbend_tests.lay_out,
    riverbend_messages.lay_out,
    riverbend_floor.lay_out,
    riverbend_exchange.lay_out,
    riverbend_ways.lay_out,
    riverbend_bulk.lay_out,
    riverbend_subscribed.lay_out,
)
"""What is done once the charts are there, as the people of the sample would do it, in this order. Each does it once."""


class Login(NamedTuple):
    """A demo sign-in as it is printed."""

    login: str
    name: str
    role: str
    programs: str


class Token(NamedTuple):
    """A demo bearer token as it is printed."""

    name: str
    secret: str
    note: str


def program_numbers() -> dict[str, int]:
    """Program key -> number."""
    return {program.key: n for n, program in enumerate(programs(), 1)}


async def set_up(owner: str, key: ServerKey) -> None:
    """Tenant, programs, role rules and accounts. Does nothing to what is there already."""
    connection = await asyncpg.connect(owner)
    try:
        if TENANT in await house.tenants(connection):
            await _administrator(connection)
            await _risk_manager(connection, program_numbers())
            return
        now = clock.now()
        numbers = program_numbers()
        async with connection.transaction():
            await house.tenant(connection, TENANT, "riverbend", "Riverbend Behavioral Health", key.derive("tenant:riverbend", 32), organization=organization_id(SEED))
            await house.programs(
                connection, TENANT, [house.ProgramRow(numbers[p.key], p.key, p.name, f"Organization/{program_organization_id(SEED, p.key)}", p.part2) for p in programs()], now
            )
            await house.role_rules(connection, TENANT, starting_rules(), now)
            await _accounts(connection, numbers, now)
            await _administrator(connection)
            await _risk_manager(connection, numbers)
    finally:
        await connection.close()


async def _accounts(connection: Any, numbers: dict[str, int], now: Any) -> None:
    everything = sorted(numbers.values())
    for account in staff_accounts(SEED):
        mine = [numbers[k] for k in account.program_keys]
        role = _ROLES[account.role]
        acting: int | None = mine[0] if len(mine) == 1 else numbers["psychiatry"] if role == "clinician" else numbers["central"]
        await house.account(
            connection, TENANT,
            house.AccountRow(account.login, "staff", account.login, account.display_name, crypto.hash_password(PASSWORD), f"Practitioner/{account.practitioner_id}", role, mine, acting, []),
            now,
        )  # fmt: skip
    for outside in outside_callers(SEED):
        await house.account(
            connection, TENANT, house.AccountRow(outside.key, "organization", outside.key, outside.display_name, None, f"Organization/{outside.organization_id}", "outside", [], None, membership.answers_to(f"Organization/{outside.organization_id}", ["prov"] if outside.kind == "treating provider" else [])), now
        )
    for name, label, acting in ((IMPORTER, "Import", None), ("app-inside", "Integration inside Riverbend (mental health)", numbers["mhop"]), ("app-recovery", "Integration inside Riverbend (recovery)", numbers["iop"])):
        await house.account(connection, TENANT, house.AccountRow(name, "system", name, label, None, None, "system", everything, acting, []), now)


async def _administrator(connection: Any) -> None:
    """Who manages accounts; and the rule that nobody in the demo needs a second factor, so that its printed password opens every login."""
    if await house.has_account(connection, TENANT, ADMINISTRATOR):
        return
    now = clock.now()
    row = house.AccountRow(ADMINISTRATOR, "staff", ADMINISTRATOR, ADMINISTRATOR_NAME, crypto.hash_password(PASSWORD), None, "administrator", [], None, [])
    await house.account(connection, TENANT, row, now)
    rule = starting_rule("staff", now.date())
    limits = house.SignInLimits(rule.idle, rule.warning, rule.longest, rule.fresh, second=False)
    await house.sign_in_rule(connection, TENANT, "staff", "*", limits, "The demo: its password is printed, and all its people are made up.", now)


async def _risk_manager(connection: Any, numbers: dict[str, int]) -> None:
    """Who looks into incidents, for every program."""
    name = riverbend_incidents.RISK
    if not await house.has_account(connection, TENANT, name):
        row = house.AccountRow(name, "staff", name, riverbend_incidents.RISK_NAME, crypto.hash_password(PASSWORD), None, "risk-manager", sorted(numbers.values()), None, [])
        await house.account(connection, TENANT, row, clock.now())


def secret_of(key: ServerKey, name: str) -> str:
    """The demo's bearer tokens are the same at every start of one installation."""
    return hashlib.sha256(key.derive(f"demo-token:{name}", 32)).hexdigest()[:43]


async def tokens(gate: Gate, key: ServerKey) -> list[Token]:
    """Issue (once) and list the demo's bearer tokens."""
    listed = [
        ("app-inside", "An integration of Riverbend itself: reads and writes everything, as Outpatient Counseling"),
        ("app-recovery", "The same, as the Intensive Outpatient Recovery program (Part 2)"),
        ("okafor", "A psychiatrist who works in all programs"),
        ("dana", "A therapist outside the Part 2 programs"),
        *((o.key, f"{o.display_name}: what consents permit") for o in outside_callers(SEED)),
    ]
    out = []
    for account, note in listed:
        secret = secret_of(key, account)
        if await gate.identity.caller(secret) is None:
            await gate.token(gate.house.tenants[TENANT], account, days=3650, secret=secret)
        out.append(Token(account, secret, note))
    return out


def logins() -> list[Login]:
    """The demo's sign-ins."""
    names = {p.key: p.name for p in programs()}
    administrator = Login(ADMINISTRATOR, ADMINISTRATOR_NAME, "administrator", "accounts only")
    staff = [
        Login(a.login, a.display_name, _ROLES[a.role].replace("-", " "), "all programs" if len(a.program_keys) > 6 else ", ".join(names[k] for k in a.program_keys))
        for a in staff_accounts(SEED)
    ]
    return [*staff, administrator, Login(riverbend_incidents.RISK, riverbend_incidents.RISK_NAME, "risk manager", "all programs")]


def arrivals(today: date) -> Iterator[Arrival]:
    """The sample's resources with the numbers of their programs."""
    numbers = program_numbers()
    for n, item in enumerate(organization(SEED, today)):
        yield Arrival(f"sample:{n}", numbers[item.program_key] if item.program_key else None, item.resource)


async def fill(gate: Gate, today: date, progress: Callable[[int], None] = lambda n: None) -> Outcome:
    """Import the sample through the gate. Can be stopped and run again."""
    tenant: Tenant = gate.house.tenants[TENANT]
    secret = await gate.token(tenant, IMPORTER, door="import", days=1)
    access = await gate.access(secret)
    assert access is not None  # noqa: S101 - it was just issued
    written = unchanged = 0
    refused: list[Any] = []
    async for outcome in bring_in(access, arrivals(today), gate.renewed):
        written, unchanged = written + outcome.written, unchanged + outcome.unchanged
        refused += outcome.refused
        progress(written + unchanged)
    await gate.identity.revoke(secret)
    return Outcome(written, unchanged, tuple(refused))


def run_fill(app_dsn: str, key: ServerKey, data: Any, today: date, progress: Callable[[int], None]) -> Outcome:
    """The same from a command."""

    async def work() -> Outcome:
        gate = Gate(app_dsn, key, data, base="http://localhost/fhir", connections=4, consequences=CONSEQUENCES)
        await gate.open()
        try:
            outcome = await fill(gate, today, progress)
            for lay_out in LAID_OUT:
                await lay_out(gate, today)
            return outcome
        finally:
            await gate.close()

    return asyncio.run(work())
