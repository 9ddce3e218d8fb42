"""Results as rows of screens: what it is, how far from usual, how long it has waited."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from sojourn.care.results import model, review
from sojourn.doors.staff import waiting
from sojourn.doors.staff.lines import Line, remaining
from sojourn.doors.staff.words import day_and_time
from sojourn.web.charts import Band, Point, trend

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sojourn.care.results.model import Result, Rules, Value
    from sojourn.care.results.reading import Waiting
    from sojourn.care.results.trends import Series
    from sojourn.gate.access import Access

waiting.ELSEWHERE.update({review.KIND, review.NOTICE})
waiting.PLACES[review.KIND] = "/patients/{patient}/results/{id}"
waiting.PLACES[review.NOTICE] = "/patients/{patient}/results/{focus}"
waiting.PLACES[review.CHANGED] = "/patients/{patient}/results/{focus}"
waiting.PLACES[review.CALL] = "/patients/{patient}/results"
waiting.PLACES[review.REPEAT] = "/patients/{patient}/results"
TONES = {model.NORMAL: "plain", model.ABNORMAL: "amber", model.CRITICAL: "red"}
_STATUS = {
    "preliminary": "preliminary", "partial": "in part", "corrected": "corrected", "amended": "corrected", "appended": "added to", "entered-in-error": "withdrawn",
    "cancelled": "cancelled by the laboratory", "registered": "not there yet",
}  # fmt: skip
_SHOWN = 3


class Row(NamedTuple):
    """A result in a list. flags: (words, tone)."""

    path: str
    what: str
    who: str
    gist: str
    when: str
    flags: list[tuple[str, str]]
    due: str = ""
    tone: str = "plain"


def row(w: Waiting, names: Mapping[str, str], by: Rules, now: datetime) -> Row:
    """One that waits."""
    due, tone = remaining(w.review.due, now)
    return Row(f"/patients/{w.review.patient}/results/{w.review.id}", w.result.title, names.get(w.review.patient, ""), gist(w.result, by), day_and_time(w.result.issued or w.result.when), flags(w, by), due, tone)


def flags(w: Waiting, by: Rules) -> list[tuple[str, str]]:
    """What stands beside it: critical or abnormal, corrected, withdrawn, for anybody of a role."""
    severity = max((w.result.severity(by), model.CRITICAL if w.review.critical else model.NORMAL), key=model.RANK.__getitem__)
    found = [(severity, TONES[severity])] if severity != model.NORMAL else []
    if w.review.corrected:
        found.append(("corrected", "amber"))
    elif word := status(w.result.status):
        found.append((word, "plain"))
    if not w.review.owner:
        found.append(("for your role", "plain"))
    return found


def status(code: str) -> str:
    """A status that has to be noticed, in words."""
    return _STATUS.get(code, "")


def gist(result: Result, by: Rules) -> str:
    """The values outside their range, the gravest first; else how many there are."""
    odd = sorted(((v, s) for v, s in model.ordered(result.values, by) if s != model.NORMAL), key=lambda pair: -model.RANK[pair[1]])
    said = [" ".join(filter(None, (f"{v.name} {v.said}", f"({v.words})" if v.words and v.words not in v.said.casefold() else ""))) for v, _ in odd[:_SHOWN]]
    if said:
        return "; ".join(said) + (f" and {len(odd) - _SHOWN} more" if len(odd) > _SHOWN else "")
    kept = [v for v in result.values if not v.withdrawn]
    if len(kept) == 1:
        return kept[0].said
    return f"{len(kept)} values, none outside its range" if kept else result.conclusion[:120] or "A report without values"


def told(access: Access, w: Waiting, names: Mapping[str, str]) -> Line:
    """One that waits, as a line of Today: what was tested, and nothing of what it says."""
    due, tone = remaining(w.review.due, access.now)
    said = [w.result.title if w.review.critical else "", "corrected" if w.review.corrected else "", "" if w.review.owner else "for anybody of your role"]
    return Line(review.URGENT if w.review.critical else w.result.title, f"/patients/{w.review.patient}/results/{w.review.id}", names.get(w.review.patient, ""), due, "red" if w.review.critical else tone, " · ".join(filter(None, said)))


class Cell(NamedTuple):
    """One value of a result in full. flag, tone: what to notice; was: before it was corrected."""

    name: str
    said: str
    range: str
    flag: str
    tone: str
    before: str
    was: str
    note: str


def cells(result: Result, by: Rules, earlier: Mapping[str, Value], before: Mapping[str, list[Value]]) -> list[Cell]:
    """The values of a result. earlier: the last value of the same test before this one, by code."""
    out = []
    for value, severity in model.ordered(result.values, by):
        known = earlier.get(value.code)
        was = next((v for v in before.get(value.id, ()) if v.code == value.code and v.sense != value.sense), None)
        flag = "withdrawn" if value.withdrawn else value.words or (severity if severity != model.NORMAL else "")
        if flag == value.said.casefold() and severity == model.NORMAL:
            flag = ""  # what it says already, and nothing to notice
        tone = "amber" if value.withdrawn else TONES[severity]
        out.append(Cell(value.name, value.said, value.range, flag, tone, f"{known.said}, {day_and_time(known.when)}" if known else "", " ".join(filter(None, (was.said, was.words))) if was else "", value.note))
    return out


def drawn(series: Sequence[Series], ident: str = "value") -> list[tuple[str, str, str]]:
    """(title, range in words, picture) for each test with several numbers."""
    out: list[tuple[str, str, str]] = []
    for n, one in enumerate(series):
        points = [Point(at.replace(tzinfo=None), v.number) for v in one.values if v.number is not None and (at := _moment(v.when)) is not None]
        if len(points) < 2:  # noqa: PLR2004 - a line needs two
            continue
        last = one.last
        marks = [p.value for p in points] + [v for v in (last.low, last.high) if v is not None]
        room = (max(marks) - min(marks)) * 0.3 or abs(max(marks)) * 0.3 or 1.0
        base = max(min(marks) - room, 0.0) if min(marks) >= 0 else min(marks) - room
        title = f"{one.name}, {one.unit}" if one.unit else one.name
        out.append((title, last.range, trend(points, _bands(last, base), max(marks) + room, f"{title} over time", f"{ident}-{n}", base=base)))
    return out


def _bands(value: Value, base: float) -> list[Band]:
    """Below, within and above the usual range of the newest value."""
    if value.low is None and value.high is None:
        return [Band(base, "", 0)]
    made = [Band(base, "low", 2)] if value.low is not None and value.low > base else []
    made.append(Band(base if value.low is None else max(value.low, base), "usual", 0))
    return [*made, Band(value.high, "high", 2)] if value.high is not None else made


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
