"""Measures of a chart: which observations they are, their severity bands, and their trend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sojourn.doors.staff.chart.rows import Cell, Line
from sojourn.doors.staff.words import Names, Resource, code_text, day_text, each, moment_of
from sojourn.web.charts import Band, Point, band_of, trend

LOINC = "http://loinc.org"


class Instrument(NamedTuple):
    """A questionnaire with a total score. `code`: LOINC code of the total; `high`: the greatest score."""

    code: str
    name: str
    about: str
    high: float
    bands: tuple[Band, ...]


PHQ9 = Instrument(
    "44261-6",
    "PHQ-9",
    "depression",
    27,
    (Band(0, "minimal", 0), Band(5, "mild", 1), Band(10, "moderate", 2), Band(15, "mod. severe", 3), Band(20, "severe", 4)),
)
"""Kroenke, Spitzer, Williams 2001: cut points 5, 10, 15 and 20."""

GAD7 = Instrument("70274-6", "GAD-7", "anxiety", 21, (Band(0, "minimal", 0), Band(5, "mild", 1), Band(10, "moderate", 2), Band(15, "severe", 4)))
"""Spitzer, Kroenke, Williams, Löwe 2006: cut points 5, 10 and 15."""

INSTRUMENTS = (PHQ9, GAD7)
CODES = ",".join(f"{LOINC}|{i.code}" for i in INSTRUMENTS)


class Measured(NamedTuple):
    """One instrument with its values, the oldest first."""

    instrument: Instrument
    points: list[Point]

    @property
    def last(self) -> Point:
        """The newest value."""
        return self.points[-1]

    @property
    def severity(self) -> str:
        """In words, where the newest value lies."""
        return band_of(self.last.value, self.instrument.bands).label

    @property
    def change(self) -> str:
        """How the newest value differs from the first one shown, in words."""
        difference = self.last.value - self.points[0].value
        direction = "down" if difference < 0 else "up"
        since = day_text(self.points[0].at.isoformat())
        return "" if len(self.points) < 2 else f"{direction} {abs(difference):g} since {since}" if difference else f"as on {since}"

    def svg(self) -> str:
        """The trend as a picture that also says its values in words."""
        i = self.instrument
        return trend(self.points, i.bands, i.high, f"{i.name} over time", i.name.lower())


def measured(observations: Sequence[Resource]) -> list[Measured]:
    """The instruments that have at least one value, in the order of INSTRUMENTS."""
    found = [Measured(i, sorted(filter(None, (point(o) for o in observations if has_code(o, i.code))), key=lambda p: p.at)) for i in INSTRUMENTS]
    return [m for m in found if m.points]


def point(observation: Resource) -> Point | None:
    """The moment and number of an Observation; nothing if either is missing or the day is not known."""
    at = moment_of(observation.get("effectiveDateTime") or (observation.get("effectivePeriod") or {}).get("start"))
    value = observation.get("valueInteger", (observation.get("valueQuantity") or {}).get("value"))
    return Point(at, float(value)) if at and value is not None else None


def has_code(observation: Resource, code: str) -> bool:
    """Whether it is coded so, in LOINC."""
    return any(c.get("code") == code and c.get("system") == LOINC for c in each(observation.get("code") or {}, "coding"))


def line(observation: Resource, names: Names) -> list[Line]:  # noqa: ARG001 - as every part
    """An Observation of an instrument, as a row."""
    found = next((i for i in INSTRUMENTS if has_code(observation, i.code)), None)
    at = point(observation)
    return [
        {
            "what": found.name if found else code_text(observation.get("code") or {}),
            "when": day_text(observation.get("effectiveDateTime") or (observation.get("effectivePeriod") or {}).get("start")),
            "value": f"{at.value:g}" if at else "",
            "band": band_cell(band_of(at.value, found.bands)) if found and at else None,
        }
    ]


def band_cell(band: Band) -> Cell:
    """A severity: as a tag from moderate on."""
    return (band.label, ("amber", "amber", "red")[band.tone - 2]) if band.tone >= 2 else band.label
