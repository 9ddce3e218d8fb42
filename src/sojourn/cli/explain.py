"""`sojourn explain`: why somebody can or cannot see something, now or on a past day."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import asyncpg

from sojourn.base import clock, crypto, errors
from sojourn.base.settings import Settings
from sojourn.gate import explain
from sojourn.gate.access import Access
from sojourn.gate.explain import Asked, Seer, Tally
from sojourn.gate.explaining import words
from sojourn.gate.explaining.steps import Explanation
from sojourn.gate.gate import Gate
from sojourn.record import organization as house
from sojourn.record.database import ensure_database

OPERATOR = "system-operator"

HELP = """\
About whom: --caller ACCOUNT, or somebody made up: --role ROLE [--program KEY ...], or --recipient Organization/ID.
About what: --resource TYPE/ID, or --patient ID for a whole record by type and reason ([--type TYPE ...] narrows it).
--at MOMENT (2026-03-03 is the end of that day, else an ISO 8601 moment) is answered twice: with what was known then, and as known now.
--who asks the other way round: everybody who can see --resource (or --patient), and under which consent.

It is decided and written to the trail like any question. SOJOURN_TOKEN is the bearer token of a privacy officer; without it the
question is asked as the operator of this machine, who must be able to reach the database and the key of the server.
"""


class ExplainRefused(errors.SojournError):
    """The question cannot be asked; the message says what to do."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """About whom, what and when."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = HELP
    parser.add_argument("--caller", default="", metavar="ACCOUNT")
    parser.add_argument("--role", default="")
    parser.add_argument("--program", action="append", default=[], metavar="KEY")
    parser.add_argument("--recipient", default="", metavar="TYPE/ID")
    parser.add_argument("--purpose", default="TREAT", metavar="CODE", help="v3-ActReason code (default TREAT)")
    parser.add_argument("--patient", default="", metavar="ID")
    parser.add_argument("--resource", default="", metavar="TYPE/ID")
    parser.add_argument("--type", action="append", default=[], dest="types", metavar="TYPE")
    parser.add_argument("--at", default="", metavar="MOMENT")
    parser.add_argument("--who", action="store_true", help="everybody who can see it")
    parser.add_argument("--json", action="store_true", help="as JSON, with every row that was used")
    parser.add_argument("--tenant", metavar="KEY", help="the organization, where there are several")


def run(args: argparse.Namespace) -> int:
    """Ask and print. Returns 0."""
    if not (args.resource or args.patient):
        raise ExplainRefused("Say about what: --resource TYPE/ID or --patient ID.")
    at = moment(args.at)
    settings = Settings.from_environment()
    dsn = asyncio.run(ensure_database(settings))
    try:
        answer = asyncio.run(_run(args, settings, dsn.app, dsn.owner, at))
    finally:
        dsn.release()
    sys.stdout.write(answer + "\n")
    return 0


