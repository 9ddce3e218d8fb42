"""The handoff packet: built from the chart for whoever looks at it, and what its sender adds to it."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from sojourn.care.medications import lines, reconciled
from sojourn.gate.access import Access

_SHOWN = 40
_DOSES = "last-doses"


class Part(NamedTuple):
    """A part of the packet. search: `Type?params`, '' for what its sender writes."""

    code: str
    title: str
    search: str
    needed: bool


class Filled(NamedTuple):
    """A part with what is there. said: what the sender wrote; barred: the viewer's role does not look such things up.

    lines: (what, when) in place of what was found, for a part that is taken out of something else.
    """

    part: Part
    found: list[Any]
    said: str
    barred: bool = False
    lines: tuple[tuple[str, str], ...] = ()

    @property
    def missing(self) -> bool:
        """Whether the packet cannot be offered because of it: nothing in the chart and no word why."""
        return self.part.needed and not self.found and not self.lines and not self.said


@lru_cache(maxsize=1)
def parts() -> tuple[Part, ...]:
    """Every part, in the order in which a receiver reads."""
    rows = tomllib.loads((Path(__file__).parent / "packet.toml").read_text("utf-8"))["part"]
    return tuple(Part(r["code"], r["title"], r.get("search", ""), r.get("needed", False)) for r in rows)


async def filled(access: Access, patient: str, said: Mapping[str, str], episode: str = "") -> list[Filled]:
    """The packet as this caller may see it: what is withheld from them is not there, and nothing tells. One search for each part.

    episode: the stay that is moved out of, where the caller's side knows it.
    """
    found = await asyncio.gather(*(_one(access, patient, part, said.get(part.code, ""), episode) for part in parts()))
    names = {f"{s.type}/{s.id}": lines.read(s, {f"{b.type}/{b.id}": b.resource for b in f.beside}).name for f in found for s in f.found if s.type in (lines.ORDER, lines.TOLD)}
    return [_doses(f.filled, names) if f.part.code == _DOSES else f.filled for f in found]


class _Looked(NamedTuple):
    filled: Filled
    beside: list[Any]

    @property
    def part(self) -> Part:
        return self.filled.part

    @property
    def found(self) -> list[Any]:
        return self.filled.found


def _doses(part: Filled, names: Mapping[str, str]) -> Filled:
    """The last doses out of the reconciliation, of the medications that the caller may see."""
    newest = next((str(s.resource.get("date", "")) for s in part.found), "")
    doses = [d for s in part.found if str(s.resource.get("date", "")) == newest for e in s.resource.get("entry", ()) if (d := reconciled.dose(e)) is not None and d.ref in names]
    return part._replace(found=[], lines=tuple((f"{names[d.ref]}: {d.at[:16].replace('T', ' ') if d.at else d.why}", "") for d in doses))


async def _one(access: Access, patient: str, part: Part, said: str, episode: str) -> _Looked:
    if not part.search:
        return _Looked(Filled(part, [], said), [])
    type_, _, query = part.search.format(today=access.today.isoformat(), reconciled=reconciled.at(reconciled.TRANSITION, episode)).partition("?")
    if not access.may(type_, "search"):
        return _Looked(Filled(part, [], said, barred=True), [])
    found = await access.search(type_, [("patient", patient), *parse_qsl(query)], count=_SHOWN)
    there = [m for m in found.matches if m.type != "Flag" or m.resource.get("status") == "active"]  # a Flag's status is not a search parameter
    return _Looked(Filled(part, there, said), found.included)
