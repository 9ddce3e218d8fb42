"""The files of a release, out of a folder or a .zip, and their lines with their place."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import IO

from sojourn.wire.vocabulary.model import BadRelease

csv.field_size_limit(1 << 20)


class Files:
    """A folder, a .zip or a single file, looked at by patterns of file names, wherever in it they lie."""

    def __init__(self, place: Path) -> None:
        """Raises BadRelease where nothing is there or the .zip cannot be read."""
        self.place = place
        self._zip: zipfile.ZipFile | None = None
        if place.is_dir():
            self._names = sorted(str(p.relative_to(place)) for p in place.rglob("*") if p.is_file())
        elif zipfile.is_zipfile(place):
            self._zip = zipfile.ZipFile(place)
            self._names = sorted(n for n in self._zip.namelist() if not n.endswith("/"))
        elif place.is_file():
            self._names = [place.name]
        else:
            raise BadRelease(f"{place}: there is no such file or folder.")

    def find(self, *patterns: str) -> list[str]:
        """Names that fit one of the patterns, of the first pattern that any fits."""
        for pattern in patterns:
            found = [n for n in self._names if fnmatch(PurePosixPath(n).name.lower(), pattern.lower())]
            if found:
                return found
        return []

    def one(self, *patterns: str) -> str:
        """The only file of these names. Raises BadRelease for none or several."""
        found = self.find(*patterns)
        if len(found) != 1:
            what = " or ".join(patterns)
            raise BadRelease(f"{self.place.name}: expected one file {what}, found {len(found) or 'none'}.")
        return found[0]

    def open(self, name: str) -> IO[bytes]:
        """Its bytes."""
        if self._zip is not None:
            return self._zip.open(name)
        return (self.place / name if self.place.is_dir() else self.place).open("rb")

    def lines(self, name: str) -> Iterator[tuple[int, str]]:
        """Its lines with their numbers, from 1. Raises BadRelease for what is not UTF-8."""
        with self.open(name) as stream:
            try:
                for n, line in enumerate(io.TextIOWrapper(stream, "utf-8-sig", newline=None), 1):
                    yield n, line.rstrip("\n")
            except UnicodeDecodeError as error:
                raise BadRelease(f"{name}: not UTF-8 text ({error.reason}).") from None


def split(files: Files, name: str, mark: str, width: int) -> Iterator[list[str]]:
    """The fields of each line of a file without quotes. Raises BadRelease for a line of fewer than `width` fields."""
    for n, line in files.lines(name):
        if not line:
            continue
        fields = line.split(mark)
        if len(fields) < width:
            raise BadRelease(f"{name}, line {n}: expected {width} fields, found {len(fields)}.")
        yield fields


def table(files: Files, name: str, columns: Sequence[str], delimiter: str = ",") -> Iterator[dict[str, str]]:
    """The rows of a file with a heading. Raises BadRelease where a column is missing or a row has not as many fields as the heading."""
    lines = (line for _, line in files.lines(name))
    rows = csv.reader(_kept(lines), delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if delimiter == "," else csv.QUOTE_NONE)
    heading = [h.strip() for h in next(rows, [])]
    missing = [c for c in columns if c not in heading]
    if missing:
        raise BadRelease(f"{name}: no column {', '.join(missing)}.")
    for row in rows:
        if len(row) != len(heading):
            raise BadRelease(f"{name}, line {rows.line_num}: expected {len(heading)} fields, found {len(row)}.")
        yield dict(zip(heading, row, strict=True))


def _kept(lines: Iterator[str]) -> Iterator[str]:
    """With their ends, which quoted fields of several lines need."""
    return (line + "\n" for line in lines)


def day(text: str, place: str) -> date | None:
    """A date as YYYYMMDD, YYYY-MM-DD or MM/DD/YYYY; None for an empty one. Raises BadRelease."""
    text = text.strip()
    if not text or text.strip("0") == "":
        return None
    try:
        if "/" in text:
            month, dom, year = (int(x) for x in text.split("/"))
            return date(year, month, dom)
        return date.fromisoformat(text)
    except ValueError:
        raise BadRelease(f"{place}: not a date.") from None
