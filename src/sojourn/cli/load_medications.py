"""`sojourn load-medications`: load the table that lists of medications are compared with."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from sojourn.base import crypto
from sojourn.base.errors import SojournError
from sojourn.base.settings import Settings
from sojourn.care.medications import inforce
from sojourn.care.medications.inforce import FaultyTable
from sojourn.gate import caretables, operating
from sojourn.gate.gate import Gate
from sojourn.record.database import ensure_database

HELP = """\
A table is TOML or JSON (docs/medications.md). Its rows are added to those that are shipped and go before them; `alone = true` leaves those
out. Every fault is named with its place, and nothing is loaded while there is one. Earlier versions stay readable.
"""


class NoSuchAccount(SojournError):
    """There is no such account that may load tables; name one with --as whose role administers medication tables."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The file, and on whose behalf."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = HELP
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("--check", action="store_true", help="only look for faults; nothing is loaded")
    parser.add_argument("--as", dest="account", metavar="LOGIN", help="who loads it: an account whose role administers medication tables")
    parser.add_argument("--reason", default="", help="why it is loaded")
    parser.add_argument("--tenant", metavar="KEY", help="the organization, where there are several")


def run(args: argparse.Namespace) -> int:
    """Check a table, and load it. Returns 1 when it has faults."""
    text = Path(args.file).read_text("utf-8")
    try:
        table = inforce.examined(text)
    except FaultyTable as error:
        for fault in error.faults:
            print(f"{fault.place}: {fault.code}: {fault.text}", file=sys.stderr)
        print(error.message, file=sys.stderr)
        return 1
    print(f"{table.title}, version {table.version}: with what is shipped {len(table.ingredients)} ingredients, {len(table.pairs)} pairs; {'complete' if table.complete else 'not complete'}.")
    if args.check:
        return 0
    settings = Settings.from_environment()
    dsn = asyncio.run(ensure_database(settings))
    try:
        asyncio.run(_load(args, settings, dsn.app, text))
    finally:
        dsn.release()
    print("Loaded; it holds from now on.")
    return 0


async def _load(args: argparse.Namespace, settings: Settings, app: str, text: str) -> None:
    gate = Gate(app, crypto.load_server_key(settings.key_file), settings.data, base=f"http://{settings.host}:{settings.port}/fhir", connections=1)
    await gate.open()
    try:
        tenants = {t.key: t for t in gate.house.tenants.values()}
        tenant = tenants.get(args.tenant) if args.tenant else next(iter(tenants.values())) if len(tenants) == 1 else None
        if tenant is None:
            raise NoSuchAccount(f"Choose the organization with --tenant: {', '.join(sorted(tenants))}.")
        account = next((str(row["account"]) for row in await operating.listed(gate.house, tenant) if row["login"] == args.account and row["kind"] == "staff"), "")
        secret = await gate.token(tenant, account, days=1) if account else ""
        access = await gate.access(secret) if secret else None
        try:
            if access is None or not access.may(caretables.TYPE, "administer"):
                raise NoSuchAccount
            await inforce.load(access, text, args.reason)
        finally:
            if secret:
                await gate.identity.revoke(secret)
    finally:
        await gate.close()
