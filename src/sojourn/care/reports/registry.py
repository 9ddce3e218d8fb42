"""Every report there is, in the order of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sojourn.base.errors import NotFound
from sojourn.care.reports import attendance, caseload, census, first_visit, funnel, handoffs, improved, plans, unsigned, unwritten
from sojourn.care.reports.model import Definition

if TYPE_CHECKING:
    from sojourn.gate.access import Access

REPORTS: Final[tuple[Definition, ...]] = (
    census.REPORT, funnel.REPORT, first_visit.REPORT, attendance.REPORT, plans.REPORT, unsigned.REPORT, unwritten.REPORT, improved.REPORT, caseload.REPORT, handoffs.REPORT,
)  # fmt: skip


def offered(access: Access) -> list[Definition]:
    """Those whose sources the caller's role may search. What is left out looks as if there were no such report."""
    return [r for r in REPORTS if all(access.may(type_, action) for type_, action in r.needs)]


def one(access: Access, key: str) -> Definition:
    """A report by its key. Raises NotFound, also for one that is not offered."""
    found = next((r for r in offered(access) if r.key == key), None)
    if found is None:
        raise NotFound("There is no such report.")
    return found
