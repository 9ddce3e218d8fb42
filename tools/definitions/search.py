"""Compile the SearchParameters and compartments of a FHIR package into a table of facts.

Usage: python -m tools.definitions.search CORE.tgz OUT.json [--package IG.tgz]

The expressions are lowered to typed key paths (see `tools.definitions.searchpaths`), so that nothing at run time needs a
FHIRPath engine. Only facts are kept: names, kinds, targets, paths; no descriptions and no narrative.
Source of the semantics: https://hl7.org/fhir/R4/search.html and https://hl7.org/fhir/R4/searchparameter.html
"""

import argparse
import hashlib
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.definitions.searchpaths import Branch, Lowering, TypeModel

# FHIR types that an extractor of each parameter kind knows how to read.
READABLE = {
    "token": {
        "boolean", "code", "id", "string", "uri", "canonical", "oid", "uuid", "url", "integer", "positiveInt",
        "unsignedInt", "Coding", "CodeableConcept", "Identifier", "ContactPoint",
    },
    "string": {"string", "markdown", "code", "id", "uri", "HumanName", "Address", "CodeableConcept"},
    "date": {"date", "dateTime", "instant", "Period", "Timing"},
    "number": {"integer", "decimal", "positiveInt", "unsignedInt"},
    "quantity": {"Quantity", "SimpleQuantity", "Age", "Count", "Distance", "Duration", "Money", "MoneyQuantity", "Range",
                 "SampledData"},
    "reference": {"Reference", "canonical", "uri", "url", "oid", "uuid", "Resource"},
    "uri": {"uri", "url", "canonical", "oid", "uuid"},
}  # fmt: skip

# Of all the types that an extension's value may have, those that its readers write.
EXTENSION_VALUES = {
    "token": {"Coding", "CodeableConcept", "Identifier", "code", "string", "boolean"},
    "string": {"string", "markdown", "CodeableConcept"},
    "reference": {"Reference"},
}

# Parameters whose FHIRPath is not a path: the kind of value that a hand-written reader yields.
BY_HAND = {"Patient-deceased": ["deceasedBoolean :boolean", "deceasedDateTime :exists"]}

# A parameter whose targets are more types than this may point to any.
MOST_TYPES = 120

# Published examples of how to define a parameter; they are not parameters of the standard.
EXAMPLES = {"example", "example-extension", "example-reference"}


def members(package: Path) -> Iterator[dict[str, Any]]:
    """Yield the resources at the top of an npm-style FHIR package (`package/*.json`)."""
    with tarfile.open(package) as archive:
        for entry in archive:
            if entry.name.startswith("package/") and entry.name.count("/") == 1 and entry.name.endswith(".json"):
                stream = archive.extractfile(entry)
                if stream is not None:
                    yield json.load(stream)


def facts_of(parameter: dict[str, Any], resource_type: str, lowering: Lowering, by_url: dict[str, Any]) -> list[Any] | None:
    """One row `[code, kind, url, targets, paths, components]` for this type, or None when nothing can be found by it."""
    kind, root = parameter["type"], [Branch((), resource_type)]
    branches = [] if parameter["id"] in BY_HAND else lowering.lower(parameter["expression"], root)
    if parameter["id"] in BY_HAND:
        paths = BY_HAND[parameter["id"]]
    elif kind == "composite":
        paths = sorted({str(b) for b in branches})
    else:
        paths = readable(kind, branches, lowering)
    components = [component(c, parameter, root, lowering, by_url) for c in parameter.get("component", ())]
    if not paths:
        return None
    targets = targets_of(parameter, branches)
    return [parameter["code"], kind, parameter["url"], targets, paths, components]


def targets_of(parameter: dict[str, Any], branches: list[Branch]) -> list[str]:
    """The types that the parameter and the elements behind it allow; a parameter of many types lists those of all."""
    declared = set(parameter.get("target", ()))
    pointed = {target for branch in branches if branch.type == "Reference" for target in branch.targets}
    allowed = declared & pointed if pointed and "Resource" not in pointed else declared
    return ["*"] if len(allowed) > MOST_TYPES else sorted(allowed or declared)


def component(part: dict[str, Any], parameter: dict[str, Any], root: list[Branch], lowering: Lowering, by_url: dict[str, Any]) -> list[Any]:
    """`[code, kind, paths]` of one component; a path that starts with `^` starts at the resource, not at the context."""
    definition = by_url[part["definition"]]
    expression = part["expression"]
    if expression.startswith("%resource."):
        branches = lowering.lower(expression.removeprefix("%resource."), root)
        return [definition["code"], definition["type"], ["^ " + p for p in readable(definition["type"], branches, lowering)]]
    contexts = lowering.lower(parameter["expression"], root)
    branches = [b for context in contexts for b in lowering.lower(expression, [Branch((), context.type)])]
    return [definition["code"], definition["type"], readable(definition["type"], branches, lowering)]


def readable(kind: str, branches: list[Branch], lowering: Lowering) -> list[str]:
    """The branches of a type that the kind can be read from; an extension is read through its value."""
    found: dict[str, None] = {}
    for branch in branches:
        extended = branch.type == "Extension"
        suited = EXTENSION_VALUES.get(kind, READABLE.get(kind, set())) if extended else READABLE.get(kind, set())
        for end in lowering.child([branch], "value") if extended else [branch]:
            if end.type in suited:
                found[str(end)] = None
    return list(found)


