"""The narrative and the entries of a section, made together: each fact in data and in words.

A `Row` gives out the data types of HL7 v3 and says each of them in a cell; the entry refers to the words. Codes: a FHIR CodeableConcept becomes a CD
with its first coding and the others as translations (https://build.fhir.org/ig/HL7/ccda-on-fhir/mappingGuidance.html).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from sojourn.wire.ccda.markup import E
from sojourn.wire.ccda.oids import place

Json = dict[str, Any]
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def ts(text: str) -> str:
    """A FHIR dateTime or instant as a TS, as exact as it is but for parts of a second."""
    day, _, time = text.partition("T")
    if not time:
        return day.replace("-", "")
    zone = "+0000" if time.endswith("Z") else time[-6:].replace(":", "") if time[-6:-5] in ("+", "-") else ""
    return day.replace("-", "") + time.rstrip("Z").partition(".")[0][:8].replace(":", "") + zone


def day(text: str) -> str:
    """A FHIR dateTime as it is read: `Sep 14, 2026, 10:10 -04:00`."""
    date, _, time = text.partition("T")
    year, *rest = date.split("-")
    said = f"{_MONTHS[int(rest[0]) - 1]} {f'{int(rest[1])}, ' if len(rest) > 1 else ''}{year}" if rest else year
    zone = "UTC" if time.endswith("Z") else time[-6:] if time[-6:-5] in ("+", "-") else ""
    return f"{said}, {time[:5]} {zone}".rstrip() if time else said


def number(value: Any) -> str:
    """A number in its own digits."""
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def words(concept: Json | None) -> str:
    """A CodeableConcept or Coding in words: its text, else a display, else its code."""
    if not concept:
        return ""
    codings = concept.get("coding") or ([concept] if concept.get("code") or concept.get("display") else [])
    return str(concept.get("text") or next((c["display"] for c in codings if c.get("display")), "") or next((c["code"] for c in codings if c.get("code")), ""))


def unit_words(quantity: Json) -> str:
    """The unit as people read it."""
    return str(quantity.get("unit") or quantity.get("code") or "")


def ucum(quantity: Json) -> str:
    """The unit as UCUM; one that is no UCUM as an annotation, which UCUM reads as no unit."""
    if quantity.get("code") and quantity.get("system", "http://unitsofmeasure.org") == "http://unitsofmeasure.org":
        return str(quantity["code"])
    said = "".join(c if 32 < ord(c) < 127 and c not in "{}" else "_" for c in unit_words(quantity))
    return f"{{{said}}}" if said else ""


def measured(quantity: Json) -> str:
    """A Quantity in words."""
    return " ".join(filter(None, (str(quantity.get("comparator", "")), number(quantity["value"]) if "value" in quantity else "", unit_words(quantity))))


def coding(name: str, system: str, code: str, display: str = "", **more: str) -> E:
    """An element with a code: system a URL or an OID."""
    oid, named = place(system)
    return E(name, code=code, codeSystem=oid, codeSystemName=named, displayName=display, **more)


def _one(name: str, given: Json, said: str, **more: str) -> E:
    oid, named = place(given.get("system", ""))
    return E(name, code=str(given["code"]), codeSystem=oid, codeSystemName=named, displayName=str(given.get("display") or said), **more)


def coded(name: str, concept: Json | None, reference: str, *, first: Sequence[str] = (), only: bool = False, **more: str) -> E:
    """A CD or CE of a concept. first: systems that stand before others; only: no other may be the code itself, they become translations."""
    codings = [c for c in (concept or {}).get("coding", ()) if c.get("code")]
    codings.sort(key=lambda c: first.index(c.get("system", "")) if c.get("system") in first else len(first))
    said = words(concept)
    main = codings[0] if codings and not (only and codings[0].get("system") not in first) else None
    rest = codings[1:] if main else codings
    made = _one(name, main, said, **more) if main else E(name, nullFlavor="OTH" if codings or reference else "UNK", **more)
    if reference:
        made.add(E("originalText", E("reference", value=reference)))
    return made.add(*(_one("translation", c, "") for c in rest))


class Row:
    """One row of a section's table: words by column, each under an ID that entries refer to."""

    def __init__(self, mark: str) -> None:
        self.mark = mark
        self.cells: dict[str, list[tuple[str, str]]] = {}
        self._count = 0

    @property
    def reference(self) -> E:
        """The text of the whole statement: the row."""
        return E("text", E("reference", value=f"#{self.mark}"))

    def say(self, column: str, text: str) -> str:
        """Words in a column; the reference to them, '' for none."""
        if not text.strip():
            return ""
        self._count += 1
        mark = f"{self.mark}-{self._count}"
        self.cells.setdefault(column, []).append((mark, text))
        return f"#{mark}"

    def code(self, name: str, column: str, concept: Json | None, *, first: Sequence[str] = (), only: bool = False, **more: str) -> E:
        """A concept, said."""
        return coded(name, concept, self.say(column, words(concept)), first=first, only=only, **more)

    def fixed(self, name: str, column: str, oid: str, code: str, said: str, **more: str) -> E:
        """A code of ours, said."""
        self.say(column, said)
        return coding(name, oid, code, said, **more)

    def time(self, column: str, value: str, name: str = "effectiveTime", **more: str) -> E:
        """A moment, said; without one it is unknown."""
        if not value:
            return E(name, nullFlavor="UNK", **more)
        self.say(column, day(value))
        return E(name, value=ts(value), **more)

    def span(self, column: str, start: str, end: str = "", *, ended: bool = False, **more: str) -> E:
        """A time from and to, said. ended: it is over, also where nobody wrote when."""
        if start or end:
            self.say(column, f"{day(start) if start else '?'} to {day(end)}" if end and end != start else day(start))
        low = E("low", value=ts(start)) if start else E("low", nullFlavor="UNK")
        high = E("high", value=ts(end)) if end else E("high", nullFlavor="UNK") if ended else None
        return E("effectiveTime", low, high, **more)

    def quantity(self, name: str, column: str, given: Json, **more: str) -> E:
        """A quantity, said; one with < or > as the range that it is."""
        self.say(column, measured(given))
        sign = str(given.get("comparator", ""))
        if "value" not in given:
            return E(name, nullFlavor="UNK", **more)
        if not sign:
            return E(name, value=number(given["value"]), unit=ucum(given), **more)
        end = E("high" if "<" in sign else "low", value=number(given["value"]), unit=ucum(given), inclusive="true" if "=" in sign else "false")
        return E(name, end, **{**more, "xsi_type": "IVL_PQ"})


class Table:
    """The rows of a section under a short mark, and their entries."""

    def __init__(self, mark: str) -> None:
        self.mark = mark
        self.rows: list[Row] = []
        self.entries: list[E] = []

    def row(self) -> Row:
        """A new row."""
        self.rows.append(Row(f"{self.mark}{len(self.rows) + 1}"))
        return self.rows[-1]

    def text(self) -> E:
        """The narrative."""
        columns = list(dict.fromkeys(column for row in self.rows for column in row.cells))
        head = E("thead", E("tr", *(E("th", column) for column in columns)))
        body = E("tbody", *(E("tr", *(part for column in columns for part in (E("td", *_cell(row.cells.get(column, ()))), "\n")), ID=row.mark) for row in self.rows))
        return E("text", E("table", head, "\n", body))


def _cell(told: Sequence[tuple[str, str]]) -> list[E | str]:
    parts: list[E | str] = []
    for mark, text in told:
        lines = text.replace("\r\n", "\n").split("\n")
        inside: list[E | str] = [lines[0]]
        for line in lines[1:]:
            inside += ["\n", E("br"), line]
        parts += ["; " if parts else "", E("content", *inside, ID=mark)]
    return parts
