"""JSON in and out of FHIR without loss, and strictly: what a lax parser would hide is refused.

https://hl7.org/fhir/R4/json.html. Decimals keep their digits (`1.00` stays `1.00`), property order
is kept, and input on which two readers could disagree (a property given twice, NaN, a lone
surrogate) never gets past this module.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

MAX_DEPTH: Final = 64
"""Objects and arrays may be nested this deep; the deepest official example needs 15."""

MAX_VALUES: Final = 1_000_000
"""Of one body or line that comes from outside: as many take up to 200 MB of memory and two seconds; 40,000 observations have as many. What is a text of any length is one."""

_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode
_array_in_array = re.compile(rb"\[\[").search
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_CONTAINERS = frozenset({dict, list})


class BadJson(ValueError):
    """The text is not one JSON value that FHIR allows.

    `position` is the byte offset of the fault where it is known. The message names no value.
    """

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message if position is None else f"{message} (byte {position})")
        self.position = position


def loads(data: bytes | str) -> Any:
    """The JSON value in `data`: dict, list, str, int, Decimal, bool or None.

    Raises BadJson when the text is malformed, not UTF-8, nested deeper than MAX_DEPTH, has a
    property twice in one object, the character U+0000, a lone surrogate, or a number such as NaN.
    """
    raw = (_utf8(data) if isinstance(data, str) else bytes(data)).removeprefix(_BYTE_ORDER_MARK)
    try:
        value = _decode(raw)
    except msgspec.DecodeError as error:
        raise _malformed(error) from None
    except UnicodeDecodeError:
        raise BadJson("the text is not valid UTF-8", _utf8_fault(raw)) from None
    except RecursionError:
        raise BadJson(f"nested deeper than {MAX_DEPTH} levels") from None
    except (InvalidOperation, ValueError, OverflowError):
        raise BadJson("a number is too large to represent") from None
    try:
        again = _encode(value)
    except UnicodeEncodeError:
        raise BadJson("a string holds a lone surrogate") from None
    except RecursionError:
        raise BadJson(f"nested deeper than {MAX_DEPTH} levels") from None
    except ValueError:
        raise BadJson("a number is too large to represent") from None
    if raw.count(b"{") >= MAX_DEPTH // 2 or _array_in_array(again):
        _check_depth(value)
    if again != raw or b"\\" in raw:
        _check_unambiguous(raw, again)
    return value


def crowded(data: bytes) -> bool:
    """Whether this is more than anybody needs at once: a few bytes of JSON are a value that takes twenty times as many in memory. By its commas, so that a text full of them counts too."""
    return data.count(b",") >= MAX_VALUES


def again(data: bytes) -> Any:
    """What `dumps` wrote, as a value. Nothing is checked: for bytes that never left our hands."""
    return _decode(data)


def dumps(value: Any) -> bytes:
    """`value` as compact UTF-8 JSON; the digits of a Decimal are written as they are."""
    return _encode(value)


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise BadJson("the text holds a lone surrogate", error.start) from None


def _utf8_fault(raw: bytes) -> int | None:
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return error.start
    return None


def _malformed(error: msgspec.DecodeError) -> BadJson:
    """msgspec's messages say what the grammar wanted and where; they quote no input."""
    return BadJson(str(error).removeprefix("JSON is malformed: "))


def _check_depth(value: Any) -> None:
    """Level by level, so that the check itself needs no stack.

    Not called for text with so few objects, and no array directly in another, that it cannot be deep.
    """
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) is not str and type(child) in _CONTAINERS
        ]
        if not level:
            return
    raise BadJson(f"nested deeper than {MAX_DEPTH} levels")


def _check_unambiguous(raw: bytes, again: bytes) -> None:
    """Refuse duplicate properties, which msgspec silently drops all but the last of.

    Written out again, the value has exactly as many quotation marks as the text it came from
    unless a property was dropped (or a quotation mark was spelled as an escape), so counting
    them is an exact test at a fraction of the cost of looking at every object.
    """
    if b"\\" in raw and b"\\u" in raw:
        _check_escapes(raw, again)
    elif raw.count(b'"') != again.count(b'"'):
        _refuse_duplicates(raw)


def _check_escapes(raw: bytes, again: bytes) -> None:
    if b"\\u0000" in again:
        _refuse_nul(raw)
    if b"\\u0022" in raw or raw.count(b'"') != again.count(b'"'):
        _refuse_duplicates(raw)


def _refuse_nul(raw: bytes) -> None:
    """Look again at the characters: `\\\\u0000` is a backslash and five harmless characters."""
    if _holds_nul(_decode(raw)):
        raise BadJson("a string holds the character U+0000", _first_nul(raw))


def _holds_nul(value: Any) -> bool:
    stack = [value]
    while stack:
        item = stack.pop()
        if type(item) is str:
            if "\0" in item:
                return True
        elif type(item) is dict:
            stack.extend(item)
            stack.extend(item.values())
        elif type(item) is list:
            stack.extend(item)
    return False


def _first_nul(raw: bytes) -> int | None:
    at = raw.find(b"\\u0000")
    return at if at >= 0 else None


def _refuse_duplicates(raw: bytes) -> None:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, item in pairs:
            if name in found:
                shown = f" '{name}'" if name.isidentifier() and len(name) <= MAX_DEPTH else ""
                raise BadJson(f"the property{shown} occurs twice in one object")
            found[name] = item
        return found

    json.loads(raw, object_pairs_hook=once, parse_float=Decimal)
