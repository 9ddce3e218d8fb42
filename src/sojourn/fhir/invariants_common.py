"""Constraints that nearly every resource is tested for, written out in Python.

Each stands for the FHIRPath that is its key. A test runs both over many objects and compares. On
an object whose parts have wrong types they may raise; the caller takes that as met, because the
parts are reported by themselves.
"""

from __future__ import annotations

from typing import Any, Final

from sojourn.fhir.codes import fixed_systems, is_value_set
from sojourn.fhir.invariants_compile import Scope, Test
from sojourn.fhir.primitives import base64_size, compare_dates


def _has(value: dict[str, Any], *names: str) -> bool:
    return any(name in value or "_" + name in value for name in names)


def _choice(value: dict[str, Any], name: str) -> bool:
    size = len(name)
    for key in value:
        if name in key:
            bare = key[1:] if key[0] == "_" else key
            if bare.startswith(name) and bare[size : size + 1].isupper():
                return True
    return False


def _narrower(value: Any, scope: Scope) -> bool:
    """per-1."""
    start = value.get("start")
    if start is None:
        return True
    end = value.get("end")
    return end is None or compare_dates(start, end) != 1


def _quantity_has_system(value: Any, scope: Scope) -> bool:
    """qty-3."""
    return "system" in value or not _has(value, "code") or "_system" in value


def _contact_point(value: Any, scope: Scope) -> bool:
    """cpt-2."""
    return "system" in value or not _has(value, "value") or "_system" in value


def _low_before_high(value: Any, scope: Scope) -> bool:
    """rng-2."""
    low, high = value.get("low"), value.get("high")
    if low is None or high is None:
        return True
    if (low.get("code") or low.get("unit")) != (high.get("code") or high.get("unit")):
        return True
    return "value" not in low or "value" not in high or low["value"] <= high["value"]


def _absent_or_value(value: Any, scope: Scope) -> bool:
    """obs-6."""
    return "dataAbsentReason" not in value or not _choice(value, "value")


def _component_codes_differ(value: Any, scope: Scope) -> bool:
    """obs-7."""
    components = value.get("component")
    if not components or not _choice(value, "value"):
        return True
    own = value["code"].get("coding", ())
    return not any(coding in own for part in components for coding in part["code"].get("coding", ()))


def _contact_has_details(value: Any, scope: Scope) -> bool:
    """pat-1."""
    return "name" in value or "telecom" in value or "address" in value or "organization" in value


def _named_or_identified(value: Any, scope: Scope) -> bool:
    """org-1, ipn-1."""
    return "name" in value or "identifier" in value or "_name" in value


def _reference_range(value: Any, scope: Scope) -> bool:
    """obs-3."""
    return "low" in value or "high" in value or _has(value, "text")


def _no_comparator(value: Any, scope: Scope) -> bool:
    """sqty-1."""
    return "comparator" not in value and "_comparator" not in value


def _attachment_type(value: Any, scope: Scope) -> bool:
    """att-1."""
    return "contentType" in value or not _has(value, "data") or "_contentType" in value


def _extension_or_value(value: Any, scope: Scope) -> bool:
    """ext-1."""
    return ("extension" in value) != _choice(value, "value")


def _value_or_reason(value: Any, scope: Scope) -> bool:
    """vs-2, us-core-2."""
    if "component" in value or "hasMember" in value or "dataAbsentReason" in value:
        return True
    return _choice(value, "value")


def _part_value_or_reason(value: Any, scope: Scope) -> bool:
    """vs-3."""
    return "dataAbsentReason" in value or _choice(value, "value")


def _vital_date(value: Any, scope: Scope) -> bool:
    """vs-1: at least a month."""
    return type(value) is not str or len(value) >= 8


def _day_or_finer(value: Any, scope: Scope) -> bool:
    """us-core-1."""
    return type(value) is not str or len(value) >= 10


def _ratio(value: Any, scope: Scope) -> bool:
    """rat-1."""
    both = "numerator" in value
    return both == ("denominator" in value) and (both or "extension" in value)


def _attachment_size(value: Any, scope: Scope) -> bool:
    if "data" not in value or "size" not in value:
        return True
    return bool(base64_size(value["data"]) == value["size"])


def _code_of_fhir(value: Any, scope: Scope) -> bool:
    codes = fixed_systems().get(value.get("system"))
    return codes is None or "code" not in value or value["code"] in codes


def _system_is_no_value_set(value: Any, scope: Scope) -> bool:
    return not is_value_set(value.get("system"))


def _supplement(value: Any, scope: Scope) -> bool:
    return "supplements" not in value or bool(value["content"] == "supplement")


BY_EXPRESSION: Final[dict[str, Test]] = {
    "start.hasValue().not() or end.hasValue().not() or (start <= end)": _narrower,
    "code.empty() or system.exists()": _quantity_has_system,
    "value.empty() or system.exists()": _contact_point,
    "low.empty() or high.empty() or (low <= high)": _low_before_high,
    "dataAbsentReason.empty() or value.empty()": _absent_or_value,
    "value.empty() or component.code.where(coding.intersect(%resource.code.coding).exists()).empty()": (
        _component_codes_differ
    ),
    "name.exists() or telecom.exists() or address.exists() or organization.exists()": _contact_has_details,
    "(identifier.count() + name.count()) > 0": _named_or_identified,
    "low.exists() or high.exists() or text.exists()": _reference_range,
    "comparator.empty()": _no_comparator,
    "data.empty() or contentType.exists()": _attachment_type,
    "(component.empty() and hasMember.empty()) implies (dataAbsentReason.exists() or value.exists())": (
        _value_or_reason
    ),
    "value.exists() or dataAbsentReason.exists()": _part_value_or_reason,
    "($this as dateTime).toString().length() >= 8": _vital_date,
    "$this is DateTime implies $this.toString().length() >= 10": _day_or_finer,
    "(numerator.empty() xor denominator.exists()) and (numerator.exists() or extension.exists())": _ratio,
}
"""FHIRPath as the definitions state it, to the function that stands for it."""

STRUCTURAL: Final[dict[str, tuple[tuple[str, Test], ...]]] = {
    "Extension": (("ext-1: expected either a value or nested extensions", _extension_or_value),),
    "Coding": (
        ("expected a code of the FHIR code system that is named", _code_of_fhir),
        ("expected a code system, not a value set", _system_is_no_value_set),
    ),
    "CodeSystem": (("expected content 'supplement', as it supplements another", _supplement),),
    "Attachment": (("expected size to be the number of bytes in data", _attachment_size),),
}
"""Constraints that the tables leave out or that FHIR states in prose, by type."""
