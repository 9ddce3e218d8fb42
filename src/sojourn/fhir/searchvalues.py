"""Values of search parameters: alternatives, escapes, codes, dates, numbers, references.

https://hl7.org/fhir/R4/search.html. Every reader either returns a value or raises SearchError, whatever it is given.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from sojourn.base.errors import SojournError
from sojourn.fhir import dates, quantities
from sojourn.fhir.fold import INDEXED, fold
from sojourn.fhir.query import Amount, Moment, Token
from sojourn.fhir.searchparams import COMPARATORS, SearchParam, resource_types
from sojourn.fhir.terms import contact_code, target_of

MAX_VALUE = 60_000
MAX_ALTERNATIVES = 1_000
ID = re.compile(r"[A-Za-z0-9.-]{1,64}", re.ASCII)
NUMBER = re.compile(r"[+-]?\d{1,40}(?:\.\d{1,40})?(?:[eE][+-]?\d{1,3})?", re.ASCII)
CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class SearchError(SojournError):
    """A search parameter could not be understood."""

    status = 400
    code = "invalid"

    def __init__(self, parameter: str, expected: str, *, supported: bool = True) -> None:
        shown = CONTROL.sub("?", parameter)[:80]
        super().__init__(f"{shown}: {expected}")
        self.parameter = shown
        self.expected = expected
        if not supported:
            self.code = "not-supported"  # type: ignore[misc]  # the one error family member with two codes


def split(text: str, sign: str) -> list[str]:
    """Part a text at a sign that no backslash stands before; escapes stay."""
    parts, start, i = [], 0, 0
    while i < len(text):
        if text[i] == "\\":
            i += 1
        elif text[i] == sign:
            parts.append(text[start:i])
            start = i + 1
        i += 1
    parts.append(text[start:])
    return parts


def unescape(text: str) -> str:
    """Take the escapes `\\,` `\\$` `\\|` `\\\\` out."""
    return re.sub(r"\\([,$|\\])", r"\1", text) if "\\" in text else text


def alternatives(name: str, value: str) -> list[str]:
    """The values that commas part, still escaped. Raises SearchError for none, too many, or what no value can hold."""
    if len(value) > MAX_VALUE:
        raise SearchError(name, f"the value is longer than {MAX_VALUE} characters")
    if CONTROL.search(value):
        raise SearchError(name, "the value has a control character")
    found = split(value, ",")
    if len(found) > MAX_ALTERNATIVES:
        raise SearchError(name, f"more than {MAX_ALTERNATIVES} alternatives")
    if any(not part.strip() for part in found):
        raise SearchError(name, "expected a value")
    return found


def token(name: str, param: SearchParam, text: str) -> Token:
    """`code`, `system|code`, `|code` or `system|`."""
    parts = [unescape(part) for part in split(text, "|")]
    if len(parts) > 2:
        raise SearchError(name, "expected code, system|code, |code or system|")
    if len(parts) == 1:
        return Token(None, _code(param, parts[0]))
    system, code = parts
    if not code:
        if not system:
            raise SearchError(name, "expected a code or a system")
        return Token(None, None) if system == param.implied_system else Token(system, None)
    if system and system == param.implied_system:
        return Token(None, code)
    return Token(system, _code(param, code))


def _code(param: SearchParam, code: str) -> str:
    """The code as it is indexed: telephone numbers and e-mail addresses in one spelling."""
    return contact_code(code) if "ContactPoint" in param.types else code


def of_type(name: str, text: str) -> Token:
    """`system|code|value` of an identifier's type."""
    parts = [unescape(part) for part in split(text, "|")]
    if len(parts) != 3 or not parts[1] or not parts[2]:
        raise SearchError(name, "expected the identifier's type and value as system|code|value")
    return Token(parts[0], f"{parts[1]}|{parts[2]}")


def string(name: str, text: str, mode: str = "starts") -> str:
    """A text, folded unless it is to be exact."""
    plain = unescape(text)
    found = plain if mode == "exact" else fold(plain)
    if len(plain) >= INDEXED:
        raise SearchError(name, f"expected fewer than {INDEXED} characters")
    if not found:
        raise SearchError(name, "expected a text with at least one letter, digit or sign")
    return found


