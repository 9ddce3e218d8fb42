"""`sojourn load-package`: compiles a FHIR package, so that validation knows its profiles."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sojourn.base.settings import Settings
from sojourn.fhir.installed import FOLDER, install
from sojourn.fhir.packages import BadPackage


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which packages."""
    parser.add_argument("files", nargs="+", metavar="FILE.tgz", help="a FHIR package")


def run(args: argparse.Namespace) -> int:
    """Compile each package into the data folder. Returns 1 if one could not be read."""
    folder = Path(Settings.from_environment().data) / FOLDER
    failed = False
    for name in args.files:
        try:
            package = install(folder, Path(name).read_bytes())
        except (BadPackage, OSError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            failed = True
            continue
        profiles = len(package.of("StructureDefinition"))
        print(f"{package.name} {package.version}: {profiles} profiles and {len(package.of('ValueSet'))} value sets")
    return int(failed)
