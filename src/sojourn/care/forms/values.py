"""What is typed becomes a FHIR value, and a FHIR value becomes words again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from sojourn.base.digits import digits
from sojourn.care.forms.model import Item, Json, value_of

_NUMBER: Final = re.compile(r"[+-]?\d{1,18}(\.\d{1,9})?")
_US_DATE: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_PARTIAL: Final = re.compile(r"\d{4}(-\d{2})?")
LONGEST: Final = {"string": 2000, "text": 60_000, "url": 2000}


class Unreadable(ValueError):
    """What was typed is no answer of this kind; the message says what one looks like and never what was typed."""


def parse(item: Item, text: str, unit: str = "") -> Json:
    """The value[x] of what was typed into a question that is not a choice. Raises Unreadable."""
    text = text.strip() if item.type != "text" else text.strip("\r\n").replace("\r\n", "\n")
    value = _PARSERS.get(item.type, _string)(item, text)
    if item.type == "quantity":
        value = {"valueQuantity": {"value": value["valueDecimal"], **_unit(item, unit)}}
    _within(item, value)
    return value


def _unit(item: Item, key: str) -> Json:
    chosen = item.units[int(key)] if digits(key) and int(key) < len(item.units) else item.units[0] if item.units else None
    if chosen is None:
        return {}
    return {"unit": str(chosen.get("display") or chosen.get("code")), **{k: chosen[k] for k in ("system", "code") if chosen.get(k)}}


def _string(item: Item, text: str) -> Json:
    longest = item.max_length or LONGEST.get(item.type, 2000)
    if len(text) > longest:
        raise Unreadable(f"Use at most {longest} characters.")
    return {"valueUri" if item.type == "url" else "valueString": text}


def _boolean(item: Item, text: str) -> Json:  # noqa: ARG001 - as every parser
    if text not in ("true", "false"):
        raise Unreadable("Choose yes or no.")
    return {"valueBoolean": text == "true"}


def _integer(item: Item, text: str) -> Json:  # noqa: ARG001 - as every parser
    if not re.fullmatch(r"[+-]?\d{1,9}", text):
        raise Unreadable("Write a whole number, such as 12.")
    return {"valueInteger": int(text)}


def _decimal(item: Item, text: str) -> Json:  # noqa: ARG001 - as every parser
    if not _NUMBER.fullmatch(text):
        raise Unreadable("Write a number, such as 12 or 12.5.")
    return {"valueDecimal": Decimal(text)}


def day(text: str) -> str:
    """A date as FHIR writes it, from `2024-05-01`, `2024-05`, `2024` or `5/1/2024`. Raises Unreadable."""
    if found := _US_DATE.fullmatch(text):
        text = f"{found[3]}-{int(found[1]):02}-{int(found[2]):02}"
    try:
        date.fromisoformat(text if len(text) == 10 else f"{text}-01" if len(text) == 7 else f"{text}-01-01")
    except ValueError:
        raise Unreadable("Write a date, such as 5/1/2024, or only a month (2024-05) or a year (2024).") from None
    if len(text) != 10 and not _PARTIAL.fullmatch(text):
        raise Unreadable("Write a date, such as 5/1/2024, or only a month (2024-05) or a year (2024).")
    return text


def _date(item: Item, text: str) -> Json:  # noqa: ARG001 - as every parser
    return {"valueDate": day(text)}


def _moment(item: Item, text: str) -> Json:  # noqa: ARG001 - as every parser
    if "T" not in text and " " not in text:
        return {"valueDateTime": day(text)}
    try:
        at = datetime.fromisoformat(text.replace(" ", "T"))
    except ValueError:
        raise Unreadable("Write a date and a time, such as 2024-05-01 14:30.") from None
    if at.tzinfo is None:
        return {"valueDateTime": f"{at:%Y-%m-%dT%H:%M:%S}Z"}
    return {"valueDateTime": at.isoformat(timespec="seconds")}


def _time(item: Item, text: str) -> Json:  # noqa: ARG001 - as every parser
    try:
        return {"valueTime": time.fromisoformat(text).strftime("%H:%M:%S")}
    except ValueError:
        raise Unreadable("Write a time, such as 14:30.") from None


_PARSERS: Final = {"boolean": _boolean, "integer": _integer, "decimal": _decimal, "quantity": _decimal, "date": _date, "dateTime": _moment, "time": _time}


def _within(item: Item, value: Json) -> None:
    kind, given = value_of(value)
    given = given.get("value") if kind == "Quantity" else given
    for limit, sign in ((item.least, -1), (item.most, 1)):
        limit = limit.get("value") if isinstance(limit, Mapping) else limit
        if limit is None:
            continue
        try:
            beyond = (Decimal(str(given)) - Decimal(str(limit))) * sign > 0 if kind in ("Integer", "Decimal", "Quantity") else (str(given) > str(limit)) == (sign > 0) and str(given) != str(limit)
        except InvalidOperation:
            continue
        if beyond:
            raise Unreadable(f"It must be {'at least' if sign < 0 else 'at most'} {limit}.")


def same(kind: str, one: Any, other: Any) -> bool:
    """Whether an answer is the one that a condition names. A coding: by code, and by system where the condition has one."""
    if kind == "Coding" and isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.get("code") == other.get("code") and (not other.get("system") or one.get("system") == other.get("system"))
    if kind == "Quantity" and isinstance(one, Mapping) and isinstance(other, Mapping):
        return _number(one.get("value")) == _number(other.get("value")) and _unit_of(one) == _unit_of(other)
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    numbers = _number(one), _number(other)
    return numbers[0] == numbers[1] if None not in numbers else bool(one == other)


def order(one: Any, other: Any) -> int | None:
    """-1, 0 or 1; None where the two cannot be put in order."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        if _unit_of(one) != _unit_of(other):
            return None
        one, other = one.get("value"), other.get("value")
    left, right = _number(one), _number(other)
    if left is not None and right is not None:
        return (left > right) - (left < right)
    if isinstance(one, str) and isinstance(other, str):
        return (one > other) - (one < other)
    return None


