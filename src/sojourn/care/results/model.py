"""A laboratory result, read: its values, how unusual each is, and what differs in two versions.

https://hl7.org/fhir/R4/diagnosticreport.html, https://hl7.org/fhir/R4/observation.html. Pure: nothing here asks the record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sojourn.care.resources import id_of, laboratory

if TYPE_CHECKING:
    from sojourn.care.policies import Policies

__all__ = ["Result", "Rules", "Value", "laboratory", "rules", "values"]

Resource = Mapping[str, Any]
REPORT, VALUE = "DiagnosticReport", "Observation"
NORMAL, ABNORMAL, CRITICAL = "normal", "abnormal", "critical"
RANK: Final = {NORMAL: 0, ABNORMAL: 1, CRITICAL: 2}
WITHDRAWN: Final = ("entered-in-error", "cancelled")
CORRECTED: Final = ("corrected", "amended", "appended", *WITHDRAWN)
UNREAD: Final = ("registered",)
"""A report that holds nothing yet."""
FLAGS: Final = {
    "H": "high", "L": "low", "HH": "critically high", "LL": "critically low", "AA": "critically abnormal", "A": "abnormal", "N": "", "HU": "much too high", "LU": "much too low",
    "POS": "positive", "NEG": "negative", "DET": "detected", "ND": "", "R": "resistant", "S": "susceptible", "I": "intermediate",
}  # fmt: skip
"""Interpretations in words (http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation); '' for what needs none."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What makes a value abnormal or critical, as policy has it. limits: by code, (low, high, unit); None for no limit."""

    critical: frozenset[str]
    abnormal: frozenset[str]
    limits: Mapping[str, tuple[float | None, float | None, str]]


def rules(policies: Policies) -> Rules:
    """From the rules of care. A limit that cannot be read is left out: flags still count."""
    limits: dict[str, tuple[float | None, float | None, str]] = {}
    for row in policies.value("results.critical-limits"):
        code, *rest = str(row).split()
        if len(rest) >= 2:  # noqa: PLR2004 - low and high
            try:
                low, high = (None if text in ("-", "–") else float(text) for text in rest[:2])
            except ValueError:
                continue
            limits[code] = (low, high, " ".join(rest[2:]))
    return Rules(frozenset(map(str, policies.value("results.critical-flags"))), frozenset(map(str, policies.value("results.abnormal-flags"))), limits)


@dataclass(frozen=True, slots=True)
class Value:
    """One value. said: as it is read; number: where it is one; low, high: its reference range; flag: the interpretation's code, or ''.

    status: of the Observation. when: FHIR dateTime at which it was taken. note: what the laboratory says about it.
    """

    id: str
    name: str
    code: str
    said: str
    number: float | None
    unit: str
    low: float | None
    high: float | None
    range: str
    flag: str
    status: str
    when: str
    note: str

    @property
    def withdrawn(self) -> bool:
        """Whether its laboratory took it back."""
        return self.status in WITHDRAWN

    @property
    def outside(self) -> str:
        """`high` or `low` where a number lies outside its reference range; ''."""
        if self.number is None:
            return ""
        return "high" if self.high is not None and self.number > self.high else "low" if self.low is not None and self.number < self.low else ""

    @property
    def words(self) -> str:
        """How far it is from what is usual, in words; '' for nothing to say."""
        return FLAGS.get(self.flag, self.flag) if self.flag and self.flag != "N" else self.outside

    def severity(self, by: Rules) -> str:
        """normal, abnormal or critical."""
        if self.withdrawn:
            return NORMAL
        low, high, unit = by.limits.get(self.code, (None, None, ""))
        beyond = self.number is not None and (not unit or unit == self.unit) and ((low is not None and self.number < low) or (high is not None and self.number > high))
        if self.flag in by.critical or beyond:
            return CRITICAL
        return ABNORMAL if self.flag in by.abnormal or self.outside else NORMAL

    @property
    def sense(self) -> tuple[str, ...]:
        """What a reader acts on: two versions with the same sense say the same."""
        return (self.name, self.said, self.flag, self.range, self.note, "withdrawn" if self.withdrawn else "")


def code_of(concept: Any) -> str:
    """The first code of a CodeableConcept, or its text."""
    codings = concept.get("coding") or () if isinstance(concept, Mapping) else ()
    return next((str(c["code"]) for c in codings if c.get("code")), str(concept.get("text", "")) if isinstance(concept, Mapping) else "")


def words_of(concept: Any) -> str:
    """What a CodeableConcept says."""
    if not isinstance(concept, Mapping):
        return ""
    codings = concept.get("coding") or ()
    return str(concept.get("text") or next((c.get("display") for c in codings if c.get("display")), "") or next((c.get("code") for c in codings if c.get("code")), ""))


def values(observation: Resource) -> list[Value]:
    """The values of an Observation: its own, and those of its components."""
    status, when = str(observation.get("status", "")), str(observation.get("effectiveDateTime") or (observation.get("effectivePeriod") or {}).get("start") or observation.get("issued", ""))
    note = " ".join(str(n.get("text", "")) for n in observation.get("note") or ())
    found = []
    for part in (observation, *(observation.get("component") or ())):
        said, number, unit = _said(part)
        if said or part is observation and not observation.get("component") and not observation.get("hasMember"):
            low, high, text = _range(part)
            found.append(Value(str(observation.get("id", "")), words_of(part.get("code")) or "Result", code_of(part.get("code")), said or _absent(part), number, unit, low, high, text, _flag(part), status, when, note))
    return found


