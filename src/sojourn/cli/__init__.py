"""The command line: `sojourn COMMAND`. One file per command."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from sojourn import __version__

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("demo", "start everything with the sample organization and print how to sign in"),
    "serve": ("serve", "start the server (and the embedded PostgreSQL, unless SOJOURN_DATABASE_URL names another)"),
    "migrate": ("migrate", "bring the database to the schema of this version"),
    "postgres": ("postgres", "start, stop or look at the embedded PostgreSQL"),
    "validate": ("validate", "check FHIR resources in files and say, one line of JSON each, what is wrong"),
    "load-package": ("load_package", "compile a FHIR package, so that validation knows its profiles"),
    "load-medications": ("load_medications", "load the table that lists of medications are compared with"),
    "load-vocabulary": ("load_vocabulary", "load a release of ICD-10-CM, SNOMED CT, LOINC, RxNorm or HCPCS"),
    "import": ("import_", "bring FHIR bundles and NDJSON into the record"),
    "explain": ("explain", "say why somebody can or cannot see a record, now or on a past day"),
    "decide": ("decide", "say which records a request may have and why, for scenarios in a file"),
    "check": ("check", "verify the audit trail and other invariants of the record"),
    "rebuild-grants": ("rebuild_grants", "compile every signed Consent anew into what the gate reads"),
    "relabel": ("relabel", "give everything its labels again after lists of codes, laws or programs changed"),
    "account": ("account", "make the first administrator; deactivate or reset an account"),
    "settings": ("settings", "list every setting, its default and its meaning"),
}
"""Name of each command: its module in this package and what it does. The module is imported only when the command runs.

A command module has `arguments(parser) -> None` and `run(args) -> int`, the exit status.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit status: 0 done, 1 failed with a message, 2 used wrongly, 130 interrupted."""
    given = list(sys.argv[1:] if argv is None else argv)
    named = next((word for word in given if not word.startswith("-")), "")
    args = _parser(named).parse_args(given)
    try:
        return int(import_module(f"sojourn.cli.{COMMANDS[args.command][0]}").run(args))
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has seen enough
        sys.stderr.close()
        return 0
    except Exception as error:
        if not _is_for_people(error):
            raise
        print(f"sojourn {args.command}: {error}", file=sys.stderr)
        return 1


def _parser(named: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sojourn", description="Sojourn, an electronic health record for behavioral health.")
    parser.add_argument("--version", action="version", version=f"sojourn {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (module, meaning) in COMMANDS.items():
        command = commands.add_parser(name, help=meaning, description=meaning[0].upper() + meaning[1:] + ".")
        if name == named:
            import_module(f"sojourn.cli.{module}").arguments(command)
    return parser


def _is_for_people(error: Exception) -> bool:
    """Whether the message of the error was written for whoever typed the command."""
    from sojourn.base.errors import SojournError
    from sojourn.base.postgres import PostgresFailed
    from sojourn.base.settings import BadSetting
    from sojourn.record.migrate import MigrationRefused

    return isinstance(error, BadSetting | PostgresFailed | MigrationRefused | SojournError)
