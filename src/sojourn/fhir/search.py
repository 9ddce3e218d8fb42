"""A search URL becomes a Query.

https://hl7.org/fhir/R4/search.html. Every parameter is either understood, or refused with a SearchError that names it and
says what was expected; under lenient handling a parameter that is not known at all is reported in `Query.ignored`.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sojourn.fhir import searchvalues as values
from sojourn.fhir.compartment import fixing_names
from sojourn.fhir.query import Condition, Include, Query, References, Sort
from sojourn.fhir.searchconditions import Asked, UnknownParameterError, ValueSets, condition, in_compartment
from sojourn.fhir.searchparams import PARAMS, SORTABLE, SearchParam, clinical_date, resource_types
from sojourn.fhir.searchvalues import SearchError

__all__ = ["SearchError", "UnknownParameterError", "parse"]

MAX_NAME = 500
MAX_PARAMETERS = 100
MAX_COUNT = 100_000_000
ELEMENT = re.compile(r"[A-Za-z][A-Za-z0-9]*(\.[A-Za-z][A-Za-z0-9]*)*", re.ASCII)
SUMMARIES = ("true", "false", "text", "data", "count")
PASSED = frozenset({"_format", "_pretty"})


@dataclass(slots=True)
class Reading:
    """A Query while it is read."""

    type: str | None
    types: tuple[str, ...]
    base: str
    value_sets: ValueSets
    given: list[str]
    where: list[Condition] = field(default_factory=list)
    sort: list[Sort] = field(default_factory=list)
    include: list[Include] = field(default_factory=list)
    revinclude: list[Include] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    passed: list[tuple[str, str]] = field(default_factory=list)


def parse(
    resource_type: str | None,
    params: Iterable[tuple[str, str]],
    *,
    handling: str = "strict",
    base: str = "",
    compartment: tuple[str, str] | None = None,
    value_sets: ValueSets | None = None,
) -> Query:
    """Read a search over a type, or over all types (None).

    `handling` is `strict` (an unknown parameter is an error) or `lenient`. `base` is our own base URL without a slash at the
    end. `compartment` limits the search, as in ("Patient", id). `value_sets` lists the codes of a value set by its URL for
    `:in`; without it none is known. Raises SearchError, and for an unknown resource type too.
    """
    sent = list(params)
    if resource_type is not None and resource_type not in resource_types():
        raise SearchError("resource type", "expected one of the R4 resource types")
    if len(sent) > MAX_PARAMETERS:
        raise SearchError("parameters", f"more than {MAX_PARAMETERS}")
    types = (resource_type,) if resource_type else _types(sent)
    reading = Reading(resource_type, types, base, value_sets or (lambda _url: None), [name for name, _ in sent])
    ignored, used = [], []
    for name, value in sent:
        if len(name) > MAX_NAME:
            raise SearchError(name, f"the name is longer than {MAX_NAME} characters")
        try:
            _read(reading, name, value)
            used.append((name, value))
        except UnknownParameterError:
            if handling != "lenient":
                raise
            ignored.append(name)
    if compartment:
        reading.where.append(in_compartment(types, *compartment))
    return Query(
        resource_type, types, tuple(reading.where), tuple(reading.sort), tuple(reading.include), tuple(reading.revinclude),
        passed=tuple(reading.passed), used=tuple(used), ignored=tuple(ignored), patient=_patient(reading), **reading.options,
    )  # fmt: skip


def _types(sent: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """The types of a search over several: those of `_type`, or all."""
    asked = [part for name, value in sent if name == "_type" for part in values.alternatives(name, value)]
    if any(part not in resource_types() for part in asked):
        raise SearchError("_type", "expected R4 resource types")
    return tuple(dict.fromkeys(asked)) or tuple(sorted(resource_types()))


def _read(reading: Reading, name: str, value: str) -> None:
    """Read one parameter."""
    head, _, modifier = name.partition(":")
    reader = CONTROLS.get(head)
    if reader is not None:
        reader(reading, name, modifier, value)
    elif head in PASSED and not modifier:
        reading.passed.append((name, value))
    else:
        reading.where.append(condition(Asked(reading.types, name, reading.base, reading.value_sets), name, value))


def _patient(reading: Reading) -> str | None:
    """The patient whose chart bounds the search."""
    if reading.type is None or len(reading.types) != 1:
        return None
    fixed = fixing_names(reading.type)
    for found in reading.where:
        if isinstance(found, References) and found.names in fixed:
            kind, _, owner = found.targets[0].partition("/") if len(found.targets) == 1 else ("", "", "")
            if kind == "Patient":
                return owner
    return None


def _once(reading: Reading, name: str, modifier: str) -> None:
    """Refuse a modifier, and a parameter given twice."""
    if modifier:
        raise SearchError(name, "no modifier is possible here", supported=False)
    if reading.given.count(name) > 1:
        raise SearchError(name, "expected once")


def _sort(reading: Reading, name: str, modifier: str, value: str) -> None:
    """`_sort=-date,name`."""
    _once(reading, name, modifier)
    for text in values.alternatives(name, value):
        code = text.removeprefix("-")
        reading.sort.append(_sort_key(reading, name, code, text.startswith("-")))


def _sort_key(reading: Reading, name: str, code: str, descending: bool) -> Sort:
    """One sort key."""
    if code == "_lastUpdated":
        return Sort((), "updated", descending)
    if code == "_id":
        return Sort((), "id", descending)
    if reading.type is None:
        raise SearchError(name, "expected _lastUpdated or _id in a search over several types")
    param = PARAMS[reading.type].get(code)
    if param is None:
        raise SearchError(name, f"expected search parameters of {reading.type}")
    if param.kind not in SORTABLE:
        raise SearchError(name, f"a {param.kind} parameter has no order; expected a date, number, quantity, string or uri", supported=False)
    if code == clinical_date(reading.type):
        return Sort((), "at", descending)
    return Sort(param.names, param.kind, descending)


def _count(reading: Reading, name: str, modifier: str, value: str) -> None:
    """`_count=20`; 0 asks for the number of matches only."""
    _once(reading, name, modifier)
    if not re.fullmatch(r"\d{1,9}", value, re.ASCII):
        raise SearchError(name, "expected a whole number")
    reading.options["count"] = min(int(value), MAX_COUNT)


def _total(reading: Reading, name: str, modifier: str, value: str) -> None:
    """`_total`: an estimate is answered exactly, because the planner's guess would count what may not be seen."""
    _once(reading, name, modifier)
    if value not in ("none", "estimate", "accurate"):
        raise SearchError(name, "expected none, estimate or accurate")
    reading.options["total"] = value != "none"


