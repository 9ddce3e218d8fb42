"""Two records of one person read as one: merged by those who see both, taken apart as they were.

A merge is a Linkage (https://hl7.org/fhir/R4/linkage.html) of which one item is the source, the record that goes on, and the other is historical, "an
obsolete record ... not expected to be actively maintained". Nothing else is written: both records keep their entries, versions, labels and
consents, and are shown together to whoever may see the Linkage and both of them. To everybody else nothing has changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from sojourn.base import errors
from sojourn.care.admissions import people
from sojourn.care.resources import author, id_of, ref
from sojourn.gate import findings, joined, linking
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id
from sojourn.gate.found import Stored

NEEDS: Final = (("Patient", "search"), ("Linkage", "search"))
WRITES: Final = (*NEEDS, ("Linkage", "create"), ("Linkage", "update"))
WHY: Final = "https://sojourn.example/fhir/StructureDefinition/linkage-reason"
"""On a Linkage: how whoever made it knew, or why they took it back."""


class Record(NamedTuple):
    """A record that was merged into another. linkage: by which; why: how that is known."""

    id: str
    into: str
    linkage: str
    why: str


class One(NamedTuple):
    """One person as the caller sees them. survivor: the record that goes on; merged: the others."""

    survivor: str
    merged: tuple[Record, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """All records, the surviving one first."""
        return tuple(dict.fromkeys((self.survivor, *(id_ for r in self.merged for id_ in (r.id, r.into)))))


def _record(stored: Stored) -> Record | None:
    """The merge that a Linkage is; None for a mere link, and for one that was taken back."""
    items = {str(i.get("type")): id_of(i.get("resource"), "Patient") for i in stored.resource.get("item", ())}
    if stored.resource.get("active") is False or not items.get("source") or not items.get("historical"):
        return None
    why = next((str(e.get("valueString", "")) for e in stored.resource.get("extension", ()) if e.get("url") == WHY), "")
    return Record(items["historical"], items["source"], stored.id, why)


async def _linkages(access: Access, ids: Iterable[str]) -> list[Record]:
    return [record for stored in await joined.linkages(access, sorted(ids)) if (record := _record(stored)) is not None]


async def _seen(access: Access, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    wanted = sorted(ids)
    if not wanted:
        return {}
    return {str(p["id"]): p for p in (await access.search("Patient", [("_id", ",".join(wanted))], count=len(wanted))).resources}


async def of(access: Access, patient: str) -> One:
    """The records of the person of whom this is one, as far as the caller may see them. One small question where there is no other.

    Nobody makes a record go on as two, or a circle, but two people may who each see a merge that the other does not: then all are one, and the first that was merged
    into nothing goes on.
    """
    found = set(await _linkages(access, [patient]))
    asked, seen = {patient}, {patient}
    while ahead := {id_ for r in found for id_ in (r.id, r.into)} - asked:
        there, more = await asyncio.gather(_seen(access, ahead), _linkages(access, ahead))
        asked, seen = asked | ahead, seen | there.keys()
        found |= set(more)
    mine, ids = set[Record](), {patient}
    while more_ := {r for r in found - mine if {r.id, r.into} <= seen and not ids.isdisjoint((r.id, r.into))}:
        mine, ids = mine | more_, ids | {id_ for r in more_ for id_ in (r.id, r.into)}
    return One(min(ids - {r.id for r in mine} or ids), tuple(sorted(mine)))


class Hit(NamedTuple):
    """Somebody whom a search found. also: other records of theirs that it found, or by which it found them."""

    person: dict[str, Any]
    also: tuple[dict[str, Any], ...] = ()


async def once(access: Access, people_: Sequence[dict[str, Any]], params: Sequence[tuple[str, str]] = ()) -> list[Hit]:
    """What a search for Patients found, each person once, under the record that goes on. One search more; three where somebody has two records.

    params: what was searched for, if only a page of it is here: a surviving record that fits it stands in its own place, which may be on another page.
    """
    here = {str(p["id"]): p for p in people_}
    into = {r.id: r.into for r in await _linkages(access, here)}
    if not into:
        return [Hit(p) for p in people_]
    away = {i for i in into.values() if i not in here}
    fits, there = await asyncio.gather(_fitting(access, away, params), _seen(access, away))
    out: dict[str, Hit] = {}
    for id_, person in here.items():
        above = into.get(id_, id_)
        if above in fits or (above in out and above == id_):
            continue
        shown = here.get(above) or there.get(above)
        if shown is None or above == id_:
            out[id_] = Hit(person, out[id_].also if id_ in out else ())
        else:
            out[above] = Hit(shown, (*(out[above].also if above in out else ()), person))
    return list(out.values())


async def _fitting(access: Access, ids: set[str], params: Sequence[tuple[str, str]]) -> set[str]:
    if not ids or not params:
        return set()
    return {str(p["id"]) for p in (await access.search("Patient", [*params, ("_id", ",".join(sorted(ids)))], count=len(ids))).resources}


async def links(access: Access, ids: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Patient.link of these, as far as the caller may see both sides: `replaced-by` of a record that was merged, `replaces` of the other
    (https://hl7.org/fhir/R4/valueset-link-type.html). One search; two where there are any."""
    found = await _linkages(access, ids)
    there = await _seen(access, {id_ for r in found for id_ in (r.id, r.into)})
    out: dict[str, list[dict[str, Any]]] = {}
    for r in sorted(found):
        if r.id in there and r.into in there:
            out.setdefault(r.id, []).append({"other": ref("Patient", r.into), "type": "replaced-by"})
            out.setdefault(r.into, []).append({"other": ref("Patient", r.id), "type": "replaces"})
    return out


