"""What was read off a test that is done here, as FHIR: Observations and the report that holds them.

https://hl7.org/fhir/R4/observation.html, https://hl7.org/fhir/R4/diagnosticreport.html; what a report of a laboratory says: 42 CFR
493.1291(c): who was tested, where, when it was reported, which test, the specimen, the result with its units. (A waived test is bound to
the instructions of its maker alone, 42 CFR 493.15(e); its report says the same here.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from sojourn.base import errors
from sojourn.care.orders.components import CHOICES, LOINC, NUMBER, SNOMED, WORDS, Component, number
from sojourn.care.resources import CARE, code_of, ref
from sojourn.gate.preparing import instant

ENTRY: Final = "https://sojourn.example/fhir/NamingSystem/result-entry"
"""Under this system a report names the form by which it was entered here."""
LOT: Final = "https://sojourn.example/fhir/StructureDefinition/kit-lot"
EXPIRY: Final = "https://sojourn.example/fhir/StructureDefinition/kit-expiry"
SITE: Final = "https://sojourn.example/fhir/StructureDefinition/tested-at"
SHAPE: Final = "https://sojourn.example/fhir/StructureDefinition/panel-component-kind"
CLIA: Final = "urn:oid:2.16.840.1.113883.4.7"
"""CLIA numbers, as US Core has them on an Organization (http://hl7.org/fhir/us/core/StructureDefinition/us-core-organization)."""
FLAGS: Final = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
_FLAG_WORDS: Final = {"POS": "Positive", "NEG": "Negative", "DET": "Detected", "ND": "Not detected", "H": "High", "L": "Low", "N": "Normal"}
_UCUM: Final = "http://unitsofmeasure.org"
_UNITS: Final = frozenset(
    (
        "mg/dL",
        "g/dL",
        "g/L",
        "10*3/uL",
        "10*6/uL",
        "10*9/L",
        "%",
        "fL",
        "pg",
        "mmol/L",
        "umol/L",
        "ug/dL",
        "ng/mL",
        "U/L",
        "m[IU]/mL",
        "meq/L",
    )
)
"""Units that are written alike in UCUM; another goes as words only."""
_CATEGORY: Final = {
    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory", "display": "Laboratory"}]
}
_SECTION: Final = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "LAB", "display": "Laboratory"}]}
_NUMBER: Final = re.compile(r"^(<=|>=|<|>|≤|≥)?\s*(-?\d{1,9}(?:\.\d{1,6})?)$")
_COMPARATORS: Final = {"≤": "<=", "≥": ">="}


class Site(NamedTuple):
    """A place where we test, with its certificate."""

    clia: str
    name: str


def sites(rows: Any) -> list[Site]:
    """From the rule `orders.clia`: a number and a name in each row."""
    found = [Site(*(part.strip() for part in str(row).strip().partition(" ")[::2])) for row in rows or () if str(row).strip()]
    return [s._replace(name=s.name or s.clia) for s in found]


@dataclass(frozen=True, slots=True)
class Found:
    """One component and what was read: a key of its choices, a number with or without a comparator, or words; '' for not read."""

    component: Component
    said: str

    @property
    def open(self) -> bool:
        """Whether it is not the last word."""
        return any(c.open and c.key == self.said for c in self.component.choices)


@dataclass(frozen=True, slots=True)
class Reading:
    """What somebody says about one test. key: of the open form. preliminary: a confirmation follows. site: where, or None."""

    key: str
    collected: datetime
    tested: datetime
    found: tuple[Found, ...]
    kit: str = ""
    lot: str = ""
    expiry: date | None = None
    comment: str = ""
    note: str = ""
    preliminary: bool = False
    site: Site | None = None

    @property
    def status(self) -> str:
        """Of its report: preliminary as long as something of it is."""
        return "preliminary" if self.preliminary or any(f.open for f in self.found) else "final"

    @property
    def device(self) -> str:
        """The kit in words, for the history of its order."""
        return ", ".join(
            filter(None, (self.kit, self.lot and f"lot {self.lot}", self.expiry.strftime("good until %-d %b %Y") if self.expiry else ""))
        )

    @property
    def read(self) -> tuple[Found, ...]:
        """Components that were read."""
        return tuple(f for f in self.found if f.said)


