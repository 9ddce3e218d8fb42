"""Turns a FHIR package into tables of facts: what validation and search need, no prose.

The tables are plain JSON values:

    source       name, version, sha256, licence of the package they were compiled from
    primitives   name -> regular expression of its values, or null
    types        path -> kind, abstract, base, invariants, elements (`ELEMENT_KEYS` below)
    profiles     canonical URL -> what a profile or extension adds to its type (profile_facts)
    codesystems  canonical URL -> codes
    valuesets    canonical URL -> {system: [codes], or true for all of a code system in the tables,
                 or null where the codes cannot be told}; null where nothing can be told
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sojourn.fhir.expansion import Expander, Expansion, walk
from sojourn.fhir.packages import Package
from sojourn.fhir.profile_facts import profile_facts

Facts = dict[str, Any]

ELEMENT_KEYS: Final = {
    "name": "name without [x]",
    "choice": "true for value[x]",
    "min": "least number of values, absent for 0",
    "max": "greatest number of values, -1 for any; absent for 1",
    "types": "[code], [code, targets] or [code, targets, profiles] each; '#path' is a nested element",
    "binding": "[strength, value set]",
    "invariants": "key -> FHIRPath of the error-severity constraints stated at the element",
    "summary": "true when part of _summary=true",
    "modifier": "true when it can change the meaning of the rest",
}

_CORE: Final = "http://hl7.org/fhir/StructureDefinition/"
_SYSTEM_TYPE: Final = "http://hl7.org/fhirpath/System."
_FHIR_TYPE: Final = _CORE + "structuredefinition-fhir-type"
_REGEX: Final = _CORE + "regex"
_EVERYWHERE: Final = ("ele-1", "ext-1", "dom-2", "dom-3", "dom-4", "dom-5")
"""Invariants of every element or resource; validate_objects and validate state them once."""


def package_facts(package: Package, known: Facts | None = None) -> Facts:
    """The tables of one package. `known` are the tables of R4, for packages that build on it."""
    definitions = package.of("StructureDefinition")
    facts: Facts = {
        "source": {
            "name": package.name,
            "version": package.version,
            "sha256": package.sha256,
            "licence": package.licence,
        },
        "primitives": {},
        "types": {},
        "profiles": {},
    }
    for definition in definitions.values():
        if _is_type(definition):
            _add_type(definition, facts)
    types = facts["types"] or (known or {}).get("types", {})
    bases = {**(known or {}).get("profiles", {})}
    for url, definition in definitions.items():
        if definition.get("derivation") == "constraint" and definition.get("kind") != "logical":
            facts["profiles"][url] = profile_facts(definition, types, definitions, bases)
    facts.update(_code_facts(package, known))
    return facts


def _is_type(definition: dict[str, Any]) -> bool:
    return (
        definition.get("derivation") != "constraint"
        and definition.get("kind") != "logical"
        and definition["url"].startswith(_CORE)
    )


def _add_type(definition: dict[str, Any], facts: Facts) -> None:
    name, elements = definition["id"], definition["snapshot"]["element"]
    if definition["kind"] == "primitive-type":
        facts["primitives"][name] = _regex(elements)
        return
    types = facts["types"]
    types[name] = {
        "kind": definition["kind"],
        "abstract": definition["abstract"],
        "base": definition.get("baseDefinition", "").rpartition("/")[2],
        "invariants": error_invariants(elements[0]),
        "elements": [],
    }
    nested = {element["path"].rpartition(".")[0] for element in elements}
    for element in elements[1:]:
        path = element["path"]
        row = _row(element, definition["kind"] == "resource", path in nested)
        types[path.rpartition(".")[0]]["elements"].append(row)
        if path in nested:
            types[path] = {"kind": "backbone", "invariants": error_invariants(element), "elements": []}
            row.pop("invariants", None)


def _regex(elements: list[dict[str, Any]]) -> str | None:
    for element in elements:
        if element["path"].endswith(".value"):
            for kind in element.get("type", []):
                for extension in kind.get("extension", []):
                    if extension["url"] == _REGEX:
                        return str(extension["valueString"])
    return None


def _row(element: dict[str, Any], of_resource: bool, nested: bool) -> dict[str, Any]:
    leaf = element["path"].rpartition(".")[2]
    row: dict[str, Any] = {"name": leaf.removesuffix("[x]")}
    if leaf.endswith("[x]"):
        row["choice"] = True
    if element["min"]:
        row["min"] = element["min"]
    if element["max"] != "1":
        row["max"] = -1 if element["max"] == "*" else int(element["max"])
    row["types"] = [["#" + element["path"]]] if nested else _types(element, of_resource)
    binding = element.get("binding")
    if binding and binding.get("valueSet"):
        row["binding"] = [binding["strength"], binding["valueSet"].split("|", 1)[0]]
    invariants = error_invariants(element)
    if invariants:
        row["invariants"] = invariants
    if element.get("isSummary"):
        row["summary"] = True
    if element.get("isModifier"):
        row["modifier"] = True
    return row


def _types(element: dict[str, Any], of_resource: bool) -> list[list[Any]]:
    if "contentReference" in element:
        return [["#" + element["contentReference"].rpartition("#")[2]]]
    rows: list[list[Any]] = []
    for kind in element.get("type", []):
        row: list[Any] = [_type_code(kind, element["path"], of_resource)]
        targets = sorted(url.rpartition("/")[2] for url in kind.get("targetProfile", []))
        profiles = kind.get("profile", [])
        if targets or profiles:
            row.append(targets)
        if profiles:
            row.append(profiles)
        rows.append(row)
    return rows


def _type_code(kind: dict[str, Any], path: str, of_resource: bool) -> str:
    code = str(kind["code"])
    if not code.startswith(_SYSTEM_TYPE):
        return code
    if path.endswith(".id"):  # stated as string for resources, but the rules for `id` apply to them
        return "id" if of_resource and path.count(".") == 1 else "string"
    for extension in kind.get("extension", []):
        if extension["url"] == _FHIR_TYPE:
            return str(extension.get("valueUrl") or extension.get("valueUri"))
    return "string"


def error_invariants(element: dict[str, Any]) -> dict[str, str]:
    """Key to FHIRPath of the constraints of severity error, but for those of every element."""
    return {
        rule["key"]: rule["expression"]
        for rule in element.get("constraint", [])
        if rule.get("severity") == "error" and rule.get("expression") and rule["key"] not in _EVERYWHERE
    }


def _code_facts(package: Package, known: Facts | None) -> Facts:
    code_systems = dict(package.of("CodeSystem"))
    complete = {
        url: [code for code, _, _ in walk(resource.get("concept", []), ())]
        for url, resource in code_systems.items()
        if resource.get("content") == "complete"
    }
    earlier = known or {}
    expander = Expander(package.of("ValueSet"), code_systems, earlier)
    everything: Mapping[str, list[str]] = {**earlier.get("codesystems", {}), **complete}
    sets = {url: _set_facts(expander.expand(url), everything) for url in package.of("ValueSet")}
    return {"codesystems": complete, "valuesets": sets}


def _set_facts(expansion: Expansion | None, complete: Mapping[str, list[str]]) -> dict[str, Any] | None:
    if expansion is None:
        return None
    return {system: _codes(system, codes, complete) for system, codes in sorted(expansion.items())}


def _codes(system: str, codes: set[str] | None, complete: Mapping[str, list[str]]) -> Any:
    if codes is None:
        return None
    if system in complete and set(complete[system]) == codes:
        return True
    return sorted(codes)
