"""Numbers and quantities as closed ranges, and the implicit precision of a searched number.

https://hl7.org/fhir/R4/search.html#number: a value in a resource is a point (a Range is a range, a Quantity with a
comparator is open on one side); the number that is *searched for* stands for all numbers that round to it, so `5.4` finds
what lies in [5.35, 5.45). Ranges are floats: they find rows, they are never shown.
"""

from decimal import Decimal
from math import inf, nextafter
from typing import Any

Range = tuple[float, float]


def point(value: Any) -> float:
    """The number as a float; what is too large is infinite."""
    try:
        return float(value)
    except OverflowError:
        return inf if value > 0 else -inf


def quantity(value: dict[str, Any]) -> Range | None:
    """The range of a Quantity (or Money) by its comparator; None when it has no value."""
    number = value.get("value")
    if number is None:
        return None
    at = point(number)
    comparator = value.get("comparator")
    if comparator is None:
        return at, at
    return (-inf, at) if comparator[0] == "<" else (at, inf)


def spread(value: dict[str, Any]) -> Range | None:
    """The range of a FHIR Range; a missing end is open."""
    low, high = value.get("low", {}).get("value"), value.get("high", {}).get("value")
    if low is None and high is None:
        return None
    return (-inf if low is None else point(low)), (inf if high is None else point(high))


def sampled(value: dict[str, Any]) -> Range | None:
    """The range of a SampledData: its stated limits, or what its samples reach."""
    limits = value.get("lowerLimit"), value.get("upperLimit")
    if None not in limits:
        return point(limits[0]), point(limits[1])
    origin, factor = value.get("origin", {}).get("value"), value.get("factor", 1)
    if origin is None or not value.get("data"):
        return None
    samples = [Decimal(word) for word in value["data"].split() if word not in ("E", "U", "L")]
    if not samples:
        return None
    reached = sorted(point(origin + sample * factor) for sample in (min(samples), max(samples)))
    return reached[0], reached[1]


def implied(number: Decimal) -> Range:
    """The half-open range [low, high) of all numbers that round to this one at the precision it is written with."""
    exponent = number.as_tuple().exponent
    half = Decimal(5).scaleb(exponent - 1) if isinstance(exponent, int) else Decimal(0)
    low, high = point(number - half), point(number + half)
    return low, high if high > low else nextafter(low, inf)


def approximate(number: Decimal) -> Range:
    """The range that `ap` finds: ten per cent to either side, and never less than the number's own precision."""
    low, high = implied(number)
    margin = abs(point(number)) / 10
    return min(low, point(number) - margin), max(high, point(number) + margin)
