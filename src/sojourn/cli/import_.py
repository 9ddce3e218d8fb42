"""`sojourn import`: FHIR Bundles and NDJSON into the record, resumable, nothing refused in silence."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg

from sojourn.base import clock, crypto
from sojourn.base.errors import SojournError
from sojourn.base.settings import Settings
from sojourn.cli import sources
from sojourn.cli.progress import Progress
from sojourn.fhir.installed import FOLDER, register_installed
from sojourn.gate.access import Access
from sojourn.gate.gate import Gate
from sojourn.gate.importing import Outcome, Refused, Renew, bring_in
from sojourn.record import organization as house
from sojourn.record.database import ensure_database

ACCOUNT = "system-import"

HELP = """\
Files are single resources, Bundles or NDJSON, each optionally .gz; - reads standard input. NDJSON of any size is read line by
line; a Bundle is read whole, and refused above 512 MB. The manifest of a bulk export (.json) stands for the files that it lists, beside it.
Resources keep their ids; entries of a Bundle known only by urn:uuid get an id that follows from it, so the same file can be
imported again. What is there already with the same content is left alone. A run that was stopped goes on where it was.
What was refused is listed with its reason in a file that is named at the end; the exit status is then 1.
Patient data needs --program: the program that made it decides under which law it stands.
"""


class ImportRefused(SojournError):
    """The import cannot begin; the message says what to do."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Files, and on whose behalf."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = HELP
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--program", metavar="KEY", help="the program that made the data (needed for patient data)")
    parser.add_argument("--tenant", metavar="KEY", help="the organization, where there are several")
    parser.add_argument("--again", action="store_true", help="from the beginning, also where an earlier run was stopped")


def run(args: argparse.Namespace) -> int:
    """Import every file. Returns 1 when anything was refused, 130 when it was stopped."""
    settings = Settings.from_environment()
    register_installed(Path(settings.data) / FOLDER)
    dsn = asyncio.run(ensure_database(settings))
    try:
        return asyncio.run(_run(args, settings, dsn.app, dsn.owner))
    finally:
        dsn.release()


async def _run(args: argparse.Namespace, settings: Settings, app: str, owner: str) -> int:
    gc.freeze()  # a calm garbage collector, as the server has it: what is loaded stays, and what is read is mostly strings
    gc.set_threshold(20_000, 20, 50)
    gate = Gate(app, crypto.load_server_key(settings.key_file), settings.data, base=f"http://{settings.host}:{settings.port}/fhir", connections=4)
    await gate.open()
    try:
        access, program = await _access(args, gate, owner)
        work = _Work(Path(settings.data) / "imports", args.again, gate.renewed)
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, work.stop)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, work.stop)
        for name in sources.in_order(sources.listed(args.files)):
            access = await gate.renewed(access) or access  # what a file brought in may have everybody looked up anew
            await work.file(access, name, program)
            if work.stopped:
                break
        return work.report()
    finally:
        await gate.close()


async def _access(args: argparse.Namespace, gate: Gate, owner: str) -> tuple[Access, int | None]:
    tenants = {t.key: t for t in gate.house.tenants.values()}
    if not tenants:
        raise ImportRefused("There is no organization yet; `sojourn demo --fill-only` makes the sample one.")
    if args.tenant is None and len(tenants) > 1:
        raise ImportRefused(f"There are several organizations; choose one with --tenant: {', '.join(sorted(tenants))}.")
    tenant = tenants.get(args.tenant) if args.tenant else next(iter(tenants.values()))
    if tenant is None:
        raise ImportRefused(f"There is no such organization; there are: {', '.join(sorted(tenants))}.")
    programs = {p.key: n for n, p in gate.house.rules[tenant.number].programs.items()}
    if args.program and args.program not in programs:
        raise ImportRefused(f"There is no such program; there are: {', '.join(sorted(programs))}.")
    connection = await asyncpg.connect(owner)
    try:
        row = house.AccountRow(ACCOUNT, "system", ACCOUNT, "Import", None, None, "system", sorted(programs.values()), None, [])
        await house.account(connection, tenant.number, row, clock.now())
    finally:
        await connection.close()
    access = await gate.access(await gate.token(tenant, ACCOUNT, door="import", days=2))
    assert access is not None  # noqa: S101 - it was just issued
    return access, programs.get(args.program) if args.program else None


class _Work:
    """Files one after another; remembers for each how far it came, so that a stopped run goes on."""

    def __init__(self, folder: Path, again: bool, renew: Renew) -> None:  # noqa: FBT001 - as the command line says it
        self._renew = renew
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder, self._again = folder, again
        self._refused = 0
        self._place: Path | None = None
        self.written = self._unchanged = self._deleted = 0
        self.stopped = False

    def stop(self) -> None:
        """Finish the chunk at hand, then end."""
        self.stopped = True

    async def file(self, access: Access, name: str, program: int | None) -> None:
        """Import one file from where it was."""
        source = sources.Source(name)
        state = self._folder / f"{source.key}.json"
        done = 0 if self._again or name == "-" or not state.exists() else int(json.loads(state.read_text())["done"])
        skipped = source.skip(done)
        with Progress(Path(name).name if name != "-" else "standard input", source.total()) as progress:
            progress(done)
            arrivals = sources.arrivals(source, program, skipped)
            async for outcome in bring_in(access, sources.resolved(access, arrivals, asyncio.get_running_loop()), self._renew):
                self._count(outcome)
                done += outcome.written + outcome.unchanged + outcome.deleted + len(outcome.refused)
                progress(done)
                if name != "-":
                    _keep(state, done)
                if self.stopped:
                    return
        state.unlink(missing_ok=True)

    def _count(self, outcome: Outcome) -> None:
        self.written += outcome.written
        self._unchanged += outcome.unchanged
        self._deleted += outcome.deleted
        self._refused += len(outcome.refused)
        if outcome.refused:
            self._tell(outcome.refused)

    def _tell(self, refused: Sequence[Refused]) -> None:
        """Add to the list of what was refused; it is written as it happens, so that it outlives this process."""
        if self._place is None:
            self._place = self._folder / f"refused-{clock.now():%Y%m%d-%H%M%S-%f}.ndjson"
            self._place.touch(mode=0o600)
        with self._place.open("a") as file:
            for one in refused:
                issues = [issue._asdict() for issue in one.issues]
                line: dict[str, Any] = {"place": one.place, "resourceType": one.type, "id": one.id, "issues": issues}
                file.write(json.dumps(line) + "\n")

    def report(self) -> int:
        """Say what became of everything."""
        print(f"Written {self.written:,}, there already {self._unchanged:,}, refused {self._refused:,}{f', deleted {self._deleted:,}' if self._deleted else ''}.", file=sys.stderr)
        if self._place:
            print(f"What was refused, and why: {self._place}", file=sys.stderr)
        if self.stopped:
            print("Stopped; the same command goes on from here.", file=sys.stderr)
            return 130
        return 1 if self._refused else 0


def _keep(state: Path, done: int) -> None:
    draft = state.with_suffix(".draft")
    draft.write_text(json.dumps({"done": done}))
    draft.replace(state)
