"""Put somebody on the roster, or take them off it; what was is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sojourn.base import errors
from sojourn.care.staffing.model import AWAY, KINDS, NEVER, ON_CALL, Entry, read, resource
from sojourn.gate import documenting
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id

NEEDS = (("PractitionerRole", "create"), ("PractitionerRole", "update"))
"""What a role must allow for it."""


async def add(access: Access, entries: list[Entry]) -> list[str]:
    """Write entries together; their ids. Raises Malformed for one that says nothing, and what a write raises."""
    for entry in entries:
        _check(entry)
    made = [replace(entry, id=new_id()) for entry in entries]
    await nobodys(access).write([Change("create", "PractitionerRole", entry.id, resource(entry)) for entry in made], action="staffing")
    return [entry.id for entry in made]


def nobodys(access: Access) -> Access:
    """The same caller writing for no program: who works here and when tells of no client, and everybody has to find whoever is on call. Written under
    the author's program it would be a record of that program, and for a Part 2 program be seen by nobody else."""
    if not isinstance(access, documenting.Clerk):
        return Access(access.house, replace(access.caller, acting=None), access.request)
    made = documenting.clerk(access)
    made.caller = replace(made.caller, acting=None)
    return made


async def end(access: Access, id_: str, at: datetime, *, if_match: str | None = None) -> None:
    """End an entry at a moment; one that has not begun is taken out. Raises NotFound, VersionConflict or Malformed."""
    stored = await access.read("PractitionerRole", id_)
    entry = read(stored.resource, stored.version)
    if entry is None:
        raise errors.NotFound("There is no such entry in the roster.")
    if entry.end <= at:
        raise errors.Malformed("That is over already.")
    if entry.start >= at:
        changed = {**stored.resource, "active": False}
    else:
        changed = {**resource(replace(entry, end=at)), "id": id_}
    await access.write([Change("update", "PractitionerRole", id_, changed, if_match=if_match or stored.version)], action="staffing")


def _check(entry: Entry) -> None:
    if entry.kind not in KINDS or not entry.who.startswith("Practitioner/"):
        raise errors.Malformed("An entry of the roster needs a person, and what they are.")
    if entry.kind in (ON_CALL, AWAY) and entry.end == NEVER:
        raise errors.Malformed("Being on call, and being away, has an end.")
    if entry.end <= entry.start:
        raise errors.Malformed("It must end after it begins.")
