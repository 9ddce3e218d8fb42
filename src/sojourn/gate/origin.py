"""A patient's origin grows with the programs that admit them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sojourn.gate import bases, preparing, relabelling
from sojourn.gate.preparing import Prepared
from sojourn.record import labelling, store

if TYPE_CHECKING:
    from sojourn.gate.access import Access

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
        if p.type in _ADMITTING and p.kind != "delete" and p.patient and not p.own & bases.APART:
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
