"""The screens of accounts of clients and of those who act for them."""

from __future__ import annotations

from sojourn.doors.staff.proxies import proxies
from sojourn.doors.staff.screens import Screen
from sojourn.gate import patientaccounts

NEEDS = (("Patient", "read"), *patientaccounts.NEEDS)

SCREENS = (
    Screen("/patients/{id}/proxies", proxies.show, verb="Client and proxies: who signs in to see this record", key="j", needs=NEEDS, group="This chart"),
    Screen("/patients/{id}/proxies/{person}", proxies.show_one, needs=NEEDS),
    Screen("/patients/{id}/proxies/{person}", proxies.act, ("POST",), needs=NEEDS),
)
