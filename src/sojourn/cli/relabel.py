"""`sojourn relabel`: give everything its labels again after lists of codes, laws or programs changed."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

from sojourn.base import crypto
from sojourn.base.errors import SojournError
from sojourn.base.settings import Settings
from sojourn.cli.progress import Progress
from sojourn.gate import labeljob
from sojourn.gate.gate import Gate
from sojourn.record.database import ensure_database

HELP = """\
A running server does the same by itself, in the background. Labels follow from codes, programs, laws of the state and what people
decided (docs/labels.md). No resource gets a new version, and what would fall keeps its law until everything that rises has risen.
A run that was stopped goes on where it was.
"""


class RelabelRefused(SojournError):
    """It cannot begin; the message says what to do."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which organizations, and whether to change anything."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = HELP
    parser.add_argument("--tenant", metavar="KEY", help="one organization, where there are several")
    parser.add_argument("--dry-run", action="store_true", help="only say how many versions would rise or fall, by law")
    parser.add_argument("--again", action="store_true", help="also where nothing changed since the last time")


def run(args: argparse.Namespace) -> int:
    """Label every organization again. Returns 130 when it was stopped."""
    settings = Settings.from_environment()
    dsn = asyncio.run(ensure_database(settings))
    try:
        return asyncio.run(_run(args, settings, dsn.app))
    finally:
        dsn.release()


async def _run(args: argparse.Namespace, settings: Settings, app: str) -> int:
    gate = Gate(app, crypto.load_server_key(settings.key_file), settings.data, base=f"http://{settings.host}:{settings.port}/fhir", connections=2)
    await gate.open()
    stopping = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    try:
        labeller = labeljob.Labeller(gate)
        for number, key in _chosen(gate, args.tenant):
            await _organization(labeller, number, key, stopping, dry=args.dry_run, again=args.again)
            if stopping.is_set():
                print("Stopped; the same command goes on from here.", file=sys.stderr)
                return 130
        return 0
    finally:
        await gate.close()


def _chosen(gate: Gate, key: str | None) -> list[tuple[int, str]]:
    tenants = {t.key: t.number for t in gate.house.tenants.values()}
    if key is not None and key not in tenants:
        raise RelabelRefused(f"There is no such organization; there are: {', '.join(sorted(tenants))}.")
    return [(number, name) for name, number in sorted(tenants.items()) if key in (None, name)]


async def _organization(labeller: labeljob.Labeller, tenant: int, key: str, stopping: asyncio.Event, *, dry: bool, again: bool) -> None:
    if not dry and not again and not await labeljob.needed(await labeller.access(tenant)):
        print(f"{key}: nothing has changed since everything was labelled.", file=sys.stderr)
        return
    with Progress(f"{key}: versions looked at") as progress:
        work = labeljob.tried if dry else labeljob.run
        done = await work(labeller, tenant, told=lambda p: progress(p.looked), stopped=stopping.is_set)
    print(said(key, done, dry=dry), file=sys.stderr)


def said(key: str, done: labeljob.Progress, *, dry: bool) -> str:
    """What came of it, in words."""
    if done.taken:
        return f"{key}: another process is at it."
    if not done.counts:
        return f"{key}: every label of {done.looked:,} versions {'would stay' if dry else 'is'} as it was."
    parts = [f"{name} {count:,}" for name, count in sorted(done.counts.items())]
    return f"{key}: {'would change' if dry else 'changed'} (+ rises, - falls, tags only): {', '.join(parts)}; of {done.looked:,} versions."
