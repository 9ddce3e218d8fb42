"""A patient's origin grows with the programs that admit them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sojourn.gate import bases, elsewhere, preparing, relabelling
from sojourn.gate.preparing import Prepared
from sojourn.record import labelling, store

if TYPE_CHECKING:
    from sojourn.gate.access import Access


async def programs_of(access: Access, type_: str, id_: str) -> list[int]:
    """Those of the caller's programs that made a resource."""
    rows = await store.for_update(access.house.db, access.head, access.decided, [type_], [id_])
    made = rows[0]["origin"] or () if rows[0]["kind"] == "current" else ()
    return [n for n in made if n in access.caller.programs]


async def made_by(access: Access, type_: str, id_: str) -> int | None:
    """The caller's program that made a resource: what belongs to it (a signature, a task) is made by the same. None where none of theirs did."""
    mine = await programs_of(access, type_, id_)
    return access.caller.acting if access.caller.acting in mine else next(iter(mine), None)


async def makers(access: Access, references: Sequence[str]) -> dict[str, int | None]:
    """The same for many, by `Type/id`. One question."""
    wanted = sorted(set(references))
    parts = [r.partition("/") for r in wanted]
    rows = await store.for_update(access.house.db, access.head, access.decided, [p[0] for p in parts], [p[2] for p in parts]) if wanted else []
    out: dict[str, int | None] = {}
    for reference, row in zip(wanted, rows, strict=True):
        mine = [n for n in (row["origin"] or () if row["kind"] == "current" else ()) if n in access.caller.programs]
        out[reference] = access.caller.acting if access.caller.acting in mine else next(iter(mine), None)
    return out


async def telling(access: Access, about: str, resources: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of these what somebody who sees `about` (`Type/id`) may be told of by something written for them: no note kept apart and nothing
    that the patient asked to keep apart unless it is such itself, and of a Part 2 program only what the same one made. For the clock, which sees everything and writes for those who do not. One
    question and a read."""
    type_, _, id_ = about.partition("/")
    known = _laws((await access.read(type_, id_)).resource)
    kept = [r for r in resources if not _laws(r) & ~known]
    made = await makers(access, [about, *(f"{r['resourceType']}/{r['id']}" for r in kept)])
    return [r for r in kept if not _laws(r) & bases.PART2 or made[f"{r['resourceType']}/{r['id']}"] == made[about]]


def _laws(resource: Mapping[str, Any]) -> int:
    """Of the laws that it is under those that keep it from staff of other programs, or from all but its author."""
    bits = 0
    for coding in (resource.get("meta") or {}).get("security") or ():
        bits |= bases.claimed(coding)
    return bits & (bases.PART2 | bases.APART | bases.PATIENT_REQUESTED)


_ADMITTING = ("EpisodeOfCare", "Encounter")
_REMEMBERED = 50_000


async def extended(access: Access, prepared: Sequence[Prepared]) -> list[Prepared]:
    """Relabelling of patients that a program outside their origin now admits: Part 2 only while every program is.

    A note kept apart admits nobody: the label of the patient would tell everybody of it.
    """
    tenant = access.tenant.number
    here = {p.id: p for p in prepared if p.type == "Patient" and p.kind != "delete"}
    known = access.house.admitted
    wanted: dict[str, set[int]] = {}
    for p in prepared:
        if p.type in _ADMITTING and p.kind != "delete" and p.patient and not p.own & bases.APART and not elsewhere.told(p.resource or {}):
            written = here[p.patient].origin if p.patient in here else ()
            new = {n for n in p.origin if n not in written and (tenant, p.patient, n) not in known}
            if new:
                wanted.setdefault(p.patient, set()).update(new)
    late = wanted.keys() & here.keys()
    for id_ in late:
        preparing.extend(access, here[id_], wanted.pop(id_))
    if not wanted:
        return []
    ids = sorted(wanted)
    rows = await store.for_update(access.house.db, access.head, access.decided, ["Patient"] * len(ids), ids)
    out = []
    for id_, row in zip(ids, rows, strict=True):
        if row["kind"] != "current":
            continue
        if wanted[id_] <= set(row["origin"]):
            for program in wanted[id_]:
                _remember(access, id_, program)
            continue
        out.append(await _relabelled(access, row, wanted[id_]))
    return out


async def _relabelled(access: Access, row: Mapping[str, Any], added: set[int]) -> Prepared:
    """The same version of the Patient under a longer origin. No new version, no new time; the labels may fall."""
    (known,) = await labelling.facts(access.house.db, access.tenant.number, [row["seq"]], access.now)
    return relabelling.Again(access, known, sorted({*row["origin"], *added})).prepared(access)


def _remember(access: Access, patient: str, program: int) -> None:
    """Only what has been read from the record: what is about to be written may yet fail."""
    known = access.house.admitted
    known[access.tenant.number, patient, program] = None
    if len(known) > _REMEMBERED:
        known.popitem(last=False)
