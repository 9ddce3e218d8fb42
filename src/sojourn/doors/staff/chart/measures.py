"""Measures of a chart: which observations they are, their severity bands, and their trend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cache

from sojourn.care.measures.forms import LOINC, MEASURE
from sojourn.care.measures.model import Instrument, Rule, instruments
from sojourn.doors.staff.chart.rows import Cell, Line
from sojourn.doors.staff.words import Names, Resource, code_text, day_text, each, moment_of
from sojourn.web.charts import Band, Mark, Point, band_of, trend

__all__ = ["CODES", "Mark", "Measured", "line", "measured", "others"]

_SHORT = {"moderately severe": "mod. severe"}
"""Names of bands that are too long for the picture."""


@dataclass(frozen=True, slots=True)
class Scale:
    """One score of an instrument as it is drawn: its bands, its greatest value."""

    instrument: Instrument
    rule: Rule

    @property
    def is_main(self) -> bool:
        """Whether it stands for the whole instrument; where there is no total, each score does."""
        return self.instrument.main is self.rule

    @property
    def bands(self) -> tuple[Band, ...]:
        """In the order of the file; graver upward, or downward where more is better. One without a name where nothing was checked."""
        rule = self.rule
        if not rule.bands or "bands" in rule.unverified:
            return (Band(float(rule.low or 0), "", 0),)
        last = len(rule.bands) - 1
        tones = [round(n * 4 / last) if last > 4 else n if last == 4 or n < 2 else n + (4 - last if n == last and last > 2 else 0) for n in range(last + 1)]
        return tuple(Band(float(b.start), _SHORT.get(b.name, b.name), tone) for b, tone in zip(rule.bands, tones, strict=True))

    @property
    def high(self) -> float:
        """The greatest value there can be."""
        return float(self.rule.high if self.rule.high is not None else 1)


@cache
def _scales() -> Mapping[tuple[str, str], Scale]:
    """Scores by the code (system, code) of their observations."""
    out: dict[tuple[str, str], Scale] = {}
    for instrument in instruments().values():
        for rule in instrument.scores:
            if rule.rule in ("sum", "mean"):
                scale = Scale(instrument, rule)
                out[MEASURE, f"{instrument.id}.{rule.id}"] = scale
                if rule.code and "code" not in rule.unverified:
                    out[LOINC, rule.code] = scale
    return out


def main_of(instrument: str) -> Scale:
    """The score that stands for an instrument. Raises KeyError."""
    found = instruments()[instrument]
    if found.main is None:
        raise KeyError(instrument)
    return Scale(found, found.main)


CODES = ",".join(f"{system}|{code}" for system, code in _scales())


@dataclass(frozen=True, slots=True)
class Measured:
    """One score of one version of an instrument with its values, the oldest first. Two versions are never on one line."""

    scale: Scale
    version: str
    points: list[Point]
    marks: tuple[Mark, ...] = field(default=())

    @property
    def instrument(self) -> Instrument:
        """Whose score it is."""
        return self.scale.instrument

    @property
    def name(self) -> str:
        """Of the score."""
        return self.scale.rule.title.removeprefix(f"{self.instrument.short} ")

    @property
    def title(self) -> str:
        """What stands over the trend; with the version where it is not the one that is asked now."""
        return self.instrument.short + ("" if self.version in ("", self.instrument.version) else f", version {self.version}")

    @property
    def ident(self) -> str:
        """Unique within a page."""
        other = "" if self.version in ("", self.instrument.version) else f"-{''.join(c for c in self.version if c.isalnum())}"
        return f"{self.instrument.id}{'' if self.scale.is_main else '-' + self.scale.rule.id}{other}"

    @property
    def last(self) -> Point:
        """The newest value."""
        return self.points[-1]

    @property
    def severity(self) -> str:
        """In words, where the newest value lies."""
        return band_of(self.last.value, self.scale.bands).label

    @property
    def change(self) -> str:
        """How the newest value differs from the first one shown, in words."""
        difference = self.last.value - self.points[0].value
        direction = "down" if difference < 0 else "up"
        since = day_text(self.points[0].at.isoformat())
        return "" if len(self.points) < 2 else f"{direction} {abs(difference):g} since {since}" if difference else f"as on {since}"

    @property
    def verdict(self) -> str:
        """Whether the change counts, by what was checked against a source; nothing where nothing was."""
        rule = self.scale.rule
        line = None if "change" in rule.unverified else rule.reliable or rule.meaningful
        if len(self.points) < 2 or line is None:
            return ""
        by = Decimal(str(self.last.value - self.points[0].value))
        kind = "reliable" if rule.reliable else "meaningful"
        said = []
        if abs(by) >= line:
            better = (by < 0) is rule.higher_is_worse
            said.append(f"A {kind} change for the {'better' if better else 'worse'} ({line} or more).")
        else:
            said.append(f"No {kind} change (less than {line}).")
        if rule.response is not None and self.points[0].value and self.last.value <= self.points[0].value * float(1 - rule.response):
            said.append("Response: at least halved." if rule.response == Decimal("0.5") else "Response.")
        if rule.remission_below is not None and self.last.value < float(rule.remission_below):
            said.append(f"In remission (below {rule.remission_below}).")
        return " ".join(said)

    def marked(self, marks: Sequence[Mark]) -> Measured:
        """With what began meanwhile."""
        return replace(self, marks=tuple(m for m in marks if self.points[0].at <= m.at <= self.last.at))

    def svg(self) -> str:
        """The trend as a picture that also says its values in words."""
        return trend(self.points, self.scale.bands, self.scale.high, f"{self.title} over time", self.ident, self.marks)


def _series(observations: Sequence[Resource]) -> list[Measured]:
    """Every score by its version, in the order of the instruments."""
    found: dict[tuple[str, str, str], tuple[Scale, list[Point]]] = {}
    for observation in observations:
        scale, version = _scale_of(observation)
        at = point(observation)
        if scale and at and observation.get("status") not in ("entered-in-error", "cancelled"):
            key = (scale.instrument.id, scale.rule.id, version or scale.instrument.version)
            found.setdefault(key, (scale, []))[1].append(at)
    order = {key: n for n, key in enumerate((i.id, r.id) for i in _ordered() for r in i.scores)}
    return [Measured(scale, version, sorted(points, key=lambda p: p.at)) for (id_, rule, version), (scale, points) in sorted(found.items(), key=lambda item: (order[item[0][0], item[0][1]], item[0][2]))]


def _ordered() -> list[Instrument]:
    first = ("phq-9", "gad-7")
    return sorted(instruments().values(), key=lambda i: (first.index(i.id) if i.id in first else len(first), i.short))


def measured(observations: Sequence[Resource]) -> list[Measured]:
    """The main scores that have at least one value."""
    return [m for m in _series(observations) if m.scale.is_main]


def others(observations: Sequence[Resource]) -> dict[str, list[Measured]]:
    """The other scores, by `instrument|version`."""
    out: dict[str, list[Measured]] = {}
    for m in _series(observations):
        if not m.scale.is_main:
            out.setdefault(f"{m.instrument.id}|{m.version}", []).append(m)
    return out


def _scale_of(observation: Resource) -> tuple[Scale | None, str]:
    """The score that an Observation is of, and the version that it says."""
    codings = each(observation.get("code") or {}, "coding")
    found = next((s for c in codings if (s := _scales().get((str(c.get("system")), str(c.get("code")))))), None)
    version = next((str(c.get("version", "")) for c in codings if c.get("system") == MEASURE), "")
    return found, version


def point(observation: Resource) -> Point | None:
    """The moment and number of an Observation; nothing if either is missing or the day is not known."""
    at = moment_of(observation.get("effectiveDateTime") or (observation.get("effectivePeriod") or {}).get("start"))
    value = observation.get("valueInteger", (observation.get("valueQuantity") or {}).get("value"))
    return Point(at, float(value)) if at and value is not None else None


def line(observation: Resource, names: Names) -> list[Line]:  # noqa: ARG001 - as every part
    """An Observation of an instrument, as a row."""
    found, version = _scale_of(observation)
    at = point(observation)
    what = (found.instrument.short if found.is_main else found.rule.title) if found else code_text(observation.get("code") or {})
    return [
        {
            "what": what + (f" ({version})" if found and version and version != found.instrument.version else ""),
            "when": day_text(observation.get("effectiveDateTime") or (observation.get("effectivePeriod") or {}).get("start")),
            "value": f"{at.value:g}" if at else "",
            "band": band_cell(band_of(at.value, found.bands)) if found and at else None,
        }
    ]


def band_cell(band: Band) -> Cell:
    """A severity: as a tag from moderate on."""
    return (band.label, ("amber", "amber", "red")[band.tone - 2]) if band.tone >= 2 and band.label else band.label or None
