"""Warnings of the table for a list, each with what was said when it was set aside."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sojourn.care.allergies.lists import Standing
from sojourn.care.listing import Item
from sojourn.care.medications import checking
from sojourn.care.medications.checking import Checked, Finding
from sojourn.care.medications.lines import Listed
from sojourn.care.medications.tables import Table
from sojourn.care.medications.warnings import Aside, Overridden
from sojourn.doors.staff.lists.entering import teller
from sojourn.doors.staff.words import day_and_time

if TYPE_CHECKING:
    from sojourn.gate.access import Access




class Warned(NamedTuple):
    """A finding, and how it was set aside if it was."""

    finding: Finding
    aside: Overridden | None
    by: str
    when: str

    @property
    def name(self) -> str:
        """Which of the warnings on the page it is."""
        return name_of(self.finding)


def compare(table: Table, listed: Listed, allergies: Standing, more: Sequence[Item] = ()) -> Checked:
    """Everything on the list now, with what is about to be written."""
    return checking.check(table, [*(line.item for line in listed.current), *more], [a.item for a in allergies.current])


def shown(found: Sequence[Finding], aside: Aside, names: Mapping[str, str]) -> list[Warned]:
    """Those that nobody set aside first."""
    made = [Warned(f, o, teller(o.by, names) if o else "", day_and_time(o.at) if o else "") for f in found for o in [aside.of(f)]]
    return sorted(made, key=lambda w: w.aside is not None)


def may_override(access: Access) -> bool:
    """Whether the role may set a warning aside."""
    return access.may("DetectedIssue", "create")


def name_of(finding: Finding) -> str:
    """Its key and its lines in one: two may have the same sentence about the same ingredients."""
    return hashlib.sha256("\0".join((finding.key, *finding.refs)).encode()).hexdigest()[:24]
