"""Compile the R4 core package into tables/shapes.json: what elements each type has.

Usage: python tools/definitions/shapes.py hl7.fhir.r4.core-4.0.1.tgz src/sojourn/fhir/tables/shapes.json

One line per type or backbone path, so that a change can be read in a diff. An element is
[flags, type, …]: 1 repeats, 2 required (min > 0), 4 in the summary, 8 a choice (`value[x]`).
Source: the snapshots of http://hl7.org/fhir/R4/ (package hl7.fhir.r4.core 4.0.1, CC0).
"""

import json
import sys
import tarfile
from pathlib import Path
from typing import Any

REPEATS, REQUIRED, SUMMARY, CHOICE = 1, 2, 4, 8
KINDS = {"resource", "complex-type"}
BACKBONES = {"BackboneElement", "Element"}


def definitions(package: Path) -> list[dict[str, Any]]:
    """Every base StructureDefinition of a resource or complex type in the package."""
    found = []
    with tarfile.open(package) as archive:
        for member in archive:
            if not member.name.startswith("package/StructureDefinition-"):
                continue
            file = archive.extractfile(member)
            assert file is not None
            definition = json.load(file)
            if definition["kind"] in KINDS and definition.get("derivation") != "constraint":
                found.append(definition)
    return found


def types(element: dict[str, Any], path: str, own_fields: set[str]) -> list[str]:
    """The type names of an element; a backbone's type is its own path."""
    if "contentReference" in element:
        return [element["contentReference"].partition("#")[2]]
    codes = [t["code"].rpartition(".")[2] if "fhirpath" in t["code"] else t["code"] for t in element.get("type", [])]
    if codes == ["String"]:  # Resource.id, Element.id and Extension.url are given as FHIRPath types
        return ["uri" if path == "Extension.url" else "id" if path in own_fields else "string"]
    return [path if code in BACKBONES and path in own_fields else code for code in codes]


def compile_type(definition: dict[str, Any], table: dict[str, dict[str, list[Any]]]) -> None:
    """Put the elements of one definition, and of each backbone in it, into the table."""
    elements = definition["snapshot"]["element"]
    backbones = {e["path"].rpartition(".")[0] for e in elements[1:]}
    if definition["kind"] == "resource":
        backbones.add(definition["type"] + ".id")
    table.setdefault(definition["type"], {})
    for element in elements[1:]:
        path: str = element["path"]
        owner, _, name = path.rpartition(".")
        flags = (element["max"] != "1") * REPEATS | (element["min"] > 0) * REQUIRED
        flags |= bool(element.get("isSummary")) * SUMMARY | name.endswith("[x]") * CHOICE
        table.setdefault(owner, {})[name.removesuffix("[x]")] = [flags, *types(element, path, backbones)]


def main(package: str, target: str) -> None:
    """Write the table of every type in `package` to `target`."""
    table: dict[str, dict[str, list[Any]]] = {}
    for definition in definitions(Path(package)):
        compile_type(definition, table)
    lines = (f"{json.dumps(name)}:{json.dumps(table[name], separators=(',', ':'))}" for name in sorted(table))
    Path(target).write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
