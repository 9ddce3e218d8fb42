"""The end of an episode of care ends the consents that last until then, in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from sojourn.fhir import dates
from sojourn.gate.changes import Change
from sojourn.gate.consenting import entering, terms, validity
from sojourn.gate.consequences import Consequence, Wrote

if TYPE_CHECKING:
    from datetime import datetime

    from sojourn.gate.access import Access

_OVER = frozenset({"finished", "cancelled", "entered-in-error"})
_MOST = 200


async def follow(access: Access, wrote: Sequence[Wrote]) -> list[Change]:
    """The event of each consent that names an episode which is over now (42 CFR 2.31(a)(7)). access: the clerk's, who sees them all."""
    made: list[Change] = []
    for one in wrote:
        over = _over(one, access.now)
        if over is None:
            continue
        found = await access.search("Consent", [("patient", one.patient), ("status", "active")], count=_MOST)
        for stored in found.matches:
            consent = stored.resource
            named = terms.literal(terms.value(consent, terms.EXPIRY_EPISODE)) == f"EpisodeOfCare/{one.id}"
            if not named or not validity.waits_for_event(consent):
                continue
            window = validity.window(consent)
            ended = min(over, window[1]) if window else over  # one that lapsed already does not come back for that time
            values = {terms.EVENT_OCCURRED: {"valueDateTime": ended.isoformat(timespec="milliseconds")}}
            made.append(Change("update", "Consent", stored.id, terms.with_values(consent, values), if_match=stored.version, consenting=entering.ENDED))
    return made


def _over(episode: Wrote, now: datetime) -> datetime | None:
    """When it was over; None for one that goes on. A day in the future is a plan, and nobody has been discharged."""
    end = (episode.resource.get("period") or {}).get("end")
    last = dates.bounds(end)[1] if isinstance(end, str) and end else None
    if episode.resource.get("status") in _OVER:
        return min(last, now) if last else now
    return last if last is not None and last <= now else None


CONSEQUENCE: Final = Consequence("consents", frozenset({"EpisodeOfCare"}), follow)
