"""What a profile or extension adds to the type it constrains, element by element.

The rows are read by people (the tables of US Core are kept as text), so their keys are words:

    min, max          cardinality, where narrower than the type's own (max as in FHIR: "1", "*")
    must              true for must-support
    mustTypes         of several types those that are must-support; mustTargets likewise of a reference's profiles
    uscdi             true for an additional USCDI requirement of US Core, which is not must-support
    types             type codes, where fewer than the type's own
    targets           resource types a reference may point to; targetProfiles are their profiles
    profiles          profiles that the value must meet (extensions, SimpleQuantity …)
    fixed, pattern    the value, or what the value must contain
    binding           [strength, value set]
    slicing           {"by": ["pattern:$this"], "rules": "open"}
    invariants        key -> FHIRPath of error-severity constraints that the type does not have
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_CORE: Final = "http://hl7.org/fhir/StructureDefinition/"
_USCDI: Final = "http://hl7.org/fhir/us/core/StructureDefinition/uscdi-requirement"
_TYPE_MUST: Final = _CORE + "elementdefinition-type-must-support"
Row = dict[str, Any]


def profile_facts(
    definition: dict[str, Any],
    types: Mapping[str, Any],
    definitions: Mapping[str, Any],
    known: Mapping[str, Any],
) -> dict[str, Any]:
    """Facts of one StructureDefinition with derivation "constraint".

    `types` are the compiled types, `definitions` the other StructureDefinitions of the package and
    `known` compiled profiles of other packages: both tell to which type a target profile belongs,
    and the latter stands in for a snapshot that the package does not ship.
    """
    facts: dict[str, Any] = {
        "type": definition["type"],
        "base": definition.get("baseDefinition", ""),
        "version": definition.get("version", ""),
    }
    if definition["type"] == "Extension":
        facts["contexts"] = [[c["type"], c["expression"]] for c in definition.get("context", [])]
        if (definition.get("snapshot") or {}).get("element", [{}])[0].get("isModifier"):
            facts["modifier"] = True
    view = definition.get("snapshot") or definition.get("differential") or {}
    rows: dict[str, Row] = {}
    if "snapshot" not in definition:
        rows.update(_inherited(facts["base"], definitions, known, types))
    for element in view.get("element", []):
        key = element.get("id", element["path"]).partition(".")[2]
        if not key:
            element = {name: value for name, value in element.items() if name not in ("min", "max")}
        row = _row(element, _base_row(element["path"], types), definitions, known)
        if row:
            rows[key] = {**rows.get(key, {}), **row}
    facts["elements"] = rows
    return facts


def _inherited(
    base: str, definitions: Mapping[str, Any], known: Mapping[str, Any], types: Mapping[str, Any]
) -> dict[str, Row]:
    if base in known:
        return dict(known[base]["elements"])
    parent = definitions.get(base)
    if parent is None or parent.get("derivation") != "constraint":
        return {}
    return dict(profile_facts(parent, types, definitions, known)["elements"])


def _base_row(path: str, types: Mapping[str, Any]) -> Row:
    """The row of the type that owns the element at `path`, following data types on the way.

    Raises nothing: an element that cannot be found is taken to be unconstrained.
    """
    parts = path.split(".")
    here, row = parts[0], {"invariants": types.get(parts[0], {}).get("invariants", {})}
    for part in parts[1:]:
        name = part.removesuffix("[x]")
        rows = types.get(here, {}).get("elements", [])
        found = next((r for r in rows if r["name"] == name or _chosen(r, part)), None)
        if found is None:
            return {}
        row, codes = found, [t[0] for t in found["types"]]
        code = next((c for c in codes if part.endswith(c[:1].upper() + c[1:])), codes[0]) if codes else ""
        here = code.removeprefix("#")
        if code.startswith("#"):
            row = {**found, "invariants": types[here].get("invariants", {})}
    return row


def _chosen(row: Row, part: str) -> bool:
    return bool(row.get("choice") and part.startswith(row["name"]) and part[len(row["name"]) :][:1].isupper())


def _row(element: dict[str, Any], base: Row, definitions: Mapping[str, Any], known: Mapping[str, Any]) -> Row:
    row: Row = {}
    if element.get("min", 0) > base.get("min", 0):
        row["min"] = element["min"]
    if "max" in element and element["max"] != _max(base):
        row["max"] = element["max"]
    if element.get("mustSupport"):
        row["must"] = True
    elif any(e.get("url") == _USCDI and e.get("valueBoolean") for e in element.get("extension", ())):
        row["uscdi"] = True
    row.update(_must_of_choice(element))
    _add_types(row, element, base, definitions, known)
    for key, value in element.items():
        for kind in ("fixed", "pattern"):
            if key.startswith(kind) and key[len(kind) :][:1].isupper():
                row[kind] = value
    binding = element.get("binding")
    if binding and binding.get("valueSet"):
        stated = [binding["strength"], binding["valueSet"].split("|", 1)[0]]
        if stated != base.get("binding"):
            row["binding"] = stated
    if "slicing" in element and not _is_default_slicing(element):
        row["slicing"] = {
            "by": [f"{d['type']}:{d['path']}" for d in element["slicing"].get("discriminator", [])],
            "rules": element["slicing"].get("rules", "open"),
        }
        if element["slicing"].get("ordered"):
            row["slicing"]["ordered"] = True
    own = _invariants(element, base)
    if own:
        row["invariants"] = own
    return row


def _must_of_choice(element: dict[str, Any]) -> Row:
    """Of several types and targets those that are marked as must-support."""
    types, targets = [], []
    for kind in element.get("type", []):
        if _marked(kind):
            types.append(kind["code"])
        marks = kind.get("_targetProfile", [])
        targets += [url for url, mark in zip(kind.get("targetProfile", []), marks, strict=False) if mark and _marked(mark)]
    return {name: found for name, found in (("mustTypes", types), ("mustTargets", targets)) if found}


def _marked(part: dict[str, Any]) -> bool:
    return any(e.get("url") == _TYPE_MUST and e.get("valueBoolean") for e in part.get("extension", ()))


def _is_default_slicing(element: dict[str, Any]) -> bool:
    """Extensions are sliced by url in every snapshot, whether or not a slice is defined."""
    return bool(element["path"].endswith(("extension", "modifierExtension")))


def _max(base: Row) -> str:
    number = base.get("max", 1)
    return "*" if number == -1 else str(number)


def _add_types(
    row: Row, element: dict[str, Any], base: Row, definitions: Mapping[str, Any], known: Mapping[str, Any]
) -> None:
    base_types = {t[0]: t for t in base.get("types", [])}
    codes = [t["code"] for t in element.get("type", []) if not t["code"].startswith("http://hl7.org/fhirpath")]
    if codes and "*" not in base_types and set(codes) < set(base_types) or "*" in base_types and len(codes) < 40:
        row["types"] = codes
    profiles, targets = [], []
    for kind in element.get("type", []):
        profiles += kind.get("profile", [])
        targets += kind.get("targetProfile", [])
    if profiles and [profiles] != [t[2] for t in base_types.values() if len(t) > 2]:
        row["profiles"] = profiles
    if targets:
        names = sorted({_type_of(url, definitions, known) for url in targets})
        if names != sorted({name for t in base_types.values() if len(t) > 1 for name in t[1]}):
            row["targets"] = names
        if any(not url.startswith(_CORE) or url[len(_CORE) :] != _type_of(url, definitions, known) for url in targets):
            row["targetProfiles"] = sorted(targets)


def _type_of(url: str, definitions: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    url = url.split("|", 1)[0]
    found = known.get(url) or definitions.get(url)
    return str(found["type"]) if found else url.rpartition("/")[2]


def _invariants(element: dict[str, Any], base: Row) -> dict[str, str]:
    inherited = base.get("invariants", {})
    return {
        rule["key"]: rule["expression"]
        for rule in element.get("constraint", [])
        if rule.get("severity") == "error"
        and rule.get("expression")
        and rule["key"] not in ("ele-1", "ext-1")
        and inherited.get(rule["key"]) != rule["expression"]
        and not rule["key"].startswith("dom-")
    }
