"""Facts about resource types as a CapabilityStatement states them: parameters, includes, profiles."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from sojourn.fhir.definitions import DEFINITIONS, RESOURCE_TYPES, TABLES
from sojourn.fhir.searchparams import PARAMS, SearchParam

# Understood by the parser of every search, not one of the definitions' parameters with values in the index.
_NEAR = frozenset({"near"})

US_CORE: Final = ("6.1.0", "7.0.0")
"""The versions of US Core whose duties of a server are kept (tables/hl7.fhir.us.core-*/server.json)."""


class Facts(NamedTuple):
    """What can be said of one resource type."""

    params: list[dict[str, str]]
    includes: list[str]
    revincludes: list[str]
    profiles: list[str]


@lru_cache(maxsize=256)
def of_type(type_: str) -> Facts:
    """The facts of a resource type, each list in order of name."""
    offered = _offered(type_)
    own = [p for p in offered if p.kind == "reference"]
    return Facts(search_params(type_), [f"{type_}:{p.code}" for p in own], list(_pointing_at().get(type_, ())), _profiles(type_))


def search_params(type_: str | None) -> list[dict[str, str]]:
    """Parameters of a type, or of every type."""
    return [{"name": p.code, "definition": p.url, "type": p.kind} for p in (_offered(type_) if type_ else PARAMS["Resource"].values())]


def _offered(type_: str) -> list[SearchParam]:
    return [p for code, p in sorted(PARAMS[type_].items()) if code not in _NEAR and p.kind != "special"]


@lru_cache(maxsize=1)
def _pointing_at() -> dict[str, tuple[str, ...]]:
    """Type -> the `_revinclude` values that lead to it."""
    found: dict[str, list[str]] = {}
    for source in sorted(RESOURCE_TYPES):
        for param in _offered(source):
            if param.kind == "reference":
                for target in RESOURCE_TYPES if param.targets == ("*",) else param.targets:
                    found.setdefault(target, []).append(f"{source}:{param.code}")
    return {target: tuple(sorted(values)) for target, values in found.items()}


@lru_cache(maxsize=4)
def _server(version: str) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode((TABLES / f"hl7.fhir.us.core-{version}" / "server.json").read_bytes())
    return found


def duties(version: str) -> dict[str, Any]:
    """Resource type -> what US Core asks of a server for it; the keys are those of tools/definitions/server.py."""
    found: dict[str, Any] = _server(version)["resources"]
    return found


def instantiated() -> list[str]:
    """Canonical URLs, with versions, of the statements that the server meets (tests/conformance holds it to them)."""
    return [_server(version)["statement"] for version in US_CORE]


def _profiles(type_: str) -> list[str]:
    """Canonical URLs of the profiles that validation enforces for the type."""
    return sorted(url for url, facts in DEFINITIONS.profiles.items() if facts.get("type") == type_)
