"""Care to which a minor consented alone: its records are labelled when they are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sojourn.gate import bases, labelling, preparing
from sojourn.record import labelling as stored_labels

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.preparing import Prepared

_DATED = datetime(1800, 1, 1, tzinfo=UTC)
_DAY = timedelta(hours=36)
"""How long after it begins in UTC a day is over where it ends last (UTC-12)."""


async def applied(access: Access, prepared: Sequence[Prepared]) -> None:
    """Label what is about to be written and belongs to such care: 45 CFR 164.502(g)(3), 42 CFR 2.14.

    Asked only after the record refused labels that were worked out without it, which it does for nobody but the patients concerned.
    """
    mine = [p for p in prepared if p.kind in ("create", "restore", "update") and p.patient and p.type not in bases.LONGITUDINAL and p.type != "Consent"]
    if not mine:
        return
    rows = await stored_labels.minors_consents(access.house.db, access.tenant.number, sorted({str(p.patient) for p in mine}))
    for p in mine:
        more = 0
        for row in rows:
            more |= row["basis"] if row["patient"] == p.patient and _is_of(p, row) else 0
        if more & ~p.own & ~labelling.bits_of(p.facts.lowered):
            preparing.relabel(access, p, p.facts._replace(inherited=p.facts.inherited | more))


def _is_of(p: Prepared, row: Mapping[str, Any]) -> bool:
    """As gate.minors_care."""
    if p.rows is None:
        return False
    at = p.rows.at if p.rows.at >= _DATED else p.updated
    # What has a day and no time (a goal, a plan) is of that care if some of its day is: the day of the signature has records of before and after.
    last = at + _DAY if p.rows.at >= _DATED and at == at.replace(hour=0, minute=0, second=0, microsecond=0) else at
    programs, codes = row["programs"], row["codes"]
    made = programs is None or (bool(p.origin) and set(p.origin) <= set(programs))
    about = codes is None or bool(set(codes) & set(preparing.found_by(p.rows)))
    return made and about and row["valid_from"].replace(tzinfo=UTC) <= last and at < row["valid_to"].replace(tzinfo=UTC)
