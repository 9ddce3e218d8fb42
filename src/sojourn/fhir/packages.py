"""Reads a FHIR package (.tgz): its name, version, licence and the definitions in it.

https://confluence.hl7.org/display/FHIR/NPM+Package+Specification. Takes bytes and touches no
file system, so a package can come from anywhere.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from sojourn.fhir.codec import BadJson, loads

MAX_FILE: Final = 64 * 2**20
MAX_TOTAL: Final = 1024 * 2**20
"""Bytes after decompression; the largest official package has about 100 MiB."""

KINDS: Final = (
    "StructureDefinition",
    "ValueSet",
    "CodeSystem",
    "SearchParameter",
    "CompartmentDefinition",
    "CapabilityStatement",
)


class BadPackage(ValueError):
    """The file is not a FHIR package."""


@dataclass(frozen=True, slots=True)
class Package:
    """What a package says about itself, and its definitions by type and canonical URL."""

    name: str
    version: str
    licence: str
    sha256: str
    fhir_versions: tuple[str, ...]
    resources: dict[str, dict[str, dict[str, Any]]] = field(repr=False)

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """Canonical URL to resource, in order of URL."""
        return self.resources.get(kind, {})


def read_package(data: bytes) -> Package:
    """The package in these bytes of a .tgz.

    Raises BadPackage when it is no gzipped tar, has no package.json, or is unreasonably large.
    """
    about: dict[str, Any] | None = None
    resources: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in KINDS}
    for name, text in _members(data):
        if name == "package.json":
            about = _json(text, name)
        elif name.startswith(KINDS):
            resource = _json(text, name)
            kind, url = resource.get("resourceType"), resource.get("url")
            if kind in resources and isinstance(url, str):
                resources[kind][url] = resource
    if about is None:
        raise BadPackage("no package/package.json in it")
    return Package(
        name=str(about.get("name", "")),
        version=str(about.get("version", "")),
        licence=str(about.get("license", "")),
        sha256=hashlib.sha256(data).hexdigest(),
        fhir_versions=tuple(about.get("fhirVersions") or about.get("fhir-version-list") or ()),
        resources={kind: dict(sorted(found.items())) for kind, found in resources.items()},
    )


def _members(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The files directly in `package/`; examples and schemas lie in folders below it or beside."""
    total = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
            for member in archive:
                parts = member.name.split("/")
                if not member.isfile() or parts[-2:-1] != ["package"] or len(parts) > 3:
                    continue
                total += member.size
                if member.size > MAX_FILE or total > MAX_TOTAL:
                    raise BadPackage("unreasonably large")
                file = archive.extractfile(member)
                if file is not None and parts[-1].endswith(".json"):
                    yield parts[-1], file.read()
    except (tarfile.TarError, OSError, EOFError) as error:
        raise BadPackage("not a gzipped tar file") from error


def _json(text: bytes, name: str) -> dict[str, Any]:
    try:
        value = loads(text)
    except BadJson as error:
        raise BadPackage(f"{name}: {error}") from None
    if not isinstance(value, dict):
        raise BadPackage(f"{name} is not a JSON object")
    return value
