"""`sojourn load-vocabulary`: load a release of a code system, in the format in which it is published."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

from sojourn.base.settings import Settings
from sojourn.cli.acting import acting
from sojourn.cli.progress import Progress
from sojourn.gate.vocabulary import loading
from sojourn.record.database import ensure_database
from sojourn.wire.vocabulary import hcpcs, icd10cm, loinc, rxnorm, snomed
from sojourn.wire.vocabulary.model import NAMES, BadRelease, Release

HELP = """\
FILE is a folder, a .zip or a file as it was published: the tabular list or order file of ICD-10-CM (without FILE: that of the installed
package), an RF2 snapshot of SNOMED CT with its map to ICD-10-CM, the RRF files of RxNorm, Loinc.csv, the alpha-numeric file of HCPCS.
Whether you may use a system is between you and its owner. What was loaded before stays readable; stopped in the middle, nothing changes.
"""
KINDS: dict[str, Callable[[Path], Release]] = {
    "icd-10-cm": icd10cm.release, "snomed": snomed.release, "rxnorm": rxnorm.release, "loinc": loinc.release, "hcpcs": hcpcs.release,
}  # fmt: skip


def arguments(parser: argparse.ArgumentParser) -> None:
    """What, from where, and on whose behalf."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = HELP
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument("file", metavar="FILE", nargs="?")
    parser.add_argument("--check", action="store_true", help="only read it; nothing is loaded")
    parser.add_argument("--as", dest="account", metavar="LOGIN", help="who loads it: an account whose role administers vocabularies")
    parser.add_argument("--tenant", metavar="KEY", help="the organization, where there are several")


def run(args: argparse.Namespace) -> int:
    """Read a release, and load it. Returns 1 for one that is damaged."""
    try:
        if not args.file and args.kind != "icd-10-cm":
            raise BadRelease(f"Name the files of {args.kind}: only ICD-10-CM comes with a package.")
        release = KINDS[args.kind](Path(args.file)) if args.file else icd10cm.packaged()
        if args.check:
            print(f"{NAMES[release.system]} {release.version}: {sum(1 for _ in release.parts):,} lines, no fault found.")
            return 0
        settings = Settings.from_environment()
        dsn = asyncio.run(ensure_database(settings))
        try:
            asyncio.run(_load(args, settings, dsn.app, release))
        finally:
            dsn.release()
    except BadRelease as error:
        print(error, file=sys.stderr)
        return 1
    return 0


async def _load(args: argparse.Namespace, settings: Settings, app: str, release: Release) -> None:
    async with acting(settings, app, args.tenant, args.account, loading.TYPE) as access:
        with Progress(f"Loading {NAMES[release.system]} {release.version}") as progress:
            count = await loading.load(access, release, progress)
    print("The very same release is in force already." if count is None else f"{count:,} codes are in force.")
