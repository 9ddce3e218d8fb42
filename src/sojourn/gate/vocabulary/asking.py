"""Ask code systems: what is installed, what a code is, what is under it, what it is elsewhere.

Three answers are kept apart everywhere: the code is there, the code is not there, and the system is not installed, of which nothing can be said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from sojourn.record import vocabulary

if TYPE_CHECKING:
    from sojourn.gate.access import Access

_BACK: Final = {"narrower": "wider", "wider": "narrower", "specializes": "subsumes", "subsumes": "specializes"}
"""Equivalences that turn round with the direction (https://hl7.org/fhir/R4/valueset-concept-map-equivalence.html)."""


def turned(equivalence: str) -> str:
    """The equivalence seen from the other side."""
    return _BACK.get(equivalence, equivalence)


class Installed(NamedTuple):
    """A release. state: active or retired."""

    number: int
    system: str
    version: str
    published: date | None
    source: str
    concepts: int
    maps: int
    state: str
    account: str
    at: datetime


class Code(NamedTuple):
    """A code as its system has it. usable: on the day that was asked for; parents: what it is a kind of."""

    code: str
    display: str
    usable: bool
    kind: str
    since: date | None
    until: date | None
    names: tuple[str, ...]
    replaced: tuple[str, ...]
    parents: tuple[str, ...]


class Listed(NamedTuple):
    """One line of a list of codes."""

    code: str
    display: str
    usable: bool


class Match(NamedTuple):
    """What a code is in another system. target: "" where it is known that there is none; own: the organization says so; group, rule: model.Target."""

    own: bool
    system: str
    target: str
    display: str
    equivalence: str
    group: int
    rule: str
    advice: str
    source: str


async def installed(access: Access) -> list[Installed]:
    """Releases in force and those before them."""
    rows = await vocabulary.releases(access.house.db, access.tenant.number)
    return [Installed(r["release"], r["system"], r["version"], r["published"], r["source"], r["concepts"], r["maps"], r["state"], r["account"], r["at"]) for r in rows]


async def release_of(access: Access, system: str, version: str = "") -> Installed | None:
    """The release in force, or the one of this version; None: not installed."""
    found = [r for r in await installed(access) if r.system == system]
    if version:
        return next((r for r in found if r.version == version), None)
    return next((r for r in found if r.state == "active"), None)


async def codes(access: Access, release: Installed, wanted: Iterable[str], day: date | None = None) -> Mapping[str, Code]:
    """Those of the codes that the release has."""
    on = day or access.now.date()
    rows = await vocabulary.codes(access.house.db, access.tenant.number, release.number, list(wanted))
    return {
        r["code"]: Code(
            r["code"], r["display"], r["active"] and (r["since"] is None or r["since"] <= on) and (r["until"] is None or on < r["until"]), r["kind"], r["since"], r["until"],
            tuple(r["names"]), tuple(r["replaced"]), tuple(r["parents"]),
        )
        for r in rows
    }  # fmt: skip


async def under(access: Access, release: Installed, wanted: Iterable[str], tops: Iterable[str]) -> set[str]:
    """Which of the codes are one of `tops` or a kind of one."""
    return await vocabulary.under(access.house.db, access.tenant.number, release.number, list(wanted), list(tops))


async def listed(
    access: Access, release: Installed, *, tops: Iterable[str] | None = None, words: str = "", inactive: bool = False, day: date | None = None, offset: int = 0, most: int = 100
) -> tuple[list[Listed], int]:
    """Codes, and how many there are in all: under `tops` (None: all), with words that begin as those given."""
    rows = await vocabulary.listed(
        access.house.db, access.tenant.number, release.number, None if tops is None else list(tops), _query(words), inactive, day or access.now.date(), offset, most
    )
    return [Listed(r["code"], r["display"], r["active"]) for r in rows], int(rows[0]["total"]) if rows else 0


def _query(words: str) -> str:
    """Every word of what was typed, as the beginning of one: a tsquery. Dots stay, as in codes."""
    return " & ".join(f"'{w}':*" for w in re.findall(r"[\w.]+", words.lower()) if w.strip("."))


async def translated(access: Access, system: str, wanted: Iterable[str], target: str = "", *, back: bool = False) -> Mapping[str, list[Match]]:
    """What each code is in `target` (any system, if empty), as the organization says, else as releases say. A code of which nobody says anything is missing.

    Where the organization says something of a code and a system, what releases say of both is left out.
    """
    rows = await vocabulary.translated(access.house.db, access.tenant.number, access.now, system, list(wanted), target, back=back)
    own = {(r["code"], r["target_system"]) for r in rows if r["own"]}
    found: dict[str, list[Match]] = {}
    for r in rows:
        if not r["own"] and (r["code"], r["target_system"]) in own:
            continue
        equivalence = turned(r["equivalence"]) if back else r["equivalence"]
        match = Match(r["own"], r["target_system"], r["target"], r["target_display"], equivalence, r["grp"], r["rule"], r["advice"], r["source"])
        lines = found.setdefault(r["code"], [])
        if match not in lines:
            lines.append(match)
    return found
