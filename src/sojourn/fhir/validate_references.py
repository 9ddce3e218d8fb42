"""References: how they are written, which types they may point to, and whether they resolve here.

https://hl7.org/fhir/R4/references.html
"""

from __future__ import annotations

import re
from typing import Any, Final

from sojourn.fhir.definitions import RESOURCE_TYPES
from sojourn.fhir.validate_elements import Whole
from sojourn.fhir.validate_found import ERROR, LOCAL, Found

_ID: Final = r"[A-Za-z0-9\-.]{1,64}"
_LITERAL: Final = re.compile(
    rf"(?P<base>[a-z][a-z0-9+.-]*://?\S+?/)?(?P<type>[A-Za-z]+)/{_ID}(?:/_history/{_ID})?(?:#\S+)?"
)
_QUERY: Final = re.compile(r"(?P<type>[A-Za-z]+)\?\S+")


def reference_type(reference: str) -> str | None:
    """Resource type that a literal or conditional reference points to; None when it does not say."""
    told = _LITERAL.fullmatch(reference) or _QUERY.fullmatch(reference)
    if told is None or told["type"] not in RESOURCE_TYPES:
        return None
    return told["type"]


def points_to(targets: frozenset[str]) -> Whole:
    """A Reference that may point to resources of these types; to any when empty."""
    plain = re.compile(f"(?:{'|'.join(sorted(targets or RESOURCE_TYPES))})/{_ID}").fullmatch

    def whole(value: Any, found: Found) -> None:
        reference = value.get("reference")
        if type(reference) is str:
            if plain(reference) and "type" not in value:
                return
            _check(reference, value, targets, found)
        elif targets and _other_type(value.get("type"), targets):
            found.append(["type", ERROR, "value", _wanted(targets)])

    return whole


def _other_type(stated: Any, targets: frozenset[str]) -> bool:
    return type(stated) is str and stated in RESOURCE_TYPES and stated not in targets


def _wanted(targets: frozenset[str]) -> str:
    return "expected a reference to " + " or ".join(sorted(targets))


def _check(reference: str, value: dict[str, Any], targets: frozenset[str], found: Found) -> None:
    if reference[:1] == "#":
        found.append(["reference", LOCAL, reference[1:], ""])
        return
    if reference.startswith("urn:"):
        if found.full_urls is not None and reference not in found.full_urls:
            found.append(["reference", ERROR, "not-found", "expected the fullUrl of an entry of this Bundle"])
        return
    kind = reference_type(reference)
    if kind is None:
        if ":" not in reference and "?" not in reference:
            found.append(["reference", ERROR, "value", "expected [type]/[id], an absolute URL or #[id]"])
        return
    if targets and kind not in targets:
        found.append(["reference", ERROR, "value", _wanted(targets)])
    stated = value.get("type")
    if type(stated) is str and stated in RESOURCE_TYPES and stated != kind:
        found.append(["type", ERROR, "value", "expected the type that the reference names"])