def _number(value: Any) -> Decimal | None:
    return Decimal(str(value)) if isinstance(value, int | float | Decimal) and not isinstance(value, bool) else None


def _unit_of(quantity: Mapping[str, Any]) -> Any:
    return quantity.get("code") or quantity.get("unit")


def words(answer: Mapping[str, Any]) -> str:
    """A value[x] as it is read: 3 May 2024, Yes, 12 mg."""
    kind, value = value_of(answer)
    if kind == "Boolean":
        return "Yes" if value else "No"
    if kind == "Coding":
        return str(value.get("display") or value.get("code") or "")
    if kind == "Quantity":
        return f"{_plain(value.get('value'))} {value.get('unit') or value.get('code') or ''}".strip()
    if kind in ("Date", "DateTime"):
        return _spelled(str(value))
    if kind == "Time":
        return str(value)[:5]
    if kind == "Decimal":
        return _plain(value)
    return "" if value is None else str(value)


def _plain(value: Any) -> str:
    return f"{Decimal(str(value)).normalize():f}" if value is not None else ""


def _spelled(text: str) -> str:
    try:
        on = date.fromisoformat(text[:10] if len(text) >= 10 else f"{text}-01" if len(text) == 7 else f"{text}-01-01")
    except ValueError:
        return text
    said = f"{on.day} {on:%b %Y}" if len(text) >= 10 else f"{on:%b %Y}" if len(text) == 7 else f"{on.year}"
    return f"{said}, {text[11:16]}" if len(text) > 15 else said


def typed(answer: Mapping[str, Any]) -> str:
    """A value[x] as somebody would have typed it."""
    kind, value = value_of(answer)
    if kind == "Boolean":
        return "true" if value else "false"
    if kind == "Quantity":
        return _plain(value.get("value"))
    if kind == "Decimal":
        return _plain(value)
    if kind == "DateTime":
        return str(value)[:16]
    if kind == "Time":
        return str(value)[:5]
    return str(value.get("display") or value.get("code") or "") if isinstance(value, Mapping) else str(value)