def via(rows: dict[str, list[Any]]) -> dict[str, list[str]]:
    """Parameters that need no index entries of their own: the others whose entries, together, are exactly theirs.

    `combo-code` is found by the entries of `code` and `component-code`; `patient` by those of `subject` that point to a
    Patient (written `subject:Patient`).
    """
    found: dict[str, list[str]] = {}
    sets = {code: (row[1], frozenset(row[4]), str([part[1:] for part in row[5]])) for code, row in rows.items()}
    for code, (kind, paths, parts) in sorted(sets.items(), reverse=True):
        others = {
            other: theirs
            for other, (their_kind, theirs, their_parts) in sets.items()
            if other != code and other not in found and their_kind == kind and their_parts == parts and theirs <= paths
        }
        chosen, left = [], set(paths)
        for other in sorted(others, key=lambda o: (-len(others[o]), o)):
            if others[other] & left:
                chosen.append(other)
                left -= others[other]
        if not left:
            found[code] = chosen
    for code, (kind, paths, _) in sorted(sets.items()):
        if kind == "reference" and code not in found and len(paths) == 1:
            bare, _, target = next(iter(paths)).partition(" ?->")
            whole = f"{bare} :Reference"
            for other, (_, theirs, _) in sets.items():
                if target and other not in found and theirs == {whole}:
                    found[code] = [f"{other}:{target.split()[0]}"]
    return found


def parameters(package: Path, lowering: Lowering, known: dict[str, Any]) -> dict[str, dict[str, list[Any]]]:
    """All rows of a package by resource type and code; `known` are definitions that components may refer to."""
    definitions = [r for r in members(package) if r.get("resourceType") == "SearchParameter" and r["id"] not in EXAMPLES]
    by_url = known | {d["url"]: d for d in definitions}
    table: dict[str, dict[str, list[Any]]] = {}
    for definition in sorted(definitions, key=lambda d: d["url"]):
        for base in definition.get("base", ()) if definition.get("expression") else ():
            row = facts_of(definition, base, lowering, by_url)
            if row is not None:
                table.setdefault(base, {})[row[0]] = row
    known.update(by_url)
    return table


def compartments(package: Path) -> dict[str, dict[str, list[str]]]:
    """Compartment -> resource type -> parameters that put a resource of the type into it."""
    found = {}
    for resource in members(package):
        if resource.get("resourceType") == "CompartmentDefinition" and resource["id"] != "example":
            members_of = {r["code"]: r["param"] for r in resource["resource"] if r.get("param")}
            found[resource["code"]] = dict(sorted(members_of.items()))
    return dict(sorted(found.items()))


def source_of(package: Path) -> dict[str, str]:
    """Name, version, licence and hash of the package that the table was made from."""
    with tarfile.open(package) as archive:
        stream = archive.extractfile("package/package.json")
        manifest = json.load(stream) if stream else {}
    return {
        "name": manifest.get("name", ""),
        "version": manifest.get("version", ""),
        "licence": manifest.get("license", ""),
        "sha256": hashlib.sha256(package.read_bytes()).hexdigest(),
    }


def compile_table(core: Path, package: Path | None = None) -> dict[str, Any]:
    """The table of the core package, or of an implementation guide's parameters that the core does not have."""
    lowering = Lowering(TypeModel(members(core)))
    known: dict[str, Any] = {}
    table = parameters(core, lowering, known)
    source = core
    if package is not None:
        own = parameters(package, lowering, known)
        table = {t: {c: row for c, row in rows.items() if c not in table.get(t, {}) and c != "_id"} for t, rows in own.items()}
        source = package
    rows = {
        t: {code: [*row, shared.get(code, [])] for code, row in sorted(codes.items())}
        for t, codes in sorted(table.items())
        if codes
        for shared in [via(codes)]
    }
    facts: dict[str, Any] = {
        "source": source_of(source),
        "row": ["code", "kind", "url", "targets", "paths", "components", "via"],
        "params": {t: list(codes.values()) for t, codes in rows.items()},
    }
    if package is None:
        facts["types"] = sorted(lowering.model.resources)
        facts["compartments"] = compartments(core)
    return facts


def render(facts: dict[str, Any]) -> str:
    """The table as JSON with one parameter a line, so that a change of a fact is a change of a line."""
    head = {k: v for k, v in facts.items() if k != "params"}
    lines = [json.dumps(head, ensure_ascii=False)[:-1] + ', "params": {']
    for number, (resource_type, rows) in enumerate(facts["params"].items()):
        lines.append(("," if number else "") + json.dumps(resource_type) + ": [")
        lines.append(",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows) + "]")
    return "\n".join(lines) + "}}\n"


def main() -> None:
    """Write the table that the command line asks for."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("core", type=Path)
    asked.add_argument("out", type=Path)
    asked.add_argument("--package", type=Path)
    options = asked.parse_args()
    options.out.write_text(render(compile_table(options.core, options.package)), encoding="utf-8")


if __name__ == "__main__":
    main()