def uri(name: str, text: str) -> str:
    """A uri as it is."""
    plain = unescape(text)
    if len(plain) >= INDEXED:
        raise SearchError(name, f"expected fewer than {INDEXED} characters")
    return plain


def prefixed(name: str, text: str) -> tuple[str, str]:
    """The comparison prefix (`eq` when there is none) and the rest."""
    if text[:2].isalpha():
        if text[:2] not in COMPARATORS:
            raise SearchError(name, f"expected one of the prefixes {', '.join(COMPARATORS)}")
        return text[:2], text[2:]
    return "eq", text


def moment(name: str, text: str) -> Moment:
    """A date with its prefix; a blank before the time zone is a plus that was not encoded."""
    prefix, rest = prefixed(name, unescape(text))
    if "T" in rest:
        rest = rest.replace(" ", "+")
    try:
        return Moment(prefix, *dates.bounds(rest))
    except ValueError:
        raise SearchError(name, "expected a date that exists, such as ge2024-03-01 or 2024-03-01T10:00:00Z") from None


def _amount(name: str, text: str) -> Amount:
    """A number with its prefix, no unit."""
    prefix, rest = prefixed(name, text)
    if not NUMBER.fullmatch(rest):
        raise SearchError(name, "expected a number, such as 5.4 or gt100")
    try:
        exact = Decimal(rest)
        low, high = quantities.approximate(exact) if prefix == "ap" else quantities.implied(exact)
    except (InvalidOperation, ArithmeticError):
        raise SearchError(name, "expected a number of ordinary size") from None
    return Amount(prefix, quantities.point(exact), low, high)


def number(name: str, text: str) -> Amount:
    """A number."""
    return _amount(name, unescape(text))


def quantity(name: str, text: str) -> Amount:
    """`number`, or `number|system|code`, where the system may be left empty."""
    parts = [unescape(part) for part in split(text, "|")]
    if len(parts) not in (1, 3):
        raise SearchError(name, "expected number or number|system|code")
    found = _amount(name, parts[0])
    if len(parts) == 1 or not (parts[1] or parts[2]):
        return found
    if not parts[2]:
        raise SearchError(name, "expected the unit's code after the system: number|system|code")
    return found._replace(system=parts[1] or None, code=parts[2])


def reference(name: str, param: SearchParam, text: str, limit: str, base: str) -> list[str]:
    """The targets that a value may mean: `Type/id`, a bare id (of each type that the parameter allows), or a URL.

    `limit` is the one type allowed by a modifier or by the parameter's own definition.
    """
    plain = uri(name, text)
    allowed = [limit] if limit else list(param.targets)
    if ID.fullmatch(plain):
        if "*" in allowed or (not allowed and "canonical" not in param.types):
            raise SearchError(name, "expected Type/id, because the parameter may point to any type")
        return [f"{target}/{plain}" for target in allowed] + ([plain] if {"canonical", "uri"} & param.types else [])
    target = target_of(plain, base)
    if target is None:
        raise SearchError(name, "expected Type/id, an id or a URL")
    kind = target.partition("/")[0]
    if kind in resource_types() and ":" not in target:
        return [target] if "*" in allowed or kind in allowed or not allowed else []
    if ":" not in target and not {"canonical", "uri"} & param.types:
        raise SearchError(name, "expected Type/id, an id or a URL")
    return [target]


def flag(name: str, text: str) -> bool:
    """`true` or `false`."""
    if text not in ("true", "false"):
        raise SearchError(name, "expected true or false")
    return text == "true"


def approximately(found: Moment, now: datetime) -> tuple[datetime, datetime]:
    """The interval that `ap` finds: widened by a tenth of its distance from now."""
    margin = abs(now - found.low.astimezone(UTC)) / 10
    try:
        return found.low - margin, found.high + margin
    except OverflowError:
        return found.low, found.high
