"""What US Core asks of each profile, derived from the compiled tables in the shape of Inferno's metadata (tests.conformance.checks)."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from sojourn.fhir.capability import duties
from sojourn.fhir.definitions import DEFINITIONS, elements, read_table

Facts = dict[str, Any]
VERSIONS = ("6.1.0", "7.0.0")
_TYPES = {
    "dateTime",
    "Period",
    "Reference",
    "CodeableConcept",
    "Coding",
    "Identifier",
    "HumanName",
    "Address",
    "string",
    "code",
    "date",
    "instant",
    "canonical",
    "id",
}


@cache
def profiles(version: str) -> dict[str, Facts]:
    """The compiled profiles of a version by canonical URL, without the extensions."""
    found = read_table(f"hl7.fhir.us.core-{version}")["profiles"]
    return {url: facts for url, facts in found.items() if facts["type"] != "Extension"}


@cache
def groups(version: str) -> dict[str, Facts]:
    """The facts of each profile by its id, as tests.conformance.checks.Group takes them."""
    out = {}
    for type_, asked in duties(version).items():
        for url, expectation in asked.get("profiles", {}).items():
            if url in profiles(version):
                out[url.rpartition("/")[2]] = _group(type_, f"{url}|{version}", asked, expectation)
    return dict(sorted(out.items()))


def _group(type_: str, url: str, asked: Facts, expectation: str) -> Facts:
    expected = {**asked.get("includes", {}), **asked.get("revincludes", {})}
    return {
        "name": url.rpartition("/")[2].partition("|")[0],
        "resource": type_,
        "profile_url": url,
        "interactions": [{"code": code, "expectation": how} for code, how in asked["interactions"].items()],
        "operations": [{"code": code, "expectation": how} for code, how in asked.get("operations", {}).items()],
        "searches": [{"names": names, "expectation": how} for names, how in asked.get("searches", ())],
        "search_definitions": {name: _definition(type_, row) for name, row in asked.get("params", {}).items()},
        "include_params": list(asked.get("includes", ())),
        "revincludes": list(asked.get("revincludes", ())),
        "expected": expected,
        "resource_conformance_expectation": asked["expectation"] if expectation == "SHALL" else expectation,
    }


def _definition(type_: str, row: Facts) -> Facts:
    paths = paths_of(type_, row["path"])
    kind = next((k for p in paths for k in _kinds(type_, p)), "string")
    values = sorted(code for path in paths for code in _required(type_, path))
    return {
        "full_paths": paths,
        "type": kind,
        "comparators": row.get("comparators", {}),
        "multiple_or": row.get("or", "MAY"),
        "values": values,
    }


def paths_of(type_: str, expression: str) -> list[str]:
    """The FHIRPath of a search parameter as plain element paths of the type (an extension's value by its url)."""
    out = []
    for part in expression.split("|"):
        plain = part.strip().replace("Resource.", f"{type_}.")
        plain = (
            re.sub(r"^\((.*) as \w+\)$|\.where\(resolve\(\) is \w+\)$|\.as\(\w+\)$", r"\1", plain) if "extension" not in plain else plain
        )
        if extension := re.fullmatch(r"\w+\.extension\.where\(url ?= ?'([^']+)'\)\.value", plain):
            plain = f"{type_}.extension.where(url='{extension[1]}').valueDateTime"
        out.append(plain)
    return list(dict.fromkeys(out))


def _element(type_: str, path: str) -> Any:
    at, found = type_, None
    for step in path.split(".")[1:]:
        found = next((e for e in elements(at) if e.name == step), None)
        if found is None:
            return None
        at = found.types[0].code
    return found


def _kinds(type_: str, path: str) -> list[str]:
    """FHIR types of the element; of several the one that a search asks for by its text."""
    if ".where(" in path:
        return ["dateTime"]
    if path.endswith(".id"):
        return ["string"]
    found = _element(type_, path)
    kinds = [t.code for t in found.types if t.code in _TYPES] if found else []
    return next(([k] for k in ("dateTime", "date", "Period") if k in kinds), kinds)


def _required(type_: str, path: str) -> list[str]:
    """Codes of a `code` element with a required binding."""
    found = None if ".where(" in path else _element(type_, path)
    if found is None or found.binding is None or found.binding[0] != "required" or found.types[0].code != "code":
        return []
    members = DEFINITIONS.value_sets.get(found.binding[1]) or {}
    listed = [codes if isinstance(codes, list) else DEFINITIONS.code_systems.get(system, []) for system, codes in members.items()]
    return [code for codes in listed for code in codes][:8]


# --- must support ----------------------------------------------------------------------------------------------------------------


def supported(version: str, url: str) -> dict[str, str]:
    """What a resource of the profile is to show -> `must support`, or `USCDI` for the additional requirements.

    The path of an element with its slices; of a choice each marked type (`effectiveDateTime`), of a reference each marked target (`subject -> Patient`).
    """
    out = {}
    for path, row in profiles(version)[url.partition("|")[0]]["elements"].items():
        if not path or not row.keys() & {"must", "uscdi"}:
            continue
        why = "must support" if "must" in row else "USCDI"
        out[path] = why
        if path.endswith("[x]") and "mustTypes" in row and "Reference" not in row["mustTypes"]:
            out |= {path[:-3] + code[:1].upper() + code[1:]: why for code in row["mustTypes"]}
        for target in row.get("mustTargets", ()):
            out[f"{path} -> {profiles(version)[target]['type']}"] = why
    return out


def shows(version: str, url: str, resource: Facts, path: str) -> bool:
    """Whether the resource has what `supported` names."""
    rows = profiles(version)[url.partition("|")[0]]["elements"]
    place, arrow, target = path.partition(" -> ")
    found = _values([resource], place.split("."), "", rows)
    return any(isinstance(v, dict) and v.get("reference", "").startswith(f"{target}/") for v in found) if arrow else bool(found)


def _values(parents: list[Any], steps: list[str], walked: str, rows: Facts) -> list[Any]:
    if not steps:
        return parents
    name, _, slice_ = steps[0].partition(":")
    walked = f"{walked}.{steps[0]}" if walked else steps[0]
    found = [v for parent in parents if isinstance(parent, dict) for v in _children(parent, name, slice_)]
    if slice_:
        found = [v for v in found if _in_slice(v, walked, rows)]
    return _values(found, steps[1:], walked, rows)


def _children(parent: Facts, name: str, slice_: str) -> list[Any]:
    if name.endswith("[x]"):
        start = name[:-3]
        keys = [
            k for k in parent if k.startswith(start) and k[len(start) :][:1].isupper() and (not slice_.startswith(start) or k == slice_)
        ]
    else:
        keys = [k for k in (name, f"_{name}") if k in parent]
    return [v for key in keys for v in (parent[key] if isinstance(parent[key], list) else [parent[key]])]


def _in_slice(value: Any, path: str, rows: Facts) -> bool:
    """Whether the value meets what tells the slice from others: fixed and pattern values, and the codes of a required binding."""
    by = [d.partition(":")[2] for d in rows.get(path.rpartition(":")[0], {}).get("slicing", {}).get("by", ())]
    for below, row in rows.items():
        if (below == path or below.startswith(path + ".")) and _tells(below[len(path) + 1 :], by):
            here = _values([value], below[len(path) + 1 :].split("."), path, rows) if below != path else [value]
            for key in ("fixed", "pattern"):
                if key in row and not any(_contains(v, row[key]) for v in here):
                    return False
            if below == path and "profiles" in row and isinstance(value, dict) and "url" in value and value["url"] not in row["profiles"]:
                return False
            if below == path and row.get("binding", [""])[0] == "required" and not _bound(value, row["binding"][1]):
                return False
    return True


def _tells(below: str, by: list[str]) -> bool:
    """Whether what stands there tells a slice from others: all of it where nothing is said, else what the discriminators name."""
    return not by or not below or any(d != "$this" and (below == d or below.startswith(f"{d}.")) for d in by)


def _contains(value: Any, pattern: Any) -> bool:
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(k in value and _contains(value[k], p) for k, p in pattern.items())
    if isinstance(pattern, list):
        return isinstance(value, list) and all(any(_contains(v, p) for v in value) for p in pattern)
    return bool(value == pattern)


def _bound(value: Any, value_set: str) -> bool:
    members = DEFINITIONS.value_sets.get(value_set)
    if not members:
        return True
    for coding in value.get("coding", [value]):
        codes = members.get(coding.get("system", ""), ())
        if codes is True:
            codes = DEFINITIONS.code_systems.get(coding["system"], ())
        if codes is None or coding.get("code") in codes:
            return True
    return False


def plain_values(resource: Facts, steps: list[str]) -> list[Any]:
    """Values at a path of elements of any resource, without profiles."""
    return _values([resource], steps, "", {}) if steps else [resource]
