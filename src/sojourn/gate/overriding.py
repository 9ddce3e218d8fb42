"""People decide about a label: staff put one on, the privacy officer may take one off; with a reason.

A decision is a row of its own, so that labelling again respects it. It acts in the transaction that keeps it, on every version, and
on what hangs on the resource.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sojourn.base import errors
from sojourn.base.db import Changed
from sojourn.gate import bases, puttingapart, relabelling
from sojourn.gate.labelling import bits_of, origin_of
from sojourn.gate.labelrules import tag_codes
from sojourn.gate.labels import is_part2
from sojourn.record import labelling, store

if TYPE_CHECKING:
    from sojourn.gate.access import Access

_TRIES = 5
_LONGEST = 1000


def codes() -> list[str]:
    """Labels about which people may decide: laws first, then subjects."""
    laws = [basis.code for basis in bases.BASES if basis.code]
    return [*laws, *sorted(tag_codes() - set(laws))]


async def relabel(access: Access, type_: str, id_: str, effect: str, chosen: Sequence[str], reason: str) -> None:
    """Raise or lower labels of one resource.

    Raises NotFound (also for what may not be seen), Forbidden (raising needs a role that may change it, lowering one that
    oversees), Invalid (no such label, no reason, a law that follows from where the resource was made, or a note put apart by somebody
    else than who wrote it), Conflict.
    """
    await _may(access, type_, id_, effect)
    wanted = sorted(set(chosen))
    unknown = [code for code in wanted if code not in codes()]
    if effect not in ("raise", "lower") or not wanted or unknown:
        raise errors.Invalid(f"There is no such label: {', '.join(unknown) or 'none was named'}.")
    if not reason.strip():
        raise errors.Invalid("A label is not changed without a reason; say why.")
    apart = bits_of(wanted) & bases.APART
    undone = effect == "lower" and await puttingapart.may_undo(access, type_, id_, bits_of(wanted))
    rows = await store.for_update(access.house.db, access.head, puttingapart.beside(access) if undone else access.decided, [type_], [id_])
    row = rows[0]
    if row["kind"] != "current":
        raise errors.NotFound(f"There is no such {type_}.")
    if effect == "lower" and bits_of(wanted) & bases.PART2 and is_part2(type_, origin_of(row["origin"], access.rules.programs)):
        raise errors.Invalid("It was made by a Part 2 program, and its law follows from that (42 CFR 2.12); it cannot be taken off one record.")
    if effect == "raise" and apart:
        await puttingapart.check(access, type_, id_)
    for attempt in range(_TRIES):
        try:
            await _together(access, (type_, id_), effect, wanted, reason.strip()[:_LONGEST])
            return
        except Changed:
            if attempt == _TRIES - 1:
                raise errors.Conflict() from None


async def _may(access: Access, type_: str, id_: str, effect: str) -> None:
    """Raise Forbidden, recorded, unless the role may change the label in this direction."""
    if access.may("*", "oversee") or (effect == "raise" and access.may(type_, "update")):
        return
    await access.refuse("label", type_, id_)
    words = "Your role does not include changing this label." if effect == "raise" else "Only the privacy officer may take a label off."
    raise errors.Forbidden(words)


async def _together(access: Access, of: tuple[str, str], effect: str, wanted: list[str], reason: str) -> None:
    """The decision, and the labels that follow from it, in one transaction."""
    tenant, house = access.tenant.number, access.house
    by = (access.caller.account, access.caller.role)
    async with house.db.together() as db:
        access.house = replace(house, db=db)
        try:
            await labelling.override(db, tenant, of, effect, wanted, bits_of(wanted), reason, by, access.now)
            versions = await labelling.versions(db, tenant, of)
            found = await labelling.facts(db, tenant, versions, access.now)
            originates = bits_of(wanted) & bases.APART if effect == "raise" else 0
            await relabelling.write(access, *_labels(access, found), reason=f"{effect} {' '.join(wanted)}: {reason}", originates=originates)
        finally:
            access.house = house


def _labels(access: Access, rows: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """The current version, always, so that the decision is in the trail and the feed; and past ones whose label changes."""
    current, past = [], []
    for row in rows:
        if row["kind"] == "delete":
            if (risen := relabelling.deleted(access, row)) is not None:
                past.append(risen)
            continue
        again = relabelling.Again(access, row)
        if row["current"]:
            current.append(again.prepared(access))
        elif not again.same:
            past.append(again.past(access))
    return current, past


async def overrides(access: Access, of: tuple[str, str] | None = None, limit: int = 200) -> list[Any]:
    """Decisions about labels of what the caller may see, newest first: of one resource, or of all."""
    return await labelling.overrides(access.house.db, access.head, access.decided, of=of, limit=limit)