def _summary(reading: Reading, name: str, modifier: str, value: str) -> None:
    """`_summary`."""
    _once(reading, name, modifier)
    if value not in SUMMARIES:
        raise SearchError(name, f"expected one of {', '.join(SUMMARIES)}")
    reading.options["summary"] = value


def _elements(reading: Reading, name: str, modifier: str, value: str) -> None:
    """`_elements=id,status`."""
    _once(reading, name, modifier)
    found = values.alternatives(name, value)
    if not all(ELEMENT.fullmatch(part) for part in found):
        raise SearchError(name, "expected names of elements")
    reading.options["elements"] = tuple(found)


def _include(reading: Reading, name: str, modifier: str, value: str) -> None:
    """`_include=Observation:encounter:Encounter`, `Observation:*` or `*`."""
    for text in values.alternatives(name, value):
        found = _followed(reading, name, modifier, text)
        if not found.iterate and found.source not in (*reading.types, "*"):
            raise SearchError(name, f"expected {' or '.join(reading.types[:3])} before the colon, or the modifier iterate")
        reading.include.append(found)


def _revinclude(reading: Reading, name: str, modifier: str, value: str) -> None:
    """`_revinclude=Observation:encounter`."""
    for text in values.alternatives(name, value):
        found = _followed(reading, name, modifier, text)
        if not found.iterate and found.target and found.target not in reading.types:
            raise SearchError(name, f"expected the type searched for ({reading.types[0]}) at the end, or the modifier iterate")
        reading.revinclude.append(found)


def _followed(reading: Reading, name: str, modifier: str, text: str) -> Include:
    """The references that an include follows."""
    if modifier not in ("", "iterate"):
        raise SearchError(name, "expected no modifier but iterate", supported=False)
    iterate = modifier == "iterate"
    parts = text.split(":")
    if parts == ["*"]:
        return Include("*", None, None, iterate)
    source, code, target = (*parts, None, None)[:3]
    if len(parts) > 3 or not code:
        raise SearchError(name, "expected Type:parameter or Type:parameter:TargetType")
    if source not in resource_types() or (target is not None and target not in resource_types()):
        raise SearchError(name, "expected R4 resource types")
    if code == "*":
        return Include(source, None, target, iterate)
    param: SearchParam | None = PARAMS[source].get(code)
    if param is None or param.kind != "reference":
        raise SearchError(name, f"expected a reference parameter of {source}")
    allowed = (param.view,) if param.view else param.targets
    if target and "*" not in allowed and target not in allowed:
        raise SearchError(name, f"expected one of the types {', '.join(allowed)}")
    return Include(source, param.names, target or param.view or None, iterate)


def _type(reading: Reading, name: str, modifier: str, value: str) -> None:
    """`_type=Patient,Encounter`, read before everything else; here only checked."""
    _once(reading, name, modifier)
    if reading.type is not None:
        raise SearchError(name, "expected only in a search over several types")
    values.alternatives(name, value)


def _contained(reading: Reading, name: str, modifier: str, value: str) -> None:
    """`_contained=false`: contained resources are no matches of their own."""
    _once(reading, name, modifier)
    if value != "false":
        raise SearchError(name, "only false is offered: contained resources are not searched", supported=False)


CONTROLS: dict[str, Callable[[Reading, str, str, str], None]] = {
    "_sort": _sort, "_count": _count, "_total": _total, "_summary": _summary, "_elements": _elements, "_include": _include,
    "_revinclude": _revinclude, "_type": _type, "_contained": _contained,
}  # fmt: skip
