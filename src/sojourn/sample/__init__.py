"""Riverbend Behavioral Health: a made-up treatment center with clients, staff and ninety days of care."""

from __future__ import annotations

from sojourn.sample.callers import Caller, outside_callers
from sojourn.sample.chart import Item
from sojourn.sample.organization import earlier_clients, organization, people
from sojourn.sample.programs import Program, programs
from sojourn.sample.staff import Account, staff_accounts

__all__ = [
    "Account",
    "Caller",
    "Item",
    "Program",
    "earlier_clients",
    "organization",
    "outside_callers",
    "people",
    "programs",
    "staff_accounts",
]
