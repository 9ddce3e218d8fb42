"""What a US Core search means, said as plainly as possible over decoded resources: the judge of the server's answers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

Resource = dict[str, Any]
Span = tuple[datetime, datetime]

FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_WHERE = re.compile(r"^[A-Za-z]+\.extension\.where\(url='(?P<url>[^']+)'\)\.(?P<rest>\w+)$")
DATES = ("date", "dateTime", "instant", "Period")


def values(resource: Resource, full_paths: list[str]) -> list[Any]:
    """The values at the paths of a search parameter, one by one."""
    found: list[Any] = []
    for full in full_paths:
        extension = _WHERE.match(full)
        if extension:
            found += [e[extension["rest"]] for e in resource.get("extension", ()) if e["url"] == extension["url"] and extension["rest"] in e]
        else:
            found += _below(resource, full.split(".")[1:])
    return found


def _below(value: Any, steps: list[str]) -> list[Any]:
    if isinstance(value, list):
        return [v for item in value for v in _below(item, steps)]
    if not steps:
        return [] if value is None else [value]
    if not isinstance(value, dict):
        return []
    head, *rest = steps
    names = [k for k in value if k == head or (k.startswith(head) and k[len(head) : len(head) + 1].isupper() and head in CHOICES)]
    return [v for name in names for v in _below(value[name], rest)]


CHOICES = {"effective", "performed", "occurrence", "onset", "abatement", "value", "medication", "deceased", "reported", "product", "asNeeded", "multipleBirth"}


def texts_for(kind: str, value: Any) -> Iterator[str]:
    """How one may ask for a value: the ways that must find it."""
    if kind == "Reference":
        if "reference" in value:
            yield value["reference"]
            yield value["reference"].partition("/")[2]
    elif kind == "CodeableConcept":
        for coding in value.get("coding", ()):
            yield from texts_for("Coding", coding)
    elif kind in ("Coding", "Identifier"):
        code = value.get("code" if kind == "Coding" else "value")
        if code:
            yield _escaped(f"{value['system']}|{code}") if "system" in value else _escaped(code)
            yield _escaped(code)
    elif kind == "HumanName":
        yield from (_escaped(part) for part in parts_of(kind, value)[:2])
    elif kind == "Address":
        yield from (_escaped(part) for part in parts_of(kind, value)[:1])
        yield from (_escaped(value[k]) for k in ("city", "state", "postalCode") if k in value)
    elif kind == "Period":
        yield from (value[k] for k in ("start", "end") if k in value)
    elif isinstance(value, dict):  # a choice of date and period
        yield from texts_for("Period", value)
    else:
        yield _escaped(value) if kind not in DATES else value


def _escaped(text: str) -> str:
    for sign in "\\,$":
        text = text.replace(sign, "\\" + sign)
    return text


def _plain(text: str) -> str:
    return re.sub(r"\\([,$|\\])", r"\1", text)


def parts_of(kind: str, value: Any) -> list[str]:
    """The words of a name or address."""
    names = ("family", "given", "text", "prefix", "suffix") if kind == "HumanName" else ("line", "city", "district", "state", "postalCode", "country", "text")
    out: list[str] = []
    for name in names:
        part = value.get(name, [])
        out += part if isinstance(part, list) else [part]
    return out


def fold(text: str) -> str:
    """Without case, accents and runs of blanks."""
    parts = unicodedata.normalize("NFKD", text)
    return " ".join("".join(c for c in parts if not unicodedata.combining(c)).casefold().split())


def matches(kind: str, found: list[Any], text: str) -> bool:
    """Whether a parameter of the type with these values matches a text."""
    if kind in DATES:
        return dated([span_of(v) for v in found], text)
    return any(_matches(kind, value, text) for value in found)


def _matches(kind: str, value: Any, text: str) -> bool:
    if kind == "Reference":
        return value.get("reference") == text or ("/" not in text and value.get("reference", "").partition("/")[2] == text)
    if kind == "CodeableConcept":
        return any(_matches("Coding", coding, text) for coding in value.get("coding", ()))
    if kind in ("Coding", "Identifier"):
        system, bar, code = _plain(text).rpartition("|")
        return value.get("code" if kind == "Coding" else "value") == code and (not bar or value.get("system", "") == system)
    if kind in ("HumanName", "Address"):
        return any(fold(part).startswith(fold(_plain(text))) for part in parts_of(kind, value))
    if kind == "string":
        return fold(value).startswith(fold(_plain(text)))
    return bool(value == _plain(text))


def span(text: str) -> Span:
    """The time that a FHIR date covers, in UTC."""
    if re.fullmatch(r"\d{4}", text):
        return datetime(int(text), 1, 1, tzinfo=UTC), datetime(int(text) + 1, 1, 1, tzinfo=UTC)
    if re.fullmatch(r"\d{4}-\d\d", text):
        year, month = map(int, text.split("-"))
        return datetime(year, month, 1, tzinfo=UTC), datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    low = datetime.fromisoformat(text)
    if len(text) == 10:
        return low.replace(tzinfo=UTC), low.replace(tzinfo=UTC) + timedelta(days=1)
    digits = len(fraction[1]) if (fraction := re.search(r"\.(\d+)", text)) else 0
    length = timedelta(minutes=1) if re.search(r"T\d\d:\d\d(Z|[+-])", text) else timedelta(microseconds=10 ** (6 - min(digits, 6)))
    return low.astimezone(UTC), low.astimezone(UTC) + length


def span_of(value: Any) -> Span:
    """The time that a date or Period covers."""
    if isinstance(value, dict):
        return span(value["start"])[0] if "start" in value else FIRST, span(value["end"])[1] if "end" in value else LAST
    return span(value)


def dated(spans: list[Span], text: str) -> bool:
    """https://hl7.org/fhir/R4/search.html#prefix"""
    prefix, rest = (text[:2], text[2:]) if text[:2].isalpha() else ("eq", text)
    start, end = span(rest)
    tests = {
        "eq": lambda low, high: start <= low and high <= end,
        "gt": lambda low, high: high > end,
        "lt": lambda low, high: low < start,
        "ge": lambda low, high: high > end or (start <= low and high <= end),
        "le": lambda low, high: low < start or (start <= low and high <= end),
    }
    return any(tests[prefix](low, high) for low, high in spans)
