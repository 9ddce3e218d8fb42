"""The form of a test that is done here: what it asks, and what somebody wrote in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple

from sojourn.base.digits import digits
from sojourn.base.errors import Malformed
from sojourn.care.orders import components, findings
from sojourn.care.orders.catalog import Panel
from sojourn.care.orders.components import NUMBER, WORDS, Component
from sojourn.care.orders.findings import Found, Reading, Site
from sojourn.care.orders.ordering import COLLECTED, ORDERED, Order
from sojourn.care.results.entering import Entered
from sojourn.care.staffing import zones

FREE: Final = 6
"""Rows for a test that is not in the catalog."""
_FORMAT: Final = "%Y-%m-%dT%H:%M"


class Row(NamedTuple):
    """A component with what was read, or is written in the form now."""

    component: Component
    said: str


def asked(panel: Panel | None, before: Entered | None) -> list[Component]:
    """What is asked for: the components of the test, and those that a result has beside them."""
    held = {key: c for key, s in before.values.items() if (c := findings.component(s.resource)) is not None} if before else {}
    listed = [held.pop(c.key)._replace(source=c.source) if c.key in held else c for c in (panel.components if panel else ())]
    return [*listed, *held.values()]


def rows(panel: Panel | None, before: Entered | None, said: Mapping[str, str]) -> list[Row]:
    """Those components with what stands in the form: as it was sent, else as it was entered."""
    known = {key: findings.said(s.resource) for key, s in before.values.items()} if before else {}
    return [Row(c, said.get(f"c.{c.key}", known.get(c.key, ""))) for c in asked(panel, before)]


def negative(panel: Panel | None, before: Entered | None, said: Mapping[str, str]) -> dict[str, str]:
    """What was sent, with every finding that was not chosen set to the first: negative, or not detected."""
    first = {f"c.{c.key}": c.choices[0].key for c in asked(panel, before) if c.choices}
    return {**first, **{k: v for k, v in said.items() if v or k not in first}}


def now(at: datetime) -> str:
    """A moment as the field of a time has it, in the zone of the organization."""
    return at.astimezone(zones.of(None)).strftime(_FORMAT)


def typed(one: Order, panel: Panel | None, before: Entered | None, said: Mapping[str, str], sites: Sequence[Site], at: datetime) -> Reading:
    """What somebody wrote. Raises Malformed for what cannot be read."""
    tested = _moment(said.get("tested", ""), "when it was tested") if said.get("tested") or before is None else at
    collected = _moment(said.get("at", ""), "when it was collected") if one.step == ORDERED else tested
    found = tuple(Found(r.component, r.said.strip()[:1000]) for r in rows(panel, before, said))
    if before is None and not found:
        found = tuple(_free(said))
    site = next((s for s in sites if s.clia == said.get("site")), sites[0] if len(sites) == 1 else None)
    if len(sites) > 1 and site is None and said.get("control") != "no":
        raise Malformed("Choose where it was tested.")
    return Reading(
        said.get("key", "")[:60], collected, tested, found, said.get("kit", "").strip()[:100], said.get("lot", "").strip()[:60], _day(said.get("expiry", "")), said.get("comment", "")[:2000],
        said.get("note", "")[:1000], said.get("preliminary") == "yes", site,
    )  # fmt: skip


def _moment(text: str, what: str) -> datetime:
    try:
        return datetime.strptime(text[:16], _FORMAT).replace(tzinfo=zones.of(None)).astimezone(UTC)
    except ValueError:
        raise Malformed(f"Write {what}.") from None


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Malformed("Write the expiry date of the kit as a date.") from None


def _free(said: Mapping[str, str]) -> list[Found]:
    """Components as they are written for a test that is not in the catalog: a number where a unit or a range says so, else words."""
    out = []
    for n in range(FREE):
        title, value, unit, low, high, code = (
            said.get(f"f{n}.{name}", "").strip()[:100] for name in ("title", "value", "unit", "low", "high", "code")
        )
        if not (title or value):
            continue
        if not title or not value:
            raise Malformed("Each component needs a name and a value.")
        kind = NUMBER if unit or low or high or digits(value.lstrip("<>=≤≥ -").replace(".", "", 1)) else WORDS
        one = components.made(title, kind, code=code, source="Entered with the result." if code else "", unit=unit, low=low, high=high)
        out.append(Found(one, value))
    if len({f.component.key for f in out}) < len(out):
        raise Malformed("Two components have the same name.")
    return out


def kit_of(panel: Panel | None, before: Entered | None) -> dict[str, str]:
    """The kit as the form begins: of the result, else the usual one of the test."""
    if before is None:
        return {"kit": panel.kit if panel else "", "lot": "", "expiry": ""}
    held = findings.kit([s.resource for s in before.values.values()])
    return {"kit": held.name, "lot": held.lot, "expiry": held.expiry}


def offered(one: Order, panel: Panel | None) -> bool:
    """Whether a test of this order can be entered here now."""
    ours = one.here or bool(panel and panel.here and not one.resource.get("performer"))
    return one.step in (ORDERED, COLLECTED) and ours


def mode(one: Order, panel: Panel | None, before: Entered | None) -> str:
    """enter, settle (make a preliminary result final), correct; '' where there is nothing to enter."""
    if before is not None and not one.waits:
        return "correct"
    if before is not None:
        return "settle"
    return "enter" if offered(one, panel) else ""


def values(panel: Panel | None, before: Entered | None, said: Mapping[str, str], at: datetime) -> dict[str, Any]:
    """What the page shows of the form."""
    where = findings.site(before.report.resource) if before else None
    held = {
        "site": where.clia if where else "",
        "at": now(at),
        "tested": now(at),
        "comment": str(before.report.resource.get("conclusion", "")) if before else "",
        **kit_of(panel, before),
    }
    return {**held, **said}