async def merge(access: Access, keep: str, other: str, why: str) -> str:
    """Have two records read as one, of which one goes on; the id of the Linkage. What the clock found about the two is settled with it.

    Raises NotFound for one that may not be seen, Malformed where it cannot be, and without a word how it is known.
    """
    if keep == other:
        raise errors.Malformed("That is the same record.")
    if not why.strip():
        raise errors.Malformed("Say how you know that they are one person.")
    await asyncio.gather(access.read("Patient", keep), access.read("Patient", other))
    one, two = await asyncio.gather(of(access, keep), of(access, other))
    if one.survivor != keep:
        raise errors.Malformed("The record that is to go on was merged into another. Choose that one, or take that merge back first.")
    if two.merged:
        raise errors.Malformed("The record that is to end is one of several already. Merge it the other way round, or take that merge back first.")
    made: dict[str, Any] = {
        "resourceType": "Linkage", "active": True, "extension": [{"url": WHY, "valueString": why.strip()[:500]}], **({"author": who} if (who := author(access)) else {}),
        "item": [{"type": kind, "resource": ref("Patient", id_)} for kind, id_ in (("source", keep), ("historical", other))],
    }  # fmt: skip
    before = await people.linkage(access, keep, other)
    if before is not None:
        change = Change("update", "Linkage", before.id, {**before.resource, **made}, if_match=before.version)
    else:
        change = Change("create", "Linkage", new_id(), made, program=await linking.program_of(access, [("Patient", keep), ("Patient", other)]))
    await access.write([change], action="merge")
    if access.may("Collision", "resolve"):
        for pair in await people.waiting(access):
            if {str(pair.one["id"]), str(pair.other["id"])} == {keep, other}:
                await findings.close(access, pair.id, f"Merged. {why.strip()}")
    return str(change.id)


async def unmerge(access: Access, linkage: str, why: str) -> None:
    """Take a merge back: both records are what they were. Raises NotFound, Malformed without a reason."""
    if not why.strip():
        raise errors.Malformed("Say why they are taken apart.")
    stored = await access.read("Linkage", linkage)
    if _record(stored) is None:
        raise errors.NotFound("There is no such merge.")
    over = {**stored.resource, "active": False, "extension": [{"url": WHY, "valueString": why.strip()[:500]}]}
    await access.write([Change("update", "Linkage", linkage, over, if_match=stored.version)], action="unmerge")