def _said(part: Resource) -> tuple[str, float | None, str]:
    if isinstance(quantity := part.get("valueQuantity"), Mapping):
        number, unit = quantity.get("value"), str(quantity.get("unit") or quantity.get("code") or "")
        said = " ".join(filter(None, (f"{quantity.get('comparator', '')}{number}" if number is not None else "", unit)))
        return said, float(number) if number is not None and not quantity.get("comparator") else None, unit
    if "valueCodeableConcept" in part:
        return words_of(part["valueCodeableConcept"]), None, ""
    if isinstance(part.get("valueInteger"), int):
        return str(part["valueInteger"]), float(part["valueInteger"]), ""
    if isinstance(ratio := part.get("valueRatio"), Mapping):
        return ":".join(str((ratio.get(k) or {}).get("value", "")) for k in ("numerator", "denominator")), None, ""
    if isinstance(span := part.get("valueRange"), Mapping):
        return " to ".join(str((span.get(k) or {}).get("value", "")) for k in ("low", "high")), None, ""
    text = next((part[k] for k in ("valueString", "valueDateTime", "valueTime", "valueBoolean") if k in part), "")
    return ("yes" if text is True else "no" if text is False else str(text)), None, ""


def _absent(part: Resource) -> str:
    return words_of(part.get("dataAbsentReason")) or "no value"


def _range(part: Resource) -> tuple[float | None, float | None, str]:
    """The usual range: the first of type normal, or without a type."""
    for one in part.get("referenceRange") or ():
        if code_of(one.get("type")) in ("", "normal"):
            low, high = (None if (one.get(k) or {}).get("value") is None else float(one[k]["value"]) for k in ("low", "high"))
            text = str(one.get("text", "")) or (f"{low:g} to {high:g}" if low is not None and high is not None else f"up to {high:g}" if high is not None else f"from {low:g}" if low is not None else "")
            return low, high, text
    return None, None, ""


def _flag(part: Resource) -> str:
    """The gravest interpretation."""
    order = ("HH", "LL", "AA", "H", "L", "A")
    codes = [str(c.get("code", "")) for i in part.get("interpretation") or () for c in i.get("coding") or ()]
    return next((code for code in order if code in codes), next(iter(codes), ""))


@dataclass(frozen=True, slots=True)
class Result:
    """A report with its values, or one value on its own. resource: of the focus; parts: Observations, in the order of the report."""

    type: str
    id: str
    resource: Resource
    parts: tuple[Resource, ...]

    @property
    def patient(self) -> str:
        """The client's id."""
        return id_of(self.resource.get("subject"), "Patient")

    @property
    def title(self) -> str:
        """What was tested."""
        return words_of(self.resource.get("code")) or "Result"

    @property
    def status(self) -> str:
        """The status of the focus."""
        return str(self.resource.get("status", ""))

    @property
    def values(self) -> list[Value]:
        """All values."""
        return [v for part in self.parts for v in values(part)]

    @property
    def when(self) -> str:
        """When it was taken, as a FHIR dateTime, or ''."""
        return str(self.resource.get("effectiveDateTime") or (self.resource.get("effectivePeriod") or {}).get("start") or "")

    @property
    def issued(self) -> str:
        """When the laboratory said it, or ''."""
        return str(self.resource.get("issued") or "")

    @property
    def conclusion(self) -> str:
        """What the laboratory concludes."""
        return str(self.resource.get("conclusion") or "")

    @property
    def orders(self) -> list[str]:
        """Ids of the ServiceRequests that it answers."""
        found = [id_of(r, "ServiceRequest") for r in (self.resource, *self.parts) for r in r.get("basedOn") or ()]
        return list(dict.fromkeys(filter(None, found)))

    def severity(self, by: Rules) -> str:
        """The gravest of its values; a report that its laboratory withdrew is abnormal: somebody relied on it."""
        if self.status in WITHDRAWN:
            return ABNORMAL
        coded = {str(c.get("code", "")) for c in (self.resource.get("conclusionCode") or ()) for c in c.get("coding") or ()}
        own = CRITICAL if coded & by.critical else NORMAL
        return max((own, *(v.severity(by) for v in self.values)), key=RANK.__getitem__)


def seen(stored: Iterable[tuple[str, str, str]]) -> list[str]:
    """Versions as a task keeps them: `Type/id|version`."""
    return [f"{type_}/{id_}|{version}" for type_, id_, version in stored]


def same(before: Resource, after: Resource) -> bool:
    """Whether two versions say the same to whoever acts on them."""
    if before.get("resourceType") == REPORT:
        return _report_sense(before) == _report_sense(after)
    return [v.sense for v in values(before)] == [v.sense for v in values(after)]


def _report_sense(report: Resource) -> tuple[Any, ...]:
    forms = [(f.get("hash"), f.get("data"), f.get("url"), f.get("title")) for f in report.get("presentedForm") or ()]
    members = sorted(str(r.get("reference", "")) for r in report.get("result") or ())
    return (words_of(report.get("code")), str(report.get("conclusion") or ""), str(report.get("conclusionCode") or ""), forms, members, report.get("status") in WITHDRAWN)


def ordered(found: Sequence[Value], by: Rules) -> list[tuple[Value, str]]:
    """Values with their severity, in the order of the report."""
    return [(v, v.severity(by)) for v in found]


def moment(text: str) -> datetime | None:
    """A FHIR instant or dateTime with an offset, as a moment; None for less."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None
