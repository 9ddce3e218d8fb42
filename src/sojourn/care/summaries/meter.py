"""What became of each piece of a clinical document: mapped, decided by, or kept there alone.

Mapped is what stands in a resource that its entry became; decided what is stated in meter.toml as said in FHIR's own words, or as holding the document
together. All else the document alone keeps, which stays whole in the chart, and the reconciliation lists it. Pure.
"""

from __future__ import annotations

import tomllib
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, Final, NamedTuple

from sojourn.care.exchange.arrived import There
from sojourn.care.summaries.mapping import Mapped
from sojourn.wire.ccda import values
from sojourn.wire.ccda.data import PERSON, data
from sojourn.wire.ccda.xml import parse, uncollected

_MEASURES: Final = ("@value",)


class Account(NamedTuple):
    """How many pieces were mapped, how many decided, and what the document alone keeps, by place, how often."""

    mapped: int
    decided: int
    kept: Counter[str]


def account(content: bytes, mapped: Sequence[Mapped], person: Mapping[str, Any], apart: Iterable[tuple[int, Mapping[str, Any]]] = ()) -> Account:
    """Of a document, what its statements became and the Patient that it describes. apart: by place, what has a statement that became none of its own. Raises BadDocument."""
    with uncollected():
        pieces = list(data(parse(content)))
    entries = sorted({d.entry for d in pieces} - {PERSON})
    made: dict[int, list[Mapping[str, Any]]] = {PERSON: [person]}
    for at, resource in (*((m.fact.at, m.resource) for m in mapped if m.resource is not None), *apart):
        if n := bisect_right(entries, at):
            made.setdefault(entries[n - 1], []).append(resource)
    there: dict[int, There] = {}
    counted = {"mapped": 0, "decided": 0}
    kept: Counter[str] = Counter()
    for d in pieces:
        if d.entry not in there:
            there[d.entry] = There(_plain(made.get(d.entry, ())), values.system_of)
        if there[d.entry].says(d.text, measured=d.place.endswith(_MEASURES)):
            counted["mapped"] += 1
        elif d.entry in made and _decides(d.place, d.text):
            counted["decided"] += 1
        else:
            kept[d.place] += 1
    return Account(counted["mapped"], counted["decided"], kept)


def _plain(made: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Without what the document did not say itself."""
    return [{k: v for k, v in r.items() if k != "extension" or r.get("resourceType") == "Patient"} for r in made]


def _decides(place: str, text: str) -> bool:
    table = _table()
    return place in table["places"] or place.rpartition("/")[2] in table["places"] or text in table["codes"]


@cache
def _table() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads((resources.files("sojourn.care.summaries") / "meter.toml").read_text())
