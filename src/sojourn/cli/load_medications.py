"""`sojourn load-medications`: load the table that lists of medications are compared with."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from sojourn.base.settings import Settings
from sojourn.care.medications import inforce
from sojourn.care.medications.inforce import FaultyTable
from sojourn.cli.acting import acting
from sojourn.gate import caretables
from sojourn.record.database import ensure_database

HELP = """\
A table is TOML or JSON (docs/medications.md). Its rows are added to those that are shipped and go before them; `alone = true` leaves those
out. Every fault is named with its place, and nothing is loaded while there is one. Earlier versions stay readable.
"""


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
    async with acting(settings, app, args.tenant, args.account, caretables.TYPE) as access:
        await inforce.load(access, text, args.reason)
