"""The primitive types of FHIR: which JSON values are allowed, and how dates compare.

https://hl7.org/fhir/R4/datatypes.html#primitive. A check returns None, or what was expected; it
never repeats the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

from sojourn.fhir.xhtml import check_xhtml

Check = Callable[[Any], str | None]

MAX_STRING: Final = 1024 * 1024
"""Characters; "strings SHALL NOT exceed 1MB in size"."""

_INT_RANGE: Final = {
    "integer": (-(2**31), 2**31 - 1),
    "unsignedInt": (0, 2**31 - 1),
    "positiveInt": (1, 2**31 - 1),
}
_YEAR: Final = r"([0-9]([0-9]([0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)"
_DATE: Final = _YEAR + r"(-(0[1-9]|1[0-2])(-(0[1-9]|[1-2][0-9]|3[0-1]))?)?"
_DAY: Final = _YEAR + r"-(0[1-9]|1[0-2])-(0[1-9]|[1-2][0-9]|3[0-1])"
_TIME: Final = r"([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?"
_ZONE: Final = r"(Z|(\+|-)((0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_OID: Final = r"urn:oid:[0-2](\.(0|[1-9][0-9]*))+"
_UUID: Final = r"urn:uuid:[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"

_PATTERNS: Final = {
    "id": (r"[A-Za-z0-9\-.]{1,64}", "1 to 64 letters, digits, '-' and '.'"),
    "code": (r"\S+( \S+)*", "a code: no leading, trailing or double spaces"),
    "oid": (_OID, "an OID such as urn:oid:1.2.3"),
    "uuid": (_UUID, "a UUID such as urn:uuid:c757873d-ec9a-4326-a141-556f43239520"),
    "time": (_TIME, "a time hh:mm:ss"),
}
_DATED: Final = {
    "date": (_DATE, "a date YYYY, YYYY-MM or YYYY-MM-DD"),
    "dateTime": (
        f"{_DATE}|{_DAY}T{_TIME}{_ZONE}",
        "a date YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with a time zone",
    ),
    "instant": (f"{_DAY}T{_TIME}{_ZONE}", "an instant YYYY-MM-DDThh:mm:ss with a time zone"),
}
_URIS: Final = ("uri", "url", "canonical")
ABSOLUTE: Final = re.compile(r"(?!urn:(?:oid|uuid):)[A-Za-z][A-Za-z0-9+.-]*:\S+").fullmatch
"""Admits only absolute URIs, but not those of OIDs and UUIDs, whose form is to be checked."""

_is_oid = re.compile(_OID).fullmatch
_is_uuid = re.compile(_UUID).fullmatch
_has_space = re.compile(r"\s").search
_has_control = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]").search
_is_base64 = re.compile(r"[A-Za-z0-9+/]*={0,2}").fullmatch


def check_for(kind: str) -> Check:
    """The check of a primitive type; unknown names are checked as strings."""
    if kind == "boolean":
        return _boolean
    if kind in _INT_RANGE:
        return _integer(kind)
    if kind == "decimal":
        return _decimal
    if kind in _PATTERNS:
        return _pattern(*_PATTERNS[kind])
    if kind in _DATED:
        return _dated(*_DATED[kind])
    if kind in _URIS:
        return _uri
    if kind == "base64Binary":
        return _base64
    if kind == "xhtml":
        return check_xhtml
    return check_string


def quick_test(kind: str) -> Callable[[str], object] | None:
    """A single regular expression that only admits valid values of a type, and most of them.

    What it does not admit is for check_for to decide; it spares the frequent case a call.
    """
    if kind in _URIS:
        return re.compile(r"(?!urn:(?:oid|uuid):)\S+").fullmatch
    if kind in _DATED:
        quick = _DATED[kind][0].replace("(0[1-9]|[1-2][0-9]|3[0-1])", "(0[1-9]|1[0-9]|2[0-8])")
        return re.compile(quick).fullmatch
    return re.compile(_PATTERNS[kind][0]).fullmatch if kind in _PATTERNS else None


def check_code(codes: frozenset[str], value_set: str) -> Check:
    """A code of a required value set."""

    def check(value: Any) -> str | None:
        if type(value) is str and value in codes:
            return None
        return f"expected a code of the value set {value_set}"

    return check


def check_string(value: Any) -> str | None:
    """Text with at least one character that is not white space, and no control characters."""
    if type(value) is not str:
        return "expected a string"
    if not value or value.isspace():
        return "expected a string that is not empty"
    if not value.isprintable() and _has_control(value):
        return "expected no control characters but tab, line feed and carriage return"
    if len(value) > MAX_STRING:
        return "expected at most 1048576 characters"
    return None


def _boolean(value: Any) -> str | None:
    return None if value is True or value is False else "expected true or false"


def _integer(kind: str) -> Check:
    low, high = _INT_RANGE[kind]

    def check(value: Any) -> str | None:
        if type(value) is int and low <= value <= high:
            return None
        return f"expected a whole number from {low} to {high} without decimal point"

    return check


def _decimal(value: Any) -> str | None:
    if type(value) is Decimal or type(value) is int:
        return None
    if type(value) is float and value - value == 0:
        return None
    return "expected a number"


def _pattern(pattern: str, wanted: str) -> Check:
    fits = re.compile(pattern).fullmatch

    def check(value: Any) -> str | None:
        return None if type(value) is str and fits(value) else f"expected {wanted}"

    return check


def _dated(pattern: str, wanted: str) -> Check:
    fits = re.compile(pattern).fullmatch

    def check(value: Any) -> str | None:
        if type(value) is not str or not fits(value):
            return f"expected {wanted}"
        if len(value) >= 10 and value[8:10] > "28" and not _day_exists(value):
            return "expected a day that the month has"
        return None

    return check


def _day_exists(value: str) -> bool:
    try:
        date(int(value[:4]), int(value[5:7]), int(value[8:10]))
    except ValueError:
        return False
    return True


def _uri(value: Any) -> str | None:
    if type(value) is not str or not value:
        return "expected a URI"
    if _has_space(value):
        return "expected a URI without white space"
    if not value.startswith("urn:"):
        return None
    if value.startswith("urn:oid:") and not _is_oid(value):
        return "expected an OID such as urn:oid:1.2.3"
    if value.startswith("urn:uuid:") and not _is_uuid(value):
        return "expected a UUID such as urn:uuid:c757873d-ec9a-4326-a141-556f43239520"
    return None


def check_absolute(value: Any) -> str | None:
    """A URI that stands by itself: the system of a code, the url of a definition."""
    told = _uri(value)
    return told or (None if ":" in value else "expected an absolute URI")


def _base64(value: Any) -> str | None:
    if type(value) is not str or not value:
        return "expected base64"
    packed = value if value.isalnum() else "".join(value.split())
    if len(packed) % 4 or not _is_base64(packed):
        return "expected base64, in groups of four characters"
    return None


def base64_size(value: str) -> int:
    """Number of bytes that valid base64 stands for."""
    packed = "".join(value.split())
    return len(packed) // 4 * 3 - packed[-2:].count("=")


_PARTS: Final = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?"
)


def compare_dates(one: str, other: str) -> int | None:
    """-1, 0 or 1 as `one` is before, equal to or after `other`.

    None when that cannot be told: they differ in precision and agree as far as both go, or one is
    no date. https://hl7.org/fhirpath/N1/#greater-than
    """
    if len(one) == len(other) and one[19:] == other[19:]:  # the same precision, fraction and time zone
        return (one > other) - (one < other)
    left, right = _PARTS.fullmatch(one), _PARTS.fullmatch(other)
    if not left or not right:
        return None
    if left.lastindex and right.lastindex and left[4] and right[4] and left[8] and right[8]:
        return _compare_moments(left, right)
    for index in (1, 2, 3, 4, 5, 6):
        mine, theirs = left[index], right[index]
        if mine is None or theirs is None:
            return 0 if mine is theirs else None
        if mine != theirs:
            return -1 if mine < theirs else 1
    return 0


def _compare_moments(left: re.Match[str], right: re.Match[str]) -> int | None:
    try:
        mine, theirs = _moment(left), _moment(right)
    except (ValueError, OverflowError):
        return None
    return (mine > theirs) - (mine < theirs)


def _moment(parts: re.Match[str]) -> tuple[datetime, Decimal]:
    """UTC to the second, and the fraction; a leap second counts as the one after it."""
    year, month, day, hour, minute = (int(parts[i]) for i in range(1, 6))
    zone = parts[8]
    offset = timedelta() if zone == "Z" else timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
    offset = -offset if zone[0] == "-" else offset
    whole = datetime(year, month, day, hour, minute, tzinfo=timezone(offset))
    whole += timedelta(seconds=int(parts[6] or 0))
    return whole.astimezone(UTC), Decimal(f"0.{parts[7] or 0}")
