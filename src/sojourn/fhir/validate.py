"""Validates a resource against FHIR R4 and the profiles it claims; every problem is listed.

    validate({"resourceType": "Patient", "gender": "?"})
    # [Issue("error", "code-invalid", "Patient.gender", "expected a code of the value set …")]

Works on any JSON value and never raises. See docs/validation.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sojourn.fhir.definitions import DEFINITIONS, RESOURCE_TYPES, Definitions, on_register
from sojourn.fhir.outcome import Issue
from sojourn.fhir.profiles import Profiles
from sojourn.fhir.validate_bundle import check_bundle, resolvable
from sojourn.fhir.validate_extensions import extension_check
from sojourn.fhir.validate_found import ERROR, LOCAL, Found, prefix
from sojourn.fhir.validate_objects import FAULTS, Shapes


def validate(resource: Any, profiles: Iterable[str] = ()) -> list[Issue]:
    """Everything wrong with the resource, errors and lesser findings, in order of occurrence.

    `profiles` are canonical URLs to check besides those that the resource claims in meta.profile.
    """
    return _validators[0].validate(resource, tuple(profiles))


class Validator:
    """The compiled checks of one set of definitions."""

    def __init__(self, definitions: Definitions) -> None:
        self._shapes = Shapes(definitions)
        self._profiles = Profiles(definitions)
        self._shapes.profile = self._profiles.check
        self._shapes.extension = extension_check(definitions, self._profiles)
        self._shapes.any_resource.check = self._inner
        self._shapes.contained.check = self._contained

    def validate(self, resource: Any, profiles: tuple[str, ...]) -> list[Issue]:
        """As the module's validate."""
        if type(resource) is not dict:
            return [Issue("error", "structure", "", "expected a JSON object")]
        found = Found()
        try:
            self._resource(resource, found, profiles)
        except RecursionError:
            found.append(["", ERROR, "too-long", "expected less nesting"])
        except FAULTS:  # a fault of ours: whoever sent the resource is to learn that it was not checked
            found.append(["", ERROR, "exception", "expected a resource that can be checked"])
        if not found:
            return []
        kind = resource.get("resourceType")
        label = kind if type(kind) is str and kind in RESOURCE_TYPES else ""
        if label:
            prefix(found, 0, label)
        return list(dict.fromkeys(Issue(severity, code, path, text) for path, severity, code, text in found))

    def _inner(self, value: Any, found: Found) -> None:
        """A resource within a Bundle entry or a parameter: a root of its own."""
        outer = found.resource, found.root
        self._resource(value, found)
        found.resource, found.root = outer

    def _contained(self, value: Any, found: Found) -> None:
        outer = found.resource
        found.resource = value
        self._checked(value, found, ())
        if "contained" in value:
            found.append(["contained", ERROR, "invariant", "dom-2: expected no contained resource within another"])
        meta = value.get("meta")
        if type(meta) is dict:
            if "versionId" in meta or "lastUpdated" in meta:
                found.append(["meta", ERROR, "invariant", "dom-4: expected no versionId or lastUpdated when contained"])
            if "security" in meta:
                found.append(["meta", ERROR, "invariant", "dom-5: expected no security label when contained"])
        found.resource = outer

    def _resource(self, value: dict[str, Any], found: Found, profiles: tuple[str, ...] = ()) -> None:
        found.resource = found.root = value
        start = len(found)
        kind = value.get("resourceType")
        if kind == "Bundle":
            outer, found.full_urls = found.full_urls, resolvable(value)
            self._checked(value, found, profiles)
            found.full_urls = outer
            check_bundle(value, found)
        else:
            self._checked(value, found, profiles)
        if len(found) > start:
            _resolve_local(value, found, start)
        if "contained" in value:
            _check_contained_used(value, found)

    def _checked(self, value: dict[str, Any], found: Found, profiles: tuple[str, ...]) -> None:
        kind = value.get("resourceType")
        if type(kind) is not str or kind not in RESOURCE_TYPES:
            found.append(["resourceType", ERROR, "structure", "expected the name of an R4 resource type"])
            return
        self._shapes.of(kind).check(value, found)
        meta = value.get("meta")
        claimed = meta.get("profile") if type(meta) is dict else None
        if profiles or claimed:
            self._claims(value, kind, found, (*profiles, *(claimed if type(claimed) is list else ())))

    def _claims(self, value: dict[str, Any], kind: str, found: Found, urls: tuple[Any, ...]) -> None:
        for index, url in enumerate(dict.fromkeys(url for url in urls if type(url) is str)):
            facts = self._profiles.facts(url)
            if facts is None:
                if url.removeprefix("http://hl7.org/fhir/StructureDefinition/") != kind:
                    found.append(["meta.profile", "information", "not-found", f"profile {index} is not known here and was not checked"])
            elif facts["type"] != kind:
                found.append(["meta.profile", ERROR, "value", f"expected profiles of {kind}"])
            else:
                check = self._profiles.check(url)
                if check is not None:
                    check(value, found)


def _resolve_local(root: dict[str, Any], found: Found, start: int) -> None:
    """Turn each `#id` noted on the way into an error unless the container holds it (ref-1)."""
    held = root.get("contained")
    ids = [item.get("id") for item in held if type(item) is dict] if type(held) is list else []
    kept = []
    for row in found[start:]:
        if row[1] == LOCAL:
            if row[2] == "" or row[2] in ids:
                continue
            row[1:] = [ERROR, "invariant", "ref-1: expected the id of a contained resource after #"]
        kept.append(row)
    found[start:] = kept


def _check_contained_used(root: dict[str, Any], found: Found) -> None:
    """dom-3: something in the resource points to each contained one, or it points back with `#`."""
    held = root["contained"]
    if type(held) is not list:
        return
    used = _local_ids(root)
    for index, item in enumerate(held):
        if type(item) is dict and str(item.get("id")) not in used and "" not in _local_ids(item):
            text = "dom-3: expected a reference to the contained resource from within the resource"
            found.append([f"contained[{index}]", ERROR, "invariant", text])


def _local_ids(value: Any) -> set[str]:
    """What follows `#` in any text of the value."""
    ids, stack = set(), [value]
    while stack:
        item = stack.pop()
        if type(item) is str:
            if item[:1] == "#":
                ids.add(item[1:])
        elif type(item) is dict:
            stack.extend(item.values())
        elif type(item) is list:
            stack.extend(item)
    return ids


_validators: Final = [Validator(DEFINITIONS)]


def _forget() -> None:
    _validators[0] = Validator(DEFINITIONS)


on_register(_forget)
