"""A patient's origin grows with the programs that admit them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sojourn.fhir import codec
from sojourn.gate import labels
from sojourn.gate.preparing import Prepared, with_meta
from sojourn.record import store

if TYPE_CHECKING:
    from sojourn.gate.access import Access

_ADMITTING = ("EpisodeOfCare", "Encounter")
_REMEMBERED = 50_000
# (tenant, patient, program) already in the patient's origin: it only ever grows, so remembering needs no end.
_known: OrderedDict[tuple[int, str, int], None] = OrderedDict()


async def extended(access: Access, prepared: Sequence[Prepared]) -> list[Prepared]:
    """Relabelling of patients that a program outside their origin now admits: Part 2 only while every program is."""
    acting = access.caller.acting
    if acting is None:
        return []
    here = {p.id for p in prepared if p.type == "Patient"}
    for id_ in here:
        _remember(access.tenant.number, id_, acting)
    wanted = sorted({
        p.patient for p in prepared
        if p.type in _ADMITTING and p.kind != "delete" and p.patient and p.patient not in here and (access.tenant.number, p.patient, acting) not in _known
    })  # fmt: skip
    if not wanted:
        return []
    rows = await store.for_update(access.house.db, access.head, access.decided, ["Patient"] * len(wanted), wanted)
    out = []
    for id_, row in zip(wanted, rows, strict=True):
        if row["kind"] != "current":
            continue
        if acting in row["origin"]:
            _remember(access.tenant.number, id_, acting)
            continue
        out.append(_relabelled(access, id_, row, acting))
    return out


def _relabelled(access: Access, id_: str, row: object, acting: int) -> Prepared:
    """The same version of the Patient under a longer origin. No new version, no new time; the labels may fall."""
    get = row.__getitem__  # type: ignore[attr-defined]
    resource = codec.loads(get("body"))
    origin = sorted({*get("origin"), acting})
    programs = access.rules.programs
    bare = {**resource, "meta": {k: v for k, v in resource["meta"].items() if k != "security"}}
    label = labels.label(bare, [programs[n] for n in origin if n in programs])
    body = codec.dumps(with_meta(bare, id_, get("version"), get("updated"), label.security))
    return Prepared(
        "label", "Patient", id_, get("version"), get("updated"), get("seq"), body=body, own=label.own, parts=label.parts, tags=list(label.tags),
        origin=origin, patient=id_,
    )  # fmt: skip


def _remember(tenant: int, patient: str, program: int) -> None:
    _known[tenant, patient, program] = None
    if len(_known) > _REMEMBERED:
        _known.popitem(last=False)
