"""Packages that an organization brought: compiled once, kept as tables in a folder, read at start."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sojourn.fhir.codec import dumps, loads
from sojourn.fhir.definitions import R4, read_table, register
from sojourn.fhir.package_facts import package_facts
from sojourn.fhir.packages import Package, read_package

FOLDER = "packages"
"""Name of the folder within the data folder."""


def install(folder: Path, package: bytes) -> Package:
    """Compile the package in these bytes of a .tgz and keep its table in `folder`.

    A package of the same name and version replaces what was there. Raises BadPackage.
    """
    found = read_package(package)
    table = package_facts(found, read_table(R4))
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{_file_name(found)}.part"
    part.write_bytes(gzip.compress(dumps(table), mtime=0))
    part.replace(folder / _file_name(found))
    return found


def tables(folder: Path) -> Iterator[dict[str, Any]]:
    """The tables in a folder, in order of name; none when there is no such folder."""
    for path in sorted(folder.glob("*.json.gz")):
        yield loads(gzip.decompress(path.read_bytes()))


def register_installed(folder: Path) -> int:
    """Have this process validate with the packages in `folder` too. Returns how many there are."""
    count = 0
    for table in tables(folder):
        register(table)
        count += 1
    return count


def _file_name(package: Package) -> str:
    """Names and versions of packages become part of a file name, so only plain characters are kept."""
    plain = "".join(c if c.isalnum() or c in ".-_" else "_" for c in f"{package.name}-{package.version}")
    return plain.lstrip(".") + ".json.gz"
