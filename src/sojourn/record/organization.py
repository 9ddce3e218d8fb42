"""The operating organization: tenant, programs, accounts, role rules. Never written by a door."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, TypeAlias

import asyncpg


class ProgramRow(NamedTuple):
    """A program; part2 is the deployer's legal determination and has no default."""

    number: int
    key: str
    name: str
    organization: str | None
    part2: bool


class AccountRow(NamedTuple):
    """An account and what it may act as. keys: recipient keys beside its agent."""

    account: str
    kind: str
    login: str
    name: str
    password: str | None
    agent: str | None
    role: str
    programs: Sequence[int]
    acting: int | None
    keys: Sequence[str]


class SignInLimits(NamedTuple):
    """Of sessions: unused, warned so long before, in all, and for how long a proof suffices; and whether a second factor is needed."""

    idle: timedelta
    warning: timedelta
    longest: timedelta
    fresh: timedelta
    second: bool


Owner: TypeAlias = asyncpg.Connection


async def tenant(owner: Owner, number: int, key: str, name: str, secret: bytes, host: str | None = None, organization: str | None = None) -> None:
    """Make a tenant unless it is there."""
    await owner.execute(
        "INSERT INTO record.tenant (tenant, key, name, secret, host, organization) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        number, key, name, secret, host, organization,
    )


async def tenants(owner: Owner) -> list[int]:
    """Numbers of the tenants there are."""
    return [row["tenant"] for row in await owner.fetch("SELECT tenant FROM record.tenant ORDER BY tenant")]


async def programs(owner: Owner, number: int, rows: Iterable[ProgramRow], now: datetime) -> None:
    """Add programs that are not there yet."""
    await owner.executemany(
        "INSERT INTO record.program (tenant, program, key, name, organization, part2, known_from) "
        "SELECT $1, $2, $3, $4, $5, $6, $7 WHERE NOT EXISTS (SELECT FROM record.program WHERE tenant = $1 AND program = $2)",
        [(number, *row, now) for row in rows],
    )


async def role_rules(owner: Owner, number: int, rows: Iterable[tuple[str, Sequence[str], Sequence[str]]], now: datetime) -> None:
    """Put role rules in force from now; those before are closed, not removed, and every caller is looked up anew."""
    async with owner.transaction():
        await owner.execute("UPDATE record.role_rule SET known_to = $2 WHERE tenant = $1 AND known_to = 'infinity'", number, now)
        await owner.executemany(
            "INSERT INTO record.role_rule (tenant, role, types, actions, known_from) VALUES ($1, $2, $3, $4, $5)",
            [(number, role, list(types), list(actions), now) for role, types, actions in rows],
        )
        await owner.execute("UPDATE record.account SET generation = generation + 1 WHERE tenant = $1", number)


async def account(owner: Owner, number: int, row: AccountRow, now: datetime) -> None:
    """Make or change an account; what it acted as before is closed, not removed."""
    keys = sorted({*row.keys, *([row.agent] if row.agent else [])})
    async with owner.transaction():
        await owner.execute(
            "INSERT INTO record.account (tenant, account, kind, login, name, password, agent) VALUES ($1, $2, $3, $4, $5, $6, $7) "
            "ON CONFLICT (tenant, account) DO UPDATE SET generation = record.account.generation + 1, name = excluded.name, "
            "password = coalesce(excluded.password, record.account.password), agent = excluded.agent",
            number, row.account, row.kind, row.login, row.name, row.password, row.agent,
        )  # fmt: skip
        await owner.execute("UPDATE record.assignment SET known_to = $3 WHERE tenant = $1 AND account = $2 AND known_to = 'infinity'", number, row.account, now)
        await owner.execute(
            "INSERT INTO record.assignment (tenant, account, role, programs, acting, keys, known_from) VALUES ($1, $2, $3, $4, $5, $6, $7) "
            "ON CONFLICT (tenant, account, role, valid_from, known_from) DO UPDATE SET programs = excluded.programs, acting = excluded.acting, "
            "keys = excluded.keys, known_to = 'infinity'",
            number, row.account, row.role, list(row.programs), row.acting, keys, now,
        )  # fmt: skip


async def has_account(owner: Owner, number: int, name: str) -> bool:
    """Whether there is an account of this name."""
    return bool(await owner.fetchval("SELECT EXISTS (SELECT FROM record.account WHERE tenant = $1 AND account = $2)", number, name))


async def sign_in_rule(owner: Owner, number: int, door: str, role: str, limits: SignInLimits, source: str, now: datetime) -> None:
    """Put a rule for signing in in force from now, in place of the one for this door and role; the one before is closed, not removed."""
    async with owner.transaction():
        await owner.execute(
            "UPDATE record.sign_in_rule SET known_to = $4 WHERE tenant = $1 AND door = $2 AND role = $3 AND known_to = 'infinity'", number, door, role, now
        )
        await owner.execute(
            "INSERT INTO record.sign_in_rule (tenant, door, role, idle, warning, longest, fresh, second, source, known_from) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            number, door, role, *limits, source, now,
        )  # fmt: skip


async def counts(owner: Owner, number: int) -> dict[str, int]:
    """How many current resources of each type there are: for those who run the server, never for a door."""
    rows = await owner.fetch("SELECT type, count(*) AS n FROM record.resource WHERE tenant = $1 GROUP BY type ORDER BY type", number)
    return {row["type"]: row["n"] for row in rows}
