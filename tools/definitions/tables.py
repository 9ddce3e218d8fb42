"""Compiles FHIR packages into the tables kept in src/sojourn/fhir/tables.

    python -m tools.definitions.tables r4 PACKAGE.tgz        the R4 core package, compressed
    python -m tools.definitions.tables guide PACKAGE.tgz     a guide such as US Core, readable

The packages themselves are not kept. Each table states the name, version, SHA-256 and licence of
the package it was compiled from; a test compiles again and compares.
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path
from typing import Any

from sojourn.fhir.codec import dumps
from sojourn.fhir.package_facts import package_facts
from sojourn.fhir.packages import read_package
from tools.definitions.server import server_duties

TABLES = Path(__file__).parents[2] / "src/sojourn/fhir/tables"
R4 = "hl7.fhir.r4.core-4.0.1.json.gz"
LICENSED = ("http://www.ama-assn.org/go/cpt",)
"""Systems whose codes are not copied even where a value set lists some."""


def r4_table(package: bytes) -> dict[str, Any]:
    """The table of the R4 core package."""
    return package_facts(read_package(package))


def guide_files(package: bytes, core: dict[str, Any], own: dict[str, Any]) -> dict[str, str]:
    """File name to text of a guide's readable table: one line for each element.

    `own` are expansions of value sets that the package refers to and does not ship.
    """
    read = read_package(package)
    table = package_facts(read, core)
    sets = {url: _allowed(members) for url, members in table["valuesets"].items()}
    sets |= {url: members for url, members in own.items() if sets.get(url) is None and url in _bound(table)}
    out = {
        "package.json": _lines({"source": table["source"]}),
        "codes.json": _lines({"codesystems": table["codesystems"], "valuesets": sets}),
    }
    if duties := server_duties(read):
        out["server.json"] = _lines(duties)
    for url, profile in table["profiles"].items():
        out[url.rpartition("/")[2] + ".json"] = _lines({"url": url, **profile})
    return out


def _bound(table: dict[str, Any]) -> set[str]:
    rows = [row for profile in table["profiles"].values() for row in profile["elements"].values()]
    return {row["binding"][1] for row in rows if "binding" in row}


def _allowed(members: dict[str, Any] | None) -> dict[str, Any] | None:
    if members is None:
        return None
    return {system: None if system in LICENSED else codes for system, codes in members.items()}


def _lines(table: dict[str, Any]) -> str:
    """JSON with one line for every member of the members that are objects."""
    parts = []
    for name, value in table.items():
        if isinstance(value, dict) and value:
            rows = ",\n".join(f"    {json.dumps(key)}: {_text(item)}" for key, item in value.items())
            parts.append(f"  {json.dumps(name)}: {{\n{rows}\n  }}")
        else:
            parts.append(f"  {json.dumps(name)}: {_text(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _text(value: Any) -> str:
    """On one line, with a space after commas and colons; decimals keep their digits."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)}: {_text(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_text, value)) + "]"
    return dumps(value).decode()


def own_codes() -> dict[str, Any]:
    """Value sets written out by hand from public sources (codes.json beside this file)."""
    found: dict[str, Any] = json.loads((Path(__file__).parent / "codes.json").read_text())["valuesets"]
    return found


def main() -> None:
    """Compile one package and write its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["r4", "guide"])
    parser.add_argument("package", type=Path)
    given = parser.parse_args()
    package = given.package.read_bytes()
    if given.kind == "r4":
        (TABLES / R4).write_bytes(gzip.compress(dumps(r4_table(package)), 9, mtime=0))
        return
    core = json.loads(gzip.decompress((TABLES / R4).read_bytes()))
    about = read_package(package)
    folder = TABLES / f"{about.name}-{about.version}"
    folder.mkdir(exist_ok=True)
    for name, text in guide_files(package, core, own_codes()).items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    main()
