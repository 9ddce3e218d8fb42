"""The checklist of an admission: found in the chart, ticked off, or set aside with a reason."""

from __future__ import annotations

import asyncio
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from sojourn.base import errors
from sojourn.care import policies
from sojourn.care.admissions import case as cases
from sojourn.care.medications import reconciled
from sojourn.care.resources import concept
from sojourn.gate.access import Access

DONE, ASIDE = "done", "set-aside"
BEFORE: Final = "before"
AFTER: Final = "after"


class Item(NamedTuple):
    """Something that is asked for. search: `Type?params` that answers it from the chart; '' if somebody has to say it.

    by_hand: whether somebody may say that it was done. place: where it is done, below the chart, with {episode}; '' for none.
    """

    code: str
    text: str
    search: str
    by_hand: bool = True
    place: str = ""


class Line(NamedTuple):
    """One item as it stands. state: done, set-aside, found (by the chart) or open. unseen: the caller's role cannot look it up."""

    item: Item
    state: str
    by: str
    when: str
    unseen: bool = False

    @property
    def missing(self) -> bool:
        """Whether it still stands in the way."""
        return self.state == "open"


@lru_cache(maxsize=1)
def items() -> dict[str, Item]:
    """Everything that a checklist can ask for."""
    rows = tomllib.loads((Path(__file__).parent / "checklist.toml").read_text("utf-8"))["item"]
    return {row["code"]: Item(row["code"], row["text"], row.get("search", ""), row.get("by_hand", True), row.get("place", "")) for row in rows}


async def lines(access: Access, case: cases.Case, rules: policies.Policies) -> list[Line]:
    """The checklist of a case, what comes before the admission first. One search for each item that the chart answers and nobody ticked off."""
    asked = [(code, when) for when in (BEFORE, AFTER) for code in rules.value(f"admissions.{when}", case.level)]
    known = items()
    unknown = [code for code, _ in asked if code not in known]
    if unknown:
        raise errors.Malformed(f"The rules of care ask for items that there are not: {', '.join(unknown)}. Correct the list on the page of rules.")
    look = [known[code] for code, _ in asked if known[code].search and code not in case.ticks and access.may(known[code].search.partition("?")[0], "search")]
    found = dict(zip((i.code for i in look), await asyncio.gather(*(_found(access, case, item) for item in look)), strict=True))
    return [_line(known[code], when, case, found, code) for code, when in asked]


def _line(item: Item, when: str, case: cases.Case, found: dict[str, bool], code: str) -> Line:
    if code in case.ticks:
        how, who = case.ticks[code]
        return Line(item, ASIDE if how.startswith(ASIDE) else DONE, f"{who}{how.removeprefix(ASIDE) if how.startswith(ASIDE) else ''}", when)
    return Line(item, "found" if found.get(code) else "open", "", when, unseen=bool(item.search) and code not in found)


async def _found(access: Access, case: cases.Case, item: Item) -> bool:
    type_, _, query = item.search.format(reconciled=reconciled.at(reconciled.ADMISSION, case.episode)).partition("?")
    answer = await access.search(type_, [("patient", case.patient), *parse_qsl(query)], count=1)
    return bool(answer.matches)


async def tick(access: Access, case: cases.Case, code: str, reason: str = "", *, aside: bool = False) -> None:
    """Say that an item was done, or set it aside with a reason, which is logged with the name of who did. Raises Malformed, VersionConflict."""
    item = items().get(code)
    if item is None:
        raise errors.Malformed("There is no such item on the list.")
    if not aside and not item.by_hand:
        raise errors.Malformed(f"{item.text}: this is found in the chart once it is done there. Do it, or set it aside with a reason.")
    if aside and not reason.strip():
        raise errors.Malformed(f"{item.text}: say why it is set aside.")
    said = f"{ASIDE}: {reason.strip()}" if aside else DONE
    kept = [o for o in case.task.get("output", ()) if o["type"]["coding"][0]["code"] != code]
    output = [*kept, {"type": concept(code, item.text), "valueString": f"{said}|{access.caller.name}"}]
    note = f"{item.text}: set aside, {reason.strip()}" if aside else ""
    await access.write([cases.saying(access, case, note, output=output)], action="admission-checklist")