@dataclass(frozen=True, slots=True)
class About:
    """What every resource of a result has in common."""

    request: Mapping[str, Any]
    agent: str
    specimen: str
    labels: Mapping[str, Any] = field(default_factory=dict)

    @property
    def base(self) -> dict[str, Any]:
        """Of the client, from the order."""
        kept = {k: self.request[k] for k in ("subject", "encounter") if k in self.request}
        return {
            **kept,
            "basedOn": [ref("ServiceRequest", str(self.request["id"]))],
            **({"specimen": ref("Specimen", self.specimen)} if self.specimen else {}),
            **self.labels,
        }


def observation(about: About, test: Reading, found: Found, id_: str, status: str) -> dict[str, Any]:
    """One component as an Observation. Raises Malformed for what is no answer to it."""
    one = found.component
    codes = [*([{"system": LOINC, "code": one.code}] if one.code else []), {"system": CARE, "code": f"test-{one.key}"}]
    said = [(SHAPE, "valueCode", one.kind), (LOT, "valueString", test.lot), (EXPIRY, "valueDate", test.expiry.isoformat() if test.expiry else "")]
    return {
        "resourceType": "Observation", "id": id_, "status": status, "category": [_CATEGORY], "code": {"coding": codes, "text": one.title}, **about.base, **value(found),
        "effectiveDateTime": instant(test.collected), "issued": instant(test.tested), "performer": [{"reference": about.agent}],
        **({"method": {"text": test.kit}} if test.kit else {}), "extension": [*({"url": url, name: text} for url, name, text in said if text), *_site(test)],
    }  # fmt: skip


def value(found: Found) -> dict[str, Any]:
    """The value of a component with its usual range and how unusual it is. Raises Malformed."""
    one, said = found.component, found.said.strip()
    if one.kind == NUMBER:
        return _quantity(one, said)
    if one.kind == WORDS:
        return {"valueString": said[:1000]}
    choice = next((c for c in one.choices if c.key == said), None)
    if choice is None:
        raise errors.Malformed(f"{one.title}: choose what it shows.")
    return {
        "valueCodeableConcept": {"coding": [{"system": SNOMED, "code": choice.code, "display": choice.text}], "text": choice.text},
        **_interpretation(choice.flag),
    }


def _quantity(one: Component, said: str) -> dict[str, Any]:
    read = _NUMBER.match(said)
    if read is None:
        raise errors.Malformed(f"{one.title}: write a number, such as 4.1 or <0.5.")
    comparator, text = _COMPARATORS.get(read[1] or "", read[1] or ""), read[2]
    unit = {"unit": one.unit, **({"system": _UCUM, "code": one.unit} if one.unit in _UNITS else {})} if one.unit else {}
    made: dict[str, Any] = {"valueQuantity": {"value": _json(text), **({"comparator": comparator} if comparator else {}), **unit}}
    if one.low or one.high:
        made["referenceRange"] = [
            {name: {"value": _json(limit), **unit} for name, limit in (("low", one.low), ("high", one.high)) if limit}
        ]
        made |= _interpretation(_beyond(number(text, one.title), comparator, one))
    return made


def _beyond(read: Decimal, comparator: str, one: Component) -> str:
    """H, L or N; '' where a comparator leaves it open."""
    low, high = (Decimal(limit) if limit else None for limit in (one.low, one.high))
    if comparator.startswith("<"):
        if low is not None and (read < low or (read == low and comparator == "<")):
            return "L"
        return "N" if low is None and high is not None and read <= high else ""
    if comparator.startswith(">"):
        if high is not None and (read > high or (read == high and comparator == ">")):
            return "H"
        return "N" if high is None and low is not None and read >= low else ""
    return "H" if high is not None and read > high else "L" if low is not None and read < low else "N"