def moment(text: str) -> datetime | None:
    """A day is its last moment, so that all that happened on it counts; a moment without a zone is UTC. Raises ExplainRefused."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ExplainRefused("--at wants a day like 2026-03-03 or a moment like 2026-03-03T14:00:00Z.") from None
    if len(text) == len("2026-03-03"):
        found = found.replace(hour=23, minute=59, second=59, microsecond=999999)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


async def _run(args: argparse.Namespace, settings: Settings, app: str, owner: str, at: datetime | None) -> str:
    gate = Gate(app, crypto.load_server_key(settings.key_file), settings.data, base=f"http://{settings.host}:{settings.port}/fhir", connections=2)
    await gate.open()
    try:
        async with _asking(args, gate, owner) as access:
            return await answered(args, access, at)
    finally:
        await gate.close()


async def answered(args: argparse.Namespace, access: Access, at: datetime | None) -> str:
    """The answer as text. Raises what explaining raises."""
    type_, _, id_ = (args.resource or f"Patient/{args.patient}").partition("/")
    if args.who:
        seers, _ = await explain.who(access, type_, id_, at, args.purpose)
        return json.dumps({view: [_seer(s) for s in found] for view, found in seers}, indent=1) if args.json else "\n\n".join(_seers(view, found) for view, found in seers)
    numbers = {p.key: n for n, p in access.rules.programs.items()}
    if unknown := [key for key in args.program if key not in numbers]:
        raise ExplainRefused(f"There is no program {unknown[0]}; there are: {', '.join(sorted(numbers))}.")
    asked = Asked(args.caller, args.role, tuple(numbers[key] for key in args.program), args.recipient, args.purpose)
    if args.resource:
        found = (await explain.explain(access, asked, type_, id_, at)).explanations
        return json.dumps([e.as_json() for e in found], indent=1) if args.json else "\n\n".join(_chain(e) for e in found)
    tallies, _ = await explain.tally(access, asked, args.patient, args.types, at)
    return json.dumps({view: [_tally(t) for t in rows] for view, rows in tallies}, indent=1) if args.json else "\n\n".join(_counts(view, rows) for view, rows in tallies)


_VIEWS = {explain.NOW: "Now", explain.THEN: "With what was known then", explain.HINDSIGHT: "What was in force then, as known now"}
_MARKS = {"yes": "+", "no": "-", "note": " "}


def _chain(one: Explanation) -> str:
    head = f"{_VIEWS[one.view]} ({words.day(one.at)}): {one.resource} is {one.outcome}."
    return "\n".join([head, *(f" {_MARKS[s.outcome]} {s.step:<10} {s.words}{f' [{s.law}]' if s.law else ''}" for s in one.steps)])


def _tally(row: Tally) -> dict[str, Any]:
    return {"type": row.type, "outcome": row.outcome, "step": row.step, "reason": row.reason, "count": row.count}


def _counts(view: str, rows: Sequence[Tally]) -> str:
    lines = [f"{r.count:>8,}  {r.type:<28} {r.outcome}{f': {r.reason}' if r.reason else ''}" for r in rows]
    return "\n".join([f"{_VIEWS[view]}:", *(lines or ["  nothing"])])


def _seer(seer: Seer) -> dict[str, Any]:
    return {"who": seer.who, "account": seer.account, "kind": seer.kind, "purpose": seer.purpose, "explanation": seer.explanation.as_json()}


def _seers(view: str, found: Sequence[Seer]) -> str:
    lines = [f"  {s.who}{f' ({s.account})' if s.account else ''}, for {words.purpose(s.purpose)}: {s.explanation.outcome}" + (f", under {', '.join(s.explanation.consents)}" if s.explanation.consents else "") for s in found]
    return "\n".join([f"{_VIEWS[view]}:", *(lines or ["  nobody"])])


@asynccontextmanager
async def _asking(args: argparse.Namespace, gate: Gate, owner: str) -> AsyncIterator[Access]:
    """As whom it is asked: the token's holder, or the operator for as long as the question takes."""
    if secret := os.environ.get("SOJOURN_TOKEN"):
        access = await gate.access(secret)
        if access is None:
            raise ExplainRefused("SOJOURN_TOKEN holds no token that is good.")
        yield access
        return
    tenants = {t.key: t for t in gate.house.tenants.values()}
    tenant = tenants.get(args.tenant) if args.tenant else next(iter(tenants.values())) if len(tenants) == 1 else None
    if tenant is None:
        raise ExplainRefused(f"Choose an organization with --tenant: {', '.join(sorted(tenants)) or 'there is none yet'}.")
    connection = await asyncpg.connect(owner)
    try:
        programs = sorted(gate.house.rules[tenant.number].programs)
        row = house.AccountRow(OPERATOR, "system", OPERATOR, "Operator of the server", None, None, "privacy-officer", programs, None, [])
        await house.account(connection, tenant.number, row, clock.now())
    finally:
        await connection.close()
    secret = await gate.token(tenant, OPERATOR, door="explain", days=1)
    try:
        access = await gate.access(secret)
        if access is None:
            raise ExplainRefused("The operator's account is not active.")
        yield access
    finally:
        await gate.identity.revoke(secret)
