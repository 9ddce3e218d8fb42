"""Group sessions before they are signed: sealed, for those who lead the group.

They are no part of the record: no client's search, token, export, history or feed reaches them, and nothing in them that is readable in
the database names a client. What is signed leaves from here as each client's own note. One of a Part 2 program is a record of that program:
whoever led it and does not work there any more opens it no more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base import errors, ids
from sojourn.gate import beside
from sojourn.record import groups

if TYPE_CHECKING:
    from sojourn.gate.access import Access

OPEN, SIGNED, MISSED = "open", "signed", "missed"
_PURPOSE = "group-session"


class Listed(NamedTuple):
    """A session without what holds for all. parts: (state, body) of each client's part."""

    id: str
    program: int
    schedule: str
    starts: datetime
    ends: datetime
    leaders: tuple[str, ...]
    closed: bool
    parts: tuple[tuple[str, bytes], ...]


class Session(NamedTuple):
    """A session with its shared part as bytes."""

    id: str
    program: int
    schedule: str
    starts: datetime
    ends: datetime
    leaders: tuple[str, ...]
    body: bytes
    stamp: str
    closed: bool


class Part(NamedTuple):
    """One client's part as bytes. document: the id that the note has, or will have."""

    id: str
    state: str
    document: str
    body: bytes
    stamp: str


def _who(access: Access) -> tuple[str, list[int]]:
    """The caller's own reference, and the programs whose sessions they oversee."""
    access.require("lead", "GroupSession")
    return access.caller.agent or "", list(access.caller.programs) if access.may("GroupSession", "oversee") else []


def _known(access: Access, program: int) -> bool:
    """Whether the caller may know of a session of this program, as far as that follows from the program."""
    found = access.rules.programs.get(program)
    return found is None or not found.part2 or program in access.caller.programs


def _context(access: Access, *names: str) -> bytes:
    return "\0".join((str(access.tenant.number), *names)).encode()


async def begin(access: Access, program: int, schedule: str, starts: datetime, ends: datetime, leaders: Sequence[str], body: bytes) -> str:
    """Begin a session; of the same group and time there is only one, whoever begins it. Raises Forbidden for a program that is not the caller's."""
    agent, _ = _who(access)
    if program and program not in access.caller.programs:
        raise errors.Forbidden("You do not work in the program of this group.")
    id_ = ids.new_id("group-session")
    sealed = access.house.key.seal(_PURPOSE, body, _context(access, id_))
    found = await groups.begin(access.house.db, access.head, id_, program, schedule, starts, ends, sorted({*leaders, *([agent] if agent else [])}), sealed, ids.new_id("stamp"))
    await access.note(access.entry("group-begin", "GroupSession", found))
    return found


async def listed(access: Access, low: datetime | None = None, high: datetime | None = None) -> list[Listed]:
    """Sessions that the caller may open and that begin in a span; without one those that are not finished.

    Whoever says how far they are counts the clients whom the caller may see (care/groups/opening.py).
    """
    agent, programs = _who(access)
    rows = [r for r in await beside.ask(access, groups.sessions(agent, programs, low, high)) if _known(access, r["program"])]
    return [Listed(r["session"], r["program"], r["schedule"], r["starts"], r["ends"], tuple(r["leaders"]), r["closed"] is not None, _parts(access, r)) for r in rows]


def _parts(access: Access, r: Mapping[str, Any]) -> tuple[tuple[str, bytes], ...]:
    listed = zip(r["parts"] or (), r["states"] or (), r["documents"] or (), r["bodies"] or (), strict=True)
    return tuple((state, access.house.key.open(_PURPOSE, body, _context(access, r["session"], part, document))) for part, state, document, body in listed)


async def open_(access: Access, id_: str) -> tuple[Session, list[Part]]:
    """A session with its parts. Raises NotFound alike for one that is not there and one that they may not open; each look is in the trail."""
    agent, programs = _who(access)
    row = await groups.session(access.house.db, access.head, id_, agent, programs)
    if row is None or not _known(access, row["program"]):
        await access.note(access.entry("group-read", "GroupSession", id_, outcome="absent"))
        raise errors.NotFound("There is no such group session.")
    rows = await groups.parts(access.house.db, access.head, id_, agent, programs)
    await access.note(access.entry("group-read", "GroupSession", id_))
    key = access.house.key
    session = Session(row["session"], row["program"], row["schedule"], row["starts"], row["ends"], tuple(row["leaders"]), key.open(_PURPOSE, row["body"], _context(access, id_)), row["stamp"], row["closed"] is not None)
    return session, [Part(r["part"], r["state"], r["document"], key.open(_PURPOSE, r["body"], _context(access, id_, r["part"], r["document"])), r["stamp"]) for r in rows]


async def keep(access: Access, session: Session, body: bytes, *, leaders: Sequence[str] | None = None, closed: bool = False) -> str:
    """Keep the shared part; its new stamp. Raises VersionConflict where it was changed elsewhere since, NotFound. Nothing that is there is lost."""
    agent, programs = _who(access)
    stamp = ids.new_id("stamp")
    sealed = access.house.key.seal(_PURPOSE, body, _context(access, session.id))
    there = await groups.keep(access.house.db, access.head, session.id, agent, programs, None if leaders is None else list(leaders), sealed, session.stamp, stamp, closed)
    return _kept(there, stamp, session.stamp)


async def keep_part(access: Access, session: str, part: Part, *, state: str = OPEN) -> str:
    """Keep one part; its new stamp. Raises VersionConflict where it was changed, signed or missed since, NotFound."""
    agent, programs = _who(access)
    stamp = ids.new_id("stamp")
    sealed = access.house.key.seal(_PURPOSE, part.body, _context(access, session, part.id, part.document))
    there = await groups.keep_part(access.house.db, access.head, session, agent, programs, part.id, state, part.document, sealed, part.stamp, stamp)
    return _kept(there, stamp, part.stamp)


def _kept(there: str | None, stamp: str, seen: str) -> str:
    if there is None:
        raise errors.NotFound("There is no such group session.")
    if there != stamp:
        raise errors.VersionConflict("This was changed in another window; nothing was lost.", current=there, expected=seen)
    return stamp


def new_part(body: bytes) -> Part:
    """A part that is not kept yet, with the id that its note will have."""
    return Part(ids.new_id("group-part"), OPEN, ids.new_id(), body, "")