def _json(text: str) -> int | float:
    made = Decimal(text)
    return int(made) if made == made.to_integral_value() else float(made)


def _interpretation(flag: str) -> dict[str, Any]:
    return {"interpretation": [{"coding": [{"system": FLAGS, "code": flag, "display": _FLAG_WORDS[flag]}]}]} if flag else {}


def _site(test: Reading) -> list[dict[str, Any]]:
    """Where it was tested. An extension: of a reference, a reader whose sight is narrowed gets neither identifier nor words (gate/visible.py)."""
    if test.site is None:
        return []
    return [{"url": SITE, "extension": [{"url": "name", "valueString": test.site.name}, {"url": "certificate", "valueIdentifier": {"system": CLIA, "value": test.site.clia}}]}]


def report(about: About, test: Reading, id_: str, results: Sequence[str], status: str) -> dict[str, Any]:
    """The report that holds them. results: ids of its Observations, in the order of the test."""
    base, site = about.base, _site(test)
    specimen = {"specimen": [base.pop("specimen")]} if "specimen" in base else {}
    return {
        "resourceType": "DiagnosticReport", "id": id_, "identifier": [{"system": ENTRY, "value": test.key}], "status": status, "category": [_SECTION], "code": about.request["code"], **base, **specimen,
        "effectiveDateTime": instant(test.collected), "issued": instant(test.tested), "performer": [{"reference": about.agent}], "result": [ref("Observation", r) for r in results], **({"extension": site} if site else {}),
        **({"conclusion": test.comment.strip()} if test.comment.strip() else {}),
    }  # fmt: skip


def component(observation: Mapping[str, Any]) -> Component | None:
    """The component that a value entered here is of, with the range that it was entered with; None for a value that was not."""
    concept_ = observation.get("code") or {}
    key = code_of(concept_).removeprefix("test-") if code_of(concept_).startswith("test-") else ""
    if not key:
        return None
    kind = next((str(e.get("valueCode", "")) for e in observation.get("extension") or () if e.get("url") == SHAPE), WORDS)
    limits: Mapping[str, Any] = next(iter(observation.get("referenceRange") or ()), {})
    low, high = (str(value) if (value := (limits.get(name) or {}).get("value")) is not None else "" for name in ("low", "high"))
    return Component(
        key,
        str(concept_.get("text", "")),
        kind,
        code_of(concept_, LOINC),
        "",
        str((observation.get("valueQuantity") or {}).get("unit", "")),
        low,
        high,
    )


def said(observation: Mapping[str, Any]) -> str:
    """What was read, as the form has it; '' for what was taken back."""
    if observation.get("status") == "entered-in-error":
        return ""
    if isinstance(quantity := observation.get("valueQuantity"), Mapping):
        return f"{quantity.get('comparator', '')}{quantity.get('value', '')}"
    if "valueString" in observation:
        return str(observation["valueString"])
    code = code_of(observation.get("valueCodeableConcept"), SNOMED)
    return next((c.key for some in CHOICES.values() for c in some if c.code == code), "")


class Kit(NamedTuple):
    """With what a value was read. expiry: a date, or ''."""

    name: str
    lot: str
    expiry: str


def kit(observations: Sequence[Mapping[str, Any]]) -> Kit:
    """The kit of a result that was entered here; nothing in it where none was said."""
    for one in observations:
        said = {e.get("url"): e for e in one.get("extension") or ()}
        found = Kit(str((one.get("method") or {}).get("text", "")), str(said.get(LOT, {}).get("valueString", "")), str(said.get(EXPIRY, {}).get("valueDate", "")))
        if any(found):
            return found
    return Kit("", "", "")


def site(report: Mapping[str, Any]) -> Site | None:
    """Where a result that was entered here was tested."""
    for one in report.get("extension") or ():
        if one.get("url") == SITE:
            said = {e.get("url"): e for e in one.get("extension") or ()}
            return Site(str((said.get("certificate", {}).get("valueIdentifier") or {}).get("value", "")), str(said.get("name", {}).get("valueString", "")))
    return None
