"""LOINC: `Loinc.csv` and `MapTo.csv` of a release (https://loinc.org/kb/loinc-database/)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sojourn.wire.vocabulary.files import Files, table
from sojourn.wire.vocabulary.model import LOINC, BadRelease, Concept, Part, Release

_ACTIVE: Final = frozenset({"ACTIVE", "TRIAL", "DISCOURAGED"})
"""Deprecated terms are not for new use; discouraged ones may be used."""
_COLUMNS: Final = ("LOINC_NUM", "COMPONENT", "PROPERTY", "TIME_ASPCT", "SYSTEM", "SCALE_TYP", "METHOD_TYP", "CLASS", "STATUS", "LONG_COMMON_NAME", "SHORTNAME")


def release(place: Path) -> Release:
    """A release in a folder or .zip (`Loinc_2.81`), or its table by itself. Raises BadRelease."""
    files = Files(place)
    name = files.one("Loinc.csv")
    said = re.search(r"(\d+\.\d+)", place.name)
    version = said[1] if said else ""
    if not version:
        raise BadRelease(f"{place.name}: the name says no version, as Loinc_2.81 does.")
    return Release(LOINC, version, None, place.name, _parts(files, name))


def _parts(files: Files, name: str) -> Iterator[Part]:
    now: dict[str, list[str]] = {}
    for part in files.find("MapTo.csv"):
        for row in table(files, part, ("LOINC", "MAP_TO")):
            now.setdefault(row["LOINC"], []).append(row["MAP_TO"])
    for row in table(files, name, _COLUMNS):
        axes = ":".join(row[c] for c in ("COMPONENT", "PROPERTY", "TIME_ASPCT", "SYSTEM", "SCALE_TYP", "METHOD_TYP")).rstrip(":")
        display = row["LONG_COMMON_NAME"] or axes
        names = tuple(dict.fromkeys(n for n in (row["SHORTNAME"], axes) if n and n != display))
        yield Concept(row["LOINC_NUM"], display, row["STATUS"] in _ACTIVE, row["CLASS"], names=names, replaced=tuple(now.get(row["LOINC_NUM"], ())))
