"""`sojourn validate`: checks FHIR resources in files and says, one line of JSON each, what is wrong."""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from sojourn.base.settings import Settings
from sojourn.fhir.codec import BadJson, loads
from sojourn.fhir.installed import FOLDER, register_installed
from sojourn.fhir.outcome import Issue, is_error
from sojourn.fhir.validate import validate

_LINES = re.compile(r"\.(ndjson|jsonl)\b")

HELP = """\
Prints one line of JSON for each resource:
  {"file", "line", "resourceType", "id", "issues": [{"severity", "code", "expression", "diagnostics"}]}
A file is one resource, or NDJSON with one resource on each line; either may be compressed with gzip.
A Bundle is one resource whatever its type: the paths of its issues lead into its entries
(Bundle.entry[3].resource.name[0]), and references between its entries are checked too.
Exits with 1 if any resource has an error (warnings and information are none), 2 if used wrongly.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which files, and what to check besides the profiles that resources claim."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = HELP
    parser.add_argument("files", nargs="+", metavar="FILE", help="a file, or - for standard input")
    parser.add_argument("--profile", action="append", default=[], metavar="URL", help="check this profile as well")


def run(args: argparse.Namespace) -> int:
    """Check every resource in every file. Returns 1 if any has an error, else 0."""
    register_installed(Path(Settings.from_environment().data) / FOLDER)
    failed = False
    for name in args.files:
        for told in check_file(name, args.profile):
            failed = failed or any(is_error(Issue(**issue)) for issue in told["issues"])
            sys.stdout.write(json.dumps(told) + "\n")
    return int(failed)


def check_file(name: str, profiles: list[str]) -> Iterator[dict[str, Any]]:
    """What to print for a file. What cannot be read or parsed becomes a line with an error."""
    try:
        for line, text in _resources(_open(name), _LINES.search(name) is not None):
            yield {"file": name, "line": line, **_check(text, profiles)}
    except (OSError, EOFError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "cannot be decompressed"
        issue = Issue("error", "not-found", "", f"the file cannot be read: {reason}")
        yield {"file": name, "line": 1, **_told(None, [issue])}


def _open(name: str) -> BinaryIO:
    raw: BinaryIO = sys.stdin.buffer if name == "-" else Path(name).open("rb")  # noqa: SIM115 - whoever reads it closes it
    start = raw.peek(2)[:2]  # type: ignore[attr-defined]
    return gzip.GzipFile(fileobj=raw) if start == b"\x1f\x8b" else raw  # type: ignore[return-value]


def _resources(file: BinaryIO, by_line: bool) -> Iterator[tuple[int, bytes]]:
    """Line number and text of each resource. It is NDJSON by its name, or if its first line looks whole."""
    with file:
        number, first = 1, file.readline()
        while first and not first.strip():
            number, first = number + 1, file.readline()
        if not by_line and not (first.lstrip()[:1] == b"{" and first.rstrip()[-1:] == b"}"):
            yield number, first + file.read()
            return
        yield number, first
        for line in file:
            number += 1
            if line.strip():
                yield number, line


def _check(text: bytes, profiles: list[str]) -> dict[str, Any]:
    try:
        resource = loads(text)
    except BadJson as error:
        return _told(None, [Issue("error", "structure", "", f"not the JSON that FHIR allows: {error}")])
    return _told(resource, validate(resource, profiles))


def _told(resource: Any, issues: list[Issue]) -> dict[str, Any]:
    known = resource if isinstance(resource, dict) else {}
    named = {key: known[key] if isinstance(known.get(key), str) else None for key in ("resourceType", "id")}
    return {**named, "issues": [issue._asdict() for issue in issues]}
