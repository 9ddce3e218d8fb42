"""What a guide's CapabilityStatement asks of a server, as facts: a line for each resource type.

    statement   canonical URL and version of the statement
    resources   type -> expectation, interactions, profiles, params, searches, includes, revincludes, operations

`params` are the guide's SearchParameters: expectation, kind, FHIRPath, and where there are any, the expectation of a list of
values (`or`) and of each comparator. `searches` are the parameters and combinations that a server is to answer. Expectations
are SHALL, SHOULD and MAY (https://hl7.org/fhir/R4/extension-capabilitystatement-expectation.html).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sojourn.fhir.packages import Package

Facts = dict[str, Any]
_CORE = "http://hl7.org/fhir/StructureDefinition/capabilitystatement-"
_EXPECTATION, _COMBINATION = _CORE + "expectation", _CORE + "search-parameter-combination"


def server_duties(package: Package) -> Facts | None:
    """The facts of the package's statement for servers; None when it has none."""
    for url, statement in package.of("CapabilityStatement").items():
        if statement["kind"] == "requirements" and statement["rest"][0]["mode"] == "server":
            defined = {(base, s["code"]): s for s in package.of("SearchParameter").values() for base in s["base"]}
            resources = {r["type"]: _resource(r, defined) for r in statement["rest"][0]["resource"]}
            return {"statement": f"{url}|{package.version}", "resources": dict(sorted(resources.items()))}
    return None


def _expected(element: Facts | None) -> str:
    """SHALL, SHOULD or MAY; MAY where nothing is said."""
    stated = [e["valueCode"] for e in (element or {}).get("extension", ()) if e["url"] == _EXPECTATION]
    return str(stated[0]) if stated else "MAY"


def _listed(resource: Facts, name: str) -> dict[str, str]:
    """A list of primitives with what is expected of each."""
    values = resource.get(name, ())
    beside = resource.get(f"_{name}", [None] * len(values))
    return {value: _expected(element) for value, element in zip(values, beside, strict=True)}


def _resource(resource: Facts, defined: dict[tuple[str, str], Facts]) -> Facts:
    params = {p["name"]: _param(p, defined[resource["type"], p["name"]]) for p in resource.get("searchParam", ())}
    alone = [[[name], row["expectation"]] for name, row in params.items() if row["expectation"] != "MAY"]
    together = [[_names(e), _expected(e)] for e in resource.get("extension", ()) if e["url"] == _COMBINATION]
    out: Facts = {
        "expectation": _expected(resource),
        "interactions": {i["code"]: _expected(i) for i in resource.get("interaction", ())},
        "profiles": {url.partition("|")[0]: how for url, how in _listed(resource, "supportedProfile").items()},
        "params": params,
        "searches": alone + sorted(together),
        "includes": _listed(resource, "searchInclude"),
        "revincludes": _listed(resource, "searchRevInclude"),
        "operations": {o["name"]: _expected(o) for o in resource.get("operation", ())},
    }
    return {name: value for name, value in out.items() if value}


def _names(combination: Facts) -> list[str]:
    return [str(e["valueString"]) for e in combination["extension"] if e["url"] == "required"]


def _param(stated: Facts, definition: Facts) -> Facts:
    compared = _asked(definition.get("comparator", ()), definition.get("_comparator", ()))
    out: Facts = {"expectation": _expected(stated), "kind": definition["type"], "path": definition["expression"], "url": definition["url"]}
    if (several := _expected(definition.get("_multipleOr"))) != "MAY":
        out["or"] = several
    if compared:
        out["comparators"] = compared
    return out


def _asked(values: Iterable[str], beside: Iterable[Facts | None]) -> dict[str, str]:
    """Those that are more than allowed."""
    found = {value: _expected(element) for value, element in zip(values, beside, strict=False)}
    return {value: how for value, how in found.items() if how != "MAY"}
