"""The URLs of laboratory orders."""

from __future__ import annotations

from sojourn.care.orders import catalog, ordering
from sojourn.care.results import entering
from sojourn.doors.staff.orders import keeping, one, panel, sheet, testing
from sojourn.doors.staff.screens import Screen

PATIENT = (("Patient", "read"),)
READS = (*PATIENT, ("ServiceRequest", "read"), *ordering.READS)

SCREENS: tuple[Screen, ...] = (
    Screen("/patients/{id}/orders/new", sheet.show, verb="Order from the laboratory", needs=(*READS, *ordering.ORDER), group="This chart"),
    Screen("/patients/{id}/orders/new", sheet.send, ("POST",), needs=(*READS, *ordering.ORDER)),
    Screen("/patients/{id}/orders/{order}", one.show, needs=READS),
    Screen("/patients/{id}/orders/{order}", one.act, ("POST",), needs=(*READS, ("Task", "update"))),
    Screen("/patients/{id}/orders/{order}/print", one.requisition, needs=READS),
    Screen("/patients/{id}/orders/{order}/result", testing.show, needs=(*READS, *entering.RESULT)),
    Screen("/patients/{id}/orders/{order}/result", testing.act, ("POST",), needs=(*READS, *entering.RESULT)),
    Screen("/orders/catalog", keeping.show, verb="What can be ordered from the laboratory", needs=(("ActivityDefinition", "search"),), group="Places"),
    Screen("/orders/catalog", keeping.act, ("POST",), needs=(("ActivityDefinition", "search"), *catalog.WRITES)),
    Screen("/orders/catalog/{panel}", panel.show, needs=(("ActivityDefinition", "search"), *catalog.WRITES)),
    Screen("/orders/catalog/{panel}", panel.act, ("POST",), needs=(("ActivityDefinition", "search"), *catalog.WRITES)),
)
"""The order sheet, one order with its requisition and its result if it is tested here, and the catalog."""
